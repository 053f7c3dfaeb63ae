//! Files: a policy's folder as values, and its one encoding.
//!
//! ```text
//! bytes := "clearline policy 1\n" | file*           by path, each path once
//! file  := length (varint) | path | length (varint) | contents
//! ```
//!
//! The digest of a policy is the SHA-256 of these bytes, and the bytes are what is stored under it.
//! Nothing is normalised: a policy with other line ends is another policy.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::tagged::{TaggedError, put_sized, take_sized};

/// The files of one policy folder, by path inside it, such as `warnings/en.toml`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Files(BTreeMap<Box<str>, Box<[u8]>>);

impl Files {
    /// Adds a file, or replaces the one at that path.
    pub fn insert(&mut self, path: &str, contents: &[u8]) {
        self.0.insert(path.into(), contents.into());
    }

    /// Returns the contents of one file.
    pub fn contents(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(AsRef::as_ref)
    }

    /// Returns every path and its contents, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, contents)| (&**path, &**contents))
    }

    /// Returns the canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::from(HEADING);
        for (path, contents) in &self.0 {
            put_sized(&mut bytes, |bytes| bytes.extend_from_slice(path.as_bytes()));
            put_sized(&mut bytes, |bytes| bytes.extend_from_slice(contents));
        }
        bytes
    }

    /// Reads canonical bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TaggedError> {
        let mut rest = bytes.strip_prefix(HEADING).ok_or(TaggedError::NotCanonical)?;
        let mut files = BTreeMap::new();
        let mut last: Option<Box<str>> = None;
        while !rest.is_empty() {
            let path = std::str::from_utf8(take_sized(&mut rest)?);
            let path: Box<str> = path.map_err(|_| TaggedError::OutOfBounds)?.into();
            if last.is_some_and(|last| path <= last) {
                return Err(TaggedError::NotCanonical);
            }
            files.insert(path.clone(), take_sized(&mut rest)?.into());
            last = Some(path);
        }
        Ok(Self(files))
    }

    /// Returns SHA-256 of the canonical bytes.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }
}

const HEADING: &[u8] = b"clearline policy 1\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        let mut files = Files::default();
        files.insert("policy.toml", b"schema = 1\n");
        files.insert("cases.toml", b"");
        files
    }

    #[test]
    fn a_folder_has_these_bytes_and_this_digest() {
        let want = b"clearline policy 1\n\x0acases.toml\x00\x0bpolicy.toml\x0bschema = 1\n";
        assert_eq!(files().to_bytes(), want);
        let digest: String =
            files().digest().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(digest, GOLDEN_DIGEST);
    }

    #[test]
    fn bytes_come_back_as_files() {
        assert_eq!(Files::from_bytes(&files().to_bytes()), Ok(files()));
        assert_eq!(Files::from_bytes(HEADING), Ok(Files::default()));
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        let with = |rest: &[u8]| [HEADING, rest].concat();
        for (bytes, want) in [
            (Vec::new(), TaggedError::NotCanonical),
            (b"clearline policy 2\n".to_vec(), TaggedError::NotCanonical),
            (with(b"\x01b\x00\x01a\x00"), TaggedError::NotCanonical),
            (with(b"\x01a\x00\x01a\x00"), TaggedError::NotCanonical),
            (with(b"\x01a"), TaggedError::Short),
            (with(b"\x01a\x05x"), TaggedError::Short),
            (with(b"\x01\xff\x00"), TaggedError::OutOfBounds),
        ] {
            assert_eq!(Files::from_bytes(&bytes), Err(want), "{bytes:?}");
        }
    }

    const GOLDEN_DIGEST: &str = "2f3767fe577021be7bcea215e94018806469e86cc0ad21c651bb19b512872e93";
}
