//! The filler: one thread that takes durable blocks, or the log where it is behind, into the database.
//!
//! Always: a batch's entries and the position they reach are written together; a block leaves memory
//! after it is indexed; three failures in a row and the cache stays off, so readers scan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use ledger::codec::Codec;
use ledger::ids::HouseholdCode;
use record::{Block, Record, Seq, system};

use super::store::{Doubt, Head, Store};
use super::{Live, Pending, Shared};
use crate::fold::step;
use crate::history::{AsOf, each_record, mentions};
use crate::projection::Projection;

/// Records of one batch from the log: the more, the fewer entries a household has.
const BATCH_RECORDS: u64 = 524_288;
/// Records after which a batch asks whether the cache is being closed.
const CLOSING_RECORDS: u64 = 4_096;
/// Bytes of one batch of newest blocks.
const BATCH_BYTES: usize = 8 << 20;
/// Most checkpoints: a position costs a fold of a 24th of the log at most.
const CHECKPOINTS_MAX: usize = 24;
/// Failures in a row after which the cache stays off.
const FAILURES_MAX: u32 = 3;

/// Fills a cache. Its owner calls [`Filler::run`] on a thread of its own and joins it.
pub struct Filler {
    shared: Arc<Shared>,
    codec: Codec,
    checkpoints: BTreeSet<u64>,
    spacing: u64,
    /// The views at `indexed_to` while everything is made again from the beginning.
    folding: Option<Box<Projection>>,
    failures: u32,
}

/// What to do next.
enum Work {
    Blocks(Vec<Arc<Block>>),
    /// Records of the log, from the first that is not indexed up to this one.
    Log(Seq),
    Checkpoint(Box<Projection>),
    Rebuild,
    Close,
}

