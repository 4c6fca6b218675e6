//! Parameters of the red flags 预警参数. What a flag computes lives in the views.

use std::fmt;

use super::rows::ContentError;

/// Id of a red flag, `F01` to `F29`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct FlagId(u8);

impl FlagId {
    /// Returns the id of `F` and two digits, when the flag is known.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('F').filter(|d| d.len() == 2)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Self::of_number(digits.parse().ok()?)
    }

    /// Returns the id of a number, when the flag is known.
    pub fn of_number(number: u8) -> Option<Self> {
        PARAMETERS.iter().any(|(known, _)| *known == number).then_some(Self(number))
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Names of its parameters, in the contract's order.
    pub fn parameters(self) -> &'static [&'static str] {
        PARAMETERS.iter().find(|(number, _)| *number == self.0).map_or(&[], |(_, names)| names)
    }
}

impl fmt::Display for FlagId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "F{:02}", self.0)
    }
}

/// The parameters that each flag knows. A test holds them equal to the contract's `flags.csv`.
#[rustfmt::skip]
const PARAMETERS: &[(u8, &[&str])] = &[
    (1, &["min_households"]),
    (2, &["grace_days"]),
    (3, &[]),
    (4, &["grace_days"]),
    (5, &["min_count", "days", "low_bp"]),
    (6, &["last_days", "min_count", "round_fen", "share_bp"]),
    (7, &["days_warn", "days_serious", "days_grave", "min_fen"]),
    (8, &["tolerance_fen"]),
    (9, &["days", "days_grave"]),
    (10, &["days", "min_fen"]),
    (11, &[]),
    (12, &["min_cycles", "days", "refund_bp"]),
    (13, &["days"]),
    (14, &[]),
    (15, &["factor_bp", "min_households", "min_villages"]),
    (16, &["min_days"]),
    (17, &["share_bp", "min_lines"]),
    (18, &["share_bp", "due_days"]),
    (19, &["drift_bp"]),
    (20, &[]),
    (21, &["days"]),
    (22, &["off_bp"]),
    (23, &["share_bp", "min_fen"]),
    (24, &["days"]),
    (25, &["days"]),
    (26, &[]),
    (27, &["days", "idle_days"]),
    (28, &["days", "min_fen"]),
    (29, &[]),
];

/// Largest value of a parameter: the largest amount of a line, in fen.
const VALUE_MAX: i64 = 1_000_000_000_000_000;

/// The parameters of a flag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlagParameters {
    /// Which flag.
    pub flag: FlagId,
    /// Name and value, in the order adopted; each of the flag's parameters once.
    values: Vec<(&'static str, i64)>,
}

impl FlagParameters {
    /// Reads the content of a version.
    ///
    /// # Errors
    /// A flag that is not known; a parameter that it does not have, that is missing, stands twice or is
    /// out of range.
    pub fn parse(flag: &str, params: &[(String, i64)]) -> Result<Self, ContentError> {
        let flag = FlagId::parse(flag)
            .ok_or_else(|| ContentError::new("flag", format!("{flag} is no known flag")))?;
        let mut values: Vec<(&'static str, i64)> = Vec::with_capacity(params.len());
        for (i, (name, value)) in params.iter().enumerate() {
            let known = flag.parameters().iter().find(|known| *known == name);
            let Some(known) = known else {
                let what = match flag.parameters() {
                    [] => format!("{flag} has no parameters"),
                    names => format!("{name} is not one of {}", names.join(", ")),
                };
                return Err(ContentError::new(format!("params.{i}.name"), what));
            };
            if values.iter().any(|(n, _)| n == known) {
                let what = format!("{name} stands twice");
                return Err(ContentError::new(format!("params.{i}.name"), what));
            }
            if !(0..=VALUE_MAX).contains(value) {
                let what = format!("{value} is not 0 to {VALUE_MAX}");
                return Err(ContentError::new(format!("params.{i}.value"), what));
            }
            values.push((known, *value));
        }
        let missing = flag.parameters().iter().find(|n| values.iter().all(|(name, _)| name != *n));
        match missing {
            Some(name) => Err(ContentError::new("params", format!("{name} is missing"))),
            None => Ok(Self { flag, values }),
        }
    }

    /// The value of a parameter; 0 for one that the flag does not have.
    pub fn get(&self, name: &str) -> i64 {
        self.values.iter().find(|(n, _)| *n == name).map_or(0, |(_, value)| *value)
    }

    /// Names and values, in the order adopted.
    pub fn values(&self) -> &[(&'static str, i64)] {
        &self.values
    }
}
