//! Traced: what the turn tells of tasks that are traced.

use std::sync::Arc;

use crate::clock::Stopwatch;
use crate::log::{Recorded, Turn};
use crate::telemetry::trace::{Trace, Turning};
use crate::turn::{Batch, EngineError, Task};

impl Task {
    /// Has its steps told as spans of `trace`, for which it has been read by now.
    pub fn traced(mut self, trace: Option<&Arc<Trace>>) -> Self {
        match (&mut self, trace) {
            (Self::Screen(screen), Some(trace)) => screen.trace = Some(trace.asked()),
            (Self::Execute(execute), Some(trace)) => execute.trace = Some(trace.asked()),
            _ => {}
        }
        self
    }

    /// The same for a report that was handed in before and is handed in again.
    pub fn traced_again(mut self, trace: Option<&Arc<Trace>>) -> Self {
        if let (Self::Execute(execute), Some(trace)) = (&mut self, trace) {
            execute.trace = Some(trace.asked_again());
        }
        self
    }

    /// Says that the turn begins with it, and returns what tells its next steps, if it is traced.
    pub(super) fn taken(&mut self) -> Option<Box<Turning>> {
        let mut traced = match self {
            Self::Screen(screen) => screen.trace.take(),
            Self::Execute(execute) => execute.trace.take(),
            _ => None,
        };
        if let Some(traced) = &mut traced {
            traced.taken();
        }
        traced
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
