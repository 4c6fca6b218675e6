//! One evaluation of one flag: what every rule asks of the facts.
//!
//! Lives here: nets, groups of payments, states and memberships on a day. Lives elsewhere: the rules.
//!
//! Always: records dated after the day asked about do not count, reversed ones and their reversals neither;
//! all that is known at the position is used, also what was posted late.

use ledger::ids::{Date, HouseholdCode, Token, Unit};
use ledger::rules::FlagParameters;
use ledger::words::HouseholdState;

use super::facts::Facts;
use super::facts::rows::{
    self, At, Binding, Membership, PROJECT, Payment, REVERSED, Route, TOUCHED,
};
use super::{Found, Subject};
use crate::table::{No, at};

/// Facts, day and parameters of a flag.
pub(super) struct Look<'a> {
    pub(super) facts: &'a Facts,
    pub(super) date: Date,
    pub(super) params: &'a FlagParameters,
}

impl<'a> Look<'a> {
    /// A parameter.
    pub(super) fn value(&self, name: &str) -> i64 {
        self.params.get(name)
    }

    /// A parameter that counts.
    pub(super) fn count(&self, name: &str) -> usize {
        usize::try_from(self.value(name)).unwrap_or(usize::MAX)
    }

    /// Whether a record that is no payment counts.
    pub(super) fn counts(&self, seq: At, date: Date) -> bool {
        date <= self.date && !self.facts.reversed.contains(&seq)
    }

    /// Fen of a payment that did not come back.
    pub(super) fn net(&self, payment: &Payment) -> i64 {
        if payment.date() > self.date || payment.is(REVERSED) {
            return 0;
        }
        if !payment.is(TOUCHED) {
            return payment.fen();
        }
        let backs = self.facts.backs.get(&payment.seq).into_iter().flatten();
        backs
            .filter(|back| back.date <= self.date)
            .fold(payment.fen(), |net, back| net.saturating_sub(back.fen))
    }

    /// Payments of which something stayed.
    pub(super) fn paid(&self) -> impl Iterator<Item = (&'a Payment, i64)> {
        self.facts.payments().map(|p| (p, self.net(p))).filter(|(_, net)| 0 < *net)
    }

    /// Payments to households of which something stayed.
    pub(super) fn paid_households(&self) -> impl Iterator<Item = (&'a Payment, i64)> {
        self.paid().filter(|(payment, _)| !payment.is(PROJECT))
    }

