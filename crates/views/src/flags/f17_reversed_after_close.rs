//! F17: reversed after the month was closed, or too often. Ground: 虚报冒领、截留私分.
//!
//! Readings: closed means that the close stands before the reversal in the log; lines are the unit's records
//! of kinds 310 to 361 of the quarter by effective date, reversals among them.

use std::collections::BTreeMap;

use ledger::ids::Unit;

use super::facts::quarter;
use super::facts::rows::{At, Reversal};
use super::look::{Hit, Look};
use super::{Found, Subject};

/// The record that closed the month of a reversed record before it was reversed.
pub(super) fn closed_before(look: &Look<'_>, row: &Reversal) -> Option<At> {
    let closings = look.facts.closings.get(&row.unit)?;
    let month = row.original_date.month();
    // Closing a month closes those before it.
    closings.iter().find(|(closed, seq)| month <= *closed && *seq < row.seq).map(|(_, seq)| *seq)
}

/// Finds units whose books were changed afterwards.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let mut units: BTreeMap<(Unit, u32), (Hit, Hit)> = BTreeMap::new();
    for row in look.facts.reversals.iter().filter(|row| row.date <= look.date) {
        let (late, all) = units.entry((row.unit, quarter(row.date))).or_default();
        all.show(row.original);
        all.add(row.seq, row.fen);
        if let Some(closed) = closed_before(look, row) {
            late.show(row.original);
            late.show(closed);
            late.add(row.seq, row.fen);
        }
    }
    let (share, least) = (i128::from(look.value("share_bp")), look.value("min_lines"));
    for ((unit, quarter), (late, all)) in units {
        let lines = look.facts.lines.get(&(unit, quarter)).copied().unwrap_or(0);
        let reversed = all.evidence.len() / 2;
        let reversed = i128::try_from(reversed).unwrap_or(i128::MAX).saturating_mul(10_000);
        let often = i128::from(lines).saturating_mul(share) < reversed
            && i128::from(least) <= i128::from(lines);
        let hit = if often { all } else { late };
        let zh = "结账之后冲正，或冲正过多".to_owned();
        let en = "reversed after the month was closed, or too often".to_owned();
        out.extend(hit.found(Subject::UnitQuarter(unit, quarter), zh, en));
    }
}
