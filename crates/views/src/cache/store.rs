//! The database: histories of households, checkpoints, and up to where both speak.
//!
//! Keys, in one tree so that a batch is whole or absent: `m` the head · `h` household `u64` be, first
//! position `u64` be: a chunk of positions · `d` position `u64` be: a checkpoint's description · `c`
//! position, part `u32` be: a part of it.
//!
//! Always: every call into sled is caught, a panic too, and every failure means the same: doubt.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ledger::ids::HouseholdCode;
use record::{Hash, Seq};
use serde::{Deserialize, Serialize};
use sled::{Batch, Db};

use crate::history::AsOf;
use crate::projection::Projection;
use crate::value::{self, In, Out};

/// The cache cannot be believed: it is deleted and made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubt;

/// Memory that sled may use for pages.
const PAGES_BYTES: u64 = 64 << 20;
/// Parts of a checkpoint: well below where sled moves a value to a file of its own.
const PART_BYTES: usize = 64 << 10;
const HEAD: &[u8] = b"m";

/// What the cache speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) log_id: Hash,
    /// Records below are indexed.
    pub(crate) indexed_to: u64,
    /// Written when the filler ended in order; taken back at every start.
    pub(crate) clean: bool,
}

/// A chunk of a household's positions: differences, the first one to 0.
#[derive(Serialize, Deserialize)]
struct Chunk(Vec<u64>);

/// A checkpoint's description.
#[derive(Serialize, Deserialize)]
struct Description {
    parts: u32,
    bytes: u64,
    hash: Hash,
    /// Latest effective date in it.
    last_date: u32,
}

/// The database.
#[derive(Clone)]
pub(crate) struct Store(Db);

/// Calls sled; an error or a panic is doubt.
fn guard<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Doubt> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Doubt)?.map_err(|_| Doubt)
}

impl Store {
    /// Opens or makes the database of a folder.
    pub(crate) fn open(dir: &Path) -> Result<Self, Doubt> {
        let config = sled::Config::new().path(dir).cache_capacity(PAGES_BYTES);
        guard(|| config.open()).map(Self)
    }

    /// Returns the head; `None` in a new database.
    pub(crate) fn head(&self) -> Result<Option<Head>, Doubt> {
        let Some(bytes) = guard(|| self.0.get(HEAD))? else { return Ok(None) };
        let body = value::open(HEAD, &bytes).ok_or(Doubt)?;
        value::decode(body).ok_or(Doubt).map(Some)
    }

    /// Writes the head and waits until it is on disk.
    pub(crate) fn set_head(&self, head: Head) -> Result<(), Doubt> {
        let mut batch = Batch::default();
        insert(&mut batch, HEAD.to_vec(), &head)?;
        guard(|| self.0.apply_batch(batch))?;
        guard(|| self.0.flush()).map(|_| ())
    }

    /// Adds chunks of positions and moves the head, both or neither.
    pub(crate) fn index<'a>(
        &self,
        head: Head,
        chunks: impl Iterator<Item = (HouseholdCode, &'a [u64])>,
    ) -> Result<(), Doubt> {
        let mut batch = Batch::default();
        for (household, positions) in chunks {
            let Some(first) = positions.first() else { continue };
            let key = history_key(household, *first);
            let mut last = 0;
            let differences = positions.iter().map(|seq| {
                let difference = seq.wrapping_sub(last);
                last = *seq;
                difference
            });
            insert(&mut batch, key, &Chunk(differences.collect()))?;
        }
        insert(&mut batch, HEAD.to_vec(), &head)?;
        guard(|| self.0.apply_batch(batch))
    }

    /// Returns the indexed positions of a household below an end, ascending.
    pub(crate) fn history(&self, household: HouseholdCode, end: u64) -> Result<Vec<Seq>, Doubt> {
        let (from, to) = (history_key(household, 0), history_key(household, u64::MAX));
        let rows = guard(|| self.0.range(from..=to).collect::<sled::Result<Vec<_>>>())?;
        let (mut out, mut last) = (Vec::new(), None);
        for (key, bytes) in rows {
            let body = value::open(&key, &bytes).ok_or(Doubt)?;
            let Chunk(differences) = value::decode(body).ok_or(Doubt)?;
            let mut seq = 0_u64;
            for difference in differences {
                seq = seq.checked_add(difference).ok_or(Doubt)?;
                if last.is_some_and(|last| seq <= last) {
                    return Err(Doubt);
                }
                last = Some(seq);
                if seq < end {
                    out.push(Seq(seq));
                }
            }
        }
        Ok(out)
    }

