//! Reader: the durable part of the log, for whoever asks.
//!
//! Lists go from the newest entry back: through the index of a sealed segment, or frame by frame
//! through a segment that has none yet. A reader never sees an entry before its frame was synced.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::calendar::Time;
use crate::entry::IndexKey;
use crate::log::Stored;
use crate::log::catalogue::{Catalogue, Loaded, Segment};
use crate::log::folder::{Folder, OpenError, segments};
use crate::log::frame::FrameError;
use crate::log::index::{self, Range, Scratch};
use crate::log::keys::KeyError;
use crate::tlog::checkpoint::Verifier;

/// Reads the durable part of a log. Clones see the same log.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(crate) catalogue: Arc<Catalogue>,
}

/// What to list: the entries that match all of this, from the newest back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    /// Values that an entry must all have.
    pub keys: Vec<IndexKey>,
    /// The earliest log time, inclusive.
    pub from: Option<Time>,
    /// The latest log time, exclusive.
    pub until: Option<Time>,
    /// Only entries at lower positions.
    pub below: u64,
    /// How many at most.
    pub limit: usize,
}

/// Why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk did not give a file.
    #[error("`{file}` cannot be read")]
    Disk {
        /// Which file, within the data folder.
        file: String,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The log is not what was written. Nothing was changed.
    #[error("`{file}` is damaged at byte {offset}: {problem}; restore the file from a copy")]
    Damaged {
        /// Which file, within the data folder.
        file: String,
        /// Where the frame begins.
        offset: u64,
        /// What is wrong there.
        problem: FrameError,
    },
    /// The log does not reach so far.
    #[error("the log has no entry {position}")]
    Absent {
        /// Which entry was asked for.
        position: u64,
    },
    /// The key to a personal part is lost.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Reader {
    /// Opens a log to read it, whether or not another process writes it meanwhile: what that one
    /// commits from now on is not seen.
    pub fn open(folder: &Folder) -> Result<Self, OpenError> {
        let catalogue = Catalogue::new(folder);
        let firsts = segments(&*catalogue.disk)?;
        let indexed = index::list(&*catalogue.disk)?;
        for first in &firsts {
            let sealed = firsts.last() != Some(first);
            catalogue.add(Segment::new(*first, sealed && indexed.contains(first)));
        }
        if let Some(tail) = catalogue.segments().last() {
            // The last frame may be on its way to disk: the log ends before it.
            let end = catalogue.find_frames(tail, u64::MAX)?;
            catalogue.reach(end);
        }
        Ok(Self { catalogue: Arc::new(catalogue) })
    }

    /// Returns how many entries are durable: the position of the first that is not.
    pub fn durable(&self) -> u64 {
        self.catalogue.durable()
    }

    /// Returns what checks the signatures of this log's checkpoints.
    pub fn verifier(&self) -> &Verifier {
        &self.catalogue.verifier
    }

    /// Returns the entry at a position.
    pub fn read(&self, position: u64) -> Result<Stored, ReadError> {
        let loaded = self.catalogue.load(position)?;
        loaded.open(&self.catalogue, (position, &loaded.entry(position)?))
    }

    /// Returns the signed checkpoint of the frame that holds the entry at a position.
    pub fn checkpoint(&self, position: u64) -> Result<String, ReadError> {
        let loaded = self.catalogue.load(position)?;
        Ok(String::from_utf8_lossy(loaded.frame()?.checkpoint).into_owned())
    }

    /// Returns the entries that a query asks for, from the newest back.
    pub fn list(&self, query: &Query) -> Result<Vec<Stored>, ReadError> {
        let mut found = Vec::new();
        let mut below = query.below.min(self.durable());
        while let Some(last) = below.checked_sub(1).filter(|_| found.len() < query.limit) {
            let (segment, end) = self.catalogue.segment(last)?;
            let searched = match self.candidates(&segment, query, (below, end))? {
                Some(positions) => self.collect(&positions, query, &mut found)?,
                None => self.search(&segment, query, below, &mut found)?,
            };
            if searched.is_break() {
                break;
            }
            if let Some(from) = query.from
                && self.catalogue.time(&segment)? < from
            {
                break;
            }
            below = segment.first;
        }
        Ok(found)
    }

    /// Hands every entry from a position on to `each`, in order, until that breaks or the durable
    /// part ends. Checks the chain of the frames as it goes.
    pub fn scan(
        &self,
        from: u64,
        each: &mut dyn FnMut(Stored) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let durable = self.durable();
        let mut position = from;
        while position < durable {
            let (segment, end) = self.catalogue.segment(position)?;
            let bytes = self.catalogue.read(&segment)?;
            let mut walk = self.catalogue.walk(&segment, &bytes)?;
            while walk.position < end.min(durable) {
                let offset = u64::try_from(walk.offset).unwrap_or(u64::MAX);
                let frame = walk.step().unwrap_or(Err(FrameError::Short));
                let frame = frame.map_err(|problem| segment.damaged(offset, problem))?;
                for (at, entry) in frame.entries().skip_while(|(at, _)| *at < from) {
                    let stored =
                        self.catalogue.open(&segment, offset, frame.end(), (at, &entry))?;
                    if each(stored).is_break() {
                        return Ok(());
                    }
                }
            }
            position = walk.position;
        }
        Ok(())
    }

    /// Builds the index of one sealed segment that has none, and tells whether there was one.
    pub fn build_index(&self, scratch: &mut Scratch) -> Result<bool, ReadError> {
        let mut segments = self.catalogue.segments();
        segments.pop();
        let unindexed = segments.iter().find(|segment| !segment.indexed.load(Ordering::Acquire));
        let Some(segment) = unindexed else { return Ok(false) };
        let (_, end) = self.catalogue.segment(segment.first)?;
        index::build(&self.catalogue, segment, end, scratch)?;
        segment.indexed.store(true, Ordering::Release);
        segment.set_marks(Vec::new());
        Ok(true)
    }

    /// Returns how many sealed segments have no index yet.
    pub fn unindexed(&self) -> usize {
        let mut segments = self.catalogue.segments();
        segments.pop();
        segments.iter().filter(|segment| !segment.indexed.load(Ordering::Acquire)).count()
    }

    /// Returns the positions that the index gives for a query in the part of a segment that ends
    /// at `below`; `None` where there is no key to look for, or no index.
    fn candidates(
        &self,
        segment: &Segment,
        query: &Query,
        (below, end): (u64, u64),
    ) -> Result<Option<Vec<u64>>, ReadError> {
        let rare: Vec<_> = query.keys.iter().filter(|key| !key.is_common()).copied().collect();
        if rare.is_empty() || !segment.indexed.load(Ordering::Acquire) {
            return Ok(None);
        }
        // The index is in the order of time, so it must be told where in time to begin.
        let last = below.saturating_sub(1);
        let newest = if below == end {
            None
        } else {
            Some((self.catalogue.load(last)?.entry(last)?.time, last))
        };
        // What else an entry must have is looked at when it is read.
        let limit = if rare.len() == query.keys.len() { query.limit } else { usize::MAX };
        let range = Range { newest, from: query.from, until: query.until, limit };
        Ok(self.catalogue.find(segment, &rare, &range))
    }

    /// Reads those of the entries at these positions that match, up to the limit.
    fn collect(
        &self,
        positions: &[u64],
        query: &Query,
        found: &mut Vec<Stored>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let mut kept: Option<Loaded> = None;
        let mut keys = Vec::new();
        for position in positions {
            if query.limit <= found.len() {
                break;
            }
            // Neighbours are often of one frame.
            let loaded = match kept.take().filter(|loaded| loaded.entry(*position).is_ok()) {
                Some(loaded) => loaded,
                None => self.catalogue.load(*position)?,
            };
            let entry = loaded.entry(*position)?;
            keys.clear();
            (self.catalogue.values_of)(entry.kind, entry.public, &mut keys);
            if query.keys.iter().all(|key| keys.contains(key)) {
                found.push(loaded.open(&self.catalogue, (*position, &entry))?);
            }
            kept = Some(loaded);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Searches a segment frame by frame for what a query asks for, below a position. Breaks once
    /// no earlier entry can be wanted.
    fn search(
        &self,
        segment: &Arc<Segment>,
        query: &Query,
        below: u64,
        found: &mut Vec<Stored>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let mut keys = Vec::new();
        for loaded in self.catalogue.back(segment, below) {
            let loaded = loaded?;
            let frame = loaded.frame()?;
            let entries: Vec<_> = frame.entries().take_while(|(at, _)| *at < below).collect();
            for (position, entry) in entries.iter().rev() {
                let early = query.from.is_some_and(|from| entry.time < from);
                if early || query.limit <= found.len() {
                    return Ok(ControlFlow::Break(()));
                }
                keys.clear();
                (self.catalogue.values_of)(entry.kind, entry.public, &mut keys);
                let in_time = query.until.is_none_or(|until| entry.time < until);
                if in_time && query.keys.iter().all(|key| keys.contains(key)) {
                    found.push(loaded.open(&self.catalogue, (*position, entry))?);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
