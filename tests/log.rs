//! Log: what was acknowledged is there, whole and unchanged, whatever the disk has done.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[expect(dead_code, reason = "the simulation of a full disk uses the rest")]
#[path = "simulation/disk.rs"]
mod disk;
#[path = "log/lists.rs"]
mod lists;
#[path = "log/unreadable.rs"]
mod unreadable;

use std::ops::ControlFlow;
use std::sync::Arc;

use clearline::calendar::Time;
use clearline::entry::{IndexKey, Parts};
use clearline::log::disk::Disk;
use clearline::log::folder::{Folder, OpenError};
use clearline::log::index::Scratch;
use clearline::log::reader::{ReadError, Reader};
use clearline::log::scrub::{Scrub, Scrubbed};
use clearline::log::segments::{Files, Settings};
use clearline::log::{Commit, Fatal, Log as _, Receipt, Stored, Turn as _, snapshot};
use disk::{End, Failing, Random, SimulatedDisk};

const ORIGIN: &str = "bank.example/decisions";
const FOLD_VERSION: u32 = 1;

/// Makes entry `position`: of a subject or of none, small or of several pages.
fn parts(position: u64, random: &mut Random) -> Parts {
    let size = [0, 10, 150, 450, 5000][usize::try_from(random.below(5)).unwrap()];
    let slot = u32::try_from(random.below(4)).unwrap();
    let personal = if slot == 0 { 0 } else { size };
    let byte = u8::try_from(1 + random.below(255)).unwrap();
    // Two entries a second, across the end of a month.
    let time = Time::from_micros(1_764_547_150_000_000 + i64::try_from(position / 2).unwrap());
    let public = vec![byte; usize::try_from(random.below(200)).unwrap()];
    Parts { kind: byte % 3, time, slot, public, personal: Some(vec![byte; personal]) }
}

/// Finds an entry by its kind, and by the first byte of its public part.
fn values_of(kind: u8, public: &[u8], values: &mut Vec<IndexKey>) {
    values.push(IndexKey { field: 1, value: [kind; 16] });
    values.extend(public.first().map(|byte| IndexKey { field: 2, value: [byte % 5; 16] }));
}

/// Opens the log, on from its snapshot if it has one, and returns it with the entries read.
fn open(disk: &Arc<dyn Disk>, from_snapshot: bool) -> Result<(Files, Vec<Stored>), OpenError> {
    let folder = Folder::open(Arc::clone(disk), ORIGIN)?.listed_by(values_of);
    let settings = Settings { segment_bytes_max: 4000, room_bytes: 1500 };
    let base = snapshot::newest(&**disk, FOLD_VERSION).filter(|_| from_snapshot);
    let mut read = Vec::new();
    let files = Files::open(folder, settings, base.map(|(base, _)| base), &mut |stored| {
        read.push(stored);
        Ok(())
    })?;
    Ok((files, read))
}

fn commit(files: &mut Files, batch: &[Parts]) -> Result<Vec<Receipt>, Fatal> {
    let mut turn = files.take_turn(0)?;
    for parts in batch {
        turn.push(parts)?;
    }
    match turn.commit() {
        Commit::Recorded(recorded) => Ok(recorded.receipts().collect()),
        Commit::Fatal(fatal) => Err(fatal),
        Commit::NotCommitted | Commit::Unknown => panic!("files know what became of a batch"),
    }
}

fn write_snapshot(disk: &Arc<dyn Disk>, files: &Files) -> std::io::Result<()> {
    let mut slices = [vec![1; 3000], vec![2; 3000]].into_iter();
    snapshot::write(&**disk, FOLD_VERSION, &files.base(), &mut slices)
}

/// Writes batches of these sizes to a new log.
fn written(seed: u64, batches: &[u64]) -> (SimulatedDisk, Vec<Stored>) {
    written_with(seed, batches, parts)
}

/// The same with entries of at most a few bytes, for tests that try every byte of the log.
fn written_small(seed: u64, batches: &[u64]) -> (SimulatedDisk, Vec<Stored>) {
    written_with(seed, batches, |position, random| {
        let parts = parts(position, random);
        let length = parts.personal.iter().flatten().count();
        Parts { public: vec![7; length % 7], personal: Some(vec![7; length % 13]), ..parts }
    })
}

