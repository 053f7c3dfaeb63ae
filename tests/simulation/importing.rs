//! Importing: a file of past payments, loaded part by part by a service that is ended at any moment.

use std::sync::Arc;

use clearline::account::{Realm, Tokens};
use clearline::calendar::{Span, Time};
use clearline::entry::{Parameters, Past};
use clearline::log::disk::Disk;
use clearline::log::segments::Settings;
use clearline::policy::Policy;
use clearline::turn::import::{Part, PayerRows, RowRefusal};
use clearline::turn::start::{Plan, Started, start};
use clearline::turn::{Answer, Engine, Refusal, Task};

use crate::disk::{End, Failing, Random, SimulatedDisk};
use crate::pounds;

/// Loads the file without a fault, and returns the digest of what is remembered.
pub(crate) fn whole(policy: &Arc<Policy>) -> [u8; 32] {
    let sim = SimulatedDisk::new(0);
    let disk = sim.start(End::Killed);
    let mut started = open(&disk, policy).unwrap();
    for number in 0..PARTS {
        let settled = settled(&mut started, number).unwrap().unwrap();
        assert_eq!(settled, ((number + 1) * ROWS, (number + 1) * (ROWS - 1)));
    }
    started.engine.memory().digest()
}

/// Loads the file while the service is ended again and again, and returns the digest of what is
/// remembered at last and how often it was ended.
pub(crate) fn with_crashes(seed: u64, policy: &Arc<Policy>) -> ([u8; 32], u64) {
    let sim = SimulatedDisk::new(seed);
    let mut random = Random::new(seed.wrapping_mul(17).wrapping_add(3));
    let (mut acknowledged, mut ended) = (0, 0);
    for _ in 0..LIVES {
        let end = if random.below(2) == 0 { End::Killed } else { End::PowerLoss };
        let disk = sim.start(end);
        match random.below(4) {
            0 => sim.fail_after(random.below(40), Failing::Once),
            1 => sim.fail_after(random.below(40), Failing::ForGood),
            _ => sim.crash_after(random.below(90)),
        }
        let Ok(mut started) = open(&disk, policy) else {
            assert!(sim.disturbed(), "seed {seed}");
            ended += 1;
            continue;
        };
        check(seed, &started.engine, acknowledged);
        for _ in 0..=random.below(4) {
            let next = known(&started.engine);
            // Sometimes a part that was answered before, or one too far on.
            let number = match random.below(6) {
                0 => next.saturating_sub(1),
                1 => next + 1,
                _ => next,
            };
            match settled(&mut started, number) {
                Ok(Ok((until, _))) => {
                    assert!(number <= next, "seed {seed}: a gap was let in");
                    acknowledged = acknowledged.max(until);
                }
                Ok(Err(refusal)) => {
                    assert_eq!(refusal, Refusal::ImportPartElsewhere, "seed {seed}");
                    assert!(next < number, "seed {seed}");
                }
                Err(()) => {
                    assert!(sim.disturbed(), "seed {seed}");
                    ended += 1;
                    break;
                }
            }
        }
    }
    let disk = sim.start(End::PowerLoss);
    let mut started = open(&disk, policy).unwrap();
    check(seed, &started.engine, acknowledged);
    for number in known(&started.engine)..PARTS {
        settled(&mut started, number).unwrap().unwrap();
    }
    (started.engine.memory().digest(), ended)
}

/// What was acknowledged is there, and every part whole or not at all.
fn check(seed: u64, engine: &Engine<impl clearline::log::Log>, acknowledged: u64) {
    let progress = engine.memory().import(FILE);
    assert!(acknowledged <= progress.until, "seed {seed}: an acknowledged part is gone");
    assert_eq!(progress.until % ROWS, 0, "seed {seed}");
    let whole = progress.until / ROWS * (ROWS - 1);
    assert_eq!(progress.taken, whole, "seed {seed}: a part is there in part");
}

/// Returns how many parts are recorded, which is the number of the next one.
fn known(engine: &Engine<impl clearline::log::Log>) -> u64 {
    engine.memory().import(FILE).until / ROWS
}

/// Hands in a part: how far the file is settled and how many rows are taken, or what was refused;
/// an error where the service ended.
fn settled(started: &mut Started, number: u64) -> Result<Result<(u64, u64), Refusal>, ()> {
    let task = Task::Import(Box::new(part(number)));
    let outcomes = started.engine.turn(vec![task], now()).map_err(drop)?;
    let [outcome] = <[_; 1]>::try_from(outcomes).unwrap();
    Ok(outcome.map(|answer| match answer {
        Answer::Part(settled, _) => {
            assert_eq!(settled.refused, [(5, RowRefusal::TooOld)]);
            (settled.progress.until, settled.progress.taken)
        }
        Answer::Import(progress) => (progress.until, progress.taken),
        answer => panic!("a part was answered by {answer:?}"),
    }))
}

/// Returns a part of six rows of three payers, of whom one comes back in every part; the last row
/// is too old.
fn part(number: u64) -> Part {
    // Not those of the log, whose key is another every time.
    let tokens = Tokens::new(&[7; 32]);
    let past = |payee, days| Past {
        payee,
        money: pounds(10 + number),
        sent: now().minus(Span::days(days)),
        rail: None,
        added: None,
    };
    let payer = |name: String, rows| PayerRows {
        customer: tokens.token(Realm::Customer, &name),
        payees: vec![tokens.token(Realm::Account, "a"), tokens.token(Realm::Account, &name)],
        rows,
    };
    Part {
        import: FILE,
        from: number * ROWS,
        until: (number + 1) * ROWS,
        also_live: false,
        payers: vec![
            payer("always".to_owned(), vec![(0, past(0, 3)), (3, past(1, 2))]),
            payer(format!("payer-{number}"), vec![(1, past(0, 9)), (2, past(0, 8))]),
            payer(format!("other-{number}"), vec![(4, past(1, 7)), (5, past(1, 401))]),
        ],
        caller: None,
    }
}

fn open(
    disk: &Arc<dyn Disk>,
    policy: &Arc<Policy>,
) -> Result<Started, clearline::turn::start::StartError> {
    let plan = Plan {
        origin: "bank.example/decisions".to_owned(),
        log: Settings { segment_bytes_max: 12_000, room_bytes: 6_000 },
        parameters: Parameters::FIRST,
        policy: Arc::clone(policy),
    };
    start(disk, plan, now())
}

fn now() -> Time {
    Time::parse("2026-11-30T23:59:00Z").unwrap()
}

const FILE: [u8; 16] = [7; 16];
const PARTS: u64 = 12;
const ROWS: u64 = 6;
const LIVES: u64 = 5;
