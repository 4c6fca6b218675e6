//! Opening a ledger, and making a new one.
//!
//! Lives here: the order of the first steps: lock and journal, genesis, keys, replay, comparison with the
//! published checkpoint, threads.
//! Lives elsewhere: recovery of the last segment (`journal`), the vouchers of a new ledger (`cli::init`).
//!
//! Always: nothing is served before the whole log was replayed, from its beginning or behind a snapshot, and
//! compared with the last published checkpoint. Whoever goes on from an older state says so in a record.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;

use journal::segments::{Options, SegmentJournal};
use journal::{Clock, Disk, Journal as _, RealDisk, SystemClock};
use ledger::decide::Desk;
use record::{BlockBuilder, Draft, Genesis, Hash, Seq, china_date, log_id, system};
use tokio::sync::watch;
use views::cache::{self, Cache, Filler};

use super::checkpoint::{self, Signed};
use super::clock::PostClock;
use super::commit::{self, Applied, Committer, Work};
use super::counters::Counters;
use super::error::Error;
use super::inbox::Inbox;
use super::past::Recent;
use super::replay::{Parts, Replay};
use super::sequencer::{Sequencer, Time};
use super::snapshot::{self, Folder, Identity, Schedule};
use super::{Handle, Node, Notes, Shared};
use crate::keys::Keys;
use crate::reading::DurableLog;

/// Server time of everything that `init` posts on a synthetic ledger: 2016-01-01 00:00 China time.
pub const SYNTHETIC_START_MS: u64 = 1_451_577_600_000;

/// Folder of what can be made again from the log.
const CACHE_DIR: &str = "cache";

/// How far the filler stands back from the threads that somebody waits for, as `nice` counts.
const FILLER_NICE: i32 = 15;

/// How a ledger is opened.
#[derive(Clone)]
pub struct Config {
    /// Its data directory.
    pub data: PathBuf,
    /// The files in it, but for the keys.
    pub disk: Arc<dyn Disk>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// The operator confirms the wall clock as it stands.
    pub accept_clock: bool,
    /// The operator goes on from an older state, and why.
    pub accept_rollback: Option<String>,
    /// When snapshots are taken.
    pub snapshots: Schedule,
    /// Where operators are told things.
    pub notes: Notes,
}

impl Config {
    /// The ledger in a directory, on the machine's own disk and clock.
    pub fn at(data: impl Into<PathBuf>) -> Self {
        let data = data.into();
        Self {
            disk: Arc::new(RealDisk::new(&data)),
            data,
            clock: Arc::new(SystemClock::new()),
            accept_clock: false,
            accept_rollback: None,
            snapshots: Schedule::default(),
            notes: Arc::new(|_| ()),
        }
    }
}

/// A new ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLedger {
    /// Name of the ledger.
    pub origin: String,
    /// Seed of a synthetic ledger; `None`: an ordinary one.
    pub seed: Option<u64>,
}

/// Makes a new ledger with keys and genesis, and opens it. The vouchers of `init` come next.
///
/// # Errors
/// `Usage` for an origin that is no name or a directory that holds a ledger; what disk and keys say.
pub fn create(config: &Config, new: &NewLedger) -> Result<Node, Error> {
    let io = |what: &str, source| Error::Io { what: what.to_owned(), source };
    std::fs::create_dir_all(&config.data)
        .map_err(|source| io(&config.data.display().to_string(), source))?;
    let keys = match new.seed {
        Some(seed) => {
            Keys::synthetic(seed, &new.origin).map_err(|e| Error::Usage(e.to_string()))?
        }
        None => Keys::draw(&new.origin).map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidInput => Error::Usage(format!("--origin: {e}")),
            _ => io("drawing keys", e),
        })?,
    };
    let disk = Arc::clone(&config.disk);
    let log = log_id(&new.origin);
    let mut journal = SegmentJournal::create(Arc::clone(&disk), "", log, Options::default())?;
    keys.store(&config.data)?;
    let vkey = keys.signer.as_ref().map(|signer| signer.vkey().to_string());
    let genesis = Genesis {
        origin: new.origin.clone(),
        vkeys: vkey.into_iter().collect(),
        format_version: system::FORMAT_VERSION,
        synthetic: new.seed.is_some(),
        recovery_vkey: String::new(),
        seed: new.seed.unwrap_or(0),
    };
    let epoch = journal.acquire()?.0;
    let time_ms = new.seed.map_or_else(|| config.clock.wall_ms(), |_| SYNTHETIC_START_MS);
    let first = journal.head();
    let mut builder = BlockBuilder::start(epoch, first.next_seq, first.hash, keys.salt);
    let draft = system_draft(system::GENESIS, time_ms, &genesis.encode())?;
    builder.append(&draft, time_ms);
    // Power fails before this returns: the directory holds keys and an empty log, which is no ledger.
    journal.append(&first.hash, Arc::new(builder.finish()))?;
    let (published, new) = (None, true);
    Start { config, disk, journal, epoch, keys, published, new }.run()
}

