//! Turnstile: those who keep a door busy go through one at a time.
//!
//! A door is one thread, and whatever a connection makes it do at a stretch, everybody else waits for:
//! reading all that a client has sent, a step of a handshake. Whoever has more to do than its portion
//! waits here, and each time the door has been to all others, one goes on; callers take turns. So twenty
//! busy connections delay the rest by one portion, not by twenty, and those of one caller delay those of
//! another no more than one does.
//!
//! Knows nothing of what they do.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::ops::Bound;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::FutureExt as _;
use pin_project_lite::pin_project;
use tokio::sync::{Notify, oneshot};

use crate::turn::desk::Seat;

/// Where those who keep one door busy wait. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Turnstile(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queues: Mutex<Queues>,
    filled: Notify,
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

    /// Lets one through whenever the door has been to all else, for as long as the door is open.
    pub(super) async fn keep(self) {
        loop {
            self.0.filled.notified().await;
            loop {
                // Comes back when the door has been to all that is ready, and has looked for more.
                tokio::task::yield_now().await;
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

    /// Takes each step of something only when it is its turn.
    pub(super) fn step<F: Future>(&self, seat: Seat, steps: F) -> Steps<F> {
        Steps { inner: steps, seat, ticket: None, turnstile: self.clone() }
    }
}

pin_project! {
    /// Something whose every step waits for its turn.
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
        this.inner.poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::{AtomicU8, Ordering};

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
}
