//! Households: entry, changes, split, merge, and the state diagram (110-119).

use super::super::{Ctx, Fault};
use super::{household, nothing_changes, nothing_given, office, unread, valid_area};
use crate::event::Event;
use crate::event::registry::{
    HouseholdAmended, HouseholdDissolved, HouseholdExited, HouseholdMoved, HouseholdRegistered,
    HouseholdReinstated, HouseholdRemoved, HouseholdReturned, HouseholdSplit, HouseholdsMerged,
};
use crate::field::Field;
use crate::ids::{HouseholdCode, Token};
use crate::kind::Kind;
use crate::reject::Reason;
use crate::state::State;
use crate::state::registry::MEMBERS_MAX;
use crate::voucher::LineRef;
use crate::words::HouseholdState::{self, Dissolved, Exited, Registered, Removed};

pub(super) fn register(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let kind = Kind::HouseholdRegistered;
    let event = HouseholdRegistered::read(line).ok_or_else(|| unread(kind))?;
    office(state, ctx, kind, event.village, Field::Village)?;
    free_code(state, event.household, Field::Household)?;
    valid_area(state, ctx, event.village, Field::Village)?;
    for (i, member) in event.members.iter().enumerate() {
        let place = format!("members.{i}.person");
        if event.members.iter().take(i).any(|other| other.person == member.person) {
            let (other, date) = (event.household, ctx.date());
            return Err(Reason::PersonElsewhere { other, date }.on_place(place));
        }
        nowhere(state, ctx, member.person).map_err(|reason| reason.on_place(place))?;
    }
    let count = u32::try_from(event.members.len()).unwrap_or(u32::MAX);
    room(count, Field::Members)?;
    for (i, member) in event.members.iter().enumerate() {
        if event.members.iter().take(i).any(|other| other.no == member.no) {
            return Err(number_taken(member.no, format!("members.{i}.no")));
        }
    }
    Ok(event.into())
}

/// 2001: the code was never registered.
fn free_code(state: &State, code: HouseholdCode, field: Field) -> Result<(), Fault> {
    let row = state.registry.household(code).and_then(|no| state.registry.household_row(no));
    match row {
        Some(row) => Err(Reason::HouseholdExists { code, seq: row.seq }.on(field)),
        None => Ok(()),
    }
}

/// 2021: the person is no active member anywhere on the effective date.
pub(super) fn nowhere(state: &State, ctx: &Ctx<'_>, person: Token) -> Result<(), Reason> {
    let Some(member) = state.registry.membership_on(person, ctx.date()) else { return Ok(()) };
    match state.registry.household_row(member.household) {
        Some(row) => Err(Reason::PersonElsewhere { other: row.code, date: member.from() }),
        None => Ok(()),
    }
}

/// 2022: a household has at most 30 members at a time.
pub(super) fn room(count: u32, field: Field) -> Result<(), Fault> {
    if count <= MEMBERS_MAX { Ok(()) } else { Err(Reason::TooManyMembers { n: count }.on(field)) }
}

/// A number of a household belongs to one person for ever, so that a payment that names it is never read
/// otherwise later. The form refusal 1019.
pub(super) fn number_taken(no: u8, place: impl Into<String>) -> Fault {
    let place = place.into();
    let expected = "a number that the household never used".into();
    let reason =
        Reason::FieldFormat { field: place.clone().into(), found: no.to_string().into(), expected };
    reason.on_place(place)
}

/// 2003: the state on the effective date is one of these.
pub(super) fn in_state(
    code: HouseholdCode,
    found: HouseholdState,
    event: Kind,
    allowed: &[HouseholdState],
    field: Field,
) -> Result<(), Fault> {
    if allowed.contains(&found) {
        return Ok(());
    }
    let words: Vec<&str> = allowed.iter().map(|state| state.name()).collect();
    let allowed = words.join(" or ").into();
    Err(Reason::HouseholdState { code, state: found, event, allowed }.on(field))
}

pub(super) fn amend(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::HouseholdAmended;
    let event = HouseholdAmended::read(line).ok_or_else(|| unread(kind))?;
    let (no, on) = household(state, ctx, event.household, Field::Household)?;
    office(state, ctx, kind, on.village, Field::Household)?;
    let causes = state.registry.household_row(no).map_or(0, |row| row.causes);
    let helper = state.registry.helping_unit(no);
    let new_causes = Some(event.causes).filter(|causes| !causes.is_empty());
    let changes = event.class.is_some_and(|class| class != on.class)
        || new_causes.is_some_and(|new| new.bits() != causes)
        || event.helping_unit.is_some_and(|org| Some(org) != helper);
    if !changes {
        return Err(match (event.class, new_causes, event.helping_unit) {
            (Some(class), ..) => nothing_changes(Field::Class, class.name()),
            (_, Some(_), _) => nothing_changes(Field::Causes, "these causes"),
            (.., Some(org)) => nothing_changes(Field::HelpingUnit, org.to_string()),
            _ => nothing_given(),
        });
    }
    Ok(event.into())
}

