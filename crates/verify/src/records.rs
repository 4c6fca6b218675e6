//! The walk over records: each block by itself and in parallel, then all in order.
//!
//! Lives here: chain and groups across blocks, the tree, the format's own kinds, seals.
//! Lives elsewhere: where blocks come from (`segments`), what a block shows alone (`record`), the sums
//! (`books`), signatures (`checkpoints`).
//!
//! Always: what a block shows alone is checked by any thread (canonical records, their hashes, chain and
//! groups within it, their sums); what needs the ones before is checked by one, in order, so the first
//! failure is always the same. Blocks in memory are bounded by `AHEAD`.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use record::{
    BLOCK_HEADER_BYTES, ChainError, FrameError, Genesis, Hash, Hex, Record, RecordError, Seal, Seq,
    log_id, system,
};
use tlog::Frontier;
use tlog::tree::leaf_hash;

use crate::books::{Books, Home, Sums};
use crate::report::{Problem, Stop, same, to_u64};
use crate::segments::{Blocks, Framed};

/// Bytes of one job: enough that handing it over costs nothing.
const JOB_BYTES: usize = 256 << 10;
/// Jobs that are done, or being done, before the walk in order has come to them.
const AHEAD: usize = 16;

/// A block whose records were checked by themselves, up to the first that does not hold.
struct Checked {
    framed: Framed,
    /// Of each record that holds: its leaf, and the home of its quota where it names one.
    records: Vec<(Hash, Option<Home>)>,
    /// Chain hash of the last of them.
    head: Hash,
    stop: Option<Stop>,
}

/// Checks the records of one block, and the block's header against them.
fn check(framed: Framed, names: &[String]) -> Checked {
    let header = *framed.block.header();
    let mut records = Vec::with_capacity(usize::try_from(header.count).unwrap_or(0));
    let (mut head, mut at) = (header.prev_head, BLOCK_HEADER_BYTES);
    let mut sums = Sums::default();
    let checked = framed.block.check_records(|record, hash| {
        let home = sums.check(&record)?;
        records.push((leaf_hash(record.bytes()), home));
        (head, at) = (hash, at + record.bytes().len());
        Ok::<_, Stop>(())
    });
    let stop = checked.err().map(|stop| {
        let file = name(names, framed.file);
        match &stop {
            // What the header says is told at the header's place.
            Stop::Failure(failure) if failure.check == "framing" => {
                stop.at(file, framed.offset, header.first_seq)
            }
            _ => {
                let due = header.first_seq.after(to_u64(records.len()));
                stop.at(file, framed.offset + to_u64(at), due)
            }
        }
    });
    Checked { framed, records, head, stop }
}

impl From<FrameError> for Stop {
    fn from(error: FrameError) -> Self {
        let what = error.to_string();
        match error {
            FrameError::Record { source, .. } => source.into(),
            FrameError::Chain { source, .. } => source.into(),
            FrameError::TornGroup { seq, .. } => {
                Self::failure("chain", &what, "a whole group", "a part of one").of(seq)
            }
            FrameError::Count { expected, found } => {
                Self::failure("framing", &what, expected.to_string(), found.to_string())
            }
            FrameError::Head { expected, found } => {
                Self::failure("framing", &what, hex(&expected), hex(&found))
            }
            FrameError::NotAlone { seq, .. } => {
                Self::failure("framing", &what, "a block of its own", "others beside it").of(seq)
            }
            _ => Self::failure("framing", &what, "a whole block", &*what),
        }
    }
}

impl From<RecordError> for Stop {
    fn from(error: RecordError) -> Self {
        let what = error.to_string();
        match error {
            RecordError::NewerVersion(_) => Problem::newer(&what),
            RecordError::Unbalanced { sum, .. } => {
                Self::failure("books", &what, "0 fen", format!("{sum} fen"))
            }
            _ => Self::failure("envelope", &what, "a canonical record", &*what),
        }
    }
}

impl From<ChainError> for Stop {
    fn from(error: ChainError) -> Self {
        let what = error.to_string();
        match error {
            ChainError::Prev { expected, found, .. } => {
                Self::failure("chain", &what, hex(&expected), hex(&found))
            }
            _ => Self::failure("chain", &what, "a record that continues the log", &*what),
        }
    }
}

/// The walk in order, and what it knows so far.
#[derive(Default)]
pub(crate) struct Walk<'o> {
    /// Name that the log must have, when the caller brought one.
    pub(crate) origin: Option<&'o str>,
    /// Log id that the segments state.
    pub(crate) log_id: Hash,
    /// Sizes at which the caller wants the root, descending.
    pub(crate) stops: Vec<u64>,
    /// The root at each of these sizes that was reached; `None` within a group.
    pub(crate) roots: BTreeMap<u64, Option<Hash>>,
    /// Chain hash and time of the last record.
    pub(crate) head: Hash,
    pub(crate) times_ms: Option<(u64, u64)>,
    pub(crate) books: Books,
    pub(crate) tree: Frontier,
    pub(crate) genesis: Option<Genesis>,
    pub(crate) kinds: BTreeMap<u16, u64>,
    pub(crate) seals: (u64, Option<(Seq, u64)>),
}

