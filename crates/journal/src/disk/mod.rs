//! Files as a trait, so that a simulated disk can tear, drop and reorder what was not synced.
//!
//! Lives here: the traits `Disk` and `DiskFile`, and the few sequences of calls that everybody
//! needs (read whole, write whole, replace atomically).
//! Lives elsewhere: the machine's files (`real`), the simulated disk (`sim`), what is in a file
//! (`segments`).
//!
//! Always: paths are relative to the disk's root, parts joined by `/`; the root itself is the empty
//! path. Nothing is durable before `sync_data` or `sync_all` of the file returned, and no name is
//! before `sync_dir` of its directory returned.

mod real;
mod sim;

use std::any::Any;
use std::io;
use std::sync::Arc;

pub use real::RealDisk;
pub use sim::{Calls, Fault, SimDisk};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// An existing file, to be read.
    Read,
    /// An existing file, to be read and written.
    Write,
    /// A new, empty file to be read and written; one of that name is emptied first.
    Create,
}

/// A tree of files.
///
/// An implementation must guarantee that `rename` replaces its target atomically, and that what was
/// synced survives a power cut. It need not order anything that was not synced.
pub trait Disk: Send + Sync {
    /// Creates `dir` and its parents where they are missing.
    fn create_dir(&self, dir: &str) -> io::Result<()>;

    /// Returns the names in `dir`, sorted by bytes.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// Opens a file.
    fn open(&self, path: &str, mode: Mode) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name, replacing what stood there. Durable after `sync_dir`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable after `sync_dir`.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes the names in `dir` durable: what was created, renamed and removed.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Takes an exclusive lock on the file `path`, creating it if needed; `None` while somebody
    /// else, in this process or another, holds it. The lock ends when the guard is dropped.
    fn try_lock(&self, path: &str) -> io::Result<Option<Lock>>;

    /// Returns the bytes still free where `dir` is stored.
    fn free_bytes(&self, dir: &str) -> io::Result<u64>;
}

/// An open file. Reads and writes name their offset, so one handle serves many threads.
pub trait DiskFile: Send + Sync {
    /// Returns the file's size in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Reads from `offset` on; returns how many bytes were read, 0 at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at `offset`, growing the file if needed; returns how many bytes were taken, perhaps
    /// fewer than given.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Cuts the file, or grows it with zeros.
    fn set_len(&self, size: u64) -> io::Result<()>;

    /// Makes the bytes written so far durable (`fdatasync`). After an error nothing is known about
    /// them.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes bytes and metadata durable (`fsync`). After an error nothing is known about them.
    fn sync_all(&self) -> io::Result<()>;
}

/// A held lock; dropping it lets go.
pub struct Lock(#[expect(dead_code, reason = "held for its Drop")] Box<dyn Any + Send + Sync>);

impl Lock {
    /// Wraps what an implementation must keep alive while the lock is held.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self(Box::new(held))
    }
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lock")
    }
}

/// Joins a directory and a name; the empty directory is the disk's root.
pub fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

/// Reads exactly `buffer.len()` bytes at `offset`.
///
/// # Errors
/// `UnexpectedEof` when the file ends before; else what the disk says.
pub fn read_exact_at(
    file: &dyn DiskFile,
    mut buffer: &mut [u8],
    mut offset: u64,
) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                buffer = buffer.get_mut(n..).unwrap_or_default();
                offset = offset.saturating_add(n as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all of `bytes` at `offset`, in one call unless the disk takes fewer.
///
/// # Errors
/// What the disk says; some of the bytes may have been written then.
pub fn write_all_at(file: &dyn DiskFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                bytes = bytes.get(n..).unwrap_or_default();
                offset = offset.saturating_add(n as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads a whole file of at most `bytes_max` bytes.
///
/// # Errors
/// `InvalidData` for a longer file; else what the disk says.
pub fn read_file(disk: &dyn Disk, path: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
    let file = disk.open(path, Mode::Read)?;
    let size = usize::try_from(file.size()?).unwrap_or(usize::MAX);
    if bytes_max < size {
        let what = format!("{path} has {size} bytes, at most {bytes_max} are allowed");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let mut bytes = vec![0; size];
    read_exact_at(&*file, &mut bytes, 0)?;
    Ok(bytes)
}

/// Replaces the file `name` in `dir` so that after a power cut either the old or the new content is
/// there, whole: temporary name, fsync, rename, fsync of the directory.
///
/// # Errors
/// What the disk says; the old content is still there then, or the new one, not yet durable.
pub fn replace_file(disk: &dyn Disk, dir: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (path, temporary) = (join(dir, name), join(dir, &format!("{name}.tmp")));
    let file = disk.open(&temporary, Mode::Create)?;
    write_all_at(&*file, bytes, 0)?;
    // Power fails here: a temporary file is left, which nobody reads.
    file.sync_all()?;
    disk.rename(&temporary, &path)?;
    // Power fails here: the old name or the new one, both whole.
    disk.sync_dir(dir)
}
