//! F29: an official's own household is paid. Ground: 虚报冒领、截留私分; register matched with staff.
//!
//! Reading: the scope must contain the village that the payment counts to, on the payment's day.

use std::collections::{BTreeMap, BTreeSet};

use ledger::ids::{OfficialId, Unit};
use ledger::words::Role;

use super::look::{Hit, Look};
use super::{Found, Subject};
use crate::table::No;

/// Roles by which money reaches a village.
const ROLES: &[Role] = &[Role::Preparer, Role::Approver, Role::Registrar, Role::Notice];

/// Finds officials who are paid themselves.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let grants = look.facts.grants.iter().filter(|grant| ROLES.contains(&grant.role));
    let grants: Vec<_> =
        grants.filter_map(|grant| Some((look.facts.persons.find(&grant.person)?, grant))).collect();
    let people: BTreeSet<No> = grants.iter().map(|(person, _)| *person).collect();
    let members = look.facts.memberships.iter().filter(|row| people.contains(&row.person));
    let holders = look.facts.bindings.iter().filter(|row| people.contains(&row.holder));
    let households: BTreeSet<No> =
        members.map(|row| row.household).chain(holders.map(|row| row.household)).collect();
    let mut hits: BTreeMap<OfficialId, (Unit, Hit)> = BTreeMap::new();
    for (payment, net) in look.paid_households().filter(|(p, _)| households.contains(&p.payee)) {
        let (date, village) = (payment.date(), look.route(payment).village);
        let binding = look.binding(payment.payee, payment.account, date);
        for (person, grant) in &grants {
            let serving = grant.from <= date && date < grant.until;
            if !serving || !grant.scope.iter().any(|unit| unit.contains(village)) {
                continue;
            }
            let member =
                look.members(payment.payee).find(|m| m.person == *person && m.active(date));
            let holds = binding.filter(|row| row.holder == *person);
            let by = member.map(|m| m.seq).or(holds.map(|row| row.seq));
            if let Some(by) = by {
                let empty = (village, Hit::default());
                let (_, hit) = hits.entry(grant.official).or_insert(empty);
                hit.show(grant.seq);
                hit.show(by);
                hit.add(payment.seq, net);
            }
        }
    }
    for (official, (unit, hit)) in hits {
        let zh = "干部本人或其户在其职责范围内领取款项".to_owned();
        let en =
            "an official's household or account is paid within the official's scope".to_owned();
        out.extend(hit.found(Subject::Official { official, unit }, zh, en));
    }
}
