//! Refused: bytes that are no message, each with its fault, and the other side of each limit.

use crate::iso20022::others::CHAPS_INTERBANK;
use crate::iso20022::tests::{PACS, PAIN, initiation};
use crate::iso20022::{
    ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, Fault, MESSAGE_BYTES_MAX, ORDERS_MAX, ReadError, read,
};

#[track_caller]
fn check(text: &str, want: Fault) {
    let short: String = text.chars().take(200).collect();
    assert_eq!(read(text.as_bytes()).unwrap_err().fault, want, "{short}");
}

#[test]
fn a_message_cut_off_at_any_byte_is_refused() {
    for message in [PAIN, PACS, CHAPS_INTERBANK] {
        let whole = message.trim_end();
        for end in 0..whole.len() {
            let error = read(&whole.as_bytes()[..end]).unwrap_err();
            assert!(error.at <= end, "{end}: {error}");
        }
        assert!(read(whole.as_bytes()).is_ok());
    }
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for (text, want) in [
        ("", Fault::Ended),
        (" \n", Fault::Ended),
        ("{}", Fault::Form),
        ("<a></b>", Fault::Form),
        ("<a>", Fault::Ended),
        ("</a>", Fault::Form),
        ("<a b='1' b='2'/>", Fault::Form),
        ("<a b=1/>", Fault::Form),
        ("<a b='<'/>", Fault::Form),
        ("<x:a/>", Fault::Form),
        ("<a>&nbsp;</a>", Fault::Entity),
        ("<a>&#0;</a>", Fault::Form),
        ("<a>&#1;</a>", Fault::Character),
        ("<a>&#xD800;</a>", Fault::Form),
        ("<a b='&x;'/>", Fault::Entity),
        ("<a>& </a>", Fault::Form),
        ("<a>\u{1}</a>", Fault::Character),
        ("<a>\u{ffff}</a>", Fault::Character),
        ("<a>b<c/></a>", Fault::MixedText),
        ("<a><!-- -- --></a>", Fault::Form),
    ] {
        check(text, want);
    }
    let order = initiation("", &[""]);
    for (before, after, want) in [
        ("", &*order, Fault::Form),
        ("", "x", Fault::Form),
        ("x", "", Fault::Form),
        ("<![CDATA[x]]>", "", Fault::Form),
        (" <?xml version='1.0'?>", "", Fault::Form),
        ("<?xml version='1.0' encoding='ISO-8859-1'?>", "", Fault::Encoding),
    ] {
        check(&format!("{before}{order}{after}"), want);
    }
}

#[test]
fn a_document_type_is_refused_before_anything_grows_or_is_fetched() {
    let bomb = "<!DOCTYPE b [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]>";
    let outside = "<!DOCTYPE x SYSTEM 'file:///etc/passwd'>";
    let order = initiation("", &[""]);
    let used = order.replace("<MsgId>M", "<MsgId>&b;");
    for before in [bomb, outside, "<!DOCTYPE x>", " <!-- --> <!DOCTYPE x [ ]>"] {
        check(&format!("{before}{order}"), Fault::DocumentType);
        check(&format!("{before}{used}"), Fault::DocumentType);
    }
    check(&used, Fault::Entity);
}

#[test]
fn a_namespace_that_is_not_read_is_refused() {
    let order = initiation("", &[""]);
    let prefix = "urn:iso:std:iso:20022:tech:xsd:";
    let named = |name: &str| order.replace(&format!("{prefix}pain.001.001.09"), name);
    for name in [
        "pain.001.001.02",
        "pain.001.001.13",
        "pain.001.001.9",
        "pain.001.001.+9",
        "pain.001.001.009",
        "pain.001.003.03",
        "pain.008.001.09",
        "pacs.008.001.01",
        "pacs.008.001.14",
        "pacs.009.001.08",
    ] {
        check(&named(&format!("{prefix}{name}")), Fault::Namespace);
    }
    // What Swiss banks took for years.
    check(
        &named("http://www.six-interbank-clearing.com/de/pain.001.001.03.ch.02.xsd"),
        Fault::Namespace,
    );
    check("<Document/>", Fault::Namespace);
    // Another message under the name of this one.
    check(&named(&format!("{prefix}pacs.008.001.09")), Fault::Content);
    for version in ["03", "12"] {
        let text = named(&format!("{prefix}pain.001.001.{version}"));
        assert!(read(text.as_bytes()).is_ok(), "{version}");
    }
    for version in ["02", "13"] {
        let text = PACS.replace("pacs.008.001.08", &format!("pacs.008.001.{version}"));
        assert!(read(text.as_bytes()).is_ok(), "{version}");
    }
}

