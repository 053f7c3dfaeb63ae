//! Cases: stories with the decision they must get.
//!
//! A fraud team states here what its policy is for, in its own words, honest payments above all; a
//! policy that decides one of them otherwise is not activated. A story says only what matters to it:
//! what it leaves out is a missing fact.
//!
//! Never part of deciding: cases are read and run while a policy is checked.

use crate::account::{Account, Token};
use crate::calendar::{Span, Time};
use crate::decision::{Action, ContactRoute, Decision, HoldKind, decide};
use crate::document::{Document, Problem, Problems, Section, all, nearest};
use crate::history::{Pair, Recall};
use crate::money::{Amount, Currency, Money};
use crate::policy::{Files, Policy, admit};
use crate::signal::{Facts, Mode, Reading};
use crate::transfer::{
    Answer, Call, CallDirection, CallState, Dismissal, Dismissed, NameCheck, NameResult, Payee,
    Payer, Session, Stage, Texts, Transfer,
};

/// A policy that was checked, and how much there was to check.
#[derive(Debug)]
pub struct Checked {
    /// The policy.
    pub policy: Policy,
    /// How many cases it decided as they want.
    pub cases: usize,
}

/// Reads a policy, checks whether it is fit to decide, and runs its cases.
///
/// # Errors
///
/// Every problem of every file, by file and line. Cases run wherever the policy can be read.
pub fn check(files: Files) -> Result<Checked, Vec<Problem>> {
    let problems = Problems::default();
    let checked = admit(files, &problems).map(|policy| {
        let cases = run(&policy, &problems);
        Checked { policy, cases }
    });
    checked.filter(|_| problems.none()).ok_or_else(|| problems.into_sorted())
}

/// Runs the policy's cases, noting each that is decided otherwise, and counts them.
fn run(policy: &Policy, problems: &Problems) -> usize {
    let contents = policy.files().contents(FILE).unwrap_or(&[]);
    let text = std::str::from_utf8(contents).unwrap_or("");
    let document = Document::parse(FILE, text, problems);
    let root = document.root();
    root.whole("schema", 1..=1_i64);
    let cases = root.sections("case").unwrap_or_default();
    for case in &cases {
        case.text("name");
        let facts = facts(case, policy);
        let Some(want) = case.section("want") else { continue };
        let want = Want::read(&want, policy);
        if let (Some(facts), Some(want)) = (facts, want) {
            let decision = decide(&facts, policy);
            for (wanted, got) in want.differences(&decision, policy) {
                let message = format!("the case wants {wanted} and gets {got}");
                case.report("want", message, account_of(&decision, policy));
            }
        }
    }
    cases.len()
}

/// What a case wants. What it does not state may be anything.
struct Want {
    action: Action,
    hold: Option<HoldKind>,
    typology: Option<Box<str>>,
    points: Option<i64>,
    fired: Option<Vec<Box<str>>>,
    warning: Option<bool>,
    contact: Option<ContactRoute>,
}

impl Want {
    fn read(section: &Section<'_>, policy: &Policy) -> Option<Self> {
        let action = section.choice("action", &ACTIONS);
        let hold = section.optional("hold", |section, key| section.choice(key, &HOLDS));
        let typology = section.optional("typology", |section, key| {
            let ids = policy.typologies().iter().map(|typology| (&*typology.id, &*typology.id));
            section.choice(key, &ids.collect::<Vec<_>>()).map(Into::into)
        });
        let points = section.optional("points", |section, key| section.whole(key, -9_999..=9_999));
        let fired = section.optional("fired", |section, key| fired(section, key, policy));
        let warning = section.optional("warning", Section::flag);
        let contact = section.optional("contact", |section, key| section.choice(key, &ROUTES));
        Some(Self {
            action: action?,
            hold: hold?,
            typology: typology?,
            points: points?,
            fired: fired?,
            warning: warning?,
            contact: contact?,
        })
    }

    /// Returns what is wanted and what was got, for each that differs.
    fn differences(&self, decision: &Decision, policy: &Policy) -> Vec<(String, String)> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, wanted: String, got: String| {
            if wanted != got {
                differences.push((format!("{what} {wanted}"), got));
            }
        };
        compare("to", named(&ACTIONS, Some(self.action)), named(&ACTIONS, Some(decision.action)));
        if self.hold.is_some() {
            compare("a hold", named(&HOLDS, self.hold), named(&HOLDS, decision.hold));
        }
        if let Some(typology) = &self.typology {
            let got = decision.typology.as_deref().unwrap_or("none");
            compare("the typology", typology.to_string(), got.to_owned());
        }
        if let Some(points) = self.points {
            let got = decision.points().map_or("none".to_owned(), |points| points.to_string());
            compare("points", points.to_string(), got);
        }
        if let Some(fired) = &self.fired {
            let list = |names: String| if names.is_empty() { "none".to_owned() } else { names };
            let got = list(names_fired(decision, policy).join(", "));
            compare("fired", list(fired.join(", ")), got);
        }
        if let Some(warning) = self.warning {
            compare("a warning", warning.to_string(), decision.warning.is_some().to_string());
        }
        if self.contact.is_some() {
            compare("contact by", named(&ROUTES, self.contact), named(&ROUTES, decision.contact));
        }
        differences
    }
}

