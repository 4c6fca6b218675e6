//! Registry events: how a household stands after each.

use ledger::event::registry::{
    HouseholdAmended, HouseholdMoved, HouseholdRegistered, HouseholdSplit, HouseholdsMerged,
    MemberMoved,
};
use ledger::ids::HouseholdCode;
use ledger::words::HouseholdState;

use crate::drift::Drift;
use crate::projection::Projection;
use crate::step::{Change, Standing, What};
use crate::table::No;

pub(super) const REGISTERED: HouseholdState = HouseholdState::Registered;
pub(super) const EXITED: HouseholdState = HouseholdState::Exited;
pub(super) const REMOVED: HouseholdState = HouseholdState::Removed;
pub(super) const DISSOLVED: HouseholdState = HouseholdState::Dissolved;

/// A household whose standing changes.
fn change(views: &Projection, household: No, edit: impl FnOnce(&mut Standing)) -> Change {
    let before = views.households.get(household).standing;
    let mut after = before;
    edit(&mut after);
    Change { household, before, after }
}

fn one(change: Change) -> What {
    What::Standing([Some(change), None])
}

/// 110.
pub(super) fn registered(views: &mut Projection, e: &HouseholdRegistered) -> What {
    let village = views.names.place(e.village).no;
    let household = views.households.enter(e.household);
    let members = heads(e.members.len());
    one(change(views, household, |standing| {
        // Added: a fold by date may have met a member before the household.
        standing.active = standing.active.saturating_add(members);
        (standing.state, standing.class) = (Some(REGISTERED), Some(e.class));
        standing.village = village;
    }))
}

/// 111.
pub(super) fn amended(views: &mut Projection, e: &HouseholdAmended) -> Result<What, Drift> {
    let household = views.households.number(e.household)?;
    Ok(one(change(views, household, |standing| standing.class = e.class.or(standing.class))))
}

/// 112.
pub(super) fn moved(views: &mut Projection, e: &HouseholdMoved) -> Result<What, Drift> {
    let village = views.names.place(e.village).no;
    let household = views.households.number(e.household)?;
    Ok(one(change(views, household, |standing| standing.village = village)))
}

/// 113.
pub(super) fn split(views: &mut Projection, e: &HouseholdSplit) -> Result<What, Drift> {
    let old = views.households.number(e.household)?;
    let new = views.households.enter(e.new_household);
    let members = heads(e.members.len());
    let source = change(views, old, |standing| {
        standing.active = standing.active.saturating_sub(members);
    });
    let target = change(views, new, |standing| {
        let active = standing.active.saturating_add(members);
        *standing = Standing { active, ..source.before };
    });
    Ok(What::Standing([Some(source), Some(target)]))
}

/// 114.
pub(super) fn merged(views: &mut Projection, e: &HouseholdsMerged) -> Result<What, Drift> {
    let into = views.households.number(e.into)?;
    let from = views.households.number(e.from)?;
    let members = heads(e.members.len());
    let source = change(views, from, |standing| {
        standing.active = standing.active.saturating_sub(members);
        standing.state = Some(DISSOLVED);
    });
    let target = change(views, into, |standing| {
        standing.active = standing.active.saturating_add(members);
        if source.before.state == Some(REGISTERED) {
            standing.state = Some(REGISTERED);
        }
    });
    Ok(What::Standing([Some(source), Some(target)]))
}

/// 115-119.
pub(super) fn state(
    views: &mut Projection,
    household: HouseholdCode,
    state: HouseholdState,
) -> Result<What, Drift> {
    let household = views.households.number(household)?;
    Ok(one(change(views, household, |standing| standing.state = Some(state))))
}

/// 120, 122, 123.
pub(super) fn members(
    views: &mut Projection,
    household: HouseholdCode,
    more: i16,
) -> Result<What, Drift> {
    let household = views.households.number(household)?;
    Ok(one(change(views, household, |standing| {
        standing.active = standing.active.saturating_add(more);
    })))
}

/// 124.
pub(super) fn member_moved(views: &mut Projection, e: &MemberMoved) -> Result<What, Drift> {
    let from = views.households.number(e.from)?;
    let to = views.households.number(e.to)?;
    let leaves = change(views, from, |standing| {
        standing.active = standing.active.saturating_sub(1);
    });
    let joins = change(views, to, |standing| standing.active = standing.active.saturating_add(1));
    Ok(What::Standing([Some(leaves), Some(joins)]))
}

/// At most 30 members a household.
fn heads(members: usize) -> i16 {
    i16::try_from(members).unwrap_or(i16::MAX)
}
