//! The ledger's files: blocks in zero-filled segments, one write and one sync a block.
//!
//! Lives here: creating, appending, rolling, fencing, closing; beside it names, index, scan,
//! recovery, the next segment, reading.
//! Lives elsewhere: the layout of a block and the judgement over a torn tail (`record`), what a
//! record means (`ledger`), the comparison with the last published checkpoint (the process).
//!
//! Always: at most one block can be torn, since block N+1 is written only after the sync of N
//! returned. After a failed write or sync this process writes nothing more; the next start decides
//! from what is on disk. A file is never reused.

mod index;
mod names;
mod prepare;
mod reader;
mod recover;
mod scan;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod race;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;

use std::io;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use record::limits::BLOCK_BYTES_MAX;
use record::{Block, Hash, SEGMENT_HEADER_BYTES, SegmentHeader};

use crate::disk::{Disk, DiskFile, Lock, join, replace_file, write_all_at};
use crate::error::Error;
use crate::journal::{Durable, Epoch, Head, Journal, Reader};
use index::{Index, Shared, segment_path};
use names::{CLEAN_FILE, Marker, SEGMENTS_DIR};
use prepare::{Prepared, Preparer, next_path};

pub use names::LOCK_FILE;
pub use prepare::Prepare;
pub use reader::SegmentReader;
pub use recover::{Opened, Tail, lock_directory, open_read_only};

/// Segment files come in multiples of a page, as their header is one.
const PAGE_BYTES: u32 = 4_096;

/// How a log of segments is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Size of a segment file in bytes, rounded up to pages of 4,096, at least two of them. A block
    /// that needs more gets a larger file. Equal sizes are not needed along a log.
    pub segment_bytes: u32,
    /// Most bytes of records in a block; at most the format's limit, 16 MiB.
    pub block_bytes_max: usize,
    /// Where the next segment is zero-filled.
    pub prepare: Prepare,
    /// Whether to take the directory's `LOCK`. No for a log inside a directory that is locked
    /// already.
    pub lock: bool,
    /// Records that the last published checkpoint speaks of; 0 = none. A log that ends before is
    /// refused with `RolledBack` before anything is mended. That its root agrees is for the caller
    /// to see.
    pub published: u64,
}

/// The default size of a segment, 64 MiB.
pub const SEGMENT_BYTES_DEFAULT: u32 = 64 * 1024 * 1024;

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: SEGMENT_BYTES_DEFAULT,
            block_bytes_max: BLOCK_BYTES_MAX,
            prepare: Prepare::default(),
            lock: true,
            published: 0,
        }
    }
}

impl Options {
    /// Segments of `segment_bytes`, all else as by default.
    pub fn with_segment_bytes(segment_bytes: u32) -> Self {
        Self { segment_bytes, ..Self::default() }
    }

    /// As on a simulated disk: small segments, every call in a fixed order.
    pub fn simulated(segment_bytes: u32) -> Self {
        Self { segment_bytes, prepare: Prepare::Inline, ..Self::default() }
    }

    /// Returns the size of the file for a block of `frame_bytes`; 0 for none in particular.
    fn file_size(&self, frame_bytes: usize) -> u32 {
        // At most `BLOCK_BYTES_MAX` and two headers, so it fits.
        let needed = u32::try_from(SEGMENT_HEADER_BYTES + frame_bytes).unwrap_or(u32::MAX);
        let wanted = self.segment_bytes.max(2 * PAGE_BYTES).max(needed);
        wanted.checked_next_multiple_of(PAGE_BYTES).unwrap_or(u32::MAX - (PAGE_BYTES - 1))
    }
}

/// What is kept, and a step left out on purpose, to see that the crash suite notices.
#[derive(Clone, Copy, Debug)]
struct Config {
    options: Options,
    defect: Option<Defect>,
}

impl From<Options> for Config {
    fn from(options: Options) -> Self {
        Self { options, defect: None }
    }
}

impl Deref for Config {
    type Target = Options;

    fn deref(&self) -> &Options {
        &self.options
    }
}

impl Config {
    fn leaves_out(&self, step: Defect) -> bool {
        self.defect == Some(step)
    }
}

/// Steps that the crash suite must miss when they are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    /// A block is acknowledged without any sync.
    SkipSync,
    /// Block N+1 is written before the sync of N: only blocks that begin with an even record are
    /// synced.
    NextBlockEarly,
    /// The bytes of a torn block stay where they are.
    SkipTailZeros,
    /// The tail is not rewritten after an unclean stop.
    SkipTailRewrite,
    /// A segment gets its name before its header is durable.
    SkipHeaderSync,
    /// Appending goes on before the name of the segment is durable.
    SkipNameSync,
    /// The marker of a clean stop stays when appending begins.
    KeepMarker,
    /// Appending begins before the removal of the marker is durable.
    SkipMarkerSync,
    /// After a failed sync the next block is written all the same.
    GoOnAfterFailure,
}

