//! Months that units have not closed.
//!
//! Always: a unit's months begin with that of its first money record and end with the last one that was
//! over before the day; closing one closes those before it. Source: domain contract, section 7.4.

use std::collections::BTreeMap;

use ledger::account::{Account, Legs};
use ledger::event::Event;
use ledger::event::money::quota_of;
use ledger::ids::{Date, Unit};
use ledger::kind::Kind as RecordKind;
use record::Fen;

use super::book::each_line;
use super::{Given, ReportError};

fn month(date: Date) -> i64 {
    i64::from(date.month())
}

/// Returns how many months the units of each city have not closed.
pub(super) fn not_closed(given: &Given<'_>) -> Result<BTreeMap<Unit, i64>, ReportError> {
    let (first, closed) = (first_months(given)?, closed_months(given)?);
    let over = month(given.day).saturating_sub(1);
    let mut cities: BTreeMap<Unit, i64> = BTreeMap::new();
    for (unit, first) in first {
        let Some(city) = unit.city() else { continue };
        let done = closed.get(&unit).copied().unwrap_or(i64::MIN).max(first.saturating_sub(1));
        let open = over.saturating_sub(done).max(0);
        let sum = cities.entry(city).or_default();
        *sum = sum.saturating_add(open);
    }
    Ok(cities)
}

/// The month of each unit's first money record.
fn first_months(given: &Given<'_>) -> Result<BTreeMap<Unit, i64>, ReportError> {
    let mut first: BTreeMap<Unit, i64> = BTreeMap::new();
    super::book::each_counted(given, &mut |record| {
        let Some(kind) = RecordKind::of_number(record.kind()) else { return Ok(()) };
        let Some(legs) = Legs::of_record(record) else { return Ok(()) };
        if let Some(unit) = unit_of_account(given, kind, &legs) {
            let month = month(Date(record.date()));
            first.entry(unit).and_modify(|first| *first = month.min(*first)).or_insert(month);
        }
        Ok(())
    })?;
    Ok(first)
}

fn closed_months(given: &Given<'_>) -> Result<BTreeMap<Unit, i64>, ReportError> {
    let mut closed: BTreeMap<Unit, i64> = BTreeMap::new();
    each_line(given, &[RecordKind::PeriodClosed], &mut |line| {
        if let Event::PeriodClosed(e) = &line.entry.event {
            let month = i64::from(e.period.0);
            closed.entry(e.unit).and_modify(|last| *last = month.max(*last)).or_insert(month);
        }
        Ok(())
    })?;
    Ok(closed)
}

/// The unit whose month a record counts into. Benefit and income follow a project's payment, so they are no
/// unit's first record.
fn unit_of_account(given: &Given<'_>, kind: RecordKind, legs: &Legs) -> Option<Unit> {
    use RecordKind as K;
    let treasury = || Some(given.views.names.quota(&quota_of(legs)?).ok()?.treasury);
    let side = |is_out: bool, wanted: fn(&Account) -> Option<Unit>| {
        let mut all = legs.as_slice().iter();
        all.find_map(|(account, fen)| ((*fen < Fen::ZERO) == is_out).then(|| wanted(account))?)
    };
    match kind {
        K::OpeningBalance => side(false, quota),
        K::QuotaIssued => treasury(),
        K::QuotaReleased => side(true, quota),
        K::QuotaWithdrawn => side(false, quota).or_else(treasury),
        K::TransferSent | K::FundsReturnedUp | K::DisbursedToHousehold | K::DisbursedToProject => {
            side(true, cash)
        }
        K::TransferReceived
        | K::TransferReturned
        | K::PaymentReturned
        | K::OverpaymentRepaid
        | K::ProjectSurplusReturned => side(false, cash),
        _ => None,
    }
}

fn quota(account: &Account) -> Option<Unit> {
    match account {
        Account::Quota(unit, _) | Account::Used(unit, _) => Some(*unit),
        _ => None,
    }
}

fn cash(account: &Account) -> Option<Unit> {
    match account {
        Account::Src(_, unit, _) | Account::Hold(unit, _) => Some(*unit),
        _ => None,
    }
}
