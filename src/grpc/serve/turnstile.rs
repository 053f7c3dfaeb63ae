//! Turnstile: those who keep a door busy go through one at a time.
//!
//! A door is one thread, and whatever a connection makes it do at a stretch, everybody else waits for:
//! reading all that a client has sent, a step of a handshake. Whoever has more to do than its portion
//! waits here, and each time the door has been to all others, one goes on; callers take turns. So twenty
//! busy connections delay the rest by one portion, not by twenty, and those of one caller delay those of
//! another no more than one does.
//!
//! One at a time is not enough where those who come are without end: a door that is never idle takes its
//! slice of the processor whole, and whoever writes the log on the same core waits for the end of it. So
//! what strangers make the door do is measured, and their turnstile rests for as long as it took: they have
//! at most half of the door.
//!
//! Knows nothing of what they do.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::ops::Bound;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt as _;
use pin_project_lite::pin_project;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::turn::desk::Seat;

/// The turnstiles of one door. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    /// For whoever has not been answered anything yet: by then it may be anybody, and for nothing.
    pub(super) strangers: Turnstile,
    /// For all others.
    pub(super) callers: Turnstile,
}

impl Gate {
    /// Lets through, for as long as the door is open.
    pub(super) async fn keep(self) {
        tokio::join!(self.strangers.keep(), self.callers.keep());
    }
}

/// Where those who keep one door busy wait. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Turnstile(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queues: Mutex<Queues>,
    filled: Notify,
    /// How long measured work took since the last rest, in nanoseconds.
    worked: AtomicU64,
}

#[derive(Debug, Default)]
struct Queues {
    /// Who waits, in the order they came. A caller of whom nobody waits is not in it.
    of: BTreeMap<Seat, VecDeque<oneshot::Sender<()>>>,
    /// Whose turn it was last.
    last: Seat,
}

/// A place in the queue; ready when it is one's turn.
pub(super) type Ticket = oneshot::Receiver<()>;

impl Turnstile {
    /// Queues with the others of the same caller. Whoever goes away leaves the queue.
    pub(super) fn queue(&self, seat: Seat) -> Ticket {
        let (turn, ticket) = oneshot::channel();
        let mut queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.of.entry(seat).or_default().push_back(turn);
        self.0.filled.notify_one();
        ticket
    }

    /// Lets one through whenever the door has been to all else and has rested, for as long as the door is
    /// open.
    async fn keep(self) {
        loop {
            self.0.filled.notified().await;
            loop {
                // Comes back when the door has been to all that is ready, and has looked for more.
                tokio::task::yield_now().await;
                if let Some(rest) = self.rest() {
                    tokio::time::sleep(rest).await;
                }
                if !self.let_through() {
                    break;
                }
            }
        }
    }

    /// Lets one of the next caller through; `false` where nobody else waits.
    pub(super) fn let_through(&self) -> bool {
        let mut queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let Queues { of, last } = &mut *queues;
        loop {
            let after = of.range((Bound::Excluded(*last), Bound::Unbounded)).next();
            let Some(seat) = after.or_else(|| of.iter().next()).map(|(seat, _)| *seat) else {
                return false;
            };
            *last = seat;
            let Entry::Occupied(mut queue) = of.entry(seat) else { return false };
            let turn = queue.get_mut().pop_front();
            if queue.get().is_empty() {
                queue.remove();
            }
            // Who has gone away since is passed over.
            if turn.is_some_and(|turn| turn.send(()).is_ok()) {
                return !of.is_empty();
            }
        }
    }

    /// Returns how long to rest now, if long enough for a timer, and begins to measure anew.
    fn rest(&self) -> Option<Duration> {
        let worked = Duration::from_nanos(self.0.worked.load(Ordering::Relaxed));
        if worked < REST_MIN {
            return None;
        }
        self.0.worked.store(0, Ordering::Relaxed);
        Some(worked.min(REST_MAX))
    }

    /// Does some work, and remembers how long it took.
    pub(super) fn measure<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.worked(begun.elapsed());
        done
    }

    fn worked(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // As much work as would overflow takes five hundred years.
        self.0.worked.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Takes each step of something only when it is its turn, and measures it.
    pub(super) fn step<F: Future>(&self, seat: Seat, steps: F) -> Steps<F> {
        Steps { inner: steps, seat, ticket: None, turnstile: self.clone() }
    }
}

pin_project! {
    /// Something whose every step waits for its turn, and is measured.
    pub(super) struct Steps<F> {
        #[pin]
        inner: F,
        seat: Seat,
        ticket: Option<Ticket>,
        turnstile: Turnstile,
    }
}

