//! Catalogue: which segments there are, where the frames in them are, and how far they are durable.
//!
//! The writer and all readers share one. It opens a file for each read and closes it again, so that
//! a log of many segments needs no more files than a short one; whoever wants frame after frame gets
//! many by one read. It checks the hash of whatever it reads.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use bytes::Bytes;

use crate::calendar::Time;
use crate::entry::IndexKey;
use crate::log::disk::Disk;
use crate::log::folder::{Folder, ValuesOf, segment_file};
use crate::log::frame::{Frame, FrameError, Walk};
use crate::log::index::{Found, Indexes, Range};
use crate::log::keys::Keys;
use crate::log::reader::ReadError;
use crate::log::seal::{Sealed, UnsealError};
use crate::log::{Receipt, Stored};
use crate::tlog::checkpoint::Verifier;

/// What the readers of a log and its writer share.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) origin: Arc<str>,
    pub(crate) keys: Keys,
    pub(crate) verifier: Verifier,
    pub(crate) values_of: ValuesOf,
    indexes: Indexes,
    durable: AtomicU64,
    segments: RwLock<Vec<Arc<Segment>>>,
}

/// One segment.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The position of its first entry.
    pub(crate) first: u64,
    /// Whether it has an index: one that is found damaged is one that it has not.
    pub(crate) indexed: AtomicBool,
    /// Whether this process wrote it.
    pub(crate) own: bool,
    // In order. Empty where the index knows better, and where nobody has looked yet.
    marks: RwLock<Vec<Mark>>,
    // What its entries are found by, from when it is sealed until it has its index, where this
    // process wrote all of it.
    found: Mutex<Option<Found>>,
    time: OnceLock<Time>,
}

/// Where a frame is in its segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mark {
    /// The position of its first entry.
    pub(crate) first: u64,
    /// Its first byte.
    pub(crate) offset: u32,
    /// Its length in bytes.
    pub(crate) length: u32,
}

/// A frame that was read from disk.
pub(crate) struct Loaded {
    segment: Arc<Segment>,
    mark: Mark,
    bytes: Bytes,
}

/// The frames of a segment from one of them back, read many at a time.
pub(crate) struct Back<'a> {
    catalogue: &'a Catalogue,
    segment: Arc<Segment>,
    /// The position that the next frame ends with.
    below: u64,
    /// Frames that were read and not handed out yet, in order, and the bytes of all of them.
    run: Vec<Mark>,
    bytes: Bytes,
    /// How many bytes the next run may have, unless one frame has more.
    run_bytes: u32,
}

impl Catalogue {
    pub(crate) fn new(folder: &Folder) -> Self {
        Self {
            disk: Arc::clone(&folder.disk),
            origin: Arc::clone(&folder.origin),
            keys: folder.keys.clone(),
            verifier: folder.keys.signer(&folder.origin).verifier().clone(),
            values_of: folder.values_of,
            indexes: Indexes::default(),
            durable: AtomicU64::new(0),
            segments: RwLock::default(),
        }
    }

