//! Vectors and hash tables whose copies share whatever neither side has changed since.
//!
//! Lives here: containers of the views that are copied while they grow. Lives elsewhere: what stands in
//! them (`accounts`, and the views).
//!
//! Always: a copy is a copy: nobody sees what another changes. It costs a counter for each shard and
//! each frozen chunk; a change copies one chunk or shard at most, once.

use std::sync::Arc;

use hashbrown::HashTable;

/// Values of a chunk: a first change after a copy moves some ten kilobytes.
const CHUNK: usize = 256;
/// Shards of a table, a power of two.
const SHARDS: usize = 64;

/// A vector in chunks.
///
/// Its writer owns the chunks and pays for no counter. [`CowVec::freeze`] makes the next copies cheap;
/// after it the writer takes a chunk back, or copies it, at the first change.
#[derive(Clone, Debug)]
pub struct CowVec<T> {
    chunks: Vec<Chunk<T>>,
}

#[derive(Clone, Debug)]
enum Chunk<T> {
    Own(Vec<T>),
    Shared(Arc<Vec<T>>),
}

impl<T: Copy> Chunk<T> {
    #[inline]
    fn rows(&self) -> &Vec<T> {
        match self {
            Self::Own(rows) => rows,
            Self::Shared(rows) => rows,
        }
    }

    #[inline]
    fn own(&mut self) -> &mut Vec<T> {
        if let Self::Shared(_) = self {
            self.take_back();
        }
        match self {
            Self::Own(rows) => rows,
            // Not reached: it would be a copy of the same rows.
            Self::Shared(rows) => Arc::make_mut(rows),
        }
    }

    #[cold]
    fn take_back(&mut self) {
        if let Self::Shared(rows) = std::mem::replace(self, Self::Own(Vec::new())) {
            *self = Self::Own(Arc::unwrap_or_clone(rows));
        }
    }

    fn freeze(&mut self) {
        if let Self::Own(rows) = self {
            *self = Self::Shared(Arc::new(std::mem::take(rows)));
        }
    }
}

impl<T: Copy> CowVec<T> {
    /// Makes an empty one.
    pub const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        let full = self.chunks.len().saturating_sub(1).saturating_mul(CHUNK);
        self.chunks.last().map_or(0, |last| full.saturating_add(last.rows().len()))
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns the value of an index.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.rows().get(index % CHUNK)
    }

    /// Returns the value of an index to change.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.chunks.get_mut(index / CHUNK)?.own().get_mut(index % CHUNK)
    }

    /// Adds a value at the end.
    pub fn push(&mut self, value: T) {
        match self.chunks.last_mut() {
            Some(last) if last.rows().len() < CHUNK => last.own().push(value),
            _ => self.chunks.push(Chunk::Own(vec![value])),
        }
    }

    /// Returns the values in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(Chunk::rows)
    }

    /// Makes the next copies cheap: they share everything.
    pub fn freeze(&mut self) {
        self.chunks.iter_mut().for_each(Chunk::freeze);
    }
}

impl<T: Copy> Default for CowVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A hash table in shards. The caller hashes: all hashes of one table come from one function.
#[derive(Clone, Debug)]
pub struct CowTable<T> {
    shards: Vec<Arc<HashTable<T>>>,
}

impl<T: Copy> CowTable<T> {
    /// Makes an empty one.
    pub fn new() -> Self {
        // All the same one, until something enters.
        let empty = Arc::new(HashTable::new());
        Self { shards: vec![empty; SHARDS] }
    }

    /// Returns a value by its hash.
    #[inline]
    pub fn find(&self, hash: u64, same: impl FnMut(&T) -> bool) -> Option<&T> {
        self.shards.get(shard(hash))?.find(hash, same)
    }

    /// Returns the first value that may be the one of a hash, without a look at it.
    #[inline]
    pub fn likely(&self, hash: u64) -> Option<T> {
        self.shards.get(shard(hash))?.iter_hash(hash).next().copied()
    }

    /// Returns a value by its hash, to change. The shard counts as changed once it is found.
    pub fn find_mut(&mut self, hash: u64, mut same: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let shard = self.shards.get_mut(shard(hash))?;
        shard.find(hash, &mut same)?;
        Arc::make_mut(shard).find_mut(hash, same)
    }

    /// Adds a value that is not there yet.
    pub fn insert_unique(&mut self, hash: u64, value: T, rehash: impl Fn(&T) -> u64) {
        if let Some(shard) = self.shards.get_mut(shard(hash)) {
            Arc::make_mut(shard).insert_unique(hash, value, rehash);
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, hash: u64, mut same: impl FnMut(&T) -> bool) -> Option<T> {
        let shard = self.shards.get_mut(shard(hash))?;
        shard.find(hash, &mut same)?;
        let entry = Arc::make_mut(shard).find_entry(hash, same).ok()?;
        Some(entry.remove().0)
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.len()).sum()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.is_empty())
    }

    /// Returns the values in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }
}

impl<T: Copy> Default for CowTable<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Which shard: bits that a table within it uses neither for its buckets nor for its tags.
fn shard(hash: u64) -> usize {
    usize::try_from(hash >> 48).unwrap_or(0) % SHARDS
}

