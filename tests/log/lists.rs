//! Lists: what is found through indexes is what is there.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clearline::log::Stored;
use clearline::log::disk::{Append, Disk, Lock};
use clearline::log::folder::Folder;
use clearline::log::index::Scratch;
use clearline::log::reader::{Query, Reader};
use clearline::log::segments::{Files, Settings};

use crate::disk::{End, Random, SimulatedDisk};
use crate::*;

/// Lists the plain way.
fn naive(stored: &[Stored], query: &Query) -> Vec<Stored> {
    let wanted = stored.iter().rev().filter(|stored| {
        let mut values = Vec::new();
        values_of(stored.parts.kind, &stored.parts.public, &mut values);
        stored.receipt.index() < query.below
            && query.keys.iter().all(|key| values.contains(key))
            && query.from.is_none_or(|from| from <= stored.parts.time)
            && query.until.is_none_or(|until| stored.parts.time < until)
    });
    wanted.take(query.limit).cloned().collect()
}

#[track_caller]
fn check_lists(reader: &Reader, stored: &[Stored], random: &mut Random) {
    let number = |end: u64, random: &mut Random| usize::try_from(random.below(end)).unwrap();
    let length = u64::try_from(stored.len()).unwrap();
    for _ in 0..100 {
        let kind = IndexKey { field: 1, value: [u8::try_from(random.below(4)).unwrap(); 16] };
        let byte = IndexKey { field: 2, value: [u8::try_from(random.below(6)).unwrap(); 16] };
        let keys = [vec![], vec![kind], vec![byte], vec![kind, byte]][number(4, random)].clone();
        let mut time = || {
            let at = number(length * 3 / 2, random);
            stored.get(at).map(|stored| stored.parts.time)
        };
        let (from, until) = (time(), time());
        let below = [random.below(length + 2), u64::MAX][number(2, random)];
        let limit = [1, 5, 1000][number(3, random)];
        let query = Query { keys, from, until, below, limit };
        assert_eq!(reader.list(&query).unwrap(), naive(stored, &query), "{query:?}");
    }
}

#[test]
fn lists_are_the_same_with_and_without_indexes() {
    let (sim, stored) = written(9, &[1; 120]);
    let random = &mut Random::new(9);
    let (files, _) = open(&sim.start(End::Killed), false).unwrap();
    let reader = files.reader();
    assert!(3 < reader.unindexed());
    check_lists(&reader, &stored, random);
    assert!(reader.build_index(&mut Scratch::default()).unwrap());
    check_lists(&reader, &stored, random);
    while reader.build_index(&mut Scratch::default()).unwrap() {}
    assert_eq!(reader.unindexed(), 0);
    check_lists(&reader, &stored, random);

    let (files, _) = open(&sim.start(End::PowerLoss), false).unwrap();
    assert_eq!(files.reader().unindexed(), 0);
    check_lists(&files.reader(), &stored, random);
}

#[test]
fn a_damaged_index_is_never_believed_and_is_built_again() {
    let (sim, stored) = written(10, &[1; 60]);
    let random = &mut Random::new(10);
    let (files, _) = open(&sim.start(End::Killed), false).unwrap();
    while files.reader().build_index(&mut Scratch::default()).unwrap() {}
    drop(files);
    let disk = sim.fork().start(End::Killed);
    let name = format!("index/{}", disk.list("index").unwrap()[0]);
    let length = usize::try_from(disk.size(&name).unwrap()).unwrap();
    for at in (0..length).step_by(31).chain([length - 1]) {
        let fork = sim.fork();
        fork.change(&name, |bytes| bytes[at] ^= 4);
        let (files, _) = open(&fork.start(End::Killed), false).unwrap();
        let reader = files.reader();
        check_lists(&reader, &stored, random);
        assert_eq!(reader.unindexed(), 1, "byte {at}");
        assert!(reader.build_index(&mut Scratch::default()).unwrap());
        check_lists(&reader, &stored, random);
        assert_eq!(reader.unindexed(), 0);
    }
}