/// Opens the ledger in a directory and starts its threads.
///
/// # Errors
/// See [`Error`]; the directory is as it was then, but for a torn tail that was overwritten, a prepared segment
/// that was removed, and a salt key that was drawn where none was.
pub fn open(config: &Config) -> Result<Node, Error> {
    let disk = Arc::clone(&config.disk);
    directory(&config.data)?;
    let published = newest(&*disk)?;
    // With an operator's word a log that ends early is opened, and the record below says so.
    let floor = match (&published, &config.accept_rollback) {
        (Some(signed), None) => signed.size,
        _ => 0,
    };
    // Everything that may refuse is looked at before anything is written, a torn tail included.
    let looked = match look(&config.data, &disk) {
        Err(Error::Journal(journal::Error::NoLedger { .. })) if floor != 0 => {
            return Err(Error::RolledBack { size: 0, published: floor });
        }
        looked => looked?,
    };
    Keys::check(&config.data, &looked.genesis.origin)?;
    let options = Options { published: floor, ..Options::default() };
    let (mut journal, opened) = SegmentJournal::open(Arc::clone(&disk), "", options)?;
    if let Some(tail) = &opened.torn {
        let (segment, bytes) = (&tail.segment, tail.bytes);
        (config.notes)(&format!(
            "{segment}: {bytes} bytes of a torn block were never acknowledged"
        ));
    }
    let origin = genesis(&*journal.reader())?.origin;
    let keys = Keys::load(&config.data, &origin)?;
    if keys.salt_is_new {
        (config.notes)("keys/salt was missing: a new one was drawn for the records to come");
    }
    let epoch = journal.acquire()?.0;
    Start { config, disk, journal, epoch, keys, published, new: false }.run()
}

/// Reads the newest published checkpoint, of whichever origin.
fn newest(disk: &dyn Disk) -> Result<Option<Signed>, Error> {
    checkpoint::newest(disk, "", None)
        .map_err(|source| Error::Io { what: "published checkpoint".to_owned(), source })
}

/// A file is no data directory, however often it is tried.
fn directory(data: &Path) -> Result<(), Error> {
    if data.is_file() {
        return Err(Error::Journal(journal::Error::NoLedger { dir: data.display().to_string() }));
    }
    Ok(())
}

/// Reads the genesis of a ledger and holds it against the segments; writes nothing.
fn look(data: &Path, disk: &Arc<dyn Disk>) -> Result<Offline, Error> {
    directory(data)?;
    let (reader, opened) = journal::open_read_only(Arc::clone(disk), "")?;
    let genesis = genesis(&reader)?;
    if reader.log_id() != log_id(&genesis.origin) {
        let what = format!("it is of {}, the segments are of another log", genesis.origin);
        return Err(Error::Genesis(what));
    }
    Ok(Offline { reader, genesis, opened, published: None })
}

/// Reads the first record.
///
/// # Errors
/// `Genesis` when it is none; what the journal says.
pub fn genesis(reader: &dyn journal::Reader) -> Result<Genesis, Error> {
    let block = reader.block_of(Seq(0))?;
    let block = block.ok_or_else(|| Error::Genesis("the log is empty".to_owned()))?;
    let first = block.records().next().filter(|record| record.kind() == system::GENESIS);
    let first = first.ok_or_else(|| Error::Genesis("its kind is another".to_owned()))?;
    Genesis::decode(first.payload()).map_err(|error| Error::Genesis(error.to_string()))
}

