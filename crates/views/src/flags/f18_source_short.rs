//! F18: a source gave less than its share in time. Ground: 挤占挪用; cost split of 粤发〔2016〕13号 §13.
//!
//! Readings: a quarter counts when it is over on the day asked about; arrived is what was received of money
//! sent by the source, less nothing that later went back up; the amount is what is missing to the share.

use std::collections::BTreeMap;

use ledger::ids::{Date, Source, Unit};

use super::facts::rows::At;
use super::facts::{first_day, quarter};
use super::look::{Hit, Look};
use super::{Found, Subject};

/// What a source did for a home city: day, record, fen, in the order of days.
#[derive(Default)]
struct Account {
    owed: Vec<(Date, At, i64)>,
    issued: Vec<(Date, At, i64)>,
    arrived: Vec<(Date, At, i64)>,
}

/// Finds sources that fell short.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let share = i128::from(look.value("share_bp"));
    let due_days = u32::try_from(look.value("due_days")).unwrap_or(u32::MAX);
    for ((source, home), account) in accounts(look) {
        let Some(first) = account.owed.iter().map(|row| row.0).min() else { continue };
        for quarter in quarter(first)..=quarter(look.date) {
            let next = first_day(quarter.saturating_add(1).saturating_mul(3));
            let end = Date(next.0.saturating_sub(1));
            if look.date < end {
                continue;
            }
            let due = Date(end.0.saturating_sub(due_days));
            let until = |rows: &[(Date, At, i64)], day: Date| {
                let rows = rows.iter().filter(|row| row.0 <= day);
                rows.fold(0_i64, |sum, row| sum.saturating_add(row.2))
            };
            let owed = until(&account.owed, due);
            let given = until(&account.issued, end).min(until(&account.arrived, end));
            let wanted = i128::from(owed).saturating_mul(share);
            if owed <= 0 || wanted <= i128::from(given).saturating_mul(10_000) {
                continue;
            }
            let mut hit = Hit::default();
            let shown = account.owed.iter().filter(|row| row.0 <= due);
            let given_rows = account.issued.iter().chain(&account.arrived);
            shown.chain(given_rows.filter(|row| row.0 <= end)).for_each(|row| hit.show(row.1));
            hit.fen = owed.saturating_sub(given);
            let zh = "配套资金下达或到账不足应承担份额".to_owned();
            let en = "issued or arrived less than the share that was due".to_owned();
            out.extend(hit.found(Subject::SourceQuarter(source, home, quarter), zh, en));
        }
    }
}

fn accounts(look: &Look<'_>) -> BTreeMap<(Source, Unit), Account> {
    let mut all: BTreeMap<(Source, Unit), Account> = BTreeMap::new();
    for row in look.facts.planned.iter().filter(|row| look.counts(row.seq, row.date)) {
        for (source, fen) in Source::SHARED.into_iter().zip(row.parts).filter(|(_, fen)| 0 < *fen) {
            all.entry((source, row.home)).or_default().owed.push((row.date, row.seq, fen));
        }
    }
    let quota = |no| look.facts.quota(no).map(|quota| (quota.source, quota.home));
    for row in look.facts.issues.iter().filter(|row| look.counts(row.seq, row.date)) {
        if let Some(account) = quota(row.of).and_then(|key| all.get_mut(&key)) {
            account.issued.push((row.date, row.seq, row.fen));
        }
    }
    let sent: BTreeMap<At, _> = look
        .facts
        .sent
        .iter()
        .filter(|row| row.from_source)
        .filter_map(|row| Some((row.seq, quota(row.quota)?)))
        .collect();
    for row in look.facts.arrivals.iter().filter(|row| look.counts(row.seq, row.date)) {
        let key = sent.get(&row.sent).filter(|_| row.arrived);
        if let Some(account) = key.and_then(|key| all.get_mut(key)) {
            account.arrived.push((row.date, row.seq, row.fen));
        }
    }
    // Cash of an opening came in before the ledger began.
    for row in look.facts.moves.iter().filter(|row| look.counts(row.seq, row.date) && 0 < row.hold)
    {
        let opening = look.facts.quota(row.quota).filter(|quota| quota.issued == row.seq);
        let key = opening.map(|quota| (quota.source, quota.home));
        if let Some(account) = key.and_then(|key| all.get_mut(&key)) {
            account.arrived.push((row.date, row.seq, row.hold));
        }
    }
    all
}
