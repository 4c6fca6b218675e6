//! Balances: what an answer says, in the words of the contract.
//!
//! Lives here: the shape of every answer, and one file a kind of balance that fills it from the views.
//! Lives elsewhere: the sums (the views), messages and JSON (the program).
//!
//! Always: a sum is whole fen; a rate is whole basis points, and absent where its base is 0; rows stand
//! in the order of their keys, those of a household by year, quota, purpose and project; a row of zeros is
//! no row.

mod city;
mod list;
mod quota;
mod transit;
mod unit;

use ledger::ids::Date;
use record::Seq;

use crate::drift::Drift;
use crate::projection::Projection;

pub use city::{as_helper, as_home, province};
pub use list::{Filter, cities, household_totals, households, payees, units};
pub use quota::quota;
pub use transit::{Transit, transits};
pub use unit::unit;

/// A balance: totals, and rows by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// `household`, `village`, `town`, `county`, `city`, `province` or `quota`.
    pub kind: &'static str,
    /// Code of what it speaks of.
    pub code: String,
    /// Position it speaks for.
    pub position: Seq,
    /// Day it speaks for; `None`: no day was asked for.
    pub date: Option<Date>,
    /// Whether the position asked for lay inside a voucher, so it speaks for the end of the one before.
    pub group_shortened: bool,
    /// Totals over all rows, in fen.
    pub fields: Fields,
    /// Rows in the order of their keys.
    pub rows: Vec<Row>,
    /// Counts and rates of the whole.
    pub counts: Counts,
    /// Facts in words.
    pub texts: Texts,
}

/// Sums in fen by name.
pub type Fields = Vec<(&'static str, i64)>;
/// Counts and rates by name; a rate ends in `_bp` and is absent where its base is 0.
pub type Counts = Vec<(&'static str, Option<i64>)>;
/// Facts in words by name.
pub type Texts = Vec<(&'static str, String)>;

/// One row of a balance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Parts of the key, the same in every row of one balance.
    pub key: Texts,
    /// Sums in fen.
    pub fields: Fields,
    /// Counts and rates.
    pub counts: Counts,
    /// Facts in words.
    pub texts: Texts,
}

impl Balance {
    /// An empty balance that speaks for a projection's position.
    fn at(views: &Projection) -> Self {
        let position = Seq(views.next_seq().0.saturating_sub(1));
        Self { position, ..Self::default() }
    }

    /// Returns a total by name.
    pub fn field(&self, name: &str) -> Option<i64> {
        self.fields.iter().find(|(found, _)| *found == name).map(|(_, fen)| *fen)
    }
}

/// Returns `a / b` in basis points, rounded down; `None` where `b` is 0.
pub fn rate_bp(a: i64, b: i64) -> Option<i64> {
    let scaled = i128::from(a).checked_mul(10_000)?;
    i64::try_from(scaled.checked_div_euclid(i128::from(b))?).ok()
}

/// Returns `a / b` rounded down; `None` where `b` is 0.
fn rate(a: i64, b: i64) -> Option<i64> {
    a.checked_div_euclid(b)
}

/// Returns the totals of rows.
fn total<const N: usize>(
    names: [&'static str; N],
    rows: impl Iterator<Item = [i64; N]>,
) -> Result<Fields, Drift> {
    let mut sums = [0_i64; N];
    for row in rows {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum = sum.checked_add(x).ok_or(Drift::Overflow { row: "a balance" })?;
        }
    }
    Ok(names.into_iter().zip(sums).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_rounded_down_and_has_a_base() {
        assert_eq!(rate_bp(1, 3), Some(3_333));
        assert_eq!(rate_bp(2, 3), Some(6_666));
        assert_eq!(rate_bp(-1, 3), Some(-3_334));
        assert_eq!(rate_bp(i64::MAX, i64::MAX), Some(10_000));
        assert_eq!(rate_bp(i64::MAX, 1), None);
        assert_eq!((rate_bp(1, 0), rate(1, 0)), (None, None));
    }
}
