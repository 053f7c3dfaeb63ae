//! Share: what each caller uses of what it may.
//!
//! Found once a connection, as the caller is. A question then costs a few additions to numbers that only
//! questions of its own caller touch: no lock, and no name is looked up. A caller keeps its share for as
//! long as the process runs, whatever becomes of the file: what it may use changes beneath it.

use std::collections::BTreeMap;
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
    /// As its allowance has them. Read one by one: a question that comes while they change may be held
    /// to some of the old ones.
    in_flight_max: AtomicU32,
    connections_max: AtomicU32,
    /// What each question takes of the time that the rate is counted in, in nanoseconds.
    each: AtomicU64,
    /// How far ahead of the clock that time may run.
    ahead_max: AtomicU64,
    began: Instant,
    /// Until when the rate is used up, in nanoseconds since it began.
    used_until: AtomicU64,
    in_flight: AtomicU32,
    connections: AtomicU32,
    taken: AtomicU64,
    over: [AtomicU64; 3],
}

/// The shares of all callers that a file has named since the process started.
#[derive(Debug, Default)]
pub struct Shares(BTreeMap<Box<str>, Arc<Share>>);

/// A process keeps the shares of 8,192 callers at most, gone ones included.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "since the start there were more than {NAMES_MAX} names of callers; restart to take this file"
)]
pub struct TooManyNames;

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

impl Shares {
    /// Returns the share of every caller of a file, in its order. Whoever has one already keeps it, with
    /// what the file allows now; a new caller has a seat that nobody else had.
    pub fn of(&mut self, access: &Access) -> Result<Arc<[Arc<Share>]>, TooManyNames> {
        let new = access.callers().iter().filter(|caller| !self.0.contains_key(&caller.name));
        if NAMES_MAX < self.0.len().saturating_add(new.count()) {
            return Err(TooManyNames);
        }
        let share = |(caller, allowance): (&Caller, Allowance)| {
            if let Some(share) = self.0.get(&caller.name) {
                share.allow(allowance);
                return Arc::clone(share);
            }
            // Number 0 is nobody's.
            let number = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
            let seat = Seat(number.saturating_add(1));
            let share = Arc::new(Share::new(caller.name.clone(), seat, allowance));
            self.0.insert(caller.name.clone(), Arc::clone(&share));
            share
        };
        Ok(access.allowances().map(share).collect())
    }
}

impl Share {
    pub(crate) fn new(name: Box<str>, seat: Seat, allowance: Allowance) -> Self {
        let share = Self {
            name,
            seat,
            in_flight_max: AtomicU32::new(0),
            connections_max: AtomicU32::new(0),
            each: AtomicU64::new(0),
            ahead_max: AtomicU64::new(0),
            began: Instant::now(),
            used_until: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            connections: AtomicU32::new(0),
            taken: AtomicU64::new(0),
            over: Default::default(),
        };
        share.allow(allowance);
        share
    }

