//! One snapshot file: layout, hash, and every doubt about what was read.
//!
//! ```text
//!   0  8  magic "MZSNAP\0\1"        8  6  u16 versions: this layout, the state's, the views'
//!  14 32  log id                   46 16  what the secret of the hashes in memory is known by
//!  62  8  u64 size: records        70 32  chain hash of the last of them
//! 102  8  u64 its time             110  1  1: a record stands behind the last seal
//! 111  8  u64 size of the newest published checkpoint then, 0: none        119 32  its root
//! 151     u32 length and bytes of the tree's frontier, state, views
//! -40  8  u64 where the views begin
//! -32 32  BLAKE3 of all before, context `snapshot v1`
//! ```
//!
//! Always: nothing behind the first 14 bytes is read before the hash was compared. All of it is believed
//! as far as the log bears it out: size and chain hash are compared with the log itself, and the size with
//! the file's name.

use std::io::{self, BufReader, Read, Write};

use journal::Reader;
use journal::disk::{DiskFile, read_exact_at, write_all_at};
use ledger::state::{self, State};
use record::limits::SNAPSHOT_BYTES_MAX;
use record::{ChainCheck, Hash, Seq, context};
use thiserror::Error;
use tlog::Frontier;
use views::Views;

/// A ledger between two vouchers, all of it durable and applied.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Snapshot {
    /// Where the log stands.
    pub(crate) chain: ChainCheck,
    /// Whether a record stands behind the last seal.
    pub(crate) unsealed: bool,
    /// The newest published checkpoint: the tree below agrees with it.
    pub(crate) published: Option<(u64, Hash)>,
    /// The tree.
    pub(crate) frontier: Frontier,
    /// What decisions read.
    pub(crate) state: State,
    /// What readers ask for.
    pub(crate) views: Views,
}

/// What a snapshot must have been made with to be of use.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The log.
    pub(crate) log: Hash,
    /// Keys the hashes in memory (`ledger::state`).
    pub(crate) secret: [u8; 32],
}

/// Why a snapshot is not used.
#[derive(Debug, Error)]
pub(crate) enum Doubt {
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    #[error("it is no snapshot")]
    Magic,
    #[error("it has {bytes} bytes, at most {SNAPSHOT_BYTES_MAX} are read")]
    TooLarge { bytes: u64 },
    #[error("another version of the program wrote it")]
    Version,
    #[error("its bytes do not have the hash at its end")]
    Trailer,
    #[error("it is of another ledger")]
    Log,
    #[error("its name says {named} records, it holds {size}")]
    Name { named: u64, size: u64 },
    #[error("its hashes were made with another salt key")]
    Secret,
    #[error("it holds {size} records, the log has {log}")]
    Ahead { size: u64, log: u64 },
    #[error("its last record is not the one that the log holds there")]
    Chain,
    #[error("the log cannot be read where it ends: {0}")]
    Unread(journal::Error),
    #[error("it knows nothing of the published checkpoint of {size} records")]
    Published { size: u64 },
    #[error("it does not decode: {0}")]
    Decode(io::Error),
}

impl Doubt {
    /// Whether the file will never be of use. What cannot be read now can perhaps be read later.
    pub(crate) fn lasts(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::Unread(_))
    }

    /// Of an error in the midst of decoding.
    fn decoding(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Decode(error),
            _ => Self::Io(error),
        }
    }
}

const MAGIC: [u8; 8] = *b"MZSNAP\0\x01";
/// To be raised when the layout above changes.
const LAYOUT_VERSION: u16 = 2;
/// Magic and versions.
const PREFIX_BYTES: u64 = 14;
type Prefix = [u8; 14];
const TRAILER_BYTES: u64 = 32;
/// Where the views begin, before the trailer.
const VIEWS_AT_BYTES: u64 = 8;
/// Longest frontier: 64 hashes behind its size, and some room.
const FRONTIER_BYTES_MAX: u32 = 4_096;
/// What is read or written at once.
const PIECE_BYTES: usize = 1 << 20;
/// Bytes after which a sync is made and room asked for: a whole file at once would keep the disk from the log for long.
const SYNC_BYTES: u64 = 16 << 20;

fn prefix() -> Prefix {
    let mut bytes = Prefix::default();
    let versions = [LAYOUT_VERSION, state::SAVED_VERSION, u16::from(views::VERSION)];
    let versions = versions.into_iter().flat_map(u16::to_le_bytes);
    for (slot, byte) in bytes.iter_mut().zip(MAGIC.into_iter().chain(versions)) {
        *slot = byte;
    }
    bytes
}

impl Identity {
    /// What a secret is known by without being told.
    fn secret_check(&self) -> [u8; 16] {
        let hash = blake3::keyed_hash(&self.secret, b"which secret");
        hash.as_bytes().first_chunk().copied().unwrap_or_default()
    }
}

