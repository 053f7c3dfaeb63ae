//! Table: a file of past payments, row by row, in whichever form it is written.

use std::fs::File;
use std::io::{BufReader, Seek as _};
use std::path::Path;

use crate::backfill::{Fault, Row};
use crate::cli::CliError;
use crate::cli::import::columns::Columns;
use crate::cli::import::lines::Lines;

/// A file that is being read.
#[derive(Debug)]
pub enum Table {
    /// Lines of text.
    Csv(Box<Lines<BufReader<File>>>),
    /// Parquet.
    Parquet(Box<Columns>),
}

/// One row as it was found.
#[derive(Debug)]
pub struct Record {
    /// Where: the line of a text, the row of a Parquet file, from 1.
    pub line: u64,
    /// The row itself: a line of CSV, or whatever stands on a line that is none.
    pub raw: Vec<u8>,
    /// Whether `raw` has the columns of the head.
    pub whole: bool,
    /// What it says, or everything wrong with it.
    pub row: Result<Row, Vec<Fault>>,
}

/// Why a table cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The disk.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The head is not one of past payments.
    #[error("{}", .0.join("\n"))]
    Head(Vec<String>),
    /// It is no Parquet file, or not in a form that is read.
    #[error("{0}")]
    Parquet(String),
}

impl Table {
    /// Opens a file: Parquet where it begins like one, CSV otherwise.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let unreadable = |source| CliError::Unreadable { path: name.clone(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        let mut begin = [0; PARQUET.len()];
        let is_parquet = match std::io::Read::read_exact(&mut file, &mut begin) {
            Ok(()) => begin == *PARQUET,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(unreadable(error)),
        };
        file.rewind().map_err(unreadable)?;
        let opened = if is_parquet {
            Columns::open(file).map(|columns| Self::Parquet(Box::new(columns)))
        } else {
            Lines::open(BufReader::with_capacity(BUFFER_BYTES, file))
                .map(|lines| Self::Csv(Box::new(lines)))
        };
        opened.map_err(|error| match error {
            TableError::Io(source) => unreadable(source),
            error => CliError::NotAsExpected(format!("{name}: {error}\nnothing was loaded")),
        })
    }

    /// Returns the next row, `None` after the last.
    pub fn take(&mut self) -> Result<Option<Record>, TableError> {
        match self {
            Self::Csv(lines) => Ok(lines.take()?),
            Self::Parquet(columns) => columns.take(),
        }
    }

    /// Passes over rows, and returns how many there were.
    pub fn skip(&mut self, rows: u64) -> Result<u64, TableError> {
        let mut skipped = 0;
        while skipped < rows {
            let there = match self {
                Self::Csv(lines) => lines.pass()?,
                Self::Parquet(columns) => columns.pass()?,
            };
            if !there {
                break;
            }
            skipped = skipped.saturating_add(1);
        }
        Ok(skipped)
    }

    /// Returns the names of its columns, as a line of CSV.
    pub fn head(&self) -> Vec<u8> {
        match self {
            Self::Csv(lines) => lines.head().to_vec(),
            Self::Parquet(columns) => columns.head(),
        }
    }

    /// Returns how much of it was read, and how much there is, in whatever it is counted in.
    pub fn read(&self) -> (u64, Option<u64>) {
        match self {
            Self::Csv(lines) => (lines.bytes(), None),
            Self::Parquet(columns) => columns.read(),
        }
    }
}

/// Appends a field of CSV, in quotes where it needs them.
pub fn put_field(field: &[u8], line: &mut Vec<u8>) {
    if !field.iter().any(|byte| b",\"\r\n".contains(byte)) {
        line.extend_from_slice(field);
        return;
    }
    line.push(b'"');
    for byte in field {
        if *byte == b'"' {
            line.push(b'"');
        }
        line.push(*byte);
    }
    line.push(b'"');
}

// What every Parquet file begins with.
const PARQUET: &[u8; 4] = b"PAR1";
const BUFFER_BYTES: usize = 256 * 1024;
