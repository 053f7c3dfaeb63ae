//! Disk: the few things that the log asks of a file system.
//!
//! It is a trait so that the tests can lose power between any two of them. Paths are relative to
//! the data folder and use `/`; whatever names a file to a person names it the same way.
//!
//! Never retries, and never hides an error: what a failed sync has done is unknown.

use std::fmt::Debug;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Advice;

/// A folder of files on a disk that can fail and lose power.
///
/// A file's bytes are durable once its `sync` has returned, its name once `sync_folder` has.
pub trait Disk: Debug + Send + Sync {
    /// Creates an empty file that only this user can read, in place of any other of that name.
    fn create(&self, path: &str) -> io::Result<Box<dyn Append>>;

    /// Reads from `offset` until `bytes` is full or the file ends, and returns how many were read.
    fn read_at(&self, path: &str, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Returns a file's length in bytes.
    fn size(&self, path: &str) -> io::Result<u64>;

    /// Gives a file another name, in place of any other of that name, in one step.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Says that a file will hardly be read again soon, so that the system need not keep it in
    /// memory. A hint: whether it was heard makes no difference to anything that is read.
    fn lay_away(&self, path: &str);

    /// Returns the names of the files in a folder, in order; none where there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Creates a folder that only this user can read, if it is not there.
    fn create_folder(&self, folder: &str) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// Tells whether nobody but this user can read or write a file or folder.
    fn is_private(&self, path: &str) -> io::Result<bool>;

    /// Locks a file for this process until what is returned is dropped; `None` where another has.
    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>>;

    /// Returns how many bytes may still be written before the disk is full.
    fn free(&self) -> io::Result<u64>;

    /// Fills `bytes` with what nobody can guess. Here, so that a simulation can repeat itself.
    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()>;
}

/// A file being written from its beginning to its end.
pub trait Append: Debug + Send {
    /// Writes `bytes` at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns once every byte written would survive a loss of power.
    fn sync(&mut self) -> io::Result<()>;

    /// Tells how many bytes may be appended into what was prepared.
    fn room(&self) -> usize;

    /// Writes zeros after the end, so that there is room for `bytes`. What is then appended into it
    /// does not make the file longer, and its sync need not write how long it is. Until it is used
    /// or cut off, whoever reads the file finds the zeros.
    fn prepare(&mut self, bytes: usize) -> io::Result<()>;

    /// Cuts off what was prepared and not used, and syncs the file.
    fn cut(&mut self) -> io::Result<()>;
}

/// Holds a lock until dropped.
pub trait Lock: Debug + Send + Sync {}

impl dyn Disk + '_ {
    /// Reads a whole file.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let size = usize::try_from(self.size(path)?).map_err(io::Error::other)?;
        let mut bytes = vec![0; size];
        let length = self.read_at(path, 0, &mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Puts a file of these bytes in the place of another, so that at any loss of power there is
    /// either the one or the other, whole. Returns it, open for appending.
    pub fn replace(&self, path: &str, parts: &[&[u8]]) -> io::Result<Box<dyn Append>> {
        self.replace_with(path, |file| parts.iter().try_for_each(|part| file.append(part)))
    }

    /// The same, with what `write` appends.
    pub fn replace_with(
        &self,
        path: &str,
        write: impl FnOnce(&mut dyn Append) -> io::Result<()>,
    ) -> io::Result<Box<dyn Append>> {
        let unfinished = format!("{path}{UNFINISHED}");
        let mut file = self.create(&unfinished)?;
        write(&mut *file)?;
        file.sync()?;
        self.rename(&unfinished, path)?;
        self.sync_folder(path.rsplit_once('/').map_or("", |(folder, _)| folder))?;
        Ok(file)
    }

    /// Removes what a crash has left of `replace` in a folder other than the root.
    pub fn sweep(&self, folder: &str) -> io::Result<()> {
        for name in self.list(folder)?.iter().filter(|name| name.ends_with(UNFINISHED)) {
            self.remove(&format!("{folder}/{name}"))?;
        }
        Ok(())
    }
}

/// The disk of the machine.
#[derive(Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Takes the data folder, and creates it if it is not there.
    pub fn open(root: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        // Its own name must be durable too; `.` is what the name of a bare folder stands in.
        let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(Self { root: root.to_owned() })
    }

    /// Takes a data folder that must be there, to read it only.
    pub fn open_read_only(root: &Path) -> io::Result<Self> {
        root.read_dir()?;
        Ok(Self { root: root.to_owned() })
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn Append>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        Ok(Box::new(Appending { file: options.open(self.at(path))?, end: 0, length: 0 }))
    }

