//! View 3: what a unit itself holds, pays and has registered; roll-ups are made at the edge.
//!
//! Lives here: quota and cash by year and source, payments by year, source and purpose, people by
//! current village. Lives elsewhere: the sums over what lies below a unit (`balance::unit`).
//!
//! Always: the year is that of the effective date, so the rows of a unit add up to what it has today;
//! quota and cash stand in rows without a purpose, payments in rows with theirs, people in the row
//! without year and source.

use std::io;

use ledger::ids::{Purpose, Source, Unit};
use ledger::words::HouseholdState;

use serde::{Deserialize, Serialize};

use crate::digest::{ColumnType, Layout, RowOut, Running};
use crate::drift::{Drift, add, count};
use crate::names::{Names, Place, Quota};
use crate::step::{Payment, Standing, Step, What};
use crate::table::{Chains, NONE, No, Table};
use crate::value::{In, Out, Plain, invalid, plain};

/// Layout of the canonical row.
pub(crate) const LAYOUT: Layout = Layout {
    number: 3,
    name: "unit",
    key: &[
        ("unit", ColumnType::U64),
        ("year", ColumnType::U16),
        ("source", ColumnType::Text),
        ("purpose", ColumnType::Text),
    ],
    columns: &[
        ("quota_held", ColumnType::I64),
        ("cash_held", ColumnType::I64),
        ("in_transit", ColumnType::I64),
        ("returned_up", ColumnType::I64),
        ("paid_to_households", ColumnType::I64),
        ("paid_to_projects", ColumnType::I64),
        ("refunded", ColumnType::I64),
        ("payments", ColumnType::I32),
        ("households_paid", ColumnType::I32),
        ("registered_households", ColumnType::I32),
        ("registered_members", ColumnType::I32),
    ],
};

const ROW: &str = "a unit";

/// Quota and cash of a unit in a year, of one source: what came in less what went out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) quota_held: i64,
    pub(crate) cash_held: i64,
    /// On its way to the unit.
    pub(crate) in_transit: i64,
    /// Sent up by the unit, from the day it leaves.
    pub(crate) returned_up: i64,
}

/// Payments of a unit in a year, of one source and purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spending {
    pub(crate) to_households: i64,
    pub(crate) to_projects: i64,
    pub(crate) refunded: i64,
    /// Payments to households.
    pub(crate) payments: i32,
}

/// People of a unit, whatever the year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct People {
    /// Households that the unit ever paid and that payment stands.
    pub(crate) households_paid: i32,
    pub(crate) registered_households: i32,
    pub(crate) registered_members: i32,
}

plain!(Position, Spending, People);

type Year = u16;
pub(crate) type PositionKey = (No, Year, Source);
pub(crate) type SpendingKey = (No, Year, Source, Purpose);

/// All units.
#[derive(Clone, Debug)]
pub(crate) struct Units {
    positions: Chained<PositionKey, Position>,
    spendings: Chained<SpendingKey, Spending>,
    people: Table<No, People>,
    running: Running,
}

impl Units {
    pub(crate) fn new() -> Self {
        Self {
            positions: Chained::new(),
            spendings: Chained::new(),
            people: Table::new(),
            running: Running::new(LAYOUT.number),
        }
    }

    /// Applies a step; `more` households were paid by the unit for the first time.
    pub(crate) fn apply(&mut self, step: &Step, more: i32) -> Result<(), Drift> {
        let (year, sign) = (step.year, step.sign);
        match step.what {
            What::Nothing
            | What::Planned { .. }
            | What::Attributed { .. }
            | What::Income { .. } => Ok(()),
            What::Opened { quota, unit, issued, cash_in, paid_before } => {
                let row = self.position(unit, year, quota)?;
                let (left, held) =
                    (issued.saturating_sub(paid_before), cash_in.saturating_sub(paid_before));
                add(&mut row.quota_held, sign.of(left), ROW)?;
                add(&mut row.cash_held, sign.of(held), ROW)
            }
            What::Issued { quota, to, fen } => {
                add(&mut self.position(to, year, quota)?.quota_held, sign.of(fen), ROW)
            }
            What::Released { quota, from, to, fen } => {
                add(&mut self.position(from, year, quota)?.quota_held, sign.out(fen), ROW)?;
                add(&mut self.position(to, year, quota)?.quota_held, sign.of(fen), ROW)
            }
            What::Withdrawn { quota, from, to, fen } => {
                add(&mut self.position(from, year, quota)?.quota_held, sign.out(fen), ROW)?;
                let Some(to) = to else { return Ok(()) };
                add(&mut self.position(to, year, quota)?.quota_held, sign.of(fen), ROW)
            }
            What::Sent { way, fen } => {
                let (x, out) = (sign.of(fen), sign.out(fen));
                add(&mut self.position(way.to, year, way.quota)?.in_transit, x, ROW)?;
                let Some(from) = way.from else { return Ok(()) };
                let row = self.position(from, year, way.quota)?;
                add(&mut row.cash_held, out, ROW)?;
                if way.up { add(&mut row.returned_up, x, ROW) } else { Ok(()) }
            }
            What::Arrived { way, fen } => {
                let row = self.position(way.to, year, way.quota)?;
                add(&mut row.in_transit, sign.out(fen), ROW)?;
                if way.to_source { Ok(()) } else { add(&mut row.cash_held, sign.of(fen), ROW) }
            }
            What::Bounced { way, fen } => {
                let (x, out) = (sign.of(fen), sign.out(fen));
                add(&mut self.position(way.to, year, way.quota)?.in_transit, out, ROW)?;
                let Some(from) = way.from else { return Ok(()) };
                let row = self.position(from, year, way.quota)?;
                add(&mut row.cash_held, x, ROW)?;
                if way.up { add(&mut row.returned_up, out, ROW) } else { Ok(()) }
            }
            What::Paid(payment) => self.pay(step, &payment, more),
            What::Repaid(payment) => self.repay(step, &payment),
            What::Standing(changes) => changes.into_iter().flatten().try_for_each(|change| {
                self.people(change.before, -1)?;
                self.people(change.after, 1)
            }),
        }
    }

