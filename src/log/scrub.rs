//! Scrub: reads the sealed segments again, over and over, and finds what has changed in them.
//!
//! A start reads only what its snapshot does not cover. Disks lose bits in what nobody reads, and
//! whoever alters old entries hopes that nobody looks: the scrub checks each frame's hash, that it
//! follows the one before it, and that its signed checkpoint states the tree.

use crate::log::Base;
use crate::log::frame::{FrameError, Trust};
use crate::log::reader::{ReadError, Reader};

/// A scrub on its way through the sealed segments of a log.
#[derive(Debug, Default)]
pub struct Scrub {
    // The point it has come to, always where a segment begins.
    base: Base,
}

/// What one step of a scrub has done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scrubbed {
    /// This segment is what was written.
    Segment {
        /// Its file, within the data folder.
        file: String,
    },
    /// Every sealed segment has been read; the next step begins again.
    All,
}

impl Scrub {
    /// Reads the next sealed segment, and calls `rest` after each of its frames: whoever must not be busy
    /// for as long as a segment takes rests there. After an error it begins again.
    pub fn step(&mut self, reader: &Reader, mut rest: impl FnMut()) -> Result<Scrubbed, ReadError> {
        let mut base = std::mem::take(&mut self.base);
        let catalogue = &reader.catalogue;
        let mut segments = catalogue.segments();
        segments.pop();
        let Some(segment) = segments.iter().find(|segment| segment.first == base.position()) else {
            return Ok(Scrubbed::All);
        };
        let (_, end) = catalogue.segment(segment.first)?;
        let bytes = catalogue.read(segment)?;
        let mut walk = catalogue.walk(segment, &bytes)?;
        if walk.previous != base.previous_frame {
            return Err(segment.damaged(0, FrameError::Chain));
        }
        while walk.position < end {
            let offset = u64::try_from(walk.offset).unwrap_or(u64::MAX);
            let frame = walk.step().unwrap_or(Err(FrameError::Short));
            let grown = frame.and_then(|frame| {
                frame.grow(&mut base.tree, &catalogue.verifier, Trust::Signature)?;
                Ok(frame.hash)
            });
            base.previous_frame = grown.map_err(|problem| segment.damaged(offset, problem))?;
            rest();
        }
        if (walk.position, walk.rest()) != (end, &[]) {
            let offset = u64::try_from(walk.offset).unwrap_or(u64::MAX);
            return Err(segment.damaged(offset, FrameError::Chain));
        }
        self.base = base;
        Ok(Scrubbed::Segment { file: segment.file() })
    }
}
