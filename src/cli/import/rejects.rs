//! Rejects: rows that were left out, with the reason, in a file that can be mended and loaded.
//!
//! The file holds personal data like the one it is of, so nobody but its owner may read it; nothing
//! of it goes anywhere else. It is made with the first row that is left out.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::backfill::{Column, Fault, REJECTS};
use crate::cli::import::table::put_field;

/// The file of rejects.
#[derive(Debug)]
pub struct Rejects {
    path: PathBuf,
    head: Vec<u8>,
    file: Option<BufWriter<File>>,
}

/// A row that was left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reject {
    /// Where it stands.
    pub line: u64,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// The row, or whatever stands on a line that is none.
    pub raw: Vec<u8>,
    /// Whether `raw` has the columns of the head.
    pub whole: bool,
}

impl Rejects {
    /// Takes where the file is to be and the head of the table. What an earlier load of another
    /// file left there is removed, unless this one goes on with a load.
    pub fn new(path: &Path, head: Vec<u8>, goes_on: bool) -> io::Result<Self> {
        if !goes_on {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(Self { path: path.to_owned(), head, file: None })
    }

    /// Returns where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds rows, and hands them to the system before it returns.
    pub fn add(&mut self, rejects: &[Reject]) -> io::Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(self.open()?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        for reject in rejects {
            file.write_all(&reject.to_line())?;
        }
        file.flush()
    }

    fn open(&self) -> io::Result<BufWriter<File>> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(&self.path)?;
        // Whatever was there may have been open to others.
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let mut file = BufWriter::new(file);
        if file.get_ref().metadata()?.len() == 0 {
            file.write_all(format!("{},", REJECTS.join(",")).as_bytes())?;
            file.write_all(&self.head)?;
            file.write_all(b"\n")?;
        }
        Ok(file)
    }
}

impl Reject {
    fn to_line(&self) -> Vec<u8> {
        let columns: Vec<_> =
            self.faults.iter().filter_map(|fault| fault.column).map(Column::name).collect();
        let reasons: Vec<_> = self
            .faults
            .iter()
            .map(|fault| match fault.column {
                Some(column) if 1 < self.faults.len() => {
                    format!("{}: {}", column.name(), fault.reason)
                }
                _ => fault.reason.to_owned(),
            })
            .collect();
        let mut line = format!("{},{},", self.line, columns.join(" ")).into_bytes();
        put_field(reasons.join("; ").as_bytes(), &mut line);
        line.push(b',');
        if self.whole {
            line.extend_from_slice(&self.raw);
        } else {
            put_field(&self.raw, &mut line);
        }
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn reject(line: u64, raw: &str, whole: bool) -> Reject {
        let fault = |column, reason| Fault { column, reason };
        let faults = if whole {
            vec![fault(Some(Column::Amount), "a, b"), fault(Some(Column::Rail), "c")]
        } else {
            vec![fault(None, "a row")]
        };
        Reject { line, faults, raw: raw.into(), whole }
    }

    #[test]
    fn rejects_are_for_their_owner_and_are_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejects.csv");
        std::fs::write(&path, "of another load").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let mut rejects = Rejects::new(&path, b"amount,rail".to_vec(), false).unwrap();
        assert!(!path.exists());
        rejects.add(&[]).unwrap();
        assert!(!path.exists());
        rejects.add(&[reject(2, "1,x", true)]).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let mut rejects = Rejects::new(&path, b"amount,rail".to_vec(), true).unwrap();
        rejects.add(&[reject(9, "1,\"x", false)]).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "line,column,reason,amount,rail\n2,amount rail,\"amount: a, b; rail: c\",1,x\n\
             9,,a row,\"1,\"\"x\"\n"
        );
    }
}
