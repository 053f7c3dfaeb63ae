//! Keys: the secrets of a log, in files that nobody else may read.
//!
//! ```text
//! keys/signing          1 key: the seed that checkpoints are signed with
//! keys/tokens           1 key: accounts and customers are known by tokens made with it
//! keys/subjects/NNNNNN  4,096 keys, of the subjects NNNNNN * 4096 and up; subject 0 is nobody
//! keys/months/NNNNNN    1 key, of the month NNNNNN as `calendar` counts them
//!
//! file := "clearline keys 1\n" | purpose, 8 letters | number u32 BE | key * n | SHA-256 of all that
//! ```
//!
//! A person's data is sealed under the subject's key and the month's, so destroying the one erases
//! a person and the other erases by age; zeros are what is left of a key. Files are always replaced
//! whole, and synced before the log uses a key of theirs: a damaged one is refused, never repaired.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};

use crate::calendar::Month;
use crate::log::disk::Disk;
use crate::tlog::checkpoint::Signer;

/// A secret of 256 bits.
pub type Key = [u8; 32];

/// The keys of a log, shared by whoever writes and reads it.
#[derive(Clone)]
pub struct Keys(Arc<Shared>);

struct Shared {
    disk: Arc<dyn Disk>,
    signing: Key,
    tokens: Key,
    // By slot.
    subjects: RwLock<Vec<Key>>,
    months: RwLock<BTreeMap<u32, Key>>,
    // Held while a key file is written: the writer and whoever works ahead of it may both need one.
    writing: Mutex<()>,
}

/// Why a key cannot be had. Files are named within the data folder.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The disk did not give or take a key file.
    #[error("`{file}` cannot be read or written")]
    Disk {
        /// Which file.
        file: String,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// Others than this user can read it.
    #[error("`{file}` is open to other users: run `chmod -R go-rwx keys` in the data folder")]
    Loose {
        /// Which file or folder.
        file: String,
    },
    /// It is not what was written.
    #[error("`{file}` is damaged: restore it from a copy")]
    Damaged {
        /// Which file.
        file: String,
    },
    /// The log was written with keys that are not there.
    #[error("`{file}` is missing but the log uses its keys: restore it from a copy")]
    Missing {
        /// Which file.
        file: String,
    },
    /// A slot was used long before those ahead of it.
    #[error("subject {slot} is far beyond the last one known")]
    Skipped {
        /// Which slot.
        slot: u32,
    },
}

/// What a key file holds.
#[derive(Clone, Copy)]
enum File {
    Signing,
    Tokens,
    Subjects(u32),
    Month(u32),
}

impl Keys {
    /// Makes the keys that a new log needs, where they were not made yet.
    pub(crate) fn make(disk: &dyn Disk) -> Result<(), KeyError> {
        for file in [File::Signing, File::Tokens] {
            if file.read(disk)?.is_none() {
                file.make(disk)?;
            }
        }
        Ok(())
    }

    /// Reads the keys of a log.
    pub(crate) fn open(disk: &Arc<dyn Disk>) -> Result<Self, KeyError> {
        for folder in FOLDERS {
            check_private(&**disk, folder)?;
        }
        let keys = Self(Arc::new(Shared {
            disk: Arc::clone(disk),
            signing: File::Signing.read_one(&**disk)?,
            tokens: File::Tokens.read_one(&**disk)?,
            subjects: RwLock::default(),
            months: RwLock::default(),
            writing: Mutex::default(),
        }));
        while keys.0.read_subjects()? {}
        Ok(keys)
    }

    /// Returns the key that tokens of accounts and customers are made with.
    pub fn token_key(&self) -> Key {
        self.0.tokens
    }

    /// Returns what signs the checkpoints of the log called `origin`.
    pub fn signer(&self, origin: &str) -> Signer {
        Signer::new(origin, &self.0.signing)
    }

    /// Returns a subject's key; `None` once it was destroyed.
    pub fn subject(&self, slot: u32) -> Result<Option<Key>, KeyError> {
        loop {
            if let Some(key) = self.0.known_subject(slot) {
                return Ok((key != DESTROYED).then_some(key));
            }
            // Whoever reads a log that another process writes meets new subjects.
            if !self.0.read_subjects()? {
                return Err(KeyError::Missing { file: File::subject(slot).path() });
            }
        }
    }

    /// Returns a month's key; `None` once it was destroyed.
    pub fn month(&self, month: Month) -> Result<Option<Key>, KeyError> {
        let known = read(&self.0.months).get(&month.0).copied();
        let key = known.map_or_else(|| File::Month(month.0).read_one(&*self.0.disk), Ok)?;
        if known.is_none() {
            write(&self.0.months).insert(month.0, key);
        }
        Ok((key != DESTROYED).then_some(key))
    }

