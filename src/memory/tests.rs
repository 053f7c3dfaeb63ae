//! Tests of memory: what it says after some entries.

use std::sync::Arc;

use crate::account::{Account, Token, Tokens};
use crate::calendar::{Span, Time};
use crate::decision::{Action, HoldKind};
use crate::entry::{Entry, Execution, Identity, Parameters};
use crate::history::pairs::seconds_of;
use crate::history::{HORIZON, Recall};
use crate::memory::snapshot::Slices;
use crate::memory::{AHEAD_MAX, Known, Memory, Payer};
use crate::testing::{allowed, pounds, request, sent, time};
use crate::transfer::{Answer, Fact, Gathered, Request, Stage};

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
    let parameters = Parameters { window, requests_max, payments_max: 1_000 };
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
fn an_id_is_its_callers_own() {
    let mut memory = with(Span::hours(1), 100);
    let asked = request(1);
    let by = |caller: Option<u8>| Identity {
        caller: caller.map(|byte| Token([byte; 16])),
        ..identity(&asked)
    };
    let mut first = allowed(asked.clone(), 1, start());
    first.public.identity = by(Some(1));
    memory.apply(&Entry::Decided(Box::new(first.clone())), start());
    let check = |memory: &Memory, caller, want| {
        let identity = by(caller);
        assert_eq!(memory.known(&identity, asked.requested, start()), want, "{caller:?}");
    };
    check(&memory, Some(1), Known::Answered(1));
    check(&memory, Some(2), Known::New);
    check(&memory, None, Known::New);
    first.public.identity = by(Some(2));
    memory.apply(&Entry::Decided(Box::new(first)), start());
    check(&memory, Some(1), Known::Answered(1));
    check(&memory, Some(2), Known::Answered(2));
    check(&memory, None, Known::New);
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
    let recall =
        |memory: &Memory, now| memory.recall(&identity(&request(9)), request(9).stated(), now);
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
        let recalled = memory.recall(&identity(&request(9)), request(9).stated(), start());
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
    let recalled = memory.recall(&identity(&engine), engine.stated(), later);
    assert_eq!(engine.transfer.session.remote_access, Some(true));
    assert_eq!(engine.answers, [yes]);
    let [inherited] = recalled.inherited.as_slice() else { panic!("one inherited fact") };
    assert_eq!(inherited.fact, Fact::RemoteAccess);
    assert_eq!((inherited.stage, inherited.stated), (Stage::BeforeConfirmation, start()));
    let earlier = recalled.recall.earlier.unwrap();
    assert_eq!((earlier.looks, earlier.payee_changed, earlier.amount_changed), (1, false, true));
    assert_eq!(recalled.last, Some(1));
}

/// Returns a request like [`request`] of another payee.
fn to(number: u64, payee: &str) -> Request {
    let mut request = request(number);
    request.transfer.payee.account = Account::uk("601613", payee, "").unwrap();
    request
}

fn recall(memory: &Memory, request: &Request, now: Time) -> Recall {
    memory.recall(&identity(request), request.clone().stated(), now).recall
}

#[test]
fn what_was_sent_is_usual_and_what_was_tried_is_an_attempt() {
    let mut memory = with(Span::hours(1), 100);
    decide(&mut memory, &to(1, "00000001"), start());
    pay(&mut memory, &to(2, "00000002"), start());
    let recalled = recall(&memory, &to(3, "00000003"), start().plus(Span::minutes(1)));
    let usual = recalled.usual.unwrap();
    assert_eq!((usual.count, usual.largest), (1, pounds("3200")));
    let attempts: Vec<_> =
        recalled.attempts.iter().map(|one| (one.seconds, one.payee, one.new, one.left)).collect();
    assert_eq!(attempts, [(60, 1, true, true), (60, 2, true, false)]);
    assert_eq!(recalled.most_new_payees, Some(0));
    let paid_before = recall(&memory, &to(3, "00000002"), start().plus(Span::days(1)));
    assert_eq!((paid_before.attempts.len(), paid_before.most_new_payees), (2, None));
    let later = recall(&memory, &to(3, "00000002"), start().plus(Span(Span::days(1).0 + 1)));
    assert!(later.attempts.is_empty());
}

#[test]
fn whoever_moves_money_to_an_own_account_tried_no_stranger() {
    for (own, new) in [(None, true), (Some(false), true), (Some(true), false)] {
        let mut memory = with(Span::hours(1), 100);
        let mut moved = to(1, "00000001");
        moved.transfer.payee.own = own;
        decide(&mut memory, &moved, start());
        let recalled = recall(&memory, &to(2, "00000002"), start().plus(Span::minutes(1)));
        assert_eq!(recalled.attempts[0].new, new, "{own:?}");
    }
}