/// What a start has in hand before the log is replayed.
struct Start<'a> {
    config: &'a Config,
    disk: Arc<dyn Disk>,
    journal: SegmentJournal,
    epoch: u64,
    keys: Keys,
    published: Option<Signed>,
    /// A ledger that `init` is making.
    new: bool,
}

/// What the replay of a start comes to.
struct Started {
    replay: Replay,
    /// Size of the snapshot that it began with, 0 without one.
    began: u64,
    /// Snapshots that are of no use, by size.
    useless: Vec<u64>,
    /// The published checkpoint that the log is behind, as the operator accepts.
    rolled_back: Option<(u64, Hash)>,
}

impl Start<'_> {
    /// Replays the log and starts the threads.
    fn run(self) -> Result<Node, Error> {
        let folder = self.snapshots()?;
        let Started { replay, began, useless, rolled_back } = self.replay(&folder)?;
        let genesis =
            replay.genesis.clone().ok_or_else(|| Error::Genesis("the log is empty".to_owned()))?;
        let time = self.time(&genesis, replay.chain.time_ms());
        let applied = commit::opened(&replay.frontier, &replay.chain);
        let Self { config, disk, journal, epoch, keys, published, new } = self;
        let reader = journal.reader();
        let jump = time.jumped();
        if let Some(jump) = jump {
            (config.notes)(&format!("{}; nothing is appended", Error::Clock(jump)));
        }
        let log = Arc::new(DurableLog(reader.box_clone()));
        let dir = config.data.join(CACHE_DIR);
        let log_id = log_id(&genesis.origin);
        let (cache, filler) = Cache::new(&dir, log_id, log, cache::Options::default());
        let shared = Arc::new(Shared {
            genesis,
            epoch,
            signer: keys.signer,
            disk,
            inbox: Inbox::new(),
            reader: reader.box_clone(),
            views: RwLock::new(replay.views),
            head: watch::Sender::new(applied),
            stopped: watch::Sender::new(None),
            published: RwLock::new(published.filter(|_| rolled_back.is_none())),
            cache,
            counters: Counters::default(),
            started_ms: config.clock.wall_ms(),
            clock: Arc::clone(&config.clock),
            clock_jump: Mutex::new(jump),
            notes: Arc::clone(&config.notes),
        });
        let committer =
            Committer::new(Box::new(journal), replay.frontier, applied, Arc::clone(&shared));
        let committer = Arc::new(Mutex::new(committer));
        let (first, mut state) = (Seq(applied.size()), replay.state);
        let mut builder = BlockBuilder::start(epoch, first, applied.chain_hash(), keys.salt);
        if let Some(old) = rolled_back {
            acknowledge(&mut builder, &committer, applied, old, config.accept_rollback.as_deref())?;
            state.pass(first, applied.time_ms());
            let stays = (applied.size() < old.0).then(|| applied.size());
            set_aside(&*shared.disk, stays)?;
        }
        folder.remove(&useless);
        state.set_recording(true);
        let unsealed = replay.unsealed || rolled_back.is_some();
        let recent = Recent::new(reader, builder.next_seq());
        let (work, to_do) = sync_channel(1);
        let (snapshots, writer) = snapshot::start(folder, config.snapshots, began);
        let sequencer = Sequencer {
            committer: Arc::clone(&committer),
            work,
            state,
            builder,
            last_ms: applied.time_ms(),
            unsealed_since: unsealed.then(|| shared.clock.monotonic_ms()),
            shared,
            time,
            recent,
            desk: Desk::new(),
            waiting: Vec::new(),
            held_lines: 0,
            failed: false,
            seal_first: rolled_back.is_some(),
            snapshots,
        };
        // A ledger that is being made stays as small as its bytes.
        let filler = (!new).then_some(filler);
        spawn(sequencer, committer, to_do, writer, filler)
    }

    /// The folder of the snapshots, and what one must have been made with to be used.
    fn snapshots(&self) -> Result<Folder, Error> {
        let log = log_id(&genesis(&*self.journal.reader())?.origin);
        // Keyed, as the salts are, and of another length than what they are made of.
        let secret = *blake3::keyed_hash(&self.keys.salt, b"hashes in memory").as_bytes();
        let (disk, notes) = (Arc::clone(&self.disk), Arc::clone(&self.config.notes));
        Ok(Folder { disk, identity: Identity { log, secret }, notes })
    }

    /// Replays the log and compares it with the published checkpoint; with the operator's word a log that
    /// is behind it is accepted.
    fn replay(&self, folder: &Folder) -> Result<Started, Error> {
        let expected = self.published.as_ref().map(|signed| (signed.size, signed.root));
        let from_zero = || Replay::new(folder.identity.secret, PARTS);
        let mut useless = Vec::new();
        // A log that ends before the checkpoint is read whole: its snapshots are of what comes no more.
        let behind = |(published, _)| self.journal.head().next_seq.0 < published;
        let resumed = if expected.is_some_and(behind) {
            None
        } else {
            self.resume(folder, expected, &mut useless)?
        };
        let (replay, began, mut rolled_back) = match resumed {
            Some((replay, began)) => (replay, began, None),
            None => match replay(&self.journal, from_zero(), expected) {
                Err(Error::RolledBack { .. }) if self.config.accept_rollback.is_some() => {
                    (replay(&self.journal, from_zero(), None)?, 0, expected)
                }
                replayed => (replayed?, 0, None),
            },
        };
        let size = replay.frontier.size();
        rolled_back = rolled_back.or(expected.filter(|(published, _)| size < *published));
        if rolled_back.is_some() {
            useless = folder.pass_over_all(&"a rollback was accepted");
        }
        Ok(Started { replay, began, useless, rolled_back })
    }

    /// Begins with the newest snapshot behind which the rest of the log fits. Each is tried once; those that
    /// will never be of use are added to `useless`.
    fn resume(
        &self,
        folder: &Folder,
        expected: Option<(u64, Hash)>,
        useless: &mut Vec<u64>,
    ) -> Result<Option<(Replay, u64)>, Error> {
        let reader = self.journal.reader();
        for (size, read) in folder.newest_first(&*reader, expected) {
            let lasts = match read {
                Ok(snapshot) => {
                    let resumed = Replay::resume(snapshot, genesis(&*reader)?);
                    match replay(&self.journal, resumed, expected) {
                        Ok(replay) => {
                            (folder.notes)(&format!("began with the snapshot of {size} records"));
                            return Ok(Some((replay, size)));
                        }
                        // The log, the checkpoint or the snapshot: a replay from the first record knows.
                        Err(error) => {
                            folder.pass_over(size, &error);
                            !matches!(error, Error::Journal(_) | Error::Io { .. })
                        }
                    }
                }
                Err(doubt) => {
                    folder.pass_over(size, &doubt);
                    doubt.lasts()
                }
            };
            useless.extend(lasts.then_some(size));
        }
        Ok(None)
    }

    fn time(&self, genesis: &Genesis, last_ms: u64) -> Time {
        match (genesis.synthetic, self.new) {
            (true, true) => Time::Start(SYNTHETIC_START_MS),
            (true, false) => Time::Synthetic,
            (false, _) => {
                let clock = Arc::clone(&self.config.clock);
                Time::Ordinary(PostClock::start(clock, last_ms, self.config.accept_clock))
            }
        }
    }
}

