//! The record: 80 bytes of envelope, then legs, then payload; a checked view over exact bytes.
//!
//! Lives here: the layout, and every canonical rule that one record alone can show.
//! Lives elsewhere: what links records (`chain`), how they are made (`draft`, `builder`).
//!
//! Always: a `Record` was checked whole before it exists, and borrows the bytes that were hashed.

use std::cmp::Ordering;

use thiserror::Error;

use crate::hash::{Hash, ZERO_HASH, chain_hash, china_date};
use crate::layout::{field, get_u16, get_u32, get_u64};
use crate::limits::{LEG_FEN_MAX, LEGS_BYTES_MAX, RECORD_LEGS_MAX, TIME_MS_MAX};
use crate::path::{self, Book, PathError};
use crate::seq::Seq;
use crate::system;

/// Bytes of the fixed envelope.
pub const ENVELOPE_BYTES: usize = 80;

/// The record version this build reads and writes.
pub const VERSION: u8 = 1;

/// Bytes of a leg before its path: `fen` i64 and `n` u8.
pub(crate) const LEG_HEAD_BYTES: usize = 9;

/// Offsets of the envelope's fields. Source: `docs/format.md`, the record.
pub(crate) mod at {
    pub(crate) const LEN: usize = 0;
    pub(crate) const VERSION: usize = 2;
    pub(crate) const LEGS: usize = 3;
    pub(crate) const KIND: usize = 4;
    pub(crate) const LEGS_LEN: usize = 6;
    pub(crate) const SEQ: usize = 8;
    pub(crate) const TIME_MS: usize = 16;
    pub(crate) const PREV: usize = 24;
    pub(crate) const PART: usize = 56;
    pub(crate) const PARTS: usize = 58;
    pub(crate) const DATE: usize = 60;
    pub(crate) const SALT: usize = 64;
}

/// A record whose bytes obey every canonical rule that one record alone can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    bytes: &'a [u8],
    head: &'a [u8; ENVELOPE_BYTES],
    legs: &'a [u8],
    payload: &'a [u8],
}

/// One movement: plus into the account, minus out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg<'a> {
    /// Account path, 3 to 64 bytes of ASCII.
    pub path: &'a str,
    /// Fen, never zero, at most 2^53 − 1 in size.
    pub fen: i64,
}

/// The legs of a record, ascending by path.
#[derive(Clone, Debug)]
pub struct Legs<'a>(&'a [u8]);

/// The legs of a record, ascending by path, each with the bytes of its path and its fen.
#[derive(Clone, Debug)]
pub struct LegBytes<'a>(&'a [u8]);

