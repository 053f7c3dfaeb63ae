//! Dropped: rows of faulty facts, and what is listed and missing then.

use crate::grpc::pb;
use crate::grpc::read::request;
use crate::grpc::sample::{self, NOW, pounds, stamp};
use crate::transfer::{Fact, Request};

/// Changes a transfer that states every fact; names what is then dropped, and the facts that
/// are then missing.
#[track_caller]
fn check(change: impl FnOnce(&mut pb::Transfer), dropped: &[&str], missing: &[Fact]) -> Request {
    let mut message = sample::full();
    change(message.transfer.as_mut().unwrap());
    let request = request(message, NOW).unwrap();
    let fields: Vec<_> = request.rejected.iter().map(|rejected| &*rejected.field).collect();
    assert_eq!(fields, dropped);
    let full = self::request(sample::full(), NOW).unwrap().transfer;
    let mut lacks = Vec::new();
    request.transfer.clone().inherit(&full, |fact| lacks.push(fact));
    assert_eq!(lacks, missing);
    request
}

fn payer(transfer: &mut pb::Transfer) -> &mut pb::Payer {
    transfer.payer.as_mut().unwrap()
}

fn payee(transfer: &mut pb::Transfer) -> &mut pb::Payee {
    transfer.payee.as_mut().unwrap()
}

fn texts(transfer: &mut pb::Transfer) -> &mut pb::Texts {
    transfer.texts.as_mut().unwrap()
}

fn session(transfer: &mut pb::Transfer) -> &mut pb::Session {
    transfer.session.as_mut().unwrap()
}

fn call(transfer: &mut pb::Transfer) -> &mut pb::Call {
    session(transfer).call.as_mut().unwrap()
}

fn instruction(transfer: &mut pb::Transfer) -> &mut pb::Instruction {
    transfer.instruction.as_mut().unwrap()
}

fn risk(transfer: &mut pb::Transfer) -> &mut pb::InitiationRisk {
    transfer.initiation.as_mut().unwrap().risk.as_mut().unwrap()
}

fn check_name(transfer: &mut pb::Transfer) -> &mut pb::NameCheck {
    transfer.name_check.as_mut().unwrap()
}

#[test]
fn texts_that_cannot_be_read_are_dropped() {
    let (short, long) = ("\u{e9}".repeat(35), "\u{e9}".repeat(36));
    for (text, right) in [
        ("x", true),
        (short.as_str(), true),
        ("two\r\nlines\tand a tab", true),
        // Honest names hold such marks, and the matcher sees through them.
        ("\u{202e}gnirts\u{202c} \u{5d0}\u{200f}", true),
        (long.as_str(), false),
        ("", false),
        ("   ", false),
        ("a\0b", false),
        ("a\u{1b}[2Jb", false),
        ("a\u{9b}b", false),
    ] {
        let (dropped, missing): (&[&str], &[Fact]) =
            if right { (&[], &[]) } else { (&["transfer.texts.reference"], &[Fact::Reference]) };
        check(|transfer| texts(transfer).reference = Some(text.to_owned()), dropped, missing);
    }
    let (most, more) = ("m".repeat(140), "m".repeat(141));
    check(|transfer| texts(transfer).remittance = Some(most.clone()), &[], &[]);
    check(|transfer| payer(transfer).name = Some(most.clone()), &[], &[]);
    check(|transfer| payee(transfer).name = Some(most.clone()), &[], &[]);
    let field = "transfer.texts.remittance";
    check(
        |transfer| texts(transfer).remittance = Some(more.clone()),
        &[field],
        &[Fact::Remittance],
    );
    let field = "transfer.texts.stated_purpose";
    check(
        |transfer| texts(transfer).stated_purpose = Some(more.clone()),
        &[field],
        &[Fact::Purpose],
    );
    let field = "transfer.payer.name";
    check(|transfer| payer(transfer).name = Some(more.clone()), &[field], &[Fact::PayerName]);
    let field = "transfer.payee.name";
    check(|transfer| payee(transfer).name = Some(more.clone()), &[field], &[Fact::PayeeName]);
}

