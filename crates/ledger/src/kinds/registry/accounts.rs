//! Payee accounts: binding and release (130, 131). The household's state does not matter: a binding may
//! precede a reinstatement.

use super::super::{Ctx, Fault};
use super::{household, office, unread};
use crate::event::Event;
use crate::event::registry::{AccountBound, AccountReleased};
use crate::field::Field;
use crate::kind::Kind;
use crate::reject::Reason;
use crate::state::State;
use crate::voucher::LineRef;

pub(super) fn bind(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::AccountBound;
    let event = AccountBound::read(line).ok_or_else(|| unread(kind))?;
    let code = event.household;
    let (no, on) = household(state, ctx, code, Field::Household)?;
    office(state, ctx, kind, on.village, Field::Household)?;
    let outside = !state.registry.is_member(no, event.holder, ctx.date());
    if outside && event.guardian_reason.is_empty() {
        ctx.refuse(Reason::AccountHolder { code }.on(Field::Holder))?;
    }
    if let Some(binding) = state.registry.open_binding(event.account, no) {
        let date = binding.from();
        return Err(Reason::AccountAlreadyBound { date }.on(Field::Account));
    }
    Ok(event.into())
}

pub(super) fn release(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::AccountReleased;
    let event = AccountReleased::read(line).ok_or_else(|| unread(kind))?;
    let code = event.household;
    let (no, on) = household(state, ctx, code, Field::Household)?;
    office(state, ctx, kind, on.village, Field::Household)?;
    if !state.registry.account_open(event.account) {
        return Err(Reason::AccountUnknown {}.on(Field::Account));
    }
    // A binding that begins later is none on this day.
    let binding = state.registry.open_binding(event.account, no);
    if binding.is_none_or(|binding| ctx.date() < binding.from()) {
        ctx.refuse(Reason::AccountNotOfHousehold { code }.on(Field::Account))?;
    }
    Ok(event.into())
}
