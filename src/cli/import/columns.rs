//! Columns: past payments as a Parquet file.
//!
//! Row groups are read one after the other, some rows of each column at a time, so what is held does
//! not grow with the file. Every cell becomes the text that it would be in CSV, and is then read by
//! the same rules.

use std::fmt::Write as _;
use std::fs::File;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use rust_decimal::Decimal;

use crate::backfill::{self, COLUMNS, Cells, Column, Fault};
use crate::calendar::Time;
use crate::cli::import::table::{Record, TableError, put_field};

/// The rows of a Parquet file.
pub struct Columns {
    file: SerializedFileReader<File>,
    kept: Vec<Kept>,
    /// The row group that is read next.
    group: usize,
    readers: Vec<ColumnReader>,
    /// Rows of the group that were not read yet.
    left: usize,
    /// Rows that were read, and how many of them were taken.
    filled: usize,
    taken: usize,
    row: u64,
}

/// A column that is read, and what was read of it.
struct Kept {
    column: Column,
    /// Which of the file's.
    place: usize,
    form: Form,
    optional: bool,
    text: String,
    ends: Vec<usize>,
    /// Rows whose cell was no text.
    bad: Vec<usize>,
}

/// How a cell is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Text,
    Whole,
    /// Whole, with so many decimals.
    Decimal(u32),
    /// So many of these are a microsecond, or a microsecond is so many of these.
    Instant(i64, i64),
}

impl Columns {
    /// Reads the schema.
    pub fn open(file: File) -> Result<Self, TableError> {
        let file = SerializedFileReader::new(file).map_err(|_| damaged("its end"))?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let names: Vec<_> = schema.columns().iter().map(|column| column.path().string()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let columns = backfill::head(&names).map_err(TableError::Head)?;
        let mut kept = Vec::new();
        let mut problems = Vec::new();
        for (place, (column, described)) in columns.iter().zip(schema.columns()).enumerate() {
            let Some(column) = *column else { continue };
            match form(column, described) {
                Ok(form) => kept.push(Kept {
                    column,
                    place,
                    form,
                    optional: 0 < described.max_def_level(),
                    text: String::new(),
                    ends: Vec::new(),
                    bad: Vec::new(),
                }),
                Err(problem) => problems.push(format!("column `{}` {problem}", column.name())),
            }
        }
        for group in file.metadata().row_groups() {
            for column in group.columns() {
                let read =
                    matches!(column.compression(), Compression::UNCOMPRESSED | Compression::SNAPPY);
                if !read && problems.is_empty() {
                    problems.push(format!(
                        "the file is compressed with {}: write it with SNAPPY or without",
                        column.compression()
                    ));
                }
            }
        }
        if !problems.is_empty() {
            return Err(TableError::Head(problems));
        }
        let readers = Vec::new();
        Ok(Self { file, kept, group: 0, readers, left: 0, filled: 0, taken: 0, row: 0 })
    }

    /// Returns the names of its columns.
    pub fn head(&self) -> Vec<u8> {
        let names: Vec<_> = self.kept.iter().map(|kept| kept.column.name()).collect();
        names.join(",").into_bytes()
    }

    /// Returns how many rows were read, and how many there are.
    pub fn read(&self) -> (u64, Option<u64>) {
        let rows = self.file.metadata().file_metadata().num_rows();
        (self.row, u64::try_from(rows).ok())
    }

    /// Passes over a row; `false` after the last.
    pub fn pass(&mut self) -> Result<bool, TableError> {
        if self.filled <= self.taken && !self.fill()? {
            return Ok(false);
        }
        self.taken = self.taken.saturating_add(1);
        self.row = self.row.saturating_add(1);
        Ok(true)
    }

    /// Returns the next row; `None` after the last.
    pub fn take(&mut self) -> Result<Option<Record>, TableError> {
        let at = if self.filled <= self.taken { 0 } else { self.taken };
        if !self.pass()? {
            return Ok(None);
        }
        let mut cells: Cells<'_> = [""; COLUMNS];
        let mut faults = Vec::new();
        let mut raw = Vec::new();
        for (number, kept) in self.kept.iter().enumerate() {
            let text = kept.cell(at);
            if number != 0 {
                raw.push(b',');
            }
            put_field(text.as_bytes(), &mut raw);
            if kept.bad.contains(&at) {
                faults.push(Fault { column: Some(kept.column), reason: "UTF-8" });
            }
            if let Some(cell) = cells.get_mut(kept.column.place()) {
                *cell = text.trim_ascii();
            }
        }
        let row = if faults.is_empty() { backfill::row(&cells) } else { Err(faults) };
        Ok(Some(Record { line: self.row, raw, whole: true, row }))
    }

    /// Reads some more rows of every column; `false` where there are none.
    fn fill(&mut self) -> Result<bool, TableError> {
        while self.left == 0 {
            let metadata = self.file.metadata();
            if metadata.num_row_groups() <= self.group {
                return Ok(false);
            }
            let group = self.file.get_row_group(self.group).map_err(|_| damaged("a row group"))?;
            self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            let readers = self.kept.iter().map(|kept| group.get_column_reader(kept.place));
            let readers: Result<Vec<_>, _> = readers.collect();
            self.readers = readers.map_err(|_| damaged("a column"))?;
            self.group = self.group.saturating_add(1);
        }
        let count = self.left.min(BATCH_ROWS);
        for (kept, reader) in self.kept.iter_mut().zip(&mut self.readers) {
            kept.fill(reader, count)?;
        }
        self.left = self.left.saturating_sub(count);
        (self.filled, self.taken) = (count, 0);
        Ok(true)
    }
}

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Columns").field("row", &self.row).finish_non_exhaustive()
    }
}

