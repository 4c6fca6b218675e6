//! The names of things, as small values that copy: units, household codes, tokens, dates, short ids.
//!
//! Lives here: parsing and printing of identifiers, and what one identifier alone can show to be wrong.
//! Lives elsewhere: whether a thing exists (`state`), which field must hold which identifier (`kind`).
//!
//! Always: a value of these types is well-formed; an id never allocates.
//! Source: domain contract, "Identifiers and basic types".

use std::fmt;

/// A short ASCII text stored inline, at most `N` (≤ 255) bytes: ids, codes, bank references.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ascii<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Ascii<N> {
    /// The empty text.
    pub const EMPTY: Self = Self { bytes: [0; N], len: 0 };

    /// Returns the text when it is printable ASCII of at most `N` bytes.
    pub fn new(text: &str) -> Option<Self> {
        if text.bytes().all(|b| (0x20..0x7f).contains(&b)) { Self::copy(text) } else { None }
    }

    /// Returns the text when it is 1 to `N` of `A-Z 0-9 -`, the alphabet of ids.
    pub fn id(text: &str) -> Option<Self> {
        let ok = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || !text.bytes().all(ok) { None } else { Self::copy(text) }
    }

    fn copy(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, len: u8::try_from(text.len()).ok()? })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The text as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> fmt::Display for Ascii<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Ascii<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> Default for Ascii<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Organisation code, kind and unit, e.g. `FB441424`.
pub type OrgId = Ascii<24>;
/// Staff number of an official: 1-32 of `a-z 0-9 . -`.
pub type OfficialId = Ascii<32>;
/// Voucher number, unique within its organisation.
pub type VoucherNo = Ascii<32>;
/// Quota id 指标号, unique in the ledger.
pub type QuotaId = Ascii<24>;
/// Tranche id 批次, `T{yy}-{home unit}-{n}`.
pub type TrancheId = Ascii<24>;
/// Project id, `P{county unit}-{5 digits}`.
pub type ProjectId = Ascii<13>;
/// Loan id.
pub type LoanId = Ascii<24>;
/// Finding id, 16 bytes: `kinds::finding::finding_id`.
pub type FindingId = Token;
/// Alert id, 16 bytes.
pub type AlertId = Token;
/// Purpose code, e.g. `P02`.
pub type Purpose = Ascii<3>;
/// Bank reference: 1-64 printable ASCII.
pub type BankRef = Ascii<64>;

/// Returns the official's id when it is well-formed.
pub fn official(text: &str) -> Option<OfficialId> {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    if text.is_empty() || !text.bytes().all(ok) { None } else { OfficialId::new(text) }
}

/// Returns the project id when it is `P`, a county's six digits, `-`, five digits.
pub fn project(text: &str) -> Option<ProjectId> {
    let rest = text.strip_prefix('P')?;
    let (county, number) = rest.split_once('-')?;
    let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    if digits(county, 6) && digits(number, 5) { ProjectId::new(text) } else { None }
}

/// The level of an area in the administrative tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Level {
    /// 省, 2 digits.
    Province,
    /// 市, 4 digits.
    City,
    /// 县, 6 digits.
    County,
    /// 镇, 9 digits.
    Town,
    /// 村, 12 digits.
    Village,
}

impl Level {
    /// The word used in messages and data files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Province => "province",
            Self::City => "city",
            Self::County => "county",
            Self::Town => "town",
            Self::Village => "village",
        }
    }

    /// Digits of a unit code of this level.
    fn digits(self) -> u8 {
        match self {
            Self::Province => 2,
            Self::City => 4,
            Self::County => 6,
            Self::Town => 9,
            Self::Village => 12,
        }
    }
}

/// A unit: an area code without its trailing zero groups (2, 4, 6, 9 or 12 digits).
///
/// Used in account paths and scopes; `a` contains `b` when `a` is a prefix of `b`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit {
    /// The 12-digit area code.
    code: u64,
    level: Level,
}

impl Unit {
    /// Guangdong.
    pub const PROVINCE: Self = Self { code: 440_000_000_000, level: Level::Province };

