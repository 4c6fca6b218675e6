//! Closed months (370), bank balances (371), and what a closed month refuses of every other kind (3090).
//!
//! Source: domain contract, 7.4.

use record::Fen;

use super::checks::{amount, given, known_quota, posts_for, unit, valid_area};
use super::{Ctx, Fault};
use crate::event::period::{BalanceAsserted, PeriodClosed};
use crate::event::{Booked, Event};
use crate::field::Field;
use crate::ids::{Date, QuotaId, Unit};
use crate::kind::{ALL_QUOTAS, Kind};
use crate::reject::{Month, Reason};
use crate::state::State;
use crate::state::periods::MonthTotals;
use crate::voucher::LineRef;

/// 3090: the month of a unit is closed.
fn month_open(state: &State, unit: Unit, month: u32) -> Result<(), Reason> {
    match state.periods.closed_by(unit, month) {
        Some(seq) => Err(Reason::PeriodClosed { month: Month(month), unit, seq }),
        None => Ok(()),
    }
}

/// 3090, the last code of every kind from 310 to 371 but 370: the effective date lies in an open month of
/// the unit of account. No exception passes it over.
///
/// # Errors
/// `PeriodClosed` at `effective_date`.
pub(crate) fn period_open(state: &State, ctx: &Ctx<'_>, event: &Event) -> Result<(), Fault> {
    let Some(Booked { unit, .. }) = event.body().booked(state) else { return Ok(()) };
    // Only a close changes what is open, and it stands in a voucher of its own group.
    if ctx.open.get() == Some(unit) {
        return Ok(());
    }
    month_open(state, unit, ctx.date().month()).map_err(|reason| reason.on_place(DATE))?;
    ctx.open.set(Some(unit));
    Ok(())
}

const DATE: &str = "effective_date";

/// 370: 5013 3090 3091 3092 3093.
pub(super) fn close(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let unit = unit(line, Field::Unit)?;
    let first = Date::parse(&format!("{}-01", line.text(Field::Period)));
    let month = given(line, Field::Period, first)?.month();
    let records = line.int(Field::Records).and_then(|n| u64::try_from(n).ok());
    let given =
        MonthTotals { records: given(line, Field::Records, records)?, amount: amount(line)?.get() };
    posts_for(state, ctx, Kind::PeriodClosed, unit, Field::Unit)?;
    month_open(state, unit, month).map_err(|reason| reason.on(Field::Period))?;
    month_open(state, unit, ctx.date().month()).map_err(|reason| reason.on_place(DATE))?;
    if let Some(open) = state.periods.open_before(unit, month, ctx.today.month()) {
        return Err(Reason::PeriodOrder { month: Month(open) }.on(Field::Period));
    }
    if ctx.today.month() <= month {
        let (month, date) = (Month(month), Month(month).last_day());
        return Err(Reason::PeriodNotOver { month, date }.on(Field::Period));
    }
    let found = state.periods.totals(unit, month);
    if given != found {
        let field = if given.records == found.records { Field::Amount } else { Field::Records };
        let (given, found) = (words(given), words(found));
        return Err(Reason::PeriodTotals { given, found }.on(field));
    }
    Ok(PeriodClosed { unit, period: Month(month), totals: found }.into())
}

fn words(totals: MonthTotals) -> crate::reject::Text {
    format!("{} records of {} yuan", totals.records, Fen::new(totals.amount)).into()
}

/// 371: 5013 2010 3017. What differs is recorded.
pub(super) fn assert(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let (unit, amount) = (unit(line, Field::Unit)?, amount(line)?);
    let date = given(line, Field::Date, Date::parse(line.text(Field::Date)))?;
    posts_for(state, ctx, Kind::BalanceAsserted, unit, Field::Unit)?;
    valid_area(state, ctx, unit, Field::Unit)?;
    let quota = match line.text(Field::Quota) {
        ALL_QUOTAS => None,
        _ => Some(known_quota(state, line)?),
    };
    let held = state.money.held_on(unit, quota.map(|(number, _)| number), date);
    let overflow = || {
        let account = format!("C.hold of {unit}").into();
        Reason::SumOverflow { account }.on(Field::Amount)
    };
    let ledger = i64::try_from(held).ok().map(Fen::new).ok_or_else(overflow)?;
    let difference = amount.checked_sub(ledger).ok_or_else(overflow)?;
    let quota: Option<QuotaId> = quota.map(|(_, quota)| quota.id);
    Ok(BalanceAsserted { unit, quota, date, amount, ledger, difference }.into())
}
