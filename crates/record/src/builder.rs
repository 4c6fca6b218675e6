//! The growing block: gives drafts their positions, salts and links, and nothing twice.
//!
//! What a caller decides wrongly here (a group past the hard limit, a time that falls) is a fault
//! of our own and stops the process by an assertion, before anything is written. Records from
//! elsewhere ([`BlockBuilder::append_raw`]) are input and get an error.

use crate::block::Block;
use crate::chain::ChainError;
use crate::draft::Draft;
use crate::envelope::{ENVELOPE_BYTES, Record, at};
use crate::frame::{BLOCK_HEADER_BYTES, BlockHeader};
use crate::hash::{Hash, chain_hash, china_date, salt};
use crate::layout::{get_u16, set};
use crate::limits::{BLOCK_BYTES_MAX, BLOCK_BYTES_TARGET, BLOCK_RECORDS_MAX, TIME_MS_MAX};
use crate::seq::Seq;
use crate::system;

/// Where a draft's records came to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Position of the first record.
    pub first_seq: Seq,
    /// Position of the last record.
    pub last_seq: Seq,
    /// Chain hash of the last record.
    pub head: Hash,
}

/// Builds one block after the other. Not `Debug`: it holds the salt key.
pub struct BlockBuilder {
    epoch: u64,
    first_seq: Seq,
    prev_head: Hash,
    next_seq: Seq,
    head: Hash,
    time_ms: u64,
    count: u32,
    salt_key: [u8; 32],
    /// Space for the header, then the records so far.
    frame: Vec<u8>,
}

impl BlockBuilder {
    /// Starts a block behind `prev_head`, in which the next record gets `first_seq`.
    pub fn start(epoch: u64, first_seq: Seq, prev_head: Hash, salt_key: [u8; 32]) -> Self {
        Self {
            epoch,
            first_seq,
            prev_head,
            next_seq: first_seq,
            head: prev_head,
            time_ms: 0,
            count: 0,
            salt_key,
            frame: vec![0; BLOCK_HEADER_BYTES],
        }
    }

    /// Drops what was appended and starts anew; the buffer is kept.
    pub fn restart(&mut self, epoch: u64, first_seq: Seq, prev_head: Hash) {
        self.epoch = epoch;
        self.first_seq = first_seq;
        self.prev_head = prev_head;
        self.next_seq = first_seq;
        self.head = prev_head;
        self.time_ms = 0;
        self.count = 0;
        self.frame.clear();
        self.frame.resize(BLOCK_HEADER_BYTES, 0);
    }

    /// Tells whether the draft belongs into the block that is being built. If not, that block is
    /// finished first; then it fits, unless [`BlockBuilder::too_large`].
    ///
    /// Only a group alone may exceed the target; genesis and seal share a block with nobody.
    pub fn fits(&self, draft: &Draft) -> bool {
        let alone = draft.system_kind().is_some_and(system::has_own_block);
        let count = u64::from(self.count).saturating_add(u64::from(draft.parts()));
        self.count == 0
            || !alone
                && !self.holds_own_block_record()
                && self.body_len().saturating_add(draft.sealed_len()) <= BLOCK_BYTES_TARGET
                && count <= u64::from(BLOCK_RECORDS_MAX)
    }

    /// Tells whether no block can hold the draft (MZ-6003).
    pub fn too_large(draft: &Draft) -> bool {
        BLOCK_BYTES_MAX < draft.sealed_len()
    }

    /// Appends a group and gives each record its place.
    ///
    /// # Panics
    /// When the caller broke an agreement: an empty draft, one past the hard limits, a time that
    /// falls, is out of range or is before a record's date, a second record beside a genesis or
    /// seal, a genesis elsewhere than at position 0 or anything else there.
    pub fn append(&mut self, draft: &Draft, time_ms: u64) -> Placed {
        let body_len = self.body_len().saturating_add(draft.sealed_len());
        assert!(0 < draft.records(), "an empty group has no place");
        assert!(body_len <= BLOCK_BYTES_MAX, "block of {body_len} bytes; was `fits` asked?");
        assert!(self.time_ms <= time_ms, "time falls from {} to {time_ms}", self.time_ms);
        assert!(time_ms <= TIME_MS_MAX, "time {time_ms} out of range");
        assert!(draft.date_max() <= china_date(time_ms), "a record's date lies after its time");
        assert!(
            (draft.system_kind() == Some(system::GENESIS)) == (self.next_seq == Seq(0)),
            "record 0 is a genesis, and no other record is"
        );
        let alone = draft.system_kind().is_some_and(system::has_own_block);
        assert!(
            self.count == 0 || !alone && !self.holds_own_block_record(),
            "genesis and seal have a block of their own"
        );
        let start = self.frame.len();
        self.frame.extend_from_slice(draft.bytes());
        let first_seq = self.next_seq;
        self.seal_records(start, draft.parts(), time_ms);
        assert!(self.count <= BLOCK_RECORDS_MAX, "more records than a block counts");
        self.time_ms = time_ms;
        let last_seq = Seq(self.next_seq.0.saturating_sub(1));
        Placed { first_seq, last_seq, head: self.head }
    }

