//! How long something took.
//!
//! Always: for people and for measurements; nothing that is stored depends on it.

use std::time::{Duration, Instant};

/// A moment of this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started(Instant);

/// Returns this moment.
#[expect(clippy::disallowed_methods, reason = "measures for people; the ledger's clock is a trait")]
pub(super) fn now() -> Started {
    Started(Instant::now())
}

impl Started {
    /// Returns the seconds since then.
    pub(super) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// Returns the microseconds since then; 0 when it is still to come.
    pub(super) fn micros(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Returns the moment so many microseconds later.
    pub(super) fn later(&self, micros: u64) -> Self {
        Self(self.0.checked_add(Duration::from_micros(micros)).unwrap_or(self.0))
    }
}
