//! Space: refuses to record before the disk is full.
//!
//! A log that meets a full disk in the middle of a frame loses nothing, but its process ends, and it does
//! so again at each start until somebody makes room. So before each batch it is asked whether there is room
//! for the largest frame, for the next snapshot, and for a reserve beside: without it the batch is refused,
//! and each caller told so. Once there is room again, and some more, the next batch is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::log::disk::Disk;
use crate::log::snapshot;

/// How much room the disk of a log has.
#[derive(Debug)]
pub struct Space {
    disk: Arc<dyn Disk>,
    reserve: u64,
    /// How large the largest snapshot is that is there.
    snapshot: AtomicU64,
    /// What was free when it was last looked at.
    free: AtomicU64,
    low: AtomicBool,
}

impl Space {
    /// Begins to look after `disk`, with `reserve` bytes that are never used. With 0 for a reserve nothing
    /// is refused, and a full disk ends the process.
    pub fn new(disk: Arc<dyn Disk>, reserve: u64) -> Self {
        let (snapshot, free, low) =
            (AtomicU64::new(0), AtomicU64::new(u64::MAX), AtomicBool::new(false));
        let space = Self { disk, reserve, snapshot, free, low };
        space.survey();
        space
    }

    /// Looks how much room there is, and tells whether it is too little to take more.
    ///
    /// A disk that does not say how much it has is taken to have enough: the log finds out.
    pub fn is_low(&self) -> bool {
        let Ok(free) = self.disk.free() else { return self.low.load(Ordering::Relaxed) };
        self.free.store(free, Ordering::Relaxed);
        let needed = self.needed();
        // Some more than needed, so that it does not change with every file that comes and goes.
        let enough = needed.saturating_add(needed.checked_div(8).unwrap_or(0));
        let was = self.low.load(Ordering::Relaxed);
        let low = 0 < self.reserve && free < if was { enough } else { needed };
        // One of two threads that look at once says so.
        if self.low.swap(low, Ordering::Relaxed) != low {
            if low {
                tracing::error!(free, needed, "the disk is nearly full");
            } else {
                tracing::info!(free, needed, "the disk has room again");
            }
        }
        low
    }

    /// The same, and how large snapshots are by now. For whoever looks now and then.
    pub fn survey(&self) -> bool {
        // Files that come and go meanwhile are looked at the next time.
        if let Ok(size) = snapshot::largest(&*self.disk) {
            self.snapshot.store(size, Ordering::Relaxed);
        }
        self.is_low()
    }

    /// Tells whether there is room for a snapshot, and for what must still fit beside it.
    pub fn fits_snapshot(&self) -> bool {
        self.reserve == 0 || !self.is_low()
    }

    /// Returns what was free when it was last looked at, and what is needed; `None` where the disk never
    /// said.
    pub fn room(&self) -> Option<(u64, u64)> {
        let free = self.free.load(Ordering::Relaxed);
        (free != u64::MAX).then(|| (free, self.needed()))
    }

    fn needed(&self) -> u64 {
        if self.reserve == 0 {
            return 0;
        }
        let snapshot = self.snapshot.load(Ordering::Relaxed);
        // It grows from one to the next, by a quarter at most but for the first ones, which are small.
        let snapshot = snapshot.saturating_add(snapshot.checked_div(4).unwrap_or(0));
        self.reserve.saturating_add(FRAME_BYTES_MAX).saturating_add(snapshot)
    }
}

/// A full batch of messages of the largest size, and what keys, segments and indexes need beside it.
pub const FRAME_BYTES_MAX: u64 = 80 << 20;