fn written_with(
    seed: u64,
    batches: &[u64],
    parts: fn(u64, &mut Random) -> Parts,
) -> (SimulatedDisk, Vec<Stored>) {
    let sim = SimulatedDisk::new(seed);
    let disk = sim.start(End::Killed);
    let (mut files, _) = open(&disk, false).unwrap();
    let mut random = Random::new(seed);
    let mut stored = Vec::new();
    for size in batches {
        let position = files.base().position();
        let batch: Vec<_> = (0..*size).map(|at| parts(position + at, &mut random)).collect();
        let receipts = commit(&mut files, &batch).unwrap();
        let pairs = batch.into_iter().zip(receipts);
        stored.extend(pairs.map(|(parts, receipt)| Stored { parts, receipt }));
    }
    (sim, stored)
}

fn segment_names(sim: &SimulatedDisk) -> Vec<String> {
    let names = sim.fork().start(End::Killed).list("log").unwrap();
    names
        .into_iter()
        .filter(|name| name.ends_with("segment"))
        .map(|name| format!("log/{name}"))
        .collect()
}

fn scrub(reader: &Reader) -> Result<usize, ReadError> {
    let mut scrub = Scrub::default();
    let mut count = 0;
    while scrub.step(reader, || {})? != Scrubbed::All {
        count += 1;
    }
    Ok(count)
}

#[test]
fn what_was_committed_is_read_back() {
    let (sim, stored) = written(1, &[1, 3, 2, 40, 1, 30, 1]);
    let (mut files, read) = open(&sim.start(End::PowerLoss), false).unwrap();
    assert_eq!(read, stored);
    assert!(commit(&mut files, &[]).unwrap().is_empty());

    let reader = files.reader();
    assert_eq!(usize::try_from(reader.durable()).unwrap(), stored.len());
    for (position, stored) in (0..).zip(&stored) {
        assert_eq!(&reader.read(position).unwrap(), stored);
        let note = reader.checkpoint(position).unwrap();
        let checkpoint = reader.verifier().verify(note.as_bytes()).unwrap();
        assert_eq!(checkpoint.size, stored.receipt.tree_size());
    }
    assert!(matches!(reader.read(reader.durable()), Err(ReadError::Absent { .. })));
    let mut scanned = Vec::new();
    let mut take = |stored| {
        scanned.push(stored);
        ControlFlow::Continue(())
    };
    reader.scan(5, &mut take).unwrap();
    assert_eq!(scanned, stored[5..]);
    assert!(1 < scrub(&reader).unwrap());
}

#[test]
fn a_scrub_lets_rest_after_each_frame() {
    let (sim, _) = written(1, &[1, 3, 2, 40, 1, 30, 1]);
    let (files, _) = open(&sim.start(End::Killed), false).unwrap();
    let (reader, mut scrub, mut rests) = (files.reader(), Scrub::default(), Vec::new());
    loop {
        let mut frames = 0;
        if scrub.step(&reader, || frames += 1).unwrap() == Scrubbed::All {
            break;
        }
        rests.push(frames);
    }
    // A batch is a frame; the last segment is not sealed.
    assert_eq!(rests, [2, 2, 2]);
}

#[test]
fn an_erased_person_is_gone_and_the_rest_stays() {
    let (sim, stored) = written(2, &[20]);
    let disk = sim.start(End::Killed);
    let (files, _) = open(&disk, false).unwrap();
    Folder::open_read_only(disk).unwrap().keys().destroy_subject(2).unwrap();
    drop(files);

    let (_, read) = open(&sim.start(End::PowerLoss), false).unwrap();
    for (read, stored) in read.iter().zip(&stored) {
        assert_eq!(read.receipt, stored.receipt);
        assert_eq!(read.parts.public, stored.parts.public);
        let kept = stored.parts.personal.clone().filter(|_| stored.parts.slot != 2);
        assert_eq!(read.parts.personal, kept);
    }
}

#[test]
fn an_entry_that_no_log_can_hold_stops_it() {
    let good = parts(1, &mut Random::new(3));
    let bad = [
        Parts { public: vec![0; 65_485], ..good.clone() },
        Parts { personal: Some(vec![0; (1 << 20) + 1]), slot: 1, ..good.clone() },
        Parts { personal: Some(vec![0]), slot: 0, ..good.clone() },
        Parts { personal: None, slot: 1, ..good.clone() },
        Parts { time: Time::from_micros(good.time.micros() - 1), ..good.clone() },
    ];
    for bad in bad {
        let (mut files, _) = open(&SimulatedDisk::new(3).start(End::Killed), false).unwrap();
        commit(&mut files, std::slice::from_ref(&good)).unwrap();
        assert!(matches!(commit(&mut files, &[bad]), Err(Fatal::Entry { position: 1, .. })));
        assert!(matches!(files.take_turn(1).map(drop), Err(Fatal::Stopped)));
        assert_eq!(files.reader().durable(), 1);
    }
}

