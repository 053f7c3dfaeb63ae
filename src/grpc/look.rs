//! Look: has the files of keys and certificates looked at now and then, on a thread of its own.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::clock::Clock;
use crate::grpc::tls::{Looked, Tls};
use crate::telemetry::state::State;

/// A thread that looks. Ends when this is dropped.
#[derive(Debug)]
pub struct Look {
    /// Dropped first, which is what the thread ends by.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Look {
    /// Begins to look at the files of `tls`, with `pause` between two looks. `state` says from now on
    /// which certificate callers are shown.
    pub fn start(
        tls: Tls,
        clock: Arc<dyn Clock>,
        pause: Duration,
        state: Arc<State>,
    ) -> io::Result<Self> {
        state.set_certificate(tls.shown());
        let (stop, stopped) = channel::<()>();
        let thread = Builder::new().name("certificates".to_owned()).spawn(move || {
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                match tls.look(clock.wall()) {
                    Looked::Same => {}
                    Looked::Taken { not_after } => {
                        let (not_after, _) = not_after.parts();
                        tracing::info!(not_after, "certificates taken");
                        state.set_certificate(tls.shown());
                    }
                    Looked::Refused(error) => tracing::error!(%error, "certificates refused"),
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // What it panicked about was told when it did.
            drop(thread.join());
        }
    }
}
