//! F02: paid after the household left poverty, for a purpose that ends with the exit. Ground: 虚报冒领.
//!
//! Reading: the purpose list is that valid on the payment's day, by all that is known at the position.

use std::collections::BTreeMap;

use ledger::words::HouseholdState;

use super::Found;
use super::facts::rows::purpose_of;
use super::look::{Hit, Look};
use crate::table::No;

/// Finds households paid after their exit.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let grace = look.value("grace_days");
    let mut hits: BTreeMap<No, Hit> = BTreeMap::new();
    let exits: std::collections::BTreeSet<No> = exited(look);
    for (payment, net) in look.paid_households().filter(|(p, _)| exits.contains(&p.payee)) {
        let Some((state, since, by)) = look.state(payment.payee, payment.date()) else { continue };
        if state != HouseholdState::Exited || payment.date().days_since(since) <= grace {
            continue;
        }
        let list = look.facts.rules.purposes.content(payment.date());
        let row = list.and_then(|list| list.get(purpose_of(payment.purpose())));
        if row.and_then(|row| row.permit.as_ref()).is_some_and(|permit| permit.after_exit) {
            continue;
        }
        let hit = hits.entry(payment.payee).or_default();
        hit.show(by);
        hit.add(payment.seq, net);
    }
    for (household, hit) in hits {
        let zh = "脱贫之后仍发放脱贫后应停的款项".to_owned();
        let en = "paid after the exit, for a purpose that ends with it".to_owned();
        out.extend(hit.found(look.household(household), zh, en));
    }
}

/// Households that ever left poverty.
fn exited(look: &Look<'_>) -> std::collections::BTreeSet<No> {
    let count = No::try_from(look.facts.households.len()).unwrap_or(No::MAX);
    let ever = |household: &No| {
        look.facts.standings_of.of(*household).any(|no| {
            let row = look.facts.standings.get(crate::table::at(no));
            row.is_some_and(|row| row.state == Some(HouseholdState::Exited))
        })
    };
    (0..count).filter(ever).collect()
}
