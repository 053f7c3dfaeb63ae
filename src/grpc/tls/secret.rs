//! Secret: reads a file that nobody else may read.
//!
//! Never says what is in it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Why a file of secrets is not read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It cannot be opened.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, io::Error),
    /// Others may read it, too.
    #[error("`{0}` is a secret that others may read (mode {1:03o}): `chmod 600 {0}`")]
    Loose(String, u32),
    /// It is somebody else's.
    #[error("`{0}` is a secret of user {1}, and this process runs as {2}: `chown {2} {0}`")]
    NotOurs(String, u32, u32),
    /// It is larger than any such file.
    #[error("`{0}` is larger than such a secret is")]
    TooLarge(String),
}

/// Reads a file that must be ours and closed to others, unless it lies in `guarded`, the folder of
/// the service manager's credentials: there the manager says who may read.
pub fn read(path: &Path, guarded: Option<&Path>, bytes_max: usize) -> Result<Vec<u8>, SecretError> {
    let name = path.display().to_string();
    let unreadable = |error| SecretError::Unreadable(name.clone(), error);
    let file = File::open(path).map_err(unreadable)?;
    // Of the file that is open, so that nobody swaps it between the look and the reading.
    let metadata = file.metadata().map_err(unreadable)?;
    if !guarded.is_some_and(|folder| path.starts_with(folder)) {
        let us = rustix::process::geteuid().as_raw();
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretError::Loose(name, mode));
        }
        if metadata.uid() != us {
            return Err(SecretError::NotOurs(name, metadata.uid(), us));
        }
    }
    bounded(file, bytes_max).map_err(unreadable)?.ok_or(SecretError::TooLarge(name))
}

/// Reads a whole file; `None` where it has more than `bytes_max`.
pub(crate) fn bounded(file: File, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= bytes_max).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_what_nobody_else_may_read_is_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::write(&path, "secret").unwrap();
        for (mode, right) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o604, false),
            (0o700, true),
            (0o610, false),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path, None, 6).is_ok(), right, "{mode:o}");
            let guarded = read(&path, Some(folder.path()), 6).unwrap();
            assert_eq!(guarded, b"secret");
        }
        let error = read(&path, None, 6).unwrap_err().to_string();
        assert!(error.contains("mode 610") && error.contains("chmod 600"), "{error}");
        assert!(!error.contains("secret that others") || !error.contains("secret\""), "{error}");
        let other = Path::new("/run/credentials/other");
        assert!(read(&path, Some(other), 6).is_err());
    }

    #[test]
    fn a_secret_has_a_largest_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::write(&path, "secret").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&path, None, 6).unwrap(), b"secret");
        assert!(matches!(read(&path, None, 5), Err(SecretError::TooLarge(_))));
        let absent = folder.path().join("none");
        assert!(matches!(read(&absent, None, 5), Err(SecretError::Unreadable(..))));
    }
}
