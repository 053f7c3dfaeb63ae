//! Merged: what a message states and what is known besides, and what becomes of both.

use proptest::prelude::*;

use crate::account::Account;
use crate::calendar::Time;
use crate::grpc::pb;
use crate::grpc::read::{Asked, NotAsked, orders};
use crate::grpc::sample::{self, NOW, pounds, stamp};
use crate::testing::pounds as money;
use crate::transfer::{InstructionKind, Rail, Request};

type Message = pb::ScreenIso20022Request;

const ORDER: &str = "CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[1]";

fn known(message: &mut Message) -> &mut pb::Transfer {
    message.known.as_mut().unwrap().transfer.as_mut().unwrap()
}

fn replace(message: &mut Message, from: &str, to: &str) {
    let text = String::from_utf8(std::mem::take(&mut message.message)).unwrap();
    assert!(text.contains(from), "{from}");
    message.message = text.replace(from, to).into_bytes();
}

/// Changes a message that is right, and returns what is asked about its first transfer.
fn asked(change: impl FnOnce(&mut Message)) -> Asked {
    let mut message = sample::message();
    change(&mut message);
    orders(message, NOW).unwrap().remove(0)
}

/// Changes a message that is right, and names the fields at fault, those of the order without its
/// path.
#[track_caller]
fn refused(change: impl FnOnce(&mut Message), want: &[&str]) {
    let problems = asked(change).request.err().unwrap_or_default();
    let fields: Vec<_> =
        problems.iter().map(|at| at.field.trim_start_matches(ORDER).to_owned()).collect();
    assert_eq!(fields, want);
}

/// The same for facts that are dropped.
#[track_caller]
fn dropped(change: impl FnOnce(&mut Message), want: &[&str]) -> Request {
    let request = asked(change).request.unwrap();
    let fields: Vec<_> =
        request.rejected.iter().map(|at| at.field.trim_start_matches(ORDER).to_owned()).collect();
    assert_eq!(fields, want);
    request
}

#[test]
fn a_message_and_what_is_known_make_one_request() {
    let request = dropped(|_| {}, &[]);
    let transfer = &request.transfer;
    assert_eq!(&*request.payment_id, "payment-1");
    assert_eq!(transfer.money, money("3200"));
    assert_eq!(transfer.payer.balance, Some(money("3450")));
    assert_eq!(&*transfer.payer.customer, "customer-1");
    assert_eq!(transfer.payer.account, Account::uk("601613", "31926819", "").unwrap());
    assert_eq!(transfer.payee.account, Account::uk("204514", "10765543", "").unwrap());
    assert_eq!(transfer.rail, Some(Rail::FasterPayments));
    assert_eq!(transfer.due, Time::parse("2026-11-20T00:00:00Z"));
    assert_eq!(transfer.texts.reference.as_deref(), Some("LEGAL ADVICE"));
    assert_eq!(transfer.texts.iso_purpose.as_deref(), Some("FEES"));
    assert_eq!(transfer.texts.iso_category.as_deref(), Some("GP2P"));
    assert_eq!(transfer.payer.name.as_deref(), Some("A Payer"));
    assert_eq!(transfer.payee.name.as_deref(), Some("J Harris"));
    // One order says nothing of a file.
    assert_eq!(transfer.instruction, None);
}

