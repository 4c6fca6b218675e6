//! Containers that can undo: the rows of the state, with what they were before the voucher at hand.
//!
//! Lives here: `Table` (dense rows by number), `Index` (key to a small value), `Ordered` (sorted keys),
//! `One` (a single value).
//! Lives elsewhere: what the rows mean (`state`), hash tables that share (`record::cow`).
//!
//! Always: after `rollback` a container equals what it was at the last `commit`; replay turns recording
//! off, and then there is nothing to roll back; an index gives out no order, so none can leak. A copy
//! shares what neither side changes: it costs a counter a chunk, and a change copies one chunk, once.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use record::cow::CowTable;

use crate::saved::{In, Out, Saved};

/// A hash without a random seed: equal runs take equal time and use equal memory.
const HASHER: foldhash::fast::FixedState = foldhash::fast::FixedState::with_seed(0);

/// Rows of a chunk: a first change after a copy moves some ten kilobytes.
const CHUNK: usize = 256;

/// What every container can do.
pub trait Undo {
    /// Keeps all changes since the last commit.
    fn commit(&mut self);
    /// Undoes all changes since the last commit.
    fn rollback(&mut self);
    /// Says whether changes can be undone from here on. Changes so far are kept.
    fn set_recording(&mut self, on: bool);
}

/// Implements [`Undo`] for a structure whose listed fields all implement it.
#[macro_export]
macro_rules! undo_fields {
    ($name:ty { $($field:ident),* $(,)? }) => {
        impl $crate::table::Undo for $name {
            fn commit(&mut self) {
                $($crate::table::Undo::commit(&mut self.$field);)*
            }

            fn rollback(&mut self) {
                $($crate::table::Undo::rollback(&mut self.$field);)*
            }

            fn set_recording(&mut self, on: bool) {
                $($crate::table::Undo::set_recording(&mut self.$field, on);)*
            }
        }
    };
}

/// Dense rows, numbered from 0 in the order of their birth; a row is never removed.
#[derive(Clone)]
pub struct Table<T> {
    /// Whole chunks.
    full: Vec<Arc<[T]>>,
    /// The rows behind them, fewer than a chunk.
    tail: Vec<T>,
    /// Rows as they were, newest last.
    log: Vec<(u32, T)>,
    /// Rows at the last commit.
    base: usize,
    recording: bool,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { full: Vec::new(), tail: Vec::new(), log: Vec::new(), base: 0, recording: true }
    }
}

impl<T> Table<T> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.full.len().saturating_mul(CHUNK).saturating_add(self.tail.len())
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.tail.is_empty()
    }

    /// The row of a number.
    #[inline]
    pub fn get(&self, number: u32) -> Option<&T> {
        let at = usize::try_from(number).ok()?;
        match self.full.get(at / CHUNK) {
            Some(chunk) => chunk.get(at % CHUNK),
            None if at / CHUNK == self.full.len() => self.tail.get(at % CHUNK),
            None => None,
        }
    }

    /// All rows, by number.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.full.iter().flat_map(|chunk| chunk.iter()).chain(&self.tail)
    }

    /// Appends a row; returns its number. `None` when there are 2^32 rows.
    pub fn push(&mut self, row: T) -> Option<u32> {
        let number = u32::try_from(self.len()).ok()?;
        self.tail.push(row);
        if self.tail.len() == CHUNK {
            self.full.push(std::mem::take(&mut self.tail).into());
        }
        if !self.recording {
            self.base = self.len();
        }
        Some(number)
    }
}

impl<T: Clone> Table<T> {
    /// The row of a number, to be changed: what it was is kept until the next commit.
    #[inline]
    pub fn edit(&mut self, number: u32) -> Option<&mut T> {
        let at = usize::try_from(number).ok()?;
        let (chunks, chunk) = (self.full.len(), at / CHUNK);
        let row = match self.full.get_mut(chunk) {
            Some(chunk) => Arc::make_mut(chunk).get_mut(at % CHUNK)?,
            None if chunk == chunks => self.tail.get_mut(at % CHUNK)?,
            None => return None,
        };
        // A row born since the last commit goes as a whole.
        if self.recording && at < self.base {
            self.log.push((number, row.clone()));
        }
        Some(row)
    }