impl Kept {
    fn cell(&self, at: usize) -> &str {
        let from = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let until = self.ends.get(at).copied().unwrap_or(0);
        self.text.get(from.unwrap_or(0)..until).unwrap_or("")
    }

    fn fill(&mut self, reader: &mut ColumnReader, count: usize) -> Result<(), TableError> {
        self.text.clear();
        self.ends.clear();
        self.bad.clear();
        match reader {
            ColumnReader::Int32ColumnReader(reader) => {
                self.fill_from(reader, count, |form, value, text| {
                    number(form, (*value).into(), text)
                })
            }
            ColumnReader::Int64ColumnReader(reader) => {
                self.fill_from(reader, count, |form, value, text| {
                    number(form, (*value).into(), text)
                })
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                self.fill_from(reader, count, |form, value, text| bytes(form, value.data(), text))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                self.fill_from(reader, count, |form, value, text| bytes(form, value.data(), text))
            }
            // INVARIANT: `form` let no other type in.
            _ => Err(damaged("a column")),
        }
    }

    /// Reads `count` cells, each put by `put`, which says whether it is one.
    fn fill_from<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        count: usize,
        put: impl Fn(Form, &T::T, &mut String) -> bool,
    ) -> Result<(), TableError> {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let wanted = self.optional.then_some(&mut levels);
        let (rows, _, _) = reader
            .read_records(count, wanted, None, &mut values)
            .map_err(|_| damaged("a column"))?;
        if rows != count {
            return Err(damaged("a column"));
        }
        let mut values = values.iter();
        for at in 0..count {
            let there = !self.optional || levels.get(at).is_some_and(|level| 0 < *level);
            if there {
                let value = values.next().ok_or_else(|| damaged("a column"))?;
                if !put(self.form, value, &mut self.text) {
                    self.bad.push(at);
                }
            }
            self.ends.push(self.text.len());
        }
        Ok(())
    }
}

