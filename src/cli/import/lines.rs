//! Lines: past payments as lines of CSV.
//!
//! A row is a line: none of its columns holds a text that could be broken. So a quote that is not
//! closed costs its own row and not the rest of the file, and however the bytes lie, no more than one
//! line is held.

use std::io::{self, BufRead, Read as _};

use csv_core::{ReadRecordResult, Reader};

use crate::backfill::{self, COLUMNS, Cells, Column, Fault, REJECTS};
use crate::cli::import::table::{Record, TableError};

/// The rows of a text.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    parser: Reader,
    columns: Vec<Option<Column>>,
    head: Vec<u8>,
    /// The line that was read last, without its end.
    line: Vec<u8>,
    number: u64,
    bytes: u64,
    output: Vec<u8>,
    ends: Vec<usize>,
}

/// What stands on a line.
enum Found {
    /// Nothing follows.
    End,
    Line,
    /// More than a line may have; its beginning is kept.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    /// Reads the head.
    pub fn open(input: R) -> Result<Self, TableError> {
        let mut lines = Self {
            input,
            parser: Reader::new(),
            columns: Vec::new(),
            head: Vec::new(),
            line: Vec::new(),
            number: 0,
            bytes: 0,
            output: vec![0; LINE_BYTES_MAX.saturating_add(2)],
            ends: vec![0; ENDS],
        };
        let wrong = |problem: &str| TableError::Head(vec![problem.to_owned()]);
        match lines.read_line()? {
            Found::Line => {}
            Found::End => return Err(wrong("the file is empty: its first line names the columns")),
            Found::TooLong => return Err(wrong("the first line is too long to name the columns")),
        }
        if [&[0xff, 0xfe][..], &[0xfe, 0xff]].iter().any(|mark| lines.line.starts_with(mark)) {
            return Err(wrong("the file is written in UTF-16: write it in UTF-8"));
        }
        if lines.line.starts_with(BYTE_ORDER_MARK) {
            lines.line.drain(..BYTE_ORDER_MARK.len());
        }
        lines.head.clone_from(&lines.line);
        let fields = lines.split().map_err(wrong)?;
        let names: Result<Vec<_>, _> =
            lines.fields(fields).map(|field| std::str::from_utf8(field)).collect();
        let names = names.map_err(|_| wrong("the first line is not UTF-8"))?;
        lines.columns = backfill::head(&names).map_err(TableError::Head)?;
        Ok(lines)
    }

    /// Returns the head, without the columns of a file of rejects.
    pub fn head(&self) -> &[u8] {
        let own = self.columns.iter().take_while(|column| column.is_none()).count();
        let mut rest = &self.head[..];
        for _ in 0..own {
            let at = rest.iter().position(|byte| *byte == b',').unwrap_or(0);
            rest = rest.get(at.saturating_add(1)..).unwrap_or(rest);
        }
        if self.columns.iter().filter(|column| column.is_none()).count() == own {
            rest
        } else {
            &self.head
        }
    }

    /// Returns how many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Passes over a row; `false` after the last.
    pub fn pass(&mut self) -> io::Result<bool> {
        Ok(!matches!(self.row()?, Found::End))
    }

    /// Returns the next row; `None` after the last. Empty lines are none.
    pub fn take(&mut self) -> io::Result<Option<Record>> {
        let fault = |reason| vec![Fault { column: None, reason }];
        let (row, whole) = match self.row()? {
            Found::End => return Ok(None),
            Found::TooLong => (Err(fault("a line of at most 4,096 bytes")), false),
            Found::Line => match self.split() {
                Err(reason) => (Err(fault(reason)), false),
                Ok(count) if count != self.columns.len() => {
                    (Err(fault("as many fields as the first line names")), false)
                }
                Ok(count) => (self.read(count), true),
            },
        };
        let raw = if whole { self.unmarked() } else { self.line.clone() };
        Ok(Some(Record { line: self.number, raw, whole, row }))
    }

    /// Reads on to the next line that is not empty.
    fn row(&mut self) -> io::Result<Found> {
        loop {
            match self.read_line()? {
                Found::Line if self.line.is_empty() => {}
                found => return Ok(found),
            }
        }
    }

