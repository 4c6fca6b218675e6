//! Containers that can undo: the rows of the state, with what they were before the voucher at hand.
//!
//! Lives here: `Table` (dense rows by number), `Index` (key to a small value), `Ordered` (sorted keys),
//! `One` (a single value).
//! Lives elsewhere: what the rows mean (`state`).
//!
//! Always: after `rollback` a container equals what it was at the last `commit`; replay turns recording
//! off, and then there is nothing to roll back; an index gives out no order, so none can leak.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::ops::{Bound, RangeBounds};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// A hash without a random seed: equal runs take equal time and use equal memory.
type Hasher = foldhash::fast::FixedState;

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
    rows: Vec<T>,
    /// Rows as they were, newest last.
    log: Vec<(u32, T)>,
    /// Rows at the last commit.
    base: usize,
    recording: bool,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), log: Vec::new(), base: 0, recording: true }
    }
}

impl<T> Table<T> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row of a number.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.rows.get(usize::try_from(number).ok()?)
    }

    /// All rows, by number.
    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    /// Appends a row; returns its number. `None` when there are 2^32 rows.
    pub fn push(&mut self, row: T) -> Option<u32> {
        let number = u32::try_from(self.rows.len()).ok()?;
        self.rows.push(row);
        if !self.recording {
            self.base = self.rows.len();
        }
        Some(number)
    }
}

impl<T: Clone> Table<T> {
    /// The row of a number, to be changed: what it was is kept until the next commit.
    pub fn edit(&mut self, number: u32) -> Option<&mut T> {
        let at = usize::try_from(number).ok()?;
        let row = self.rows.get_mut(at)?;
        // A row born since the last commit goes as a whole.
        if self.recording && at < self.base {
            self.log.push((number, row.clone()));
        }
        Some(row)
    }
}

impl<T> Undo for Table<T> {
    fn commit(&mut self) {
        self.log.clear();
        self.base = self.rows.len();
    }

    fn rollback(&mut self) {
        self.rows.truncate(self.base);
        while let Some((number, row)) = self.log.pop() {
            if let Some(slot) = usize::try_from(number).ok().and_then(|at| self.rows.get_mut(at)) {
                *slot = row;
            }
        }
    }

    fn set_recording(&mut self, on: bool) {
        self.commit();
        self.recording = on;
    }
}

/// From a key to a small value, mostly the number of a row.
#[derive(Clone)]
pub struct Index<K, V = u32> {
    map: HashMap<K, V, Hasher>,
    log: Vec<(K, Option<V>)>,
    recording: bool,
}

impl<K, V> Default for Index<K, V> {
    fn default() -> Self {
        Self { map: HashMap::default(), log: Vec::new(), recording: true }
    }
}

impl<K: Eq + Hash + Clone, V: Copy> Index<K, V> {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.map.get(key).copied()
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        if self.recording {
            let before = self.map.insert(key.clone(), value);
            self.log.push((key, before));
        } else {
            self.map.insert(key, value);
        }
    }

    /// The value of a key, to be changed; a new key begins with the default.
    pub fn edit(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        match self.map.entry(key) {
            Entry::Occupied(entry) => {
                if self.recording {
                    self.log.push((entry.key().clone(), Some(*entry.get())));
                }
                entry.into_mut()
            }
            Entry::Vacant(entry) => {
                if self.recording {
                    self.log.push((entry.key().clone(), None));
                }
                entry.insert(V::default())
            }
        }
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) {
        if let Some((key, before)) = self.map.remove_entry(key)
            && self.recording
        {
            self.log.push((key, Some(before)));
        }
    }
}

impl<K: Eq + Hash, V> Undo for Index<K, V> {
    fn commit(&mut self) {
        self.log.clear();
    }

    fn rollback(&mut self) {
        while let Some((key, before)) = self.log.pop() {
            match before {
                Some(value) => drop(self.map.insert(key, value)),
                None => drop(self.map.remove(&key)),
            }
        }
    }

    fn set_recording(&mut self, on: bool) {
        self.commit();
        self.recording = on;
    }
}

/// Sorted keys with their values, for what is walked in order.
#[derive(Clone)]
pub struct Ordered<K, V> {
    map: BTreeMap<K, V>,
    log: Vec<(K, Option<V>)>,
    recording: bool,
}

impl<K, V> Default for Ordered<K, V> {
    fn default() -> Self {
        Self { map: BTreeMap::new(), log: Vec::new(), recording: true }
    }
}

impl<K: Ord + Clone, V: Clone> Ordered<K, V> {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

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

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        if self.recording {
            let before = self.map.insert(key.clone(), value);
            self.log.push((key, before));
        } else {
            self.map.insert(key, value);
        }
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) {
        if let Some((key, before)) = self.map.remove_entry(key)
            && self.recording
        {
            self.log.push((key, Some(before)));
        }
    }
}

impl<K: Ord, V> Undo for Ordered<K, V> {
    fn commit(&mut self) {
        self.log.clear();
    }

    fn rollback(&mut self) {
        while let Some((key, before)) = self.log.pop() {
            match before {
                Some(value) => drop(self.map.insert(key, value)),
                None => drop(self.map.remove(&key)),
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

// Printed is the content alone, sorted, so that equal content prints equally: tests compare states so.

impl<T: fmt::Debug> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Index<K, V> {
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
        assert_eq!(table.rows(), [1, 2]);

        let mut index = Index::default();
        index.insert("a", 1_u32);
        index.commit();
        index.insert("a", 2);
        index.insert("b", 3);
        index.remove(&"a");
        index.insert("a", 4);
        *index.edit("c") = 5;
        *index.edit("a") = 6;
        index.rollback();
        assert_eq!((index.get("a"), index.get("b"), index.len()), (Some(1), None, 1));

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
        assert_eq!((table.rows(), table.log.len()), (&[2][..], 0));
        let mut index = Index::<u32>::default();
        index.set_recording(false);
        index.insert(1, 1);
        index.rollback();
        assert_eq!(index.get(&1), Some(1));
    }
}
