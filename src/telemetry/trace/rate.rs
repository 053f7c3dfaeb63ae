//! Rate: how many traces a second begin because callers ask for them.

use std::sync::atomic::{AtomicU64, Ordering};

/// A rate, with as much at once as in one second.
#[derive(Debug)]
pub(super) struct Rate {
    /// What each takes of the time that the rate is counted in, in nanoseconds; `None` for none at all.
    each: Option<u64>,
    /// Until when the rate is used up, in nanoseconds.
    until: AtomicU64,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        Self { each: SECOND.checked_div(u64::from(per_second)), until: AtomicU64::new(0) }
    }

    /// Takes one more, at `now` nanoseconds since some moment; `false` where there is none left.
    pub(super) fn take(&self, now: u64) -> bool {
        let Some(each) = self.each else { return false };
        let next = |until: u64| {
            let next = until.max(now).saturating_add(each);
            (next.saturating_sub(now) <= SECOND).then_some(next)
        };
        self.until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

const SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_in_a_second_are_taken_at_once_and_then_the_rate() {
        for (per_second, want) in [(0, [0, 0, 0, 0]), (1, [1, 0, 0, 1]), (4, [4, 2, 0, 4])] {
            let rate = Rate::new(per_second);
            let mut took = Vec::new();
            for millis in [5_000, 5_500, 5_500, 9_000] {
                let at = millis * 1_000_000;
                took.push((0..50).filter(|_| rate.take(at)).count());
            }
            assert_eq!(took, want, "{per_second}");
        }
        // A clock that is read out of order by two threads gives nothing back.
        let rate = Rate::new(2);
        assert_eq!([9, 9, 9, 8].map(|at| rate.take(at)), [true, true, false, false]);
    }
}
