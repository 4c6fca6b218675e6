//! Checkpoints: views of earlier positions in plain files beside the database, one a file.
//!
//! Lives here: the files. Lives elsewhere: which there are, and what they must hash to (`store`), which
//! are wanted (`filler`).
//!
//! Always: a file is believed for the hash that the database has of it, and read only after it was
//! compared; one that no description names is deleted at the next start. So nothing is synced: what a
//! power cut takes or tears is made again.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use record::Hash;
use serde::{Deserialize, Serialize};

use super::store::Doubt;
use crate::projection::Projection;
use crate::value::{In, Out};

const PREFIX: &str = "views-";
const BUFFER_BYTES: usize = 64 << 10;

/// A checkpoint's description.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) bytes: u64,
    hash: Hash,
    /// Latest effective date in it.
    pub(crate) last_date: u32,
}

fn path(dir: &Path, at: u64) -> PathBuf {
    dir.join(format!("{PREFIX}{at:020}"))
}

/// Passes bytes on, and counts and hashes them.
struct Hashing {
    file: File,
    hasher: blake3::Hasher,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a checkpoint; it counts once its description is kept.
pub(crate) fn write(dir: &Path, views: &Projection) -> io::Result<Description> {
    let path = path(dir, views.next_seq().0);
    remove(&path)?;
    let hashing = Hashing { file: File::create_new(path)?, hasher: blake3::Hasher::new() };
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, hashing);
    views.save(&mut Out(&mut out))?;
    let Hashing { hasher, .. } = out.into_inner()?;
    Ok(Description {
        bytes: hasher.count(),
        hash: *hasher.finalize().as_bytes(),
        last_date: views.last_date().0,
    })
}

/// Reads a checkpoint; whatever is wrong with it is doubt.
pub(crate) fn read(dir: &Path, at: u64, description: &Description) -> Result<Projection, Doubt> {
    let read = || -> io::Result<Option<Projection>> {
        let mut file = File::open(path(dir, at))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&mut file)?;
        let (bytes, hash) = (hasher.count(), *hasher.finalize().as_bytes());
        if (bytes, hash) != (description.bytes, description.hash) {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(0))?;
        let mut from = BufReader::with_capacity(BUFFER_BYTES, file);
        Projection::load(&mut In(&mut from)).map(Some)
    };
    let views = read().ok().flatten().ok_or(Doubt)?;
    if views.next_seq().0 == at { Ok(views) } else { Err(Doubt) }
}

/// Deletes all checkpoints but those at these positions.
pub(crate) fn keep_only(dir: &Path, kept: impl Fn(u64) -> bool) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let at = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let Some(at) = at else { continue };
        if !at.parse().is_ok_and(&kept) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
