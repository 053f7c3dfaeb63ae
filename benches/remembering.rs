//! Remembering: how soon a service with a long log serves again.
//!
//! `cargo bench --bench remembering` writes a log of five million decisions about a million payers by the
//! engine itself, then starts from it with a snapshot and without, both with the files in the page cache, and
//! holds the two memories against each other.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a bench that cannot run has failed"
)]

use std::sync::Arc;
use std::time::Instant;

use clearline::cli::bench::requests::Mix;
use clearline::entry::Parameters;
use clearline::log::disk::{Disk, RealDisk};
use clearline::log::segments::Settings;
use clearline::log::snapshot;
use clearline::memory::FOLD_VERSION;
use clearline::memory::snapshot::Slices;
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
    restarts();
}

fn restarts() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let data = folder.path().join("data");
    let mut steps = Steps::begin_in(&data);
    let from = Instant::now();
    let mix = Mix { payers: PAYERS, ..KINDS[0].1 };
    for first in (steps.engine.memory().position()..ENTRIES).step_by(100_000) {
        let numbers = first..ENTRIES.min(first.saturating_add(100_000));
        for batch in steps.messages(mix, 2, numbers).chunks(500) {
            let tasks = batch.iter().map(|message| steps.task(steps.request(message))).collect();
            steps.turn(tasks);
        }
    }
    let payers = steps.engine.memory().payers();
    let took = from.elapsed().as_millis();
    println!("a log of {ENTRIES} entries about {payers} payers written in {took} ms");

    let Steps { engine, policy, now, .. } = steps;
    let (base, mut remembered) = (engine.log().base(), Slices::new(engine.memory()));
    let digest = engine.memory().digest();
    engine.into_log().close().expect("an orderly end");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&data).expect("a data folder"));
    let from = Instant::now();
    snapshot::write(&*disk, FOLD_VERSION, &base, &mut remembered).expect("a snapshot");
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

const ENTRIES: u64 = 5_000_000;
const PAYERS: u32 = 1_000_000;
