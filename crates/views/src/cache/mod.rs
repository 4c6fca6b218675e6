//! What follows behind: which records name a household, in a sled database, and checkpoints of the views.
//!
//! Lives here: the handle that readers and the committer have. Lives elsewhere: the thread that fills it
//! (`filler`), the database (`store`), the files of checkpoints, how values are spelled (`value`).
//!
//! Always: nothing here is truth. The folder may be deleted at any time; what cannot be believed in
//! every respect (not closed cleanly, another log, another version, behind or ahead in a way that does
//! not add up, a value that does not match its hash) is deleted and made again from the log. Readers are
//! never stale: what is not indexed yet they find in the newest blocks or in the log itself.

mod checkpoints;
mod filler;
mod store;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

use ledger::codec::Codec;
use ledger::ids::HouseholdCode;
use record::{Block, Hash, Record, Seq};

use crate::fold::{FoldError, fold};
use crate::history::{AsOf, Histories, HistoryError, Log, each_record, names};
use crate::projection::Projection;
use store::{Doubt, Head, Mention, Store};

pub use filler::Filler;

/// How a cache is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of newest blocks that are kept until they are indexed. When the filler is further behind
    /// than that, it and the readers take the rest from the log.
    pub pending_bytes_max: usize,
    /// Mentions of households that are written as one batch, 16 bytes each in memory: the more, the fewer
    /// entries a village has.
    pub batch_mentions: usize,
    /// Records between checkpoints at least; doubled as the log grows, so their number has a limit.
    pub checkpoint_every: u64,
    /// Bytes of checkpoints written for each record at most, so that large views are written rarely.
    pub checkpoint_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pending_bytes_max: 16 << 20,
            // With what one look at the log adds it stays below 8 MiB.
            batch_mentions: 450_000,
            checkpoint_every: 1 << 20,
            checkpoint_bytes: 16,
        }
    }
}

/// The cache of one ledger: cheap to clone, shared by readers, committer and filler.
#[derive(Clone)]
pub struct Cache(Arc<Shared>);

struct Shared {
    log: Arc<dyn Log>,
    log_id: Hash,
    dir: PathBuf,
    pending_bytes_max: usize,
    batch_mentions: usize,
    checkpoint_bytes: u64,
    /// Records between checkpoints by now.
    spacing: AtomicU64,
    /// `None` while there is none that can be believed.
    live: RwLock<Option<Live>>,
    /// Position from which a further checkpoint is wanted.
    checkpoint_from: AtomicU64,
    /// A reader met a value that cannot be believed.
    doubted: AtomicBool,
    pending: Mutex<Pending>,
    wake: Condvar,
}

/// A database with the position it has reached: the two never part, so a reader that holds one while
/// another is made still finds what it says.
#[derive(Clone)]
struct Live {
    store: Store,
    recent: Arc<RwLock<Recent>>,
}

/// What is indexed and not yet written.
struct Recent {
    /// Records below stand in the database.
    written_to: u64,
    /// Where its batches begin, ascending.
    batches: Arc<[u64]>,
    /// Records below are indexed.
    indexed_to: u64,
    /// What names a household from `written_to` on: of each household by position.
    mentions: Vec<Mention>,
}

impl Live {
    fn new(store: Store, head: &Head) -> Self {
        let recent = Recent {
            written_to: head.indexed_to,
            batches: head.batches.as_slice().into(),
            indexed_to: head.indexed_to,
            mentions: Vec::new(),
        };
        Self { store, recent: Arc::new(RwLock::new(recent)) }
    }

    fn recent(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent_mut(&self) -> RwLockWriteGuard<'_, Recent> {
        self.recent.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn indexed_to(&self) -> Seq {
        Seq(self.recent().indexed_to)
    }

    /// Returns the indexed positions of a household up to one, and up to where that speaks.
    fn history(&self, household: HouseholdCode, to: Seq) -> Result<(Vec<Seq>, Seq), Doubt> {
        let recent = self.recent();
        let (written_to, indexed_to) = (recent.written_to, Seq(recent.indexed_to));
        let of_household = recent.mentions.iter().filter(|(code, _)| *code == household.get());
        let newest: Vec<Seq> =
            of_household.map(|(_, seq)| Seq(*seq)).filter(|seq| *seq <= to).collect();
        let batches = Arc::clone(&recent.batches);
        drop(recent);
        // What is written meanwhile lies beyond the end asked for.
        let end = written_to.min(to.0.saturating_add(1));
        let mut all = self.store.history(household, &batches, end)?;
        all.extend(newest);
        Ok((all, indexed_to))
    }
}

/// What waits for the filler.
#[derive(Default)]
struct Pending {
    /// Newest blocks without gaps.
    blocks: VecDeque<Arc<Block>>,
    bytes: usize,
    checkpoint: Option<Box<Projection>>,
    closing: bool,
}

impl Cache {
    /// Makes the cache of a ledger in a folder, and the filler whose thread the caller owns. Nothing is
    /// read or written before [`Filler::run`], so a start does not wait.
    ///
    /// Only who holds the ledger's lock may open its cache.
    pub fn new(dir: &Path, log_id: Hash, log: Arc<dyn Log>, options: Options) -> (Self, Filler) {
        let shared = Arc::new(Shared {
            log,
            log_id,
            dir: dir.to_owned(),
            pending_bytes_max: options.pending_bytes_max,
            batch_mentions: options.batch_mentions,
            checkpoint_bytes: options.checkpoint_bytes.max(1),
            spacing: AtomicU64::new(options.checkpoint_every.max(1)),
            live: RwLock::new(None),
            checkpoint_from: AtomicU64::new(u64::MAX),
            doubted: AtomicBool::new(false),
            pending: Mutex::default(),
            wake: Condvar::new(),
        });
        (Self(Arc::clone(&shared)), Filler::new(shared))
    }

