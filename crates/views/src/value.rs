//! How disposable values are spelled: saved views, values of the cache.
//!
//! Lives here: the one use of bincode. Lives elsewhere: what stands in a value (each view, `store`).
//!
//! Always: nothing is decoded before whoever kept it has compared its hash: for a value of the cache
//! that is the head below, over key and body; for saved views it is the caller. Decoding has a limit and
//! ends in an error, never in a panic.

use std::io::{self, Read, Write};

use bincode::Options;
use ledger::ids::{Ascii, Source, Unit};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::table::No;

/// Writes values one behind the other.
pub(crate) struct Out<'a>(pub(crate) &'a mut dyn Write);

impl Out<'_> {
    pub(crate) fn put<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        options().serialize_into(&mut *self.0, value).map_err(|error| io_error(*error))
    }
}

/// Reads values that were written so.
pub(crate) struct In<'a>(pub(crate) &'a mut dyn Read);

impl In<'_> {
    pub(crate) fn take<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        options().deserialize_from(&mut *self.0).map_err(|error| io_error(*error))
    }
}

fn io_error(error: bincode::ErrorKind) -> io::Error {
    match error {
        bincode::ErrorKind::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

/// A value that this version does not know.
pub(crate) fn invalid() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

/// What is kept of a value: the types of the domain know nothing of how they are kept.
pub(crate) trait Plain: Sized {
    /// What is written.
    type Form: Serialize + DeserializeOwned;

    fn plain(&self) -> Self::Form;

    /// Returns the value; `None` for one that this version does not know.
    fn of_plain(form: Self::Form) -> Option<Self>;
}

/// Values that are kept as they are.
macro_rules! plain {
    ($($value:ty),* $(,)?) => {
        $(impl $crate::value::Plain for $value {
            type Form = Self;

            fn plain(&self) -> Self {
                *self
            }

            fn of_plain(form: Self) -> Option<Self> {
                Some(form)
            }
        })*
    };
}
pub(crate) use plain;

plain!(u16, u64, i64, No, ());

impl<const N: usize> Plain for Ascii<N> {
    type Form = String;

    fn plain(&self) -> String {
        self.to_string()
    }

    fn of_plain(form: String) -> Option<Self> {
        Self::new(&form)
    }
}

impl Plain for Source {
    type Form = u8;

    fn plain(&self) -> u8 {
        u8::try_from(self.index()).unwrap_or(u8::MAX)
    }

    fn of_plain(form: u8) -> Option<Self> {
        Self::ALL.get(usize::from(form)).copied()
    }
}

impl Plain for Unit {
    type Form = u64;

    fn plain(&self) -> u64 {
        self.code()
    }

    fn of_plain(form: u64) -> Option<Self> {
        Self::of_code(form)
    }
}

impl<T: Plain> Plain for Option<T> {
    type Form = Option<T::Form>;

    fn plain(&self) -> Self::Form {
        self.as_ref().map(T::plain)
    }

    fn of_plain(form: Self::Form) -> Option<Self> {
        form.map_or(Some(None), |form| T::of_plain(form).map(Some))
    }
}

/// Tuples part by part.
macro_rules! tuple {
    ($($part:ident $field:tt),*) => {
        impl<$($part: Plain),*> Plain for ($($part,)*) {
            type Form = ($($part::Form,)*);

            fn plain(&self) -> Self::Form {
                ($(self.$field.plain(),)*)
            }

            fn of_plain(form: Self::Form) -> Option<Self> {
                Some(($($part::of_plain(form.$field)?,)*))
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);

const MAGIC: u8 = 0xc7;
/// Raised whenever a value's layout changes; the views' version stands beside it.
const SCHEMA: u8 = 2;
const HEAD_BYTES: usize = 11;

/// Most bytes of one value that is decoded: far above a checkpoint of the province.
pub(crate) const BODY_BYTES_MAX: u64 = 1 << 30;

fn options() -> impl Options {
    bincode::DefaultOptions::new().with_varint_encoding().with_limit(BODY_BYTES_MAX)
}

/// Returns the bytes of a value; `None` when it passes the limit.
pub(crate) fn encode<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    options().serialize(value).ok()
}

/// Returns the value of bytes that were encoded here.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    options().deserialize(bytes).ok()
}

/// Puts the head before a body.
pub(crate) fn seal(key: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len().saturating_add(HEAD_BYTES));
    out.extend_from_slice(&[MAGIC, SCHEMA, crate::VERSION]);
    out.extend_from_slice(&hash(key, body));
    out.extend_from_slice(body);
    out
}

/// Returns the body behind its head; `None` when anything about it is wrong.
pub(crate) fn open<'a>(key: &[u8], bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (head, body) = bytes.split_at_checked(HEAD_BYTES)?;
    let [magic, schema, version, found @ ..] = head else { return None };
    let known = (*magic, *schema, *version) == (MAGIC, SCHEMA, crate::VERSION);
    (known && *found == hash(key, body)).then_some(body)
}

fn hash(key: &[u8], body: &[u8]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&u64::try_from(key.len()).unwrap_or(0).to_le_bytes()).update(key).update(body);
    let mut out = [0; 8];
    hasher.finalize_xof().fill(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_seen() {
        let sealed = seal(b"key", b"body of a value");
        assert_eq!(open(b"key", &sealed), Some(&b"body of a value"[..]));
        assert_eq!(open(b"kex", &sealed), None);
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(b"key", &damaged), None, "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert_eq!(open(b"key", &sealed[..len]), None);
        }
        assert_eq!(open(b"key", &[sealed, vec![0]].concat()), None);
    }

    #[test]
    fn what_was_never_encoded_does_not_decode() {
        let value = (7_u64, vec![-1_i64, 2, 300], "text".to_owned());
        let bytes = encode(&value).unwrap();
        assert_eq!(decode::<(u64, Vec<i64>, String)>(&bytes), Some(value));
        assert_eq!(decode::<(u64, Vec<i64>, String)>(&bytes[1..]), None);
        // A length that no memory holds.
        assert_eq!(decode::<Vec<u64>>(&[253, 255, 255, 255, 255, 255, 255, 255, 127]), None);
    }
}
