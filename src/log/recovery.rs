//! Recovery: what a start makes of the segments that it finds.
//!
//! From a base on, every frame is read: its hash, that it follows the one before it, and that its
//! signed checkpoint states the tree its entries give. The sealed segments must be as they were
//! written. The last segment was being written, so its last frame may be torn, and only that may be
//! cut off: a loss of power during a write leaves a part of it missing from the end, or whole
//! sectors of zeros, but never other bytes. Zeros may follow it, where room was prepared for more. Anything else is damage, and is left as it is for a
//! person to look at.
//!
//! Frames are released only once they are durable. So nothing is cut where something says that it
//! was: a frame behind it, a signed checkpoint that is whole, a snapshot, or the checkpoint that an
//! orderly end has left behind.

use std::io;

use crate::log::catalogue::{Catalogue, Mark, Segment};
use crate::log::folder::{OpenError, failed, segments};
use crate::log::frame::{self, Frame, FrameError, Trust, Walk};
use crate::log::reader::ReadError;
use crate::log::{Base, Stored, index, snapshot};
use crate::tlog::Hash;

/// Takes each entry read on the way, or says why not.
pub(crate) type Each<'a> = &'a mut dyn FnMut(Stored) -> Result<(), String>;

/// The last segment as it should be, and the point after it.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) base: Base,
    /// The last segment's first position, and its bytes without a torn frame; `None` where there is
    /// no segment yet.
    pub(crate) tail: Option<(u64, Vec<u8>)>,
}

/// Reads the log from `base` on, hands each entry to `each`, and fills the catalogue.
pub(crate) fn recover(
    catalogue: &Catalogue,
    base: Base,
    each: Each<'_>,
) -> Result<Recovered, OpenError> {
    let firsts = segments(&*catalogue.disk)?;
    let indexed = index::list(&*catalogue.disk)?;
    let start = base.position();
    let from = firsts.partition_point(|first| *first <= start).saturating_sub(1);
    let mut recovery = Recovery { catalogue, base, start, each, position: 0, previous: [0; 32] };
    let mut tail = None;
    for (at, first) in firsts.iter().enumerate() {
        let is_last = firsts.last() == Some(first);
        let segment = Segment::new(*first, !is_last && indexed.contains(first));
        if from <= at {
            let mut bytes = catalogue.read(&segment)?;
            segment.set_marks(recovery.read(&segment, &mut bytes, is_last)?);
            tail = Some((*first, bytes));
        }
        catalogue.add(segment);
    }
    recovery.check_reached()?;
    catalogue.reach(recovery.base.position());
    Ok(Recovered { base: recovery.base, tail })
}

/// A reading of the log that is under way.
struct Recovery<'a> {
    catalogue: &'a Catalogue,
    // The point up to which entries have been handed on, and where that began.
    base: Base,
    start: u64,
    each: Each<'a>,
    // The point up to which frames have been read: it begins before the other, at a segment.
    position: u64,
    previous: Hash,
}

/// What to do about a frame that is not whole.
enum Tear {
    /// Nobody was told of it: remove it.
    Cut,
    /// Only its own hash is cut off, and that can be computed: put it at this offset.
    Complete(usize, Hash),
}

