//! F10: the account was changed just before the payment. Ground: 虚报冒领、截留私分.

use std::collections::BTreeMap;

use super::Found;
use super::look::{Hit, Look};
use crate::table::No;

/// Finds payments to accounts bound just before.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let (days, least) = (look.value("days"), look.value("min_fen"));
    let mut hits: BTreeMap<No, Hit> = BTreeMap::new();
    for (payment, net) in look.paid_households().filter(|(_, net)| least <= *net) {
        let date = payment.date();
        if look.bindings(payment.payee).nth(1).is_none() {
            continue;
        }
        let Some(new) = look.binding(payment.payee, payment.account, date) else { continue };
        let earlier = |row: &&super::facts::rows::Binding| {
            row.account != new.account && (row.from, row.seq) < (new.from, new.seq)
        };
        let before = look.bindings(payment.payee).find(earlier);
        let young = date.days_since(new.from) <= days;
        // The account is an old one of the household that was bound again.
        let known = look
            .bindings(payment.payee)
            .any(|row| row.account == new.account && days < date.days_since(row.from));
        if let Some(before) = before.filter(|_| young && !known) {
            let hit = hits.entry(payment.payee).or_default();
            hit.show(before.seq);
            hit.show(new.seq);
            hit.add(payment.seq, net);
        }
    }
    for (household, hit) in hits {
        let zh = format!("付款前 {days} 天内换绑账户");
        let en = format!("paid on an account bound at most {days} days before");
        out.extend(hit.found(look.household(household), zh, en));
    }
}