fn spawn(
    sequencer: Sequencer,
    committer: Arc<Mutex<Committer>>,
    to_do: Receiver<Work>,
    writer: snapshot::Writer,
    filler: Option<Filler>,
) -> Result<Node, Error> {
    let failed = |source| Error::Io { what: "starting a thread".to_owned(), source };
    let thread = |name: &str| thread::Builder::new().name(name.to_owned());
    let shared = Arc::clone(&sequencer.shared);
    let (for_thread, theirs) = (Arc::clone(&shared), Arc::clone(&committer));
    let ends = Ends(Arc::clone(&shared));
    let committing = thread("committer").spawn(move || {
        let _ends = ends;
        commit::run(&theirs, &to_do, &for_thread);
    });
    let ends = Ends(Arc::clone(&shared));
    let sequencing = thread("sequencer").spawn(move || {
        let _ends = ends;
        sequencer.run();
    });
    let writing = thread("snapshots").spawn(move || writer.run());
    let filling = filler.map(|filler| {
        thread("filler").spawn(move || {
            // What follows behind gives way to posting; where it may not, it only takes its share.
            let _refused = rustix::process::nice(FILLER_NICE);
            filler.run();
        })
    });
    let collect = |threads: Vec<io::Result<_>>| threads.into_iter().collect::<io::Result<Vec<_>>>();
    let threads = collect(vec![sequencing, committing]).map_err(failed)?;
    let behind = collect([writing].into_iter().chain(filling).collect()).map_err(failed)?;
    Ok(Node { handle: Handle(shared), threads, behind, committer })
}

