//! Reading a log from its first segment to its last whole block.
//!
//! Lives here: headers of all segments and blocks, the last segment in full, the index that comes
//! of it.
//! Lives elsewhere: what the bytes behind the last block are (`record::tail`), mending them (`recover`).
//!
//! Always: nothing is written. Bodies are read in the last segment only, so that opening a log of
//! many gigabytes takes no longer than reading its headers; readers check a body when they fetch
//! it.

use std::sync::Arc;

use record::tail::{Rest, Verdict, is_zero};
use record::{
    BLOCK_HEADER_BYTES, Block, BlockHeader, FrameError, Hash, SEGMENT_HEADER_BYTES, SegmentHeader,
    Seq, VERSION,
};

use super::index::{Index, segment_path};
use super::names::{SEGMENTS_DIR, hex, segment_first_seq};
use crate::disk::{Disk, DiskFile, Mode, join, read_exact_at};
use crate::error::{BlockFault, Damage, Error};
use crate::journal::Head;

/// Version of a segment's layout, the last byte of its magic.
const SEGMENT_VERSION: u8 = 1;

/// What is read at once where many blocks stand close together.
const CHUNK_BYTES: u64 = 256 * 1024;
/// What is read at once where only headers matter and blocks are large.
const PEEK_BYTES: u64 = 4 * 1024;

/// A log as found on disk.
pub(super) struct Scan {
    /// Where each block stands, and the head.
    pub(super) index: Index,
    /// The log that all segments name.
    pub(super) log_id: Hash,
    /// The last segment.
    pub(super) last: Last,
}

/// The last segment, the one that is appended to.
pub(super) struct Last {
    pub(super) path: String,
    pub(super) file_size: u32,
    /// Where the last block begins; where the first one will, if there is none.
    pub(super) block_start: u64,
    /// Where the last block ends.
    pub(super) end: u64,
    /// Bytes behind `end` up to the last one that is not zero: the remains of a torn block.
    pub(super) torn_bytes: u64,
}

/// Returns the first positions of all segments in `dir`, in order.
///
/// # Errors
/// `NoLedger` when there is none.
pub(super) fn list_segments(disk: &dyn Disk, dir: &str) -> Result<Vec<Seq>, Error> {
    let segments_dir = join(dir, SEGMENTS_DIR);
    let names = match disk.list(&segments_dir) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::io("listing", &segments_dir, &error)),
    };
    let found: Vec<Seq> = names.iter().filter_map(|name| segment_first_seq(name)).collect();
    if found.is_empty() { Err(Error::NoLedger { dir: dir.to_owned() }) } else { Ok(found) }
}

/// Scans the log in `dir`.
///
/// # Errors
/// `NoLedger`, `Corrupt`, `Newer`, `Unavailable`.
pub(super) fn scan(disk: &dyn Disk, dir: &str) -> Result<Scan, Error> {
    let names = list_segments(disk, dir)?;
    let mut index = Index::new();
    let mut log_id = None;
    for (number, first_seq) in names.iter().enumerate() {
        let path = segment_path(dir, *first_seq);
        let file =
            disk.open(&path, Mode::Read).map_err(|error| Error::io("opening", &path, &error))?;
        let mut window = Window::new(file, path)?;
        let next = names.get(number + 1).copied();
        let header = read_header(&mut window, next)?;
        check_header(&header, &window, number as u64, *first_seq, &index.head(), log_id)?;
        log_id = Some(header.log_id);
        index.push_segment(SEGMENT_HEADER_BYTES as u64, header.epoch);
        if let Some(next) = next {
            walk(&mut window, &mut index, next)?;
        } else {
            let last = read_last(&mut window, &mut index, header.file_size)?;
            return Ok(Scan { index, log_id: header.log_id, last });
        }
    }
    // Not reached: the list is not empty, and its last entry returns.
    Err(Error::NoLedger { dir: dir.to_owned() })
}

fn read_header(window: &mut Window, next: Option<Seq>) -> Result<SegmentHeader, Error> {
    let decoded = SegmentHeader::decode(window.get(0, SEGMENT_HEADER_BYTES as u64, PEEK_BYTES)?);
    let from = segment_first_seq(window.path.rsplit('/').next().unwrap_or_default());
    decoded.map_err(|error| match error.newer_version() {
        Some(found) => Error::Newer { what: window.path.clone(), found, max: SEGMENT_VERSION },
        None => Error::Corrupt {
            segment: window.path.clone(),
            offset: 0,
            from: from.unwrap_or_default(),
            to: next.map(before),
            what: Box::new(Damage::SegmentHeader(error)),
        },
    })
}

