//! View 5: a helping city's account with each home city, by tranche and year of the tranche.
//!
//! Lives here: gross flows of source H, found by the quota alone, as its treasury keeps them. Lives
//! elsewhere: the net account by home city, found by the unit that holds or pays (`home_city`).
//!
//! Always: the net figures (`net`) of helper and home equal the home city's row for source H; they are
//! counted apart from each other, so that a wrong step shows as a difference.

use std::io;

use ledger::ids::Source;

use serde::{Deserialize, Serialize};

use crate::digest::{ColumnType, Layout, RowOut, Running};
use crate::drift::{Drift, add};
use crate::home_city::{Held, HomeCity};
use crate::names::{Names, Quota};
use crate::step::{Payment, Step, Way, What};
use crate::table::{No, Table};
use crate::value::{In, Out, plain};

/// Layout of the canonical row.
pub(crate) const LAYOUT: Layout = Layout {
    number: 5,
    name: "helper_city",
    key: &[
        ("helper", ColumnType::U64),
        ("home_city", ColumnType::U64),
        ("tranche", ColumnType::Text),
        ("year", ColumnType::U16),
    ],
    columns: &[
        ("owed", ColumnType::I64),
        ("allocated", ColumnType::I64),
        ("brought", ColumnType::I64),
        ("down_sent", ColumnType::I64),
        ("down_arrived", ColumnType::I64),
        ("down_bounced", ColumnType::I64),
        ("up_sent", ColumnType::I64),
        ("up_arrived", ColumnType::I64),
        ("up_bounced", ColumnType::I64),
        ("held_city", ColumnType::I64),
        ("held_county", ColumnType::I64),
        ("held_town", ColumnType::I64),
        ("held_village", ColumnType::I64),
        ("within", ColumnType::I64),
        ("paid", ColumnType::I64),
        ("paid_before", ColumnType::I64),
        ("refunded", ColumnType::I64),
    ],
};

const ROW: &str = "a helping city";

/// One row: gross flows between a helper and a home city.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HelperCity {
    pub(crate) owed: i64,
    pub(crate) allocated: i64,
    /// Cash that an opening balance brought in.
    pub(crate) brought: i64,
    pub(crate) down: Flow,
    pub(crate) up: Flow,
    pub(crate) held: Held,
    pub(crate) within: i64,
    /// After the ledger began.
    pub(crate) paid: i64,
    pub(crate) paid_before: i64,
    pub(crate) refunded: i64,
}

/// Money sent in one direction and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flow {
    pub(crate) sent: i64,
    pub(crate) arrived: i64,
    pub(crate) bounced: i64,
}

impl Flow {
    /// Returns what was sent and did not come back.
    fn kept(&self) -> Option<i64> {
        self.sent.checked_sub(self.bounced)
    }

    fn open(&self) -> Option<i64> {
        self.kept()?.checked_sub(self.arrived)
    }
}

impl HelperCity {
    /// Returns the row in the words of a home city's; `None` where a sum leaves 64 bits.
    pub(crate) fn net(&self) -> Option<HomeCity> {
        let net_up = self.up.kept()?;
        Some(HomeCity {
            owed: self.owed,
            allocated: self.allocated,
            sent: self.brought.checked_add(self.down.kept()?)?.checked_sub(self.up.arrived)?,
            received: self.brought.checked_add(self.down.arrived)?.checked_sub(net_up)?,
            in_transit: self.down.open()?.checked_add(self.up.open()?)?,
            held: self.held,
            within: self.within,
            spent: self.paid.checked_add(self.paid_before)?.checked_sub(self.refunded)?,
            paid_before: self.paid_before,
            refunded: self.refunded,
            returned_up: net_up,
        })
    }
}

plain!(HelperCity);

/// Helper, home city, tranche, year of the tranche.
pub(crate) type Key = (u64, u64, No, u16);

/// All pairs of helper and home city.
#[derive(Clone, Debug)]
pub(crate) struct HelperCities {
    rows: Table<Key, HelperCity>,
    running: Running,
}

