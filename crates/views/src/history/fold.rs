//! The fold of a lineage: how each household stands, what it was paid by year, quota, purpose, project.
//!
//! Always: all records of the lineage are folded together in the order of the log, so a split or a merge
//! sees both sides as they stood, and the peak is of the whole lineage at one time.

use std::collections::{BTreeMap, BTreeSet};

use ledger::account::Account;
use ledger::event::money::{Refund, quota_of};
use ledger::event::project::Benefit;
use ledger::event::registry::{HouseholdSplit, HouseholdsMerged};
use ledger::event::reversal::Reversed;
use ledger::event::{At, Event};
use ledger::ids::{Date, HouseholdCode, ProjectId, Purpose, QuotaId, Unit};
use ledger::kind::Kind;
use ledger::state::project::Target;
use ledger::words::{Class, HouseholdState};
use record::Seq;

use super::HistoryError;
use crate::step::Sign;

/// Year, quota, purpose, project.
pub(super) type Key = (u16, QuotaId, Purpose, ProjectId);

/// Sums of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) paid: i64,
    pub(super) refunded: i64,
    pub(super) attributed: i64,
    pub(super) asset_income: i64,
}

/// One household.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    pub(super) rows: BTreeMap<Key, Sums>,
    pub(super) state: Option<HouseholdState>,
    pub(super) class: Option<Class>,
    pub(super) village: Option<Unit>,
    pub(super) active: i64,
    pub(super) peak: i64,
    /// Standing payments by position: the newest date is that of the last payment.
    pub(super) payments: BTreeMap<Seq, Date>,
}

/// Households joined by splits and merges.
#[derive(Clone, Debug, Default)]
pub(super) struct Lineage {
    /// Its households. A member who moves to or from another brings that one into `own` for a moment.
    pub(super) known: BTreeSet<HouseholdCode>,
    pub(super) own: BTreeMap<HouseholdCode, Own>,
    /// Most active members of all together at one time.
    pub(super) peak: i64,
}

impl Lineage {
    /// Applies a record that names one or two households of the lineage.
    pub(super) fn apply(&mut self, at: &At, event: &Event) -> Result<(), HistoryError> {
        match event {
            Event::HouseholdRegistered(e) => {
                let own = self.of(e.household);
                own.state = Some(HouseholdState::Registered);
                (own.class, own.village) = (Some(e.class), Some(e.village));
                self.join(e.household, e.members.len());
            }
            Event::HouseholdAmended(e) => {
                let own = self.of(e.household);
                own.class = e.class.or(own.class);
            }
            Event::HouseholdMoved(e) => self.of(e.household).village = Some(e.village),
            Event::HouseholdSplit(e) => self.split(e),
            Event::HouseholdsMerged(e) => self.merge(e),
            Event::HouseholdExited(e) => self.stand(e.household, HouseholdState::Exited),
            Event::HouseholdReturned(e) => self.stand(e.household, HouseholdState::Registered),
            Event::HouseholdRemoved(e) => self.stand(e.household, HouseholdState::Removed),
            Event::HouseholdReinstated(e) => self.stand(e.household, HouseholdState::Registered),
            Event::HouseholdDissolved(e) => self.stand(e.household, HouseholdState::Dissolved),
            Event::MemberAdded(e) => self.join(e.household, 1),
            Event::MemberLeft(e) => self.leave(e.household, 1),
            Event::MemberDied(e) => self.leave(e.household, 1),
            Event::MemberMoved(e) => {
                self.leave(e.from, 1);
                self.join(e.to, 1);
            }
            _ => return self.apply_money(at, event),
        }
        let relatives = self.own.iter().filter(|(code, _)| self.known.contains(code));
        let active = relatives.fold(0_i64, |sum, (_, own)| sum.saturating_add(own.active));
        self.peak = self.peak.max(active);
        Ok(())
    }

    /// Money, and what names a household without changing what is shown of it.
    fn apply_money(&mut self, at: &At, event: &Event) -> Result<(), HistoryError> {
        let year = at.date.year();
        match event {
            Event::DisbursedToHousehold(e) => {
                self.of(e.household).payments.insert(at.seq, at.date);
                let key = (year, e.quota, e.purpose, ProjectId::EMPTY);
                self.add(e.household, key, |row| &mut row.paid, e.amount.get())
            }
            Event::PaymentReturned(e) => self.repaid(year, &e.0),
            Event::OverpaymentRepaid(e) => self.repaid(year, &e.0),
            Event::BenefitAttributed(e) => self.attributed(year, &e.0, e.0.amount.get()),
            Event::BenefitWithdrawn(e) => {
                self.attributed(year, &e.0, e.0.amount.get().saturating_neg())
            }
            Event::IncomeDistributed(e) => {
                let Target::Household(code) = e.target else { return Ok(()) };
                let key = (year, QuotaId::EMPTY, Purpose::EMPTY, e.project);
                self.add(code, key, |row| &mut row.asset_income, e.amount.get())
            }
            Event::Reversed(e) => self.reversed(e),
            _ => Ok(()),
        }
    }

