//! Reversals and exceptions of a period 冲正与例外: what was undone, and what was posted past a soft refusal.

use ledger::account::{Account, Legs};
use ledger::event::Event;
use ledger::event::money::{amount_of, quota_of};
use ledger::ids::{Level, Unit};
use ledger::kind::{Group, Kind as RecordKind};

use super::book::{Line, each_line};
use super::table::{Cell, Kind, Table};
use super::{Given, Period, ReportError};

const COLUMNS: [(&str, Kind); 15] = [
    ("part", Kind::Word),
    ("position", Kind::Position),
    ("date", Kind::Date),
    ("reference", Kind::Text),
    ("kind", Kind::Word),
    ("original", Kind::Position),
    ("original_date", Kind::Date),
    ("quota", Kind::Text),
    ("unit", Kind::Text),
    ("amount", Kind::Fen),
    ("reason", Kind::Word),
    ("text", Kind::Text),
    ("skipped", Kind::Text),
    ("prepared_by", Kind::Text),
    ("approved_by", Kind::Text),
];

pub(super) fn table(given: &Given<'_>, area: Unit, period: Period) -> Result<Table, ReportError> {
    let kinds: Vec<RecordKind> =
        RecordKind::ALL.iter().copied().filter(|kind| *kind != RecordKind::VoucherPosted).collect();
    let mut table = Table::new(&COLUMNS);
    let (mut reversals, mut exceptions) = (0_i64, 0_i64);
    each_line(given, &kinds, &mut |line| {
        if !period.holds(line.at.date) {
            return Ok(());
        }
        let legs = Legs::of_record(line.record).unwrap_or_default();
        let unit = place(&legs);
        if !(area.level() == Level::Province || unit.is_some_and(|unit| area.contains(unit))) {
            return Ok(());
        }
        if let Event::Reversed(_) = line.entry.event {
            reversals = reversals.saturating_add(1);
            table.push(row("reversal", line, &legs, unit));
        } else if !line.header.exception_reason.is_empty() {
            exceptions = exceptions.saturating_add(1);
            table.push(row("exception", line, &legs, unit));
        }
        Ok(())
    })?;
    period_facts(&mut table, period);
    table.fact("reversals", Kind::Count, reversals);
    table.fact("exceptions", Kind::Count, exceptions);
    Ok(table)
}

/// Tells the bounds of a period.
pub(super) fn period_facts(table: &mut Table, period: Period) {
    table.fact("from_date", Kind::Date, period.from.map_or(Cell::Nothing, Cell::from));
    table.fact("to_date", Kind::Date, period.to.map_or(Cell::Nothing, Cell::from));
}

fn row(part: &str, line: &Line<'_>, legs: &Legs, unit: Option<Unit>) -> Vec<Cell> {
    let (kind, original, date, reason) = match &line.entry.event {
        Event::Reversed(e) => (e.kind, e.original.seq.into(), e.date.into(), e.reason.as_str()),
        event => (event.kind(), Cell::Nothing, Cell::Nothing, ""),
    };
    let money = matches!(kind.group(), Group::Registry | Group::Rules | Group::Access);
    let amount = if money { None } else { amount_of(kind, legs).map(record::Fen::get) };
    let header = line.header;
    let text = if part == "reversal" { &line.entry.common.memo } else { &header.exception_reason };
    let skipped: Vec<String> =
        line.entry.common.skipped.iter().map(|code| format!("MZ-{code}")).collect();
    vec![
        part.into(),
        line.at.seq.into(),
        line.at.date.into(),
        line.reference().into(),
        kind.name().into(),
        original,
        date,
        quota_of(legs).map_or(Cell::Nothing, |quota| quota.as_str().into()),
        unit.map_or(Cell::Nothing, Cell::from),
        amount.into(),
        reason.into(),
        text.to_string().into(),
        skipped.join(" ").into(),
        header.prepared_by.as_str().into(),
        header.approved_by.as_str().into(),
    ]
}

/// The lowest unit that legs name.
fn place(legs: &Legs) -> Option<Unit> {
    let units = legs.as_slice().iter().filter_map(|(account, _)| match account {
        Account::Plan(_, unit)
        | Account::Owed(_, unit)
        | Account::Quota(unit, _)
        | Account::Used(unit, _)
        | Account::Src(_, unit, _)
        | Account::Way(unit, _)
        | Account::Hold(unit, _)
        | Account::Prior(unit, _)
        | Account::BenefitVillage(unit)
        | Account::IncomeVillage(unit) => Some(*unit),
        Account::BenefitHousehold(code) | Account::IncomeHousehold(code) => code.first_village(),
        Account::Household(_)
        | Account::Project(_)
        | Account::Base(_)
        | Account::Open(_)
        | Account::Operator(_)
        | Account::Due(_) => None,
    });
    units.max_by_key(|unit| unit.level())
}
