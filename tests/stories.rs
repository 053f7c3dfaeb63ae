//! Stories: every one loads, is told alike each time and in right messages, and is decided by the
//! shipped policy as `tests/stories/decisions.tsv` says.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, thread};

use clearline::account::Tokens;
use clearline::calendar::Time;
use clearline::decision::{Action, HoldKind, decide};
use clearline::entry::{
    Decided, DecidedPersonal, DecidedPublic, Entry, Executed, ExecutedPersonal, ExecutedPublic,
    Execution, Identity,
};
use clearline::grpc::read;
use clearline::memory::Memory;
use clearline::policy::{self, Policy};
use clearline::signal::{Facts, Mode};
use clearline::stories::{self, DrawnValue, Order, Part, Story, Told, Variant};
use clearline::transfer::Request;
use prost::Message as _;

#[test]
fn every_story_loads_under_the_name_of_its_case() {
    let stories = stories();
    let honest = stories.iter().filter(|(_, story)| !story.is_scam()).count();
    assert_eq!((stories.len() - honest, honest), (45, 38));
    let mut ids = BTreeMap::new();
    for (path, story) in &stories {
        let name = path.file_stem().expect("a name").to_string_lossy();
        let id = story.id().to_lowercase();
        assert!(name.starts_with(&format!("{id}_")), "{}: {id}", path.display());
        assert_eq!(story.is_scam(), !path.starts_with(HONEST), "{}", path.display());
        assert_eq!(ids.insert(id, path), None, "{}: an id twice", path.display());
        // What is expected of a story is what makes it count.
        let expected = story.expected();
        match (story.is_scam(), story.elsewhere()) {
            (false, _) => assert_eq!(expected.held_per_mille_max, Some(10), "{}", path.display()),
            (true, None) => assert!(expected.first_pound.is_some(), "{}", path.display()),
            (true, Some(_)) => assert_eq!(expected.first_pound, None, "{}", path.display()),
        }
    }
}

#[test]
fn every_question_of_two_hundred_draws_is_read_without_a_fault() {
    let told = each(|path, story| {
        let mut questions = 0;
        for variant in story.variants() {
            for draw in 0..DRAWS {
                // A year is walked in every draw and told in some.
                let life = draw % 20 == 0;
                let order = Order { seed: 1, draw, variant: *variant, life };
                let telling = story.tell(order);
                let mut before = Time::MIN;
                for told in &telling.told {
                    assert!(before <= told.at, "{} {order:?}: out of order", path.display());
                    before = told.at;
                    let request = read::request(told.request.clone(), told.at);
                    let request = request.unwrap_or_else(|problems| {
                        panic!("{} {order:?}: {problems:?}", path.display())
                    });
                    assert_eq!(request.rejected, [], "{} {order:?}", path.display());
                    assert_eq!(request.transfer.confirmed, told.at, "{}", path.display());
                    questions += 1;
                }
            }
        }
        questions
    });
    assert!(200_000 < told.iter().sum::<u64>());
}

#[test]
fn one_order_gives_the_same_bytes_and_another_gives_others() {
    for (path, story) in stories() {
        for variant in story.variants() {
            let order = Order { seed: 5, draw: 7, variant: *variant, life: true };
            let bytes = bytes(&story, order);
            assert_eq!(bytes, self::bytes(&story, order), "{}", path.display());
            for other in [Order { seed: 6, ..order }, Order { draw: 8, ..order }] {
                assert_ne!(bytes, self::bytes(&story, other), "{}", path.display());
            }
        }
    }
}

#[test]
fn the_steps_are_the_same_with_and_without_the_year_before() {
    for (path, story) in stories() {
        let order = Order { seed: 5, draw: 7, variant: Variant::Telling, life: true };
        let mut told = story.tell(order).told;
        let before = told.len();
        told.retain(|told| told.label.part != Part::Life);
        assert!(told.len() < before, "{}: no year", path.display());
        assert_eq!(told, story.tell(Order { life: false, ..order }).told, "{}", path.display());
    }
}

