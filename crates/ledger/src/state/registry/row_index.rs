//! From a key to the row that holds it, without a copy of the key.
//!
//! 4 bytes and a tag a row instead of the key's 8 or 16 as well: there are millions of persons.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use record::cow::CowTable;

use crate::table::{Table, Undo};

/// A hash without a random seed: equal runs take equal time and use equal memory.
const HASHER: foldhash::fast::FixedState = foldhash::fast::FixedState::with_seed(0);

/// Row numbers by the hash of a key that stands in the row. Rows are entered and never taken out, but by
/// a rollback.
#[derive(Clone)]
pub(super) struct RowIndex<K> {
    rows: CowTable<u32>,
    /// Hash and number of the rows entered since the last commit.
    log: Vec<(u64, u32)>,
    recording: bool,
    key: PhantomData<K>,
}

impl<K> Default for RowIndex<K> {
    fn default() -> Self {
        Self { rows: CowTable::new(), log: Vec::new(), recording: true, key: PhantomData }
    }
}

impl<K> fmt::Debug for RowIndex<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowIndex({})", self.rows.len())
    }
}

impl<K: Hash + Eq> RowIndex<K> {
    /// The row of a key; `key_of` reads the key of a row.
    pub(super) fn get(&self, key: &K, key_of: impl Fn(u32) -> Option<K>) -> Option<u32> {
        let hash = HASHER.hash_one(key);
        self.rows.find(hash, |row| key_of(*row).as_ref() == Some(key)).copied()
    }

    /// Enters a row; it must not be there yet.
    pub(super) fn insert(&mut self, row: u32, key: &K, key_of: impl Fn(u32) -> Option<K>) {
        let hash = HASHER.hash_one(key);
        self.rows
            .insert_unique(hash, row, |row| key_of(*row).map_or(0, |key| HASHER.hash_one(key)));
        if self.recording {
            self.log.push((hash, row));
        }
    }

    /// Enters the rows of a table, of each key the first.
    pub(super) fn enter_all<T>(&mut self, table: &Table<T>, key: impl Fn(&T) -> K) {
        let key_of = |no: u32| table.get(no).map(&key);
        for (no, row) in (0..).zip(table.iter()) {
            let key = key(row);
            if self.get(&key, key_of).is_none() {
                self.insert(no, &key, key_of);
            }
        }
        self.commit();
    }
}

impl<K> Undo for RowIndex<K> {
    fn commit(&mut self) {
        self.log.clear();
    }

    fn rollback(&mut self) {
        while let Some((hash, row)) = self.log.pop() {
            self.rows.remove(hash, |found| *found == row);
        }
    }

    fn set_recording(&mut self, on: bool) {
        self.commit();
        self.recording = on;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_their_key_and_taken_out_by_rollback() {
        let keys: Vec<u64> = (0..2_000).map(|i| i * 17).collect();
        let key_of = |row: u32| keys.get(usize::try_from(row).unwrap()).copied();
        let mut index = RowIndex::default();
        for row in 0..1_000 {
            index.insert(row, &key_of(row).unwrap(), key_of);
        }
        index.commit();
        for row in 1_000..2_000 {
            index.insert(row, &key_of(row).unwrap(), key_of);
        }
        assert_eq!(index.get(&(1_999 * 17), key_of), Some(1_999));
        index.rollback();
        assert_eq!(index.get(&(1_999 * 17), key_of), None);
        for row in 0..1_000 {
            assert_eq!(index.get(&(u64::from(row) * 17), key_of), Some(row));
        }
        index.set_recording(false);
        index.insert(1_000, &17_000, key_of);
        index.rollback();
        assert_eq!(index.get(&17_000, key_of), Some(1_000));
    }
}
