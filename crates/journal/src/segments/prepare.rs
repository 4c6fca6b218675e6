//! The next segment, zero-filled ahead of need.
//!
//! Zero-filled and not merely reserved: an append then changes no metadata and one fdatasync is one
//! flush, and whatever is not zero behind the last block was written by us (`record::tail`).
//!
//! In step with the appends and synced piece by piece: filled and flushed at once, 64 MiB of zeros
//! would keep the device's queue busy while blocks wait behind them.
//!
//! Always: the file has a temporary name until its header is durable, so no reader ever sees it,
//! and whatever goes wrong here loses nothing that was acknowledged.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use super::names::{NEXT_FILE, SEGMENTS_DIR};
use crate::disk::{Disk, DiskFile, Mode, join, write_all_at};
use crate::error::Error;

/// Zeros are written and synced in pieces of this size: what a block may have to wait for.
const PIECE_BYTES: u64 = 1024 * 1024;

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
    Working(Filling),
    Ready(Prepared),
    /// It could not be filled; that is tried again when it is needed.
    Failed,
}

struct Filling {
    thread: JoinHandle<Result<Prepared, Error>>,
    allowed: Arc<Allowed>,
}

/// How far the thread may fill by now.
struct Allowed(AtomicU64);

impl Allowed {
    /// To the end, without waiting.
    const ALL: u64 = u64::MAX - 1;
    /// No further: the file is not wanted any more.
    const STOP: u64 = u64::MAX;

    /// Waits until bytes from `offset` on may be written; `false` when none are wanted any more.
    fn wait(&self, offset: u64) -> bool {
        loop {
            match self.0.load(Ordering::Acquire) {
                Self::STOP => return false,
                allowed if offset < allowed => return true,
                _ => std::thread::park(),
            }
        }
    }
}

impl Filling {
    fn allow(&self, bytes: u64) {
        let before = self.allowed.0.swap(bytes, Ordering::AcqRel);
        if before / PIECE_BYTES < bytes / PIECE_BYTES {
            self.thread.thread().unpark();
        }
    }

    /// Waits for the thread; `None` if the file did not come about.
    fn finish(self, allowed: u64) -> Option<Prepared> {
        self.allow(allowed);
        self.thread.join().ok().and_then(Result::ok)
    }
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

    /// Lets a file of `size` bytes be filled up to `bytes` at least, beginning it if that was not
    /// done. What goes wrong is found again, and reported, when the file is needed.
    pub(super) fn fill_to(&mut self, bytes: u64, size: u32) {
        match &self.next {
            Next::None => self.next = self.begin(bytes, size),
            Next::Working(filling) => filling.allow(bytes),
            Next::Ready(_) | Next::Failed => {}
        }
    }

    fn begin(&self, bytes: u64, size: u32) -> Next {
        if self.how == Prepare::Inline {
            return fill_now(&*self.disk, &self.dir, size).map_or(Next::Failed, Next::Ready);
        }
        let (disk, dir) = (self.disk.clone(), self.dir.clone());
        let allowed = Arc::new(Allowed(AtomicU64::new(bytes)));
        let seen = allowed.clone();
        let fill = move || zero_fill(&*disk, &dir, size, &seen);
        let thread = std::thread::Builder::new().name("next segment".to_owned()).spawn(fill);
        // Without a thread the file is filled when it is needed.
        thread.map_or(Next::Failed, |thread| Next::Working(Filling { thread, allowed }))
    }

    /// Returns a file of exactly `size` bytes: the one prepared, or one filled now.
    ///
    /// # Errors
    /// `DiskFull`, or `Unavailable` when the disk fails.
    pub(super) fn take(&mut self, size: u32) -> Result<Prepared, Error> {
        let ready = match std::mem::replace(&mut self.next, Next::None) {
            Next::None | Next::Failed => None,
            Next::Ready(prepared) => Some(prepared),
            Next::Working(filling) => filling.finish(Allowed::ALL),
        };
        match ready {
            Some(prepared) if prepared.size == size => Ok(prepared),
            // None, or one too small for a block larger than a segment.
            _ => fill_now(&*self.disk, &self.dir, size),
        }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        if let Next::Working(filling) = std::mem::replace(&mut self.next, Next::None) {
            // What became of the file does not matter: the next start removes it.
            filling.finish(Allowed::STOP);
        }
    }
}

/// Returns the path of the file being prepared, in the log of `dir`.
pub(super) fn next_path(dir: &str) -> String {
    join(&join(dir, SEGMENTS_DIR), NEXT_FILE)
}

fn fill_now(disk: &dyn Disk, dir: &str, size: u32) -> Result<Prepared, Error> {
    zero_fill(disk, dir, size, &Allowed(AtomicU64::new(Allowed::ALL)))
}

fn zero_fill(disk: &dyn Disk, dir: &str, size: u32, allowed: &Allowed) -> Result<Prepared, Error> {
    let path = next_path(dir);
    write_zeros(disk, &path, size, allowed).map_err(|error| {
        if error.kind() != io::ErrorKind::StorageFull {
            return Error::io("preparing", &path, &error);
        }
        // Give back what was taken, so that the rest of the machine can go on.
        drop(disk.remove(&path));
        let free = disk.free_bytes(dir).unwrap_or(0);
        Error::DiskFull { dir: join(dir, SEGMENTS_DIR), free, needed: u64::from(size) }
    })
}

fn write_zeros(disk: &dyn Disk, path: &str, size: u32, allowed: &Allowed) -> io::Result<Prepared> {
    // Always a new file: were an old one emptied instead, its reservation could outlive a failure.
    match disk.remove(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let file = disk.open(path, Mode::Create)?;
    let size_bytes = u64::from(size);
    let zeros = vec![0; usize::try_from(PIECE_BYTES.min(size_bytes)).unwrap_or(0)];
    let mut offset = 0;
    while offset < size_bytes {
        if !allowed.wait(offset) {
            return Err(io::Error::other("not wanted any more"));
        }
        let left = usize::try_from(size_bytes - offset).unwrap_or(usize::MAX);
        let piece = zeros.get(..left).unwrap_or(&zeros);
        write_all_at(&*file, piece, offset)?;
        offset += piece.len() as u64;
        if offset < size_bytes {
            file.sync_data()?;
        }
    }
    file.sync_all()?;
    Ok(Prepared { file, size })
}