    /// Returns how many entries are durable.
    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Adds the segment that follows the last one.
    pub(crate) fn add(&self, segment: Segment) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        segments.push(Arc::new(segment));
    }

    /// Seals the last segment by adding the one that follows it. `found` is what all the entries of
    /// the sealed one are found by, if that is known.
    pub(crate) fn seal(&self, found: Option<Found>, next: Segment) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(sealed) = segments.last() {
            sealed.set_found(found);
        }
        segments.push(Arc::new(next));
        // Should the indexes stay behind, they are built from the files again.
        if let Some(late) = segments.iter().nth_back(FOUND_MAX) {
            late.set_found(None);
        }
    }

    /// Lets readers see the frame at `mark`, which was just made durable.
    pub(crate) fn publish(&self, mark: Mark, durable: u64) {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(segment) = segments.last() {
            segment.marks.write().unwrap_or_else(PoisonError::into_inner).push(mark);
        }
        self.reach(durable);
    }

    /// Lets readers see all entries before a position.
    pub(crate) fn reach(&self, durable: u64) {
        self.durable.store(durable, Ordering::Release);
    }

    /// Returns all segments in order. All but the last are sealed.
    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the segment that a position is in, and where that segment ends.
    pub(crate) fn segment(&self, position: u64) -> Result<(Arc<Segment>, u64), ReadError> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let after = segments.partition_point(|segment| segment.first <= position);
        let segment = after.checked_sub(1).and_then(|at| segments.get(at));
        let end = segments.get(after).map_or_else(|| self.durable(), |next| next.first);
        match segment {
            Some(segment) if position < end => Ok((Arc::clone(segment), end)),
            _ => Err(ReadError::Absent { position }),
        }
    }

    /// Reads a whole segment.
    pub(crate) fn read(&self, segment: &Segment) -> Result<Vec<u8>, ReadError> {
        self.disk.read(&segment.file()).map_err(segment.failed())
    }

    /// Reads a whole segment into `bytes`, in place of what they held.
    pub(crate) fn read_into(
        &self,
        segment: &Segment,
        bytes: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let file = segment.file();
        let size = self.disk.size(&file).map_err(segment.failed())?;
        bytes.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
        let length = self.disk.read_at(&file, 0, bytes).map_err(segment.failed())?;
        bytes.truncate(length);
        Ok(())
    }

    /// Walks over the bytes of a segment.
    pub(crate) fn walk<'a>(
        &self,
        segment: &Segment,
        bytes: &'a [u8],
    ) -> Result<Walk<'a>, ReadError> {
        let walk = Walk::new(bytes, segment.first, &self.origin);
        walk.map_err(|problem| segment.damaged(0, problem))
    }

    /// Reads the frame that holds the entry at a position.
    pub(crate) fn load(&self, position: u64) -> Result<Loaded, ReadError> {
        let (segment, _) = self.segment(position)?;
        let mark = self.mark(&segment, position)?;
        let bytes = self.read_part(&segment, mark.offset, mark.length)?;
        Loaded::checked(segment, mark, bytes, position)
    }

    /// Returns the frames of a segment from the one that holds the entry before `below` back to its
    /// first. The file is opened once for many of them, and for few where the first ones are enough.
    pub(crate) fn back(&self, segment: &Arc<Segment>, below: u64) -> Back<'_> {
        let (segment, run, bytes) = (Arc::clone(segment), Vec::new(), Bytes::new());
        Back { catalogue: self, segment, below, run, bytes, run_bytes: RUN_BYTES_MIN }
    }

    /// Reads a part of a segment, or as much of it as there is.
    fn read_part(&self, segment: &Segment, offset: u32, length: u32) -> Result<Bytes, ReadError> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        let read = self.disk.read_at(&segment.file(), u64::from(offset), &mut bytes);
        bytes.truncate(read.map_err(segment.failed())?);
        Ok(bytes.into())
    }

    /// Returns where the frame is that holds the entry at a position of this segment.
    fn mark(&self, segment: &Segment, position: u64) -> Result<Mark, ReadError> {
        if segment.indexed.load(Ordering::Acquire)
            && let Some(mark) = self.indexes.mark(&self.disk, segment, position)
        {
            return Ok(mark);
        }
        let known = || {
            let marks = segment.marks.read().unwrap_or_else(PoisonError::into_inner);
            let after = marks.partition_point(|mark| mark.first <= position);
            after.checked_sub(1).and_then(|at| marks.get(at).copied())
        };
        if let Some(mark) = known() {
            return Ok(mark);
        }
        self.find_frames(segment, self.durable())?;
        known().ok_or(ReadError::Absent { position })
    }

    /// Finds out where the frames of a segment are that begin before `until`, and returns where
    /// the last one ends. Stops quietly where no frame follows.
    pub(crate) fn find_frames(&self, segment: &Segment, until: u64) -> Result<u64, ReadError> {
        let bytes = self.read(segment)?;
        let mut walk = self.walk(segment, &bytes)?;
        let mut marks = Vec::new();
        while walk.position < until {
            let offset = walk.offset;
            let Some(Ok(frame)) = walk.step() else { break };
            marks.push(Mark::new(frame.first, offset, walk.offset));
        }
        segment.set_marks(marks);
        Ok(walk.position)
    }

    /// Returns the positions in a segment that its index gives; `None` where there is no index that
    /// can be trusted.
    pub(crate) fn find(
        &self,
        segment: &Segment,
        keys: &[IndexKey],
        range: &Range,
    ) -> Option<Vec<u64>> {
        let indexed = segment.indexed.load(Ordering::Acquire);
        indexed.then(|| self.indexes.find(&self.disk, segment, keys, range))?
    }

    /// Returns the log time of a segment's first entry.
    pub(crate) fn time(&self, segment: &Segment) -> Result<Time, ReadError> {
        if let Some(time) = segment.time.get() {
            return Ok(*time);
        }
        let loaded = self.load(segment.first)?;
        let time = loaded.entry(segment.first)?.time;
        Ok(*segment.time.get_or_init(|| time))
    }

    /// Opens an entry of a frame that begins at `offset`.
    pub(crate) fn open(
        &self,
        segment: &Segment,
        offset: u64,
        tree_size: u64,
        (index, entry): (u64, &Sealed<'_>),
    ) -> Result<Stored, ReadError> {
        let parts = entry.open(index, &self.keys).map_err(|error| match error {
            UnsealError::Key(error) => ReadError::Key(error),
            UnsealError::Damaged => segment.damaged(offset, FrameError::Personal),
        })?;
        let (origin, leaf_hash) = (Arc::clone(&self.origin), entry.leaf_hash());
        Ok(Stored { parts, receipt: Receipt { origin, index, leaf_hash, tree_size } })
    }
}

