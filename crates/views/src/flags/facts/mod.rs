//! What the red flags remember of the log: every record once, in flat rows.
//!
//! Lives here: the tables, how a record enters them. Lives elsewhere: rows (`rows`), the arms by subject
//! (`money`, `register`), what a flag makes of them (one file a flag).
//!
//! Always: a fact says what the log said, by effective date, so that late knowledge changes the answer; no
//! flag's parameter enters here; folding in pieces gives the same rows as folding at once.

mod money;
mod register;
pub(crate) mod rows;

use std::collections::{BTreeMap, BTreeSet};

use ledger::codec::Codec;
use ledger::event::{At, Entry, Event};
use ledger::ids::{Date, HouseholdCode, OfficialId, ProjectId, QuotaId, Token, Unit};
use ledger::rules::{Rules, Version, Versions};
use ledger::words::Ability;
use record::{Record, Seq, china_date, system};

use crate::history::{HistoryError, Log, each_record};
use crate::table::{Chains, NONE, No, Table, at};
pub(crate) use money::first_day;
use rows::{
    Arrival, Assertion, Back, Benefit, Binding, Grant, Income, Membership, Move, Payment, Planned,
    Project, Quota, Release, Reversal, Route, Sent, Standing, Sum, Voucher,
};

/// Payments of a piece: a list of millions grows without being copied.
const PIECE: usize = 1 << 16;

/// What the flags know of a log, up to a position.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    next: Seq,
    posted: Date,
    pub(crate) rules: Rules,
    pub(crate) vouchers: Vec<Voucher>,
    pub(crate) officials: Table<OfficialId, ()>,
    pub(crate) households: Table<HouseholdCode, ()>,
    pub(crate) persons: Table<Token, ()>,
    pub(crate) accounts: Table<Token, ()>,
    pub(crate) quota_names: Table<QuotaId, ()>,
    pub(crate) project_names: Table<ProjectId, ()>,
    pub(crate) routes: Table<Route, ()>,
    pub(crate) quotas: Vec<Option<Quota>>,
    pub(crate) projects: Vec<Option<Project>>,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) members_of: Chains,
    pub(crate) abilities: Vec<(No, u8, Date, Ability)>,
    pub(crate) standings: Vec<Standing>,
    pub(crate) standings_of: Chains,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) bindings_of: Chains,
    /// Households joined by split or merge.
    pub(crate) kin: Vec<(No, No)>,
    payments: Vec<Vec<Payment>>,
    pub(crate) backs: BTreeMap<rows::At, Vec<Back>>,
    pub(crate) moves: Vec<Move>,
    pub(crate) planned: Vec<Planned>,
    /// By quota: issued, and below zero withdrawn at the top.
    pub(crate) issues: Vec<Sum>,
    pub(crate) releases: Vec<Release>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) benefits: Vec<Benefit>,
    /// By project.
    pub(crate) declared: Vec<Sum>,
    pub(crate) incomes: Vec<Income>,
    pub(crate) reversals: Vec<Reversal>,
    pub(crate) reversed: BTreeSet<rows::At>,
    pub(crate) assertions: Vec<Assertion>,
    /// Closed months: by unit the records that closed them.
    pub(crate) closings: BTreeMap<Unit, Vec<(u32, rows::At)>>,
    /// Records of kinds 310 to 361 by unit of account and quarter.
    pub(crate) lines: BTreeMap<(Unit, u32), u64>,
    /// Soft codes that a line passed over.
    pub(crate) skipped: Vec<(rows::At, u16)>,
    pub(crate) grants: Vec<Grant>,
}

/// A position in a row.
pub(crate) fn short(seq: Seq) -> rows::At {
    rows::At::try_from(seq.0).unwrap_or(rows::At::MAX)
}

/// The quarter of a date: four times the year, and 0 to 3.
pub(crate) fn quarter(date: Date) -> u32 {
    date.month() / 3
}

impl Facts {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the position of the record that comes next.
    pub fn next_seq(&self) -> Seq {
        self.next
    }

    /// Returns the posted date of the last record: the day that is asked about when none is named.
    pub fn posted(&self) -> Date {
        self.posted
    }

    /// Moves past a record of the format's own kinds.
    pub fn pass(&mut self, record: &Record<'_>) {
        self.next = record.seq().next();
        self.posted = Date(china_date(record.time_ms()));
    }

