//! F03: paid though the household was never entitled, or before it was registered. Ground: 虚报冒领.
//!
//! Reading: removed "now" is removed on the day asked about; a reinstatement clears it.

use std::collections::BTreeMap;

use ledger::words::HouseholdState;

use super::Found;
use super::look::{Hit, Look};
use crate::table::No;

/// Finds households paid without a right.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let mut hits: BTreeMap<No, Hit> = BTreeMap::new();
    let mut known: Option<(No, Option<super::facts::rows::At>, _)> = None;
    for (payment, net) in look.paid_households() {
        let household = payment.payee;
        let (removed, first) = match known {
            Some((of, removed, first)) if of == household => (removed, first),
            _ => {
                let now = look.state(household, look.date);
                let removed = now.filter(|(state, ..)| *state == HouseholdState::Removed);
                let found = (removed.map(|(_, _, by)| by), look.first_registered(household));
                known = Some((household, found.0, found.1));
                found
            }
        };
        let early = first.filter(|(day, _)| payment.date() < *day).map(|(_, by)| by);
        if let Some(by) = removed.or(early) {
            let hit = hits.entry(household).or_default();
            hit.show(by);
            hit.add(payment.seq, net);
        }
    }
    for (household, hit) in hits {
        let zh = "清退户或建档之前收到的款项没有退回".to_owned();
        let en = "paid though removed, or before it was registered".to_owned();
        out.extend(hit.found(look.household(household), zh, en));
    }
}
