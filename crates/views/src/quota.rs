//! View 6: a quota's definition, and by unit what it may still spend, has used, has under way and holds.
//!
//! Lives here: the thread from a source to the unit that pays, so a helper sees its own money down to
//! the village. Lives elsewhere: the households below it (`history`).
//!
//! Always: `issued` is net of what was withdrawn at the top; `paid` of a unit is `used` less what an
//! opening balance says was paid before, and is not stored.

use std::io;

use ledger::ids::Unit;

use serde::{Deserialize, Serialize};

use crate::digest::{ColumnType, Layout, RowOut, Running};
use crate::drift::{Drift, add};
use crate::names::{Names, Place, Quota};
use crate::step::{Payment, Step, What};
use crate::table::{Chains, No, Table};
use crate::value::{In, Out, invalid, plain};

/// Layout of the canonical row. The row of unit 0 is the quota's definition, others are a unit's share.
pub(crate) const LAYOUT: Layout = Layout {
    number: 6,
    name: "quota",
    key: &[("quota", ColumnType::Text), ("unit", ColumnType::U64)],
    columns: &[
        ("source", ColumnType::Text),
        ("treasury", ColumnType::U64),
        ("home_city", ColumnType::U64),
        ("to_unit", ColumnType::U64),
        ("tranche", ColumnType::Text),
        ("year", ColumnType::U16),
        ("issued", ColumnType::I64),
        ("paid_before", ColumnType::I64),
        ("available", ColumnType::I64),
        ("used", ColumnType::I64),
        ("in_transit", ColumnType::I64),
        ("held", ColumnType::I64),
    ],
};

const ROW: &str = "a quota";

/// A quota as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whole {
    pub(crate) issued: i64,
    pub(crate) paid_before: i64,
}

/// A unit's share of a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) available: i64,
    pub(crate) used: i64,
    /// On its way to the unit.
    pub(crate) in_transit: i64,
    pub(crate) held: i64,
}

plain!(Whole, Share);

/// All quotas.
#[derive(Clone, Debug)]
pub(crate) struct Quotas {
    wholes: Table<No, Whole>,
    shares: Table<(No, No), Share>,
    by_quota: Chains,
    running: Running,
}

impl Quotas {
    pub(crate) fn new() -> Self {
        Self {
            wholes: Table::new(),
            shares: Table::new(),
            by_quota: Chains::default(),
            running: Running::new(LAYOUT.number),
        }
    }

    pub(crate) fn apply(&mut self, step: &Step) -> Result<(), Drift> {
        let sign = step.sign;
        match step.what {
            What::Nothing
            | What::Planned { .. }
            | What::Attributed { .. }
            | What::Income { .. }
            | What::Standing(_) => Ok(()),
            What::Opened { quota, unit, issued, cash_in, paid_before } => {
                let whole = self.wholes.entry(&quota.no).ok_or(Drift::Numbers)?;
                add(&mut whole.issued, sign.of(issued), ROW)?;
                add(&mut whole.paid_before, sign.of(paid_before), ROW)?;
                let row = self.share(quota, unit)?;
                let (left, held) =
                    (issued.saturating_sub(paid_before), cash_in.saturating_sub(paid_before));
                add(&mut row.available, sign.of(left), ROW)?;
                add(&mut row.used, sign.of(paid_before), ROW)?;
                add(&mut row.held, sign.of(held), ROW)
            }
            What::Issued { quota, to, fen } => {
                self.issue(quota, sign.of(fen))?;
                add(&mut self.share(quota, to)?.available, sign.of(fen), ROW)
            }
            What::Released { quota, from, to, fen }
            | What::Withdrawn { quota, from, to: Some(to), fen } => {
                add(&mut self.share(quota, from)?.available, sign.out(fen), ROW)?;
                add(&mut self.share(quota, to)?.available, sign.of(fen), ROW)
            }
            What::Withdrawn { quota, from, to: None, fen } => {
                self.issue(quota, sign.out(fen))?;
                add(&mut self.share(quota, from)?.available, sign.out(fen), ROW)
            }
            What::Sent { way, fen } => {
                add(&mut self.share(way.quota, way.to)?.in_transit, sign.of(fen), ROW)?;
                let Some(from) = way.from else { return Ok(()) };
                add(&mut self.share(way.quota, from)?.held, sign.out(fen), ROW)
            }
            What::Arrived { way, fen } => {
                let row = self.share(way.quota, way.to)?;
                add(&mut row.in_transit, sign.out(fen), ROW)?;
                if way.to_source { Ok(()) } else { add(&mut row.held, sign.of(fen), ROW) }
            }
            What::Bounced { way, fen } => {
                add(&mut self.share(way.quota, way.to)?.in_transit, sign.out(fen), ROW)?;
                let Some(from) = way.from else { return Ok(()) };
                add(&mut self.share(way.quota, from)?.held, sign.of(fen), ROW)
            }
            What::Paid(payment) => {
                self.spend(&payment, sign.of(payment.fen), sign.out(payment.fen))
            }
            What::Repaid(payment) => {
                self.spend(&payment, sign.out(payment.fen), sign.of(payment.fen))
            }
        }
    }

