//! Segment files: which bytes are whole blocks, and what stands behind the last one.
//!
//! Lives here: reading block by block, headers against each other, the judgement over the tail.
//! Lives elsewhere: what is in a block (`records`), the layout of headers (`record`).
//!
//! Always: opens files to read only and takes no lock. The files are listed once, at the start: of a
//! ledger that grows meanwhile, what is written to a later segment is not looked at.
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

/// Less than most blocks, so that they are read straight to where they stay.
const BUFFER: usize = 64 << 10;
/// What a disk writes whole.
const SECTOR: usize = 512;
/// A block ends less than this behind its last byte that is not zero: within its last record, padded.
const ZEROS_MAX: usize = RECORD_BYTES_MAX + 8;
/// Bytes behind a bad place that are looked at: more than one torn block can have left there.
const LOOK_MAX: usize = 2 * BLOCK_BYTES_MAX;
/// Valid headers there whose bodies are read: a torn block leaves none, and whoever forged many
/// must not keep us reading for ever.
const CANDIDATES_MAX: usize = 64;
/// Further looks at a bad place in a ledger that a server may be writing, and the pause before each.
const AGAIN: [Duration; 4] = [Duration::from_millis(20); 4];

/// One block and where it stands.
pub(crate) struct Framed {
    pub(crate) block: Block,
    /// Index of its segment.
    pub(crate) file: usize,
    /// Offset of its header.
    pub(crate) offset: u64,
}

/// Reads the blocks of all segments in order.
pub(crate) struct Blocks {
    dir: PathBuf,
    /// Segments as reports name them (`segments/….mzs`), and their sizes.
    files: Vec<(String, u64)>,
    /// Log id that the first header states; the genesis must agree.
    pub(crate) log_id: Hash,
    /// What stands behind the last whole block and is no evidence.
    pub(crate) tail: Option<Tail>,
    /// Buffers of blocks that were walked, to be read into again.
    pub(crate) spare: Vec<Vec<u8>>,
    /// Index of the segment being read, and the place in it.
    file: usize,
    input: Option<BufReader<File>>,
    offset: u64,
    // What the next header must continue.
    next_seq: Seq,
    head: Hash,
    epoch: u64,
}

