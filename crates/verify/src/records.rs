//! The walk over records: each by itself and in parallel, then all in order.
//!
//! Lives here: envelope, chain, groups, the format's own kinds, seals. [`check_run`] takes any
//! iterator of records with their places, so that other sources than segments walk the same way.
//! Lives elsewhere: where records come from (`segments`), the sums (`books`), signatures (`checkpoints`).
//!
//! Always: what a record shows alone is checked by any thread (canonical form, its hashes, its sums);
//! what needs the ones before is checked by one, in order, so the first failure is always the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use record::{
    BLOCK_HEADER_BYTES, BlockHeader, ChainCheck, ChainError, Genesis, Hash, Record, RecordError,
    Seal, Seq, chain_hash, log_id, system,
};

use crate::books::{Books, Home, Sums};
use crate::report::{Hex, Problem, Stop, hex, same, to_u64};
use crate::segments::{Blocks, Framed};
use crate::tree::Range;

/// Bytes that are hashed while the ones before are walked in order; each core gets a few jobs of them.
const CHUNK_BYTES: usize = 4 << 20;
const CHUNK_BYTES_A_CORE: usize = 2 << 20;
/// Bytes of one job: enough that handing it over costs nothing.
const JOB_BYTES: usize = 256 << 10;

/// A record that holds by itself.
struct Checked<'a> {
    record: Record<'a>,
    hash: Hash,
    /// Offset in its file.
    offset: u64,
    home: Option<Home<'a>>,
}

/// Consecutive records that were checked by themselves, up to the first that does not hold.
pub(crate) struct Run<'a> {
    file: &'a str,
    /// Records and the tree over them, cut where the root before a record is asked for.
    pieces: Vec<(Range, Vec<Checked<'a>>)>,
    stop: Option<Stop>,
    /// The run is a block, which may not end within a group.
    is_block: bool,
}

impl<'a> Run<'a> {
    fn records(&self) -> impl Iterator<Item = &Checked<'a>> {
        self.pieces.iter().flat_map(|(_, records)| records)
    }
}

/// Checks records by themselves and hashes them. Each comes with its offset in `file` and the
/// position that is due there; `stops` are the sizes at which a root is asked for.
fn check_run<'a>(
    file: &'a str,
    records: impl Iterator<Item = (u64, Seq, Result<Record<'a>, RecordError>)>,
    stops: &BTreeSet<u64>,
) -> Run<'a> {
    let mut run = Run { file, pieces: Vec::new(), stop: None, is_block: false };
    let mut sums = Sums::default();
    for (offset, due, record) in records {
        let sound = record
            .map_err(|error| record_stop(&error))
            .and_then(|record| Ok((record, sums.check(&record)?)));
        let (record, home) = match sound {
            Ok(sound) => sound,
            Err(stop) => {
                run.stop = Some(stop.at(file, offset, due));
                break;
            }
        };
        let seq = record.seq().0;
        if run.pieces.is_empty() || record.kind() == system::SEAL || stops.contains(&seq) {
            run.pieces.push((Range::new(seq), Vec::new()));
        }
        if let Some((tree, records)) = run.pieces.last_mut() {
            tree.push(record.bytes());
            records.push(Checked { record, hash: record.chain_hash(), offset, home });
        }
    }
    run
}

fn record_stop(error: &RecordError) -> Stop {
    let what = error.to_string();
    match error {
        RecordError::NewerVersion(_) => Problem::newer(&what),
        RecordError::Unbalanced { sum, .. } => {
            Stop::failure("books", &what, "0 fen", format!("{sum} fen"))
        }
        _ => Stop::failure("envelope", &what, "a canonical record", &*what),
    }
}

/// Checks the records of one block, and the block's header against them.
fn check_block<'a>(framed: &'a Framed, names: &'a [String], stops: &BTreeSet<u64>) -> Run<'a> {
    let header = framed.block.header();
    let file = names.get(framed.file).map_or("", String::as_str);
    let body = framed.block.body();
    let (mut rest, mut due) = (body, header.first_seq);
    let records = std::iter::from_fn(|| {
        let at = BLOCK_HEADER_BYTES + body.len() - rest.len();
        let place = (framed.offset + to_u64(at), due);
        due = due.next();
        let split = if rest.is_empty() { None } else { Some(Record::split_first(rest)) }?;
        let record = split.map(|(record, behind)| {
            rest = behind;
            record
        });
        Some((place.0, place.1, record))
    });
    let mut run = check_run(file, records, stops);
    run.is_block = true;
    if run.stop.is_none() {
        let agrees = check_header(header, &run);
        run.stop = agrees.err().map(|stop| stop.at(file, framed.offset, header.first_seq));
    }
    run
}

