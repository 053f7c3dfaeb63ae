//! Deciding: what the steps from a request to a recorded decision cost, each by itself.
//!
//! For each kind of transfer: `match` finds what the texts mention, `decide` weighs the facts,
//! `turn` does all that the one writer does with a batch, its sync included.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot run has failed"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use clearline::account::Realm;
use clearline::calendar::Span;
use clearline::decision::decide;
use clearline::entry::{Execution, Identity};
use clearline::history::recent::TRIES_MAX;
use clearline::money::{Amount, Currency, Money};
use clearline::signal::{Facts, Mode};
use clearline::turn::{Execute, Subject, Task};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use crate::steps::{KINDS, Steps};

#[path = "steps/steps.rs"]
mod steps;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn matching(criterion: &mut Criterion) {
    let steps = Steps::begin();
    let mut group = criterion.benchmark_group("match");
    for (kind, mix) in KINDS {
        let messages = steps.messages(mix, 2, 0..SAMPLE);
        let requests: Vec<_> = messages.iter().map(|message| steps.request(message)).collect();
        let mut requests = requests.iter().cycle();
        group.bench_function(kind, |bencher| {
            bencher.iter(|| {
                let request = requests.next().expect("a request");
                steps.policy.mentions(black_box(&request.transfer.texts), &request.answers)
            });
        });
    }
    group.finish();
}

