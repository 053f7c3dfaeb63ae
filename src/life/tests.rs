//! Tests: that life is as its parameters say, and the same again from the same seed.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;

use super::*;
use crate::calendar::Time;
use crate::grpc::{pb, read};
use crate::records::pb::honest::Cohort;
use crate::records::pb::labelled::Truth;
use crate::records::pb::scam::Variant;
use crate::records::pb::{Honest, Scam};
use crate::transfer::Request;

const PLAIN: Scales = Scales { calls: Scale::ONE, new_payees: Scale::ONE, missing: Scale::ONE };

fn standard() -> Parameters {
    Parameters::read("standard.toml", STANDARD).unwrap()
}

fn life(seed: u64, customers: u32, days: u32) -> Life {
    Life::new(Size { seed, customers, days }, PLAIN, standard())
}

/// The standard parameters with so many scams.
fn with_scams(rate: u32) -> Parameters {
    let key = "cases_per_1000_customers_a_year = ";
    let (before, after) = STANDARD.split_once(key).unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    Parameters::read("test", &format!("{before}{key}{rate}\n{after}")).unwrap()
}

fn request(labelled: &Labelled) -> Request {
    let message = labelled.request.clone().unwrap();
    let stamp = message.request_time.unwrap();
    let now = Time::from_parts(stamp.seconds, stamp.nanos).unwrap();
    let request = read::request(message, now).unwrap();
    assert_eq!(request.rejected, [], "{labelled:?}");
    request
}

fn second(labelled: &Labelled) -> i64 {
    labelled.request.as_ref().unwrap().request_time.unwrap().seconds
}

fn transfer(labelled: &Labelled) -> &pb::Transfer {
    labelled.request.as_ref().unwrap().transfer.as_ref().unwrap()
}

fn honest(labelled: &Labelled) -> Option<&Honest> {
    match labelled.truth.as_ref().unwrap() {
        Truth::Honest(honest) => Some(honest),
        Truth::Scam(_) => None,
    }
}

fn scam(labelled: &Labelled) -> Option<&Scam> {
    match labelled.truth.as_ref().unwrap() {
        Truth::Scam(scam) => Some(scam),
        Truth::Honest(_) => None,
    }
}

fn counted(items: impl Iterator) -> u64 {
    u64::try_from(items.count()).unwrap()
}

/// Tells whether `count` of `cases` is within five standard deviations of `rate` of `whole`.
#[track_caller]
fn near(count: u64, cases: u64, rate: u64, whole: u64) {
    let part = |of: u64, over: u64| of.saturating_mul(over).checked_div(whole).unwrap();
    let expected = part(cases, rate);
    let deviation = part(expected, whole.saturating_sub(rate)).isqrt();
    let spread = deviation.saturating_mul(5).max(8);
    assert!(count.abs_diff(expected) <= spread, "{count} of {cases}, not {expected} ± {spread}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let bytes = |seed| -> Vec<u8> {
        life(seed, 60, 40).flat_map(|labelled| labelled.encode_length_delimited_to_vec()).collect()
    };
    let first = bytes(1);
    assert!(100_000 < first.len());
    assert!(first == bytes(1));
    assert!(first != bytes(2));
}

#[test]
fn more_customers_do_not_change_the_lives_of_the_others() {
    let kept = |customers| -> Vec<_> {
        let all = life(3, customers, 30).filter(|labelled| honest(labelled).is_some());
        let payer = |labelled: &Labelled| transfer(labelled).payer.clone().unwrap().customer_key;
        let few = all.filter(|labelled| payer(labelled).as_str() < "C000000020");
        few.map(|labelled| (second(&labelled), transfer(&labelled).amount.clone())).collect()
    };
    let few = kept(20);
    assert!(100 < few.len());
    assert_eq!(few, kept(60));
}

#[test]
fn payments_stand_in_the_order_of_time_and_each_id_is_new() {
    let mut ids = BTreeSet::new();
    let mut last = i64::MIN;
    for labelled in life(5, 300, 60) {
        let now = second(&labelled);
        assert!(last <= now);
        last = now;
        let request = labelled.request.unwrap();
        assert!(ids.insert(request.request_id) && ids.insert(request.payment_id));
        assert!(now < labelled.execute_time.unwrap().seconds);
    }
    let days = (last - standard().start) / DAY;
    assert_eq!(days, 59);
}

