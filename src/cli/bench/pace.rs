//! Pace: when the requests of an open loop are meant to go.
//!
//! The times are fixed beforehand: a late request does not move those after it. Waits by sleeping
//! until shortly before the time and by yielding from there on, because timers are a millisecond
//! coarse and answers take less.

use std::time::Duration;

use tokio::time::Instant;

/// The times of one sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    start: Instant,
    rate: u64,
    next: u64,
    step: u64,
}

impl Pace {
    /// Returns every `senders`th of the times at which `rate` requests a second go, from the
    /// `index`th on.
    pub(super) fn new(start: Instant, rate: u32, index: u16, senders: u16) -> Self {
        let step = u64::from(senders.max(1));
        Self { start, rate: u64::from(rate.max(1)), next: u64::from(index), step }
    }

    /// Returns when the next request is meant to go.
    pub(super) fn meant(&self) -> Instant {
        let nanos = u128::from(self.next).saturating_mul(NANOS_OF_SECOND);
        let nanos = nanos.checked_div(u128::from(self.rate)).unwrap_or(0);
        let after = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.start.checked_add(after).unwrap_or(self.start)
    }

    /// Goes on to the time after.
    pub(super) fn advance(&mut self) {
        self.next = self.next.saturating_add(self.step);
    }

    /// Returns once the next request is meant to go. May be dropped and called again.
    pub(super) async fn wait(&self) {
        let meant = self.meant();
        let early = meant.checked_sub(COARSE).unwrap_or(meant);
        if Instant::now() < early {
            tokio::time::sleep_until(early).await;
        }
        while Instant::now() < meant {
            tokio::task::yield_now().await;
        }
    }
}

const NANOS_OF_SECOND: u128 = 1_000_000_000;

/// A timer fires within this after its time, or before.
const COARSE: Duration = Duration::from_micros(1_500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_share_the_times_evenly() {
        let start = Instant::now();
        let mut paces: Vec<_> = (0..4).map(|index| Pace::new(start, 1000, index, 4)).collect();
        for request in 0..40_u32 {
            let sender = usize::try_from(request % 4).unwrap();
            let want = start + Duration::from_millis(u64::from(request));
            assert_eq!(paces[sender].meant(), want);
            paces[sender].advance();
        }
    }
}