/// Returns how a decision came about, in one line.
fn account_of(decision: &Decision, policy: &Policy) -> String {
    let weighed = decision.weighed.iter();
    let weighed: Vec<_> =
        weighed.map(|weighed| format!("{} {} points", weighed.typology, weighed.points)).collect();
    let fired = names_fired(decision, policy).join(", ");
    let fired = if fired.is_empty() { "nothing".to_owned() } else { fired };
    format!("{fired} fired: {}", weighed.join(", "))
}

fn names_fired<'p>(decision: &Decision, policy: &'p Policy) -> Vec<&'p str> {
    let fired = decision.readings.iter().filter(|read| matches!(read.reading, Reading::Fired(_)));
    let mut watches = policy.watches().iter();
    let name = |code| watches.find(|watch| watch.kind.code == code).map(|watch| watch.kind.id);
    fired.map(|read| read.code).filter_map(name).collect()
}

fn named<T: Copy + PartialEq>(choices: &[(&str, T)], value: Option<T>) -> String {
    let found = choices.iter().find(|(_, known)| Some(*known) == value);
    found.map_or("none", |(name, _)| name).to_owned()
}

fn fired(section: &Section<'_>, key: &str, policy: &Policy) -> Option<Vec<Box<str>>> {
    let names = section.texts(key)?;
    all(names.iter().map(|name| {
        let ids = policy.watches().iter().map(|watch| watch.kind.id);
        if !ids.clone().any(|id| id == name.text) {
            let message = format!("`{}` is no signal of this policy", name.text);
            section.report_at(name.line, message, nearest(name.text, ids));
            return None;
        }
        Some(name.text.into())
    }))
}

/// Reads the facts of one case, noting every problem.
fn facts(case: &Section<'_>, policy: &Policy) -> Option<Facts> {
    let section = case.section("transfer");
    let sent = section.as_ref().and_then(|section| money(section, "amount"));
    let texts = section.as_ref().and_then(texts);
    let balance = case.optional("payer", |case, key| {
        let section = case.section(key)?;
        section.optional("balance", money)
    });
    let paid = case.optional("payee", |case, key| payee(&case.section(key)?));
    let name_check = case.optional("name_check", |case, key| name_check(&case.section(key)?));
    let session = case.optional("session", |case, key| session(&case.section(key)?));
    let known = case.optional("remembered", |case, key| remembered(&case.section(key)?));
    let asked = case.optional("asked", |case, key| asked(&case.section(key)?));

    let (stage, can_ask, answers) = asked?.unwrap_or((Stage::BeforeConfirmation, true, Vec::new()));
    let payer = Payer {
        customer: "case".into(),
        account: Account::uk("000000", "00000001", "").ok()?,
        name: None,
        segment: None,
        balance: balance?.flatten(),
        permitted: None,
    };
    let texts = texts?;
    Some(Facts {
        mentions: policy.mentions(&texts, &answers),
        transfer: Box::new(Transfer {
            end_to_end_id: None,
            instruction_id: None,
            uetr: None,
            rail: None,
            instruction: None,
            channel: None,
            initiation: None,
            money: sent?,
            confirmed: NOW,
            due: None,
            payer,
            payee: match paid? {
                Some(stated) => stated,
                None => stranger()?,
            },
            name_check: name_check?,
            texts,
            session: session?.unwrap_or_default(),
            gathered: None,
        }),
        stage,
        can_ask,
        answers,
        recall: Recall { payer_first: None, pair: known?, earlier: None },
        inherited: Vec::new(),
        decided: NOW,
        mode: Mode::Normal,
        seed: 0,
        rejected: Vec::new(),
    })
}

fn money(section: &Section<'_>, key: &str) -> Option<Money> {
    let expected = "an amount, such as \"3200.00\"";
    let amount = section.parsed(key, expected, |text| Amount::parse(text).ok());
    let expected = "three letters of ISO 4217, such as \"EUR\"";
    let currency = section
        .optional("currency", |section, key| section.parsed(key, expected, Currency::from_code));
    Some(Money { amount: amount?, currency: currency?.unwrap_or(Currency::GBP) })
}

fn texts(section: &Section<'_>) -> Option<Texts> {
    let text = |key| section.optional(key, |section, key| section.text(key).map(Into::into));
    let (reference, remittance, purpose) = (text("reference"), text("remittance"), text("purpose"));
    Some(Texts {
        reference: reference?,
        remittance: remittance?,
        purpose: purpose?,
        ..Texts::default()
    })
}

/// Returns a payee of whom nothing is known.
fn stranger() -> Option<Payee> {
    Some(Payee {
        account: Account::uk("000000", "00000002", "").ok()?,
        name: None,
        declared: None,
        provider: None,
        own: None,
        added: None,
        first_paid: None,
        times_paid: None,
        total_paid: None,
        reputation: None,
    })
}

