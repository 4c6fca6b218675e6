//! How long a command took.
//!
//! Always: for people and for measurements; nothing that is stored depends on it.

use journal::{Clock as _, SystemClock};

/// A moment of this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started(SystemClock);

/// Returns this moment.
pub(super) fn now() -> Started {
    Started(SystemClock::new())
}

impl Started {
    /// Returns the seconds since then.
    #[expect(
        clippy::float_arithmetic,
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a duration, not money"
    )]
    pub(super) fn seconds(&self) -> f64 {
        self.0.monotonic_ms() as f64 / 1_000.0
    }
}