impl Segment {
    pub(crate) fn new(first: u64, indexed: bool) -> Self {
        Self {
            first,
            indexed: AtomicBool::new(indexed),
            own: false,
            marks: RwLock::default(),
            found: Mutex::default(),
            time: OnceLock::new(),
        }
    }

    /// Begins a segment of this process's own.
    pub(crate) fn begun(first: u64) -> Self {
        Self { own: true, ..Self::new(first, false) }
    }

    pub(crate) fn file(&self) -> String {
        segment_file(self.first)
    }

    pub(crate) fn damaged(&self, offset: u64, problem: FrameError) -> ReadError {
        ReadError::Damaged { file: self.file(), offset, problem }
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> ReadError + use<> {
        let file = self.file();
        move |source| ReadError::Disk { file, source }
    }

    /// Returns where the frames are, as far as that is remembered.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        self.marks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what the entries are found by, if that is remembered.
    pub(crate) fn take_found(&self) -> Option<Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set_found(&self, found: Option<Found>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }

    /// Remembers where the frames are: nowhere, where the index knows better.
    pub(crate) fn set_marks(&self, marks: Vec<Mark>) {
        let marks = if self.indexed.load(Ordering::Acquire) { Vec::new() } else { marks };
        *self.marks.write().unwrap_or_else(PoisonError::into_inner) = marks;
    }
}

impl Mark {
    /// Takes a frame's first position, first byte, and the byte after its last.
    pub(crate) fn new(first: u64, offset: usize, end: usize) -> Self {
        // INVARIANT: a segment is closed long before its length needs more than 32 bits.
        let length = u32::try_from(end.saturating_sub(offset)).unwrap_or(u32::MAX);
        Self { first, offset: u32::try_from(offset).unwrap_or(u32::MAX), length }
    }
}

impl Back<'_> {
    /// Finds where the next frames are, and reads them at one go.
    fn read(&mut self) -> Result<(), ReadError> {
        let mut first = self.catalogue.mark(&self.segment, self.below.saturating_sub(1))?;
        let end = first.offset.saturating_add(first.length);
        self.run.push(first);
        while self.segment.first < first.first {
            let before = self.catalogue.mark(&self.segment, first.first.saturating_sub(1))?;
            let follows = before.offset.checked_add(before.length) == Some(first.offset);
            if !follows || self.run_bytes < end.saturating_sub(before.offset) {
                break;
            }
            self.run.push(before);
            first = before;
        }
        self.run.reverse();
        let length = end.saturating_sub(first.offset);
        self.bytes = self.catalogue.read_part(&self.segment, first.offset, length)?;
        self.run_bytes = self.run_bytes.saturating_mul(2).min(RUN_BYTES_MAX);
        Ok(())
    }
}