    fn read_line(&mut self) -> io::Result<Found> {
        self.line.clear();
        let most = u64::try_from(LINE_BYTES_MAX.saturating_add(2)).unwrap_or(u64::MAX);
        let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        self.count(read);
        if read == 0 {
            return Ok(Found::End);
        }
        self.number = self.number.saturating_add(1);
        let mut ended = self.line.pop_if(|byte| *byte == b'\n').is_some();
        self.line.pop_if(|byte| *byte == b'\r');
        if self.line.len() <= LINE_BYTES_MAX {
            return Ok(Found::Line);
        }
        self.line.truncate(SHOWN_BYTES);
        let mut passed = Vec::new();
        while !ended {
            passed.clear();
            let read = self.input.by_ref().take(most).read_until(b'\n', &mut passed)?;
            self.count(read);
            ended = read == 0 || passed.ends_with(b"\n");
        }
        Ok(Found::TooLong)
    }

    fn count(&mut self, read: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }

    /// Splits the line into fields, and returns how many there are.
    fn split(&mut self) -> Result<usize, &'static str> {
        self.parser.reset();
        self.line.push(b'\n');
        let (result, read, _, count) =
            self.parser.read_record(&self.line, &mut self.output, &mut self.ends);
        let all = read == self.line.len();
        self.line.pop();
        match result {
            ReadRecordResult::Record if all => Ok(count),
            ReadRecordResult::Record => Err("one row on a line"),
            ReadRecordResult::InputEmpty => Err("a quote that is closed on its line"),
            ReadRecordResult::OutputEndsFull | ReadRecordResult::OutputFull => {
                Err("as many fields as the first line names")
            }
            ReadRecordResult::End => Err("a row"),
        }
    }

    /// Returns the first `count` fields of the line that was split last.
    fn fields(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends.iter().take(count).map(move |end| {
            let field = self.output.get(from..*end).unwrap_or_default();
            from = *end;
            field
        })
    }

    fn read(&self, count: usize) -> Result<backfill::Row, Vec<Fault>> {
        let mut cells: Cells<'_> = [""; COLUMNS];
        let mut faults = Vec::new();
        for (column, field) in self.columns.iter().zip(self.fields(count)) {
            let Some(column) = column else { continue };
            match std::str::from_utf8(field) {
                Ok(text) => {
                    if let Some(cell) = cells.get_mut(column.place()) {
                        *cell = text.trim_ascii();
                    }
                }
                Err(_) => faults.push(Fault { column: Some(*column), reason: "UTF-8" }),
            }
        }
        if faults.is_empty() { backfill::row(&cells) } else { Err(faults) }
    }

    /// Returns the line without what a file of rejects has before it.
    fn unmarked(&self) -> Vec<u8> {
        let own = self.columns.iter().take_while(|column| column.is_none()).count();
        if own != REJECTS.len() {
            return self.line.clone();
        }
        let mut line = Vec::with_capacity(self.line.len());
        for (at, field) in self.fields(self.columns.len()).skip(own).enumerate() {
            if at != 0 {
                line.push(b',');
            }
            super::table::put_field(field, &mut line);
        }
        line
    }
}

