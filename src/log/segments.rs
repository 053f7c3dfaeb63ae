//! Segments: a log in files, written by one process.
//!
//! Each turn appends one frame to the last segment with one write and one sync. A segment that is
//! full is sealed by beginning the next, and never changed after. At the start the last one is
//! written anew, whole and synced, before it is appended to: a sync that failed under the process
//! before this one may have left bytes in memory that read well and are not on disk.
//!
//! Never writes or syncs again after a failure.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::calendar::Time;
use crate::entry::Parts;
use crate::log::catalogue::{Catalogue, Mark, Segment};
use crate::log::disk::Append;
use crate::log::folder::{Folder, OpenError, failed, segment_file};
use crate::log::frame::{Draft, header};
use crate::log::index::{Found, relative};
use crate::log::reader::Reader;
use crate::log::recovery::{Each, RELEASED, recover};
use crate::log::seal::Sealer;
use crate::log::{Base, Commit, Fatal, Log, Recorded, Stored, Turn};
use crate::telemetry::count::{self, Step};
use crate::tlog::checkpoint::{Checkpoint, Signer};
use crate::tlog::{Frontier, Hash};

/// A log in the segment files of a data folder.
#[derive(Debug)]
pub struct Files {
    folder: Folder,
    settings: Settings,
    catalogue: Arc<Catalogue>,
    signer: Signer,
    base: Base,
    // The last segment: the position it begins at, the file, and how long that is.
    first: u64,
    file: Box<dyn Append>,
    file_bytes: usize,
    // What its entries are found by, where this process wrote all of it.
    found: Option<Found>,
    stopped: bool,
    batch: Batch,
}

/// How a log is kept in files.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From this length on a segment is full, 1 byte to 1 GiB.
    pub segment_bytes_max: usize,
    /// How much room is prepared at a time for small frames; 0 for none.
    pub room_bytes: usize,
}

/// A writer's turn at a log in files.
#[derive(Debug)]
pub struct FilesTurn<'a> {
    files: &'a mut Files,
}

/// The entries pushed in one turn. Kept from one to the next for its buffers.
struct Batch {
    sealer: Sealer,
    draft: Draft,
    tree: Frontier,
    time: Time,
    leaf_hashes: Vec<Hash>,
    // Those of the batch before, for their room.
    given: Arc<Vec<Hash>>,
}

impl Files {
    /// Opens the log in a data folder, or begins one: reads it on from the point `from`, which a
    /// snapshot was taken at, and hands each entry after it to `each`, in order.
    pub fn open(
        folder: Folder,
        settings: Settings,
        from: Option<Base>,
        each: Each<'_>,
    ) -> Result<Self, OpenError> {
        let catalogue = Arc::new(Catalogue::new(&folder));
        let recovered = recover(&catalogue, from.unwrap_or_default(), each)?;
        let found = recovered.tail.is_none().then(Found::default);
        let (first, tail) = recovered.tail.unwrap_or_else(|| {
            catalogue.add(Segment::begun(0));
            (0, header(0, &recovered.base.previous_frame, &folder.origin))
        });
        let file = segment_file(first);
        let file = folder.disk.replace(&file, &[&tail]).map_err(failed(&file))?;
        let file_bytes = tail.len();
        let batch = Batch {
            sealer: Sealer::new(folder.keys.clone()),
            draft: Draft::default(),
            tree: recovered.base.tree.clone(),
            time: recovered.base.time,
            leaf_hashes: Vec::new(),
            given: Arc::default(),
        };
        let signer = folder.keys.signer(&folder.origin);
        let (base, stopped) = (recovered.base, false);
        Ok(Self {
            folder,
            settings,
            catalogue,
            signer,
            base,
            first,
            file,
            file_bytes,
            found,
            stopped,
            batch,
        })
    }

    /// Returns the point after the last durable entry.
    pub fn base(&self) -> Base {
        self.base.clone()
    }

    /// Returns a reader of what is durable, now and later.
    pub fn reader(&self) -> Reader {
        Reader { catalogue: Arc::clone(&self.catalogue) }
    }

    /// Ends in an orderly way: leaves a checkpoint behind that shows how far the log reached.
    pub fn close(mut self) -> Result<(), Fatal> {
        if self.stopped {
            return Err(Fatal::Stopped);
        }
        self.cut()?;
        let mut note = Vec::new();
        let (size, root) = (self.base.tree.size(), self.base.tree.root());
        self.signer.sign(&Checkpoint { size, root }, &mut note);
        let written = self.folder.disk.replace(RELEASED, &[&note]);
        written.map(drop).map_err(|source| write_failed(RELEASED.to_owned(), source))
    }

    /// Cuts off the room that was prepared in the last segment.
    fn cut(&mut self) -> Result<(), Fatal> {
        let cut = self.file.cut();
        cut.map_err(|source| write_failed(segment_file(self.first), source))
    }

    /// Seals the last segment by beginning another.
    fn roll(&mut self) -> Result<(), Fatal> {
        // Only the last segment may end in zeros.
        self.cut()?;
        let first = self.base.position();
        let header = header(first, &self.base.previous_frame, &self.folder.origin);
        let file = segment_file(first);
        let replaced = self.folder.disk.replace(&file, &[&header]);
        self.file = replaced.map_err(|source| write_failed(file, source))?;
        (self.first, self.file_bytes) = (first, header.len());
        let next = self.found.as_ref().map_or_else(Found::default, Found::like);
        self.catalogue.seal(self.found.replace(next), Segment::begun(first));
        Ok(())
    }