    /// Takes in a record, in the order of the log. One that names what is not known is passed over: the
    /// ledger accepts none.
    pub fn apply(&mut self, at: &At, entry: &Entry) {
        self.next = at.seq.next();
        self.posted = Date(china_date(at.time_ms));
        let seq = short(at.seq);
        for code in &entry.common.skipped {
            self.skipped.push((seq, *code));
        }
        if let Event::VoucherPosted(header) = &entry.event {
            let official = |table: &mut Table<OfficialId, ()>, id: OfficialId| {
                if id.is_empty() { NONE } else { table.number(&id) }
            };
            self.vouchers.push(Voucher {
                first: seq,
                lines: header.line_count,
                organisation: header.organisation,
                number: header.voucher_no,
                prepared: official(&mut self.officials, header.prepared_by),
                approved: official(&mut self.officials, header.approved_by),
                date: at.date,
                posted: self.posted,
                exception: !header.exception_reason.is_empty(),
                money: false,
                fen: header.total.get(),
            });
        } else if !self.adopt(at, &entry.event) && !self.register(at, &entry.event) {
            self.move_money(at, &entry.event);
        }
    }

    /// Takes in the records of a log up to a position, the end of a voucher, from where it stands.
    ///
    /// # Errors
    /// What kept the log from being read; the facts are of no further use then.
    pub fn extend(&mut self, log: &dyn Log, to: Seq) -> Result<(), HistoryError> {
        let (mut codec, from) = (Codec::new(), self.next);
        if to < from {
            return Ok(());
        }
        each_record(log, from, to, &mut |record| {
            if system::is_system(record.kind()) {
                self.pass(record);
                return Ok(true);
            }
            let at = At::of_record(record);
            let decoded = codec.decode(record);
            let entry = decoded.map_err(|error| HistoryError::Decode { seq: at.seq, error })?;
            self.apply(&at, &entry);
            Ok(true)
        })
    }

    /// Takes in a rule's version.
    fn adopt(&mut self, at: &At, event: &Event) -> bool {
        macro_rules! follow {
            ($body:expr, $versions:expr) => {{
                let (body, versions): (_, &mut Versions<_>) = ($body, $versions);
                versions.push(Version {
                    number: body.adoption.version,
                    from: body.adoption.from(at.date),
                    to: body.adoption.effective_to,
                    seq: at.seq,
                    content: body.content.clone(),
                });
            }};
        }
        let rules = &mut self.rules;
        match event {
            Event::PurposesAdopted(body) => follow!(body, &mut rules.purposes),
            Event::CapRuleAdopted(body) => follow!(body, &mut rules.cap),
            Event::ApprovalRuleAdopted(body) => follow!(body, &mut rules.approval),
            Event::FlagParametersAdopted(body) => {
                follow!(body, rules.flags.entry(body.content.flag).or_default());
            }
            Event::BaselineSet(body) => {
                follow!(body, rules.baselines.entry(body.home_city).or_default());
            }
            _ => return false,
        }
        true
    }

    /// All payments, in the order of the log.
    pub(crate) fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.iter().flatten()
    }

    /// How many payments there are.
    pub(crate) fn payment_count(&self) -> usize {
        let full = self.payments.len().saturating_sub(1).saturating_mul(PIECE);
        self.payments.last().map_or(0, |last| full.saturating_add(last.len()))
    }

    /// The payment of a number.
    pub(crate) fn payment(&self, no: No) -> Option<&Payment> {
        let no = at(no);
        self.payments.get(no / PIECE)?.get(no % PIECE)
    }

    fn add_payment(&mut self, payment: Payment) {
        if self.payments.last().is_none_or(|piece| piece.len() == PIECE) {
            self.payments.push(Vec::new());
        }
        if let Some(piece) = self.payments.last_mut() {
            piece.push(payment);
        }
    }

    /// The payment of a record.
    pub(crate) fn payment_at(&self, seq: rows::At) -> Option<&Payment> {
        let (piece, row) = self.find(seq)?;
        self.payments.get(piece)?.get(row)
    }

    fn find(&self, seq: rows::At) -> Option<(usize, usize)> {
        let starts = |piece: &Vec<Payment>| piece.first().is_some_and(|first| first.seq <= seq);
        let piece = self.payments.partition_point(starts).checked_sub(1)?;
        let row = self.payments.get(piece)?.binary_search_by_key(&seq, |p| p.seq).ok()?;
        Some((piece, row))
    }

    fn mark(&mut self, seq: rows::At, mark: u8) {
        let found = self.find(seq);
        if let Some(row) = found.and_then(|(p, r)| self.payments.get_mut(p)?.get_mut(r)) {
            row.marks |= mark;
        }
    }

    /// The header of the voucher that a record belongs to.
    pub(crate) fn voucher(&self, seq: rows::At) -> Option<&Voucher> {
        let after = self.vouchers.partition_point(|voucher| voucher.first <= seq);
        self.vouchers.get(after.checked_sub(1)?)
    }

    /// A quota by its number.
    pub(crate) fn quota(&self, no: No) -> Option<&Quota> {
        self.quotas.get(at(no))?.as_ref()
    }

    /// A project by its number.
    pub(crate) fn project(&self, no: No) -> Option<&Project> {
        self.projects.get(at(no))?.as_ref()
    }
}