impl Recovery<'_> {
    /// Reads a segment, mends its bytes if it is the last, and returns where its frames are.
    fn read(
        &mut self,
        segment: &Segment,
        bytes: &mut Vec<u8>,
        is_last: bool,
    ) -> Result<Vec<Mark>, OpenError> {
        let mut walk = self.catalogue.walk(segment, bytes)?;
        if self.position == 0 && walk.position <= self.start {
            (self.position, self.previous) = (walk.position, walk.previous);
        }
        if (walk.position, walk.previous) != (self.position, self.previous) {
            return Err(segment.damaged(0, FrameError::Chain).into());
        }
        let mut marks = Vec::new();
        loop {
            let problem = self.take_frames(segment, &mut walk, &mut marks)?;
            let offset = walk.offset;
            match problem {
                None => return Ok(marks),
                Some(problem) if is_last => match self.tear(segment, &walk, problem)? {
                    Tear::Cut => bytes.truncate(offset),
                    Tear::Complete(end, hash) => {
                        bytes.truncate(end);
                        bytes.extend_from_slice(&hash);
                    }
                },
                Some(problem) => return Err(damaged(segment, offset, problem)),
            }
            let (position, previous) = (self.position, self.previous);
            walk = Walk { bytes, offset, position, previous, believes: false };
        }
    }

    /// Takes frames until the segment ends, or until the bytes are not the next frame.
    fn take_frames(
        &mut self,
        segment: &Segment,
        walk: &mut Walk<'_>,
        marks: &mut Vec<Mark>,
    ) -> Result<Option<FrameError>, OpenError> {
        let mut last = None;
        let problem = loop {
            let offset = walk.offset;
            match walk.step() {
                None => break None,
                Some(Err(problem)) => break Some(problem),
                Some(Ok(frame)) => {
                    self.take(segment, offset, &frame)?;
                    marks.push(Mark::new(frame.first, offset, walk.offset));
                    last = Some((offset, frame));
                }
            }
        };
        // One signature speaks for every entry before it; the scrub checks the others.
        if let Some((offset, frame)) = last
            && self.catalogue.verifier.verify(frame.checkpoint).is_err()
        {
            return Err(damaged(segment, offset, FrameError::Signature));
        }
        (self.position, self.previous) = (walk.position, walk.previous);
        Ok(problem)
    }

    /// Takes one frame that follows the one before it.
    fn take(
        &mut self,
        segment: &Segment,
        offset: usize,
        frame: &Frame<'_>,
    ) -> Result<(), OpenError> {
        if frame.end() <= self.start {
            return Ok(());
        }
        if (frame.first, frame.previous) != (self.base.position(), self.base.previous_frame) {
            return Err(damaged(segment, offset, FrameError::Chain));
        }
        let grown = frame.grow(&mut self.base.tree, &self.catalogue.verifier, Trust::Root);
        grown.map_err(|problem| damaged(segment, offset, problem))?;
        let at = u64::try_from(offset).unwrap_or(u64::MAX);
        for (position, entry) in frame.entries() {
            if entry.time < self.base.time {
                return Err(damaged(segment, offset, FrameError::Time));
            }
            self.base.time = entry.time;
            let stored = self.catalogue.open(segment, at, frame.end(), (position, &entry))?;
            let taken = (self.each)(stored);
            taken.map_err(|problem| OpenError::Refused { position, problem })?;
        }
        self.base.previous_frame = frame.hash;
        Ok(())
    }

    /// Tells what to do about the bytes after the last whole frame of the last segment.
    fn tear(
        &self,
        segment: &Segment,
        walk: &Walk<'_>,
        problem: FrameError,
    ) -> Result<Tear, OpenError> {
        // What was prepared for frames to come is zeros. A frame ends with a hash, so at most a few
        // bytes of that are taken for some of these.
        let zeros = walk.rest().iter().rev().take_while(|byte| **byte == 0).count();
        let written = walk.rest().len().saturating_sub(zeros);
        let rest = walk.rest().get(..written).unwrap_or_default();
        let refused = || Err(damaged(segment, walk.offset, problem));
        let torn = matches!(problem, FrameError::Short | FrameError::Hash);
        let later = |at| rest.get(at..).is_some_and(|mut rest| Frame::take(&mut rest).is_ok());
        if rest.is_empty() {
            return Ok(Tear::Cut);
        }
        if !torn || places(rest, frame::MAGIC).any(later) {
            return refused();
        }
        if has_hole(rest, walk.offset) {
            return Ok(Tear::Cut);
        }
        if !frame::begins(rest, walk.position, &walk.previous) {
            return refused();
        }
        match frame::length(rest) {
            Err(FrameError::Short) => Ok(Tear::Cut),
            Ok(length) if rest.len() < length => {
                if let Some(hash) = frame::missing_hash(rest, length) {
                    let end = walk.offset.saturating_add(length).saturating_sub(hash.len());
                    return Ok(Tear::Complete(end, hash));
                }
                if self.holds_checkpoint(rest) { refused() } else { Ok(Tear::Cut) }
            }
            _ => refused(),
        }
    }

    /// Tells whether a whole checkpoint over more than was read lies in these bytes.
    fn holds_checkpoint(&self, bytes: &[u8]) -> bool {
        let origin = format!("{}\n", self.catalogue.origin);
        places(bytes, origin.as_bytes()).any(|at| {
            let length = at.checked_sub(2).and_then(|at| bytes.get(at..)?.first_chunk());
            let length = length.map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
            let note = bytes.get(at..).and_then(|note| note.get(..length));
            let checkpoint = note.and_then(|note| self.catalogue.verifier.verify(note).ok());
            checkpoint.is_some_and(|checkpoint| self.position < checkpoint.size)
        })
    }

    /// Checks that the log reaches as far as anything shows that it did.
    fn check_reached(&self) -> Result<(), OpenError> {
        let disk = &*self.catalogue.disk;
        let snapshots = snapshot::list(disk).map_err(failed("snapshots"))?;
        let mut shown: Vec<_> =
            snapshots.iter().map(|at| (*at, snapshot::snapshot_file(*at))).collect();
        match disk.read(RELEASED) {
            Ok(note) => {
                let checkpoint = self.catalogue.verifier.verify(&note);
                let (file, offset, problem) = (RELEASED.to_owned(), 0, FrameError::Signature);
                let damaged = |_| ReadError::Damaged { file, offset, problem };
                shown.push((checkpoint.map_err(damaged)?.size, RELEASED.to_owned()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(RELEASED)(error)),
        }
        let end = self.position;
        match shown.into_iter().find(|(shown, _)| end < *shown) {
            Some((shown, file)) => Err(OpenError::CutShort { end, shown, file }),
            None if (end, self.previous) == (self.base.position(), self.base.previous_frame) => {
                Ok(())
            }
            None => Err(OpenError::OtherLog),
        }
    }
}

/// Returns where `needle` lies in `bytes`.
fn places(bytes: &[u8], needle: &[u8]) -> impl Iterator<Item = usize> {
    let windows = bytes.windows(needle.len()).enumerate();
    windows.filter(move |(_, window)| *window == needle).map(|(at, _)| at)
}

/// Tells whether a whole sector of these bytes, or what of it they cover, is zeros.
fn has_hole(bytes: &[u8], offset: usize) -> bool {
    let to_sector = SECTOR_BYTES.saturating_sub(offset.rem_euclid(SECTOR_BYTES));
    let (first, others) = bytes.split_at(to_sector.min(bytes.len()));
    std::iter::once(first)
        .chain(others.chunks(SECTOR_BYTES))
        .any(|sector| sector.iter().all(|byte| *byte == 0))
}

fn damaged(segment: &Segment, offset: usize, problem: FrameError) -> OpenError {
    segment.damaged(u64::try_from(offset).unwrap_or(u64::MAX), problem).into()
}

/// The checkpoint that an orderly end leaves behind.
pub(crate) const RELEASED: &str = "log/released";
// What disks write as one; pages and file system blocks are multiples of it.
const SECTOR_BYTES: usize = 512;