    fn truncate(&mut self, len: usize) {
        while len < self.full.len().saturating_mul(CHUNK) {
            self.tail = self.full.pop().map_or_else(Vec::new, |chunk| chunk.to_vec());
        }
        self.tail.truncate(len.saturating_sub(self.full.len().saturating_mul(CHUNK)));
    }
}

impl<T: Clone> Undo for Table<T> {
    fn commit(&mut self) {
        self.log.clear();
        self.base = self.len();
    }

    fn rollback(&mut self) {
        self.truncate(self.base);
        // Nothing is kept of what goes back.
        let recording = std::mem::replace(&mut self.recording, false);
        while let Some((number, row)) = self.log.pop() {
            if let Some(slot) = self.edit(number) {
                *slot = row;
            }
        }
        self.recording = recording;
    }

    fn set_recording(&mut self, on: bool) {
        self.commit();
        self.recording = on;
    }
}

/// From a key to a small value, mostly the number of a row.
#[derive(Clone)]
pub struct Index<K, V = u32> {
    map: CowTable<(K, V)>,
    log: Vec<(K, Option<V>)>,
    recording: bool,
}

impl<K: Copy, V: Copy> Default for Index<K, V> {
    fn default() -> Self {
        Self { map: CowTable::new(), log: Vec::new(), recording: true }
    }
}

fn hash<K: Hash + ?Sized>(key: &K) -> u64 {
    HASHER.hash_one(key)
}

impl<K: Eq + Hash + Copy, V: Copy> Index<K, V> {
    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.map.find(hash(key), |(found, _)| found.borrow() == key).map(|(_, value)| *value)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        let before = self.place(key, value);
        if self.recording {
            self.log.push((key, before));
        }
    }

    /// Changes the value of a key; a new key begins with the default.
    pub fn update<R>(&mut self, key: K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        let hash_of = hash(&key);
        let found = self.map.find_mut(hash_of, |(found, _)| *found == key);
        let (before, changed) = if let Some((_, slot)) = found {
            (Some(*slot), change(slot))
        } else {
            let mut value = V::default();
            let changed = change(&mut value);
            self.map.insert_unique(hash_of, (key, value), |(key, _)| hash(key));
            (None, changed)
        };
        if self.recording {
            self.log.push((key, before));
        }
        changed
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) {
        if let Some(before) = self.take(key)
            && self.recording
        {
            self.log.push((*key, Some(before)));
        }
    }

    fn place(&mut self, key: K, value: V) -> Option<V> {
        let hash_of = hash(&key);
        if let Some((_, slot)) = self.map.find_mut(hash_of, |(found, _)| *found == key) {
            return Some(std::mem::replace(slot, value));
        }
        self.map.insert_unique(hash_of, (key, value), |(key, _)| hash(key));
        None
    }

    fn take(&mut self, key: &K) -> Option<V> {
        self.map.remove(hash(key), |(found, _)| found == key).map(|(_, value)| value)
    }
}

impl<K: Eq + Hash + Copy, V: Copy> Undo for Index<K, V> {
    fn commit(&mut self) {
        self.log.clear();
    }

    fn rollback(&mut self) {
        while let Some((key, before)) = self.log.pop() {
            match before {
                Some(value) => drop(self.place(key, value)),
                None => drop(self.take(&key)),
            }
        }
    }

    fn set_recording(&mut self, on: bool) {
        self.commit();
        self.recording = on;
    }
}

/// Sorted keys with their values, for what is walked in order. Some thousands: the first change after a
/// copy copies them all.
#[derive(Clone)]
pub struct Ordered<K, V> {
    map: Arc<BTreeMap<K, V>>,
    log: Vec<(K, Option<V>)>,
    recording: bool,
}

