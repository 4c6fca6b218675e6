//! F12: paid, sent back, paid again, again and again. Ground: 截留私分.
//!
//! Reading: a payment sent back that follows one sent back closes one cycle and opens the next.

use std::collections::BTreeMap;

use ledger::ids::Unit;

use super::facts::rows::{PROJECT, Payment, REVERSED, TOUCHED};
use super::look::{Hit, Look};
use super::{Found, Subject};
use crate::table::No;

/// Finds households paid and sent back in circles.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let (cycles, days) = (look.count("min_cycles").max(1), look.value("days"));
    let alive = |p: &&Payment| p.marks & (PROJECT | REVERSED) == 0 && p.date() <= look.date;
    let touched: std::collections::BTreeSet<No> =
        look.facts.payments().filter(alive).filter(|p| p.is(TOUCHED)).map(|p| p.payee).collect();
    let mut groups: BTreeMap<(Unit, No, u16), Vec<&Payment>> = BTreeMap::new();
    for payment in look.facts.payments().filter(alive).filter(|p| touched.contains(&p.payee)) {
        let key = (look.route(payment).unit, payment.payee, payment.purpose());
        groups.entry(key).or_default().push(payment);
    }
    let mut hits: BTreeMap<(Unit, No), Hit> = BTreeMap::new();
    for ((unit, household, _), mut payments) in groups {
        payments.sort_unstable_by_key(|payment| (payment.date(), payment.seq));
        // Each link: a payment, sent back, and the payment after it.
        let links: Vec<Option<(&Payment, &Payment)>> = payments
            .iter()
            .zip(payments.iter().skip(1))
            .map(|(one, next)| refunded(look, one, next).then_some((*one, *next)))
            .collect();
        for run in links.windows(cycles) {
            let whole: Option<Vec<(&Payment, &Payment)>> = run.iter().copied().collect();
            let Some(whole) = whole else { continue };
            let (Some((first, _)), Some((_, last))) = (whole.first(), whole.last()) else {
                continue;
            };
            if days < last.date().days_since(first.date()) {
                continue;
            }
            let hit = hits.entry((unit, household)).or_default();
            for (one, next) in whole {
                hit.add(one.seq, one.fen());
                hit.show(next.seq);
                let backs = look.facts.backs.get(&one.seq).into_iter().flatten();
                backs.for_each(|back| hit.show(back.seq));
            }
        }
    }
    for ((unit, household), hit) in hits {
        let Some(code) = look.code(household) else { continue };
        let zh = format!("{days} 天内反复付款、退款、再付款");
        let en = format!("paid, sent back and paid again within {days} days, repeatedly");
        out.extend(hit.found(Subject::UnitHousehold(unit, code), zh, en));
    }
}

/// Whether a payment was sent back, nearly whole, before the next one.
fn refunded(look: &Look<'_>, one: &Payment, next: &Payment) -> bool {
    let backs = look.facts.backs.get(&one.seq).into_iter().flatten();
    let before = backs.filter(|back| back.date <= next.date() && back.seq < next.seq);
    let back = before.fold(0_i64, |sum, back| sum.saturating_add(back.fen));
    let share = i128::from(look.value("refund_bp"));
    0 < back
        && i128::from(one.fen()).saturating_mul(share) <= i128::from(back).saturating_mul(10_000)
}
