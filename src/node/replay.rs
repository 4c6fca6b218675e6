//! Replaying a log from its first record or behind a snapshot: how a ledger starts, and what `rebuild`
//! does.
//!
//! Lives here: checking chain and tree on the way, folding state and views.
//! Lives elsewhere: reading blocks (`journal`), what an event does (`ledger`, `views`).
//!
//! Always: the chain is checked before anything is applied; a start and a rebuild fold the same bytes by
//! the same functions as the running ledger.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use journal::Reader;
use ledger::codec::Codec;
use ledger::ids::Date;
use ledger::state::State;
use record::{Block, ChainCheck, Genesis, Hash, Record, Seal, Seq, system};
use tlog::Frontier;
use tlog::tree::leaf_hash;
use views::Views;

use super::apply::{READ_AHEAD, decode, to_views};
use super::error::Error;
use super::snapshot::Snapshot;

/// Blocks that are read and hashed ahead of the fold.
const AHEAD_BLOCKS: usize = 8;

/// What is folded beside the views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The state that decisions read.
    pub state: bool,
    /// The tree.
    pub tree: bool,
}

/// A fold of the log so far.
pub struct Replay {
    /// What decisions read; empty when it was not asked for.
    pub state: State,
    /// What readers ask for.
    pub views: Views,
    /// The tree; empty when it was not asked for.
    pub frontier: Frontier,
    /// Links so far.
    pub chain: ChainCheck,
    /// The first record.
    pub genesis: Option<Genesis>,
    /// Whether a record stands behind the last seal.
    pub unsealed: bool,
    /// A checkpoint that the tree must agree with when it has that size.
    expected: Option<(u64, Hash)>,
    parts: Parts,
    codec: Codec,
}

/// What a seal says, met on the way: the views then speak of exactly the records before it.
pub struct Met<'a> {
    /// Position of the seal.
    pub seq: Seq,
    /// What it says.
    pub seal: &'a Seal,
    /// The views before it.
    pub views: &'a mut Views,
    /// Root of the tree before it; `None` when the tree was not asked for.
    pub root: Option<Hash>,
}

impl Replay {
    /// Starts before the first record. `secret` keys hashes in memory (`ledger::state`).
    pub fn new(secret: [u8; 32], parts: Parts) -> Self {
        let mut state = State::new(secret);
        state.set_recording(false);
        Self {
            state,
            views: Views::new(),
            frontier: Frontier::new(),
            chain: ChainCheck::new(),
            genesis: None,
            unsealed: false,
            expected: None,
            parts,
            codec: Codec::new(),
        }
    }

    /// Starts behind a snapshot: state, tree and views go on as if they had never been away.
    pub(crate) fn resume(snapshot: Snapshot, genesis: Genesis) -> Self {
        let Snapshot { chain, unsealed, frontier, mut state, views, published: _ } = snapshot;
        state.set_recording(false);
        Self {
            state,
            views,
            frontier,
            chain,
            genesis: Some(genesis),
            unsealed,
            expected: None,
            parts: Parts { state: true, tree: true },
            codec: Codec::new(),
        }
    }

    /// Expects this root when the tree has this size.
    #[must_use]
    pub fn expecting(mut self, checkpoint: Option<(u64, Hash)>) -> Self {
        self.expected = checkpoint;
        self
    }