    /// Makes sure that a subject has a durable key, and returns it.
    pub(crate) fn make_subject(&self, slot: u32) -> Result<Option<Key>, KeyError> {
        if let Some(key) = self.0.known_subject(slot) {
            return Ok((key != DESTROYED).then_some(key));
        }
        let _writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.known_subject(slot).is_none() {
            let known = u32::try_from(read(&self.0.subjects).len()).unwrap_or(u32::MAX);
            let file = File::subject(known);
            if slot.saturating_sub(known) >= SUBJECTS_A_FILE {
                return Err(KeyError::Skipped { slot });
            }
            let keys = file.make(&*self.0.disk)?;
            write(&self.0.subjects).extend(keys);
        }
        self.subject(slot)
    }

    /// Makes sure that a month has a durable key, and returns it.
    pub(crate) fn make_month(&self, month: Month) -> Result<Option<Key>, KeyError> {
        let file = File::Month(month.0);
        let _writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !read(&self.0.months).contains_key(&month.0) && file.read(&*self.0.disk)?.is_none() {
            file.make(&*self.0.disk)?;
        }
        self.month(month)
    }

    /// Makes keys ahead of need, so that whoever writes the subject `slot` need not wait for a
    /// sync: at most one file of them, and none while the last file is less than half used.
    pub fn make_ahead(&self, slot: u32) -> Result<(), KeyError> {
        let known = u32::try_from(read(&self.0.subjects).len()).unwrap_or(u32::MAX);
        let ahead = slot.saturating_add(SUBJECTS_A_FILE.div_euclid(2));
        if known <= ahead {
            self.make_subject(known)?;
        }
        Ok(())
    }

    /// Destroys a subject's key: nothing sealed under it can be opened ever after.
    pub fn destroy_subject(&self, slot: u32) -> Result<(), KeyError> {
        if self.subject(slot)?.is_none() {
            return Ok(());
        }
        let _writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let file = File::subject(slot);
        let missing = || KeyError::Missing { file: file.path() };
        let mut keys = file.read(&*self.0.disk)?.ok_or_else(missing)?;
        let at = usize::try_from(slot.rem_euclid(SUBJECTS_A_FILE)).unwrap_or(usize::MAX);
        *keys.get_mut(at).ok_or_else(missing)? = DESTROYED;
        file.write(&*self.0.disk, &keys)?;
        if let Some(key) = write(&self.0.subjects).get_mut(index(slot)) {
            *key = DESTROYED;
        }
        Ok(())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Shared {
    fn known_subject(&self, slot: u32) -> Option<Key> {
        read(&self.subjects).get(index(slot)).copied()
    }

    /// Reads the next file of subjects and tells whether there was one.
    fn read_subjects(&self) -> Result<bool, KeyError> {
        let mut subjects = write(&self.subjects);
        let file = File::subject(u32::try_from(subjects.len()).unwrap_or(u32::MAX));
        let keys = file.read(&*self.disk)?;
        subjects.extend(keys.iter().flatten());
        Ok(keys.is_some())
    }
}

impl File {
    fn subject(slot: u32) -> Self {
        Self::Subjects(slot.div_euclid(SUBJECTS_A_FILE))
    }

    fn path(self) -> String {
        match self {
            Self::Signing => "keys/signing".to_owned(),
            Self::Tokens => "keys/tokens".to_owned(),
            Self::Subjects(number) => format!("keys/subjects/{number:06}"),
            Self::Month(number) => format!("keys/months/{number:06}"),
        }
    }

    /// Returns all that stands before the keys, and how many of those there are.
    fn start(self) -> (Vec<u8>, u32) {
        let (purpose, number, count) = match self {
            Self::Signing => (b"signing ", 0, 1),
            Self::Tokens => (b"tokens  ", 0, 1),
            Self::Subjects(number) => (b"subjects", number, SUBJECTS_A_FILE),
            Self::Month(number) => (b"month   ", number, 1),
        };
        ([MAGIC, purpose, &number.to_be_bytes()].concat(), count)
    }

    /// Returns the keys in the file; `None` where there is no such file.
    fn read(self, disk: &dyn Disk) -> Result<Option<Vec<Key>>, KeyError> {
        let file = self.path();
        let bytes = match disk.read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(KeyError::Disk { file, source }),
        };
        check_private(disk, &file)?;
        let (start, count) = self.start();
        let keys = bytes.split_last_chunk().and_then(|(rest, digest)| {
            let (keys, odd) = rest.strip_prefix(start.as_slice())?.as_chunks();
            let whole = odd.is_empty() && keys.len() == index(count);
            (whole && Key::from(Sha256::digest(rest)) == *digest).then(|| keys.to_vec())
        });
        keys.map(Some).ok_or(KeyError::Damaged { file })
    }

    /// Returns the only key in the file.
    fn read_one(self, disk: &dyn Disk) -> Result<Key, KeyError> {
        let keys = self.read(disk)?;
        let key = keys.as_deref().and_then(|keys| keys.first()).copied();
        key.ok_or_else(|| KeyError::Missing { file: self.path() })
    }

    /// Writes the file with new keys, and returns those.
    fn make(self, disk: &dyn Disk) -> Result<Vec<Key>, KeyError> {
        let mut keys = vec![DESTROYED; index(self.start().1)];
        disk.fill_random(keys.as_flattened_mut()).map_err(failed(&self.path()))?;
        self.write(disk, &keys)?;
        Ok(keys)
    }

    fn write(self, disk: &dyn Disk, keys: &[Key]) -> Result<(), KeyError> {
        let (mut bytes, _) = self.start();
        bytes.extend_from_slice(keys.as_flattened());
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        disk.replace(&self.path(), &[&bytes]).map(drop).map_err(failed(&self.path()))
    }
}

fn check_private(disk: &dyn Disk, file: &str) -> Result<(), KeyError> {
    match disk.is_private(file) {
        Ok(true) => Ok(()),
        Ok(false) => Err(KeyError::Loose { file: file.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(KeyError::Missing { file: file.to_owned() })
        }
        Err(error) => Err(failed(file)(error)),
    }
}

fn failed(file: &str) -> impl FnOnce(io::Error) -> KeyError {
    let file = file.to_owned();
    move |source| KeyError::Disk { file, source }
}

fn index(slot: u32) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}

fn read<T>(lock: &RwLock<T>) -> impl std::ops::Deref<Target = T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> impl std::ops::DerefMut<Target = T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

const MAGIC: &[u8] = b"clearline keys 1\n";
/// The folders that only this user may read.
pub(crate) const FOLDERS: [&str; 3] = ["keys", "keys/subjects", "keys/months"];
// 128 KiB a file: a bank's day of new payers needs a sync or two, and erasing rewrites little.
const SUBJECTS_A_FILE: u32 = 4096;
const DESTROYED: Key = [0; 32];

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;
    use crate::log::disk::RealDisk;

