//! Waiting: the tasks that wait for the turn, and which of them goes first.
//!
//! Questions and reports go in the order they came. Parts of files wait for all of them, and have
//! places of their own, so that a file neither delays a transfer by more than one part nor takes its
//! place in the queue.

use std::collections::VecDeque;

use crate::turn::desk::Job;
use crate::turn::{Refusal, Task};

/// The tasks that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) jobs: Vec<Job>,
    /// Parts of files, which wait for all else.
    pub(super) parts: VecDeque<Job>,
    /// How many batches went before the first of them.
    passed: u32,
    /// Nothing more is taken in.
    pub(super) stopping: bool,
    /// The turn sleeps.
    pub(super) idle: bool,
    /// Somebody waits for room.
    pub(super) crowded: bool,
}

impl Waiting {
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

    /// Takes a task in, where there is room for one of its sort.
    pub(super) fn put(&mut self, job: Job, length_max: usize) -> Result<(), Refusal> {
        if matches!(job.task, Task::Import(_)) {
            if PARTS_MAX <= self.parts.len() {
                return Err(Refusal::QueueFull);
            }
            self.parts.push_back(job);
            return Ok(());
        }
        if length_max <= self.jobs.len() {
            return Err(Refusal::QueueFull);
        }
        self.jobs.push(job);
        Ok(())
    }
}

/// Most parts of files that wait: each load has one on its way.
pub(super) const PARTS_MAX: usize = 16;
/// Batches that go before a part of a file: at most one turn in 65 is given to files while transfers
/// wait without a break, and no file is kept waiting for ever.
pub(super) const PASSED_MAX: u32 = 64;
