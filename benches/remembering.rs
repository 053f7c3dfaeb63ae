//! Remembering: how soon a service with a long log serves again, and what a known payee costs.
//!
//! `cargo bench --bench remembering` writes a log of a million decisions by the engine itself, then
//! starts from it with a snapshot and without, both with the files in the page cache, and holds the
//! two memories against each other. Before that it fills a memory with payers and payees alone and tells
//! what the process grew by for each payer.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a bench that cannot run has failed"
)]

use std::process;
use std::sync::Arc;
use std::time::Instant;

use clearline::account::Token;
use clearline::cli::bench::machine::memory;
use clearline::entry::{Entry, Executed, ExecutedPersonal, ExecutedPublic, Execution, Parameters};
use clearline::log::disk::{Disk, RealDisk};
use clearline::log::segments::Settings;
use clearline::log::snapshot;
use clearline::memory::snapshot::Slices;
use clearline::memory::{FOLD_VERSION, Memory};
use clearline::money::{Amount, Currency, Money};
use clearline::turn::start::{Plan, start};

use crate::steps::{KINDS, Steps};

#[expect(dead_code, reason = "the other benches begin in a folder of their own")]
#[path = "steps/steps.rs"]
mod steps;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // `cargo test --benches` would run this too; it takes a minute and asserts nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    // Both are kept until the end: what one gives back, the other would not seem to take.
    let kept = [1, 50].map(pairs);
    drop(kept);
    restarts();
}

fn restarts() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let data = folder.path().join("data");
    let mut steps = Steps::begin_in(&data);
    let from = Instant::now();
    for run in 2.. {
        let left = ENTRIES.saturating_sub(steps.engine.memory().position());
        if left == 0 {
            break;
        }
        for batch in steps.messages(KINDS[0].1, run, left.min(100_000)).chunks(500) {
            let tasks = batch.iter().map(|message| steps.task(steps.request(message))).collect();
            steps.turn(tasks);
        }
    }
    println!("a log of {ENTRIES} entries written in {} ms", from.elapsed().as_millis());

    let Steps { engine, policy, now, .. } = steps;
    let (base, remembered) = (engine.log().base(), engine.memory().clone());
    let digest = remembered.digest();
    engine.into_log().close().expect("an orderly end");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&data).expect("a data folder"));
    let from = Instant::now();
    snapshot::write(&*disk, FOLD_VERSION, &base, &mut Slices::new(remembered)).expect("a snapshot");
    println!("a snapshot written in {} ms", from.elapsed().as_millis());

    for (how, snapshots) in [("with its snapshot", true), ("without one", false)] {
        if !snapshots {
            for name in disk.list("snapshots").expect("snapshots") {
                disk.remove(&format!("snapshots/{name}")).expect("a snapshot to remove");
            }
        }
        let plan = Plan {
            origin: "bench.example".to_owned(),
            log: Settings::default(),
            parameters: Parameters { requests_max: 100_000_000, ..Parameters::FIRST },
            policy: Arc::clone(&policy),
        };
        let from = Instant::now();
        let started = start(&disk, plan, now).expect("a start");
        let elapsed = from.elapsed();
        assert_eq!(started.engine.memory().digest(), digest, "another memory");
        println!("started {how} in {} ms", elapsed.as_millis());
    }
}

/// Fills a memory with a million pairs, `payees` for each payer, and tells what each costs.
fn pairs(payees: u64) -> Memory {
    let before = memory(process::id()).expect("the memory of this process");
    let mut remembered = Memory::new();
    let time = clearline::calendar::Time::parse("2026-11-20T12:00:00Z").expect("a time");
    // Few payments, so that what grows is the pairs.
    let few = Parameters { payments_max: 20_000, ..Parameters::FIRST };
    remembered.apply(&Entry::Parameters(few), time);
    for number in 0..PAIRS {
        let customer = token(1, number / payees);
        let executed = Executed {
            time,
            slot: remembered.slot(customer),
            public: ExecutedPublic {
                payment: token(2, number),
                customer,
                payee: token(3, number),
                execution: Execution::SentUnscreened,
                unscreened: None,
                decision: None,
                caller: None,
            },
            personal: Some(ExecutedPersonal {
                payment_id: "".into(),
                money: Money {
                    amount: Amount::new(number.into()).expect("an amount"),
                    currency: Currency::GBP,
                },
                executed: time,
                reason: None,
            }),
        };
        remembered.apply(&Entry::Executed(Box::new(executed)), time);
    }
    let grown = memory(process::id()).expect("the memory of this process").saturating_sub(before);
    println!("{payees} payees a payer: {} bytes for each payer", grown / (PAIRS / payees));
    remembered
}

/// Returns a token that is spread as real ones are.
fn token(realm: u8, number: u64) -> Token {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [realm; 16];
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    bytes[8..].copy_from_slice(
        &(mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes(),
    );
    bytes[15] = realm;
    Token(bytes)
}

const ENTRIES: u64 = 1_000_000;
const PAIRS: u64 = 1_000_000;