impl<K, V> Default for Ordered<K, V> {
    fn default() -> Self {
        Self { map: Arc::default(), log: Vec::new(), recording: true }
    }
}

impl<K: Ord + Clone, V: Clone> Ordered<K, V> {
    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    /// Keys and values of a range, in order.
    pub fn range(&self, range: impl RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.map.range(range)
    }

    /// All keys and values, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.map.range::<K, (Bound<K>, Bound<K>)>((Bound::Unbounded, Bound::Unbounded))
    }

    fn map_mut(&mut self) -> &mut BTreeMap<K, V> {
        Arc::make_mut(&mut self.map)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        if self.recording {
            let before = self.map_mut().insert(key.clone(), value);
            self.log.push((key, before));
        } else {
            self.map_mut().insert(key, value);
        }
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) {
        if let Some((key, before)) = self.map_mut().remove_entry(key)
            && self.recording
        {
            self.log.push((key, Some(before)));
        }
    }
}

impl<K: Ord + Clone, V: Clone> Undo for Ordered<K, V> {
    fn commit(&mut self) {
        self.log.clear();
    }

    fn rollback(&mut self) {
        while let Some((key, before)) = self.log.pop() {
            match before {
                Some(value) => drop(self.map_mut().insert(key, value)),
                None => drop(self.map_mut().remove(&key)),
            }
        }
    }

    fn set_recording(&mut self, on: bool) {
        self.commit();
        self.recording = on;
    }
}

/// A single value.
#[derive(Clone)]
pub struct One<T> {
    value: T,
    before: Option<T>,
    recording: bool,
}

impl<T: Default> Default for One<T> {
    fn default() -> Self {
        Self { value: T::default(), before: None, recording: true }
    }
}

impl<T: Clone> One<T> {
    /// The value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The value, to be changed.
    pub fn edit(&mut self) -> &mut T {
        if self.recording && self.before.is_none() {
            self.before = Some(self.value.clone());
        }
        &mut self.value
    }
}

impl<T> Undo for One<T> {
    fn commit(&mut self) {
        self.before = None;
    }

    fn rollback(&mut self) {
        if let Some(before) = self.before.take() {
            self.value = before;
        }
    }

    fn set_recording(&mut self, on: bool) {
        self.commit();
        self.recording = on;
    }
}

// What is saved is the content alone: between two vouchers there is nothing else.

impl<T: Saved + Clone> Saved for Table<T> {
    fn layout(out: &mut String) {
        out.push_str("table of ");
        T::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.count(self.len())?;
        self.iter().try_for_each(|row| row.save(out))
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let mut table = Self::default();
        for _ in 0..from.count()? {
            table.push(T::load(from)?).ok_or_else(In::wrong)?;
        }
        table.commit();
        Ok(table)
    }
}

impl<K: Saved + Eq + Hash + Ord + Copy, V: Saved + Copy> Saved for Index<K, V> {
    fn layout(out: &mut String) {
        out.push_str("index of ");
        <(K, V)>::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        // Sorted, so that equal content is equal bytes.
        let mut pairs: Vec<&(K, V)> = self.map.iter().collect();
        pairs.sort_unstable_by_key(|pair| pair.0);
        out.count(pairs.len())?;
        pairs.into_iter().try_for_each(|pair| pair.save(out))
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let mut index = Self::default();
        for _ in 0..from.count()? {
            let pair: (K, V) = Saved::load(from)?;
            // Each key stands there once.
            index.map.insert_unique(hash(&pair.0), pair, |(key, _)| hash(key));
        }
        Ok(index)
    }
}

impl<K: Saved + Ord + Clone, V: Saved + Clone> Saved for Ordered<K, V> {
    fn layout(out: &mut String) {
        out.push_str("ordered ");
        BTreeMap::<K, V>::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.map.save(out)
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        Ok(Self { map: Arc::new(BTreeMap::load(from)?), ..Self::default() })
    }
}

