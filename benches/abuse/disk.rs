//! Disk: one that is full, or fails to sync, under a server that is asked over loopback.
//!
//! The server runs within this process, over a disk that fails where it is told to. A failure ends it as
//! it ends the process. Then a second one is started on the same folder and a disk that is well, as after
//! somebody made room, and everything is asked again.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clearline::access::Caller;
use clearline::calendar::Span;
use clearline::clock::{Clock as _, RealClock};
use clearline::entry::Parameters;
use clearline::grpc::call::Patience;
use clearline::grpc::guard::Guard;
use clearline::grpc::health::Health;
use clearline::grpc::screening::Service;
use clearline::grpc::serve::{Limits, listen, serve};
use clearline::grpc::{Door, pb};
use clearline::log::disk::{Append, Disk, Lock, RealDisk};
use clearline::log::segments::Settings;
use clearline::policy::{self, Policy};
use clearline::turn::behind::{Behind, Work};
use clearline::turn::clockwork::Clockwork;
use clearline::turn::desk::{Desk, Queue};
use clearline::turn::run::run;
use clearline::turn::space::Space;
use clearline::turn::start::{Plan, Started, start};
use tokio::sync::watch;
use tonic::Request;
use tonic::transport::Endpoint;

use crate::Row;
use crate::bank::{self, Questions};

/// Fails syncs, then fills the disk, at one place after another.
pub(crate) fn rows(tell: &mut dyn FnMut(Row)) {
    let policy = Arc::new(policy::load(policy::standard()).expect("the shipped policy"));
    let syncs = (0..SYNCS).map(|syncs| Room { syncs, bytes: i64::MAX });
    let bytes = (0..FILLS).map(|fill| Room { syncs: i64::MAX, bytes: fill * FILL_BYTES });
    tell(story("syncs that fail, each of the first in turn", syncs, &policy));
    tell(story("disks that are full after some bytes", bytes, &policy));
}

/// Lets each disk fail under a server, starts another and asks everything again.
fn story(what: &str, rooms: impl Iterator<Item = Room>, policy: &Arc<Policy>) -> Row {
    // A retry says when the payer confirmed as the first try did.
    let questions = Questions::new(1);
    let (mut tried, mut well, mut told, mut unstarted) = (0, 0, 0, 0);
    for room in rooms {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Faulty::open(folder.path(), room);
        let before = serve_and_ask(&disk, &questions, policy);
        let answered = before.as_ref().map_or(0, BTreeMap::len);
        unstarted += u64::from(before.is_none());
        told += answered;
        let before = before.unwrap_or_default();
        let healthy: Arc<dyn Disk> = Arc::new(RealDisk::open(folder.path()).expect("a disk"));
        let after = serve_and_ask(&healthy, &questions, policy).unwrap_or_default();
        let same = before.iter().all(|(id, name)| after.get(id) == Some(name));
        tried += 1;
        well += u64::from(same && after.len() == usize::try_from(QUESTIONS).expect("a count"));
    }
    let note = format!(
        "{told} answers before the failure were the same after it, none twice; {unstarted} servers did \
         not start"
    );
    Row::new(what, tried, well, note)
}

/// Serves a folder over plain loopback and asks every question. Returns the decisions that were told and
/// are alone under their ids; `None` where the server does not start.
fn serve_and_ask(
    disk: &Arc<dyn Disk>,
    questions: &Questions,
    policy: &Arc<Policy>,
) -> Option<BTreeMap<String, String>> {
    let clock = RealClock::start();
    let plan = Plan {
        origin: "abuse.localhost/decisions".parse().expect("an origin"),
        log: Settings::default(),
        parameters: PARAMETERS,
        policy: Arc::clone(policy),
    };
    let Started { mut engine, keys, tokens, spared } = start(disk, plan, clock.wall()).ok()?;
    let mut clockwork = Clockwork::start(clock, engine.memory().time()).expect("a clock");
    let reader = engine.log().reader();
    // Without a reserve: the disk is full without notice.
    let space = Arc::new(Space::new(Arc::clone(disk), 0));
    let work = Work {
        disk: Arc::clone(disk),
        keys,
        reader: reader.clone(),
        clock,
        counts: None,
        space: Arc::clone(&space),
    };
    let mut behind = Behind::start(work, SNAPSHOT_ENTRIES, spared).expect("a thread");
    let queue = Arc::new(Queue::new(64));
    let first = Desk::new(Arc::clone(&queue), reader, Arc::clone(policy), tokens);
    let (stopping, stop) = watch::channel(false);
    let turn = {
        let queue = Arc::clone(&queue);
        std::thread::spawn(move || {
            let outside = (&mut clockwork, &*space);
            let ended = run(&mut engine, &queue, outside, |engine| behind.look(engine));
            // The process would end here.
            let _ = stopping.send(true);
            behind.end();
            ended.is_ok().then(|| engine.into_log().close())
        })
    };
    let told = bank::runtime().block_on(async {
        let health = Health::new().await;
        let service = Service::new(first.clone(), Arc::new(clock), PATIENCE, stop.clone());
        let guard = Guard::Plain(Arc::new(Caller::dev()));
        let door = Door::new(service, &health, false, guard).expect("a door");
        let listener = listen(([127, 0, 0, 1], 0).into(), false).expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { first.hand_out().await });
        let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
        let mut failed = stop.clone();
        let serving = serve(listener, door, limits, None, async move {
            let _ = failed.wait_for(|failed| *failed).await;
        });
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        tokio::spawn(serving);
        ask(endpoint, questions, stop).await
    });
    queue.stop();
    turn.join().expect("a turn that ends");
    Some(told)
}