    fn push(&mut self, parts: &Parts) -> Result<(), Fatal> {
        let position = self.batch.tree.size();
        if parts.time < self.batch.time {
            let problem = "its time is before that of the entry ahead of it";
            return Err(Fatal::Entry { position, problem });
        }
        let batch = &mut self.batch;
        let leaf_hash = batch.sealer.seal(parts, position, batch.draft.entries())?;
        batch.tree.push(leaf_hash);
        batch.leaf_hashes.push(leaf_hash);
        batch.time = parts.time;
        if let Some(found) = &mut self.found {
            let (values_of, at) = (self.folder.values_of, relative(self.first, position));
            found.add(values_of, (parts.kind, &parts.public), parts.time, at);
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<Recorded, Fatal> {
        let (first, batch) = (self.base.position(), &mut self.batch);
        let leaf_hashes = Arc::new(std::mem::take(&mut batch.leaf_hashes));
        batch.given = Arc::clone(&leaf_hashes);
        let (tree_size, origin) = (batch.tree.size(), Arc::clone(&self.folder.origin));
        let recorded = Recorded { origin, first, tree_size, leaf_hashes };
        if recorded.leaf_hashes.is_empty() {
            return Ok(recorded);
        }
        let checkpoint = Checkpoint { size: tree_size, root: batch.tree.root() };
        let count = u32::try_from(recorded.leaf_hashes.len()).unwrap_or(u32::MAX);
        let frame = batch.draft.finish(count, |note| self.signer.sign(&checkpoint, note));
        let too_long = Fatal::Entry { position: first, problem: "its batch is too long" };
        let (frame, hash) = frame.ok_or(too_long)?;
        let written = write(&mut *self.file, frame, self.settings.room_bytes);
        written.map_err(|source| write_failed(segment_file(self.first), source))?;

        let end = self.file_bytes.saturating_add(frame.len());
        self.catalogue.publish(Mark::new(first, self.file_bytes, end), tree_size);
        self.file_bytes = end;
        self.base.tree.clone_from(&batch.tree);
        self.base.previous_frame = hash;
        self.base.time = batch.time;
        Ok(recorded)
    }
}

impl Log for Files {
    type Turn<'a> = FilesTurn<'a>;

    fn take_turn(&mut self, _after: u64) -> Result<FilesTurn<'_>, Fatal> {
        if self.stopped {
            return Err(Fatal::Stopped);
        }
        let full = self.settings.segment_bytes_max.min(SEGMENT_BYTES_LIMIT) <= self.file_bytes;
        if full && self.first < self.base.position() {
            self.roll().inspect_err(|_| self.stopped = true)?;
        }
        self.batch.begin(&self.base);
        Ok(FilesTurn { files: self })
    }
}

impl Turn for FilesTurn<'_> {
    fn others(&self) -> &[Stored] {
        // The folder is locked: there are no others.
        &[]
    }

    fn next_position(&self) -> u64 {
        self.files.batch.tree.size()
    }

    fn push(&mut self, parts: &Parts) -> Result<(), Fatal> {
        if self.files.stopped {
            return Err(Fatal::Stopped);
        }
        self.files.push(parts).inspect_err(|_| self.files.stopped = true)
    }

    fn commit(self) -> Commit {
        if self.files.stopped {
            return Commit::Fatal(Fatal::Stopped);
        }
        match self.files.commit() {
            Ok(recorded) => Commit::Recorded(recorded),
            Err(fatal) => {
                self.files.stopped = true;
                Commit::Fatal(fatal)
            }
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { segment_bytes_max: SEGMENT_BYTES_MAX, room_bytes: ROOM_BYTES }
    }
}

impl Batch {
    fn begin(&mut self, base: &Base) {
        self.draft.begin(base.position(), &base.previous_frame);
        self.tree.clone_from(&base.tree);
        self.time = base.time;
        if let Some(given) = Arc::get_mut(&mut self.given) {
            std::mem::swap(given, &mut self.leaf_hashes);
        }
        self.leaf_hashes.clear();
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("entries", &self.leaf_hashes.len()).finish_non_exhaustive()
    }
}

/// Appends a frame and syncs it. Small frames go into room that is prepared for many of them: their
/// sync then writes one thing and not two, which is a third of the time that a lone caller waits.
fn write(file: &mut dyn Append, frame: &[u8], room_bytes: usize) -> io::Result<()> {
    let writing = count::timer();
    if frame.len() <= SMALL_BYTES && file.room() < frame.len() {
        file.prepare(room_bytes)?;
    }
    file.append(frame)?;
    let syncing = count::step(Step::Write, writing);
    file.sync()?;
    count::step(Step::Sync, syncing);
    Ok(())
}

fn write_failed(file: String, source: io::Error) -> Fatal {
    Fatal::Write { file, source }
}

// Some twenty thousand decisions. One is read whole at a start and for its index, which takes some
// hundredths of a second and keeps as much memory; a terabyte of log is 65,536 of them.
const SEGMENT_BYTES_MAX: usize = 16 << 20;
// Offsets in a segment have 32 bits, and the last frame may go past the limit.
const SEGMENT_BYTES_LIMIT: usize = 1 << 30;
// A dozen decisions. Large frames pay for their length with their many entries, and would only be
// written twice.
const SMALL_BYTES: usize = 16 << 10;
// Preparing takes about a millisecond, which the call that it falls to waits longer: one in some 400.
const ROOM_BYTES: usize = 512 << 10;