    fn read_at(&self, path: &str, mut offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let file = File::open(self.at(path))?;
        let mut length = 0_usize;
        while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset) {
                Ok(0) => break,
                Ok(read) => {
                    length = length.saturating_add(read);
                    offset = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        Ok(self.at(path).metadata()?.len())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.at(from), self.at(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        std::fs::remove_file(self.at(path))
    }

    fn lay_away(&self, path: &str) {
        if let Ok(file) = File::open(self.at(path)) {
            let _: Result<(), rustix::io::Errno> =
                rustix::fs::fadvise(file, 0, None, Advice::DontNeed);
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match self.at(folder).read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(self.at(folder))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.at(folder))?.sync_all()
    }

    fn is_private(&self, path: &str) -> io::Result<bool> {
        let others = self.at(path).metadata()?.mode() & 0o077;
        Ok(others == 0)
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600);
        let file = file.open(self.at(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn free(&self) -> io::Result<u64> {
        let told = rustix::fs::statvfs(&self.root)?;
        // What is kept for the system's own user is not ours.
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        getrandom::fill(bytes).map_err(io::Error::other)
    }
}

/// A file of the machine's disk, being written.
#[derive(Debug)]
struct Appending {
    file: File,
    /// Where the next byte goes.
    end: u64,
    /// Where the file ends: there, or after what was prepared.
    length: u64,
}

impl Append for Appending {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        self.end = self.end.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.length = self.length.max(self.end);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        // Without the times: they would cost a second write, and nothing reads them.
        self.file.sync_data()
    }

    fn room(&self) -> usize {
        usize::try_from(self.length.saturating_sub(self.end)).unwrap_or(usize::MAX)
    }

    fn prepare(&mut self, bytes: usize) -> io::Result<()> {
        // Written, not only reserved: a first write into what is only reserved changes what the
        // file system knows of the file, and that would be synced as well.
        let mut left = bytes.saturating_sub(self.room());
        while let Some(zeros) = ZEROS.get(..left.min(ZEROS.len())).filter(|zeros| !zeros.is_empty())
        {
            self.file.write_all_at(zeros, self.length)?;
            let written = u64::try_from(zeros.len()).unwrap_or(u64::MAX);
            self.length = self.length.saturating_add(written);
            left = left.saturating_sub(zeros.len());
        }
        Ok(())
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.length = self.end;
        self.file.sync_data()
    }
}

impl Lock for File {}

// What is prepared is written from these, a piece at a time: as many as a write takes without waiting.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
// Ends the name of a file that is still being written.
const UNFINISHED: &str = ".new";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_its_leftovers_are_swept() {
        let root = tempfile::tempdir().unwrap();
        let disk: &dyn Disk = &RealDisk::open(&root.path().join("a/b")).unwrap();
        disk.create_folder("log").unwrap();
        drop(disk.replace("log/x", &[b"one"]).unwrap());
        let mut file = disk.replace("log/x", &[b"two", b"three"]).unwrap();
        file.append(b"four").unwrap();
        drop(disk.create("log/y.new").unwrap());
        disk.sweep("log").unwrap();

        assert_eq!(disk.list("log").unwrap(), ["x"]);
        assert_eq!(disk.list("absent").unwrap(), [""; 0]);
        assert_eq!(disk.read("log/x").unwrap(), b"twothreefour");
        let mut bytes = [0; 8];
        assert_eq!(disk.read_at("log/x", 8, &mut bytes).unwrap(), 4);
        assert!(disk.is_private("log").unwrap() && disk.is_private("log/x").unwrap());
    }

    #[test]
    fn what_is_prepared_is_zeros_until_it_is_used_or_cut_off() {
        let root = tempfile::tempdir().unwrap();
        let disk: &dyn Disk = &RealDisk::open(root.path()).unwrap();
        let mut file = disk.replace("x", &[b"one"]).unwrap();
        assert_eq!(file.room(), 0);
        file.prepare(4).unwrap();
        file.append(b"two").unwrap();
        assert_eq!((file.room(), disk.read("x").unwrap()), (1, b"onetwo\0".to_vec()));
        file.prepare(3).unwrap();
        assert_eq!((file.room(), disk.read("x").unwrap()), (3, b"onetwo\0\0\0".to_vec()));
        file.append(b"three").unwrap();
        assert_eq!((file.room(), disk.read("x").unwrap()), (0, b"onetwothree".to_vec()));
        file.prepare(2).unwrap();
        file.cut().unwrap();
        file.append(b"!").unwrap();
        assert_eq!((file.room(), disk.read("x").unwrap()), (0, b"onetwothree!".to_vec()));
    }

    #[test]
    fn a_lock_is_held_once() {
        let root = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(root.path()).unwrap();
        let lock = disk.lock("lock").unwrap();
        assert!(lock.is_some());
        assert!(disk.lock("lock").unwrap().is_none());
        drop(lock);
        assert!(disk.lock("lock").unwrap().is_some());
    }
}
