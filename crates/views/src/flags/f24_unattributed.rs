//! F24: project money that reached nobody. Ground: 挥霍浪费、截留私分; 粤发〔2016〕13号 §17.

use std::collections::BTreeMap;

use ledger::ids::{Date, Unit};

use super::facts::rows::PROJECT;
use super::look::{Hit, Look};
use super::{Found, Subject};
use crate::table::No;

/// The subject that a project is.
pub(super) fn subject(look: &Look<'_>, project: No) -> Option<Subject> {
    let unit = look.facts.project(project).map_or(Unit::PROVINCE, |project| project.unit);
    Some(Subject::Project { project: look.facts.project_names.key(project)?, unit })
}

/// Finds projects with open benefit.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let days = look.value("days");
    let mut projects: BTreeMap<No, (Date, Hit)> = BTreeMap::new();
    for (payment, net) in look.paid().filter(|(payment, _)| payment.is(PROJECT)) {
        let (last, hit) = projects.entry(payment.payee).or_default();
        *last = payment.date().max(*last);
        hit.add(payment.seq, net);
    }
    for row in look.facts.benefits.iter().filter(|row| look.counts(row.seq, row.date)) {
        if let Some((_, hit)) = projects.get_mut(&row.project) {
            hit.add(row.seq, row.fen.saturating_neg());
        }
    }
    for (project, (last, hit)) in projects {
        let age = look.date.days_since(last);
        if hit.fen <= 0 || age <= days {
            continue;
        }
        let zh = format!("项目最后付款 {age} 天后仍有受益未到户");
        let en = format!("benefit not attributed {age} days after the last payment");
        out.extend(subject(look, project).and_then(|subject| hit.found(subject, zh, en)));
    }
}
