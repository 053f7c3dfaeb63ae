//! Clockwork: log time from a clock that may be wrong.
//!
//! Log time is `max(previous, clock)`, so it never goes back. That alone would let a clock that
//! jumps a year ahead take every later entry with it, age everything remembered and never be mended.
//! So a jump beyond a bound stops the service instead: the wall clock is held against the steady
//! one, and against the log at a start.

use crate::calendar::{Span, Time};
use crate::clock::Clock;

/// Reads a clock and notices when it jumps.
#[derive(Debug)]
pub struct Clockwork<C> {
    clock: C,
    wall: Time,
    steady: Span,
}

/// The clock did what no clock should.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClockError {
    /// It moved against the steady one.
    #[error("the clock jumped by {0} s: set it right and start the service again")]
    Jumped(i64),
    /// It shows a time long before the last entry.
    #[error("the clock is {0} s behind the log: set it right and start the service again")]
    Behind(i64),
}

impl<C: Clock> Clockwork<C> {
    /// Takes the clock as it is at a start, after a log whose last entry was made at `last`.
    pub fn start(clock: C, last: Time) -> Result<Self, ClockError> {
        let (wall, steady) = (clock.wall(), clock.steady());
        let behind = last.since(wall);
        if JUMP_MAX < behind && last != Time::MIN {
            return Err(ClockError::Behind(behind.whole_seconds()));
        }
        Ok(Self { clock, wall, steady })
    }

    /// Returns what the clock shows.
    pub fn read(&mut self) -> Result<Time, ClockError> {
        let (wall, steady) = (self.clock.wall(), self.clock.steady());
        let moved = wall.since(self.wall);
        let passed = Span(steady.0.saturating_sub(self.steady.0));
        let jump = Span(moved.0.saturating_sub(passed.0));
        if JUMP_MAX.0 < jump.0.saturating_abs() {
            return Err(ClockError::Jumped(jump.whole_seconds()));
        }
        (self.wall, self.steady) = (wall, steady);
        Ok(wall)
    }
}

/// Furthest that a clock may move against the steady one between two readings: as far as callers'
/// clocks may run ahead of ours. Time daemons step by seconds at most after their start.
pub const JUMP_MAX: Span = crate::memory::AHEAD_MAX;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug)]
    struct Shown(Mutex<(i64, i64)>);

    impl Clock for &Shown {
        fn wall(&self) -> Time {
            Time::from_micros(self.0.lock().unwrap().0)
        }

        fn steady(&self) -> Span {
            Span(self.0.lock().unwrap().1)
        }
    }

    const LIMIT: i64 = JUMP_MAX.0;

    #[test]
    fn a_clock_may_step_up_to_the_limit_and_no_further() {
        for (wall, steady, want) in [
            (10, 10, true),
            (LIMIT, 0, true),
            (LIMIT + 1, 0, false),
            (-LIMIT, 0, true),
            (-LIMIT - 1, 0, false),
            (LIMIT * 9, LIMIT * 9, true),
            (0, LIMIT + 1, false),
        ] {
            let shown = Shown(Mutex::new((0, 0)));
            let mut clockwork = Clockwork::start(&shown, Time::MIN).unwrap();
            *shown.0.lock().unwrap() = (wall, steady);
            assert_eq!(clockwork.read().is_ok(), want, "{wall} {steady}");
        }
    }

    #[test]
    fn a_start_long_before_the_last_entry_is_refused() {
        let shown = Shown(Mutex::new((0, 0)));
        assert!(Clockwork::start(&shown, Time::from_micros(LIMIT)).is_ok());
        let error = Clockwork::start(&shown, Time::from_micros(LIMIT + 1_000_000)).err();
        assert_eq!(error, Some(ClockError::Behind(301)));
    }
}