/// Compares a segment's header with the file and with the log before it.
fn check_header(
    header: &SegmentHeader,
    window: &Window,
    number: u64,
    name: Seq,
    head: &Head,
    log_id: Option<Hash>,
) -> Result<(), Error> {
    let log_id = log_id.unwrap_or(header.log_id);
    let differs = [
        ("file size", 12, window.size, u64::from(header.file_size)),
        ("first_seq", 16, name.0, header.first_seq.0),
        ("first_seq", 16, head.next_seq.0, header.first_seq.0),
        ("number", 24, number, header.number),
        // An epoch never falls.
        ("epoch", 96, header.epoch.max(head.epoch), header.epoch),
    ]
    .into_iter()
    .find(|(_, _, expected, found)| expected != found)
    .map(|(field, offset, expected, found)| {
        (field, offset, expected.to_string(), found.to_string())
    })
    .or_else(|| {
        [("prev", 32, &head.hash, &header.prev), ("log id", 64, &log_id, &header.log_id)]
            .into_iter()
            .find(|(_, _, expected, found)| expected != found)
            .map(|(field, offset, expected, found)| (field, offset, hex(expected), hex(found)))
    });
    let Some((field, offset, expected, found)) = differs else { return Ok(()) };
    Err(Error::Corrupt {
        segment: window.path.clone(),
        offset,
        from: head.next_seq,
        to: (head.next_seq < name).then(|| before(name)),
        what: Box::new(Damage::SegmentDisagrees { field, expected, found }),
    })
}

/// Reads the block headers of a segment that is not the last; `next` begins the one after it.
fn walk(window: &mut Window, index: &mut Index, next: Seq) -> Result<(), Error> {
    let mut offset = SEGMENT_HEADER_BYTES as u64;
    let mut ahead = PEEK_BYTES;
    let fault = loop {
        let room = window.size.saturating_sub(offset);
        let bytes = window.get(offset, BLOCK_HEADER_BYTES as u64, ahead)?;
        match check_block_header(bytes, room, &index.head()) {
            Ok(header) => {
                let frame_bytes = header.frame_bytes() as u64;
                // Behind a small block the next headers are read along with this one.
                ahead = if frame_bytes < CHUNK_BYTES / 4 { CHUNK_BYTES } else { PEEK_BYTES };
                index.push_block(frame_bytes, head_of(&header));
                offset += frame_bytes;
            }
            Err(fault) => break fault,
        }
    };
    let head = index.head();
    let zero = window.is_zero_from(offset)?;
    if zero && head.next_seq == next {
        return Ok(());
    }
    // Zeros where blocks must be: they were lost whole, or the segment behind was put there.
    let fault = if zero { BlockFault::Missing } else { fault };
    let to = (head.next_seq < next).then(|| before(next));
    let (segment, what) = (window.path.clone(), Box::new(Damage::NotLast(fault)));
    Err(Error::Corrupt { segment, offset, from: head.next_seq, to, what })
}

/// Reads all blocks of the last segment and judges what stands behind them.
fn read_last(window: &mut Window, index: &mut Index, file_size: u32) -> Result<Last, Error> {
    let mut offset = SEGMENT_HEADER_BYTES as u64;
    let mut block_start = offset;
    let mut judged = None;
    loop {
        let fault = match read_block(window, offset, &index.head())? {
            Ok(header) => {
                let frame_bytes = header.frame_bytes() as u64;
                index.push_block(frame_bytes, head_of(&header));
                block_start = offset;
                offset += frame_bytes;
                continue;
            }
            Err(fault) => fault,
        };
        let verdict = judge(window, offset)?;
        // A reader beside a server may have caught a write half done: the bytes here were read
        // before it ended, those behind after it, or after the next one. So a verdict stands when
        // the place, read again after it was given, is as bad and is judged the same.
        if verdict != Verdict::End && judged != Some((offset, verdict)) {
            judged = Some((offset, verdict));
            window.forget();
            continue;
        }
        let Some(what) = damage(verdict, fault, offset) else {
            let torn_bytes = if let Verdict::Torn { bytes } = verdict { bytes } else { 0 };
            let path = window.path.clone();
            return Ok(Last { path, file_size, block_start, end: offset, torn_bytes });
        };
        let from = index.head().next_seq;
        let to = match verdict {
            Verdict::ValidBlock { first_seq, .. } => Some(before(first_seq)),
            Verdict::Complete { last_seq } => last_seq,
            Verdict::End | Verdict::Torn { .. } | Verdict::OutOfReach { .. } => None,
        };
        let to = to.filter(|to| from <= *to);
        let (segment, what) = (window.path.clone(), Box::new(what));
        return Err(Error::Corrupt { segment, offset, from, to, what });
    }
}

/// Judges the bytes from `offset` to the end of the file, read piece by piece.
fn judge(window: &mut Window, offset: u64) -> Result<Verdict, Error> {
    let (mut rest, mut at) = (Rest::default(), offset);
    while at < window.size {
        let piece = window.get(at, CHUNK_BYTES, CHUNK_BYTES)?;
        rest.push(piece);
        at += piece.len() as u64;
    }
    Ok(rest.judge(offset))
}