impl Filler {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            codec: Codec::new(),
            checkpoints: BTreeSet::new(),
            spacing: 0,
            folding: None,
            failures: 0,
        }
    }

    /// Works until the cache is closed.
    pub fn run(mut self) {
        let mut live = self.open();
        loop {
            let work = self.next_work(live.as_ref());
            let done = match (work, &live) {
                (Work::Close, _) => break,
                (Work::Rebuild, _) | (_, None) => Err(Doubt),
                (Work::Blocks(blocks), Some(live)) => self.index_blocks(live, &blocks),
                (Work::Log(to), Some(live)) => self.index_log(live, to),
                (Work::Checkpoint(views), Some(live)) => {
                    let done = self.checkpoint(live, &views);
                    self.want_next();
                    done
                }
            };
            match done {
                Ok(()) => self.failures = 0,
                Err(Doubt) => live = self.rebuild(),
            }
        }
        if let Some(live) = live {
            // What is not marked as whole is made again at the next start.
            let _ = live.store.set_head(self.head(live.indexed_to().0, true));
        }
        self.shared.set_live(None);
    }

    fn head(&self, indexed_to: u64, clean: bool) -> Head {
        Head { log_id: self.shared.log_id, indexed_to, clean }
    }

    /// Opens the database when it can be believed in every respect, else makes a new one.
    fn open(&mut self) -> Option<Live> {
        match self.try_open() {
            Ok(live) => Some(live),
            Err(Doubt) => self.rebuild(),
        }
    }

    fn try_open(&mut self) -> Result<Live, Doubt> {
        if !self.shared.dir.exists() {
            return Err(Doubt);
        }
        let store = Store::open(&self.shared.dir)?;
        let head = store.head()?.ok_or(Doubt)?;
        let known = head.clean && head.log_id == self.shared.log_id;
        if !known || self.shared.log.next_seq().0 < head.indexed_to {
            return Err(Doubt);
        }
        self.checkpoints = store.checkpoints()?.into_iter().collect();
        if self.checkpoints.last().is_some_and(|last| head.indexed_to < *last) {
            return Err(Doubt);
        }
        // From here on only a clean end makes it whole again.
        store.set_head(self.head(head.indexed_to, false))?;
        Ok(self.start(store, head.indexed_to))
    }

    /// Deletes the folder and begins anew; `None`: the cache stays off.
    fn rebuild(&mut self) -> Option<Live> {
        self.shared.set_live(None);
        self.shared.doubted.store(false, Ordering::Release);
        self.failures = self.failures.saturating_add(1);
        if FAILURES_MAX < self.failures {
            return None;
        }
        self.checkpoints.clear();
        // It may not be there; what cannot be deleted cannot be opened, or is in doubt again.
        drop(std::fs::remove_dir_all(&self.shared.dir));
        let store = Store::open(&self.shared.dir).ok()?;
        if store.head() != Ok(None) || store.set_head(self.head(0, false)).is_err() {
            return None;
        }
        self.folding = Some(Box::default());
        Some(self.start(store, 0))
    }

    fn start(&mut self, store: Store, indexed_to: u64) -> Live {
        self.spacing = self.shared.checkpoint_every;
        let live = Live { store, indexed_to: Arc::new(AtomicU64::new(indexed_to)) };
        self.shared.set_live(Some(live.clone()));
        self.want_next();
        live
    }

    /// Says from where on a further checkpoint is wanted of the live views.
    fn want_next(&self) {
        let last = self.checkpoints.last().copied().unwrap_or(0);
        let next = last.saturating_add(self.spacing);
        let live = self.folding.is_none();
        self.shared.checkpoint_from.store(if live { next } else { u64::MAX }, Ordering::Release);
    }

    /// Waits for something to do.
    fn next_work(&self, live: Option<&Live>) -> Work {
        let mut pending = self.shared.pending();
        loop {
            if pending.closing {
                return Work::Close;
            }
            if let Some(live) = live {
                if self.shared.doubted.load(Ordering::Acquire) {
                    return Work::Rebuild;
                }
                let indexed_to = live.indexed_to();
                while pending.blocks.front().is_some_and(|b| b.last_seq() < indexed_to) {
                    pending.drop_first();
                }
                if let Some(work) = self.batch(&mut pending, indexed_to) {
                    return work;
                }
            } else {
                // An off cache needs no blocks: readers scan the log.
                *pending = Pending::default();
            }
            let woken = self.shared.wake.wait(pending);
            pending = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn batch(&self, pending: &mut Pending, indexed_to: Seq) -> Option<Work> {
        let first = pending.blocks.front().map(|block| block.first_seq());
        let gap_end = match first {
            Some(first) if first <= indexed_to => None,
            Some(first) => Some(first),
            None => Some(self.shared.log.next_seq()).filter(|next| indexed_to < *next),
        };
        if let Some(end) = gap_end {
            let to = indexed_to.0.saturating_add(BATCH_RECORDS).min(end.0).saturating_sub(1);
            return Some(Work::Log(Seq(to)));
        }
        if first.is_some() {
            let mut bytes = 0_usize;
            let fits = |block: &&Arc<Block>| {
                let before = bytes;
                bytes = bytes.saturating_add(block.frame().len());
                before < BATCH_BYTES
            };
            let blocks = pending.blocks.iter().take_while(fits).map(Arc::clone).collect();
            return Some(Work::Blocks(blocks));
        }
        pending.checkpoint.take().map(Work::Checkpoint)
    }

    fn index_blocks(&mut self, live: &Live, blocks: &[Arc<Block>]) -> Result<(), Doubt> {
        let mut found = Found::new(live.indexed_to().0);
        for record in blocks.iter().flat_map(|block| block.records()) {
            self.take(live, &mut found, &record)?;
        }
        self.write(live, &found)
    }

    fn index_log(&mut self, live: &Live, to: Seq) -> Result<(), Doubt> {
        let mut found = Found::new(live.indexed_to().0);
        let (from, log) = (Seq(found.next), Arc::clone(&self.shared.log));
        let (mut wrong, mut closing) = (false, false);
        let read = each_record(&*log, from, to, &mut |record| {
            wrong = self.take(live, &mut found, record).is_err();
            closing = found.next.is_multiple_of(CLOSING_RECORDS) && self.shared.pending().closing;
            Ok(!wrong && !closing)
        });
        // A log that cannot be read is no fault of the cache, but there is nothing to index.
        if read.is_err() || wrong || (found.next <= to.0 && !closing) {
            return Err(Doubt);
        }
        self.write(live, &found)
    }

    fn take(&mut self, live: &Live, found: &mut Found, record: &Record<'_>) -> Result<(), Doubt> {
        if record.seq().0 < found.next {
            return Ok(());
        }
        if record.seq().0 != found.next {
            return Err(Doubt);
        }
        found.next = found.next.saturating_add(1);
        if !system::is_system(record.kind()) {
            for household in mentions(record, &mut self.codec).into_iter().flatten() {
                found.chunks.entry(household).or_default().push(record.seq().0);
            }
        }
        let Some(mut views) = self.folding.take() else { return Ok(()) };
        let all = AsOf { position: record.seq(), date: None, group_shortened: false };
        let applied = step(&mut views, &mut self.codec, record, &all);
        if !matches!(applied, Ok(Ok(()))) {
            // Without checkpoints positions are folded from the beginning.
            return Ok(());
        }
        let last = self.checkpoints.last().copied().unwrap_or(0);
        if self.spacing <= found.next.saturating_sub(last) {
            self.checkpoint(live, &views)?;
        }
        self.folding = Some(views);
        Ok(())
    }

    /// Writes a batch.
    fn write(&mut self, live: &Live, found: &Found) -> Result<(), Doubt> {
        let chunks = found.chunks.iter().map(|(code, positions)| (*code, positions.as_slice()));
        live.store.index(self.head(found.next, false), chunks)?;
        live.indexed_to.store(found.next, Ordering::Release);
        // The live views take over once what is left is less than they would hand over.
        let behind = self.shared.log.next_seq().0.saturating_sub(found.next);
        if behind < self.spacing {
            self.folding = None;
        }
        self.want_next();
        Ok(())
    }

    fn checkpoint(&mut self, live: &Live, views: &Projection) -> Result<(), Doubt> {
        let before = self.checkpoints.clone();
        live.store.put_checkpoint(views)?;
        self.checkpoints.insert(views.next_seq().0);
        while CHECKPOINTS_MAX < self.checkpoints.len() {
            self.spacing = self.spacing.saturating_mul(2);
            let mut kept = BTreeSet::new();
            self.checkpoints.retain(|at| kept.insert(at.checked_div(self.spacing)));
        }
        before.difference(&self.checkpoints).try_for_each(|at| live.store.remove_checkpoint(*at))
    }
}

/// What a batch has found.
struct Found {
    next: u64,
    chunks: BTreeMap<HouseholdCode, Vec<u64>>,
}

impl Found {
    fn new(next: u64) -> Self {
        Self { next, chunks: BTreeMap::new() }
    }
}
