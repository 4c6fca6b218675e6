//! The filler: one thread that takes durable blocks, or the log where it is behind, into the database.
//!
//! Always: mentions are collected in memory, where readers find them, and written in large batches
//! together with the position they reach; a block leaves memory after it was looked through; three
//! failures in a row and the cache stays off, so readers scan.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use ledger::codec::Codec;
use record::{Block, Record, Seq, system};

use super::store::{Doubt, Head, Mention, Store};
use super::{Live, Pending, Shared};
use crate::history::{each_record, mentions};
use crate::projection::Projection;

/// Records of the log that are looked through before readers see them.
const LOG_RECORDS: u64 = 65_536;
/// Records after which a run through the log asks whether the cache is being closed.
const CLOSING_RECORDS: u64 = 4_096;
/// Bytes of newest blocks that are looked through before readers see them.
const BLOCKS_BYTES: usize = 8 << 20;
/// Most checkpoints: a position costs a fold of an eighth of the log or so at most.
const CHECKPOINTS_MAX: usize = 8;
/// Failures in a row after which the cache stays off.
const FAILURES_MAX: u32 = 3;

/// Fills a cache. Its owner calls [`Filler::run`] on a thread of its own and joins it.
pub struct Filler {
    shared: Arc<Shared>,
    codec: Codec,
    checkpoints: BTreeSet<u64>,
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
        Self { shared, codec: Codec::new(), checkpoints: BTreeSet::new(), failures: 0 }
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
                (Work::Checkpoint(views), Some(live)) => self.checkpoint(live, &views),
            };
            match (done, &live) {
                (Ok(()), Some(live)) => {
                    self.failures = 0;
                    self.want_next(live);
                }
                _ => live = self.rebuild(),
            }
        }
        if let Some(live) = live
            && !self.shared.doubted.load(Ordering::Acquire)
            && (self.is_little(&live) || self.write(&live) == Ok(()))
        {
            // What is not marked as whole is made again at the next start.
            let _ = live.store.set_head(&Head { clean: true, ..self.head(&live) });
        }
        self.shared.set_live(None);
    }

    /// Whether what is not written is too little for a batch, which every history would ask ever after: the
    /// next start reads it from the log again.
    fn is_little(&self, live: &Live) -> bool {
        live.recent().mentions.len() < self.shared.batch_mentions / 8
    }

    /// What stands in the database by now.
    fn head(&self, live: &Live) -> Head {
        let recent = live.recent();
        let batches = recent.batches.to_vec();
        Head { log_id: self.shared.log_id, indexed_to: recent.written_to, batches, clean: false }
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
        let next = self.shared.log.next_seq().0;
        if !known || next < head.indexed_to {
            return Err(Doubt);
        }
        self.checkpoints = store.checkpoints()?.into_iter().collect();
        if self.checkpoints.last().is_some_and(|last| next < *last) {
            return Err(Doubt);
        }
        // From here on only a clean end makes it whole again.
        let head = Head { clean: false, ..head };
        store.set_head(&head)?;
        Ok(self.start(store, &head))
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
        let log_id = self.shared.log_id;
        let head = Head { log_id, indexed_to: 0, batches: Vec::new(), clean: false };
        if store.head() != Ok(None) || store.set_head(&head).is_err() {
            return None;
        }
        Some(self.start(store, &head))
    }

    fn start(&self, store: Store, head: &Head) -> Live {
        let live = Live::new(store, head);
        self.shared.set_live(Some(live.clone()));
        self.want_next(&live);
        live
    }

    /// Says from where on a further checkpoint is wanted of the live views: not while the index is so far
    /// behind that it would wait long for its turn.
    fn want_next(&self, live: &Live) {
        let spacing = self.shared.spacing.load(Ordering::Acquire);
        let behind = self.shared.log.next_seq().0.saturating_sub(live.indexed_to().0);
        let last = self.checkpoints.last().copied().unwrap_or(0);
        let next = if behind < spacing { last.saturating_add(spacing) } else { u64::MAX };
        let pending = self.shared.pending();
        // One at a time.
        if pending.checkpoint.is_none() {
            self.shared.checkpoint_from.store(next, Ordering::Release);
        }
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
                if let Some(work) = self.piece(&mut pending, indexed_to) {
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

    fn piece(&self, pending: &mut Pending, indexed_to: Seq) -> Option<Work> {
        // First what holds most memory: views that their ledger changes meanwhile.
        if let Some(views) = pending.checkpoint.take() {
            return Some(Work::Checkpoint(views));
        }
        let first = pending.blocks.front().map(|block| block.first_seq());
        let gap_end = match first {
            Some(first) if first <= indexed_to => None,
            Some(first) => Some(first),
            None => Some(self.shared.log.next_seq()).filter(|next| indexed_to < *next),
        };
        if let Some(end) = gap_end {
            let to = indexed_to.0.saturating_add(LOG_RECORDS).min(end.0).saturating_sub(1);
            return Some(Work::Log(Seq(to)));
        }
        first?;
        let mut bytes = 0_usize;
        let fits = |block: &&Arc<Block>| {
            let before = bytes;
            bytes = bytes.saturating_add(block.frame().len());
            before < BLOCKS_BYTES
        };
        Some(Work::Blocks(pending.blocks.iter().take_while(fits).map(Arc::clone).collect()))
    }

    fn index_blocks(&mut self, live: &Live, blocks: &[Arc<Block>]) -> Result<(), Doubt> {
        let mut found = Found::new(live.indexed_to().0);
        for record in blocks.iter().flat_map(|block| block.records()) {
            found.take(&record, &mut self.codec)?;
        }
        self.publish(live, &found)
    }

    fn index_log(&mut self, live: &Live, to: Seq) -> Result<(), Doubt> {
        let mut found = Found::new(live.indexed_to().0);
        let (from, log) = (Seq(found.next), Arc::clone(&self.shared.log));
        let (mut wrong, mut closing) = (false, false);
        let read = each_record(&*log, from, to, &mut |record| {
            wrong = found.take(record, &mut self.codec).is_err();
            closing = found.next.is_multiple_of(CLOSING_RECORDS) && self.shared.pending().closing;
            Ok(!wrong && !closing)
        });
        // A log that cannot be read is no fault of the cache, but there is nothing to index.
        if read.is_err() || wrong || (found.next <= to.0 && !closing) {
            return Err(Doubt);
        }
        self.publish(live, &found)
    }

    /// Shows readers what was found, and writes when there is enough.
    fn publish(&self, live: &Live, found: &Found) -> Result<(), Doubt> {
        let mut recent = live.recent_mut();
        recent.mentions.extend_from_slice(&found.mentions);
        recent.indexed_to = found.next;
        let enough = self.shared.batch_mentions <= recent.mentions.len();
        drop(recent);
        if enough { self.write(live) } else { Ok(()) }
    }

    /// Writes a batch. Readers have it in memory until it is in the database.
    fn write(&self, live: &Live) -> Result<(), Doubt> {
        live.recent_mut().mentions.sort_unstable();
        let mut head = self.head(live);
        let recent = live.recent();
        if !recent.mentions.is_empty() {
            head.batches.push(recent.written_to);
        }
        head.indexed_to = recent.indexed_to;
        live.store.index(&head, &recent.mentions)?;
        drop(recent);
        let mut recent = live.recent_mut();
        recent.written_to = head.indexed_to;
        recent.batches = head.batches.into();
        recent.mentions.clear();
        Ok(())
    }

    fn checkpoint(&mut self, live: &Live, views: &Projection) -> Result<(), Doubt> {
        let bytes = live.store.put_checkpoint(views)?;
        let mut spacing = self.shared.spacing.load(Ordering::Acquire);
        spacing = spacing.max(bytes.checked_div(self.shared.checkpoint_bytes).unwrap_or(0));
        let before = self.checkpoints.clone();
        self.checkpoints.insert(views.next_seq().0);
        while CHECKPOINTS_MAX < self.checkpoints.len() {
            spacing = spacing.saturating_mul(2);
            let mut kept = BTreeSet::new();
            self.checkpoints.retain(|at| kept.insert(at.checked_div(spacing)));
        }
        self.shared.spacing.store(spacing, Ordering::Release);
        let gone: Vec<u64> = before.difference(&self.checkpoints).copied().collect();
        live.store.remove_checkpoints(&gone)
    }
}

/// What a run through records has found.
struct Found {
    next: u64,
    mentions: Vec<Mention>,
}

impl Found {
    fn new(next: u64) -> Self {
        Self { next, mentions: Vec::new() }
    }

    fn take(&mut self, record: &Record<'_>, codec: &mut Codec) -> Result<(), Doubt> {
        let seq = record.seq().0;
        if seq < self.next {
            return Ok(());
        }
        if seq != self.next {
            return Err(Doubt);
        }
        self.next = seq.saturating_add(1);
        if !system::is_system(record.kind()) {
            let households = mentions(record, codec).into_iter().flatten();
            self.mentions.extend(households.map(|household| (household.get(), seq)));
        }
        Ok(())
    }
}