/// A journal in segment files. Several handles may share one; the newest to `acquire` is the
/// writer.
pub struct SegmentJournal {
    writer: Arc<Mutex<Writer>>,
    reader: SegmentReader,
    /// Epoch that this handle took, if any.
    mine: Option<Epoch>,
}

/// What is behind all handles on one log.
struct Writer {
    shared: Arc<Shared>,
    options: Config,
    log_id: Hash,
    active: Active,
    preparer: Preparer,
    /// The newest epoch seen or taken.
    epoch: Epoch,
    /// The epoch of the present writer; `None` before the first `acquire`.
    holder: Option<Epoch>,
    /// The marker `clean` stands in the directory.
    marked: bool,
    /// Why nothing more is written.
    dead: Option<String>,
    /// Held until the last handle is dropped.
    _lock: Option<Lock>,
}

/// The segment that is appended to.
struct Active {
    file: Arc<dyn DiskFile>,
    /// Counts the segments, from 0.
    number: u64,
    size: u32,
    /// Where the next block begins.
    end: u64,
}

impl SegmentJournal {
    /// Creates an empty log in `dir` of the disk; what is missing of the directory is made.
    ///
    /// # Errors
    /// `Exists`, `Locked`, `DiskFull`, `Unavailable`. After a power cut in the middle the directory
    /// holds an empty log or none.
    pub fn create(
        disk: Arc<dyn Disk>,
        dir: &str,
        log_id: Hash,
        options: Options,
    ) -> Result<Self, Error> {
        Self::create_with(disk, dir, log_id, options.into())
    }

    fn create_with(
        disk: Arc<dyn Disk>,
        dir: &str,
        log_id: Hash,
        options: Config,
    ) -> Result<Self, Error> {
        let segments_dir = join(dir, SEGMENTS_DIR);
        disk.create_dir(&segments_dir).map_err(|e| Error::io("creating", &segments_dir, &e))?;
        let lock = if options.lock { Some(lock_directory(&*disk, dir)?) } else { None };
        match scan::list_segments(&*disk, dir) {
            Ok(_) => return Err(Error::Exists { dir: dir.to_owned() }),
            Err(Error::NoLedger { .. }) => {}
            Err(error) => return Err(error),
        }
        let size = options.file_size(0);
        let mut preparer = Preparer::new(disk.clone(), dir.to_owned(), options.prepare);
        let first = preparer.take(size)?;
        let shared = Arc::new(Shared::new(disk, dir.to_owned(), Index::new()));
        let header = first_header(size, log_id);
        let active = name_segment(&shared, first, &header, &options)
            .map_err(|error| Error::io("creating the first segment in", &segments_dir, &error))?;
        // The segment has its name; now its directory, and those above, which may be new as well.
        let mut named = dir;
        loop {
            let synced = shared.disk().sync_dir(named);
            synced.map_err(|error| Error::io("syncing directory", named, &error))?;
            if named.is_empty() {
                break;
            }
            named = named.rsplit_once('/').map_or("", |(above, _)| above);
        }
        shared.index_mut().push_segment(active.end, header.epoch);
        Ok(Self::assemble(shared, options, log_id, active, preparer, false, lock))
    }

    /// Opens the log in `dir` for appending: finds its end, mends what a power cut has left, and
    /// makes sure that everything found is durable.
    ///
    /// The caller compares what was opened with the last published checkpoint before it serves: the
    /// size by [`Options::published`], the root by itself.
    ///
    /// # Errors
    /// `NoLedger`, `Locked`, `Corrupt`, `Newer`, `RolledBack`, `Unavailable`.
    pub fn open(disk: Arc<dyn Disk>, dir: &str, options: Options) -> Result<(Self, Opened), Error> {
        recover::open(disk, dir, options.into())
    }

    fn assemble(
        shared: Arc<Shared>,
        options: Config,
        log_id: Hash,
        active: Active,
        preparer: Preparer,
        marked: bool,
        lock: Option<Lock>,
    ) -> Self {
        let epoch = Epoch(shared.index().head().epoch);
        let reader = SegmentReader::new(shared.clone(), log_id);
        let (holder, dead) = (None, None);
        let writer = Writer {
            shared,
            options,
            log_id,
            active,
            preparer,
            epoch,
            holder,
            marked,
            dead,
            _lock: lock,
        };
        Self { writer: Arc::new(Mutex::new(writer)), reader, mine: None }
    }

