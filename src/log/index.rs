//! Index: where in a sealed segment the entries with some value are.
//!
//! ```text
//! file := sorted table (crate `sstable`) | digest, 8 bytes, of each page of the table
//!       | table length u64 BE | segment length u64 BE | SHA-256 of all that follows the table
//!
//! key of an entry  := field u8 | value, 16 bytes | !time u64 BE | !position u32 BE -> nothing
//! key of a frame   := 0 | 0 * 16                 | 0 * 8        | !position u32 BE
//!                     -> offset u32 BE | length u32 BE
//! ```
//!
//! Positions are counted from the segment's first; `!` turns the order round, so that reading on is
//! reading back in time. Each page is checked when it is read, since the crate steps over a damaged
//! one as if it were empty. A damaged index
//! counts as none, and is built again in its place.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use sstable::{
    Cmp, Options, RandomAccess, SSIterator as _, Status, StatusCode, Table, TableBuilder,
    TableIterator,
};

use crate::calendar::Time;
use crate::entry::IndexKey;
use crate::log::catalogue::{Catalogue, Mark, Segment};
use crate::log::disk::Disk;
use crate::log::folder::{ValuesOf, segment_file};
use crate::log::frame::FrameError;
use crate::log::reader::ReadError;
use crate::tlog::Hash;

/// The indexes that were opened last.
#[derive(Default)]
pub(crate) struct Indexes {
    options: TableOptions,
    // By the first position of their segment, the one used last at the end.
    open: Mutex<Vec<(u64, Index)>>,
}

/// What part of a segment to look in, from the newest entry back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// The newest entry that counts, by time and position; `None` for the last of the segment.
    pub(crate) newest: Option<(Time, u64)>,
    /// The earliest time, inclusive.
    pub(crate) from: Option<Time>,
    /// The latest time, exclusive.
    pub(crate) until: Option<Time>,
    /// How many positions at most.
    pub(crate) limit: usize,
}

/// One index, open for reading.
#[derive(Clone)]
struct Index {
    table: Table,
    damaged: Arc<AtomicBool>,
}

/// The pages of a table on disk, each checked as it is read.
struct Pages {
    disk: Arc<dyn Disk>,
    file: String,
    digests: Vec<[u8; 8]>,
    length: usize,
    damaged: Arc<AtomicBool>,
}

/// What all tables are read and written with; shares one bounded cache of pages.
struct TableOptions(Options);

/// The order of bytes, and nothing else.
struct ByteOrder;

/// Where in an index to read on: the end of a key as a number.
type Place = u128;

impl Indexes {
    /// Returns where the frame is that holds the entry at a position of a segment; `None` where the
    /// index turns out to be damaged.
    pub(crate) fn mark(
        &self,
        disk: &Arc<dyn Disk>,
        segment: &Segment,
        position: u64,
    ) -> Option<Mark> {
        let index = self.open(disk, segment)?;
        let mut cursor = Cursor::new(&index.table, FRAMES);
        let place = cursor.seek(place(LATEST, relative(segment.first, position)));
        let mark = place.and_then(|place| {
            let (offset, length) = cursor.value.split_first_chunk()?;
            let first = !u32::try_from(place).ok()?;
            Some(Mark {
                first: segment.first.checked_add(first.into())?,
                offset: u32::from_be_bytes(*offset),
                length: u32::from_be_bytes(length.try_into().ok()?),
            })
        });
        self.trusted(segment, &index).then_some(mark)?
    }

    /// Returns the positions of the entries that have all these values, newest first; `None` where
    /// the index turns out to be damaged.
    pub(crate) fn find(
        &self,
        disk: &Arc<dyn Disk>,
        segment: &Segment,
        keys: &[IndexKey],
        range: &Range,
    ) -> Option<Vec<u64>> {
        let index = self.open(disk, segment)?;
        let mut cursors: Vec<_> = keys.iter().map(|key| Cursor::new(&index.table, *key)).collect();
        let newest = range.newest.map_or(0, |(time, at)| place(time, relative(segment.first, at)));
        // Later than every entry before `until` is the very first one at that time or after.
        let until = range.until.map_or(0, |until| place(until, 0).saturating_add(1));
        let oldest = range.from.map_or(Place::MAX, |from| place(from, 0));

        let mut positions = Vec::new();
        let mut target = newest.max(until);
        while positions.len() < range.limit {
            let Some(next) = agree(&mut cursors, target).filter(|next| *next <= oldest) else {
                break;
            };
            let at = !u32::try_from(next & Place::from(u32::MAX)).unwrap_or(0);
            positions.push(segment.first.saturating_add(at.into()));
            target = next.saturating_add(1);
        }
        self.trusted(segment, &index).then_some(positions)
    }

