//! What can go wrong with a journal: the world's faults, each with its place and numbers.
//!
//! Lives here: [`Error`] and, for damage, what was found and why it is no torn write.
//! Lives elsewhere: the codes MZ-9001 to MZ-9009 and the hints (the process).

use std::fmt;
use std::io;

use record::{FrameError, Hash, Seq};
use thiserror::Error;

/// Why a journal cannot do what was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// The head is another than the caller believes, or the block does not continue it. Nothing
    /// written.
    #[error("the log's head is {}, the block continues {}", Hex(found), Hex(expected))]
    Conflict {
        /// Head that the caller named, or that the block's header names.
        expected: Hash,
        /// Head of the log.
        found: Hash,
    },
    /// Somebody else became the writer. Nothing written. MZ-9002.
    #[error("epoch {mine} was replaced by {theirs}")]
    Fenced {
        /// Epoch of the holder or of its block; 0 = none was taken.
        mine: u64,
        /// Epoch of the present writer.
        theirs: u64,
    },
    /// The write or its sync failed: the block may be durable or not. MZ-9003.
    #[error("whether records {from}-{to} are durable is not known: {source}")]
    Unknown {
        /// First record of the block.
        from: Seq,
        /// Last record of the block.
        to: Seq,
        /// What the disk said.
        source: io::Error,
    },
    /// The block is larger than this journal takes. Nothing written. MZ-6003.
    #[error("block of {bytes} bytes of records, at most {bytes_max}")]
    TooLarge {
        /// Bytes of records.
        bytes: u64,
        /// The most that fits.
        bytes_max: u64,
    },
    /// The disk fails, or failed before. Nothing more is written until a restart. MZ-9001.
    #[error("{why}")]
    Unavailable {
        /// What was tried, on which file, and what the disk said.
        why: String,
    },
    /// Damage that no power cut explains: restore. MZ-9004.
    #[error("{segment}, offset {offset}: {what}; {}", Range(*from, *to))]
    Corrupt {
        /// File, relative to the disk's root.
        segment: String,
        /// Offset of the first bad byte's block or header.
        offset: u64,
        /// First record that is damaged or missing.
        from: Seq,
        /// Last one, where something behind the damage tells.
        to: Option<Seq>,
        /// What was found, and why it is damage.
        what: Box<Damage>,
    },
    /// Written by a newer program: not damage. MZ-9006.
    #[error("{what} has version {found}, this program reads up to {max}")]
    Newer {
        /// Segment or record.
        what: String,
        /// Its version.
        found: u8,
        /// The newest version known here.
        max: u8,
    },
    /// There is no log in the directory. MZ-9008.
    #[error("{dir} holds no ledger")]
    NoLedger {
        /// Directory, relative to the disk's root.
        dir: String,
    },
    /// A log is to be created where one is.
    #[error("{dir} holds a ledger already")]
    Exists {
        /// Directory, relative to the disk's root.
        dir: String,
    },
    /// Another process has the directory open. MZ-9005.
    #[error("{dir} is in use")]
    Locked {
        /// Directory, relative to the disk's root.
        dir: String,
    },
    /// The log is behind its last published checkpoint, or contradicts it. Found by the process,
    /// which holds the checkpoint and the tree. MZ-9007.
    #[error("ledger has {size} records, the checkpoint speaks of {published}")]
    RolledBack {
        /// Records in the log.
        size: u64,
        /// Records that were published.
        published: u64,
    },
    /// No space for the next segment. Nothing acknowledged is lost. MZ-9009.
    #[error("{dir}: {free} bytes free, {needed} needed")]
    DiskFull {
        /// Directory of the segments.
        dir: String,
        /// Bytes free there; 0 when the system does not say.
        free: u64,
        /// Size of the file that was to be made.
        needed: u64,
    },
}

impl Error {
    /// Says what was tried when the disk failed.
    pub(crate) fn io(what: &str, path: &str, source: &io::Error) -> Self {
        Self::Unavailable { why: format!("{what} {path}: {source}") }
    }
}

/// Why bytes are damage and not the remains of a torn write (`docs/format.md`, opening a log).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Damage {
    /// A segment's first 4,096 bytes, synced before the file got its name, cannot be read.
    #[error("{0}")]
    SegmentHeader(FrameError),
    /// A segment's header is whole and says something else than the log around it.
    #[error("{field} of the segment header is {found}, {expected} expected")]
    SegmentDisagrees {
        /// Name of the field in the format.
        field: &'static str,
        /// What the log around it says.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A block cannot be read although whole blocks stand behind it.
    #[error("{fault}; a valid block follows at offset {at}")]
    ValidBlockBehind {
        /// What is wrong with the block.
        fault: BlockFault,
        /// Where the next valid block begins.
        at: u64,
    },
    /// Bytes stand further behind than one block can reach.
    #[error("{fault}; offset {at} is not zero, further behind than a block can reach")]
    FarBehind {
        /// What is wrong with the block.
        fault: BlockFault,
        /// Where the last such byte stands.
        at: u64,
    },
    /// A segment that is not the last was complete before the next one was made.
    #[error("{0}; a later segment exists")]
    NotLast(BlockFault),
    /// Every part of the block was written, so it was whole once.
    #[error("{0}; the block was written completely and damaged since")]
    Complete(BlockFault),
    /// A block whose checksums hold, but which does not belong here or breaks a rule of the format.
    #[error("{0}")]
    Block(BlockFault),
    /// The marker of a clean stop names another end.
    #[error("the marker `clean` says the log ended whole at {marked} records, {found} are there")]
    NotClean {
        /// Number of records when the log was closed.
        marked: u64,
        /// Number of whole records found.
        found: u64,
    },
    /// The marker of a clean stop cannot be read.
    #[error("not a marker of a clean stop")]
    Marker,
}

/// What is wrong with the bytes where a block should begin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlockFault {
    /// Framing, checksum or a record.
    #[error("{0}")]
    Frame(FrameError),
    /// It begins with another record.
    #[error("block begins with record {found}, {expected} expected")]
    FirstSeq {
        /// Next record of the log.
        expected: Seq,
        /// First record of the block.
        found: Seq,
    },
    /// It continues another history.
    #[error("block continues head {}, the log's is {}", Hex(found), Hex(expected))]
    PrevHead {
        /// Head of the log.
        expected: Hash,
        /// What the block says it continues.
        found: Hash,
    },
    /// It was written by a writer who had been replaced.
    #[error("epoch falls from {before} to {found}")]
    Epoch {
        /// Epoch before.
        before: u64,
        /// Epoch of the block.
        found: u64,
    },
    /// Its end lies behind the end of the file.
    #[error("block of {needed} bytes, {room} are left in the file")]
    Room {
        /// Bytes of the frame.
        needed: u64,
        /// Bytes up to the end of the file.
        room: u64,
    },
    /// Nothing stands where a block must be.
    #[error("no block")]
    Missing,
}

/// The first bytes of a hash, enough to compare by eye.
struct Hex<'a>(&'a Hash);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.iter().take(4) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…")
    }
}

struct Range(Seq, Option<Seq>);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(to) if to == self.0 => write!(f, "record {to}"),
            Some(to) => write!(f, "records {}-{to}", self.0),
            None => write!(f, "records from {} on", self.0),
        }
    }
}
