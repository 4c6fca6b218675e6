//! The position of a record in its log.

use std::fmt;

/// Position of a record, from 0 without gaps; also its leaf index in the Merkle tree.
///
/// A position is not a size: "as of N" means records `0..=N`, a tree of size N + 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// Returns the next position. The last representable one has none: it returns itself, which
    /// no record may carry (`RecordError::SeqOutOfRange`), so a chain cannot go on from there.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the position `records` further on, saturating like [`Seq::next`].
    #[must_use]
    pub fn after(self, records: u64) -> Self {
        Self(self.0.saturating_add(records))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
