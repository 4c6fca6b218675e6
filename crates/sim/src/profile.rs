//! The four sizes of the data, and the tables they are cut from.

use crate::codes::Unit;
use std::fmt;
use std::str::FromStr;

/// How much of the province is made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Profile {
    /// Meizhou, two counties, 120 households: a demonstration that ends in seconds.
    Xs = 1,
    /// Meizhou and Qingyuan, 1,000 households.
    S = 2,
    /// All pairings, three counties a city, 20,000 households.
    M = 3,
    /// The whole register: 708,000 households, 1,765,000 people.
    L = 4,
}

impl Profile {
    /// All profiles, the smallest first.
    pub const ALL: [Profile; 4] = [Profile::Xs, Profile::S, Profile::M, Profile::L];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Profile::Xs => "xs",
            Profile::S => "s",
            Profile::M => "m",
            Profile::L => "l",
        }
    }

    /// Tranches a year and home city.
    pub(crate) const fn tranches_a_year(self) -> u32 {
        match self {
            Profile::Xs => 1,
            Profile::S | Profile::M => 2,
            Profile::L => 3,
        }
    }

    /// Whether a poor village has a committee that posts for it, beside the town.
    pub(crate) const fn village_committees(self) -> bool {
        matches!(self, Profile::Xs | Profile::S)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = String;

    /// # Errors
    /// The text, when it names no profile.
    fn from_str(text: &str) -> Result<Profile, String> {
        Profile::ALL.into_iter().find(|p| p.name() == text).ok_or_else(|| text.to_owned())
    }
}

/// The size of one home city in one profile.
pub(crate) struct CitySpec {
    pub(crate) unit: Unit,
    pub(crate) helper: Unit,
    pub(crate) households: u32,
    pub(crate) people: u32,
    pub(crate) poor_villages: u32,
    pub(crate) other_villages: u32,
    pub(crate) counties: Vec<Unit>,
}

const CITIES: &str = include_str!("../data/cities_l.csv");
const AREAS: &str = include_str!("../data/areas_guangdong.csv");

/// Returns the home cities of a profile, by code.
pub(crate) fn cities(profile: Profile) -> Vec<CitySpec> {
    CITIES.lines().skip(1).filter_map(|row| city(profile, row)).collect()
}

/// Columns: `home_code`, 3 `helper_code`, 5-8 sizes of `l`, 13-16 sizes of `m`.
fn city(profile: Profile, row: &str) -> Option<CitySpec> {
    let columns: Vec<&str> = row.split(',').collect();
    let code = number(&columns, 0);
    let (sizes, last_counties) = match (profile, code) {
        (Profile::Xs, 441_400) => ([120, 300, 4, 6], None),
        (Profile::S, 441_400 | 441_800) => ([500, 1250, 4, 6], Some(2)),
        (Profile::Xs | Profile::S, _) => return None,
        (Profile::M, _) => ([13, 14, 15, 16].map(|i| number(&columns, i)), Some(3)),
        (Profile::L, _) => ([5, 6, 7, 8].map(|i| number(&columns, i)), None),
    };
    let mut counties = match profile {
        Profile::Xs => vec![441_423, 441_424],
        _ => county_codes(code),
    };
    if let Some(last) = last_counties {
        counties.drain(..counties.len() - last);
    }
    Some(CitySpec {
        unit: Unit::new(u64::from(code / 100), 4),
        helper: Unit::new(u64::from(number(&columns, 3) / 100), 4),
        households: sizes[0],
        people: sizes[1],
        poor_villages: sizes[2],
        other_villages: sizes[3],
        counties: counties.into_iter().map(|c| Unit::new(u64::from(c), 6)).collect(),
    })
}

fn county_codes(city: u32) -> Vec<u32> {
    let rows = AREAS.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
    rows.filter(|c| c[4] == "county" && number(c, 3) == city).map(|c| number(&c, 0)).collect()
}

#[expect(clippy::expect_used, reason = "the table is compiled in, and the tests read all of it")]
fn number(columns: &[&str], index: usize) -> u32 {
    columns[index].parse().expect("a number in a compiled-in table")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_of_the_plan() {
        let expected = [
            (Profile::Xs, [1, 2, 120, 300, 4, 6]),
            (Profile::S, [2, 4, 1000, 2500, 8, 12]),
            (Profile::M, [15, 45, 20_000, 49_859, 64, 336]),
            (Profile::L, [15, 94, 708_000, 1_765_000, 2_277, 11_883]),
        ];
        for (profile, figures) in expected {
            let cities = cities(profile);
            let sum = |f: fn(&CitySpec) -> u32| cities.iter().map(f).sum::<u32>();
            let found = [
                cities.len() as u32,
                sum(|c| c.counties.len() as u32),
                sum(|c| c.households),
                sum(|c| c.people),
                sum(|c| c.poor_villages),
                sum(|c| c.other_villages),
            ];
            assert_eq!(found, figures, "{profile}");
            assert_eq!(profile.name().parse(), Ok(profile));
        }
        let last: Vec<String> =
            cities(Profile::S)[1].counties.iter().map(Unit::to_string).collect();
        assert_eq!(last, ["441881", "441882"]);
    }
}
