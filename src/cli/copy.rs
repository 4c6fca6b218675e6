//! Copying a log, record by record: what backup, restore and conversion share.
//!
//! Always: records are copied as they are, salts included, their chain is checked on the way, and so is their
//! root wherever a checkpoint speaks of it; only the framing of blocks is new. What a copy holds is durable
//! before its checkpoints are written.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;

use journal::segments::{Options, SegmentJournal};
use journal::{Disk, Journal as _, RealDisk};
use record::{Block, BlockBuilder, ChainCheck, Record, Seq, ZERO_HASH, log_id, system};
use tlog::Frontier;
use tlog::tree::leaf_hash;

use super::failure::Failure;
use crate::node::replay::understood;
use crate::node::{Error, Signed, checkpoint};

/// A log that is being written from another one's records.
pub(super) struct Copy {
    journal: SegmentJournal,
    builder: BlockBuilder,
    chain: ChainCheck,
    /// Records of the group that is not whole yet.
    group: Vec<u8>,
    records: u64,
    tree: Frontier,
    published: Published,
    disk: Arc<dyn Disk>,
}

/// Published checkpoints of a log: there is one a minute for years, so they are read when they are needed.
pub(super) struct Published {
    /// Of which sizes there is one.
    pub(super) sizes: BTreeSet<u64>,
    /// Reads that of a size.
    pub(super) read: Box<dyn Fn(u64) -> io::Result<Signed>>,
}

impl Published {
    /// The one checkpoint that is known, or none.
    pub(super) fn one(signed: Option<Signed>) -> Self {
        let sizes = signed.iter().map(|signed| signed.size).collect();
        let read = move |_| signed.clone().ok_or_else(|| io::ErrorKind::NotFound.into());
        Self { sizes, read: Box::new(read) }
    }

    fn of_size(&self, size: u64) -> Result<Signed, Error> {
        let io = |source| Error::Io { what: "published checkpoint".to_owned(), source };
        (self.read)(size).map_err(io)
    }
}

impl Copy {
    /// Begins an empty log of `origin` in `dir`; of the checkpoints those come with it that it reaches.
    pub(super) fn begin(dir: &Path, origin: &str, published: Published) -> Result<Self, Failure> {
        std::fs::create_dir_all(dir).map_err(|error| Failure::file(dir, &error))?;
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir));
        let journal =
            SegmentJournal::create(Arc::clone(&disk), "", log_id(origin), Options::default());
        let mut journal = journal.map_err(Error::from)?;
        let epoch = journal.acquire().map_err(Error::from)?;
        // Nothing is salted here, so there is no salt key either.
        let builder = BlockBuilder::start(epoch.0, Seq(0), ZERO_HASH, [0; 32]);
        let (chain, tree, group) = (ChainCheck::new(), Frontier::new(), Vec::new());
        Ok(Self { journal, builder, chain, group, records: 0, tree, published, disk })
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// `Record`, `RolledBack` when a checkpoint says that it is another; what the disk says.
    pub(super) fn push(&mut self, record: &Record<'_>) -> Result<(), Error> {
        let seq = record.seq();
        let wrong = |what: &dyn Display| Error::Record { seq, what: what.to_string() };
        self.chain.push(record, record.chain_hash()).map_err(|error| wrong(&error))?;
        understood(record)?;
        self.tree.push(leaf_hash(record.bytes()));
        let size = self.tree.size();
        if self.published.sizes.contains(&size)
            && self.published.of_size(size)?.root != self.tree.root()
        {
            return Err(Error::RolledBack { size, published: size });
        }
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
            let (record, behind) = Record::split_first(rest).map_err(|error| wrong(&error))?;
            self.builder.append_raw(&record).map_err(|error| wrong(&error))?;
            self.records = self.records.saturating_add(1);
            rest = behind;
        }
        self.group = group;
        self.group.clear();
        if alone { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let block: Arc<Block> = Arc::new(self.builder.finish());
        let head = block.prev_head();
        self.journal.append(&head, block)?;
        Ok(())
    }

    /// Drops a group of which the end did not come, writes the rest, closes the log and writes its checkpoints,
    /// the largest as the newest. Returns the number of records and of checkpoints.
    pub(super) fn finish(mut self) -> Result<(u64, u64), Error> {
        if 0 < self.builder.count() {
            self.flush()?;
        }
        self.journal.close()?;
        let mut checkpoints = 0_u64;
        for size in self.published.sizes.range(..=self.records) {
            let io = |source| Error::Io { what: "writing a checkpoint".to_owned(), source };
            let signed = self.published.of_size(*size)?;
            checkpoint::publish(&*self.disk, "", &signed).map_err(io)?;
            checkpoints = checkpoints.saturating_add(1);
        }
        Ok((self.records, checkpoints))
    }
}
