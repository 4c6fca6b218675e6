//! F28: the same sum paid twice. Ground: 虚报冒领、截留私分.
//!
//! Reading: two payments that name two different members are no pair.

use std::collections::BTreeMap;

use super::Found;
use super::facts::rows::{PROJECT, Payment};
use super::look::{Hit, Look};
use crate::table::No;

/// Finds payments that stand twice.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let (days, least) = (look.value("days"), look.value("min_fen"));
    let mut hits: BTreeMap<No, Hit> = BTreeMap::new();
    look.grouped(
        |payment| (!payment.is(PROJECT) && least <= payment.fen()).then_some(payment.payee),
        |household, group| {
            for (n, (one, net)) in group.iter().enumerate() {
                for (other, other_net) in group.iter().skip(n.saturating_add(1)) {
                    if least <= (*net).min(*other_net) && alike(look, one, other, days) {
                        let hit = hits.entry(household).or_default();
                        hit.show(one.seq);
                        hit.add(other.seq, *other_net);
                    }
                }
            }
        },
    );
    for (household, hit) in hits {
        let zh = format!("{days} 天内同单位同用途同金额的两笔付款");
        let en = format!("two payments of one unit, purpose and amount within {days} days");
        out.extend(hit.found(look.household(household), zh, en));
    }
}

fn alike(look: &Look<'_>, one: &Payment, other: &Payment, days: i64) -> bool {
    let same = one.fen() == other.fen() && one.purpose() == other.purpose();
    let near = one.date().days_since(other.date()).saturating_abs() <= days;
    let two = one.member != 0 && other.member != 0 && one.member != other.member;
    let voucher = |payment: &Payment| look.facts.voucher(payment.seq).map(|voucher| voucher.first);
    same && near
        && !two
        && look.route(one).unit == look.route(other).unit
        && voucher(one) != voucher(other)
}
