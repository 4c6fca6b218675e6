//! F22: a county got other than its heads' share. Ground: 截留私分、挤占挪用; counties share by head count.
//!
//! Readings: shared sources only; heads by the baseline valid on the last day of the year or the day asked
//! about, and counties that it names; the year counts from 1 July on.

use std::collections::BTreeMap;

use ledger::ids::{Date, Unit};

use super::look::{Hit, Look};
use super::{Found, Subject};

/// Finds counties off their share.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let mut years: BTreeMap<(Unit, u32), BTreeMap<Unit, Hit>> = BTreeMap::new();
    for row in look.facts.releases.iter().filter(|row| look.counts(row.seq, row.date)) {
        let shared = look.facts.quota(row.quota).is_some_and(|quota| quota.source.is_shared());
        if shared {
            let year = years.entry((row.city, u32::from(row.date.year()))).or_default();
            year.entry(row.county).or_default().add(row.seq, row.fen);
        }
    }
    let off = i128::from(look.value("off_bp"));
    for ((city, year), mut counties) in years {
        let half = Date::of(year, 7, 1).is_some_and(|half| half <= look.date);
        let end = Date::of(year, 12, 31).unwrap_or(look.date).min(look.date);
        let Some(baseline) = look.facts.rules.baseline(city, end).filter(|_| half) else {
            continue;
        };
        let heads = i128::from(baseline.content.heads);
        let all = counties.values().fold(0_i64, |sum, hit| sum.saturating_add(hit.fen));
        let all = i128::from(all);
        for (county, own) in &baseline.content.counties {
            let mut hit = counties.remove(county).unwrap_or_default();
            let right = i128::from(hit.fen).saturating_mul(heads);
            let apart = right.saturating_sub(all.saturating_mul((*own).into())).saturating_abs();
            let line = all.saturating_mul(heads).saturating_mul(off);
            if all <= 0 || apart.saturating_mul(10_000) <= line {
                continue;
            }
            hit.show(super::facts::short(baseline.seq));
            hit.fen = i64::try_from(apart.checked_div(heads).unwrap_or(0)).unwrap_or(i64::MAX);
            let zh = "县级分配偏离人数比例".to_owned();
            let en = "released to the county other than its heads' share".to_owned();
            out.extend(hit.found(Subject::CountyYear(city, *county, year), zh, en));
        }
    }
}
