//! Window: what was decided within the last hour and the last day.
//!
//! Minutes of log time in a ring, written by the turn alone. A minute is counted in or out as a
//! whole, so a window is up to a minute short.

use crate::calendar::{Span, Time};
use crate::telemetry::cell::Count;

/// The minutes of the last day.
#[derive(Debug)]
pub(crate) struct Window {
    minutes: Vec<Minute>,
}

/// What was decided in one minute.
#[derive(Debug, Default)]
struct Minute {
    /// Which one, counted from 1970.
    number: Count,
    decided: Count,
    asked: Count,
    held: Count,
}

/// What was decided within a window.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Decided {
    /// All of it.
    pub(crate) all: u64,
    /// Held for answers.
    pub(crate) asked: u64,
    /// Held for a person.
    pub(crate) held: u64,
}

impl Window {
    pub(crate) fn new() -> Self {
        Self { minutes: (0..MINUTES).map(|_| Minute::default()).collect() }
    }

    /// Counts one decision made at `now`, in log time.
    pub(crate) fn add(&self, now: Time, asked: bool, held: bool) {
        let number = number(now);
        let Some(minute) = self.at(number) else { return };
        if minute.number.read() != number {
            for count in [&minute.decided, &minute.asked, &minute.held] {
                count.set(0);
            }
            minute.number.set(number);
        }
        minute.decided.add(1);
        minute.asked.add(u64::from(asked));
        minute.held.add(u64::from(held));
    }

    /// Adds up the last `minutes` minutes before `now`, at most a day of them, that of `now` included.
    pub(crate) fn within(&self, now: Time, minutes: u64) -> Decided {
        let last = number(now);
        let mut sum = Decided::default();
        for minute in &self.minutes {
            let age = last.checked_sub(minute.number.read());
            if age.is_some_and(|age| age < minutes) {
                sum.all = sum.all.saturating_add(minute.decided.read());
                sum.asked = sum.asked.saturating_add(minute.asked.read());
                sum.held = sum.held.saturating_add(minute.held.read());
            }
        }
        sum
    }

    fn at(&self, number: u64) -> Option<&Minute> {
        self.minutes.get(usize::try_from(number.checked_rem(MINUTES)?).ok()?)
    }
}

impl Decided {
    /// Adds what another window has.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            all: self.all.saturating_add(other.all),
            asked: self.asked.saturating_add(other.asked),
            held: self.held.saturating_add(other.held),
        }
    }

    /// Returns how many in a million `part` of them are; 0 where nothing was decided.
    pub(crate) fn per_million(self, part: u64) -> u64 {
        part.saturating_mul(1_000_000).checked_div(self.all).unwrap_or(0)
    }
}

fn number(time: Time) -> u64 {
    u64::try_from(time.since(Time::from_micros(0)).0.div_euclid(Span::minutes(1).0)).unwrap_or(0)
}

/// A day of them.
pub(crate) const MINUTES: u64 = 1_440;

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(number: i64) -> Time {
        Time::from_micros(0).plus(Span::minutes(number))
    }

    #[test]
    fn a_window_holds_its_last_minute_and_not_the_one_before_its_first() {
        let window = Window::new();
        window.add(minute(10_000), true, false);
        window.add(minute(10_000), false, true);
        window.add(minute(10_059), false, false);
        for (now, minutes, want) in [
            (10_059, 60, (3, 1, 1)),
            (10_060, 60, (1, 0, 0)),
            (10_060, 1_440, (3, 1, 1)),
            (10_118, 60, (1, 0, 0)),
            (10_119, 60, (0, 0, 0)),
            (11_439, 1_440, (3, 1, 1)),
            (11_440, 1_440, (1, 0, 0)),
            // A clock that went back shows nothing of what is ahead of it.
            (10_058, 60, (2, 1, 1)),
        ] {
            let Decided { all, asked, held } = window.within(minute(now), minutes);
            assert_eq!((all, asked, held), want, "{now} {minutes}");
        }
    }

    #[test]
    fn a_minute_of_the_day_before_is_forgotten_where_its_place_is_taken() {
        let window = Window::new();
        window.add(minute(5), true, true);
        window.add(minute(5 + 1_440), false, false);
        let want = Decided { all: 1, asked: 0, held: 0 };
        assert_eq!(window.within(minute(5 + 1_440), 1_440), want);
    }

    #[test]
    fn parts_are_told_in_a_million() {
        let decided = Decided { all: 3, asked: 1, held: 0 };
        assert_eq!((decided.per_million(1), decided.per_million(0)), (333_333, 0));
        assert_eq!(Decided::default().per_million(0), 0);
    }
}