/// Holds a block's header against its records.
fn check_header(header: &BlockHeader, run: &Run<'_>) -> Result<(), Stop> {
    let count = u32::try_from(run.records().count()).unwrap_or(u32::MAX);
    same("framing", "block header: count", count, header.count)?;
    let (Some(first), Some(last)) = (run.records().next(), run.records().last()) else {
        return Ok(());
    };
    same("framing", "block header: first_seq", first.record.seq(), header.first_seq)?;
    same("framing", "block header: prev_head", Hex(&first.record.prev()), Hex(&header.prev_head))?;
    same("framing", "block header: head", Hex(&last.hash), Hex(&header.head))?;
    let alone = run.records().any(|checked| system::has_own_block(checked.record.kind()));
    let records =
        "records in the block of a genesis or seal, which shares it with none: their count";
    if alone { same("framing", records, 1, count) } else { Ok(()) }
}

/// Finds the record whose bytes do not fit their neighbours, in a frame whose body's checksum fails,
/// and its offset there.
///
/// A changed record hashes to another value than the next one's `prev`; if the change is in its own
/// `prev`, the link before it breaks as well.
pub(crate) fn blame(frame: &[u8]) -> Option<(Seq, u64)> {
    let header = BlockHeader::decode(frame).ok()?;
    let end = BLOCK_HEADER_BYTES + header.body_bytes();
    let mut rest = frame.get(BLOCK_HEADER_BYTES..end)?;
    let (mut due, mut hash) = (header.first_seq, header.prev_head);
    let mut suspect = None;
    while !rest.is_empty() {
        let here = Some((due, to_u64(end - rest.len())));
        let Ok((record, behind)) = Record::split_first(rest) else { return here };
        let own_hash = chain_hash(record.bytes());
        if record.prev() != hash {
            // The next record's `prev` is its bytes 24 to 55.
            let fits = behind.get(24..56).unwrap_or(&header.head) == own_hash;
            return if fits { suspect.or(here) } else { here };
        }
        (suspect, rest, due, hash) = (here, behind, due.next(), own_hash);
    }
    suspect.filter(|_| hash != header.head)
}

/// The walk in order, and what it knows so far.
#[derive(Default)]
pub(crate) struct Walk<'o> {
    /// Name that the log must have, when the caller brought one.
    pub(crate) origin: Option<&'o str>,
    /// Log id that the segments state.
    pub(crate) log_id: Hash,
    /// Sizes at which the caller wants the root.
    pub(crate) stops: Arc<BTreeSet<u64>>,
    /// The root at each of these sizes that was reached; `None` within a group.
    pub(crate) roots: BTreeMap<u64, Option<Hash>>,
    pub(crate) chain: ChainCheck,
    pub(crate) books: Books,
    pub(crate) tree: Range,
    pub(crate) genesis: Option<Genesis>,
    pub(crate) kinds: BTreeMap<u16, u64>,
    pub(crate) first_ms: u64,
    pub(crate) seals: (u64, Option<(Seq, u64)>),
}