/// Returns where the last frame of a segment ends: what comes after it is zeros, room for more.
fn in_use(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Tries every flip in the segments and tells which are found neither at the start nor by the scrub.
fn unseen_flips(sim: &SimulatedDisk, from_snapshot: bool) -> Vec<String> {
    let mut unseen = Vec::new();
    for name in segment_names(sim) {
        let bytes = sim.fork().start(End::Killed).read(&name).unwrap();
        for at in 0..in_use(&bytes) {
            let fork = sim.fork();
            fork.change(&name, |bytes| bytes[at] ^= 1 << (at % 8));
            let opened = open(&fork.start(End::Killed), from_snapshot);
            let found = opened.map_or(true, |(files, _)| scrub(&files.reader()).is_err());
            if !found {
                unseen.push(format!("{name} {at}"));
            }
        }
    }
    unseen
}

#[test]
fn every_flipped_byte_is_found() {
    let (sim, _) = written_small(4, &[1, 14, 3, 15, 1, 2]);
    assert!(2 <= segment_names(&sim).len());
    assert_eq!(unseen_flips(&sim, false), [""; 0]);

    // With a snapshot at the end, a start reads the last segment only.
    let disk = sim.start(End::Killed);
    let (files, _) = open(&disk, false).unwrap();
    write_snapshot(&disk, &files).unwrap();
    drop(files);
    assert_eq!(unseen_flips(&sim, true), [""; 0]);
}

#[test]
fn a_cut_is_mended_only_where_nothing_shows_that_more_was_released() {
    let (sim, stored) = written_small(5, &[1, 14, 3, 15, 2, 4]);
    let ends: Vec<_> = stored.iter().map(|stored| stored.receipt.tree_size()).collect();
    let names = segment_names(&sim);
    assert!(2 <= names.len());
    let closed = sim.fork();
    let (files, _) = open(&closed.start(End::Killed), false).unwrap();
    files.close().unwrap();

    for (at, name) in names.iter().enumerate() {
        let is_tail = at + 1 == names.len();
        let length = sim.fork().start(End::Killed).size(name).unwrap();
        let mut before = None;
        for length in 0..usize::try_from(length).unwrap() {
            let cut = |sim: &SimulatedDisk| {
                let fork = sim.fork();
                fork.change(name, |bytes| bytes.truncate(length));
                open(&fork.start(End::PowerLoss), false)
            };
            if let Ok((_, read)) = cut(&closed) {
                // Only a frame's own hash can be computed again.
                assert_eq!(read, stored, "{name} {length}");
            }
            match cut(&sim) {
                Ok((_, read)) => {
                    assert!(is_tail, "{name} {length}");
                    assert_eq!(read, stored[..read.len()]);
                    let whole = ends.get(read.len()).is_none_or(|next| {
                        ends.get(read.len().wrapping_sub(1)).is_none_or(|end| end != next)
                    });
                    assert!(whole, "{name} {length}");
                    assert!(before.is_none_or(|before| before <= read.len()));
                    before = Some(read.len());
                }
                Err(_) => assert!(before.is_none(), "{name} {length}"),
            }
        }
    }
}

#[test]
fn damage_that_no_loss_of_power_leaves_is_not_cut_off() {
    let (sim, stored) = written(6, &[2, 3, 1]);
    let [tail] = segment_names(&sim).try_into().unwrap();
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let fork = sim.fork();
        fork.change(&tail, |bytes| change(bytes));
        open(&fork.start(End::PowerLoss), false).map(|(_, read)| read.len())
    };
    // Bytes after the last frame, a frame twice, and a hole before a whole frame.
    assert!(refused(&|bytes| bytes.push(1)).is_err());
    assert!(refused(&|bytes| bytes.extend_from_within(200..)).is_err());
    assert!(refused(&|bytes| bytes[300..1500].fill(0)).is_err());
    // A file grown by zeros, and the end of the last frame in a sector that was never written.
    assert_eq!(refused(&|bytes| bytes.extend([0; 600])).unwrap(), stored.len());
    let cut = refused(&|bytes| {
        let from = bytes.len() / 512 * 512;
        bytes[from..].fill(0);
    });
    assert_eq!(cut.unwrap(), 5);
}