/// Why bytes are not a record. Offsets count from the record's first byte.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the message of each variant says what its fields mean")]
pub enum RecordError {
    /// Not an error of the log: this build is too old for it. Apart from all others.
    #[error("record version {0} was written by a newer version, this one reads {VERSION}")]
    NewerVersion(u8),
    #[error("offset 0: {found} bytes, a record has at least {needed}")]
    Short { needed: usize, found: usize },
    #[error("offset {needed}: {extra} bytes behind the record")]
    Trailing { needed: usize, extra: usize },
    #[error("offset 0, len: {found}, envelope and legs alone are {needed}")]
    Length { needed: usize, found: usize },
    #[error("offset 3, legs: {found}, 0 or 2 to {RECORD_LEGS_MAX} allowed")]
    LegCount { found: u8 },
    #[error("offset 4, kind: {found} is not assigned, 1-15 or from 100 expected")]
    Kind { found: u16 },
    #[error("offset 6, legs_len: {found}, at most {LEGS_BYTES_MAX} allowed")]
    LegsLenTooLarge { found: u16 },
    #[error("offset 6, legs_len: {found}, the legs take {used}")]
    LegsLenDiffers { found: usize, used: usize },
    #[error("offset 8, seq: {found} leaves no position behind it")]
    SeqOutOfRange { found: u64 },
    #[error("offset 4, kind: {kind} at position {seq}; a genesis stands at 0 and nowhere else")]
    GenesisElsewhere { kind: u16, seq: u64 },
    #[error("offset 16, time_ms: {found}, at most {TIME_MS_MAX} allowed")]
    TimeOutOfRange { found: u64 },
    #[error("offset 24, prev: not zero in record 0")]
    PrevNotZero,
    #[error("offset 56, part: {part}, below {parts}, the parts of its group, expected")]
    PartOutOfRange { part: u16, parts: u16 },
    #[error("offset 60, date: day {found}, at most {max}, the China date of its time, allowed")]
    DateAfterTime { found: u32, max: u32 },
    #[error("offset 58, parts: {parts}; a record of the format's own kind {kind} stands alone")]
    SystemGroup { kind: u16, parts: u16 },
    #[error("offset 3, legs: {found}; a record of the format's own kind {kind} has none")]
    SystemLegs { kind: u16, found: u8 },
    #[error("offset {offset}: leg {leg} reaches past the legs' end")]
    LegCut { offset: usize, leg: usize },
    #[error("offset {offset}, fen: leg {leg} moves nothing")]
    FenZero { offset: usize, leg: usize },
    #[error("offset {offset}, fen: leg {leg} moves {found}, at most {LEG_FEN_MAX} either way")]
    FenTooLarge { offset: usize, leg: usize, found: i64 },
    #[error("offset {offset}: leg {leg}: {what}")]
    Path { offset: usize, leg: usize, what: PathError },
    #[error("offset {offset}: the path of leg {leg} is not above the one before it")]
    PathsUnsorted { offset: usize, leg: usize },
    #[error("offset {offset}: leg {leg} names the account of the leg before it again")]
    PathTwice { offset: usize, leg: usize },
    #[error("offset {ENVELOPE_BYTES}: legs of book {book} sum to {sum} fen, 0 expected")]
    Unbalanced { book: Book, sum: i128 },
}

