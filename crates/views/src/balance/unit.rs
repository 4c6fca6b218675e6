//! Balance of a unit: its own rows, and with them those of all that lies below it.

use std::collections::BTreeMap;

use ledger::ids::{Level, Purpose, Source, Unit};

use super::{Balance, Row, rate, total};
use crate::drift::Drift;
use crate::projection::Projection;
use crate::table::No;
use crate::unit::{People, Position, Spending};

const NAMES: [&str; 8] = [
    "quota_held",
    "cash_held",
    "in_transit",
    "paid_to_households",
    "paid_to_projects",
    "refunded",
    "spent",
    "returned_up",
];

type Sums = [i64; 8];
type Key = (u16, Source, Purpose);

/// Returns what a village, town or county holds, paid and has registered, by year, source and purpose.
///
/// Quota and cash stand in rows with an empty purpose and are what came in less what went out in that
/// year. With `own_only` nothing is rolled up.
///
/// # Errors
/// [`Drift::Overflow`] where a sum leaves 64 bits.
pub fn unit(views: &Projection, unit: Unit, own_only: bool) -> Result<Balance, Drift> {
    let mut rows: BTreeMap<Key, (Sums, i64)> = BTreeMap::new();
    let mut people = People::default();
    for place in views.names.within(unit).filter(|place| !own_only || place.unit == unit) {
        own_rows(views, place.no, &mut rows)?;
        let own = views.units.people_of(place.no);
        people.households_paid = people.households_paid.saturating_add(own.households_paid);
        people.registered_households =
            people.registered_households.saturating_add(own.registered_households);
        people.registered_members =
            people.registered_members.saturating_add(own.registered_members);
    }
    let fields = total(NAMES, rows.values().map(|(sums, _)| *sums))?;
    let spent = fields.iter().find(|(name, _)| *name == "spent").map_or(0, |(_, fen)| *fen);
    Ok(Balance {
        kind: kind(unit.level()),
        code: unit.to_string(),
        fields,
        rows: rows
            .into_iter()
            .filter(|(_, (sums, payments))| *sums != [0; 8] || *payments != 0)
            .map(|(key, (sums, payments))| row(key, sums, payments))
            .collect(),
        counts: vec![
            ("households_paid", Some(people.households_paid.into())),
            ("registered_households", Some(people.registered_households.into())),
            ("registered_members", Some(people.registered_members.into())),
            ("per_head", rate(spent, people.registered_members.into())),
        ],
        ..Balance::at(views)
    })
}

fn kind(level: Level) -> &'static str {
    level.name()
}

fn own_rows(
    views: &Projection,
    unit: No,
    rows: &mut BTreeMap<Key, (Sums, i64)>,
) -> Result<(), Drift> {
    for ((_, year, source), position) in views.units.positions(unit) {
        let Position { quota_held, cash_held, in_transit, returned_up } = position;
        let sums = [quota_held, cash_held, in_transit, 0, 0, 0, 0, returned_up];
        merge(rows, (year, source, Purpose::EMPTY), sums, 0)?;
    }
    for ((_, year, source, purpose), spending) in views.units.spendings(unit) {
        let Spending { to_households, to_projects, refunded, payments } = spending;
        let spent = to_households
            .checked_add(to_projects)
            .and_then(|paid| paid.checked_sub(refunded))
            .ok_or(Drift::Overflow { row: "a unit" })?;
        let sums = [0, 0, 0, to_households, to_projects, refunded, spent, 0];
        merge(rows, (year, source, purpose), sums, payments)?;
    }
    Ok(())
}

fn merge(
    rows: &mut BTreeMap<Key, (Sums, i64)>,
    key: Key,
    more: Sums,
    payments: i32,
) -> Result<(), Drift> {
    let (sums, count) = rows.entry(key).or_default();
    *count = count.saturating_add(payments.into());
    for (sum, x) in sums.iter_mut().zip(more) {
        *sum = sum.checked_add(x).ok_or(Drift::Overflow { row: "a unit" })?;
    }
    Ok(())
}

fn row((year, source, purpose): Key, sums: Sums, payments: i64) -> Row {
    Row {
        key: vec![
            ("year", year.to_string()),
            ("source", source.to_string()),
            ("purpose", purpose.to_string()),
        ],
        fields: NAMES.into_iter().zip(sums).collect(),
        counts: vec![("payments", Some(payments))],
        texts: Vec::new(),
    }
}