/// Asks one question after another until the server fails.
async fn ask(
    endpoint: Endpoint,
    questions: &Questions,
    failed: watch::Receiver<bool>,
) -> BTreeMap<String, String> {
    let mut client = bank::client(endpoint.connect_lazy());
    let mut told = BTreeMap::new();
    for number in 0..QUESTIONS {
        let question = questions.question(number);
        let id = question.request_id.clone();
        let answer = loop {
            match client.screen_transfer(Request::new(question.clone())).await {
                Ok(answer) => break answer.into_inner(),
                Err(_) if *failed.borrow() => return told,
                // A slow disk. The same id again.
                Err(_) => {}
            }
        };
        told.insert(id.clone(), answer.decision.clone());
        let wanted = pb::get_decision_request::Id::RequestId(id.clone());
        let found = loop {
            let wanted = pb::GetDecisionRequest { id: Some(wanted.clone()) };
            match client.get_decision(wanted).await {
                Ok(found) => break found.into_inner(),
                Err(_) if *failed.borrow() => return told,
                Err(_) => {}
            }
        };
        let same = found.decision.is_some_and(|decision| decision.name == answer.decision);
        if !same || !found.earlier_decisions.is_empty() {
            told.insert(id, "another one".to_owned());
        }
    }
    told
}

/// What a disk has left before it fails.
#[derive(Clone, Copy, Debug)]
struct Room {
    syncs: i64,
    bytes: i64,
}

/// A disk that fails, and goes on failing.
#[derive(Debug)]
struct Faulty {
    real: RealDisk,
    left: Arc<Left>,
}

#[derive(Debug)]
struct Left {
    syncs: AtomicI64,
    bytes: AtomicI64,
}

#[derive(Debug)]
struct FaultyFile {
    real: Box<dyn Append>,
    left: Arc<Left>,
}

impl Faulty {
    fn open(folder: &Path, left: Room) -> Arc<dyn Disk> {
        let Room { syncs, bytes } = left;
        let left = Arc::new(Left { syncs: syncs.into(), bytes: bytes.into() });
        Arc::new(Self { real: RealDisk::open(folder).expect("a disk"), left })
    }
}

impl Left {
    fn sync(&self) -> io::Result<()> {
        let left = self.syncs.fetch_sub(1, Ordering::Relaxed);
        if left <= 0 { Err(io::Error::other("a sync that failed")) } else { Ok(()) }
    }

    fn write(&self, bytes: usize) -> io::Result<()> {
        let bytes = i64::try_from(bytes).expect("few bytes");
        let left = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        if left < bytes { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for Faulty {
    fn create(&self, path: &str) -> io::Result<Box<dyn Append>> {
        let left = Arc::clone(&self.left);
        Ok(Box::new(FaultyFile { real: self.real.create(path)?, left }))
    }

    fn read_at(&self, path: &str, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.real.read_at(path, offset, bytes)
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.real.size(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.real.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.real.remove(path)
    }

    fn lay_away(&self, path: &str) {
        self.real.lay_away(path);
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.real.list(folder)
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        self.real.create_folder(folder)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.left.sync()?;
        self.real.sync_folder(folder)
    }

    fn is_private(&self, path: &str) -> io::Result<bool> {
        self.real.is_private(path)
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.real.lock(path)
    }

    fn free(&self) -> io::Result<u64> {
        self.real.free()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.real.fill_random(bytes)
    }
}

impl Append for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.left.write(bytes.len())?;
        self.real.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.left.sync()?;
        self.real.sync()
    }

    fn room(&self) -> usize {
        self.real.room()
    }

    fn prepare(&mut self, bytes: usize) -> io::Result<()> {
        self.left.write(bytes)?;
        self.real.prepare(bytes)
    }

    fn cut(&mut self) -> io::Result<()> {
        self.left.sync()?;
        self.real.cut()
    }
}

/// The first 60 syncs of a new folder: those of its start, and of tens of decisions.
const SYNCS: i64 = 60;
/// Twenty disks, the fullest of which does not hold the first files and the emptiest some decisions.
const FILLS: i64 = 20;
const FILL_BYTES: i64 = 100_000;
/// Enough that every disk fails before the last of them.
const QUESTIONS: u64 = 60;
/// Snapshots and their syncs are among what fails.
const SNAPSHOT_ENTRIES: u64 = 20;
const PARAMETERS: Parameters =
    Parameters { window: Span::hours(24), requests_max: 100_000, payments_max: 10_000 };
const PATIENCE: Patience =
    Patience { default: Duration::from_secs(1), max: Duration::from_secs(1) };
