//! Projects: registered, paid, attributed; income of their assets.
//!
//! Source: domain contract, sections 3.1 and 4.3; 粤发〔2016〕13号 §17.

use record::Fen;

use super::money::{Reference, Word, and, move_back, negative, receive, two};
use super::{At, Body, Booked, Drift};
use crate::account::{Account, Legs, household_text};
use crate::field::Field;
use crate::ids::{BankRef, ProjectId, Purpose, QuotaId, Token, Unit};
use crate::reject::Month;
use crate::state::State;
use crate::state::money::{BankUse, Payee, Sender};
use crate::state::project::{Project, ProjectState, Target};
use crate::voucher::VoucherBuilder;

/// Kind 140: a project enters the register.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectRegistered {
    /// Project.
    pub project: ProjectId,
    /// Unit it lies in.
    pub unit: Unit,
    /// Purpose.
    pub purpose: Purpose,
    /// Planned cost.
    pub planned: Fen,
    /// Who runs it.
    pub operator: Token,
    /// Tender or purchase; empty when there is none.
    pub procurement_ref: Box<str>,
    /// Share register, as given; may be empty.
    pub shares: Box<[(Target, u32)]>,
    /// Version of the purpose list.
    pub purposes_version: u32,
}

fn put_shares(line: &mut VoucherBuilder, shares: &[(Target, u32)]) {
    for (target, count) in shares {
        line.begin_entry(Field::Shares);
        match target {
            Target::Household(code) => {
                line.member_text("household", household_text(*code, &mut [0; 17]));
            }
            Target::Village(unit) => {
                line.member_text("village", unit.path().as_str());
            }
        }
        line.member_int("shares", i64::from(*count));
    }
}

impl Body for ProjectRegistered {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Project, self.project.as_str())
            .text(Field::Unit, self.unit.path().as_str())
            .text(Field::Purpose, self.purpose.as_str())
            .int(Field::Planned, self.planned.get())
            .token(Field::Operator, self.operator)
            .text(Field::ProcurementRef, &self.procurement_ref);
        put_shares(line, &self.shares);
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        let mut project = Project {
            id: self.project,
            unit: self.unit,
            purpose: self.purpose,
            planned: self.planned.get(),
            operator: self.operator,
            state: ProjectState::Registered,
            registers: [].into(),
            open: 0,
            due: 0,
            seq: at.seq,
        };
        if !self.shares.is_empty() {
            project.add_register(at.date, &self.shares);
        }
        state.projects.add(project)
    }
}

/// Kind 141: a project changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectAmended {
    /// Project.
    pub project: ProjectId,
    /// New planned cost.
    pub planned: Option<Fen>,
    /// New share register; empty: unchanged.
    pub shares: Box<[(Target, u32)]>,
    /// Whether it is accepted now.
    pub accepted: bool,
}

impl Body for ProjectAmended {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Project, self.project.as_str());
        if let Some(planned) = self.planned {
            line.int(Field::Planned, planned.get());
        }
        put_shares(line, &self.shares);
        if self.accepted {
            line.text(Field::State, ProjectState::Accepted.name());
        }
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        let project = state.projects.edit(self.project)?;
        if let Some(planned) = self.planned {
            project.planned = planned.get();
        }
        if !self.shares.is_empty() {
            project.add_register(at.date, &self.shares);
        }
        if self.accepted {
            project.state = ProjectState::Accepted;
        }
        Ok(())
    }
}

/// Kind 142: a project ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectClosed {
    /// Project.
    pub project: ProjectId,
}

impl Body for ProjectClosed {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Project, self.project.as_str());
    }

    fn evolve(&self, state: &mut State, _: &At) -> Result<(), Drift> {
        state.projects.edit(self.project)?.state = ProjectState::Closed;
        Ok(())
    }
}

/// Kind 331: cash is paid to a project.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisbursedToProject {
    /// Quota.
    pub quota: QuotaId,
    /// Unit that pays.
    pub unit: Unit,
    /// Project.
    pub project: ProjectId,
    /// Purpose.
    pub purpose: Purpose,
    /// Reference of the bank.
    pub bank_ref: BankRef,
    /// Amount.
    pub amount: Fen,
    /// Version of the purpose list.
    pub purposes_version: u32,
    /// Version of the flow table.
    pub flows_version: u32,
}

impl DisbursedToProject {
    /// What must not be used twice.
    pub fn bank_use(&self) -> BankUse {
        let (sender, payee) = (Sender::Unit(self.unit), Payee::Project(self.project));
        BankUse { sender, payee, bank_ref: self.bank_ref, quota: self.quota }
    }
}

impl Body for DisbursedToProject {
    fn legs(&self) -> Legs {
        let (unit, quota, id) = (self.unit, self.quota, self.project);
        let cash = two(Account::Hold(unit, quota), Account::Project(id), self.amount);
        let used = and(cash, Account::Quota(unit, quota), Account::Used(unit, quota), self.amount);
        and(used, Account::Base(id), Account::Open(id), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::Unit, self.unit.path().as_str())
            .text(Field::Project, self.project.as_str())
            .text(Field::Purpose, self.purpose.as_str())
            .text(Field::BankRef, self.bank_ref.as_str())
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(self.unit, self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)?;
        let project = state.projects.edit(self.project)?;
        if project.state == ProjectState::Registered {
            project.state = ProjectState::Paying;
        }
        state.money.note_bank_use(&self.bank_use(), at.date, at.seq);
        Ok(())
    }
}

