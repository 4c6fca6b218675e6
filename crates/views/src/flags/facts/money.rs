//! How money, projects, closed months and bank balances enter the facts.

use ledger::account::{Account, Legs};
use ledger::event::money::{BackTo, DisbursedToHousehold, quota_of};
use ledger::event::project::{Benefit as Given, DisbursedToProject};
use ledger::event::reversal::Reversed;
use ledger::event::{At, Event};
use ledger::ids::{Date, Level, ProjectId, QuotaId, Unit};
use ledger::kind::Kind;
use ledger::state::money::Sender;
use ledger::state::project::Target;
use record::Fen;

use super::rows::{
    Arrival, Assertion, Back, Benefit, Income, Move, PROJECT, Payment, Planned, Project, Quota,
    REVERSED, Release, Reversal, Route, Sent, Sum, TOUCHED,
};
use super::{Facts, quarter, short};
use crate::table::{NONE, No, at as index};

impl Facts {
    /// Takes in an event of money or of a project.
    pub(super) fn move_money(&mut self, at: &At, event: &Event) {
        let legs = event.legs();
        let unit = if let Event::Reversed(e) = event {
            self.unit_of(e.kind, &e.original_legs())
        } else {
            self.define(at, event);
            self.unit_of(event.kind(), &legs)
        };
        if let Some(unit) = unit {
            let count = self.lines.entry((unit, quarter(at.date))).or_default();
            *count = count.saturating_add(1);
            if let Some(voucher) = self.vouchers.last_mut() {
                voucher.money = true;
            }
        }
        match event {
            Event::DisbursedToHousehold(e) => return self.pay_household(at, e),
            Event::DisbursedToProject(e) => return self.pay_project(at, e),
            Event::Reversed(e) => return self.reverse(at, e, unit),
            Event::PaymentReturned(e) => self.give_back(at, e.0.payment.seq, e.0.amount),
            Event::OverpaymentRepaid(e) => self.give_back(at, e.0.payment.seq, e.0.amount),
            Event::ProjectSurplusReturned(e) => self.give_back(at, e.payment.seq, e.amount),
            Event::BenefitAttributed(e) => self.benefit(at, &e.0, e.0.amount.get()),
            Event::BenefitWithdrawn(e) => {
                self.benefit(at, &e.0, e.0.amount.get().saturating_neg());
            }
            _ => self.other(at, event),
        }
        self.move_units(at, &legs);
    }

    /// Quotas and projects are known by number from their first record on.
    fn define(&mut self, at: &At, event: &Event) {
        let seq = short(at.seq);
        let mut quota = |id: QuotaId, source, treasury, home, programme, fen: Fen| {
            let of = self.quota_names.number(&id);
            let date = at.date;
            let row = Quota { source, treasury, home, programme, issued: seq, date };
            put(&mut self.quotas, of, row);
            self.issues.push(Sum { seq, date, of, fen: fen.get() });
        };
        match event {
            Event::OpeningBalance(e) => {
                quota(e.quota, e.source, e.treasury, e.home, e.programme, e.issued);
            }
            Event::QuotaIssued(e) => {
                quota(e.quota, e.source, e.treasury, e.home, e.programme, e.amount);
            }
            Event::ProjectRegistered(e) => {
                let of = self.project_names.number(&e.project);
                let p04 = e.purpose.as_str() == "P04";
                put(&mut self.projects, of, Project { unit: e.unit, p04, accepted: None });
            }
            _ => {}
        }
    }