impl<'a> Record<'a> {
    /// Reads bytes that are one record from the first to the last.
    ///
    /// # Errors
    /// [`RecordError::NewerVersion`] for a version this build does not know, whatever else may be
    /// wrong; else the first rule that is broken.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let (record, rest) = Self::split_first(bytes)?;
        if rest.is_empty() {
            return Ok(record);
        }
        Err(RecordError::Trailing { needed: record.bytes.len(), extra: rest.len() })
    }

    /// Reads the first record of a body, and returns the rest beside it.
    ///
    /// # Errors
    /// As [`Record::parse`], but for bytes behind the record.
    pub fn split_first(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        let (record, rest) = Self::cut(bytes)?;
        record.check_head()?;
        record.check_legs()?;
        Ok((record, rest))
    }

    /// Cuts the first record off by its lengths and checks nothing else: for bytes that were
    /// checked before.
    pub(crate) fn cut(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        // The version is looked at first and by itself: what a newer version wrote may differ in
        // everything else, and must never be called damaged.
        match bytes.get(at::VERSION) {
            Some(version) if *version != VERSION => {
                return Err(RecordError::NewerVersion(*version));
            }
            _ => (),
        }
        let short = |needed| RecordError::Short { needed, found: bytes.len() };
        let head = bytes.first_chunk::<ENVELOPE_BYTES>().ok_or_else(|| short(ENVELOPE_BYTES))?;
        let len = usize::from(get_u16::<{ at::LEN }, ENVELOPE_BYTES>(head));
        let legs_len = usize::from(get_u16::<{ at::LEGS_LEN }, ENVELOPE_BYTES>(head));
        let needed = ENVELOPE_BYTES.saturating_add(legs_len);
        if len < needed {
            return Err(RecordError::Length { needed, found: len });
        }
        let (bytes, rest) = bytes.split_at_checked(len).ok_or_else(|| short(len))?;
        let (legs, payload) = bytes
            .get(ENVELOPE_BYTES..)
            .and_then(|body| body.split_at_checked(legs_len))
            .ok_or_else(|| short(needed))?;
        Ok((Self { bytes, head, legs, payload }, rest))
    }

    fn check_head(&self) -> Result<(), RecordError> {
        let (kind, seq, legs) = (self.kind(), self.seq().0, self.legs_count());
        if legs == 1 || RECORD_LEGS_MAX < usize::from(legs) {
            return Err(RecordError::LegCount { found: legs });
        }
        if !system::is_assigned(kind) {
            return Err(RecordError::Kind { found: kind });
        }
        if LEGS_BYTES_MAX < self.legs.len() {
            let found = get_u16::<{ at::LEGS_LEN }, ENVELOPE_BYTES>(self.head);
            return Err(RecordError::LegsLenTooLarge { found });
        }
        if seq == u64::MAX {
            return Err(RecordError::SeqOutOfRange { found: seq });
        }
        if kind == system::GENESIS && seq != 0 {
            return Err(RecordError::GenesisElsewhere { kind, seq });
        }
        if TIME_MS_MAX < self.time_ms() {
            return Err(RecordError::TimeOutOfRange { found: self.time_ms() });
        }
        if seq == 0 && self.prev() != ZERO_HASH {
            return Err(RecordError::PrevNotZero);
        }
        let (part, parts) = (self.part(), self.parts());
        if parts <= part {
            return Err(RecordError::PartOutOfRange { part, parts });
        }
        let max = china_date(self.time_ms());
        if max < self.date() {
            return Err(RecordError::DateAfterTime { found: self.date(), max });
        }
        if system::is_system(kind) && parts != 1 {
            return Err(RecordError::SystemGroup { kind, parts });
        }
        if system::is_system(kind) && legs != 0 {
            return Err(RecordError::SystemLegs { kind, found: legs });
        }
        Ok(())
    }

    fn check_legs(&self) -> Result<(), RecordError> {
        let mut rest = self.legs;
        let mut sums = BookSums::default();
        let mut before: &[u8] = &[];
        for leg in 0..usize::from(self.legs_count()) {
            let offset = ENVELOPE_BYTES.saturating_add(self.legs.len().saturating_sub(rest.len()));
            let (fen, path, behind) = split_leg(rest).ok_or(RecordError::LegCut { offset, leg })?;
            if fen == 0 {
                return Err(RecordError::FenZero { offset, leg });
            }
            if LEG_FEN_MAX < fen.saturating_abs() {
                return Err(RecordError::FenTooLarge { offset, leg, found: fen });
            }
            let offset = offset.saturating_add(LEG_HEAD_BYTES);
            let book = path::check(path).map_err(|what| RecordError::Path { offset, leg, what })?;
            match path.cmp(before) {
                Ordering::Greater => (),
                Ordering::Equal => return Err(RecordError::PathTwice { offset, leg }),
                Ordering::Less => return Err(RecordError::PathsUnsorted { offset, leg }),
            }
            sums.add(book, fen);
            (before, rest) = (path, behind);
        }
        if !rest.is_empty() {
            let used = self.legs.len().saturating_sub(rest.len());
            return Err(RecordError::LegsLenDiffers { found: self.legs.len(), used });
        }
        match sums.unbalanced() {
            Some((book, sum)) => Err(RecordError::Unbalanced { book, sum }),
            None => Ok(()),
        }
    }

    /// Returns the record's own bytes: what is hashed, proved and sent.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the record version, always [`VERSION`].
    pub fn version(&self) -> u8 {
        let [version] = field::<{ at::VERSION }, 1, ENVELOPE_BYTES>(self.head);
        version
    }

    /// Returns the event kind: 1-15 the format's own, from 100 the domain's.
    pub fn kind(&self) -> u16 {
        get_u16::<{ at::KIND }, ENVELOPE_BYTES>(self.head)
    }

    /// Returns the position.
    pub fn seq(&self) -> Seq {
        Seq(get_u64::<{ at::SEQ }, ENVELOPE_BYTES>(self.head))
    }

    /// Returns the server time, Unix milliseconds UTC.
    pub fn time_ms(&self) -> u64 {
        get_u64::<{ at::TIME_MS }, ENVELOPE_BYTES>(self.head)
    }

    /// Returns the chain hash of the record before, zero in record 0.
    pub fn prev(&self) -> Hash {
        field::<{ at::PREV }, 32, ENVELOPE_BYTES>(self.head)
    }

    /// Returns the index in its atomic group; 0 is the voucher's header record.
    pub fn part(&self) -> u16 {
        get_u16::<{ at::PART }, ENVELOPE_BYTES>(self.head)
    }

    /// Returns the size of its atomic group, at least 1.
    pub fn parts(&self) -> u16 {
        get_u16::<{ at::PARTS }, ENVELOPE_BYTES>(self.head)
    }

    /// Returns the effective date, days since 1970-01-01.
    pub fn date(&self) -> u32 {
        get_u32::<{ at::DATE }, ENVELOPE_BYTES>(self.head)
    }

    /// Returns the salt, opaque to every reader.
    pub fn salt(&self) -> [u8; 16] {
        field::<{ at::SALT }, 16, ENVELOPE_BYTES>(self.head)
    }

    /// Returns the number of legs, 0 or 2 to 64.
    pub fn legs_count(&self) -> u8 {
        let [count] = field::<{ at::LEGS }, 1, ENVELOPE_BYTES>(self.head);
        count
    }

    /// Returns the legs, ascending by path.
    pub fn legs(&self) -> Legs<'a> {
        Legs(self.legs)
    }

    /// Returns the payload, a protobuf message of its kind.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Computes the chain hash, the next record's `prev`.
    pub fn chain_hash(&self) -> Hash {
        chain_hash(self.bytes)
    }
}