#[test]
fn every_request_is_taken_whole_by_the_door() {
    for (seed, missing) in [(7, "1"), (8, "3"), (9, "1/3")] {
        let scales = Scales { missing: Scale::parse(missing).unwrap(), ..PLAIN };
        let size = Size { seed, customers: 400, days: 45 };
        let count =
            Life::new(size, scales, with_scams(2_000)).inspect(|it| drop(request(it))).count();
        assert!(3_000 < count, "{count}");
    }
}

#[test]
fn every_script_is_played_in_every_variant_it_has_and_every_timeline() {
    let size = Size { seed: 11, customers: 12_000, days: 60 };
    let mut played = BTreeSet::new();
    let mut timelines = BTreeSet::new();
    let parameters = with_scams(20_000);
    for labelled in Life::new(size, PLAIN, parameters.clone()) {
        if let Some(scam) = scam(&labelled) {
            played.insert((scam.script.clone(), scam.variant));
            timelines.insert(scam.timeline);
        }
    }
    assert_eq!(timelines.len(), 7);
    for script in script::ALL {
        for variant in script::variants(parameters.script(*script).call) {
            let both = (script.name().to_owned(), i32::from(*variant));
            assert!(played.remove(&both), "{both:?} was not played");
        }
    }
    assert_eq!(played, BTreeSet::new());
}

#[test]
fn the_payments_of_a_case_are_numbered_and_come_to_what_is_said() {
    let mut cases: BTreeMap<u64, Vec<(Scam, u64, String)>> = BTreeMap::new();
    let size = Size { seed: 13, customers: 800, days: 200 };
    for labelled in Life::new(size, PLAIN, with_scams(900)) {
        if let Some(scam) = scam(&labelled) {
            let money = transfer(&labelled).amount.clone().unwrap().value.replace('.', "");
            let payer = transfer(&labelled).payer.clone().unwrap().customer_key;
            let payments = cases.entry(scam.case_number).or_default();
            payments.push((scam.clone(), money.parse().unwrap(), payer));
        }
    }
    // Those that the last day cut off.
    cases.retain(|_, payments| payments.len() == usize::try_from(payments[0].0.steps).unwrap());
    assert!(200 < cases.len(), "{}", cases.len());
    for (number, payments) in cases {
        let (first, _, payer) = &payments[0];
        let mut pence = 0;
        for (step, (scam, money, by)) in (1..).zip(&payments) {
            assert_eq!((scam.step, by), (step, payer), "case {number}");
            assert_eq!((&scam.script, scam.variant), (&first.script, first.variant));
            pence += if scam.reaches_scammer { *money } else { 0 };
        }
        assert_eq!(pence, first.case_pence, "case {number}: {first:?}");
        assert!(0 < pence, "case {number}");
    }
}

#[test]
fn a_variant_is_what_its_name_says() {
    let size = Size { seed: 17, customers: 3_000, days: 40 };
    let mut counts: BTreeMap<i32, u32> = BTreeMap::new();
    for labelled in Life::new(size, PLAIN, with_scams(4_000)) {
        let Some(scam) = scam(&labelled) else { continue };
        let transfer = transfer(&labelled);
        let session = transfer.session.clone();
        let state = session.as_ref().and_then(|session| session.call.map(|call| call.state()));
        let answers = labelled.request.as_ref().unwrap().answers.len();
        *counts.entry(scam.variant).or_default() += 1;
        match scam.variant() {
            Variant::TellingWords => {
                assert!(transfer.texts.as_ref().unwrap().reference.is_some());
            }
            Variant::BlandLiveCall => assert_eq!(state, Some(pb::call::State::InProgress)),
            Variant::BlandSilent => assert_eq!(session, None),
            Variant::AdaptiveCallEnded => {
                let call = session.unwrap().call.unwrap();
                let ago = second(&labelled) - call.end_time.unwrap().seconds;
                assert!((120..=1_500).contains(&ago), "{ago}");
            }
            Variant::AdaptiveWaitADay => {
                let payee = transfer.payee.as_ref().unwrap();
                let first = scam.step == 1 && payee.times_paid == Some(0);
                if let (true, Some(added)) = (first, payee.add_time) {
                    assert!(80_000 <= second(&labelled) - added.seconds);
                }
                assert_ne!(state, Some(pb::call::State::InProgress));
            }
            Variant::AdaptiveOwnName => {
                let result = transfer.name_check.as_ref().map(pb::NameCheck::result);
                assert_ne!(result, Some(pb::name_check::Result::NoMatch));
            }
            Variant::AdaptiveWeb => {
                let channels = [transfer.channel(), pb::transfer::Channel::Web];
                assert_eq!(channels[0], channels[1]);
                assert_eq!(state, None);
            }
            Variant::AdaptiveCoachedNo => assert_eq!(answers, 5),
            Variant::AdaptiveSmall | Variant::Unspecified => {}
        }
        assert_eq!(answers == 5, scam.variant() == Variant::AdaptiveCoachedNo);
    }
    assert_eq!(counts.len(), 9);
    assert!(counts.values().all(|count| 40 < *count), "{counts:?}");
}

