//! Desk: brings tasks from the doors to the turn, and outcomes back.
//!
//! A door is a thread that serves connections; the turn is another. Tasks go into one bounded queue.
//! Outcomes come back a batch at a time into the door's mailbox, with one wake, and are handed out
//! on the door's own thread: waking each call from the turn would cost more than deciding it.
//!
//! A call ends by its deadline whatever the turn does. If the turn had not begun with it, nothing is
//! recorded; if it had, the call cannot know, says so, and a retry finds out.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::account::Tokens;
use crate::clock::Stopwatch;
use crate::log::reader::Reader;
use crate::policy::Policy;
use crate::turn::{Outcome, Refusal, Task};

mod lane;
mod waiting;

pub use lane::Lane;
use waiting::Waiting;

/// Where a door hands in tasks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk {
    shared: Arc<Shared>,
    mailbox: Arc<Mailbox>,
}

/// What every door reads: the log, the policy and the tokens.
#[derive(Debug)]
struct Shared {
    queue: Arc<Queue>,
    reader: Reader,
    policy: Arc<Policy>,
    tokens: Tokens,
}

/// The tasks that wait for the turn.
#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    /// The turn sleeps on this while nothing waits.
    filled: Condvar,
    /// Streams that found the queue full wait for this.
    room: Notify,
    length_max: usize,
    /// How often the turn has come for more.
    turns: AtomicU64,
    /// The turn has tasks that it has not come back from.
    away: AtomicBool,
}

/// How far the turn is, for whoever looks after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// How often it has come for more tasks.
    pub turns: u64,
    /// Whether it has tasks, or tasks wait for it.
    pub at_work: bool,
}

/// Whose tasks wait together: a number of its own for each caller, and [`Seat::NOBODY`] for whoever has
/// no name.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Seat(pub u16);

/// A task and the call that waits for it.
#[derive(Debug)]
pub struct Job {
    task: Task,
    call: Arc<Call>,
    seat: Seat,
}

/// Outcomes on their way back to one door.
#[derive(Debug, Default)]
pub struct Mailbox {
    outcomes: Mutex<Vec<(Arc<Call>, Outcome)>>,
    arrived: Notify,
    /// The turn sleeps over tasks of this door.
    overslept: Notify,
    /// For which turn this door stayed awake last.
    awake_turn: AtomicU64,
    /// For how long in all, in nanoseconds.
    awake_nanos: AtomicU64,
}

/// A call that waits for its outcome.
#[derive(Debug)]
struct Call {
    state: AtomicU8,
    mailbox: Arc<Mailbox>,
    reply: Reply,
}

/// Where an outcome goes.
#[derive(Debug)]
enum Reply {
    /// To the one that waits for it.
    One(Mutex<Slot>),
    /// To a stream, under a number.
    Lane(Arc<Mutex<Answered>>, u32),
}

#[derive(Debug, Default)]
struct Slot {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

/// Outcomes that a stream has not taken yet.
#[derive(Debug, Default)]
struct Answered {
    outcomes: Vec<(u32, Outcome)>,
    waker: Option<Waker>,
}

impl Seat {
    /// Whoever has no name.
    pub const NOBODY: Self = Self(0);

    fn at(self) -> usize {
        usize::from(self.0)
    }
}

impl Desk {
    /// Makes a desk for one door.
    pub fn new(queue: Arc<Queue>, reader: Reader, policy: Arc<Policy>, tokens: Tokens) -> Self {
        let shared = Arc::new(Shared { queue, reader, policy, tokens });
        Self { shared, mailbox: Arc::default() }
    }