    fn other(&mut self, at: &At, event: &Event) {
        let (seq, date) = (short(at.seq), at.date);
        match event {
            Event::TrancheOpened(e) => {
                let parts = e.parts.map(Fen::get);
                self.planned.push(Planned { seq, date, home: e.home, parts });
            }
            Event::OpeningBalance(e) if e.source.is_shared() => {
                let mut parts = [0; 3];
                if let Some(part) = parts.get_mut(e.source.index()) {
                    *part = e.issued.get();
                }
                self.planned.push(Planned { seq, date, home: e.home, parts });
            }
            Event::QuotaReleased(e) => self.release(at, e.quota, (e.from, e.to), e.amount.get()),
            Event::QuotaWithdrawn(e) => match e.back_to {
                BackTo::Unit(to) => {
                    self.release(at, e.quota, (to, e.from), e.amount.get().saturating_neg());
                }
                BackTo::Source(..) => {
                    let of = self.quota_names.number(&e.quota);
                    let fen = e.amount.get().saturating_neg();
                    self.issues.push(Sum { seq, date, of, fen });
                }
            },
            Event::TransferSent(e) => {
                let from_source = matches!(e.from, Sender::Source(..));
                self.send(at, e.quota, e.to, from_source, e.amount);
            }
            Event::FundsReturnedUp(e) => self.send(at, e.quota, e.to, false, e.amount),
            Event::TransferReceived(e) => self.arrive(at, e.sent.seq, true, e.amount),
            Event::TransferReturned(e) => self.arrive(at, e.sent.seq, false, e.amount),
            Event::ProjectAmended(e) if e.accepted => {
                let of = self.project_names.number(&e.project);
                if let Some(Some(project)) = self.projects.get_mut(index(of)) {
                    project.accepted = Some((date, seq));
                }
            }
            Event::IncomeDeclared(e) => {
                let of = self.project_names.number(&e.project);
                self.declared.push(Sum { seq, date, of, fen: e.amount.get() });
            }
            Event::IncomeDistributed(e) => {
                let project = self.project_names.number(&e.project);
                let household = self.household_of(e.target);
                let account = e.account.map_or(NONE, |token| self.accounts.number(&token));
                let fen = e.amount.get();
                self.incomes.push(Income { seq, date, project, household, account, fen });
            }
            Event::PeriodClosed(e) => {
                self.closings.entry(e.unit).or_default().push((e.period.0, seq));
            }
            Event::BalanceAsserted(e) => {
                let difference = e.difference.get();
                self.assertions.push(Assertion { seq, date: e.date, unit: e.unit, difference });
            }
            _ => {}
        }
    }

    fn pay_household(&mut self, at: &At, e: &DisbursedToHousehold) {
        let quota = self.quota_names.number(&e.quota);
        let row = Payment::new(short(at.seq), at.date, e.amount.get(), e.purpose);
        let route = Route { unit: e.unit, quota, village: e.village };
        let row = Payment {
            payee: self.households.number(&e.household),
            account: self.accounts.number(&e.account),
            route: self.routes.number(&route),
            member: e.member_no.unwrap_or(0),
            ..row
        };
        self.add_payment(row);
    }

    fn pay_project(&mut self, at: &At, e: &DisbursedToProject) {
        let quota = self.quota_names.number(&e.quota);
        let row = Payment::new(short(at.seq), at.date, e.amount.get(), e.purpose);
        let route = Route { unit: e.unit, quota, village: e.unit };
        let row = Payment {
            payee: self.project_names.number(&e.project),
            route: self.routes.number(&route),
            marks: PROJECT,
            ..row
        };
        self.add_payment(row);
    }

    fn give_back(&mut self, at: &At, payment: record::Seq, amount: Fen) {
        let payment = short(payment);
        let back = Back { seq: short(at.seq), date: at.date, fen: amount.get() };
        self.backs.entry(payment).or_default().push(back);
        self.mark(payment, TOUCHED);
    }

    fn reverse(&mut self, at: &At, e: &Reversed, unit: Option<Unit>) {
        let original = short(e.original.seq);
        self.reversed.insert(original);
        self.mark(original, REVERSED);
        if let Some(backs) = e.referred.and_then(|seq| self.backs.get_mut(&short(seq))) {
            backs.retain(|back| back.seq != original);
        }
        let unit = unit.unwrap_or(Unit::PROVINCE);
        self.reversals.push(Reversal {
            seq: short(at.seq),
            date: at.date,
            original,
            original_date: e.date,
            unit,
            purpose: e.reason.as_str() == "purpose",
            fen: e.amount().get(),
        });
    }

    fn benefit(&mut self, at: &At, e: &Given, fen: i64) {
        let project = self.project_names.number(&e.project);
        let household = self.household_of(e.target);
        let (seq, date, village) = (short(at.seq), at.date, e.village);
        self.benefits.push(Benefit { seq, date, project, household, village, fen });
    }

    fn household_of(&mut self, target: Target) -> Option<No> {
        match target {
            Target::Household(code) => Some(self.households.number(&code)),
            Target::Village(_) => None,
        }
    }

    /// Remembers quota that went between a home city and one of its counties.
    fn release(&mut self, at: &At, quota: QuotaId, (city, county): (Unit, Unit), fen: i64) {
        if city.level() != Level::City || county.level() != Level::County {
            return;
        }
        let quota = self.quota_names.number(&quota);
        let (seq, date) = (short(at.seq), at.date);
        self.releases.push(Release { seq, date, quota, city, county, fen });
    }

