//! F14: one person counted in two households. Ground: 虚报冒领.

use std::collections::{BTreeMap, BTreeSet};

use ledger::ids::Unit;

use super::facts::rows::{At, Membership};
use super::look::{Hit, Look};
use super::{Found, Subject};
use crate::table::No;

/// Payments that name a person: household, record, fen; by person, purpose and year.
type Named = BTreeMap<(No, u16, u16), BTreeSet<(No, At, i64)>>;

/// Finds persons in two households.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let mut hits: BTreeMap<No, Hit> = BTreeMap::new();
    let mut order: Vec<(No, No)> = (0..)
        .zip(&look.facts.memberships)
        .filter(|(_, row)| row.from <= look.date)
        .map(|(no, row)| (row.person, no))
        .collect();
    order.sort_unstable();
    let mut several: BTreeMap<(No, u8), No> = BTreeMap::new();
    for group in order.chunk_by(|a, b| a.0 == b.0).filter(|group| 1 < group.len()) {
        let row = |(_, no): &(No, No)| look.facts.memberships.get(crate::table::at(*no));
        let rows: Vec<&Membership> = group.iter().filter_map(row).collect();
        for (n, one) in rows.iter().enumerate() {
            several.insert((one.household, one.no), one.person);
            for other in rows.iter().skip(n.saturating_add(1)) {
                let from = one.from.max(other.from);
                let until = one.until.min(other.until);
                if one.household != other.household && from < until && from <= look.date {
                    let hit = hits.entry(one.person).or_default();
                    hit.show(one.seq);
                    hit.show(other.seq);
                }
            }
        }
    }
    let mut named: Named = Named::new();
    for (payment, net) in look.paid_households().filter(|(payment, _)| payment.member != 0) {
        if let Some(person) = several.get(&(payment.payee, payment.member)) {
            let key = (*person, payment.purpose(), payment.date().year());
            named.entry(key).or_default().insert((payment.payee, payment.seq, net));
        }
    }
    for ((person, ..), rows) in named {
        let households: BTreeSet<No> = rows.iter().map(|row| row.0).collect();
        if 1 < households.len() {
            let hit = hits.entry(person).or_default();
            for (_, seq, net) in &rows {
                hit.add(*seq, *net);
            }
        }
    }
    for (person, hit) in hits {
        let token = look.facts.persons.key(person).unwrap_or_default();
        let of = order.partition_point(|row| row.0 < person);
        let first =
            order.get(of).and_then(|(_, no)| look.facts.memberships.get(crate::table::at(*no)));
        let village = first.and_then(|row| look.village(row.household, look.date));
        let unit = village.unwrap_or(Unit::PROVINCE);
        let zh = "同一人同时在两户或在两户领取同类款项".to_owned();
        let en = "one person is in two households, or was paid for in two".to_owned();
        out.extend(hit.found(Subject::Token { token, unit }, zh, en));
    }
}
