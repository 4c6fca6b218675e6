//! Baselines 核定人数: the declared heads that the ceiling stands on.

use super::rows::ContentError;
use crate::ids::{Date, Level, Unit};
use crate::reject::Reason;

/// A baseline of a home city.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Baseline {
    /// Declared heads of the city.
    pub heads: u64,
    /// Day for which they are declared.
    pub as_of: Date,
    /// Declared heads by county, as given; may be incomplete or empty.
    pub counties: Vec<(Unit, u64)>,
}

impl Baseline {
    /// Checks the counties' heads against the city's.
    ///
    /// # Errors
    /// `BaselineSum` (4013) when they have more heads than the city.
    pub fn check_sum(&self) -> Result<(), Reason> {
        let sum = self.counties.iter().fold(0_u64, |sum, (_, heads)| sum.saturating_add(*heads));
        if sum <= self.heads { Ok(()) } else { Err(Reason::BaselineSum { sum, city: self.heads }) }
    }

    /// Checks that each county is one of the city's and stands once.
    ///
    /// # Errors
    /// The field and what is allowed; the form refusal 1019.
    pub fn check_counties(&self, home: Unit) -> Result<(), ContentError> {
        for (i, (county, _)) in self.counties.iter().enumerate() {
            let inside = county.level() == Level::County && home.contains(*county);
            let twice = self.counties.iter().take(i).any(|(other, _)| other == county);
            if !inside || twice {
                let what = format!("a county of {home}, each once");
                return Err(ContentError::new(format!("counties.{i}.unit"), what));
            }
        }
        Ok(())
    }

    /// Declared heads of a county.
    pub fn county(&self, county: Unit) -> Option<u64> {
        self.counties.iter().find(|(unit, _)| *unit == county).map(|(_, heads)| *heads)
    }
}
