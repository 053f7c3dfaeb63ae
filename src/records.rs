//! Records: files of labelled payments, written and read.
//!
//! ```text
//! clearline labelled payments 1\n          the kind of file and the version of its format
//! length (varint) | Header                 where the payments come from
//! length (varint) | Labelled               one payment and the truth about it, again and again
//! ```
//!
//! The messages are those of `clearline.evaluation.v1`, each behind its length as protobuf writes it, so
//! that any protobuf library reads a file once it has passed the first line. Records stand in the order
//! of their request times. A file ends after a whole record.
//!
//! Takes whatever can be read or written; opens no file itself.

use std::io::{self, Read, Write};

use prost::Message;

use crate::records::pb::{Header, Labelled};

/// Where the generated types lie as their packages do, since they name each other by such paths.
mod clearline {
    pub(crate) mod screening {
        pub(crate) use crate::grpc::pb as v1;
    }
    pub(crate) mod evaluation {
        pub(crate) mod v1 {
            #![expect(clippy::pedantic, reason = "written by build.rs, not by us")]

            tonic::include_proto!("clearline.evaluation.v1");
        }
    }
}

/// Types generated from `proto/clearline/evaluation`.
pub mod pb {
    pub use super::clearline::evaluation::v1::*;
}

/// Writes a file of labelled payments.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    bytes: Vec<u8>,
}

/// Reads a file of labelled payments, one by one in the order of the file.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    header: Header,
    bytes: Vec<u8>,
    /// Payments read so far.
    records: u64,
    /// Bytes read so far.
    at: u64,
    /// Whether an error ended it.
    ended: bool,
}

/// Why a file cannot be read on. Records are counted from 1, the header being record 0; bytes from 0.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The first line is another.
    #[error("this is no file of labelled payments: its first line is not `{}`", MAGIC.trim_end())]
    NotLabelled,
    /// The file ends inside a record.
    #[error("record {record} is cut off: it begins at byte {at}, and the file ends inside it")]
    CutOff {
        /// Which.
        record: u64,
        /// Where it begins.
        at: u64,
    },
    /// A record claims to be longer than any can be, or its length is no number.
    #[error("record {record} at byte {at} has no length from 0 to {RECORD_BYTES_MAX}")]
    Length {
        /// Which.
        record: u64,
        /// Where it begins.
        at: u64,
    },
    /// A record holds no such message, or lacks what it needs to be counted.
    #[error("record {record} at byte {at} is no labelled payment: {why}")]
    Malformed {
        /// Which.
        record: u64,
        /// Where it begins.
        at: u64,
        /// What is wrong.
        why: String,
    },
    /// The file cannot be read.
    #[error("record {record} at byte {at} cannot be read: {source}")]
    Unreadable {
        /// Which.
        record: u64,
        /// Where it begins.
        at: u64,
        /// Why.
        source: io::Error,
    },
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(mut out: W, header: &Header) -> io::Result<Self> {
        out.write_all(MAGIC.as_bytes())?;
        let mut writer = Self { out, bytes: Vec::new() };
        writer.put(header)?;
        Ok(writer)
    }

    /// Adds a payment.
    pub fn write(&mut self, labelled: &Labelled) -> io::Result<()> {
        self.put(labelled)
    }

    /// Ends the file: hands on whatever was kept back.
    pub fn end(mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn put<M: Message>(&mut self, message: &M) -> io::Result<()> {
        self.bytes.clear();
        message.encode_length_delimited(&mut self.bytes).map_err(io::Error::other)?;
        self.out.write_all(&self.bytes)
    }
}

impl<R: Read> Reader<R> {
    /// Reads the first line and the header. What is read from should be buffered.
    pub fn new(from: R) -> Result<Self, RecordError> {
        let mut reader = Self {
            from,
            header: Header::default(),
            bytes: Vec::new(),
            records: 0,
            at: 0,
            ended: false,
        };
        let mut magic = [0; MAGIC.len()];
        reader.from.read_exact(&mut magic).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => RecordError::NotLabelled,
            _ => RecordError::Unreadable { record: 0, at: 0, source: error },
        })?;
        if magic != MAGIC.as_bytes() {
            return Err(RecordError::NotLabelled);
        }
        reader.at = MAGIC_BYTES;
        let at = reader.at;
        if !reader.fill()? {
            return Err(RecordError::CutOff { record: 0, at });
        }
        reader.header = Header::decode(&*reader.bytes).map_err(|error| RecordError::Malformed {
            record: 0,
            at,
            why: error.to_string(),
        })?;
        Ok(reader)
    }

    /// Returns where the payments come from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the next payment in the place of another, because it is large; false where the file ends
    /// before it. After an error nothing more is read.
    pub fn read(&mut self, labelled: &mut Labelled) -> Result<bool, RecordError> {
        if self.ended {
            return Ok(false);
        }
        let read = self.read_next(labelled);
        self.ended = !matches!(read, Ok(true));
        read
    }

    fn read_next(&mut self, labelled: &mut Labelled) -> Result<bool, RecordError> {
        self.records = self.records.saturating_add(1);
        let (record, at) = (self.records, self.at);
        if !self.fill()? {
            return Ok(false);
        }
        let malformed = |why: String| RecordError::Malformed { record, at, why };
        labelled.clear();
        labelled.merge(&*self.bytes).map_err(|error| malformed(error.to_string()))?;
        let lacks = [
            (labelled.request.is_none(), "it has no request"),
            (labelled.truth.is_none(), "it has no truth"),
            (labelled.execute_time.is_none(), "it has no time of execution"),
        ];
        match lacks.into_iter().find(|(lacks, _)| *lacks) {
            Some((_, why)) => Err(malformed(why.to_owned())),
            None => Ok(true),
        }
    }

    /// Reads the bytes of the next record; false where the file ends before it.
    fn fill(&mut self) -> Result<bool, RecordError> {
        let (record, at) = (self.records, self.at);
        let Some(length) = self.length()? else { return Ok(false) };
        if RECORD_BYTES_MAX < length {
            return Err(RecordError::Length { record, at });
        }
        self.bytes.clear();
        let mut part = self.from.by_ref().take(length);
        let read = part.read_to_end(&mut self.bytes).map_err(|source| RecordError::Unreadable {
            record,
            at,
            source,
        })?;
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        if read < length {
            return Err(RecordError::CutOff { record, at });
        }
        self.at = self.at.saturating_add(length);
        Ok(true)
    }

    /// Reads a length; `None` where the file ends before it.
    fn length(&mut self) -> Result<Option<u64>, RecordError> {
        let (record, at) = (self.records, self.at);
        let mut length = 0_u64;
        for shift in [0, 7, 14] {
            let mut byte = [0];
            match self.from.read_exact(&mut byte) {
                Ok(()) => self.at = self.at.saturating_add(1),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    let ended = shift == 0;
                    return if ended { Ok(None) } else { Err(RecordError::CutOff { record, at }) };
                }
                Err(source) => return Err(RecordError::Unreadable { record, at, source }),
            }
            let [byte] = byte;
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(Some(length));
            }
        }
        Err(RecordError::Length { record, at })
    }
}

/// What a file begins with. The number is the version of the format.
const MAGIC: &str = "clearline labelled payments 1\n";
const MAGIC_BYTES: u64 = 30;

/// Longest record: a request of 64 KiB, which is the longest that a server takes, and its label.
const RECORD_BYTES_MAX: u64 = 72 * 1024;

#[cfg(test)]
mod tests;
