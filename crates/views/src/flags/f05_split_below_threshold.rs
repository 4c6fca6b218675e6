//! F05: one sum paid in parts, each below the approval threshold. Ground: 截留私分.
//!
//! Readings: the threshold is that valid on each payment's day; an account is a payee of its own only when it
//! took the money of several households.

use std::collections::{BTreeMap, BTreeSet};

use ledger::ids::{Date, Unit};

use super::facts::rows::{At, PROJECT};
use super::look::{Hit, Look, windows};
use super::{Found, Subject};
use crate::table::{NONE, No};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Payee {
    Household(No),
    Project(No),
    Account(No),
}

/// A part: day, record, fen, threshold, household or project.
type Part = (Date, At, i64, i64, No);

/// Finds sums that were split.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let (least, days) = (look.count("min_count"), look.value("days"));
    for ((unit, payee), mut parts) in parts(look) {
        parts.sort_unstable_by_key(|part| (part.0, part.1));
        let several = parts.iter().map(|part| part.4).collect::<BTreeSet<_>>().len();
        if matches!(payee, Payee::Account(_)) && several < 2 {
            continue;
        }
        let mut hit = Hit::default();
        windows(
            &parts,
            days,
            |part| part.0,
            |run| {
                let sum = run.iter().fold(0_i64, |sum, part| sum.saturating_add(part.2));
                let threshold = run.iter().map(|part| part.3).max().unwrap_or(i64::MAX);
                if least <= run.len() && threshold <= sum {
                    for part in run {
                        hit.add(part.1, part.2);
                    }
                }
            },
        );
        let zh = "几笔略低于审批限额的款项合计达到限额".to_owned();
        let en = "several sums below the approval threshold together reach it".to_owned();
        if let Some(subject) = subject(look, unit, payee) {
            out.extend(hit.found(subject, zh, en));
        }
    }
}

fn parts(look: &Look<'_>) -> BTreeMap<(Unit, Payee), Vec<Part>> {
    let low = look.value("low_bp");
    let mut all: BTreeMap<(Unit, Payee), Vec<Part>> = BTreeMap::new();
    for (payment, net) in look.paid() {
        let rule = look.facts.rules.approval.content(payment.date());
        let Some(threshold) = rule.map(|rule| rule.threshold_fen) else { continue };
        let fen = payment.fen();
        let high_enough = i128::from(threshold).saturating_mul(low.into())
            <= i128::from(fen).saturating_mul(10_000);
        if threshold <= fen || !high_enough || net == 0 {
            continue;
        }
        let unit = look.route(payment).unit;
        let part = (payment.date(), payment.seq, fen, threshold, payment.payee);
        let payee = if payment.is(PROJECT) {
            Payee::Project(payment.payee)
        } else {
            Payee::Household(payment.payee)
        };
        all.entry((unit, payee)).or_default().push(part);
        if payment.account != NONE {
            all.entry((unit, Payee::Account(payment.account))).or_default().push(part);
        }
    }
    all
}

fn subject(look: &Look<'_>, unit: Unit, payee: Payee) -> Option<Subject> {
    Some(match payee {
        Payee::Household(no) => Subject::UnitHousehold(unit, look.code(no)?),
        Payee::Project(no) => Subject::UnitProject(unit, look.facts.project_names.key(no)?),
        Payee::Account(no) => Subject::UnitAccount(unit, look.account(no)),
    })
}
