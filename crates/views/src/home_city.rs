//! View 4: a home city's account, by source, tranche and year of the tranche.
//!
//! Lives here: what was planned for the city, given, sent, received, held below it and spent, counted
//! where it happens: by the unit that holds or pays. Lives elsewhere: the same counted by the quota's
//! treasury (`helper_city`); the two must agree.
//!
//! Always, in every row: `sent = received + in_transit`,
//! `received = held on all levels + within + spent`; `outstanding = owed - allocated` and
//! `unsent = allocated - sent` are not stored. Received is net of what was returned up, from the day it
//! leaves the city; money that the ledger's opening balances brought in counts as received, and what of
//! it was paid before as spent.

use std::io;

use ledger::ids::{Level, Source, Unit};

use serde::{Deserialize, Serialize};

use crate::digest::{ColumnType, Layout, RowOut, Running};
use crate::drift::{Drift, add};
use crate::names::{Names, Quota};
use crate::step::{Payment, Step, Way, What};
use crate::table::{No, Table};
use crate::value::{In, Out, plain};

/// Layout of the canonical row.
pub(crate) const LAYOUT: Layout = Layout {
    number: 4,
    name: "home_city",
    key: &[
        ("city", ColumnType::U64),
        ("source", ColumnType::Text),
        ("tranche", ColumnType::Text),
        ("year", ColumnType::U16),
    ],
    columns: &[
        ("owed", ColumnType::I64),
        ("allocated", ColumnType::I64),
        ("sent", ColumnType::I64),
        ("received", ColumnType::I64),
        ("in_transit", ColumnType::I64),
        ("held_city", ColumnType::I64),
        ("held_county", ColumnType::I64),
        ("held_town", ColumnType::I64),
        ("held_village", ColumnType::I64),
        ("within", ColumnType::I64),
        ("spent", ColumnType::I64),
        ("paid_before", ColumnType::I64),
        ("refunded", ColumnType::I64),
        ("returned_up", ColumnType::I64),
    ],
};

const ROW: &str = "a home city";

/// Cash held by units of one level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) city: i64,
    pub(crate) county: i64,
    pub(crate) town: i64,
    pub(crate) village: i64,
}

impl Held {
    /// Returns the sum of a level. The province holds nothing below itself.
    pub(crate) fn at(&mut self, level: Level) -> &mut i64 {
        match level {
            Level::Province | Level::City => &mut self.city,
            Level::County => &mut self.county,
            Level::Town => &mut self.town,
            Level::Village => &mut self.village,
        }
    }

    pub(crate) fn columns(&self) -> [i64; 4] {
        [self.city, self.county, self.town, self.village]
    }
}

/// One row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HomeCity {
    pub(crate) owed: i64,
    pub(crate) allocated: i64,
    pub(crate) sent: i64,
    pub(crate) received: i64,
    /// Between source and city, in both directions.
    pub(crate) in_transit: i64,
    pub(crate) held: Held,
    /// On its way between units of the city.
    pub(crate) within: i64,
    pub(crate) spent: i64,
    /// Part of `spent` that was paid before the ledger began.
    pub(crate) paid_before: i64,
    pub(crate) refunded: i64,
    /// To the source.
    pub(crate) returned_up: i64,
}

/// City, source, tranche, year of the tranche.
pub(crate) type Key = (u64, Source, No, u16);

plain!(HomeCity);

/// All home cities.
#[derive(Clone, Debug)]
pub(crate) struct HomeCities {
    rows: Table<Key, HomeCity>,
    running: Running,
}

impl HomeCities {
    pub(crate) fn new() -> Self {
        Self { rows: Table::new(), running: Running::new(LAYOUT.number) }
    }

    pub(crate) fn apply(&mut self, step: &Step) -> Result<(), Drift> {
        let sign = step.sign;
        match step.what {
            What::Nothing
            | What::Released { .. }
            | What::Withdrawn { to: Some(_), .. }
            | What::Attributed { .. }
            | What::Income { .. }
            | What::Standing(_) => Ok(()),
            What::Opened { quota, unit, issued, cash_in, paid_before } => {
                let row = self.row(unit.unit, quota)?;
                for sum in [&mut row.owed, &mut row.allocated] {
                    add(sum, sign.of(issued), ROW)?;
                }
                for sum in [&mut row.sent, &mut row.received] {
                    add(sum, sign.of(cash_in), ROW)?;
                }
                for sum in [&mut row.spent, &mut row.paid_before] {
                    add(sum, sign.of(paid_before), ROW)?;
                }
                let left = cash_in.saturating_sub(paid_before);
                add(row.held.at(unit.unit.level()), sign.of(left), ROW)
            }
            What::Planned { tranche, home, year, parts, helper: _ } => {
                for (source, part) in Source::SHARED.into_iter().zip(parts) {
                    if part != 0 {
                        let key = (home.code(), source, tranche, year);
                        let row = self.rows.entry(&key).ok_or(Drift::Numbers)?;
                        add(&mut row.owed, sign.of(part), ROW)?;
                    }
                }
                Ok(())
            }
            What::Issued { quota, to, fen } => self.issue(to.unit, quota, sign.of(fen)),
            What::Withdrawn { quota, from, to: None, fen } => {
                self.issue(from.unit, quota, sign.out(fen))
            }
            What::Sent { way, fen } => self.send(&way, sign.of(fen), sign.out(fen)),
            What::Arrived { way, fen } => self.arrive(&way, sign.of(fen), sign.out(fen)),
            What::Bounced { way, fen } => self.bounce(&way, sign.of(fen), sign.out(fen)),
            What::Paid(Payment { quota, unit, fen, .. }) => {
                let row = self.row(unit.unit, quota)?;
                add(row.held.at(unit.unit.level()), sign.out(fen), ROW)?;
                add(&mut row.spent, sign.of(fen), ROW)
            }
            What::Repaid(Payment { quota, unit, fen, .. }) => {
                let row = self.row(unit.unit, quota)?;
                add(row.held.at(unit.unit.level()), sign.of(fen), ROW)?;
                add(&mut row.spent, sign.out(fen), ROW)?;
                add(&mut row.refunded, sign.of(fen), ROW)
            }
        }
    }

