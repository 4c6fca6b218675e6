//! Applying durable records to the views: one way, for the running ledger, a start and a rebuild.

use ledger::codec::{Codec, DecodeError};
use ledger::event::{At, Entry};
use record::{Record, Seq, system};
use thiserror::Error;
use views::Views;

/// Records whose rows are read together, before they are applied one by one.
pub(crate) const READ_AHEAD: usize = 32;

/// A durable record that the views or the state cannot take: damage, or a fault of our own.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("record {seq}: {what}")]
pub struct ApplyError {
    /// Which record.
    pub seq: Seq,
    /// What is wrong with it.
    pub what: String,
}

impl ApplyError {
    fn new(seq: Seq, what: &dyn std::fmt::Display) -> Self {
        Self { seq, what: what.to_string() }
    }

    /// The record does not decode.
    pub(crate) fn decode(seq: Seq, error: &DecodeError) -> Self {
        Self::new(seq, error)
    }
}

/// Decodes a record; `None` for the format's own kinds, which hold no event.
///
/// # Errors
/// When the payload or the legs say nothing that this version knows.
pub(crate) fn decode(codec: &mut Codec, record: &Record<'_>) -> Result<Option<Entry>, ApplyError> {
    if system::is_system(record.kind()) {
        return Ok(None);
    }
    codec.decode(record).map(Some).map_err(|error| ApplyError::decode(record.seq(), &error))
}

/// Applies a record to the views.
///
/// # Errors
/// When it contradicts what was before it.
pub(crate) fn to_views(
    views: &mut Views,
    record: &Record<'_>,
    entry: Option<&Entry>,
) -> Result<(), ApplyError> {
    let Some(entry) = entry else {
        views.pass(record);
        return Ok(());
    };
    let at = At::of_record(record);
    views.apply(record, &at, &entry.event).map_err(|error| ApplyError::new(record.seq(), &error))
}