#[test]
fn attempts_go_after_a_day_and_a_payer_after_the_horizon() {
    let day = Span::days(1);
    for (age, wanes, left) in [
        (day, false, true),
        (Span(day.0 + 1_000_000), true, true),
        (HORIZON, true, true),
        (Span(HORIZON.0 + 1_000_000), true, false),
    ] {
        let mut payer = Payer::new(1, seconds_of(start()));
        let now = start().plus(age);
        payer.recent = Some(Arc::default());
        assert_eq!((payer.wanes(now), payer.wane(now)), (wanes, left), "{age:?}");
        assert_eq!((payer.recent.is_none(), payer.wanes(now)), (true, !left), "{age:?}");
    }
}

#[test]
fn an_allowed_submission_counts_after_an_hour_where_nobody_reports() {
    let hour = Span::hours(1);
    for (stage, reported, want) in [
        (Stage::AtSubmission, None, [false, false, true]),
        (Stage::Rescreen, None, [false, false, true]),
        (Stage::BeforeConfirmation, None, [false, false, false]),
        (Stage::AtSubmission, Some(Execution::Rejected), [false, false, false]),
        (Stage::AtSubmission, Some(Execution::Sent), [true, true, true]),
    ] {
        let mut memory = with(Span::hours(1), 100);
        let submitted = Request { stage, ..to(1, "00000001") };
        decide(&mut memory, &submitted, start());
        if let Some(execution) = reported {
            let mut executed = sent(&allowed(submitted.clone(), 1, start()), 1);
            executed.public.execution = execution;
            memory.apply(&Entry::Executed(Box::new(executed)), start());
        }
        let known = [Span(0), Span(hour.0 - 1), hour].map(|age| {
            // Any entry moves log time.
            let now = start().plus(age);
            memory.apply(&Entry::Parameters(memory.parameters()), now);
            recall(&memory, &to(2, "00000001"), now).pair.is_some()
        });
        assert_eq!(known, want, "{stage:?} {reported:?}");
    }
}

#[test]
fn a_bank_that_reports_is_waited_for_until_it_was_silent_for_a_month() {
    for (silent, counts) in [(Span::days(30), false), (Span(Span::days(30).0 + 1), true)] {
        let mut memory = with(Span::hours(1), 100);
        pay(&mut memory, &to(1, "00000001"), start());
        let decided = start().plus(silent);
        let submitted = Request { stage: Stage::AtSubmission, ..to(2, "00000002") };
        decide(&mut memory, &submitted, decided);
        let now = decided.plus(Span::hours(1));
        memory.apply(&Entry::Parameters(memory.parameters()), now);
        let known = recall(&memory, &to(3, "00000002"), now).pair.is_some();
        assert_eq!(known, counts, "{silent:?}");
    }
}

#[test]
fn one_payment_counts_once_when_its_report_comes_after_all() {
    let mut memory = with(Span::hours(1), 100);
    let submitted = Request { stage: Stage::AtSubmission, ..to(1, "00000001") };
    for number in [1, 2] {
        let looked = Request { id: to(number, "00000001").id, ..submitted.clone() };
        decide(&mut memory, &looked, start());
    }
    let later = start().plus(Span::hours(1));
    memory.apply(&Entry::Parameters(memory.parameters()), later);
    let executed = sent(&allowed(submitted, 1, start()), 2);
    memory.apply(&Entry::Executed(Box::new(executed)), later);
    let recalled = recall(&memory, &to(3, "00000001"), later);
    assert_eq!((recalled.pair.unwrap().count, recalled.usual.unwrap().count), (1, 1));
}

#[test]
fn a_stop_is_recalled_of_other_payments_and_an_account_across_payers() {
    let mut memory = with(Span::hours(1), 100);
    let stopped = to(1, "00000001");
    let mut decided = allowed(stopped.clone(), memory.slot(identity(&stopped).customer), start());
    decided.public.action = Action::Hold;
    decided.public.hold = Some(HoldKind::PendingReview);
    memory.apply(&Entry::Decided(Box::new(decided)), start());
    let now = start().plus(Span::minutes(5));
    assert_eq!(recall(&memory, &stopped, now).stop, None);
    let stop = recall(&memory, &to(2, "00000002"), now).stop.unwrap();
    assert_eq!((stop.at, stop.payee_changed, stop.amount_changed), (start(), true, false));
    assert_eq!(recall(&memory, &to(2, "00000001"), now).inflow, None);

    // Let go after an answer, it was no stop.
    let bytes: Vec<u8> = Slices::new(&memory).flatten().collect();
    let mut let_go = Memory::from_snapshot(&bytes).unwrap();
    let again = Request { id: to(7, "00000001").id, ..stopped.clone() };
    decide(&mut let_go, &again, now);
    assert_eq!(recall(&let_go, &to(2, "00000002"), now).stop, None);

    let mut other = to(2, "00000001");
    other.transfer.payer.customer = "customer-2".into();
    assert_eq!(recall(&memory, &other, now).stop, None);
    assert_eq!(recall(&memory, &other, now).inflow.unwrap().held, 1);
    pay(&mut memory, &other, now);
    let inflow = recall(&memory, &to(3, "00000001"), now).inflow.unwrap();
    assert_eq!((inflow.hour, inflow.day, inflow.week, inflow.held), (1, 1, 1, 0));
}

