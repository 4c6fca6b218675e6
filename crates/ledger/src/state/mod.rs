//! Everything that decisions read, in memory: a fold of the log and nothing else.
//!
//! Lives here: the frame: parts, commit and rollback, replay. Rows stand in a file a subject.
//! Lives elsewhere: what may be posted (`decide`, `kinds`), what readers ask for (`views`).
//!
//! Always: equal records give an equal state, live or replayed; between two vouchers nothing is pending.
//! Source: design, "Nothing that `decide` reads comes from sled".

pub mod access;
mod bank;
pub mod findings;
mod held;
mod keys;
pub mod loans;
pub mod money;
pub mod periods;
pub mod project;
pub mod registry;
pub mod rules;

pub use access::Access;
pub use findings::Findings;
pub use loans::Loans;
pub use money::Money;
pub use periods::Periods;
pub use project::Projects;
pub use registry::Registry;
pub use rules::RuleBook;

use std::io::{self, Read, Write};

use record::{Record, Seq};
use thiserror::Error;

use crate::account::Legs;
use crate::codec::{Codec, DecodeError};
use crate::event::{At, Booked, Drift, Entry, Event};
use crate::ids::Date;
use crate::saved::{In, Out, Saved, saved_fields, state_fields};
use crate::table::{One, Undo};

/// Where the log ends for this state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// Position of the next record.
    pub next_seq: Seq,
    /// Time of the last record.
    pub time_ms: u64,
}

/// The state of the ledger. A copy shares what neither side changes: with millions of rows it costs some
/// milliseconds.
#[derive(Clone, Debug)]
pub struct State {
    /// Areas, households, members, accounts.
    pub registry: Registry,
    /// Rule versions.
    pub rules: RuleBook,
    /// Organisations, officials, roles, keys.
    pub access: Access,
    /// Quotas, balances, marks on records, voucher keys.
    pub money: Money,
    /// Projects and their share registers.
    pub projects: Projects,
    /// Micro-loans and the interest paid on them.
    pub loans: Loans,
    /// Months of units, counted and closed.
    pub periods: Periods,
    /// Inspectors' cases.
    pub findings: Findings,
    position: One<Position>,
}

state_fields!(State {
    registry,
    rules,
    access,
    money,
    projects,
    loans,
    periods,
    findings,
    position
});
saved_fields!(Position { next_seq, time_ms });

/// Version of what [`State::save`] writes: to be raised when a row of the state, or what is read out of
/// it, changes. A test compares the layout with the one of this version.
pub const SAVED_VERSION: u16 = 6;

/// Why a record cannot be replayed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ReplayError {
    /// Its payload or legs say nothing that this version knows.
    #[error("record {seq}: {error}")]
    Decode {
        /// Which record.
        seq: Seq,
        /// What is wrong.
        error: DecodeError,
    },
    /// It contradicts the state before it.
    #[error("record {seq}: {error}")]
    Drift {
        /// Which record.
        seq: Seq,
        /// What is wrong.
        error: Drift,
    },
}