impl Blocks {
    /// Lists the segments below `dir` and starts before record 0.
    pub(crate) fn open(dir: &Path) -> Result<Self, Stop> {
        let folder = dir.join("segments");
        let list = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Problem::no_ledger(dir)),
            list => list.map_err(|error| Problem::io(&folder, &error))?,
        };
        let mut files = Vec::new();
        for entry in list {
            let entry = entry.map_err(|error| Problem::io(&folder, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // The next segment, still without a block, has another name and is none of ours.
            if name.strip_suffix(".mzs").is_some_and(|digits| digits.len() == 20) {
                let data = entry.metadata().map_err(|error| Problem::io(&entry.path(), &error))?;
                files.push((format!("segments/{name}"), data.len()));
            }
        }
        files.sort();
        let (input, tail, spare) = (None, None, Vec::new());
        let (log_id, head, next_seq) = (ZERO_HASH, ZERO_HASH, Seq(0));
        let (dir, file, offset, epoch) = (dir.to_owned(), 0, 0, 0);
        let mut blocks =
            Self { dir, files, log_id, tail, spare, file, input, offset, next_seq, head, epoch };
        if blocks.files.is_empty() {
            return Err(Problem::no_ledger(&blocks.dir));
        }
        blocks.log_id = blocks.read_segment_header()?.log_id;
        Ok(blocks)
    }

    /// Returns the names of the files, by index.
    pub(crate) fn names(&self) -> Vec<String> {
        self.files.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Appends the next blocks to `chunk`, about `target` bytes of them; none at the end.
    ///
    /// # Errors
    /// What stands in place of the next block. Those before it are in `chunk`.
    pub(crate) fn fill(&mut self, chunk: &mut Vec<Framed>, target: usize) -> Result<(), Stop> {
        let mut bytes = 0;
        while bytes < target && self.file < self.files.len() {
            if self.input.is_none() {
                self.enter()?;
            }
            match self.read_block()? {
                Ok(framed) => {
                    bytes += framed.block.frame().len();
                    chunk.push(framed);
                }
                Err(fault) => {
                    self.end_segment(fault)?;
                    (self.file, self.input) = (self.file + 1, None);
                }
            }
        }
        Ok(())
    }

    /// The name of the segment being read, and its size.
    fn segment(&self) -> (&str, u64) {
        self.files.get(self.file).map_or(("", 0), |(name, size)| (name, *size))
    }

    fn read_segment_header(&self) -> Result<SegmentHeader, Stop> {
        let bytes = self.read_at(0, SEGMENT_HEADER_BYTES)?;
        SegmentHeader::decode(&bytes).map_err(|error| self.bad(&error, ""))
    }

    /// Opens the segment whose turn it is and holds its header against what was read so far.
    fn enter(&mut self) -> Result<(), Stop> {
        self.offset = 0;
        let found = self.read_segment_header()?;
        let (name, size) = self.segment();
        let named = format!("segments/{:020}.mzs", found.first_seq.0);
        let number = to_u64(self.file);
        same("framing", "segment header: first_seq", self.next_seq, found.first_seq)
            .and_then(|()| same("framing", "file name", &*named, name))
            .and_then(|()| {
                same("framing", "segment header: file_size", size, found.file_size.into())
            })
            .and_then(|()| same("framing", "segment header: number", number, found.number))
            .and_then(|()| {
                same("framing", "segment header: prev", Hex(&self.head), Hex(&found.prev))
            })
            .and_then(|()| {
                same("framing", "segment header: log id", Hex(&self.log_id), Hex(&found.log_id))
            })
            .and_then(|()| self.check_epoch(found.epoch))
            .map_err(|stop| stop.at(name, 0, self.next_seq))?;
        self.epoch = found.epoch;
        self.offset = to_u64(SEGMENT_HEADER_BYTES);
        self.input = Some(self.open_at(self.offset)?);
        Ok(())
    }

    /// Reads the block at the present place, or says why none begins there.
    fn read_block(&mut self) -> Result<Result<Framed, FrameError>, Stop> {
        let (offset, due) = (self.offset, self.next_seq);
        let room = usize::try_from(self.segment().1 - offset).unwrap_or(usize::MAX);
        let short = |needed| FrameError::Short { what: "block", needed, found: room };
        if room < BLOCK_HEADER_BYTES {
            return Ok(Err(short(BLOCK_HEADER_BYTES)));
        }
        let mut head = [0; BLOCK_HEADER_BYTES];
        self.read(&mut head)?;
        let header = match BlockHeader::decode(&head) {
            Ok(header) if header.frame_bytes() <= room => header,
            Ok(header) => return Ok(Err(short(header.frame_bytes()))),
            Err(error) => return Ok(Err(error)),
        };
        let mut frame = self.spare.pop().unwrap_or_default();
        frame.resize(header.frame_bytes(), 0);
        let (start, body) = frame.split_at_mut(BLOCK_HEADER_BYTES);
        start.copy_from_slice(&head);
        self.read(body)?;
        let block = match Block::from_trusted_frame(frame) {
            Ok(block) => block,
            Err(error) => return Ok(Err(error)),
        };
        same("framing", "block header: first_seq", due, header.first_seq)
            .and_then(|()| {
                same("framing", "block header: prev_head", Hex(&self.head), Hex(&header.prev_head))
            })
            .and_then(|()| self.check_epoch(header.epoch))
            .map_err(|stop| stop.at(self.segment().0, offset, due))?;
        self.offset += to_u64(header.frame_bytes());
        self.next_seq = header.last_seq().next();
        (self.head, self.epoch) = (header.head, header.epoch);
        Ok(Ok(Framed { block, file: self.file, offset }))
    }

    fn check_epoch(&self, found: u64) -> Result<(), Stop> {
        same("framing", "epoch, which never falls,", self.epoch.max(found), found)
    }

    /// Decides whether the segment ends where no block could be read, and notes a tail.
    fn end_segment(&mut self, mut fault: FrameError) -> Result<(), Stop> {
        let mut end = self.judge(&fault);
        // A server may be writing just there, and what looks torn be half of its next block.
        let lived_in = self.dir.join("LOCK").exists();
        for pause in AGAIN.into_iter().filter(|_| lived_in) {
            if end == Ok(None) {
                break;
            }
            std::thread::sleep(pause);
            self.input = Some(self.open_at(self.offset)?);
            match self.read_block()? {
                Ok(_) => end = Ok(None),
                Err(error) => fault = error,
            }
            end = end.and_then(|tail| if tail.is_none() { Ok(None) } else { self.judge(&fault) });
        }
        self.tail = end?;
        Ok(())
    }

    /// Judges the bytes from the present place to the end of the file, where no whole block begins.
    fn judge(&self, fault: &FrameError) -> Result<Option<Tail>, Stop> {
        let ((name, _), offset) = (self.segment(), self.offset);
        let Some(last) = self.last_used()? else { return Ok(None) };
        let is_padding = matches!(fault, FrameError::NotZero { what: "padding", .. });
        if is_padding || fault.newer_version().is_some() {
            return Err(self.bad(fault, ""));
        }
        if self.file + 1 < self.files.len() {
            return Err(self.bad(fault, ", and a later segment exists"));
        }
        // Case 2.
        let rest = self.read_at(offset, (last + ZEROS_MAX).min(LOOK_MAX))?;
        if let Some(behind) = valid_block(&rest) {
            let why = format!(", and a valid block follows at offset {}", offset + to_u64(behind));
            return Err(self.bad(fault, &why));
        }
        if BLOCK_HEADER_BYTES + BLOCK_BYTES_MAX <= last {
            return Err(self.bad(fault, ", and bytes stand where no block reaches from here"));
        }
        // Case 3; a bad header with nothing behind it is what no whole block leaves.
        let header = BlockHeader::decode(&rest);
        let extent = header.as_ref().map_or(last + 1, |h| BLOCK_HEADER_BYTES + h.body_bytes());
        let cut_short = header.is_err() && last < BLOCK_HEADER_BYTES;
        if !cut_short && !has_unwritten_part(rest.get(..extent).unwrap_or(&rest), offset) {
            return Err(self.bad(fault, "; it was written completely and damaged since"));
        }
        // Case 4.
        Ok(Some(Tail { segment: name.to_owned(), offset, bytes: to_u64(last + 1) }))
    }

    /// Turns a frame's fault into a failure, or into "newer", which is none. Names the record that
    /// was changed, where the records of the block tell.
    fn bad(&self, error: &FrameError, why: &str) -> Stop {
        let ((name, _), offset, due) = (self.segment(), self.offset, self.next_seq);
        if error.newer_version().is_some() {
            return Problem::newer(&format!("{name}, offset {offset}: {error}"));
        }
        let frame = self.read_at(offset, BLOCK_HEADER_BYTES + BLOCK_BYTES_MAX);
        let found = error.to_string();
        let stop = if let Some((seq, at)) = frame.ok().as_deref().and_then(blame) {
            let what =
                format!("record {seq} was changed since its block was written: {error}{why}");
            Stop::failure("framing", &what, "the bytes that were written", found).at(
                name,
                offset + at,
                seq,
            )
        } else {
            let what = format!("no whole block where record {due} begins: {error}{why}");
            Stop::failure("framing", &what, "a whole block", found)
        };
        stop.at(name, offset, due)
    }

    /// Returns the distance to the file's last byte that is not zero, from the present place on.
    fn last_used(&self) -> Result<Option<usize>, Stop> {
        let mut input = self.open_at(self.offset)?;
        let (mut at, mut last) = (0, None);
        loop {
            let piece = input.fill_buf().map_err(|error| self.io(&error))?;
            if piece.is_empty() {
                return Ok(last);
            }
            // Most pieces are zeros, which this sees at once.
            if piece.iter().fold(0, |all, byte| all | byte) != 0 {
                last = piece.iter().rposition(|byte| *byte != 0).map(|index| at + index);
            }
            let len = piece.len();
            at += len;
            input.consume(len);
        }
    }

    fn open_at(&self, offset: u64) -> Result<BufReader<File>, Stop> {
        let file = File::open(self.dir.join(self.segment().0));
        let mut input = BufReader::with_capacity(BUFFER, file.map_err(|error| self.io(&error))?);
        input.seek(SeekFrom::Start(offset)).map_err(|error| self.io(&error))?;
        Ok(input)
    }

    /// Reads from `offset` on, at most `len` bytes.
    fn read_at(&self, offset: u64, len: usize) -> Result<Vec<u8>, Stop> {
        let mut bytes = Vec::new();
        let read = self.open_at(offset)?.take(to_u64(len)).read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|error| self.io(&error))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), Stop> {
        let read = self.input.as_mut().map_or(Ok(()), |input| input.read_exact(bytes));
        read.map_err(|error| self.io(&error))
    }

    fn io(&self, error: &io::Error) -> Stop {
        Problem::io(&self.dir.join(self.segment().0), error)
    }
}