    /// Returns another handle on the same log: who acquires later fences whoever acquired before.
    #[must_use]
    pub fn handle(&self) -> Self {
        Self { writer: self.writer.clone(), reader: self.reader.clone(), mine: None }
    }

    /// Returns the id of the log, of which every segment carries a copy.
    pub fn log_id(&self) -> Hash {
        self.reader.log_id()
    }

    /// Returns a reader beside the writer, as a concrete type.
    pub fn segment_reader(&self) -> SegmentReader {
        self.reader.clone()
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(|poisoned| {
            // A panic in the middle of an append: what it wrote is not known, as after an error.
            let mut writer = poisoned.into_inner();
            writer.dead.get_or_insert_with(|| "an earlier append panicked".to_owned());
            writer
        })
    }
}

impl Journal for SegmentJournal {
    fn acquire(&mut self) -> Result<Epoch, Error> {
        let mut writer = self.writer();
        writer.check_alive()?;
        let epoch = Epoch(writer.epoch.0.saturating_add(1));
        writer.epoch = epoch;
        writer.holder = Some(epoch);
        drop(writer);
        self.mine = Some(epoch);
        Ok(epoch)
    }

    fn append(
        &mut self,
        expected_head: &Hash,
        block: Arc<Block>,
    ) -> Result<Durable<Arc<Block>>, Error> {
        self.writer().append(self.mine, expected_head, block)
    }

    fn head(&self) -> Head {
        self.reader.head()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.reader.clone())
    }

    fn close(&mut self) -> Result<(), Error> {
        let mine = self.mine;
        self.writer().close(mine)
    }
}

impl Writer {
    fn check_alive(&self) -> Result<(), Error> {
        match &self.dead {
            Some(why) => Err(Error::Unavailable { why: why.clone() }),
            None => Ok(()),
        }
    }

    fn check_holder(&self, mine: Option<Epoch>) -> Result<(), Error> {
        if mine == self.holder {
            return Ok(());
        }
        let (mine, theirs) = (mine.unwrap_or_default().0, self.holder.unwrap_or(self.epoch).0);
        Err(Error::Fenced { mine, theirs })
    }

    /// Nothing more is written by this process: what the disk holds is not known any more.
    fn die(&mut self, error: Error) -> Error {
        if !self.options.leaves_out(Defect::GoOnAfterFailure) {
            self.dead = Some(format!("an earlier write failed: {error}"));
        }
        error
    }

    fn append(
        &mut self,
        mine: Option<Epoch>,
        expected_head: &Hash,
        block: Arc<Block>,
    ) -> Result<Durable<Arc<Block>>, Error> {
        self.check_alive()?;
        self.check_block(mine, expected_head, &block)?;
        self.remove_marker()?;
        let frame_bytes = block.frame().len() as u64;
        if u64::from(self.active.size) < self.active.end + frame_bytes {
            self.roll(block.frame().len())?;
        }
        self.write(&block).map_err(|source| {
            let (from, to) = (block.first_seq(), block.last_seq());
            self.die(Error::Unknown { from, to, source })
        })?;
        self.active.end += frame_bytes;
        let head =
            Head { next_seq: block.last_seq().next(), hash: block.head(), epoch: block.epoch() };
        self.shared.index_mut().push_block(frame_bytes, head);
        // Far ahead of need; but a small ledger never fills a second file.
        if 0 < self.active.number || u64::from(self.active.size / 4) < self.active.end {
            // Done when this one is half full.
            self.preparer.fill_to(2 * self.active.end, self.options.file_size(0));
        }
        Ok(Durable::synced(block))
    }

    /// What an append must agree with; nothing is written before.
    fn check_block(
        &self,
        mine: Option<Epoch>,
        expected_head: &Hash,
        block: &Block,
    ) -> Result<(), Error> {
        if mine.is_none() || mine != self.holder || block.epoch() != self.epoch.0 {
            let mine = mine.map_or(0, |mine| mine.0.min(block.epoch()));
            return Err(Error::Fenced { mine, theirs: self.epoch.0 });
        }
        let bytes = block.header().body_bytes();
        if self.options.block_bytes_max < bytes {
            let bytes_max = self.options.block_bytes_max as u64;
            return Err(Error::TooLarge { bytes: bytes as u64, bytes_max });
        }
        let head = self.shared.index().head();
        for expected in [*expected_head, block.prev_head()] {
            if expected != head.hash {
                return Err(Error::Conflict { expected, found: head.hash });
            }
        }
        // Equal hashes and unequal positions cannot be: the hash covers the position. But for the
        // empty log, whose head is no hash.
        if block.first_seq() != head.next_seq {
            return Err(Error::Conflict { expected: block.prev_head(), found: head.hash });
        }
        Ok(())
    }

