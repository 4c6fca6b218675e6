//! Rows by dense number, found by key, that remember what they were at the last digest.
//!
//! Lives here: the container of every view, and what hangs rows of one owner together. Lives elsewhere:
//! what a row holds and how it is spelled for the digest (each view).
//!
//! Always: a row's number is given by first use and never changes; no hash order leaves this file; a
//! copy shares what neither side changes.

use std::hash::{BuildHasher, Hash};
use std::hint::black_box;
use std::io;

use foldhash::fast::FixedState;
use record::cow::{CowTable, CowVec};

use crate::value::{In, Out, Plain, invalid};

/// Number of a row within its table.
pub(crate) type No = u32;

/// A number that no row has.
pub(crate) const NONE: No = No::MAX;

/// Rows that are read ahead in one go.
const AHEAD: usize = 64;

/// The rows of one table.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, R> {
    /// Key and row side by side: finding a row has touched its cache line already.
    rows: CowVec<(K, R)>,
    index: CowTable<No>,
    /// The row found last. The lines of a voucher mostly share their rows.
    last: No,
    /// One bit a row: whether `before` holds it.
    touched: Vec<u64>,
    /// Rows touched since the last digest, as they were then.
    before: CowVec<(No, R)>,
    /// The last digest is forgotten: it knew of no row, whatever `before` holds.
    anew: bool,
}

impl<K: Copy + Eq + Hash, R: Copy + Default + PartialEq> Default for Table<K, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Copy + Eq + Hash, R: Copy + Default + PartialEq> Table<K, R> {
    pub(crate) fn new() -> Self {
        Self {
            rows: CowVec::new(),
            index: CowTable::new(),
            last: NONE,
            touched: Vec::new(),
            before: CowVec::new(),
            anew: false,
        }
    }

    /// Returns the number of a key that was used before.
    pub(crate) fn find(&self, key: &K) -> Option<No> {
        let same = |no: &No| self.rows.get(at(*no)).is_some_and(|(found, _)| found == key);
        if same(&self.last) {
            return Some(self.last);
        }
        self.index.find(hash(key), same).copied()
    }

    /// Reads the rows that [`Table::find`] of these keys will read, up to some dozens: first all numbers,
    /// then all rows, so that the waits for memory overlap.
    pub(crate) fn read_ahead(&self, keys: impl Iterator<Item = K>) {
        let mut numbers = [NONE; AHEAD];
        for (number, key) in numbers.iter_mut().zip(keys) {
            *number = self.index.likely(hash(&key)).unwrap_or(NONE);
        }
        for no in numbers {
            black_box(self.rows.get(at(no)).map(|(key, _)| *key));
        }
    }

    /// Returns the number of a key, and makes it an empty row if it has none.
    pub(crate) fn number(&mut self, key: &K) -> No {
        let no = self.find(key).unwrap_or_else(|| self.push(*key, R::default()));
        self.last = no;
        no
    }

    /// Adds the row of a new key.
    fn push(&mut self, key: K, row: R) -> No {
        // 2^32 - 1 rows of 20 bytes and more do not fit in memory before numbers run out.
        let no = No::try_from(self.rows.len()).unwrap_or(NONE);
        if no.is_multiple_of(64) {
            self.touched.push(0);
        }
        self.rows.push((key, row));
        let rows = &self.rows;
        self.index
            .insert_unique(hash(&key), no, |no| rows.get(at(*no)).map_or(0, |(key, _)| hash(key)));
        no
    }

    /// Returns a row, the empty one for a number that was never given.
    pub(crate) fn get(&self, no: No) -> R {
        self.rows.get(at(no)).map_or_else(R::default, |(_, row)| *row)
    }

    /// Returns the row of a key, the empty one for a key that was never used.
    pub(crate) fn of(&self, key: &K) -> R {
        self.find(key).map_or_else(R::default, |no| self.get(no))
    }

    /// Returns the key of a number.
    pub(crate) fn key(&self, no: No) -> Option<K> {
        self.rows.get(at(no)).map(|(key, _)| *key)
    }

    /// Returns a row to change. `None` for a number that was never given.
    pub(crate) fn change(&mut self, no: No) -> Option<&mut R> {
        let (_, row) = self.rows.get_mut(at(no))?;
        if touch(&mut self.touched, no)? {
            self.before.push((no, *row));
        }
        Some(row)
    }

    /// Returns the row of a key to change, made when it is new. Each use of it is one change.
    pub(crate) fn entry(&mut self, key: &K) -> Option<&mut R> {
        let no = self.number(key);
        self.change(no)
    }

    /// Returns how many numbers were given.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns keys and rows in the order of first use, the empty ones too.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &R)> {
        self.rows.iter().map(|(key, row)| (key, row))
    }

    /// Makes the next copies cheap.
    pub(crate) fn freeze(&mut self) {
        self.rows.freeze();
        self.before.freeze();
    }

    /// Calls `change(key, before, now)` for each row that differs from the last digest.
    pub(crate) fn settle(&mut self, mut change: impl FnMut(No, &K, &R, &R)) {
        let anew = std::mem::take(&mut self.anew);
        // Taken, so that what a busy month needed is given back.
        for (no, before) in std::mem::take(&mut self.before).iter() {
            let word = no.checked_div(64).and_then(|w| self.touched.get_mut(at(w)));
            if let Some(word) = word {
                *word = 0;
            }
            if let Some((key, now)) = self.rows.get(at(*no))
                && before != now
                && !anew
            {
                change(*no, key, before, now);
            }
        }
        if anew {
            let empty = R::default();
            let filled = (0..).zip(self.rows.iter()).filter(|(_, (_, now))| *now != empty);
            filled.for_each(|(no, (key, now))| change(no, key, &empty, now));
        }
    }

    /// Forgets the last digest: the next one takes in every row anew.
    pub(crate) fn unsettle(&mut self) {
        self.anew = true;
    }
}

