//! Money: whole fen in an `i64`, checked at every step.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

const FEN_PER_YUAN: u64 = 100;

/// An amount or a balance in fen (1/100 yuan), of either sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fen(i64);

impl Fen {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Wraps a number of fen.
    #[must_use]
    pub const fn new(fen: i64) -> Self {
        Self(fen)
    }

    /// Returns the number of fen.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Returns the sum, or `None` where it leaves `i64`.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Returns the difference, or `None` where it leaves `i64`.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Returns the amount with the other sign, or `None` for `i64::MIN`.
    #[must_use]
    pub fn checked_neg(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }

    /// Returns the sum of all, or `None` where it leaves `i64` on the way.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

/// Yuan text with two decimals and no separators: `1234.50`, `-5.00`.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) =
            (self.0.unsigned_abs() / FEN_PER_YUAN, self.0.unsigned_abs() % FEN_PER_YUAN);
        // As an integer and not as a text, of which `{:.2}` would leave two characters.
        f.pad_integral(0 <= self.0, "", &format!("{whole}.{part:02}"))
    }
}

/// A text that is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Not digits with at most one point and at most two decimals.
    #[error("not an amount: digits, then at most two decimals, no sign and no separators")]
    Form,
    /// More fen than an `i64` holds.
    #[error("amount too large to count")]
    Range,
}

/// Reads yuan text without a sign: `1234`, `1234.5`, `1234.50`.
///
/// Source: the project's `Amount` type; a sign, a separator and a third decimal are refused so
/// that a typing error never becomes an amount.
impl FromStr for Fen {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "00"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || 2 < part.len() {
            return Err(AmountError::Form);
        }
        let yuan: i64 = whole.parse().map_err(|_| AmountError::Range)?;
        let cents: i64 = part.parse().map_err(|_| AmountError::Range)?;
        let cents = if part.len() == 1 { cents.saturating_mul(10) } else { cents };
        yuan.checked_mul(100)
            .and_then(|fen| fen.checked_add(cents))
            .map(Self)
            .ok_or(AmountError::Range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_yuan_text() {
        let check = |fen, text: &str| assert_eq!(Fen::new(fen).to_string(), text);
        check(0, "0.00");
        check(1, "0.01");
        check(-1, "-0.01");
        check(123_450, "1234.50");
        check(-500, "-5.00");
        check(i64::MAX, "92233720368547758.07");
        check(i64::MIN, "-92233720368547758.08");
        assert_eq!(format!("{:>8}", Fen::new(-500)), "   -5.00");
    }

    #[test]
    fn a_precision_cut_the_amount_to_two_characters() {
        assert_eq!(format!("{:.2}", Fen::new(123_450)), "1234.50");
        assert_eq!(format!("{:.0}", Fen::new(-500)), "-5.00");
        assert_eq!(
            format!("{:10}|{:<10}|", Fen::new(-500), Fen::new(500)),
            "     -5.00|5.00      |"
        );
    }

    #[test]
    fn text_is_read_back_and_nothing_else_is() {
        let check = |text: &str, expected| assert_eq!(text.parse::<Fen>(), expected, "{text}");
        check("1234.50", Ok(Fen::new(123_450)));
        check("1234.5", Ok(Fen::new(123_450)));
        check("1234", Ok(Fen::new(123_400)));
        check("0.01", Ok(Fen::new(1)));
        check("92233720368547758.07", Ok(Fen::new(i64::MAX)));
        check("92233720368547758.08", Err(AmountError::Range));
        check("99999999999999999999", Err(AmountError::Range));
        for bad in ["", ".", "1.", ".5", "-1", "+1", "1,000", "1.234", "1.2.3", " 1", "１"] {
            check(bad, Err(AmountError::Form));
        }
    }

    #[test]
    fn sums_are_checked() {
        assert_eq!(Fen::new(i64::MAX).checked_add(Fen::new(1)), None);
        assert_eq!(Fen::new(i64::MIN).checked_neg(), None);
        assert_eq!(Fen::new(i64::MIN).checked_sub(Fen::new(1)), None);
        assert_eq!(Fen::checked_sum([Fen::new(1), Fen::new(2)]), Some(Fen::new(3)));
    }
}
