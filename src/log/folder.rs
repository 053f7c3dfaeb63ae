//! Folder: the data folder, taken by one process, of a version and a log that it knows.

use std::io;
use std::sync::Arc;

use crate::entry::{IndexKey, index_keys};
use crate::log::disk::{Disk, Lock};
use crate::log::keys::{FOLDERS, KeyError, Keys};
use crate::log::reader::ReadError;
use crate::tlog::checkpoint::origin_is_valid;

/// A data folder and the keys in it.
#[derive(Debug)]
pub struct Folder {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) origin: Arc<str>,
    pub(crate) keys: Keys,
    pub(crate) values_of: ValuesOf,
    // Held for as long as the log is open. A reader of another process's log has none.
    _lock: Option<Box<dyn Lock>>,
}

/// Appends the values that an entry of this kind and public part is found by.
pub type ValuesOf = fn(u8, &[u8], &mut Vec<IndexKey>);

/// Why a data folder cannot be opened, and what to do. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk did not give or take a file.
    #[error("`{file}` cannot be read or written")]
    Disk {
        /// Which file, within the data folder.
        file: String,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("the data folder is in use: stop the process that uses it, or choose another folder")]
    InUse,
    /// There is nothing in it.
    #[error("there is no log in the data folder: choose another, or start the server once")]
    Empty,
    /// There is a log in it, and nothing says which.
    #[error("`version` is missing beside the log: restore it from a copy")]
    VersionMissing,
    /// It was written by another version.
    #[error(
        "the data folder is of version `{found}` and this program reads `{VERSION}`: \
         use the program that wrote it, or choose another folder"
    )]
    Version {
        /// The first line of its `version`.
        found: String,
    },
    /// It holds another log than the one asked for.
    #[error("the data folder holds the log `{found}`: set that as the origin, or choose another")]
    Origin {
        /// The log it holds.
        found: String,
    },
    /// The origin asked for cannot name a log.
    #[error("an origin is 1 to 200 printable characters without spaces and `+`")]
    OriginMalformed,
    /// A key cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An entry or frame cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Entries are missing that were once durable.
    #[error(
        "the log ends at {end} but `{file}` shows that it held {shown} entries: restore the \
         segments from a copy, or remove `{file}` to give the missing entries up"
    )]
    CutShort {
        /// Where the log ends.
        end: u64,
        /// How many entries it once held.
        shown: u64,
        /// What shows it.
        file: String,
    },
    /// The point to read on from is not one of this log.
    #[error("the snapshot is not of this log: remove the folder `snapshots`")]
    OtherLog,
    /// Whoever was to take the entries did not take one.
    #[error("entry {position} was refused: {problem}")]
    Refused {
        /// Which entry.
        position: u64,
        /// Why.
        problem: String,
    },
}

impl Folder {
    /// Takes the data folder for this process, and makes it one of a new log if it is empty.
    pub fn open(disk: Arc<dyn Disk>, origin: &str) -> Result<Self, OpenError> {
        if !origin_is_valid(origin) {
            return Err(OpenError::OriginMalformed);
        }
        let lock = disk.lock("lock").map_err(failed("lock"))?.ok_or(OpenError::InUse)?;
        match Self::stored_origin(&*disk)? {
            Some(found) if found != origin => return Err(OpenError::Origin { found }),
            // What can be rebuilt is in no backup, and its folders need not be.
            Some(_) => Self::create(&*disk, &DERIVED_FOLDERS)?,
            None if segments(&*disk)?.is_empty() => Self::make(&*disk, origin)?,
            None => return Err(OpenError::VersionMissing),
        }
        // A process that was ended may have left names that are there but not yet durable.
        disk.sync_folder("").map_err(failed("version"))?;
        for folder in FOLDERS.iter().chain(&LOG_FOLDERS) {
            disk.sweep(folder).map_err(failed(folder))?;
            disk.sync_folder(folder).map_err(failed(folder))?;
        }
        let keys = Keys::open(&disk)?;
        let origin = origin.into();
        Ok(Self { disk, origin, keys, values_of: index_keys, _lock: Some(lock) })
    }

    /// Opens a data folder to read it, whether or not a process writes it meanwhile.
    pub fn open_read_only(disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        let origin = match Self::stored_origin(&*disk)? {
            Some(origin) => origin,
            None if segments(&*disk)?.is_empty() => return Err(OpenError::Empty),
            None => return Err(OpenError::VersionMissing),
        };
        let keys = Keys::open(&disk)?;
        let origin = origin.into();
        Ok(Self { disk, origin, keys, values_of: index_keys, _lock: None })
    }

