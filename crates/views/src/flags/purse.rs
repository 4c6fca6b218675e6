//! A unit's cash and quota of one quota, day by day; the age of what it holds.

use std::collections::BTreeMap;

use ledger::ids::{Date, Unit};

use super::facts::rows::{At, REVERSED};
use super::look::Look;
use crate::table::No;

/// A movement: day, record, cash, quota.
pub(super) type Moved = (Date, At, i64, i64);

/// All movements of a unit's share of a quota, by day and record.
#[derive(Default)]
pub(super) struct Purse(pub(super) Vec<Moved>);

impl Purse {
    /// What is held and when it came, newest first: first in, first out.
    pub(super) fn layers(&self) -> Vec<(Date, At, i64)> {
        let mut left = self.0.iter().fold(0_i64, |sum, row| sum.saturating_add(row.2));
        let mut out = Vec::new();
        for (date, seq, fen, _) in self.0.iter().rev().filter(|row| 0 < row.2) {
            if left <= 0 {
                break;
            }
            out.push((*date, *seq, left.min(*fen)));
            left = left.saturating_sub(*fen);
        }
        out
    }
}

/// The purses of all units up to the day asked about, without reversed records.
pub(super) fn purses(look: &Look<'_>) -> BTreeMap<(Unit, No), Purse> {
    let mut all: BTreeMap<(Unit, No), Purse> = BTreeMap::new();
    for row in &look.facts.moves {
        if look.counts(row.seq, row.date) {
            let purse = all.entry((row.unit, row.quota)).or_default();
            purse.0.push((row.date, row.seq, row.hold, row.right));
        }
    }
    for payment in look.facts.payments() {
        if payment.date() <= look.date && !payment.is(REVERSED) {
            let route = look.route(payment);
            let out = payment.fen().saturating_neg();
            let purse = all.entry((route.unit, route.quota)).or_default();
            purse.0.push((payment.date(), payment.seq, out, out));
        }
    }
    for purse in all.values_mut() {
        purse.0.sort_unstable_by_key(|row| (row.0, row.1));
    }
    all
}