#[test]
fn every_field_at_fault_is_named_by_the_place_where_it_can_be_mended() {
    refused(
        |message| message.known = None,
        &[
            "known.request_id",
            "known.payment_id",
            "known.stage",
            "known.transfer.confirm_time",
            "known.transfer.payer.customer_key",
        ],
    );
    refused(|it| replace(it, "3200.00", "3,200"), &["/Amt/InstdAmt"]);
    refused(|it| replace(it, "3200.00", "0"), &["/Amt/InstdAmt"]);
    refused(|it| replace(it, "Ccy=\"GBP\"", "Ccy=\"gbp\""), &["/Amt/InstdAmt/@Ccy"]);
    refused(|it| replace(it, "Ccy=\"GBP\"", "ccy=\"GBP\""), &["/Amt/InstdAmt/@Ccy"]);
    refused(|it| replace(it, "204514", "20451"), &["/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"]);
    refused(|it| replace(it, "10765543", "1"), &["/CdtrAcct/Id/Othr/Id"]);
    refused(
        |it| {
            replace(it, "204514", "x");
            replace(it, "10765543", "");
        },
        &["/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId", "/CdtrAcct/Id/Othr/Id"],
    );
    refused(
        |it| {
            replace(
                it,
                "<Cd>GBDSC</Cd></ClrSysId><MmbId>204514",
                "<Cd>AUBSB</Cd></ClrSysId><MmbId>204514",
            );
        },
        &["/CdtrAcct/Id/Othr/Id"],
    );
    let iban = "<CdtrAcct><Id><IBAN>GB33BUKB20201555555554</IBAN></Id></CdtrAcct>";
    let other = "<CdtrAcct><Id><Othr><Id>10765543</Id></Othr></Id></CdtrAcct>";
    refused(|it| replace(it, other, iban), &["/CdtrAcct/Id/IBAN"]);
    refused(|it| replace(it, other, ""), &["/CdtrAcct"]);
    let amount = "<Amt><InstdAmt Ccy=\"GBP\">3200.00</InstdAmt></Amt>";
    refused(|it| replace(it, amount, ""), &["/Amt/InstdAmt"]);
    refused(|it| replace(it, "<PmtMtd>TRF", "<PmtMtd>CHK"), &["CstmrCdtTrfInitn/PmtInf[1]/PmtMtd"]);
    let twice = format!("{other}{other}");
    refused(|it| replace(it, other, &twice), &["/CdtrAcct"]);
    // All at once.
    refused(
        |it| {
            replace(it, "3200.00", "x");
            replace(it, "10765543", "1");
            replace(it, "31926819", "2");
            known(it).confirm_time = None;
        },
        &[
            "/Amt/InstdAmt",
            "known.transfer.confirm_time",
            "CstmrCdtTrfInitn/PmtInf[1]/DbtrAcct/Id/Othr/Id",
            "/CdtrAcct/Id/Othr/Id",
        ],
    );
}

#[test]
fn a_faulty_fact_of_a_message_is_dropped_under_its_path() {
    let uetr = "6d7a0c5e-93a4-4c55-8f0d-2f6a9be1c3d7";
    dropped(|it| replace(it, uetr, &uetr.to_uppercase()), &["/PmtId/UETR"]);
    dropped(|it| replace(it, "<Cd>FEES</Cd>", "<Cd>FEE5S</Cd>"), &["/Purp/Cd"]);
    dropped(
        |it| replace(it, "<Cd>GP2P</Cd>", "<Cd/>"),
        &["CstmrCdtTrfInitn/PmtInf[1]/PmtTpInf/CtgyPurp/Cd"],
    );
    dropped(|it| replace(it, "J Harris", &"J".repeat(141)), &["/Cdtr/Nm"]);
    dropped(|it| replace(it, "J Harris", &"J".repeat(140)), &[]);
    dropped(|it| replace(it, "LEGAL ADVICE", &"L".repeat(36)), &["/RmtInf/Strd[1]/CdtrRefInf/Ref"]);
    dropped(|it| replace(it, "legal advice, ", &"l".repeat(140)), &["/RmtInf/Ustrd[1]"]);
    dropped(
        |it| replace(it, "<Dt>2026-11-20", "<Dt>20 November"),
        &["CstmrCdtTrfInitn/PmtInf[1]/ReqdExctnDt/Dt"],
    );
    let request = dropped(|it| replace(it, "<Ustrd>", "<Ustrd>a gift</Ustrd><Ustrd>"), &[]);
    let remittance = request.transfer.texts.remittance.unwrap();
    assert_eq!(&*remittance, "a gift\nlegal advice, will be refunded by cheque tomorrow");
    let long = format!("<Ustrd>{}</Ustrd><Ustrd>", "x".repeat(120));
    dropped(|it| replace(it, "<Ustrd>", &long), &["/RmtInf/Ustrd[2]"]);
    dropped(
        |it| replace(it, "<Strd>", "<Strd><CdtrRefInf><Ref>A</Ref></CdtrRefInf></Strd><Strd>"),
        &["/RmtInf/Strd[2]/CdtrRefInf/Ref"],
    );
    // And so is one of what is known.
    dropped(|it| known(it).channel = 99, &["known.transfer.channel"]);
}

