//! Tests: rows of faulty identity fields, each of which must be named.

use proptest::prelude::*;

use crate::grpc::pb;
use crate::grpc::read::request;
use crate::grpc::sample::{self, NOW, stamp};

type Request = pb::ScreenTransferRequest;

/// Changes a request that is right, and names the identity fields that are then at fault.
#[track_caller]
fn check(change: impl FnOnce(&mut Request), want: &[&str]) {
    let mut message = sample::request();
    change(&mut message);
    let problems = request(message, NOW).err().unwrap_or_default();
    let fields: Vec<_> = problems.iter().map(|problem| &*problem.field).collect();
    assert_eq!(fields, want);
}

fn transfer(message: &mut Request) -> &mut pb::Transfer {
    message.transfer.as_mut().unwrap()
}

fn amount(message: &mut Request) -> &mut pb::Money {
    transfer(message).amount.as_mut().unwrap()
}

fn payer(message: &mut Request) -> &mut pb::Payer {
    transfer(message).payer.as_mut().unwrap()
}

fn account(message: &mut Request) -> &mut pb::Account {
    payer(message).account.as_mut().unwrap()
}

#[test]
fn a_request_without_optional_facts_is_read() {
    let request = request(sample::request(), NOW).unwrap();
    assert_eq!(request.rejected, []);
    assert_eq!(request.requested, request.transfer.confirmed);
    assert_eq!(*request.transfer, crate::testing::transfer());
}

#[test]
fn every_fact_of_a_full_request_is_read() {
    let request = request(sample::full(), NOW).unwrap();
    assert_eq!(request.rejected, []);
    // What a look that knows nothing more would inherit is what this one states.
    let mut stated = Vec::new();
    crate::testing::transfer().inherit(&request.transfer, |fact| stated.push(fact));
    assert_eq!(stated, crate::transfer::Fact::ALL);
    assert_eq!(request.answers.len(), 2);
    assert!(request.continues.is_some());
}

#[test]
fn ids_that_cannot_be_read_refuse() {
    for id in [
        "",
        "6f9619ff-8b86-d011-b42d-00cf4fc964f",
        "6f9619ff-8b86-d011-b42d-00cf4fc964fff",
        "6f9619ff8b86d011b42d00cf4fc964ff",
        "{6f9619ff-8b86-d011-b42d-00cf4fc964}",
        "6f9619ff-8b86-d011-b42d-00cf4fc964fg",
        "00000000-0000-0000-0000-000000000000",
        "6f9619ff-8b86-d011-b42d-00cf4fc964\u{661}",
    ] {
        check(|message| id.clone_into(&mut message.request_id), &["request_id"]);
        let name = Some(format!("decisions/{id}"));
        check(|message| message.continues = name, &["continues"]);
    }
    check(|message| message.continues = Some(sample::REQUEST_ID.to_owned()), &["continues"]);
    check(|message| message.request_id.make_ascii_uppercase(), &[]);

    let (most, more) = ("k".repeat(64), "k".repeat(65));
    for (key, right) in [
        ("k", true),
        (most.as_str(), true),
        (more.as_str(), false),
        ("", false),
        ("a b", false),
        ("a\tb", false),
        ("caf\u{e9}", false),
        ("a\u{202e}b", false),
    ] {
        let want: &[&str] = if right { &[] } else { &["payment_id"] };
        check(|message| key.clone_into(&mut message.payment_id), want);
        let want: &[&str] = if right { &[] } else { &["transfer.payer.customer_key"] };
        check(|message| key.clone_into(&mut payer(message).customer_key), want);
    }
}

#[test]
fn a_stage_that_is_not_known_refuses() {
    for (stage, want) in
        [(0, &["stage"][..]), (1, &[]), (3, &[]), (4, &["stage"]), (-1, &["stage"])]
    {
        check(|message| message.stage = stage, want);
    }
}