    /// Replays the blocks of a reader up to a position, or to the head; inside a group to the end of the
    /// group before. `on_seal` sees every seal, `on_record` every record, `on_block` the size so far.
    ///
    /// Hashes are computed by a thread of their own, a few blocks ahead.
    ///
    /// # Errors
    /// The first record that is wrong, or what the journal says.
    pub fn run(
        &mut self,
        reader: &dyn Reader,
        last: Option<Seq>,
        on_seal: &mut dyn FnMut(Met<'_>) -> Result<(), Error>,
        on_record: &mut dyn FnMut(&Record<'_>) -> Result<(), Error>,
        on_block: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let (from, tree) = (self.chain.next_seq(), self.parts.tree);
        let last = last.unwrap_or(Seq(u64::MAX));
        let (sender, hashed) = sync_channel(AHEAD_BLOCKS);
        thread::scope(|scope| {
            scope.spawn(move || hash(reader, from, tree, &sender));
            for block in hashed {
                let Hashed { block, chain, leaves } = block?;
                let mut leaves = leaves.iter();
                let mut records = block.records().zip(&chain);
                for n in 0_usize.. {
                    if n.is_multiple_of(READ_AHEAD) {
                        let ahead = records.clone().map(|(record, _)| record);
                        self.views.read_ahead(ahead.take(READ_AHEAD));
                    }
                    let Some((record, hash)) = records.next() else { break };
                    let leaf = leaves.next();
                    if record.seq() < from {
                        continue;
                    }
                    let behind = u64::from(record.parts().saturating_sub(record.part()));
                    if last.0.saturating_add(1) < record.seq().0.saturating_add(behind) {
                        return Ok(());
                    }
                    on_record(&record)?;
                    self.push(&record, *hash, leaf, on_seal)?;
                }
                on_block(self.chain.next_seq().0);
            }
            Ok(())
        })
    }

    /// Replays one record.
    ///
    /// # Errors
    /// When it does not continue the chain, or says nothing that this version can apply.
    fn push(
        &mut self,
        record: &Record<'_>,
        hash: Hash,
        leaf: Option<&Hash>,
        on_seal: &mut dyn FnMut(Met<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let seq = record.seq();
        let pushed = self.chain.push(record, hash);
        pushed.map_err(|error| wrong(seq, &error))?;
        match record.kind() {
            system::GENESIS => self.begin(record)?,
            system::SEAL => self.meet_seal(record, on_seal)?,
            _ => understood(record)?,
        }
        self.unsealed = record.kind() != system::SEAL;
        let entry = decode(&mut self.codec, record).map_err(|error| wrong(seq, &error.what))?;
        if self.parts.state {
            let applied = match &entry {
                Some(entry) => self.state.apply_entry(record, entry),
                None => self.state.apply_record(record, &mut self.codec),
            };
            applied.map_err(|error| wrong(seq, &error))?;
        }
        to_views(&mut self.views, record, entry.as_ref()).map_err(|e| wrong(seq, &e.what))?;
        if let Some(leaf) = leaf {
            self.frontier.push(*leaf);
            self.compare()?;
        }
        Ok(())
    }

    fn begin(&mut self, record: &Record<'_>) -> Result<(), Error> {
        let genesis = Genesis::decode(record.payload());
        self.genesis = Some(genesis.map_err(|error| Error::Genesis(error.to_string()))?);
        Ok(())
    }

    fn meet_seal(
        &mut self,
        record: &Record<'_>,
        on_seal: &mut dyn FnMut(Met<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let seal = Seal::decode(record.payload()).map_err(|error| wrong(record.seq(), &error))?;
        let root = self.parts.tree.then(|| self.frontier.root());
        on_seal(Met { seq: record.seq(), seal: &seal, views: &mut self.views, root })
    }

    /// Compares with the published checkpoint, as soon as the tree has its size.
    fn compare(&mut self) -> Result<(), Error> {
        let Some((published, root)) = self.expected else { return Ok(()) };
        let size = self.frontier.size();
        if size == published && self.frontier.root() != root {
            return Err(Error::RolledBack { size, published });
        }
        Ok(())
    }

    /// Position of the next record.
    pub fn next_seq(&self) -> Seq {
        self.chain.next_seq()
    }

    /// Effective date of the last record that the views took, for answers without a date of their own.
    pub fn last_date(&self) -> Date {
        Date(record::china_date(self.chain.time_ms()))
    }
}

/// A block and the hashes of its records.
struct Hashed {
    block: Arc<Block>,
    chain: Vec<Hash>,
    /// Empty when the tree was not asked for.
    leaves: Vec<Hash>,
}

/// Reads and hashes ahead, until the receiver has enough.
fn hash(reader: &dyn Reader, from: Seq, tree: bool, sender: &SyncSender<Result<Hashed, Error>>) {
    for block in reader.blocks(from) {
        let hashed = block.map_err(Error::from).map(|block| {
            let chain = block.records().map(|record| record.chain_hash()).collect();
            let leaves = block.records().filter(|_| tree).map(|r| leaf_hash(r.bytes())).collect();
            Hashed { block, chain, leaves }
        });
        if sender.send(hashed).is_err() {
            return;
        }
    }
}

/// Refuses a record that says that what comes behind it needs a newer reader than this one.
///
/// # Errors
/// `Newer`; `Record` when it says nothing that can be read.
pub fn understood(record: &Record<'_>) -> Result<(), Error> {
    if record.kind() != system::FORMAT_RAISED {
        return Ok(());
    }
    let raised = system::FormatRaised::decode(record.payload());
    let found = raised.map_err(|error| wrong(record.seq(), &error))?.reader_version;
    if system::FORMAT_VERSION < found {
        return Err(Error::Newer { seq: record.seq(), found });
    }
    Ok(())
}

fn wrong(seq: Seq, what: &dyn std::fmt::Display) -> Error {
    Error::Record { seq, what: what.to_string() }
}
