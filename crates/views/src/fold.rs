//! Folding the log to a position or a day, from the beginning or from a checkpoint.

use ledger::codec::Codec;
use ledger::event::At;
use record::{Record, Seq, system};
use thiserror::Error;

use crate::drift::Drift;
use crate::history::{AsOf, HistoryError, Log, each_record};
use crate::projection::Projection;

/// A fold that did not reach its position.
#[derive(Debug, Error)]
pub enum FoldError {
    /// The log cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A record does not fit what was before it.
    #[error("record {seq}: {drift}")]
    Drift {
        /// Which record.
        seq: Seq,
        /// What is wrong.
        drift: Drift,
    },
}

/// Folds the records behind `start` up to a position; of a day, those dated later without their sums.
///
/// `start` is an empty projection or one of an earlier position. Of a day it must hold no record dated
/// later: see [`Projection::last_date`].
///
/// # Errors
/// [`FoldError`].
pub fn fold(log: &dyn Log, start: Projection, as_of: AsOf) -> Result<Projection, FoldError> {
    let (mut codec, mut views) = (Codec::new(), start);
    let mut failed = None;
    let from = views.next_seq();
    if as_of.position < from {
        return Ok(views);
    }
    each_record(log, from, as_of.position, &mut |record| match step(
        &mut views, &mut codec, record, &as_of,
    )? {
        Ok(()) => Ok(true),
        Err(drift) => {
            failed = Some(FoldError::Drift { seq: record.seq(), drift });
            Ok(false)
        }
    })?;
    failed.map_or(Ok(views), Err)
}

/// Applies one record of a fold.
pub(crate) fn step(
    views: &mut Projection,
    codec: &mut Codec,
    record: &Record<'_>,
    as_of: &AsOf,
) -> Result<Result<(), Drift>, HistoryError> {
    if system::is_system(record.kind()) {
        views.pass(record);
        return Ok(Ok(()));
    }
    let at = At::of_record(record);
    let decoded = codec.decode(record);
    let entry = decoded.map_err(|error| HistoryError::Decode { seq: at.seq, error })?;
    Ok(views.apply_as(&at, &entry.event, as_of.counts(at.date)))
}