    /// Returns the unit of a code of 2, 4, 6, 9 or 12 digits; trailing zero groups are cut.
    pub fn parse(text: &str) -> Option<Self> {
        if !matches!(text.len(), 2 | 4 | 6 | 9 | 12) {
            return None;
        }
        let mut code: u64 = 0;
        for b in text.bytes() {
            if !b.is_ascii_digit() {
                return None;
            }
            code = code.checked_mul(10)?.checked_add(u64::from(b.checked_sub(b'0')?))?;
        }
        let missing = 12_u32.checked_sub(u32::try_from(text.len()).ok()?)?;
        Self::of_code(code.checked_mul(10_u64.checked_pow(missing)?)?)
    }

    /// Returns the unit when the text is a unit code written as such (no trailing zero groups).
    pub fn parse_exact(text: &str) -> Option<Self> {
        let unit = Self::parse(text)?;
        (usize::from(unit.level.digits()) == text.len()).then_some(unit)
    }

    /// Returns the unit of a full 12-digit area code, as given by API and files.
    pub fn parse_area(text: &str) -> Option<Self> {
        if text.len() == 12 { Self::parse(text) } else { None }
    }

    /// Returns the unit of a 12-digit code as a number.
    pub fn of_code(code: u64) -> Option<Self> {
        // Groups 2-2-2-3-3; the last group that is not zero gives the level.
        let level = if !code.is_multiple_of(1_000) {
            Level::Village
        } else if !code.is_multiple_of(1_000_000) {
            Level::Town
        } else if !code.is_multiple_of(100_000_000) {
            Level::County
        } else if !code.is_multiple_of(10_000_000_000) {
            Level::City
        } else if code == 0 || code >= 1_000_000_000_000 {
            return None;
        } else {
            Level::Province
        };
        (code < 1_000_000_000_000).then_some(Self { code, level })
    }

    /// Its level.
    pub fn level(self) -> Level {
        self.level
    }

    /// The 12-digit area code as a number.
    pub fn code(self) -> u64 {
        self.code
    }

    fn scale(level: Level) -> u64 {
        match level {
            Level::Province => 10_000_000_000,
            Level::City => 100_000_000,
            Level::County => 1_000_000,
            Level::Town => 1_000,
            Level::Village => 1,
        }
    }

    /// Whether `other` lies in this unit (a unit contains itself).
    pub fn contains(self, other: Self) -> bool {
        let scale = Self::scale(self.level);
        self.code.checked_div(scale) == other.code.checked_div(scale)
    }

    /// The unit of the given level that contains this one; `None` above it, or where the tree has none
    /// (Dongguan and Zhongshan have no counties).
    pub fn at(self, level: Level) -> Option<Self> {
        if level > self.level {
            return None;
        }
        let scale = Self::scale(level);
        let code = self.code.checked_div(scale)?.checked_mul(scale)?;
        let unit = Self::of_code(code)?;
        (unit.level == level).then_some(unit)
    }

    /// The unit directly above, by code; a town of a city without counties has the city as parent.
    pub fn parent(self) -> Option<Self> {
        let above = match self.level {
            Level::Province => return None,
            Level::City => &[Level::Province][..],
            Level::County => &[Level::City],
            Level::Town => &[Level::County, Level::City],
            Level::Village => &[Level::Town],
        };
        above.iter().find_map(|&level| self.at(level))
    }

    /// The city that contains this unit.
    pub fn city(self) -> Option<Self> {
        self.at(Level::City)
    }

    /// The area code of twelve digits, as API, files and payloads write it.
    pub fn area_text(self) -> UnitText {
        UnitText { bytes: self.path().bytes, len: 12 }
    }

    /// The unit code as written in account paths.
    pub fn path(self) -> UnitText {
        let mut bytes = [b'0'; 12];
        let mut rest = self.code;
        for slot in bytes.iter_mut().rev() {
            let digit = u8::try_from(rest.checked_rem(10).unwrap_or(0)).unwrap_or(0);
            *slot = digit.saturating_add(b'0');
            rest = rest.checked_div(10).unwrap_or(0);
        }
        UnitText { bytes, len: self.level.digits() }
    }
}

/// A unit code as text, made without allocation.
#[derive(Clone, Copy)]
pub struct UnitText {
    bytes: [u8; 12],
    len: u8,
}

impl UnitText {
    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The text as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.path().as_str())
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A household code: village of first registration (12), serial (4), check digit (ISO 7064 MOD 11,10).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HouseholdCode(u64);

