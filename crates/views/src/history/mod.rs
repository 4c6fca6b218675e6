//! A household's own records: which they are, and what they add up to at any position and day.
//!
//! Lives here: the traits through which records come, the fold of one household, its lineage. Lives
//! elsewhere: where the list of records is kept (`cache`), files (`journal`, through [`Log`]).
//!
//! Always: a household's answer is made from its own records and those of its lineage, so it costs the
//! same however long the log is.

mod fold;
mod household;
mod mentions;

use ledger::codec::{Codec, DecodeError};
use ledger::event::{At, Entry};
use ledger::ids::{Date, HouseholdCode};
use record::{Record, RecordError, Seq};
use thiserror::Error;

pub use household::{Asked, Read, household, read};
pub(crate) use mentions::in_legs;
pub use mentions::{Mentions, mentions, names};

/// The durable log, as the program reads it.
pub trait Log: Send + Sync {
    /// Returns the position of the record that comes next.
    fn next_seq(&self) -> Seq;

    /// Calls `each` with the bytes of the records from `from` to `to`, both included, in order, until
    /// it answers `false`. Positions beyond the head are left out.
    ///
    /// # Errors
    /// What kept the log from being read.
    fn scan(&self, from: Seq, to: Seq, each: &mut dyn FnMut(&[u8]) -> bool)
    -> Result<(), LogError>;
}

/// The log cannot be read.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct LogError(pub Box<dyn std::error::Error + Send + Sync>);

/// Which records name a household.
pub trait Histories {
    /// Returns the positions of all records up to `to` that name a household, ascending.
    ///
    /// # Errors
    /// What kept the log from being read.
    fn positions(&self, household: HouseholdCode, to: Seq) -> Result<Vec<Seq>, HistoryError>;
}

/// A history cannot be told.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A record of it is damaged.
    #[error("record {seq}: {error}")]
    Record {
        /// Which record.
        seq: Seq,
        /// What is wrong.
        error: RecordError,
    },
    /// A record says nothing that this version knows.
    #[error("record {seq}: {error}")]
    Decode {
        /// Which record.
        seq: Seq,
        /// What is wrong.
        error: DecodeError,
    },
    /// A sum leaves 64 bits.
    #[error("a sum of household {household} leaves 64 bits")]
    Overflow {
        /// Which household.
        household: HouseholdCode,
    },
    /// A position beyond the head (8001).
    #[error("position {asked} lies beyond the head, {head}")]
    BeyondHead {
        /// Position asked for.
        asked: Seq,
        /// Last position.
        head: Seq,
    },
}

/// Position and day that an answer speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// Records up to this position, the end of a voucher.
    pub position: Seq,
    /// Only records with an effective date up to this day; `None`: all.
    pub date: Option<Date>,
    /// Whether the position asked for lay inside a voucher.
    pub group_shortened: bool,
}

impl AsOf {
    /// Whether a record counts.
    pub fn counts(&self, date: Date) -> bool {
        self.date.is_none_or(|day| date <= day)
    }
}

/// Returns what "as of" a position means: a position inside a voucher means the end of the voucher
/// before it.
///
/// # Errors
/// [`HistoryError::BeyondHead`]; what kept the log from being read.
pub fn as_of(log: &dyn Log, asked: Seq, date: Option<Date>) -> Result<AsOf, HistoryError> {
    let next = log.next_seq();
    if next <= asked {
        return Err(HistoryError::BeyondHead { asked, head: Seq(next.0.saturating_sub(1)) });
    }
    let mut out = AsOf { position: asked, date, group_shortened: false };
    each_record(log, asked, asked, &mut |record| {
        let (part, parts) = (u64::from(record.part()), u64::from(record.parts()));
        if part.saturating_add(1) < parts {
            // A voucher never stands at position 0, where the genesis is.
            out.position = Seq(asked.0.saturating_sub(part).saturating_sub(1));
            out.group_shortened = true;
        }
        Ok(false)
    })?;
    Ok(out)
}

/// Calls `each` with the records from `from` to `to`, in order, until it answers `false`.
///
/// # Errors
/// That of `each`; what kept the log from being read; a record that is none.
pub fn each_record(
    log: &dyn Log,
    from: Seq,
    to: Seq,
    each: &mut dyn FnMut(&Record<'_>) -> Result<bool, HistoryError>,
) -> Result<(), HistoryError> {
    let (mut seq, mut failed) = (from, None);
    log.scan(from, to, &mut |bytes| {
        let found = Record::parse(bytes).map_err(|error| HistoryError::Record { seq, error });
        seq = seq.next();
        match found.and_then(|record| each(&record)) {
            Ok(go_on) => go_on,
            Err(error) => {
                failed = Some(error);
                false
            }
        }
    })?;
    failed.map_or(Ok(()), Err)
}

/// A record of a household, decoded.
struct Told {
    at: At,
    entry: Entry,
}

/// Reads the records of a household up to a position.
fn told(
    log: &dyn Log,
    histories: &dyn Histories,
    household: HouseholdCode,
    to: Seq,
) -> Result<Vec<Told>, HistoryError> {
    let mut codec = Codec::new();
    let mut out = Vec::new();
    for seq in histories.positions(household, to)? {
        each_record(log, seq, seq, &mut |record| {
            let at = At::of_record(record);
            let decoded = codec.decode(record);
            let entry = decoded.map_err(|error| HistoryError::Decode { seq, error })?;
            out.push(Told { at, entry });
            Ok(false)
        })?;
    }
    Ok(out)
}
