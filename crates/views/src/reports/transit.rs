//! Transit list 在途: each sending of which something has neither arrived nor come back.

use ledger::event::Event;
use ledger::ids::{BankRef, Unit};

use super::book::line_at;
use super::table::{Cell, Kind, Table};
use super::{Given, ReportError};
use crate::balance::transits;

const COLUMNS: [(&str, Kind); 15] = [
    ("position", Kind::Position),
    ("reference", Kind::Text),
    ("date", Kind::Date),
    ("age", Kind::Days),
    ("source", Kind::Word),
    ("quota", Kind::Text),
    ("direction", Kind::Word),
    ("from_unit", Kind::Text),
    ("to_unit", Kind::Text),
    ("name", Kind::Text),
    ("bank_ref", Kind::Text),
    ("sent", Kind::Fen),
    ("received", Kind::Fen),
    ("returned", Kind::Fen),
    ("open", Kind::Fen),
];

pub(super) fn table(given: &Given<'_>, area: Unit) -> Result<Table, ReportError> {
    let mut table = Table::new(&COLUMNS);
    for transit in transits(given.views) {
        let inside = |unit: Unit| area.contains(unit);
        if !inside(transit.to_unit) && !transit.from.is_some_and(inside) {
            continue;
        }
        let (mut reference, mut bank_ref) = (String::new(), BankRef::EMPTY);
        line_at(given, transit.sent, &mut |line| {
            reference = line.reference();
            bank_ref = match &line.entry.event {
                Event::TransferSent(e) => e.bank_ref,
                Event::FundsReturnedUp(e) => e.bank_ref,
                _ => BankRef::EMPTY,
            };
            Ok(())
        })?;
        let source = given.views.names.quota(&transit.quota).map(|quota| quota.source);
        table.push(vec![
            transit.sent.into(),
            reference.into(),
            transit.date.into(),
            i64::from(transit.age_days(given.day)).into(),
            source.map_or(Cell::Nothing, |source| source.letter().into()),
            transit.quota.as_str().into(),
            if transit.up { "up" } else { "down" }.into(),
            transit.from.map_or_else(|| "src".into(), Cell::from),
            transit.to_unit.into(),
            given.name(transit.to_unit).into(),
            bank_ref.as_str().into(),
            transit.amount.into(),
            transit.received.into(),
            transit.returned.into(),
            transit.open.into(),
        ]);
    }
    table.sum_up(&[])?;
    Ok(table)
}
