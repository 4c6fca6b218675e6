//! Quarterly bulletin by home city 通报: planned beside the ceiling, each source beside what it owes, the
//! spending rate and its rank, money that lies idle.
//!
//! Always: the rank is among all home cities, whichever of them are shown; equal rates share a rank; a city
//! that received nothing has no rate and no rank.

use std::collections::BTreeMap;

use ledger::codec::Codec;
use ledger::event::At;
use ledger::ids::{Source, Unit};
use record::{Seq, system};

use super::table::{Cell, Kind, Table};
use super::{Given, ReportError, home_cities, idle, months, touches};
use crate::balance::rate_bp;
use crate::drift::{Drift, add};
use crate::flags::{self, Facts};
use crate::history::{HistoryError, each_record};

const COLUMNS: [(&str, Kind); 26] = [
    ("rank", Kind::Count),
    ("city", Kind::Text),
    ("name", Kind::Text),
    ("heads", Kind::Count),
    ("ceiling", Kind::Fen),
    ("planned", Kind::Fen),
    ("p_owed", Kind::Fen),
    ("p_issued", Kind::Fen),
    ("p_arrived", Kind::Fen),
    ("p_rate_bp", Kind::BasisPoints),
    ("h_owed", Kind::Fen),
    ("h_issued", Kind::Fen),
    ("h_arrived", Kind::Fen),
    ("h_rate_bp", Kind::BasisPoints),
    ("l_owed", Kind::Fen),
    ("l_issued", Kind::Fen),
    ("l_arrived", Kind::Fen),
    ("l_rate_bp", Kind::BasisPoints),
    ("received", Kind::Fen),
    ("spent", Kind::Fen),
    ("spending_rate_bp", Kind::BasisPoints),
    ("idle_over_90_days", Kind::Fen),
    ("months_not_closed", Kind::Count),
    ("alerts_high", Kind::Count),
    ("alerts_middle", Kind::Count),
    ("alerts_low", Kind::Count),
];

/// Counts that add up.
const COUNTS: [&str; 5] =
    ["heads", "months_not_closed", "alerts_high", "alerts_middle", "alerts_low"];

/// Sums of one home city.
#[derive(Clone, Copy, Default)]
struct City {
    /// Owed, issued and arrived of P, H, L.
    shared: [[i64; 3]; 3],
    /// Of all sources.
    received: i64,
    spent: i64,
}

impl City {
    fn rate(&self) -> Option<i64> {
        rate_bp(self.spent, self.received)
    }
}

pub(super) fn table(given: &Given<'_>, area: Unit) -> Result<Table, ReportError> {
    let cities = cities(given)?;
    let mut rates: Vec<i64> = cities.values().filter_map(City::rate).collect();
    rates.sort_unstable_by(|a, b| b.cmp(a));
    let (idle, open) = (idle::long_held(given)?, months::not_closed(given)?);
    let alerts = alerts_by_city(given)?;
    let mut rows = Vec::new();
    for (city, sums) in cities.iter().filter(|(city, _)| touches(area, **city)) {
        let rank = sums.rate().and_then(|rate| {
            let better = rates.iter().take_while(|other| rate < **other).count();
            i64::try_from(better).ok()?.checked_add(1)
        });
        let mut row = row(given, *city, sums, rank)?;
        row.extend([&idle, &open].map(|all| Cell::from(all.get(city).copied().unwrap_or(0))));
        let found = alerts.get(city).copied().unwrap_or_default();
        row.extend(found.map(Cell::from));
        rows.push((rank.unwrap_or(i64::MAX), *city, row));
    }
    rows.sort_by_key(|(rank, city, _)| (*rank, *city));
    let mut table = Table::new(&COLUMNS);
    for (.., row) in rows {
        table.push(row);
    }
    table.sum_up(&COUNTS)?;
    for (rate, part, whole) in [
        ("p_rate_bp", "p_arrived", "p_owed"),
        ("h_rate_bp", "h_arrived", "h_owed"),
        ("l_rate_bp", "l_arrived", "l_owed"),
        ("spending_rate_bp", "spent", "received"),
    ] {
        let pair = table.total(part).zip(table.total(whole));
        table.set_total(rate, pair.and_then(|(part, whole)| rate_bp(part, whole)));
    }
    table.fact("day", Kind::Date, given.day);
    Ok(table)
}

/// How many alerts of severity 3, 2 and 1 concern a unit or household of each city.
fn alerts_by_city(given: &Given<'_>) -> Result<BTreeMap<Unit, [i64; 3]>, ReportError> {
    let (mut facts, mut codec) = (Facts::new(), Codec::new());
    each_record(given.log, Seq(0), given.as_of.position, &mut |record| {
        if system::is_system(record.kind()) {
            facts.pass(record);
            return Ok(true);
        }
        let seq = record.seq();
        let decoded = codec.decode(record);
        let entry = decoded.map_err(|error| HistoryError::Decode { seq, error })?;
        facts.apply(&At::of_record(record), &entry);
        Ok(true)
    })?;
    let mut cities: BTreeMap<Unit, [i64; 3]> = BTreeMap::new();
    for alert in flags::alerts(&facts, given.day, None) {
        let Some(city) = alert.subject.unit().city() else { continue };
        let counts = cities.entry(city).or_default();
        let at = 3_usize.saturating_sub(alert.severity.into());
        if let Some(count) = counts.get_mut(at) {
            *count = count.saturating_add(1);
        }
    }
    Ok(cities)
}

fn cities(given: &Given<'_>) -> Result<BTreeMap<Unit, City>, ReportError> {
    let all = home_cities(given, Unit::PROVINCE);
    let mut cities: BTreeMap<Unit, City> = all.into_iter().map(|u| (u, City::default())).collect();
    for ((code, source, ..), row) in given.views.homes.iter() {
        let Some(city) = Unit::of_code(*code).and_then(|unit| cities.get_mut(&unit)) else {
            continue;
        };
        add(&mut city.received, row.received, "a report")?;
        add(&mut city.spent, row.spent, "a report")?;
        let at = Source::SHARED.iter().position(|shared| shared == source);
        if let Some(sums) = at.and_then(|at| city.shared.get_mut(at)) {
            for (sum, more) in sums.iter_mut().zip([row.owed, row.allocated, row.received]) {
                add(sum, more, "a report")?;
            }
        }
    }
    Ok(cities)
}

fn row(given: &Given<'_>, city: Unit, sums: &City, rank: Option<i64>) -> Result<Vec<Cell>, Drift> {
    let (position, day) = (given.as_of.position, given.day);
    let baseline = given.rules.baselines.get(&city).and_then(|all| all.known(position, day));
    let heads = baseline.and_then(|version| i64::try_from(version.content.heads).ok());
    let cap = given.rules.cap.known(position, day).map(|version| version.content.per_head_fen);
    let ceiling = heads.zip(cap).and_then(|(heads, cap)| heads.checked_mul(cap));
    let mut planned = 0_i64;
    for [owed, ..] in &sums.shared {
        add(&mut planned, *owed, "a report")?;
    }
    let mut row: Vec<Cell> = vec![
        rank.into(),
        city.into(),
        given.name(city).into(),
        heads.into(),
        ceiling.into(),
        planned.into(),
    ];
    for [owed, issued, arrived] in sums.shared {
        row.extend([owed.into(), issued.into(), arrived.into(), rate_bp(arrived, owed).into()]);
    }
    row.extend([sums.received.into(), sums.spent.into(), sums.rate().into()]);
    Ok(row)
}
