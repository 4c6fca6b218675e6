//! Lists: households, villages and cities that a view has, page by page.
//!
//! Always: ascending by code, so a page token is the last code of the page before.

use std::collections::BTreeSet;

use ledger::ids::{HouseholdCode, Level, QuotaId, Unit};
use ledger::words::{Class, HouseholdState};

use super::{Balance, Counts};
use crate::drift::Drift;
use crate::household::Household;
use crate::projection::Projection;
use crate::table::No;

/// Which households a list holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Current village in this unit.
    pub unit: Option<Unit>,
    /// State.
    pub state: Option<HouseholdState>,
    /// Class.
    pub class: Option<Class>,
}

/// Returns up to `count` households behind `after`, ascending by code.
pub fn households(
    views: &Projection,
    filter: Filter,
    after: Option<HouseholdCode>,
    count: usize,
) -> Vec<HouseholdCode> {
    let keep = |row: &Household| {
        let standing = row.standing;
        let lives = || views.names.unit(standing.village);
        standing.state.is_some()
            && filter.state.is_none_or(|state| standing.state == Some(state))
            && filter.class.is_none_or(|class| standing.class == Some(class))
            && filter.unit.is_none_or(|unit| lives().is_some_and(|village| unit.contains(village)))
    };
    let mut codes: Vec<HouseholdCode> = views
        .households
        .iter()
        .filter(|(code, row)| after.is_none_or(|after| after < *code) && keep(row))
        .map(|(code, _)| code)
        .collect();
    // The page alone needs to be in order.
    if count < codes.len() {
        let _ = codes.select_nth_unstable(count);
        codes.truncate(count);
    }
    codes.sort_unstable();
    codes
}

/// Returns the households, ascending by code, that a unit with a share of a quota paid: all to which a
/// payment from the quota stands are among them. Which were is said by their own records, whose rows name
/// the quota ([`crate::history::household`]).
pub fn payees(views: &Projection, quota: &QuotaId) -> Vec<HouseholdCode> {
    let Ok(quota) = views.names.quota(quota) else { return Vec::new() };
    let units: BTreeSet<No> = views.quotas.shares(quota.no).map(|(unit, _)| unit).collect();
    let mut codes: Vec<HouseholdCode> = views.households.paid_by(&units).collect();
    codes.sort_unstable();
    codes
}

/// Returns a household's totals without its rows by purpose, quota and year; `None` when it was never
/// registered.
///
/// # Errors
/// [`Drift::Overflow`] where a sum leaves 64 bits.
pub fn household_totals(views: &Projection, code: HouseholdCode) -> Result<Option<Balance>, Drift> {
    let Ok(no) = views.households.number(code) else { return Ok(None) };
    let row = views.households.get(no);
    let Some(state) = row.standing.state else { return Ok(None) };
    let net = row.paid.checked_sub(row.refunded).ok_or(Drift::Overflow { row: "a household" })?;
    let village = views.names.unit(row.standing.village);
    let counts: Counts = vec![
        ("active_members", Some(row.standing.active.into())),
        ("peak_members", Some(row.peak.into())),
    ];
    Ok(Some(Balance {
        kind: "household",
        code: code.to_string(),
        fields: vec![
            ("paid", row.paid),
            ("refunded", row.refunded),
            ("attributed", row.attributed),
            ("net", net),
            ("asset_income", row.asset_income),
        ],
        counts,
        texts: vec![
            ("state", state.to_string()),
            ("class", row.standing.class.map(Class::name).unwrap_or_default().to_owned()),
            ("village", village.map(|unit| unit.to_string()).unwrap_or_default()),
        ],
        ..Balance::at(views)
    }))
}

/// Returns the units of a level in an area that have or had money or people, ascending by code.
pub fn units(views: &Projection, area: Unit, level: Level) -> Vec<Unit> {
    let places = views.names.within(area);
    places.filter_map(|place| place.unit.at(level)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns the cities that are home or helper of some money, ascending by code.
pub fn cities(views: &Projection) -> Vec<Unit> {
    let homes = views.homes.iter().map(|((city, ..), _)| *city);
    let helpers = views.helpers.iter().map(|((city, ..), _)| *city);
    let codes: BTreeSet<u64> = homes.chain(helpers).collect();
    codes.into_iter().filter_map(Unit::of_code).collect()
}
