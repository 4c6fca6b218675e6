//! F07: money lies where it should move on. Ground: 截留私分、挤占挪用.
//!
//! Readings: age is first in, first out by effective date; money of a reversed record never came; less than
//! `min_fen` of old money is left alone.

use super::look::Look;
use super::purse::each_purse;
use super::{Found, Subject};

/// Finds units that hold money too long.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let steps = ["days_grave", "days_serious", "days_warn"].map(|name| look.value(name));
    let least = look.value("min_fen");
    each_purse(look, |unit, quota, purse| {
        let layers = purse.layers();
        let old = |days: i64| {
            let old = layers.iter().filter(|(date, ..)| days < look.date.days_since(*date));
            old.fold(0_i64, |sum, (_, _, fen)| sum.saturating_add(*fen))
        };
        let found = steps.iter().zip([3, 2, 1]).find(|(days, _)| least <= old(**days).max(1));
        let Some((days, severity)) = found.filter(|(days, _)| 0 < old(**days)) else { return };
        let aged = layers.iter().filter(|(date, ..)| *days < look.date.days_since(*date));
        let mut evidence: Vec<_> = aged.map(|(_, seq, _)| *seq).collect();
        evidence.sort_unstable();
        let Some(id) = look.facts.quota_names.key(quota) else { return };
        let zh = format!("资金到账超过 {days} 天没有使用");
        let en = format!("money held for more than {days} days");
        let (subject, fen) = (Subject::UnitQuota(unit, id), old(*days));
        out.push(Found { subject, severity: Some(severity), fen, evidence, zh, en });
    });
}
