//! A block: the records that one write and one sync make durable together.

use crate::chain::ChainCheck;
use crate::envelope::Record;
use crate::frame::{BLOCK_HEADER_BYTES, BlockHeader, FrameError, check_crc};
use crate::hash::{Hash, chain_hash};
use crate::seq::Seq;
use crate::system;

/// Whole groups of records in their frame, exactly as written to disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    header: BlockHeader,
    /// 112 bytes of header, the body, zeros up to a multiple of 8.
    frame: Vec<u8>,
}

impl Block {
    /// Reads a frame and checks everything that the block alone can show: checksums, every
    /// record, the chain from `prev_head` to `head`, whole groups, zero padding.
    ///
    /// That the block continues its log (`prev_head`, time, epoch) is for the reader to compare.
    ///
    /// # Errors
    /// The first rule that is broken, with its offset in the frame.
    pub fn from_frame(bytes: Vec<u8>) -> Result<Self, FrameError> {
        let block = Self::from_trusted_frame(bytes)?;
        block.check_records(|_, _| Ok::<_, FrameError>(()))?;
        Ok(block)
    }

    /// Reads a frame that this process wrote, or read whole before: header, checksums, lengths
    /// and padding are checked, records and chain are not.
    ///
    /// A checksum is no defence against people. Use [`Block::from_frame`] for bytes that nobody
    /// has hashed yet.
    ///
    /// # Errors
    /// As [`Block::from_frame`], for framing.
    pub fn from_trusted_frame(bytes: Vec<u8>) -> Result<Self, FrameError> {
        let header = BlockHeader::decode(&bytes)?;
        let (needed, found) = (header.frame_bytes(), bytes.len());
        if found < needed {
            return Err(FrameError::Short { what: "block", needed, found });
        }
        if needed < found {
            let extra = found.saturating_sub(needed);
            return Err(FrameError::Trailing { offset: needed, extra });
        }
        let block = Self { header, frame: bytes };
        check_crc("block body", 96, header.body_crc, block.body())?;
        let body_end = BLOCK_HEADER_BYTES.saturating_add(header.body_bytes());
        if block.frame.get(body_end..).unwrap_or_default().iter().any(|byte| *byte != 0) {
            return Err(FrameError::NotZero { what: "padding", offset: body_end });
        }
        Ok(block)
    }

    /// Wraps a frame that the builder has just made.
    pub(crate) fn sealed(header: BlockHeader, frame: Vec<u8>) -> Self {
        Self { header, frame }
    }

    /// Checks every record, the chain from `prev_head` to `head`, whole groups, and that the header
    /// says what it frames. Shows each record with its chain hash once it holds, so that a reader who
    /// wants more of it walks over the bytes while they are at hand.
    ///
    /// # Errors
    /// The first rule that is broken, with its offset in the frame; or that of `show`.
    pub fn check_records<'a, E: From<FrameError>>(
        &'a self,
        mut show: impl FnMut(Record<'a>, Hash) -> Result<(), E>,
    ) -> Result<(), E> {
        let header = &self.header;
        let mut chain = ChainCheck::resume(header.first_seq, header.prev_head, 0);
        let mut rest = self.body();
        let (mut count, mut part, mut parts) = (0_u32, 0, 0);
        while !rest.is_empty() {
            let offset = self.body().len().saturating_sub(rest.len());
            let offset = offset.saturating_add(BLOCK_HEADER_BYTES);
            let (record, behind) = Record::split_first(rest)
                .map_err(|source| FrameError::Record { offset, seq: chain.next_seq(), source })?;
            let (kind, seq) = (record.kind(), record.seq());
            if system::has_own_block(kind) && header.count != 1 {
                return Err(FrameError::NotAlone { seq, kind }.into());
            }
            let hash = chain_hash(record.bytes());
            chain.push(&record, hash).map_err(|source| FrameError::Chain { offset, source })?;
            show(record, hash)?;
            (part, parts) = (record.part(), record.parts());
            count = count.saturating_add(1);
            rest = behind;
        }
        if count != header.count {
            return Err(FrameError::Count { expected: count, found: header.count }.into());
        }
        if chain.head() != header.head {
            return Err(FrameError::Head { expected: chain.head(), found: header.head }.into());
        }
        if !chain.at_group_end() {
            return Err(FrameError::TornGroup { seq: self.last_seq(), part, parts }.into());
        }
        Ok(())
    }

    /// Returns the header.
    pub fn header(&self) -> &BlockHeader {
        &self.header
    }

    /// Returns the position of the first record.
    pub fn first_seq(&self) -> Seq {
        self.header.first_seq
    }

    /// Returns the position of the last record.
    pub fn last_seq(&self) -> Seq {
        self.header.last_seq()
    }

    /// Returns the number of records, at least 1.
    pub fn count(&self) -> u32 {
        self.header.count
    }

    /// Returns the fencing token of the writer.
    pub fn epoch(&self) -> u64 {
        self.header.epoch
    }

    /// Returns the chain hash before the block.
    pub fn prev_head(&self) -> Hash {
        self.header.prev_head
    }

    /// Returns the chain hash of the last record.
    pub fn head(&self) -> Hash {
        self.header.head
    }

    /// Returns the frame as written: header, records, padding.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// Gives the frame's buffer back, for instance to read the next one into it.
    pub fn into_frame(self) -> Vec<u8> {
        self.frame
    }

    /// Returns the records back to back, without padding.
    pub fn body(&self) -> &[u8] {
        let end = BLOCK_HEADER_BYTES.saturating_add(self.header.body_bytes());
        self.frame.get(BLOCK_HEADER_BYTES..end).unwrap_or_default()
    }

    /// Returns the records in order; they were checked before, so this only cuts.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> + Clone {
        let mut rest = self.body();
        std::iter::from_fn(move || {
            let (record, behind) = Record::cut(rest).ok()?;
            rest = behind;
            Some(record)
        })
    }

    /// Returns the records with their chain hashes, and hashes nothing: each hash is the next
    /// record's `prev`, the last one the block's head.
    pub fn records_hashed(&self) -> impl Iterator<Item = (Record<'_>, Hash)> + Clone {
        let mut next = self.records().skip(1);
        let head = self.head();
        self.records().map(move |record| {
            let hash = next.next().map_or(head, |following| following.prev());
            (record, hash)
        })
    }

    /// Returns the server time of the last record, Unix milliseconds: the next block's may not
    /// be before it.
    pub fn last_time_ms(&self) -> u64 {
        self.records().last().map_or(0, |record| record.time_ms())
    }
}
