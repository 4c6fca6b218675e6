//! Copying a log, record by record: what backup, restore and conversion share.
//!
//! Always: records are copied as they are, salts included, and their chain is checked on the way; only
//! the framing of blocks is new. What a copy holds is durable before its checkpoint is written.

use std::path::Path;
use std::sync::Arc;

use journal::segments::{Options, SegmentJournal};
use journal::{Disk, Journal as _, RealDisk};
use record::{Block, BlockBuilder, ChainCheck, Record, Seq, ZERO_HASH, log_id, system};

use super::failure::Failure;
use crate::node;

/// A log that is being written from another one's records.
pub(super) struct Copy {
    journal: SegmentJournal,
    builder: BlockBuilder,
    chain: ChainCheck,
    /// Records of the group that is not whole yet.
    group: Vec<u8>,
    records: u64,
    bytes: u64,
}

impl Copy {
    /// Begins an empty log of `origin` in `dir`.
    pub(super) fn begin(dir: &Path, origin: &str) -> Result<Self, Failure> {
        std::fs::create_dir_all(dir).map_err(|error| Failure::file(dir, &error))?;
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir));
        let journal = SegmentJournal::create(disk, "", log_id(origin), Options::default());
        let mut journal = journal.map_err(node::Error::from)?;
        let epoch = journal.acquire().map_err(node::Error::from)?;
        // Nothing is salted here, so there is no salt key either.
        let builder = BlockBuilder::start(epoch.0, Seq(0), ZERO_HASH, [0; 32]);
        let (chain, group) = (ChainCheck::new(), Vec::new());
        Ok(Self { journal, builder, chain, group, records: 0, bytes: 0 })
    }

    /// Takes the next record.
    pub(super) fn push(&mut self, record: &Record<'_>) -> Result<(), Failure> {
        self.chain
            .push(record, record.chain_hash())
            .map_err(|error| Failure::damaged(format!("record {}: {error}", record.seq())))?;
        self.group.extend_from_slice(record.bytes());
        if record.part().saturating_add(1) < record.parts() {
            return Ok(());
        }
        let group = std::mem::take(&mut self.group);
        let alone = system::has_own_block(record.kind());
        let full = record::limits::BLOCK_BYTES_TARGET
            < self.builder.body_len().saturating_add(group.len());
        let many = record::limits::BLOCK_RECORDS_MAX
            < self.builder.count().saturating_add(u32::from(record.parts()));
        if 0 < self.builder.count() && (alone || full || many) {
            self.flush()?;
        }
        let mut rest = group.as_slice();
        while !rest.is_empty() {
            let (record, behind) =
                Record::split_first(rest).map_err(|error| Failure::damaged(error.to_string()))?;
            self.builder
                .append_raw(&record)
                .map_err(|error| Failure::damaged(error.to_string()))?;
            self.records = self.records.saturating_add(1);
            rest = behind;
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(group.len()).unwrap_or(u64::MAX));
        self.group = group;
        self.group.clear();
        if alone { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let block: Arc<Block> = Arc::new(self.builder.finish());
        let head = block.prev_head();
        self.journal.append(&head, block).map_err(node::Error::from)?;
        Ok(())
    }

    /// Drops a group of which the end did not come, writes the rest, and closes the log. Returns the
    /// number of records and their bytes.
    pub(super) fn finish(mut self) -> Result<(u64, u64), Failure> {
        if 0 < self.builder.count() {
            self.flush()?;
        }
        self.journal.close().map_err(node::Error::from)?;
        Ok((self.records, self.bytes))
    }
}
