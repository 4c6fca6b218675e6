//! Members: joining, marks, leaving, death, passing to another household (120-124).

use super::super::{Ctx, Fault};
use super::households::{in_state, nowhere, number_taken, room};
use super::{household, nothing_changes, nothing_given, office, unread};
use crate::event::Event;
use crate::event::registry::{MemberAdded, MemberAmended, MemberDied, MemberLeft, MemberMoved};
use crate::field::Field;
use crate::ids::HouseholdCode;
use crate::kind::Kind;
use crate::reject::Reason;
use crate::state::State;
use crate::state::registry::MemberRow;
use crate::voucher::LineRef;
use crate::words::HouseholdState::{Exited, Registered};

/// 2020: the number is an active member's on the effective date.
fn active<'a>(
    state: &'a State,
    ctx: &Ctx<'_>,
    (household, code): (u32, HouseholdCode),
    no: u8,
) -> Result<&'a MemberRow, Fault> {
    let unknown = || {
        let (no, code) = (no.to_string().into(), code.to_string().into());
        Reason::MemberUnknown { no, code }.on(Field::No)
    };
    state.registry.active(household, no, ctx.date()).ok_or_else(unknown)
}

pub(super) fn add(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::MemberAdded;
    let event = MemberAdded::read(line).ok_or_else(|| unread(kind))?;
    let (no, on) = household(state, ctx, event.household, Field::Household)?;
    office(state, ctx, kind, on.village, Field::Household)?;
    in_state(event.household, on.state, kind, &[Registered, Exited], Field::Household)?;
    let place = "member.person";
    nowhere(state, ctx, event.member.person).map_err(|reason| reason.on_place(place))?;
    room(state.registry.open_members(no).saturating_add(1), Field::Member)?;
    if state.registry.number_used(no, event.member.no) {
        return Err(number_taken(event.member.no, "member.no"));
    }
    Ok(event.into())
}

pub(super) fn amend(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::MemberAmended;
    let event = MemberAmended::read(line).ok_or_else(|| unread(kind))?;
    let (no, on) = household(state, ctx, event.household, Field::Household)?;
    office(state, ctx, kind, on.village, Field::Household)?;
    let marks = active(state, ctx, (no, event.household), event.no)?.marks();
    let changes = event.ability.is_some_and(|ability| ability != marks.ability)
        || event.dibao.is_some_and(|value| value != marks.dibao)
        || event.student.is_some_and(|value| value != marks.student)
        || event.insured.is_some_and(|value| value != marks.insured);
    if !changes {
        let flags = [
            (Field::Dibao, event.dibao),
            (Field::Student, event.student),
            (Field::Insured, event.insured),
        ];
        let flag = flags.into_iter().find_map(|(field, value)| Some((field, value?)));
        return Err(match (event.ability, flag) {
            (Some(ability), _) => nothing_changes(Field::Ability, ability.name()),
            (_, Some((field, value))) => nothing_changes(field, value.to_string()),
            _ => nothing_given(),
        });
    }
    Ok(event.into())
}

pub(super) fn leave(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::MemberLeft;
    let event = MemberLeft::read(line).ok_or_else(|| unread(kind))?;
    let (no, on) = household(state, ctx, event.household, Field::Household)?;
    office(state, ctx, kind, on.village, Field::Household)?;
    active(state, ctx, (no, event.household), event.no)?;
    Ok(event.into())
}

pub(super) fn die(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::MemberDied;
    let event = MemberDied::read(line).ok_or_else(|| unread(kind))?;
    // The form checks say this first.
    if ctx.date() < event.died {
        let (found, other) = (event.died, ctx.date());
        return Err(Reason::DateOrder { field: "died".into(), found, other }.on(Field::Died));
    }
    let (no, on) = household(state, ctx, event.household, Field::Household)?;
    office(state, ctx, kind, on.village, Field::Household)?;
    active(state, ctx, (no, event.household), event.no)?;
    Ok(event.into())
}

pub(super) fn pass(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::MemberMoved;
    let event = MemberMoved::read(line).ok_or_else(|| unread(kind))?;
    let (from, from_on) = household(state, ctx, event.from, Field::From)?;
    let (to, to_on) = household(state, ctx, event.to, Field::To)?;
    office(state, ctx, kind, from_on.village, Field::From)?;
    office(state, ctx, kind, to_on.village, Field::To)?;
    active(state, ctx, (from, event.from), event.no)?;
    in_state(event.to, to_on.state, kind, &[Registered], Field::To)?;
    // Within one household it is a new number and nobody more.
    let more = u32::from(from != to);
    room(state.registry.open_members(to).saturating_add(more), Field::To)?;
    if state.registry.number_used(to, event.new_no) {
        return Err(number_taken(event.new_no, Field::NewNo.name()));
    }
    Ok(event.into())
}
