//! Clock: what time it is.
//!
//! The only file that asks. Everything else is told, so that a run can be repeated with another
//! clock and comes out the same.
//!
//! Never decides what an hour means: log time, which does not go back, is made from this by the
//! turn.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use crate::calendar::{Span, Time};

/// Tells the time in two ways, of which neither can do the other's work.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns what the calendar says. May jump, in both directions.
    fn wall(&self) -> Time;

    /// Returns how long this clock has run. Never goes back, and says nothing of the calendar.
    fn steady(&self) -> Span;
}

/// Measures how long something took, for telemetry alone: nothing that it shows may change an answer.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    start: Instant,
}

impl Stopwatch {
    /// Starts one now.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the time")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Returns the nanoseconds since it was started; those of 584 years at most.
    pub fn nanos(self) -> u64 {
        nanos(self.start.elapsed())
    }

    /// Returns the nanoseconds from when this was started to when `later` was; 0 where that is
    /// earlier.
    pub fn nanos_until(self, later: Self) -> u64 {
        nanos(later.start.saturating_duration_since(self.start))
    }
}

impl From<Instant> for Stopwatch {
    /// Takes an instant that somebody has read anyway.
    fn from(start: Instant) -> Self {
        Self { start }
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    start: Instant,
}

impl RealClock {
    /// Returns a clock that starts to run now.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the time")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the time")]
    fn wall(&self) -> Time {
        // Before 1970 the difference is an error that holds how far before.
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Time::from_micros(micros(after.as_micros())),
            Err(before) => {
                Time::from_micros(micros(before.duration().as_micros()).saturating_neg())
            }
        }
    }

    fn steady(&self) -> Span {
        Span(micros(self.start.elapsed().as_micros()))
    }
}

fn nanos(passed: Duration) -> u64 {
    u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
}

// 292,000 years fit into an `i64` of microseconds.
fn micros(micros: u128) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_clock_never_goes_back() {
        let clock = RealClock::start();
        let mut before = clock.steady();
        assert!(Span(0) <= before);
        for _ in 0..1000 {
            let after = clock.steady();
            assert!(before <= after);
            before = after;
        }
    }

    #[test]
    fn a_stopwatch_started_later_shows_less() {
        let early = Stopwatch::start();
        let late = Stopwatch::start();
        assert_eq!(late.nanos_until(early).min(early.nanos_until(late)), 0);
        let between = early.nanos_until(late);
        assert!(between <= early.nanos());
        let long = early.start + Duration::from_millis(3);
        assert_eq!(early.nanos_until(Stopwatch::from(long)), 3_000_000);
    }

    #[test]
    fn the_wall_clock_shows_a_year_that_this_code_was_written_after() {
        assert!(Time::parse("2026-01-01T00:00:00Z").unwrap() < RealClock::start().wall());
    }
}