#[test]
fn amounts_that_cannot_be_read_refuse() {
    for (value, right) in [
        ("0.01", true),
        ("999999999999999999", true),
        ("1234567890123.12345", true),
        ("", false),
        ("0", false),
        ("0.00", false),
        ("-1", false),
        ("+1", false),
        ("1e3", false),
        ("1,000.00", false),
        ("NaN", false),
        ("1.000001", false),
        ("1000000000000000000", false),
        ("99999999999999999999999999999999999999999999", false),
        ("\u{661}\u{662}", false),
    ] {
        let want: &[&str] = if right { &[] } else { &["transfer.amount.value"] };
        check(|message| value.clone_into(&mut amount(message).value), want);
    }
    for code in ["", "gbp", "GB", "GBPX", "ZZZ", "\u{a3}"] {
        let want = &["transfer.amount.currency_code"];
        check(|message| code.clone_into(&mut amount(message).currency_code), want);
    }
    check(|message| transfer(message).amount = None, &["transfer.amount"]);
}

#[test]
fn accounts_that_cannot_be_read_refuse() {
    for (sort_code, number, roll, iban, want) in [
        ("601613", "31926819", "", "", &[][..]),
        ("601613", "31926819", "A/1-2.3 4", "", &[]),
        ("", "", "", "GB29 NWBK 6016 1331 9268 19", &[]),
        ("601613", "31926819", "", "GB29NWBK60161331926819", &[]),
        ("601613", "31926819", "A1", "GB29NWBK60161331926819", &[]),
        ("", "", "", "FR1420041010050500013M02606", &[]),
        ("", "", "", "", &["transfer.payer.account"]),
        ("60-16-13", "31926819", "", "", &["transfer.payer.account.sort_code"]),
        ("601613", "", "", "", &["transfer.payer.account.account_number"]),
        ("", "31926819", "", "", &["transfer.payer.account.sort_code"]),
        (
            "60161",
            "319268190",
            "$",
            "",
            &[
                "transfer.payer.account.sort_code",
                "transfer.payer.account.account_number",
                "transfer.payer.account.roll_number",
            ],
        ),
        ("", "", "", "GB29NWBK60161331926818", &["transfer.payer.account.iban"]),
        ("", "", "", "GB29", &["transfer.payer.account.iban"]),
        ("601613", "31926818", "", "GB29NWBK60161331926819", &["transfer.payer.account.iban"]),
        ("601613", "31926819", "", "FR1420041010050500013M02606", &["transfer.payer.account.iban"]),
    ] {
        let set = |message: &mut Request| {
            *account(message) = pb::Account {
                sort_code: sort_code.to_owned(),
                account_number: number.to_owned(),
                roll_number: roll.to_owned(),
                iban: iban.to_owned(),
            };
        };
        check(set, want);
    }
    check(|message| payer(message).account = None, &["transfer.payer.account"]);
}

#[test]
fn times_of_the_request_that_cannot_be_read_refuse() {
    let (now, _) = NOW.parts();
    for (seconds, nanos, right) in [
        (now, 0, true),
        (now + 300, 0, true),
        (now + 300, 1000, false),
        (now - 400 * 86_400, 0, true),
        (946_684_800, 0, true),
        (946_684_799, 999_999_999, false),
        (0, 0, false),
        (-1, 0, false),
        (now, -1, false),
        (now, 1_000_000_000, false),
        (i64::MAX, 0, false),
        (i64::MIN, i32::MIN, false),
    ] {
        let at = Some(prost_types::Timestamp { seconds, nanos });
        let want: &[&str] = if right { &[] } else { &["transfer.confirm_time"] };
        check(|message| transfer(message).confirm_time = at, want);
        let want: &[&str] = if right { &[] } else { &["request_time"] };
        check(|message| message.request_time = at, want);
    }
    check(|message| transfer(message).confirm_time = None, &["transfer.confirm_time"]);
}

