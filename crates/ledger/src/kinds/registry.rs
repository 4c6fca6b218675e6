//! Decisions about registry events: areas here, households, members and accounts in files of their own.
//!
//! 2060 and the codes of form are decided for the voucher as a whole.

mod accounts;
mod households;
mod members;

use super::checks::valid_area;
use super::{Ctx, Fault, loan, not_served};
use crate::event::Event;
use crate::event::registry::{AreaAmended, AreaClosed, AreaRegistered, VillageExited};
use crate::field::Field;
use crate::ids::{HouseholdCode, Level, Unit};
use crate::kind::{Kind, Poster};
use crate::reject::{AreaCode, Reason, Text};
use crate::roles;
use crate::rules::Mark;
use crate::state::State;
use crate::state::registry::HouseholdOn;
use crate::voucher::LineRef;
use crate::words::OrgKind;

/// Decides a line of this group.
pub(super) fn decide(
    kind: Kind,
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let decision = match kind {
        Kind::AreaRegistered => register_area,
        Kind::AreaAmended => amend_area,
        Kind::AreaClosed => close_area,
        Kind::VillageExited => exit_village,
        Kind::HouseholdRegistered => households::register,
        Kind::HouseholdAmended => households::amend,
        Kind::HouseholdMoved => households::relocate,
        Kind::HouseholdSplit => households::split,
        Kind::HouseholdsMerged => households::merge,
        Kind::HouseholdExited => households::exit,
        Kind::HouseholdReturned => households::come_back,
        Kind::HouseholdRemoved => households::remove,
        Kind::HouseholdReinstated => households::reinstate,
        Kind::HouseholdDissolved => households::dissolve,
        Kind::MemberAdded => members::add,
        Kind::MemberAmended => members::amend,
        Kind::MemberLeft => members::leave,
        Kind::MemberDied => members::die,
        Kind::MemberMoved => members::pass,
        Kind::AccountBound => accounts::bind,
        Kind::AccountReleased => accounts::release,
        Kind::LoanRegistered => loan::register,
        Kind::LoanClosed => loan::close,
        other => return Err(not_served(other)),
    };
    decision(state, ctx, line)
}

/// A line whose form was not checked: no caller can bring one.
fn unread(kind: Kind) -> Fault {
    let expected = "a line that passed the form checks".into();
    Reason::FieldFormat { field: "kind".into(), found: kind.name().into(), expected }.on_place("")
}

/// 5013: the poster is a poverty office whose unit contains the line's unit of account. With it 5023.
pub(super) fn office(
    state: &State,
    ctx: &Ctx<'_>,
    kind: Kind,
    unit: Unit,
    field: Field,
) -> Result<(), Fault> {
    let Some(poster) = ctx.poster else { return Ok(()) };
    let high_enough =
        kind.row().poster != Poster::PoOfCounty || poster.unit.level() <= Level::County;
    if poster.kind != OrgKind::Po || !high_enough || !poster.unit.contains(unit) {
        let unit = unit.to_string().into();
        return Err(Reason::NotYourUnit { org: poster.id, unit }.on(field));
    }
    roles::approver_covers(state, ctx, kind, unit)
}

/// 2002: the row of a household and what it is on the effective date.
pub(super) fn household(
    state: &State,
    ctx: &Ctx<'_>,
    code: HouseholdCode,
    field: Field,
) -> Result<(u32, HouseholdOn), Fault> {
    let unknown = || Reason::HouseholdUnknown { code }.on(field);
    let no = state.registry.household(code).ok_or_else(unknown)?;
    let on = state.registry.household_on(no, ctx.date()).ok_or_else(unknown)?;
    Ok((no, on))
}

/// 2004: a field holds what it held before.
fn nothing_changes(field: Field, value: impl Into<Text>) -> Fault {
    Reason::NothingChanges { field: field.name().into(), value: value.into() }.on(field)
}

/// 2004: no field is given at all.
fn nothing_given() -> Fault {
    Reason::NothingChanges { field: "every field".into(), value: "as it is".into() }.on_place("")
}

fn register_area(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::AreaRegistered;
    let event = AreaRegistered::read(line).ok_or_else(|| unread(kind))?;
    let AreaRegistered { code, parent, .. } = event;
    office(state, ctx, kind, code, Field::Code)?;
    if state.registry.area_known(&state.rules, code) {
        return Err(Reason::AreaExists { code: AreaCode(code) }.on(Field::Code));
    }
    let above = code.parent() == Some(parent);
    if !above || !state.registry.area_valid(&state.rules, parent, ctx.date()) {
        let (code, parent) = (AreaCode(code), AreaCode(parent));
        return Err(Reason::AreaParent { code, parent }.on(Field::Parent));
    }
    Ok(event.into())
}

fn amend_area(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::AreaAmended;
    let event = AreaAmended::read(line).ok_or_else(|| unread(kind))?;
    office(state, ctx, kind, event.code, Field::Code)?;
    valid_area(state, ctx, event.code, Field::Code)?;
    if let Some(area) = state.registry.area(&state.rules, event.code, ctx.date()) {
        let (poor, direct) = (area.place.poor == Mark::Now, area.place.direct == Mark::Now);
        let name = Some(&*event.name_zh).filter(|name| !name.is_empty());
        let changes = name.is_some_and(|name| name != area.name_zh())
            || event.poor.is_some_and(|value| value != poor)
            || event.direct_county.is_some_and(|value| value != direct);
        if !changes {
            return Err(match (name, event.poor, event.direct_county) {
                (Some(name), ..) => nothing_changes(Field::NameZh, name.to_owned()),
                (_, Some(value), _) => nothing_changes(Field::Poor, value.to_string()),
                (.., Some(value)) => nothing_changes(Field::DirectCounty, value.to_string()),
                _ => nothing_given(),
            });
        }
    }
    Ok(event.into())
}

fn close_area(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::AreaClosed;
    let event = AreaClosed::read(line).ok_or_else(|| unread(kind))?;
    office(state, ctx, kind, event.code, Field::Code)?;
    valid_area(state, ctx, event.code, Field::Code)?;
    if let Some(successor) = event.successor {
        valid_area(state, ctx, successor, Field::Successor)?;
    }
    Ok(event.into())
}

fn exit_village(state: &State, ctx: &mut Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let kind = Kind::VillageExited;
    let event = VillageExited::read(line).ok_or_else(|| unread(kind))?;
    office(state, ctx, kind, event.code, Field::Code)?;
    valid_area(state, ctx, event.code, Field::Code)?;
    let area = state.registry.area(&state.rules, event.code, ctx.date());
    if area.is_none_or(|area| area.place.poor != Mark::Now) {
        let reason = Reason::NothingChanges { field: "poor".into(), value: "false".into() };
        return Err(reason.on(Field::Code));
    }
    Ok(event.into())
}