    /// Lists by other values than those of `entry`, which know entries of its own kinds only.
    pub fn listed_by(self, values_of: ValuesOf) -> Self {
        Self { values_of, ..self }
    }

    /// Returns the disk that the folder is on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Returns the keys of the log.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns the origin of the log in the folder; `None` where it holds none yet.
    pub fn stored_origin(disk: &dyn Disk) -> Result<Option<String>, OpenError> {
        let bytes = match disk.read("version") {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("version")(error)),
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.split('\n');
        let found = lines.next().unwrap_or_default().to_owned();
        match (lines.next(), lines.next(), lines.next()) {
            (Some(origin), Some(""), None) if found == VERSION && origin_is_valid(origin) => {
                Ok(Some(origin.to_owned()))
            }
            _ => Err(OpenError::Version { found }),
        }
    }

    /// Makes the folders and keys, and only then says what they are.
    fn make(disk: &dyn Disk, origin: &str) -> Result<(), OpenError> {
        Self::create(disk, &FOLDERS)?;
        Self::create(disk, &LOG_FOLDERS)?;
        disk.sync_folder("keys").map_err(failed("keys"))?;
        disk.sync_folder("").map_err(failed("version"))?;
        Keys::make(disk)?;
        let version = disk.replace("version", &[format!("{VERSION}\n{origin}\n").as_bytes()]);
        version.map(drop).map_err(failed("version"))
    }

    /// Makes the folders that are not there yet.
    fn create(disk: &dyn Disk, folders: &[&str]) -> Result<(), OpenError> {
        folders.iter().try_for_each(|folder| disk.create_folder(folder).map_err(failed(folder)))
    }
}

/// Returns the first position of each segment, in order.
pub(crate) fn segments(disk: &dyn Disk) -> Result<Vec<u64>, OpenError> {
    let names = disk.list("log").map_err(failed("log"))?;
    let firsts = names.iter().filter_map(|name| name.strip_suffix(".segment"));
    Ok(firsts.filter_map(|first| first.parse().ok()).collect())
}

/// Returns the name of the segment that begins at a position.
pub(crate) fn segment_file(first: u64) -> String {
    // As many digits as the largest position has, so that names sort as positions do.
    format!("log/{first:020}.segment")
}

pub(crate) fn failed(file: &str) -> impl FnOnce(io::Error) -> OpenError {
    let file = file.to_owned();
    move |source| OpenError::Disk { file, source }
}

const VERSION: &str = "clearline data 1";
const LOG_FOLDERS: [&str; 3] = ["log", "index", "snapshots"];
const DERIVED_FOLDERS: [&str; 2] = ["index", "snapshots"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::disk::RealDisk;

    #[test]
    fn a_folder_is_one_processs_of_one_version_and_of_one_log() {
        let root = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(root.path()).unwrap());
        let open = |origin| Folder::open(Arc::clone(&disk), origin);
        let read = || Folder::open_read_only(Arc::clone(&disk));
        assert!(matches!(read(), Err(OpenError::Empty)));
        assert!(matches!(open("two words"), Err(OpenError::OriginMalformed)));

        let folder = open("bank.example/a").unwrap();
        assert!(matches!(open("bank.example/a"), Err(OpenError::InUse)));
        assert_eq!(&*read().unwrap().origin, "bank.example/a");
        drop(folder);
        assert!(matches!(open("bank.example/b"), Err(OpenError::Origin { .. })));
        assert!(open("bank.example/a").is_ok());

        let path = root.path().join("version");
        let version = std::fs::read(&path).unwrap();
        for at in 0..version.len() {
            let mut other = version.clone();
            other[at] ^= 1;
            std::fs::write(&path, other).unwrap();
            assert!(open("bank.example/a").is_err(), "byte {at}");
        }
        std::fs::remove_file(path).unwrap();
        std::fs::write(root.path().join(segment_file(0)), "").unwrap();
        assert!(matches!(open("bank.example/a"), Err(OpenError::VersionMissing)));
        assert!(matches!(read(), Err(OpenError::VersionMissing)));
    }

    #[test]
    fn what_can_be_rebuilt_need_not_be_there_and_the_rest_must() {
        for (gone, opens) in [("index", true), ("snapshots", true), ("log", false), ("keys", false)]
        {
            let root = tempfile::tempdir().unwrap();
            let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(root.path()).unwrap());
            drop(Folder::open(Arc::clone(&disk), "bank.example/a").unwrap());
            std::fs::remove_dir_all(root.path().join(gone)).unwrap();
            let opened = Folder::open(Arc::clone(&disk), "bank.example/a");
            assert_eq!(opened.is_ok(), opens, "{gone}: {opened:?}");
            assert_eq!(root.path().join(gone).is_dir(), opens, "{gone}");
        }
    }
}
