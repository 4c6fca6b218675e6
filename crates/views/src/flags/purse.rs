//! A unit's cash and quota of one quota, day by day; the age of what it holds.

use ledger::ids::{Date, Unit};

use super::facts::rows::{At, Move, Payment, REVERSED};
use super::look::Look;
use crate::table::{NONE, No, at};

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

/// Shows the purses of all units up to the day asked about, without reversed records, one after the other by
/// unit and quota: all at once would take more room than the facts.
pub(super) fn each_purse(look: &Look<'_>, mut each: impl FnMut(Unit, No, &Purse)) {
    let facts = look.facts;
    let mut moves: Vec<_> =
        facts.moves.iter().filter(|row| look.counts(row.seq, row.date)).collect();
    moves.sort_by_key(|row| (row.unit, row.quota));
    let routes = 0..No::try_from(facts.routes.len()).unwrap_or(NONE);
    let of_route = |route: No| facts.routes.key(route).map(|route| (route.unit, route.quota));
    let mut names: Vec<(Unit, No)> = moves.iter().map(|row| (row.unit, row.quota)).collect();
    names.extend(routes.clone().filter_map(of_route));
    names.sort_unstable();
    names.dedup();
    let number = |name| No::try_from(names.binary_search(&name).ok()?).ok();
    let of_routes: Vec<Option<No>> = routes.map(|route| number(of_route(route)?)).collect();

    let mut moves = moves.chunk_by(|a, b| (a.unit, a.quota) == (b.unit, b.quota)).peekable();
    let mut rest = (0..).zip(&names).peekable();
    let mut purse = Purse::default();
    let mut show = |upto: No, payments: &mut dyn Iterator<Item = &Payment>| {
        while let Some((no, (unit, quota))) = rest.next_if(|(no, _)| *no <= upto) {
            let own =
                |of: &&[&Move]| of.first().is_some_and(|m| (m.unit, m.quota) == (*unit, *quota));
            let here = moves.next_if(own).into_iter().flatten();
            purse.0.clear();
            purse.0.extend(here.map(|row| (row.date, row.seq, row.hold, row.right)));
            if no == upto {
                purse.0.extend(payments.map(|payment| {
                    let out = payment.fen().saturating_neg();
                    (payment.date(), payment.seq, out, out)
                }));
            }
            purse.0.sort_unstable_by_key(|row| (row.0, row.1));
            if !purse.0.is_empty() {
                each(*unit, *quota, &purse);
            }
        }
    };
    look.by_number(
        |payment| {
            let counts = payment.date() <= look.date && !payment.is(REVERSED);
            of_routes.get(at(payment.route)).copied().flatten().filter(|_| counts)
        },
        |no, payments| show(no, payments),
    );
    show(No::MAX, &mut std::iter::empty());
}
