//! What the shipped policy decides, and what deciding itself promises.

use super::*;
use crate::document::Problem;
use crate::policy::{Files, load, standard};
use crate::signal::{self, Family};
use crate::testing::{facts, name_check, pounds};
use crate::text::{Concept, Mention, Source};
use crate::transfer::{
    Answer, Call, CallState, Dismissed, NameCheck, NameResult, ProviderKind, Stage,
};

fn shipped() -> Policy {
    check(standard()).unwrap_or_else(|problems| panic!("{}", lines(&problems).join("\n"))).policy
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Returns the facts of the story this service began with, as far as a bank sees them.
fn maidstone() -> Facts {
    let mut facts = facts();
    facts.transfer.payer.balance = Some(pounds("3450.00"));
    facts.transfer.payee.times_paid = Some(0);
    facts.transfer.payee.added = Some(facts.transfer.confirmed);
    facts.transfer.session.call = Some(call(CallState::InProgress));
    facts.mentions = vec![mention(Concept::LegalAdvice)];
    facts
}

/// Returns the same with a bland reference.
fn bland() -> Facts {
    Facts { mentions: Vec::new(), ..maidstone() }
}

fn call(state: CallState) -> Call {
    Call { state, ended: None, direction: None, source: None }
}

fn mention(concept: Concept) -> Mention {
    Mention { concept, source: Source::Reference, from: 0, until: 4 }
}

fn answers(replies: &[(&str, &str)]) -> Vec<Answer> {
    let answer = |(question, option): &(&str, &str)| Answer {
        question: (*question).into(),
        option: Some((*option).into()),
        text: None,
        answered: None,
    };
    replies.iter().map(answer).collect()
}

const DENIAL: [(&str, &str); 3] =
    [("caller_is_authority", "no"), ("told_what_to_say", "no"), ("told_to_hurry", "no")];

#[test]
fn the_shipped_policy_decides_its_cases_as_they_want() {
    let checked = check(standard());
    let checked = checked.unwrap_or_else(|problems| panic!("{}", lines(&problems).join("\n")));
    assert!(16 <= checked.cases, "{}", checked.cases);
}

#[test]
fn the_story_it_began_with_is_held_for_a_person() {
    let policy = shipped();
    let decision = decide(&maidstone(), &policy);
    assert_eq!(decision.action, Action::Hold);
    assert_eq!(decision.hold, Some(HoldKind::PendingReview));
    assert_eq!(decision.step, Some(Step::Hold));
    assert_eq!(decision.typology.as_deref(), Some("police_legal_fee"));
    assert_eq!(decision.points(), Some(105));
    assert_eq!(decision.contact, Some(ContactRoute::Screen));
    let fired = decision.readings.iter().map(|reading| reading.code);
    let quiet = decision.quiet.iter().map(|quiet| quiet.code);
    let unavailable = decision.unavailable.iter().map(|unavailable| unavailable.code);
    let mut readings: Vec<_> = fired.chain(quiet).chain(unavailable).collect();
    readings.sort_by_key(|code| signal::ALL.iter().position(|kind| kind.code == *code));
    let listed: Vec<_> = signal::ALL.iter().map(|kind| kind.code).collect();
    assert_eq!(readings, listed);

    let words = decision.words(&maidstone(), &policy).unwrap();
    assert_eq!((&*words.id, words.version, &*words.locale), ("police_legal_fee", 2, "en"));
    assert!(words.paragraphs[0].contains("£3,200.00"), "{words:?}");
    assert_eq!(words.questions, []);
}

#[test]
fn with_a_bland_reference_the_payer_is_asked_where_that_is_possible() {
    let policy = shipped();
    let asked = decide(&bland(), &policy);
    assert_eq!(asked.hold, Some(HoldKind::PendingAnswers));
    let words = asked.words(&bland(), &policy).unwrap();
    assert_eq!(words.questions.len(), 3);
    assert!(words.questions.iter().all(|question| 2 <= question.options.len()));

    let engine = Facts { can_ask: false, stage: Stage::AtSubmission, ..bland() };
    assert_eq!(decide(&engine, &policy).hold, Some(HoldKind::PendingReview));
}

#[test]
fn answers_only_add() {
    let policy = shipped();
    let hold = |facts: &Facts| decide(facts, &policy).hold;
    let review = Some(HoldKind::PendingReview);

    // Denied while the call lasts: worth nothing from the review threshold up.
    let mut denied = Facts { answers: answers(&DENIAL), ..bland() };
    denied.transfer.name_check = Some(name_check(Some(NameResult::NoMatch), ""));
    denied.transfer.payee.provider = Some(ProviderKind::EMoney);
    assert_eq!(hold(&denied), review);
    // Below it a denial of every question releases, and of all but one does not.
    let mut below = denied.clone();
    below.transfer.name_check = None;
    assert_eq!(hold(&below), None);
    below.answers.pop();
    assert_eq!(hold(&below), Some(HoldKind::PendingAnswers));
    below.answers = answers(&[DENIAL[0], DENIAL[1], ("told_to_hurry", "perhaps")]);
    assert_eq!(hold(&below), Some(HoldKind::PendingAnswers));

    // An admission holds, is not taken back, and needs nothing else.
    below.answers = answers(&[("told_what_to_say", "yes")]);
    assert_eq!(hold(&below), review);
    below.answers.extend(answers(&DENIAL));
    assert_eq!(hold(&below), review);
    let admitted = Facts { answers: answers(&[("told_what_to_say", "yes")]), ..facts() };
    assert_eq!(hold(&admitted), review);
    assert_eq!(hold(&Facts { answers: answers(&DENIAL), ..facts() }), None);
}

#[test]
fn nobody_is_asked_on_a_screen_that_somebody_else_works() {
    let policy = shipped();
    let mut facts = bland();
    facts.transfer.session.call = None;
    facts.transfer.name_check = Some(name_check(Some(NameResult::NoMatch), ""));
    assert_eq!(decide(&facts, &policy).hold, Some(HoldKind::PendingAnswers));
    facts.transfer.session.screen_sharing = Some(true);
    let decision = decide(&facts, &policy);
    assert_eq!(decision.step, Some(Step::Ask));
    assert_eq!(decision.hold, Some(HoldKind::PendingReview));
    assert_eq!(decision.contact, Some(ContactRoute::RegisteredNumber));
}

#[test]
fn a_warning_that_stops_nothing_is_for_somebody_who_can_read_it() {
    let policy = shipped();
    let mut facts = facts();
    facts.transfer.payee.added = Some(facts.transfer.confirmed);
    facts.transfer.session.call = Some(call(CallState::InProgress));
    facts.transfer.session.limit_raised = Some(facts.transfer.confirmed);
    let decision = decide(&facts, &policy);
    assert_eq!((decision.action, decision.step), (Action::Allow, Some(Step::Inform)));
    assert_eq!(decision.shown(), Some(Step::Inform));
    assert_eq!(decision.contact, None);

    facts.can_ask = false;
    let decision = decide(&facts, &policy);
    assert_eq!((decision.action, decision.warning), (Action::Allow, None));
}

#[test]
fn small_amounts_and_unknown_currencies_are_told_apart() {
    let policy = shipped();
    let held = |amount: &str, currency: &str| {
        let mut facts = maidstone();
        facts.transfer.money = pounds(amount);
        facts.transfer.money.currency = crate::money::Currency::from_code(currency).unwrap();
        facts.transfer.payer.balance = Some(facts.transfer.money);
        decide(&facts, &policy).action == Action::Hold
    };
    assert!(held("1.00", "GBP"));
    assert!(!held("0.99", "GBP"));
    // At 0.86 pounds a euro.
    assert!(held("1.17", "EUR"));
    assert!(!held("1.16", "EUR"));
    // Without a rate nothing is known to be small.
    assert!(held("1", "JPY"));
}

#[test]
fn text_alone_never_holds() {
    let policy = shipped();
    let narrative = |kind: &&Kind| kind.family == Family::Narrative;
    assert!(signal::ALL.iter().any(|kind| narrative(&kind)));
    // Everything else unknown, and everything else known and harmless.
    let unknown =
        Facts { mentions: Concept::ALL.iter().copied().map(mention).collect(), ..facts() };
    let mut harmless = unknown.clone();
    harmless.transfer.payer.balance = Some(pounds("100000.00"));
    harmless.transfer.payee.first_paid = Some(crate::testing::time("2026-10-01T00:00:00Z"));
    harmless.transfer.session.call = Some(call(CallState::NoCall));
    harmless.transfer.session.remote_access = Some(false);
    harmless.transfer.session.dismissed = Some(Dismissed { warnings: Vec::new() });
    harmless.transfer.name_check = Some(NameCheck {
        result: Some(NameResult::Match),
        reason: None,
        asked: None,
        reported: None,
        checked: None,
    });
    for facts in [unknown, harmless] {
        let decision = decide(&facts, &policy);
        assert_eq!((decision.action, decision.step), (Action::Allow, None));
        let fired =
            decision.readings.iter().filter(|read| matches!(read.reading, Reading::Fired(_)));
        assert_eq!(fired.count(), signal::ALL.iter().filter(narrative).count());
    }
}

#[test]
fn of_one_evidence_group_the_strongest_counts_once() {
    let policy = shipped();
    let points = |change: &dyn Fn(&mut Facts)| {
        let mut facts = bland();
        change(&mut facts);
        let mut weighed = decide(&facts, &policy).weighed.into_iter();
        weighed.find(|weighed| &*weighed.typology == "coached_on_a_call").unwrap().points
    };
    // Added a moment ago and never paid are one event, worth 20 and not 35.
    assert_eq!(points(&|_| {}), 67);
    assert_eq!(points(&|facts| facts.transfer.payee.added = None), 62);
    assert_eq!(points(&|facts| facts.transfer.payee.own = Some(true)), 35);
}

#[test]
fn the_lowest_priority_leads_among_the_strongest() {
    let policy = shipped();
    // Two reach a hold: 20 + 20 + 56 + 15 + 9 + 5 and 20 + 12 + 35 + 23 + 14.
    let mut facts = maidstone();
    facts.transfer.payee.provider = Some(ProviderKind::EMoney);
    facts.transfer.name_check = Some(name_check(Some(NameResult::NoMatch), ""));
    let decision = decide(&facts, &policy);
    let held = decision.weighed.iter().filter(|weighed| weighed.step == Some(Step::Hold));
    let held: Vec<_> = held.map(|weighed| &*weighed.typology).collect();
    assert_eq!(held, ["police_legal_fee", "coached_on_a_call"]);
    assert_eq!(decision.typology.as_deref(), Some("police_legal_fee"));
    // The stronger step leads whatever its priority.
    facts.mentions.clear();
    assert_eq!(decide(&facts, &policy).typology.as_deref(), Some("coached_on_a_call"));
}

#[test]
fn what_is_seen_leads_before_what_is_only_admitted() {
    let policy = shipped();
    // Every story with the question is admitted, and only one of them is seen.
    let mut facts = bland();
    facts.answers = answers(&[("told_what_to_say", "yes")]);
    let decision = decide(&facts, &policy);
    let held = decision.weighed.iter().filter(|weighed| weighed.step == Some(Step::Hold));
    assert!(1 < held.count());
    assert_eq!(decision.typology.as_deref(), Some("coached_on_a_call"));
}

#[test]
fn a_decision_comes_back_from_its_bytes_and_is_reached_again() {
    let policy = shipped();
    let again = load(Files::from_bytes(&policy.files().to_bytes()).unwrap()).unwrap();
    assert_eq!(again.digest(), policy.digest());
    for facts in [facts(), bland(), maidstone()] {
        let decision = decide(&facts, &policy);
        let bytes = decision.to_bytes();
        assert_eq!(Decision::take(&bytes), Ok(decision));
        let same = Facts::take(&facts.to_bytes()).unwrap();
        assert_eq!(decide(&same, &again).to_bytes(), bytes);
    }
}

#[test]
fn a_quiet_signal_is_two_short_numbers() {
    let quiet = |code, version| QuietSignal { code, version };
    for (quiet, bytes) in [
        (quiet(1, 1), &[1, 1][..]),
        (quiet(300, 2), &[0xac, 2, 2]),
        (quiet(32, 200), &[32, 0xc8, 1]),
    ] {
        assert_eq!(quiet.to_bytes(), bytes);
        assert_eq!(QuietSignal::take(bytes), Ok(quiet));
    }
    assert_eq!(QuietSignal::take(&[1]), Err(TaggedError::Short));
    assert_eq!(QuietSignal::take(&[1, 1, 1]), Err(TaggedError::Long));
    assert_eq!(
        QuietSignal::take(&[0x80, 0x80, 0x80, 0x80, 0x10, 1]),
        Err(TaggedError::OutOfBounds)
    );
}

#[test]
fn a_signal_that_could_not_look_is_read_back_or_refused() {
    let whole = UnavailableSignal { code: 300, version: 2, points: -5, fact: Fact::PayerBalance };
    let bytes = whole.to_bytes();
    assert_eq!(UnavailableSignal::take(&bytes), Ok(whole));
    for cut in 0..bytes.len() {
        assert!(UnavailableSignal::take(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let large = [0x80, 0x80, 0x80, 0x80, 0x10, 1, 0, 1];
    assert_eq!(UnavailableSignal::take(&large), Err(TaggedError::OutOfBounds));
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(UnavailableSignal::take(&longer), Err(TaggedError::Long));
}

#[test]
fn what_came_to_nothing_is_left_out() {
    let policy = shipped();
    let mut facts = facts();
    facts.transfer.payee.own = Some(true);
    let decision = decide(&facts, &policy);
    assert_eq!(decision.weighed, []);
    let fired = |read: &SignalReading| matches!(read.reading, Reading::Fired(_));
    assert!(decision.readings.iter().all(fired));
    let looked = decision.readings.len() + decision.quiet.len() + decision.unavailable.len();
    assert_eq!(looked, policy.watches().len());
}

#[test]
fn the_words_are_in_the_payers_own_language_and_form() {
    let policy = shipped();
    let spoken = |locale: Option<&str>| {
        let mut facts = maidstone();
        facts.transfer.payer.locale = locale.map(Into::into);
        let decision = decide(&facts, &policy);
        decision.words(&facts, &policy).unwrap().locale
    };
    for (locale, want) in [
        (None, "en"),
        (Some("en-gb"), "en"),
        (Some("cy"), "cy"),
        (Some("cy-gb-x-large"), "cy-x-large"),
        (Some("en-x-phone"), "en-x-phone"),
        (Some("pl"), "en"),
    ] {
        assert_eq!(&*spoken(locale), want, "{locale:?}");
    }
}

#[test]
fn the_seed_chooses_between_wordings_that_ask_the_same() {
    let policy = shipped();
    let words = |seed| {
        let facts = Facts { seed, ..bland() };
        decide(&facts, &policy).words(&facts, &policy).unwrap()
    };
    assert_eq!(words(0), words(2));
    assert_ne!(words(0).questions, words(1).questions);
    assert_eq!(words(0).digest, words(1).digest);
}

/// Returns the problems of the smallest policy with one case, whose keys these are.
fn of_case(keys: &str) -> Vec<String> {
    let mut files = Files::default();
    for (path, text) in [
        ("policy.toml", include_str!("../../tests/policy/small/policy.toml")),
        ("lexicon.toml", include_str!("../../tests/policy/small/lexicon.toml")),
        ("warnings/en.toml", include_str!("../../tests/policy/small/warnings/en.toml")),
    ] {
        files.insert(path, text.as_bytes());
    }
    let case = format!("schema = 1\n[[case]]\nname = \"a\"\n{keys}\n");
    files.insert("cases.toml", case.as_bytes());
    let told = lines(&check(files).unwrap_err()).into_iter();
    told.filter(|line| line.starts_with("cases.toml:") && !line.contains("cases tell of")).collect()
}

#[test]
fn a_story_that_lost_says_what_it_lacks() {
    let payee =
        "payee = { added_minutes_ago = 6, times_paid = 0 }\npayer = { balance = \"3450\" }\n";
    let voice = "session = { call = \"in_progress\", call_direction = \"incoming\" }\n";
    let none = "session = { call = \"none\" }\n";
    let legal = "transfer = { amount = \"3200\", reference = \"LEGAL ADVICE\" }\n";
    for (facts, told) in [
        (
            ["transfer = { amount = \"3200\", reference = \"FAMILY\" }\n", payee, voice],
            "new_payee, balance_drain, call_in_progress fired, nothing is mentioned: legal_fee 65 \
             points, but lacks `legal_pretext` and a mention of one of `legal_advice`, `warrant`",
        ),
        (
            [legal, payee, none],
            "new_payee, balance_drain, legal_pretext fired, legal_advice is mentioned: legal_fee 65 \
             points, but lacks one of `refund_promise`, `voice`",
        ),
        (
            [legal, "", voice],
            "call_in_progress, legal_pretext fired, legal_advice is mentioned: legal_fee 60 points, \
             but lacks `payee`",
        ),
        (
            ["transfer = { amount = \"3200\" }\n", "", none],
            "nothing fired, nothing is mentioned: legal_fee 0 points, but informs from 55, and lacks \
             `payee` and `legal_pretext` and one of `refund_promise`, `voice` and a mention of one \
             of `legal_advice`, `warrant`",
        ),
        (
            [
                "transfer = { amount = \"99\", reference = \"LEGAL ADVICE\" }\n",
                "payee = { added_minutes_ago = 6, times_paid = 0 }\n",
                voice,
            ],
            "new_payee, call_in_progress, legal_pretext fired, legal_advice is mentioned: legal_fee \
             75 points, but speaks of larger amounts only",
        ),
    ] {
        let keys = [&facts.concat(), "want = { action = \"allow\", typology = \"legal_fee\" }"];
        let problems = of_case(&keys.concat());
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        let (_, problem) = problem.split_once(": ").unwrap();
        let want = format!("the case wants the typology legal_fee and gets none: {told}");
        assert_eq!(problem, want);
    }
}

#[test]
fn a_wanted_story_is_told_of_wherever_it_came() {
    let mut files = standard();
    let case = "schema = 1\n[[case]]\nname = \"a\"\ntransfer = { amount = \"3200.00\", reference = \
                \"LEGAL ADVICE\" }\npayer = { balance = \"3450.00\" }\npayee = { added_minutes_ago = \
                6, times_paid = 0 }\nsession = { call = \"in_progress\" }\nwant = { action = \
                \"hold\", typology = \"own_name_hop\" }\n";
    files.insert("cases.toml", case.as_bytes());
    let told = lines(&check(files).unwrap_err());
    let told: Vec<_> = told.iter().filter(|line| line.contains("own_name_hop and gets")).collect();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert!(told.contains("wants the typology own_name_hop and gets police_legal_fee"), "{told}");
    assert!(told.contains("; own_name_hop "), "{told}");
    assert!(told.contains("lacks `own_name`"), "{told}");
}

#[test]
fn a_story_that_comes_after_another_says_why() {
    let mut files = Files::default();
    let policy = include_str!("../../tests/policy/small/policy.toml");
    let (_, typology) = policy.split_once("[[typology]]").unwrap();
    let other = typology.replacen("\"legal_fee\"\npriority    = 10", "\"other\"\npriority = 20", 1);
    let policy = format!("{policy}\n[[typology]]{other}");
    files.insert("policy.toml", policy.as_bytes());
    let cases = include_str!("../../tests/policy/small/cases.toml");
    let cases = cases.replacen("typology = \"legal_fee\"", "typology = \"other\"", 1);
    files.insert("cases.toml", cases.as_bytes());
    for (path, text) in [
        ("lexicon.toml", include_str!("../../tests/policy/small/lexicon.toml")),
        ("warnings/en.toml", include_str!("../../tests/policy/small/warnings/en.toml")),
    ] {
        files.insert(path, text.as_bytes());
    }
    let told = lines(&check(files).unwrap_err());
    let told: Vec<_> = told.iter().filter(|line| line.contains("typology other and")).collect();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    let want = "other 95 points, so to hold, but legal_fee goes before it by `priority`";
    assert!(told.ends_with(want), "{told}");

    let mut files = standard();
    let case = "schema = 1\n[[case]]\nname = \"a\"\ntransfer = { amount = \"4900\" }\npayee = { \
                added_minutes_ago = 40, times_paid = 0 }\nasked = { answers = { told_what_to_say = \
                \"yes\" } }\nwant = { action = \"hold\", typology = \"bank_safe_account\" }\n";
    files.insert("cases.toml", case.as_bytes());
    let told = lines(&check(files).unwrap_err());
    let want = "so to hold, but coached_on_a_call goes before it: it lacks one of `safe_account`, ";
    assert!(told.iter().any(|line| line.contains(want)), "{told:?}");
}

#[test]
fn a_case_that_wants_what_cannot_be_is_told_so() {
    let transfer = "transfer = { amount = \"500\" }\n";
    let want = |want: &str| of_case(&format!("{transfer}want = {{ {want} }}"));
    let told = |key: &str| {
        format!(
            "cases.toml:5: `want` contradicts itself: it allows the payment and has a `{key}`: \
             remove `{key}`, or write `action = \"hold\"`"
        )
    };
    let (hold, contact) = ("hold = \"pending_review\"", "contact = \"screen\"");
    assert_eq!(want(&format!("action = \"allow\", {hold}")), [told("hold")]);
    assert_eq!(want(&format!("action = \"allow\", {contact}")), [told("contact")]);
    assert_eq!(
        want(&format!("action = \"allow\", {hold}, {contact}")),
        [told("contact"), told("hold")]
    );
    assert_eq!(want("action = \"allow\", warning = false"), [""; 0]);
}

#[test]
fn a_case_that_is_decided_otherwise_says_how() {
    let mut files = standard();
    let case = "schema = 1\n[[case]]\nname = \"a\"\ntransfer = { amount = \"500\" }\nwant = { action \
                = \"hold\", fired = [\"new_payee\"] }\n[[case]]\nname = \"b\"\ntransfer = { amount = \
                \"x\" }\nwant = { action = \"block\" }\n";
    files.insert("cases.toml", case.as_bytes());
    let problems = check(files).unwrap_err();
    let advice = "nothing fired, nothing is mentioned: no typology comes to anything";
    let told = lines(&problems).into_iter().filter(|line| line.starts_with("cases.toml:"));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "cases.toml: the cases tell of 1 held payments and 0 honest ones: tell of honest \
             people who look alike, as many as of victims"
                .to_owned(),
            format!("cases.toml:5: the case wants fired new_payee and gets none: {advice}"),
            "cases.toml:5: the case wants to hold and gets allow: it came about as told above"
                .to_owned(),
            "cases.toml:8: `amount` cannot be read: write an amount, such as \"3200.00\""
                .to_owned(),
            "cases.toml:9: `block` is no action: known here: `allow`, `hold`".to_owned(),
        ]
    );
}