#[test]
fn events_happen_as_often_as_the_parameters_say() {
    let parameters = standard();
    let days = 100;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let life = life(19, 4_000, days);
    let people: Vec<Customer> = life.people.iter().map(|person| person.customer).collect();
    for labelled in life {
        if let Some(honest) = honest(&labelled) {
            *counts.entry(honest.kind.clone()).or_default() += 1;
        }
    }
    let workers = counted(people.iter().filter(|customer| **customer == Customer::Worker));
    near(workers, 4_000, 672, 1_000);
    // Kinds of one payment each that nothing puts off and that are within anybody's means.
    for kind in
        [Kind::Friends, Kind::Clubs, Kind::CharityGift, Kind::RefundFriend, Kind::Marketplace]
    {
        let payers = counted(people.iter().filter(|customer| kind.of(**customer)));
        let rate = parameters.kind(kind).per_1000_a_year;
        let count = counts[kind.name()];
        let expected = payers * u64::from(days) * rate / 365_000;
        // A few find too little in their accounts.
        let (least, most) = (expected * 88 / 100, expected * 105 / 100);
        assert!((least..=most).contains(&count), "{}: {count}, not {expected}", kind.name());
    }
    let consumers = counted(people.iter().filter(|customer| Kind::Friends.of(**customer)));
    let all: u64 = counts.values().sum();
    let a_month = all * 30 / (consumers * u64::from(days));
    assert!((5..=13).contains(&a_month), "{a_month} payments a month");
    for kind in kind::ALL {
        assert!(counts.contains_key(kind.name()), "no {} in {days} days", kind.name());
    }
}

#[test]
fn facts_are_missing_and_calls_seen_at_the_rates_of_the_parameters_times_their_scale() {
    let parameters = standard();
    for (text, times, over) in [("1/3", 1, 3), ("1", 1, 1), ("3", 3, 1)] {
        let scale = Scale::parse(text).unwrap();
        let scales = Scales { calls: scale, new_payees: scale, missing: scale };
        let size = Size { seed: 23, customers: 1_500, days: 60 };
        let (mut all, mut balance, mut friends) = (0, 0, 0);
        let (mut new, mut app, mut voices, mut live) = (0, 0, 0, 0);
        for labelled in Life::new(size, scales, with_scams(0)) {
            let (transfer, honest) = (transfer(&labelled), honest(&labelled).unwrap());
            all += 1;
            balance += u64::from(transfer.payer.as_ref().unwrap().available_balance.is_none());
            if honest.kind != "friends" {
                continue;
            }
            friends += 1;
            let times_paid = transfer.payee.as_ref().unwrap().times_paid;
            new += u64::from(times_paid == Some(0));
            if transfer.channel() == pb::transfer::Channel::MobileApp {
                app += 1;
                voices += u64::from(honest.cohorts.contains(&Cohort::HonestCall.into()));
                let call = transfer.session.as_ref().unwrap().call;
                let state = call.map(|call| call.state());
                live += u64::from(state == Some(pb::call::State::InProgress));
            }
        }
        let at = |rate: u64| rate * times / over;
        near(balance, all, at(parameters.missing.balance), 1_000);
        let told = 1_000 - at(parameters.missing.ledger);
        let rate = at(parameters.kind(Kind::Friends).new_payee_per_mille);
        near(new, friends * told / 1_000, rate, 1_000);
        let rate = at(parameters.kind(Kind::Friends).call_per_10k);
        near(live, app * (1_000 - at(parameters.missing.call).min(1_000)) / 1_000, rate, 10_000);
        assert!(live <= voices);
    }
}

