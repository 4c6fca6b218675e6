//! Micro-loans (145, 146).
//!
//! Source: domain contract, 3.1; 粤发〔2016〕13号 §14: at most 50,000 yuan for at most three years.

use record::Fen;

use super::checks::{fen, given};
use super::registry::{household, office};
use super::{Ctx, Fault};
use crate::event::Event;
use crate::event::loan::{LoanClosed, LoanRegistered};
use crate::field::Field;
use crate::ids::{Date, HouseholdCode, LoanId};
use crate::kind::Kind;
use crate::reject::Reason;
use crate::state::State;
use crate::voucher::LineRef;

/// Most that may be lent (2051).
const PRINCIPAL_MAX: Fen = Fen::new(5_000_000);
/// Longest term (2051).
const MONTHS_MAX: u32 = 36;

fn id(line: LineRef<'_>) -> Result<LoanId, Fault> {
    given(line, Field::Loan, LoanId::id(line.text(Field::Loan)))
}

/// 145: 2002 5013 2051 2052.
pub(super) fn register(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let number = |field| given(line, field, line.int(field).and_then(|n| u32::try_from(n).ok()));
    let code = HouseholdCode::parse(line.text(Field::Household)).ok();
    let event = LoanRegistered {
        loan: id(line)?,
        household: given(line, Field::Household, code)?,
        bank: given(line, Field::Bank, line.token(Field::Bank))?,
        principal: fen(line, Field::Principal)?,
        months: number(Field::Months)?,
        rate_bp: number(Field::RateBp)?,
        start: given(line, Field::Start, Date::parse(line.text(Field::Start)))?,
    };
    let (_, on) = household(state, ctx, event.household, Field::Household)?;
    office(state, ctx, Kind::LoanRegistered, on.village, Field::Household)?;
    let (amount, months) = (event.principal, event.months);
    if PRINCIPAL_MAX < amount || MONTHS_MAX < months {
        let field = if PRINCIPAL_MAX < amount { Field::Principal } else { Field::Months };
        return Err(Reason::LoanLimit { amount, months }.on(field));
    }
    if state.loans.get(event.loan).is_some() {
        return Err(Reason::LoanExists { id: event.loan }.on(Field::Loan));
    }
    Ok(event.into())
}

/// 146: 2053 5013.
pub(super) fn close(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let id = id(line)?;
    let loan = state.loans.get(id);
    let unknown = || {
        let code = loan.map_or("any household".into(), |loan| loan.household.to_string().into());
        Reason::LoanUnknown { id, code }.on(Field::Loan)
    };
    // A loan that is closed on a later day is closed as well.
    let open = loan.filter(|loan| loan.end.is_none() && loan.open_on(ctx.date()));
    let code = open.ok_or_else(unknown)?.household;
    let (_, on) = household(state, ctx, code, Field::Loan)?;
    office(state, ctx, Kind::LoanClosed, on.village, Field::Loan)?;
    Ok(LoanClosed { loan: id, household: code }.into())
}