    fn pay(&mut self, step: &Step, payment: &Payment, more: i32) -> Result<(), Drift> {
        let Payment { quota, unit, household, purpose, fen } = *payment;
        let (x, out) = (step.sign.of(fen), step.sign.out(fen));
        let row = self.position(unit, step.year, quota)?;
        add(&mut row.quota_held, out, ROW)?;
        add(&mut row.cash_held, out, ROW)?;
        let row = self.spending(unit, step.year, quota, purpose)?;
        if household.is_none() {
            return add(&mut row.to_projects, x, ROW);
        }
        add(&mut row.to_households, x, ROW)?;
        count(&mut row.payments, step.sign.one(), ROW)?;
        if more == 0 {
            return Ok(());
        }
        let row = self.people.entry(&unit.no).ok_or(Drift::Numbers)?;
        count(&mut row.households_paid, more, ROW)
    }

    fn repay(&mut self, step: &Step, payment: &Payment) -> Result<(), Drift> {
        let Payment { quota, unit, purpose, fen, .. } = *payment;
        let x = step.sign.of(fen);
        let row = self.position(unit, step.year, quota)?;
        add(&mut row.quota_held, x, ROW)?;
        add(&mut row.cash_held, x, ROW)?;
        add(&mut self.spending(unit, step.year, quota, purpose)?.refunded, x, ROW)
    }

    /// Counts a household in, or out of, the village where it stands.
    fn people(&mut self, standing: Standing, one: i32) -> Result<(), Drift> {
        if standing.state != Some(HouseholdState::Registered) || standing.village == NONE {
            return Ok(());
        }
        let row = self.people.entry(&standing.village).ok_or(Drift::Numbers)?;
        count(&mut row.registered_households, one, ROW)?;
        count(&mut row.registered_members, i32::from(standing.active).saturating_mul(one), ROW)
    }

    fn position(&mut self, unit: Place, year: u16, quota: Quota) -> Result<&mut Position, Drift> {
        self.positions.entry(unit.no, &(unit.no, year, quota.source)).ok_or(Drift::Numbers)
    }

    fn spending(
        &mut self,
        unit: Place,
        year: u16,
        quota: Quota,
        purpose: Purpose,
    ) -> Result<&mut Spending, Drift> {
        let key = (unit.no, year, quota.source, purpose);
        self.spendings.entry(unit.no, &key).ok_or(Drift::Numbers)
    }

    /// Returns a unit's own quota and cash by year and source.
    pub(crate) fn positions(&self, unit: No) -> impl Iterator<Item = (PositionKey, Position)> {
        self.positions.of(unit)
    }

    /// Returns a unit's own payments by year, source and purpose.
    pub(crate) fn spendings(&self, unit: No) -> impl Iterator<Item = (SpendingKey, Spending)> {
        self.spendings.of(unit)
    }

    /// Returns a unit's own people.
    pub(crate) fn people_of(&self, unit: No) -> People {
        self.people.of(&unit)
    }

    pub(crate) fn running(&mut self, names: &Names, out: &mut RowOut) -> &Running {
        let Self { positions, spendings, people, running, .. } = self;
        let code = |no| names.unit(no).map_or(0, Unit::code);
        positions.rows.settle(|_, (no, year, source), before, now| {
            let key = |out: &mut RowOut| write_key(out, code(*no), *year, source.letter(), "");
            running.change(out, key, (before, now), write_position);
        });
        spendings.rows.settle(|_, (no, year, source, purpose), before, now| {
            let key = |out: &mut RowOut| {
                write_key(out, code(*no), *year, source.letter(), purpose.as_str());
            };
            running.change(out, key, (before, now), write_spending);
        });
        people.settle(|_, no, before, now| {
            let key = |out: &mut RowOut| write_key(out, code(*no), 0, "", "");
            running.change(out, key, (before, now), write_people);
        });
        &self.running
    }

