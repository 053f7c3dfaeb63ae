//! Tests: that what is evaluated is what the service answers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::*;
use crate::account::Realm;
use crate::cli::evaluate::bank::{Bank, Payment};
use crate::cli::evaluate::labels::Labels;
use crate::decision::HoldKind;
use crate::entry::{Decided, DecidedPersonal, Execution, Identity, Parameters};
use crate::evaluation::{Outcome, ScamType, Truth, Variant};
use crate::grpc::pb::ScreenTransferRequest;
use crate::grpc::read;
use crate::life::{self, Life, STANDARD, Scale, Scales, Size};
use crate::log::disk::{Disk, RealDisk};
use crate::log::segments::Settings;
use crate::records::pb::Labelled;
use crate::records::{Writer, pb};
use crate::transfer::{Answer as Said, Request};
use crate::turn::start::{Plan, Started, start};
use crate::turn::{Answer, Execute, Screen, Task};
use crate::warning::Answered;

/// Some lives with so many cases of scams among 1,000 customers a year.
fn life(seed: u64, (customers, days, scams): (u32, u32, u32)) -> Life {
    let key = "cases_per_1000_customers_a_year = ";
    let (before, after) = STANDARD.split_once(key).unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    let text = format!("{before}{key}{scams}\n{after}");
    let parameters = life::Parameters::read("test", &text).unwrap();
    let plain = Scales { calls: Scale::ONE, new_payees: Scale::ONE, missing: Scale::ONE };
    Life::new(Size { seed, customers, days }, plain, parameters)
}

fn standard() -> Arc<Policy> {
    load(None).unwrap()
}

/// The service itself on a disk, asked and told as a bank would.
struct Service {
    started: Started,
    policy: Arc<Policy>,
    reports: BinaryHeap<Reverse<(Time, u64)>>,
    waiting: BTreeMap<u64, Task>,
}

impl Service {
    fn start(folder: &Path, policy: &Arc<Policy>, clock: Time) -> Self {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(folder).unwrap());
        let plan = Plan {
            origin: "bank.example/decisions".to_owned(),
            log: Settings { segment_bytes_max: 64 << 20, room_bytes: 1 << 20 },
            parameters: Parameters::FIRST,
            policy: Arc::clone(policy),
        };
        let started = start(&disk, plan, clock).unwrap();
        let (reports, waiting) = (BinaryHeap::new(), BTreeMap::new());
        Self { started, policy: Arc::clone(policy), reports, waiting }
    }

    /// Asks about a payment that is made, answers every question with a no, and returns what the decision
    /// read and what became of the payment.
    fn pay(&mut self, labelled: &Labelled, record: u64) -> (DecidedPersonal, Outcome) {
        let message = labelled.request.clone().unwrap();
        let stamp = message.request_time.unwrap();
        let now = Time::from_parts(stamp.seconds, stamp.nanos).unwrap();
        while let Some(Reverse((at, number))) = self.reports.peek().copied() {
            if now < at {
                break;
            }
            self.reports.pop();
            let report = self.waiting.remove(&number).unwrap();
            self.started.engine.turn(vec![report], at).unwrap().pop().unwrap().unwrap();
        }
        let request = read::request(message, now).unwrap();
        let first = self.ask(request.clone(), now);
        let mut outcome = outcome(&first);
        let personal = first.personal.unwrap();
        if outcome == Outcome::Asked {
            let again =
                Request { id: [0xff; 16], answers: self.noes(&personal), ..request.clone() };
            let mut id = record.to_be_bytes().repeat(2);
            id[0] = 0xff;
            let again = Request { id: id.try_into().unwrap(), ..again };
            outcome = match self::outcome(&self.ask(again, now)) {
                Outcome::Allowed => Outcome::Asked,
                held => held,
            };
        }
        if outcome != Outcome::Held {
            let tokens = &self.started.tokens;
            let stamp = labelled.execute_time.unwrap();
            let at = Time::from_parts(stamp.seconds, stamp.nanos).unwrap();
            let execution = match labelled.execution_if_allowed {
                1 => Execution::Sent,
                2 => Execution::Rejected,
                3 => Execution::Cancelled,
                other => panic!("{other}"),
            };
            let report = Execute {
                payment: tokens.token(Realm::Payment, &request.payment_id),
                payment_id: request.payment_id,
                decision: None,
                execution,
                unscreened: None,
                executed: at,
                reason: None,
                subject: None,
                caller: None,
                trace: None,
            };
            self.reports.push(Reverse((at, record)));
            self.waiting.insert(record, Task::Execute(Box::new(report)));
        }
        (personal, outcome)
    }

    fn ask(&mut self, request: Request, now: Time) -> Decided {
        let identity = Identity::of(&request, &self.started.tokens);
        let mentions = self.policy.mentions(&request.transfer.texts, &request.answers);
        let policy = self.policy.digest();
        let task =
            Task::Screen(Box::new(Screen { request, identity, mentions, policy, trace: None }));
        match self.started.engine.turn(vec![task], now).unwrap().pop().unwrap().unwrap() {
            Answer::Decided(decided, _) => *decided,
            other => panic!("{other:?}"),
        }
    }

    /// Answers every question that the payer was shown with what admits nothing.
    fn noes(&self, personal: &DecidedPersonal) -> Vec<Said> {
        let words = personal.words.as_ref().unwrap();
        let mut answers = Vec::new();
        for question in &words.questions {
            let said = |option: &crate::warning::Choice| Said {
                question: question.id.clone(),
                option: Some(option.id.clone()),
                text: None,
                answered: None,
            };
            let warnings = self.policy.warnings();
            let no = question.options.iter().map(said).find(|answer| {
                warnings.answered(&words.id, std::slice::from_ref(answer)) != Answered::Admission
            });
            answers.push(no.unwrap());
        }
        answers
    }
}