    fn repaid(&mut self, year: u16, e: &Refund) -> Result<(), HistoryError> {
        let key = (year, e.quota, e.purpose, ProjectId::EMPTY);
        self.add(e.household, key, |row| &mut row.refunded, e.amount.get())
    }

    fn attributed(&mut self, year: u16, e: &Benefit, fen: i64) -> Result<(), HistoryError> {
        let Target::Household(code) = e.target else { return Ok(()) };
        let key = (year, QuotaId::EMPTY, Purpose::EMPTY, e.project);
        self.add(code, key, |row| &mut row.attributed, fen)
    }

    /// Undoes a record of the lineage in the row where it counted.
    fn reversed(&mut self, e: &Reversed) -> Result<(), HistoryError> {
        let legs = e.original_legs();
        let accounts = || legs.as_slice().iter().map(|(account, _)| account);
        let project = accounts().find_map(|account| match account {
            Account::Open(id) | Account::Due(id) => Some(*id),
            _ => None,
        });
        let code = accounts().find_map(|account| match account {
            Account::Household(code)
            | Account::BenefitHousehold(code)
            | Account::IncomeHousehold(code) => Some(*code),
            _ => None,
        });
        let Some(code) = code else { return Ok(()) };
        let quota = quota_of(&legs).unwrap_or_default();
        let key = (e.date.year(), quota, e.purpose, project.unwrap_or_default());
        let fen = Sign::Minus.of(e.amount().get());
        match e.kind {
            Kind::DisbursedToHousehold => {
                self.of(code).payments.remove(&e.original.seq);
                self.add(code, key, |row| &mut row.paid, fen)
            }
            Kind::PaymentReturned | Kind::OverpaymentRepaid => {
                self.add(code, key, |row| &mut row.refunded, fen)
            }
            Kind::BenefitAttributed => self.add(code, key, |row| &mut row.attributed, fen),
            Kind::BenefitWithdrawn => {
                self.add(code, key, |row| &mut row.attributed, fen.saturating_neg())
            }
            Kind::IncomeDistributed => self.add(code, key, |row| &mut row.asset_income, fen),
            _ => Ok(()),
        }
    }

    fn split(&mut self, e: &HouseholdSplit) {
        let old = self.of(e.household);
        let (state, class, village) = (old.state, old.class, old.village);
        self.leave(e.household, e.members.len());
        let new = self.of(e.new_household);
        (new.state, new.class, new.village) = (state, class, village);
        self.join(e.new_household, e.members.len());
    }

    fn merge(&mut self, e: &HouseholdsMerged) {
        let registered = self.of(e.from).state == Some(HouseholdState::Registered);
        self.stand(e.from, HouseholdState::Dissolved);
        self.leave(e.from, e.members.len());
        if registered {
            self.stand(e.into, HouseholdState::Registered);
        }
        self.join(e.into, e.members.len());
    }

    fn stand(&mut self, code: HouseholdCode, state: HouseholdState) {
        self.of(code).state = Some(state);
    }

    fn join(&mut self, code: HouseholdCode, members: usize) {
        let own = self.of(code);
        own.active = own.active.saturating_add(i64::try_from(members).unwrap_or(i64::MAX));
        own.peak = own.peak.max(own.active);
    }

    fn leave(&mut self, code: HouseholdCode, members: usize) {
        let own = self.of(code);
        own.active = own.active.saturating_sub(i64::try_from(members).unwrap_or(i64::MAX));
    }

    fn of(&mut self, code: HouseholdCode) -> &mut Own {
        self.own.entry(code).or_default()
    }

    fn add(
        &mut self,
        code: HouseholdCode,
        key: Key,
        sum: impl FnOnce(&mut Sums) -> &mut i64,
        fen: i64,
    ) -> Result<(), HistoryError> {
        let sum = sum(self.of(code).rows.entry(key).or_default());
        *sum = sum.checked_add(fen).ok_or(HistoryError::Overflow { household: code })?;
        Ok(())
    }
}
