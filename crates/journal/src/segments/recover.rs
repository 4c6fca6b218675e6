//! Opening a log: what a stop has left, made whole and durable before anything is served.
//!
//! Lives here: the lock, the marker of a clean stop, overwriting a torn tail, rewriting the tail.
//! Lives elsewhere: finding the end (`scan`), judging what is behind it (`record::tail`).
//!
//! Always: damage is never mended. A torn block is overwritten with zeros, or its remains behind a
//! shorter new block would look like damage later.

use std::io;
use std::sync::Arc;

use record::tail::BLOCK_REACH;
use record::{Hash, SEGMENT_HEADER_BYTES};

use super::index::Shared;
use super::names::{CLEAN_FILE, LOCK_FILE, MARKER_BYTES_MAX, Marker, SEGMENTS_DIR};
use super::prepare::{Preparer, next_path};
use super::reader::SegmentReader;
use super::scan::{Last, Scan, scan};
use super::{Active, Config, Defect, SegmentJournal};
use crate::disk::{Disk, DiskFile, Lock, Mode, join, read_exact_at, read_file, write_all_at};
use crate::error::{Damage, Error};
use crate::journal::Head;

/// What opening found and did. The process compares it with the last published checkpoint: at least
/// that many records, and an equal root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// End of the log; `next_seq` is the number of records.
    pub head: Head,
    /// The log that the segments say they belong to.
    pub log_id: Hash,
    /// Number of segment files.
    pub segments: u64,
    /// The log was closed properly.
    pub clean: bool,
    /// Remains of a block that was never acknowledged; overwritten with zeros when opened for
    /// appending.
    pub torn: Option<Tail>,
    /// Bytes rewritten and synced after an unclean stop; 0 after a clean one and when read-only.
    pub rewritten_bytes: u64,
}

/// Bytes behind the last whole block that are no evidence of anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// File, relative to the disk's root.
    pub segment: String,
    /// Where they begin: behind the last whole block.
    pub offset: u64,
    /// How many, up to the last one that is not zero.
    pub bytes: u64,
}

/// Takes the lock of a directory, as whoever writes into it must.
///
/// # Errors
/// `Locked`, `NoLedger` when there is no such directory, `Unavailable`.
pub fn lock_directory(disk: &dyn Disk, dir: &str) -> Result<Lock, Error> {
    let path = join(dir, LOCK_FILE);
    match disk.try_lock(&path) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(Error::Locked { dir: dir.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::NoLedger { dir: dir.to_owned() })
        }
        Err(error) => Err(Error::io("locking", &path, &error)),
    }
}

/// Opens the log in `dir` for reading, up to the last whole block that is there now; takes no lock
/// and writes nothing, so it works beside a server.
///
/// # Errors
/// `NoLedger`, `Corrupt`, `Newer`, `Unavailable`. A torn tail is none: it is reported.
pub fn open_read_only(disk: Arc<dyn Disk>, dir: &str) -> Result<(SegmentReader, Opened), Error> {
    let marker = read_marker(&*disk, dir)?;
    let scan = scan(&*disk, dir)?;
    let mut opened = opened(&scan, marker.is_some());
    if let Err(error) = check_marker(marker, &scan) {
        // A server may have begun to append since: then the marker is gone.
        if read_marker(&*disk, dir)? == marker {
            return Err(error);
        }
        opened.clean = false;
    }
    let Scan { index, log_id, .. } = scan;
    let shared = Arc::new(Shared::new(disk, dir.to_owned(), index));
    Ok((SegmentReader::new(shared, log_id), opened))
}

pub(super) fn open(
    disk: Arc<dyn Disk>,
    dir: &str,
    options: Config,
) -> Result<(SegmentJournal, Opened), Error> {
    // Before the lock, which would create a file in a directory that holds no log.
    super::scan::list_segments(&*disk, dir)?;
    let lock = if options.lock { Some(lock_directory(&*disk, dir)?) } else { None };
    let marker = read_marker(&*disk, dir)?;
    let scan = scan(&*disk, dir)?;
    check_marker(marker, &scan)?;
    let (size, published) = (scan.index.head().next_seq.0, options.published);
    if size < published {
        return Err(Error::RolledBack { size, published });
    }
    let mut opened = opened(&scan, marker.is_some());
    let last = &scan.last;
    let failed = |error: &io::Error| Error::io("mending", &last.path, error);
    let file = disk.open(&last.path, Mode::Write).map_err(|error| failed(&error))?;
    if marker.is_none() {
        opened.rewritten_bytes = mend(&*file, last, &options).map_err(|error| failed(&error))?;
        // A name may be visible and not yet durable: a roll, or a removed marker, that was cut.
        for dir in [&join(dir, SEGMENTS_DIR), dir] {
            disk.sync_dir(dir).map_err(|error| Error::io("syncing directory", dir, &error))?;
        }
    }
    // Half filled, perhaps, and files are never reused.
    match disk.remove(&next_path(dir)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::io("removing", &next_path(dir), &error));
        }
        Ok(()) | Err(_) => {}
    }
    let active = Active {
        file,
        number: scan.index.segments().saturating_sub(1) as u64,
        size: last.file_size,
        end: last.end,
    };
    let preparer = Preparer::new(disk.clone(), dir.to_owned(), options.prepare);
    let shared = Arc::new(Shared::new(disk, dir.to_owned(), scan.index));
    let journal = SegmentJournal::assemble(
        shared,
        options,
        scan.log_id,
        active,
        preparer,
        marker.is_some(),
        lock,
    );
    Ok((journal, opened))
}

