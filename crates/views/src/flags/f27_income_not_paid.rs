//! F27: asset income that the shareholders did not get. Ground: 截留私分; 粤发〔2016〕13号 §17.
//!
//! Reading: income is paid out first in, first out, so its age is that of the oldest declaration not yet
//! paid out.

use std::collections::BTreeMap;

use ledger::ids::Date;

use super::Found;
use super::f24_unattributed::subject;
use super::facts::rows::{At, PROJECT};
use super::look::{Hit, Look};
use crate::table::{No, at};

/// Finds projects whose income is not paid out, or that declare none.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let (days, idle) = (look.value("days"), look.value("idle_days"));
    let mut declared: BTreeMap<No, Vec<(Date, At, i64)>> = BTreeMap::new();
    for row in look.facts.declared.iter().filter(|row| look.counts(row.seq, row.date)) {
        declared.entry(row.of).or_default().push((row.date, row.seq, row.fen));
    }
    let mut paid: BTreeMap<No, i64> = BTreeMap::new();
    for row in look.facts.incomes.iter().filter(|row| look.counts(row.seq, row.date)) {
        let sum = paid.entry(row.project).or_default();
        *sum = sum.saturating_add(row.fen);
    }
    let mut hits: BTreeMap<No, Hit> = BTreeMap::new();
    for (project, rows) in &mut declared {
        rows.sort_unstable();
        let mut left = paid.get(project).copied().unwrap_or(0);
        for (date, seq, fen) in rows.iter() {
            let open = fen.saturating_sub(left.max(0)).max(0);
            left = left.saturating_sub(*fen);
            if 0 < open && days < look.date.days_since(*date) {
                hits.entry(*project).or_default().add(*seq, open);
            }
        }
    }
    for (payment, net) in look.paid().filter(|(payment, _)| payment.is(PROJECT)) {
        let Some(Some(project)) = look.facts.projects.get(at(payment.payee)) else { continue };
        let Some((accepted, by)) = project.accepted.filter(|_| project.p04) else { continue };
        if idle < look.date.days_since(accepted) && !declared.contains_key(&payment.payee) {
            let hit = hits.entry(payment.payee).or_default();
            hit.show(by);
            hit.add(payment.seq, net);
        }
    }
    for (project, hit) in hits {
        let zh = "资产收益没有分配，或验收后没有申报".to_owned();
        let en = "asset income not paid out, or none declared since acceptance".to_owned();
        out.extend(subject(look, project).and_then(|subject| hit.found(subject, zh, en)));
    }
}
