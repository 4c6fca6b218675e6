//! Cash paid to a household (330).
//!
//! Source: 粤发〔2016〕13号 §13; domain contract, section 4.4: the checks stand in its order.

use record::Fen;

use super::checks::{
    amount, bank_ref_free, cash_left, flow, given, known_quota, no_flow, posts_for, quota_left,
    unit,
};
use super::{Ctx, Fault};
use crate::event::Event;
use crate::event::money::DisbursedToHousehold;
use crate::field::Field;
use crate::ids::{BankRef, HouseholdCode, LoanId, Purpose, Token, Unit};
use crate::kind::Kind;
use crate::reject::Reason;
use crate::rules::cap::HouseholdLine;
use crate::rules::{Movement, PurposeRow};
use crate::state::State;
use crate::state::loans::Loan;
use crate::state::money::Quota;
use crate::state::registry::{BindingOn, HouseholdOn, MemberOn};
use crate::voucher::LineRef;
use crate::words::{AccountKind, Class, HouseholdState};

/// What a line of 330 says.
pub(super) struct Ask {
    unit: Unit,
    household: HouseholdCode,
    member_no: Option<u8>,
    account: Token,
    purpose: Purpose,
    loan: LoanId,
    bank_ref: BankRef,
    amount: Fen,
}

impl Ask {
    fn read(line: LineRef<'_>) -> Result<Self, Fault> {
        let code = HouseholdCode::parsed_before(line.text(Field::Household));
        let member_no = match line.int(Field::MemberNo) {
            None => None,
            Some(no) => Some(given(line, Field::MemberNo, u8::try_from(no).ok())?),
        };
        let loan = line.text(Field::Loan);
        Ok(Self {
            unit: unit(line, Field::Unit)?,
            household: given(line, Field::Household, code)?,
            member_no,
            account: given(line, Field::Account, line.token(Field::Account))?,
            purpose: given(line, Field::Purpose, Purpose::new(line.text(Field::Purpose)))?,
            loan: if loan.is_empty() {
                LoanId::EMPTY
            } else {
                given(line, Field::Loan, LoanId::id(loan))?
            },
            bank_ref: given(line, Field::BankRef, BankRef::new(line.text(Field::BankRef)))?,
            amount: amount(line)?,
        })
    }
}

/// A household that a line names, as it is on the effective date.
#[derive(Clone, Copy)]
pub(super) struct Home {
    pub(super) code: HouseholdCode,
    pub(super) no: u32,
    pub(super) on: HouseholdOn,
}

/// 2002: the household is known.
pub(super) fn known_household(
    state: &State,
    ctx: &Ctx<'_>,
    code: HouseholdCode,
) -> Result<Home, Fault> {
    let found = state.registry.household(code).and_then(|no| {
        let on = state.registry.household_on(no, ctx.date())?;
        Some(Home { code, no, on })
    });
    found.ok_or_else(|| Reason::HouseholdUnknown { code }.on(Field::Household))
}

/// 330, every code of its row.
pub(super) fn to_household(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let kind = Kind::DisbursedToHousehold;
    let ask = Ask::read(line)?;
    posts_for(state, ctx, kind, ask.unit, Field::Unit)?;
    let home = known_household(state, ctx, ask.household)?;
    let member = known_member(state, ctx, &ask, home)?;
    let binding = known_account(state, ctx, ask.account, home)?;
    let (purpose, purposes_version) = known_purpose(state, ctx, ask.purpose)?;
    let loan = known_loan(state, ctx, &ask, purpose, home)?;
    let (number, quota) = known_quota(state, line)?;
    payable(ctx, home, purpose)?;
    let heads = inhabited(state, ctx, home)?;
    alive(ctx, member)?;
    account_fits(ctx, &binding, home)?;
    purpose_fits(ctx, purpose, quota)?;
    to_a_household(ctx, purpose)?;
    one_card(ctx, purpose, &binding)?;
    class_fits(ctx, purpose, home)?;
    interest_fits(ctx, &ask, loan)?;
    let cap_version = under_review_line(state, ctx, &ask, purpose, home)?;
    let movement = Movement::PayHousehold(ask.unit, home.on.village);
    let flows_version = flow(state, ctx, Some(movement))
        .ok_or_else(|| no_flow(kind, ask.unit, &home.code, Field::Household))?;
    let cell = state.money.cell(ask.unit, number);
    quota_left(cell, ask.unit, quota.id, ask.amount)?;
    cash_left(cell, ask.unit, quota.id, ask.amount)?;
    let event = DisbursedToHousehold {
        quota: quota.id,
        unit: ask.unit,
        household: ask.household,
        member_no: ask.member_no,
        account: ask.account,
        purpose: ask.purpose,
        loan: ask.loan,
        bank_ref: ask.bank_ref,
        amount: ask.amount,
        village: home.on.village,
        class: home.on.class,
        heads,
        exited: home.on.state == HouseholdState::Exited,
        purposes_version,
        flows_version,
        cap_version,
    };
    bank_ref_free(state, ctx, &event.bank_use())?;
    Ok(event.into())
}