    /// Payments of which something stayed, grouped by a number: in each group in the order of the log.
    pub(super) fn grouped(
        &self,
        key: impl Fn(&Payment) -> Option<No>,
        mut each: impl FnMut(No, &[(&'a Payment, i64)]),
    ) {
        let mut rows = Vec::new();
        self.by_number(
            |payment| if 0 < self.net(payment) { key(payment) } else { None },
            |number, payments| {
                rows.clear();
                rows.extend(payments.map(|payment| (payment, self.net(payment))));
                each(number, &rows);
            },
        );
    }

    /// Payments that have a number, by it and then in the order of the log. Eight bytes a payment are all that
    /// is held: there are millions.
    pub(super) fn by_number(
        &self,
        key: impl Fn(&Payment) -> Option<No>,
        mut each: impl FnMut(No, &mut dyn Iterator<Item = &'a Payment>),
    ) {
        let mut order: Vec<u64> = Vec::with_capacity(self.facts.payment_count());
        for (no, payment) in (0_u64..).zip(self.facts.payments()) {
            if let Some(key) = key(payment) {
                order.push((u64::from(key) << 32) | no);
            }
        }
        order.sort_unstable();
        for group in order.chunk_by(|a, b| a >> 32 == b >> 32) {
            let number = group.first().and_then(|packed| No::try_from(packed >> 32).ok());
            let mut payments = group.iter().filter_map(|packed| {
                self.facts.payment(No::try_from(packed & u64::from(u32::MAX)).ok()?)
            });
            each(number.unwrap_or_default(), &mut payments);
        }
    }

    /// From where a payment was made.
    pub(super) fn route(&self, payment: &Payment) -> Route {
        let none = Route { unit: Unit::PROVINCE, quota: 0, village: Unit::PROVINCE };
        self.facts.routes.key(payment.route).unwrap_or(none)
    }

    /// The code of a household.
    pub(super) fn code(&self, household: No) -> Option<HouseholdCode> {
        self.facts.households.key(household)
    }

    /// The subject that a household is.
    pub(super) fn household(&self, household: No) -> Subject {
        let village = self.village(household, self.date).unwrap_or(Unit::PROVINCE);
        self.code(household)
            .map_or(Subject::Unit(village), |code| Subject::Household { code, village })
    }

    /// The token of an account.
    pub(super) fn account(&self, account: No) -> Token {
        self.facts.accounts.key(account).unwrap_or_default()
    }

    fn standings(&self, household: No) -> impl Iterator<Item = &'a rows::Standing> {
        let facts = self.facts;
        facts.standings_of.of(household).filter_map(|no| facts.standings.get(at(no)))
    }

    /// A household's state on a day, since when, and the record that says so.
    pub(super) fn state(&self, household: No, date: Date) -> Option<(HouseholdState, Date, At)> {
        self.standings(household)
            .filter(|row| row.date <= date)
            .filter_map(|row| Some(((row.date, row.seq), row.state?)))
            .max_by_key(|(when, _)| *when)
            .map(|((date, seq), state)| (state, date, seq))
    }

    /// The day on which a household was registered first, and the record that says so.
    pub(super) fn first_registered(&self, household: No) -> Option<(Date, At)> {
        let known = self.standings(household).filter(|row| row.state.is_some());
        known.map(|row| (row.date, row.seq)).min()
    }

    /// A household's village on a day.
    pub(super) fn village(&self, household: No, date: Date) -> Option<Unit> {
        self.standings(household)
            .filter(|row| row.date <= date)
            .filter_map(|row| Some(((row.date, row.seq), row.village?)))
            .max_by_key(|(when, _)| *when)
            .map(|(_, village)| village)
    }

    /// All who ever were in a household.
    pub(super) fn members(&self, household: No) -> impl Iterator<Item = &'a Membership> {
        let facts = self.facts;
        facts.members_of.of(household).filter_map(|no| facts.memberships.get(at(no)))
    }

    /// Members on a day.
    pub(super) fn heads(&self, household: No, date: Date) -> i64 {
        let active = self.members(household).filter(|m| m.active(date)).count();
        i64::try_from(active).unwrap_or(i64::MAX)
    }

    /// Accounts ever bound to a household.
    pub(super) fn bindings(&self, household: No) -> impl Iterator<Item = &'a Binding> {
        let facts = self.facts;
        facts.bindings_of.of(household).filter_map(|no| facts.bindings.get(at(no)))
    }

    /// The binding that a payment went by: the last one of its household and account that had begun.
    pub(super) fn binding(&self, payee: No, account: No, date: Date) -> Option<&'a Binding> {
        self.bindings(payee)
            .filter(|row| row.account == account && row.from <= date)
            .max_by_key(|row| (row.from, row.seq))
    }

    /// The record of a voucher as people write it.
    pub(super) fn record(&self, seq: At, unit: Unit) -> Subject {
        Subject::Record { seq, unit, text: self.reference(seq) }
    }

    fn reference(&self, seq: At) -> String {
        self.facts.voucher(seq).map_or_else(
            || seq.to_string(),
            |voucher| {
                let line = seq.saturating_sub(voucher.first);
                format!("{}/{}/{line}", voucher.organisation, voucher.number)
            },
        )
    }
}

/// Longest run of rows, in the order of days, that lies within so many days of its first: calls `each` with
/// every run that cannot be made longer.
pub(super) fn windows<T>(
    rows: &[T],
    days: i64,
    day: impl Fn(&T) -> Date,
    mut each: impl FnMut(&[T]),
) {
    let mut end_before = 0;
    for start in 0..rows.len() {
        let Some(rest) = rows.get(start..) else { return };
        let Some(first) = rest.first() else { return };
        let inside = rest.partition_point(|row| day(row).days_since(day(first)) <= days);
        let end = start.saturating_add(inside);
        if end_before < end {
            end_before = end;
            if let Some(run) = rest.get(..inside) {
                each(run);
            }
        }
    }
}

/// Joins runs that fired into one alert a subject.
#[derive(Default)]
pub(super) struct Hit {
    pub(super) evidence: std::collections::BTreeSet<At>,
    pub(super) fen: i64,
    seen: std::collections::BTreeSet<At>,
}

impl Hit {
    /// Adds a payment and its amount, once.
    pub(super) fn add(&mut self, seq: At, fen: i64) {
        if self.seen.insert(seq) {
            self.evidence.insert(seq);
            self.fen = self.fen.saturating_add(fen);
        }
    }

    /// Adds a record without an amount.
    pub(super) fn show(&mut self, seq: At) {
        self.evidence.insert(seq);
    }

    /// The alert, when anything was added.
    pub(super) fn found(self, subject: Subject, zh: String, en: String) -> Option<Found> {
        if self.evidence.is_empty() {
            return None;
        }
        let evidence = self.evidence.into_iter().collect();
        Some(Found { subject, severity: None, fen: self.fen, evidence, zh, en })
    }
}