#[test]
fn where_both_state_a_fact_and_differ_the_message_stands() {
    let request = dropped(
        |it| {
            let known = known(it);
            known.end_to_end_id = Some("other".to_owned());
            known.rail = pb::transfer::Rail::Chaps.into();
            known.due_time = Some(stamp(1_795_000_000));
            known.payer.as_mut().unwrap().name = Some("Someone Else".to_owned());
            known.texts = Some(pb::Texts {
                reference: Some("GIFT".to_owned()),
                stated_purpose: Some("a gift".to_owned()),
                ..pb::Texts::default()
            });
        },
        &[
            "known.transfer.end_to_end_id",
            "known.transfer.rail",
            "known.transfer.due_time",
            "known.transfer.payer.name",
            "known.transfer.texts.reference",
        ],
    );
    let transfer = request.transfer;
    assert_eq!(transfer.end_to_end_id.as_deref(), Some("TONBRIDGE-ROAD-1"));
    assert_eq!(transfer.rail, Some(Rail::FasterPayments));
    assert_eq!(transfer.payer.name.as_deref(), Some("A Payer"));
    assert_eq!(transfer.texts.reference.as_deref(), Some("LEGAL ADVICE"));
    // What the message does not state is kept.
    assert_eq!(transfer.texts.purpose.as_deref(), Some("a gift"));

    // What agrees is no fault, and an hour of the same day is more than the day.
    let request = dropped(
        |it| {
            let known = known(it);
            known.end_to_end_id = Some("TONBRIDGE-ROAD-1".to_owned());
            known.rail = pb::transfer::Rail::FasterPayments.into();
            known.due_time = Some(stamp(1_795_187_000));
        },
        &[],
    );
    assert_eq!(request.transfer.due, Time::parse("2026-11-20T15:03:20Z"));
}

#[test]
fn accounts_and_amounts_that_differ_refuse() {
    let account = |number: &str| {
        Some(pb::Account {
            sort_code: "204514".to_owned(),
            account_number: number.to_owned(),
            ..pb::Account::default()
        })
    };
    let payee = |it: &mut Message, number: &str| {
        known(it).payee.get_or_insert_default().account = account(number);
    };
    refused(|it| payee(it, "10765544"), &["known.transfer.payee.account"]);
    refused(|it| payee(it, "1"), &["known.transfer.payee.account"]);
    refused(|it| known(it).amount = Some(pounds("3200.01")), &["known.transfer.amount"]);
    refused(|it| known(it).amount = Some(pounds("x")), &["known.transfer.amount"]);
    let euros = pb::Money { currency_code: "EUR".to_owned(), value: "3200".to_owned() };
    refused(|it| known(it).amount = Some(euros), &["known.transfer.amount"]);
    dropped(
        |it| {
            payee(it, "10765543");
            known(it).amount = Some(pounds("3200"));
        },
        &[],
    );
    // Only what is known can know a roll number.
    let roll = |it: &mut Message| {
        payee(it, "10765543");
        let payee = known(it).payee.as_mut().unwrap();
        payee.account.as_mut().unwrap().roll_number = "A-1".to_owned();
    };
    let request = dropped(roll, &[]);
    let want = Account::uk("204514", "10765543", "A1").unwrap();
    assert_eq!(request.transfer.payee.account, want);
}

#[test]
fn a_number_without_a_bank_needs_an_account_that_agrees() {
    let bare = |it: &mut Message| replace(it, "<MmbId>204514</MmbId>", "");
    let payee = |it: &mut Message, number: &str| {
        known(it).payee.get_or_insert_default().account = Some(pb::Account {
            sort_code: "204514".to_owned(),
            account_number: number.to_owned(),
            ..pb::Account::default()
        });
    };
    refused(bare, &["/CdtrAcct/Id/Othr/Id"]);
    dropped(
        |it| {
            bare(it);
            payee(it, "10765543");
        },
        &[],
    );
    refused(
        |it| {
            bare(it);
            payee(it, "10765544");
        },
        &["known.transfer.payee.account"],
    );
    refused(
        |it| {
            bare(it);
            payee(it, "x");
        },
        &["known.transfer.payee.account.account_number"],
    );
}

/// Returns the sample with as many orders.
fn several(count: usize) -> Message {
    let mut message = sample::message();
    let text = String::from_utf8(message.message).unwrap();
    let (above, rest) = text.split_once("<CdtTrfTxInf>").unwrap();
    let (order, below) = rest.split_once("</CdtTrfTxInf>").unwrap();
    let orders = format!("<CdtTrfTxInf>{order}</CdtTrfTxInf>").repeat(count);
    message.message = format!("{above}{orders}{below}").into_bytes();
    message
}

