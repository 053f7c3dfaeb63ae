//! Share: what each caller uses of what it may.
//!
//! Found once a connection, as the caller is. A question then costs a few additions to numbers that only
//! questions of its own caller touch: no lock, and no name is looked up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::access::{Access, Allowance, Caller};
use crate::turn::desk::Seat;

/// What one caller uses, over all of its connections.
#[derive(Debug)]
pub struct Share {
    name: Box<str>,
    seat: Seat,
    allowance: Allowance,
    /// What each question takes of the time that the rate is counted in, in nanoseconds.
    each: u64,
    /// How far ahead of the clock that time may run.
    ahead_max: u64,
    began: Instant,
    /// Until when the rate is used up, in nanoseconds since it began.
    used_until: AtomicU64,
    in_flight: AtomicU32,
    connections: AtomicU32,
    taken: AtomicU64,
    over: [AtomicU64; 3],
}

/// What a caller has too much of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Over {
    /// Calls and questions without an answer.
    InFlight,
    /// Calls and questions lately; room for the next one comes after so long.
    Rate(Duration),
    /// Connections.
    Connections,
}

/// What a caller has used, as telemetry shows it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Used {
    /// Calls and questions taken.
    pub taken: u64,
    /// Calls and questions without an answer now.
    pub in_flight: u32,
    /// Refused for [`Over::InFlight`], [`Over::Rate`] and [`Over::Connections`].
    pub over: [u64; 3],
}

/// A call or question that was taken, under way until it is dropped.
#[derive(Debug)]
#[must_use = "it is under way until this is dropped"]
pub(crate) struct Taken(Option<Arc<Share>>);

/// A connection of a caller, until it is dropped.
#[derive(Debug)]
pub(crate) struct Connected(Arc<Share>);

impl Share {
    /// Makes the share of every caller of a file, in its order.
    pub fn all(access: &Access) -> Arc<[Arc<Self>]> {
        access
            .allowances()
            .map(|(caller, allowance)| Arc::new(Self::new(caller, allowance)))
            .collect()
    }

    pub(crate) fn new(caller: &Caller, allowance: Allowance) -> Self {
        let each = SECOND.checked_div(u64::from(allowance.per_second)).unwrap_or(SECOND);
        // Nobody has no name here, and its seat is another's.
        let seat = Seat(caller.listed.unwrap_or(0).saturating_add(1));
        Self {
            name: caller.name.clone(),
            seat,
            allowance,
            each,
            ahead_max: each.saturating_mul(u64::from(allowance.burst)),
            began: Instant::now(),
            used_until: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            connections: AtomicU32::new(0),
            taken: AtomicU64::new(0),
            over: Default::default(),
        }
    }

    /// Returns the caller's name in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns where its tasks wait.
    pub fn seat(&self) -> Seat {
        self.seat
    }

    /// Returns what it has used.
    pub fn used(&self) -> Used {
        Used {
            taken: self.taken.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            over: [0, 1, 2].map(|at| {
                self.over.get(at).map_or(0, |count: &AtomicU64| count.load(Ordering::Relaxed))
            }),
        }
    }

    /// Takes one more call or question at `now`. Whoever it is taken for says [`Self::done`] once.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Over> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let over = if self.allowance.in_flight_max <= before {
            Over::InFlight
        } else {
            match self.advance(now) {
                Ok(()) => {
                    self.taken.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(wait) => Over::Rate(wait),
            }
        };
        self.done(1);
        Err(self.count(over))
    }

    /// Ends `count` of what was taken.
    pub(crate) fn done(&self, count: u32) {
        self.in_flight.fetch_sub(count, Ordering::Relaxed);
    }

    /// Takes one more connection.
    pub(crate) fn connect(self: &Arc<Self>) -> Result<Connected, Over> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let connected = Connected(Arc::clone(self));
        if before < self.allowance.connections_max {
            return Ok(connected);
        }
        Err(self.count(Over::Connections))
    }

    /// Uses the rate for one more, or says when that can be.
    ///
    /// The rate is used up until some moment. Each question moves it on by a part of a second, from now
    /// at least, and it may lie ahead of now by as much as a burst takes.
    fn advance(&self, now: Instant) -> Result<(), Duration> {
        let now = now.saturating_duration_since(self.began).as_nanos();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        let mut until = self.used_until.load(Ordering::Relaxed);
        loop {
            let next = until.max(now).saturating_add(self.each);
            let ahead = next.saturating_sub(now);
            if self.ahead_max < ahead {
                return Err(Duration::from_nanos(ahead.saturating_sub(self.ahead_max)));
            }
            let swapped = self.used_until.compare_exchange_weak(
                until,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match swapped {
                Ok(_) => return Ok(()),
                Err(other) => until = other,
            }
        }
    }

    fn count(&self, over: Over) -> Over {
        let at = match over {
            Over::InFlight => 0,
            Over::Rate(_) => 1,
            Over::Connections => 2,
        };
        if let Some(count) = self.over.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        over
    }
}

