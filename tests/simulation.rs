//! Simulation: the whole engine on a disk that loses power, tears writes and fails syncs.
//!
//! Each seed is a life story of a service: it starts, decides, is ended at some write, sync or
//! rename, starts again, maybe ends while starting, and so on. Whatever was acknowledged must be
//! there, bit for bit, after every start; nothing may be decided twice; a batch is there whole or
//! not at all; and what is remembered must be what the log says. A seed that fails is printed, and
//! repeats itself: `SEED=7 cargo test --test simulation`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[expect(dead_code, reason = "the tests of the log use the rest")]
#[path = "simulation/disk.rs"]
mod disk;
#[path = "simulation/importing.rs"]
mod importing;
#[path = "simulation/space.rs"]
mod space;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use clearline::account::{Account, Tokens};
use clearline::calendar::{Span, Time};
use clearline::entry::{Entry, Execution, Identity, Parameters};
use clearline::log::disk::Disk;
use clearline::log::index::Scratch;
use clearline::log::segments::{Files, Settings};
use clearline::log::{Receipt, Stored, snapshot};
use clearline::memory::snapshot::Slices;
use clearline::memory::{FOLD_VERSION, Memory};
use clearline::money::{Amount, Currency, Money};
use clearline::policy::{self, Policy};
use clearline::transfer::{Payee, Payer, Request, Session, Stage, Texts, Transfer};
use clearline::turn::start::{Plan, StartError, Started, start};
use clearline::turn::{Answer, Engine, Execute, Refusal, Screen, Task};
use disk::{End, Failing, Random, SimulatedDisk};

#[test]
fn nothing_acknowledged_is_lost_on_any_seed() {
    let policy = Arc::new(policy::load(policy::standard()).unwrap());
    let seeds: Vec<u64> = match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..SEEDS).collect(),
    };
    let halves: Vec<Vec<u64>> = (0..2)
        .map(|half| seeds.iter().copied().filter(|seed| seed % 2 == half).collect())
        .collect();
    let totals = std::thread::scope(|scope| {
        let running: Vec<_> = halves
            .iter()
            .map(|seeds| {
                let policy = &policy;
                scope.spawn(move || {
                    let mut total = Tally::default();
                    for seed in seeds {
                        total.add(&Story::new(*seed, policy).tell());
                    }
                    total
                })
            })
            .collect();
        let mut total = Tally::default();
        for half in running {
            total.add(&half.join().unwrap());
        }
        total
    });
    println!("{totals:?}");
    if 1 < seeds.len() {
        // A simulation in which nothing happens would pass as well.
        assert!(seeds.len() * 20 < totals.acknowledged, "{totals:?}");
        assert!(seeds.len() / 2 < totals.ended_early, "{totals:?}");
        assert!(seeds.len() / 4 < totals.ended_starting, "{totals:?}");
    }
}

#[test]
fn an_import_that_is_gone_on_with_after_a_crash_is_remembered_as_one_that_was_not() {
    let policy = Arc::new(policy::load(policy::standard()).unwrap());
    let want = importing::whole(&policy);
    let mut ended = 0;
    for seed in 0..IMPORT_SEEDS {
        let (digest, ends) = importing::with_crashes(seed, &policy);
        assert_eq!(digest, want, "seed {seed}");
        ended += ends;
    }
    assert!(IMPORT_SEEDS / 2 < ended, "{ended} ends in {IMPORT_SEEDS} imports");
}

#[test]
fn before_the_disk_is_full_nothing_more_is_taken_and_with_room_it_goes_on_by_itself() {
    space::nearly_full(&Arc::new(policy::load(policy::standard()).unwrap()));
}

#[test]
fn a_full_disk_ends_the_process_and_nothing_is_lost() {
    let policy = Arc::new(policy::load(policy::standard()).unwrap());
    for seed in 0..FULL_SEEDS {
        space::full(seed, &policy);
    }
}

#[test]
fn log_time_stands_still_while_the_clock_is_behind_and_a_jump_ends_the_process() {
    space::stepping_clock(&Arc::new(policy::load(policy::standard()).unwrap()));
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let policy = Arc::new(policy::load(policy::standard()).unwrap());
    for seed in 0..20 {
        let (first, second) = (Story::new(seed, &policy).tell(), Story::new(seed, &policy).tell());
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}

/// What happened in one story or in many.
#[derive(Clone, Debug, Default)]
struct Tally {
    acknowledged: usize,
    ended_early: usize,
    ended_starting: usize,
    trace: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.ended_early += other.ended_early;
        self.ended_starting += other.ended_starting;
    }
}