/// Case 2: finds the first valid block. Blocks stand at multiples of 8.
fn valid_block(rest: &[u8]) -> Option<usize> {
    let places = (0..rest.len()).step_by(8).filter_map(|at| Some((at, rest.get(at..)?)));
    let headers = places.filter(|(_, bytes)| bytes.starts_with(b"MZB1"));
    let headers = headers.filter(|(_, bytes)| BlockHeader::decode(bytes).is_ok());
    let mut numbered = (0..).zip(headers);
    numbered.find(|(n, (_, bytes))| CANDIDATES_MAX < *n || body_holds(bytes)).map(|(_, (at, _))| at)
}

/// Tells whether a block with a valid header begins here whose body holds, too. (What else may be
/// wrong with it, like its padding, is a fault of a whole block.)
fn body_holds(bytes: &[u8]) -> bool {
    let Ok(header) = BlockHeader::decode(bytes) else { return false };
    let frame = bytes.get(..header.frame_bytes()).map(<[u8]>::to_vec);
    let block = frame.map(Block::from_trusted_frame);
    block.is_some_and(|block| !matches!(block, Err(FrameError::Checksum { .. })))
}

/// Case 3: tells whether a sector's part of a block at `offset` is all zero: it was never written.
fn has_unwritten_part(block: &[u8], offset: u64) -> bool {
    let into_sector = usize::try_from(offset).unwrap_or(0) % SECTOR;
    let (first, others) = block.split_at(block.len().min(SECTOR - into_sector));
    let mut parts = std::iter::once(first).chain(others.chunks(SECTOR));
    parts.any(|part| part.iter().all(|byte| *byte == 0))
}
