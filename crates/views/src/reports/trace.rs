//! Household trace: the records of a household's money from the source's treasury to its account, and back.
//!
//! Lives here: which records are on the way: of every quota that paid the household those between the
//! treasury and the unit that paid, the tranche the quota was issued of, and the household's own.
//!
//! Always: money of one quota is not told apart on its way, so a trace shows all that went the same way and
//! the household's own payments at its end; nothing of any other household.

use std::collections::{BTreeMap, BTreeSet};

use ledger::account::{Account, Legs};
use ledger::event::Event;
use ledger::event::money::{amount_of, quota_of};
use ledger::ids::{HouseholdCode, Level, QuotaId, TrancheId, Unit};
use ledger::kind::Kind as RecordKind;
use record::{Fen, Seq};

use super::book::{Line, each_line, line_at};
use super::table::{Cell, Kind, Table};
use super::{Given, ReportError};

const COLUMNS: [(&str, Kind); 12] = [
    ("step", Kind::Word),
    ("position", Kind::Position),
    ("date", Kind::Date),
    ("reference", Kind::Text),
    ("kind", Kind::Word),
    ("quota", Kind::Text),
    ("from_account", Kind::Text),
    ("to_account", Kind::Text),
    ("amount", Kind::Fen),
    ("document", Kind::Text),
    ("reversed_by", Kind::Position),
    ("prepared_by", Kind::Text),
];

const WAY: [RecordKind; 12] = [
    RecordKind::OpeningBalance,
    RecordKind::TrancheOpened,
    RecordKind::QuotaIssued,
    RecordKind::QuotaReleased,
    RecordKind::QuotaWithdrawn,
    RecordKind::TransferSent,
    RecordKind::TransferReceived,
    RecordKind::TransferReturned,
    RecordKind::DisbursedToHousehold,
    RecordKind::PaymentReturned,
    RecordKind::OverpaymentRepaid,
    RecordKind::FundsReturnedUp,
];

/// Where the money of a household's quotas passed.
#[derive(Default)]
struct Ways {
    /// Units between treasury and payer, both included, by quota.
    units: BTreeMap<QuotaId, BTreeSet<Unit>>,
    tranches: BTreeSet<TrancheId>,
}

pub(super) fn table(given: &Given<'_>, code: HouseholdCode) -> Result<Table, ReportError> {
    if given.views.households.number(code).is_err() {
        return Err(ReportError::Unknown { what: "household", id: code.to_string() });
    }
    let ways = ways(given, code)?;
    let (mut rows, mut undone) = (Vec::new(), BTreeMap::new());
    let kinds: Vec<RecordKind> = WAY.into_iter().chain([RecordKind::Reversed]).collect();
    each_line(given, &kinds, &mut |line| {
        if let Event::Reversed(e) = &line.entry.event {
            undone.insert(e.original.seq, line.at.seq);
            return Ok(());
        }
        let legs = Legs::of_record(line.record).unwrap_or_default();
        if let Some(step) = step(given, &ways, code, line, &legs) {
            rows.push((line.at.seq, row(step, line, &legs)));
        }
        Ok(())
    })?;
    let mut table = Table::new(&COLUMNS);
    let reversal = COLUMNS.iter().position(|(name, _)| *name == "reversed_by");
    for (seq, mut row) in rows {
        if let Some(cell) = reversal.and_then(|at| row.get_mut(at)) {
            *cell = undone.get(&seq).map_or(Cell::Nothing, |by: &Seq| (*by).into());
        }
        table.push(row);
    }
    table.fact("household", Kind::Text, code.to_string());
    table.note("trace_ways");
    Ok(table)
}

fn ways(given: &Given<'_>, code: HouseholdCode) -> Result<Ways, ReportError> {
    let mut ways = Ways::default();
    for seq in given.histories.positions(code, given.as_of.position)? {
        line_at(given, seq, &mut |line| {
            let Event::DisbursedToHousehold(e) = &line.entry.event else { return Ok(()) };
            if !given.as_of.counts(line.at.date) {
                return Ok(());
            }
            let quota = given.views.names.quota(&e.quota)?;
            ways.tranches.insert(given.views.names.tranche_id(quota.tranche));
            let units = ways.units.entry(e.quota).or_default();
            units.insert(quota.treasury);
            let levels = [Level::City, Level::County, Level::Town, Level::Village];
            units.extend(levels.into_iter().filter_map(|level| e.unit.at(level)));
            Ok(())
        })?;
    }
    ways.tranches.remove(&TrancheId::EMPTY);
    Ok(ways)
}

/// Which step of the way a record is; `None`: it is not on it.
fn step(
    given: &Given<'_>,
    ways: &Ways,
    code: HouseholdCode,
    line: &Line<'_>,
    legs: &Legs,
) -> Option<&'static str> {
    let event = &line.entry.event;
    if let Event::TrancheOpened(e) = event {
        return ways.tranches.contains(&e.tranche).then_some("planned");
    }
    let quota = quota_of(legs)?;
    let units = ways.units.get(&quota)?;
    let home = given.views.names.quota(&quota).ok()?.home;
    let on_the_way = |account: &Account| match account {
        Account::Quota(unit, _) | Account::Way(unit, _) | Account::Hold(unit, _) => {
            units.contains(unit)
        }
        Account::Household(other) => *other == code,
        Account::Plan(_, unit) | Account::Owed(_, unit) => *unit == home,
        Account::Src(..) | Account::Used(..) | Account::Prior(..) => true,
        _ => false,
    };
    if !legs.as_slice().iter().all(|(account, _)| on_the_way(account)) {
        return None;
    }
    Some(match event {
        Event::DisbursedToHousehold(_) => "paid",
        Event::PaymentReturned(_) | Event::OverpaymentRepaid(_) => "refunded",
        Event::TransferSent(_) => "sent",
        Event::TransferReceived(_) => "received",
        Event::TransferReturned(_) => "bounced",
        Event::OpeningBalance(_) => "opened",
        Event::QuotaIssued(_) => "issued",
        Event::QuotaReleased(_) => "released",
        Event::FundsReturnedUp(_) => "returned_up",
        _ => "withdrawn",
    })
}

fn row(step: &str, line: &Line<'_>, legs: &Legs) -> Vec<Cell> {
    // A payment moves quota and cash; its way is that of the cash.
    let cash = |account: &Account| account.to_string().starts_with("C.");
    let of = |is_out: bool| {
        let side = |fen: Fen| (fen < Fen::ZERO) == is_out;
        let mut all = legs.as_slice().iter().filter(|(_, fen)| side(*fen)).map(|(a, _)| a);
        let first = all.clone().find(|account| cash(account)).or_else(|| all.next());
        first.map_or(Cell::Nothing, |account| account.to_string().into())
    };
    let kind = line.entry.event.kind();
    vec![
        step.into(),
        line.at.seq.into(),
        line.at.date.into(),
        line.reference().into(),
        kind.name().into(),
        quota_of(legs).map_or(Cell::Nothing, |quota| quota.as_str().into()),
        of(true),
        of(false),
        amount_of(kind, legs).map(Fen::get).into(),
        line.header.doc_no.to_string().into(),
        Cell::Nothing,
        line.header.prepared_by.as_str().into(),
    ]
}