    /// Hands over a durable block, in the order of the log. Never waits for the filler.
    pub fn offer(&self, block: &Arc<Block>) {
        let mut pending = self.0.pending();
        if pending.blocks.back().is_some_and(|last| last.last_seq().next() != block.first_seq()) {
            pending.clear();
        }
        pending.bytes = pending.bytes.saturating_add(block.frame().len());
        pending.blocks.push_back(Arc::clone(block));
        while self.0.pending_bytes_max < pending.bytes && pending.drop_first() {}
        drop(pending);
        self.0.wake.notify_one();
    }

    /// Whether a checkpoint of a position is wanted; then offer one at the end of its block.
    pub fn wants_checkpoint(&self, next_seq: Seq) -> bool {
        self.0.checkpoint_from.load(Ordering::Acquire) <= next_seq.0
    }

    /// Hands over a share of the views at the end of a block.
    pub fn offer_checkpoint(&self, views: Projection) {
        let mut pending = self.0.pending();
        self.0.checkpoint_from.store(u64::MAX, Ordering::Release);
        pending.checkpoint = Some(Box::new(views));
        drop(pending);
        self.0.wake.notify_one();
    }

    /// Returns the position up to which records are indexed: the first that is not.
    pub fn indexed_to(&self) -> Seq {
        self.0.live().map_or(Seq(0), |live| live.indexed_to())
    }

    /// Returns the views of a position and a day, from the best checkpoint on.
    ///
    /// # Errors
    /// [`FoldError`].
    pub fn projection_at(&self, as_of: AsOf) -> Result<Projection, FoldError> {
        let found = self.0.live().map_or(Ok(None), |live| live.store.checkpoint(as_of));
        let start = found.unwrap_or_else(|Doubt| {
            self.0.doubt();
            None
        });
        let start = start.unwrap_or_default();
        let from = start.next_seq().0;
        let mut views = fold(&*self.0.log, start, as_of)?;
        // What was far from every checkpoint becomes one: the next question of these years is cheap.
        let folded = views.next_seq().0.saturating_sub(from);
        if as_of.date.is_none() && self.0.spacing.load(Ordering::Acquire) <= folded {
            self.offer_checkpoint(views.share());
        }
        Ok(views)
    }

    /// Ends the filler's work. It marks the cache as whole, and its thread ends.
    pub fn close(&self) {
        self.0.pending().closing = true;
        self.0.wake.notify_one();
    }
}

impl Histories for Cache {
    fn positions(&self, household: HouseholdCode, to: Seq) -> Result<Vec<Seq>, HistoryError> {
        // First the newest blocks: what leaves them is indexed before.
        let newest: Vec<Arc<Block>> = self.0.pending().blocks.iter().map(Arc::clone).collect();
        let mut found = Found::new(household, to);
        if let Some(live) = self.0.live() {
            match live.history(household, to) {
                Ok(history) => (found.seqs, found.next) = history,
                Err(Doubt) => self.0.doubt(),
            }
        }
        for block in newest {
            if block.last_seq() < found.next {
                continue;
            }
            if to < block.first_seq() {
                break;
            }
            found.scan(&*self.0.log, block.first_seq())?;
            block.records().for_each(|record| found.take(&record));
        }
        found.scan(&*self.0.log, to.next())?;
        Ok(found.seqs)
    }
}

/// A history being put together.
struct Found {
    household: HouseholdCode,
    to: Seq,
    /// Records below are looked through.
    next: Seq,
    seqs: Vec<Seq>,
    codec: Codec,
}

impl Found {
    fn new(household: HouseholdCode, to: Seq) -> Self {
        Self { household, to, next: Seq(0), seqs: Vec::new(), codec: Codec::new() }
    }

    /// Looks through a record, unless it was before or lies beyond.
    fn take(&mut self, record: &Record<'_>) {
        let seq = record.seq();
        if seq < self.next || self.to < seq {
            return;
        }
        self.next = seq.next();
        if names(record, self.household, &mut self.codec) {
            self.seqs.push(seq);
        }
    }

    /// Looks through the log up to a position that is not included.
    fn scan(&mut self, log: &dyn Log, end: Seq) -> Result<(), HistoryError> {
        let end = Seq(end.0.min(self.to.0.saturating_add(1)));
        if end <= self.next {
            return Ok(());
        }
        let (from, last) = (self.next, Seq(end.0.saturating_sub(1)));
        each_record(log, from, last, &mut |record| {
            self.take(record);
            Ok(true)
        })
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> Option<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the filler make everything again.
    fn doubt(&self) {
        self.doubted.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn set_live(&self, live: Option<Live>) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
    }
}

impl Pending {
    fn clear(&mut self) {
        self.blocks.clear();
        self.bytes = 0;
    }

    /// Drops the oldest block; `false` when there is none.
    fn drop_first(&mut self) -> bool {
        let Some(block) = self.blocks.pop_front() else { return false };
        self.bytes = self.bytes.saturating_sub(block.frame().len());
        true
    }
}
