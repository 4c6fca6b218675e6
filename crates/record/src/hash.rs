//! Chain hashes, salts and the China date: the small functions that every record needs.

use std::fmt;
use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

use crate::context;
use crate::seq::Seq;

/// A 32-byte BLAKE3 or SHA-256 hash.
pub type Hash = [u8; 32];

/// The `prev` of record 0, and the head of an empty log.
pub const ZERO_HASH: Hash = [0; 32];

/// Milliseconds that China is ahead of UTC, without daylight saving time.
const CHINA_OFFSET_MS: u64 = 28_800_000;
const DAY_MS: u64 = 86_400_000;

// `blake3::derive_key` hashes its context each time, a quarter of the cost of a record. The key
// of a context never changes, so it is computed once a process.
static RECORD_KEY: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context(context::RECORD));

/// Returns a hasher in `derive_key` mode for a context whose key was computed before.
pub(crate) fn hasher(key: &ContextKey) -> blake3::Hasher {
    blake3::Hasher::new_from_context_key(key)
}

/// Returns the chain hash of a whole record, which is the next record's `prev`.
pub fn chain_hash(record: &[u8]) -> Hash {
    *hasher(&RECORD_KEY).update(record).finalize().as_bytes()
}

/// Returns the salt of the record at `seq` that follows `prev`.
///
/// Derived and not drawn: equal input with an equal key gives equal bytes, and whoever lacks the
/// key cannot guess a neighbour's leaf from a proof. Opaque to every verifier.
pub fn salt(key: &[u8; 32], seq: Seq, prev: &Hash) -> [u8; 16] {
    let mut input = [0; 40];
    crate::layout::set::<0, 8, 40>(&mut input, seq.0.to_le_bytes());
    crate::layout::set::<8, 32, 40>(&mut input, *prev);
    let hash = blake3::keyed_hash(key, &input);
    crate::layout::field::<0, 16, 32>(hash.as_bytes())
}

/// Returns the China civil date of a time, in days since 1970-01-01.
pub fn china_date(time_ms: u64) -> u32 {
    u32::try_from(time_ms.saturating_add(CHINA_OFFSET_MS) / DAY_MS).unwrap_or(u32::MAX)
}

/// Returns the id of a log, by which a segment names the log it belongs to.
pub fn log_id(origin: &str) -> Hash {
    blake3::derive_key(context::LOG_ID, origin.as_bytes())
}

/// Shows a hash in lower-case hex, as `b3sum` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hex<'a>(pub &'a Hash);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