/// Longest line: ten times what the columns need with everything stated.
const LINE_BYTES_MAX: usize = 4_096;
/// What is kept of a longer one, so that somebody finds it.
const SHOWN_BYTES: usize = 200;
/// One more than any head names, so that too many are noticed.
const ENDS: usize = COLUMNS.saturating_add(REJECTS.len()).saturating_add(2);
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "customer_key,payee_sort_code,payee_account_number,amount,currency,sent_time";
    const RIGHT: &str = "C-1,601613,31926819,12.50,GBP,2026-05-01T09:00:00Z";

    fn read(text: &[u8]) -> Vec<(u64, String)> {
        let mut lines = Lines::open(text).unwrap();
        let mut found = Vec::new();
        while let Some(record) = lines.take().unwrap() {
            let told = record.row.map_or_else(
                |faults| {
                    let column = faults[0].column.map_or("", Column::name);
                    format!("{column}: {}", faults[0].reason)
                },
                |row| row.customer.into(),
            );
            found.push((record.line, told));
        }
        found
    }

    #[test]
    fn each_bad_line_has_its_own_message_and_those_around_it_are_read() {
        let long = format!("C-1,601613,31926819,12.50,GBP,{}", "x".repeat(4_096 - 29));
        for (line, want) in [
            (RIGHT.as_bytes(), "C-1"),
            (b"\"C-1\",\"601613\",31926819, 12.50 ,GBP,2026-05-01T09:00:00Z", "C-1"),
            (b"C-1,601613,31926819", ": as many fields as the first line names"),
            (
                b"C-1,601613,31926819,12.50,GBP,2026-05-01T09:00:00Z,",
                ": as many fields as the first line names",
            ),
            (b",,,,,,,,,,,,,,,,,,,,,,,,", ": as many fields as the first line names"),
            (
                b"C-1,601613,31926819,12.50,\"GBP,2026-05-01T09:00:00Z",
                ": a quote that is closed on its line",
            ),
            (b"C-1,601613\r,31926819,12.50,GBP,2026-05-01T09:00:00Z", ": one row on a line"),
            (
                b"C-1,601613,31926819,12.50,GBP,\"\"2026\"",
                "sent_time: a time with its offset, such as 2026-11-20T15:04:05Z, from 1980 on",
            ),
            (b"C-\xe9,601613,31926819,12.50,GBP,2026-05-01T09:00:00Z", "customer_key: UTF-8"),
            (
                b"C\0-1,601613,31926819,12.50,GBP,2026-05-01T09:00:00Z",
                "customer_key: 1 to 64 printable ASCII characters without spaces",
            ),
            (
                b"C-1,601613,31926819,12\xc2\xa0050,GBP,2026-05-01T09:00:00Z",
                "amount: digits with at most one point, such as 1250.00; at most 18, 5 of them decimals",
            ),
            (&long.as_bytes()[..4_096], "sent_time: longer than 128 bytes"),
            (long.as_bytes(), ": a line of at most 4,096 bytes"),
        ] {
            let text = [HEAD.as_bytes(), b"\n", line, b"\r\n\n", RIGHT.as_bytes()].concat();
            let shown = String::from_utf8_lossy(line);
            let want = vec![(2, want.to_owned()), (4, "C-1".to_owned())];
            assert_eq!(read(&text), want, "{shown}");
        }
    }

    #[test]
    fn a_file_of_rejects_is_read_like_the_file_it_is_of() {
        let text = format!("line,column,reason,{HEAD}\n7,amount,\"a; b\",{RIGHT}\n");
        let mut lines = Lines::open(text.as_bytes()).unwrap();
        assert_eq!(lines.head(), HEAD.as_bytes());
        let record = lines.take().unwrap().unwrap();
        assert_eq!(record.raw, RIGHT.as_bytes());
        assert!(record.row.is_ok());
    }

    #[test]
    fn a_head_may_begin_with_a_byte_order_mark_and_must_be_utf_8() {
        let marked = format!("\u{feff}{HEAD}\n{RIGHT}");
        assert_eq!(read(marked.as_bytes()), [(2, "C-1".to_owned())]);
        let utf_16: Vec<u8> = "\u{feff}amount".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let long = "x".repeat(5_000);
        for (text, want) in [
            (&utf_16[..], "UTF-16"),
            (b"", "empty"),
            (b"am\xe9unt\n", "not UTF-8"),
            (b"\"amount\n", "a quote that is closed"),
            (long.as_bytes(), "too long"),
        ] {
            let error = Lines::open(text).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn passing_over_counts_the_rows_that_are_read() {
        let text = format!("{HEAD}\n\n{RIGHT}\nx\n{}\n\n{RIGHT}", "y".repeat(20_000));
        let mut lines = Lines::open(text.as_bytes()).unwrap();
        let mut passed = 0;
        while lines.pass().unwrap() {
            passed += 1;
        }
        assert_eq!(passed, read(text.as_bytes()).len());
        assert_eq!(usize::try_from(lines.bytes()).unwrap(), text.len());
    }
}
