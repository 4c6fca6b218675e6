//! Pairings 结对: which helping city helps which home city.

use super::version::Versions;
use crate::ids::{Date, Unit};
use crate::reject::Reason;

/// How a home city is helped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// By another city.
    Paired,
    /// It organises its own help.
    OwnHelp,
}

impl Mode {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paired => "paired",
            Self::OwnHelp => "self",
        }
    }

    /// Returns the value of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Paired, Self::OwnHelp].into_iter().find(|mode| mode.name() == word)
    }
}

/// A pairing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pairing {
    /// The city that helps; of a self-organised city the city itself.
    pub helper: Unit,
    /// The city that is helped.
    pub home: Unit,
    /// How.
    pub mode: Mode,
}

impl Pairing {
    /// Checks that no other helper is there on a day of the new version.
    ///
    /// The version before must have been ended first: by a version with the same helper and a last day.
    ///
    /// # Errors
    /// `PairingOverlap` (4014).
    pub fn check(&self, known: &Versions<Self>, from: Date) -> Result<(), Reason> {
        match known.last() {
            Some(last)
                if last.content.helper != self.helper && last.to.is_none_or(|to| from <= to) =>
            {
                let date = last.to.map_or("further notice".into(), |to| to.to_string());
                let other = last.content.helper;
                Err(Reason::PairingOverlap { city: self.home, other, date: date.into() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use record::Seq;

    use super::*;
    use crate::rules::Version;

    #[test]
    fn one_helper_at_a_time() {
        let city = |code| Unit::parse(code).unwrap();
        let pairing =
            |helper| Pairing { helper: city(helper), home: city("4414"), mode: Mode::Paired };
        let mut known = Versions::default();
        assert_eq!(pairing("4401").check(&known, Date(100)), Ok(()));
        let content = Arc::new(pairing("4401"));
        let seq = Seq(1);
        known.push(Version { number: 1, from: Date(100), to: None, seq, content: content.clone() });
        let message = |p: Pairing, known: &Versions<_>, from| {
            p.check(known, Date(from)).map_err(|r| (r.code(), r.message()))
        };
        assert_eq!(
            message(pairing("4403"), &known, 500),
            Err((4014, "4414 is paired with 4401 until further notice".into()))
        );
        assert_eq!(pairing("4401").check(&known, Date(100)), Ok(()), "the same helper goes on");
        known.push(Version { number: 2, from: Date(100), to: Some(Date(364)), seq, content });
        assert_eq!(
            message(pairing("4403"), &known, 364),
            Err((4014, "4414 is paired with 4401 until 1970-12-31".into()))
        );
        assert_eq!(message(pairing("4403"), &known, 365), Ok(()));
    }
}
