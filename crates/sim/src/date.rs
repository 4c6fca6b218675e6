//! Civil dates without a clock.

use std::fmt;

/// A China civil date, as days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Day(u32);

/// A calendar month.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Month {
    /// The year, such as 2016.
    pub year: u32,
    /// The month, 1 to 12.
    pub month: u32,
}

impl Day {
    /// The day that lies `days` after 1970-01-01.
    pub const fn from_days(days: u32) -> Day {
        Day(days)
    }

    /// The day of a year from 1970 on, a month from 1 and a day of the month from 1.
    /// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
    pub const fn of(year: u32, month: u32, day: u32) -> Day {
        let y = if month <= 2 { year - 1 } else { year };
        let era = y / 400;
        let yoe = y - era * 400;
        let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        Day(era * 146_097 + doe - 719_468)
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> u32 {
        self.0
    }

    /// The day that lies `days` later.
    #[must_use]
    pub const fn plus(self, days: u32) -> Day {
        Day(self.0 + days)
    }

    /// Year, month and day of the month.
    pub const fn civil(self) -> (u32, u32, u32) {
        let z = self.0 + 719_468;
        let era = z / 146_097;
        let doe = z - era * 146_097;
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month, day)
    }

    /// The month the day lies in.
    pub const fn month(self) -> Month {
        let (year, month, _) = self.civil();
        Month { year, month }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        for (text, days) in [("1970-01-01", 0), ("2016-02-29", 16_860), ("2016-06-04", 16_956)] {
            assert_eq!(Day::from_days(days).to_string(), text);
        }
        assert_eq!(Day::of(2000, 3, 1).days(), 11_017);
    }

    #[test]
    fn every_day_of_the_data_comes_back() {
        for days in Day::of(1999, 12, 31).days()..=Day::of(2101, 1, 1).days() {
            let (y, m, d) = Day::from_days(days).civil();
            assert_eq!(Day::of(y, m, d).days(), days);
        }
    }
}