#[test]
fn each_of_several_has_ids_of_its_own_the_same_every_time() {
    let first = orders(several(3), NOW).unwrap();
    let ids = |asked: &[Asked]| -> Vec<_> {
        asked.iter().map(|one| (one.request_id.clone(), one.payment_id.clone())).collect()
    };
    let got = ids(&first);
    assert_eq!(got[0], (sample::REQUEST_ID.to_owned(), "payment-1".to_owned()));
    // Never changes: a retry after an update must find the same decisions.
    assert_eq!(
        got[1],
        ("2d2112cf-54a9-8c1c-b60b-89a1311ac90d".to_owned(), "payment-1/2".to_owned())
    );
    assert_eq!(
        got[2],
        ("f8068df2-07c2-84f9-8766-04b447b6377c".to_owned(), "payment-1/3".to_owned())
    );
    assert_eq!(ids(&orders(several(3), NOW).unwrap()), got);
    assert_eq!(ids(&orders(several(2), NOW).unwrap()), got[..2]);
    for asked in first {
        let request = asked.request.unwrap();
        let instruction = request.transfer.instruction.unwrap();
        assert_eq!(instruction.kind, Some(InstructionKind::File));
        let batch = instruction.batch.unwrap();
        assert_eq!((batch.id.as_deref(), batch.size), (Some("EXAMPLE-1"), Some(3)));
    }
    let mut upper = several(2);
    upper.known.as_mut().unwrap().request_id = sample::REQUEST_ID.to_uppercase();
    assert_eq!(orders(upper, NOW).unwrap()[1].request_id, got[1].0);
}

#[test]
fn what_is_known_of_one_goes_before_what_is_known_of_all() {
    let mut message = several(3);
    known(&mut message).channel = pb::transfer::Channel::Web.into();
    let own = |number, payment: &str| pb::KnownTransfer {
        number,
        known: Some(pb::ScreenTransferRequest {
            payment_id: payment.to_owned(),
            transfer: Some(pb::Transfer {
                payee: Some(pb::Payee { times_paid: Some(number), ..pb::Payee::default() }),
                ..pb::Transfer::default()
            }),
            ..pb::ScreenTransferRequest::default()
        }),
    };
    message.known_transfers = vec![own(3, "third"), own(1, "")];
    let asked = orders(message.clone(), NOW).unwrap();
    let got: Vec<_> = asked
        .iter()
        .map(|asked| {
            let request = asked.request.as_ref().unwrap();
            (&*asked.payment_id, request.transfer.payee.times_paid)
        })
        .collect();
    assert_eq!(got, [("payment-1", Some(1)), ("payment-1/2", None), ("third", Some(3))]);

    message.known_transfers = vec![own(0, ""), own(2, ""), own(2, ""), own(4, ""), own(-1, "")];
    let Err(NotAsked::Known(problems)) = orders(message, NOW) else { panic!("not refused") };
    let fields: Vec<_> = problems.iter().map(|problem| &*problem.field).collect();
    assert_eq!(fields, [0, 2, 3, 4].map(|at| format!("known_transfers[{at}].number")));
}

#[test]
fn a_fact_that_is_dropped_is_listed_at_most_64_times_in_all() {
    let references = "<Strd><CdtrRefInf><Ref>A</Ref></CdtrRefInf></Strd>".repeat(80);
    let request = asked(|it| replace(it, "<Strd>", &format!("{references}<Strd>"))).request;
    assert_eq!(request.unwrap().rejected.len(), 64);
}

proptest! {
    #[test]
    fn whatever_a_message_and_known_say_each_order_is_asked_or_its_fields_are_named(
        at in 0..sample::message().message.len(),
        with in prop::collection::vec(any::<u8>(), 0..12),
        reference in prop::option::of("\\PC{0,40}"),
        value in prop::option::of("[0-9.]{0,6}"),
    ) {
        let mut message = sample::message();
        let end = at.saturating_add(7).min(message.message.len());
        message.message.splice(at..end, with);
        let transfer = known(&mut message);
        transfer.texts = Some(pb::Texts { reference, ..pb::Texts::default() });
        transfer.amount = value.map(|value| pounds(&value));
        match orders(message, NOW) {
            Ok(asked) => for one in asked {
                match one.request {
                    Ok(request) => prop_assert!(request.rejected.len() <= 64),
                    Err(problems) => prop_assert!(!problems.is_empty()),
                }
            },
            Err(NotAsked::Document(problem)) => prop_assert!(problem.field.starts_with("message[")),
            Err(NotAsked::Known(_)) => prop_assert!(false, "nothing is known of one"),
        }
    }
}
