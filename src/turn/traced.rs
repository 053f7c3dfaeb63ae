//! Traced: what the turn tells of tasks that are traced.

use std::sync::Arc;

use crate::clock::Stopwatch;
use crate::log::{Recorded, Turn};
use crate::telemetry::trace::{Trace, Turning};
use crate::turn::{Batch, EngineError, Task};

impl Task {
    /// Has its steps told as spans of `trace`, for which it has been read by now.
    pub fn traced(mut self, trace: Option<&Arc<Trace>>) -> Self {
        if let (Self::Screen(screen), Some(trace)) = (&mut self, trace) {
            screen.trace = Some(trace.asked());
        }
        self
    }
}

impl<T: Turn> Batch<'_, T> {
    /// Commits, and tells those of its tasks that are traced.
    pub(super) fn commit_traced(
        self,
        traced: &mut Vec<Turning>,
        tasks: usize,
    ) -> Result<Recorded, EngineError> {
        let gathered = (!traced.is_empty()).then(Stopwatch::start);
        let recorded = self.commit()?;
        if let Some(gathered) = gathered {
            traced.drain(..).for_each(|traced| traced.durable(gathered, tasks));
        }
        Ok(recorded)
    }
}
