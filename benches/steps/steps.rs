//! Steps: what one transfer goes through, taken apart for measuring.
//!
//! A real engine on a temporary data folder, and the requests of `clearline bench` read as the door
//! reads them.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use clearline::account::Tokens;
use clearline::calendar::Time;
use clearline::cli::bench::PAYEES;
use clearline::cli::bench::requests::{Mix, Number, Requests, Shape};
use clearline::clock::{Clock as _, RealClock};
use clearline::entry::{Decided, Identity, Parameters};
use clearline::grpc::{pb, read};
use clearline::log::Receipt;
use clearline::log::disk::{Disk, RealDisk};
use clearline::log::segments::{Files, Settings};
use clearline::policy::{self, Policy};
use clearline::transfer::Request;
use clearline::turn::start::{Plan, start};
use clearline::turn::{Answer, Engine, Screen, Task};
use prost::Message as _;
use tempfile::TempDir;

/// An engine and what feeds it.
pub(crate) struct Steps {
    pub(crate) engine: Engine<Files>,
    pub(crate) tokens: Tokens,
    pub(crate) policy: Arc<Policy>,
    pub(crate) now: Time,
    /// Removed when dropped.
    _folder: Option<TempDir>,
}

/// The kinds of transfers that a load is made of, by shares that leave only one kind each.
pub(crate) const KINDS: [(&str, Mix); 3] = [
    ("plain", Mix { payers: PAYERS, payees: PAYEES, texts_per_mille: 0, warnings_per_mille: 0 }),
    ("texts", Mix { payers: PAYERS, payees: PAYEES, texts_per_mille: 1000, warnings_per_mille: 0 }),
    ("scam", Mix { payers: PAYERS, payees: PAYEES, texts_per_mille: 0, warnings_per_mille: 1000 }),
];

impl Steps {
    /// Begins a log in a folder of its own and puts ten thousand decisions into it.
    pub(crate) fn begin() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let steps = Self::begin_in(&folder.path().join("data"));
        Self { _folder: Some(folder), ..steps }
    }

    /// Begins a log in the data folder `data` and puts ten thousand decisions into it.
    pub(crate) fn begin_in(data: &Path) -> Self {
        let policy = policy::load(policy::standard()).expect("the shipped policy");
        let policy = Arc::new(policy);
        let disk = RealDisk::open(data).expect("a data folder");
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let now = RealClock::start().wall();
        let plan = Plan {
            origin: "bench.example".to_owned(),
            log: Settings::default(),
            parameters: Parameters { requests_max: 100_000_000, ..Parameters::FIRST },
            policy: Arc::clone(&policy),
        };
        let started = start(&disk, plan, now).expect("a start");
        let (engine, tokens) = (started.engine, started.tokens);
        let mut steps = Self { engine, tokens, policy, now, _folder: None };
        for batch in steps.messages(KINDS[0].1, 1, 0..10_000).chunks(500) {
            let tasks = batch.iter().map(|message| steps.task(steps.request(message))).collect();
            steps.turn(tasks);
        }
        steps
    }

    /// Returns `count` messages of the run `run`, as they arrive.
    pub(crate) fn messages(&self, mix: Mix, run: u32, numbers: Range<u64>) -> Vec<Bytes> {
        let (seconds, nanos) = self.now.parts();
        let now = prost_types::Timestamp { seconds, nanos };
        let requests = Requests::new(mix, Shape::Unary, run, now).expect("requests");
        numbers
            .map(|sequence| requests.message(Number { sequence, slot: 0 }).slice(GRPC_HEAD..))
            .collect()
    }

    /// Reads a message as the door does.
    pub(crate) fn request(&self, message: &Bytes) -> Request {
        let message = pb::ScreenTransferRequest::decode(message.clone()).expect("a message");
        read::request(message, self.now).expect("a request")
    }

    /// Makes a task of a request as the door does.
    pub(crate) fn task(&self, request: Request) -> Task {
        let identity = Identity::of(&request, &self.tokens);
        let mentions = self.policy.mentions(&request.transfer.texts, &request.answers);
        Task::Screen(Box::new(Screen {
            request,
            identity,
            mentions,
            policy: self.policy.digest(),
            trace: None,
        }))
    }

    /// Decides and records `tasks` and returns the decisions.
    pub(crate) fn turn(&mut self, tasks: Vec<Task>) -> Vec<(Box<Decided>, Receipt)> {
        let outcomes = self.engine.turn(tasks, self.now).expect("a turn");
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Ok(Answer::Decided(decided, receipt)) => (decided, receipt),
                other => panic!("no decision: {other:?}"),
            })
            .collect()
    }
}

const PAYERS: u32 = 100_000;

/// gRPC puts five bytes before each message.
const GRPC_HEAD: usize = 5;
