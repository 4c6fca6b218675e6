//! View 8: sent money that has not wholly arrived. Its age is counted at the edge.
//!
//! Always: a row stands while something of the sent amount is neither received nor returned nor
//! reversed. Rows of closed records are kept out of sight, since the reversal of an arrival opens them
//! again.

use std::io;

use ledger::ids::Unit;
use record::Seq;
use serde::{Deserialize, Serialize};

use crate::digest::{ColumnType, Layout, RowOut, Running};
use crate::drift::{Drift, add};
use crate::names::{Names, Place};
use crate::step::{Step, Way, What};
use crate::table::{NONE, No, Table};
use crate::value::{In, Out, plain};

/// Layout of the canonical row.
pub(crate) const LAYOUT: Layout = Layout {
    number: 8,
    name: "transit",
    key: &[("sent", ColumnType::U64)],
    columns: &[
        ("quota", ColumnType::Text),
        ("from", ColumnType::U64),
        ("to_unit", ColumnType::U64),
        ("up", ColumnType::U8),
        ("to_source", ColumnType::U8),
        ("date", ColumnType::U32),
        ("amount", ColumnType::I64),
        ("received", ColumnType::I64),
        ("returned", ColumnType::I64),
    ],
};

const ROW: &str = "a transit";

/// Sums of one sent record, and where it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) amount: i64,
    pub(crate) received: i64,
    pub(crate) returned: i64,
    /// Effective date, days since 1970-01-01.
    pub(crate) day: u32,
    quota: No,
    /// `NONE`: the quota's source.
    from: No,
    to: No,
    up: bool,
    to_source: bool,
}

impl Sent {
    /// Returns what is still on its way; `None` where a sum leaves 64 bits.
    pub(crate) fn open(&self) -> Option<i64> {
        self.amount.checked_sub(self.received)?.checked_sub(self.returned)
    }

    /// Returns the row as it is seen: an empty one when nothing is on its way.
    fn seen(self) -> Self {
        if self.open() == Some(0) { Self::default() } else { self }
    }
}

plain!(Sent);

/// All sent records.
#[derive(Clone, Debug)]
pub(crate) struct Transits {
    rows: Table<u64, Sent>,
    running: Running,
}

impl Transits {
    pub(crate) fn new() -> Self {
        Self { rows: Table::new(), running: Running::new(LAYOUT.number) }
    }

    pub(crate) fn apply(&mut self, step: &Step) -> Result<(), Drift> {
        match step.what {
            What::Sent { way, fen } => {
                let row = self.rows.entry(&step.seq.0).ok_or(Drift::Numbers)?;
                let Way { quota, from, to, up, to_source, .. } = way;
                (row.quota, row.day) = (quota.no, step.date.0);
                (row.from, row.to) = (from.map_or(NONE, |from| from.no), to.no);
                (row.up, row.to_source) = (up, to_source);
                add(&mut row.amount, step.sign.of(fen), ROW)
            }
            What::Arrived { way, fen } => {
                add(&mut self.change(way.sent)?.received, step.sign.of(fen), ROW)
            }
            What::Bounced { way, fen } => {
                add(&mut self.change(way.sent)?.returned, step.sign.of(fen), ROW)
            }
            What::Nothing
            | What::Opened { .. }
            | What::Planned { .. }
            | What::Issued { .. }
            | What::Released { .. }
            | What::Withdrawn { .. }
            | What::Paid(_)
            | What::Repaid(_)
            | What::Attributed { .. }
            | What::Income { .. }
            | What::Standing(_) => Ok(()),
        }
    }

    fn change(&mut self, sent: Seq) -> Result<&mut Sent, Drift> {
        let no = self.rows.find(&sent.0).ok_or(Drift::UnknownSent { sent })?;
        self.rows.change(no).ok_or(Drift::UnknownSent { sent })
    }

    /// Returns the way of a sent record.
    pub(crate) fn way(&self, sent: Seq, names: &Names) -> Result<Way, Drift> {
        let unknown = Drift::UnknownSent { sent };
        let no = self.rows.find(&sent.0).ok_or(unknown)?;
        way_of(sent, &self.rows.get(no), names).ok_or(Drift::UnknownSent { sent })
    }

    /// Returns what is on its way, oldest record first.
    pub(crate) fn open(&self, names: &Names) -> Vec<(Way, Sent)> {
        let open = self.rows.iter().filter(|(_, row)| row.open() != Some(0));
        let mut rows: Vec<(Way, Sent)> =
            open.filter_map(|(seq, row)| Some((way_of(Seq(*seq), row, names)?, *row))).collect();
        rows.sort_unstable_by_key(|(way, _)| way.sent);
        rows
    }

    pub(crate) fn running(&mut self, names: &Names, out: &mut RowOut) -> &Running {
        let Self { rows, running } = self;
        rows.settle(|_, seq, before, now| {
            let key = |out: &mut RowOut| {
                out.u64(*seq);
            };
            let seen = (&before.seen(), &now.seen());
            running.change(out, key, seen, |out, row| write(out, row, names));
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
        for (seq, row) in self.rows.iter().filter(|(_, row)| row.open() != Some(0)) {
            let key = |out: &mut RowOut| {
                out.u64(*seq);
            };
            emit(out.row(LAYOUT.number, key, |out| write(out, row, names)));
        }
    }
}

fn way_of(sent: Seq, row: &Sent, names: &Names) -> Option<Way> {
    let place = |no| names.unit(no).map(|unit| Place { no, unit });
    Some(Way {
        sent,
        quota: names.quota_of(row.quota)?,
        from: if row.from == NONE { None } else { Some(place(row.from)?) },
        to: place(row.to)?,
        up: row.up,
        to_source: row.to_source,
    })
}

fn write(out: &mut RowOut, row: &Sent, names: &Names) {
    let code = |no| names.unit(no).map_or(0, Unit::code);
    out.text(names.quota_id(row.quota).as_str())
        .u64(code(row.from))
        .u64(code(row.to))
        .u8(u8::from(row.up))
        .u8(u8::from(row.to_source))
        .u32(row.day)
        .i64s(&[row.amount, row.received, row.returned]);
}
