//! Headers of blocks and segments: operational, never evidence.
//!
//! Nothing in a header is hashed. A verifier recomputes every value from the records and refuses
//! a header that disagrees. CRC-32C guards against damage, the chain against people.

use thiserror::Error;

use crate::chain::ChainError;
use crate::envelope::RecordError;
use crate::hash::{Hash, Hex};
use crate::layout::{field, get_u32, get_u64, set};
use crate::limits::{BLOCK_BYTES_MAX, BLOCK_RECORDS_MAX};
use crate::seq::Seq;

/// Bytes of a block header.
pub const BLOCK_HEADER_BYTES: usize = 112;
/// Bytes of a segment header.
pub const SEGMENT_HEADER_BYTES: usize = 4_096;
/// Blocks begin at multiples of this.
pub(crate) const BLOCK_ALIGN: usize = 8;

const BLOCK_MAGIC: [u8; 4] = *b"MZB1";
const SEGMENT_MAGIC: [u8; 8] = *b"MZSEG\0\0\x01";

/// Why a frame cannot be read. Offsets count from the frame's first byte.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the message of each variant says what its fields mean")]
pub enum FrameError {
    /// Not damage: this build is too old for it.
    #[error("{what} version {version} was written by a newer version")]
    NewerVersion { what: &'static str, version: u8 },
    #[error("{what}: {found} bytes, {needed} needed")]
    Short { what: &'static str, needed: usize, found: usize },
    #[error("offset 0: no {what} begins here")]
    Magic { what: &'static str },
    #[error("offset {offset}: checksum of {what} is {found:08x}, {expected:08x} expected")]
    Checksum { what: &'static str, offset: usize, expected: u32, found: u32 },
    #[error("offset {offset}, {field}: {found}, {allowed} allowed")]
    Range { field: &'static str, offset: usize, found: u64, allowed: &'static str },
    #[error("offset {offset}: {what} is not zero")]
    NotZero { what: &'static str, offset: usize },
    #[error("offset {offset}: {extra} bytes behind the block")]
    Trailing { offset: usize, extra: usize },
    #[error("offset {offset}, record {seq}: {source}")]
    Record { offset: usize, seq: Seq, source: RecordError },
    #[error("offset {offset}: {source}")]
    Chain { offset: usize, source: ChainError },
    #[error("offset 16, count: the block header says {found}, there are {expected} records")]
    Count { expected: u32, found: u32 },
    #[error(
        "offset 64, head: the block header says {}, the last record hashes to {}",
        Hex(.found), Hex(.expected)
    )]
    Head { expected: Hash, found: Hash },
    #[error(
        "record {seq}, the block's last, is part {part} (from 0) of {parts}: its group is torn"
    )]
    TornGroup { seq: Seq, part: u16, parts: u16 },
    #[error("record {seq} of kind {kind} shares its block; genesis and seal have their own")]
    NotAlone { seq: Seq, kind: u16 },
}

impl FrameError {
    /// Returns the unknown version, when a newer program wrote this: exit 2, never "tampered".
    pub fn newer_version(&self) -> Option<u8> {
        match self {
            Self::NewerVersion { version, .. }
            | Self::Record { source: RecordError::NewerVersion(version), .. } => Some(*version),
            _ => None,
        }
    }
}

/// The 112 bytes before a block's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// Position of the first record.
    pub first_seq: Seq,
    /// Number of records, 1 to 65,535.
    pub count: u32,
    /// Bytes of records, without padding.
    pub body_len: u32,
    /// Fencing token of the writer; never falls along a log.
    pub epoch: u64,
    /// Chain hash before the block: the first record's `prev`.
    pub prev_head: Hash,
    /// Chain hash of the last record.
    pub head: Hash,
    /// CRC-32C of the body.
    pub body_crc: u32,
}

impl BlockHeader {
    /// Writes the header with its checksum.
    pub fn encode(&self) -> [u8; BLOCK_HEADER_BYTES] {
        const N: usize = BLOCK_HEADER_BYTES;
        let mut out = [0; N];
        set::<0, 4, N>(&mut out, BLOCK_MAGIC);
        set::<8, 8, N>(&mut out, self.first_seq.0.to_le_bytes());
        set::<16, 4, N>(&mut out, self.count.to_le_bytes());
        set::<20, 4, N>(&mut out, self.body_len.to_le_bytes());
        set::<24, 8, N>(&mut out, self.epoch.to_le_bytes());
        set::<32, 32, N>(&mut out, self.prev_head);
        set::<64, 32, N>(&mut out, self.head);
        set::<96, 4, N>(&mut out, self.body_crc.to_le_bytes());
        let crc = crc32c::crc32c(&field::<8, 104, N>(&out));
        set::<4, 4, N>(&mut out, crc.to_le_bytes());
        out
    }