    /// Makes a desk for another door of the same service.
    pub fn another(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), mailbox: Arc::default() }
    }

    /// Returns the log as readers see it.
    pub fn reader(&self) -> &Reader {
        &self.shared.reader
    }

    /// Returns the policy that decides.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.shared.policy
    }

    /// Returns what makes tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    /// Hands outcomes to the calls of this door, and wakes the turn for their tasks, for as long as
    /// the door is open. Runs on the door's own thread, and there behind whatever else is ready: so
    /// the turn wakes to all that the door has just read, not to the first call of it.
    pub async fn hand_out(&self) {
        let mut mail = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = self.mailbox.overslept.notified() => self.shared.queue.filled.notify_one(),
                () = self.mailbox.arrived.notified() => {
                    std::mem::swap(&mut *locked(&self.mailbox.outcomes), &mut mail);
                    for (call, outcome) in mail.drain(..) {
                        call.end(outcome);
                    }
                }
            }
        }
    }

    /// Keeps this thread's core awake while the turn is at work and has brought this door nothing, for `nanos`
    /// at most, however often it is asked in one turn. A core that sleeps while a batch is synced wakes late: in
    /// a virtual machine by a tenth of a millisecond and more. Whoever else can use the core has it meanwhile,
    /// but for the kernel's own threads, for which the sync itself may wait: the longer a sync takes, the
    /// longer it would be kept from its end.
    pub fn stay_awake(&self, nanos: u64) {
        self.mailbox.stay_awake(&self.shared.queue, nanos);
    }

    fn put(&self, job: Job) -> Result<(), Refusal> {
        let sleeps = self.shared.queue.put(job)?;
        if sleeps {
            self.mailbox.overslept.notify_one();
        }
        Ok(())
    }

    /// Asks for the caller of `seat`, and waits for the outcome until `deadline`. A full queue refuses at
    /// once, unless another caller has more in it, whose newest task is then refused.
    pub async fn ask(&self, task: Task, seat: Seat, deadline: Instant) -> Outcome {
        let call = Arc::new(Call {
            state: AtomicU8::new(WAITING),
            mailbox: Arc::clone(&self.mailbox),
            reply: Reply::One(Mutex::default()),
        });
        self.put(Job { task, call: Arc::clone(&call), seat })?;
        let waiting = Wait(call);
        match tokio::time::timeout_at(deadline, waiting.clone_call()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(waiting.0.give_up()),
        }
    }

    /// Opens a lane for a stream of the caller of `seat`, which holds at most `in_flight_max` tasks
    /// without an outcome taken.
    pub fn lane<T>(&self, seat: Seat, in_flight_max: usize) -> Lane<T> {
        Lane::new(self.clone(), seat, in_flight_max)
    }
}

/// Gives a call up when whoever waits for it goes away, so that the turn need not decide it.
struct Wait(Arc<Call>);

