//! Frame: the bytes of a segment: a header, then one frame for each batch that was committed.
//!
//! ```text
//! segment := header | frame*
//! header  := "clearline segment 1\n" | first position u64 BE | previous frame hash, 32 bytes
//!          | origin length u16 BE | origin | SHA-256 of all that
//! frame   := "CLFR" | length u32 BE of all that follows | first position u64 BE | entries u32 BE
//!          | previous frame hash, 32 bytes | entry* | checkpoint length u16 BE | checkpoint
//!          | SHA-256 of all that
//! ```
//!
//! A frame's hash is its checksum and the link that the next one holds on to; its checkpoint is
//! signed over the tree with its entries in it.
//!
//! Never reads past what it was given, and believes no length before the hash has been checked.

use sha2::{Digest as _, Sha256};

use crate::log::seal::{Sealed, take};
use crate::tlog::checkpoint::Verifier;
use crate::tlog::{Frontier, Hash};

/// Why bytes are not the frame that should be there.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// The segment's first bytes are not those that were written.
    #[error("the segment's header is not what was written")]
    Header,
    /// The file ends before the frame does.
    #[error("the file ends inside a frame")]
    Short,
    /// The bytes are not those that were written.
    #[error("the bytes of a frame are not what was written")]
    Hash,
    /// What was written is not a frame of this version.
    #[error("a frame is not of a known form")]
    Form,
    /// It does not follow what is before it.
    #[error("a frame does not follow the one before it")]
    Chain,
    /// Its time is before that of the entry ahead of it.
    #[error("an entry's time is before that of the entry ahead of it")]
    Time,
    /// Its checkpoint does not cover its entries.
    #[error("a frame's checkpoint does not cover its entries")]
    Checkpoint,
    /// Its checkpoint was not signed with the log's key.
    #[error("a frame's checkpoint was not signed with the log's key")]
    Signature,
    /// The personal part of an entry cannot be opened with the key it was sealed with.
    #[error("the personal part of an entry is not what was sealed")]
    Personal,
}

/// A frame being written. Keeps its buffer from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    bytes: Vec<u8>,
}

/// A frame as it lies in a segment.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) previous: Hash,
    pub(crate) checkpoint: &'a [u8],
    pub(crate) hash: Hash,
    entries: &'a [u8],
}

/// Walks over the frames of a segment, each of which must follow the one before it.
pub(crate) struct Walk<'a> {
    /// The whole segment.
    pub(crate) bytes: &'a [u8],
    /// Where the next frame begins.
    pub(crate) offset: usize,
    /// The position of its first entry.
    pub(crate) position: u64,
    /// The hash of the frame before it.
    pub(crate) previous: Hash,
    /// Whether frames are taken for what was written without a look at their hashes.
    pub(crate) believes: bool,
}

/// How much of a frame's checkpoint is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Trust {
    /// That it states the tree: the hashes already say that the bytes are ours.
    Root,
    /// The signature too: costs as much as forty entries.
    Signature,
}

impl Draft {
    /// Begins a frame, and gives the buffer to append its entries to.
    pub(crate) fn begin(&mut self, first: u64, previous: &Hash) {
        self.bytes.clear();
        self.bytes.extend_from_slice(MAGIC);
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&first.to_be_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(previous);
    }

    /// Lends the buffer out, to append an entry to.
    pub(crate) fn entries(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the frame with what `sign` appends, and returns its bytes and its hash; `None` where it
    /// has grown past what a length can say.
    pub(crate) fn finish(
        &mut self,
        count: u32,
        sign: impl FnOnce(&mut Vec<u8>),
    ) -> Option<(&[u8], Hash)> {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        let from = self.bytes.len();
        sign(&mut self.bytes);
        let note = u16::try_from(self.bytes.len().checked_sub(from)?).ok()?;
        let length = self.bytes.len().checked_sub(START_BYTES)?.checked_add(32)?;
        let length = u32::try_from(length).ok()?;
        self.patch(at, &note.to_be_bytes())?;
        self.patch(LENGTH_AT, &length.to_be_bytes())?;
        self.patch(COUNT_AT, &count.to_be_bytes())?;
        let hash = Hash::from(Sha256::digest(&self.bytes));
        self.bytes.extend_from_slice(&hash);
        Some((&self.bytes, hash))
    }

    fn patch(&mut self, at: usize, bytes: &[u8]) -> Option<()> {
        let until = at.checked_add(bytes.len())?;
        self.bytes.get_mut(at..until)?.copy_from_slice(bytes);
        Some(())
    }
}

impl<'a> Frame<'a> {
    /// Takes a frame off the front of `bytes`, and checks its hash.
    pub(crate) fn take(bytes: &mut &'a [u8]) -> Result<Self, FrameError> {
        Self::take_with(bytes, false)
    }

    /// The same, where its hash is checked unless `believed`.
    fn take_with(bytes: &mut &'a [u8], believed: bool) -> Result<Self, FrameError> {
        let length = length(bytes)?;
        let (frame, rest) = bytes.split_at_checked(length).ok_or(FrameError::Short)?;
        let (content, hash) = frame.split_last_chunk().ok_or(FrameError::Hash)?;
        if !believed && Hash::from(Sha256::digest(content)) != *hash {
            return Err(FrameError::Hash);
        }
        *bytes = rest;
        Self::of(frame).ok_or(FrameError::Form)
    }