    /// Says what it may use from the next question on. What is under way goes on.
    pub(crate) fn allow(&self, allowance: Allowance) {
        let each = SECOND.checked_div(u64::from(allowance.per_second)).unwrap_or(SECOND);
        let ahead_max = each.saturating_mul(u64::from(allowance.burst));
        self.in_flight_max.store(allowance.in_flight_max, Ordering::Relaxed);
        self.connections_max.store(allowance.connections_max, Ordering::Relaxed);
        self.each.store(each, Ordering::Relaxed);
        self.ahead_max.store(ahead_max, Ordering::Relaxed);
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
        let over = if self.in_flight_max.load(Ordering::Relaxed) <= before {
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
        if before < self.connections_max.load(Ordering::Relaxed) {
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
        let each = self.each.load(Ordering::Relaxed);
        let ahead_max = self.ahead_max.load(Ordering::Relaxed);
        let mut until = self.used_until.load(Ordering::Relaxed);
        loop {
            let next = until.max(now).saturating_add(each);
            let ahead = next.saturating_sub(now);
            if ahead_max < ahead {
                return Err(Duration::from_nanos(ahead.saturating_sub(ahead_max)));
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

impl Connected {
    /// Tells whether it is one of this caller's.
    pub(crate) fn is_of(&self, share: &Arc<Share>) -> bool {
        Arc::ptr_eq(&self.0, share)
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
/// Eight times as many as one file has; each is some hundred bytes, and a place in the queue's counts.
const NAMES_MAX: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    fn share(in_flight_max: u32, per_second: u32, burst: u32) -> Arc<Share> {
        let allowance = Allowance { in_flight_max, per_second, burst, connections_max: 2 };
        Arc::new(Share::new("one".into(), Seat(4), allowance))
    }

    fn file(callers: &[(&str, &str)]) -> Access {
        let caller = |(name, limits): &(&str, &str)| {
            format!(
                "[[caller]]\nname = \"{name}\"\nrole = \"one\"\ndns = [\"{name}.example\"]\n\
                 limits = {{ {limits} }}\n"
            )
        };
        let callers: Vec<String> = callers.iter().map(caller).collect();
        let role = "schema = 1\n[[role]]\nname = \"one\"\nrights = []\nsees = \"own\"\n";
        let text = format!("{role}{}", callers.concat());
        Access::read("access.toml", &text).unwrap()
    }

    #[test]
    fn a_caller_keeps_its_share_and_seat_while_what_it_may_use_changes() {
        let (mut shares, now) = (Shares::default(), Instant::now());
        let [a, b] = &*shares.of(&file(&[("a", "in_flight = 1"), ("b", "in_flight = 1")])).unwrap()
        else {
            panic!("not two")
        };
        assert_eq!((a.take(now), a.take(now)), (Ok(()), Err(Over::InFlight)));
        let second =
            file(&[("c", ""), ("b", "connections = 1"), ("a", "in_flight = 2, burst = 2")]);
        let after = shares.of(&second).unwrap();
        let names: Vec<&str> = after.iter().map(|share| share.name()).collect();
        assert_eq!(names, ["c", "b", "a"]);
        assert!(Arc::ptr_eq(&after[1], b) && Arc::ptr_eq(&after[2], a));
        assert_eq!([&after[0], b, a].map(|share| share.seat()), [Seat(3), Seat(2), Seat(1)]);
        // One is under way from before; the burst was used by one as well.
        assert_eq!((a.take(now), a.take(now)), (Ok(()), Err(Over::InFlight)));
        a.done(1);
        assert!(matches!(a.take(now), Err(Over::Rate(_))));
        let held = b.connect().unwrap();
        assert_eq!(b.connect().err(), Some(Over::Connections));
        // Whoever was gone comes back as who it was.
        shares.of(&file(&[("c", "")])).unwrap();
        let back = shares.of(&file(&[("d", ""), ("b", "connections = 2")])).unwrap();
        assert_eq!((back[0].seat(), Arc::ptr_eq(&back[1], b)), (Seat(4), true));
        assert!(held.is_of(b) && !held.is_of(a) && b.connect().is_ok());
    }

    #[test]
    fn names_are_bounded_and_a_file_with_too_many_changes_nothing() {
        let mut shares = Shares::default();
        for round in 0..NAMES_MAX / 1_024 {
            let names: Vec<_> = (0..1_024).map(|at| format!("{round}-{at}")).collect();
            let callers: Vec<_> =
                names.iter().map(|name| (name.as_str(), "in_flight = 1")).collect();
            shares.of(&file(&callers)).unwrap();
        }
        let one = &shares.of(&file(&[("0-0", "in_flight = 1")])).unwrap()[0];
        let too_many = file(&[("0-0", "in_flight = 2"), ("new", "")]);
        assert_eq!(shares.of(&too_many).map(drop), Err(TooManyNames));
        let now = Instant::now();
        assert_eq!((one.take(now), one.take(now)), (Ok(()), Err(Over::InFlight)));
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
