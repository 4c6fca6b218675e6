//! Time as a value: the wall clock for records, a monotonic clock for waits.
//!
//! Lives here: the trait, the system's clock, a clock that a test turns by hand.
//! Lives elsewhere: what a clock that jumps means (`src/node/clock.rs`), China dates (`record`).
//!
//! Always: nothing else in the house asks the system what time it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where time enters.
///
/// An implementation must guarantee that `monotonic_ms` never falls; `wall_ms` may jump either way.
pub trait Clock: Send + Sync {
    /// Returns the wall clock, in milliseconds since 1970-01-01 UTC; 0 before that.
    fn wall_ms(&self) -> u64;

    /// Returns milliseconds since some fixed moment of this process; never falls.
    fn monotonic_ms(&self) -> u64;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock at 0.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
    fn wall_ms(&self) -> u64 {
        // A machine whose clock stands before 1970 gets 0, which the skew check refuses.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until a test turns it.
#[derive(Debug, Default)]
pub struct ManualClock {
    wall_ms: AtomicU64,
    monotonic_ms: AtomicU64,
}

impl ManualClock {
    /// Makes a clock whose wall shows `wall_ms` and whose monotonic clock shows 0.
    pub fn new(wall_ms: u64) -> Self {
        Self { wall_ms: AtomicU64::new(wall_ms), monotonic_ms: AtomicU64::new(0) }
    }

    /// Lets `ms` milliseconds pass on both clocks.
    pub fn advance(&self, ms: u64) {
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
        self.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Sets the wall clock alone, forwards or backwards, as an operator or NTP does.
    pub fn set_wall_ms(&self, wall_ms: u64) {
        self.wall_ms.store(wall_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(1_451_577_600_000);
        assert_eq!((clock.wall_ms(), clock.monotonic_ms()), (1_451_577_600_000, 0));
        clock.advance(60_000);
        clock.set_wall_ms(5);
        assert_eq!((clock.wall_ms(), clock.monotonic_ms()), (5, 60_000));
    }

    #[test]
    fn the_system_clock_is_past_2024() {
        let clock = SystemClock::new();
        assert!(1_704_067_200_000 < clock.wall_ms());
        assert!(clock.monotonic_ms() <= clock.monotonic_ms());
    }
}
