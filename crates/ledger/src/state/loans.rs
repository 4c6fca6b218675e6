//! Micro-loans whose interest is subsidised, and what was paid on them.
//!
//! Always: an id is used for ever; the principal is bank money and stands in no book.
//! Source: domain contract, 3.1 and 4.4; 粤发〔2016〕13号 §14.

use record::Seq;

use crate::event::Drift;
use crate::ids::{Date, HouseholdCode, LoanId};
use crate::saved::{saved_fields, state_fields};
use crate::table::{Index, Table};

/// A loan.
#[derive(Clone, Copy, Debug)]
pub struct Loan {
    /// Its id.
    pub id: LoanId,
    /// Household that borrowed.
    pub household: HouseholdCode,
    /// Principal in fen.
    pub principal: i64,
    /// Term in months.
    pub months: u32,
    /// Yearly rate in basis points.
    pub rate_bp: u32,
    /// First day on which interest may be paid: the effective date of its registration.
    pub from: Date,
    /// First day without, if it is closed.
    pub end: Option<Date>,
    /// Interest paid on it, net of what came back, in fen.
    pub subsidy: i64,
    /// Record that registered it.
    pub seq: Seq,
}

impl Loan {
    /// The most interest that may be paid: principal × rate × term, rounded down.
    pub fn interest_max(&self) -> i64 {
        /// Basis points of a whole, times months of a year.
        const PARTS: i128 = 120_000;
        let interest = i128::from(self.principal)
            .saturating_mul(i128::from(self.rate_bp))
            .saturating_mul(i128::from(self.months));
        i64::try_from(interest / PARTS).unwrap_or(i64::MAX)
    }

    /// Whether it is open on a day. The day of closing does not count.
    pub fn open_on(&self, date: Date) -> bool {
        self.from <= date && self.end.is_none_or(|end| date < end)
    }
}

/// All loans.
#[derive(Clone, Debug, Default)]
pub struct Loans {
    rows: Table<Loan>,
    numbers: Index<LoanId>,
}

saved_fields!(Loan { id, household, principal, months, rate_bp, from, end, subsidy, seq });
state_fields!(Loans { rows, numbers });

impl Loans {
    /// A loan that was ever registered.
    pub fn get(&self, id: LoanId) -> Option<&Loan> {
        self.rows.get(self.numbers.get(&id)?)
    }

    /// Adds a loan.
    ///
    /// # Errors
    /// Its id was used before.
    pub(crate) fn add(&mut self, loan: Loan) -> Result<(), Drift> {
        let id = loan.id;
        if self.numbers.get(&id).is_some() {
            return Err(Drift::of(format!("loan {id} stands already")));
        }
        let number = self.rows.push(loan).ok_or(Drift::overflow("loans"))?;
        self.numbers.insert(id, number);
        Ok(())
    }

    /// A loan to be changed.
    ///
    /// # Errors
    /// It is not known.
    pub(crate) fn edit(&mut self, id: LoanId) -> Result<&mut Loan, Drift> {
        let number = self.numbers.get(&id);
        let number = number.ok_or_else(|| Drift::of(format!("loan {id} is not known")))?;
        self.rows.edit(number).ok_or(Drift::overflow("loans"))
    }

    /// Moves the interest paid on a loan; of a payment without one nothing.
    ///
    /// # Errors
    /// The loan is not known, or an overflow.
    pub(crate) fn move_subsidy(&mut self, id: LoanId, fen: i64) -> Result<(), Drift> {
        if id.is_empty() {
            return Ok(());
        }
        let loan = self.edit(id)?;
        let sum = loan.subsidy.checked_add(fen);
        loan.subsidy = sum.ok_or(Drift::overflow("interest on a loan"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interest_is_principal_times_rate_times_term_rounded_down() {
        let loan = |principal, rate_bp, months| Loan {
            id: LoanId::EMPTY,
            household: HouseholdCode::parse("44142490120100013").unwrap(),
            principal,
            months,
            rate_bp,
            from: Date(10),
            end: Some(Date(12)),
            subsidy: 0,
            seq: Seq(0),
        };
        // 50,000.00 yuan at 4.35 % over three years: 6,525.00 yuan.
        assert_eq!(loan(5_000_000, 435, 36).interest_max(), 652_500);
        assert_eq!(loan(5_000_000, 0, 36).interest_max(), 0);
        // 1,000.00 yuan at 4.75 % for a month: 3.958… yuan.
        assert_eq!(loan(100_000, 475, 1).interest_max(), 395);
        let open: Vec<bool> = (9..=12).map(|day| loan(1, 1, 1).open_on(Date(day))).collect();
        assert_eq!(open, [false, true, true, false]);
    }
}