    /// Quota given; sources without tranches owe what they give.
    fn issue(&mut self, to: Unit, quota: Quota, x: i64) -> Result<(), Drift> {
        let row = self.row(to, quota)?;
        add(&mut row.allocated, x, ROW)?;
        if quota.source.is_shared() { Ok(()) } else { add(&mut row.owed, x, ROW) }
    }

    fn send(&mut self, way: &Way, x: i64, out: i64) -> Result<(), Drift> {
        let Some(from) = way.from else {
            let row = self.row(way.to.unit, way.quota)?;
            add(&mut row.sent, x, ROW)?;
            return add(&mut row.in_transit, x, ROW);
        };
        let row = self.row(from.unit, way.quota)?;
        add(row.held.at(from.unit.level()), out, ROW)?;
        if way.to_source {
            add(&mut row.received, out, ROW)?;
            add(&mut row.returned_up, x, ROW)?;
            add(&mut row.in_transit, x, ROW)
        } else {
            add(&mut row.within, x, ROW)
        }
    }

    fn arrive(&mut self, way: &Way, x: i64, out: i64) -> Result<(), Drift> {
        if let (true, Some(from)) = (way.to_source, way.from) {
            let row = self.row(from.unit, way.quota)?;
            add(&mut row.in_transit, out, ROW)?;
            return add(&mut row.sent, out, ROW);
        }
        let row = self.row(way.to.unit, way.quota)?;
        add(row.held.at(way.to.unit.level()), x, ROW)?;
        if way.from.is_none() {
            add(&mut row.in_transit, out, ROW)?;
            add(&mut row.received, x, ROW)
        } else {
            add(&mut row.within, out, ROW)
        }
    }

    fn bounce(&mut self, way: &Way, x: i64, out: i64) -> Result<(), Drift> {
        let Some(from) = way.from else {
            let row = self.row(way.to.unit, way.quota)?;
            add(&mut row.in_transit, out, ROW)?;
            return add(&mut row.sent, out, ROW);
        };
        let row = self.row(from.unit, way.quota)?;
        add(row.held.at(from.unit.level()), x, ROW)?;
        if way.to_source {
            add(&mut row.in_transit, out, ROW)?;
            add(&mut row.returned_up, out, ROW)?;
            add(&mut row.received, x, ROW)
        } else {
            add(&mut row.within, out, ROW)
        }
    }

    /// Returns the row that a unit's movement of a quota counts in: that of the unit's own city.
    fn row(&mut self, unit: Unit, quota: Quota) -> Result<&mut HomeCity, Drift> {
        let city = unit.at(Level::City).unwrap_or(quota.home);
        let key = (city.code(), quota.source, quota.tranche, quota.year);
        self.rows.entry(&key).ok_or(Drift::Numbers)
    }

    /// Returns keys and rows in the order of first use.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &HomeCity)> {
        self.rows.iter()
    }

    pub(crate) fn running(&mut self, names: &Names, out: &mut RowOut) -> &Running {
        let Self { rows, running } = self;
        rows.settle(|_, key, before, now| {
            running.change(out, |out| write_key(out, key, names), (before, now), write);
        });
        &self.running
    }

    pub(crate) fn freeze(&mut self) {
        self.rows.freeze();
    }

    pub(crate) fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.rows.save(out)?;
        self.running.save(out)
    }

    pub(crate) fn load(from: &mut In<'_>) -> io::Result<Self> {
        Ok(Self { rows: Table::load(from)?, running: Running::load(LAYOUT.number, from)? })
    }

    pub(crate) fn unsettle(&mut self) {
        self.rows.unsettle();
        self.running.clear();
    }

    /// Writes every row that is not empty: the oracle of the running digest.
    pub(crate) fn scan(&self, names: &Names, emit: &mut dyn FnMut(&[u8])) {
        let mut out = RowOut::default();
        for (key, row) in self.rows.iter().filter(|(_, row)| **row != HomeCity::default()) {
            let key = |out: &mut RowOut| write_key(out, key, names);
            emit(out.row(LAYOUT.number, key, |out| write(out, row)));
        }
    }
}

fn write_key(out: &mut RowOut, (city, source, tranche, year): &Key, names: &Names) {
    out.u64(*city).text(source.letter()).text(names.tranche_id(*tranche).as_str()).u16(*year);
}

fn write(out: &mut RowOut, row: &HomeCity) {
    out.i64s(&[row.owed, row.allocated, row.sent, row.received, row.in_transit])
        .i64s(&row.held.columns())
        .i64s(&[row.within, row.spent, row.paid_before, row.refunded, row.returned_up]);
}