/// Why a household code is refused (MZ-1014).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HouseholdCodeError {
    /// Not 17 digits.
    Shape,
    /// The check digit found and the one expected.
    CheckDigit {
        /// Last digit of the code as given.
        found: u8,
        /// What ISO 7064 MOD 11,10 gives for the first sixteen.
        expected: u8,
    },
}

impl HouseholdCode {
    /// Returns the code when it has 17 digits and its check digit holds.
    pub fn parse(text: &str) -> Result<Self, HouseholdCodeError> {
        let bytes: &[u8; 17] = text.as_bytes().try_into().map_err(|_| HouseholdCodeError::Shape)?;
        let [first16 @ .., last] = bytes;
        let (mut number, mut p) = (0_u64, CHECK_START);
        for byte in first16 {
            let digit = byte.wrapping_sub(b'0');
            if 9 < digit {
                return Err(HouseholdCodeError::Shape);
            }
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            p = check_step(p, digit);
        }
        let found = last.wrapping_sub(b'0');
        let expected = check_end(p);
        if 9 < found {
            Err(HouseholdCodeError::Shape)
        } else if found == expected {
            Ok(Self(number.wrapping_mul(10).wrapping_add(u64::from(found))))
        } else {
            Err(HouseholdCodeError::CheckDigit { found, expected })
        }
    }

    /// Returns the code of a text that passed [`HouseholdCode::parse`] before: the check digit is not
    /// computed again.
    pub fn parsed_before(text: &str) -> Option<Self> {
        if text.len() == 17 && text.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().ok().map(Self)
        } else {
            None
        }
    }

    /// Returns the code of the household with this serial (0-9999) first registered in a village.
    pub fn new(village: Unit, serial: u16) -> Option<Self> {
        let first16 = village.code.checked_mul(10_000)?.checked_add(u64::from(serial))?;
        let code = first16.checked_mul(10)?.checked_add(u64::from(Self::check_digit(first16)))?;
        (serial < 10_000).then_some(Self(code))
    }

    /// The code as a number below 10^17.
    pub fn get(self) -> u64 {
        self.0
    }

    /// Returns the code kept as a number in a snapshot or an index; the check digit must hold.
    pub fn of_number(number: u64) -> Option<Self> {
        let last = number.checked_rem(10)?;
        let ok = number < 100_000_000_000_000_000
            && u64::from(Self::check_digit(number.checked_div(10)?)) == last;
        ok.then_some(Self(number))
    }

    /// The check digit of sixteen digits. Source: ISO 7064, MOD 11,10 (hybrid system).
    fn check_digit(first16: u64) -> u8 {
        let mut digits = [0_u8; 16];
        let mut rest = first16;
        for slot in digits.iter_mut().rev() {
            *slot = u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        check_end(digits.iter().fold(CHECK_START, |p, digit| check_step(p, *digit)))
    }

    /// The village of first registration.
    pub fn first_village(self) -> Option<Unit> {
        Unit::of_code(self.0.checked_div(100_000)?)
    }
}

/// Carry before the first digit.
const CHECK_START: u8 = 10;

/// Carry after a digit.
fn check_step(p: u8, digit: u8) -> u8 {
    let row = CHECK_STEPS.get(usize::from(p)).copied().unwrap_or_default();
    row.get(usize::from(digit)).copied().unwrap_or(0)
}

/// The check digit that goes with the last carry.
fn check_end(p: u8) -> u8 {
    11_u8.wrapping_sub(p) % 10
}

/// One step of ISO 7064 MOD 11,10 by carry (0-10) and digit: household codes are read in every payment, and
/// two divisions a digit are slower than a look into a table.
static CHECK_STEPS: [[u8; 16]; 11] = {
    let mut steps = [[0; 16]; 11];
    let mut p: u8 = 0;
    while p <= 10 {
        let mut digit: u8 = 0;
        while digit < 10 {
            let s = p.wrapping_add(digit) % 10;
            #[expect(
                clippy::as_conversions,
                clippy::indexing_slicing,
                reason = "constant, in range"
            )]
            {
                steps[p as usize][digit as usize] =
                    (if s == 0 { 10 } else { s }).wrapping_mul(2) % 11;
            }
            digit = digit.wrapping_add(1);
        }
        p = p.wrapping_add(1);
    }
    steps
};

impl fmt::Display for HouseholdCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:017}", self.0)
    }
}

