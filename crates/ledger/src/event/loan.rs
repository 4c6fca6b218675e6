//! Micro-loans whose interest is subsidised: registered, closed.
//!
//! Source: domain contract, 3.1; 粤发〔2016〕13号 §14.

use record::Fen;

use super::{At, Body, Drift};
use crate::account::household_text;
use crate::field::Field;
use crate::ids::{Date, HouseholdCode, LoanId, Token};
use crate::state::State;
use crate::state::loans::Loan;
use crate::voucher::VoucherBuilder;

/// Kind 145: interest may be paid on a loan. Its principal is bank money and enters no book.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoanRegistered {
    /// Loan.
    pub loan: LoanId,
    /// Household that borrowed.
    pub household: HouseholdCode,
    /// Bank that lent.
    pub bank: Token,
    /// Principal.
    pub principal: Fen,
    /// Term in months.
    pub months: u32,
    /// Yearly rate in basis points.
    pub rate_bp: u32,
    /// First day of the loan.
    pub start: Date,
}

impl Body for LoanRegistered {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Loan, self.loan.as_str())
            .text(Field::Household, household_text(self.household, &mut [0; 17]))
            .token(Field::Bank, self.bank)
            .int(Field::Principal, self.principal.get())
            .int(Field::Months, i64::from(self.months))
            .int(Field::RateBp, i64::from(self.rate_bp))
            .text(Field::Start, &self.start.to_string());
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.loans.add(Loan {
            id: self.loan,
            household: self.household,
            principal: self.principal.get(),
            months: self.months,
            rate_bp: self.rate_bp,
            from: at.date,
            end: None,
            subsidy: 0,
            seq: at.seq,
        })
    }
}

/// Kind 146: a loan is paid off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoanClosed {
    /// Loan.
    pub loan: LoanId,
    /// Its household, copied so that no reader looks back.
    pub household: HouseholdCode,
}

impl Body for LoanClosed {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.text(Field::Loan, self.loan.as_str());
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.loans.edit(self.loan)?.end = Some(at.date);
        Ok(())
    }
}