impl HelperCities {
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
            What::Planned { tranche, home, helper, year, parts: [_, part, _] } => {
                if part == 0 {
                    return Ok(());
                }
                let key = (helper.code(), home.code(), tranche, year);
                let row = self.rows.entry(&key).ok_or(Drift::Numbers)?;
                add(&mut row.owed, sign.of(part), ROW)
            }
            What::Opened { quota, unit, issued, cash_in, paid_before } => {
                let Some(row) = self.row(quota)? else { return Ok(()) };
                add(&mut row.owed, sign.of(issued), ROW)?;
                add(&mut row.allocated, sign.of(issued), ROW)?;
                add(&mut row.brought, sign.of(cash_in), ROW)?;
                add(&mut row.paid_before, sign.of(paid_before), ROW)?;
                let left = cash_in.saturating_sub(paid_before);
                add(row.held.at(unit.unit.level()), sign.of(left), ROW)
            }
            What::Issued { quota, fen, .. } => {
                let Some(row) = self.row(quota)? else { return Ok(()) };
                add(&mut row.allocated, sign.of(fen), ROW)
            }
            What::Withdrawn { quota, to: None, fen, .. } => {
                let Some(row) = self.row(quota)? else { return Ok(()) };
                add(&mut row.allocated, sign.out(fen), ROW)
            }
            What::Sent { way, fen } => {
                let Some(row) = self.row(way.quota)? else { return Ok(()) };
                if let Some(from) = way.from {
                    add(row.held.at(from.unit.level()), sign.out(fen), ROW)?;
                }
                add(sum_of(row, &way, |flow| &mut flow.sent), sign.of(fen), ROW)
            }
            What::Arrived { way, fen } => {
                let Some(row) = self.row(way.quota)? else { return Ok(()) };
                if !way.to_source {
                    add(row.held.at(way.to.unit.level()), sign.of(fen), ROW)?;
                }
                let x = if way.outer() { sign.of(fen) } else { sign.out(fen) };
                add(sum_of(row, &way, |flow| &mut flow.arrived), x, ROW)
            }
            What::Bounced { way, fen } => {
                let Some(row) = self.row(way.quota)? else { return Ok(()) };
                if let Some(from) = way.from {
                    add(row.held.at(from.unit.level()), sign.of(fen), ROW)?;
                }
                let x = if way.outer() { sign.of(fen) } else { sign.out(fen) };
                add(sum_of(row, &way, |flow| &mut flow.bounced), x, ROW)
            }
            What::Paid(Payment { quota, unit, fen, .. }) => {
                let Some(row) = self.row(quota)? else { return Ok(()) };
                add(row.held.at(unit.unit.level()), sign.out(fen), ROW)?;
                add(&mut row.paid, sign.of(fen), ROW)
            }
            What::Repaid(Payment { quota, unit, fen, .. }) => {
                let Some(row) = self.row(quota)? else { return Ok(()) };
                add(row.held.at(unit.unit.level()), sign.of(fen), ROW)?;
                add(&mut row.refunded, sign.of(fen), ROW)
            }
        }
    }

    /// Returns the row of a quota; `None` when its source is no helping city.
    fn row(&mut self, quota: Quota) -> Result<Option<&mut HelperCity>, Drift> {
        if quota.source != Source::H {
            return Ok(None);
        }
        let key = (quota.treasury.code(), quota.home.code(), quota.tranche, quota.year);
        self.rows.entry(&key).ok_or(Drift::Numbers).map(Some)
    }

    /// Returns keys and rows in the order of first use.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &HelperCity)> {
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
        for (key, row) in self.rows.iter().filter(|(_, row)| **row != HelperCity::default()) {
            let key = |out: &mut RowOut| write_key(out, key, names);
            emit(out.row(LAYOUT.number, key, |out| write(out, row)));
        }
    }
}

/// Returns the sum that a movement counts in: between source and city a flow's, else `within`.
fn sum_of<'a>(
    row: &'a mut HelperCity,
    way: &Way,
    sum: impl FnOnce(&'a mut Flow) -> &'a mut i64,
) -> &'a mut i64 {
    if way.from.is_none() {
        sum(&mut row.down)
    } else if way.to_source {
        sum(&mut row.up)
    } else {
        &mut row.within
    }
}

fn write_key(out: &mut RowOut, (helper, home, tranche, year): &Key, names: &Names) {
    out.u64(*helper).u64(*home).text(names.tranche_id(*tranche).as_str()).u16(*year);
}

fn write(out: &mut RowOut, row: &HelperCity) {
    out.i64s(&[row.owed, row.allocated, row.brought])
        .i64s(&[row.down.sent, row.down.arrived, row.down.bounced])
        .i64s(&[row.up.sent, row.up.arrived, row.up.bounced])
        .i64s(&row.held.columns())
        .i64s(&[row.within, row.paid, row.paid_before, row.refunded]);
}
