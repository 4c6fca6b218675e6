//! The little of protobuf that the format's own payloads use: varints and length-delimited fields
//! with numbers below 16.

use thiserror::Error;

use crate::hash::Hash;

/// Why a payload of the format's own kinds cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the message of each variant says what its fields mean")]
pub enum PayloadError {
    #[error("payload ends within a field")]
    Cut,
    #[error("a number of more than 64 bits")]
    Varint,
    #[error("field {field} is not of this message, or of another type")]
    UnknownField { field: u64 },
    #[error("field {field}: {found}, {min} to {max} allowed")]
    Range { field: u64, found: u64, min: u64, max: u64 },
    #[error("field {field} is not UTF-8")]
    Text { field: u64 },
    #[error("field {field}: {found} bytes, 32 expected")]
    HashLength { field: u64, found: usize },
    #[error("not in canonical form")]
    NotCanonical,
}

/// One field's value.
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

impl Value<'_> {
    pub(crate) fn text(field: u64, bytes: &[u8]) -> Result<String, PayloadError> {
        String::from_utf8(bytes.to_vec()).map_err(|_| PayloadError::Text { field })
    }

    pub(crate) fn hash(field: u64, bytes: &[u8]) -> Result<Hash, PayloadError> {
        bytes.try_into().map_err(|_| PayloadError::HashLength { field, found: bytes.len() })
    }

    pub(crate) fn u32(field: u64, n: u64) -> Result<u32, PayloadError> {
        let max = u64::from(u32::MAX);
        u32::try_from(n).map_err(|_| PayloadError::Range { field, found: n, min: 0, max })
    }
}

/// The fields of a message as they stand; ends after the first error.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn varint(&mut self) -> Result<u64, PayloadError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(PayloadError::Cut)?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && 1 < *byte {
                return Err(PayloadError::Varint);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(PayloadError::Varint)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), PayloadError> {
        let tag = self.varint()?;
        let field = tag >> 3;
        match tag & 7 {
            0 => Ok((field, Value::Varint(self.varint()?))),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| PayloadError::Cut)?;
                let (bytes, rest) = self.0.split_at_checked(len).ok_or(PayloadError::Cut)?;
                self.0 = rest;
                Ok((field, Value::Bytes(bytes)))
            }
            _ => Err(PayloadError::UnknownField { field }),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), PayloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Writes a message's fields, in the order of the calls.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Writes a number, unless it is 0: proto3 leaves defaults out.
    pub(crate) fn varint(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.0.push(field << 3);
            self.raw_varint(value);
        }
    }

    /// Writes bytes, unless they are empty.
    pub(crate) fn bytes(&mut self, field: u8, value: &[u8]) {
        if !value.is_empty() {
            self.item(field, value);
        }
    }

    /// Writes bytes, empty or not: an item of a repeated field, or a hash.
    pub(crate) fn item(&mut self, field: u8, value: &[u8]) {
        self.0.push(field << 3 | 2);
        self.raw_varint(u64::try_from(value.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(value);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn raw_varint(&mut self, mut value: u64) {
        while 0x80 <= value {
            self.0.push(value.to_le_bytes().first().copied().unwrap_or_default() | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes().first().copied().unwrap_or_default());
    }
}
