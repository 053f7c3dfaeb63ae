//! Run: the turn's own thread.

use std::sync::Arc;
use std::thread;

use crate::clock::Clock;
use crate::log::Log;
use crate::telemetry::count::{self, Step};
use crate::turn::clockwork::{ClockError, Clockwork};
use crate::turn::desk::{Calls, Queue, split};
use crate::turn::space::Space;
use crate::turn::{Engine, EngineError, Refusal};

/// Why the turn ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The engine cannot go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Nobody knows what time it is.
    #[error(transparent)]
    Clock(#[from] ClockError),
}

/// Decides and records whatever the queue brings, until it is stopped and empty. `after` is called
/// with the engine after every batch. A batch that comes while there is not enough `space` is refused.
///
/// An error ends it at once: calls of that batch get no answer, and the process must end.
pub fn run<L: Log, C: Clock>(
    engine: &mut Engine<L>,
    queue: &Arc<Queue>,
    (clockwork, space): (&mut Clockwork<C>, &Space),
    mut after: impl FnMut(&Engine<L>),
) -> Result<(), RunError> {
    let (mut jobs, mut tasks) = (Vec::new(), Vec::new());
    let (mut calls, mut outcomes) = (Calls::default(), Vec::new());
    let mut last = 0;
    loop {
        give_way(queue, last);
        if !queue.take(BATCH_MAX, &mut jobs) {
            return Ok(());
        }
        if jobs.is_empty() {
            continue;
        }
        last = jobs.len();
        let turning = count::timer();
        split(&mut jobs, &mut tasks, &mut calls);
        if space.is_low() {
            outcomes.clear();
            outcomes.extend(tasks.drain(..).map(|_| Err(Refusal::DiskNearlyFull)));
            calls.post(&mut outcomes);
            continue;
        }
        let now = clockwork.read()?;
        engine.answer(&mut tasks, now, &mut outcomes)?;
        // Before anyone has an answer: whoever then looks finds its turn counted.
        count::step(Step::Turn, turning);
        calls.post(&mut outcomes);
        after(engine);
    }
}

/// Where doors and the turn share a core, lets the doors first hand out what was decided and read what has
/// come meanwhile, until about as many tasks wait as the `last` batch had: the larger a batch, the cheaper its
/// sync for each. Where nobody else wants the core this is over at once.
fn give_way(queue: &Queue, last: usize) {
    let enough = last.saturating_sub(last / 4);
    for _ in 0..WAYS_GIVEN_MAX {
        thread::yield_now();
        let waiting = queue.len();
        // Where nothing waits, the turn sleeps until a door has something: that too is giving way.
        if waiting == 0 || enough <= waiting {
            return;
        }
    }
}

/// A door's slice of the core is some milliseconds, in which it serves about a hundred calls: with 256 calls
/// under way four slices make batches of 240 and not of 150, which takes 0.9 of 26.7 µs off each; eight are
/// no better than four, and nobody waits longer.
const WAYS_GIVEN_MAX: u32 = 4;

/// Most tasks in one batch. At about 800 bytes each a frame then stays below 1 MiB, which syncs in
/// about a millisecond; larger ones are hardly cheaper (1.4 µs an entry at 256, 1.6 at 1,024) and
/// let everyone wait longer.
pub const BATCH_MAX: usize = 1_024;
