//! Tests: messages of our own, changed in one place or another.

use proptest::prelude::*;

use super::*;
use crate::calendar::Time;
use crate::transfer::Rail;

pub(crate) const PAIN: &str = include_str!("../../deploy/examples/tonbridge-road.pain.001.xml");
pub(crate) const PACS: &str = include_str!("../../deploy/examples/tonbridge-road.pacs.008.xml");

/// Chooses one fact of an order.
type Place = fn(&Order) -> &Told<Box<str>>;

pub(crate) fn read_text(text: &str) -> Message {
    read(text.as_bytes()).unwrap()
}

pub(crate) fn text(told: &Told<Box<str>>) -> &str {
    told.is().map_or("", |text| text)
}

/// Writes an account as sort code and number, as an IBAN or as a number alone.
pub(crate) fn account(told: &Told<AccountAs>) -> String {
    match &told.stated {
        Stated::Absent => "none".to_owned(),
        Stated::Faulty(_) => "faulty".to_owned(),
        Stated::Is(AccountAs::Iban(iban)) => iban.to_string(),
        Stated::Is(AccountAs::Uk { sort_code, number, .. }) => format!("{sort_code} {number}"),
        Stated::Is(AccountAs::Number(number)) => format!("number {number}"),
    }
}

/// Chooses one fact of an order: its path, and whether it could not be read.
type Unread = fn(&Order) -> (&str, bool);

/// Returns the path of a fact, and whether it could not be read.
fn unread<T>(told: &Told<T>) -> (&str, bool) {
    (&told.path, matches!(told.stated, Stated::Faulty(_)))
}

/// Returns a message with these orders in one `PmtInf`.
pub(crate) fn initiation(above: &str, orders: &[&str]) -> String {
    let mut text = format!(
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'><CstmrCdtTrfInitn>\
         <GrpHdr><MsgId>M</MsgId></GrpHdr><PmtInf>{above}"
    );
    for order in orders {
        text.extend(["<CdtTrfTxInf>", order, "</CdtTrfTxInf>"]);
    }
    text.push_str("</PmtInf></CstmrCdtTrfInitn></Document>");
    text
}

/// Returns the only order of such a message.
fn ordered(above: &str, order: &str) -> Order {
    read_text(&initiation(above, &[order])).orders.remove(0)
}

#[test]
fn an_initiation_states_these_facts() {
    let message = read_text(PAIN);
    assert_eq!((message.kind, message.version), (Kind::Initiation, 9));
    assert_eq!(text(&message.id), "EXAMPLE-1");
    let [order] = message.orders.as_slice() else { panic!("one order") };
    assert_eq!(&*order.path, "CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[1]");
    assert_eq!(text(&order.end_to_end_id), "TONBRIDGE-ROAD-1");
    assert_eq!(text(&order.instruction_id), "EXAMPLE-1-1-1");
    assert_eq!(text(&order.uetr), "6d7a0c5e-93a4-4c55-8f0d-2f6a9be1c3d7");
    assert_eq!(order.rail.is(), Some(&Rail::FasterPayments));
    assert_eq!((text(&order.amount), text(&order.currency)), ("3200.00", "GBP"));
    assert_eq!(order.due.is(), Time::parse("2026-11-20T00:00:00Z").as_ref());
    assert_eq!((text(&order.payer.name), text(&order.payee.name)), ("A Payer", "J Harris"));
    assert_eq!(account(&order.payer.account), "601613 31926819");
    assert_eq!(account(&order.payee.account), "204514 10765543");
    assert_eq!(text(&order.reference), "LEGAL ADVICE");
    assert_eq!(text(&order.remittance), "legal advice, will be refunded by cheque tomorrow");
    assert_eq!((text(&order.purpose), text(&order.category)), ("FEES", "GP2P"));
    for (path, want) in [
        (&order.currency.path, "CdtTrfTxInf[1]/Amt/InstdAmt/@Ccy"),
        (&order.payee.account.path, "CdtTrfTxInf[1]/CdtrAcct/Id/Othr/Id"),
        (&order.reference.path, "CdtTrfTxInf[1]/RmtInf/Strd[1]/CdtrRefInf/Ref"),
        (&order.remittance.path, "CdtTrfTxInf[1]/RmtInf/Ustrd[1]"),
    ] {
        assert_eq!(**path, format!("CstmrCdtTrfInitn/PmtInf[1]/{want}"));
    }
}

