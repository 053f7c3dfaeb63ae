//! Tests: files of labelled payments, whole and broken.

use prost::Message as _;

use super::*;
use crate::grpc::pb::ScreenTransferRequest;
use crate::grpc::sample;
use crate::records::pb::{Honest, honest, labelled};

fn header() -> Header {
    Header { generator: "0.1.0".into(), seed: 7, customers: 2, days: 3, ..Header::default() }
}

fn labelled(day: i64) -> Labelled {
    Labelled {
        request: Some(sample::full()),
        execution_if_allowed: 1,
        execute_time: Some(sample::stamp(day)),
        truth: Some(labelled::Truth::Honest(Honest {
            cohorts: vec![honest::Cohort::Everyday.into()],
            kind: "rent".into(),
        })),
    }
}

fn file(records: &[Labelled]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, &header()).unwrap();
    for record in records {
        writer.write(record).unwrap();
    }
    writer.end().unwrap();
    bytes
}

/// Reads all there is, and the error that ended it.
fn read(bytes: &[u8]) -> (Vec<Labelled>, Option<String>) {
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    assert_eq!(*reader.header(), header());
    let (mut records, mut record) = (Vec::new(), Labelled::default());
    let error = loop {
        match reader.read(&mut record) {
            Ok(true) => records.push(record.clone()),
            Ok(false) => break None,
            Err(why) => break Some(why.to_string()),
        }
    };
    assert!(matches!(reader.read(&mut record), Ok(false)), "nothing follows an end");
    (records, error)
}

#[test]
fn what_is_written_is_read() {
    // The second states less than the one in whose place it is read.
    let bare = Labelled { request: Some(ScreenTransferRequest::default()), ..labelled(2) };
    let records = [labelled(1), bare, labelled(3)];
    assert_eq!(read(&file(&records)), (records.to_vec(), None));
    assert_eq!(read(&file(&[])), (Vec::new(), None));
}

#[test]
fn a_file_that_is_cut_anywhere_but_between_records_says_where() {
    let records = [labelled(1), labelled(2)];
    let (none, one, two) = (file(&[]), file(&records[..1]), file(&records));
    assert!(two.starts_with(&one) && one.starts_with(&none));
    for end in 0..two.len() {
        let (read, error) = read(&two[..end]);
        let want = if end < MAGIC.len() {
            Some(
                "this is no file of labelled payments: its first line is not `clearline labelled \
                  payments 1`"
                    .to_owned(),
            )
        } else {
            let begun = [MAGIC.len(), none.len(), one.len()];
            let record = begun.iter().rposition(|at| *at <= end).unwrap();
            let cut = format!(
                "record {record} is cut off: it begins at byte {}, and the file ends inside it",
                begun[record]
            );
            let whole = record != 0 && begun[record] == end;
            (!whole).then_some(cut)
        };
        assert_eq!(error, want, "cut at {end}");
        let whole = [one.len(), two.len()].iter().filter(|at| **at <= end).count();
        assert_eq!(read, records[..whole], "cut at {end}");
    }
}

#[test]
fn a_record_has_a_length_that_a_record_can_have() {
    for (length, ends) in [
        (&[0x80, 0x80, 0x80, 0x01][..], "has no length from 0 to 73728"),
        // 73,729 and 73,728.
        (&[0x81, 0xc0, 0x04][..], "has no length from 0 to 73728"),
        (&[0x80, 0xc0, 0x04][..], "and the file ends inside it"),
    ] {
        let mut bytes = file(&[labelled(1)]);
        let at = bytes.len();
        bytes.extend(length);
        let (records, error) = read(&bytes);
        let error = error.unwrap();
        assert_eq!(records.len(), 1);
        assert!(
            error.starts_with("record 2 ") && error.contains(&format!("at byte {at}")),
            "{error}"
        );
        assert!(error.ends_with(ends), "{error}");
    }
}

#[test]
fn a_record_that_cannot_be_counted_is_refused() {
    let no = |change: fn(&mut Labelled)| {
        let mut record = labelled(1);
        change(&mut record);
        let mut bytes = file(&[]);
        record.encode_length_delimited(&mut bytes).unwrap();
        read(&bytes).1.unwrap()
    };
    let at = file(&[]).len();
    for (error, want) in [
        (no(|record| record.request = None), "it has no request"),
        (no(|record| record.truth = None), "it has no truth"),
        (no(|record| record.execute_time = None), "it has no time of execution"),
    ] {
        assert_eq!(error, format!("record 1 at byte {at} is no labelled payment: {want}"));
    }
    let mut bytes = file(&[]);
    bytes.extend([2, 0xff, 0xff]);
    assert!(read(&bytes).1.unwrap().starts_with(&format!("record 1 at byte {at} is no labelled")));
}

#[test]
fn another_kind_of_file_is_told_at_once() {
    for bytes in [&b""[..], b"{}", b"clearline labelled payments 2\n_____"] {
        assert!(read(bytes).1.unwrap().starts_with("this is no file of labelled payments"));
    }
}
