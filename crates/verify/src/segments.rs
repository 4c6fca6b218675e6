//! Segment files: which bytes are whole blocks, and what stands behind the last one.
//!
//! Lives here: reading block by block, headers against each other.
//! Lives elsewhere: what is in a block (`records`), the layout of headers and the judgement over what
//! looks torn (`record`).
//!
//! Always: opens files to read only and takes no lock. The files are listed once, at the start: of a
//! ledger that grows meanwhile, what is written to a later segment is not looked at.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use record::tail::{BLOCK_REACH, Rest, Verdict};
use record::{
    BLOCK_HEADER_BYTES, Block, BlockHeader, FrameError, Hash, Hex, Record, SEGMENT_HEADER_BYTES,
    SegmentHeader, Seq, ZERO_HASH, chain_hash,
};

use crate::report::{Problem, Stop, Tail, same, to_u64};

/// Less than most blocks, so that they are read straight to where they stay.
const BUFFER: usize = 64 << 10;
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
        let (dir, input, tail, file, offset, epoch) = (dir.to_owned(), None, None, 0, 0, 0);
        let (log_id, head, next_seq) = (ZERO_HASH, ZERO_HASH, Seq(0));
        let mut blocks =
            Self { dir, files, log_id, tail, file, input, offset, next_seq, head, epoch };
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

    /// Returns the next block; none at the end.
    ///
    /// # Errors
    /// What stands in place of the next block.
    pub(crate) fn next(&mut self) -> Result<Option<Framed>, Stop> {
        while self.file < self.files.len() {
            if self.input.is_none() {
                self.enter()?;
            }
            match self.read_block()? {
                Ok(framed) => return Ok(Some(framed)),
                Err(fault) => self.end_segment(fault)?,
            }
            (self.file, self.input) = (self.file + 1, None);
        }
        Ok(None)
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
        let (due, number) = (self.next_seq, to_u64(self.file));
        let framing = |field: &str| format!("segment header: {field}");
        same("framing", &framing("first_seq"), due, found.first_seq)
            .and_then(|()| same("framing", "file name", &*named, name))
            .and_then(|()| same("framing", &framing("file_size"), size, found.file_size.into()))
            .and_then(|()| same("framing", &framing("number"), number, found.number))
            .and_then(|()| same("framing", &framing("prev"), Hex(&self.head), Hex(&found.prev)))
            .and_then(|()| {
                same("framing", &framing("log id"), Hex(&self.log_id), Hex(&found.log_id))
            })
            .and_then(|()| self.check_epoch(found.epoch))
            .map_err(|stop| stop.at(name, 0, due))?;
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
        let mut frame = Vec::new();
        self.read(BLOCK_HEADER_BYTES, &mut frame)?;
        let header = match BlockHeader::decode(&frame) {
            Ok(header) if header.frame_bytes() <= room => header,
            Ok(header) => return Ok(Err(short(header.frame_bytes()))),
            Err(error) => return Ok(Err(error)),
        };
        self.read(header.frame_bytes() - BLOCK_HEADER_BYTES, &mut frame)?;
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
        // A server may be writing just there, and what looks torn be half of its next block.
        let lived_in = self.dir.join("LOCK").exists();
        for pause in AGAIN.into_iter().filter(|_| lived_in) {
            if self.judge(&fault) == Ok(None) {
                return Ok(());
            }
            std::thread::sleep(pause);
            self.input = Some(self.open_at(self.offset)?);
            match self.read_block()? {
                Ok(_) => return Ok(()),
                Err(error) => fault = error,
            }
        }
        self.tail = self.judge(&fault)?;
        Ok(())
    }

    /// Judges the bytes from the present place to the end of the file, where no whole block begins.
    fn judge(&self, fault: &FrameError) -> Result<Option<Tail>, Stop> {
        let (mut rest, mut input) = (Rest::default(), self.open_at(self.offset)?);
        let mut piece = vec![0; BUFFER];
        loop {
            match input.read(&mut piece).map_err(|error| self.io(&error))? {
                0 => break,
                bytes => rest.push(piece.get(..bytes).unwrap_or_default()),
            }
        }
        let why = match rest.judge(self.offset) {
            Verdict::End => return Ok(None),
            _ if self.file + 1 < self.files.len() => ", and a later segment exists".to_owned(),
            Verdict::Torn { bytes } => {
                let segment = self.segment().0.to_owned();
                return Ok(Some(Tail { segment, offset: self.offset, bytes }));
            }
            // Its checksums hold: what is wrong with it is said by the fault.
            Verdict::ValidBlock { at: 0, .. } => String::new(),
            Verdict::ValidBlock { at, .. } => {
                format!(", and a valid block follows at offset {}", self.offset + at)
            }
            Verdict::OutOfReach { .. } => {
                ", and bytes stand where no block reaches from here".to_owned()
            }
            Verdict::Complete { .. } => "; it was written completely and damaged since".to_owned(),
        };
        Err(self.bad(fault, &why))
    }

    /// Turns a frame's fault into a failure, or into "newer", which is none. Names the record that
    /// was changed, where the records of the block tell.
    fn bad(&self, error: &FrameError, why: &str) -> Stop {
        let ((name, _), offset, due) = (self.segment(), self.offset, self.next_seq);
        if error.newer_version().is_some() {
            return Problem::newer(&format!("{name}, offset {offset}: {error}"));
        }
        let frame = self.read_at(offset, BLOCK_REACH);
        let (seq, at, what, expected) = match frame.ok().as_deref().and_then(changed_record) {
            Some((seq, at)) => {
                let what = format!("record {seq} was changed since its block was written");
                (seq, at, what, "the bytes that were written")
            }
            None => (due, 0, format!("no whole block where record {due} begins"), "a whole block"),
        };
        let what = format!("{what}: {error}{why}");
        Stop::failure("framing", &what, expected, error.to_string()).at(name, offset + at, seq)
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

    /// Appends the next `len` bytes.
    fn read(&mut self, len: usize, bytes: &mut Vec<u8>) -> Result<(), Stop> {
        let Some(input) = &mut self.input else { return Ok(()) };
        bytes.reserve_exact(len);
        let read = input.take(to_u64(len)).read_to_end(bytes);
        match read {
            Ok(read) if read == len => Ok(()),
            Ok(_) => Err(self.io(&io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.io(&error)),
        }
    }

    fn io(&self, error: &io::Error) -> Stop {
        Problem::io(&self.dir.join(self.segment().0), error)
    }
}

/// Finds the record whose bytes do not fit their neighbours, in a frame whose body's checksum fails,
/// and its offset there.
///
/// A changed record hashes to another value than the next one's `prev`; if the change is in its own
/// `prev`, the link before it breaks as well.
fn changed_record(frame: &[u8]) -> Option<(Seq, u64)> {
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