#[test]
fn an_index_is_the_same_whether_its_entries_were_written_or_read() {
    let sim = SimulatedDisk::new(12);
    let disk = sim.start(End::Killed);
    let (mut files, _) = open(&disk, false).unwrap();
    let random = &mut Random::new(12);
    for position in 0..40 {
        commit(&mut files, &[parts(position, random)]).unwrap();
    }
    let indexes = |reader: &Reader| -> Vec<(String, Vec<u8>)> {
        let scratch = &mut Scratch::default();
        while reader.build_index(scratch).unwrap() {}
        let names = disk.list("index").unwrap();
        names
            .iter()
            .map(|name| (name.clone(), disk.read(&format!("index/{name}")).unwrap()))
            .collect()
    };
    let written = indexes(&files.reader());
    assert!(3 < written.len(), "{}", written.len());
    for (name, _) in &written {
        disk.remove(&format!("index/{name}")).unwrap();
    }
    let folder = Folder::open_read_only(Arc::clone(&disk)).unwrap().listed_by(values_of);
    assert_eq!(indexes(&Reader::open(&folder).unwrap()), written);
}

/// A disk that counts how often a file is opened to be read.
#[derive(Debug)]
struct Counting {
    disk: Arc<dyn Disk>,
    reads: AtomicUsize,
}

impl Disk for Counting {
    fn read_at(&self, path: &str, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.disk.read_at(path, offset, bytes)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn Append>> {
        self.disk.create(path)
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.disk.size(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn lay_away(&self, path: &str) {
        self.disk.lay_away(path);
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.create_folder(folder)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }

    fn is_private(&self, path: &str) -> io::Result<bool> {
        self.disk.is_private(path)
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock(path)
    }

    fn free(&self) -> io::Result<u64> {
        self.disk.free()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.disk.fill_random(bytes)
    }
}

/// Opens a log whose segments end at a mebibyte.
fn open_large(disk: &Arc<dyn Disk>) -> Files {
    let folder = Folder::open(Arc::clone(disk), ORIGIN).unwrap().listed_by(values_of);
    let settings = Settings { segment_bytes_max: 1 << 20, room_bytes: 64 << 10 };
    Files::open(folder, settings, None, &mut |_| Ok(())).unwrap()
}

#[test]
fn a_thousand_frames_without_an_index_are_searched_in_a_few_reads() {
    let sim = SimulatedDisk::new(13);
    let counting = Arc::new(Counting { disk: sim.start(End::Killed), reads: 0.into() });
    let disk: Arc<dyn Disk> = Arc::<Counting>::clone(&counting);
    let mut files = open_large(&disk);
    let random = &mut Random::new(13);
    let mut stored = Vec::new();
    for position in 0..1_000 {
        let public = vec![if position == 0 { 4 } else { 1 }; 150];
        let parts = Parts { public, personal: Some(vec![]), slot: 0, ..parts(position, random) };
        let receipt = commit(&mut files, std::slice::from_ref(&parts)).unwrap().remove(0);
        stored.push(Stored { parts, receipt });
    }
    let reader = files.reader();
    assert_eq!(reader.unindexed(), 0, "one segment, which is not sealed yet");
    let reads = |query: &Query| {
        let before = counting.reads.load(Ordering::Relaxed);
        assert_eq!(reader.list(query).unwrap(), naive(&stored, query), "{query:?}");
        counting.reads.load(Ordering::Relaxed) - before
    };
    let key = |byte| vec![IndexKey { field: 2, value: [byte; 16] }];
    let query = |keys, limit| Query { keys, from: None, until: None, below: u64::MAX, limit };
    // Half a mebibyte, from 16 KiB on twice as much each time.
    let all = reads(&query(key(4), 16));
    assert!((4..=8).contains(&all), "{all} reads");
    assert_eq!(reads(&query(key(1), 1)), 1, "who wants the latest reads no further");

    // Where each frame is damaged in turn, that is what is said, or the frame was not wanted.
    drop(files);
    let [name] = segment_names(&sim).try_into().unwrap();
    let whole = sim.fork().start(End::Killed).read(&name).unwrap();
    for at in (200..in_use(&whole)).step_by(40_009) {
        let fork = sim.fork();
        let disk = fork.start(End::Killed);
        let files = open_large(&disk);
        fork.change(&name, |bytes| bytes[at] ^= 1);
        let found = files.reader().list(&query(key(4), 16));
        assert!(matches!(found, Err(ReadError::Damaged { .. })), "byte {at}: {found:?}");
        let latest = files.reader().list(&query(key(1), 1)).unwrap();
        assert_eq!(latest, naive(&stored, &query(key(1), 1)), "byte {at}");
    }
}
