//! Tests of memory: what it says after some entries.

use crate::account::Tokens;
use crate::calendar::{Span, Time};
use crate::entry::{Entry, Execution, Identity, Parameters};
use crate::history::HORIZON;
use crate::memory::snapshot::Slices;
use crate::memory::{AHEAD_MAX, Known, Memory};
use crate::testing::{allowed, pounds, request, sent, time};
use crate::transfer::{Answer, Fact, Request, Stage};

fn start() -> Time {
    time("2026-11-20T15:04:05Z")
}

fn identity(request: &Request) -> Identity {
    Identity::of(request, &Tokens::new(&[7; 32]))
}

/// Decides a request at `time` and applies it, allowed.
fn decide(memory: &mut Memory, request: &Request, time: Time) {
    let slot = memory.slot(identity(request).customer);
    let decided = allowed(request.clone(), slot, time);
    memory.apply(&Entry::Decided(Box::new(decided)), time);
}

/// Decides a request and reports it sent.
fn pay(memory: &mut Memory, request: &Request, time: Time) {
    let position = memory.position();
    decide(memory, request, time);
    let slot = memory.slot(identity(request).customer);
    let executed = sent(&allowed(request.clone(), slot, time), position);
    memory.apply(&Entry::Executed(Box::new(executed)), time);
}

fn with(window: Span, requests_max: u32) -> Memory {
    let mut memory = Memory::new();
    let parameters = Parameters { window, requests_max, payments_max: 100 };
    memory.apply(&Entry::Parameters(parameters), start());
    memory
}

#[test]
fn a_request_is_known_by_its_id_and_compared_by_its_identity() {
    let mut memory = with(Span::hours(1), 100);
    let first = request(1);
    let check = |memory: &Memory, request: &Request, want| {
        assert_eq!(memory.known(&identity(request), request.requested, start()), want);
    };
    check(&memory, &first, Known::New);
    decide(&mut memory, &first, start());
    check(&memory, &first, Known::Answered(1));

    let mut bland = first.clone();
    bland.transfer.texts.reference = Some("thanks".into());
    check(&memory, &bland, Known::Answered(1));
    let mut other = first;
    other.transfer.money = pounds("3200.01");
    check(&memory, &other, Known::Reused);
}

#[test]
fn a_request_made_before_the_window_is_too_old() {
    let memory = with(Span::hours(1), 100);
    for (age, want) in [(3_599, Known::New), (3_600, Known::New), (3_601, Known::TooOld)] {
        let made = start().minus(Span::seconds(age));
        assert_eq!(memory.known(&identity(&request(1)), made, start()), want, "{age}");
    }
}

#[test]
fn ids_are_refused_rather_than_forgotten_early() {
    let mut memory = with(Span::hours(1), 3);
    for number in 1..=3 {
        assert_eq!(memory.known(&identity(&request(number)), start(), start()), Known::New);
        decide(&mut memory, &request(number), start());
    }
    assert_eq!(memory.known(&identity(&request(4)), start(), start()), Known::Full);
    assert_eq!(memory.known(&identity(&request(1)), start(), start()), Known::Answered(1));
}

#[test]
fn an_id_is_remembered_for_as_long_as_its_request_could_be_decided() {
    let mut memory = with(Span::hours(1), 1_000);
    let mut first = request(0);
    first.requested = start().plus(AHEAD_MAX);
    decide(&mut memory, &first, start());
    let mut now = start();
    for number in 1..200 {
        now = now.plus(Span::minutes(1));
        decide(&mut memory, &request(number), now);
        let known = memory.known(&identity(&first), first.requested, now);
        let late = first.requested < now.minus(Span::hours(1));
        assert!(known != Known::New, "after {number} minutes it would be decided again");
        assert!(late || known == Known::Answered(1), "after {number} minutes: {known:?}");
    }
}

#[test]
fn a_payee_is_known_once_money_was_sent_and_until_the_horizon() {
    let mut memory = with(Span::hours(1), 100);
    let recall = |memory: &Memory, now| memory.recall(&identity(&request(9)), &mut request(9), now);
    decide(&mut memory, &request(1), start());
    let attempted = recall(&memory, start()).recall;
    assert_eq!((attempted.payer_first, attempted.pair), (Some(start()), None));

    pay(&mut memory, &request(2), start());
    for (age, known) in [(Span(0), true), (HORIZON, true), (Span(HORIZON.0 + 1), false)] {
        let recalled = recall(&memory, start().plus(age)).recall;
        assert_eq!(recalled.pair.is_some(), known);
        assert_eq!(recalled.payer_first.is_some(), known);
    }
    let pair = recall(&memory, start()).recall.pair.unwrap();
    assert_eq!((pair.count, pair.total), (1, pounds("3200.00")));
}

#[test]
fn one_payment_counts_once_however_often_it_is_reported() {
    let mut memory = with(Span::hours(1), 100);
    let first = request(1);
    decide(&mut memory, &first, start());
    for (execution, count) in
        [(Execution::Sent, 1), (Execution::Returned, 1), (Execution::SentUnscreened, 1)]
    {
        let mut executed = sent(&allowed(first.clone(), 1, start()), 1);
        executed.public.execution = execution;
        memory.apply(&Entry::Executed(Box::new(executed)), start());
        let recalled = memory.recall(&identity(&request(9)), &mut request(9), start());
        assert_eq!(recalled.recall.pair.unwrap().count, count, "{execution:?}");
    }
}

#[test]
fn a_later_look_inherits_facts_with_their_source_and_answers() {
    let mut memory = with(Span::hours(1), 100);
    let mut app = request(1);
    app.transfer.session.remote_access = Some(true);
    let yes =
        Answer { question: "q".into(), option: Some("yes".into()), text: None, answered: None };
    app.answers.push(yes.clone());
    decide(&mut memory, &app, start());

    let later = start().plus(Span::minutes(2));
    let mut engine = request(2);
    engine.payment_id = app.payment_id.clone();
    engine.stage = Stage::AtSubmission;
    engine.transfer.money = pounds("3000");
    let recalled = memory.recall(&identity(&engine), &mut engine, later);
    assert_eq!(engine.transfer.session.remote_access, Some(true));
    assert_eq!(engine.answers, [yes]);
    let [inherited] = recalled.inherited.as_slice() else { panic!("one inherited fact") };
    assert_eq!(inherited.fact, Fact::RemoteAccess);
    assert_eq!((inherited.stage, inherited.stated), (Stage::BeforeConfirmation, start()));
    let earlier = recalled.recall.earlier.unwrap();
    assert_eq!((earlier.looks, earlier.payee_changed, earlier.amount_changed), (1, false, true));
    assert_eq!(recalled.last, Some(1));
}

#[test]
fn a_snapshot_gives_back_the_same_memory() {
    let mut memory = with(Span::hours(1), 1_000);
    for number in 0..150 {
        let mut paid = request(number);
        paid.transfer.payer.customer = format!("customer-{}", number % 40).into();
        pay(&mut memory, &paid, start().plus(Span::minutes(i64::try_from(number).unwrap())));
    }
    let bytes: Vec<u8> = Slices::new(memory.clone()).flatten().collect();
    let mut read = Memory::from_snapshot(&bytes).unwrap();
    assert_eq!(read.digest(), memory.digest());
    let late = start().plus(Span::days(2));
    pay(&mut memory, &request(1_000), late);
    pay(&mut read, &request(1_000), late);
    assert_eq!(read.digest(), memory.digest());
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Memory::from_snapshot(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}