fn gathering(criterion: &mut Criterion) {
    let steps = Steps::begin();
    let mut group = criterion.benchmark_group("gather");
    for (kind, mix) in KINDS {
        let messages = steps.messages(mix, 3, 0..SAMPLE);
        let requests: Vec<_> = messages.iter().map(|message| steps.request(message)).collect();
        let mut requests = requests.iter().cycle();
        group.bench_function(kind, |bencher| {
            bencher.iter_batched(
                || {
                    let request = requests.next().expect("a request").clone();
                    (Identity::of(&request, &steps.tokens), request)
                },
                |(identity, mut request)| {
                    let memory = steps.engine.memory();
                    let known = memory.known(&identity, request.requested, steps.now);
                    (known, memory.recall(&identity, request.stated(), steps.now), request)
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn deciding(criterion: &mut Criterion) {
    let mut steps = Steps::begin();
    let mut group = criterion.benchmark_group("decide");
    for (run, (kind, mix)) in (4..).zip(KINDS) {
        let facts = facts(&mut steps, mix, run);
        let mut facts = facts.iter().cycle();
        group.bench_function(kind, |bencher| {
            bencher.iter(|| decide(black_box(facts.next().expect("facts")), &steps.policy));
        });
    }
    group.finish();
}

/// Payers about whom as much is remembered as can be: fifty payees over a year, and as many attempts of a day
/// as are kept.
fn full(criterion: &mut Criterion) {
    let mut steps = Steps::begin();
    let mix = clearline::cli::bench::requests::Mix { payers: FULL_PAYERS, ..MIXED };
    let draws = steps.messages(mix, 8, 0..u64::from(FULL_PAYERS) * 30);
    let requests: Vec<_> = draws.iter().map(|message| steps.request(message)).collect();
    remember_a_year(&mut steps);
    let mut facts = Vec::new();
    for batch in requests.chunks(500) {
        let tasks = batch.iter().map(|request| steps.task(request.clone())).collect();
        let decided = steps.turn(tasks).into_iter();
        facts.extend(decided.map(|(decided, _)| decided.personal.expect("a personal part").facts));
    }
    // The first ones were decided before there were attempts.
    let facts: Vec<Facts> =
        facts.into_iter().filter(|facts| facts.recall.attempts.len() == TRIES_MAX).collect();
    assert!(1_000 < facts.len(), "{} with all that is kept", facts.len());
    let usual = |facts: &Facts| facts.recall.usual.is_some_and(|usual| 600 <= usual.count);
    assert!(facts.iter().all(usual), "a year is missing");

    let mut group = criterion.benchmark_group("full history");
    let mut every = facts.iter().cycle();
    group.bench_function("decide", |bencher| {
        bencher.iter(|| decide(black_box(every.next().expect("facts")), &steps.policy));
    });
    let mut payments = 0_u32;
    let mut requests = requests.iter().cycle();
    group.bench_function("gather and decide", |bencher| {
        bencher.iter_batched(
            || {
                let mut request = requests.next().expect("a request").clone();
                payments += 1;
                request.payment_id = format!("next {payments}").into();
                let identity = Identity::of(&request, &steps.tokens);
                (identity, request)
            },
            |(identity, mut request)| {
                let recalled = steps.engine.memory().recall(&identity, request.stated(), steps.now);
                let facts = Facts {
                    transfer: request.transfer,
                    stage: request.stage,
                    can_ask: request.can_ask,
                    answers: request.answers,
                    mentions: Vec::new(),
                    recall: recalled.recall,
                    inherited: recalled.inherited,
                    decided: steps.now,
                    mode: Mode::Normal,
                    seed: 0,
                    rejected: request.rejected,
                };
                (decide(&facts, &steps.policy), facts)
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// Reports what each payer sent to each payee every month of a year.
fn remember_a_year(steps: &mut Steps) {
    let mut payments = 0_u32;
    for payer in 0..FULL_PAYERS {
        let customer = steps.tokens.token(Realm::Customer, &format!("customer-{payer:08}"));
        let executes = (0..FULL_PAYEES * 12).map(|number| {
            payments += 1;
            let payee = format!("payee {payer} {}", number % FULL_PAYEES);
            let payment_id = format!("past {payments}").into_boxed_str();
            let days = i64::from(1 + number * 30 / FULL_PAYEES);
            Task::Execute(Box::new(Execute {
                payment: steps.tokens.token(Realm::Payment, &payment_id),
                payment_id,
                decision: None,
                execution: Execution::Sent,
                unscreened: None,
                executed: steps.now.minus(Span::days(days)),
                reason: None,
                subject: Some(Subject {
                    customer,
                    payee: steps.tokens.token(Realm::Account, &payee),
                    money: Money {
                        amount: Amount::from_hundredths(u64::from(1_000 + number * 37)),
                        currency: Currency::GBP,
                    },
                    decision: None,
                }),
                caller: None,
                trace: None,
            }))
        });
        let executes = executes.collect();
        let outcomes = steps.engine.turn(executes, steps.now).expect("a turn");
        assert!(outcomes.iter().all(Result::is_ok), "a report was refused");
    }
}

fn turns(criterion: &mut Criterion) {
    let mut steps = Steps::begin();
    let mut group = criterion.benchmark_group("turn");
    let mut run = 10;
    for size in [1, 16, 64, 256] {
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("{size}"), |bencher| {
            bencher.iter_custom(|count| {
                let mut took = Duration::ZERO;
                for _ in 0..count {
                    // No request twice: it would be a retry.
                    run += 1;
                    let messages = steps.messages(MIXED, run, 0..size);
                    let tasks =
                        messages.iter().map(|message| steps.task(steps.request(message))).collect();
                    let begun = now();
                    black_box(steps.turn(tasks));
                    took += now().duration_since(begun);
                }
                took
            });
        });
    }
    group.finish();
}

/// Returns facts as they are gathered for transfers of one kind.
fn facts(steps: &mut Steps, mix: clearline::cli::bench::requests::Mix, run: u32) -> Vec<Facts> {
    let messages = steps.messages(mix, run, 0..SAMPLE);
    let tasks = messages.iter().map(|message| steps.task(steps.request(message))).collect();
    let decided = steps.turn(tasks).into_iter();
    decided.map(|(decided, _)| decided.personal.expect("a personal part").facts).collect()
}

#[expect(clippy::disallowed_methods, reason = "measuring is asking the time")]
fn now() -> Instant {
    Instant::now()
}

const SAMPLE: u64 = 500;

/// What a load is made of.
const MIXED: clearline::cli::bench::requests::Mix = clearline::cli::bench::requests::Mix {
    texts_per_mille: 300,
    warnings_per_mille: 20,
    ..KINDS[0].1
};

const FULL_PAYERS: u32 = 100;
const FULL_PAYEES: u32 = 50;

criterion_group!(benches, matching, gathering, deciding, full, turns);
criterion_main!(benches);