fn outcome(decided: &Decided) -> Outcome {
    match (decided.public.action, decided.public.hold) {
        (crate::decision::Action::Allow, None) => Outcome::Allowed,
        (crate::decision::Action::Hold, Some(HoldKind::PendingAnswers)) => Outcome::Asked,
        (crate::decision::Action::Hold, Some(HoldKind::PendingReview)) => Outcome::Held,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_evaluated_is_what_the_service_answers() {
    let policy = standard();
    let folder = tempfile::tempdir().unwrap();
    let lives: Vec<Labelled> = life(11, (300, 45, 8_000)).collect();
    let mut service =
        Service::start(folder.path(), &policy, Time::parse("2025-01-06T00:00:00Z").unwrap());
    let mut bank = Bank::new(Arc::clone(&policy));
    let mut labels = Labels::new(&policy);
    let mut seen: BTreeMap<Outcome, u32> = BTreeMap::new();
    let mut stopped = std::collections::BTreeSet::new();
    for (record, labelled) in (1..).zip(lives) {
        let mut payment = labels.payment(&mut labelled.clone(), (0, record)).unwrap();
        let case = match &payment.truth {
            Truth::Scam(scam) => Some(scam.case),
            Truth::Honest(_) => None,
        };
        let was = bank.pay(&mut payment).unwrap();
        if case.is_some_and(|case| stopped.contains(&case)) {
            continue;
        }
        let (personal, is) = service.pay(&labelled, record);
        assert_eq!(was, is, "record {record}: {:?}", personal.decision);
        if let Some(case) = case.filter(|_| is == Outcome::Held) {
            stopped.insert(case);
        }
        *seen.entry(is).or_default() += 1;
    }
    // A comparison of payments that all pass would pass as well.
    assert!(30 < seen[&Outcome::Held], "{seen:?}");
    assert!(5 < seen[&Outcome::Asked], "{seen:?}");
    assert!(1_000 < seen[&Outcome::Allowed], "{seen:?}");
    let digests = [bank.remembered(), service.started.engine.memory().payers()];
    assert_eq!(digests[0], digests[1]);
}

fn file(folder: &Path, life: Life) -> PathBuf {
    let path = folder.join("payments");
    let mut writer = Writer::new(File::create(&path).unwrap(), &life.header([7; 32])).unwrap();
    for labelled in life {
        writer.write(&labelled).unwrap();
    }
    writer.end().unwrap();
    path
}

fn evaluate(path: &Path, warm_up: u32) -> Evaluate {
    Evaluate {
        files: vec![path.to_owned()],
        policy: None,
        against: None,
        warm_up,
        json: true,
        html: None,
    }
}

fn counts_of(
    path: &Path,
    warm_up: u32,
    policies: &[Arc<Policy>],
) -> Result<(Header, u64, Vec<Tally>), CliError> {
    evaluate(path, warm_up).count(policies).map(|mut files| files.pop().unwrap())
}

#[test]
fn one_pass_counts_every_record_once_and_twice_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), life(5, (200, 60, 6_000)));
    let policies = [standard()];
    let once = || counts_of(&path, 20, &policies).unwrap();
    let (header, records, tallies) = once();
    assert_eq!((header.customers, header.days), (200, 60));
    assert_eq!(once().2, tallies);
    // Those not made after a hold are looked at and not counted.
    let counted = tallies[0].payments();
    assert!(counted < records && records / 2 < counted, "{counted} of {records}");
    let measures = tallies[0].measures();
    let all = measures.groups.iter().find(|group| group.scam_type.is_none()).unwrap();
    let this = measures
        .groups
        .iter()
        .filter(|group| group.scam_type == Some(ScamType::PoliceBank) && group.script.is_none());
    let variants: u64 = this
        .clone()
        .filter(|group| group.variant.is_some_and(|name| name != "adaptive"))
        .map(|group| group.worth.stopped.of)
        .sum();
    let whole = this.clone().find(|group| group.variant.is_none()).unwrap().worth.stopped.of;
    assert_eq!(variants, whole);
    assert!(2 * Variant::ALL.len() < usize::try_from(all.worth.stopped.of).unwrap(), "{all:?}");
    // All of the cases, less those cut off and those that began before measuring.
    let warm = counts_of(&path, 0, &policies).unwrap().2[0].measures();
    let began = warm.groups.iter().find(|group| group.scam_type.is_none()).unwrap();
    assert!(all.worth.stopped.of < began.worth.stopped.of);
    assert_eq!((warm.warming, 0 < measures.warming), (0, true));
}