#[test]
fn facts_that_are_drawn_stay_in_their_ranges_and_reach_both_ends() {
    each(|path, story| {
        let mut numbers: BTreeMap<String, (i64, i64, i64, i64, u32)> = BTreeMap::new();
        let mut names: BTreeMap<String, (usize, BTreeMap<String, u32>)> = BTreeMap::new();
        for draw in 0..DRAWS {
            // The words of both bland variants are the same.
            let variants = story.variants();
            for variant in [variants[0], variants[variants.len() - 1]] {
                let order = Order { seed: 2, draw, variant, life: false };
                for drawn in story.tell(order).drawn {
                    match drawn.value {
                        DrawnValue::Number { value, from, to } => {
                            let path = path.display();
                            assert!((from..=to).contains(&value), "{path}: {}", drawn.path);
                            let row = numbers.entry(drawn.path.into());
                            let row = row.or_insert((from, to, value, value, 0));
                            (row.2, row.3, row.4) = (row.2.min(value), row.3.max(value), row.4 + 1);
                        }
                        DrawnValue::Name { value, of } => {
                            let row =
                                names.entry(drawn.path.into()).or_insert((of, BTreeMap::new()));
                            *row.1.entry(value.into()).or_default() += 1;
                        }
                    }
                }
            }
        }
        assert!(!numbers.is_empty(), "{}", path.display());
        for (fact, (from, to, least, most, count)) in numbers {
            // A step that seldom happens is drawn seldom: too few to reach the ends.
            if count < DRAWS {
                continue;
            }
            let tenth = (to - from) / 10;
            let reached = least <= from + tenth && to - tenth <= most;
            assert!(reached, "{}: {fact} from {least} to {most}", path.display());
        }
        for (fact, (of, came)) in names {
            let often = came.values().sum::<u32>() >= DRAWS;
            // Facts that come twenty times in a thousand may keep away from two hundred draws.
            if often && of <= 3 && !fact.starts_with("bank.") && fact != "call" {
                assert_eq!(came.len(), of, "{}: {fact} {came:?}", path.display());
            }
        }
        0
    });
}

#[test]
fn every_scam_has_one_first_pound_and_one_half_in_every_draw() {
    each(|path, story| {
        for draw in 0..DRAWS {
            let order = Order { seed: 3, draw, variant: Variant::Telling, life: false };
            let told = story.tell(order).told;
            let scam: Vec<_> = told.iter().filter(|told| told.label.part == Part::Scam).collect();
            let once = usize::from(story.is_scam() && story.elsewhere().is_none());
            let first = scam.iter().filter(|told| told.label.first_pound).count();
            let half = scam.iter().filter(|told| told.label.reaches_half).count();
            assert_eq!((first, half), (once, once), "{} {order:?}", path.display());
            let sum: i64 = scam.iter().map(|told| told.label.pence).sum();
            assert!(scam.iter().all(|told| told.label.pence_in_all == sum));
            let expected = story.expected();
            for (name, found) in [
                (&expected.first_pound, scam.iter().find(|told| told.label.first_pound)),
                (&expected.half, scam.iter().find(|told| told.label.reaches_half)),
            ] {
                let wanted = name.as_deref().map(|name| story.step(name));
                let found = found.and_then(|told| told.label.step);
                assert!(
                    wanted.is_none_or(|wanted| wanted == found),
                    "{} {order:?}",
                    path.display()
                );
            }
        }
        0
    });
}

#[test]
fn variants_differ_in_words_and_telemetry_and_in_nothing_else() {
    for (path, story) in stories() {
        if story.variants().len() < 3 || story.elsewhere().is_some() {
            continue;
        }
        let told = |variant| {
            let order = Order { seed: 4, draw: 3, variant, life: false };
            let told = story.tell(order).told.into_iter();
            told.filter(|told| told.label.part == Part::Scam).collect::<Vec<_>>()
        };
        let variants = story.variants().iter().map(|variant| told(*variant));
        let [telling, call, silent] = &variants.collect::<Vec<_>>()[..] else { panic!("three") };
        let path = path.display();
        for ((telling, call), silent) in telling.iter().zip(call).zip(silent) {
            let transfer = |told: &Told| told.request.transfer.clone().expect("a transfer");
            let (telling, call, silent) = (transfer(telling), transfer(call), transfer(silent));
            assert_eq!(telling.amount, call.amount, "{path}");
            assert_eq!(telling.confirm_time, silent.confirm_time, "{path}");
            assert_eq!(call.texts, silent.texts, "{path}");
            assert_ne!(telling.texts, call.texts, "{path}");
            let seen = |transfer: &clearline::grpc::pb::Transfer| {
                transfer.session.as_ref().and_then(|session| session.call).is_some()
            };
            assert_eq!((seen(&call), seen(&silent)), (true, false), "{path}");
        }
    }
}

