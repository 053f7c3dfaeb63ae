//! Space: a service whose disk fills.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use clearline::account::Tokens;
use clearline::calendar::{Span, Time};
use clearline::clock::Clock;
use clearline::entry::Parameters;
use clearline::log::disk::Disk;
use clearline::log::segments::Settings;
use clearline::policy::Policy;
use clearline::turn::clockwork::{ClockError, Clockwork, JUMP_MAX};
use clearline::turn::desk::{Desk, Queue, Seat};
use clearline::turn::run::{RunError, run};
use clearline::turn::space::{FRAME_BYTES_MAX, Space};
use clearline::turn::start::{Plan, StartError, Started, start};
use clearline::turn::{Answer, Outcome, Refusal};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::disk::{End, Random, SimulatedDisk};
use crate::question;

/// A service on a simulated disk, with a turn on a thread of its own, and a clock that is moved by hand.
pub(crate) struct Served {
    desk: Desk,
    queue: Arc<Queue>,
    clock: Moved,
    turn: JoinHandle<Result<(), RunError>>,
    runtime: Runtime,
}

/// What the calendar and the steady clock show, in microseconds.
#[derive(Clone, Debug)]
struct Moved(Arc<Mutex<(i64, i64)>>);

impl Clock for Moved {
    fn wall(&self) -> Time {
        Time::from_micros(self.0.lock().unwrap().0)
    }

    fn steady(&self) -> Span {
        Span(self.0.lock().unwrap().1)
    }
}

impl Moved {
    fn step(&self, wall: i64, steady: i64) {
        let mut shown = self.0.lock().unwrap();
        shown.0 += wall;
        shown.1 += steady;
    }
}

impl Served {
    pub(crate) fn start(
        disk: &Arc<dyn Disk>,
        policy: &Arc<Policy>,
        reserve: u64,
    ) -> Result<Self, StartError> {
        let now = Time::parse("2026-11-30T23:59:00Z").unwrap();
        let plan = Plan {
            origin: "bank.example/decisions".to_owned(),
            log: Settings { segment_bytes_max: 12_000, room_bytes: 6_000 },
            parameters: Parameters::FIRST,
            policy: Arc::clone(policy),
        };
        let Started { mut engine, tokens, .. } = start(disk, plan, now)?;
        let queue = Arc::new(Queue::new(8));
        let (reader, policy) = (engine.log().reader(), Arc::clone(policy));
        let door = Desk::new(Arc::clone(&queue), reader, policy, Tokens::clone(&tokens));
        let clock = Moved(Arc::new(Mutex::new((now.micros(), 0))));
        let (taking, shown) = (Arc::clone(&queue), clock.clone());
        let space = Space::new(Arc::clone(disk), reserve);
        let turn = std::thread::spawn(move || {
            let mut clockwork = Clockwork::start(shown, engine.memory().time())?;
            run(&mut engine, &taking, (&mut clockwork, &space), |_| {})
        });
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let handing = door.clone();
        runtime.spawn(async move { handing.hand_out().await });
        Ok(Self { desk: door, queue, clock, turn, runtime })
    }

    /// Asks question `number`. Where the turn has ended, nobody answers.
    pub(crate) fn ask(&self, number: u64) -> Outcome {
        let task = question(number, self.desk.tokens());
        // Long: a machine may stop this process for a while. A turn that ends is noticed at once.
        let patience = Duration::from_secs(if self.turn.is_finished() { 0 } else { 600 });
        let asked = self.desk.ask(task, Seat::NOBODY, Instant::now() + patience);
        let ended = async {
            while !self.turn.is_finished() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                outcome = asked => outcome,
                () = ended => Err(Refusal::OutcomeUnknown),
            }
        })
    }

    /// Moves the clocks, in microseconds.
    pub(crate) fn step(&self, wall: i64, steady: i64) {
        self.clock.step(wall, steady);
    }

    pub(crate) fn end(self) -> Result<(), RunError> {
        self.queue.stop();
        self.turn.join().unwrap()
    }
}

/// Returns where the decision about `number` stands, and its time.
fn decided(outcome: &Outcome) -> (u64, Option<Time>) {
    match outcome {
        Ok(Answer::Decided(decided, receipt)) => (receipt.index(), Some(decided.time)),
        Ok(Answer::Earlier(position)) => (*position, None),
        other => panic!("{other:?}"),
    }
}