#[test]
fn what_is_counted_is_the_same_on_however_many_threads() {
    let folders = [8, 9, 10].map(|seed| {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), life(seed, (60, 130, 6_000)));
        (folder, path)
    });
    let counted = |threads| {
        let jobs = (0..).zip(&folders);
        let jobs: Vec<_> =
            jobs.map(|(number, (_, path))| Job::new(path, (number, None), &standard())).collect();
        work::run(&jobs, threads).into_iter().map(|one| one.unwrap().unwrap()).collect::<Vec<_>>()
    };
    let alone = counted(1);
    assert!(
        alone.iter().all(|(records, tally)| 1_000 < *records && 0 < tally.payments()),
        "{alone:?}"
    );
    for threads in [0, 2, 3, 4, 7] {
        assert_eq!(counted(threads), alone, "{threads} threads");
    }
}

#[test]
fn of_several_files_the_first_that_cannot_be_counted_is_told() {
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let whole = (file(whole.path(), life(8, (60, 40, 6_000))), whole);
    let cut = (file(cut.path(), life(9, (60, 40, 6_000))), cut);
    let bytes = fs::read(&cut.0).unwrap();
    fs::write(&cut.0, &bytes[..bytes.len() - 1]).unwrap();
    for threads in 1..5 {
        let paths = [&whole.0, &cut.0, &whole.0, &cut.0];
        let jobs: Vec<_> =
            paths.iter().map(|path| Job::new(path, (0, None), &standard())).collect();
        let results = work::run(&jobs, threads);
        let first = results.iter().position(|one| matches!(one, Some(Err(_))));
        assert_eq!(first, Some(1), "{threads} threads");
        let Some(Err(told)) = &results[1] else { panic!("{threads}") };
        assert!(told.contains("is cut off"), "{told}");
        assert!(matches!(&results[0], Some(Ok(_))), "{threads} threads");
    }
}

