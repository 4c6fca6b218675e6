//! What registry events change.

use super::{
    AccountBound, AccountReleased, AreaAmended, AreaClosed, AreaRegistered, HouseholdAmended,
    HouseholdDissolved, HouseholdExited, HouseholdMoved, HouseholdRegistered, HouseholdReinstated,
    HouseholdRemoved, HouseholdReturned, HouseholdSplit, HouseholdsMerged, Marks, MemberAdded,
    MemberAmended, MemberDied, MemberLeft, MemberMoved, VillageExited,
};
use crate::event::{At, Body, Drift};
use crate::ids::{Date, HouseholdCode};
use crate::state::registry::HouseholdOn;
use crate::state::{Registry, State};
use crate::voucher::VoucherBuilder;
use crate::words::HouseholdState;

fn household(registry: &Registry, code: HouseholdCode) -> Result<u32, Drift> {
    let unknown = || Drift::of(format!("household {code} is not registered"));
    registry.household(code).ok_or_else(unknown)
}

/// Implements [`Body`]: fields by `write`, the effect by a function of event, register and place.
macro_rules! bodies {
    ($($name:ident: $effect:expr;)*) => {
        $(impl Body for $name {
            fn fields(&self, line: &mut VoucherBuilder) {
                self.write(line);
            }

            fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
                let effect: fn(&Self, &mut Registry, &At) -> Result<(), Drift> = $effect;
                effect(self, &mut state.registry, at)
            }
        })*
    };
}

bodies! {
    AreaRegistered: |e, to, at| {
        let marks = (e.poor.unwrap_or(false), e.direct_county.unwrap_or(false));
        to.register_area(e.code, &e.name_zh, at.date, marks)
    };
    AreaAmended: |e, to, at| {
        to.amend_area(e.code, &e.name_zh, at.date, (e.poor, e.direct_county))
    };
    AreaClosed: |e, to, at| to.close_area(e.code, at.date);
    VillageExited: |e, to, at| to.amend_area(e.code, "", at.date, (Some(false), None));
    HouseholdRegistered: |e, to, at| {
        let place = (e.household, at.seq, at.date);
        let no = to.register_household(place, e.village, e.class, e.causes.bits(), e.helping_unit)?;
        e.members.iter().try_for_each(|person| to.join(no, person, at.date))
    };
    HouseholdAmended: amend;
    HouseholdMoved: |e, to, at| {
        to.set_village(household(to, e.household)?, at.date, e.village)
    };
    HouseholdSplit: split;
    HouseholdsMerged: merge;
    HouseholdExited: |e, to, at| set_state(to, e.household, at, HouseholdState::Exited);
    HouseholdReturned: |e, to, at| set_state(to, e.household, at, HouseholdState::Registered);
    HouseholdRemoved: |e, to, at| set_state(to, e.household, at, HouseholdState::Removed);
    HouseholdReinstated: |e, to, at| set_state(to, e.household, at, HouseholdState::Registered);
    HouseholdDissolved: |e, to, at| set_state(to, e.household, at, HouseholdState::Dissolved);
    MemberAdded: |e, to, at| to.join(household(to, e.household)?, &e.member, at.date);
    MemberAmended: amend_member;
    MemberLeft: |e, to, at| to.leave(household(to, e.household)?, e.no, at.date);
    MemberDied: |e, to, _| to.die(household(to, e.household)?, e.no, e.died);
    MemberMoved: |e, to, at| {
        let ends = ((household(to, e.from)?, e.no), (household(to, e.to)?, e.new_no));
        to.pass(ends.0, ends.1, at.date)
    };
    AccountBound: |e, to, at| {
        let no = household(to, e.household)?;
        let marks = (e.primary, !e.guardian_reason.is_empty());
        to.bind(no, (e.account, e.account_kind), e.holder, marks, at.date)
    };
    AccountReleased: |e, to, at| to.release(household(to, e.household)?, e.account, at.date);
}

fn set_state(
    to: &mut Registry,
    code: HouseholdCode,
    at: &At,
    state: HouseholdState,
) -> Result<(), Drift> {
    to.set_state(household(to, code)?, at.date, state)
}

fn amend(e: &HouseholdAmended, to: &mut Registry, at: &At) -> Result<(), Drift> {
    let no = household(to, e.household)?;
    if let Some(class) = e.class {
        to.set_class(no, at.date, class)?;
    }
    if !e.causes.is_empty() {
        to.set_causes(no, e.causes.bits())?;
    }
    match e.helping_unit {
        Some(org) => to.set_helping_unit(no, org),
        None => Ok(()),
    }
}

/// What a household is on a date, for one that is made of it or joins it.
fn on(to: &Registry, no: u32, date: Date) -> Result<HouseholdOn, Drift> {
    to.household_on(no, date).ok_or_else(|| Drift::of("household without a village"))
}

/// The new household has village, class, causes, helping unit and state of the one that is left.
fn split(e: &HouseholdSplit, to: &mut Registry, at: &At) -> Result<(), Drift> {
    let source = household(to, e.household)?;
    let now = on(to, source, at.date)?;
    let causes = to.household_row(source).map_or(0, |row| row.causes);
    let helper = to.helping_unit(source);
    let place = (e.new_household, at.seq, at.date);
    let new = to.register_household(place, now.village, now.class, causes, helper)?;
    if now.state != HouseholdState::Registered {
        to.set_state(new, at.date, now.state)?;
    }
    to.unite(source, new)?;
    e.members.iter().try_for_each(|no| to.pass((source, *no), (new, *no), at.date))
}

/// The household that goes on is registered if either was.
fn merge(e: &HouseholdsMerged, to: &mut Registry, at: &At) -> Result<(), Drift> {
    let (into, from) = (household(to, e.into)?, household(to, e.from)?);
    let (a, b) = (on(to, into, at.date)?, on(to, from, at.date)?);
    for (old, new) in &e.members {
        to.pass((from, *old), (into, *new), at.date)?;
    }
    to.set_state(from, at.date, HouseholdState::Dissolved)?;
    if a.state != HouseholdState::Registered && b.state == HouseholdState::Registered {
        to.set_state(into, at.date, HouseholdState::Registered)?;
    }
    to.unite(into, from)
}

fn amend_member(e: &MemberAmended, to: &mut Registry, _: &At) -> Result<(), Drift> {
    let no = household(to, e.household)?;
    let unknown = || Drift::of(format!("member {} is not in {}", e.no, e.household));
    let now = to.member(no, e.no).ok_or_else(unknown)?.marks();
    let marks = Marks {
        ability: e.ability.unwrap_or(now.ability),
        dibao: e.dibao.unwrap_or(now.dibao),
        student: e.student.unwrap_or(now.student),
        insured: e.insured.unwrap_or(now.insured),
    };
    to.set_marks(no, e.no, marks)
}
