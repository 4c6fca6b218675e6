//! Where each block stands: what the writer extends and readers look up.
//!
//! Lives here: a sparse index in memory, the open files, the durable head.
//! Always: only durable blocks are in the index. Blocks smaller than a stretch share an entry, so
//! that memory does not grow with the number of one-line vouchers, and any block is one read away.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use record::Seq;

use super::names::{SEGMENTS_DIR, segment_name};
use crate::disk::{Disk, DiskFile, Mode, join};
use crate::error::Error;
use crate::journal::Head;

/// Small blocks share one index entry up to this many bytes; a larger block has its own.
pub(super) const STRETCH_BYTES: u64 = 16 * 1024;

/// Files that readers keep open; more are opened anew at each use.
const FILES_OPEN_MAX: usize = 32;

/// One entry: blocks back to back, found by the first record.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first_seq: Seq,
    /// Number of the segment.
    segment: u32,
    offset: u32,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    first_seq: Seq,
    /// Where the last block ends.
    end: u64,
}

/// Bytes of one segment that hold whole blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Number of the segment.
    pub(super) segment: u32,
    /// First record in it.
    pub(super) first_seq: Seq,
    /// File offset of the first block.
    pub(super) start: u64,
    /// File offset behind the last block.
    pub(super) end: u64,
}

impl Span {
    /// Returns the number of bytes.
    pub(super) fn bytes(self) -> u64 {
        self.end - self.start
    }
}

/// The index and the head it reaches to.
#[derive(Debug)]
pub(super) struct Index {
    segments: Vec<Segment>,
    stretches: Vec<Stretch>,
    head: Head,
}

impl Index {
    /// An index of nothing.
    pub(super) fn new() -> Self {
        Self { segments: Vec::new(), stretches: Vec::new(), head: Head::EMPTY }
    }

    /// Returns the durable head.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Returns the number of segments.
    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Adds a segment that begins at the head, written in `epoch`, without blocks as yet.
    pub(super) fn push_segment(&mut self, start: u64, epoch: u64) {
        self.segments.push(Segment { first_seq: self.head.next_seq, end: start });
        self.head.epoch = epoch;
    }

    /// Adds a block of `bytes` at the end of the last segment, with the head that it brings.
    pub(super) fn push_block(&mut self, bytes: u64, head: Head) {
        let number = self.segments.len().saturating_sub(1);
        let Some(segment) = self.segments.last_mut() else { return };
        let offset = segment.end;
        segment.end += bytes;
        let shares = self.stretches.last().is_some_and(|last| {
            last.segment as usize == number && segment.end - u64::from(last.offset) <= STRETCH_BYTES
        });
        if !shares {
            self.stretches.push(Stretch {
                first_seq: self.head.next_seq,
                // A file size is a u32 in the format, and 2^32 segments would be 256 PiB.
                segment: u32::try_from(number).unwrap_or(u32::MAX),
                offset: u32::try_from(offset).unwrap_or(u32::MAX),
            });
        }
        self.head = head;
    }

    /// Finds the entry that holds `seq`, joined with those behind it in the same segment while they
    /// are of small blocks and all together have at most `bytes_max` bytes. `None` beyond the head.
    pub(super) fn span(&self, seq: Seq, bytes_max: u64) -> Option<Span> {
        if self.head.next_seq <= seq {
            return None;
        }
        let at =
            self.stretches.partition_point(|stretch| stretch.first_seq <= seq).checked_sub(1)?;
        let first = self.stretches.get(at)?;
        let end_of_segment = self.segments.get(first.segment as usize)?.end;
        let start = u64::from(first.offset);
        let mut end = start;
        for next in at + 1.. {
            let next_end = match self.stretches.get(next) {
                Some(next) if next.segment == first.segment => u64::from(next.offset),
                _ => end_of_segment,
            };
            let is_large = STRETCH_BYTES < next_end - end;
            if start < end && (is_large || bytes_max < next_end - start) {
                break;
            }
            end = next_end;
            if end == end_of_segment {
                break;
            }
        }
        Some(Span { segment: first.segment, first_seq: first.first_seq, start, end })
    }
}

/// What the writer and all readers of one log share.
pub(super) struct Shared {
    disk: Arc<dyn Disk>,
    dir: String,
    index: RwLock<Index>,
    /// Open files by segment number, the latest opened last.
    files: Mutex<VecDeque<(u32, Arc<dyn DiskFile>)>>,
}

impl Shared {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: String, index: Index) -> Self {
        Self { disk, dir, index: RwLock::new(index), files: Mutex::default() }
    }

    pub(super) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Returns the log's directory.
    pub(super) fn dir(&self) -> &str {
        &self.dir
    }

    // A lock is poisoned only by a panic while pushing to a vector; what is in it holds still.
    pub(super) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the path of a segment.
    pub(super) fn path(&self, segment: u32) -> String {
        let first_seq = self.index().segments.get(segment as usize).map_or(Seq(0), |s| s.first_seq);
        segment_path(&self.dir, first_seq)
    }

    /// Returns an open file for reading a segment.
    pub(super) fn file(&self, segment: u32) -> Result<Arc<dyn DiskFile>, Error> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = files.iter().rposition(|(number, _)| *number == segment)
            && let Some((_, file)) = files.get(at)
        {
            return Ok(file.clone());
        }
        let path = self.path(segment);
        let file = self
            .disk
            .open(&path, Mode::Read)
            .map_err(|error| Error::io("opening", &path, &error))?;
        if FILES_OPEN_MAX <= files.len() {
            files.pop_front();
        }
        files.push_back((segment, file.clone()));
        Ok(file)
    }
}

/// Returns the path of the segment that begins with `first_seq`, in the log of `dir`.
pub(super) fn segment_path(dir: &str, first_seq: Seq) -> String {
    join(&join(dir, SEGMENTS_DIR), &segment_name(first_seq))
}