    fn open(root: &Path) -> Result<Keys, KeyError> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(root).unwrap());
        Keys::open(&disk)
    }

    fn make(root: &Path) -> Keys {
        let disk = RealDisk::open(root).unwrap();
        for folder in FOLDERS {
            disk.create_folder(folder).unwrap();
        }
        Keys::make(&disk).unwrap();
        open(root).unwrap()
    }

    #[test]
    fn keys_are_the_same_after_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let keys = make(root.path());
        let subjects = [1, 4095, 4096].map(|slot| keys.make_subject(slot).unwrap().unwrap());
        let month = keys.make_month(Month(24_322)).unwrap().unwrap();
        assert_ne!(subjects[0], subjects[1]);
        assert!(matches!(keys.make_subject(4096 * 3), Err(KeyError::Skipped { .. })));

        let again = open(root.path()).unwrap();
        assert_eq!(again.token_key(), keys.token_key());
        assert_eq!(again.signer("a").verifier().text(), keys.signer("a").verifier().text());
        assert_eq!([1, 4095, 4096].map(|slot| again.subject(slot).unwrap().unwrap()), subjects);
        assert_eq!(again.month(Month(24_322)).unwrap(), Some(month));
        assert!(matches!(again.month(Month(24_323)), Err(KeyError::Missing { .. })));

        // Another process makes more: whoever only reads finds them.
        let late = keys.make_subject(4096 * 2).unwrap();
        assert_eq!(again.subject(4096 * 2).unwrap(), late);
    }

    #[test]
    fn keys_are_made_ahead_once_half_a_file_is_used() {
        let root = tempfile::tempdir().unwrap();
        let keys = make(root.path());
        for (slot, files) in [(0, 1), (2047, 1), (2048, 2), (6143, 2), (6144, 3)] {
            keys.make_ahead(slot).unwrap();
            let names = root.path().join("keys/subjects").read_dir().unwrap();
            assert_eq!(names.count(), files, "{slot}");
        }
    }

    #[test]
    fn a_destroyed_key_stays_destroyed() {
        let root = tempfile::tempdir().unwrap();
        let keys = make(root.path());
        let other = keys.make_subject(2).unwrap();
        keys.destroy_subject(1).unwrap();
        for keys in [keys, open(root.path()).unwrap()] {
            assert_eq!(keys.subject(1).unwrap(), None);
            assert_eq!(keys.make_subject(1).unwrap(), None);
            assert_eq!(keys.subject(2).unwrap(), other);
        }
    }

    #[test]
    fn a_key_file_that_is_damaged_missing_or_open_to_others_is_refused() {
        let root = tempfile::tempdir().unwrap();
        make(root.path()).make_subject(1).unwrap();
        for name in ["keys/signing", "keys/tokens", "keys/subjects/000000"] {
            let path = root.path().join(name);
            let bytes = std::fs::read(&path).unwrap();
            for at in (0..bytes.len()).step_by(bytes.len() / 70) {
                let mut other = bytes.clone();
                other[at] ^= 1;
                std::fs::write(&path, other).unwrap();
                assert!(matches!(open(root.path()), Err(KeyError::Damaged { .. })));
            }
            std::fs::write(&path, &bytes).unwrap();
            for mode in [0o640, 0o604, 0o602] {
                std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
                let error = open(root.path()).unwrap_err();
                assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
                assert!(error.to_string().contains("chmod"), "{error}");
            }
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        }
        std::fs::remove_file(root.path().join("keys/signing")).unwrap();
        assert!(matches!(open(root.path()), Err(KeyError::Missing { .. })));
    }
}
