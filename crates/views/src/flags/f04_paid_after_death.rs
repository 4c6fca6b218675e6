//! F04: paid to the dead, or to a household where nobody is left. Ground: 虚报冒领.

use std::collections::BTreeMap;

use super::Found;
use super::facts::rows::NEVER;
use super::look::{Hit, Look};
use crate::table::No;

/// Finds households paid for the dead.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let grace = look.value("grace_days");
    let mut hits: BTreeMap<No, Hit> = BTreeMap::new();
    for (payment, net) in look.paid_households() {
        let date = payment.date();
        let named = (payment.member != 0)
            .then(|| look.members(payment.payee).find(|m| m.no == payment.member))
            .flatten();
        let late = named
            .filter(|m| m.died != NEVER && grace < date.days_since(m.died))
            .map(|m| m.ended_by);
        let empty = || {
            let nobody = !look.members(payment.payee).any(|m| m.active(date));
            let last = || look.members(payment.payee).map(|m| m.ended_by).max();
            nobody.then(last).flatten()
        };
        if let Some(by) = late.or_else(empty) {
            let hit = hits.entry(payment.payee).or_default();
            if by != 0 {
                hit.show(by);
            }
            hit.add(payment.seq, net);
        }
    }
    for (household, hit) in hits {
        let zh = "成员死亡或户内无人之后仍有发放".to_owned();
        let en = "paid after a death, or when nobody was left".to_owned();
        out.extend(hit.found(look.household(household), zh, en));
    }
}