#[test]
fn a_bad_story_names_everything_that_is_wrong_with_it() {
    let mut wrong = String::new();
    for name in ["keys", "steps"] {
        let text = fs::read_to_string(format!("tests/stories/bad/{name}.toml")).expect("a story");
        let problems = stories::read("story.toml", &text).expect_err("a bad story");
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let wanted = fs::read_to_string(format!("tests/stories/bad/{name}.txt")).expect("problems");
        if problems.join("\n") != wanted.trim_end() {
            writeln!(wrong, "{name}:\n{}", problems.join("\n")).expect("a line");
        }
    }
    assert!(wrong.is_empty(), "other problems are named than those written down:\n{wrong}");
}

#[test]
fn the_paper_on_stories_explains_every_key_in_use() {
    let paper = fs::read_to_string("tests/stories/README.md").expect("the paper");
    let mut keys = 0;
    for (path, _) in stories() {
        let text = fs::read_to_string(&path).expect("a text file");
        for line in text.lines().filter(|line| line.contains(" = ") && !line.contains(". ")) {
            let key = line.split(" = ").next().unwrap_or("").trim();
            let key = key.strip_prefix("drawn.").unwrap_or(key);
            let plain = key.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
            if plain {
                keys += 1;
                assert!(paper.contains(&format!("`{key}`")), "{}: {key}", path.display());
            }
        }
    }
    assert!(1_000 < keys);
}

#[test]
fn the_shipped_policy_decides_the_first_draw_as_written_down() {
    let policy = policy::load(policy::standard()).expect("the shipped policy");
    let mut rows: BTreeMap<(&str, &str), [u32; 5]> = BTreeMap::new();
    for (_, story) in stories() {
        if story.elsewhere().is_some() {
            continue;
        }
        for variant in story.variants() {
            let order = Order { seed: 1, draw: 0, variant: *variant, life: true };
            let came = strongest(&policy, &story.tell(order).told);
            let kind = if story.is_scam() { "scam" } else { "honest" };
            let row = rows.entry((kind, variant.name())).or_default();
            row[0] += 1;
            row[1 + came] += 1;
        }
    }
    let mut table =
        String::from("# stories told once, by the strongest answer to any of their payments\n");
    table.push_str("kind\tvariant\tstories\theld\tasked\tinformed\tallowed\n");
    for ((kind, variant), row) in rows {
        let row: Vec<_> = row.iter().map(ToString::to_string).collect();
        writeln!(table, "{kind}\t{variant}\t{}", row.join("\t")).expect("a line");
    }
    let written = fs::read_to_string("tests/stories/decisions.tsv").unwrap_or_default();
    assert!(
        table == written,
        "the policy decides otherwise than tests/stories/decisions.tsv says; if that is meant, \
         write there:\n{table}"
    );
}

#[test]
fn no_honest_look_alike_is_held_in_more_than_one_telling_of_a_hundred() {
    let policy = policy::load(policy::standard()).expect("the shipped policy");
    // Four would miss what is held in three of 200.
    let draws = 200;
    let mut held_more = Vec::new();
    let mut asked = 0;
    for (path, story) in stories().into_iter().filter(|(_, story)| !story.is_scam()) {
        let mut held = 0;
        for draw in 0..draws {
            let variant = Variant::Telling;
            let order = Order { seed: 5, draw, variant, life: true };
            let came = strongest(&policy, &story.tell(order).told);
            held += u32::from(came == 0);
            asked += u32::from(came == 1);
        }
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if draws < held * 100 {
            held_more.push(format!("{name}: {held} of {draws}"));
        }
    }
    println!("{asked} tellings of {draws} each of the honest stories were asked about");
    assert!(held_more.is_empty(), "{held_more:?}");
}