impl<F: Future> Future for Steps<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let ticket = this.ticket.get_or_insert_with(|| this.turnstile.queue(*this.seat));
        // A turnstile that is gone holds nobody up.
        let _ = ready!(ticket.poll_unpin(context));
        *this.ticket = None;
        this.turnstile.measure(|| this.inner.poll(context))
    }
}

/// As short as tokio's timer can be.
const REST_MIN: Duration = Duration::from_millis(1);
/// A step takes a millisecond at most. What seems to take longer was itself kept waiting.
const REST_MAX: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicU8;

    use super::*;

    /// Has each of these callers take so many steps, and returns who went when.
    async fn order(steps: &[(u16, usize)]) -> Vec<u16> {
        let (turnstile, went) = (Turnstile::default(), Arc::new(Mutex::new(Vec::new())));
        let mut walkers = tokio::task::JoinSet::new();
        for (seat, count) in steps {
            let (turnstile, went, seat, count) = (turnstile.clone(), went.clone(), *seat, *count);
            walkers.spawn(async move {
                for _ in 0..count {
                    turnstile.queue(Seat(seat)).await.unwrap();
                    went.lock().unwrap().push(seat);
                }
            });
        }
        let keeper = tokio::spawn(turnstile.keep());
        while walkers.join_next().await.is_some() {}
        keeper.abort();
        let went = went.lock().unwrap();
        went.clone()
    }

    #[tokio::test]
    async fn one_goes_through_at_a_time_and_callers_take_turns() {
        let went = order(&[(1, 2), (1, 2), (1, 2), (2, 2)]).await;
        assert_eq!(went, [1, 2, 1, 2, 1, 1, 1, 1]);
    }

    #[tokio::test]
    async fn those_of_one_caller_go_in_the_order_they_came() {
        let turnstile = Turnstile::default();
        let [first, gone, third] = [1, 1, 1].map(|seat| turnstile.queue(Seat(seat)));
        drop(gone);
        let mut both = [first, third];
        let ready = |tickets: &mut [Ticket]| -> Vec<bool> {
            tickets.iter_mut().map(|ticket| ticket.try_recv().is_ok()).collect()
        };
        assert!(turnstile.let_through());
        assert_eq!(ready(&mut both), [true, false]);
        assert!(!turnstile.let_through(), "and the one who has gone is passed over");
        assert_eq!(ready(&mut both), [false, true]);
        assert!(!turnstile.let_through());
    }

    #[test]
    fn every_step_waits_for_its_turn() {
        let (turnstile, taken) = (Turnstile::default(), AtomicU8::new(0));
        let two = poll_fn(|_| match taken.fetch_add(1, Ordering::Relaxed) {
            0 => Poll::Pending,
            _ => Poll::Ready(()),
        });
        let mut steps = pin!(turnstile.step(Seat::NOBODY, two));
        let rows = [(false, 0, None), (true, 1, None), (false, 1, None), (true, 2, Some(()))];
        for (turn, steps_taken, ended) in rows {
            if turn {
                turnstile.let_through();
            }
            assert_eq!(steps.as_mut().now_or_never(), ended);
            assert_eq!(taken.load(Ordering::Relaxed), steps_taken);
        }
    }
    #[test]
    fn a_rest_is_as_long_as_the_work_before_it() {
        let turnstile = Turnstile::default();
        for (worked, want) in [
            (0, None),
            (999, None),
            // With what was before it.
            (1, Some(1_000)),
            (1_000, Some(1_000)),
            (1_700, Some(1_700)),
            (2_000, Some(2_000)),
            (2_001, Some(2_000)),
            (0, None),
        ] {
            turnstile.worked(Duration::from_micros(worked));
            assert_eq!(turnstile.rest(), want.map(Duration::from_micros), "{worked}");
        }
    }

    #[tokio::test]
    async fn nobody_goes_through_while_it_rests() {
        let turnstile = Turnstile::default();
        turnstile.worked(REST_MAX);
        let begun = Instant::now();
        let keeper = tokio::spawn(turnstile.clone().keep());
        turnstile.queue(Seat::NOBODY).await.unwrap();
        assert!(REST_MAX <= begun.elapsed());
        keeper.abort();
    }

    #[test]
    fn steps_are_work() {
        let turnstile = Turnstile::default();
        let long = poll_fn(|_| {
            let begun = Instant::now();
            while begun.elapsed() < REST_MIN {}
            Poll::Ready(())
        });
        let mut steps = pin!(turnstile.step(Seat::NOBODY, long));
        assert_eq!(steps.as_mut().now_or_never(), None);
        assert_eq!(turnstile.rest(), None, "waiting is none");
        turnstile.let_through();
        assert_eq!(steps.as_mut().now_or_never(), Some(()));
        assert!(turnstile.rest().is_some());
    }
}
