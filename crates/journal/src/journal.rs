//! What every store of blocks promises, whatever its medium.
//!
//! Lives here: the traits `Journal` and `Reader`, and the types that carry proof.
//! Lives elsewhere: the implementations (`segments`), the suite that each of them passes
//! (`conformance`).

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use record::{Block, Hash, Seq, ZERO_HASH};

use crate::error::Error;

/// A fencing token: who writes under an older one is refused. Counts from 1; an empty log has 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The end of the durable log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position that the next record gets; also the number of records.
    pub next_seq: Seq,
    /// Chain hash of the last record; zeros for an empty log.
    pub hash: Hash,
    /// Fencing token of the last writer; 0 for an empty log.
    pub epoch: u64,
}

impl Head {
    /// The head of a log without records.
    pub const EMPTY: Self = Self { next_seq: Seq(0), hash: ZERO_HASH, epoch: 0 };
}

/// Something that a sync which has returned made durable. Nothing outside this crate can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durable<T>(T);

impl<T> Durable<T> {
    /// To be called after the sync returned, and nowhere else.
    pub(crate) fn synced(value: T) -> Self {
        Self(value)
    }

    /// Gives up the proof.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Durable<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The truth: an append-only sequence of blocks with one writer at a time.
///
/// An implementation must guarantee, power cuts included, that
/// - a block is there whole or not at all, and stays for ever once `append` returned it;
/// - blocks chain: each follows the head that its writer named;
/// - of two holders only the one with the newer epoch can append;
/// - after an [`Error::Unknown`] the truth is found by taking a new epoch first and then reading
///   the head, in a new process if need be; a retry without that may post twice.
///
/// `conformance::check_all` holds an implementation to it.
pub trait Journal: Send {
    /// Becomes the writer: takes the epoch after the last one seen, so that older holders get
    /// [`Error::Fenced`] from now on. Blocks to come carry the epoch returned.
    ///
    /// # Errors
    /// `Unavailable` after a failed write.
    fn acquire(&mut self) -> Result<Epoch, Error>;

    /// Appends one block behind `expected_head`, in one write and one sync, and returns it when it
    /// is durable.
    ///
    /// # Errors
    /// With nothing written: `Fenced` (no or an older epoch), `Conflict` (the head is another, or
    /// the block does not continue it), `TooLarge`, `DiskFull` (no room for the next segment; the
    /// ledger goes on when space is freed), `Unavailable` (an earlier write failed). `Unknown`: the
    /// write or its sync failed. The block may be there after a restart, or not.
    fn append(
        &mut self,
        expected_head: &Hash,
        block: Arc<Block>,
    ) -> Result<Durable<Arc<Block>>, Error>;

    /// Returns the end of the durable log.
    fn head(&self) -> Head;

    /// Returns a reader that sees the durable blocks, now and as they come, beside the writer.
    fn reader(&self) -> Box<dyn Reader>;

    /// Ends cleanly: leaves the marker that the log ends at its head, and appends nothing more. What keeps
    /// other writers away is held until the journal is dropped.
    ///
    /// # Errors
    /// `Unavailable` when the marker could not be written or an earlier write failed, `Fenced` when
    /// somebody else is the writer. The log is as durable as it was; the next start is an unclean
    /// one.
    fn close(&mut self) -> Result<(), Error>;
}

/// Blocks in order, from some position to the durable head. After `None` a later call may give
/// more.
pub type Blocks = Box<dyn Iterator<Item = Result<Arc<Block>, Error>> + Send>;

/// Reads durable blocks; cheap to clone, and never waits for a sync.
///
/// Checksums of what is returned were checked, and that the block holds as many records as it says;
/// hashes were not recomputed: chain and links are the caller's to check.
pub trait Reader: Send + Sync {
    /// Returns the end of the durable log, as of now.
    fn head(&self) -> Head;

    /// Returns the block that holds the record `seq`; `None` at or beyond the head.
    ///
    /// # Errors
    /// `Corrupt`, `Newer`, `Unavailable`.
    fn block_of(&self, seq: Seq) -> Result<Option<Arc<Block>>, Error>;

    /// Streams blocks, beginning with the one that holds `from`: large reads, no copy of large
    /// blocks. An error is the last item.
    fn blocks(&self, from: Seq) -> Blocks;

    /// Clones the reader behind the trait.
    fn box_clone(&self) -> Box<dyn Reader>;
}

impl Clone for Box<dyn Reader> {
    fn clone(&self) -> Self {
        self.box_clone()
    }
}
