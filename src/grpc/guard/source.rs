//! Source: the file of callers, read at the start and looked at again and again.
//!
//! New content is taken whole or not at all: a faulty file leaves what was there in force. It counts once
//! it was found alike at two looks in a row, so that a file that is being written is neither taken by
//! half nor complained of.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::access::Access;
use crate::document::Problem;
use crate::grpc::guard::Listed;
use crate::grpc::share::TooManyNames;
use crate::grpc::tls::bounded;

/// The file of callers, and what of it is in force.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    /// Digest of the content in force.
    content: [u8; 32],
    /// That of what was found at the look before; zeros where the file could not be read.
    found: [u8; 32],
    /// That of what was refused last.
    refused: Option<[u8; 32]>,
}

/// What a look at the file came to.
#[derive(Debug)]
pub enum Looked {
    /// It is as it was, or was not so at the last look.
    Same,
    /// It is new, and in force, with so many callers.
    Taken(usize),
    /// It is new and faulty: what was there stays in force. Told once for one content.
    Refused(SourceError),
}

/// Why a file of callers is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, io::Error),
    /// It is larger than any such file.
    #[error("`{0}` is larger than {FILE_BYTES_MAX} bytes, and no such file is")]
    TooLarge(String),
    /// It is no text.
    #[error("`{0}` is not UTF-8")]
    NoText(String),
    /// It does not say who may call what.
    #[error("{}", lines(.0))]
    Faulty(Vec<Problem>),
    /// It names more callers than can be counted.
    #[error(transparent)]
    TooManyNames(#[from] TooManyNames),
}

impl Source {
    /// Reads the file at a start.
    pub fn open(path: PathBuf) -> Result<(Access, Self), SourceError> {
        let mut source = Self { path, content: [0; 32], found: [0; 32], refused: None };
        let bytes = source.bytes()?;
        let access = source.read(&bytes)?;
        source.content = Sha256::digest(&bytes).into();
        source.found = source.content;
        Ok((access, source))
    }

    /// Returns the digest of the content in force.
    pub fn content(&self) -> &[u8; 32] {
        &self.content
    }

    /// Looks at the file again, and puts in force what is new and fit.
    pub fn look(&mut self, listed: &Listed) -> Looked {
        let bytes = self.bytes();
        let found = bytes.as_ref().map_or([0; 32], |bytes| Sha256::digest(bytes).into());
        let settled = std::mem::replace(&mut self.found, found) == found;
        if found == self.content {
            self.refused = None;
        }
        if found == self.content || !settled || self.refused == Some(found) {
            return Looked::Same;
        }
        let taken = bytes.and_then(|bytes| {
            let access = self.read(&bytes)?;
            let callers = access.callers().len();
            listed.replace(access)?;
            self.content = Sha256::digest(&bytes).into();
            Ok(callers)
        });
        match taken {
            Ok(callers) => {
                self.refused = None;
                Looked::Taken(callers)
            }
            Err(error) => {
                self.refused = Some(found);
                Looked::Refused(error)
            }
        }
    }

    fn bytes(&self) -> Result<Vec<u8>, SourceError> {
        let unreadable = |error| SourceError::Unreadable(self.name(), error);
        let file = File::open(&self.path).map_err(unreadable)?;
        let bytes = bounded(file, FILE_BYTES_MAX).map_err(unreadable)?;
        bytes.ok_or_else(|| SourceError::TooLarge(self.name()))
    }

    fn read(&self, bytes: &[u8]) -> Result<Access, SourceError> {
        let text = str::from_utf8(bytes).map_err(|_| SourceError::NoText(self.name()))?;
        Access::read(&self.name(), text).map_err(SourceError::Faulty)
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// 1,024 callers of a few hundred bytes each, several times over.
const FILE_BYTES_MAX: usize = 4 * 1_048_576;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const HEAD: &str =
        "schema = 1\n[[role]]\nname = \"asker\"\nrights = [\"screen\"]\nsees = \"own\"\n";

    fn caller(name: &str) -> String {
        format!("[[caller]]\nname = \"{name}\"\nrole = \"asker\"\ndns = [\"{name}.example\"]\n")
    }

    /// Looks once, and returns what it came to in a word, with the names in force.
    fn look(source: &mut Source, listed: &Listed) -> (String, String) {
        let looked = match source.look(listed) {
            Looked::Same => "same".to_owned(),
            Looked::Taken(callers) => format!("taken {callers}"),
            Looked::Refused(error) => format!("refused {error}"),
        };
        let names: Vec<_> = listed.shares().iter().map(|share| share.name().to_owned()).collect();
        (looked, names.join(" "))
    }

    #[test]
    fn a_change_is_taken_once_it_stands_still_and_a_fault_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.toml");
        let put = |callers: &[&str]| {
            let callers: String = callers.iter().map(|name| caller(name)).collect();
            fs::write(&path, format!("{HEAD}{callers}")).unwrap();
        };
        put(&["one"]);
        let (access, mut source) = Source::open(path.clone()).unwrap();
        let listed = Listed::new(access, None).unwrap();
        let mut check = |edition, rows: &[(&str, &str)]| {
            for (want, names) in rows {
                let (looked, in_force) = look(&mut source, &listed);
                assert!(looked.starts_with(want) && in_force == *names, "{looked} {in_force}");
                let told = !want.starts_with("refused") || looked.contains("access.toml");
                assert!(told, "{looked}");
            }
            assert_eq!(listed.edition(), edition);
        };
        check(0, &[("same", "one"), ("same", "one")]);
        put(&["one", "two"]);
        check(1, &[("same", "one"), ("taken 2", "one two"), ("same", "one two")]);
        // As it is being written: other content at each look.
        put(&[]);
        check(1, &[("same", "one two")]);
        put(&["three"]);
        check(2, &[("same", "one two"), ("taken 1", "three"), ("same", "three")]);
        // A fault is told once, and again where it comes again after something else.
        let faulty =
            [("same", "three"), ("refused", "three"), ("same", "three"), ("same", "three")];
        fs::write(&path, format!("{HEAD}{}typo = 1\n", caller("four"))).unwrap();
        check(2, &faulty);
        fs::write(&path, [0xff]).unwrap();
        check(2, &faulty);
        fs::write(&path, vec![b'#'; FILE_BYTES_MAX + 1]).unwrap();
        check(2, &faulty);
        put(&["three"]);
        check(2, &[("same", "three"), ("same", "three")]);
        fs::remove_file(&path).unwrap();
        check(2, &faulty);
        put(&["four"]);
        check(3, &[("same", "three"), ("taken 1", "four"), ("same", "four")]);
    }

    #[test]
    fn a_faulty_file_names_every_line_at_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.toml");
        fs::write(&path, format!("{HEAD}{}typo = 1\nother = 2\n", caller("one"))).unwrap();
        let error = Source::open(path).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 2, "{error}");
        assert!(error.contains("typo") && error.contains("other"), "{error}");
    }
}