impl State {
    /// An empty state. `secret` keys the hashes of voucher keys and bank references in memory, so that
    /// nobody outside can aim for collisions; it reaches no record and no digest. The hashes stand in
    /// snapshots, so the secret of a ledger stays the same.
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            registry: Registry::default(),
            rules: RuleBook::default(),
            access: Access::default(),
            money: Money::new(secret),
            projects: Projects::default(),
            loans: Loans::default(),
            periods: Periods::default(),
            findings: Findings::default(),
            position: One::default(),
        }
    }

    /// Writes the state as it is between two vouchers, to be read by [`State::load`]: of a copy, so that
    /// the ledger goes on meanwhile. The secret is not written.
    ///
    /// # Errors
    /// Those of `out`. It is written to in small pieces, so it should be buffered.
    pub fn save(&self, out: &mut dyn Write) -> io::Result<()> {
        Saved::save(self, &mut Out(out))
    }

    /// Reads what [`State::save`] of the same [`SAVED_VERSION`] wrote; `secret` is the one of then. The next
    /// vouchers are decided as if the state had never been away.
    ///
    /// The bytes are believed: whoever kept them has compared version, length and hash **before**. Bytes
    /// that were never written so end in an error or a state without meaning, never in a panic.
    ///
    /// # Errors
    /// Those of `from`, which should be buffered; `InvalidData`.
    pub fn load(secret: [u8; 32], from: &mut dyn Read) -> io::Result<Self> {
        let mut state: Self = Saved::load(&mut In(from))?;
        state.registry.find_rows();
        state.money.set_secret(secret);
        Ok(state)
    }

    /// Where the log ends for this state.
    pub fn position(&self) -> Position {
        *self.position.get()
    }

    /// Keeps all changes since the last commit.
    pub fn commit(&mut self) {
        Undo::commit(self);
    }

    /// Undoes all changes since the last commit.
    pub fn rollback(&mut self) {
        Undo::rollback(self);
    }

    /// Says whether changes can be undone from here on: replay turns it off, decisions need it on.
    pub fn set_recording(&mut self, on: bool) {
        Undo::set_recording(self, on);
    }

    /// Applies an event. No rule is asked.
    ///
    /// # Errors
    /// [`Drift`]: the state may be half changed then, and must be rolled back or dropped.
    pub fn evolve(&mut self, at: &At, event: &Event) -> Result<(), Drift> {
        let body = event.body();
        body.evolve(self, at)?;
        if let Some(Booked { unit, counted: Some(amount) }) = body.booked(self) {
            self.periods.count(unit, at.date, amount)?;
        }
        self.moved_to(at.seq, at.time_ms);
        Ok(())
    }

    /// Moves balances as legs say, on the day of their record.
    ///
    /// # Errors
    /// [`Drift`].
    pub(crate) fn apply(&mut self, legs: &Legs, date: Date) -> Result<(), Drift> {
        for (account, fen) in legs.as_slice() {
            self.money.apply_leg(account, fen.get(), date)?;
            self.projects.apply_leg(account, fen.get())?;
        }
        Ok(())
    }

    /// Replays a record, in the order of the log. Records of the format's own kinds move the position only.
    ///
    /// # Errors
    /// [`ReplayError`]; the state is of no more use then.
    pub fn apply_record(
        &mut self,
        record: &Record<'_>,
        codec: &mut Codec,
    ) -> Result<(), ReplayError> {
        let seq = record.seq();
        if record.kind() < FIRST_DOMAIN_KIND {
            self.pass(seq, record.time_ms());
            return Ok(());
        }
        let entry = codec.decode(record).map_err(|error| ReplayError::Decode { seq, error })?;
        self.apply_entry(record, &entry)
    }

    /// Replays a record that was decoded already.
    ///
    /// # Errors
    /// As [`State::apply_record`].
    pub fn apply_entry(&mut self, record: &Record<'_>, entry: &Entry) -> Result<(), ReplayError> {
        let at = At::of_record(record);
        self.evolve(&at, &entry.event).map_err(|error| ReplayError::Drift { seq: at.seq, error })
    }

    /// Moves past a record of the format's own kinds, which changes nothing else.
    pub fn pass(&mut self, seq: Seq, time_ms: u64) {
        self.moved_to(seq, time_ms);
    }

    fn moved_to(&mut self, seq: Seq, time_ms: u64) {
        *self.position.edit() = Position { next_seq: seq.next(), time_ms };
    }
}

/// Kinds below are the format's own.
const FIRST_DOMAIN_KIND: u16 = 100;

impl At {
    /// Where a record stands.
    pub fn of_record(record: &Record<'_>) -> Self {
        let seq = record.seq();
        Self {
            seq,
            time_ms: record.time_ms(),
            date: Date(record.date()),
            first_seq: Seq(seq.0.saturating_sub(u64::from(record.part()))),
        }
    }
}