/// One seed's story.
struct Story<'a> {
    seed: u64,
    policy: &'a Arc<Policy>,
    disk: SimulatedDisk,
    random: Random,
    clock: Time,
    /// How many requests were made up.
    made: u64,
    /// What was acknowledged, by the number of its request.
    decided: BTreeMap<u64, Kept>,
    /// Which payments were reported sent, by number.
    reported: BTreeMap<u64, Receipt>,
    /// Requests asked together whose outcome never came.
    unknown: Vec<Vec<u64>>,
    tally: Tally,
}

/// An acknowledged decision.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Kept {
    public: Vec<u8>,
    personal: Option<Vec<u8>>,
    receipt: Receipt,
}

impl<'a> Story<'a> {
    fn new(seed: u64, policy: &'a Arc<Policy>) -> Self {
        Self {
            seed,
            policy,
            disk: SimulatedDisk::new(seed),
            random: Random::new(seed.wrapping_mul(31).wrapping_add(7)),
            clock: Time::parse("2026-11-30T23:59:00Z").unwrap(),
            made: 0,
            decided: BTreeMap::new(),
            reported: BTreeMap::new(),
            unknown: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn tell(mut self) -> Tally {
        for _ in 0..LIVES {
            let end = if self.random.below(2) == 0 { End::Killed } else { End::PowerLoss };
            let disk = self.disk.start(end);
            match self.random.below(5) {
                0 => {}
                1 => self.disk.fail_after(self.random.below(50), Failing::Once),
                2 => self.disk.fail_after(self.random.below(50), Failing::ForGood),
                _ => self.disk.crash_after(self.random.below(160)),
            }
            self.live(&disk);
        }
        // At last a life without faults, in which everything must be there.
        let disk = self.disk.start(End::PowerLoss);
        let mut started = self.open(&disk).unwrap_or_else(|error| self.fail(&error.to_string()));
        self.check(&disk, &started.engine, true);
        let numbers: Vec<u64> = self.decided.keys().copied().collect();
        for number in numbers {
            self.retry(&mut started, number);
        }
        self.tally.acknowledged = self.decided.len() + self.reported.len();
        self.tally.trace = self.disk.trace();
        self.tally
    }

    /// One life of the service, up to its end.
    fn live(&mut self, disk: &Arc<dyn Disk>) {
        let mut started = match self.open(disk) {
            Ok(started) => started,
            Err(error) if self.disk.disturbed() => {
                drop(error);
                self.tally.ended_starting += 1;
                return;
            }
            Err(error) => self.fail(&error.to_string()),
        };
        if !self.check(disk, &started.engine, false) {
            return;
        }
        for _ in 0..self.random.below(9) {
            self.clock =
                self.clock.plus(Span(i64::try_from(self.random.below(9_000_000)).unwrap()));
            if !self.turn(&mut started) {
                self.tally.ended_early += 1;
                return;
            }
            if !self.work_behind(disk, &started.engine) {
                return;
            }
        }
        if self.random.below(3) == 0
            && let Err(error) = started.engine.into_log().close()
        {
            assert!(self.disk.disturbed(), "seed {}: {error}", self.seed);
        }
    }

    fn open(&self, disk: &Arc<dyn Disk>) -> Result<Started, StartError> {
        let plan = Plan {
            origin: "bank.example/decisions".to_owned(),
            // Small, so that a story has several.
            log: Settings { segment_bytes_max: 12_000, room_bytes: 6_000 },
            parameters: Parameters::FIRST,
            policy: Arc::clone(self.policy),
        };
        start(disk, plan, self.clock)
    }

    /// One batch: new questions, retries, questions without an answer asked again, reports.
    fn turn(&mut self, started: &mut Started) -> bool {
        let mut numbers = Vec::new();
        for _ in 0..=self.random.below(6) {
            let number = match self.random.below(8) {
                0 if self.made != 0 => self.random.below(self.made),
                1 => numbers.last().copied().unwrap_or(self.made),
                _ => self.made,
            };
            self.made = self.made.max(number + 1);
            numbers.push(number);
        }
        let pick = self.pick(self.decided.len());
        let report = self.decided.keys().nth(pick).copied();
        let mut tasks: Vec<_> =
            numbers.iter().map(|number| question(*number, &started.tokens)).collect();
        tasks.extend(report.map(|number| sent(number, self.clock, &started.tokens)));

        match started.engine.turn(tasks, self.clock) {
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                for (number, outcome) in numbers.into_iter().zip(&mut outcomes) {
                    self.note(number, outcome.unwrap_or_else(|refusal| self.refused(refusal)));
                }
                if let (Some(number), Some(outcome)) = (report, outcomes.next()) {
                    self.note_report(
                        number,
                        outcome.unwrap_or_else(|refusal| self.refused(refusal)),
                    );
                }
                true
            }
            Err(error) => {
                assert!(self.disk.disturbed(), "seed {}: {error}", self.seed);
                let new: BTreeSet<u64> =
                    numbers.into_iter().filter(|number| !self.is_known(*number)).collect();
                self.unknown.push(new.into_iter().collect());
                false
            }
        }
    }

    /// Sometimes a snapshot and an index, as the thread behind would make them.
    fn work_behind(&mut self, disk: &Arc<dyn Disk>, engine: &Engine<Files>) -> bool {
        let mut went_well = true;
        if self.random.below(4) == 0 {
            let mut slices = Slices::new(engine.memory());
            let base = engine.log().base();
            went_well &= snapshot::write(&**disk, FOLD_VERSION, &base, &mut slices).is_ok();
        }
        if self.random.below(4) == 0 {
            went_well &= engine.log().reader().build_index(&mut Scratch::default()).is_ok();
        }
        assert!(went_well || self.disk.disturbed(), "seed {}", self.seed);
        went_well
    }

    /// Holds the log and what is remembered against everything acknowledged; `false` where the
    /// disk ended the process meanwhile.
    fn check(&mut self, disk: &Arc<dyn Disk>, engine: &Engine<Files>, must: bool) -> bool {
        let reader = engine.log().reader();
        let mut found = BTreeMap::new();
        let mut memory = Memory::new();
        let mut twice = None;
        let scanned = reader.scan(0, &mut |stored: Stored| {
            let entry = Entry::read(&stored.parts).unwrap();
            memory.apply(&entry, stored.parts.time);
            if let Entry::Decided(decided) = entry {
                let number = number_of(decided.public.identity.request);
                if found.insert(number, kept(&stored)).is_some() {
                    twice = Some(number);
                }
            }
            ControlFlow::Continue(())
        });
        if let Err(error) = scanned {
            assert!(self.disk.disturbed() && !must, "seed {}: {error}", self.seed);
            return false;
        }
        drop(disk.list("log"));
        assert_eq!(twice, None, "seed {}: decided twice", self.seed);
        for (number, want) in &self.decided {
            assert_eq!(found.get(number), Some(want), "seed {}: request {number}", self.seed);
        }
        for batch in std::mem::take(&mut self.unknown) {
            let there = batch.iter().filter(|number| found.contains_key(number)).count();
            let whole = there == 0 || there == batch.len();
            assert!(whole, "seed {}: {there} of a batch of {}", self.seed, batch.len());
        }
        // What nobody was told of is there for good once it was found.
        self.decided = found;
        let same = memory.digest() == engine.memory().digest();
        assert!(same, "seed {}: memory is not what the log says", self.seed);
        true
    }

    /// Asks again, and must get the same.
    fn retry(&mut self, started: &mut Started, number: u64) {
        let task = question(number, &started.tokens);
        let outcomes = started.engine.turn(vec![task], self.clock).unwrap();
        let [Ok(answer)] = <[_; 1]>::try_from(outcomes).unwrap() else {
            self.fail("a retry was refused")
        };
        self.note(number, answer);
    }

    fn note(&mut self, number: u64, answer: Answer) {
        let Some(want) = self.decided.get(&number) else {
            let Answer::Decided(decided, receipt) = answer else {
                self.fail("a new question was answered from before")
            };
            let parts = decided.parts();
            let kept = Kept { public: parts.public, personal: parts.personal, receipt };
            self.decided.insert(number, kept);
            return;
        };
        match answer {
            Answer::Earlier(position) => assert_eq!(position, want.receipt.index()),
            // A retry within the batch of its first.
            Answer::Decided(_, receipt) => assert_eq!(receipt, want.receipt),
            answer => self.fail(&format!("a question was answered by {answer:?}")),
        }
    }

    fn note_report(&mut self, number: u64, answer: Answer) {
        match (self.reported.get(&number), answer) {
            (None, Answer::Executed(_, receipt)) => drop(self.reported.insert(number, receipt)),
            (Some(want), Answer::Earlier(position)) => assert_eq!(position, want.index()),
            // Reported in a batch whose outcome never came.
            (None, Answer::Earlier(_)) => {}
            (_, answer) => self.fail(&format!("a report was answered by {answer:?}")),
        }
    }

    fn is_known(&self, number: u64) -> bool {
        self.decided.contains_key(&number)
    }

    fn pick(&mut self, length: usize) -> usize {
        let end = u64::try_from(length).unwrap() * 3 + 1;
        usize::try_from(self.random.below(end)).unwrap()
    }

    fn refused(&self, refusal: Refusal) -> Answer {
        self.fail(&format!("refused: {refusal:?}"))
    }

    fn fail(&self, what: &str) -> ! {
        panic!("seed {}: {what}", self.seed)
    }
}

fn kept(stored: &Stored) -> Kept {
    let parts = &stored.parts;
    let (public, personal) = (parts.public.clone(), parts.personal.clone());
    Kept { public, personal, receipt: stored.receipt.clone() }
}

fn number_of(request: [u8; 16]) -> u64 {
    u64::from_be_bytes(request[8..].try_into().unwrap())
}

fn request(number: u64) -> Request {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    let confirmed = Time::parse("2026-11-30T23:58:00Z").unwrap();
    let account = |number: u64| Account::uk("601613", &format!("{number:08}"), "").unwrap();
    let telling = number.is_multiple_of(5);
    Request {
        id,
        payment_id: format!("payment-{number}").into(),
        requested: confirmed,
        stage: Stage::BeforeConfirmation,
        can_ask: true,
        continues: None,
        transfer: Box::new(Transfer {
            end_to_end_id: None,
            instruction_id: None,
            uetr: None,
            rail: None,
            instruction: None,
            channel: None,
            initiation: None,
            money: pounds(100 + number % 7),
            confirmed,
            due: None,
            payer: Payer {
                customer: format!("customer-{}", number % 9).into(),
                account: account(number % 9),
                name: None,
                segment: None,
                balance: telling.then(|| pounds(120)),
                permitted: None,
                locale: None,
            },
            payee: Payee {
                account: account(100 + number % 4),
                name: None,
                declared: None,
                provider: None,
                own: None,
                added: None,
                first_paid: None,
                times_paid: telling.then_some(0),
                total_paid: None,
                reputation: None,
            },
            name_check: None,
            texts: Texts { reference: telling.then(|| "legal advice".into()), ..Texts::default() },
            session: Session::default(),
            gathered: None,
        }),
        answers: Vec::new(),
        rejected: Vec::new(),
    }
}

fn pounds(whole: u64) -> Money {
    Money { amount: Amount::new(whole.into()).unwrap(), currency: Currency::GBP }
}

fn question(number: u64, tokens: &Tokens) -> Task {
    let request = request(number);
    let identity = Identity::of(&request, tokens);
    // No policy has this digest, so the turn reads the texts itself.
    Task::Screen(Box::new(Screen {
        request,
        identity,
        mentions: Vec::new(),
        policy: [0; 32],
        trace: None,
    }))
}

fn sent(number: u64, now: Time, tokens: &Tokens) -> Task {
    let request = request(number);
    Task::Execute(Box::new(Execute {
        payment: Identity::of(&request, tokens).payment,
        payment_id: request.payment_id,
        decision: None,
        execution: Execution::Sent,
        unscreened: None,
        executed: now,
        reason: None,
        subject: None,
        caller: None,
        trace: None,
    }))
}

const SEEDS: u64 = 1_000;
const IMPORT_SEEDS: u64 = 200;
const FULL_SEEDS: u64 = 100;
const LIVES: usize = 6;
