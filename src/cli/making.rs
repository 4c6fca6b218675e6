//! A data directory that is made as a whole: a new ledger, a restored one, a backup.
//!
//! Lives here: the folder in which it is made, how it gets to its place, what a crash left over.
//!
//! Always: all is made and synced within `DIR/.unfinished`, then moved; `segments`, by which a directory is
//! known as a ledger, is moved last. A failure leaves `DIR` as it was. What a crash leaves is no ledger, and
//! the next attempt clears it away. `DIR` itself may be there before, empty: its mode, its owner and
//! whatever is mounted there stay.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use ledger::reject::Reason;

use super::failure::Failure;

/// Where it is made.
const UNFINISHED: &str = ".unfinished";
/// What a directory of a log holds besides `segments`, which comes last.
const PARTS: [&str; 5] = ["LOCK", "keys", "published", "attempts", "clean"];
const SEGMENTS: &str = "segments";

/// A data directory that is being made. Dropped before its end, it leaves nothing.
pub(super) struct Making {
    target: PathBuf,
    part: PathBuf,
    /// There was no directory before.
    is_new: bool,
    is_done: bool,
    /// Held until the end: two do not make one directory.
    _lock: File,
}

/// What stands in a directory that was made: the files, and their sizes in bytes, a segment's zeros included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Making {
    /// Begins a directory, which holds nothing yet.
    ///
    /// # Errors
    /// Exit 2 when it holds anything, or somebody else is making it.
    pub(super) fn begin(target: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::file(target, &error);
        let is_new = !target.exists();
        fs::create_dir_all(target).map_err(failed)?;
        let lock = File::open(target).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(
                    Reason::LedgerLocked { dir: target.display().to_string().into() }.into()
                );
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        clear(target).map_err(failed)?;
        if target.join(SEGMENTS).exists() {
            let what = format!("{} holds a ledger already", target.display());
            return Err(Failure::usage(what).with_hint(ANOTHER));
        }
        empty(target)?;
        let part = target.join(UNFINISHED);
        fs::create_dir(&part).map_err(failed)?;
        Ok(Self { target: target.to_owned(), part, is_new, is_done: false, _lock: lock })
    }

    /// Where its parts are to be made.
    pub(super) fn path(&self) -> &Path {
        &self.part
    }

    /// Syncs everything and puts it in its place.
    ///
    /// # Errors
    /// What the disk says; the directory is as it was before, then.
    pub(super) fn finish(mut self) -> Result<Made, Failure> {
        let made = self.put().map_err(|error| Failure::file(&self.target, &error))?;
        self.is_done = true;
        Ok(made)
    }

    fn put(&self) -> io::Result<Made> {
        let mut made = Made::default();
        sync(&self.part, &mut made)?;
        for name in PARTS {
            if self.part.join(name).exists() {
                fs::rename(self.part.join(name), self.target.join(name))?;
            }
        }
        // Power fails before the next line: `.unfinished` is there and `segments` is not, so it is no ledger.
        sync_dir(&self.target)?;
        fs::rename(self.part.join(SEGMENTS), self.target.join(SEGMENTS))?;
        // From here on it is a ledger, and `.unfinished` an empty folder that says nothing.
        sync_dir(&self.target)?;
        fs::remove_dir(&self.part)?;
        sync_dir(&self.target)?;
        match self.target.canonicalize()?.parent() {
            Some(parent) if self.is_new => sync_dir(parent)?,
            _ => {}
        }
        Ok(made)
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        // What cannot be removed is cleared by the next attempt.
        drop(clear(&self.target));
        if self.is_new {
            drop(fs::remove_dir(&self.target));
        }
    }
}

/// What to do about a directory that cannot be taken.
const ANOTHER: &str = "nothing was changed; name a directory that is empty or not there yet";

/// Refuses a directory that holds anything; one that is not there holds nothing.
pub(super) fn empty(dir: &Path) -> Result<(), Failure> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format!("{} is not empty", dir.display())).with_hint(ANOTHER));
    }
    Ok(())
}

/// Removes what an attempt left that did not come to its end.
fn clear(target: &Path) -> io::Result<()> {
    let part = target.join(UNFINISHED);
    if !part.exists() {
        return Ok(());
    }
    if !target.join(SEGMENTS).exists() {
        // The directory was empty when the attempt began, so what stands here was moved by it.
        for name in PARTS {
            let path = target.join(name);
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else if path.exists() {
                fs::remove_file(path)?;
            }
        }
    }
    fs::remove_dir_all(part)
}

/// Syncs a folder with everything in it, and counts that.
fn sync(dir: &Path, made: &mut Made) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync(&path, made)?;
        } else {
            let file = File::open(path)?;
            file.sync_all()?;
            made.files = made.files.saturating_add(1);
            made.bytes = made.bytes.saturating_add(file.metadata()?.len());
        }
    }
    sync_dir(dir)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn fill(dir: &Path) {
        for folder in ["segments", "keys", "published"] {
            fs::create_dir(dir.join(folder)).unwrap();
            fs::write(dir.join(folder).join("a"), "a").unwrap();
        }
        fs::write(dir.join("clean"), "").unwrap();
    }

    #[test]
    fn it_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a/b");
        let making = Making::begin(&target).unwrap();
        fill(making.path());
        assert_eq!(Making::begin(&target).map(drop).unwrap_err().code, "MZ-9005");
        drop(making);
        assert!(!target.exists());
        let making = Making::begin(&target).unwrap();
        fill(making.path());
        making.finish().unwrap();
        assert_eq!(names(&target), ["clean", "keys", "published", "segments"]);
        let again = Making::begin(&target).map(drop).unwrap_err();
        assert!(again.message.ends_with("holds a ledger already"), "{again:?}");
        assert_eq!(names(&target), ["clean", "keys", "published", "segments"]);
    }

    #[test]
    fn what_a_crash_leaves_is_cleared_and_what_is_complete_stays() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path();
        for moved in 0..=3 {
            // A crash after so many of the folders were moved, `segments` last.
            let part = target.join(UNFINISHED);
            fs::create_dir(&part).unwrap();
            fill(&part);
            for name in ["keys", "published", "segments"].into_iter().take(moved) {
                fs::rename(part.join(name), target.join(name)).unwrap();
            }
            let making = Making::begin(target);
            if moved == 3 {
                assert!(making.map(drop).unwrap_err().message.ends_with("holds a ledger already"));
                assert_eq!(names(target), ["keys", "published", "segments"]);
                return;
            }
            assert_eq!(names(target), [UNFINISHED]);
            drop(making.unwrap());
            assert_eq!(names(target), [""; 0]);
        }
    }

    #[test]
    fn a_directory_that_holds_something_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "a").unwrap();
        let refused = Making::begin(dir.path()).map(drop).unwrap_err();
        assert_eq!(refused.exit, crate::cli::failure::USAGE);
        assert!(refused.message.ends_with("is not empty"), "{refused:?}");
        assert_eq!(names(dir.path()), ["a"]);
    }
}
