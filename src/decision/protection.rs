//! Protection: tests of what speaks for a transfer, and of what it never takes away.

use crate::decision::{Decision, HoldKind, Step, decide};
use crate::history::{Listing, Pair};
use crate::policy::{Policy, load, standard};
use crate::signal::{ALL, Facts, Reading};
use crate::testing::{answer, facts, mention, name_check, pounds, time};
use crate::text::Concept;
use crate::transfer::{AccountKind, Call, CallState, Marker, NameCheck, NameResult, Reputation};

/// A policy with one story that anything may tell, and one that needs a voice.
const POLICY: &str = r#"
schema   = 1
currency = "GBP"
locale   = "en"

[bank]
name   = "your bank"
phone  = "159"
on_159 = true

[asking]
cannot_ask = "review"

[contact]
registered_number = ["control"]

[signal.new_payee]
points         = 15
known_days_min = 30

[signal.balance_drain]
points    = 20
share_min = "0.80"

[signal.call_in_progress]
points          = 30
outgoing_counts = false

[signal.remote_access]
points = 45

[signal.legal_pretext]
points   = 30
concepts = ["legal_advice"]

[signal.coached_answers]
points    = 70
questions = ["told_what_to_say"]
option    = "yes"

[signal.reported_payee]
points   = 50
codes    = ["mule"]
days_max = 365

[signal.established_payee]
points         = -50
days_min       = 90
payments_min   = 3
times_mean_max = 2

[signal.verified_client_account]
points   = -50
days_max = 100

[signal.verified_biller]
points   = -40
days_max = 100

[signal.bank_is_calling]
points = 0

[[typology]]
id          = "anything"
priority    = 10
scam_type   = "impersonation_police_bank"
needs       = [["payee", "size", "voice", "control", "legal_pretext", "admission", "reputation"]]
counts      = ["payee", "size", "voice", "control", "legal_pretext", "admission", "reputation", "protective"]
inform_from = 30
ask_from    = 45
review_from = 60
hold_from   = 75
amount_min  = "0.01"
warning     = "police_legal_fee"

[[typology]]
id          = "voice"
priority    = 20
scam_type   = "impersonation_police_bank"
needs       = [["voice"]]
counts      = ["payee", "size", "voice", "control", "protective"]
inform_from = 10
ask_from    = 20
review_from = 30
hold_from   = 40
amount_min  = "0.01"
warning     = "coached_on_a_call"
"#;