fn opened(scan: &Scan, clean: bool) -> Opened {
    let Last { path, end, torn_bytes, .. } = &scan.last;
    let torn =
        (0 < *torn_bytes).then(|| Tail { segment: path.clone(), offset: *end, bytes: *torn_bytes });
    Opened {
        head: scan.index.head(),
        log_id: scan.log_id,
        segments: scan.index.segments() as u64,
        clean,
        torn,
        rewritten_bytes: 0,
    }
}

fn read_marker(disk: &dyn Disk, dir: &str) -> Result<Option<Marker>, Error> {
    let path = join(dir, CLEAN_FILE);
    let bytes = match read_file(disk, &path, MARKER_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Longer than any marker: read as none at all, below.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Vec::new(),
        Err(error) => return Err(Error::io("reading", &path, &error)),
    };
    match Marker::decode(&bytes) {
        Some(marker) => Ok(Some(marker)),
        // It was written whole under another name, so this is damage; to ignore it would give up
        // the one thing it protects, the end of the log.
        None => Err(Error::Corrupt {
            segment: path,
            offset: 0,
            from: record::Seq(0),
            to: None,
            what: Box::new(Damage::Marker),
        }),
    }
}

/// With a marker, anything but zeros behind the block that it names is damage.
fn check_marker(marker: Option<Marker>, scan: &Scan) -> Result<(), Error> {
    let Some(marker) = marker else { return Ok(()) };
    let head = scan.index.head();
    let (size, found) = (marker.size, head.next_seq.0);
    if size == found && marker.head == head.hash && scan.last.torn_bytes == 0 {
        return Ok(());
    }
    let last = record::Seq(size.saturating_sub(1));
    Err(Error::Corrupt {
        segment: scan.last.path.clone(),
        offset: scan.last.end,
        from: head.next_seq,
        to: (head.next_seq <= last).then_some(last),
        what: Box::new(Damage::NotClean { marked: size, found }),
    })
}

/// Overwrites a torn tail with zeros, and writes the rest of the tail again with its own bytes:
/// after a sync that failed the kernel may show pages that the disk never got, and a later sync
/// would succeed without writing them. Returns the number of bytes written.
///
/// Blocks before the last one are durable, since each was synced before the next was written; as
/// far as one block reaches is rewritten all the same, and as far behind the end, where zeros may
/// be shown that a failed start never brought to the disk.
fn mend(file: &dyn DiskFile, last: &Last, options: &Config) -> io::Result<u64> {
    let reach = BLOCK_REACH as u64;
    let start = last.block_start.min(last.end.saturating_sub(reach));
    let start = if start <= SEGMENT_HEADER_BYTES as u64 { 0 } else { start };
    let behind = if options.leaves_out(Defect::SkipTailZeros) { 0 } else { reach };
    let stop = last.end.saturating_add(behind).min(u64::from(last.file_size));
    if options.leaves_out(Defect::SkipTailRewrite) {
        return zeros_only(file, last);
    }
    let mut bytes = vec![0; usize::try_from(stop - start).unwrap_or(usize::MAX)];
    let own = usize::try_from(last.end - start).unwrap_or(usize::MAX);
    read_exact_at(file, bytes.get_mut(..own).unwrap_or_default(), start)?;
    write_all_at(file, &bytes, start)?;
    // Power fails here: old and new bytes are equal up to the end; behind it some zeros are
    // missing, and what is left is torn as before.
    file.sync_data()?;
    Ok(bytes.len() as u64)
}

/// The defect that a rewrite prevents.
fn zeros_only(file: &dyn DiskFile, last: &Last) -> io::Result<u64> {
    if 0 < last.torn_bytes {
        let zeros = vec![0; usize::try_from(last.torn_bytes).unwrap_or(usize::MAX)];
        write_all_at(file, &zeros, last.end)?;
        file.sync_data()?;
    }
    Ok(0)
}
