//! Look: has files looked at now and then, on a thread of its own.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// A thread that looks. Ends when this is dropped.
#[derive(Debug)]
pub struct Look {
    /// Dropped first, which is what the thread ends by.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Look {
    /// Begins to look, with `pause` between two looks.
    pub fn start(pause: Duration, mut look: impl FnMut() + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = channel::<()>();
        let thread = Builder::new().name("look".to_owned()).spawn(move || {
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                look();
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