    fn send(&mut self, at: &At, quota: QuotaId, to: Unit, from_source: bool, fen: Fen) {
        let quota = self.quota_names.number(&quota);
        let (seq, date, fen) = (short(at.seq), at.date, fen.get());
        self.sent.push(Sent { seq, date, quota, from_source, to, fen });
    }

    fn arrive(&mut self, at: &At, sent: record::Seq, arrived: bool, fen: Fen) {
        let (seq, date, sent, fen) = (short(at.seq), at.date, short(sent), fen.get());
        self.arrivals.push(Arrival { seq, date, sent, arrived, fen });
    }

    /// Remembers what moved in the cash and the quota of units.
    fn move_units(&mut self, at: &At, legs: &Legs) {
        for (account, fen) in legs.as_slice() {
            let (unit, id, hold, right) = match account {
                Account::Hold(unit, id) => (*unit, id, fen.get(), 0),
                Account::Quota(unit, id) => (*unit, id, 0, fen.get()),
                _ => continue,
            };
            let quota = self.quota_names.number(id);
            self.moves.push(Move { seq: short(at.seq), date: at.date, unit, quota, hold, right });
        }
    }

    /// The unit of account of a record of kinds 310 to 361. Source: domain contract, 7.4.
    fn unit_of(&self, kind: Kind, legs: &Legs) -> Option<Unit> {
        let treasury = |id: QuotaId| {
            let no = self.quota_names.find(&id)?;
            self.quota(no).map(|quota| quota.treasury)
        };
        let side = |into: bool, of: fn(&Account) -> Option<Unit>| {
            let rows = legs.as_slice().iter();
            let mut rows = rows.filter(move |(_, fen)| (Fen::ZERO < *fen) == into);
            rows.find_map(move |(account, _)| of(account))
        };
        match kind {
            Kind::OpeningBalance => side(true, quota_unit).or_else(|| side(true, used_unit)),
            Kind::TrancheOpened => Some(Unit::PROVINCE),
            Kind::QuotaIssued => quota_of(legs).and_then(treasury),
            Kind::QuotaReleased => side(false, quota_unit),
            Kind::QuotaWithdrawn => {
                side(true, quota_unit).or_else(|| quota_of(legs).and_then(treasury))
            }
            Kind::TransferSent
            | Kind::FundsReturnedUp
            | Kind::DisbursedToHousehold
            | Kind::DisbursedToProject => side(false, cash_unit),
            Kind::TransferReceived
            | Kind::TransferReturned
            | Kind::PaymentReturned
            | Kind::OverpaymentRepaid
            | Kind::ProjectSurplusReturned => side(true, cash_unit),
            Kind::BenefitAttributed
            | Kind::BenefitWithdrawn
            | Kind::IncomeDeclared
            | Kind::IncomeDistributed => {
                let project =
                    legs.as_slice().iter().find_map(|(account, _)| project_of(account))?;
                self.project(self.project_names.find(&project)?).map(|project| project.unit)
            }
            _ => None,
        }
    }
}

fn quota_unit(account: &Account) -> Option<Unit> {
    if let Account::Quota(unit, _) = account { Some(*unit) } else { None }
}

fn used_unit(account: &Account) -> Option<Unit> {
    if let Account::Used(unit, _) = account { Some(*unit) } else { None }
}

fn cash_unit(account: &Account) -> Option<Unit> {
    match account {
        Account::Src(_, unit, _) | Account::Hold(unit, _) => Some(*unit),
        _ => None,
    }
}

fn project_of(account: &Account) -> Option<ProjectId> {
    match account {
        Account::Open(id) | Account::Due(id) => Some(*id),
        _ => None,
    }
}

fn put<T>(rows: &mut Vec<Option<T>>, no: No, row: T) {
    if rows.len() <= index(no) {
        rows.resize_with(index(no).saturating_add(1), || None);
    }
    if let Some(slot) = rows.get_mut(index(no)) {
        *slot = Some(row);
    }
}

/// The first day of a month that [`Date::month`] counts.
pub(crate) fn first_day(month: u32) -> Date {
    Date::of(month / 12, (month % 12).saturating_add(1), 1).unwrap_or(Date(u32::MAX))
}
