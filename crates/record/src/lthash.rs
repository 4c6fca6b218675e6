//! LtHash16 over BLAKE3: a digest of a set of rows that a change of one row updates.
//!
//! State = 1,024 lanes of 16 bits, zero for the empty view. A row expands to 1,024 lanes, added
//! when it appears and subtracted when it goes, so the digest depends on content, not on history
//! or order, and shards add up. The weak spot of LtHash, multisets, cannot occur: a view's keys
//! are unique.
//!
//! Source: Bellare-Micciancio 1997; Lewi, Kim, Maykov, Weis, eprint 2019/227; `docs/format.md`.

use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, hash_derive_key_context};

use crate::context;
use crate::hash::{Hash, hasher};

const LANES: usize = 1_024;
const STATE_BYTES: usize = 2 * LANES;

static ROW_KEY: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context(context::VIEW_ROW));
static DIGEST_KEY: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context(context::VIEW_DIGEST));

/// The state of one view's digest.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash([u16; LANES]);

impl LtHash {
    /// The empty view.
    pub const fn new() -> Self {
        Self([0; LANES])
    }

    /// Takes a row in: `u16 view || u16 key length || key || value`.
    pub fn add_row(&mut self, row: &[u8]) {
        self.mix(&expand(row), u16::wrapping_add);
    }

    /// Takes a row out that was taken in before.
    pub fn sub_row(&mut self, row: &[u8]) {
        self.mix(&expand(row), u16::wrapping_sub);
    }

    /// Takes in all rows of another shard of the same view.
    pub fn add(&mut self, other: &Self) {
        for (lane, more) in self.0.iter_mut().zip(other.0) {
            *lane = lane.wrapping_add(more);
        }
    }

    fn mix(&mut self, lanes: &[u8; STATE_BYTES], op: impl Fn(u16, u16) -> u16) {
        let (pairs, _) = lanes.as_chunks::<2>();
        for (lane, bytes) in self.0.iter_mut().zip(pairs) {
            *lane = op(*lane, u16::from_le_bytes(*bytes));
        }
    }

    /// Returns the lanes, little-endian.
    pub fn state(&self) -> [u8; STATE_BYTES] {
        let mut out = [0; STATE_BYTES];
        let (pairs, _) = out.as_chunks_mut::<2>();
        for (bytes, lane) in pairs.iter_mut().zip(self.0) {
            *bytes = lane.to_le_bytes();
        }
        out
    }

    /// Makes a state of the lanes that [`LtHash::state`] returned; `None` when they are not 2,048 bytes.
    pub fn of_state(state: &[u8]) -> Option<Self> {
        let (pairs, []) = state.as_chunks::<2>() else { return None };
        let mut out = Self::new();
        if pairs.len() != LANES {
            return None;
        }
        for (lane, bytes) in out.0.iter_mut().zip(pairs) {
            *lane = u16::from_le_bytes(*bytes);
        }
        Some(out)
    }

    /// Returns the digest of view number `view` with `rows` rows.
    pub fn view_digest(&self, view: u16, rows: u64) -> Hash {
        let mut hasher = hasher(&DIGEST_KEY);
        hasher.update(&view.to_le_bytes());
        hasher.update(&rows.to_le_bytes());
        hasher.update(&self.state());
        *hasher.finalize().as_bytes()
    }
}

impl Default for LtHash {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for LtHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LtHash(1,024 lanes)")
    }
}

fn expand(row: &[u8]) -> [u8; STATE_BYTES] {
    let mut out = [0; STATE_BYTES];
    hasher(&ROW_KEY).update(row).finalize_xof().fill(&mut out);
    out
}

/// Returns the digest of all views, whatever order they are given in.
pub fn views_digest(views: &[(u16, Hash)]) -> Hash {
    let mut sorted = views.to_vec();
    sorted.sort_unstable();
    let mut hasher = blake3::Hasher::new_derive_key(context::VIEWS);
    for (view, digest) in sorted {
        hasher.update(&view.to_le_bytes());
        hasher.update(&digest);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same lanes with plain BLAKE3 in place of our context: what the vectors were made with.
    fn plain(input: &str) -> [u8; STATE_BYTES] {
        let mut out = [0; STATE_BYTES];
        blake3::Hasher::new().update(input.as_bytes()).finalize_xof().fill(&mut out);
        out
    }

    #[test]
    fn lanes_are_those_of_other_peoples_lthash() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../tests/data/lthash16_blake3.json")).unwrap();
        let cases = file["vectors"].as_array().unwrap();
        for case in cases {
            let name = case["input"].as_str().unwrap();
            let mut lanes = LtHash::new();
            for input in name.split(" + ").filter(|input| *input != "identity") {
                lanes.mix(&plain(input), u16::wrapping_add);
            }
            let hex = |lane: &u16| format!("{lane:04x}");
            if let Some(first) = case["first_16_lanes_hex"].as_array() {
                assert_eq!(lanes.0[..16].iter().map(hex).collect::<Vec<_>>(), first[..]);
                assert_eq!(hex(&lanes.0[1_023]), case["last_lane_hex"]);
            }
            let checksum = blake3::hash(&lanes.state()).to_hex();
            assert_eq!(checksum.as_str(), case["checksum"], "{name}");
            for input in name.split(" + ").filter(|input| *input != "identity") {
                lanes.mix(&plain(input), u16::wrapping_sub);
            }
            assert!(lanes == LtHash::new());
        }
        assert_eq!(cases.len(), 4);
    }

    #[test]
    fn a_row_expands_under_our_context() {
        let mut out = [0; STATE_BYTES];
        let mut hasher = blake3::Hasher::new_derive_key("mingzhang 2026-11-24 view row v1");
        hasher.update(b"row").finalize_xof().fill(&mut out);
        assert_eq!(expand(b"row"), out);
    }
}
