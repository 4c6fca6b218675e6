//! F21: the bank has another balance than the books. Ground: 截留私分、挤占挪用.
//!
//! Reading: a flag is a function of the log alone, so rows of a bank file that match nothing belong to the
//! bank reconciliation; `days` is theirs.

use std::collections::BTreeMap;

use ledger::ids::Unit;

use super::look::{Hit, Look};
use super::{Found, Subject};

/// Finds asserted balances that differ.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let mut units: BTreeMap<Unit, Hit> = BTreeMap::new();
    let rows = look.facts.assertions.iter();
    for row in rows.filter(|row| row.difference != 0 && look.counts(row.seq, row.date)) {
        units.entry(row.unit).or_default().add(row.seq, row.difference.saturating_abs());
    }
    for (unit, hit) in units {
        let zh = "银行余额与账面不符".to_owned();
        let en = "the bank balance differs from the books".to_owned();
        out.extend(hit.found(Subject::Unit(unit), zh, en));
    }
}
