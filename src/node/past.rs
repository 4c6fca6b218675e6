//! Records that a voucher refers to: durable, in flight, or in the block that grows.
//!
//! Lives here: finding them, and keeping a few blocks that are asked for again and again.
//! Lives elsewhere: what a reference means (`ledger`).
//!
//! Always: a reference is resolved in the speculative log, so a voucher may name one still in flight.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use journal::Reader;
use ledger::kinds::{Past, PastRecord};
use ledger::reject::Reason;
use record::{Block, BlockBuilder, Placed, Seq};

use super::error::journal_reason;

/// Bytes of blocks of the log that are kept after a look-up.
const KEPT_BYTES: usize = 16 << 20;

/// The newest blocks and how to find records in them.
pub(crate) struct Recent {
    reader: Box<dyn Reader>,
    /// The block that was handed to the committer last; those before it are durable.
    handed: Option<Indexed>,
    growing_first: Seq,
    /// Where the growing block's records end.
    growing_ends: Vec<usize>,
    kept: RefCell<VecDeque<Indexed>>,
    /// Why a record could not be read, since the last decision.
    failure: RefCell<Option<Reason>>,
}

/// A block whose records are found by number.
#[derive(Clone)]
struct Indexed {
    block: Arc<Block>,
    ends: Arc<[usize]>,
}

impl Indexed {
    fn new(block: Arc<Block>) -> Self {
        let mut end = 0_usize;
        let ends = block.records().map(|record| {
            end = end.saturating_add(record.bytes().len());
            end
        });
        let ends = ends.collect();
        Self { block, ends }
    }

    fn record(&self, seq: Seq) -> Option<PastRecord> {
        cut(self.block.body(), &self.ends, self.block.first_seq(), seq)
    }
}

fn cut(body: &[u8], ends: &[usize], first: Seq, seq: Seq) -> Option<PastRecord> {
    let at = usize::try_from(seq.0.checked_sub(first.0)?).ok()?;
    let end = *ends.get(at)?;
    let start = at.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
    Some(PastRecord(body.get(start..end)?.to_vec()))
}

impl Recent {
    pub(crate) fn new(reader: Box<dyn Reader>, next_seq: Seq) -> Self {
        Self {
            reader,
            handed: None,
            growing_first: next_seq,
            growing_ends: Vec::new(),
            kept: RefCell::default(),
            failure: RefCell::default(),
        }
    }

    /// Notes what was placed in the growing block.
    pub(crate) fn push(&mut self, builder: &BlockBuilder, placed: Placed) {
        if self.growing_ends.is_empty() {
            self.growing_first = placed.first_seq;
        }
        let (body, mut end) = (builder.body(), self.growing_ends.last().copied().unwrap_or(0));
        // A record begins with its length; these were made a moment ago, so nothing else is checked.
        while let Some(len) = body.get(end..).and_then(|rest| rest.first_chunk::<2>()) {
            end = end.saturating_add(usize::from(u16::from_le_bytes(*len)));
            self.growing_ends.push(end);
        }
    }

    /// Notes that the growing block was handed to the committer.
    pub(crate) fn hand_on(&mut self, block: Arc<Block>) {
        self.growing_first = block.last_seq().next();
        let ends = std::mem::take(&mut self.growing_ends);
        // A seal is placed without a note; nothing refers to one.
        self.handed = Some(Indexed { block, ends: ends.into() });
    }

    /// Returns the log so far, as decisions see it.
    pub(crate) fn with<'a>(&'a self, builder: &'a BlockBuilder) -> impl Past + 'a {
        Log { recent: self, builder }
    }

    fn durable(&self, seq: Seq) -> Option<PastRecord> {
        let mut kept = self.kept.borrow_mut();
        let holds =
            |indexed: &Indexed| indexed.block.first_seq() <= seq && seq <= indexed.block.last_seq();
        if let Some(at) = kept.iter().position(holds) {
            return kept.get(at)?.record(seq);
        }
        let block = match self.reader.block_of(seq) {
            Ok(block) => block?,
            Err(error) => {
                *self.failure.borrow_mut() = Some(journal_reason(&error));
                return None;
            }
        };
        let indexed = Indexed::new(block);
        let found = indexed.record(seq);
        kept.push_back(indexed);
        let bytes = |indexed: &Indexed| indexed.block.frame().len();
        let mut held: usize = kept.iter().map(bytes).sum();
        while KEPT_BYTES < held
            && let Some(oldest) = kept.pop_front()
        {
            held = held.saturating_sub(bytes(&oldest));
        }
        found
    }
}

struct Log<'a> {
    recent: &'a Recent,
    builder: &'a BlockBuilder,
}

impl Past for Log<'_> {
    fn record(&self, seq: Seq) -> Option<PastRecord> {
        let recent = self.recent;
        if recent.growing_first <= seq {
            return cut(self.builder.body(), &recent.growing_ends, recent.growing_first, seq);
        }
        match &recent.handed {
            Some(handed) if handed.block.first_seq() <= seq => handed.record(seq),
            _ => recent.durable(seq),
        }
    }

    fn failure(&self) -> Option<Reason> {
        self.recent.failure.take()
    }
}
