//! The log as reports read it: lines of chosen kinds with their voucher's header, reversed ones apart.
//!
//! Always: a record that is reversed within what is asked for, and its reversal, are left out together by
//! whoever asks [`reversed`] first; nothing is decoded that is not of a kind that was asked for.

use std::collections::BTreeSet;

use ledger::codec::Codec;
use ledger::event::money::VoucherPosted;
use ledger::event::{At, Entry, Event};
use ledger::kind::Kind;
use record::{Record, Seq};

use super::{Given, ReportError};
use crate::history::{HistoryError, each_record};

/// A line of a voucher.
pub(super) struct Line<'a> {
    pub(super) at: At,
    pub(super) record: &'a Record<'a>,
    pub(super) entry: &'a Entry,
    pub(super) header: &'a VoucherPosted,
}

impl Line<'_> {
    /// Its number within its voucher.
    pub(super) fn line_no(&self) -> u16 {
        self.record.part()
    }

    /// How people name it: organisation, voucher number, line.
    pub(super) fn reference(&self) -> String {
        let VoucherPosted { organisation, voucher_no, .. } = self.header;
        format!("{organisation}/{voucher_no}/{}", self.line_no())
    }
}

/// What reads a line.
pub(super) type Each<'a> = &'a mut dyn FnMut(&Line<'_>) -> Result<(), ReportError>;

/// Reads the headers of lines, each once, and only where a line of its voucher is read.
#[derive(Default)]
struct Reader {
    codec: Codec,
    bytes: Vec<u8>,
    header: Option<VoucherPosted>,
}

impl Reader {
    /// Keeps a header record unread.
    fn keep(&mut self, record: &Record<'_>) {
        self.header = None;
        self.bytes.clear();
        self.bytes.extend_from_slice(record.bytes());
    }

    fn decode(&mut self, record: &Record<'_>) -> Result<Entry, HistoryError> {
        let seq = record.seq();
        self.codec.decode(record).map_err(|error| HistoryError::Decode { seq, error })
    }

    fn line(&mut self, record: &Record<'_>, each: Each<'_>) -> Result<(), ReportError> {
        let entry = self.decode(record)?;
        let header = if let Some(header) = self.header.take() {
            header
        } else {
            let (bytes, seq) = (std::mem::take(&mut self.bytes), record.seq());
            let kept =
                Record::parse(&bytes).map_err(|error| HistoryError::Record { seq, error })?;
            match self.decode(&kept)?.event {
                Event::VoucherPosted(header) => header,
                _ => return Err(ReportError::NoHeader { seq }),
            }
        };
        let line = Line { at: At::of_record(record), record, entry: &entry, header: &header };
        let done = each(&line);
        self.header = Some(header);
        done
    }
}

/// Calls `each` with every line of these kinds that counts, in the order of the log.
pub(super) fn each_line(
    given: &Given<'_>,
    kinds: &[Kind],
    each: Each<'_>,
) -> Result<(), ReportError> {
    let wanted: BTreeSet<u16> = kinds.iter().map(|kind| kind.number()).collect();
    let (mut reader, mut failed) = (Reader::default(), None);
    each_record(given.log, Seq(0), given.as_of.position, &mut |record| {
        if record.kind() == Kind::VoucherPosted.number() {
            reader.keep(record);
        } else if wanted.contains(&record.kind())
            && given.as_of.counts(ledger::ids::Date(record.date()))
            && let Err(error) = reader.line(record, each)
        {
            failed = Some(error);
            return Ok(false);
        }
        Ok(true)
    })?;
    failed.map_or(Ok(()), Err)
}

/// Calls `each` with the line at a position.
pub(super) fn line_at(given: &Given<'_>, seq: Seq, each: Each<'_>) -> Result<(), ReportError> {
    let mut bytes = Vec::new();
    each_record(given.log, seq, seq, &mut |record| {
        bytes.extend_from_slice(record.bytes());
        Ok(false)
    })?;
    let record = Record::parse(&bytes).map_err(|error| HistoryError::Record { seq, error })?;
    let first = Seq(seq.0.saturating_sub(record.part().into()));
    let mut reader = Reader::default();
    each_record(given.log, first, first, &mut |header| {
        reader.keep(header);
        Ok(false)
    })?;
    reader.line(&record, each)
}

/// Returns the positions of the records that a reversal undoes, within what is asked for.
pub(super) fn reversed(given: &Given<'_>) -> Result<BTreeSet<Seq>, ReportError> {
    let mut found = BTreeSet::new();
    each_line(given, &[Kind::Reversed], &mut |line| {
        if let Event::Reversed(reversed) = &line.entry.event {
            found.insert(reversed.original.seq);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Calls `each` with every record that counts, undecoded.
pub(super) fn each_counted(
    given: &Given<'_>,
    each: &mut dyn FnMut(&Record<'_>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let mut failed = None;
    each_record(given.log, Seq(0), given.as_of.position, &mut |record| {
        if given.as_of.counts(ledger::ids::Date(record.date()))
            && let Err(error) = each(record)
        {
            failed = Some(error);
            return Ok(false);
        }
        Ok(true)
    })?;
    failed.map_or(Ok(()), Err)
}

/// Calls `each` with every record that counts and is neither reversed nor a reversal, undecoded.
pub(super) fn each_standing(
    given: &Given<'_>,
    each: &mut dyn FnMut(&Record<'_>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let undone = reversed(given)?;
    each_counted(given, &mut |record| {
        let stands = record.kind() != Kind::Reversed.number() && !undone.contains(&record.seq());
        if stands { each(record) } else { Ok(()) }
    })
}
