//! The database: histories of households, descriptions of checkpoints, and up to where both speak.
//!
//! Keys: `m` the head · `h` first position of a batch
//! `u64` be, village `u64` be: what the batch has of the households first registered there · `d` position
//! `u64` be: a checkpoint's description.
//!
//! A batch stands behind all before it, so the tree grows at its end and no page is read to be written
//! again. A history asks each batch once that the head names; a batch is for 56,000 payments at least and 450,000
//! mostly.
//!
//! Always: every call into sled is caught, a panic too, and every failure means the same: doubt. Few and
//! not small entries: a village's share of a batch, since an entry costs the same however little it holds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ledger::ids::HouseholdCode;
use record::{Hash, Seq};
use serde::{Deserialize, Serialize};
use sled::{Batch, Db};

use super::checkpoints::{self, Description};
use crate::history::AsOf;
use crate::projection::Projection;
use crate::value;

/// The cache cannot be believed: it is deleted and made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubt;

/// Memory that sled may use for pages.
const PAGES_BYTES: u64 = 16 << 20;
/// Entries that are handed over at once: until sled has taken them all it keeps each page it replaced.
const ENTRIES: usize = 64;
const HEAD: &[u8] = b"m";
/// Codes of the households first registered in a village: serial and check digit.
const VILLAGE: u64 = 100_000;

/// What the cache speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) log_id: Hash,
    /// Records below are indexed.
    pub(crate) indexed_to: u64,
    /// Where each batch begins, ascending.
    pub(crate) batches: Vec<u64>,
    /// Written when the filler ended in order; taken back at every start.
    pub(crate) clean: bool,
}

/// What names a household: its code, the position.
pub(crate) type Mention = (u64, u64);

/// What a batch has of a village, by household: the code's last five digits; positions as differences,
/// the first one to the position in the key.
#[derive(Serialize, Deserialize)]
struct Entry(Vec<(u32, Vec<u64>)>);

/// The database and the files beside it.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
    dir: PathBuf,
}

/// Calls sled; an error or a panic is doubt.
fn guard<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Doubt> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Doubt)?.map_err(|_| Doubt)
}

impl Store {
    /// Opens or makes the database of a folder.
    pub(crate) fn open(dir: &Path) -> Result<Self, Doubt> {
        let config = sled::Config::new().path(dir).cache_capacity(PAGES_BYTES).flush_every_ms(None);
        Ok(Self { db: guard(|| config.open())?, dir: dir.to_owned() })
    }

    /// Returns the head; `None` in a new database.
    pub(crate) fn head(&self) -> Result<Option<Head>, Doubt> {
        let Some(bytes) = guard(|| self.db.get(HEAD))? else { return Ok(None) };
        let body = value::open(HEAD, &bytes).ok_or(Doubt)?;
        value::decode(body).ok_or(Doubt).map(Some)
    }

    /// Writes the head and waits until it is on disk.
    pub(crate) fn set_head(&self, head: &Head) -> Result<(), Doubt> {
        let mut batch = Batch::default();
        insert(&mut batch, HEAD.to_vec(), head)?;
        guard(|| self.db.apply_batch(batch))?;
        guard(|| self.db.flush()).map(|_| ())
    }

    /// Adds the last batch of the head, mentions in ascending order; the head moves when all of it is there.
    pub(crate) fn index(&self, head: &Head, all: &[Mention]) -> Result<(), Doubt> {
        let from = head.batches.last().copied().unwrap_or(0);
        let mut entries = all.chunk_by(|(a, _), (b, _)| village(*a) == village(*b)).peekable();
        while entries.peek().is_some() {
            let mut batch = Batch::default();
            for of_village in entries.by_ref().take(ENTRIES) {
                let Some((household, _)) = of_village.first() else { continue };
                let key = history_key(from, village(*household));
                insert(&mut batch, key, &Entry(entry(of_village, from)))?;
            }
            guard(|| self.db.apply_batch(batch))?;
        }
        let mut batch = Batch::default();
        insert(&mut batch, HEAD.to_vec(), head)?;
        guard(|| self.db.apply_batch(batch))
    }

