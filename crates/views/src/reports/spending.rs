//! Spending rate by county 支出进度, with quota and cash beside each other.
//!
//! Always: a row a county with all that lies below it, and one for what a city keeps itself, so that the
//! rows add up to the city; received is what is held, on its way below the unit, or spent.

use ledger::ids::{Level, Unit};

use super::table::{Cell, Kind, Table};
use super::{Given, ReportError, home_cities};
use crate::balance::{Balance, rate_bp, transits, unit as balance_of, units};
use crate::drift::Drift;

const COLUMNS: [(&str, Kind); 15] = [
    ("city", Kind::Text),
    ("unit", Kind::Text),
    ("name", Kind::Text),
    ("level", Kind::Word),
    ("quota_held", Kind::Fen),
    ("cash_held", Kind::Fen),
    ("in_transit", Kind::Fen),
    ("received", Kind::Fen),
    ("paid_to_households", Kind::Fen),
    ("paid_to_projects", Kind::Fen),
    ("refunded", Kind::Fen),
    ("spent", Kind::Fen),
    ("returned_up", Kind::Fen),
    ("households_paid", Kind::Count),
    ("spending_rate_bp", Kind::BasisPoints),
];

const SUMS: [&str; 2] = ["quota_held", "cash_held"];
const PAID: [&str; 5] =
    ["paid_to_households", "paid_to_projects", "refunded", "spent", "returned_up"];

pub(super) fn table(given: &Given<'_>, area: Unit) -> Result<Table, ReportError> {
    let mut table = Table::new(&COLUMNS);
    for city in home_cities(given, area) {
        let own = (area.level() <= Level::City).then_some((city, true));
        let inside = if area.level() <= Level::City { city } else { area };
        let counties =
            units(given.views, inside, Level::County).into_iter().map(|unit| (unit, false));
        for (unit, own_only) in own.into_iter().chain(counties) {
            let balance = balance_of(given.views, unit, own_only)?;
            if balance.rows.is_empty() {
                continue;
            }
            table.push(row(given, city, unit, own_only, &balance)?);
        }
    }
    table.sum_up(&["households_paid"])?;
    let rate = table.total("spent").zip(table.total("received"));
    table
        .set_total("spending_rate_bp", rate.and_then(|(spent, received)| rate_bp(spent, received)));
    Ok(table)
}

fn row(
    given: &Given<'_>,
    city: Unit,
    unit: Unit,
    own_only: bool,
    balance: &Balance,
) -> Result<Vec<Cell>, ReportError> {
    let field = |name: &str| balance.field(name).unwrap_or(0);
    let overflow = || Drift::Overflow { row: "a report" };
    let (mut coming, mut within) = (0_i64, 0_i64);
    for transit in transits(given.views) {
        let is_here = |other: Unit| if own_only { other == unit } else { unit.contains(other) };
        let to_source = transit.up && transit.to_unit.level() <= Level::City;
        let lands = is_here(transit.to_unit) && !to_source;
        let sum = match transit.from {
            Some(from) if is_here(from) && lands => &mut within,
            _ if lands => &mut coming,
            _ => continue,
        };
        *sum = sum.checked_add(transit.open).ok_or_else(overflow)?;
    }
    let received = field("cash_held")
        .checked_add(within)
        .and_then(|sum| sum.checked_add(field("spent")))
        .ok_or_else(overflow)?;
    let households = balance.counts.iter().find(|(name, _)| *name == "households_paid");
    let mut row: Vec<Cell> = vec![
        city.into(),
        unit.into(),
        given.name(unit).into(),
        if own_only { "city" } else { unit.level().name() }.into(),
    ];
    row.extend(SUMS.iter().map(|name| Cell::from(field(name))));
    row.extend([coming.checked_add(within).ok_or_else(overflow)?.into(), received.into()]);
    row.extend(PAID.iter().map(|name| Cell::from(field(name))));
    row.push(households.and_then(|(_, count)| *count).into());
    row.push(rate_bp(field("spent"), received).into());
    Ok(row)
}
