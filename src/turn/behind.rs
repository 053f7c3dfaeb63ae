//! Behind: what is done after the answers, on a thread of its own.
//!
//! Snapshots, indexes, keys made ahead and the scrub. Nothing here is needed to answer a call, and
//! whatever it makes can be deleted. A snapshot or index that cannot be written is reported and
//! tried again later; it does not end the service, because the log is whole without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::calendar::Span;
use crate::clock::{Clock, Stopwatch};
use crate::log::disk::Disk;
use crate::log::index::Scratch;
use crate::log::keys::Keys;
use crate::log::reader::Reader;
use crate::log::scrub::{Scrub, Scrubbed};
use crate::log::segments::Files;
use crate::log::{Base, snapshot};
use crate::memory::FOLD_VERSION;
use crate::memory::snapshot::Slices;
use crate::telemetry::count::{self, Counts};
use crate::turn::Engine;
use crate::turn::space::Space;

/// The thread behind, as the turn sees it.
#[derive(Debug)]
pub struct Behind {
    orders: Option<SyncSender<(Base, Slices)>>,
    thread: Option<JoinHandle<()>>,
    /// The number of the key that the next new payer gets.
    slot_next: Arc<AtomicU32>,
    snapshot_entries: u64,
    /// Position of the last snapshot ordered.
    snapshot_at: u64,
}

/// What the thread works on.
#[derive(Debug)]
pub struct Work<C> {
    /// Where the data folder is.
    pub disk: Arc<dyn Disk>,
    /// The keys of its log.
    pub keys: Keys,
    /// The log.
    pub reader: Reader,
    /// Tells whether there is room for a snapshot.
    pub space: Arc<Space>,
    /// Tells when the scrub is due.
    pub clock: C,
    /// Where the thread counts; nowhere where it does not.
    pub counts: Option<Counts>,
}

impl Behind {
    /// Starts the thread. A snapshot is taken every `snapshot_entries` entries after `position`.
    pub fn start<C: Clock + 'static>(
        work: Work<C>,
        snapshot_entries: u64,
        position: u64,
    ) -> std::io::Result<Self> {
        // One order waits at most: a snapshot that comes too early is left out.
        let (orders, taken) = sync_channel(1);
        let slot_next = Arc::new(AtomicU32::new(0));
        let slot = Arc::clone(&slot_next);
        let thread = std::thread::Builder::new()
            .name("behind".to_owned())
            .spawn(move || work.go_on(&taken, &slot))?;
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
            slot_next,
            snapshot_entries,
            snapshot_at: position,
        })
    }

    /// Looks at the engine after a batch and orders what is due.
    pub fn look(&mut self, engine: &Engine<Files>) {
        let memory = engine.memory();
        self.slot_next.store(memory.slot_next(), Ordering::Relaxed);
        let since = memory.position().saturating_sub(self.snapshot_at);
        if since < self.snapshot_entries {
            return;
        }
        let Some(orders) = &self.orders else { return };
        match orders.try_send((engine.log().base(), Slices::new(memory))) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => self.snapshot_at = memory.position(),
            // Still at the one before: asked again after the next batch.
            Err(TrySendError::Full(_)) => {}
        }
    }

    /// Ends the thread, once it has done what was ordered.
    pub fn end(mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("behind panicked");
        }
    }
}

impl<C: Clock> Work<C> {
    fn go_on(mut self, orders: &Receiver<(Base, Slices)>, slot_next: &AtomicU32) {
        if let Some(counts) = self.counts.take() {
            counts.enter();
        }
        // Of this thread alone. Where it cannot be had, payments wait a little longer for this one.
        let _ = rustix::process::setpriority_process(None, NICE);
        let (mut scrub, mut scratch) = (Scrub::default(), Scratch::default());
        let mut scrubbed = self.clock.steady();
        loop {
            match orders.recv_timeout(PAUSE) {
                Ok((base, mut memory)) => self.snapshot(&base, &mut memory),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Err(error) = self.keys.make_ahead(slot_next.load(Ordering::Relaxed)) {
                tracing::error!(%error, "keys not made ahead");
            }
            self.index(&mut scratch);
            let now = self.clock.steady();
            if SCRUB_EVERY.0 <= now.0.saturating_sub(scrubbed.0) {
                scrubbed = now;
                self.scrub(&mut scrub);
            }
        }
    }

    fn snapshot(&self, base: &Base, memory: &mut Slices) {
        let position = base.position();
        if !self.space.fits_snapshot() {
            let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
            tracing::warn!(position, %error, "snapshot not written");
            return;
        }
        let mut pace = Pace::start();
        let mut memory = memory.inspect(|_| pace.rest());
        match snapshot::write(&*self.disk, FOLD_VERSION, base, &mut memory) {
            Ok(()) => {
                count::snapshot(position);
                tracing::info!(position, "snapshot written");
            }
            Err(error) => tracing::warn!(position, %error, "snapshot not written"),
        }
    }

    fn index(&self, scratch: &mut Scratch) {
        loop {
            match self.reader.build_index(scratch) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "index not built");
                    return;
                }
            }
        }
    }

    fn scrub(&self, scrub: &mut Scrub) {
        let mut pace = Pace::start();
        match scrub.step(&self.reader, || pace.rest()) {
            Ok(Scrubbed::Segment { file }) => tracing::debug!(file, "segment scrubbed"),
            Ok(Scrubbed::All) => {}
            Err(error) => tracing::error!(%error, "the log is damaged"),
        }
    }
}

/// Work in short spells, each with a rest as long after it. Without, what takes long has its part of the
/// core in whole slices of the scheduler, and as long as the core is not idle, a sync whose end waits for a
/// thread of the kernel's waits for the end of a slice: five milliseconds, and not a third of one.
struct Pace {
    spell: Stopwatch,
}

impl Pace {
    fn start() -> Self {
        Self { spell: Stopwatch::start() }
    }

    /// Rests, if the spell was long enough.
    fn rest(&mut self) {
        let worked = Duration::from_nanos(self.spell.nanos());
        if SPELL <= worked {
            std::thread::sleep(worked.min(REST_MAX));
            self.spell = Stopwatch::start();
        }
    }
}

// A sealed segment is indexed within this of being sealed, plus the time that takes.
const PAUSE: Duration = Duration::from_millis(200);

// One segment every 15 s: 16 MiB take some hundredths of a second to read and hash, and a terabyte of
// log is gone over in eleven days.
const SCRUB_EVERY: Span = Span::seconds(15);

// A seventh of a core that a door and the turn want too, where it would have a third: payments go first, and
// indexes, which take a twelfth of a busy stream's time, still keep up.
const NICE: i32 = 5;

// Ten times what a thread takes to sleep and wake, and a fraction of what a payment takes with its sync.
const SPELL: Duration = Duration::from_micros(500);

// What seems to take longer was kept waiting for the core, or for the disk.
const REST_MAX: Duration = Duration::from_millis(2);
