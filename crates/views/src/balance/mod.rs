//! Balances: what an answer says, in the words of the contract.
//!
//! Lives here: the shape of every answer, and one file a kind of balance that fills it from the views.
//! Lives elsewhere: the sums (the views), messages and JSON (the program).
//!
//! Always: a sum is whole fen; a rate is whole basis points, and absent where its base is 0; rows stand
//! in the order of their keys.

use ledger::ids::Date;
use record::Seq;

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