#[test]
fn what_a_message_must_hold_must_be_there_once() {
    let pacs = |inner: &str| {
        let namespace = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08";
        format!("<Document xmlns='{namespace}'>{inner}</Document>")
    };
    let headers = "<FIToFICstmrCdtTrf><GrpHdr/><GrpHdr/><CdtTrfTxInf/></FIToFICstmrCdtTrf>";
    for (inner, want) in [
        ("", Fault::Content),
        ("<FIToFICstmrCdtTrf/><FIToFICstmrCdtTrf/>", Fault::Content),
        ("<FIToFICstmrCdtTrf xmlns='other'/>", Fault::Content),
        ("<FIToFICstmrCdtTrf/>", Fault::NoOrder),
        (headers, Fault::Content),
    ] {
        check(&pacs(inner), want);
    }
    let order = initiation("", &[""]);
    check(&initiation("", &[]), Fault::NoOrder);
    check("<a/>", Fault::Document);
    check(&format!("<a>{order}{order}</a>"), Fault::Document);
    let wrapped = |depth| format!("{}{order}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(read(wrapped(4).as_bytes()).is_ok());
    check(&wrapped(5), Fault::Document);
}

#[test]
fn everything_is_bounded() {
    let deep = |depth: usize| {
        let (open, close) = ("<SplmtryData>".repeat(depth), "</SplmtryData>".repeat(depth));
        initiation("", &[&format!("{open}{close}")])
    };
    let attributes = |count: usize| {
        let list: Vec<_> = (0..count).map(|number| format!(" a{number}='1'")).collect();
        initiation("", &[&format!("<Purp{}/>", list.concat())])
    };
    let namespaces = |count: usize| {
        let list: Vec<_> = (0..count).map(|number| format!(" xmlns:a{number}='1'")).collect();
        initiation("", &[&format!("<Purp{}/>", list.concat())])
    };
    let elements = |count: usize| initiation("", &[&"<a/>".repeat(count)]);
    let orders = |count| initiation("", &vec![""; count]);
    let order = initiation("", &[""]);
    let long = |bytes: usize| {
        let space = bytes.checked_sub(order.len()).unwrap();
        format!("{order}{}", " ".repeat(space))
    };
    // The parts around what is counted: four elements above, and six in all.
    for (inside, beyond, want) in [
        (deep(DEPTH_MAX - 4), deep(DEPTH_MAX - 3), Fault::TooDeep),
        (elements(ELEMENTS_MAX - 6), elements(ELEMENTS_MAX - 5), Fault::TooManyElements),
        (attributes(ATTRIBUTES_MAX), attributes(ATTRIBUTES_MAX + 1), Fault::TooManyAttributes),
        (namespaces(ATTRIBUTES_MAX), namespaces(1_000), Fault::TooManyAttributes),
        (orders(ORDERS_MAX), orders(ORDERS_MAX + 1), Fault::TooManyOrders),
        (long(MESSAGE_BYTES_MAX), long(MESSAGE_BYTES_MAX + 1), Fault::TooLarge),
    ] {
        assert_eq!(read(inside.as_bytes()).err(), None);
        check(&beyond, want);
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_refused_where_they_stand() {
    let mut bytes = PAIN.as_bytes().to_vec();
    let at = PAIN.find("Harris").unwrap();
    bytes[at] = 0xe9;
    assert_eq!(read(&bytes), Err(ReadError { at, fault: Fault::Encoding }));
    let wide: Vec<u8> = PAIN.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for mark in [&[][..], &[0xff, 0xfe]] {
        assert!(read(&[mark, &wide].concat()).is_err());
    }
}
