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

use clearline::decision::decide;
use clearline::entry::Identity;
use clearline::signal::Facts;
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
        let messages = steps.messages(mix, 2, SAMPLE);
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
        let messages = steps.messages(mix, 3, SAMPLE);
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
                    (known, memory.recall(&identity, &mut request, steps.now), request)
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
                    let messages = steps.messages(MIXED, run, size);
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
    let messages = steps.messages(mix, run, SAMPLE);
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

criterion_group!(benches, matching, gathering, deciding, turns);
criterion_main!(benches);
