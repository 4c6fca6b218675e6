//! Keys of all vouchers that were ever accepted, in about 30 bytes each.
//!
//! An open-addressing table that grows by an eighth: a power of two would leave up to half of the memory
//! of millions of vouchers empty. Nothing is ever removed. A hash is 16 bytes of a keyed hash: two keys
//! with one hash do not come up.

use std::fmt;

use crate::table::Undo;

/// Sixteen bytes of a keyed hash.
pub(crate) type KeyHash = [u8; 16];

/// A slot: hash and position of the header record. Position 0 is Genesis, so it means empty.
type Slot = (KeyHash, u64);

const EMPTY: Slot = ([0; 16], 0);
/// Slots of the smallest table.
const SLOTS_MIN: usize = 64;

/// From voucher key to header record.
#[derive(Clone, Default)]
pub(crate) struct Keys {
    slots: Vec<Slot>,
    used: usize,
    /// Keys of the voucher at hand: they enter the table when it is committed.
    pending: Vec<Slot>,
    direct: bool,
}

impl Keys {
    /// Position of the header record of a key.
    pub(crate) fn get(&self, hash: &KeyHash) -> Option<u64> {
        if let Some((_, seq)) = self.pending.iter().find(|(key, _)| key == hash) {
            return Some(*seq);
        }
        let slot = self.slots.get(find(&self.slots, hash)?)?;
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
        self.used
    }

    fn place(&mut self, slot: Slot) {
        if self.slots.len().saturating_mul(7) <= self.used.saturating_mul(8) {
            self.grow();
        }
        if let Some(free) = find(&self.slots, &slot.0).and_then(|at| self.slots.get_mut(at)) {
            if free.1 == 0 {
                self.used = self.used.saturating_add(1);
            }
            *free = slot;
        }
    }

    fn grow(&mut self) {
        let eighth = self.slots.len() / 8;
        let size = self.slots.len().saturating_add(eighth).max(SLOTS_MIN);
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
        let mut slots: Vec<&Slot> = self.slots.iter().filter(|slot| slot.1 != 0).collect();
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
            assert!(keys.slots.len() <= 64 || keys.slots.len() * 24 <= keys.used * 32);
        }
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