/// Turns a verdict into damage; `None` for what a power cut explains.
fn damage(verdict: Verdict, fault: BlockFault, offset: u64) -> Option<Damage> {
    match verdict {
        Verdict::End | Verdict::Torn { .. } => None,
        // The block itself is whole, so it is not torn: it does not belong here.
        Verdict::ValidBlock { at: 0, .. } => Some(Damage::Block(fault)),
        Verdict::ValidBlock { at, .. } => Some(Damage::ValidBlockBehind { fault, at: offset + at }),
        Verdict::OutOfReach { at } => Some(Damage::FarBehind { fault, at: offset + at }),
        Verdict::Complete { .. } => Some(Damage::Complete(fault)),
    }
}

/// Reads the block at `offset` in full.
///
/// # Errors
/// `Corrupt` for a block whose checksums hold but whose records break the format: no torn write
/// does that. `Newer` for a record of a later version.
fn read_block(
    window: &mut Window,
    offset: u64,
    head: &Head,
) -> Result<Result<BlockHeader, BlockFault>, Error> {
    let room = window.size.saturating_sub(offset);
    let bytes = window.get(offset, BLOCK_HEADER_BYTES as u64, CHUNK_BYTES)?;
    let header = match check_block_header(bytes, room, head) {
        Ok(header) => header,
        Err(fault) => return Ok(Err(fault)),
    };
    let frame = window.get(offset, header.frame_bytes() as u64, CHUNK_BYTES)?.to_vec();
    match Block::from_frame(frame) {
        Ok(_) => Ok(Ok(header)),
        Err(error @ (FrameError::Checksum { .. } | FrameError::Short { .. })) => {
            Ok(Err(BlockFault::Frame(error)))
        }
        Err(error) => Err(frame_error(error, &window.path, offset, &header)),
    }
}

/// Names the place of a block that cannot be used although it was written so.
pub(super) fn frame_error(
    error: FrameError,
    path: &str,
    offset: u64,
    header: &BlockHeader,
) -> Error {
    if let Some(found) = error.newer_version() {
        let what = format!("a record of {path}, block at offset {offset},");
        return Error::Newer { what, found, max: VERSION };
    }
    Error::Corrupt {
        segment: path.to_owned(),
        offset,
        from: header.first_seq,
        to: Some(header.last_seq()),
        what: Box::new(Damage::Block(BlockFault::Frame(error))),
    }
}

fn check_block_header(bytes: &[u8], room: u64, head: &Head) -> Result<BlockHeader, BlockFault> {
    let header = BlockHeader::decode(bytes).map_err(BlockFault::Frame)?;
    let needed = header.frame_bytes() as u64;
    if header.first_seq != head.next_seq {
        let (expected, found) = (head.next_seq, header.first_seq);
        return Err(BlockFault::FirstSeq { expected, found });
    }
    if header.prev_head != head.hash {
        let (expected, found) = (head.hash, header.prev_head);
        return Err(BlockFault::PrevHead { expected, found });
    }
    if header.epoch < head.epoch {
        return Err(BlockFault::Epoch { before: head.epoch, found: header.epoch });
    }
    if room < needed {
        return Err(BlockFault::Room { needed, room });
    }
    Ok(header)
}

fn head_of(header: &BlockHeader) -> Head {
    Head { next_seq: header.last_seq().next(), hash: header.head, epoch: header.epoch }
}

fn before(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(1))
}

/// A piece of a file in memory, moved along as it is read.
struct Window {
    file: Arc<dyn DiskFile>,
    path: String,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn new(file: Arc<dyn DiskFile>, path: String) -> Result<Self, Error> {
        let size = file.size().map_err(|error| Error::io("measuring", &path, &error))?;
        Ok(Self { file, path, size, start: 0, bytes: Vec::new() })
    }

    /// Drops what was read: the next `get` reads the file anew.
    fn forget(&mut self) {
        self.bytes.clear();
    }

    /// Returns `len` bytes from `offset`, fewer at the end of the file; reads `ahead` bytes if any.
    fn get(&mut self, offset: u64, len: u64, ahead: u64) -> Result<&[u8], Error> {
        let len = len.min(self.size.saturating_sub(offset));
        let held = self.start..self.start + self.bytes.len() as u64;
        if offset < held.start || held.end < offset + len {
            let wanted = len.max(ahead).min(self.size.saturating_sub(offset));
            self.bytes.resize(as_len(wanted), 0);
            self.start = offset;
            read_exact_at(&*self.file, &mut self.bytes, offset)
                .map_err(|error| Error::io("reading", &self.path, &error))?;
        }
        let from = as_len(offset - self.start);
        Ok(self.bytes.get(from..from + as_len(len)).unwrap_or_default())
    }

    fn is_zero_from(&mut self, mut offset: u64) -> Result<bool, Error> {
        while offset < self.size {
            let bytes = self.get(offset, CHUNK_BYTES, CHUNK_BYTES)?;
            if !is_zero(bytes) {
                return Ok(false);
            }
            offset += bytes.len() as u64;
        }
        Ok(true)
    }
}

/// A length inside a segment: the format gives its size as u32.
fn as_len(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