impl<K: Copy + Eq + Hash + Plain, R: Copy + Default + PartialEq + Plain> Table<K, R> {
    /// Writes the rows, and what the last digest knew of those that were touched since. Never
    /// between [`Table::unsettle`] and the next digest.
    pub(crate) fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.put(&self.rows.len())?;
        for (key, row) in self.rows.iter() {
            out.put(&(key.plain(), row.plain()))?;
        }
        out.put(&self.before.len())?;
        self.before.iter().try_for_each(|(no, before)| out.put(&(*no, before.plain())))
    }

    /// Reads a table that was written so.
    pub(crate) fn load(from: &mut In<'_>) -> io::Result<Self> {
        let mut table = Self::new();
        for _ in 0..from.take::<usize>()? {
            let (key, row) = from.take()?;
            let (key, row) = (K::of_plain(key), R::of_plain(row));
            table.push(key.ok_or_else(invalid)?, row.ok_or_else(invalid)?);
        }
        for _ in 0..from.take::<usize>()? {
            let (no, before) = from.take()?;
            let before = R::of_plain(before).ok_or_else(invalid)?;
            if !touch(&mut table.touched, no).ok_or_else(invalid)? {
                return Err(invalid());
            }
            table.before.push((no, before));
        }
        Ok(table)
    }
}

/// Marks a row as touched and says whether it was not before; `None` for a row far beyond the last.
fn touch(touched: &mut [u64], no: No) -> Option<bool> {
    let word = touched.get_mut(at(no.checked_div(64)?))?;
    let bit = 1_u64.checked_shl(no % 64)?;
    let new = *word & bit == 0;
    *word |= bit;
    Some(new)
}

/// The rows of each owner, newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chains {
    /// By row: the owner's row before it.
    older: CowVec<No>,
    /// By owner: its newest row.
    newest: CowVec<No>,
}

impl Chains {
    /// Gives the next row to an owner. Rows come in the order of their numbers.
    pub(crate) fn push(&mut self, owner: No) -> Option<()> {
        let row = No::try_from(self.older.len()).ok()?;
        while self.newest.len() <= at(owner) {
            self.newest.push(NONE);
        }
        let newest = self.newest.get_mut(at(owner))?;
        self.older.push(std::mem::replace(newest, row));
        Some(())
    }

    /// Makes the next copies cheap.
    pub(crate) fn freeze(&mut self) {
        self.older.freeze();
        self.newest.freeze();
    }

    /// Returns the rows of an owner, newest first.
    pub(crate) fn of(&self, owner: No) -> impl Iterator<Item = No> {
        let first = self.newest.get(at(owner)).copied();
        std::iter::successors(first, |no| self.older.get(at(*no)).copied())
            .take_while(|no| *no != NONE)
    }
}

pub(crate) fn at(no: No) -> usize {
    usize::try_from(no).unwrap_or(usize::MAX)
}

pub(crate) fn hash<K: Hash>(key: &K) -> u64 {
    FixedState::with_seed(0).hash_one(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_remember_what_they_were() {
        let mut table: Table<u64, i64> = Table::new();
        let changes = |table: &mut Table<u64, i64>| {
            let mut out = Vec::new();
            table.settle(|_, key, before, now| out.push((*key, *before, *now)));
            out
        };
        for key in 0..200 {
            *table.entry(&key).unwrap() = 1;
        }
        assert_eq!(changes(&mut table).len(), 200);
        *table.entry(&7).unwrap() = 5;
        *table.entry(&7).unwrap() = 6;
        *table.entry(&8).unwrap() = 5;
        *table.entry(&8).unwrap() = 1;
        let _ = table.number(&900);
        table.freeze();
        let mut copy = table.clone();
        assert_eq!(changes(&mut table), [(7, 1, 6)]);
        assert_eq!((table.of(&7), table.of(&900), table.of(&902)), (6, 0, 0));
        assert_eq!(changes(&mut table), []);
        table.unsettle();
        assert_eq!(changes(&mut table).len(), 200);
        *table.entry(&7).unwrap() = 7;
        assert_eq!(changes(&mut table), [(7, 6, 7)]);
        table.unsettle();
        *table.entry(&901).unwrap() = 3;
        assert_eq!(changes(&mut table).len(), 201);
        assert!(table.change(901).is_none());
        // The copy is where it was.
        assert_eq!((copy.of(&7), copy.find(&901)), (6, None));
        assert_eq!(changes(&mut copy), [(7, 1, 6)]);
    }

    #[test]
    fn rows_hang_together() {
        let mut chains = Chains::default();
        for owner in [3, 700, 3, 0, 3] {
            chains.push(owner).unwrap();
        }
        assert_eq!(chains.of(3).collect::<Vec<_>>(), [4, 2, 0]);
        assert_eq!(chains.of(700).collect::<Vec<_>>(), [1]);
        assert_eq!((chains.of(5).count(), chains.of(9_000).count()), (0, 0));
    }
}