    /// Returns the positions of a household below an end, ascending, from batches that begin at these.
    pub(crate) fn history(
        &self,
        household: HouseholdCode,
        batches: &[u64],
        end: u64,
    ) -> Result<Vec<Seq>, Doubt> {
        let (village, number) = (village(household.get()), number(household.get()));
        let (mut out, mut last) = (Vec::new(), None);
        for from in batches.iter().copied().take_while(|from| *from < end) {
            let key = history_key(from, village);
            let Some(bytes) = guard(|| self.db.get(&key))? else { continue };
            let body = value::open(&key, &bytes).ok_or(Doubt)?;
            let Entry(entry) = value::decode(body).ok_or(Doubt)?;
            let mut seq = from;
            let found = entry.into_iter().find(|(found, _)| *found == number);
            for difference in found.into_iter().flat_map(|(_, differences)| differences) {
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

    /// Returns the positions of all checkpoints, ascending, and deletes what no description names.
    pub(crate) fn checkpoints(&self) -> Result<Vec<u64>, Doubt> {
        let all: Vec<u64> = self.descriptions()?.into_iter().map(|(at, _)| at).collect();
        let kept = |at| all.binary_search(&at).is_ok();
        checkpoints::keep_only(&self.dir, kept).map_err(|_| Doubt)?;
        Ok(all)
    }

    fn descriptions(&self) -> Result<Vec<(u64, Description)>, Doubt> {
        let rows = guard(|| self.db.scan_prefix(b"d").collect::<sled::Result<Vec<_>>>())?;
        let read = |(key, bytes): (sled::IVec, sled::IVec)| {
            let at = key.get(1..).and_then(position)?;
            Some((at, value::decode(value::open(&key, &bytes)?)?))
        };
        rows.into_iter().map(|row| read(row).ok_or(Doubt)).collect()
    }

    /// Keeps a checkpoint and returns its bytes.
    pub(crate) fn put_checkpoint(&self, views: &Projection) -> Result<u64, Doubt> {
        let description = checkpoints::write(&self.dir, views).map_err(|_| Doubt)?;
        let mut batch = Batch::default();
        insert(&mut batch, checkpoint_key(views.next_seq().0), &description)?;
        guard(|| self.db.apply_batch(batch))?;
        Ok(description.bytes)
    }

    /// Drops checkpoints.
    pub(crate) fn remove_checkpoints(&self, all: &[u64]) -> Result<(), Doubt> {
        for at in all {
            guard(|| self.db.remove(checkpoint_key(*at)))?;
        }
        checkpoints::keep_only(&self.dir, |at| !all.contains(&at)).map_err(|_| Doubt)
    }

    /// Returns the newest checkpoint from which a fold reaches a position and a day.
    pub(crate) fn checkpoint(&self, as_of: AsOf) -> Result<Option<Projection>, Doubt> {
        let fits = |(at, description): &(u64, Description)| {
            let day = ledger::ids::Date(description.last_date);
            *at <= as_of.position.0.saturating_add(1) && as_of.counts(day)
        };
        loop {
            let found = self.descriptions()?.into_iter().rev().find(fits);
            let Some((at, description)) = found else { return Ok(None) };
            let views = checkpoints::read(&self.dir, at, &description);
            // One that was dropped meanwhile is no reason for doubt.
            if views.is_ok() || guard(|| self.db.contains_key(checkpoint_key(at)))? {
                return views.map(Some);
            }
        }
    }
}

fn village(household: u64) -> u64 {
    household / VILLAGE
}

fn number(household: u64) -> u32 {
    u32::try_from(household % VILLAGE).unwrap_or(0)
}

/// Returns what a batch has of one village.
fn entry(of_village: &[Mention], from: u64) -> Vec<(u32, Vec<u64>)> {
    let of_household = of_village.chunk_by(|(a, _), (b, _)| a == b).map(|all| {
        let mut last = from;
        let differences = all.iter().map(|(_, seq)| {
            let difference = seq.wrapping_sub(last);
            last = *seq;
            difference
        });
        (all.first().map_or(0, |(household, _)| number(*household)), differences.collect())
    });
    of_household.collect()
}

fn insert<T: Serialize>(batch: &mut Batch, key: Vec<u8>, value: &T) -> Result<(), Doubt> {
    let sealed = value::seal(&key, &value::encode(value).ok_or(Doubt)?);
    batch.insert(key, sealed);
    Ok(())
}

fn history_key(from: u64, village: u64) -> Vec<u8> {
    [&b"h"[..], &from.to_be_bytes(), &village.to_be_bytes()].concat()
}

fn checkpoint_key(at: u64) -> Vec<u8> {
    [&b"d"[..], &at.to_be_bytes()].concat()
}

fn position(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}
