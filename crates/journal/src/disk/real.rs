//! The machine's own files, below one root directory.
//!
//! Lives here: system calls and nothing else.
//! Always: `sync_data` is fdatasync, `sync_all` and `sync_dir` are fsync.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Disk, DiskFile, Lock, Mode};

/// Files of the operating system below a root directory.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Uses the directory `root`; it need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the root directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

impl Disk for RealDisk {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        let absolute = std::path::absolute(&self.root)?;
        let missing = absolute.ancestors().take_while(|above| !above.exists()).count();
        fs::create_dir_all(self.path(dir))?;
        // Nobody else can reach the directories above the root to make its name durable, nor their
        // own names if they are new as well.
        let mut above = absolute.ancestors().skip(1).take(missing);
        above.try_for_each(|above| File::open(above)?.sync_all())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(dir))? {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn open(&self, path: &str, mode: Mode) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        match mode {
            Mode::Read => options.read(true),
            Mode::Write => options.read(true).write(true),
            Mode::Create => options.read(true).write(true).create(true).truncate(true),
        };
        let file = options.open(self.path(path))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.path(dir))?.sync_all()
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Lock>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn free_bytes(&self, dir: &str) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(self.path(dir))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn set_len(&self, size: u64) -> io::Result<()> {
        self.0.set_len(size)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{join, read_file, replace_file};
    use super::*;

    #[test]
    fn files_are_replaced_listed_and_locked() {
        let temporary = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(temporary.path().join("data"));
        disk.create_dir("a/b").unwrap();
        replace_file(&disk, "a", "x", b"one").unwrap();
        replace_file(&disk, "a", "x", b"two").unwrap();
        assert_eq!(read_file(&disk, "a/x", 3).unwrap(), b"two");
        assert_eq!(read_file(&disk, "a/x", 2).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(disk.list("a").unwrap(), ["b", "x"]);
        assert_eq!(join("", "LOCK"), "LOCK");

        let held = disk.try_lock("LOCK").unwrap();
        assert!(held.is_some());
        assert!(disk.try_lock("LOCK").unwrap().is_none(), "one holder at a time");
        drop(held);
        assert!(disk.try_lock("LOCK").unwrap().is_some());
        assert!(0 < disk.free_bytes("").unwrap());
    }
}
