//! Events to stored messages and back.
//!
//! Lives here: the only files that name `proto::log::v1`.
//! Lives elsewhere: envelope and legs as bytes (`record`), what an event does (`event`).
//!
//! Always: what is sealed decodes to the event it was made of; any bytes decode to an event or to a named
//! error, never to a panic; hot kinds reuse their messages, so a line costs no allocation.

mod access;
mod finding;
mod loan;
mod money;
mod period;
mod project;
mod registry;
mod reversal;
mod rules;

use prost::Message;
use record::{Draft, DraftError, Record};
use thiserror::Error;

use crate::event::{Common, Entry, Event};
use crate::ids::Date;
use crate::kind::Kind;
use money::Scratch;

/// Why a record says nothing that this version knows.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum DecodeError {
    /// No event of this version has this kind.
    #[error("kind {0} is not known to this version")]
    Kind(u16),
    /// The payload is no message of the kind.
    #[error("payload: {0}")]
    Payload(String),
    /// The payload is a message, but not spelled as this program spells it.
    #[error("payload is not in canonical form")]
    NotCanonical,
    /// A field holds nothing that it may hold.
    #[error("field {0} holds nothing that it may hold")]
    Field(&'static str),
    /// The legs are not those of the kind.
    #[error("legs are not those of a {0}")]
    Legs(Kind),
}

/// Returns the value, or says which field holds nothing it may hold.
pub(crate) fn need<T>(field: &'static str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Field(field))
}

/// A date as it is stored, in days since 1970-01-01.
pub(crate) fn days(date: Date) -> i32 {
    i32::try_from(date.0).unwrap_or(i32::MAX)
}

/// A stored date.
pub(crate) fn of_days(field: &'static str, days: i32) -> Result<Date, DecodeError> {
    need(field, u32::try_from(days).ok().map(Date))
}

/// A body as a message of its kind.
pub(crate) trait Payload: Sized {
    /// The message.
    type Message: Message + Default + PartialEq;

    /// Sets every field of a message; what stood there before is of no use but its buffers.
    fn fill(&self, common: &Common, message: &mut Self::Message);

    /// Reads a message. Money reads its legs off the record.
    fn read(message: &Self::Message, record: &Record<'_>) -> Result<(Self, Common), DecodeError>;

    /// The messages that are reused, of a hot kind: one to write, one to read back.
    fn slot(_: &mut Scratch) -> Option<&mut [Self::Message; 2]> {
        None
    }
}

/// Encodes and decodes; owns the messages that are reused.
#[derive(Default)]
pub struct Codec {
    scratch: Scratch,
    spare: Vec<u8>,
}

impl Codec {
    /// A codec with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry's record to a draft.
    ///
    /// # Errors
    /// [`DraftError`]: a record with too many bytes or legs. Nothing is appended then.
    pub fn encode(
        &mut self,
        entry: &Entry,
        date: Date,
        draft: &mut Draft,
    ) -> Result<(), DraftError> {
        draft.begin(entry.event.kind().number(), date.0);
        for (account, fen) in entry.event.legs().as_slice() {
            draft.leg(fen.get(), |out| account.write(out));
        }
        self.write_payload(entry, draft.payload());
        draft.finish()
    }

    /// Reads a record of a domain kind.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(&mut self, record: &Record<'_>) -> Result<Entry, DecodeError> {
        let number = record.kind();
        let kind = Kind::of_number(number).ok_or(DecodeError::Kind(number))?;
        self.read_payload(kind, record)
    }

    /// Whether a record's payload is spelled as this program spells it.
    ///
    /// # Errors
    /// [`DecodeError::NotCanonical`] when it is not; else as [`Codec::decode`].
    pub fn check_canonical(&mut self, record: &Record<'_>) -> Result<Entry, DecodeError> {
        let entry = self.decode(record)?;
        let mut bytes = Vec::with_capacity(record.payload().len());
        self.write_payload(&entry, &mut bytes);
        if bytes == record.payload() { Ok(entry) } else { Err(DecodeError::NotCanonical) }
    }
}

/// Appends a payload to an empty buffer, reads it back, writes that and compares: nothing is sealed that
/// a reader would take for something else.
///
/// Bytes are compared and not messages: comparing an empty vector that never held anything costs more
/// than 100 ns where the comparison is done by masked loads.
///
/// # Panics
/// When it reads back differently. That is a fault of this program, and must stop before a sync.
fn write<P: Payload>(
    body: &P,
    common: &Common,
    [message, again]: &mut [P::Message; 2],
    spare: &mut Vec<u8>,
    out: &mut Vec<u8>,
) {
    body.fill(common, message);
    message.encode_raw(out);
    again.clear();
    let read = again.merge(out.as_slice());
    spare.clear();
    again.encode_raw(spare);
    assert!(read.is_ok() && spare == out, "a payload reads back as it was written");
}

fn read<P: Payload>(
    message: &mut P::Message,
    record: &Record<'_>,
) -> Result<(P, Common), DecodeError> {
    message.clear();
    message.merge(record.payload()).map_err(|e| DecodeError::Payload(e.to_string()))?;
    P::read(message, record)
}

/// The arms of encoding and decoding, one an event.
macro_rules! arms {
    ($($name:ident($file:ident)),* $(,)?) => {
        impl Codec {
            fn write_payload(&mut self, entry: &Entry, out: &mut Vec<u8>) {
                let common = &entry.common;
                match &entry.event {
                    $(Event::$name(body) => {
                        match <crate::event::$file::$name as Payload>::slot(&mut self.scratch) {
                            Some(messages) => write(body, common, messages, &mut self.spare, out),
                            None => write(body, common, &mut Default::default(), &mut self.spare, out),
                        }
                    })*
                }
            }

            fn read_payload(&mut self, kind: Kind, record: &Record<'_>) -> Result<Entry, DecodeError> {
                match kind {
                    $(Kind::$name => {
                        type Body = crate::event::$file::$name;
                        let (body, common) = match Body::slot(&mut self.scratch) {
                            Some([message, _]) => read::<Body>(message, record)?,
                            None => read::<Body>(&mut Default::default(), record)?,
                        };
                        Ok(Entry { event: Event::$name(body), common })
                    })*
                    other => Err(DecodeError::Kind(other.number())),
                }
            }
        }
    };
}
crate::event::for_each_event!(arms);

/// Sets the fields that every message has.
macro_rules! common {
    ($message:ident, $common:ident) => {
        $message.skipped.clear();
        $message.skipped.extend($common.skipped.iter().map(|code| u32::from(*code)));
        $message.memo.clear();
        $message.memo.push_str(&$common.memo);
    };
}
pub(crate) use common;

/// Reads the fields that every message has.
macro_rules! read_common {
    ($message:ident) => {{
        let codes = $message.skipped.iter().map(|code| u16::try_from(*code).ok());
        let skipped = crate::codec::need("skipped", codes.collect::<Option<Vec<u16>>>())?;
        crate::event::Common { skipped, memo: $message.memo.as_str().into() }
    }};
}
pub(crate) use read_common;
