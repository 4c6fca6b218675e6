//! F13: one official on both sides. Ground: 截留私分; separation of duties.
//!
//! Readings: on the register's side counts who prepared the record, on the payment's who prepared or approved
//! it; the distance in days lies between the two effective dates, the register's first. A staff number belongs
//! to one organisation, and the register is kept by another than the one that pays: so two staff numbers of one
//! person are one official, and the subject is the number on the payment's side.

use std::collections::BTreeMap;

use ledger::ids::{Token, Unit};

use super::facts::rows::Voucher;
use super::look::{Hit, Look};
use super::{Found, Subject};
use crate::table::{NONE, No};

/// Persons of staff numbers, where a role names one.
struct Persons(BTreeMap<No, Token>);

impl Persons {
    fn of(look: &Look<'_>) -> Self {
        let known = look.facts.grants.iter().filter(|grant| grant.from <= look.date);
        let number = |official| look.facts.officials.find(official);
        Self(known.filter_map(|g| Some((number(&g.official)?, g.person))).collect())
    }

    fn same(&self, one: No, other: No) -> bool {
        let person = |no| self.0.get(&no);
        let twice = || person(one).is_some() && person(one) == person(other);
        one != NONE && other != NONE && (one == other || twice())
    }
}

/// Finds officials who handled both sides.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let days = look.value("days");
    let mut hits: BTreeMap<No, (Unit, Hit)> = BTreeMap::new();
    let persons = Persons::of(look);
    let own = |voucher: &&Voucher| {
        voucher.date <= look.date && persons.same(voucher.prepared, voucher.approved)
    };
    for voucher in look.facts.vouchers.iter().filter(own) {
        let (_, hit) = hits.entry(voucher.prepared).or_insert((Unit::PROVINCE, Hit::default()));
        hit.add(voucher.first, voucher.fen);
    }
    let maker = |seq| look.facts.voucher(seq).map(|voucher| (voucher.prepared, voucher.date));
    let mut vouchers = look.facts.vouchers.iter().peekable();
    let mut current: Option<&Voucher> = None;
    for (payment, net) in look.paid_households() {
        while let Some(voucher) = vouchers.next_if(|voucher| voucher.first <= payment.seq) {
            current = Some(voucher);
        }
        let Some(voucher) = current else { continue };
        let near = |seq| {
            let (who, date) = maker(seq)?;
            let age = payment.date().days_since(date);
            let mut paid_by = [voucher.prepared, voucher.approved].into_iter();
            let both = paid_by.find(|payer| persons.same(who, *payer))?;
            (0..=days).contains(&age).then_some((both, seq))
        };
        let young = |date| payment.date().days_since(date) <= days;
        let bound = look.binding(payment.payee, payment.account, payment.date());
        let bound = bound.filter(|row| young(row.from)).and_then(|row| near(row.seq));
        let registered = || {
            let (date, seq) = look.first_registered(payment.payee)?;
            if young(date) { near(seq) } else { None }
        };
        if let Some((who, seq)) = bound.or_else(registered) {
            let village = look.route(payment).village;
            let (_, hit) = hits.entry(who).or_insert((village, Hit::default()));
            hit.show(seq);
            hit.add(payment.seq, net);
        }
    }
    for (who, (unit, hit)) in hits {
        let Some(official) = look.facts.officials.key(who) else { continue };
        let zh = "同一人经手登记与付款，或自制自核".to_owned();
        let en = "one official handled both sides".to_owned();
        out.extend(hit.found(Subject::Official { official, unit }, zh, en));
    }
}