impl fmt::Debug for HouseholdCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A random surrogate for a person, an account, an operator or a bank: 16 bytes, 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Token(pub [u8; 16]);

impl Token {
    /// Returns the token of exactly 16 bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the token of 32 lower-case hex digits, as files carry it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut out = [0; 16];
        if text.len() != 32 || text.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (slot, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *slot = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(out))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A civil date in China (UTC+8), as days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Date(pub u32);

impl Date {
    /// First day of the programme: money is dated from here. Source: 粤发〔2016〕13号, 4 June 2016.
    pub const PROGRAMME_START: Self = Self(16_956);
    /// First day for all that is not money, 2016-01-01.
    pub const REGISTER_START: Self = Self(16_801);
    /// Last day a synthetic ledger accepts, 2019-12-31.
    pub const SYNTHETIC_END: Self = Self(18_261);

    /// Returns the date of `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 10
            && bytes.iter().enumerate().all(|(i, b)| match i {
                4 | 7 => *b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shape {
            return None;
        }
        let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
        Self::of(number(0..4)?, number(5..7)?, number(8..10)?)
    }

    /// Returns the date of year (1970-9999), month and day.
    pub fn of(year: u32, month: u32, day: u32) -> Option<Self> {
        let leap = is_leap(year);
        let length = month_length(month, leap)?;
        if !(1970..=9999).contains(&year) || day == 0 || day > length {
            return None;
        }
        let mut days = days_before_year(year)?;
        for m in 1..month {
            days = days.checked_add(month_length(m, leap)?)?;
        }
        days.checked_add(day)?.checked_sub(1).map(Self)
    }

    /// Year, month (1-12), day (1-31).
    pub fn civil(self) -> (u32, u32, u32) {
        // Counted from 1 March of year 0 in eras of 400 years, so that a leap day is the last of its year.
        // A date of 32 bits stays far inside 64.
        let days = u64::from(self.0).wrapping_add(719_468);
        let (era, day) = (days / 146_097, days % 146_097);
        let leaps = (day / 1_460).wrapping_sub(day / 36_524).wrapping_add(day / 146_096);
        let year = day.wrapping_sub(leaps) / 365;
        let before = year.wrapping_mul(365).wrapping_add(year / 4).wrapping_sub(year / 100);
        let of_year = day.wrapping_sub(before);
        let month = of_year.wrapping_mul(5).wrapping_add(2) / 153;
        let of_month = of_year.wrapping_sub(month.wrapping_mul(153).wrapping_add(2) / 5);
        let (month, carry) =
            if month < 10 { (month.wrapping_add(3), 0) } else { (month.wrapping_sub(9), 1) };
        let year = era.wrapping_mul(400).wrapping_add(year).wrapping_add(carry);
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        (small(year), small(month), small(of_month.wrapping_add(1)))
    }

    /// The calendar year.
    pub fn year(self) -> u16 {
        u16::try_from(self.civil().0).unwrap_or(u16::MAX)
    }

    /// Months since year 0: the key of a period.
    pub fn month(self) -> u32 {
        let (year, month, _) = self.civil();
        year.saturating_mul(12).saturating_add(month).saturating_sub(1)
    }

    /// Days from `earlier` to this date; negative when it is later.
    pub fn days_since(self, earlier: Self) -> i64 {
        i64::from(self.0).saturating_sub(i64::from(earlier.0))
    }
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn month_length(month: u32, leap: bool) -> Option<u32> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    })
}