    /// Fills in what placing decides, in the bytes from `start` on, and hashes each record once.
    fn seal_records(&mut self, start: usize, parts: u16, time_ms: u64) {
        let mut at_byte = start;
        for part in 0..parts {
            let salt = salt(&self.salt_key, self.next_seq, &self.head);
            let rest = self.frame.get_mut(at_byte..).unwrap_or_default();
            let Some(head) = rest.first_chunk_mut::<ENVELOPE_BYTES>() else { break };
            set::<{ at::SEQ }, 8, ENVELOPE_BYTES>(head, self.next_seq.0.to_le_bytes());
            set::<{ at::TIME_MS }, 8, ENVELOPE_BYTES>(head, time_ms.to_le_bytes());
            set::<{ at::PREV }, 32, ENVELOPE_BYTES>(head, self.head);
            set::<{ at::PART }, 2, ENVELOPE_BYTES>(head, part.to_le_bytes());
            set::<{ at::PARTS }, 2, ENVELOPE_BYTES>(head, parts.to_le_bytes());
            set::<{ at::SALT }, 16, ENVELOPE_BYTES>(head, salt);
            let len = usize::from(get_u16::<{ at::LEN }, ENVELOPE_BYTES>(head));
            let Some(record) = rest.get(..len) else { break };
            self.head = chain_hash(record);
            self.next_seq = self.next_seq.next();
            self.count = self.count.saturating_add(1);
            at_byte = at_byte.saturating_add(len);
        }
        assert!(at_byte == self.frame.len(), "a draft holds whole records");
    }

    /// Appends a record that stands already, byte for byte: for conversions and followers.
    ///
    /// Group by group and block by block is the caller's care: [`Block::from_frame`] of what
    /// `finish` returns would refuse a torn group.
    ///
    /// # Errors
    /// When the record does not continue the chain.
    ///
    /// # Panics
    /// When the block would pass its hard limits; see [`BlockBuilder::body_len`].
    pub fn append_raw(&mut self, record: &Record<'_>) -> Result<(), ChainError> {
        let hash = record.chain_hash();
        // Groups are checked where the records came from; here only place and links are known.
        let (seq, prev) = (record.seq(), record.prev());
        if seq != self.next_seq {
            return Err(ChainError::Seq { expected: self.next_seq, found: seq });
        }
        if prev != self.head {
            return Err(ChainError::Prev { seq, expected: self.head, found: prev });
        }
        if record.time_ms() < self.time_ms {
            let found = record.time_ms();
            return Err(ChainError::TimeFell { seq, before: self.time_ms, found });
        }
        let body_len = self.body_len().saturating_add(record.bytes().len());
        assert!(body_len <= BLOCK_BYTES_MAX, "block of {body_len} bytes");
        assert!(self.count < BLOCK_RECORDS_MAX, "more records than a block counts");
        self.frame.extend_from_slice(record.bytes());
        self.head = hash;
        self.next_seq = self.next_seq.next();
        self.time_ms = record.time_ms();
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Returns the records so far, back to back, each in its final form.
    pub fn body(&self) -> &[u8] {
        self.frame.get(BLOCK_HEADER_BYTES..).unwrap_or_default()
    }

    /// Returns the bytes of records so far.
    pub fn body_len(&self) -> usize {
        self.frame.len().saturating_sub(BLOCK_HEADER_BYTES)
    }

    /// Returns the number of records so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Returns the chain hash of the last record, or the one before the block.
    pub fn head(&self) -> Hash {
        self.head
    }

    /// Returns the position of the next record.
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }

    fn holds_own_block_record(&self) -> bool {
        let first = self.frame.get(BLOCK_HEADER_BYTES..).unwrap_or_default();
        first.first_chunk::<ENVELOPE_BYTES>().is_some_and(|head| {
            system::has_own_block(get_u16::<{ at::KIND }, ENVELOPE_BYTES>(head))
        })
    }

    /// Closes the block and stands ready for the next one, in the same epoch.
    ///
    /// # Panics
    /// When nothing was appended: there is no empty block.
    pub fn finish(&mut self) -> Block {
        assert!(0 < self.count, "there is no empty block");
        let body = self.frame.get(BLOCK_HEADER_BYTES..).unwrap_or_default();
        let header = BlockHeader {
            first_seq: self.first_seq,
            count: self.count,
            body_len: u32::try_from(body.len()).unwrap_or(u32::MAX),
            epoch: self.epoch,
            prev_head: self.prev_head,
            head: self.head,
            body_crc: crc32c::crc32c(body),
        };
        let mut frame = std::mem::take(&mut self.frame);
        frame.resize(header.frame_bytes(), 0);
        if let Some(space) = frame.first_chunk_mut::<BLOCK_HEADER_BYTES>() {
            *space = header.encode();
        }
        // The next block will be about as large as this one.
        self.frame.reserve(frame.len());
        let time_ms = self.time_ms;
        self.restart(self.epoch, self.next_seq, self.head);
        self.time_ms = time_ms;
        Block::sealed(header, frame)
    }
}