/// Writes a snapshot into an empty file and syncs it. `go_on` is asked before every few megabytes, `check`
/// whether the views may be written.
///
/// What was shared is let go of as soon as it is written: the ledger goes on meanwhile, and what it changes
/// is held twice for so long. The state stands first since its tables of hashes change all over.
pub(super) fn write(
    file: &dyn DiskFile,
    identity: &Identity,
    snapshot: Snapshot,
    go_on: &mut dyn FnMut() -> io::Result<()>,
    check: &mut dyn FnMut(&mut Views) -> io::Result<()>,
) -> io::Result<()> {
    let mut sink = Sink::new(file, go_on);
    let Snapshot { chain, unsealed, published, frontier, state, mut views } = snapshot;
    let (size, root) = published.unwrap_or((0, [0; 32]));
    sink.write_all(&prefix())?;
    sink.write_all(&identity.log)?;
    sink.write_all(&identity.secret_check())?;
    sink.write_all(&chain.next_seq().0.to_le_bytes())?;
    sink.write_all(&chain.head())?;
    sink.write_all(&chain.time_ms().to_le_bytes())?;
    sink.write_all(&[u8::from(unsealed)])?;
    sink.write_all(&size.to_le_bytes())?;
    sink.write_all(&root)?;
    let frontier = frontier.to_bytes();
    let len = u32::try_from(frontier.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    sink.write_all(&len.to_le_bytes())?;
    sink.write_all(&frontier)?;
    state.save(&mut sink)?;
    drop(state);
    check(&mut views)?;
    let views_at = sink.position();
    views.save(&mut sink)?;
    sink.write_all(&views_at.to_le_bytes())?;
    sink.finish()
}

/// Reads a snapshot of `named` records and compares it with the log and with the published checkpoint.
pub(super) fn read(
    file: &dyn DiskFile,
    named: u64,
    identity: &Identity,
    reader: &dyn Reader,
    expected: Option<(u64, Hash)>,
) -> Result<Snapshot, Doubt> {
    let (head, from) = &mut begin(file, named, &identity.log, reader)?;
    let Head { chain, unsealed, published, .. } = head.clone();
    let size = named;
    if head.secret_check != identity.secret_check() {
        return Err(Doubt::Secret);
    }
    // A checkpoint behind it is compared when the replay comes there.
    if let Some((at, _)) = expected.filter(|(at, _)| *at <= size)
        && published != expected
    {
        return Err(Doubt::Published { size: at });
    }
    let frontier = frontier(from)?;
    let state = State::load(identity.secret, from).map_err(Doubt::decoding)?;
    let views = Views::load(from).map_err(Doubt::decoding)?;
    let applied = views.position().map_or(0, |position| position.next().0);
    let decided = state.position().next_seq.0;
    if [frontier.size(), applied, decided] != [size; 3]
        || from.read(&mut [0]).map_err(Doubt::Io)? != 0
    {
        return Err(Doubt::Decode(io::ErrorKind::InvalidData.into()));
    }
    Ok(Snapshot { chain, unsealed, published, frontier, state, views })
}

/// Reads the views of a snapshot of `named` records alone.
pub(super) fn read_views(
    file: &dyn DiskFile,
    named: u64,
    log: &Hash,
    reader: &dyn Reader,
) -> Result<Views, Doubt> {
    let (_, from) = begin(file, named, log, reader)?;
    let Source { end, .. } = *from.get_ref();
    let mut views_at = [0; 8];
    read_exact_at(file, &mut views_at, end).map_err(Doubt::Io)?;
    let source = Source { file, offset: u64::from_le_bytes(views_at), end };
    let from = &mut BufReader::with_capacity(PIECE_BYTES, source);
    Views::load(from).map_err(Doubt::decoding)
}

/// What stands before tree, views and state.
#[derive(Clone)]
struct Head {
    secret_check: [u8; 16],
    chain: ChainCheck,
    unsealed: bool,
    published: Option<(u64, Hash)>,
}

/// Checks the bytes, and that the log bears out what the head says. Returns what follows it, too.
fn begin<'a>(
    file: &'a dyn DiskFile,
    named: u64,
    log: &Hash,
    reader: &dyn Reader,
) -> Result<(Head, BufReader<Source<'a>>), Doubt> {
    let end = check_bytes(file)?.saturating_sub(VIEWS_AT_BYTES);
    let source = Source { file, offset: PREFIX_BYTES, end };
    let mut reading = BufReader::with_capacity(PIECE_BYTES, source);
    let from = &mut reading;
    if bytes::<32>(from)? != *log {
        return Err(Doubt::Log);
    }
    let secret_check = bytes(from)?;
    let (size, head, time_ms) = (number(from)?, bytes::<32>(from)?, number(from)?);
    let [unsealed] = bytes::<1>(from)?;
    let published = (number(from)?, bytes::<32>(from)?);
    if size != named {
        return Err(Doubt::Name { named, size });
    }
    check_log(size, &head, reader)?;
    let chain = ChainCheck::resume(Seq(size), head, time_ms);
    let (unsealed, published) = (unsealed != 0, (published.0 != 0).then_some(published));
    Ok((Head { secret_check, chain, unsealed, published }, reading))
}

