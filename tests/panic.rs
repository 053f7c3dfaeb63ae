//! Panic: what a fault of ours costs.
//!
//! While one transfer is decided, that transfer its decision. Anywhere else, the process its life: what
//! a panic has cut through is not to be trusted with another answer. Since nobody lives to tell, each
//! test runs this program once more, as [`service`].

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::io;
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use clearline::calendar::Time;
use clearline::cli::bench::PAYEES;
use clearline::cli::bench::requests::{Mix, Number, Requests, Shape};
use clearline::entry::{Entry, Identity, Parameters};
use clearline::grpc::{pb, read};
use clearline::log::Stored;
use clearline::log::disk::{Append, Disk, Lock, RealDisk};
use clearline::log::segments::Settings;
use clearline::policy;
use clearline::telemetry;
use clearline::turn::start::{Plan, Started, start};
use clearline::turn::{Answer, Screen, Task};
use prost::Message as _;
use tracing::Level;

#[test]
fn a_panic_while_deciding_costs_that_decision_and_nothing_else() {
    let ended = run("deciding", Path::new(""));
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let told = text(&ended.stderr);
    let line = told.lines().find(|line| line.contains("panicked")).expect("a line about it");
    assert!(line.contains("tests/panic.rs:") && line.contains("\"deciding\":true"), "{line}");
    assert!(!told.contains(SECRET), "{told}");
    assert!(text(&ended.stdout).contains("goes on"), "{ended:?}");
}

#[test]
fn a_panic_while_recording_ends_the_process_and_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run("recording", folder.path());
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{ended:?}");
    let told = text(&ended.stderr);
    assert!(told.contains("\"panicked\"") && told.contains("\"deciding\":false"), "{told}");
    assert!(!told.contains(SECRET), "{told}");

    let told = text(&ended.stdout);
    // The first follows the harness's own words.
    let answered = told.lines().filter_map(|line| line.split_once("answered ")?.1.parse().ok());
    let answered: Vec<u64> = answered.collect();
    assert_eq!(answered.len(), 2 * BATCH, "two batches were recorded: {told}");
    assert!(!told.contains("goes on"), "{told}");

    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(folder.path()).unwrap());
    let mut there = Vec::new();
    let scanned = begin(&disk).engine.log().reader().scan(0, &mut |stored: Stored| {
        if matches!(Entry::read(&stored.parts), Ok(Entry::Decided(_))) {
            there.push(stored.receipt.index());
        }
        ControlFlow::Continue(())
    });
    scanned.unwrap();
    // The third batch may be there, whole, or not at all: nobody was told.
    assert_eq!(there.get(..answered.len()), Some(&*answered));
    assert!([2 * BATCH, 3 * BATCH].contains(&there.len()), "{there:?}");
}

/// Not a test of its own: what the others run, as `FAULT` says.
#[test]
fn service() {
    let Ok(fault) = std::env::var("FAULT") else { return };
    telemetry::start(Level::ERROR, 0);
    if fault == "deciding" {
        let decided = telemetry::deciding(|| -> u8 { panic!("{SECRET}") });
        assert_eq!(decided, None);
    } else {
        let folder = std::env::var("DATA").unwrap();
        let inner = RealDisk::open(Path::new(&folder)).unwrap();
        let shows = Arc::new(AtomicBool::new(false));
        let disk: Arc<dyn Disk> = Arc::new(Faulty { inner, shows: Arc::clone(&shows) });
        let mut started = begin(&disk);
        // As the turn has a thread of its own, so that a panic would end that alone.
        let turn = thread::spawn(move || {
            for batch in 0..3 {
                shows.store(batch == 2, Ordering::Relaxed);
                let tasks = questions(batch, &started);
                for outcome in started.engine.turn(tasks, now()).unwrap() {
                    let Ok(Answer::Decided(_, receipt)) = outcome else { panic!("no decision") };
                    println!("answered {}", receipt.index());
                }
            }
        });
        drop(turn.join());
    }
    println!("goes on");
}

/// Runs this program as a service with a fault.
fn run(fault: &str, data: &Path) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "service", "--nocapture", "--test-threads", "1"]);
    command.env("FAULT", fault).env("DATA", data).output().expect("a program that runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn begin(disk: &Arc<dyn Disk>) -> Started {
    let plan = Plan {
        origin: "bank.example/decisions".to_owned(),
        log: Settings::default(),
        parameters: Parameters::FIRST,
        policy: Arc::new(policy::load(policy::standard()).unwrap()),
    };
    start(disk, plan, now()).unwrap()
}

fn questions(batch: usize, started: &Started) -> Vec<Task> {
    let (seconds, nanos) = now().parts();
    let mix = Mix { payers: 100, payees: PAYEES, texts_per_mille: 500, warnings_per_mille: 0 };
    let at = prost_types::Timestamp { seconds, nanos };
    let requests = Requests::new(mix, Shape::Unary, 1, at).unwrap();
    let question = |number: usize| {
        let sequence = u64::try_from(batch * BATCH + number).unwrap();
        let message = requests.message(Number { sequence, slot: 0 });
        let message = pb::ScreenTransferRequest::decode(message.slice(GRPC_HEAD..)).unwrap();
        let request = read::request(message, now()).unwrap();
        let identity = Identity::of(&request, &started.tokens);
        // No policy has this digest, so the turn reads the texts itself.
        let (mentions, policy) = (Vec::new(), [0; 32]);
        Task::Screen(Box::new(Screen { request, identity, mentions, policy, trace: None }))
    };
    (0..BATCH).map(question).collect()
}

fn now() -> Time {
    Time::parse("2026-11-30T12:00:00Z").unwrap()
}

/// A disk that has a fault of ours: once it shows, a sync panics.
#[derive(Debug)]
struct Faulty {
    inner: RealDisk,
    shows: Arc<AtomicBool>,
}

#[derive(Debug)]
struct FaultyFile {
    inner: Box<dyn Append>,
    shows: Arc<AtomicBool>,
}

impl Append for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        assert!(!self.shows.load(Ordering::Relaxed), "{SECRET}");
        self.inner.sync()
    }

    fn room(&self) -> usize {
        self.inner.room()
    }

    fn prepare(&mut self, bytes: usize) -> io::Result<()> {
        self.inner.prepare(bytes)
    }

    fn cut(&mut self) -> io::Result<()> {
        self.inner.cut()
    }
}

impl Disk for Faulty {
    fn create(&self, path: &str) -> io::Result<Box<dyn Append>> {
        let (inner, shows) = (self.inner.create(path)?, Arc::clone(&self.shows));
        Ok(Box::new(FaultyFile { inner, shows }))
    }

    fn read_at(&self, path: &str, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(path, offset, bytes)
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.inner.size(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.inner.remove(path)
    }

    fn lay_away(&self, path: &str) {
        self.inner.lay_away(path);
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.inner.list(folder)
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        self.inner.create_folder(folder)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.inner.sync_folder(folder)
    }

    fn is_private(&self, path: &str) -> io::Result<bool> {
        self.inner.is_private(path)
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.inner.lock(path)
    }

    fn free(&self) -> io::Result<u64> {
        self.inner.free()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.fill_random(bytes)
    }
}

/// Questions in one batch.
const BATCH: usize = 3;
/// What somebody typed, and a panic might say.
const SECRET: &str = "12 Tonbridge Road";
const SIGABRT: i32 = 6;
/// gRPC puts five bytes before each message.
const GRPC_HEAD: usize = 5;
