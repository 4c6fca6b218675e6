//! Reversals: the exact mirror of a record that should never have been made.
//!
//! Lives here: everything that a record of each kind did beside its legs, undone.
//!
//! Always: after record and reversal no balance, sum or mark differs from what it was without both, but
//! for ids, which are used for ever. All that is needed stands in the reversal: no reader looks back.
//! Source: domain contract, section 4.5.

use record::{Fen, Seq};

use super::money::{
    Reference, Word, amount_of, move_back, move_receipts, move_received, negative, quota_of,
    unit_of_account,
};
use super::project::move_benefit;
use super::{At, Body, Booked, Drift};
use crate::account::{Account, Legs};
use crate::field::Field;
use crate::ids::{
    BankRef, Date, HouseholdCode, LoanId, ProjectId, Purpose, Token, TrancheId, Unit,
};
use crate::kind::Kind;
use crate::reject::Month;
use crate::state::State;
use crate::state::money::{BankUse, Payee, Sender};
use crate::state::project::Target;
use crate::voucher::VoucherBuilder;

/// Kind 350.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reversed {
    /// The record that is reversed.
    pub original: Reference,
    /// Why.
    pub reason: Word,
    /// Its effective date.
    pub date: Date,
    /// Its kind.
    pub kind: Kind,
    /// Its legs, negated.
    pub legs: Box<Legs>,
    /// What it referred to itself.
    pub referred: Option<Seq>,
    /// Its purpose; empty for none.
    pub purpose: Purpose,
    /// Village that it counted to.
    pub village: Option<Unit>,
    /// Its account.
    pub account: Option<Token>,
    /// Its bank reference, which is free again; empty for none.
    pub bank_ref: BankRef,
    /// Its loan; empty for none.
    pub loan: LoanId,
    /// Its tranche; empty for none, and for openings.
    pub tranche: TrancheId,
    /// Its period.
    pub period: Option<Month>,
}

impl Reversed {
    /// Legs of the reversed record.
    pub fn original_legs(&self) -> Legs {
        self.legs.mirror().unwrap_or_default()
    }

    /// Amount of the reversed record, which is that of the reversal.
    pub fn amount(&self) -> Fen {
        amount_of(self.kind, &self.legs).unwrap_or_default()
    }

    fn sender(legs: &Legs) -> Option<Sender> {
        legs.as_slice().iter().filter(|(_, fen)| *fen < Fen::ZERO).find_map(|(a, _)| match a {
            Account::Src(source, treasury, _) => Some(Sender::Source(*source, *treasury)),
            Account::Hold(unit, _) => Some(Sender::Unit(*unit)),
            _ => None,
        })
    }

    /// The bank reference that the reversed record used.
    fn bank_use(&self) -> Option<BankUse> {
        let legs = self.original_legs();
        let payee = legs.as_slice().iter().find_map(|(account, _)| match account {
            Account::Way(unit, _) => Some(Payee::Unit(*unit)),
            Account::Household(code) => Some(Payee::Household(*code)),
            Account::Project(id) => Some(Payee::Project(*id)),
            _ => None,
        })?;
        let (sender, quota) = (Self::sender(&legs)?, quota_of(&legs)?);
        Some(BankUse { sender, payee, bank_ref: self.bank_ref, quota })
    }

    fn household(&self) -> Option<HouseholdCode> {
        self.legs.as_slice().iter().find_map(|(account, _)| match account {
            Account::Household(code) => Some(*code),
            _ => None,
        })
    }

    fn benefit(&self) -> Option<(ProjectId, Target)> {
        let legs = self.legs.as_slice();
        let project = legs.iter().find_map(|(account, _)| match account {
            Account::Open(id) => Some(*id),
            _ => None,
        })?;
        let target = legs.iter().find_map(|(account, _)| match account {
            Account::BenefitHousehold(code) => Some(Target::Household(*code)),
            Account::BenefitVillage(unit) => Some(Target::Village(*unit)),
            _ => None,
        })?;
        Some((project, target))
    }

