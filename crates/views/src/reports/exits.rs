//! Exit progress 减贫进度: people in households out of poverty, by year of exit, beside the yearly targets;
//! relatively poor villages that left the list.
//!
//! Always: a household counts in the year of its last exit and only while it is out of poverty.

use std::collections::BTreeMap;

use ledger::event::Event;
use ledger::ids::{HouseholdCode, Unit};
use ledger::kind::Kind as RecordKind;
use ledger::words::HouseholdState;

use super::book::each_line;
use super::table::{Cell, Kind, Table};
use super::{Given, ReportError};
use crate::balance::rate_bp;
use crate::drift::add;

const COLUMNS: [(&str, Kind); 8] = [
    ("year", Kind::Text),
    ("target_people", Kind::Count),
    ("people", Kind::Count),
    ("rate_bp", Kind::BasisPoints),
    ("people_so_far", Kind::Count),
    ("target_so_far", Kind::Count),
    ("households", Kind::Count),
    ("villages", Kind::Count),
];

/// People out of poverty in each year, for the province. Source: 粤发〔2016〕13号, section 3.
const TARGETS: [(u16, i64); 3] = [(2016, 500_000), (2017, 600_000), (2018, 665_000)];

/// What happened in a year.
#[derive(Clone, Copy, Default)]
struct Year {
    people: i64,
    households: i64,
    villages: i64,
}

pub(super) fn table(given: &Given<'_>, area: Unit) -> Result<Table, ReportError> {
    let years = years(given, area)?;
    let mut table = Table::new(&COLUMNS);
    let whole = area == Unit::PROVINCE;
    let (mut people, mut targets) = (0_i64, 0_i64);
    for (year, found) in &years {
        let target = TARGETS.iter().find(|(of, _)| of == year).map(|(_, target)| *target);
        add(&mut people, found.people, "a report")?;
        add(&mut targets, target.unwrap_or(0), "a report")?;
        // The targets are the province's: no part of them is a city's.
        let target = target.filter(|_| whole);
        table.push(vec![
            year.to_string().into(),
            target.into(),
            found.people.into(),
            target.and_then(|target| rate_bp(found.people, target)).into(),
            people.into(),
            if whole { targets.into() } else { Cell::Nothing },
            found.households.into(),
            found.villages.into(),
        ]);
    }
    table.sum_up(&["target_people", "people", "households", "villages"])?;
    if whole {
        let rate = table.total("people").zip(table.total("target_people"));
        table.set_total("rate_bp", rate.and_then(|(people, target)| rate_bp(people, target)));
    } else {
        table.set_total("target_people", Cell::Nothing);
    }
    table.note(if whole { "exit_targets" } else { "exit_targets_of_province" });
    Ok(table)
}

fn years(given: &Given<'_>, area: Unit) -> Result<BTreeMap<u16, Year>, ReportError> {
    let mut exits: BTreeMap<HouseholdCode, u16> = BTreeMap::new();
    let mut villages: BTreeMap<Unit, u16> = BTreeMap::new();
    let kinds = [RecordKind::HouseholdExited, RecordKind::VillageExited];
    each_line(given, &kinds, &mut |line| {
        match &line.entry.event {
            Event::HouseholdExited(e) => drop(exits.insert(e.household, e.year)),
            Event::VillageExited(e) if area.contains(e.code) => {
                villages.insert(e.code, e.year);
            }
            _ => (),
        }
        Ok(())
    })?;
    let mut years: BTreeMap<u16, Year> =
        TARGETS.iter().map(|(year, _)| (*year, Year::default())).collect();
    for (code, year) in exits {
        let household = given.views.households.get(given.views.households.number(code)?);
        let village = given.views.names.unit(household.standing.village);
        let is_out = household.standing.state == Some(HouseholdState::Exited);
        if !is_out || !village.is_some_and(|village| area.contains(village)) {
            continue;
        }
        let found = years.entry(year).or_default();
        add(&mut found.people, household.standing.active.into(), "a report")?;
        add(&mut found.households, 1, "a report")?;
    }
    for year in villages.into_values() {
        add(&mut years.entry(year).or_default().villages, 1, "a report")?;
    }
    Ok(years)
}