#[test]
fn a_language_that_cannot_be_read_is_dropped() {
    let (longest, longer) =
        ("en-x-abcdefgh-abcdefgh-abcdefgh-abc", "en-x-abcdefgh-abcdefgh-abcdefgh-abcd");
    for (tag, right) in [
        ("cy", true),
        ("cy-GB", true),
        ("en-x-large", true),
        ("fil", true),
        (longest, true),
        (longer, false),
        ("", false),
        ("e", false),
        ("engl", false),
        ("e1", false),
        ("en-", false),
        ("en-abcdefghi", false),
        ("en_GB", false),
        ("../en", false),
        ("cymr\u{e2}eg", false),
    ] {
        let (dropped, missing): (&[&str], &[Fact]) =
            if right { (&[], &[]) } else { (&["transfer.payer.locale"], &[Fact::PayerLocale]) };
        check(|transfer| payer(transfer).locale = Some(tag.to_owned()), dropped, missing);
    }
}

#[test]
fn codes_that_cannot_be_read_are_dropped() {
    let (most, more) = ("c".repeat(35), "c".repeat(36));
    let good = Some(most);
    for bad in [String::new(), more, "\u{e9}".to_owned(), "a\nb".to_owned()] {
        let bad = Some(bad);
        let fact = Fact::EndToEndId;
        check(|t| t.end_to_end_id.clone_from(&bad), &["transfer.end_to_end_id"], &[fact]);
        let fact = Fact::InstructionId;
        check(|t| t.instruction_id.clone_from(&bad), &["transfer.instruction_id"], &[fact]);
        let (field, fact) = ("transfer.texts.stated_purpose_code", Fact::PurposeCode);
        check(|t| texts(t).stated_purpose_code.clone_from(&bad), &[field], &[fact]);
        let (field, fact) = ("transfer.texts.purpose_code", Fact::IsoPurpose);
        check(|t| texts(t).purpose_code.clone_from(&bad), &[field], &[fact]);
        let (field, fact) = ("transfer.texts.category_purpose_code", Fact::IsoCategory);
        check(|t| texts(t).category_purpose_code.clone_from(&bad), &[field], &[fact]);
        // The rest of a message in which one fact is faulty stands.
        let field = "transfer.name_check.reason_code";
        check(|t| check_name(t).reason_code.clone_from(&bad), &[field], &[]);
        let field = "transfer.instruction.batch.batch_id";
        let set = |t: &mut pb::Transfer| {
            instruction(t).batch.as_mut().unwrap().batch_id.clone_from(&bad);
        };
        check(set, &[field], &[]);
        let field = "transfer.initiation.risk.merchant_category_code";
        check(|t| risk(t).merchant_category_code.clone_from(&bad), &[field], &[]);
    }
    check(|t| t.end_to_end_id.clone_from(&good), &[], &[]);
    check(|t| check_name(t).reason_code.clone_from(&good), &[], &[]);
    for uetr in ["", "eb6305c9-1f7f-49de-aed0-16487c27b42", "EB6305C9-1F7F-49DE-AED0-16487C27B42D"]
    {
        check(|t| t.uetr = Some(uetr.to_owned()), &["transfer.uetr"], &[Fact::Uetr]);
    }
    let other = Some("eb6305c9-1f7f-19de-aed0-16487c27b42d".to_owned());
    check(|t| t.uetr = other, &["transfer.uetr"], &[Fact::Uetr]);
}

#[test]
fn values_that_this_release_does_not_know_are_dropped() {
    check(|t| t.rail = 99, &["transfer.rail"], &[Fact::Rail]);
    check(|t| t.channel = -1, &["transfer.channel"], &[Fact::Channel]);
    check(|t| payer(t).segment = 99, &["transfer.payer.segment"], &[Fact::PayerSegment]);
    let fact = Fact::PayeeDeclared;
    check(|t| payee(t).declared_kind = 99, &["transfer.payee.declared_kind"], &[fact]);
    let fact = Fact::PayeeProvider;
    check(|t| payee(t).provider_kind = 99, &["transfer.payee.provider_kind"], &[fact]);
    check(|t| check_name(t).result = 99, &["transfer.name_check.result"], &[]);
    check(|t| call(t).state = 99, &["transfer.session.call.state"], &[Fact::Call]);
    check(|t| call(t).state = 0, &["transfer.session.call.state"], &[Fact::Call]);
    check(|t| call(t).direction = 99, &["transfer.session.call.direction"], &[]);
    // Zero is not a faulty value but none.
    check(|t| t.rail = 0, &[], &[Fact::Rail]);
}