    /// Opens a segment's index, or takes it from those that are open.
    fn open(&self, disk: &Arc<dyn Disk>, segment: &Segment) -> Option<Index> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.iter().position(|(first, _)| *first == segment.first);
        let known = known.map(|at| open.remove(at).1);
        let index = known.or_else(|| Index::open(disk, segment, self.options.0.clone()));
        let Some(index) = index else {
            segment.indexed.store(false, Ordering::Release);
            return None;
        };
        if OPEN_MAX <= open.len() {
            open.remove(0);
        }
        open.push((segment.first, index.clone()));
        Some(index)
    }

    /// Tells whether all that was read of an index was what had been written; if not, the segment
    /// counts as one without.
    fn trusted(&self, segment: &Segment, index: &Index) -> bool {
        let damaged = index.damaged.load(Ordering::Acquire);
        if damaged {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.retain(|(first, _)| *first != segment.first);
            segment.indexed.store(false, Ordering::Release);
        }
        !damaged
    }
}

/// Returns the segments that have an index.
pub(crate) fn list(disk: &dyn Disk) -> Result<Vec<u64>, ReadError> {
    let failed = |source| ReadError::Disk { file: "index".to_owned(), source };
    let names = disk.list("index").map_err(failed)?;
    let firsts = names.iter().filter_map(|name| name.strip_suffix(".index"));
    Ok(firsts.filter_map(|first| first.parse().ok()).collect())
}

/// What the entries of one segment are found by, gathered as they are written or read.
#[derive(Debug, Default)]
pub(crate) struct Found {
    entries: Vec<Key>,
    // Of one entry; kept for its room.
    keys: Vec<IndexKey>,
}

/// Memory that building one index leaves to building the next: taking it afresh each time costs
/// more than the building.
#[derive(Debug, Default)]
pub struct Scratch {
    bytes: Vec<u8>,
    found: Found,
}

/// A key as two numbers, which order as its bytes do and are compared faster: its first 16 bytes,
/// and the rest with zeros after it.
type Key = (u128, u128);

impl Found {
    /// Begins with room for as much as `like` holds.
    pub(crate) fn like(like: &Self) -> Self {
        Self { entries: Vec::with_capacity(like.entries.len()), keys: Vec::new() }
    }

    /// Adds an entry, which stands `relative` positions after its segment's first.
    pub(crate) fn add(
        &mut self,
        values_of: ValuesOf,
        (kind, public): (u8, &[u8]),
        time: Time,
        relative: u32,
    ) {
        self.keys.clear();
        values_of(kind, public, &mut self.keys);
        let place = place(time, relative);
        let rare = self.keys.iter().filter(|value| !value.is_common());
        self.entries.extend(rare.map(|value| numbers(*value, place)));
    }
}

/// Builds the index of a sealed segment that ends at the position `end`: from what was gathered when
/// it was written or, where that is not known, from the file. Checks in the file that the frames are
/// what was written, unless this process wrote them: the scrub comes to those later.
pub(crate) fn build(
    catalogue: &Catalogue,
    segment: &Segment,
    end: u64,
    scratch: &mut Scratch,
) -> Result<(), ReadError> {
    let failed = |source| ReadError::Disk { file: index_file(segment), source };
    let (frames, length);
    if let Some(found) = segment.take_found() {
        scratch.found = found;
        frames = segment.marks();
        let size = catalogue.disk.size(&segment.file()).map_err(failed)?;
        length = usize::try_from(size).unwrap_or(usize::MAX);
    } else {
        frames = gather(catalogue, segment, end, scratch)?;
        length = scratch.bytes.len();
    }
    let entries = &mut scratch.found.entries;
    entries.sort_unstable();
    entries.dedup();
    let table = table(segment, &frames, entries);
    let table = table.map_err(io::Error::other).map_err(failed)?;
    let trailer = trailer(&table, length);
    let written = catalogue.disk.replace(&index_file(segment), &[&table, &trailer]);
    written.map(drop).map_err(failed)?;
    // The log grows by more than memory holds, and hardly any of it is asked for again: what the
    // system keeps of it would push out what is.
    catalogue.disk.lay_away(&segment.file());
    catalogue.disk.lay_away(&index_file(segment));
    Ok(())
}

/// Reads a segment for what its entries are found by, and returns where its frames are.
fn gather(
    catalogue: &Catalogue,
    segment: &Segment,
    end: u64,
    scratch: &mut Scratch,
) -> Result<Vec<Mark>, ReadError> {
    let Scratch { bytes, found } = scratch;
    catalogue.read_into(segment, bytes)?;
    found.entries.clear();
    let mut walk = catalogue.walk(segment, bytes)?;
    walk.believes = segment.own;
    let mut frames = Vec::new();
    while walk.position < end {
        let offset = walk.offset;
        let damaged = |problem| segment.damaged(u64::try_from(offset).unwrap_or(0), problem);
        let frame = walk.step().unwrap_or(Err(FrameError::Short)).map_err(damaged)?;
        frames.push(Mark::new(frame.first, offset, walk.offset));
        for (position, entry) in frame.entries() {
            let at = relative(segment.first, position);
            found.add(catalogue.values_of, (entry.kind, entry.public), entry.time, at);
        }
    }
    Ok(frames)
}