#[test]
fn a_policy_against_itself_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), life(6, (100, 60, 6_000)));
    let (_, _, tallies) = counts_of(&path, 0, &[standard(), standard()]).unwrap();
    assert_eq!(tallies[0], tallies[1]);
    assert_eq!(compare(&tallies[0], &tallies[1]), crate::evaluation::Change::default());
}

fn request(labelled: &mut Labelled) -> &mut ScreenTransferRequest {
    labelled.request.as_mut().unwrap()
}

type Change<'a> = &'a dyn Fn(&mut Labelled);

#[test]
fn a_record_that_cannot_be_decided_is_named() {
    let whole: Vec<Labelled> = life(7, (20, 40, 1_000)).take(9).collect();
    let changed = |at: usize, change: &dyn Fn(&mut Labelled)| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payments");
        let header = Header { days: 40, ..Header::default() };
        let mut writer = Writer::new(File::create(&path).unwrap(), &header).unwrap();
        for (number, labelled) in whole.iter().enumerate() {
            let mut labelled = labelled.clone();
            if number == at {
                change(&mut labelled);
            }
            writer.write(&labelled).unwrap();
        }
        writer.end().unwrap();
        counts_of(&path, 0, &[standard()]).unwrap_err().to_string()
    };
    let id = whole[0].request.as_ref().unwrap().request_id.clone();
    let payment = whole[0].request.as_ref().unwrap().payment_id.clone();
    let rows: [(usize, Change<'_>, &str); 8] = [
        (
            2,
            &|one| request(one).payment_id = String::new(),
            "record 3 cannot be decided: its request",
        ),
        (2, &|one| request(one).transfer = None, "`request` is no time|record 3|transfer"),
        (3, &|one| request(one).request_time.as_mut().unwrap().seconds -= 86_400_000, "record 4"),
        (
            4,
            &|one| request(one).request_id.clone_from(&id),
            "record 5 cannot be decided: its request or",
        ),
        (
            5,
            &|one| request(one).payment_id.clone_from(&payment),
            "record 6 cannot be decided: its request or",
        ),
        (
            6,
            &|one| one.execution_if_allowed = 0,
            "record 7 cannot be decided: `execution_if_allowed`",
        ),
        (
            7,
            &|one| one.truth = Some(pb::labelled::Truth::Honest(pb::Honest::default())),
            "record 8 cannot be decided: it has no cohort",
        ),
        (8, &|one| one.truth = None, "record 9 at byte"),
    ];
    for (at, change, want) in rows {
        let told = changed(at, change);
        assert!(want.split('|').any(|want| told.contains(want)), "{told}");
    }
}

#[test]
fn margins_say_what_deciding_says() {
    let policy = standard();
    let memory = crate::memory::Memory::new();
    let mut labels = Labels::new(&policy);
    let mut seen: BTreeMap<Outcome, u32> = BTreeMap::new();
    for (record, mut labelled) in (1..).zip(life(12, (300, 30, 8_000))) {
        let payment = labels.payment(&mut labelled, (0, record)).unwrap();
        let Payment { mut facts, identity, .. } = payment;
        let stated = (&mut *facts.transfer, &mut facts.answers);
        facts.recall = memory.recall(&identity, stated, facts.decided).recall;
        let decision = crate::decision::decide(&facts, &policy);
        let margins = crate::evaluation::margins(&facts, &decision, &policy);
        let outcome = Outcome::of(&decision);
        let asked = 0 <= margins.ask;
        let held = 0 <= margins.hold;
        if facts.answers.is_empty() {
            match outcome {
                Outcome::Allowed => assert!(!asked && !held, "record {record}: {margins:?}"),
                Outcome::Asked => assert!(asked, "record {record}: {margins:?}"),
                Outcome::Held => assert!(held, "record {record}: {margins:?}"),
            }
        }
        *seen.entry(outcome).or_default() += 1;
    }
    assert!(10 < seen[&Outcome::Asked] && 10 < seen[&Outcome::Held], "{seen:?}");
}
