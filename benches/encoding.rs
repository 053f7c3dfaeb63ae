//! Encoding: what reading and writing bytes costs, at the door and at the log.
//!
//! For each kind of transfer: `decode` and `read` take a message in, `tokens` makes what memory and
//! indexes know it by, `entry` writes what the log keeps and `entry back` reads it again, `answer`
//! and `encode` send the reply.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that cannot run has failed")]

use std::hint::black_box;

use clearline::entry::{Entry, Identity};
use clearline::grpc::{pb, read, write};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use prost::Message as _;

use crate::steps::{KINDS, Steps};

#[path = "steps/steps.rs"]
mod steps;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn taking_in(criterion: &mut Criterion) {
    let steps = Steps::begin();
    let decode = |message: &bytes::Bytes| {
        pb::ScreenTransferRequest::decode(message.clone()).expect("a message")
    };
    for (kind, mix) in KINDS {
        let messages = steps.messages(mix, 2, 0..SAMPLE);
        let mut group = criterion.benchmark_group("in");
        let mut next = messages.iter().cycle();
        group.bench_function(format!("decode/{kind}"), |bencher| {
            bencher.iter(|| decode(black_box(next.next().expect("a message"))));
        });
        group.bench_function(format!("read/{kind}"), |bencher| {
            bencher.iter_batched(
                || decode(next.next().expect("a message")),
                |message| read::request(message, steps.now),
                BatchSize::SmallInput,
            );
        });
        let requests: Vec<_> = messages.iter().map(|message| steps.request(message)).collect();
        let mut requests = requests.iter().cycle();
        group.bench_function(format!("tokens/{kind}"), |bencher| {
            bencher.iter(|| {
                Identity::of(black_box(requests.next().expect("a request")), &steps.tokens)
            });
        });
        group.finish();
    }
}

fn sending_out(criterion: &mut Criterion) {
    let mut steps = Steps::begin();
    for (run, (kind, mix)) in (3..).zip(KINDS) {
        let messages = steps.messages(mix, run, 0..SAMPLE);
        let tasks = messages.iter().map(|message| steps.task(steps.request(message))).collect();
        let decided = steps.turn(tasks);
        let mut group = criterion.benchmark_group("out");

        let mut next = decided.iter().cycle();
        group.bench_function(format!("entry/{kind}"), |bencher| {
            bencher.iter(|| black_box(&next.next().expect("a decision").0).parts());
        });
        let parts: Vec<_> = decided.iter().map(|(decided, _)| decided.parts()).collect();
        let mut stored = parts.iter().cycle();
        group.bench_function(format!("entry back/{kind}"), |bencher| {
            bencher.iter(|| Entry::read(black_box(stored.next().expect("an entry"))));
        });
        group.bench_function(format!("answer/{kind}"), |bencher| {
            bencher.iter(|| {
                let (decided, receipt) = next.next().expect("a decision");
                write::screened(black_box(decided), receipt)
            });
        });
        let answers: Vec<_> =
            decided.iter().map(|(decided, receipt)| write::screened(decided, receipt)).collect();
        let mut answers = answers.iter().cycle();
        group.bench_function(format!("encode/{kind}"), |bencher| {
            bencher.iter(|| black_box(answers.next().expect("an answer")).encode_to_vec());
        });
        group.finish();
    }
}

const SAMPLE: u64 = 500;

criterion_group!(benches, taking_in, sending_out);
criterion_main!(benches);