/// Texts back to back, found by where they start; they never change.
#[derive(Clone, Debug, Default)]
pub struct CowText {
    full: Vec<Arc<str>>,
    last: String,
}

/// Bytes of one piece of text. No text is longer.
const PIECE_BYTES: usize = 1 << 16;

impl CowText {
    /// Makes an empty one.
    pub const fn new() -> Self {
        Self { full: Vec::new(), last: String::new() }
    }

    /// Adds a text and returns where it starts; `None` past 4 GiB, or for one longer than 64 KiB.
    pub fn push(&mut self, text: &str) -> Option<u32> {
        if PIECE_BYTES < text.len() {
            return None;
        }
        if PIECE_BYTES < self.last.len().saturating_add(text.len()) {
            let next = self.full.len().checked_add(1)?.checked_mul(PIECE_BYTES)?;
            u32::try_from(next.saturating_add(PIECE_BYTES)).ok()?;
            self.full.push(std::mem::take(&mut self.last).into());
        }
        let before = self.full.len().saturating_mul(PIECE_BYTES);
        let start = u32::try_from(before.saturating_add(self.last.len())).ok()?;
        self.last.push_str(text);
        Some(start)
    }

    /// Returns the text of a start and a length as they were given.
    #[inline]
    pub fn get(&self, start: u32, len: usize) -> Option<&str> {
        let start = usize::try_from(start).ok()?;
        let (piece, from) = (start / PIECE_BYTES, start % PIECE_BYTES);
        let piece = self.full.get(piece).map_or(self.last.as_str(), |piece| piece);
        piece.get(from..from.saturating_add(len))
    }

    /// As [`CowText::get`], as bytes.
    #[inline]
    pub fn get_bytes(&self, start: u32, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(start).ok()?;
        let (piece, from) = (start / PIECE_BYTES, start % PIECE_BYTES);
        let piece = self.full.get(piece).map_or(self.last.as_str(), |piece| piece);
        piece.as_bytes().get(from..from.saturating_add(len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_as_it_was() {
        let mut all = CowVec::new();
        (0..1_000_u32).for_each(|n| all.push(n));
        all.freeze();
        let copy = all.clone();
        *all.get_mut(300).unwrap() = 7;
        all.push(8);
        assert_eq!((copy.len(), copy.get(300), copy.get(1_000)), (1_000, Some(&300), None));
        assert_eq!((all.len(), all.get(300), all.get(1_000)), (1_001, Some(&7), Some(&8)));
        assert_eq!(all.get_mut(1_001), None);
        assert!(copy.iter().copied().eq(0..1_000));
        // One chunk was copied, and the last one.
        let own = |chunk: &&Chunk<u32>| matches!(chunk, Chunk::Own(_));
        assert_eq!((all.chunks.iter().filter(own).count(), all.chunks.len()), (2, 4));
        assert_eq!(copy.chunks.iter().filter(own).count(), 0);
        // Frozen again while the first copy is still there.
        all.freeze();
        let second = all.clone();
        *all.get_mut(300).unwrap() = 9;
        *all.get_mut(0).unwrap() = 9;
        assert_eq!([&copy, &second, &all].map(|v| *v.get(300).unwrap()), [300, 7, 9]);
        assert_eq!([&copy, &second, &all].map(|v| *v.get(0).unwrap()), [0, 0, 9]);
    }

    #[test]
    fn shards_are_copied_when_they_change() {
        let hash = |n: &u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut all = CowTable::new();
        (0..5_000_u64).for_each(|n| all.insert_unique(hash(&n), n, hash));
        let copy = all.clone();
        all.insert_unique(hash(&9_000), 9_000, hash);
        assert_eq!(all.remove(hash(&17), |n| *n == 17), Some(17));
        assert_eq!(all.remove(hash(&17), |n| *n == 17), None);
        *all.find_mut(hash(&18), |n| *n == 18).unwrap() = 18;
        assert_eq!((all.len(), copy.len()), (5_000, 5_000));
        assert_eq!(copy.find(hash(&17), |n| *n == 17), Some(&17));
        assert_eq!(copy.find(hash(&9_000), |n| *n == 9_000), None);
        assert!((0..5_000).filter(|n| *n != 17).all(|n| all.find(hash(&n), |m| *m == n).is_some()));
        let shared = copy.shards.iter().zip(&all.shards).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert!((SHARDS - 3..SHARDS).contains(&shared));
    }

    #[test]
    fn texts_do_not_cross_pieces() {
        let mut all = CowText::new();
        let text = |n: usize| format!("text number {n}").repeat(1 + n % 9);
        let starts: Vec<u32> = (0..9_000).map(|n| all.push(&text(n)).unwrap()).collect();
        let copy = all.clone();
        assert_eq!(all.push(&"x".repeat(PIECE_BYTES + 1)), None);
        all.push("after").unwrap();
        for (n, start) in (0..).zip(starts) {
            assert_eq!(copy.get(start, text(n).len()), Some(text(n).as_str()));
            assert_eq!(all.get_bytes(start, text(n).len()), Some(text(n).as_bytes()));
        }
        assert!(2 < all.full.len());
    }
}
