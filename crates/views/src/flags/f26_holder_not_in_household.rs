//! F26: paid on the account of somebody outside the household. Ground: 截留私分、虚报冒领.
//!
//! Reading: an account that is bound to another household only, paid by exception, is asked for its holder
//! too.

use std::collections::BTreeMap;

use super::Found;
use super::facts::rows::Binding;
use super::look::{Hit, Look};
use crate::table::No;

/// Finds households paid on outsiders' accounts.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let mut hits: BTreeMap<No, Hit> = BTreeMap::new();
    let mut elsewhere: BTreeMap<No, &Binding> = BTreeMap::new();
    for row in &look.facts.bindings {
        elsewhere.entry(row.account).or_insert(row);
    }
    for (payment, net) in look.paid_households() {
        let (household, date) = (payment.payee, payment.date());
        let own = look.binding(household, payment.account, date);
        let Some(binding) = own.or_else(|| elsewhere.get(&payment.account).copied()) else {
            continue;
        };
        let inside = look.members(household).any(|m| m.person == binding.holder && m.active(date));
        if inside || (binding.guardian && own.is_some()) {
            continue;
        }
        let hit = hits.entry(household).or_default();
        hit.show(binding.seq);
        hit.add(payment.seq, net);
    }
    for (household, hit) in hits {
        let zh = "收款账户的户主不是付款日的户内成员".to_owned();
        let en = "paid on an account whose holder was not in the household".to_owned();
        out.extend(hit.found(look.household(household), zh, en));
    }
}