/// Returns the sorted table of these frames and keys.
fn table(segment: &Segment, frames: &[Mark], entries: &[Key]) -> Result<Vec<u8>, Status> {
    let mut bytes = Vec::with_capacity(entries.len().saturating_mul(KEY_BYTES));
    let mut table = TableBuilder::new_no_filter(TableOptions::default().0, &mut bytes);
    for mark in frames.iter().rev() {
        let value = [mark.offset.to_be_bytes(), mark.length.to_be_bytes()];
        let place = place(LATEST, relative(segment.first, mark.first));
        table.add(&key(FRAMES, place), value.as_flattened())?;
    }
    for (first, rest) in entries {
        let key = [first.to_be_bytes(), rest.to_be_bytes()];
        table.add(key.as_flattened().get(..KEY_BYTES).unwrap_or_default(), &[])?;
    }
    table.finish()?;
    Ok(bytes)
}

/// Returns what follows a table in the file.
fn trailer(table: &[u8], segment_bytes: usize) -> Vec<u8> {
    let mut trailer: Vec<u8> = table.chunks(PAGE_BYTES).flat_map(page_digest).collect();
    for length in [table.len(), segment_bytes] {
        trailer.extend_from_slice(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
    }
    let digest = Sha256::digest(&trailer);
    trailer.extend_from_slice(&digest);
    trailer
}

impl Index {
    /// Opens a segment's index; `None` where the file is not one.
    fn open(disk: &Arc<dyn Disk>, segment: &Segment, options: Options) -> Option<Self> {
        let file = index_file(segment);
        let size = usize::try_from(disk.size(&file).ok()?).ok()?;
        let mut end = [0; END_BYTES];
        let end_at = size.checked_sub(END_BYTES)?;
        disk.read_at(&file, u64::try_from(end_at).ok()?, &mut end).ok()?;
        let (length, rest) = end.split_first_chunk()?;
        let (segment_bytes, _) = rest.split_first_chunk()?;
        if u64::from_be_bytes(*segment_bytes) != disk.size(&segment.file()).ok()? {
            return None;
        }
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;

        let mut trailer = vec![0; size.checked_sub(length)?];
        disk.read_at(&file, u64::try_from(length).ok()?, &mut trailer).ok()?;
        let (content, digest) = trailer.split_last_chunk()?;
        if Hash::from(Sha256::digest(content)) != *digest {
            return None;
        }
        let digests = content.as_chunks().0.to_vec();
        let damaged = Arc::new(AtomicBool::new(false));
        let disk = Arc::clone(disk);
        let pages = Pages { disk, file, digests, length, damaged: Arc::clone(&damaged) };
        let table = Table::new(options, Box::new(pages), length).ok()?;
        Some(Self { table, damaged })
    }
}

impl RandomAccess for Pages {
    fn read_at(&self, offset: usize, bytes: &mut [u8]) -> sstable::Result<usize> {
        let read = self.read(offset, bytes);
        if read.is_none() {
            self.damaged.store(true, Ordering::Release);
        }
        read.ok_or_else(|| Status::new(StatusCode::Corruption, "a page is damaged"))
    }
}

impl Pages {
    /// Reads from the table, and checks each page on the way.
    fn read(&self, offset: usize, bytes: &mut [u8]) -> Option<usize> {
        let end = offset.checked_add(bytes.len())?.min(self.length);
        let mut page = offset.div_euclid(PAGE_BYTES);
        let mut from = page.checked_mul(PAGE_BYTES)?;
        let mut buffer = vec![0; PAGE_BYTES];
        let mut filled = 0_usize;
        while from < end {
            let length = PAGE_BYTES.min(self.length.checked_sub(from)?);
            let content = buffer.get_mut(..length)?;
            self.disk.read_at(&self.file, u64::try_from(from).ok()?, content).ok()?;
            if page_digest(content) != *self.digests.get(page)? {
                return None;
            }
            let content = content.get(
                offset.saturating_sub(from)
                    ..end.min(from.checked_add(length)?).checked_sub(from)?,
            )?;
            bytes.get_mut(filled..filled.checked_add(content.len())?)?.copy_from_slice(content);
            filled = filled.checked_add(content.len())?;
            page = page.checked_add(1)?;
            from = from.checked_add(PAGE_BYTES)?;
        }
        Some(filled)
    }
}

/// Reads on under one value.
struct Cursor {
    iterator: TableIterator,
    value_of: IndexKey,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Cursor {
    fn new(table: &Table, value_of: IndexKey) -> Self {
        Self { iterator: table.iter(), value_of, key: Vec::new(), value: Vec::new() }
    }

    /// Goes to the first place from `place` on, inclusive.
    fn seek(&mut self, place: Place) -> Option<Place> {
        let wanted = key(self.value_of, place);
        self.iterator.seek(&wanted);
        if !self.iterator.current(&mut self.key, &mut self.value) {
            return None;
        }
        let (value, place) = self.key.split_at_checked(VALUE_BYTES)?;
        let mut number = [0; 16];
        number.get_mut(4..)?.copy_from_slice(place);
        wanted.starts_with(value).then(|| Place::from_be_bytes(number))
    }
}

/// Returns the first place from `target` on that all cursors know.
fn agree(cursors: &mut [Cursor], mut target: Place) -> Option<Place> {
    let mut agreed = 0;
    for at in (0..cursors.len()).cycle() {
        let next = cursors.get_mut(at)?.seek(target)?;
        agreed = if next == target { agreed } else { 0_usize }.saturating_add(1);
        target = next;
        if agreed == cursors.len() {
            break;
        }
    }
    Some(target)
}

/// Returns a key of the table.
fn key(value: IndexKey, place: Place) -> [u8; KEY_BYTES] {
    let (first, rest) = numbers(value, place);
    let bytes = [first.to_be_bytes(), rest.to_be_bytes()];
    bytes.as_flattened().first_chunk().copied().unwrap_or([0; KEY_BYTES])
}

/// Returns a key of the table as numbers: the field, 15 bytes of the value; its last byte, the place.
fn numbers(value: IndexKey, place: Place) -> Key {
    let whole = u128::from_be_bytes(value.value);
    let first = u128::from(value.field) << 120 | whole >> 8;
    (first, whole << 120 | place << 24)
}

/// Returns the place of an entry: the later, the lower.
fn place(time: Time, relative: u32) -> Place {
    // Turns the sign bit round, so that times before 1970 come before the others.
    let time = time.micros().cast_unsigned() ^ (1 << 63);
    Place::from(!time) << 32 | Place::from(!relative)
}

/// Counts a position from its segment's first.
pub(crate) fn relative(first: u64, position: u64) -> u32 {
    // INVARIANT: a segment is closed long before it has so many entries.
    u32::try_from(position.saturating_sub(first)).unwrap_or(u32::MAX)
}

fn page_digest(page: &[u8]) -> [u8; 8] {
    let digest = Hash::from(Sha256::digest(page));
    digest.first_chunk().copied().unwrap_or_default()
}

fn index_file(segment: &Segment) -> String {
    segment_file(segment.first).replace("log/", "index/").replace(".segment", ".index")
}

impl Default for TableOptions {
    fn default() -> Self {
        let mut options = Options::default().with_cache_capacity(CACHED_BLOCKS);
        options.cmp = Arc::new(Box::new(ByteOrder));
        options.block_size = PAGE_BYTES;
        Self(options)
    }
}

impl Cmp for ByteOrder {
    fn cmp(&self, left: &[u8], right: &[u8]) -> std::cmp::Ordering {
        left.cmp(right)
    }

    // A separator of two blocks is the last key of the first: the crate's own, shorter ones lie
    // between the blocks, and seeking what lies there would end before the second.
    fn find_shortest_sep(&self, from: &[u8], _to: &[u8]) -> Vec<u8> {
        from.to_vec()
    }

    fn find_short_succ(&self, key: &[u8]) -> Vec<u8> {
        key.to_vec()
    }

    fn id(&self) -> &'static str {
        "bytes"
    }
}

impl std::fmt::Debug for Indexes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexes").finish_non_exhaustive()
    }
}

// Under this value stand the frames. Entries use the fields from 1 on.
const FRAMES: IndexKey = IndexKey { field: 0, value: [0; 16] };
// The time of frames in their keys: they are looked for by position alone.
const LATEST: Time = Time::from_micros(i64::MAX);
const VALUE_BYTES: usize = 17;
const KEY_BYTES: usize = VALUE_BYTES + 12;
// Large enough that what is kept of each page in memory is little, small enough to read for one key.
const PAGE_BYTES: usize = 16 * 1024;
// The two lengths and the digest at the end of the file.
const END_BYTES: usize = 48;
// 8 MiB of the pages read last.
const CACHED_BLOCKS: usize = 512;
// About 100 KiB each; the newest 64 segments are what nearly all lists look at.
const OPEN_MAX: usize = 64;
