//! A voucher encoded but not yet placed: all of its records, but for what placing decides.
//!
//! Encoding needs no position, so it happens beside the sequencer's order; [`BlockBuilder`]
//! copies the bytes and fills in `seq`, `time_ms`, `prev`, `part`, `parts` and `salt`.
//!
//! [`BlockBuilder`]: crate::BlockBuilder

use thiserror::Error;

use crate::envelope::{BookSums, ENVELOPE_BYTES, LEG_HEAD_BYTES, VERSION, at};
use crate::layout::set;
use crate::limits::{GROUP_RECORDS_MAX, LEG_FEN_MAX, RECORD_BYTES_MAX, RECORD_LEGS_MAX};
use crate::path::{self, Book, PathError};
use crate::system;

/// The records of one atomic group in one reused buffer.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Records back to back, each with its final length.
    bytes: Vec<u8>,
    records: u16,
    /// Latest date of a record: no group is placed at a time before it.
    date_max: u32,
    system_kind: Option<u16>,
    // What `finish` writes and clears; kept here so that a record costs no allocation.
    kind: u16,
    date: u32,
    legs: Vec<DraftLeg>,
    paths: Vec<u8>,
    payload: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct DraftLeg {
    fen: i64,
    start: usize,
    end: usize,
}

/// Why a record cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the message of each variant says what its fields mean")]
pub enum DraftError {
    #[error("{found} legs, at most {RECORD_LEGS_MAX} in a record")]
    TooManyLegs { found: usize },
    #[error("record of {found} bytes, at most {RECORD_BYTES_MAX}")]
    RecordTooLarge { found: usize },
    #[error("more than {GROUP_RECORDS_MAX} records in a group")]
    TooManyRecords,
    #[error("legs of book {book} sum to {sum} fen, 0 expected")]
    Unbalanced { book: Book, sum: i128 },
    #[error("leg {path:?}: {what}")]
    BadPath { path: String, what: PathError },
    #[error("account {path} stands in two legs of one record")]
    PathTwice { path: String },
    #[error("leg {path} moves {found} fen, at most {LEG_FEN_MAX} either way")]
    FenTooLarge { path: String, found: i64 },
    #[error("kind {found} is not assigned")]
    Kind { found: u16 },
    #[error("a record of the format's own kind {kind} has no legs and stands alone in its group")]
    SystemRecord { kind: u16 },
}

