//! Signed checkpoints, and the folder in which the published ones stand.
//!
//! Lives here: signing the tree's root, writing a checkpoint so that a power cut leaves the old or the
//! new one, reading the newest.
//! Lives elsewhere: when one is published (`sequencer`), the format of a note (`tlog`).
//!
//! Always: only what is durable is signed. A checkpoint that outlived a torn block would speak of two
//! histories. `published/checkpoint` is synced before anybody is told.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;

use journal::Disk;
use journal::disk::{read_file, replace_file};
use record::Hash;
use record::limits::NOTE_BYTES_MAX;
use tlog::{Checkpoint, Signer};

/// Folder of the published checkpoints; `checkpoint` is the newest, `SIZE` of 20 digits each of them.
pub const PUBLISHED_DIR: &str = "published";
const NEWEST: &str = "checkpoint";

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The note.
    pub note: String,
    /// Records in the tree.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

impl Signed {
    /// Refuses the newest published checkpoint of another ledger.
    ///
    /// # Errors
    /// `InvalidData`, naming both origins.
    pub(crate) fn check_origin(&self, origin: &str) -> io::Result<()> {
        self.of(&journal::disk::join(PUBLISHED_DIR, NEWEST), origin)
    }

    /// The same of one that was read from `path`.
    fn of(&self, path: &str, origin: &str) -> io::Result<()> {
        // A checkpoint begins with the line that names its log.
        match self.note.lines().next() {
            Some(found) if found == origin => Ok(()),
            found => {
                let found = found.unwrap_or_default();
                Err(bad(path, &format!("speaks of {found}, this ledger is {origin}")))
            }
        }
    }
}

fn bad(path: &str, what: &dyn Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{path}: {what}"))
}

/// Signs a checkpoint of records 0 to `size` − 1, all of them durable.
pub(crate) fn sign(signer: &Signer, origin: &str, size: u64, root: Hash) -> Signed {
    let text = Checkpoint { origin: origin.to_owned(), size, root }.text();
    Signed { note: tlog::note::sign_note(&text, &[signer]), size, root }
}

/// Writes a checkpoint to `published/`, the copy under its size first.
pub(crate) fn publish(disk: &dyn Disk, dir: &str, signed: &Signed) -> io::Result<()> {
    let published = journal::disk::join(dir, PUBLISHED_DIR);
    disk.create_dir(&published)?;
    disk.sync_dir(dir)?;
    let bytes = signed.note.as_bytes();
    replace_file(disk, &published, &format!("{:020}", signed.size), bytes)?;
    // Power fails here: the old checkpoint is the newest, and it is right.
    replace_file(disk, &published, NEWEST, bytes)
}

/// Moves the checkpoints that an accepted rollback contradicts to a folder of their own, so that the rest
/// of `published/` speaks of this log again; all of them when `size` is `None`.
///
/// `published/checkpoint` stays until a new one takes its place: a stop before that is met by the next
/// start as the same rollback.
pub(crate) fn set_aside(disk: &dyn Disk, dir: &str, size: Option<u64>) -> io::Result<()> {
    let published = journal::disk::join(dir, PUBLISHED_DIR);
    let aside = journal::disk::join(&published, "rolled-back");
    disk.create_dir(&aside)?;
    for name in disk.list(&published)? {
        let Ok(of) = name.parse::<u64>() else { continue };
        if size.is_none_or(|size| size < of) {
            let (from, to) =
                (journal::disk::join(&published, &name), journal::disk::join(&aside, &name));
            disk.rename(&from, &to)?;
        }
    }
    disk.sync_dir(&aside)?;
    disk.sync_dir(&published)
}

/// Reads the newest published checkpoint, of whichever origin if none is named; `None` when there is
/// none.
///
/// # Errors
/// What the disk says; `InvalidData` when the file holds no checkpoint of `origin`.
pub(crate) fn newest(
    disk: &dyn Disk,
    dir: &str,
    origin: Option<&str>,
) -> io::Result<Option<Signed>> {
    match read(disk, dir, NEWEST, origin) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Returns the sizes of all published checkpoints; none when there is no folder of them.
///
/// # Errors
/// What the disk says.
pub(crate) fn sizes(disk: &dyn Disk, dir: &str) -> io::Result<BTreeSet<u64>> {
    let names = match disk.list(&journal::disk::join(dir, PUBLISHED_DIR)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        names => names?,
    };
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Reads the published checkpoint of a size.
///
/// # Errors
/// As [`newest`].
pub(crate) fn of_size(disk: &dyn Disk, dir: &str, size: u64, origin: &str) -> io::Result<Signed> {
    let name = format!("{size:020}");
    let signed = read(disk, dir, &name, Some(origin))?;
    if signed.size == size {
        return Ok(signed);
    }
    Err(bad(&name, &format!("speaks of {} records", signed.size)))
}

fn read(disk: &dyn Disk, dir: &str, name: &str, origin: Option<&str>) -> io::Result<Signed> {
    let path = journal::disk::join(&journal::disk::join(dir, PUBLISHED_DIR), name);
    let bytes = read_file(disk, &path, NOTE_BYTES_MAX)?;
    let note = String::from_utf8(bytes).map_err(|e| bad(&path, &e))?;
    let parsed = tlog::note::parse_note(note.as_bytes()).map_err(|e| bad(&path, &e))?;
    let checkpoint = Checkpoint::parse(parsed.text).map_err(|e| bad(&path, &e))?;
    let Checkpoint { size, root, .. } = checkpoint;
    let signed = Signed { note, size, root };
    origin.map_or(Ok(()), |origin| signed.of(&path, origin))?;
    Ok(signed)
}

#[cfg(test)]
mod tests {
    use journal::SimDisk;

    use super::*;

    #[test]
    fn what_was_published_is_read_back_and_each_size_stays() {
        let disk = SimDisk::new();
        let key = Signer::from_seed("example.org/a", &[7; 32]).unwrap();
        assert_eq!(newest(&disk, "", Some("example.org/a")).unwrap(), None);
        for size in [1, 2] {
            let signed = sign(&key, "example.org/a", size, [1; 32]);
            publish(&disk, "", &signed).unwrap();
            assert_eq!(newest(&disk, "", Some("example.org/a")).unwrap(), Some(signed));
        }
        let names = disk.list("published").unwrap();
        assert_eq!(names, ["00000000000000000001", "00000000000000000002", "checkpoint"]);
        assert!(newest(&disk, "", Some("example.org/b")).is_err());
        disk.edit("published/checkpoint", |bytes| bytes.truncate(5)).unwrap();
        assert!(newest(&disk, "", Some("example.org/a")).is_err());
    }

    #[test]
    fn a_cut_at_any_call_leaves_the_old_or_the_new_checkpoint() {
        let key = Signer::from_seed("example.org/a", &[7; 32]).unwrap();
        let signed = |size| sign(&key, "example.org/a", size, [1; 32]);
        for cut in 1.. {
            let disk = SimDisk::new();
            publish(&disk, "", &signed(1)).unwrap();
            disk.cut_after(cut);
            let done = publish(&disk, "", &signed(2)).is_ok();
            let cut_happened = !disk.is_armed();
            disk.crash(cut);
            let found = newest(&disk, "", Some("example.org/a")).unwrap().unwrap();
            assert!(found == signed(2) || (!done && found == signed(1)), "cut after {cut} calls");
            if !cut_happened {
                return;
            }
        }
    }
}
