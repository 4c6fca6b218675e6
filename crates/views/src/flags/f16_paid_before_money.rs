//! F16: paid before the money or the quota was there. Ground: 挤占挪用.
//!
//! Reading: a purse is short from the end of the first day below zero until it is not; it must have been so
//! for `min_days` days at least. A payment dated before its quota was issued is always short.

use super::look::{Hit, Look};
use super::purse::each_purse;
use super::{Found, Subject};

/// Finds purses that were below zero by date.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let least = look.value("min_days");
    each_purse(look, |unit, quota, purse| {
        let issued = look.facts.quota(quota);
        let (mut hold, mut right, mut low, mut hit) = (0_i64, 0_i64, 0_i64, Hit::default());
        let days: Vec<_> = purse.0.chunk_by(|a, b| a.0 == b.0).collect();
        let next = days.iter().skip(1).filter_map(|day| day.first()).map(|row| row.0);
        let next = next.chain([ledger::ids::Date(look.date.0.saturating_add(1))]);
        for (day, next) in days.iter().zip(next) {
            for row in *day {
                hold = hold.saturating_add(row.2);
                right = right.saturating_add(row.3);
            }
            let below = hold.min(right);
            let Some((date, ..)) = day.first() else { continue };
            let long = least <= next.days_since(*date);
            let early = issued.is_some_and(|quota| *date < quota.date);
            if (below < 0 && long) || early {
                low = low.min(below);
                let gone = day.iter().filter(|row| row.2 < 0 || row.3 < 0);
                gone.for_each(|row| hit.show(row.1));
                if let Some(quota) = issued.filter(|_| early) {
                    hit.show(quota.issued);
                }
            }
        }
        hit.fen = low.saturating_neg();
        let Some(id) = look.facts.quota_names.key(quota) else { return };
        let zh = "按日期看，先支出后有指标或资金".to_owned();
        let en = "by date, spent before quota or money was there".to_owned();
        out.extend(hit.found(Subject::UnitQuota(unit, id), zh, en));
    });
}
