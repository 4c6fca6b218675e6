//! Segment files: which bytes are whole blocks, and what stands behind the last one.
//!
//! Lives here: reading block by block, headers against each other, the judgement over the tail.
//! Lives elsewhere: what is in a block (`records`), the layout of headers (`record`).
//!
//! Always: opens files to read only and takes no lock. The end is found once, at the start, so a
//! ledger that grows meanwhile is read up to the last whole block that was present then.
//! Source: `docs/format.md`, "Opening the last segment"; the case numbers are the ones there.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use record::limits::{BLOCK_BYTES_MAX, RECORD_BYTES_MAX};
use record::{
    BLOCK_HEADER_BYTES, Block, BlockHeader, FrameError, Hash, SEGMENT_HEADER_BYTES, SegmentHeader,
    Seq, ZERO_HASH,
};

use crate::records::blame;
use crate::report::{Hex, Problem, Stop, Tail, same, to_u64};

const BLOCK_HEADER: u64 = BLOCK_HEADER_BYTES as u64;
/// Less than most blocks, so that they are read straight to where they stay.
const BUFFER: usize = 64 << 10;
/// A block ends less than this behind its last byte that is not zero: within its last record, padded.
const ZEROS_MAX: u64 = RECORD_BYTES_MAX as u64 + 8;
/// What a disk writes whole.
const SECTOR: usize = 512;
/// Valid headers behind a bad place whose bodies are read: a torn write leaves none, and whoever
/// forged many must not keep us reading for ever.
const CANDIDATES_MAX: usize = 64;
/// Looks at a bad place in a ledger that a server may be writing, and the pause before each.
const AGAIN: [Duration; 4] = [Duration::from_millis(20); 4];

/// The segment files of a log as they were at the start.
pub(crate) struct Segments {
    dir: PathBuf,
    files: Vec<Segment>,
    /// Log id that the first header states; the genesis must agree.
    pub(crate) log_id: Hash,
    end: End,
}

struct Segment {
    /// As reports name it: `segments/….mzs`.
    name: String,
    first_seq: Seq,
    size: u64,
}

/// Where the last segment's whole blocks end, and what stands there.
struct End {
    offset: u64,
    /// A tail that is no evidence, or damage, which is reported once all before it held.
    found: Result<Option<Tail>, Stop>,
}

/// One block and where it stands.
pub(crate) struct Framed {
    pub(crate) block: Block,
    /// Index of its segment.
    pub(crate) file: usize,
    /// Offset of its header.
    pub(crate) offset: u64,
}

impl Segments {
    /// Lists the segments below `dir` and finds the end of the log.
    pub(crate) fn open(dir: &Path) -> Result<Self, Stop> {
        let mut files = Vec::new();
        let folder = dir.join("segments");
        let list = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Problem::no_ledger(dir)),
            list => list.map_err(|error| Problem::io(&folder, &error))?,
        };
        for entry in list {
            let entry = entry.map_err(|error| Problem::io(&folder, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // The next segment, still without a block, has another name and is none of ours.
            let Some(first_seq) = first_seq_of(&name) else { continue };
            let size = entry.metadata().map_err(|error| Problem::io(&entry.path(), &error))?.len();
            files.push(Segment { name: format!("segments/{name}"), first_seq, size });
        }
        files.sort_by_key(|file| file.first_seq);
        let [first, ..] = &*files else { return Err(Problem::no_ledger(dir)) };
        let log_id = first.header(dir)?.log_id;
        let end = files.last().unwrap_or(first).find_end(dir)?;
        Ok(Self { dir: dir.to_owned(), files, log_id, end })
    }

    /// Returns the names of the files, by index.
    pub(crate) fn names(&self) -> Vec<String> {
        self.files.iter().map(|file| file.name.clone()).collect()
    }

    /// Returns what stands behind the last whole block and is no evidence.
    pub(crate) fn tail(&self) -> Option<Tail> {
        self.end.found.clone().ok().flatten()
    }
}

/// Reads a name of 20 digits and `.mzs`.
fn first_seq_of(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(".mzs")?;
    let whole = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole { digits.parse().ok().map(Seq) } else { None }
}

impl Segment {
    fn open(&self, dir: &Path) -> Result<BufReader<File>, Stop> {
        let path = dir.join(&self.name);
        let file = File::open(&path).map_err(|error| Problem::io(&path, &error))?;
        Ok(BufReader::with_capacity(BUFFER, file))
    }

    /// Reads from `offset` on, at most `len` bytes.
    fn read(&self, dir: &Path, offset: u64, len: u64) -> Result<Vec<u8>, Stop> {
        let (mut input, mut bytes) = (self.open(dir)?, Vec::new());
        let seek = input.seek(SeekFrom::Start(offset));
        let read = seek.and_then(|_| input.take(len).read_to_end(&mut bytes));
        read.map(|_| bytes).map_err(|error| Problem::io(&dir.join(&self.name), &error))
    }

