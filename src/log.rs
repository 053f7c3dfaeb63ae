//! Log: the one place where what was decided is kept, and where "recorded" is earned.
//!
//! Everything else that the service knows is a fold over the log, so nothing here may be lost once
//! it was acknowledged, changed unseen, or acknowledged before it would survive a loss of power.
//! [`Log`] and [`Turn`] are what the turn needs of a log; [`segments::Files`] keeps one in files:
//!
//! ```text
//! lock                          one process at a time
//! version                       the version of this folder, and the origin of its log
//! keys/                         nobody else's to read
//! log/<position>.segment        the truth: frames of entries, see `frame` and `segments`
//! log/released                  the last checkpoint known to have been released
//! index/<position>.index        rebuilt if removed
//! snapshots/<position>.snapshot rebuilt if removed
//! ```
//!
//! Never decides anything, and never retries a failed write or sync: what a disk has done after one
//! is unknown, so the process ends and the next one reads what is there.

pub(crate) mod catalogue;
pub mod disk;
pub mod folder;
pub mod frame;
pub mod index;
pub mod keys;
pub mod reader;
pub mod scrub;
pub(crate) mod recovery;
pub(crate) mod seal;
pub mod segments;
pub mod snapshot;

use std::io;
use std::sync::Arc;

use crate::calendar::Time;
use crate::entry::Parts;
use crate::log::keys::KeyError;
use crate::tlog::{Frontier, Hash};

/// A log that one writer at a time appends to.
pub trait Log {
    /// The right to append, held by one writer.
    type Turn<'a>: Turn
    where
        Self: 'a;

    /// Takes the turn, with what others have written since the position `after`.
    fn take_turn(&mut self, after: u64) -> Result<Self::Turn<'_>, Fatal>;
}

/// One writer's turn at the log: it pushes a batch of entries and commits them as one.
///
/// Dropping it records nothing.
pub trait Turn {
    /// Returns the entries that others have written since this writer's last turn.
    fn others(&self) -> &[Stored];

    /// Returns the position of the entry pushed next.
    fn next_position(&self) -> u64;

    /// Seals an entry and makes it part of the batch.
    fn push(&mut self, parts: &Parts) -> Result<(), Fatal>;

    /// Makes the batch durable, or says why that is not known. An empty batch touches no disk.
    fn commit(self) -> Commit;
}

/// What became of a batch.
#[derive(Debug)]
#[must_use]
pub enum Commit {
    /// It is durable.
    Recorded(Recorded),
    /// It was not recorded and never will be: it may be decided again.
    NotCommitted,
    /// It may have been recorded: nothing may be answered before that is known.
    Unknown,
    /// The log is closed for good.
    Fatal(Fatal),
}

/// Why a log takes nothing more. The process ends; the next one finds out what is on disk.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// A file could not be written, synced or renamed.
    #[error("writing `{file}` failed")]
    Write {
        /// Which file, within the data folder.
        file: String,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// It failed before.
    #[error("the log failed before and takes nothing more")]
    Stopped,
    /// A key could not be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An entry is not one that a log can hold.
    #[error("entry {position} cannot be recorded: {problem}")]
    Entry {
        /// Where it would have stood.
        position: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// A batch of entries that would survive a loss of power. Made by a commit and by nothing else.
#[derive(Debug)]
pub struct Recorded {
    origin: Arc<str>,
    first: u64,
    tree_size: u64,
    leaf_hashes: Arc<Vec<Hash>>,
}

/// Where one durable entry is in the log. Every answer is made from one, so that none can leave
/// before its record is safe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    origin: Arc<str>,
    index: u64,
    leaf_hash: Hash,
    tree_size: u64,
}

/// An entry read back from the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// What was pushed, less what has been erased since.
    pub parts: Parts,
    /// Where it is.
    pub receipt: Receipt,
}

/// A point between two frames from which the log can be read on, or written on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Base {
    /// The tree over every entry before this point.
    pub tree: Frontier,
    /// Hash of the frame before it; zeros where there is none.
    pub previous_frame: Hash,
    /// Log time of the entry before it; [`Time::MIN`] where there is none.
    pub time: Time,
}

impl Recorded {
    /// Returns a receipt for each entry of the batch, in order.
    pub fn receipts(&self) -> impl ExactSizeIterator<Item = Receipt> + '_ {
        let mut index = self.first;
        self.leaf_hashes.iter().map(move |leaf_hash| {
            let (origin, leaf_hash) = (Arc::clone(&self.origin), *leaf_hash);
            let receipt = Receipt { origin, index, leaf_hash, tree_size: self.tree_size };
            index = index.saturating_add(1);
            receipt
        })
    }

    /// Returns how many entries the log holds with this batch: the size its checkpoint states.
    pub fn tree_size(&self) -> u64 {
        self.tree_size
    }
}

impl Receipt {
    /// Returns the name of the log.
    pub fn origin(&self) -> &Arc<str> {
        &self.origin
    }

    /// Returns the entry's position, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Returns the hash of the entry's leaf.
    pub fn leaf_hash(&self) -> &Hash {
        &self.leaf_hash
    }

    /// Returns the size of the tree whose signed checkpoint was the first to cover the entry.
    pub fn tree_size(&self) -> u64 {
        self.tree_size
    }
}

impl Base {
    /// Returns how many entries lie before this point.
    pub fn position(&self) -> u64 {
        self.tree.size()
    }
}

impl Default for Base {
    /// Returns the point before the first entry.
    fn default() -> Self {
        Self { tree: Frontier::default(), previous_frame: [0; 32], time: Time::MIN }
    }
}