fn small() -> Policy {
    let mut files = standard();
    files.insert("policy.toml", POLICY.as_bytes());
    load(files).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// One thing that may be known of a transfer.
type Fact = (&'static str, fn(&mut Facts));

/// What protection may take away from.
const PLAIN: [Fact; 4] = [
    ("stranger", |facts| facts.transfer.payee.times_paid = Some(0)),
    ("drain", |facts| facts.transfer.payer.balance = Some(facts.transfer.money)),
    ("call", |facts| {
        let call =
            Call { state: CallState::InProgress, ended: None, direction: None, source: None };
        facts.transfer.session.call = Some(call);
    }),
    ("legal", |facts| {
        facts.transfer.texts.reference = Some("x".into());
        facts.mentions.push(mention(Concept::LegalAdvice));
    }),
];

/// What it never does.
const FIRM: [Fact; 3] = [
    ("control", |facts| facts.transfer.session.remote_access = Some(true)),
    ("admission", |facts| facts.answers.push(answer("told_what_to_say", "yes"))),
    ("reported", |facts| {
        let (code, provider) = ("mule".into(), "network".into());
        let markers = vec![Marker { code, provider, marked: None }];
        facts.transfer.payee.reputation = Some(Reputation { markers, scores: Vec::new() });
    }),
];

/// What speaks for a transfer.
const PROTECTIVE: [Fact; 4] = [
    ("client", |facts| facts.recall.client_account = Some(listing(facts))),
    ("biller", |facts| facts.recall.biller = Some(listing(facts))),
    ("established", |facts| {
        let first = time("2026-01-01T00:00:00Z");
        let begun = Pair::begin(crate::account::Token([1; 16]), first, pounds("32000"));
        facts.recall.pair = Some(Pair { count: 10, ..begun });
    }),
    ("bank", |facts| facts.transfer.session.bank_on_line = Some(true)),
];

fn listing(facts: &Facts) -> Listing {
    Listing { version: 1, loaded: facts.decided }
}

/// Returns the facts of which a bit is set in `chosen`.
fn with(known: &[Fact], chosen: u32, mut facts: Facts) -> Facts {
    for (at, (_, state)) in known.iter().enumerate() {
        if chosen >> at & 1 == 1 {
            state(&mut facts);
        }
    }
    facts
}

/// Returns what the first typology came to; it is left out where that is nothing.
fn points(decision: &Decision) -> i64 {
    let mut weighed = decision.weighed.iter();
    weighed.find(|weighed| &*weighed.typology == "anything").map_or(0, |weighed| weighed.points)
}

#[test]
fn protection_takes_from_what_speaks_against_a_transfer_and_from_nothing_else() {
    let policy = small();
    let all: Vec<Fact> = [&PLAIN[..], &FIRM, &PROTECTIVE].concat();
    for (known, want) in [
        ("stranger drain call", 65),
        ("stranger drain call client", 15),
        ("stranger drain call biller", 25),
        // The strongest of its group counts once.
        ("stranger drain call client biller", 15),
        // Nothing is worth less than nothing.
        ("client", 0),
        ("drain client", 0),
        ("control", 45),
        ("control client", 45),
        ("stranger drain control client", 45),
        ("stranger admission client", 70),
        ("call legal admission client", 80),
        ("reported client", 50),
        ("stranger drain reported biller", 50),
        ("control admission reported client established", 165),
    ] {
        let mut facts = facts();
        for name in known.split(' ') {
            let (_, state) = all.iter().find(|(known, _)| *known == name).unwrap();
            state(&mut facts);
        }
        assert_eq!(points(&decide(&facts, &policy)), want, "{known}");
    }
}

#[test]
fn the_banks_own_call_cancels_the_voice_and_no_more() {
    let policy = small();
    let steps = |facts: &Facts| {
        let decision = decide(facts, &policy);
        let steps = decision.weighed.iter().map(|weighed| (weighed.points, weighed.step));
        (steps.collect::<Vec<_>>(), decision)
    };
    let call = with(&PLAIN, 0b110, facts());
    let (heard, _) = steps(&call);
    assert_eq!(heard, [(50, Some(Step::Ask)), (50, Some(Step::Hold))]);

    // It neither counts nor meets a need; what was seen is still there to be read.
    let (cancelled, decision) = steps(&with(&PROTECTIVE, 0b1000, call.clone()));
    assert_eq!(cancelled, [(20, None), (20, None)]);
    let reads = |id: &str| {
        let code = ALL.iter().find(|kind| kind.id == id).unwrap().code;
        decision.readings.iter().find(|reading| reading.code == code).unwrap().reading.clone()
    };
    assert!(matches!(reads("call_in_progress"), Reading::Fired(_)));
    assert!(matches!(reads("bank_is_calling"), Reading::Fired(_)));

    // Another need is met by something else, and what is firm still counts.
    let (firm, decision) =
        steps(&with(&PROTECTIVE, 0b1000, with(&FIRM, 0b1, with(&PLAIN, 0b111, facts()))));
    assert_eq!(firm, [(80, Some(Step::Hold)), (80, None)]);
    assert!(decision.contact.is_some());

    // A bank that is known not to be calling cancels nothing.
    let mut other = call;
    other.transfer.session.bank_on_line = Some(false);
    assert_eq!(steps(&other).0, heard);
}

#[test]
fn what_cancels_has_no_points_of_its_own() {
    let mut files = standard();
    let policy = POLICY.replace("points = 0\n", "points = -5\n");
    files.insert("policy.toml", policy.as_bytes());
    let problems = load(files).unwrap_err();
    let lines: Vec<_> = problems.iter().map(|problem| &*problem.message).collect();
    assert_eq!(lines, ["`points` is no such number"]);
}

/// Decides about what is known, under a name that the check finds on an account of this kind.
fn found(known: &Facts, kind: AccountKind, policy: &Policy) -> Decision {
    let mut facts = known.clone();
    facts.transfer.name_check = Some(NameCheck {
        asked: Some(kind),
        reported: Some(kind),
        ..name_check(Some(NameResult::Match), "")
    });
    decide(&facts, policy)
}

#[test]
fn a_name_that_matches_protects_nobody_from_what_is_done() {
    let policy = load(standard()).unwrap();
    // The last of them is what is said.
    for done in 0..0b1000 {
        let unsaid = with(&PLAIN, done, facts());
        let step = decide(&unsaid, &policy).step;
        for kind in [AccountKind::Personal, AccountKind::Business] {
            assert_eq!(found(&unsaid, kind, &policy).step, step, "{done:b} {kind:?}");
        }
        // A person's account is no firm's, whatever is said.
        let said = with(&PLAIN, done | 0b1000, facts());
        let step = decide(&said, &policy).step;
        assert!(step <= found(&said, AccountKind::Personal, &policy).step, "{done:b}");
    }
}

#[test]
fn a_firm_that_the_check_finds_is_asked_about_where_words_alone_would_hold() {
    let policy = load(standard()).unwrap();
    let told = with(&PLAIN, 0b1011, facts());
    assert_eq!(decide(&told, &policy).step, Some(Step::Hold));
    assert_eq!(found(&told, AccountKind::Business, &policy).step, Some(Step::Ask));
    // With a caller on the line, and the stranger just added, it is held all the same.
    let mut coached = with(&PLAIN, 0b1111, facts());
    coached.transfer.payee.added = Some(coached.transfer.confirmed);
    assert_eq!(found(&coached, AccountKind::Business, &policy).step, Some(Step::Hold));
}

#[test]
fn whatever_is_known_protection_never_raises_a_step() {
    for policy in [small(), load(standard()).unwrap()] {
        each_known(|known, _| {
            let step = decide(&known, &policy).step;
            for protective in 1..1 << PROTECTIVE.len() {
                let protected = with(&PROTECTIVE, protective, known.clone());
                assert!(decide(&protected, &policy).step <= step, "{protective:b}: {known:?}");
            }
        });
    }
}

#[test]
fn whatever_is_known_protection_never_hides_what_is_firm() {
    let policy = small();
    each_known(|known, firm| {
        let alone = decide(&with(&FIRM, firm, facts()), &policy);
        for protective in 0..1 << PROTECTIVE.len() {
            let decision = decide(&with(&PROTECTIVE, protective, known.clone()), &policy);
            assert!(alone.step <= decision.step, "{protective:b}: {known:?}");
            assert!(alone.action <= decision.action, "{protective:b}: {known:?}");
            assert!(points(&alone) <= points(&decision), "{protective:b}: {known:?}");
        }
    });
}

/// Hands over facts in which every combination of plain and firm ones is known, and which of the
/// firm ones are.
#[test]
fn a_denial_releases_nothing_that_any_story_would_review() {
    let mut files = standard();
    let raised = POLICY.replace("hold_from   = 40", "hold_from   = 50");
    files.insert("policy.toml", raised.as_bytes());
    let policy = load(files).unwrap_or_else(|problems| panic!("{problems:?}"));
    // Both stories ask; only the second, which does not lead, is above its review threshold.
    let mut facts = with(&PLAIN, 0b101, facts());
    for question in ["contacted_by_authority", "promised_back", "told_what_to_say"] {
        facts.answers.push(answer(question, "no"));
    }
    let decision = decide(&facts, &policy);
    let steps = decision.weighed.iter().map(|weighed| (weighed.points, weighed.step));
    assert_eq!(steps.collect::<Vec<_>>(), [(45, Some(Step::Ask)), (45, Some(Step::Ask))]);
    assert_eq!(decision.typology.as_deref(), Some("anything"));
    assert_eq!(decision.hold, Some(HoldKind::PendingReview));
}

fn each_known(mut each: impl FnMut(Facts, u32)) {
    for plain in 0..1 << PLAIN.len() {
        for firm in 0..1 << FIRM.len() {
            each(with(&FIRM, firm, with(&PLAIN, plain, facts())), firm);
        }
    }
}