pub(super) fn relocate(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let kind = Kind::HouseholdMoved;
    let (code, village) = HouseholdMoved::read(line).ok_or_else(|| unread(kind))?;
    let (_, on) = household(state, ctx, code, Field::Household)?;
    office(state, ctx, kind, on.village, Field::Household)?;
    office(state, ctx, kind, village, Field::Village)?;
    valid_area(state, ctx, village, Field::Village)?;
    if village == on.village {
        return Err(nothing_changes(Field::Village, line.text(Field::Village).to_owned()));
    }
    Ok(HouseholdMoved { household: code, village, from_village: on.village }.into())
}

pub(super) fn split(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::HouseholdSplit;
    let event = HouseholdSplit::read(line).ok_or_else(|| unread(kind))?;
    let (no, on) = household(state, ctx, event.household, Field::Household)?;
    office(state, ctx, kind, on.village, Field::Household)?;
    in_state(event.household, on.state, kind, &[Registered, Exited], Field::Household)?;
    free_code(state, event.new_household, Field::NewHousehold)?;
    for (i, number) in event.members.iter().enumerate() {
        let twice = event.members.iter().take(i).any(|other| other == number);
        if twice || state.registry.active(no, *number, ctx.date()).is_none() {
            let (number, code) = (number.to_string().into(), event.household.to_string().into());
            let reason = Reason::MemberUnknown { no: number, code };
            return Err(reason.on_place(format!("members.{i}.no")));
        }
    }
    let moved = u32::try_from(event.members.len()).unwrap_or(u32::MAX);
    let open = state.registry.members(no).filter(|m| m.is_open() && m.active_on(ctx.date()));
    let active = u32::try_from(open.count()).unwrap_or(u32::MAX);
    if moved == 0 || active <= moved {
        return Err(Reason::SplitSize { moved, active }.on(Field::Members));
    }
    Ok(event.into())
}

pub(super) fn merge(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::HouseholdsMerged;
    let (into, from) = HouseholdsMerged::read(line).ok_or_else(|| unread(kind))?;
    let (a, a_on) = household(state, ctx, into, Field::Into)?;
    let (b, b_on) = household(state, ctx, from, Field::From)?;
    office(state, ctx, kind, a_on.village, Field::Into)?;
    office(state, ctx, kind, b_on.village, Field::From)?;
    in_state(into, a_on.state, kind, &[Registered, Exited], Field::Into)?;
    in_state(from, b_on.state, kind, &[Registered, Exited], Field::From)?;
    if a == b {
        return Err(nothing_changes(Field::From, from.to_string()));
    }
    let registry = &state.registry;
    let mut joining: Vec<u8> = registry
        .members(b)
        .filter(|member| member.is_open() && member.active_on(ctx.date()))
        .map(|member| member.no)
        .collect();
    joining.sort_unstable();
    let count = u32::try_from(joining.len()).unwrap_or(u32::MAX);
    room(registry.open_members(a).saturating_add(count), Field::Into)?;
    let mut free = registry.free_numbers(a);
    let mut members = Vec::with_capacity(joining.len());
    for old in joining {
        // 99 numbers, and each was used once: such a household cannot grow any more.
        let full = || Reason::TooManyMembers { n: 100 }.on(Field::Into);
        members.push((old, free.next().ok_or_else(full)?));
    }
    drop(free);
    Ok(HouseholdsMerged { into, from, members }.into())
}

/// A step of the state diagram: household known, office, state.
fn step(
    state: &State,
    ctx: &Ctx<'_>,
    kind: Kind,
    code: HouseholdCode,
    allowed: &[HouseholdState],
) -> Result<(), Fault> {
    let (_, on) = household(state, ctx, code, Field::Household)?;
    office(state, ctx, kind, on.village, Field::Household)?;
    in_state(code, on.state, kind, allowed, Field::Household)
}

pub(super) fn exit(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::HouseholdExited;
    let event = HouseholdExited::read(line).ok_or_else(|| unread(kind))?;
    step(state, ctx, kind, event.household, &[Registered])?;
    Ok(event.into())
}

pub(super) fn come_back(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let kind = Kind::HouseholdReturned;
    let event = HouseholdReturned::read(line).ok_or_else(|| unread(kind))?;
    step(state, ctx, kind, event.household, &[Exited])?;
    Ok(event.into())
}

pub(super) fn remove(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::HouseholdRemoved;
    let event = HouseholdRemoved::read(line).ok_or_else(|| unread(kind))?;
    step(state, ctx, kind, event.household, &[Registered, Exited])?;
    Ok(event.into())
}

pub(super) fn reinstate(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let kind = Kind::HouseholdReinstated;
    let event = HouseholdReinstated::read(line).ok_or_else(|| unread(kind))?;
    step(state, ctx, kind, event.household, &[Removed, Dissolved])?;
    Ok(event.into())
}

pub(super) fn dissolve(
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let kind = Kind::HouseholdDissolved;
    let event = HouseholdDissolved::read(line).ok_or_else(|| unread(kind))?;
    step(state, ctx, kind, event.household, &[Registered, Exited])?;
    Ok(event.into())
}