impl Walk<'_> {
    /// Walks over all blocks: one thread reads ahead, `threads` hash, this one goes in order.
    pub(crate) fn walk(
        &mut self,
        blocks: &mut Blocks,
        names: &[String],
        threads: usize,
        progress: Option<fn(u64)>,
    ) -> Result<(), Stop> {
        let target = CHUNK_BYTES.max(threads.saturating_mul(CHUNK_BYTES_A_CORE));
        let mut chunk = Vec::new();
        let mut end = blocks.fill(&mut chunk, JOB_BYTES);
        while !chunk.is_empty() {
            let mut next = Vec::new();
            thread::scope(|scope| {
                if end.is_ok() {
                    let (end, next) = (&mut end, &mut next);
                    scope.spawn(|| *end = blocks.fill(next, target));
                }
                self.walk_chunk(&chunk, names, threads)
            })?;
            if let Some(report) = progress {
                report(self.tree.end());
            }
            blocks.spare.extend(chunk.drain(..).map(|framed| framed.block.into_frame()));
            // A buffer stays as large as the largest block it ever held: without a bound each of
            // many small ones would grow to that size in time.
            let mut kept = 0;
            blocks.spare.retain(|buffer| {
                kept += buffer.capacity();
                kept <= 2 * target
            });
            chunk = next;
        }
        // What stands in place of a next block is told when all before it held.
        self.note_root();
        end
    }

    fn walk_chunk(
        &mut self,
        chunk: &[Framed],
        names: &[String],
        threads: usize,
    ) -> Result<(), Stop> {
        let stops = Arc::clone(&self.stops);
        let jobs = jobs(chunk);
        if threads < 2 || jobs.len() < 2 {
            return chunk.iter().try_for_each(|f| self.take_run(check_block(f, names, &stops)));
        }
        let next_job = AtomicUsize::new(0);
        let (done, results) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..threads.min(jobs.len()) {
                let (done, jobs, next_job, stops) = (done.clone(), &jobs, &next_job, &stops);
                scope.spawn(move || {
                    while let Some(job) = jobs.get(next_job.fetch_add(1, Ordering::Relaxed)) {
                        let runs = job.1.iter().map(|f| check_block(f, names, stops)).collect();
                        // Nobody listens any more once a failure was found.
                        done.send((job.0, runs)).unwrap_or_default();
                    }
                });
            }
            drop(done);
            let walked = self.take_jobs(&results);
            next_job.store(jobs.len(), Ordering::Relaxed);
            walked
        })
    }

    /// Takes the runs of jobs in order, whatever order the jobs are done in.
    fn take_jobs(&mut self, results: &mpsc::Receiver<(usize, Vec<Run<'_>>)>) -> Result<(), Stop> {
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (number, runs) in results {
            early.insert(number, runs);
            while let Some(runs) = early.remove(&due) {
                runs.into_iter().try_for_each(|run| self.take_run(run))?;
                due += 1;
            }
        }
        Ok(())
    }

    fn take_run(&mut self, run: Run<'_>) -> Result<(), Stop> {
        for (tree, records) in &run.pieces {
            self.note_root();
            for checked in records {
                let place = (checked.offset, checked.record.seq());
                self.take(checked).map_err(|stop| stop.at(run.file, place.0, place.1))?;
            }
            self.tree.append(tree);
        }
        if let Some(stop) = run.stop {
            return Err(stop);
        }
        match run.records().last() {
            Some(last) if run.is_block && !self.chain.at_group_end() => {
                let what = "the block's last record leaves its group torn";
                let stop = Stop::failure("chain", what, "a whole group", "a part of one");
                Err(stop.at(run.file, last.offset, last.record.seq()))
            }
            _ => Ok(()),
        }
    }

    /// Keeps the root if the caller asked for one at this size.
    fn note_root(&mut self) {
        if self.stops.contains(&self.tree.end()) {
            let root = self.chain.at_group_end().then(|| self.tree.root());
            self.roots.insert(self.tree.end(), root);
        }
    }

    fn take(&mut self, checked: &Checked<'_>) -> Result<(), Stop> {
        let record = &checked.record;
        self.chain.push(record, checked.hash).map_err(|error| {
            let what = error.to_string();
            match error {
                ChainError::Prev { expected, found, .. } => {
                    Stop::failure("chain", &what, hex(&expected), hex(&found))
                }
                _ => Stop::failure("chain", &what, "a record that continues the log", &*what),
            }
        })?;
        self.books.apply(record, checked.home)?;
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
        if record.seq() == Seq(0) {
            self.first_ms = record.time_ms();
        }
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

    /// Holds a seal against the tree and the balances before it: a seal begins a piece of its run.
    fn take_seal(&mut self, record: &Record<'_>, seal: &Seal) -> Result<(), Stop> {
        let (root, accounts) = (self.tree.root(), self.books.accounts.digest());
        same("seals", "tree root in the seal", Hex(&root), Hex(&seal.root))?;
        same("seals", "accounts digest in the seal", Hex(&accounts), Hex(&seal.accounts))?;
        self.seals = (self.seals.0 + 1, Some((record.seq(), record.time_ms())));
        Ok(())
    }
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

/// Cuts a chunk into numbered jobs of about the same number of bytes.
fn jobs(chunk: &[Framed]) -> Vec<(usize, &[Framed])> {
    let mut bytes = 0;
    let same_job = |framed: &Framed, _: &Framed| {
        bytes += framed.block.frame().len();
        let more = bytes < JOB_BYTES;
        bytes = if more { bytes } else { 0 };
        more
    };
    chunk.chunk_by(same_job).enumerate().collect()
}