/// Kind 342: a project gave back what it did not need.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectSurplusReturned {
    /// Quota.
    pub quota: QuotaId,
    /// Payment that it comes back from.
    pub payment: Reference,
    /// Unit that paid.
    pub unit: Unit,
    /// Project that was paid.
    pub project: ProjectId,
    /// Why.
    pub reason: Word,
    /// Amount.
    pub amount: Fen,
    /// Purpose of the payment.
    pub purpose: Purpose,
}

impl Body for ProjectSurplusReturned {
    fn legs(&self) -> Legs {
        let (unit, quota, id) = (self.unit, self.quota, self.project);
        let cash = two(Account::Project(id), Account::Hold(unit, quota), self.amount);
        let used = and(cash, Account::Used(unit, quota), Account::Quota(unit, quota), self.amount);
        and(used, Account::Open(id), Account::Base(id), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Quota, self.quota.as_str())
            .text(Field::Ref, &self.payment.text)
            .text(Field::Reason, self.reason.as_str())
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, _: &State) -> Option<Booked> {
        Booked::counted(self.unit, self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)?;
        move_back(&mut state.money, self.payment.seq, at.seq, self.amount.get())
    }
}

/// A movement between what a project has and who benefits from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Benefit {
    /// Project.
    pub project: ProjectId,
    /// Who benefits.
    pub target: Target,
    /// Amount.
    pub amount: Fen,
    /// Village it counts to: of a household where it lived on the day.
    pub village: Unit,
}

impl Benefit {
    /// The account of a target in the book of benefits.
    pub fn account(target: Target) -> Account {
        match target {
            Target::Household(code) => Account::BenefitHousehold(code),
            Target::Village(unit) => Account::BenefitVillage(unit),
        }
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Project, self.project.as_str());
        put_target(line, self.target);
        line.int(Field::Amount, self.amount.get());
    }
}

fn put_target(line: &mut VoucherBuilder, target: Target) {
    match target {
        Target::Household(code) => {
            line.text(Field::Household, household_text(code, &mut [0; 17]));
        }
        Target::Village(unit) => {
            line.text(Field::Village, unit.path().as_str());
        }
    }
}

/// Moves what a target has from a project, and of a household its receipts.
pub(super) fn move_benefit(
    state: &mut State,
    project: ProjectId,
    target: Target,
    fen: i64,
) -> Result<(), Drift> {
    state.projects.move_attributed(project, target, fen)?;
    match target {
        Target::Household(code) => receive(state, code, fen),
        Target::Village(_) => Ok(()),
    }
}

/// Kind 332: benefit of a project's spending is attributed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BenefitAttributed(pub Benefit);

impl Body for BenefitAttributed {
    fn legs(&self) -> Legs {
        let b = &self.0;
        two(Account::Open(b.project), Benefit::account(b.target), b.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        self.0.fields(line);
    }

    fn booked(&self, state: &State) -> Option<Booked> {
        Booked::counted(state.projects.unit(self.0.project)?, self.0.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)?;
        move_benefit(state, self.0.project, self.0.target, self.0.amount.get())
    }
}

/// Kind 333: attributed benefit is lowered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BenefitWithdrawn(pub Benefit);

impl Body for BenefitWithdrawn {
    fn legs(&self) -> Legs {
        let b = &self.0;
        two(Benefit::account(b.target), Account::Open(b.project), b.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        self.0.fields(line);
    }

    fn booked(&self, state: &State) -> Option<Booked> {
        Booked::counted(state.projects.unit(self.0.project)?, self.0.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)?;
        move_benefit(state, self.0.project, self.0.target, negative(self.0.amount))
    }
}

/// Kind 360: a project declares income.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IncomeDeclared {
    /// Project.
    pub project: ProjectId,
    /// Month.
    pub period: Month,
    /// Amount.
    pub amount: Fen,
}

impl Body for IncomeDeclared {
    fn legs(&self) -> Legs {
        two(Account::Operator(self.project), Account::Due(self.project), self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Project, self.project.as_str())
            .text(Field::Period, &self.period.to_string())
            .int(Field::Amount, self.amount.get());
    }

    fn booked(&self, state: &State) -> Option<Booked> {
        Booked::counted(state.projects.unit(self.project)?, self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)
    }
}

/// Kind 361: income is passed to a shareholder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IncomeDistributed {
    /// Project.
    pub project: ProjectId,
    /// Who gets it.
    pub target: Target,
    /// Account that is paid, of a household.
    pub account: Option<Token>,
    /// Amount.
    pub amount: Fen,
    /// Village it counts to: of a household where it lived on the day.
    pub village: Unit,
}

impl Body for IncomeDistributed {
    fn legs(&self) -> Legs {
        let to = match self.target {
            Target::Household(code) => Account::IncomeHousehold(code),
            Target::Village(unit) => Account::IncomeVillage(unit),
        };
        two(Account::Due(self.project), to, self.amount)
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Project, self.project.as_str());
        put_target(line, self.target);
        if let Some(account) = self.account {
            line.token(Field::Account, account);
        }
        line.int(Field::Amount, self.amount.get());
    }

    fn booked(&self, state: &State) -> Option<Booked> {
        Booked::counted(state.projects.unit(self.project)?, self.amount)
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.apply(&self.legs(), at.date)
    }
}