impl<'a> Legs<'a> {
    /// Walks over the same legs without making text of their paths: for who walks over all legs of
    /// a log, where the look whether ASCII is text is a part of the cost.
    pub fn bytes(self) -> LegBytes<'a> {
        LegBytes(self.0)
    }
}

impl<'a> Iterator for LegBytes<'a> {
    type Item = (&'a [u8], i64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (fen, path, rest) = split_leg(self.0)?;
        self.0 = rest;
        Some((path, fen))
    }
}

impl<'a> Iterator for Legs<'a> {
    type Item = Leg<'a>;

    fn next(&mut self) -> Option<Leg<'a>> {
        let (fen, path, rest) = split_leg(self.0)?;
        self.0 = rest;
        // Checked paths are ASCII, so this never ends the legs early.
        Some(Leg { path: std::str::from_utf8(path).ok()?, fen })
    }
}

/// Cuts one leg off: `fen`, path, rest.
#[inline]
fn split_leg(legs: &[u8]) -> Option<(i64, &[u8], &[u8])> {
    let (fen, rest) = legs.split_first_chunk::<8>()?;
    let (len, rest) = rest.split_first()?;
    let (path, rest) = rest.split_at_checked(usize::from(*len))?;
    Some((i64::from_le_bytes(*fen), path, rest))
}

/// Sums of legs by book, wide enough for any number of them.
#[derive(Default)]
pub(crate) struct BookSums([i128; 4]);

impl BookSums {
    pub(crate) fn add(&mut self, book: Book, fen: i64) {
        let [quota, cash, benefit, income] = &mut self.0;
        let sum = match book {
            Book::Quota => quota,
            Book::Cash => cash,
            Book::Benefit => benefit,
            Book::Income => income,
        };
        *sum = sum.saturating_add(i128::from(fen));
    }

    /// Returns the first book whose legs do not sum to zero.
    pub(crate) fn unbalanced(&self) -> Option<(Book, i128)> {
        path::BOOKS.into_iter().zip(self.0).find(|(_, sum)| *sum != 0)
    }
}
