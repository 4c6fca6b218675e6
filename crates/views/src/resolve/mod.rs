//! From an event to a step: every name becomes a number, every reference what it refers to.
//!
//! Lives here: the one place that names every event. Lives elsewhere: what a step does (each view).
//!
//! Always: a record that is dated too late for a fold by date still gives names their meaning.

mod registry;

use ledger::event::{At, Event};
use record::Record;

use crate::drift::Drift;
use crate::projection::Projection;
use crate::step::{Sign, Step, What};

/// Returns what an event does to the views.
pub(crate) fn resolve(
    views: &mut Projection,
    _record: &Record<'_>,
    at: &At,
    event: &Event,
    counts: bool,
) -> Result<Step, Drift> {
    let sign = if counts { Sign::Plus } else { Sign::Define };
    let what = match event {
        Event::HouseholdRegistered(e) => registry::registered(views, e),
        Event::HouseholdAmended(e) => registry::amended(views, e),
        Event::HouseholdMoved(e) => registry::moved(views, e),
        Event::HouseholdSplit(e) => registry::split(views, e),
        Event::HouseholdsMerged(e) => registry::merged(views, e),
        Event::HouseholdExited(e) => registry::state(views, e.household, registry::EXITED),
        Event::HouseholdReturned(e) => registry::state(views, e.household, registry::REGISTERED),
        Event::HouseholdRemoved(e) => registry::state(views, e.household, registry::REMOVED),
        Event::HouseholdReinstated(e) => registry::state(views, e.household, registry::REGISTERED),
        Event::HouseholdDissolved(e) => registry::state(views, e.household, registry::DISSOLVED),
        Event::MemberAdded(e) => registry::members(views, e.household, 1),
        Event::MemberLeft(e) => registry::members(views, e.household, -1),
        Event::MemberDied(e) => registry::members(views, e.household, -1),
        Event::MemberMoved(e) => registry::member_moved(views, e),
        _ => Ok(What::Nothing),
    }?;
    let what = match what {
        // A household that is entered too late for a fold by date has its number, and stands nowhere.
        What::Standing(_) if sign == Sign::Define => What::Nothing,
        what => what,
    };
    Ok(Step { seq: at.seq, date: at.date, year: at.date.year(), sign, what })
}