    fn header(&self, dir: &Path) -> Result<SegmentHeader, Stop> {
        let bytes = self.read(dir, 0, to_u64(SEGMENT_HEADER_BYTES))?;
        SegmentHeader::decode(&bytes).map_err(|error| self.bad(&error, 0, self.first_seq))
    }

    /// Turns a frame's fault into a failure, or into "newer", which is none.
    fn bad(&self, error: &FrameError, offset: u64, due: Seq) -> Stop {
        if error.newer_version().is_some() {
            return Problem::newer(&format!("{}, offset {offset}: {error}", self.name));
        }
        let what = format!("no whole block where record {due} begins: {error}");
        Stop::failure("framing", &what, "a whole block", error.to_string())
            .at(&self.name, offset, due)
    }

    /// Finds where the whole blocks of the last segment end, and judges what stands there.
    fn find_end(&self, dir: &Path) -> Result<End, Stop> {
        // A header that lies about the file's size is a failure, which the walk comes upon.
        if self.header(dir).map(|header| u64::from(header.file_size)) != Ok(self.size) {
            return Ok(End { offset: 0, found: Ok(None) });
        }
        let io = |error: io::Error| Problem::io(&dir.join(&self.name), &error);
        let look = || -> Result<End, Stop> {
            let mut input = self.open(dir)?;
            let at = last_whole(&mut input, self.size).map_err(io)?;
            let Some(last) = last_used(&mut input, at).map_err(io)? else {
                return Ok(End { offset: at, found: Ok(None) });
            };
            let rest = self.read(dir, at, last - at + ZEROS_MAX)?;
            let last = usize::try_from(last - at).unwrap_or(usize::MAX);
            Ok(End { offset: at, found: self.judge(&rest, last, at) })
        };
        let mut end = look()?;
        // A server may be writing just there, and what looks torn be half of its next block.
        let lived_in = dir.join("LOCK").exists();
        for pause in AGAIN.into_iter().filter(|_| lived_in) {
            if end.found == Ok(None) {
                break;
            }
            std::thread::sleep(pause);
            let again = look()?;
            if again.offset != end.offset {
                return Ok(End { found: Ok(None), ..end });
            }
            end = again;
        }
        Ok(end)
    }

    /// Judges `rest`, the bytes from `offset` on, where no whole block begins. The one at `last` is
    /// the last that is not zero.
    fn judge(&self, rest: &[u8], last: usize, offset: u64) -> Result<Option<Tail>, Stop> {
        let header = BlockHeader::decode(rest);
        let fault = match &header {
            Err(error) if error.newer_version().is_some() => {
                return Err(self.bad(error, offset, self.first_seq));
            }
            Err(error) => error.to_string(),
            Ok(header) => {
                let (first, last) = (header.first_seq, header.last_seq());
                format!("records {first}-{last}: checksum or end of the block is wrong")
            }
        };
        let why = if let Some(behind) = valid_block(rest) {
            format!("a valid block follows at offset {}", offset + to_u64(behind))
        } else if BLOCK_HEADER_BYTES + BLOCK_BYTES_MAX <= last {
            format!("{last} bytes further is no zero, and no block reaches so far")
        } else {
            let extent = header.as_ref().map_or(last + 1, |h| BLOCK_HEADER_BYTES + h.body_bytes());
            // With a bad header and nothing behind it no whole block ever stood here.
            let cut_short = header.is_err() && last < BLOCK_HEADER_BYTES;
            if cut_short || has_unwritten_part(rest.get(..extent).unwrap_or(rest), offset) {
                let (segment, bytes) = (self.name.clone(), to_u64(last + 1));
                return Ok(Some(Tail { segment, offset, bytes }));
            }
            "the block was written completely and damaged since".to_owned()
        };
        let stop = Stop::failure("framing", &format!("{fault}; {why}"), "a whole block", fault);
        Err(match header {
            Ok(header) => stop.at(&self.name, offset, header.first_seq),
            Err(_) => stop.at_offset(&self.name, offset),
        })
    }
}

/// Returns where the whole blocks of a segment end. Bodies are left to the walk, but for the last.
fn last_whole(input: &mut BufReader<File>, size: u64) -> io::Result<u64> {
    let (mut at, mut last) = (to_u64(SEGMENT_HEADER_BYTES), None);
    let mut head = [0; BLOCK_HEADER_BYTES];
    input.seek(SeekFrom::Start(at))?;
    while at + BLOCK_HEADER <= size {
        input.read_exact(&mut head)?;
        let Ok(header) = BlockHeader::decode(&head) else { break };
        let needed = to_u64(header.frame_bytes());
        if size < at + needed {
            break;
        }
        last = Some((at, needed));
        at += needed;
        input.seek_relative((needed - BLOCK_HEADER).cast_signed())?;
    }
    let Some((start, needed)) = last else { return Ok(at) };
    let mut frame = Vec::new();
    input.seek(SeekFrom::Start(start))?;
    input.take(needed).read_to_end(&mut frame)?;
    Ok(if body_holds(&frame) { at } else { start })
}

