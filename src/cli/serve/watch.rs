//! Watch: looks after the turn, and speaks to the service manager.
//!
//! A write or sync that fails ends the process; one that never comes back would leave it standing
//! with callers that wait. So a thread looks whether the turn goes on. Where it does, the service
//! manager hears so, if it wants to (`WatchdogSec=`); where it has stood still for `server.stuck_ms`
//! with something to do, no more calls are taken, and the process ends. The next start, here or by
//! another machine, finds out what is on the disk.
//!
//! The same thread looks whether the disk has room, so that health says so while nobody calls.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch::Sender;

use crate::telemetry::state::State;
use crate::turn::desk::{Progress, Queue};
use crate::turn::space::Space;

/// Whether the turn goes on, from one look to the next.
#[derive(Debug)]
struct Watchdog {
    /// How long it may stand still; zero for ever.
    limit: Duration,
    turns: u64,
    still: Duration,
}

impl Watchdog {
    fn new(limit: Duration) -> Self {
        Self { limit, turns: 0, still: Duration::ZERO }
    }

    /// Takes what is seen a `pace` after the last look, and tells whether the turn is stuck. What
    /// counts is looks, not the clock: a process that was itself stopped for a while, and a machine
    /// that slept, are not stuck.
    fn look(&mut self, pace: Duration, progress: Progress) -> bool {
        if progress.turns == self.turns && progress.at_work {
            self.still = self.still.saturating_add(pace);
        } else {
            (self.turns, self.still) = (progress.turns, Duration::ZERO);
        }
        !self.limit.is_zero() && self.limit <= self.still
    }
}

/// Starts to look after the turn that serves `queue`, and after the space on the disk, and says that the
/// service is ready. `full` is told when the disk is nearly full, and when it has room again.
pub(super) fn start(
    (queue, state, space): (Arc<Queue>, Arc<State>, Arc<Space>),
    (stopping, full): (Sender<bool>, Sender<bool>),
    limit: Duration,
) -> io::Result<()> {
    let manager = sd_notify::watchdog_enabled();
    let pace = manager.and_then(|patience| patience.checked_div(4)).unwrap_or(PACE);
    let pace = pace.clamp(PACE_LEAST, PACE);
    let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
        let mut watchdog = Watchdog::new(limit);
        while !watchdog.look(pace, queue.progress()) {
            if manager.is_some() {
                tell(&NotifyState::Watchdog);
            }
            let low = space.survey();
            let changed = full.send_if_modified(|full| std::mem::replace(full, low) != low);
            if changed && !*stopping.borrow() {
                state.set_serving(!low);
            }
            std::thread::sleep(pace);
        }
        let waiting = queue.len();
        tracing::error!(waiting, still_ms = watchdog.still.as_millis(), "the turn is stuck");
        state.set_serving(false);
        let _ = stopping.send(true);
        // Health and the doors hear it first: a thread that hangs in the disk may keep the process, and
        // its listeners with it, for as long as the disk likes.
        std::thread::sleep(FAREWELL);
        std::process::exit(super::EXIT_FAILED);
    });
    tell(&NotifyState::Ready);
    thread.map(drop)
}

/// Tells the service manager that the service stops.
pub(super) fn stopping() {
    tell(&NotifyState::Stopping);
}

/// Tells the service manager something, if there is one that listens.
fn tell(state: &NotifyState<'_>) {
    // Whoever does not listen need not be told.
    let _ = sd_notify::notify(std::slice::from_ref(state));
}

/// Often enough for a limit of seconds, and nothing beside a batch.
const PACE: Duration = Duration::from_millis(500);
const PACE_LEAST: Duration = Duration::from_millis(20);
/// Health and listeners are done within milliseconds.
const FAREWELL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_stuck_once_it_stood_still_for_the_limit_with_something_to_do() {
        let pace = Duration::from_millis(500);
        let seen = |turns, at_work| Progress { turns, at_work };
        for (limit, looks, want) in [
            (1_000, vec![seen(1, true), seen(1, true), seen(1, true)], true),
            (1_000, vec![seen(1, true), seen(1, true)], false),
            // It went on in between.
            (1_000, vec![seen(1, true), seen(1, true), seen(2, true), seen(2, true)], false),
            (1_000, vec![seen(1, true), seen(2, true), seen(2, true), seen(2, true)], true),
            // It had nothing to do.
            (1_000, vec![seen(1, false); 9], false),
            (1_000, vec![seen(1, true), seen(1, true), seen(1, false), seen(1, true)], false),
            // Nobody wants to know.
            (0, vec![seen(1, true); 99], false),
        ] {
            let mut watchdog = Watchdog::new(Duration::from_millis(limit));
            let stuck = looks.iter().fold(false, |_, look| watchdog.look(pace, *look));
            assert_eq!(stuck, want, "{limit} {looks:?}");
        }
    }
}
