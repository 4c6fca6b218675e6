//! Random numbers: `SplitMix64`, one stream for each (seed, profile, entity, index).
//!
//! Always: a stream depends on its four keys alone, so the order of generation does not matter.

use crate::profile::Profile;

/// What a stream is drawn for. Numbers are part of the data: never renumber.
#[derive(Clone, Copy)]
pub(crate) enum Entity {
    SizeStart = 1,
    Size = 2,
    Household = 3,
    Member = 4,
    Name = 5,
    Transfer = 6,
    Bounce = 7,
    PayDay = 8,
    Payment = 9,
    Life = 10,
    YearEnd = 11,
    Load = 12,
    Subjects = 13,
    Case = 14,
}

/// Seed and profile, from which every stream starts.
#[derive(Clone, Copy)]
pub(crate) struct Root(u64);

impl Root {
    pub(crate) fn new(seed: u64, profile: Profile) -> Root {
        Root(mix(mix(seed.wrapping_add(GOLDEN)) ^ profile as u64))
    }

    pub(crate) fn stream(self, entity: Entity, index: u64) -> Stream {
        Stream(mix(mix(self.0 ^ entity as u64) ^ index))
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of `SplitMix64`. Source: Steele, Lea, Flood, "Fast splittable PRNGs", 2014.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One stream of random numbers.
pub(crate) struct Stream(u64);

impl Stream {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number from 0 to `n - 1`; its bias is below `n / 2^64`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `n` times in `of`.
    pub(crate) fn chance(&mut self, n: u64, of: u64) -> bool {
        self.below(of) < n
    }

    /// The number of the weight that was drawn.
    pub(crate) fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (i, &weight) in weights.iter().enumerate() {
            if left < weight {
                return i;
            }
            left -= weight;
        }
        0
    }

    /// One of the values given.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_stream_of_seed_zero() {
        let mut s = Stream(0);
        assert_eq!(s.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(s.next(), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(s.next(), 0x06c4_5d18_8009_454f);
    }

    #[test]
    fn draws_stay_in_range_and_reach_both_ends() {
        let mut s = Root::new(1, Profile::Xs).stream(Entity::Name, 7);
        let mut seen = [0u32; 3];
        for _ in 0..1000 {
            seen[s.weighted(&[1, 0, 3])] += 1;
        }
        assert!(150 < seen[0] && seen[0] < 350 && seen[1] == 0, "{seen:?}");
        assert!((0..1000).map(|_| s.between(3, 5)).all(|x| (3..=5).contains(&x)));
    }
}