impl Walk<'_> {
    /// Walks over all blocks: `threads` read and hash ahead, this one goes in order.
    pub(crate) fn walk(
        &mut self,
        blocks: &mut Blocks,
        threads: usize,
        progress: Option<fn(u64)>,
    ) -> Result<(), Stop> {
        let names = blocks.names();
        // Each result is announced, in order, before it is worked on: so they come in order, and no
        // more of them are on their way than the queue takes.
        let (queue, announced) = sync_channel(AHEAD);
        let input = Mutex::new(Input { blocks, queue: Some(queue) });
        thread::scope(|scope| {
            // Dropped at the end of this scope, which ends the threads.
            let announced = announced;
            for _ in 0..threads {
                scope.spawn(|| while work(&input, &names).is_some() {});
            }
            while let Ok((checked, end)) = announced.recv().and_then(|result| result.recv()) {
                checked.into_iter().try_for_each(|block| self.take_block(block, &names))?;
                if let Some(report) = progress {
                    report(self.tree.size());
                }
                // What stands in place of a next block is told when all before it held.
                end?;
            }
            Ok(())
        })
    }

    fn take_block(&mut self, checked: Checked, names: &[String]) -> Result<(), Stop> {
        let Checked { framed, records, head, stop } = checked;
        let file = name(names, framed.file);
        self.books.look_up(framed.block.records().take(records.len()));
        let mut offset = framed.offset + to_u64(BLOCK_HEADER_BYTES);
        for (record, (leaf, home)) in framed.block.records().zip(records) {
            self.head = record.prev();
            self.take(&record, leaf, home).map_err(|stop| stop.at(file, offset, record.seq()))?;
            offset += to_u64(record.bytes().len());
        }
        self.head = head;
        stop.map_or(Ok(()), Err)?;
        self.note_root(true);
        Ok(())
    }

    /// Keeps the root if the caller asked for one at this size.
    fn note_root(&mut self, is_group_end: bool) {
        while self.stops.pop_if(|size| *size <= self.tree.size()).is_some() {
            let root = is_group_end.then(|| self.tree.root());
            self.roots.insert(self.tree.size(), root);
        }
    }

    fn take(&mut self, record: &Record<'_>, leaf: Hash, home: Option<Home>) -> Result<(), Stop> {
        let (seq, time_ms) = (record.seq(), record.time_ms());
        self.note_root(record.part() == 0);
        let (first_ms, before) = self.times_ms.unwrap_or((time_ms, time_ms));
        if time_ms < before {
            return Err(ChainError::TimeFell { seq, before, found: time_ms }.into());
        }
        self.books.apply(record, home)?;
        match record.kind() {
            system::GENESIS => self.take_genesis(read(record, Genesis::decode)?)?,
            system::SEAL => self.take_seal(record, &read(record, Seal::decode)?)?,
            system::KEY_CHANGED => drop(read(record, system::KeyChanged::decode)?),
            system::FORMAT_RAISED => {
                newer(read(record, system::FormatRaised::decode)?.reader_version)?;
            }
            _ => (),
        }
        *self.kinds.entry(record.kind()).or_default() += 1;
        self.times_ms = Some((first_ms, time_ms));
        self.tree.push(leaf);
        Ok(())
    }

    fn take_genesis(&mut self, genesis: Genesis) -> Result<(), Stop> {
        newer(genesis.format_version)?;
        let origin = genesis.origin.as_str();
        same("envelope", "the log's origin", self.origin.unwrap_or(origin), origin)?;
        let (expected, found) = (log_id(origin), self.log_id);
        same("framing", "segment headers: log id", Hex(&expected), Hex(&found))?;
        self.genesis = Some(genesis);
        Ok(())
    }

    /// Holds a seal against the tree and the balances before it.
    fn take_seal(&mut self, record: &Record<'_>, seal: &Seal) -> Result<(), Stop> {
        let (root, accounts) = (self.tree.root(), self.books.digest().1);
        same("seals", "tree root in the seal", Hex(&root), Hex(&seal.root))?;
        same("seals", "accounts digest in the seal", Hex(&accounts), Hex(&seal.accounts))?;
        self.seals = (self.seals.0 + 1, Some((record.seq(), record.time_ms())));
        Ok(())
    }
}

/// Blocks of one job, checked, and what stands in place of the next one.
type Done = (Vec<Checked>, Result<(), Stop>);

/// What the threads share: whoever holds it reads the next job.
struct Input<'a> {
    blocks: &'a mut Blocks,
    /// Where each job's result will come from; none when all was read.
    queue: Option<SyncSender<Receiver<Done>>>,
}

/// Does one job; `None` when there are no more, or nobody wants them.
fn work(input: &Mutex<Input<'_>>, names: &[String]) -> Option<()> {
    let (done, result) = channel();
    let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
    input.queue.as_ref()?.send(result).ok()?;
    let (mut job, mut bytes, mut end) = (Vec::new(), 0, Ok(()));
    while bytes < JOB_BYTES && input.queue.is_some() {
        match input.blocks.next() {
            Ok(Some(framed)) => {
                bytes += framed.block.frame().len();
                job.push(framed);
            }
            Ok(None) => input.queue = None,
            Err(stop) => (input.queue, end) = (None, Err(stop)),
        }
    }
    drop(input);
    let checked = job.into_iter().map(|framed| check(framed, names)).collect();
    done.send((checked, end)).ok()
}

fn name(names: &[String], file: usize) -> &str {
    names.get(file).map_or("", String::as_str)
}

/// Reads the payload of one of the format's own kinds.
fn read<T>(
    record: &Record<'_>,
    decode: impl Fn(&[u8]) -> Result<T, system::PayloadError>,
) -> Result<T, Stop> {
    decode(record.payload()).map_err(|error| {
        let what = format!("payload of kind {}: {error}", record.kind());
        Stop::failure("envelope", &what, "a canonical payload", error.to_string())
    })
}

fn newer(version: u32) -> Result<(), Stop> {
    if version <= system::FORMAT_VERSION {
        return Ok(());
    }
    Err(Problem::newer(&format!("the log asks for format version {version}")))
}

fn hex(hash: &Hash) -> String {
    Hex(hash).to_string()
}
