//! F01: several households are paid on one account. Ground: 虚报冒领、截留私分 (粤发〔2016〕13号 §13).
//!
//! Readings: the window of 365 days may lie anywhere up to the day asked about; payments on a binding with a
//! guardian's reason are left out whole.

use std::collections::{BTreeMap, BTreeSet};

use ledger::ids::{Date, Unit};

use super::f08_above_review_line::lineages;
use super::facts::rows::At;
use super::look::{Hit, Look, windows};
use super::{Found, Subject};
use crate::table::{NONE, No};

/// Days of the window.
const DAYS: i64 = 365;

/// A payment on an account: day, lineage, record, fen, village.
type Paid = (Date, No, At, i64, Unit);

/// Finds accounts that took the money of several households.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let least = look.count("min_households");
    let lineage = lineages(look.facts);
    let root = |household: No| lineage.get(&household).copied().unwrap_or(household);
    let guarded = |household: No, account: No, date: Date| {
        look.binding(household, account, date).is_some_and(|binding| binding.guardian)
    };
    let mut incomes: BTreeMap<No, Vec<Paid>> = BTreeMap::new();
    for row in look.facts.incomes.iter().filter(|row| look.counts(row.seq, row.date)) {
        let Some(household) = row.household.filter(|_| row.account != NONE) else { continue };
        if !guarded(household, row.account, row.date) {
            let village = look.village(household, row.date).unwrap_or(Unit::PROVINCE);
            let paid = (row.date, root(household), row.seq, row.fen, village);
            incomes.entry(row.account).or_default().push(paid);
        }
    }
    let mut judge = |account: No, rows: &mut Vec<Paid>| {
        rows.sort_unstable_by_key(|row| (row.0, row.2));
        let (mut hit, mut villages, mut most) = (Hit::default(), BTreeSet::new(), 0);
        windows(
            rows,
            DAYS,
            |row| row.0,
            |run| {
                let households: BTreeSet<No> = run.iter().map(|row| row.1).collect();
                if least <= households.len() {
                    most = most.max(households.len());
                    villages.extend(run.iter().map(|row| row.4));
                    for row in run {
                        hit.add(row.2, row.3);
                    }
                }
            },
        );
        let (token, unit) =
            (look.account(account), villages.first().copied().unwrap_or(Unit::PROVINCE));
        let zh = format!("一个账户在一年内收到 {most} 户的款项");
        let en = format!("one account took the money of {most} households within a year");
        out.extend(hit.found(Subject::Token { token, unit }, zh, en));
    };
    look.grouped(
        |payment| (payment.account != NONE).then_some(payment.account),
        |account, group| {
            let extra = incomes.remove(&account);
            let first = group.first().map(|(payment, _)| payment.payee);
            let alone = group.iter().all(|(payment, _)| Some(payment.payee) == first);
            if alone && extra.is_none() && 1 < least {
                return;
            }
            let open = group
                .iter()
                .filter(|(payment, _)| !guarded(payment.payee, account, payment.date()));
            let paid = open.map(|(payment, net)| {
                let village = look.route(payment).village;
                (payment.date(), root(payment.payee), payment.seq, *net, village)
            });
            let mut rows: Vec<Paid> = paid.chain(extra.into_iter().flatten()).collect();
            judge(account, &mut rows);
        },
    );
    for (account, mut rows) in incomes {
        judge(account, &mut rows);
    }
}
