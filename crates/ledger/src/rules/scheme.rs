//! Share schemes 分担比例: who bears which part of a home city's pool.

use std::fmt;

use super::split::{self, WeightsError};
use crate::ids::{Source, Unit};
use crate::reject::Reason;

/// For whom a scheme is meant. A scheme of a city wins over the one for all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum SchemeKey {
    /// `*`: every home city without a scheme of its own.
    All,
    /// One home city.
    City(Unit),
}

impl SchemeKey {
    /// Returns the key of `*` or of a city's unit code.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" { Some(Self::All) } else { Unit::parse_exact(text).map(Self::City) }
    }
}

impl fmt::Display for SchemeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::City(city) => city.fmt(f),
        }
    }
}

/// Who pays the helper's share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BorneBy {
    /// The paired helping city.
    PairedHelper,
    /// The home city itself, on an account of its own.
    HomeCity,
}

impl BorneBy {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PairedHelper => "paired_helper",
            Self::HomeCity => "home_city",
        }
    }

    /// Returns the value of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::PairedHelper, Self::HomeCity].into_iter().find(|b| b.name() == word)
    }
}

/// A share scheme.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scheme {
    /// Its name, e.g. `GD-631`.
    pub name: String,
    /// Weights as given, in the order P, H, L; a source without a weight bears nothing.
    pub weights: Vec<u32>,
    /// Who pays the helper's share.
    pub borne_by: BorneBy,
}

impl Scheme {
    /// Checks the weights.
    ///
    /// # Errors
    /// 4003, 4004, 4005 in this order. A weight beyond P, H, L has no source to bear it: 4003.
    pub fn check(weights: &[i64]) -> Result<(), Reason> {
        let found = || {
            let words: Vec<String> = weights.iter().map(ToString::to_string).collect();
            words.join(":").into()
        };
        let homeless = weights.iter().skip(Source::SHARED.len()).any(|weight| *weight != 0);
        match split::check_weights(weights) {
            Err(WeightsError::Weights) => Err(Reason::SchemeWeights { found: found() }),
            _ if homeless => Err(Reason::SchemeWeights { found: found() }),
            Err(WeightsError::Sum(sum)) => Err(Reason::SchemeSum { found: sum }),
            Err(WeightsError::Falls { source, amount }) => Err(Reason::SchemeNotMonotone {
                found: found(),
                i: u32::try_from(source).unwrap_or(u32::MAX).saturating_add(1),
                a: amount,
            }),
            Ok(()) => Ok(()),
        }
    }

    /// Weights of P, H, L.
    pub fn shared(&self) -> [u32; 3] {
        let mut out = [0; 3];
        for (slot, weight) in out.iter_mut().zip(&self.weights) {
            *slot = *weight;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_refused_in_the_contracts_order() {
        let code = |weights: &[i64]| Scheme::check(weights).map_err(|r| (r.code(), r.message()));
        assert_eq!(code(&[6, 3, 1]), Ok(()));
        assert_eq!(code(&[6, 3, 1, 0]), Ok(()));
        assert_eq!(code(&[-1, 20_000, 1]), Err((4003, "weights -1:20000:1".into())));
        assert_eq!(code(&[3, 3, 1, 1]), Err((4003, "weights 3:3:1:1".into())));
        assert_eq!(code(&[6_001, 3_000, 1_000]), Err((4004, "sum 10001".into())));
        assert_eq!(code(&[3, 3, 1]), Err((4005, "weights 3:3:1: part 3 falls at 4".into())));
        let two = Scheme { name: "X".into(), weights: vec![7, 3], borne_by: BorneBy::HomeCity };
        assert_eq!(two.shared(), [7, 3, 0]);
    }
}