/// Finds how the cells of a column are written, or says why they cannot be read.
fn form(column: Column, described: &ColumnDescriptor) -> Result<Form, String> {
    let info = described.self_type().get_basic_info();
    let repeated = info.has_repetition() && info.repetition() == Repetition::REPEATED;
    if repeated || 0 < described.max_rep_level() || 1 < described.max_def_level() {
        return Err("holds lists or groups: write one value a row".to_owned());
    }
    let instant = matches!(column, Column::SentTime | Column::PayeeAddedTime);
    let decimals = u32::try_from(described.type_scale()).unwrap_or(0);
    let logical = described.logical_type_ref();
    let legacy = described.converted_type();
    let decimal = matches!(logical, Some(LogicalType::Decimal(_)))
        || legacy == parquet::basic::ConvertedType::DECIMAL;
    let physical = described.physical_type();
    match (physical, logical) {
        (Type::INT64, Some(LogicalType::Timestamp(timestamp))) if instant => {
            if !timestamp.is_adjusted_to_u_t_c {
                return Err("has times without an offset: write them in UTC".to_owned());
            }
            Ok(match timestamp.unit {
                TimeUnit::MILLIS => Form::Instant(1_000, 1),
                TimeUnit::MICROS => Form::Instant(1, 1),
                TimeUnit::NANOS => Form::Instant(1, 1_000),
            })
        }
        (Type::BYTE_ARRAY, _) if !decimal => Ok(Form::Text),
        (Type::INT32 | Type::INT64 | Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY, _)
            if decimal && column == Column::Amount =>
        {
            Ok(Form::Decimal(decimals))
        }
        (Type::INT32 | Type::INT64, None | Some(LogicalType::Integer(_))) if !instant => {
            Ok(Form::Whole)
        }
        _ => Err(match column {
            Column::Amount => "is no decimal: write DECIMAL or a text".to_owned(),
            Column::SentTime | Column::PayeeAddedTime => {
                "is no time: write a TIMESTAMP in UTC or a text".to_owned()
            }
            _ => "is no text: write a STRING".to_owned(),
        }),
    }
}

fn number(form: Form, value: i128, text: &mut String) -> bool {
    // Writing to a string does not fail.
    let _ = match form {
        Form::Whole | Form::Text => write!(text, "{value}"),
        Form::Decimal(scale) => match Decimal::try_from_i128_with_scale(value, scale) {
            Ok(decimal) => write!(text, "{decimal}"),
            Err(_) => return false,
        },
        Form::Instant(times, parts) => {
            let micros = i64::try_from(value).ok().and_then(|value| value.checked_mul(times));
            let Some(micros) = micros.and_then(|value| value.checked_div_euclid(parts)) else {
                return false;
            };
            write!(text, "{}", Time::from_micros(micros))
        }
    };
    true
}

fn bytes(form: Form, value: &[u8], text: &mut String) -> bool {
    if form != Form::Text {
        // Two's complement, the highest byte first.
        let mut whole = match value.first() {
            Some(first) if *first & 0x80 != 0 => [0xff; 16],
            Some(_) => [0; 16],
            None => return false,
        };
        let Some(from) = whole.len().checked_sub(value.len()) else { return false };
        whole.iter_mut().skip(from).zip(value).for_each(|(to, from)| *to = *from);
        return number(form, i128::from_be_bytes(whole), text);
    }
    let shown = value.get(..CELL_BYTES_KEPT).unwrap_or(value);
    text.push_str(&String::from_utf8_lossy(shown));
    std::str::from_utf8(value).is_ok()
}

fn damaged(what: &str) -> TableError {
    TableError::Parquet(format!("the file is damaged: {what} cannot be read"))
}

/// Rows of each column that are held at once.
const BATCH_ROWS: usize = 1_024;
/// More than any cell may have, so that a longer one is noticed; and no more, so that it costs little.
const CELL_BYTES_KEPT: usize = 160;

#[cfg(test)]
mod tests {
    use std::io::Seek as _;
    use std::sync::Arc;

    use parquet::data_type::{
        ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
    };
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    const TYPES: [&str; 6] = [
        "required binary customer_key (UTF8);",
        "optional binary payee_iban (UTF8);",
        "required fixed_len_byte_array(5) amount (DECIMAL(10,2));",
        "required binary currency (UTF8);",
        "required int64 sent_time (TIMESTAMP(MILLIS,true));",
        "optional int64 payee_added_time (TIMESTAMP(NANOS,true));",
    ];