/// Magic, versions, length and hash. Returns where the trailer begins.
pub(super) fn check_bytes(file: &dyn DiskFile) -> Result<u64, Doubt> {
    let size = file.size().map_err(Doubt::Io)?;
    let end = size.saturating_sub(TRAILER_BYTES);
    if end < PREFIX_BYTES.saturating_add(VIEWS_AT_BYTES) {
        return Err(Doubt::Magic);
    }
    if SNAPSHOT_BYTES_MAX < size {
        return Err(Doubt::TooLarge { bytes: size });
    }
    let mut start = Prefix::default();
    read_exact_at(file, &mut start, 0).map_err(Doubt::Io)?;
    if !start.starts_with(&MAGIC) {
        return Err(Doubt::Magic);
    }
    if start != prefix() {
        return Err(Doubt::Version);
    }
    let mut hasher = blake3::Hasher::new_derive_key(context::SNAPSHOT);
    let mut source = Source { file, offset: 0, end };
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = source.read(&mut piece).map_err(Doubt::Io)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
    }
    let mut trailer = Hash::default();
    read_exact_at(file, &mut trailer, end).map_err(Doubt::Io)?;
    if *hasher.finalize().as_bytes() == trailer { Ok(end) } else { Err(Doubt::Trailer) }
}

/// The log must be as long, and hold this record before that position.
fn check_log(size: u64, head: &Hash, reader: &dyn Reader) -> Result<(), Doubt> {
    let log = reader.head().next_seq.0;
    let Some(last) = size.checked_sub(1).filter(|_| size <= log).map(Seq) else {
        return Err(Doubt::Ahead { size, log });
    };
    let block = reader.block_of(last).map_err(Doubt::Unread)?;
    let found = block.as_ref().and_then(|block| block.records().find(|r| r.seq() == last));
    match found {
        Some(record) if record.chain_hash() == *head => Ok(()),
        _ => Err(Doubt::Chain),
    }
}

fn frontier(from: &mut dyn Read) -> Result<Frontier, Doubt> {
    let wrong = || Doubt::Decode(io::ErrorKind::InvalidData.into());
    let len = u32::from_le_bytes(bytes(from)?);
    if FRONTIER_BYTES_MAX < len {
        return Err(wrong());
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(|_| wrong())?];
    from.read_exact(&mut bytes).map_err(Doubt::decoding)?;
    Frontier::from_bytes(&bytes).map_err(|_| wrong())
}

fn bytes<const N: usize>(from: &mut dyn Read) -> Result<[u8; N], Doubt> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(Doubt::decoding)?;
    Ok(bytes)
}

fn number(from: &mut dyn Read) -> Result<u64, Doubt> {
    bytes(from).map(u64::from_le_bytes)
}

/// A file that is written from its beginning, and hashed.
struct Sink<'a> {
    file: &'a dyn DiskFile,
    go_on: &'a mut dyn FnMut() -> io::Result<()>,
    /// Bytes that are in the file.
    written: u64,
    synced: u64,
    piece: Vec<u8>,
    hasher: blake3::Hasher,
}

impl<'a> Sink<'a> {
    fn new(file: &'a dyn DiskFile, go_on: &'a mut dyn FnMut() -> io::Result<()>) -> Self {
        let hasher = blake3::Hasher::new_derive_key(context::SNAPSHOT);
        let piece = Vec::with_capacity(PIECE_BYTES);
        Self { file, go_on, written: 0, synced: 0, piece, hasher }
    }

    /// Bytes so far.
    fn position(&self) -> u64 {
        self.written.saturating_add(u64::try_from(self.piece.len()).unwrap_or(u64::MAX))
    }

    fn put(&mut self) -> io::Result<()> {
        let end = self.position();
        if SNAPSHOT_BYTES_MAX < end {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                Doubt::TooLarge { bytes: end },
            ));
        }
        write_all_at(self.file, &self.piece, self.written)?;
        self.written = end;
        self.piece.clear();
        if self.synced.saturating_add(SYNC_BYTES) <= self.written {
            self.file.sync_data()?;
            self.synced = self.written;
            (self.go_on)()?;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.piece.extend_from_slice(self.hasher.finalize().as_bytes());
        self.put()?;
        self.file.sync_all()
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if PIECE_BYTES <= self.piece.len() {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hasher.update(&self.piece);
        self.put()
    }
}

/// A part of a file that is read from its beginning.
struct Source<'a> {
    file: &'a dyn DiskFile,
    offset: u64,
    end: u64,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let count = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.offset)?;
        self.offset = self.offset.saturating_add(u64::try_from(count).unwrap_or(0));
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
