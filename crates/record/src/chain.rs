//! What links one record to the next: positions, hashes, time, whole groups.

use thiserror::Error;

use crate::envelope::Record;
use crate::hash::{Hash, Hex, ZERO_HASH};
use crate::seq::Seq;
use crate::system;

/// Walks a log in order and refuses the first record that does not continue it.
///
/// The hash of each record is brought by the caller, since hashes can be computed in parallel.
#[derive(Clone, Debug)]
pub struct ChainCheck {
    next_seq: Seq,
    head: Hash,
    time_ms: u64,
    /// Parts seen and parts expected of the group that is open; equal between groups.
    part: u16,
    parts: u16,
}

/// How a record fails to continue the log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the message of each variant says what its fields mean")]
pub enum ChainError {
    #[error("position {found} where {expected} is due")]
    Seq { expected: Seq, found: Seq },
    #[error("record 0 is of kind {kind}, a genesis (1) expected")]
    NotGenesis { kind: u16 },
    #[error(
        "record {seq} does not continue the chain: its `prev` is {}, the record before hashes to {}",
        Hex(.found), Hex(.expected)
    )]
    Prev { seq: Seq, expected: Hash, found: Hash },
    #[error("record {seq}: time {found} ms is before {before} ms of the record before")]
    TimeFell { seq: Seq, before: u64, found: u64 },
    #[error("record {seq}: part {found} where part {expected} of a group is due")]
    Part { seq: Seq, expected: u16, found: u16 },
    #[error("record {seq}: {found} parts in a group that began with {expected}")]
    Parts { seq: Seq, expected: u16, found: u16 },
    #[error("record {seq}: time {found} ms in a group that began at {expected} ms")]
    GroupTime { seq: Seq, expected: u64, found: u64 },
}

impl ChainCheck {
    /// Starts before record 0.
    pub fn new() -> Self {
        Self::resume(Seq(0), ZERO_HASH, 0)
    }

    /// Starts between two groups: the record at `next_seq` must have `head` as its `prev`, and no
    /// time before `time_ms` (0: any).
    pub fn resume(next_seq: Seq, head: Hash, time_ms: u64) -> Self {
        Self { next_seq, head, time_ms, part: 0, parts: 0 }
    }

    /// Takes the next record and its own chain hash.
    ///
    /// # Errors
    /// The first link that does not hold; the check then still stands before that record.
    pub fn push(&mut self, record: &Record<'_>, hash_of_record: Hash) -> Result<(), ChainError> {
        self.check(record)?;
        self.next_seq = record.seq().next();
        self.head = hash_of_record;
        self.time_ms = record.time_ms();
        self.part = record.part().saturating_add(1);
        self.parts = record.parts();
        Ok(())
    }

    fn check(&self, record: &Record<'_>) -> Result<(), ChainError> {
        let seq = record.seq();
        if seq != self.next_seq {
            return Err(ChainError::Seq { expected: self.next_seq, found: seq });
        }
        if seq == Seq(0) && record.kind() != system::GENESIS {
            return Err(ChainError::NotGenesis { kind: record.kind() });
        }
        if record.prev() != self.head {
            return Err(ChainError::Prev { seq, expected: self.head, found: record.prev() });
        }
        let expected = if self.at_group_end() { 0 } else { self.part };
        if record.part() != expected {
            return Err(ChainError::Part { seq, expected, found: record.part() });
        }
        if self.at_group_end() {
            if record.time_ms() < self.time_ms {
                return Err(ChainError::TimeFell {
                    seq,
                    before: self.time_ms,
                    found: record.time_ms(),
                });
            }
            return Ok(());
        }
        if record.parts() != self.parts {
            return Err(ChainError::Parts { seq, expected: self.parts, found: record.parts() });
        }
        if record.time_ms() != self.time_ms {
            let found = record.time_ms();
            return Err(ChainError::GroupTime { seq, expected: self.time_ms, found });
        }
        Ok(())
    }

    /// Returns the chain hash of the last record taken.
    pub fn head(&self) -> Hash {
        self.head
    }

    /// Returns the position that is due.
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// Returns the time of the last record taken, Unix milliseconds.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// Tells whether no group is open: a published head must end here.
    pub fn at_group_end(&self) -> bool {
        self.part == self.parts
    }
}

impl Default for ChainCheck {
    fn default() -> Self {
        Self::new()
    }
}