    /// Reads the header at the start of `bytes`; what follows is not looked at.
    ///
    /// # Errors
    /// Too few bytes, no block, a wrong checksum, a value out of range.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        const N: usize = BLOCK_HEADER_BYTES;
        const WHAT: &str = "block header";
        let head = bytes.first_chunk::<N>().ok_or(FrameError::Short {
            what: WHAT,
            needed: N,
            found: bytes.len(),
        })?;
        // All four bytes: no checksum covers them, and what a newer program wrote says so in its
        // segment's header or its records. A changed magic is damage.
        if field::<0, 4, N>(head) != BLOCK_MAGIC {
            return Err(FrameError::Magic { what: "block" });
        }
        check_crc(WHAT, 4, get_u32::<4, N>(head), &field::<8, 104, N>(head))?;
        let header = Self {
            first_seq: Seq(get_u64::<8, N>(head)),
            count: get_u32::<16, N>(head),
            body_len: get_u32::<20, N>(head),
            epoch: get_u64::<24, N>(head),
            prev_head: field::<32, 32, N>(head),
            head: field::<64, 32, N>(head),
            body_crc: get_u32::<96, N>(head),
        };
        header.check(&field::<100, 12, N>(head))?;
        Ok(header)
    }

    fn check(&self, reserved: &[u8; 12]) -> Result<(), FrameError> {
        if self.count == 0 || BLOCK_RECORDS_MAX < self.count {
            let found = u64::from(self.count);
            let allowed = "1 to 65,535";
            return Err(FrameError::Range { field: "count", offset: 16, found, allowed });
        }
        if BLOCK_BYTES_MAX < self.body_bytes() {
            let found = u64::from(self.body_len);
            let allowed = "at most 16,777,216";
            return Err(FrameError::Range { field: "body_len", offset: 20, found, allowed });
        }
        if *reserved != [0; 12] {
            return Err(FrameError::NotZero { what: "reserved space", offset: 100 });
        }
        Ok(())
    }

    /// Returns the bytes of records.
    pub fn body_bytes(&self) -> usize {
        usize::try_from(self.body_len).unwrap_or(usize::MAX)
    }

    /// Returns the bytes of the whole frame: header, records, padding.
    pub fn frame_bytes(&self) -> usize {
        BLOCK_HEADER_BYTES.saturating_add(self.body_bytes()).next_multiple_of(BLOCK_ALIGN)
    }

    /// Returns the position of the last record.
    pub fn last_seq(&self) -> Seq {
        self.first_seq.after(u64::from(self.count.saturating_sub(1)))
    }
}

/// The first 4,096 bytes of a segment file; 104 of them are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Size of the file, preallocated space included.
    pub file_size: u32,
    /// Position of the first record it holds, also its name.
    pub first_seq: Seq,
    /// Number of the segment, from 0.
    pub number: u64,
    /// Chain hash before `first_seq`.
    pub prev: Hash,
    /// Id of the log it belongs to.
    pub log_id: Hash,
    /// Fencing token when the file was made.
    pub epoch: u64,
}

impl SegmentHeader {
    /// Writes the header with its checksum.
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        const N: usize = SEGMENT_HEADER_BYTES;
        let mut out = [0; N];
        set::<0, 8, N>(&mut out, SEGMENT_MAGIC);
        set::<12, 4, N>(&mut out, self.file_size.to_le_bytes());
        set::<16, 8, N>(&mut out, self.first_seq.0.to_le_bytes());
        set::<24, 8, N>(&mut out, self.number.to_le_bytes());
        set::<32, 32, N>(&mut out, self.prev);
        set::<64, 32, N>(&mut out, self.log_id);
        set::<96, 8, N>(&mut out, self.epoch.to_le_bytes());
        let crc = crc32c::crc32c(&field::<12, 4084, N>(&out));
        set::<8, 4, N>(&mut out, crc.to_le_bytes());
        out
    }

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// Too few bytes, no segment, a newer version, a wrong checksum, reserved space in use.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        const N: usize = SEGMENT_HEADER_BYTES;
        const WHAT: &str = "segment header";
        let head = bytes.first_chunk::<N>().ok_or(FrameError::Short {
            what: WHAT,
            needed: N,
            found: bytes.len(),
        })?;
        if field::<0, 7, N>(head) != field::<0, 7, 8>(&SEGMENT_MAGIC) {
            return Err(FrameError::Magic { what: "segment" });
        }
        check_crc(WHAT, 8, get_u32::<8, N>(head), &field::<12, 4084, N>(head))?;
        let [version] = field::<7, 1, N>(head);
        if version != 1 {
            return Err(FrameError::NewerVersion { what: "segment", version });
        }
        if field::<104, 3992, N>(head) != [0; 3992] {
            return Err(FrameError::NotZero { what: "reserved space", offset: 104 });
        }
        Ok(Self {
            file_size: get_u32::<12, N>(head),
            first_seq: Seq(get_u64::<16, N>(head)),
            number: get_u64::<24, N>(head),
            prev: field::<32, 32, N>(head),
            log_id: field::<64, 32, N>(head),
            epoch: get_u64::<96, N>(head),
        })
    }
}

/// Compares a stored checksum, found at `offset`, with that of the bytes it covers.
pub(crate) fn check_crc(
    what: &'static str,
    offset: usize,
    found: u32,
    covered: &[u8],
) -> Result<(), FrameError> {
    let expected = crc32c::crc32c(covered);
    if found == expected {
        return Ok(());
    }
    Err(FrameError::Checksum { what, offset, expected, found })
}

const _: () = assert!(BLOCK_HEADER_BYTES.is_multiple_of(BLOCK_ALIGN));
const _: () = assert!(SEGMENT_HEADER_BYTES.is_multiple_of(BLOCK_ALIGN));