    /// Undoes what the reversed record did beside its legs.
    fn undo(&self, state: &mut State) -> Result<(), Drift> {
        let lacks = |what: &str| Drift::of(format!("reversal of a {} without {what}", self.kind));
        let amount = self.amount().get();
        let out = amount.saturating_neg();
        let by = self.original.seq;
        let money = &mut state.money;
        match self.kind {
            Kind::OpeningBalance => self.undo_opening(state),
            Kind::TrancheOpened => self.undo_tranche(state),
            Kind::QuotaIssued => {
                let quota = quota_of(&self.legs).ok_or_else(|| lacks("a quota"))?;
                if let Some(opened) = money.tranche(self.tranche).map(|tranche| tranche.seq) {
                    money.set_dependant(opened, by, false);
                }
                money.move_issued(quota, out)
            }
            Kind::QuotaWithdrawn => self.undo_withdrawal(state),
            Kind::TransferReceived => {
                move_received(money, self.referred.ok_or_else(|| lacks("a transfer"))?, by, out)
            }
            Kind::TransferReturned | Kind::ProjectSurplusReturned => {
                move_back(money, self.referred.ok_or_else(|| lacks("a payment"))?, by, out)
            }
            Kind::TransferSent | Kind::FundsReturnedUp | Kind::DisbursedToProject => {
                self.free_bank_ref(state)
            }
            Kind::DisbursedToHousehold => {
                self.free_bank_ref(state)?;
                self.move_household(state, out)
            }
            Kind::PaymentReturned | Kind::OverpaymentRepaid => {
                let payment = self.referred.ok_or_else(|| lacks("a payment"))?;
                move_back(money, payment, by, out)?;
                self.move_household(state, amount)
            }
            Kind::BenefitAttributed | Kind::BenefitWithdrawn => {
                let (project, target) = self.benefit().ok_or_else(|| lacks("a target"))?;
                let sign = if self.kind == Kind::BenefitAttributed { out } else { amount };
                move_benefit(state, project, target, sign)
            }
            Kind::QuotaReleased | Kind::IncomeDeclared | Kind::IncomeDistributed => Ok(()),
            _ => Err(lacks("a movement")),
        }
    }

    fn undo_opening(&self, state: &mut State) -> Result<(), Drift> {
        let (quota, amount) = (quota_of(&self.legs), negative(self.amount()));
        let quota = quota.ok_or_else(|| Drift::of("reversal of an opening without a quota"))?;
        let row = state.money.quota(quota).map(|(_, row)| (row.home, row.source));
        if let Some((home, _)) = row.filter(|(_, source)| source.is_shared()) {
            state.money.move_planned(home, amount)?;
        }
        state.money.move_issued(quota, amount)
    }

    fn undo_tranche(&self, state: &mut State) -> Result<(), Drift> {
        let Some(mut tranche) = state.money.tranche(self.tranche).cloned() else {
            return Err(Drift::of(format!("tranche {} is not known", self.tranche)));
        };
        tranche.reversed = true;
        let (home, scheme, parts) = (tranche.home, tranche.scheme, tranche.parts);
        state.money.set_tranche(self.tranche, tranche);
        state.money.move_charged(home, scheme, parts, -1)?;
        state.money.move_planned(home, negative(self.amount()))
    }

    /// At the top a withdrawal lowered what is issued; below it moved legs only.
    fn undo_withdrawal(&self, state: &mut State) -> Result<(), Drift> {
        let obligation =
            |account: &Account| matches!(account, Account::Owed(..) | Account::Plan(..));
        match quota_of(&self.legs) {
            Some(quota) if self.legs.as_slice().iter().any(|(a, _)| obligation(a)) => {
                state.money.move_issued(quota, self.amount().get())
            }
            _ => Ok(()),
        }
    }

    fn free_bank_ref(&self, state: &mut State) -> Result<(), Drift> {
        let used = self.bank_use().ok_or_else(|| Drift::of("reversal without a payee"))?;
        state.money.free_bank_use(&used, self.date, self.original.seq)
    }

    fn move_household(&self, state: &mut State, fen: i64) -> Result<(), Drift> {
        if let (Some(household), Some(quota)) = (self.household(), quota_of(&self.legs)) {
            move_receipts(state, quota, household, fen)?;
        }
        state.loans.move_subsidy(self.loan, fen)
    }
}

impl Body for Reversed {
    fn legs(&self) -> Legs {
        *self.legs
    }

    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Ref, &self.original.text)
            .text(Field::Reason, self.reason.as_str())
            .int(Field::Amount, self.amount().get());
    }

    fn booked(&self, state: &State) -> Option<Booked> {
        let unit = unit_of_account(state, self.kind, &self.original_legs())?;
        Booked::counted(unit, self.amount())
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        if self.kind == Kind::QuotaWithdrawn {
            // What is issued must rise before cash can be asked whether it is covered.
            self.undo(state)?;
            state.apply(&self.legs, at.date)?;
        } else {
            state.apply(&self.legs, at.date)?;
            self.undo(state)?;
        }
        let mut mark = state.money.mark(self.original.seq);
        mark.reversed_by = Some(at.seq);
        state.money.set_mark(self.original.seq, mark);
        Ok(())
    }
}
