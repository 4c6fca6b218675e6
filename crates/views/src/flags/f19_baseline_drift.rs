//! F19: declared heads and the register differ, or more is planned than the ceiling. Ground: 虚报冒领.
//!
//! Readings: registered heads are counted by the cap rule's `drift_basis`, of households registered on the
//! day; the amount is what is planned above the ceiling.

use std::collections::BTreeMap;

use ledger::ids::{Level, Unit};
use ledger::rules::cap::DriftBasis;
use ledger::words::{Ability, HouseholdState};

use super::facts::rows::Membership;
use super::look::{Hit, Look};
use super::{Found, Subject};
use crate::table::No;

/// Finds cities and counties whose heads differ.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let rules = &look.facts.rules;
    let basis = rules.cap.content(look.date).map_or(DriftBasis::Labour, |rule| rule.drift_basis);
    let heads = heads(look, basis);
    let drift = i128::from(look.value("drift_bp"));
    for (city, versions) in &rules.baselines {
        let Some(version) = versions.valid(look.date) else { continue };
        let seq = super::facts::short(version.seq);
        let planned = planned(look, *city);
        let ceiling = rules.cap.content(look.date).map(|r| r.ceiling_fen(version.content.heads));
        let over = ceiling.map_or(0, |ceiling| i128::from(planned).saturating_sub(ceiling).max(0));
        let counties = version.content.counties.iter().copied();
        for (unit, declared) in counties.chain([(*city, version.content.heads)]) {
            let found = heads.get(&unit).copied().unwrap_or(0);
            let apart = i128::from(declared).saturating_sub(found.into()).saturating_abs();
            let far = i128::from(declared).saturating_mul(drift) < apart.saturating_mul(10_000);
            let over = if unit == *city { over } else { 0 };
            if !far && over == 0 {
                continue;
            }
            let mut hit = Hit::default();
            hit.add(seq, i64::try_from(over).unwrap_or(i64::MAX));
            let zh = format!("申报 {declared} 人，台账 {found} 人");
            let en = format!("{declared} heads declared, {found} registered");
            out.extend(hit.found(Subject::Unit(unit), zh, en));
        }
    }
}

fn planned(look: &Look<'_>, city: Unit) -> i64 {
    let rows = look.facts.planned.iter();
    let rows = rows.filter(|row| row.home == city && look.counts(row.seq, row.date));
    rows.flat_map(|row| row.parts).fold(0, i64::saturating_add)
}

/// Registered heads by city and county.
fn heads(look: &Look<'_>, basis: DriftBasis) -> BTreeMap<Unit, u64> {
    let mut latest: BTreeMap<(No, u8), Ability> = BTreeMap::new();
    let mut changes: Vec<_> =
        look.facts.abilities.iter().filter(|row| row.2 <= look.date).collect();
    changes.sort_by_key(|row| row.2);
    for (household, no, _, ability) in changes {
        latest.insert((*household, *no), *ability);
    }
    let able = |member: &&Membership| {
        let now = latest.get(&(member.household, member.no)).copied().unwrap_or(member.ability);
        matches!(now, Ability::Full | Ability::Partial)
    };
    let mut out: BTreeMap<Unit, u64> = BTreeMap::new();
    for household in 0..No::try_from(look.facts.households.len()).unwrap_or(No::MAX) {
        let state = look.state(household, look.date).map(|(state, ..)| state);
        if state != Some(HouseholdState::Registered) {
            continue;
        }
        let active = || look.members(household).filter(|m| m.active(look.date));
        let count = match basis {
            DriftBasis::Labour if !active().any(|m| able(&m)) => 0,
            DriftBasis::Able => active().filter(able).count(),
            DriftBasis::Labour | DriftBasis::All => active().count(),
        };
        let Some(village) = look.village(household, look.date) else { continue };
        for unit in [village.city(), village.at(Level::County)].into_iter().flatten() {
            let sum = out.entry(unit).or_default();
            *sum = sum.saturating_add(u64::try_from(count).unwrap_or(0));
        }
    }
    out
}