/// Returns the offset of the last byte from `from` on that is not zero.
fn last_used(input: &mut BufReader<File>, from: u64) -> io::Result<Option<u64>> {
    let (mut at, mut last) = (input.seek(SeekFrom::Start(from))?, None);
    loop {
        let piece = input.fill_buf()?;
        let len = piece.len();
        if len == 0 {
            return Ok(last);
        }
        // Most pieces are zeros, which this sees at once.
        if piece.iter().fold(0, |all, byte| all | byte) != 0 {
            let index = piece.iter().rposition(|byte| *byte != 0);
            last = index.map(|index| at + to_u64(index));
        }
        at += to_u64(len);
        input.consume(len);
    }
}

/// Tells whether a block with a valid header begins here whose body holds, too. (What else may be
/// wrong with it, like its padding, is a fault of a whole block.)
fn body_holds(bytes: &[u8]) -> bool {
    let Ok(header) = BlockHeader::decode(bytes) else { return false };
    let frame = bytes.get(..header.frame_bytes()).map(<[u8]>::to_vec);
    let block = frame.map(Block::from_trusted_frame);
    block.is_some_and(|block| !matches!(block, Err(FrameError::Checksum { .. })))
}

/// Case 2: finds the first valid block. Blocks stand at multiples of 8.
fn valid_block(rest: &[u8]) -> Option<usize> {
    let places = (0..rest.len()).step_by(8).filter_map(|at| Some((at, rest.get(at..)?)));
    let headers = places.filter(|(_, bytes)| bytes.starts_with(b"MZB"));
    let headers = headers.filter(|(_, bytes)| BlockHeader::decode(bytes).is_ok());
    let mut numbered = (0..).zip(headers);
    numbered.find(|(n, (_, bytes))| CANDIDATES_MAX < *n || body_holds(bytes)).map(|(_, (at, _))| at)
}

/// Case 3: tells whether a sector's part of a block at `offset` is all zero: it was never written.
fn has_unwritten_part(block: &[u8], offset: u64) -> bool {
    let into_sector = usize::try_from(offset).unwrap_or(0) % SECTOR;
    let (first, others) = block.split_at(block.len().min(SECTOR - into_sector));
    let mut parts = std::iter::once(first).chain(others.chunks(SECTOR));
    parts.any(|part| part.iter().all(|byte| *byte == 0))
}

/// Reads the blocks of all segments in order.
pub(crate) struct Blocks {
    segments: Segments,
    /// Index of the segment being read, and the place in it.
    file: usize,
    input: Option<BufReader<File>>,
    offset: u64,
    // What the next header must continue.
    next_seq: Seq,
    head: Hash,
    epoch: u64,
    /// Buffers of blocks that were walked, to be read into again.
    pub(crate) spare: Vec<Vec<u8>>,
}

impl Blocks {
    /// Starts before record 0.
    pub(crate) fn new(segments: Segments) -> Self {
        let (next_seq, head) = (Seq(0), ZERO_HASH);
        Self {
            segments,
            file: 0,
            input: None,
            offset: 0,
            next_seq,
            head,
            epoch: 0,
            spare: Vec::new(),
        }
    }

    /// Appends the next blocks to `chunk`, about `target` bytes of them; none at the end.
    ///
    /// # Errors
    /// What stands in place of the next block. Those before it are in `chunk`.
    pub(crate) fn fill(&mut self, chunk: &mut Vec<Framed>, target: usize) -> Result<(), Stop> {
        let mut bytes = 0;
        while bytes < target {
            let Some(framed) = self.next_block()? else { break };
            bytes += framed.block.frame().len();
            chunk.push(framed);
        }
        Ok(())
    }

    fn next_block(&mut self) -> Result<Option<Framed>, Stop> {
        while self.file < self.segments.files.len() {
            if self.input.is_none() {
                self.enter()?;
            }
            let is_last = self.file + 1 == self.segments.files.len();
            // Not before the header was read: an end of 0 means that it is bad.
            if is_last && self.segments.end.offset <= self.offset {
                return self.segments.end.found.clone().map(|_| None);
            }
            if let Some(framed) = self.read_block(is_last)? {
                return Ok(Some(framed));
            }
            (self.file, self.input) = (self.file + 1, None);
        }
        Ok(None)
    }

