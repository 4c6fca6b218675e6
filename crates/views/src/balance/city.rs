//! Balance of a city as home of poor people and as helper, and of the province as their sum.

use std::collections::BTreeMap;

use ledger::ids::{Source, Unit};

use super::{Balance, Counts, Row, Texts, rate_bp, total};
use crate::drift::Drift;
use crate::home_city::HomeCity;
use crate::projection::Projection;

const NAMES: [&str; 16] = [
    "owed",
    "allocated",
    "sent",
    "received",
    "in_transit",
    "held_city",
    "held_county",
    "held_town",
    "held_village",
    "in_transit_within",
    "spent",
    "paid_before",
    "refunded",
    "returned_up",
    "outstanding",
    "unsent",
];

type Sums = [i64; 16];

const NOTHING: Sums = [0; 16];

const OVERFLOW: Drift = Drift::Overflow { row: "a city" };

/// Returns a city's account as home, by source, tranche and year of the tranche; `None` when nothing
/// is planned or given for it.
///
/// # Errors
/// [`Drift::Overflow`] where a sum leaves 64 bits.
pub fn as_home(views: &Projection, city: Unit) -> Result<Option<Balance>, Drift> {
    let own = views.homes.iter().filter(|((code, ..), _)| *code == city.code());
    let mut rows: BTreeMap<_, Sums> = BTreeMap::new();
    for ((_, source, tranche, year), row) in own {
        let key = (*source, views.names.tranche_id(*tranche), *year);
        rows.insert(key, sums(row)?);
    }
    // A tranche that was reversed leaves a row of zeros, which says nothing.
    rows.retain(|_, sums| *sums != NOTHING);
    if rows.is_empty() {
        return Ok(None);
    }
    let key = |(source, tranche, year): (Source, _, u16)| -> Texts {
        vec![
            ("source", source.to_string()),
            ("tranche", format!("{tranche}")),
            ("year", year.to_string()),
        ]
    };
    balance(views, "city", city.to_string(), rows, key, |_| Vec::new()).map(Some)
}

/// Returns a city's account as helper, by home city, tranche and year of the tranche; `None` when
/// nothing is planned of it or given by it.
///
/// # Errors
/// [`Drift::Overflow`] where a sum leaves 64 bits.
pub fn as_helper(views: &Projection, city: Unit) -> Result<Option<Balance>, Drift> {
    let own = views.helpers.iter().filter(|((code, ..), _)| *code == city.code());
    let mut rows: BTreeMap<_, Sums> = BTreeMap::new();
    for ((_, home, tranche, year), row) in own {
        let home = Unit::of_code(*home).unwrap_or(Unit::PROVINCE);
        let key = (home, views.names.tranche_id(*tranche), *year);
        rows.insert(key, sums(&row.net().ok_or(OVERFLOW)?)?);
    }
    rows.retain(|_, sums| *sums != NOTHING);
    if rows.is_empty() {
        return Ok(None);
    }
    let key = |(home, tranche, year): (Unit, _, u16)| -> Texts {
        vec![
            ("home_city", home.to_string()),
            ("tranche", format!("{tranche}")),
            ("year", year.to_string()),
        ]
    };
    balance(views, "city", city.to_string(), rows, key, |_| Vec::new()).map(Some)
}

/// Returns the province's sums by year and source, with each shared source's part of what was
/// allocated, received and spent in the year (6:3:1 would be 6,000, 3,000, 1,000).
///
/// `ceiling` is what the home cities' pools may be planned to; its field is left out when it is not
/// known. `planned` is what was planned of it.
///
/// # Errors
/// [`Drift::Overflow`] where a sum leaves 64 bits.
pub fn province(views: &Projection, ceiling: Option<i64>) -> Result<Balance, Drift> {
    let mut rows: BTreeMap<(u16, Source), Sums> = BTreeMap::new();
    for ((_, source, _, year), row) in views.homes.iter() {
        merge(rows.entry((*year, *source)).or_default(), sums(row)?)?;
    }
    rows.retain(|_, sums| *sums != NOTHING);
    let mut shared: BTreeMap<u16, Sums> = BTreeMap::new();
    let mut planned = 0_i64;
    for ((year, source), row) in rows.iter().filter(|((_, source), _)| source.is_shared()) {
        merge(shared.entry(*year).or_default(), *row)?;
        planned = planned.checked_add(row[0]).ok_or(OVERFLOW)?;
        debug_assert!(source.is_shared());
    }
    let parts = rows.clone();
    let counts = |(year, source): (u16, Source)| -> Counts {
        let (Some(part), Some(whole)) = (parts.get(&(year, source)), shared.get(&year)) else {
            return Vec::new();
        };
        let share = |column: usize| match (part.get(column), whole.get(column)) {
            (Some(a), Some(b)) if source.is_shared() => rate_bp(*a, *b),
            _ => None,
        };
        vec![
            ("allocated_share_bp", share(1)),
            ("received_share_bp", share(3)),
            ("spent_share_bp", share(10)),
        ]
    };
    let key = |(year, source): (u16, Source)| -> Texts {
        vec![("year", year.to_string()), ("source", source.to_string())]
    };
    let code = Unit::PROVINCE.to_string();
    let mut balance = balance(views, "province", code, rows, key, counts)?;
    balance.fields.push(("planned", planned));
    balance.fields.extend(ceiling.map(|fen| ("ceiling", fen)));
    Ok(balance)
}

fn sums(row: &HomeCity) -> Result<Sums, Drift> {
    let [held_city, held_county, held_town, held_village] = row.held.columns();
    Ok([
        row.owed,
        row.allocated,
        row.sent,
        row.received,
        row.in_transit,
        held_city,
        held_county,
        held_town,
        held_village,
        row.within,
        row.spent,
        row.paid_before,
        row.refunded,
        row.returned_up,
        row.owed.checked_sub(row.allocated).ok_or(OVERFLOW)?,
        row.allocated.checked_sub(row.sent).ok_or(OVERFLOW)?,
    ])
}

fn merge(sums: &mut Sums, more: Sums) -> Result<(), Drift> {
    for (sum, x) in sums.iter_mut().zip(more) {
        *sum = sum.checked_add(x).ok_or(OVERFLOW)?;
    }
    Ok(())
}

fn balance<K: Ord + Copy>(
    views: &Projection,
    kind: &'static str,
    code: String,
    rows: BTreeMap<K, Sums>,
    key: impl Fn(K) -> Texts,
    counts: impl Fn(K) -> Counts,
) -> Result<Balance, Drift> {
    let fields = total(NAMES, rows.values().copied())?;
    let find = |name| fields.iter().find(|(found, _)| *found == name).map_or(0, |(_, fen)| *fen);
    let progress = rate_bp(find("spent"), find("received"));
    Ok(Balance {
        kind,
        code,
        rows: rows
            .into_iter()
            .map(|(of, sums)| Row {
                key: key(of),
                fields: NAMES.into_iter().zip(sums).collect(),
                counts: counts(of),
                texts: Vec::new(),
            })
            .collect(),
        counts: vec![("spending_rate_bp", progress)],
        fields,
        ..Balance::at(views)
    })
}
