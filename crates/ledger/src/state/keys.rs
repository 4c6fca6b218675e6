//! Keys of all vouchers that were ever accepted, in about 30 bytes each.
//!
//! Open-addressing tables that grow by an eighth: a power of two would leave up to half of the memory of
//! millions of vouchers empty. There are 256 of them, by the last byte of the hash, and a copy shares those
//! that neither side changes. Nothing is ever removed. A hash is 16 bytes of a keyed hash: two keys with one
//! hash do not come up.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::saved::{In, Out, Saved};
use crate::table::Undo;

/// Sixteen bytes of a keyed hash.
pub(crate) type KeyHash = [u8; 16];

/// A slot: hash and position of the header record. Position 0 is Genesis, so it means empty.
type Slot = (KeyHash, u64);

const EMPTY: Slot = ([0; 16], 0);
/// Slots of the smallest table.
const SLOTS_MIN: usize = 8;
/// Slots of a table that is read from a snapshot: more than a billion vouchers need.
const SLOTS_MAX: usize = 1 << 23;
/// One for each value of a byte.
const SHARDS: usize = 256;

/// From voucher key to header record.
#[derive(Clone)]
pub(crate) struct Keys {
    shards: Vec<Arc<Shard>>,
    /// Keys of the voucher at hand: they enter a table when it is committed.
    pending: Vec<Slot>,
    direct: bool,
}

/// The keys whose hashes end in one byte.
#[derive(Clone, Default)]
struct Shard {
    slots: Vec<Slot>,
    used: usize,
}

impl Default for Keys {
    fn default() -> Self {
        // All the same one, until something enters.
        Self { shards: vec![Arc::default(); SHARDS], pending: Vec::new(), direct: false }
    }
}

fn shard(hash: &KeyHash) -> usize {
    let [.., last] = hash;
    usize::from(*last)
}

impl Keys {
    /// Position of the header record of a key.
    pub(crate) fn get(&self, hash: &KeyHash) -> Option<u64> {
        if let Some((_, seq)) = self.pending.iter().find(|(key, _)| key == hash) {
            return Some(*seq);
        }
        let slots = &self.shards.get(shard(hash))?.slots;
        let slot = slots.get(find(slots, hash)?)?;
        (slot.1 != 0).then_some(slot.1)
    }

    /// Adds a key.
    pub(crate) fn insert(&mut self, hash: KeyHash, seq: u64) {
        if self.direct {
            self.place((hash, seq));
        } else {
            self.pending.push((hash, seq));
        }
    }

    /// Number of keys, those of the voucher at hand not counted.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.used).sum()
    }

    fn place(&mut self, slot: Slot) {
        if let Some(shard) = self.shards.get_mut(shard(&slot.0)) {
            Arc::make_mut(shard).place(slot);
        }
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        let slots = self.shards.iter().flat_map(|shard| &shard.slots);
        slots.filter(|slot| slot.1 != 0)
    }
}

impl Shard {
    fn place(&mut self, slot: Slot) {
        if self.slots.len().saturating_mul(7) <= self.used.saturating_mul(8) {
            let eighth = self.slots.len() / 8;
            self.grow(self.slots.len().saturating_add(eighth.max(1)).max(SLOTS_MIN));
        }
        if let Some(free) = find(&self.slots, &slot.0).and_then(|at| self.slots.get_mut(at)) {
            if free.1 == 0 {
                self.used = self.used.saturating_add(1);
            }
            *free = slot;
        }
    }

    fn grow(&mut self, size: usize) {
        // Exactly that many: a vector's own growth would double.
        let mut slots = Vec::new();
        slots.reserve_exact(size);
        slots.resize(size, EMPTY);
        for slot in self.slots.iter().filter(|slot| slot.1 != 0) {
            if let Some(free) = find(&slots, &slot.0).and_then(|at| slots.get_mut(at)) {
                *free = *slot;
            }
        }
        self.slots = slots;
    }
}

impl Saved for Keys {
    fn layout(out: &mut String) {
        out.push_str("list of keys ");
        Slot::layout(out);
    }

    fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
        self.shards.iter().try_for_each(|shard| {
            out.count(shard.used)?;
            shard.slots.iter().filter(|slot| slot.1 != 0).try_for_each(|slot| slot.save(out))
        })
    }

    fn load(from: &mut In<'_>) -> io::Result<Self> {
        let mut keys = Self::default();
        for shard in &mut keys.shards {
            let mut read = Shard::default();
            let used = from.count()?;
            // Room for all of them at once: they come in the order of their places, which clusters in a
            // table that grows. Bytes that were never written may ask for anything.
            let slots = used.saturating_add(used / 7).saturating_add(SLOTS_MIN);
            if SLOTS_MAX < slots {
                return Err(In::wrong());
            }
            read.grow(slots);
            for _ in 0..used {
                let slot: Slot = Saved::load(from)?;
                if slot.1 == 0 {
                    return Err(In::wrong());
                }
                read.place(slot);
            }
            *shard = Arc::new(read);
        }
        Ok(keys)
    }
}

/// Index of the slot that holds a key, or of the empty one where it would stand.
fn find(slots: &[Slot], hash: &KeyHash) -> Option<usize> {
    let size = u128::try_from(slots.len()).ok()?;
    let first = u64::from_le_bytes(*hash.first_chunk()?);
    // The high part of hash times size spreads evenly over any size.
    let start = usize::try_from(u128::from(first).checked_mul(size)? >> 64).ok()?;
    let (before, from) = slots.split_at_checked(start)?;
    let hit = |slot: &Slot| slot.1 == 0 || slot.0 == *hash;
    match from.iter().position(hit) {
        Some(at) => start.checked_add(at),
        None => before.iter().position(hit),
    }
}

impl Undo for Keys {
    fn commit(&mut self) {
        while let Some(slot) = self.pending.pop() {
            self.place(slot);
        }
    }

    fn rollback(&mut self) {
        self.pending.clear();
    }

    fn set_recording(&mut self, on: bool) {
        self.commit();
        self.direct = !on;
    }
}

/// Sorted, so that equal content prints equally.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut slots: Vec<&Slot> = self.slots().collect();
        slots.sort_unstable();
        f.debug_list().entries(slots).entries(&self.pending).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> KeyHash {
        *blake3::hash(&n.to_le_bytes()).as_bytes().first_chunk().unwrap()
    }

    #[test]
    fn keys_are_found_and_take_about_thirty_bytes() {
        let mut keys = Keys::default();
        keys.set_recording(false);
        for n in 1..=100_000 {
            keys.insert(hash(n), n);
        }
        let slots: usize = keys.shards.iter().map(|shard| shard.slots.len()).sum();
        assert!(slots * 24 <= 100_000 * 32, "{slots}");
        assert_eq!(keys.len(), 100_000);
        assert!((1..=100_000).all(|n| keys.get(&hash(n)) == Some(n)));
        assert!((100_001..110_000).all(|n| keys.get(&hash(n)).is_none()));
    }

    #[test]
    fn a_key_enters_when_its_voucher_is_committed() {
        let mut keys = Keys::default();
        keys.insert(hash(1), 1);
        assert_eq!(keys.get(&hash(1)), Some(1));
        keys.rollback();
        assert_eq!(keys.get(&hash(1)), None);
        keys.insert(hash(1), 2);
        keys.commit();
        keys.rollback();
        assert_eq!((keys.get(&hash(1)), keys.len()), (Some(2), 1));
    }
}