impl Wait {
    fn clone_call(&self) -> Outcomes {
        Outcomes(Arc::clone(&self.0))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// The outcome of one call, when it is there.
struct Outcomes(Arc<Call>);

impl Future for Outcomes {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Reply::One(slot) = &self.0.reply else { return Poll::Pending };
        let mut slot = locked(slot);
        if let Some(outcome) = slot.outcome.take() {
            return Poll::Ready(outcome);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Call {
    /// Takes the call for the turn; `false` where nobody waits for it any more.
    fn take(&self) -> bool {
        self.state.compare_exchange(WAITING, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Stops waiting, and says what is then known.
    fn give_up(&self) -> Refusal {
        let given_up =
            self.state.compare_exchange(WAITING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
        match given_up {
            Ok(_) => Refusal::ExpiredBeforeDeciding,
            Err(_) => Refusal::OutcomeUnknown,
        }
    }

    fn end(&self, outcome: Outcome) {
        let waker = match &self.reply {
            Reply::One(slot) => {
                let mut slot = locked(slot);
                slot.outcome = Some(outcome);
                slot.waker.take()
            }
            Reply::Lane(answered, number) => {
                let mut answered = locked(answered);
                answered.outcomes.push((*number, outcome));
                answered.waker.take()
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Mailbox {
    fn stay_awake(&self, queue: &Queue, nanos: u64) {
        let since = Stopwatch::start();
        let turn = queue.progress().turns;
        let again = self.awake_turn.swap(turn, Ordering::Relaxed) == turn;
        let before = if again { self.awake_nanos.load(Ordering::Relaxed) } else { 0 };
        let awake = || before.saturating_add(since.nanos());
        while queue.progress().at_work && locked(&self.outcomes).is_empty() && awake() < nanos {
            thread::yield_now();
        }
        self.awake_nanos.store(awake(), Ordering::Relaxed);
    }
}

impl Queue {
    /// Makes an empty queue for at most `length_max` tasks.
    pub fn new(length_max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            filled: Condvar::new(),
            room: Notify::new(),
            length_max,
            turns: AtomicU64::new(0),
            away: AtomicBool::new(false),
        }
    }

    /// Takes nothing more in. What waits is still decided.
    pub fn stop(&self) {
        locked(&self.waiting).stopping = true;
        self.filled.notify_one();
        self.room.notify_waiters();
    }

    /// Returns how many tasks wait.
    pub fn len(&self) -> usize {
        let waiting = locked(&self.waiting);
        waiting.len().saturating_add(waiting.parts.len())
    }

    /// Returns how often each caller was refused or lost a place because it had its share of a full
    /// queue, by the number of its seat; a caller beyond the end never was.
    pub fn over_share(&self) -> Vec<u64> {
        locked(&self.waiting).over().to_vec()
    }

    /// Returns how far the turn is.
    pub fn progress(&self) -> Progress {
        let turns = self.turns.load(Ordering::Relaxed);
        Progress { turns, at_work: self.away.load(Ordering::Relaxed) || !self.is_empty() }
    }

    /// Tells whether no task waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until something waits, and puts at most `count_max` of it in the place of what was in
    /// `jobs`, each caller's in the order it came, less what nobody waits for any more. `false` once the
    /// queue is stopped and empty. Where more waits than that, callers have equal parts of it.
    ///
    /// A part of a file comes alone, and only while nothing else waits; it goes between two full
    /// batches where it was passed over `waiting::PASSED_MAX` times.
    pub fn take(&self, count_max: usize, jobs: &mut Vec<Job>) -> bool {
        jobs.clear();
        self.away.store(false, Ordering::Relaxed);
        self.turns.fetch_add(1, Ordering::Relaxed);
        let mut waiting = locked(&self.waiting);
        loop {
            if !(waiting.len() == 0 && waiting.parts.is_empty()) {
                break;
            }
            if waiting.stopping {
                return false;
            }
            waiting.idle = true;
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.idle = false;
        self.away.store(true, Ordering::Relaxed);
        if let Some(part) = waiting.part() {
            jobs.push(part);
        } else {
            waiting.batch(count_max, jobs);
        }
        let crowded = std::mem::take(&mut waiting.crowded);
        drop(waiting);
        if crowded {
            self.room.notify_waiters();
        }
        jobs.retain(|job| job.call.take());
        true
    }

    /// Takes a task in, and tells whether the turn sleeps and must be woken for it.
    fn put(&self, job: Job) -> Result<bool, Refusal> {
        let mut waiting = locked(&self.waiting);
        if waiting.stopping {
            return Err(Refusal::Stopping);
        }
        let lost = waiting.put(job, self.length_max)?;
        let sleeps = std::mem::take(&mut waiting.idle);
        drop(waiting);
        if let Some(lost) = lost
            && lost.call.take()
        {
            Calls(vec![lost.call]).post(&mut vec![Err(Refusal::QueueShareFull)]);
        }
        Ok(sleeps)
    }

    /// Tells whether there is room for a task of this caller, or nothing more is taken in, which the next
    /// task will be told.
    fn has_room(&self, seat: Seat) -> bool {
        let waiting = locked(&self.waiting);
        waiting.has_room(seat, self.length_max) || waiting.stopping
    }

    /// Ends when there is room for a task of this caller.
    async fn room(self: Arc<Self>, seat: Seat) {
        loop {
            let mut listening = std::pin::pin!(self.room.notified());
            // Listening before looking, so that room made in between is not missed.
            listening.as_mut().enable();
            locked(&self.waiting).crowded = true;
            if self.has_room(seat) {
                return;
            }
            listening.await;
        }
    }
}

/// Splits jobs into their tasks and what is needed to answer them, appended to either.
pub fn split(jobs: &mut Vec<Job>, tasks: &mut Vec<Task>, calls: &mut Calls) {
    for job in jobs.drain(..) {
        tasks.push(job.task);
        calls.0.push(job.call);
    }
}

/// The calls of one batch.
#[derive(Debug, Default)]
pub struct Calls(Vec<Arc<Call>>);

impl Calls {
    /// Posts each call's outcome to its door, waking each door once. Takes all of both.
    pub fn post(&mut self, outcomes: &mut Vec<Outcome>) {
        let mut mail = self.0.drain(..).zip(outcomes.drain(..)).peekable();
        while let Some((call, outcome)) = mail.next() {
            let mailbox = Arc::clone(&call.mailbox);
            {
                let mut outcomes = locked(&mailbox.outcomes);
                outcomes.reserve(mail.len().saturating_add(1));
                outcomes.push((call, outcome));
                // Calls of one door mostly lie side by side.
                while let Some(next) =
                    mail.next_if(|(call, _)| Arc::ptr_eq(&call.mailbox, &mailbox))
                {
                    outcomes.push(next);
                }
            }
            mailbox.arrived.notify_one();
        }
    }
}

/// Locks, whatever became of whoever held the lock: a panic elsewhere ends the process anyway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// The life of a call: it waits, and then the turn takes it or whoever waits gives it up.
const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

#[cfg(test)]
mod tests;
