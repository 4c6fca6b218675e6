//! F08: a lineage received more than the review line. Ground: 虚报冒领、挥霍浪费; 20,000 yuan a head.
//!
//! Readings: money of programme `dev` and what projects attributed counts; the peak is over all households of
//! the lineage together, up to the day asked about.

use std::collections::BTreeMap;

use ledger::ids::Date;
use ledger::words::Programme;

use super::Found;
use super::facts::Facts;
use super::look::{Hit, Look};
use crate::table::No;

/// The oldest household of each household's lineage; those alone have none.
pub(super) fn lineages(facts: &Facts) -> BTreeMap<No, No> {
    fn root(up: &BTreeMap<No, No>, mut of: No) -> No {
        while let Some(next) = up.get(&of).filter(|next| **next != of) {
            of = *next;
        }
        of
    }
    let mut up: BTreeMap<No, No> = BTreeMap::new();
    for (one, other) in &facts.kin {
        let (a, b) = (root(&up, *one), root(&up, *other));
        for of in [*one, *other, a, b] {
            up.entry(of).or_insert(of);
        }
        up.insert(a.max(b), a.min(b));
    }
    let all: Vec<No> = up.keys().copied().collect();
    all.into_iter().map(|of| (of, root(&up, of))).collect()
}

/// Finds lineages above the review line.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let Some(rule) = look.facts.rules.cap.content(look.date) else { return };
    let lineage = lineages(look.facts);
    let root = |household: No| lineage.get(&household).copied().unwrap_or(household);
    let mut members: BTreeMap<No, Vec<No>> = BTreeMap::new();
    for (household, root) in &lineage {
        members.entry(*root).or_default().push(*household);
    }
    let mut given: BTreeMap<No, Vec<(u32, i64)>> = BTreeMap::new();
    for row in look.facts.benefits.iter().filter(|row| look.counts(row.seq, row.date)) {
        if let Some(household) = row.household {
            given.entry(root(household)).or_default().push((row.seq, row.fen));
        }
    }
    let tolerance = look.value("tolerance_fen");
    let mut judge = |of: No, rows: &[(u32, i64)]| {
        let sum = rows.iter().fold(0_i64, |sum, row| sum.saturating_add(row.1));
        let line = |heads: i64| {
            i128::from(rule.per_head_fen)
                .saturating_mul(heads.into())
                .saturating_add(tolerance.into())
        };
        if i128::from(sum) <= line(1) {
            return;
        }
        let own = [of];
        let heads = peak(look, members.get(&of).map_or(&own, Vec::as_slice));
        if i128::from(sum) <= line(heads) {
            return;
        }
        let mut hit = Hit::default();
        for row in rows {
            hit.add(row.0, row.1);
        }
        hit.fen = i64::try_from(i128::from(sum).saturating_sub(line(heads))).unwrap_or(i64::MAX);
        let zh = format!("收到的款项超过 {heads} 人的人均标准");
        let en = format!("received more than the review line of {heads} heads");
        out.extend(hit.found(look.household(of), zh, en));
    };
    let dev = |route: No| {
        let route = look.facts.routes.key(route);
        let quota = route.and_then(|route| look.facts.quota(route.quota));
        quota.is_some_and(|quota| quota.programme == Programme::Dev)
    };
    look.grouped(
        |p| (!p.is(super::facts::rows::PROJECT) && dev(p.route)).then(|| root(p.payee)),
        |of, group| {
            let paid = group.iter().map(|(payment, net)| (payment.seq, *net));
            let rows: Vec<_> = paid.chain(given.remove(&of).into_iter().flatten()).collect();
            judge(of, &rows);
        },
    );
    for (of, rows) in &given {
        judge(*of, rows);
    }
}

/// The largest number of members at the same time.
fn peak(look: &Look<'_>, households: &[No]) -> i64 {
    let mut steps: Vec<(Date, i64)> = Vec::new();
    for member in households.iter().flat_map(|of| look.members(*of)) {
        if member.from < member.until && member.from <= look.date {
            steps.push((member.from, 1));
            steps.push((member.until, -1));
        }
    }
    // Who leaves and who comes on one day are not there together.
    steps.sort_unstable();
    let mut now = 0_i64;
    steps.iter().fold(0, |peak, (_, step)| {
        now = now.saturating_add(*step);
        peak.max(now)
    })
}