impl Draft {
    /// Makes an empty draft.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties the draft and keeps its buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records = 0;
        self.date_max = 0;
        self.system_kind = None;
        self.begin(0, 0);
    }

    /// Appends one record. Legs come in any order and are sorted here; zero legs are left out.
    ///
    /// # Errors
    /// Nothing is appended then. An account in two legs is refused and not summed up: a movement
    /// that the record does not show would be lost to whoever reads it.
    pub fn push(
        &mut self,
        kind: u16,
        date: u32,
        legs: &[(&str, i64)],
        payload: &[u8],
    ) -> Result<(), DraftError> {
        self.begin(kind, date);
        for (path, fen) in legs {
            self.leg(*fen, |out| out.extend_from_slice(path.as_bytes()));
        }
        self.payload().extend_from_slice(payload);
        self.finish()
    }

    /// Begins a record without copies: then [`Draft::leg`] and [`Draft::payload`] in any order,
    /// then [`Draft::finish`]. A record begun before and not finished is dropped.
    pub fn begin(&mut self, kind: u16, date: u32) {
        self.kind = kind;
        self.date = date;
        self.legs.clear();
        self.paths.clear();
        self.payload.clear();
    }

    /// Adds a leg to the record begun; `write_path` appends the path's bytes.
    pub fn leg(&mut self, fen: i64, write_path: impl FnOnce(&mut Vec<u8>)) {
        let start = self.paths.len();
        write_path(&mut self.paths);
        if fen != 0 {
            self.legs.push(DraftLeg { fen, start, end: self.paths.len() });
        }
    }

    /// Returns the empty payload of the record begun, to be appended to.
    pub fn payload(&mut self) -> &mut Vec<u8> {
        &mut self.payload
    }

    /// Checks and appends the record begun.
    ///
    /// # Errors
    /// As [`Draft::push`].
    pub fn finish(&mut self) -> Result<(), DraftError> {
        let result = self.check().and_then(|()| self.write());
        self.legs.clear();
        self.paths.clear();
        self.payload.clear();
        result
    }

    fn path(&self, leg: DraftLeg) -> &[u8] {
        self.paths.get(leg.start..leg.end).unwrap_or_default()
    }

    fn spelled(&self, leg: DraftLeg) -> String {
        String::from_utf8_lossy(self.path(leg)).into_owned()
    }

    fn check(&mut self) -> Result<(), DraftError> {
        if !system::is_assigned(self.kind) {
            return Err(DraftError::Kind { found: self.kind });
        }
        let system = system::is_system(self.kind);
        if self.system_kind.is_some() || system && !(self.legs.is_empty() && self.records == 0) {
            let kind = self.system_kind.unwrap_or(self.kind);
            return Err(DraftError::SystemRecord { kind });
        }
        if GROUP_RECORDS_MAX <= usize::from(self.records) {
            return Err(DraftError::TooManyRecords);
        }
        if RECORD_LEGS_MAX < self.legs.len() {
            return Err(DraftError::TooManyLegs { found: self.legs.len() });
        }
        let paths = &self.paths;
        self.legs
            .sort_unstable_by(|a, b| paths.get(a.start..a.end).cmp(&paths.get(b.start..b.end)));
        let mut sums = BookSums::default();
        for leg in &self.legs {
            let book = path::check(self.path(*leg))
                .map_err(|what| DraftError::BadPath { path: self.spelled(*leg), what })?;
            if LEG_FEN_MAX < leg.fen.saturating_abs() {
                return Err(DraftError::FenTooLarge { path: self.spelled(*leg), found: leg.fen });
            }
            sums.add(book, leg.fen);
        }
        for (leg, next) in self.legs.iter().zip(self.legs.iter().skip(1)) {
            if self.path(*leg) == self.path(*next) {
                return Err(DraftError::PathTwice { path: self.spelled(*leg) });
            }
        }
        match sums.unbalanced() {
            Some((book, sum)) => Err(DraftError::Unbalanced { book, sum }),
            None => Ok(()),
        }
    }

    fn write(&mut self) -> Result<(), DraftError> {
        let legs_len = self.legs.iter().fold(0_usize, |sum, leg| {
            sum.saturating_add(LEG_HEAD_BYTES).saturating_add(self.path(*leg).len())
        });
        let found = ENVELOPE_BYTES.saturating_add(legs_len).saturating_add(self.payload.len());
        let len = u16::try_from(found).map_err(|_| DraftError::RecordTooLarge { found })?;
        // All of these fit, as `check` has shown; were one not to, nothing is written.
        let misfit = |_| DraftError::RecordTooLarge { found };
        let legs_len = u16::try_from(legs_len).map_err(misfit)?;
        let legs = u8::try_from(self.legs.len()).map_err(misfit)?;

        let mut head = [0; ENVELOPE_BYTES];
        set::<{ at::LEN }, 2, ENVELOPE_BYTES>(&mut head, len.to_le_bytes());
        set::<{ at::VERSION }, 1, ENVELOPE_BYTES>(&mut head, [VERSION]);
        set::<{ at::LEGS }, 1, ENVELOPE_BYTES>(&mut head, [legs]);
        set::<{ at::KIND }, 2, ENVELOPE_BYTES>(&mut head, self.kind.to_le_bytes());
        set::<{ at::LEGS_LEN }, 2, ENVELOPE_BYTES>(&mut head, legs_len.to_le_bytes());
        set::<{ at::DATE }, 4, ENVELOPE_BYTES>(&mut head, self.date.to_le_bytes());
        self.bytes.extend_from_slice(&head);
        for leg in &self.legs {
            let path = self.paths.get(leg.start..leg.end).unwrap_or_default();
            self.bytes.extend_from_slice(&leg.fen.to_le_bytes());
            self.bytes.push(u8::try_from(path.len()).unwrap_or(u8::MAX));
            self.bytes.extend_from_slice(path);
        }
        self.bytes.extend_from_slice(&self.payload);
        self.records = self.records.saturating_add(1);
        self.date_max = self.date_max.max(self.date);
        if system::is_system(self.kind) {
            self.system_kind = Some(self.kind);
        }
        Ok(())
    }

    /// Returns the number of records.
    pub fn records(&self) -> usize {
        usize::from(self.records)
    }

    /// Returns the bytes the group takes in a block: known before it is placed, so a voucher that
    /// is too large is refused before it touches one.
    pub fn sealed_len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the format's own kind of which this draft is the one record, if it is.
    pub(crate) fn system_kind(&self) -> Option<u16> {
        self.system_kind
    }

    /// Returns the latest date of its records, days since 1970-01-01.
    pub fn date_max(&self) -> u32 {
        self.date_max
    }

    pub(crate) fn parts(&self) -> u16 {
        self.records
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