/// Fills a disk up to its reserve, and makes room again.
pub(crate) fn nearly_full(policy: &Arc<Policy>) {
    let sim = SimulatedDisk::new(1);
    let disk = sim.start(End::Killed);
    let needed = usize::try_from(RESERVE + FRAME_BYTES_MAX).unwrap();
    let served = Served::start(&disk, policy, RESERVE).unwrap();
    // One question of each customer first: keys are made ahead for many.
    let mut known: BTreeMap<_, _> =
        (0..9).map(|number| (number, decided(&served.ask(number)).0)).collect();
    // Room for some twenty more beside what is kept free.
    sim.hold(sim.used() + needed + 40_000);
    let mut number = 9;
    let refused = loop {
        match served.ask(number) {
            Err(refusal) => break refusal,
            decided_ => drop(known.insert(number, decided(&decided_).0)),
        }
        number += 1;
        assert!(number < 1_000);
    };
    assert_eq!(refused, Refusal::DiskNearlyFull);
    assert!(9 + 10 < known.len(), "{known:?}");
    // Not a byte of what must stay free was written, but for the batch under way.
    assert!(!sim.was_full());
    for _ in 0..3 {
        assert_eq!(served.ask(number).err(), Some(Refusal::DiskNearlyFull));
    }
    // A little room is not enough to go on with, more is: by itself, in the same process.
    sim.hold(sim.used() + needed + needed / 8 - 1);
    assert_eq!(served.ask(number).err(), Some(Refusal::DiskNearlyFull));
    sim.hold(sim.used() + needed + needed / 8);
    known.insert(number, decided(&served.ask(number)).0);
    served.end().unwrap();

    let served = Served::start(&sim.start(End::PowerLoss), policy, RESERVE).unwrap();
    for (number, position) in known {
        assert_eq!(decided(&served.ask(number)), (position, None), "{number}");
    }
    served.end().unwrap();
}

/// Fills a disk to its last byte under a service that keeps nothing free.
pub(crate) fn full(seed: u64, policy: &Arc<Policy>) {
    let sim = SimulatedDisk::new(seed);
    let mut random = Random::new(seed.wrapping_mul(13).wrapping_add(5));
    let served = Served::start(&sim.start(End::Killed), policy, 0).unwrap();
    // One question of each customer first: keys are made ahead for many.
    let mut known: BTreeMap<_, _> =
        (0..9).map(|number| (number, decided(&served.ask(number)).0)).collect();
    sim.hold(sim.used() + usize::try_from(random.below(30_000)).unwrap());
    let mut number = 9;
    loop {
        match served.ask(number) {
            Err(refusal) => {
                assert_eq!(refusal, Refusal::OutcomeUnknown, "seed {seed}");
                break;
            }
            outcome => drop(known.insert(number, decided(&outcome).0)),
        }
        number += 1;
        assert!(number < 1_000, "seed {seed}");
    }
    assert!(sim.was_full() && served.end().is_err(), "seed {seed}");
    // It cannot start either, or it can: nothing is lost by trying.
    for _ in 0..3 {
        let end = if random.below(2) == 0 { End::Killed } else { End::PowerLoss };
        if let Ok(served) = Served::start(&sim.start(end), policy, 0) {
            let _ = served.end();
        }
    }
    sim.hold(usize::MAX);
    let served = Served::start(&sim.start(End::PowerLoss), policy, 0).unwrap();
    for (number, position) in &known {
        assert_eq!(decided(&served.ask(*number)), (*position, None), "seed {seed}: {number}");
    }
    // What was under way is decided now, or was recorded whole and is found.
    let (position, _) = decided(&served.ask(number));
    assert!(known.values().all(|known| *known < position), "seed {seed}");
    served.end().unwrap();
}

/// Moves the calendar's clock under a service that runs, and looks at what the log makes of it.
pub(crate) fn stepping_clock(policy: &Arc<Policy>) {
    let second = 1_000_000;
    let sim = SimulatedDisk::new(3);
    let served = Served::start(&sim.start(End::Killed), policy, 0).unwrap();
    let mut times = Vec::new();
    // Together, back, forward, back below the first, and together again.
    for (number, wall, steady) in [
        (0, 10 * second, 10 * second),
        (1, -2 * second, second),
        (2, 5 * second, second),
        (3, -200 * second, second),
        (4, 10 * second, 10 * second),
        (5, 250 * second, second),
    ] {
        served.step(wall, steady);
        times.push(decided(&served.ask(number)).1.unwrap());
    }
    // Log time stands still until the clock has come up with it, and never goes back.
    let since = |at: usize| times[at].since(times[0]).whole_seconds();
    assert_eq!([1, 2, 3, 4, 5].map(since), [0, 3, 3, 3, 63]);
    // Further than any clock should step ends it, and nothing of that batch is answered or recorded.
    served.step(JUMP_MAX.0 + second, 0);
    assert_eq!(served.ask(6).err(), Some(Refusal::OutcomeUnknown));
    assert!(matches!(served.end(), Err(RunError::Clock(ClockError::Jumped(301)))));

    let served = Served::start(&sim.start(End::Killed), policy, 0).unwrap();
    for number in 0..6 {
        decided(&served.ask(number));
    }
    let (position, _) = decided(&served.ask(6));
    assert_eq!(position, 2 + 6, "it is decided now, and stands behind the first six");
    served.end().unwrap();
}

/// Little, so that it shows beside the largest frame.
const RESERVE: u64 = 1_000;