    pub(crate) fn freeze(&mut self) {
        self.positions.freeze();
        self.spendings.freeze();
        self.people.freeze();
    }

    pub(crate) fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.positions.rows.save(out)?;
        self.spendings.rows.save(out)?;
        self.people.save(out)?;
        self.running.save(out)
    }

    pub(crate) fn load(from: &mut In<'_>, names: &Names) -> io::Result<Self> {
        let known = |unit: No| names.unit(unit).map(|_| unit);
        Ok(Self {
            positions: Chained::load(from, |(unit, _, _)| known(*unit))?,
            spendings: Chained::load(from, |(unit, _, _, _)| known(*unit))?,
            people: Table::load(from)?,
            running: Running::load(LAYOUT.number, from)?,
        })
    }

    pub(crate) fn unsettle(&mut self) {
        self.positions.rows.unsettle();
        self.spendings.rows.unsettle();
        self.people.unsettle();
        self.running.clear();
    }

    /// Writes every row that is not empty: the oracle of the running digest.
    pub(crate) fn scan(&self, names: &Names, emit: &mut dyn FnMut(&[u8])) {
        let mut out = RowOut::default();
        let code = |no: &No| names.unit(*no).map_or(0, Unit::code);
        for ((no, year, source), row) in self.positions.rows.iter().filter(|(_, r)| filled(*r)) {
            let key = |out: &mut RowOut| write_key(out, code(no), *year, source.letter(), "");
            emit(out.row(LAYOUT.number, key, |out| write_position(out, row)));
        }
        for ((no, year, source, purpose), row) in
            self.spendings.rows.iter().filter(|(_, r)| filled(*r))
        {
            let key = |out: &mut RowOut| {
                write_key(out, code(no), *year, source.letter(), purpose.as_str());
            };
            emit(out.row(LAYOUT.number, key, |out| write_spending(out, row)));
        }
        for (no, row) in self.people.iter().filter(|(_, r)| filled(*r)) {
            let key = |out: &mut RowOut| write_key(out, code(no), 0, "", "");
            emit(out.row(LAYOUT.number, key, |out| write_people(out, row)));
        }
    }
}

fn filled<R: Default + PartialEq>(row: &R) -> bool {
    *row != R::default()
}

fn write_key(out: &mut RowOut, unit: u64, year: u16, source: &str, purpose: &str) {
    out.u64(unit).u16(year).text(source).text(purpose);
}

fn write_position(out: &mut RowOut, row: &Position) {
    out.i64s(&[row.quota_held, row.cash_held, row.in_transit, row.returned_up, 0, 0, 0]);
    out.i32(0).i32(0).i32(0).i32(0);
}

fn write_spending(out: &mut RowOut, row: &Spending) {
    out.i64s(&[0, 0, 0, 0, row.to_households, row.to_projects, row.refunded]);
    out.i32(row.payments).i32(0).i32(0).i32(0);
}

fn write_people(out: &mut RowOut, row: &People) {
    out.i64s(&[0; 7]).i32(0).i32(row.households_paid);
    out.i32(row.registered_households).i32(row.registered_members);
}

/// A table whose rows of one unit hang together.
#[derive(Clone, Debug)]
struct Chained<K, R> {
    rows: Table<K, R>,
    by_unit: Chains,
}

impl<K: Copy + Eq + std::hash::Hash, R: Copy + Default + PartialEq> Chained<K, R> {
    fn new() -> Self {
        Self { rows: Table::new(), by_unit: Chains::default() }
    }

    fn entry(&mut self, unit: No, key: &K) -> Option<&mut R> {
        let before = self.rows.len();
        let no = self.rows.number(key);
        if before < self.rows.len() {
            self.by_unit.push(unit)?;
        }
        self.rows.change(no)
    }

    fn freeze(&mut self) {
        self.rows.freeze();
        self.by_unit.freeze();
    }

    /// Returns the rows of a unit, newest first.
    fn of(&self, unit: No) -> impl Iterator<Item = (K, R)> {
        let rows = self.by_unit.of(unit);
        rows.filter_map(|no| Some((self.rows.key(no)?, self.rows.get(no))))
    }

    /// `unit` names the unit of a row, if there is one.
    fn load(from: &mut In<'_>, unit: impl Fn(&K) -> Option<No>) -> io::Result<Self>
    where
        K: Plain,
        R: Plain,
    {
        let rows: Table<K, R> = Table::load(from)?;
        let mut by_unit = Chains::default();
        for (key, _) in rows.iter() {
            unit(key).and_then(|unit| by_unit.push(unit)).ok_or_else(invalid)?;
        }
        Ok(Self { rows, by_unit })
    }
}
