//! Decisions about organisations, roles and keys (500-505).

use super::rules::province_only;
use super::{Ctx, Fault, not_served};
use crate::event::Event;
use crate::event::access::{
    CertificateBound, CertificateRevoked, OfficialKeyRegistered, OrganisationRegistered,
    RoleGranted, RoleRevoked,
};
use crate::field::Field;
use crate::ids::OrgId;
use crate::kind::Kind;
use crate::reject::{Reason, Text};
use crate::roles;
use crate::state::State;
use crate::state::access::Organisation;
use crate::voucher::LineRef;

/// Decides a line of this group.
pub(super) fn decide(
    kind: Kind,
    state: &State,
    ctx: &mut Ctx<'_>,
    line: LineRef<'_>,
) -> Result<Event, Fault> {
    let decision = match kind {
        Kind::OrganisationRegistered => register,
        Kind::RoleGranted => grant,
        Kind::RoleRevoked => revoke,
        Kind::OfficialKeyRegistered => set_key,
        Kind::CertificateBound => bind,
        Kind::CertificateRevoked => withdraw,
        other => return Err(not_served(other)),
    };
    province_only(state, ctx, kind)?;
    decision(state, ctx, line)
}

/// A line whose form was not checked: no caller can bring one.
fn unread() -> Fault {
    let expected = "a line that passed the form checks".into();
    Reason::FieldFormat { field: "kind".into(), found: "this line".into(), expected }.on_place("")
}

/// 5010: the organisation is registered.
fn organisation(state: &State, id: OrgId) -> Result<&Organisation, Fault> {
    let unknown = || Reason::OrganisationUnknown { org: id.to_string().into() };
    state.access.organisation(id).ok_or_else(|| unknown().on(Field::Organisation))
}

fn register(state: &State, _: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let event = OrganisationRegistered::read(line).ok_or_else(unread)?;
    let id = event.organisation;
    // An id says what it is: kind, unit code, and a suffix where several share them.
    let stem = format!("{}{}", event.kind.name(), event.unit);
    let rest = id.as_str().strip_prefix(&*stem);
    if !rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('-') && 1 < rest.len())) {
        let field = Field::Organisation.name().into();
        let expected = format!("{stem}, or {stem}-… where several share it").into();
        let reason = Reason::FieldFormat { field, found: id.to_string().into(), expected };
        return Err(reason.on(Field::Organisation));
    }
    if let Some(known) = state.access.organisation(id) {
        let seq = known.seq;
        return Err(Reason::OrganisationExists { org: id, seq }.on(Field::Organisation));
    }
    Ok(event.into())
}

fn grant(state: &State, ctx: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let event = RoleGranted::read(line).ok_or_else(unread)?;
    let RoleGranted { official, role, .. } = event;
    let at = organisation(state, event.organisation)?;
    let refused = |role: Text, field| Err(Reason::RolesConflict { official, role }.on(field));
    if let Some(other) = state.access.organisation_of(official).filter(|other| other.id != at.id) {
        return refused(format!("roles at {}", other.id).into(), Field::Organisation);
    }
    let helper = state
        .rules
        .pairings
        .iter()
        .any(|(_, versions)| versions.iter().any(|version| version.content.helper == at.unit));
    if !roles::belongs(role, at.kind, at.unit, helper) {
        return refused(format!("no {role}: {} has none", at.id).into(), Field::Role);
    }
    let held = state
        .access
        .grants(official)
        .find(|grant| grant.held_on(ctx.date()) && roles::conflict(grant.role, role));
    if let Some(held) = held {
        return refused(held.role.name().into(), Field::Role);
    }
    Ok(event.into())
}

fn revoke(state: &State, ctx: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let event = RoleRevoked::read(line).ok_or_else(unread)?;
    let RoleRevoked { official, organisation: org, role } = event;
    organisation(state, org)?;
    let at_org = state.access.organisation_of(official).is_some_and(|at| at.id == org);
    let mut grants = state.access.grants(official).filter(|grant| grant.role == role);
    if !at_org || !grants.any(|grant| grant.is_open() && grant.held_on(ctx.date())) {
        return Err(Reason::RoleNotHeld { official, role, org }.on(Field::Role));
    }
    Ok(event.into())
}

fn set_key(state: &State, _: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let event = OfficialKeyRegistered::read(line).ok_or_else(unread)?;
    if !state.access.official_known(event.official) {
        let org = format!("of official {}", event.official).into();
        return Err(Reason::OrganisationUnknown { org }.on(Field::Official));
    }
    Ok(event.into())
}

/// 2004: a key is bound or revoked already, or was never bound.
fn key_unchanged(value: &'static str) -> Fault {
    let field = Field::KeyHash.name().into();
    Reason::NothingChanges { field, value: value.into() }.on(Field::KeyHash)
}

fn bind(state: &State, _: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let event = CertificateBound::read(line).ok_or_else(unread)?;
    organisation(state, event.organisation)?;
    match state.access.certificate(&event.key_hash) {
        Some(known) if known.revoked.is_some() => Err(key_unchanged("revoked")),
        Some(_) => Err(key_unchanged("bound")),
        None => Ok(event.into()),
    }
}

fn withdraw(state: &State, _: &Ctx<'_>, line: LineRef<'_>) -> Result<Event, Fault> {
    let event = CertificateRevoked::read(line).ok_or_else(unread)?;
    match state.access.certificate(&event.key_hash) {
        Some(known) if known.revoked.is_none() => Ok(event.into()),
        Some(_) => Err(key_unchanged("revoked")),
        None => Err(key_unchanged("bound to nobody")),
    }
}
