//! The period rule 期间规则: how far back an effective date may lie.

use super::cap::word;
use super::rows::ContentError;

/// Most days back: ten years.
const BACKDATE_MAX: u32 = 3_660;

/// A period rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeriodRule {
    /// Days that a date of money may lie before the posting date (1025).
    pub backdate_days: u32,
    /// Days that a registry date may lie before the posting date (2060).
    pub registry_backdate_days: u32,
}

impl PeriodRule {
    /// The one period: a calendar month.
    pub const PERIOD: &str = "month";

    /// Reads the content of a version.
    ///
    /// # Errors
    /// The first field that is not as it must be. No date lies after its record's time, so `future_days`
    /// is 0.
    pub fn parse(
        period: &str,
        backdate_days: u32,
        future_days: u32,
        registry_backdate_days: u32,
    ) -> Result<Self, ContentError> {
        word("period", period, &[Self::PERIOD])?;
        if future_days != 0 {
            let what = format!("{future_days} is not 0: a record is never dated after its time");
            return Err(ContentError::new("future_days", what));
        }
        for (field, days) in
            [("backdate_days", backdate_days), ("registry_backdate_days", registry_backdate_days)]
        {
            if BACKDATE_MAX < days {
                let what = format!("{days} is more than {BACKDATE_MAX}");
                return Err(ContentError::new(field, what));
            }
        }
        Ok(Self { backdate_days, registry_backdate_days })
    }
}
