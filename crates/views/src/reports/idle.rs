//! Idle money 滞留: what units hold, by age, first in, first out by receipt.
//!
//! Always: the columns of a row add up to what the unit holds.

use std::collections::BTreeMap;

use ledger::ids::{Date, Source, Unit};

use super::book::each_standing;
use super::table::{Kind, Table};
use super::{Given, ReportError};
use crate::drift::add;
use crate::idle::Idle;

const COLUMNS: [(&str, Kind); 10] = [
    ("unit", Kind::Text),
    ("name", Kind::Text),
    ("level", Kind::Word),
    ("source", Kind::Word),
    ("held", Kind::Fen),
    ("held_to_30_days", Kind::Fen),
    ("held_31_to_90_days", Kind::Fen),
    ("held_91_to_365_days", Kind::Fen),
    ("held_366_to_730_days", Kind::Fen),
    ("held_over_730_days", Kind::Fen),
];

/// Last day of each age but the last. Source: domain contract, section 11, report 7.
const AGES_MAX: [u32; 4] = [30, 90, 365, 730];
/// Days after which a bulletin calls money idle.
const IDLE_AFTER: u32 = 90;

pub(super) fn table(given: &Given<'_>, area: Unit) -> Result<Table, ReportError> {
    let mut rows: BTreeMap<(Unit, Source), [i64; 6]> = BTreeMap::new();
    for (unit, quota, lots) in held(given)?.left().filter(|(unit, ..)| area.contains(*unit)) {
        let source = given.views.names.quota(&quota)?.source;
        let row = rows.entry((unit, source)).or_default();
        for (date, fen) in lots {
            let age = age(given.day, date);
            let bucket = AGES_MAX.iter().filter(|max| **max < age).count();
            let (held, ages) = row.split_at_mut(1);
            for sum in held.iter_mut().chain(ages.get_mut(bucket)) {
                add(sum, fen, "a report")?;
            }
        }
    }
    let mut table = Table::new(&COLUMNS);
    for ((unit, source), sums) in rows {
        let name = given.name(unit).into();
        let mut row = vec![unit.into(), name, unit.level().name().into(), source.letter().into()];
        row.extend(sums.map(super::Cell::from));
        table.push(row);
    }
    table.sum_up(&[])?;
    Ok(table)
}

/// All that units hold, by day of receipt.
fn held(given: &Given<'_>) -> Result<Idle, ReportError> {
    let mut idle = Idle::default();
    each_standing(given, &mut |record| Ok(idle.take(record)?))?;
    Ok(idle)
}

fn age(day: Date, came: Date) -> u32 {
    day.0.saturating_sub(came.0)
}

/// Returns what each city's units have held for more than 90 days.
pub(super) fn long_held(given: &Given<'_>) -> Result<BTreeMap<Unit, i64>, ReportError> {
    let mut sums = BTreeMap::new();
    for (unit, _, lots) in held(given)?.left() {
        let Some(city) = unit.city() else { continue };
        for (date, fen) in lots {
            if IDLE_AFTER < age(given.day, date) {
                add(sums.entry(city).or_default(), fen, "a report")?;
            }
        }
    }
    Ok(sums)
}
