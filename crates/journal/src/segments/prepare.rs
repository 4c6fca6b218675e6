//! The next segment, zero-filled ahead of need.
//!
//! Zero-filled and not merely reserved: an append then changes no metadata and one fdatasync is one
//! flush, and whatever is not zero behind the last block was written by us (`judge`).
//!
//! Always: the file has a temporary name until its header is durable, so no reader ever sees it, and
//! whatever goes wrong here loses nothing that was acknowledged.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::names::{NEXT_FILE, SEGMENTS_DIR};
use crate::disk::{Disk, DiskFile, Mode, join, write_all_at};
use crate::error::Error;

/// Zeros are written in pieces of this size, so that a process that ends need not wait for them all.
const ZEROS_BYTES: usize = 1024 * 1024;

/// Where the next segment is zero-filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prepare {
    /// In a thread of its own, so that no append waits for it.
    #[default]
    Background,
    /// Inside the append that finds it due: every run makes the same calls in the same order.
    Inline,
}

/// A zero-filled, synced file under its temporary name.
pub(super) struct Prepared {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) size: u32,
}

enum Next {
    None,
    Working {
        thread: JoinHandle<Result<Prepared, Error>>,
        stop: Arc<AtomicBool>,
    },
    Ready(Prepared),
    /// It could not be filled; that is tried again when it is needed.
    Failed,
}

/// Owns the next segment, and the thread that fills it.
pub(super) struct Preparer {
    disk: Arc<dyn Disk>,
    /// Directory of the log.
    dir: String,
    how: Prepare,
    next: Next,
}

impl Preparer {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: String, how: Prepare) -> Self {
        Self { disk, dir, how, next: Next::None }
    }

    /// Begins to fill a file of `size` bytes, unless that was begun already. What goes wrong is found
    /// again, and reported, when the file is needed.
    pub(super) fn begin(&mut self, size: u32) {
        if !matches!(self.next, Next::None) {
            return;
        }
        let (disk, dir) = (self.disk.clone(), self.dir.clone());
        let stop = Arc::new(AtomicBool::new(false));
        if self.how == Prepare::Inline {
            self.next = zero_fill(&*disk, &dir, size, &stop).map_or(Next::Failed, Next::Ready);
            return;
        }
        let seen = stop.clone();
        let fill = move || zero_fill(&*disk, &dir, size, &seen);
        // Without a thread the file is filled when it is needed.
        if let Ok(thread) = std::thread::Builder::new().name("next segment".to_owned()).spawn(fill)
        {
            self.next = Next::Working { thread, stop };
        }
    }

    /// Returns a file of exactly `size` bytes: the one prepared, or one filled now.
    ///
    /// # Errors
    /// `DiskFull`, or `Unavailable` when the disk fails.
    pub(super) fn take(&mut self, size: u32) -> Result<Prepared, Error> {
        let ready = match std::mem::replace(&mut self.next, Next::None) {
            Next::None | Next::Failed => None,
            Next::Ready(prepared) => Some(prepared),
            Next::Working { thread, .. } => thread.join().ok().and_then(Result::ok),
        };
        match ready {
            Some(prepared) if prepared.size == size => Ok(prepared),
            // None, or one too small for a block larger than a segment.
            _ => zero_fill(&*self.disk, &self.dir, size, &AtomicBool::new(false)),
        }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        if let Next::Working { thread, stop } = std::mem::replace(&mut self.next, Next::None) {
            stop.store(true, Ordering::Relaxed);
            // What became of the file does not matter: the next start removes it.
            drop(thread.join());
        }
    }
}

/// Returns the path of the file being prepared, in the log of `dir`.
pub(super) fn next_path(dir: &str) -> String {
    join(&join(dir, SEGMENTS_DIR), NEXT_FILE)
}

fn zero_fill(disk: &dyn Disk, dir: &str, size: u32, stop: &AtomicBool) -> Result<Prepared, Error> {
    let path = next_path(dir);
    let written = write_zeros(disk, &path, size, stop);
    written.map_err(|error| {
        if error.kind() != io::ErrorKind::StorageFull {
            return Error::io("preparing", &path, &error);
        }
        // Give back what was taken, so that the rest of the machine can go on.
        drop(disk.remove(&path));
        let free = disk.free_bytes(dir).unwrap_or(0);
        Error::DiskFull { dir: join(dir, SEGMENTS_DIR), free, needed: u64::from(size) }
    })
}

fn write_zeros(disk: &dyn Disk, path: &str, size: u32, stop: &AtomicBool) -> io::Result<Prepared> {
    // Always a new file: were an old one emptied instead, its reservation could outlive a failure.
    match disk.remove(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let file = disk.open(path, Mode::Create)?;
    let size_bytes = u64::from(size);
    let zeros = vec![0; ZEROS_BYTES.min(usize::try_from(size).unwrap_or(ZEROS_BYTES))];
    let mut offset = 0;
    while offset < size_bytes {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let left = usize::try_from(size_bytes - offset).unwrap_or(usize::MAX);
        let piece = zeros.get(..left).unwrap_or(&zeros);
        write_all_at(&*file, piece, offset)?;
        offset += piece.len() as u64;
    }
    file.sync_all()?;
    Ok(Prepared { file, size })
}