impl Taken {
    /// Takes one call for whoever has a share; anybody else has no limits.
    pub(crate) fn of(share: Option<&Arc<Share>>, now: Instant) -> Result<Self, Over> {
        let Some(share) = share else { return Ok(Self(None)) };
        share.take(now)?;
        Ok(Self(Some(Arc::clone(share))))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(share) = &self.0 {
            share.done(1);
        }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

const SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn share(in_flight_max: u32, per_second: u32, burst: u32) -> Arc<Share> {
        let allowance = Allowance { in_flight_max, per_second, burst, connections_max: 2 };
        Arc::new(Share::new(&Caller { listed: Some(3), ..Caller::dev() }, allowance))
    }

    #[test]
    fn as_many_are_under_way_as_may_be_and_room_comes_as_they_end() {
        let (share, now) = (share(2, 1_000, 1_000), Instant::now());
        assert_eq!([share.take(now), share.take(now)], [Ok(()), Ok(())]);
        assert_eq!(share.take(now), Err(Over::InFlight));
        share.done(1);
        assert_eq!(share.take(now), Ok(()));
        assert_eq!(share.take(now), Err(Over::InFlight));
        let used = Used { taken: 3, in_flight: 2, over: [2, 0, 0] };
        assert_eq!((share.used(), share.seat()), (used, Seat(4)));
    }

    #[test]
    fn a_burst_is_taken_at_once_and_after_it_the_rate() {
        let share = share(100, 10, 3);
        let at = |millis| share.began + Duration::from_millis(millis);
        let mut took = Vec::new();
        // A tenth of a second is one more; what is not used is kept, up to a burst.
        for millis in [0, 0, 0, 0, 99, 100, 100, 250, 300, 10_000, 10_000, 10_000, 10_000] {
            took.push(share.take(at(millis)).is_ok());
        }
        let want =
            [true, true, true, false, false, true, false, true, true, true, true, true, false];
        assert_eq!(took, want);
        // And it says when the next is free.
        assert_eq!(share.take(at(10_040)), Err(Over::Rate(Duration::from_millis(60))));
        // A clock that is read out of order by two threads takes nothing back.
        assert_eq!(share.take(at(10_000)), Err(Over::Rate(Duration::from_millis(100))));
        assert_eq!(share.take(at(10_100)), Ok(()));
    }

    #[test]
    fn a_rate_holds_over_a_second_whatever_it_is() {
        for rate in [1, 3, 7, 1_000, 30_000, 999_999, 1_000_000] {
            let share = share(u32::MAX, rate, 1);
            let mut took = 0;
            for nanos in (0..1_000_000_000).step_by(1_000) {
                took += u32::from(share.take(share.began + Duration::from_nanos(nanos)).is_ok());
            }
            // Looked at once a microsecond, nothing can be taken between two looks.
            let fewest = rate - rate / 20;
            assert!((fewest..=rate + 1).contains(&took), "{took} of {rate}");
        }
    }

    #[test]
    fn connections_are_bounded_and_given_back() {
        let share = share(1, 1, 1);
        let (first, second) = (share.connect().unwrap(), share.connect().unwrap());
        assert_eq!(share.connect().err(), Some(Over::Connections));
        drop(first);
        let third = share.connect().unwrap();
        assert!(share.connect().is_err());
        drop((second, third));
        assert!(share.connect().is_ok());
        assert_eq!(share.used().over, [0, 0, 2]);
    }

    #[test]
    fn whoever_has_no_share_has_no_limits() {
        let (now, share) = (Instant::now(), share(1, 10, 10));
        let taken = [(); 3].map(|()| Taken::of(None, now).unwrap());
        let first = Taken::of(Some(&share), now).unwrap();
        assert_eq!(Taken::of(Some(&share), now).err(), Some(Over::InFlight));
        drop((taken, first));
        assert!(Taken::of(Some(&share), now).is_ok());
    }
}
