//! Making blocks durable and applying them, one after the other.
//!
//! Lives here: append, tree, views, in that order; then the answers that waited.
//! Lives elsewhere: which records a block holds (`sequencer`), the write and its sync (`journal`).
//!
//! Always: [`Applied`] is made in one place, after the sync and after the views took the durable bytes.
//! After a failed append nothing more is written by this process.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use journal::{Durable, Journal};
use ledger::codec::Codec;
use ledger::reject::{Reason, Text};
use record::{Block, ChainCheck, Hash, Seq};
use tlog::Frontier;
use tlog::tree::leaf_hash;

use super::Shared;
use super::apply::{ApplyError, READ_AHEAD, decode, to_views};
use super::counters::Counters;
use super::error::journal_reason;
use super::reply::{Waiting, fail, reply};

/// Proof that all records before a size are durable and applied to the views.
///
/// Nothing outside this file can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    size: u64,
    chain_hash: Hash,
    root: Hash,
    time_ms: u64,
}

impl Applied {
    /// Number of records.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Position of the last record; 0 for a log without any, which is never served.
    pub fn position(&self) -> Seq {
        Seq(self.size.saturating_sub(1))
    }

    /// Chain hash of the last record.
    pub fn chain_hash(&self) -> Hash {
        self.chain_hash
    }

    /// Root of the tree over all records.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Server time of the last record, Unix milliseconds.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }
}

/// What the committer is handed: a block, and what waits for it or for those before it.
pub(crate) struct Work {
    pub(crate) block: Option<Arc<Block>>,
    pub(crate) waiting: Vec<Waiting>,
}

/// Owns the journal and the tree.
pub(crate) struct Committer {
    journal: Box<dyn Journal>,
    frontier: Frontier,
    codec: Codec,
    applied: Applied,
    shared: Arc<Shared>,
    /// Why nothing more is appended.
    failed: Option<Reason>,
}

/// Why a block could not be committed.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// It is not durable, or not known to be.
    Journal(journal::Error),
    /// It is durable, and the views cannot take it: a fault of our own.
    Apply(ApplyError),
}

impl std::fmt::Display for CommitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Apply(error) => error.fmt(f),
        }
    }
}

/// Says what is applied when a ledger was opened: everything on disk, as replay has found it.
pub(crate) fn opened(frontier: &Frontier, chain: &ChainCheck) -> Applied {
    let (chain_hash, time_ms) = (chain.head(), chain.time_ms());
    Applied { size: frontier.size(), chain_hash, root: frontier.root(), time_ms }
}

impl Committer {
    pub(crate) fn new(
        journal: Box<dyn Journal>,
        frontier: Frontier,
        applied: Applied,
        shared: Arc<Shared>,
    ) -> Self {
        let codec = Codec::default();
        Self { journal, frontier, codec, applied, shared, failed: None }
    }

    /// What is durable and applied.
    pub(crate) fn applied(&self) -> Applied {
        self.applied
    }

    /// The tree over it.
    pub(crate) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Commits a block, if there is one, and lets the answers go. Returns whether the log goes on.
    pub(crate) fn work(&mut self, work: Work) -> bool {
        let Work { block, waiting } = work;
        if let Some(reason) = &self.failed {
            for waiting in waiting {
                fail(waiting, Some(reason));
            }
            return false;
        }
        // A panic below leaves views that took a part of a block: nothing more is built on them.
        self.failed = Some(Reason::ReadOnly { why: Text::Borrowed("a thread ended by a panic") });
        let committed = block.map_or(Ok(()), |block| self.commit(block));
        if let Err(error) = committed {
            let stopped = match &error {
                CommitError::Journal(error) => Some(journal_reason(error)),
                CommitError::Apply(_) => None,
            };
            let reason = match &error {
                CommitError::Journal(error @ journal::Error::DiskFull { .. }) => {
                    Some(journal_reason(error))
                }
                // Whether the block is there is for the next start to find out: 9003, with its key.
                _ => None,
            };
            for waiting in waiting {
                fail(waiting, reason.as_ref());
            }
            let why = error.to_string();
            self.failed = Some(Reason::ReadOnly { why: why.clone().into() });
            self.shared.stop(why, stopped);
            return false;
        }
        self.failed = None;
        let applied = self.applied;
        // Last first: who awaits several answers in order, as a stream does, is woken once, by the first
        // of them, and finds the others there.
        for waiting in waiting.into_iter().rev() {
            self.shared.counters.answered(&waiting);
            reply(applied, waiting);
        }
        true
    }

    /// Appends a block and applies it.
    fn commit(&mut self, block: Arc<Block>) -> Result<(), CommitError> {
        let head = self.applied.chain_hash;
        // Power fails before this returns: the block is there whole, or not at all, and nobody was told.
        let block = self.journal.append(&head, block).map_err(CommitError::Journal)?;
        // Power fails from here on: the block is durable. A client's retry finds its voucher.
        self.apply(&block).map_err(CommitError::Apply)?;
        Counters::one(&self.shared.counters.blocks);
        self.shared.head.send_replace(self.applied);
        Ok(())
    }

    /// Tree and views take the durable bytes.
    fn apply(&mut self, block: &Durable<Arc<Block>>) -> Result<(), ApplyError> {
        let mut views = self.shared.views_mut();
        let mut records = block.records();
        for n in 0_usize.. {
            if n.is_multiple_of(READ_AHEAD) {
                views.read_ahead(records.clone().take(READ_AHEAD));
            }
            let Some(record) = records.next() else { break };
            self.frontier.push(leaf_hash(record.bytes()));
            let entry = decode(&mut self.codec, &record)?;
            to_views(&mut views, &record, entry.as_ref())?;
        }
        let next_seq = block.last_seq().next();
        let copy = self.shared.cache.wants_checkpoint(next_seq);
        let copy = copy.then(|| views.share_projection());
        drop(views);
        self.shared.cache.offer(block);
        if let Some(copy) = copy {
            self.shared.cache.offer_checkpoint(copy);
        }
        let (size, root) = (self.frontier.size(), self.frontier.root());
        let (chain_hash, time_ms) = (block.head(), block.last_time_ms());
        self.applied = Applied { size, chain_hash, root, time_ms };
        Ok(())
    }

    /// Ends cleanly: the journal leaves its marker.
    pub(crate) fn close(&mut self) -> Result<(), journal::Error> {
        if self.failed.is_some() { Ok(()) } else { self.journal.close() }
    }
}

/// The committer's thread: works until the sequencer hangs up.
pub(crate) fn run(committer: &Mutex<Committer>, work: &Receiver<Work>, shared: &Shared) {
    for work in work {
        lock(committer).work(work);
        shared.inbox.set_idle(true);
    }
}

/// Takes the committer; a panic in it left `failed` or a durable block, never half a state that is written.
pub(crate) fn lock(committer: &Mutex<Committer>) -> MutexGuard<'_, Committer> {
    committer.lock().unwrap_or_else(PoisonError::into_inner)
}