#[test]
fn an_interbank_order_states_the_same_but_for_the_day() {
    let message = read_text(PACS);
    assert_eq!((message.kind, message.version), (Kind::Interbank, 8));
    let [order] = message.orders.as_slice() else { panic!("one order") };
    let customer = read_text(PAIN).orders.remove(0);
    assert_eq!(&*order.path, "FIToFICstmrCdtTrf/CdtTrfTxInf[1]");
    assert_eq!(order.due.stated, Stated::Absent);
    assert_eq!(account(&order.payer.account), "GB29NWBK60161331926819");
    assert_eq!(account(&order.payee.account), account(&customer.payee.account));
    assert_eq!(order.rail.stated, customer.rail.stated);
    let places: [Place; 11] = [
        |order| &order.end_to_end_id,
        |order| &order.instruction_id,
        |order| &order.uetr,
        |order| &order.amount,
        |order| &order.currency,
        |order| &order.payer.name,
        |order| &order.payee.name,
        |order| &order.reference,
        |order| &order.remittance,
        |order| &order.purpose,
        |order| &order.category,
    ];
    for place in places {
        assert_eq!(place(order).stated, place(&customer).stated);
    }
}

#[test]
fn how_a_message_is_written_does_not_change_what_it_says() {
    let want = read_text(PAIN);
    let prefixed = PAIN
        .replace("xmlns=", "xmlns:p=")
        .replace("</", "<\u{0}/")
        .replace('<', "<p:")
        .replace("<p:\u{0}/", "</p:")
        .replace("<p:?", "<?")
        .replace("<p:!", "<!");
    for (what, text) in [
        ("a byte order mark", format!("\u{feff}{PAIN}")),
        ("prefixes", prefixed),
        ("line ends of another system", PAIN.replace('\n', "\r\n")),
        ("white space in texts", PAIN.replace("LEGAL ADVICE", "\n  LEGAL ADVICE\t ")),
        ("a comment in a text", PAIN.replace("LEGAL", "LE<!-- x -->GAL")),
        ("CDATA", PAIN.replace("LEGAL ADVICE", "<![CDATA[LEGAL]]> ADVICE")),
        ("a character by number", PAIN.replace("LEGAL", "&#x4C;EG&#65;L")),
        ("a processing instruction", PAIN.replace("LEGAL", "LEGA<?x y?>L")),
        ("upper case of an encoding", PAIN.replace("UTF-8", "Utf-8")),
        ("an unknown element", PAIN.replace("<Purp>", "<New><Purp>X</Purp></New><Purp>")),
        ("an element of another's", PAIN.replace("<Purp>", "<Purp xmlns='other'/><Purp>")),
        (
            "supplementary data",
            PAIN.replace(
                "</CdtTrfTxInf>",
                "<SplmtryData><Envlp><a xmlns='x' b='c'>d</a></Envlp></SplmtryData></CdtTrfTxInf>",
            ),
        ),
        (
            "an envelope",
            format!(
                "<e:Msg xmlns:e='e'><Body><In>{}</In></Body></e:Msg>",
                PAIN.split_once("-->").unwrap().1
            ),
        ),
    ] {
        let got = read(text.as_bytes()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(got, want, "{what}");
    }
}

#[test]
fn an_element_that_stands_twice_is_taken_neither_time() {
    let twice = |part: &str, again: &str| PAIN.replace(part, &format!("{again}{part}"));
    let rows: [(String, Unread, &str); 6] = [
        (
            twice("<UETR>", "<UETR>00000000-0000-4000-8000-000000000000</UETR>"),
            |order| unread(&order.uetr),
            "CdtTrfTxInf[1]/PmtId/UETR",
        ),
        (
            twice("<Amt>", "<Amt><InstdAmt Ccy='GBP'>1.00</InstdAmt></Amt>"),
            |order| unread(&order.amount),
            "CdtTrfTxInf[1]/Amt",
        ),
        (
            twice("<Cdtr>", "<Cdtr><Nm>Police</Nm></Cdtr>"),
            |order| unread(&order.payee.name),
            "CdtTrfTxInf[1]/Cdtr",
        ),
        (
            twice("<DbtrAcct>", "<DbtrAcct><Id><IBAN>GB</IBAN></Id></DbtrAcct>"),
            |order| unread(&order.payer.account),
            "DbtrAcct",
        ),
        (
            twice("<RmtInf>", "<RmtInf><Ustrd>a gift</Ustrd></RmtInf>"),
            |order| unread(&order.reference),
            "CdtTrfTxInf[1]/RmtInf",
        ),
        (
            PAIN.replace("<Nm>J Harris</Nm>", "<Nm><b/></Nm>"),
            |order| unread(&order.payee.name),
            "CdtTrfTxInf[1]/Cdtr/Nm",
        ),
    ];
    for (text, place, want) in rows {
        let message = read_text(&text);
        let (path, faulty) = place(&message.orders[0]);
        assert!(faulty, "{path}");
        assert_eq!(path, format!("CstmrCdtTrfInitn/PmtInf[1]/{want}"));
    }
}

#[test]
fn what_the_level_above_states_holds_for_every_order_below_that_says_nothing_else() {
    let kind = |code: &str| format!("<PmtTpInf><CtgyPurp><Cd>{code}</Cd></CtgyPurp></PmtTpInf>");
    let above = format!("<PmtMtd>TRF</PmtMtd>{}<Dbtr><Nm>A</Nm></Dbtr>", kind("SALA"));
    let message = read_text(&initiation(&above, &["", &kind("BONU"), "<Purp><Cd>X</Cd></Purp>"]));
    let got: Vec<_> = message
        .orders
        .iter()
        .map(|order| (text(&order.category), text(&order.payer.name), text(&order.purpose)))
        .collect();
    assert_eq!(got, [("SALA", "A", ""), ("BONU", "A", ""), ("SALA", "A", "X")]);
    let proprietary = "<PmtTpInf><CtgyPurp><Prtry>Tax</Prtry></CtgyPurp></PmtTpInf>";
    assert_eq!(text(&ordered("", proprietary).category), "");
}

#[test]
fn an_account_is_read_in_the_forms_that_british_banks_use_and_guessed_in_no_other() {
    let other = |id: &str, scheme: &str| {
        format!("<CdtrAcct><Id><Othr><Id>{id}</Id>{scheme}</Othr></Id></CdtrAcct>")
    };
    let bank = |inner: &str| format!("<CdtrAgt><FinInstnId>{inner}</FinInstnId></CdtrAgt>");
    let member = |system: &str, id: &str| {
        bank(&format!(
            "<ClrSysMmbId><ClrSysId><Cd>{system}</Cd></ClrSysId><MmbId>{id}</MmbId></ClrSysMmbId>"
        ))
    };
    let pounds = "<Amt><InstdAmt Ccy='GBP'>1</InstdAmt></Amt>";
    let euros = "<Amt><InstdAmt Ccy='EUR'>1</InstdAmt></Amt>";
    let obie = "<SchmeNm><Prtry>UK.OBIE.SortCodeAccountNumber</Prtry></SchmeNm>";
    let bban = "<SchmeNm><Cd>BBAN</Cd></SchmeNm>";
    for (parts, want) in [
        (vec![], "none"),
        (vec!["<CdtrAcct/>".to_owned()], "none"),
        (vec!["<CdtrAcct><Id><IBAN> GB33 </IBAN></Id></CdtrAcct>".to_owned()], "GB33"),
        (vec![other("12345678", ""), member("GBDSC", "204514")], "204514 12345678"),
        (vec![other("20451412345678", ""), member("GBDSC", "204514")], "204514 12345678"),
        (vec![other("20451512345678", ""), member("GBDSC", "204514")], "204514 20451512345678"),
        (vec![other("12345678", ""), member("AUBSB", "204514")], "number 12345678"),
        (vec![other("12345678", ""), bank("<BICFI>BARCGB22</BICFI>")], "number 12345678"),
        (vec![other("20451412345678", ""), bank("<BICFI>BARCGB22</BICFI>")], "204514 12345678"),
        (vec![other("20451412345678", ""), bank("<BIC>BARCGB22</BIC>")], "204514 12345678"),
        (
            vec![other("20451412345678", ""), bank("<BICFI>NDEAFIHH</BICFI>")],
            "number 20451412345678",
        ),
        (vec![other("20451412345678", obie), bank("")], "204514 12345678"),
        (vec![other("204514-12345678", "")], "204514 12345678"),
        (vec![other("204514-1234567", "")], "number 204514-1234567"),
        (vec![other("20451412345678", bban), pounds.to_owned()], "204514 12345678"),
        (vec![other("20451412345678", bban), euros.to_owned()], "number 20451412345678"),
        (vec![other("20451412345678", bban)], "number 20451412345678"),
        (
            vec!["<CdtrAcct><Id><IBAN>X</IBAN><Othr><Id>1</Id></Othr></Id></CdtrAcct>".to_owned()],
            "faulty",
        ),
    ] {
        let order = ordered("", &parts.concat());
        assert_eq!(account(&order.payee.account), want, "{parts:?}");
    }
}

#[test]
fn remittance_texts_are_kept_up_to_what_one_may_hold_and_the_rest_is_named() {
    let long = "x".repeat(100);
    let order = |inner: &str| ordered("", &format!("<RmtInf>{inner}</RmtInf>"));
    let several = order(&format!(
        "<Ustrd>a</Ustrd><Ustrd>{long}</Ustrd><Ustrd>{long}</Ustrd><Ustrd>b</Ustrd>\
         <Strd><CdtrRefInf><Ref>R1</Ref></CdtrRefInf><AddtlRmtInf>c</AddtlRmtInf></Strd>\
         <Strd><CdtrRefInf><Ref>R2</Ref></CdtrRefInf></Strd>"
    ));
    assert_eq!(text(&several.remittance), format!("a\n{long}\nb\nc"));
    let place = "CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[1]/RmtInf";
    assert_eq!(several.remittance_left, [format!("{place}/Ustrd[3]").into()]);
    assert_eq!(text(&several.reference), "R1");
    assert_eq!(several.references_left, [format!("{place}/Strd[2]/CdtrRefInf/Ref").into()]);
    for (first, second, fits) in [(100, 39, true), (100, 40, false)] {
        let [first, second] = [first, second].map(|chars| "é".repeat(chars));
        let order = order(&format!("<Ustrd>{first}</Ustrd><Ustrd>{second}</Ustrd>"));
        assert_eq!(order.remittance_left.is_empty(), fits);
    }
    // One alone is read as it is, and whoever reads it further says that it is too long.
    let long = "x".repeat(200);
    assert_eq!(text(&order(&format!("<Ustrd>{long}</Ustrd>")).remittance), long);
}

#[test]
fn the_amount_is_what_was_ordered() {
    let equivalent = "<EqvtAmt><Amt Ccy='GBP'>5</Amt><CcyOfTrf>EUR</CcyOfTrf></EqvtAmt>";
    let order = ordered("", &format!("<Amt>{equivalent}</Amt>"));
    assert_eq!((text(&order.amount), text(&order.currency)), ("5", "GBP"));
    let order = ordered("", "<Amt><InstdAmt>5</InstdAmt></Amt>");
    assert_eq!(order.currency.stated, Stated::Faulty("a currency"));
    assert!(ordered("", "").amount.path.ends_with("CdtTrfTxInf[1]/Amt/InstdAmt"));
}

#[test]
fn days_and_times_are_read_of_every_version() {
    for (inner, want) in [
        ("2026-11-23", Some("2026-11-23T00:00:00Z")),
        ("<Dt>2026-11-23</Dt>", Some("2026-11-23T00:00:00Z")),
        ("<Dt>2026-11-23+01:00</Dt>", Some("2026-11-23T00:00:00Z")),
        ("<DtTm>2026-11-23T10:30:00+01:00</DtTm>", Some("2026-11-23T09:30:00Z")),
        ("<DtTm>2026-11-23T10:30:00</DtTm>", Some("2026-11-23T00:00:00Z")),
        ("<Dt>23/11/2026</Dt>", None),
        ("<Dt>2026-02-30</Dt>", None),
        ("", None),
    ] {
        let order = ordered(&format!("<ReqdExctnDt>{inner}</ReqdExctnDt>"), "");
        assert_eq!(order.due.is(), want.and_then(Time::parse).as_ref(), "{inner}");
        assert_eq!(matches!(order.due.stated, Stated::Faulty(_)), want.is_none(), "{inner}");
    }
    assert_eq!(ordered("", "").due.stated, Stated::Absent);
}

#[test]
fn an_order_of_a_cheque_is_none_of_a_transfer() {
    for (method, faulty) in [("TRF", false), ("TRA", false), ("CHK", true), ("", true)] {
        let order = ordered(&format!("<PmtMtd>{method}</PmtMtd>"), "");
        assert_eq!(matches!(order.method.stated, Stated::Faulty(_)), faulty, "{method}");
    }
}

/// Writes a text as XML has it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\r' => escaped.push_str("&#13;"),
            c => escaped.push(c),
        }
    }
    escaped
}

proptest! {
    #[test]
    fn any_text_comes_back_without_the_space_around_it(name in "[\\PC\t\n\r]{0,140}") {
        let order = ordered("", &format!("<Cdtr><Nm>{}</Nm></Cdtr>", escaped(&name)));
        let trimmed = name.trim_matches([' ', '\t', '\n', '\r']);
        prop_assert_eq!(text(&order.payee.name), trimmed);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_change_of_a_message_makes_it_panic(
        at in 0..PAIN.len(),
        length in 0..40_usize,
        with in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = PAIN.as_bytes().to_vec();
        let end = at.saturating_add(length).min(bytes.len());
        bytes.splice(at..end, with);
        match read(&bytes) {
            Ok(message) => prop_assert!((1..=ORDERS_MAX).contains(&message.orders.len())),
            Err(error) => prop_assert!(error.at <= bytes.len()),
        }
    }
}
