//! Disk: a simulated disk that fails and loses power, the same way for the same seed.
//!
//! It keeps what a process sees apart from what is on disk. A loss of power leaves of everything
//! that was not synced what the seed says: a prefix of it, some of its 4,096-byte pages with zeros
//! between them, or nothing; and of each name that was not synced either what it was or what it had
//! become. A failed sync writes some pages, and takes all of them for written ever after, as Linux
//! does.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use clearline::log::disk::{Append, Disk, Lock};

/// The disk, as whoever runs the simulation holds it.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

/// The disk as one process sees it. Fails once the process or the machine is gone.
#[derive(Clone, Debug)]
struct Process {
    disk: SimulatedDisk,
    number: u64,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// It is killed: all that it wrote stays, in memory if not on disk.
    Killed,
    /// The machine loses power: only what is on disk stays.
    PowerLoss,
}

/// Which syncs fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failing {
    /// The next one.
    Once,
    /// The next one and all after it.
    ForGood,
}

#[derive(Clone, Debug)]
struct State {
    random: Random,
    // The process that may use the disk.
    process: u64,
    locked: bool,
    operations: u64,
    crash_at: Option<u64>,
    crashed: bool,
    failing: Option<(u64, Failing)>,
    failed: bool,
    trace: u64,
    // Bytes that fit into all files that have a name.
    capacity: usize,
    // Writes that did not fit.
    unfit: u64,
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    names_on_disk: BTreeMap<String, usize>,
    folders: BTreeSet<String>,
    folders_on_disk: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
struct File {
    // Shared by the forks of a disk until they differ.
    bytes: Arc<Vec<u8>>,
    on_disk: Arc<Vec<u8>>,
    // Pages that the next sync will write.
    dirty: BTreeSet<usize>,
}

#[derive(Debug)]
struct Handle {
    process: Process,
    file: usize,
    // Where the next byte goes; what is after it was prepared.
    end: usize,
}

#[derive(Debug)]
struct Held(SimulatedDisk, u64);

/// A generator of numbers that nobody need guess: `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl SimulatedDisk {
    pub(crate) fn new(seed: u64) -> Self {
        let state = State {
            random: Random(seed),
            process: 0,
            locked: false,
            operations: 0,
            crash_at: None,
            crashed: false,
            failing: None,
            failed: false,
            trace: 0,
            capacity: usize::MAX,
            unfit: 0,
            files: Vec::new(),
            names: BTreeMap::new(),
            names_on_disk: BTreeMap::new(),
            folders: BTreeSet::new(),
            folders_on_disk: BTreeSet::new(),
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Returns another disk with the same on it.
    pub(crate) fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Starts a process, and ends the one before it if that is still there.
    pub(crate) fn start(&self, end: End) -> Arc<dyn Disk> {
        let mut state = self.state();
        if end == End::PowerLoss {
            state.lose_power();
        }
        state.process += 1;
        (state.locked, state.crashed, state.failed) = (false, false, false);
        (state.crash_at, state.failing) = (None, None);
        Arc::new(Process { disk: self.clone(), number: state.process })
    }

    /// Ends the process `operations` writes, syncs and renames from now.
    pub(crate) fn crash_after(&self, operations: u64) {
        let mut state = self.state();
        state.crash_at = Some(state.operations + operations);
    }

    /// Lets the first sync fail that is at least `operations` from now.
    pub(crate) fn fail_after(&self, operations: u64, failing: Failing) {
        let mut state = self.state();
        state.failing = Some((state.operations + operations, failing));
    }

    /// Lets the disk hold so many bytes and no more.
    pub(crate) fn hold(&self, capacity: usize) {
        self.state().capacity = capacity;
    }

    /// Returns how many bytes all its files hold.
    pub(crate) fn used(&self) -> usize {
        self.state().used()
    }

    /// Tells whether a write did not fit.
    pub(crate) fn was_full(&self) -> bool {
        0 < self.state().unfit
    }

    /// Tells whether the process was ended or a sync has failed under it.
    pub(crate) fn disturbed(&self) -> bool {
        let state = self.state();
        state.crashed || state.failed
    }

    /// Returns a digest of every operation so far and of what became of it.
    pub(crate) fn trace(&self) -> u64 {
        self.state().trace
    }

    /// Changes the bytes of a file, on disk and in memory.
    pub(crate) fn change(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let file = state.names[path];
        let file = &mut state.files[file];
        change(Arc::make_mut(&mut file.bytes));
        file.on_disk.clone_from(&file.bytes);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    /// Counts an operation, and tells whether the process is still there to do it.
    fn step(&mut self, process: u64, what: &str, path: &str, length: usize) -> io::Result<()> {
        if self.crashed || process != self.process {
            return Err(io::Error::other("the process is gone"));
        }
        self.operations += 1;
        if self.crash_at.is_some_and(|at| at <= self.operations) {
            self.crashed = true;
        }
        let crashed = self.crashed;
        let line = format!("{what} {path} {length} {crashed}");
        for byte in line.bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // The operation under way when the process ends may be done or not.
        if crashed && self.random.below(2) == 0 {
            return Err(io::Error::other("the process was ended"));
        }
        Ok(())
    }

    fn used(&self) -> usize {
        let named: BTreeSet<usize> =
            self.names.values().chain(self.names_on_disk.values()).copied().collect();
        named.iter().map(|file| self.files[*file].bytes.len()).sum()
    }

    /// Makes sure that a file may grow to `length`.
    fn fits(&mut self, file: usize, length: usize) -> io::Result<()> {
        let more = length.saturating_sub(self.files[file].bytes.len());
        // Adding up all files for each write would take most of the time of a simulation.
        if self.capacity != usize::MAX && self.capacity < self.used() + more {
            self.unfit += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Tells whether this sync fails.
    fn sync_fails(&mut self) -> bool {
        let fails = self.failing.is_some_and(|(at, _)| at <= self.operations);
        if let (true, Some((_, Failing::Once))) = (fails, self.failing) {
            self.failing = None;
        }
        self.failed |= fails;
        fails
    }

    fn lose_power(&mut self) {
        let lost: Vec<_> = self.folders.difference(&self.folders_on_disk).cloned().collect();
        for folder in lost {
            if self.random.below(2) == 0 {
                self.folders.remove(&folder);
                let under = format!("{folder}/");
                self.folders.retain(|other| !other.starts_with(&under));
                self.names.retain(|name, _| !name.starts_with(&under));
                self.names_on_disk.retain(|name, _| !name.starts_with(&under));
            }
        }
        self.folders_on_disk.clone_from(&self.folders);
        let all: BTreeSet<_> =
            self.names.keys().chain(self.names_on_disk.keys()).cloned().collect();
        for name in all {
            let (now, before) = (self.names.get(&name), self.names_on_disk.get(&name));
            if now != before && self.random.below(2) == 0 {
                match before.copied() {
                    Some(file) => self.names.insert(name, file),
                    None => self.names.remove(&name),
                };
            }
        }
        self.names_on_disk.clone_from(&self.names);
        for file in &mut self.files {
            file.lose_power(&mut self.random);
        }
    }
}

impl File {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        let all = Arc::make_mut(&mut self.bytes);
        all.resize(all.len().max(end), 0);
        all[at..end].copy_from_slice(bytes);
        self.dirty.extend(at / PAGE..end.div_ceil(PAGE));
    }

    fn write_page(&mut self, page: usize) {
        let range = page * PAGE..self.bytes.len().min((page + 1) * PAGE);
        let on_disk = Arc::make_mut(&mut self.on_disk);
        if on_disk.len() < range.end {
            on_disk.resize(range.end, 0);
        }
        on_disk[range.clone()].copy_from_slice(&self.bytes[range]);
    }

    fn lose_power(&mut self, random: &mut Random) {
        let dirty = std::mem::take(&mut self.dirty);
        let kept = self.on_disk.len();
        match random.below(3) {
            0 => {}
            1 => dirty.iter().for_each(|page| self.write_page(*page)),
            _ => {
                for page in dirty {
                    if random.below(2) == 0 {
                        self.write_page(page);
                    }
                }
            }
        }
        if kept < self.on_disk.len() && random.below(2) == 0 {
            let unsynced = u64::try_from(self.on_disk.len() - kept).unwrap();
            let length = kept + usize::try_from(random.below(unsynced + 1)).unwrap();
            Arc::make_mut(&mut self.on_disk).truncate(length);
        }
        self.bytes.clone_from(&self.on_disk);
    }
}

impl Process {
    fn step(
        &self,
        what: &str,
        path: &str,
        length: usize,
    ) -> io::Result<std::sync::MutexGuard<'_, State>> {
        let mut state = self.disk.state();
        state.step(self.number, what, path, length)?;
        Ok(state)
    }

    fn look(&self) -> io::Result<std::sync::MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.crashed || self.number != state.process {
            return Err(io::Error::other("the process is gone"));
        }
        Ok(state)
    }
}

/// Tells the caller that the process was ended during an operation that was done all the same.
fn done(state: &State) -> io::Result<()> {
    if state.crashed { Err(io::Error::other("the process was ended")) } else { Ok(()) }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Disk for Process {
    fn lay_away(&self, _path: &str) {}

    fn create(&self, path: &str) -> io::Result<Box<dyn Append>> {
        let mut state = self.step("create", path, 0)?;
        if !folder_of(path).is_empty() && !state.folders.contains(folder_of(path)) {
            return Err(missing());
        }
        let file = state.files.len();
        state.files.push(File::default());
        state.names.insert(path.to_owned(), file);
        done(&state)?;
        Ok(Box::new(Handle { process: self.clone(), file, end: 0 }))
    }

    fn read_at(&self, path: &str, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let state = self.look()?;
        let file = &state.files[*state.names.get(path).ok_or_else(missing)?];
        let rest = file.bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        let state = self.look()?;
        let file = &state.files[*state.names.get(path).ok_or_else(missing)?];
        Ok(u64::try_from(file.bytes.len()).unwrap())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.step("rename", to, 0)?;
        let file = state.names.remove(from).ok_or_else(missing)?;
        state.names.insert(to.to_owned(), file);
        done(&state)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.step("remove", path, 0)?;
        state.names.remove(path).ok_or_else(missing)?;
        done(&state)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.look()?;
        let within = state.names.keys().filter(|name| folder_of(name) == folder);
        Ok(within.map(|name| name.rsplit('/').next().unwrap().to_owned()).collect())
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.step("create folder", folder, 0)?;
        state.folders.insert(folder.to_owned());
        done(&state)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.step("sync folder", folder, 0)?;
        if !folder.is_empty() && !state.folders.contains(folder) {
            return Err(missing());
        }
        if state.sync_fails() {
            return Err(io::Error::other("the sync failed"));
        }
        let State { names, names_on_disk, folders, folders_on_disk, .. } = &mut *state;
        let (all, on_disk) = (names.clone(), folders.clone());
        names_on_disk.retain(|name, _| folder_of(name) != folder);
        names_on_disk.extend(all.into_iter().filter(|(name, _)| folder_of(name) == folder));
        folders_on_disk.extend(on_disk.into_iter().filter(|name| folder_of(name) == folder));
        done(&state)
    }

    fn is_private(&self, path: &str) -> io::Result<bool> {
        let state = self.look()?;
        let known = state.names.contains_key(path) || state.folders.contains(path);
        known.then_some(true).ok_or_else(missing)
    }

    fn lock(&self, _path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        let mut state = self.look()?;
        if std::mem::replace(&mut state.locked, true) {
            return Ok(None);
        }
        Ok(Some(Box::new(Held(self.disk.clone(), self.number))))
    }

    fn free(&self) -> io::Result<u64> {
        let state = self.look()?;
        Ok(u64::try_from(state.capacity.saturating_sub(state.used())).unwrap())
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut state = self.look()?;
        for byte in bytes {
            *byte = u8::try_from(state.random.below(256)).unwrap();
        }
        Ok(())
    }
}

impl Append for Handle {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.process.step("append", "", bytes.len())?;
        state.fits(self.file, self.end + bytes.len())?;
        state.files[self.file].write(self.end, bytes);
        self.end += bytes.len();
        done(&state)
    }

    fn room(&self) -> usize {
        self.process.disk.state().files[self.file].bytes.len() - self.end
    }

    fn prepare(&mut self, bytes: usize) -> io::Result<()> {
        let mut state = self.process.step("prepare", "", bytes)?;
        state.fits(self.file, self.end + bytes)?;
        let file = &mut state.files[self.file];
        let length = file.bytes.len();
        file.write(length, &vec![0; (self.end + bytes).saturating_sub(length)]);
        done(&state)
    }

    fn cut(&mut self) -> io::Result<()> {
        let mut state = self.process.step("cut", "", 0)?;
        let file = &mut state.files[self.file];
        Arc::make_mut(&mut file.bytes).truncate(self.end);
        file.dirty.retain(|page| *page < self.end.div_ceil(PAGE));
        let fails = state.sync_fails();
        if fails {
            return Err(io::Error::other("the sync failed"));
        }
        let State { files, .. } = &mut *state;
        let file = &mut files[self.file];
        for page in std::mem::take(&mut file.dirty) {
            file.write_page(page);
        }
        Arc::make_mut(&mut file.on_disk).truncate(self.end);
        done(&state)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.process.step("sync", "", 0)?;
        let fails = state.sync_fails();
        let State { files, random, .. } = &mut *state;
        let file = &mut files[self.file];
        for page in std::mem::take(&mut file.dirty) {
            if !fails || random.below(2) == 0 {
                file.write_page(page);
            }
        }
        if fails {
            return Err(io::Error::other("the sync failed"));
        }
        done(&state)
    }
}

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.process == self.1 {
            state.locked = false;
        }
    }
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number from 0 up to `end`, exclusive.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % end
    }
}

const PAGE: usize = 4096;