    /// The one write and the one sync of a block.
    fn write(&mut self, block: &Block) -> io::Result<()> {
        let (file, options) = (&self.active.file, &self.options);
        if options.leaves_out(Defect::NextBlockEarly) {
            write_all_at(&**file, block.frame(), self.active.end)?;
            return if block.first_seq().0.is_multiple_of(2) { file.sync_data() } else { Ok(()) };
        }
        write_all_at(&**file, block.frame(), self.active.end)?;
        // Power fails here: any choice of the block's sectors is on disk, and nobody was told.
        if options.leaves_out(Defect::SkipSync) { Ok(()) } else { file.sync_data() }
        // Power fails here: the block is durable, and nobody was told. A retry finds it.
    }

    /// Goes on in the next file. The last block is synced, so nothing of this one can be torn.
    fn roll(&mut self, frame_bytes: usize) -> Result<(), Error> {
        let size = self.options.file_size(frame_bytes);
        let prepared = match self.preparer.take(size) {
            Ok(prepared) => prepared,
            // Nothing was written: the log goes on when space is freed.
            Err(full @ Error::DiskFull { .. }) => return Err(full),
            Err(error) => return Err(self.die(error)),
        };
        let head = self.shared.index().head();
        let header = SegmentHeader {
            file_size: size,
            first_seq: head.next_seq,
            number: self.active.number + 1,
            prev: head.hash,
            log_id: self.log_id,
            epoch: self.epoch.0,
        };
        let active = name_segment(&self.shared, prepared, &header, &self.options);
        self.active = active.map_err(|error| {
            let path = segment_path(self.shared.dir(), header.first_seq);
            self.die(Error::io("rolling to", &path, &error))
        })?;
        self.shared.index_mut().push_segment(self.active.end, header.epoch);
        Ok(())
    }

    /// Before the first append: from now on the log does not end where the marker says.
    fn remove_marker(&mut self) -> Result<(), Error> {
        if !self.marked {
            return Ok(());
        }
        if !self.options.leaves_out(Defect::KeepMarker) {
            let (disk, dir) = (self.shared.disk().clone(), self.shared.dir().to_owned());
            let path = join(&dir, CLEAN_FILE);
            let removed = disk.remove(&path).and_then(|()| {
                // Power fails here: the marker is there or not, and it is right in both cases.
                let skip = self.options.leaves_out(Defect::SkipMarkerSync);
                if skip { Ok(()) } else { disk.sync_dir(&dir) }
            });
            removed.map_err(|error| self.die(Error::io("removing", &path, &error)))?;
        }
        self.marked = false;
        Ok(())
    }

    fn close(&mut self, mine: Option<Epoch>) -> Result<(), Error> {
        self.check_alive()?;
        self.check_holder(mine)?;
        let (disk, dir) = (self.shared.disk().clone(), self.shared.dir().to_owned());
        let how = self.options.prepare;
        // Ends the thread, if one is filling.
        self.preparer = Preparer::new(disk.clone(), dir.clone(), how);
        // Best effort: the next start removes it all the same.
        drop(disk.remove(&next_path(&dir)));
        let head = self.shared.index().head();
        let marker = Marker { size: head.next_seq.0, head: head.hash };
        if !self.marked {
            replace_file(&*disk, &dir, CLEAN_FILE, marker.encode().as_bytes())
                .map_err(|error| self.die(Error::io("writing", &join(&dir, CLEAN_FILE), &error)))?;
        }
        self.dead = Some("the journal is closed".to_owned());
        Ok(())
    }
}

fn first_header(file_size: u32, log_id: Hash) -> SegmentHeader {
    let Head { next_seq, hash, epoch } = Head::EMPTY;
    SegmentHeader { file_size, first_seq: next_seq, number: 0, prev: hash, log_id, epoch }
}

/// Makes a prepared file the segment that its header says.
fn name_segment(
    shared: &Shared,
    prepared: Prepared,
    header: &SegmentHeader,
    options: &Config,
) -> io::Result<Active> {
    let (disk, dir) = (shared.disk(), shared.dir());
    let Prepared { file, size } = prepared;
    let path = segment_path(dir, header.first_seq);
    write_all_at(&*file, &header.encode(), 0)?;
    if !options.leaves_out(Defect::SkipHeaderSync) {
        // Power fails here: a temporary file is left, which the next start removes.
        file.sync_all()?;
    }
    disk.rename(&next_path(dir), &path)?;
    if !options.leaves_out(Defect::SkipNameSync) {
        // Power fails here: an empty segment under its name, or the temporary file. Both are fine.
        disk.sync_dir(&join(dir, SEGMENTS_DIR))?;
    }
    Ok(Active { file, number: header.number, size, end: SEGMENT_HEADER_BYTES as u64 })
}
