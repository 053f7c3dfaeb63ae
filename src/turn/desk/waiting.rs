//! Waiting: the tasks that wait for the turn, and which of them goes first.
//!
//! Questions and reports go in the order they came, for as long as one batch takes them all. Once more
//! wait than that, each caller has as many of the next batch as every other, and its own go in the order
//! they came; where the queue is full, whoever has most in it makes room. So a caller that asks for more
//! than its share waits for itself.
//!
//! Parts of files wait for all of them, and have places of their own, so that a file neither delays a
//! transfer by more than one part nor takes its place in the queue.

use std::collections::VecDeque;

use crate::turn::desk::{Job, Seat};
use crate::turn::{Refusal, Task};

/// The tasks that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    jobs: Vec<Job>,
    /// Parts of files, which wait for all else.
    pub(super) parts: VecDeque<Job>,
    /// How many batches went before the first of them.
    passed: u32,
    seats: Seats,
    /// Nothing more is taken in.
    pub(super) stopping: bool,
    /// The turn sleeps.
    pub(super) idle: bool,
    /// Somebody waits for room.
    pub(super) crowded: bool,
}

/// How many tasks wait for each caller.
#[derive(Debug, Default)]
struct Seats {
    /// By number; as many as have ever had one.
    waiting: Vec<u32>,
    /// How many of them are above zero.
    taken: usize,
    /// How often each was refused or lost a place because it had its share.
    over: Vec<u64>,
}

impl Waiting {
    /// Returns how many tasks wait that are no parts of files.
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Takes the first part of a file, if it is its turn.
    pub(super) fn part(&mut self) -> Option<Job> {
        if self.jobs.is_empty() || PASSED_MAX <= self.passed {
            self.passed = 0;
            return self.parts.pop_front();
        }
        let passes = u32::from(!self.parts.is_empty());
        self.passed = self.passed.saturating_add(passes);
        None
    }

    /// Takes the next batch of at most `count_max` in the place of what was in `jobs`.
    pub(super) fn batch(&mut self, count_max: usize, jobs: &mut Vec<Job>) {
        if self.jobs.len() <= count_max {
            jobs.clear();
            std::mem::swap(&mut self.jobs, jobs);
            self.seats.clear();
            return;
        }
        let share = self.seats.share(count_max);
        let seats = &mut self.seats;
        if seats.taken <= 1 {
            jobs.extend(self.jobs.drain(..count_max));
            seats.leave_all(jobs);
            return;
        }
        let mut given = vec![0_u32; seats.waiting.len()];
        let (mut count, mut left) = (0_usize, Vec::with_capacity(self.jobs.len()));
        for job in self.jobs.drain(..) {
            match given.get_mut(job.seat.at()) {
                Some(given) if count < count_max && *given < share => {
                    *given = given.saturating_add(1);
                    count = count.saturating_add(1);
                    jobs.push(job);
                }
                _ => left.push(job),
            }
        }
        seats.leave_all(jobs);
        self.jobs = left;
    }

    /// Tells whether [`Self::put`] would find a place for a task of this caller.
    pub(super) fn has_room(&self, seat: Seat, length_max: usize) -> bool {
        self.jobs.len() < length_max || self.seats.most_beside(seat).is_some()
    }

    /// Takes a task in, where there is room for one of its sort. Returns the task that has lost its place
    /// to it, if one has.
    pub(super) fn put(&mut self, job: Job, length_max: usize) -> Result<Option<Job>, Refusal> {
        if matches!(job.task, Task::Import(_)) {
            if PARTS_MAX <= self.parts.len() {
                return Err(Refusal::QueueFull);
            }
            self.parts.push_back(job);
            return Ok(None);
        }
        let seat = job.seat;
        let mut lost = None;
        if length_max <= self.jobs.len() {
            let Some(most) = self.seats.most_beside(seat) else {
                return Err(self.seats.refuse(seat));
            };
            // Its newest: what it asked first it gets first.
            let Some(at) = self.jobs.iter().rposition(|job| job.seat == most) else {
                // INVARIANT: whoever has most has something.
                return Err(Refusal::QueueFull);
            };
            lost = Some(self.jobs.remove(at));
            self.seats.leave(most);
            self.seats.count_over(most);
        }
        self.seats.come(seat);
        self.jobs.push(job);
        Ok(lost)
    }

    /// Returns how often each caller was refused or lost a place because it had its share, by the number
    /// of its seat.
    pub(super) fn over(&self) -> &[u64] {
        &self.seats.over
    }
}

impl Seats {
    fn come(&mut self, seat: Seat) {
        if self.waiting.len() <= seat.at() {
            self.waiting.resize(seat.at().saturating_add(1), 0);
        }
        if let Some(waiting) = self.waiting.get_mut(seat.at()) {
            self.taken = self.taken.saturating_add(usize::from(*waiting == 0));
            *waiting = waiting.saturating_add(1);
        }
    }

    fn leave(&mut self, seat: Seat) {
        if let Some(waiting) = self.waiting.get_mut(seat.at()) {
            *waiting = waiting.saturating_sub(1);
            self.taken = self.taken.saturating_sub(usize::from(*waiting == 0));
        }
    }

    fn leave_all(&mut self, jobs: &[Job]) {
        for job in jobs {
            self.leave(job.seat);
        }
    }

    fn clear(&mut self) {
        self.waiting.fill(0);
        self.taken = 0;
    }

    fn of(&self, seat: Seat) -> u32 {
        self.waiting.get(seat.at()).copied().unwrap_or(0)
    }

    /// Returns who has most waiting, if that is more than `seat` would have with one more.
    fn most_beside(&self, seat: Seat) -> Option<Seat> {
        let (at, most) =
            self.waiting.iter().copied().enumerate().max_by_key(|(_, count)| *count)?;
        let most_at = Seat(u16::try_from(at).ok()?);
        (self.of(seat).saturating_add(1) < most).then_some(most_at)
    }

    /// Returns what a caller is told that has its share of a full queue.
    fn refuse(&mut self, seat: Seat) -> Refusal {
        let alone = self.taken <= usize::from(0 < self.of(seat));
        if alone {
            return Refusal::QueueFull;
        }
        self.count_over(seat);
        Refusal::QueueShareFull
    }

    fn count_over(&mut self, seat: Seat) {
        if self.over.len() <= seat.at() {
            self.over.resize(seat.at().saturating_add(1), 0);
        }
        if let Some(over) = self.over.get_mut(seat.at()) {
            *over = over.saturating_add(1);
        }
    }

    /// Returns how many of a batch of `count_max` each caller has at most, so that all have as much as
    /// they ask for, or the same; at least one.
    fn share(&self, count_max: usize) -> u32 {
        let mut counts: Vec<u32> =
            self.waiting.iter().copied().filter(|count| 0 < *count).collect();
        counts.sort_unstable();
        let (mut left, mut callers) = (count_max, counts.len());
        for count in counts {
            let each = left.checked_div(callers).unwrap_or(left);
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            if each < count {
                return u32::try_from(each).unwrap_or(u32::MAX).max(1);
            }
            left = left.saturating_sub(count);
            callers = callers.saturating_sub(1);
        }
        u32::MAX
    }
}

/// Most parts of files that wait: each load has one on its way.
pub(super) const PARTS_MAX: usize = 16;
/// Batches that go before a part of a file: at most one turn in 65 is given to files while transfers
/// wait without a break, and no file is kept waiting for ever.
pub(super) const PASSED_MAX: u32 = 64;