#[test]
fn completions_fall_on_fridays_most_and_have_their_stages() {
    let mut weekdays = [0_u32; 7];
    let mut amounts = Vec::new();
    for labelled in life(29, 12_000, 120) {
        let Some(honest) = honest(&labelled) else { continue };
        if honest.kind == "completion" {
            assert!(honest.cohorts.contains(&Cohort::Completion.into()));
            let value = transfer(&labelled).amount.clone().unwrap().value;
            let pounds: u32 = value.split('.').next().unwrap().parse().unwrap();
            amounts.push(pounds);
            // 1970 began on a Thursday.
            let weekday = (second(&labelled) / DAY + 3) % 7;
            if transfer(&labelled).rail() == pb::transfer::Rail::Chaps {
                weekdays[usize::try_from(weekday).unwrap()] += 1;
            }
        }
    }
    assert!(100 < amounts.len() && amounts.iter().any(|pounds| 30_000 < *pounds));
    assert!(amounts.iter().any(|pounds| *pounds < 700));
    let (friday, other) = (weekdays[4], weekdays[..4].iter().max().unwrap());
    assert!(*other < friday, "{weekdays:?}");
    assert_eq!(weekdays[5..], [0, 0]);
}

#[test]
fn the_ledger_of_a_request_is_that_of_the_payments_before() {
    let mut ledger: BTreeMap<(String, String), i32> = BTreeMap::new();
    let mut compared = 0;
    for labelled in life(31, 200, 60) {
        let transfer = transfer(&labelled);
        let from = transfer.payer.clone().unwrap().customer_key;
        let payee = transfer.payee.as_ref().unwrap();
        let account = payee.account.clone().unwrap();
        let key = (from, [account.sort_code, account.account_number].concat());
        let sent = labelled.execution_if_allowed() == Execution::Sent;
        if let (Some(times), Some(before)) = (payee.times_paid, ledger.get(&key)) {
            assert_eq!(times, *before, "{key:?}");
            compared += 1;
        }
        match (ledger.get_mut(&key), payee.times_paid) {
            (Some(times), _) => *times += i32::from(sent),
            (None, Some(times)) => drop(ledger.insert(key, times + i32::from(sent))),
            (None, None) => {}
        }
    }
    assert!(500 < compared, "{compared}");
}

#[test]
fn parameters_that_are_wrong_are_all_named_at_once() {
    let text = STANDARD
        .replace("students_per_mille = 50", "students_per_mille = 2000")
        .replace("friends_least = 4\n", "friend_least = 4\n")
        .replace("first_day = \"2025-01-06\"", "first_day = \"soon\"")
        .replacen("amount_pounds = \"350 620", "amount_pounds = \"950 620", 1)
        .replace(
            "timeline = \"patient\"\nsource = \"ours\"\n\n[scams.scripts.advance_fee]",
            "timeline = \"slow\"\n\n[scams.scripts.advance_fee]",
        )
        .replace("[kinds.grant]", "[kinds.grants]");
    let problems = Parameters::read("my.toml", &text).unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for want in [
        "`students_per_mille` is no such number: write a whole number from 0 to 200",
        "`friend_least` is unknown here: did you mean `friends_least`?",
        "`friends_least` is missing",
        "`first_day` cannot be read",
        "`amount_pounds` cannot be read: write five whole numbers of pounds",
        "`slow` is no timeline",
        "`source` is missing",
        "`grant` is missing",
        "`grants` is unknown here",
    ] {
        let found = lines.iter().filter(|line| line.starts_with("my.toml:") && line.contains(want));
        assert_eq!(found.count(), 1, "{want}\n{}", lines.join("\n"));
    }
    assert_eq!(lines.len(), 9, "{}", lines.join("\n"));
}

#[test]
fn a_scale_is_a_whole_number_or_a_fraction() {
    for (text, want) in [("1", Some(60)), ("3", Some(180)), ("1/3", Some(20)), ("100", Some(1_000))]
    {
        let scale = Scale::parse(text);
        assert_eq!(scale.map(|scale| scale.of(60, 1_000)), want, "{text}");
        assert_eq!(scale.unwrap().to_string(), text);
    }
    for text in ["", "0", "1/0", "101", "1/101", "0.5", "-1", "+1", "1/2/3", " 1"] {
        assert_eq!(Scale::parse(text), None, "{text}");
    }
}

#[test]
fn half_of_the_amounts_stay_under_the_middle() {
    let spread = standard().script(script::Script::BankSafeAccount).amount;
    let mut chance = Chance::of(&[37]);
    let under = counted((0..10_000).filter(|_| spread.draw(&mut chance) < spread.middle()));
    near(under, 10_000, 1, 2);
}
