//! F15: a village received far more a head than the others of its county. Ground: 挥霍浪费.
//!
//! Readings: heads are active members of registered or exited households on the last day of the year, or on
//! the day asked about; what projects attributed counts; the median is over villages with enough households.

use std::collections::BTreeMap;

use ledger::ids::{Date, Level, Unit};
use ledger::words::HouseholdState;

use super::look::{Hit, Look};
use super::{Found, Subject};
use crate::table::No;

/// A village in a year: households, heads, receipts.
#[derive(Default)]
struct Village {
    households: i64,
    heads: i64,
    hit: Hit,
}

/// Finds villages far above their county's median.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let mut years: BTreeMap<u32, BTreeMap<Unit, Hit>> = BTreeMap::new();
    for (payment, net) in look.paid_households() {
        let village = look.route(payment).village;
        let year = years.entry(u32::from(payment.date().year())).or_default();
        year.entry(village).or_default().add(payment.seq, net);
    }
    for row in look.facts.benefits.iter().filter(|row| look.counts(row.seq, row.date)) {
        let year = years.entry(u32::from(row.date.year())).or_default();
        year.entry(row.village).or_default().add(row.seq, row.fen);
    }
    for (year, receipts) in years {
        let villages = count(look, year, receipts);
        let mut counties: BTreeMap<Unit, Vec<(Unit, Village)>> = BTreeMap::new();
        for (unit, village) in villages {
            let county = unit.at(Level::County).or(unit.city()).unwrap_or(unit);
            if look.value("min_households") <= village.households && 0 < village.heads {
                counties.entry(county).or_default().push((unit, village));
            }
        }
        for villages in counties.into_values() {
            judge(look, year, villages, out);
        }
    }
}

fn count(look: &Look<'_>, year: u32, receipts: BTreeMap<Unit, Hit>) -> BTreeMap<Unit, Village> {
    let end = Date::of(year, 12, 31).unwrap_or(look.date).min(look.date);
    let mut villages: BTreeMap<Unit, Village> = BTreeMap::new();
    let all = No::try_from(look.facts.households.len()).unwrap_or(No::MAX);
    for household in 0..all {
        let state = look.state(household, end).map(|(state, ..)| state);
        if !matches!(state, Some(HouseholdState::Registered | HouseholdState::Exited)) {
            continue;
        }
        let Some(unit) = look.village(household, end) else { continue };
        let village = villages.entry(unit).or_default();
        village.households = village.households.saturating_add(1);
        village.heads = village.heads.saturating_add(look.heads(household, end));
    }
    for (unit, hit) in receipts {
        if let Some(village) = villages.get_mut(&unit) {
            village.hit = hit;
        }
    }
    villages
}

fn judge(look: &Look<'_>, year: u32, mut villages: Vec<(Unit, Village)>, out: &mut Vec<Found>) {
    if villages.len() < look.count("min_villages") {
        return;
    }
    // a / b against c / d, by products in 128 bits.
    let product = |fen: i64, heads: i64| i128::from(fen).saturating_mul(heads.into());
    villages.sort_by(|(u, a), (v, b)| {
        let (left, right) = (product(a.hit.fen, b.heads), product(b.hit.fen, a.heads));
        left.cmp(&right).then(u.cmp(v))
    });
    let middle = villages.len().saturating_sub(1) / 2;
    let Some((_, median)) = villages.get(middle) else { return };
    let (fen, heads) = (median.hit.fen, median.heads);
    let factor = i128::from(look.value("factor_bp"));
    for (unit, village) in villages {
        let own = product(village.hit.fen, heads).saturating_mul(10_000);
        if own <= product(fen, village.heads).saturating_mul(factor) {
            continue;
        }
        let zh = "村人均收款远高于本县中位数".to_owned();
        let en = "receipts a head far above the county's median".to_owned();
        out.extend(village.hit.found(Subject::UnitYear(unit, year), zh, en));
    }
}
