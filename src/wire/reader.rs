//! Protobuf's wire format, read strictly: varints, tags, lengths.
//!
//! Lives here: bytes of one message, cut into fields.
//! Lives elsewhere: which fields a message has (`wire`).
//!
//! Always: every failure names the byte; nothing is skipped. What is legal and not canonical (long
//! varints, any order of fields) is read.
//! Source: protobuf's encoding specification.

use super::Fault;

/// How a field's value is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WireType {
    /// A number of 1 to 10 bytes.
    Varint,
    /// A length and so many bytes.
    Bytes,
    /// Anything that no field of ours has: fixed widths and groups.
    Other(u8),
}

/// Number and layout of the field that follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    pub(super) number: u32,
    pub(super) wire_type: WireType,
    /// Where the tag stands.
    pub(super) at: usize,
}

/// A cold failure: boxed, so that a number that was read stays in registers.
pub(super) type Read<T> = Result<T, Box<Fault>>;

/// A cursor over one message, or one message within another. Offsets are those of the outermost.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The whole of a message.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Where the next byte stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Whether all is read.
    pub(super) fn is_done(&self) -> bool {
        self.bytes.len() <= self.at
    }

    /// Returns the next field's tag; `None` at the end.
    #[inline]
    pub(super) fn tag(&mut self) -> Read<Option<Tag>> {
        if self.is_done() {
            return Ok(None);
        }
        let at = self.at;
        let key = self.varint()?;
        let wire_type = match key & 7 {
            0 => WireType::Varint,
            2 => WireType::Bytes,
            other => WireType::Other(u8::try_from(other).unwrap_or(7)),
        };
        // 29 bits of number, 3 of layout.
        match u32::try_from(key >> 3) {
            Ok(number @ 1..=0x1fff_ffff) if !matches!(wire_type, WireType::Other(6..)) => {
                Ok(Some(Tag { number, wire_type, at }))
            }
            _ => Err(malformed(at, format!("{key} is no tag"))),
        }
    }

    /// Returns the next varint.
    #[inline]
    pub(super) fn varint(&mut self) -> Read<u64> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at = self.at.saturating_add(1);
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Read<u64> {
        let start = self.at;
        let mut value = 0_u64;
        for shift in (0..70_u32).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(malformed(self.at, "the message ends inside a number".to_owned()));
            };
            self.at = self.at.saturating_add(1);
            // The tenth byte holds the 64th bit and nothing else.
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(malformed(start, "a number is longer than 64 bits".to_owned()))
    }

    /// Returns the bytes of a length-delimited value and where they stand.
    #[inline]
    pub(super) fn bytes(&mut self) -> Read<(&'a [u8], usize)> {
        let inner = self.message()?;
        Ok((inner.bytes.get(inner.at..).unwrap_or_default(), inner.at))
    }

    /// Returns a cursor over a length-delimited message.
    #[inline]
    pub(super) fn message(&mut self) -> Read<Self> {
        let at = self.at;
        let len = self.varint()?;
        let start = self.at;
        let end = usize::try_from(len).ok().and_then(|len| start.checked_add(len));
        // The outer bytes up to the end of the inner ones: offsets stay those of the outermost message.
        match end.and_then(|end| Some((end, self.bytes.get(..end)?))) {
            Some((end, bytes)) => {
                self.at = end;
                Ok(Self { bytes, at: start })
            }
            None => Err(malformed(at, format!("a length of {len} bytes passes the end"))),
        }
    }
}

/// The cold path of every failure.
#[cold]
#[expect(clippy::unnecessary_box_returns, reason = "failures travel boxed")]
pub(super) fn malformed(offset: usize, what: String) -> Box<Fault> {
    Box::new(Fault::Malformed { offset, what })
}
