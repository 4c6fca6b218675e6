//! How values of the cache are spelled: checked before they are read.
//!
//! Lives here: the one use of bincode, whose values are disposable. Lives elsewhere: keys (`store`).
//!
//! Always: magic, version and the first 8 bytes of BLAKE3 over key and body stand before the body, and
//! are compared before a byte of it is decoded; decoding has a limit.

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;

const MAGIC: u8 = 0xc7;
/// Raised whenever a value's layout changes; the views' version stands beside it.
const SCHEMA: u8 = 1;
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