    /// Reads a frame whose hash was checked before.
    pub(crate) fn of(frame: &'a [u8]) -> Option<Self> {
        let (content, hash) = frame.split_last_chunk()?;
        let mut rest = content.get(START_BYTES..)?;
        let first = u64::from_be_bytes(*take(&mut rest)?);
        let count = u32::from_be_bytes(*take(&mut rest)?);
        let previous = *take(&mut rest)?;
        let entries = rest;
        for _ in 0..count {
            Sealed::take(&mut rest)?;
        }
        let length = u16::from_be_bytes(*take(&mut rest)?);
        let checkpoint = rest;
        let whole = 0 < count && usize::from(length) == checkpoint.len();
        first.checked_add(u64::from(count))?;
        whole.then_some(Self { first, count, previous, checkpoint, hash: *hash, entries })
    }

    /// Returns the position after its last entry.
    pub(crate) fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count))
    }

    /// Returns its entries with their positions.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, Sealed<'a>)> + use<'a> {
        let mut rest = self.entries;
        (self.first..self.end()).map_while(move |at| Some((at, Sealed::take(&mut rest)?)))
    }

    /// Adds its entries to the tree, checks that its checkpoint states just that tree, and returns
    /// the hashes of their leaves.
    pub(crate) fn grow(
        &self,
        tree: &mut Frontier,
        verifier: &Verifier,
        trust: Trust,
    ) -> Result<Vec<Hash>, FrameError> {
        let leaves: Vec<Hash> = self.entries().map(|(_, entry)| entry.leaf_hash()).collect();
        for leaf in &leaves {
            tree.push(*leaf);
        }
        let checkpoint = match trust {
            Trust::Root => verifier.read(self.checkpoint),
            Trust::Signature => verifier.verify(self.checkpoint),
        };
        let checkpoint = checkpoint.map_err(|_| FrameError::Signature)?;
        if (checkpoint.size, checkpoint.root) != (tree.size(), tree.root()) {
            return Err(FrameError::Checkpoint);
        }
        Ok(leaves)
    }
}

impl<'a> Walk<'a> {
    /// Checks the header of the segment that begins at `first`, and stands before its first frame.
    pub(crate) fn new(bytes: &'a [u8], first: u64, origin: &str) -> Result<Self, FrameError> {
        let mut rest = bytes;
        let previous = take_header(&mut rest, first, origin).ok_or(FrameError::Header)?;
        let offset = bytes.len().saturating_sub(rest.len());
        Ok(Self { bytes, offset, position: first, previous, believes: false })
    }

    /// Returns the bytes after the frames walked over.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    /// Steps over the next frame; `None` at the end of the file.
    pub(crate) fn step(&mut self) -> Option<Result<Frame<'a>, FrameError>> {
        let mut rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let frame = match Frame::take_with(&mut rest, self.believes) {
            Ok(frame) if frame.first == self.position && frame.previous == self.previous => frame,
            Ok(_) => return Some(Err(FrameError::Chain)),
            Err(error) => return Some(Err(error)),
        };
        self.offset = self.bytes.len().saturating_sub(rest.len());
        self.position = frame.end();
        self.previous = frame.hash;
        Some(Ok(frame))
    }
}

/// Returns the whole length of the frame that `bytes` begin with, which may be more than there are.
pub(crate) fn length(mut bytes: &[u8]) -> Result<usize, FrameError> {
    let magic: &[u8; 4] = take(&mut bytes).ok_or(FrameError::Short)?;
    if magic != MAGIC {
        return Err(FrameError::Hash);
    }
    let length = u32::from_be_bytes(*take(&mut bytes).ok_or(FrameError::Short)?);
    let length = usize::try_from(length).map_err(|_| FrameError::Short)?;
    length.checked_add(START_BYTES).ok_or(FrameError::Short)
}

/// Tells whether bytes, as many as there are, can begin the frame that follows another.
pub(crate) fn begins(bytes: &[u8], first: u64, previous: &Hash) -> bool {
    let mut draft = Draft::default();
    draft.begin(first, previous);
    let free = [LENGTH_AT..LENGTH_AT + 4, COUNT_AT..COUNT_AT + 4];
    let mut pairs = bytes.iter().zip(&draft.bytes).enumerate();
    pairs.all(|(at, (found, wanted))| found == wanted || free.iter().any(|free| free.contains(&at)))
}

/// Returns the hash of a frame of which nothing but a part of that hash is missing.
pub(crate) fn missing_hash(bytes: &[u8], length: usize) -> Option<Hash> {
    let (content, part) = bytes.split_at_checked(length.checked_sub(32)?)?;
    let hash = Hash::from(Sha256::digest(content));
    hash.starts_with(part).then_some(hash)
}

/// Returns the header of a segment.
pub(crate) fn header(first: u64, previous: &Hash, origin: &str) -> Vec<u8> {
    let mut bytes = HEADER_MAGIC.to_vec();
    bytes.extend_from_slice(&first.to_be_bytes());
    bytes.extend_from_slice(previous);
    bytes.extend_from_slice(&u16::try_from(origin.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(origin.as_bytes());
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// Takes the header off the front of a segment, and returns the previous frame's hash.
fn take_header(bytes: &mut &[u8], first: u64, origin: &str) -> Option<Hash> {
    let previous = bytes.get(HEADER_MAGIC.len()..)?.get(8..)?.first_chunk()?;
    *bytes = bytes.strip_prefix(header(first, previous, origin).as_slice())?;
    Some(*previous)
}

/// Begins a frame; what a search for frames looks for.
pub(crate) const MAGIC: &[u8; 4] = b"CLFR";
const HEADER_MAGIC: &[u8] = b"clearline segment 1\n";
// Magic and length: what the length does not count.
const START_BYTES: usize = 8;
const LENGTH_AT: usize = 4;
const COUNT_AT: usize = 16;