#[test]
fn a_log_shorter_than_its_snapshot_is_refused() {
    let (sim, _) = written(7, &[2, 3]);
    let short = sim.fork();
    let disk = sim.start(End::Killed);
    let (mut files, read) = open(&disk, false).unwrap();
    commit(&mut files, &[parts(5, &mut Random::new(1))]).unwrap();
    write_snapshot(&disk, &files).unwrap();
    let name = "snapshots/00000000000000000006.snapshot";
    let bytes = disk.read(name).unwrap();

    let disk = short.start(End::Killed);
    drop(open(&disk, false).unwrap());
    drop(disk.replace(name, &[&bytes]).unwrap());
    assert!(matches!(open(&disk, true), Err(OpenError::CutShort { end: 5, shown: 6, .. })));
    assert_eq!(read.len(), 5);
}

#[test]
fn a_damaged_snapshot_is_passed_over_and_two_are_kept() {
    let (sim, stored) = written(8, &[2, 3]);
    let disk = sim.start(End::Killed);
    let (mut files, _) = open(&disk, false).unwrap();
    for position in 5..9 {
        write_snapshot(&disk, &files).unwrap();
        commit(&mut files, &[parts(position, &mut Random::new(1))]).unwrap();
    }
    let names = disk.list("snapshots").unwrap();
    assert_eq!(names, ["00000000000000000007.snapshot", "00000000000000000008.snapshot"]);
    let (base, payload) = snapshot::newest(&*disk, FOLD_VERSION).unwrap();
    assert_eq!((base.position(), payload.len()), (8, 6000));
    assert!(snapshot::newest(&*disk, FOLD_VERSION + 1).is_none());

    let newest = format!("snapshots/{}", names[1]);
    let length = usize::try_from(disk.size(&newest).unwrap()).unwrap();
    for at in (0..length).step_by(7).chain([length - 1]) {
        let fork = sim.fork();
        fork.change(&newest, |bytes| bytes[at] ^= 8);
        let disk = fork.start(End::Killed);
        let base = snapshot::newest(&*disk, FOLD_VERSION).unwrap().0;
        assert_eq!(base.position(), 7, "byte {at}");
        assert_eq!(open(&disk, true).unwrap().1.len(), 2);
    }
    assert_eq!(stored.len(), 5);
}

#[test]
fn a_log_is_read_while_it_is_written() {
    let (sim, mut stored) = written(11, &[3, 4]);
    let disk = sim.start(End::Killed);
    let (mut files, _) = open(&disk, false).unwrap();
    let random = &mut Random::new(11);
    for position in 7..60 {
        let other = Folder::open_read_only(Arc::clone(&disk)).unwrap().listed_by(values_of);
        let other = Reader::open(&other).unwrap();
        let parts = parts(position, random);
        let receipts = commit(&mut files, std::slice::from_ref(&parts)).unwrap();
        assert_eq!(other.durable(), position);
        assert_eq!(other.read(position - 1).unwrap(), stored[stored.len() - 1]);
        assert!(matches!(other.read(position), Err(ReadError::Absent { .. })));
        stored.push(Stored { parts, receipt: receipts[0].clone() });
    }
    // A frame that is only half written is not there yet.
    let tail = segment_names(&sim).pop().unwrap();
    sim.change(&tail, |bytes| bytes.truncate(in_use(bytes) - 40));
    let folder = Folder::open_read_only(disk).unwrap();
    assert_eq!(Reader::open(&folder).unwrap().durable(), 59);
}

#[test]
fn the_bytes_of_the_first_version_stay_as_they_are() {
    let disk = SimulatedDisk::new(12).start(End::Killed);
    let (mut files, _) = open(&disk, false).unwrap();
    let time = Time::from_micros(1_790_000_000_000_000);
    let (public, personal) = (b"public".to_vec(), Some(Vec::new()));
    let of_nobody = Parts { kind: 1, time, slot: 0, public, personal };
    let personal = Some(b"personal".to_vec());
    let of_somebody = Parts { kind: 2, slot: 3, personal, ..of_nobody.clone() };
    commit(&mut files, &[of_nobody, of_somebody]).unwrap();

    let bytes = disk.read("log/00000000000000000000.segment").unwrap();
    let header = 20 + 8 + 32 + 2 + ORIGIN.len() + 32;
    let frame =
        8 + usize::try_from(u32::from_be_bytes(bytes[header + 4..header + 8].try_into().unwrap()))
            .unwrap();
    golden("log_segment_header.hex", &hex(&bytes[..header]));
    golden("log_frame.hex", &hex(&bytes[header..header + frame]));
    golden("log_checkpoint.txt", &files.reader().checkpoint(0).unwrap());
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(32).map(|line| {
        let digits: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.concat() + "\n"
    });
    lines.collect()
}

#[track_caller]
fn golden(name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "{name}: golden bytes are added, never edited");
}

