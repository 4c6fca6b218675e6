//! What time a record gets, and when a clock cannot be believed.
//!
//! Lives here: max(previous, clock) of an ordinary ledger, the guard against a clock that jumps.
//! Lives elsewhere: reading clocks (`journal::clock`), the time of a synthetic ledger's vouchers
//! (`ledger::post_time`).
//!
//! Always: a record's time never falls; while the wall clock cannot be believed, nothing is appended.
//! Source: domain contract, "Dates and periods".

use std::sync::Arc;

use journal::Clock;
use record::limits::CLOCK_SKEW_MS_MAX;

/// How far ahead of the last record the wall clock may stand at a start: 400 days.
const START_AHEAD_MS_MAX: u64 = 400 * 86_400_000;

/// A wall clock that stands where it cannot. MZ-9001, `why = clock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockJump {
    /// What the wall clock says, Unix milliseconds.
    pub wall_ms: u64,
    /// Where it was expected, Unix milliseconds.
    pub expected_ms: u64,
}

/// Gives records their time on an ordinary ledger.
pub(crate) struct PostClock {
    clock: Arc<dyn Clock>,
    /// A pair of readings taken together when the clock was last believed.
    wall_ms: u64,
    monotonic_ms: u64,
    /// Set while the clock cannot be believed; only a restart clears it.
    jumped: Option<ClockJump>,
}

impl PostClock {
    /// Starts on a ledger whose last record has `last_ms`; 0 = it has none.
    ///
    /// The guard never stops a start, so that readers are served: it stops appending. With `accept`
    /// the operator has confirmed the clock as it stands.
    pub(crate) fn start(clock: Arc<dyn Clock>, last_ms: u64, accept: bool) -> Self {
        let (wall_ms, monotonic_ms) = (clock.wall_ms(), clock.monotonic_ms());
        let behind = wall_ms.saturating_add(CLOCK_SKEW_MS_MAX) < last_ms;
        let ahead = last_ms.saturating_add(START_AHEAD_MS_MAX) < wall_ms;
        let odd = last_ms != 0 && !accept && (behind || ahead);
        let jumped = odd.then_some(ClockJump { wall_ms, expected_ms: last_ms });
        Self { clock, wall_ms, monotonic_ms, jumped }
    }

    /// Returns the time for a record that follows one of `previous_ms`.
    ///
    /// # Errors
    /// When the wall clock jumped; the same again until a restart.
    pub(crate) fn now(&mut self, previous_ms: u64) -> Result<u64, ClockJump> {
        if let Some(jump) = self.jumped {
            return Err(jump);
        }
        let (wall_ms, monotonic_ms) = (self.clock.wall_ms(), self.clock.monotonic_ms());
        let passed = monotonic_ms.saturating_sub(self.monotonic_ms);
        let expected_ms = self.wall_ms.saturating_add(passed);
        if CLOCK_SKEW_MS_MAX < wall_ms.abs_diff(expected_ms) {
            let jump = ClockJump { wall_ms, expected_ms };
            self.jumped = Some(jump);
            return Err(jump);
        }
        // Small corrections, as NTP makes them, are followed.
        (self.wall_ms, self.monotonic_ms) = (wall_ms, monotonic_ms);
        Ok(wall_ms.max(previous_ms))
    }

    /// Returns why nothing is appended, if so.
    pub(crate) fn jumped(&self) -> Option<ClockJump> {
        self.jumped
    }

    /// Returns the monotonic clock, for what is due after a while.
    pub(crate) fn monotonic_ms(&self) -> u64 {
        self.clock.monotonic_ms()
    }
}

#[cfg(test)]
mod tests {
    use journal::ManualClock;

    use super::*;

    const T: u64 = 1_700_000_000_000;

    fn start(wall: u64, last: u64, accept: bool) -> (Arc<ManualClock>, PostClock) {
        let clock = Arc::new(ManualClock::new(wall));
        let shared: Arc<dyn Clock> = clock.clone();
        let post = PostClock::start(shared, last, accept);
        (clock, post)
    }

    #[test]
    fn time_never_falls_and_small_steps_are_followed() {
        let (clock, mut post) = start(T, T - 5, false);
        assert_eq!(post.now(T - 5), Ok(T));
        clock.set_wall_ms(T - CLOCK_SKEW_MS_MAX);
        assert_eq!(post.now(T), Ok(T));
        clock.advance(CLOCK_SKEW_MS_MAX + 1);
        assert_eq!(post.now(T), Ok(T + 1));
    }

    #[test]
    fn a_jump_of_one_past_the_limit_stops_for_good() {
        let (clock, mut post) = start(T, T, false);
        clock.set_wall_ms(T + CLOCK_SKEW_MS_MAX);
        assert!(post.now(T).is_ok());
        clock.set_wall_ms(T + 2 * CLOCK_SKEW_MS_MAX + 1);
        let jump = post.now(T).unwrap_err();
        assert_eq!(jump.expected_ms, T + CLOCK_SKEW_MS_MAX);
        clock.set_wall_ms(T);
        assert_eq!(post.now(T), Err(jump));
        assert_eq!(post.jumped(), Some(jump));
    }

    #[test]
    fn at_a_start_the_clock_is_compared_with_the_last_record() {
        let edge = [
            (T - CLOCK_SKEW_MS_MAX, false),
            (T - CLOCK_SKEW_MS_MAX - 1, true),
            (T + START_AHEAD_MS_MAX, false),
            (T + START_AHEAD_MS_MAX + 1, true),
        ];
        for (wall, odd) in edge {
            assert_eq!(start(wall, T, false).1.jumped().is_some(), odd, "{wall}");
            let (_, mut post) = start(wall, T, true);
            assert_eq!(post.now(T), Ok(wall.max(T)));
        }
        assert!(start(5, 0, false).1.jumped().is_none());
    }
}