/// Decides a telling as the service would, with everything that it remembers, and returns the
/// strongest answer to a payment that the story is about: 0 held, 1 asked, 2 informed, 3 allowed.
fn strongest(policy: &Policy, told: &[Told]) -> usize {
    let tokens = Tokens::new(&[7; 32]);
    let mut memory = Memory::new();
    let mut strongest = 3;
    for told in told {
        let mut request = read::request(told.request.clone(), told.at).expect("a request");
        let identity = Identity::of(&request, &tokens);
        let recalled = memory.recall(&identity, request.stated(), told.at);
        let mentions = policy.mentions(&request.transfer.texts, &request.answers);
        let Request { id, payment_id, stage, can_ask, transfer, answers, rejected, .. } = request;
        let facts = Facts {
            transfer,
            stage,
            can_ask,
            answers,
            mentions,
            recall: recalled.recall,
            inherited: recalled.inherited,
            decided: told.at,
            mode: Mode::Normal,
            seed: u64::from_be_bytes(id[..8].try_into().expect("eight bytes")),
            rejected,
        };
        let decision = decide(&facts, policy);
        if matches!(told.label.part, Part::Scam | Part::Honest) {
            let came = match (decision.action, decision.hold, &decision.warning) {
                (Action::Hold, Some(HoldKind::PendingAnswers), _) => 1,
                (Action::Hold, _, _) => 0,
                (Action::Allow, _, Some(_)) => 2,
                (Action::Allow, _, None) => 3,
            };
            strongest = strongest.min(came);
        }
        let words = decision.words(&facts, policy);
        let money = facts.transfer.money;
        let slot = memory.slot(identity.customer);
        let public = DecidedPublic::of(identity, &facts, &decision, policy.digest());
        let personal =
            Some(DecidedPersonal { payment_id: payment_id.clone(), facts, decision, words });
        let decided = Decided { time: told.at, slot, public, personal };
        let position = memory.position();
        memory.apply(&Entry::Decided(Box::new(decided)), told.at);
        if told.label.ends.left() {
            let executed = Executed {
                time: told.at,
                slot,
                public: ExecutedPublic {
                    payment: identity.payment,
                    customer: identity.customer,
                    payee: identity.payee,
                    execution: Execution::Sent,
                    unscreened: None,
                    decision: Some(position),
                    caller: None,
                },
                personal: Some(ExecutedPersonal {
                    payment_id,
                    money,
                    executed: told.at,
                    reason: None,
                }),
            };
            memory.apply(&Entry::Executed(Box::new(executed)), told.at);
        }
    }
    strongest
}

/// Does something with every story, on two threads, and returns what it came to.
fn each(work: impl Fn(&Path, &Story) -> u64 + Sync) -> Vec<u64> {
    let stories = stories();
    let (one, other) = stories.split_at(stories.len() / 2);
    let work = &work;
    let run = |stories: &[(PathBuf, Story)]| -> Vec<u64> {
        stories.iter().map(|(path, story)| work(path, story)).collect()
    };
    thread::scope(|scope| {
        let one = scope.spawn(|| run(one));
        let mut came = run(other);
        came.extend(one.join().expect("a thread"));
        came
    })
}

fn bytes(story: &Story, order: Order) -> Vec<u8> {
    let told = story.tell(order).told;
    told.iter().flat_map(|told| told.request.encode_to_vec()).collect()
}

/// Returns every story with its path, in a fixed order.
fn stories() -> Vec<(PathBuf, Story)> {
    let mut paths = Vec::new();
    for folder in ["tests/stories", HONEST] {
        let entries = fs::read_dir(folder).expect("a folder");
        let entries = entries.map(|entry| entry.expect("an entry").path());
        paths.extend(entries.filter(|path| path.extension().is_some_and(|found| found == "toml")));
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a text file");
        match stories::read(&path.to_string_lossy(), &text) {
            Ok(story) => (path, story),
            Err(problems) => {
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                panic!("{}", problems.join("\n"))
            }
        }
    };
    paths.into_iter().map(read).collect()
}

const HONEST: &str = "tests/stories/honest";

/// How often each story is told.
const DRAWS: u32 = 200;