/// Days from 1970-01-01 to the first day of a year.
fn days_before_year(year: u32) -> Option<u32> {
    let before = year.checked_sub(1)?;
    let leaps = |y: u32| {
        y.saturating_div(4)
            .saturating_sub(y.saturating_div(100))
            .saturating_add(y.saturating_div(400))
    };
    let leap_days = leaps(before).checked_sub(leaps(1969))?;
    year.checked_sub(1970)?.checked_mul(365)?.checked_add(leap_days)
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where money comes from. `P`, `H`, `L` together are programme `dev` and obey the share scheme.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Source {
    /// Province.
    P,
    /// Helping city.
    H,
    /// Home city or its counties.
    L,
    /// A helping unit's own money.
    U,
    /// Special funds.
    S,
}

impl Source {
    /// All sources, in the order of the scheme row.
    pub const ALL: [Self; 5] = [Self::P, Self::H, Self::L, Self::U, Self::S];
    /// The three sources of a tranche, in the order of the scheme row.
    pub const SHARED: [Self; 3] = [Self::P, Self::H, Self::L];

    /// The letter used in paths.
    pub fn letter(self) -> &'static str {
        match self {
            Self::P => "P",
            Self::H => "H",
            Self::L => "L",
            Self::U => "U",
            Self::S => "S",
        }
    }

    /// Returns the source of a letter.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.letter() == text)
    }

    /// Position in `ALL`.
    pub fn index(self) -> usize {
        match self {
            Self::P => 0,
            Self::H => 1,
            Self::L => 2,
            Self::U => 3,
            Self::S => 4,
        }
    }

    /// Whether it is paid from tranches under the share scheme.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::P | Self::H | Self::L)
    }

    /// The programme its quotas belong to.
    pub fn programme(self) -> &'static str {
        match self {
            Self::P | Self::H | Self::L => "dev",
            Self::U => "unit",
            Self::S => "special",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_as_they_parse() {
        for text in ["1970-01-01", "2016-02-29", "2016-06-04", "2019-12-31", "2100-03-01"] {
            assert_eq!(Date::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "2017-02-29",
            "2016-13-01",
            "2016-00-01",
            "2016-6-4",
            "1969-12-31",
            "2016-06-31",
            "2016-06-04 ",
        ] {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
        assert_eq!(Date::parse("2016-06-04"), Some(Date::PROGRAMME_START));
        assert_eq!(Date::parse("2016-01-01"), Some(Date::REGISTER_START));
        assert_eq!(Date::parse("2019-12-31"), Some(Date::SYNTHETIC_END));
        for days in (0..60_000).step_by(7) {
            assert_eq!(Date::parse(&Date(days).to_string()), Some(Date(days)));
        }
    }

    #[test]
    fn units_know_their_place() {
        let village = Unit::parse("441424901201").unwrap();
        assert_eq!(village.level(), Level::Village);
        let chain: Vec<_> =
            std::iter::successors(Some(village), |u| u.parent()).map(|u| u.to_string()).collect();
        assert_eq!(chain, ["441424901201", "441424901", "441424", "4414", "44"]);
        assert!(Unit::parse("4414").unwrap().contains(village));
        assert!(!Unit::parse("4418").unwrap().contains(village));
        assert!(!village.contains(Unit::parse("4414").unwrap()));
        // Dongguan has no counties: the parent of a town is the city.
        let town = Unit::parse("441900101000").unwrap();
        assert_eq!(
            (town.to_string(), town.parent().unwrap().to_string()),
            ("441900101".into(), "4419".into())
        );
        assert_eq!(Unit::parse("440000"), Some(Unit::PROVINCE));
        for bad in ["", "4", "44142", "4414249012011", "44142490120a", "00"] {
            assert_eq!(Unit::parse(bad), None, "{bad}");
        }
        assert_eq!(Unit::parse_exact("441400"), None);
    }

    #[test]
    fn household_codes_carry_a_check_digit() {
        let code = HouseholdCode::parse("44142490120100013").unwrap();
        assert_eq!(code.to_string(), "44142490120100013");
        assert_eq!(
            HouseholdCode::parse("44142490120100014"),
            Err(HouseholdCodeError::CheckDigit { found: 4, expected: 3 })
        );
        assert_eq!(HouseholdCode::parse("4414249012010001"), Err(HouseholdCodeError::Shape));
        let village = Unit::parse("441424901201").unwrap();
        assert_eq!(HouseholdCode::new(village, 2).unwrap().to_string(), "44142490120100021");
        assert_eq!(HouseholdCode::new(village, 3).unwrap().to_string(), "44142490120100030");
        assert_eq!(code.first_village(), Some(village));
    }

    #[test]
    fn ids_have_an_alphabet() {
        assert!(QuotaId::id("Q16-4401-0001").is_some());
        for bad in ["", "q16", "Q 1", "Q16-4401-0001-0001-0001-0001", "指标"] {
            assert!(QuotaId::id(bad).is_none(), "{bad}");
        }
        assert!(official("p.fb44-1").is_some() && official("P.fb").is_none());
        assert!(project("P441424-00001").is_some() && project("P44142-00001").is_none());
    }
}
