//! Errors of the views: a log that does not fit what was folded before it.

use ledger::ids::{HouseholdCode, QuotaId, TrancheId};
use record::{AccountError, Seq};
use thiserror::Error;

/// A record contradicts the records before it. The views are of no further use: rebuild them.
///
/// Of a log that `ledger::decide` made none of these can come up.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Drift {
    /// The record does not stand where the last one ended.
    #[error("position {found}, {expected} expected")]
    Gap {
        /// Position of the next record.
        expected: Seq,
        /// Position of the record given.
        found: Seq,
    },
    /// A leg is refused by the accounts.
    #[error("{0}")]
    Account(#[from] AccountError),
    /// A sum leaves 64 bits.
    #[error("a sum of {row} leaves 64 bits")]
    Overflow {
        /// Which view.
        row: &'static str,
    },
    /// A quota that no record defined.
    #[error("quota {quota} was never issued")]
    UnknownQuota {
        /// Its id.
        quota: QuotaId,
    },
    /// A quota with two definitions.
    #[error("quota {quota} is defined a second time")]
    QuotaTwice {
        /// Its id.
        quota: QuotaId,
    },
    /// A tranche that no record opened.
    #[error("tranche {tranche} was never opened")]
    UnknownTranche {
        /// Its id.
        tranche: TrancheId,
    },
    /// A household that no record registered.
    #[error("household {household} was never registered")]
    UnknownHousehold {
        /// Its code.
        household: HouseholdCode,
    },
    /// A reference to a record that sent nothing.
    #[error("record {sent} sent nothing")]
    UnknownSent {
        /// Position referred to.
        sent: Seq,
    },
    /// Legs that are not those of the record's kind.
    #[error("legs of a {kind} expected")]
    Legs {
        /// Name of the kind.
        kind: &'static str,
    },
    /// More rows than can be numbered.
    #[error("more rows than can be numbered")]
    Numbers,
}

/// Adds to a sum of a row.
pub(crate) fn add(sum: &mut i64, fen: i64, row: &'static str) -> Result<(), Drift> {
    *sum = sum.checked_add(fen).ok_or(Drift::Overflow { row })?;
    Ok(())
}

/// Adds to a count of a row.
pub(crate) fn count(sum: &mut i32, more: i32, row: &'static str) -> Result<(), Drift> {
    *sum = sum.checked_add(more).ok_or(Drift::Overflow { row })?;
    Ok(())
}