fn payee(section: &Section<'_>) -> Option<Payee> {
    let own = section.optional("own", Section::flag);
    let added = section.optional("added_minutes_ago", |section, key| {
        let minutes = section.whole(key, 0..=MINUTES_MAX)?;
        Some(NOW.minus(Span::minutes(minutes)))
    });
    let first_paid = section.optional("first_paid_days_ago", days_ago);
    let times_paid =
        section.optional("times_paid", |section, key| section.whole(key, 0..=u32::MAX));
    let total_paid = section.optional("total_paid", money);
    Some(Payee {
        own: own?,
        added: added?,
        first_paid: first_paid?,
        times_paid: times_paid?,
        total_paid: total_paid?,
        ..stranger()?
    })
}

fn days_ago(section: &Section<'_>, key: &str) -> Option<Time> {
    let days = section.whole(key, 0..=DAYS_MAX)?;
    Some(NOW.minus(Span::days(days)))
}

fn name_check(section: &Section<'_>) -> Option<NameCheck> {
    let result = section.choice("result", &RESULTS);
    let reason = section.optional("reason", |section, key| section.text(key).map(Into::into));
    Some(NameCheck {
        result: Some(result?),
        reason: reason?,
        asked: None,
        reported: None,
        checked: None,
    })
}

fn session(section: &Section<'_>) -> Option<Session> {
    let state = section.optional("call", |section, key| section.choice(key, &CALLS));
    let direction =
        section.optional("call_direction", |section, key| section.choice(key, &DIRECTIONS));
    let flag = |key| section.optional(key, Section::flag);
    let (bank_on_line, remote_access) = (flag("bank_on_line"), flag("remote_access"));
    let dismissed = section.optional("dismissed_seconds", |section, key| {
        let seconds = section.texts(key)?;
        all(seconds.iter().map(|text| {
            let seconds = text.text.parse().ok().map(Span::seconds);
            if seconds.is_none() {
                let message = format!("`{}` is no number of seconds", text.text);
                section.report_at(text.line, message, "write whole seconds in quotes");
            }
            Some(Dismissal { digest: None, shown: Some(seconds?) })
        }))
    });
    let (state, direction) = (state?, direction?);
    let call = state.map(|state| Call { state, ended: None, direction, source: None });
    Some(Session {
        call,
        remote_access: remote_access?,
        bank_on_line: bank_on_line?,
        dismissed: dismissed?.map(|warnings| Dismissed { warnings }),
        ..Session::default()
    })
}

fn remembered(section: &Section<'_>) -> Option<Pair> {
    let first = days_ago(section, "first_days_ago");
    let count = section.whole("times", 1..=u32::MAX);
    let total = money(section, "total");
    let begun = Pair::begin(Token([0; 16]), first?, total?);
    Some(Pair { count: count?, ..begun })
}

fn asked(section: &Section<'_>) -> Option<(Stage, bool, Vec<Answer>)> {
    let stage = section.optional("stage", |section, key| section.choice(key, &STAGES));
    let can_ask = section.optional("can_ask", Section::flag);
    let answers = section.optional("answers", |section, key| {
        let answers = section.section(key)?;
        all(answers.keys().iter().map(|question| {
            let option = answers.text(question.text)?;
            let question = question.text.into();
            Some(Answer { question, option: Some(option.into()), text: None, answered: None })
        }))
    });
    let stage = stage?.unwrap_or(Stage::BeforeConfirmation);
    Some((stage, can_ask?.unwrap_or(true), answers?.unwrap_or_default()))
}

const FILE: &str = "cases.toml";

/// When every case takes place: 20 November 2026 at 15:00 UTC, a Friday, like the story this
/// service began with.
const NOW: Time = Time::from_micros(1_795_186_800_000_000);

// A century: longer than any account.
const DAYS_MAX: i64 = 36_500;
const MINUTES_MAX: i64 = 52_560_000;

const ACTIONS: [(&str, Action); 2] = [("allow", Action::Allow), ("hold", Action::Hold)];
const HOLDS: [(&str, HoldKind); 2] =
    [("pending_answers", HoldKind::PendingAnswers), ("pending_review", HoldKind::PendingReview)];
const ROUTES: [(&str, ContactRoute); 2] =
    [("screen", ContactRoute::Screen), ("registered_number", ContactRoute::RegisteredNumber)];
const STAGES: [(&str, Stage); 3] = [
    ("before_confirmation", Stage::BeforeConfirmation),
    ("at_submission", Stage::AtSubmission),
    ("rescreen", Stage::Rescreen),
];
const RESULTS: [(&str, NameResult); 4] = [
    ("match", NameResult::Match),
    ("close_match", NameResult::CloseMatch),
    ("no_match", NameResult::NoMatch),
    ("could_not_check", NameResult::CouldNotCheck),
];
const CALLS: [(&str, CallState); 4] = [
    ("none", CallState::NoCall),
    ("in_progress", CallState::InProgress),
    ("ended", CallState::Ended),
    ("not_supported", CallState::NotSupported),
];
const DIRECTIONS: [(&str, CallDirection); 2] =
    [("incoming", CallDirection::Incoming), ("outgoing", CallDirection::Outgoing)];