    /// Returns the positions of all checkpoints, ascending.
    pub(crate) fn checkpoints(&self) -> Result<Vec<u64>, Doubt> {
        Ok(self.descriptions()?.into_iter().map(|(at, _)| at).collect())
    }

    fn descriptions(&self) -> Result<Vec<(u64, Description)>, Doubt> {
        let rows = guard(|| self.0.scan_prefix(b"d").collect::<sled::Result<Vec<_>>>())?;
        let read = |(key, bytes): (sled::IVec, sled::IVec)| {
            let at = key.get(1..)?.try_into().ok().map(u64::from_be_bytes)?;
            Some((at, value::decode(value::open(&key, &bytes)?)?))
        };
        rows.into_iter().map(|row| read(row).ok_or(Doubt)).collect()
    }

    /// Keeps a checkpoint.
    pub(crate) fn put_checkpoint(&self, views: &Projection) -> Result<(), Doubt> {
        let at = views.next_seq().0;
        let mut bytes = Vec::new();
        views.save(&mut Out(&mut bytes)).map_err(|_| Doubt)?;
        let mut parts = 0_u32;
        for (number, part) in (0..).zip(bytes.chunks(PART_BYTES)) {
            let key = part_key(at, number);
            let sealed = value::seal(&key, part);
            guard(|| self.0.insert(key, sealed))?;
            parts = parts.saturating_add(1);
        }
        let description = Description {
            parts,
            bytes: u64::try_from(bytes.len()).map_err(|_| Doubt)?,
            hash: *blake3::hash(&bytes).as_bytes(),
            last_date: views.last_date().0,
        };
        // Last, so that a description always has its parts.
        let mut batch = Batch::default();
        insert(&mut batch, checkpoint_key(at), &description)?;
        guard(|| self.0.apply_batch(batch))
    }

    /// Drops a checkpoint.
    pub(crate) fn remove_checkpoint(&self, at: u64) -> Result<(), Doubt> {
        guard(|| self.0.remove(checkpoint_key(at)))?;
        let keys = guard(|| {
            let parts = self.0.range(part_key(at, 0)..=part_key(at, u32::MAX));
            parts.keys().collect::<sled::Result<Vec<_>>>()
        })?;
        keys.into_iter().try_for_each(|key| guard(|| self.0.remove(key)).map(|_| ()))
    }

    /// Returns the newest checkpoint from which a fold reaches a position and a day.
    pub(crate) fn checkpoint(&self, as_of: AsOf) -> Result<Option<Projection>, Doubt> {
        let fits = |(at, description): &(u64, Description)| {
            let day = ledger::ids::Date(description.last_date);
            *at <= as_of.position.0.saturating_add(1) && as_of.counts(day)
        };
        let Some((at, found)) = self.descriptions()?.into_iter().rev().find(fits) else {
            return Ok(None);
        };
        if value::BODY_BYTES_MAX < found.bytes {
            return Err(Doubt);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(found.bytes).map_err(|_| Doubt)?);
        for number in 0..found.parts {
            let key = part_key(at, number);
            let part = guard(|| self.0.get(&key))?.ok_or(Doubt)?;
            bytes.extend_from_slice(value::open(&key, &part).ok_or(Doubt)?);
        }
        if *blake3::hash(&bytes).as_bytes() != found.hash {
            return Err(Doubt);
        }
        let views = Projection::load(&mut In(&mut bytes.as_slice())).map_err(|_| Doubt)?;
        if views.next_seq().0 == at { Ok(Some(views)) } else { Err(Doubt) }
    }
}

fn insert<T: Serialize>(batch: &mut Batch, key: Vec<u8>, value: &T) -> Result<(), Doubt> {
    let sealed = value::seal(&key, &value::encode(value).ok_or(Doubt)?);
    batch.insert(key, sealed);
    Ok(())
}

fn history_key(household: HouseholdCode, first: u64) -> Vec<u8> {
    [&b"h"[..], &household.get().to_be_bytes(), &first.to_be_bytes()].concat()
}

fn checkpoint_key(at: u64) -> Vec<u8> {
    [&b"d"[..], &at.to_be_bytes()].concat()
}

fn part_key(at: u64, part: u32) -> Vec<u8> {
    [&b"c"[..], &at.to_be_bytes(), &part.to_be_bytes()].concat()
}