#[test]
fn money_that_cannot_be_read_is_dropped() {
    for (value, right) in [
        ("0", true),
        ("999999999999999999", true),
        ("", false),
        ("-20.00", false),
        ("1000000000000000000", false),
        ("1,000", false),
    ] {
        let (dropped, missing): (&[&str], &[Fact]) = if right {
            (&[], &[])
        } else {
            (&["transfer.payer.available_balance.value"], &[Fact::PayerBalance])
        };
        check(|t| payer(t).available_balance = Some(pounds(value)), dropped, missing);
    }
    let field = "transfer.payer.largest_permitted.currency_code";
    let none = pb::Money { currency_code: "XXY".to_owned(), value: "1".to_owned() };
    check(|t| payer(t).largest_permitted = Some(none), &[field], &[Fact::PayerPermitted]);
}

#[test]
fn times_and_counts_that_cannot_be_read_are_dropped() {
    let (now, _) = NOW.parts();
    let day = 86_400;
    for (seconds, right) in [
        (now, true),
        (now + 300, true),
        (now + 301, false),
        (315_532_800, true),
        (315_532_799, false),
        (0, false),
        (i64::MAX, false),
        (i64::MIN, false),
    ] {
        let (dropped, missing): (&[&str], &[Fact]) =
            if right { (&[], &[]) } else { (&["transfer.payee.add_time"], &[Fact::PayeeAdded]) };
        check(|t| payee(t).add_time = Some(stamp(seconds)), dropped, missing);
    }
    for (seconds, right) in [(now + 400 * day, true), (now + 400 * day + 1, false)] {
        let (dropped, missing): (&[&str], &[Fact]) =
            if right { (&[], &[]) } else { (&["transfer.due_time"], &[Fact::Due]) };
        check(|t| t.due_time = Some(stamp(seconds)), dropped, missing);
    }
    let nanos = prost_types::Timestamp { seconds: now, nanos: -1 };
    let field = "transfer.session.limit_raise_time";
    check(|t| session(t).limit_raise_time = Some(nanos), &[field], &[Fact::LimitRaised]);
    for (times, right) in [(1_000_000, true), (1_000_001, false), (-1, false)] {
        let (dropped, missing): (&[&str], &[Fact]) = if right {
            (&[], &[])
        } else {
            (&["transfer.payee.times_paid"], &[Fact::PayeeTimesPaid])
        };
        check(|t| payee(t).times_paid = Some(times), dropped, missing);
    }
    for (seconds, nanos, right) in [
        (0, 0, true),
        (day, 0, true),
        (day, 1000, false),
        (-1, 0, false),
        (1, -1, false),
        (i64::MAX, 999_999_999, false),
    ] {
        let shown = Some(prost_types::Duration { seconds, nanos });
        let field = "transfer.session.dismissed_warnings.warnings[0].shown_duration";
        let set = |t: &mut pb::Transfer| {
            let warnings = &mut session(t).dismissed_warnings.as_mut().unwrap().warnings;
            warnings[0].shown_duration = shown;
        };
        let dropped: &[&str] = if right { &[] } else { &[field] };
        let request = check(set, dropped, &[]);
        // It was dismissed, however long it took.
        assert_eq!(request.transfer.session.dismissed.unwrap().warnings.len(), 1);
    }
}

#[test]
fn facts_that_contradict_each_other_are_dropped_together() {
    let ledger = ["transfer.payee.times_paid", "transfer.payee.first_pay_time"];
    let both = |t: &mut pb::Transfer| {
        payee(t).times_paid = Some(0);
        payee(t).total_paid = Some(pounds("0"));
    };
    check(both, &ledger, &[Fact::PayeeFirstPaid, Fact::PayeeTimesPaid]);
    let never = |t: &mut pb::Transfer| {
        payee(t).times_paid = Some(0);
        payee(t).first_pay_time = None;
        payee(t).total_paid = None;
    };
    check(never, &[], &[Fact::PayeeFirstPaid, Fact::PayeeTotalPaid]);

    let fields = ["transfer.session.call.state", "transfer.session.call.end_time"];
    check(|t| call(t).state = pb::call::State::InProgress.into(), &fields, &[Fact::Call]);
    let fields = ["transfer.instruction.kind", "transfer.instruction.batch"];
    let single = pb::instruction::Kind::Single.into();
    check(|t| instruction(t).kind = single, &fields, &[Fact::Instruction]);
    let fields = ["transfer.initiation.initiator", "transfer.initiation.risk"];
    let set = |t: &mut pb::Transfer| {
        t.initiation.as_mut().unwrap().initiator = pb::initiation::Initiator::Holder.into();
    };
    check(set, &fields, &[Fact::Initiation]);
}