#[test]
fn every_identity_field_at_fault_is_named_at_once() {
    let all = [
        "request_id",
        "payment_id",
        "stage",
        "continues",
        "request_time",
        "transfer.amount",
        "transfer.confirm_time",
        "transfer.payer.customer_key",
        "transfer.payer.account",
        "transfer.payee.account",
    ];
    let broken = Request {
        continues: Some(String::new()),
        request_time: Some(stamp(i64::MAX)),
        transfer: Some(pb::Transfer {
            payer: Some(pb::Payer::default()),
            payee: Some(pb::Payee::default()),
            ..pb::Transfer::default()
        }),
        ..Request::default()
    };
    check(|message| *message = broken, &all);
    check(
        |message| *message = Request::default(),
        &["request_id", "payment_id", "stage", "transfer"],
    );
    check(
        |message| message.transfer = Some(pb::Transfer::default()),
        &["transfer.amount", "transfer.confirm_time", "transfer.payer", "transfer.payee"],
    );
}

#[test]
fn a_request_time_stands_in_for_the_confirmation_time() {
    let mut message = sample::request();
    let (now, _) = NOW.parts();
    message.request_time = Some(stamp(now - 5));
    let request = request(message, NOW).unwrap();
    assert_eq!(request.requested.parts().0, now - 5);
}

#[test]
fn values_are_never_repeated() {
    let mut message = sample::full();
    message.payment_id = "SECRET SECRET".to_owned();
    account(&mut message).sort_code = "SECRET".to_owned();
    let texts = transfer(&mut message).texts.as_mut().unwrap();
    texts.purpose_code = Some("SECRET".to_owned());
    let problems = format!("{:?}", request(message.clone(), NOW));
    assert!(!problems.contains("SECRET"));
    message.payment_id = "p".to_owned();
    account(&mut message).sort_code = "601613".to_owned();
    let request = request(message, NOW).unwrap();
    assert!(!format!("{:?}", request.rejected).contains("SECRET"));
}

proptest! {
    #[test]
    fn no_message_is_too_odd_to_read(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        use prost::Message as _;
        // Odd bytes merged into a right message reach further than odd bytes alone.
        let mut message = sample::full();
        let _ = message.merge(&*bytes);
        let _ = request(message, NOW);
    }

    #[test]
    fn a_fault_of_identity_is_never_lost(
        id in ".{0,70}",
        key in ".{0,70}",
        value in "[-+0-9.e,]{0,24}",
        code in "[A-Za-z]{0,4}",
        number in "[0-9x]{0,10}",
        seconds in any::<i64>(),
    ) {
        let mut message = sample::full();
        id.clone_into(&mut message.request_id);
        key.clone_into(&mut message.payment_id);
        *amount(&mut message) = pb::Money { currency_code: code.clone(), value: value.clone() };
        number.clone_into(&mut account(&mut message).account_number);
        transfer(&mut message).confirm_time = Some(stamp(seconds));
        let problems = request(message, NOW).err().unwrap_or_default();
        let named = |field: &str| problems.iter().any(|problem| &*problem.field == field);

        prop_assert_eq!(named("request_id"), id.len() != 36 || id.parse::<uuid::Uuid>().is_err());
        let key_fits = !key.is_empty() && key.len() <= 64 && key.bytes().all(|b| b.is_ascii_graphic());
        prop_assert_eq!(named("payment_id"), !key_fits);
        let decimal = value.parse::<rust_decimal::Decimal>().ok();
        if decimal.is_none_or(|decimal| decimal <= rust_decimal::Decimal::ZERO) {
            prop_assert!(named("transfer.amount.value"));
        }
        if crate::money::Currency::from_code(&code).is_none() {
            prop_assert!(named("transfer.amount.currency_code"));
        }
        let eight = number.len() == 8 && number.bytes().all(|b| b.is_ascii_digit());
        prop_assert_eq!(named("transfer.payer.account.account_number"), !eight);
        let (now, _) = NOW.parts();
        let happened = (946_684_800..=now.saturating_add(300)).contains(&seconds);
        prop_assert_eq!(named("transfer.confirm_time"), !happened);
    }
}