#[test]
fn what_was_held_and_then_sent_was_cleared_until_it_comes_back() {
    for (hold, execution, cleared) in [
        (Some(HoldKind::PendingReview), Execution::Sent, true),
        (Some(HoldKind::PendingReview), Execution::SentUnscreened, false),
        (Some(HoldKind::PendingReview), Execution::Rejected, false),
        (Some(HoldKind::PendingAnswers), Execution::Sent, false),
        (None, Execution::Sent, false),
    ] {
        let mut memory = with(Span::hours(1), 100);
        let held = to(1, "00000001");
        let mut decided = allowed(held.clone(), memory.slot(identity(&held).customer), start());
        decided.public.action = if hold.is_some() { Action::Hold } else { Action::Allow };
        decided.public.hold = hold;
        memory.apply(&Entry::Decided(Box::new(decided)), start());
        let mut executed = sent(&allowed(held, 1, start()), 1);
        executed.public.execution = execution;
        memory.apply(&Entry::Executed(Box::new(executed.clone())), start());
        let found = recall(&memory, &to(2, "00000001"), start()).cleared;
        assert_eq!(found.map(|one| one.money), cleared.then(|| pounds("3200")), "{execution:?}");
        assert_eq!(recall(&memory, &to(2, "00000002"), start()).cleared, None);
        if cleared {
            // The payment itself is forgotten by then: its tables have turned over twice.
            let late = start().plus(Span::days(5));
            for days in [2, 4] {
                let now = start().plus(Span::days(days));
                memory.apply(&Entry::Parameters(memory.parameters()), now);
            }
            assert_eq!(memory.payment(executed.public.payment), None);
            executed.public.execution = Execution::Returned;
            memory.apply(&Entry::Executed(Box::new(executed)), late);
            assert_eq!(recall(&memory, &to(2, "00000001"), late).cleared, None);
        }
    }
}

#[test]
fn what_was_held_and_then_allowed_was_let_go_by_nobody() {
    let mut memory = with(Span::hours(1), 100);
    let held = to(1, "00000001");
    let mut decided = allowed(held.clone(), memory.slot(identity(&held).customer), start());
    decided.public.action = Action::Hold;
    decided.public.hold = Some(HoldKind::PendingReview);
    memory.apply(&Entry::Decided(Box::new(decided)), start());
    // The same payment, now to another account, which the policy allows.
    let moved = Request { id: to(7, "00000002").id, ..to(1, "00000002") };
    decide(&mut memory, &moved, start());
    let executed = sent(&allowed(moved, 1, start()), 2);
    memory.apply(&Entry::Executed(Box::new(executed)), start());
    for payee in ["00000001", "00000002"] {
        assert_eq!(recall(&memory, &to(2, payee), start()).cleared, None, "{payee}");
    }
}

#[test]
fn reports_of_a_year_come_to_the_same_history_in_any_order() {
    let executed: Vec<Entry> = (0..60_i64)
        .map(|number| {
            let at = start().minus(Span::days(number * 6));
            let paid = to(u64::try_from(number).unwrap(), &format!("{:08}", number % 9));
            let mut executed = sent(&allowed(paid, 1, at), 0);
            executed.time = start();
            executed.public.decision = None;
            Entry::Executed(Box::new(executed))
        })
        .collect();
    let recalled = |order: &mut dyn Iterator<Item = usize>| {
        let mut memory = with(Span::hours(1), 100);
        order.for_each(|at| memory.apply(&executed[at], start()));
        (0..9).map(|payee| recall(&memory, &to(99, &format!("{payee:08}")), start())).collect()
    };
    let forward: Vec<Recall> = recalled(&mut (0..60));
    assert_eq!(forward, recalled(&mut (0..60).rev()));
    assert_eq!(forward, recalled(&mut (0..60).map(|at| at * 7 % 60)));
    assert_eq!(forward[0].usual.unwrap().count, 60);
}

#[test]
fn a_snapshot_gives_back_the_same_memory() {
    let mut memory = with(Span::hours(1), 1_000);
    for number in 0..150 {
        let mut paid = request(number);
        paid.transfer.payer.customer = format!("customer-{}", number % 40).into();
        paid.transfer.gathered = Some(Gathered::default());
        pay(&mut memory, &paid, start().plus(Span::minutes(i64::try_from(number).unwrap())));
    }
    // A bank that went silent, so that something is due.
    let silent = start().plus(Span::days(40));
    for number in 200..440 {
        let submitted = Request { stage: Stage::AtSubmission, ..to(number, "00000001") };
        decide(&mut memory, &submitted, silent);
    }
    let bytes: Vec<u8> = Slices::new(&memory).flatten().collect();
    let mut read = Memory::from_snapshot(&bytes).unwrap();
    assert_eq!(read.digest(), memory.digest());
    let late = start().plus(Span::days(42));
    pay(&mut memory, &request(1_000), late);
    pay(&mut read, &request(1_000), late);
    assert_eq!(read.digest(), memory.digest());
    assert_eq!(recall(&read, &to(2_000, "00000001"), late).pair.unwrap().count, 240);
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Memory::from_snapshot(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}