/// 2020: the member whom the line names stands in the household.
fn known_member(
    state: &State,
    ctx: &Ctx<'_>,
    ask: &Ask,
    home: Home,
) -> Result<Option<(u8, MemberOn)>, Fault> {
    let Some(no) = ask.member_no else { return Ok(None) };
    match state.registry.member_on(home.no, no, ctx.date()) {
        MemberOn::Unknown => {
            let (no, code) = (no.to_string().into(), home.code.to_string().into());
            Err(Reason::MemberUnknown { no, code }.on(Field::MemberNo))
        }
        found => Ok(Some((no, found))),
    }
}

/// 2030: the account was bound to some household.
pub(super) fn known_account<'a>(
    state: &'a State,
    ctx: &Ctx<'_>,
    account: Token,
    home: Home,
) -> Result<BindingOn<'a>, Fault> {
    match state.registry.binding_on(account, home.no, ctx.date()) {
        BindingOn::Unknown => Err(Reason::AccountUnknown {}.on(Field::Account)),
        found => Ok(found),
    }
}

/// 4020: the purpose is one of the list.
pub(super) fn known_purpose<'a>(
    state: &'a State,
    ctx: &Ctx<'_>,
    code: Purpose,
) -> Result<(&'a PurposeRow, u32), Fault> {
    let found = state.rules.purposes.valid(ctx.date()).and_then(|version| {
        let row = version.content.get(code)?;
        Some((row, version.number))
    });
    let unknown = || Reason::PurposeUnknown { code: code.to_string().into() };
    found.ok_or_else(|| unknown().on(Field::Purpose))
}

/// 2053: loan interest names a loan of the household that is open on the effective date; so does every
/// payment that names one.
fn known_loan<'a>(
    state: &'a State,
    ctx: &Ctx<'_>,
    ask: &Ask,
    purpose: &PurposeRow,
    home: Home,
) -> Result<Option<&'a Loan>, Fault> {
    if ask.loan.is_empty() && !purpose.is_interest() {
        return Ok(None);
    }
    let found = state.loans.get(ask.loan);
    let open = found.filter(|loan| loan.household == home.code && loan.open_on(ctx.date()));
    if open.is_some() {
        return Ok(open);
    }
    let (id, code) = (ask.loan, home.code.to_string().into());
    Err(Reason::LoanUnknown { id, code }.on(Field::Loan))
}

/// 3043, 3044: the household's state allows the purpose.
fn payable(ctx: &mut Ctx<'_>, home: Home, purpose: &PurposeRow) -> Result<(), Fault> {
    not_gone(ctx, home)?;
    let goes_on = purpose.permit.is_none_or(|permit| permit.after_exit);
    if home.on.state == HouseholdState::Exited && !goes_on {
        let (code, date) = (home.code, home.on.state_since);
        ctx.refuse(Reason::HouseholdExited { code, date }.on(Field::Household))?;
    }
    Ok(())
}

/// 3043: the household is neither removed nor dissolved.
pub(super) fn not_gone(ctx: &mut Ctx<'_>, home: Home) -> Result<(), Fault> {
    let HouseholdOn { state, state_since: date, .. } = home.on;
    if matches!(state, HouseholdState::Removed | HouseholdState::Dissolved) {
        let code = home.code;
        ctx.refuse(Reason::HouseholdNotPayable { code, state, date }.on(Field::Household))?;
    }
    Ok(())
}

/// 3045: somebody lives in the household. Returns how many.
fn inhabited(state: &State, ctx: &mut Ctx<'_>, home: Home) -> Result<u32, Fault> {
    let heads = state.registry.active_on(home.no, ctx.date());
    if heads == 0 {
        let since = state.registry.empty_since(home.no, ctx.date());
        let (code, date) = (home.code, since.unwrap_or(home.on.state_since));
        ctx.refuse(Reason::NoActiveMember { code, date }.on(Field::Household))?;
    }
    Ok(heads)
}

/// 3046: the member whom the line names did not die before.
fn alive(ctx: &mut Ctx<'_>, member: Option<(u8, MemberOn)>) -> Result<(), Fault> {
    match member {
        Some((no, MemberOn::Dead(date))) => {
            ctx.refuse(Reason::MemberDead { no, date }.on(Field::MemberNo))
        }
        _ => Ok(()),
    }
}