    /// Writes `groups` row groups of `rows` rows each, of which every third lacks its IBAN.
    fn written(groups: i64, rows: usize, compression: Compression) -> File {
        let schema = Arc::new(
            parse_message_type(&format!("message past {{ {} }}", TYPES.concat())).unwrap(),
        );
        let properties = WriterProperties::builder().set_compression(compression).build();
        let file = tempfile::tempfile().unwrap();
        let copy = file.try_clone().unwrap();
        let mut writer = SerializedFileWriter::new(copy, schema, Arc::new(properties)).unwrap();
        for _ in 0..groups {
            let mut group = writer.next_row_group().unwrap();
            let texts = |text: &str| vec![ByteArray::from(text); rows];
            let there: Vec<i16> = (0..rows).map(|row| i16::from(row % 3 != 2)).collect();
            let count = there.iter().filter(|there| **there == 1).count();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&texts("C-1"), None, None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let ibans = vec![ByteArray::from("IE29AIBK93115212345678"); count];
            column.typed::<ByteArrayType>().write_batch(&ibans, Some(&there), None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let amount = FixedLenByteArray::from(ByteArray::from(vec![0, 0, 0, 4, 0xe2]));
            column
                .typed::<FixedLenByteArrayType>()
                .write_batch(&vec![amount; rows], None, None)
                .unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&texts("GBP"), None, None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let sent = vec![1_790_000_000_123; rows];
            column.typed::<Int64Type>().write_batch(&sent, None, None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let added = vec![1_700_000_000_000_001_999; count];
            column.typed::<Int64Type>().write_batch(&added, Some(&there), None).unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        writer.close().unwrap();
        let mut file = file;
        file.rewind().unwrap();
        file
    }

    #[test]
    fn every_row_of_every_group_is_read_by_the_rules_of_text() {
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
            let mut columns = Columns::open(written(2, 1_500, compression)).unwrap();
            assert_eq!(columns.read(), (0, Some(3_000)));
            let mut right = 0;
            for line in 1..=3_000 {
                let record = columns.take().unwrap().unwrap();
                assert_eq!(record.line, line);
                let lacking = (line - 1) % 1_500 % 3 == 2;
                assert_eq!(record.row.is_err(), lacking, "{line}");
                let Ok(row) = record.row else { continue };
                right += 1;
                assert_eq!(row.money, crate::testing::pounds("12.50"));
                assert_eq!(row.sent, Time::from_micros(1_790_000_000_123_000));
                assert_eq!(row.added, Some(Time::from_micros(1_700_000_000_000_001)));
                assert_eq!(row.payee.key(), "IE29AIBK93115212345678");
            }
            assert_eq!(right, 2_000);
            assert!(columns.take().unwrap().is_none());
        }
    }

    #[test]
    fn what_is_left_out_reads_as_csv() {
        let mut columns = Columns::open(written(1, 3, Compression::SNAPPY)).unwrap();
        assert!(columns.pass().unwrap() && columns.pass().unwrap());
        let record = columns.take().unwrap().unwrap();
        assert_eq!(
            String::from_utf8(columns.head()).unwrap(),
            "customer_key,payee_iban,amount,currency,sent_time,payee_added_time"
        );
        let sent = Time::from_micros(1_790_000_000_123_000);
        let want = format!("C-1,,12.50,GBP,{sent},");
        assert_eq!(String::from_utf8(record.raw).unwrap(), want);
        assert_eq!(record.row.unwrap_err()[0].column, Some(Column::PayeeSortCode));
        assert!(!columns.pass().unwrap());
    }

    #[test]
    fn columns_of_other_types_and_files_cut_short_are_refused_with_what_to_do() {
        for (place, other, want) in [
            (2, "required double amount;", "`amount` is no decimal"),
            (4, "required int64 sent_time (TIMESTAMP(MILLIS,false));", "in UTC"),
            (4, "required int96 sent_time;", "`sent_time` is no time"),
            (0, "repeated binary customer_key (UTF8);", "lists or groups"),
            (3, "required binary fee (UTF8);", "column `fee` is none of ours"),
        ] {
            let mut types = TYPES;
            types[place] = other;
            let schema = Arc::new(
                parse_message_type(&format!("message past {{ {} }}", types.concat())).unwrap(),
            );
            let file = tempfile::tempfile().unwrap();
            let writer =
                SerializedFileWriter::new(file.try_clone().unwrap(), schema, Arc::default());
            writer.unwrap().close().unwrap();
            let error = Columns::open(file).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
        let file = written(1, 3, Compression::SNAPPY);
        let length = file.metadata().unwrap().len();
        file.set_len(length - 5).unwrap();
        assert!(Columns::open(file).unwrap_err().to_string().contains("damaged"));
    }
}