impl Iterator for Back<'_> {
    type Item = Result<Loaded, ReadError>;

    /// Takes the frame before the one taken last. After an error nothing more is to be taken.
    fn next(&mut self) -> Option<Self::Item> {
        if self.below <= self.segment.first {
            return None;
        }
        if self.run.is_empty()
            && let Err(error) = self.read()
        {
            return Some(Err(error));
        }
        let mark = self.run.pop()?;
        let begins = self.run.first().map_or(mark.offset, |first| first.offset);
        let at = usize::try_from(mark.offset.saturating_sub(begins)).unwrap_or(usize::MAX);
        let bytes = self.bytes.split_off(at.min(self.bytes.len()));
        let holds = self.below.saturating_sub(1);
        self.below = mark.first;
        Some(Loaded::checked(Arc::clone(&self.segment), mark, bytes, holds))
    }
}

impl Loaded {
    /// Checks the hash of a frame, and that it holds the entry at a position.
    fn checked(
        segment: Arc<Segment>,
        mark: Mark,
        bytes: Bytes,
        position: u64,
    ) -> Result<Self, ReadError> {
        let checked = Frame::take(&mut &*bytes);
        let holds = checked.is_ok_and(|frame| (frame.first..frame.end()).contains(&position));
        match checked {
            Err(problem) => Err(segment.damaged(mark.offset.into(), problem)),
            Ok(_) if !holds => Err(segment.damaged(mark.offset.into(), FrameError::Chain)),
            Ok(_) => Ok(Self { segment, mark, bytes }),
        }
    }

    /// Returns the frame.
    pub(crate) fn frame(&self) -> Result<Frame<'_>, ReadError> {
        Frame::of(&self.bytes).ok_or_else(|| self.damaged())
    }

    /// Returns the entry at a position of it.
    pub(crate) fn entry(&self, position: u64) -> Result<Sealed<'_>, ReadError> {
        let mut entries = self.frame()?.entries();
        let entry = entries.find(|(at, _)| *at == position);
        entry.map(|(_, entry)| entry).ok_or_else(|| self.damaged())
    }

    /// Opens one of its entries.
    pub(crate) fn open(
        &self,
        catalogue: &Catalogue,
        entry: (u64, &Sealed<'_>),
    ) -> Result<Stored, ReadError> {
        let offset = u64::from(self.mark.offset);
        catalogue.open(&self.segment, offset, self.frame()?.end(), entry)
    }

    fn damaged(&self) -> ReadError {
        self.segment.damaged(self.mark.offset.into(), FrameError::Form)
    }
}

// Sealed segments of which memory keeps what they are found by, about 3 MiB each, until they have
// their index. One at a time waits for it, but where the disk cannot take it.
const FOUND_MAX: usize = 8;
// A page or so of decisions: who asks for the latest ones reads no more than them.
const RUN_BYTES_MIN: u32 = 16 << 10;
// With runs of this size opening the file is nothing beside checking what is in it, and the reads that
// may go on at once keep little in memory.
const RUN_BYTES_MAX: u32 = 1 << 20;