impl<T: Saved + Default> Saved for One<T> {
    fn layout(out: &mut String) {
        T::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.value.save(out)
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        Ok(Self { value: T::load(from)?, ..Self::default() })
    }
}

// Printed is the content alone, sorted, so that equal content prints equally: tests compare states so.

impl<T: fmt::Debug> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<K: fmt::Debug + Copy, V: fmt::Debug + Copy> fmt::Debug for Index<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pairs: Vec<String> =
            self.map.iter().map(|(key, value)| format!("{key:?}: {value:?}")).collect();
        pairs.sort_unstable();
        f.debug_list().entries(pairs).finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Ordered<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map.fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for One<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rollback_gives_back_what_was_committed() {
        let mut table = Table::default();
        table.push(1);
        table.push(2);
        table.commit();
        *table.edit(0).unwrap() = 10;
        table.push(3);
        *table.edit(2).unwrap() = 30;
        *table.edit(0).unwrap() = 11;
        table.rollback();
        assert_eq!(table.iter().collect::<Vec<_>>(), [&1, &2]);

        let mut index = Index::default();
        index.insert("a", 1_u32);
        index.commit();
        index.insert("a", 2);
        index.insert("b", 3);
        index.remove(&"a");
        index.insert("a", 4);
        index.update("c", |value| *value += 5);
        index.update("a", |value| *value += 5);
        index.rollback();
        assert_eq!(["a", "b", "c"].map(|key| index.get(key)), [Some(1), None, None]);

        let mut ordered = Ordered::default();
        ordered.insert(1, 'a');
        ordered.commit();
        ordered.remove(&1);
        ordered.insert(2, 'b');
        ordered.rollback();
        assert_eq!(ordered.iter().collect::<Vec<_>>(), [(&1, &'a')]);

        let mut one = One::<u32>::default();
        *one.edit() = 7;
        one.commit();
        *one.edit() = 8;
        *one.edit() = 9;
        one.rollback();
        assert_eq!(*one.get(), 7);
    }

    #[test]
    fn without_recording_nothing_is_kept_and_nothing_undone() {
        let mut table = Table::default();
        table.set_recording(false);
        table.push(1);
        *table.edit(0).unwrap() = 2;
        table.rollback();
        assert_eq!((table.get(0), table.len(), table.log.len()), (Some(&2), 1, 0));
        let mut index = Index::<u32>::default();
        index.set_recording(false);
        index.insert(1, 1);
        index.rollback();
        assert_eq!(index.get(&1), Some(1));
    }

    fn fill(table: &mut Table<u32>, rows: u32) {
        for n in 0..rows {
            table.push(n).unwrap();
        }
    }

    #[test]
    fn rows_roll_back_over_the_ends_of_chunks() {
        for before in [0, 1, 255, 256, 257, 511, 512, 513] {
            let mut table = Table::default();
            fill(&mut table, before);
            table.commit();
            let copy = table.clone();
            fill(&mut table, 600);
            for number in 0..before + 600 {
                *table.edit(number).unwrap() += 1;
            }
            assert_eq!((table.get(before), table.get(before + 600)), (Some(&1), None));
            assert!(copy.iter().copied().eq(0..before), "a copy stays as it was");
            table.rollback();
            assert!(table.iter().copied().eq(0..before), "{before}");
            assert_eq!((table.len(), table.get(before)), (copy.len(), None));
        }
    }

    #[test]
    fn a_change_copies_one_chunk() {
        let mut table = Table::default();
        fill(&mut table, 1_000);
        let copy = table.clone();
        *table.edit(300).unwrap() = 0;
        *table.edit(301).unwrap() = 0;
        let shared = copy.full.iter().zip(&table.full).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!((shared, table.full.len()), (2, 3));
    }
}