/// Ends the process when its thread panics: nobody waits for a thread that is gone, and the next start
/// decides from what is on disk.
struct Ends(Arc<Shared>);

impl Drop for Ends {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop("a thread of the ledger ended by a panic".to_owned(), None);
            self.0.inbox.abandon();
            self.0.inbox.set_idle(true);
        }
    }
}

/// What a server needs of a replay.
const PARTS: Parts = Parts { state: true, tree: true };

/// Replays the rest of the log.
fn replay(
    journal: &SegmentJournal,
    replay: Replay,
    expected: Option<(u64, Hash)>,
) -> Result<Replay, Error> {
    let mut replay = replay.expecting(expected);
    let reader = journal.reader();
    replay.run(&*reader, None, &mut |_| Ok(()), &mut |_| Ok(()), &mut |_| ())?;
    Ok(replay)
}

/// Moves the checkpoints aside that an accepted rollback contradicts.
fn set_aside(disk: &dyn Disk, stays: Option<u64>) -> Result<(), Error> {
    let what = || "setting checkpoints aside".to_owned();
    checkpoint::set_aside(disk, "", stays).map_err(|source| Error::Io { what: what(), source })
}

/// Writes down that the log goes on from an older state than was published.
fn acknowledge(
    builder: &mut BlockBuilder,
    committer: &Mutex<Committer>,
    applied: Applied,
    (old_size, old_root): (u64, Hash),
    text: Option<&str>,
) -> Result<(), Error> {
    let text = text.unwrap_or_default().to_owned();
    let payload = system::RollbackAcknowledged { old_size, old_root, text }.encode();
    let time_ms = applied.time_ms();
    let draft = system_draft(system::ROLLBACK_ACKNOWLEDGED, time_ms, &payload)?;
    builder.append(&draft, time_ms);
    let block = Some(Arc::new(builder.finish()));
    if commit::lock(committer).work(Work { block, waiting: Vec::new() }) {
        Ok(())
    } else {
        Err(Error::Stopped("the record of the rollback could not be written".to_owned()))
    }
}

fn system_draft(kind: u16, time_ms: u64, payload: &[u8]) -> Result<Draft, Error> {
    let mut draft = Draft::new();
    draft
        .push(kind, china_date(time_ms), &[], payload)
        .map_err(|error| Error::Usage(error.to_string()))?;
    Ok(draft)
}

/// A ledger opened for reading alone, beside a server or without one.
pub struct Offline {
    /// Reads the blocks that were there when it was opened.
    pub reader: journal::SegmentReader,
    /// The first record.
    pub genesis: Genesis,
    /// What opening found.
    pub opened: journal::Opened,
    /// The newest published checkpoint.
    pub published: Option<Signed>,
}

/// Opens a ledger for reading: takes no lock, writes nothing.
///
/// The log reaches at least as far as its newest published checkpoint. Whether it has that one's root is for
/// those who build the tree.
///
/// # Errors
/// What the journal says; `Genesis`; `RolledBack`; `Io` for a checkpoint that is none, or of another ledger.
pub fn read_only(data: &Path) -> Result<Offline, Error> {
    directory(data)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(data));
    // Before the log: a server publishes what is durable, so a log that is read later is never behind it.
    let published = newest(&*disk)?;
    let size = published.as_ref().map_or(0, |signed| signed.size);
    let offline = match look(data, &disk) {
        Err(Error::Journal(journal::Error::NoLedger { .. })) if size != 0 => {
            return Err(Error::RolledBack { size: 0, published: size });
        }
        looked => Offline { published, ..looked? },
    };
    let (published, origin) = (offline.published.as_ref(), &offline.genesis.origin);
    published
        .map_or(Ok(()), |signed| signed.check_origin(origin))
        .map_err(|source| Error::Io { what: "published checkpoint".to_owned(), source })?;
    match offline.opened.head.next_seq.0 {
        records if records < size => Err(Error::RolledBack { size: records, published: size }),
        _ => Ok(offline),
    }
}
