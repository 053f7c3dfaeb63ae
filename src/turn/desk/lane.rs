//! Lane: the tasks and outcomes of one stream.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

use crate::turn::desk::{Answered, Call, Desk, Job, Reply, Seat, WAITING, locked};
use crate::turn::{Outcome, Refusal, Task};

/// A stream's tasks and outcomes. Every task pushed gets exactly one outcome.
pub struct Lane<T> {
    desk: Desk,
    seat: Seat,
    answered: Arc<Mutex<Answered>>,
    // Empty between two looks; kept because a full one is large.
    arrived: Vec<(u32, Outcome)>,
    flights: Vec<Option<Flight<T>>>,
    free: Vec<u32>,
    in_flight: usize,
    in_flight_max: usize,
    /// Outcomes that needed no turn.
    ready: VecDeque<(T, Outcome)>,
    /// Set while the queue was found full.
    room: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    sleep: Option<Pin<Box<Sleep>>>,
    wakes_at: Option<Instant>,
}

/// A task without an outcome.
struct Flight<T> {
    tag: T,
    call: Arc<Call>,
    deadline: Instant,
}

impl<T> Lane<T> {
    pub(super) fn new(desk: Desk, seat: Seat, in_flight_max: usize) -> Self {
        Self {
            desk,
            seat,
            answered: Arc::default(),
            arrived: Vec::new(),
            flights: Vec::new(),
            free: Vec::new(),
            in_flight: 0,
            in_flight_max,
            ready: VecDeque::new(),
            room: None,
            sleep: None,
            wakes_at: None,
        }
    }

    /// Ready when there is room in the lane and in the turn's queue.
    pub fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.in_flight_max <= self.in_flight.saturating_add(self.ready.len()) {
            // Taking an outcome makes room, and whoever takes it polls again.
            return Poll::Pending;
        }
        loop {
            let (queue, seat) = (&self.desk.shared.queue, self.seat);
            if self.room.is_none() && queue.has_room(seat) {
                return Poll::Ready(());
            }
            let room = self.room.get_or_insert_with(|| Box::pin(Arc::clone(queue).room(seat)));
            std::task::ready!(room.as_mut().poll(context));
            self.room = None;
        }
    }

    /// Hands in a task, after [`Lane::poll_room`] was ready.
    pub fn push(&mut self, task: Task, tag: T, deadline: Instant) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.flights.push(None);
            u32::try_from(self.flights.len().saturating_sub(1)).unwrap_or(u32::MAX)
        });
        let call = Arc::new(Call {
            state: AtomicU8::new(WAITING),
            mailbox: Arc::clone(&self.desk.mailbox),
            reply: Reply::Lane(Arc::clone(&self.answered), number),
        });
        match self.desk.put(Job { task, call: Arc::clone(&call), seat: self.seat }) {
            Ok(()) => {
                if let Some(place) = self.place(number) {
                    *place = Some(Flight { tag, call, deadline });
                }
                self.in_flight = self.in_flight.saturating_add(1);
                self.wakes_at = Some(self.wakes_at.map_or(deadline, |at| at.min(deadline)));
            }
            Err(refusal) => {
                self.free.push(number);
                self.ready.push_back((tag, Err(refusal)));
            }
        }
    }

    /// Puts in an outcome that needs no turn.
    pub fn settle(&mut self, tag: T, outcome: Outcome) {
        self.ready.push_back((tag, outcome));
    }

    /// Returns the next outcome; `None` while nothing is in flight.
    pub fn poll_outcome(&mut self, context: &mut Context<'_>) -> Poll<Option<(T, Outcome)>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Poll::Ready(Some(ready));
            }
            if self.in_flight == 0 {
                return Poll::Ready(None);
            }
            {
                let mut answered = locked(&self.answered);
                if answered.outcomes.is_empty() {
                    answered.waker = Some(context.waker().clone());
                }
                std::mem::swap(&mut answered.outcomes, &mut self.arrived);
            }
            let mut arrived = std::mem::take(&mut self.arrived);
            for (number, outcome) in arrived.drain(..) {
                // A flight that was given up has left its place.
                if let Some(flight) = self.place(number).and_then(Option::take) {
                    self.in_flight = self.in_flight.saturating_sub(1);
                    self.ready.push_back((flight.tag, outcome));
                }
                self.free.push(number);
            }
            self.arrived = arrived;
            if self.ready.is_empty() {
                std::task::ready!(self.poll_deadlines(context));
            }
        }
    }

    /// Ready when a deadline has passed and its outcome was made.
    fn poll_deadlines(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(at) = self.wakes_at else { return Poll::Pending };
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if sleep.deadline() != at {
                sleep.as_mut().reset(at);
            }
            std::task::ready!(sleep.as_mut().poll(context));
            self.give_up(at);
            if !self.ready.is_empty() {
                return Poll::Ready(());
            }
        }
    }

    /// Ends every flight whose deadline is `now` or earlier, and finds the next deadline.
    fn give_up(&mut self, now: Instant) {
        let mut next = None;
        for (number, place) in self.flights.iter_mut().enumerate() {
            let Some(flight) = place else { continue };
            if now < flight.deadline {
                next = Some(next.map_or(flight.deadline, |at: Instant| at.min(flight.deadline)));
                continue;
            }
            let refusal = flight.call.give_up();
            if let Some(flight) = place.take() {
                self.in_flight = self.in_flight.saturating_sub(1);
                self.ready.push_back((flight.tag, Err(refusal)));
            }
            if refusal == Refusal::ExpiredBeforeDeciding {
                // The turn will not answer it, so its number is free at once.
                self.free.push(u32::try_from(number).unwrap_or(u32::MAX));
            }
        }
        self.wakes_at = next;
    }

    fn place(&mut self, number: u32) -> Option<&mut Option<Flight<T>>> {
        self.flights.get_mut(usize::try_from(number).ok()?)
    }
}

impl<T> std::fmt::Debug for Lane<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

impl<T> Drop for Lane<T> {
    fn drop(&mut self) {
        for flight in self.flights.iter().flatten() {
            flight.call.give_up();
        }
    }
}
