//! Rows by dense number, found by key, that remember what they were at the last digest.
//!
//! Lives here: the container of every view. Lives elsewhere: what a row holds and how it is spelled
//! for the digest (each view).
//!
//! Always: a row's number is given by first use and never changes; no hash order leaves this file.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Number of a row within its table.
pub(crate) type No = u32;

/// A number that no row has.
pub(crate) const NONE: No = No::MAX;

/// The rows of one table.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, R> {
    /// Key and row side by side: finding a row has touched its cache line already.
    rows: Vec<(K, R)>,
    index: HashTable<No>,
    /// The row found last. The lines of a voucher mostly share their rows.
    last: No,
    /// One bit a row: whether `before` holds it.
    touched: Vec<u64>,
    /// Rows touched since the last digest, as they were then.
    before: Vec<(No, R)>,
}

impl<K: Copy + Eq + Hash, R: Copy + Default + PartialEq> Table<K, R> {
    pub(crate) fn new() -> Self {
        Self {
            rows: Vec::new(),
            index: HashTable::new(),
            last: NONE,
            touched: Vec::new(),
            before: Vec::new(),
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

    /// Returns the number of a key, and makes it an empty row if it has none.
    pub(crate) fn number(&mut self, key: &K) -> No {
        if let Some(no) = self.find(key) {
            self.last = no;
            return no;
        }
        // 2^32 - 1 rows of 20 bytes and more do not fit in memory before numbers run out.
        let no = No::try_from(self.rows.len()).unwrap_or(NONE);
        if no.is_multiple_of(64) {
            self.touched.push(0);
        }
        self.rows.push((*key, R::default()));
        let rows = &self.rows;
        self.index
            .insert_unique(hash(key), no, |no| rows.get(at(*no)).map_or(0, |(key, _)| hash(key)));
        self.last = no;
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
        let word = self.touched.get_mut(at(no.checked_div(64)?))?;
        let bit = 1_u64.checked_shl(no % 64)?;
        if *word & bit == 0 {
            *word |= bit;
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

    /// Makes a table of rows in the order of their numbers; its first digest takes in every row.
    pub(crate) fn of_rows(rows: impl IntoIterator<Item = (K, R)>) -> Self {
        let mut table = Self::new();
        for (key, row) in rows {
            if let Some(slot) = table.entry(&key) {
                *slot = row;
            }
        }
        table
    }

    /// Calls `change(key, before, now)` for each row that differs from the last digest.
    pub(crate) fn settle(&mut self, mut change: impl FnMut(No, &K, &R, &R)) {
        // Taken, so that what a busy month needed is given back.
        for (no, before) in std::mem::take(&mut self.before) {
            let word = no.checked_div(64).and_then(|w| self.touched.get_mut(at(w)));
            if let Some(word) = word {
                *word = 0;
            }
            if let Some((key, now)) = self.rows.get(at(no))
                && before != *now
            {
                change(no, key, &before, now);
            }
        }
    }

    /// Forgets the last digest: the next one takes in every row anew.
    pub(crate) fn unsettle(&mut self) {
        self.before.clear();
        self.touched.fill(u64::MAX);
        if let Some(last) = self.touched.last_mut()
            && let Some(bit) = 1_u64.checked_shl(No::try_from(self.rows.len() % 64).unwrap_or(0))
            && bit != 1
        {
            *last = bit.wrapping_sub(1);
        }
        let numbers = 0..No::try_from(self.rows.len()).unwrap_or(NONE);
        self.before.extend(numbers.map(|no| (no, R::default())));
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
    }
}