/// 3047, 3048: the account is bound to the household, on the date.
pub(super) fn account_fits(
    ctx: &mut Ctx<'_>,
    binding: &BindingOn<'_>,
    home: Home,
) -> Result<(), Fault> {
    match *binding {
        BindingOn::Open(_) => Ok(()),
        BindingOn::Closed(date) => ctx.refuse(Reason::AccountClosed { date }.on(Field::Account)),
        BindingOn::Unknown | BindingOn::Elsewhere => {
            ctx.refuse(Reason::AccountNotOfHousehold { code: home.code }.on(Field::Account))
        }
    }
}

/// 3040, 3041: the purpose is allowed, and of the quota's programme.
pub(super) fn purpose_fits(
    ctx: &mut Ctx<'_>,
    purpose: &PurposeRow,
    quota: &Quota,
) -> Result<(), Fault> {
    let Some(permit) = purpose.permit else {
        let name = purpose.name_zh().to_owned().into();
        let reason = Reason::PurposeNotAllowed { purpose: purpose.code, name };
        return ctx.refuse(reason.on(Field::Purpose));
    };
    if permit.programme != quota.programme {
        let (programme, other) = (permit.programme.name().into(), quota.programme.name().into());
        let (purpose, quota) = (purpose.code, quota.id);
        let reason = Reason::PurposeProgramme { purpose, programme, quota, other };
        return ctx.refuse(reason.on(Field::Purpose));
    }
    Ok(())
}

/// 3042: the purpose is paid to households.
fn to_a_household(ctx: &mut Ctx<'_>, purpose: &PurposeRow) -> Result<(), Fault> {
    match purpose.permit {
        Some(permit) if !permit.payee.household() => {
            let allowed = permit.payee.name().into();
            let reason = Reason::PurposePayee { purpose: purpose.code, allowed };
            ctx.refuse(reason.on(Field::Purpose))
        }
        _ => Ok(()),
    }
}

/// 3049: housing and dibao go to a one-card account. Source: 粤发〔2016〕13号 §10.
fn one_card(ctx: &mut Ctx<'_>, purpose: &PurposeRow, binding: &BindingOn<'_>) -> Result<(), Fault> {
    let needed = purpose.permit.is_some_and(|permit| permit.payee.one_card());
    let fits = matches!(binding, BindingOn::Open(b) if b.kind() == AccountKind::Yikatong);
    if !needed || fits {
        return Ok(());
    }
    ctx.refuse(Reason::OneCardRequired { purpose: purpose.code }.on(Field::Account))
}

/// 3053: dibao and what goes with it are for households of class dibao or wubao.
fn class_fits(ctx: &mut Ctx<'_>, purpose: &PurposeRow, home: Home) -> Result<(), Fault> {
    let (code, class) = (home.code, home.on.class);
    if purpose.needs_class() && class == Class::General {
        ctx.refuse(Reason::PurposeClass { code, class }.on(Field::Purpose))?;
    }
    Ok(())
}

/// 3054: interest on a loan, net of what came back, stays within principal × rate × term.
/// Source: 粤发〔2016〕13号 §14.
fn interest_fits(ctx: &mut Ctx<'_>, ask: &Ask, loan: Option<&Loan>) -> Result<(), Fault> {
    let Some(loan) = loan else { return Ok(()) };
    let (sum, max) = (loan.subsidy.saturating_add(ask.amount.get()), loan.interest_max());
    if max < sum {
        let (sum, max) = (Fen::new(sum), Fen::new(max));
        ctx.refuse(Reason::InterestTooHigh { sum, max }.on(Field::Amount))?;
    }
    Ok(())
}

/// 3055: only where a rule says so, receipts of the lineage stay within its review line. Returns the
/// version of the cap rule that was asked; 0: none.
fn under_review_line(
    state: &State,
    ctx: &mut Ctx<'_>,
    ask: &Ask,
    purpose: &PurposeRow,
    home: Home,
) -> Result<u32, Fault> {
    let Some(cap) = state.rules.cap.valid(ctx.date()) else { return Ok(0) };
    let counts = purpose.permit.is_some_and(|permit| permit.counts_to_cap);
    if cap.content.household_line == HouseholdLine::Hard && counts {
        let kin = state.registry.kin(home.no);
        let received = kin.map(|no| state.money.receipts(no)).fold(0, i64::saturating_add);
        let sum = received.saturating_add(ask.amount.get());
        let heads = state.registry.peak(home.no, ctx.date());
        let line = i64::try_from(cap.content.ceiling_fen(u64::from(heads))).unwrap_or(i64::MAX);
        if line < sum {
            let (sum, line) = (Fen::new(sum), Fen::new(line));
            ctx.refuse(Reason::AboveReviewLine { sum, line, heads }.on(Field::Amount))?;
        }
    }
    Ok(cap.number)
}