/// One log through several lives of its process, each ended by whatever the seed says.
struct Life {
    sim: SimulatedDisk,
    random: Random,
    // What must be there.
    acknowledged: Vec<Stored>,
    // The batch under way when the last process ended: all of it may be there, or nothing.
    pending: Vec<Parts>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let (acknowledged, pending) = (Vec::new(), Vec::new());
        Self { sim: SimulatedDisk::new(seed), random: Random::new(!seed), acknowledged, pending }
    }

    fn chance(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    /// Starts a process, disturbs it, and lets it work until it ends.
    fn run(&mut self) {
        let end = if self.chance(3) { End::Killed } else { End::PowerLoss };
        let disk = self.sim.start(end);
        let operations = self.random.below(60);
        match self.random.below(4) {
            0 => self.sim.fail_after(operations, Failing::Once),
            1 => self.sim.fail_after(operations, Failing::ForGood),
            _ => self.sim.crash_after(operations),
        }
        let from_snapshot = self.chance(2);
        match open(&disk, from_snapshot) {
            Ok((files, read)) => {
                self.check(&files, &read);
                self.work(&disk, files);
            }
            Err(error) => assert!(self.sim.disturbed(), "{error}: {error:?}"),
        }
        assert!(self.sim.disturbed() || self.pending.is_empty());
    }

    /// Checks that the log is whole batches and holds all that was acknowledged.
    fn check(&mut self, files: &Files, read: &[Stored]) {
        let end = usize::try_from(files.base().position()).unwrap();
        let from = end - read.len();
        let pending = std::mem::take(&mut self.pending);
        let known = self.acknowledged.len();
        assert!(end == known || end == known + pending.len(), "{end}, {known}, {}", pending.len());
        for (at, stored) in (from..).zip(read) {
            match self.acknowledged.get(at) {
                Some(acknowledged) => assert_eq!(stored, acknowledged),
                None => assert_eq!(stored.parts, pending[at - known]),
            }
        }
        if known < end {
            // From here on it is there for good: readers have seen it.
            self.acknowledged.extend_from_slice(&read[known.saturating_sub(from)..]);
        }
    }

    fn work(&mut self, disk: &Arc<dyn Disk>, mut files: Files) {
        for _ in 0..40 {
            let position = files.base().position();
            let size = 1 + self.random.below(4);
            let batch: Vec<_> =
                (0..size).map(|at| parts(position + at, &mut self.random)).collect();
            match commit(&mut files, &batch) {
                Ok(receipts) => {
                    let pairs = batch.into_iter().zip(receipts);
                    self.acknowledged
                        .extend(pairs.map(|(parts, receipt)| Stored { parts, receipt }));
                }
                Err(error) => {
                    assert!(self.sim.disturbed(), "{error}: {error:?}");
                    assert!(matches!(files.take_turn(0).map(drop), Err(Fatal::Stopped)));
                    self.pending = batch;
                    return;
                }
            }
            let reader = files.reader();
            let behind = match self.random.below(12) {
                0 => write_snapshot(disk, &files).is_ok(),
                1 => reader.build_index(&mut Scratch::default()).is_ok(),
                2 => scrub(&reader).is_ok(),
                3 if self.chance(3) => return self.sim.crash_after(0),
                _ => true,
            };
            assert!(behind || self.sim.disturbed());
        }
        let closed = files.close();
        assert!(closed.is_ok() || self.sim.disturbed());
        self.sim.crash_after(0);
    }

    /// Starts once more, undisturbed, and reads everything in every way.
    fn finish(mut self) -> (u64, usize) {
        let disk = self.sim.start(End::PowerLoss);
        let (files, read) = open(&disk, false).unwrap();
        self.check(&files, &read);
        assert_eq!(read, self.acknowledged);
        let reader = files.reader();
        while reader.build_index(&mut Scratch::default()).unwrap() {}
        scrub(&reader).unwrap();
        if let Some(last) = self.acknowledged.len().checked_sub(1) {
            let position = u64::try_from(last).unwrap();
            assert_eq!(reader.read(position).unwrap(), self.acknowledged[last]);
        }
        (self.sim.trace(), self.acknowledged.len())
    }
}

#[test]
fn nothing_acknowledged_is_lost_whatever_the_disk_does() {
    let live = |seed| {
        let mut life = Life::new(seed);
        for _ in 0..6 {
            life.run();
        }
        life.finish()
    };
    let mut entries = 0;
    for seed in 0..1000 {
        let (trace, length) = live(seed);
        entries += length;
        if seed % 50 == 0 {
            assert_eq!(live(seed), (trace, length), "seed {seed} is not the same twice");
        }
    }
    assert!(30_000 < entries, "{entries}: hardly anything was written");
}