    /// Opens the segment whose turn it is and holds its header against what was read so far.
    fn enter(&mut self) -> Result<(), Stop> {
        let segment = self.segment();
        let found = segment.header(&self.segments.dir)?;
        let number = to_u64(self.file);
        let (size, log_id) = (u64::from(found.file_size), &self.segments.log_id);
        same("framing", "segment header: first_seq", self.next_seq, found.first_seq)
            .and_then(|()| same("framing", "file name", found.first_seq, segment.first_seq))
            .and_then(|()| same("framing", "segment header: file_size", segment.size, size))
            .and_then(|()| same("framing", "segment header: number", number, found.number))
            .and_then(|()| {
                same("framing", "segment header: prev", Hex(&self.head), Hex(&found.prev))
            })
            .and_then(|()| {
                same("framing", "segment header: log id", Hex(log_id), Hex(&found.log_id))
            })
            .and_then(|()| self.check_epoch(found.epoch))
            .map_err(|stop| stop.at(&segment.name, 0, self.next_seq))?;
        let mut input = segment.open(&self.segments.dir)?;
        self.offset = to_u64(SEGMENT_HEADER_BYTES);
        input.seek(SeekFrom::Start(self.offset)).map_err(|error| self.io(&error))?;
        self.input = Some(input);
        self.epoch = found.epoch;
        Ok(())
    }

    /// Reads the block at the present place; `None` where only zeros follow in a segment that is
    /// not the last.
    fn read_block(&mut self, is_last: bool) -> Result<Option<Framed>, Stop> {
        let (offset, due) = (self.offset, self.next_seq);
        let room = self.segment().size.saturating_sub(offset);
        let mut head = [0; BLOCK_HEADER_BYTES];
        if BLOCK_HEADER <= room {
            self.read(&mut head)?;
        }
        if !is_last && head.iter().all(|byte| *byte == 0) {
            let rest = self.segment().read(&self.segments.dir, offset, room)?;
            let Some(index) = rest.iter().position(|byte| *byte != 0) else { return Ok(None) };
            let what = "bytes behind the last block of a segment that is not the last";
            return Err(Stop::failure("framing", what, "zeros", "other bytes").at(
                &self.segment().name,
                offset + to_u64(index),
                due,
            ));
        }
        let header =
            BlockHeader::decode(&head).map_err(|error| self.segment().bad(&error, offset, due))?;
        let needed = header.frame_bytes();
        if room < to_u64(needed) {
            let found = usize::try_from(room).unwrap_or(usize::MAX);
            let error = FrameError::Short { what: "block", needed, found };
            return Err(self.segment().bad(&error, offset, due));
        }
        let mut frame = self.spare.pop().unwrap_or_default();
        frame.resize(needed, 0);
        let (start, body) = frame.split_at_mut(BLOCK_HEADER_BYTES);
        start.copy_from_slice(&head);
        self.read(body)?;
        let block =
            Block::from_trusted_frame(frame).map_err(|error| self.blame(&header, &error))?;
        same("framing", "block header: first_seq", due, header.first_seq)
            .and_then(|()| {
                same("framing", "block header: prev_head", Hex(&self.head), Hex(&header.prev_head))
            })
            .and_then(|()| self.check_epoch(header.epoch))
            .map_err(|stop| stop.at(&self.segment().name, offset, due))?;
        self.offset += to_u64(needed);
        self.next_seq = header.last_seq().next();
        (self.head, self.epoch) = (header.head, header.epoch);
        Ok(Some(Framed { block, file: self.file, offset }))
    }

    /// Names the record that was changed, where the records of a bad block tell.
    fn blame(&self, header: &BlockHeader, error: &FrameError) -> Stop {
        let body_at = self.offset + BLOCK_HEADER;
        let stop = self.segment().bad(error, self.offset, self.next_seq);
        let body = self.segment().read(&self.segments.dir, body_at, to_u64(header.body_bytes()));
        match body.ok().and_then(|body| blame(&body, header)) {
            Some((seq, offset)) => {
                let what = format!("record {seq} was changed since its block was written; {error}");
                Stop::failure("framing", &what, "the bytes that were hashed", error.to_string()).at(
                    &self.segment().name,
                    body_at + offset,
                    seq,
                )
            }
            None => stop,
        }
    }

    fn check_epoch(&self, found: u64) -> Result<(), Stop> {
        same("framing", "epoch, which never falls,", self.epoch.max(found), found)
    }

    fn segment(&self) -> &Segment {
        const NONE: &Segment = &Segment { name: String::new(), first_seq: Seq(0), size: 0 };
        self.segments.files.get(self.file).unwrap_or(NONE)
    }

    fn io(&self, error: &io::Error) -> Stop {
        Problem::io(&self.segments.dir.join(&self.segment().name), error)
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), Stop> {
        let read = self.input.as_mut().map_or(Ok(()), |input| input.read_exact(bytes));
        read.map_err(|error| self.io(&error))
    }
}