    fn issue(&mut self, quota: Quota, x: i64) -> Result<(), Drift> {
        add(&mut self.wholes.entry(&quota.no).ok_or(Drift::Numbers)?.issued, x, ROW)
    }

    fn spend(&mut self, payment: &Payment, used: i64, left: i64) -> Result<(), Drift> {
        let row = self.share(payment.quota, payment.unit)?;
        add(&mut row.used, used, ROW)?;
        add(&mut row.available, left, ROW)?;
        add(&mut row.held, left, ROW)
    }

    fn share(&mut self, quota: Quota, unit: Place) -> Result<&mut Share, Drift> {
        self.entry(quota.no, unit.no).ok_or(Drift::Numbers)
    }

    fn entry(&mut self, quota: No, unit: No) -> Option<&mut Share> {
        let before = self.shares.len();
        let no = self.shares.number(&(quota, unit));
        if before < self.shares.len() {
            self.by_quota.push(quota)?;
        }
        self.shares.change(no)
    }

    /// Returns a quota as a whole.
    pub(crate) fn whole(&self, quota: No) -> Whole {
        self.wholes.of(&quota)
    }

    /// Returns the units that have or had a share of a quota, newest first.
    pub(crate) fn shares(&self, quota: No) -> impl Iterator<Item = (No, Share)> {
        let shares = self.by_quota.of(quota);
        shares.filter_map(|no| Some((self.shares.key(no)?.1, self.shares.get(no))))
    }

    pub(crate) fn running(&mut self, names: &Names, out: &mut RowOut) -> &Running {
        let Self { wholes, shares, running, .. } = self;
        wholes.settle(|_, no, before, now| {
            let key = |out: &mut RowOut| write_key(out, *no, 0, names);
            running.change(out, key, (before, now), |out, row| write_whole(out, *no, row, names));
        });
        shares.settle(|_, (quota, unit), before, now| {
            let unit = names.unit(*unit).map_or(0, Unit::code);
            let key = |out: &mut RowOut| write_key(out, *quota, unit, names);
            running.change(out, key, (before, now), write_share);
        });
        &self.running
    }

    pub(crate) fn freeze(&mut self) {
        self.wholes.freeze();
        self.shares.freeze();
        self.by_quota.freeze();
    }

    pub(crate) fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.wholes.save(out)?;
        self.shares.save(out)?;
        self.running.save(out)
    }

    pub(crate) fn load(from: &mut In<'_>, names: &Names) -> io::Result<Self> {
        let (wholes, shares) = (Table::load(from)?, Table::load(from)?);
        let mut by_quota = Chains::default();
        for ((quota, _), _) in shares.iter() {
            names.quota_of(*quota).ok_or_else(invalid)?;
            by_quota.push(*quota).ok_or_else(invalid)?;
        }
        Ok(Self { wholes, shares, by_quota, running: Running::load(LAYOUT.number, from)? })
    }

    pub(crate) fn unsettle(&mut self) {
        self.wholes.unsettle();
        self.shares.unsettle();
        self.running.clear();
    }

    /// Writes every row that is not empty: the oracle of the running digest.
    pub(crate) fn scan(&self, names: &Names, emit: &mut dyn FnMut(&[u8])) {
        let mut out = RowOut::default();
        for (no, row) in self.wholes.iter().filter(|(_, row)| **row != Whole::default()) {
            let key = |out: &mut RowOut| write_key(out, *no, 0, names);
            emit(out.row(LAYOUT.number, key, |out| write_whole(out, *no, row, names)));
        }
        for ((quota, unit), row) in self.shares.iter().filter(|(_, r)| **r != Share::default()) {
            let unit = names.unit(*unit).map_or(0, Unit::code);
            let key = |out: &mut RowOut| write_key(out, *quota, unit, names);
            emit(out.row(LAYOUT.number, key, |out| write_share(out, row)));
        }
    }
}

fn write_key(out: &mut RowOut, quota: No, unit: u64, names: &Names) {
    out.text(names.quota_id(quota).as_str()).u64(unit);
}

fn write_whole(out: &mut RowOut, no: No, row: &Whole, names: &Names) {
    match names.quota_of(no) {
        Some(quota) => out
            .text(quota.source.letter())
            .u64(quota.treasury.code())
            .u64(quota.home.code())
            .u64(quota.to.code())
            .text(names.tranche_id(quota.tranche).as_str())
            .u16(quota.year),
        // Never: a quota is defined before it has a sum.
        None => out.text("").u64(0).u64(0).u64(0).text("").u16(0),
    };
    out.i64s(&[row.issued, row.paid_before, 0, 0, 0, 0]);
}

fn write_share(out: &mut RowOut, row: &Share) {
    out.text("").u64(0).u64(0).u64(0).text("").u16(0);
    out.i64s(&[0, 0, row.available, row.used, row.in_transit, row.held]);
}