#[test]
fn lists_are_bounded_and_an_unreadable_one_is_not_an_empty_one() {
    let arrivals = |t: &mut pb::Transfer, count, value: &str| {
        let arrival = pb::Arrival { amount: Some(pounds(value)), ..pb::Arrival::default() };
        t.gathered = Some(pb::Gathered { arrivals: vec![arrival; count] });
    };
    let kept = |request: &Request| {
        request.transfer.gathered.as_ref().map(|gathered| gathered.arrivals.len())
    };
    assert_eq!(kept(&check(|t| arrivals(t, 0, ""), &[], &[])), Some(0));
    assert_eq!(kept(&check(|t| arrivals(t, 8, "1"), &[], &[])), Some(8));
    let list = "transfer.gathered.arrivals";
    assert_eq!(kept(&check(|t| arrivals(t, 9, "1"), &[list], &[])), Some(8));
    let field = "transfer.gathered.arrivals[0].amount";
    assert_eq!(kept(&check(|t| arrivals(t, 1, "0"), &[field], &[Fact::Gathered])), None);

    let scores = |t: &mut pb::Transfer, value: &str| {
        session(t).scores[0].value = value.to_owned();
    };
    let field = "transfer.session.scores[0].value";
    for value in ["", "-1", "1e3", "1000000.1", "0.1234567"] {
        check(|t| scores(t, value), &[field], &[Fact::SessionScores]);
    }
    for value in ["0", "1000000", "0.12345"] {
        check(|t| scores(t, value), &[], &[]);
    }
    let silent = |t: &mut pb::Transfer| payee(t).reputation = Some(pb::Reputation::default());
    assert!(check(silent, &[], &[]).transfer.payee.reputation.is_some());
    let broken = |t: &mut pb::Transfer| {
        let marker = pb::Marker::default();
        payee(t).reputation =
            Some(pb::Reputation { markers: vec![marker], ..pb::Reputation::default() });
    };
    let fields = [
        "transfer.payee.reputation.markers[0].code",
        "transfer.payee.reputation.markers[0].provider",
    ];
    check(broken, &fields, &[Fact::PayeeReputation]);
}

#[test]
fn no_more_faults_are_listed_than_an_answer_may_hold() {
    let broken = |t: &mut pb::Transfer| {
        session(t).scores = vec![pb::Score::default(); 99];
    };
    let mut message = sample::full();
    broken(message.transfer.as_mut().unwrap());
    message.answers = vec![pb::Answer::default(); 99];
    let request = request(message, NOW).unwrap();
    assert_eq!(request.rejected.len(), 64);
    assert_eq!(request.answers, []);
}

#[test]
fn an_answer_without_a_question_or_words_is_dropped() {
    let answer = |question: &str, choice: Option<&str>, text: Option<&str>| {
        let mut message = sample::request();
        message.answers = vec![pb::Answer {
            question_id: question.to_owned(),
            choice_id: choice.map(str::to_owned),
            text: text.map(str::to_owned),
            answer_time: None,
        }];
        let request = request(message, NOW).unwrap();
        let fields: Vec<_> =
            request.rejected.iter().map(|rejected| rejected.field.to_string()).collect();
        (request.answers.len(), fields)
    };
    assert_eq!(answer("q", Some("yes"), None), (1, vec![]));
    assert_eq!(answer("q", None, Some("he told me to")), (1, vec![]));
    assert_eq!(answer("q", None, None), (0, vec!["answers[0]".to_owned()]));
    assert_eq!(answer("", Some("yes"), None), (0, vec!["answers[0].question_id".to_owned()]));
    assert_eq!(answer("q", Some("YES"), Some("x")), (1, vec!["answers[0].choice_id".to_owned()]));
    let mut many = sample::request();
    many.answers = vec![
        pb::Answer {
            question_id: "q".to_owned(),
            choice_id: Some("yes".to_owned()),
            ..pb::Answer::default()
        };
        33
    ];
    let request = request(many, NOW).unwrap();
    assert_eq!(request.answers.len(), 32);
    assert_eq!(&*request.rejected[0].field, "answers");
}
