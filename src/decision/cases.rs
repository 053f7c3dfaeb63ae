//! Cases: stories with the decision they must get.
//!
//! A fraud team states here what its policy is for, in its own words, honest payments above all; a
//! policy that decides one of them otherwise is not activated. A story says only what matters to it:
//! what it leaves out is a missing fact.
//!
//! Never part of deciding: cases are read and run while a policy is checked.

use crate::decision::{Action, ContactRoute, Decision, HoldKind, decide};
use crate::document::{Document, Problem, Problems, Section, all, nearest};
use crate::policy::{Files, Policy, admit};
use crate::signal::Reading;

mod account;
mod facts;
mod remembered;

use account::account_of;
use facts::facts;

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
            let mut differences = want.differences(&decision, policy);
            // As they will be listed, for the account is told once and read first.
            differences.sort();
            for (at, (wanted, got)) in differences.into_iter().enumerate() {
                let lost = want.typology.as_deref();
                let lost = lost.filter(|wanted| decision.typology.as_deref() != Some(*wanted));
                let advice = match at {
                    0 => account_of(&facts, &decision, policy, lost),
                    _ => "it came about as told above".to_owned(),
                };
                let message = format!("the case wants {wanted} and gets {got}");
                case.report("want", message, advice);
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
        let held_only = ["hold", "contact"].into_iter().filter(|key| section.has(key));
        let mut contradictions = 0_usize;
        for key in held_only.filter(|_| action == Some(Action::Allow)) {
            contradictions = contradictions.saturating_add(1);
            let message =
                format!("`want` contradicts itself: it allows the payment and has a `{key}`");
            let advice = format!("remove `{key}`, or write `action = \"hold\"`");
            section.report(key, message, advice);
        }
        if contradictions != 0 {
            return None;
        }
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

const FILE: &str = "cases.toml";

const ACTIONS: [(&str, Action); 2] = [("allow", Action::Allow), ("hold", Action::Hold)];
const HOLDS: [(&str, HoldKind); 2] =
    [("pending_answers", HoldKind::PendingAnswers), ("pending_review", HoldKind::PendingReview)];
const ROUTES: [(&str, ContactRoute); 2] =
    [("screen", ContactRoute::Screen), ("registered_number", ContactRoute::RegisteredNumber)];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::calendar::Time;
    use crate::decision::{decide_glanced, glance};
    use crate::history::Recall;
    use crate::policy::{load, standard};
    use crate::signal::Facts;

    #[test]
    fn what_is_seen_before_anything_is_recalled_stands() {
        let (policy, problems) = (load(standard()).unwrap(), Problems::default());
        let text = std::str::from_utf8(policy.files().contents(FILE).unwrap()).unwrap();
        let document = Document::parse(FILE, text, &problems);
        let mut fired = BTreeSet::new();
        for case in document.root().sections("case").unwrap() {
            let facts = facts(&case, &policy).unwrap();
            let (recall, inherited) = (Recall::default(), Vec::new());
            let bare = Facts { recall, inherited, decided: Time::MIN, ..facts.clone() };
            let decision = decide(&facts, &policy);
            let glanced = decide_glanced(&facts, &policy, &glance(&bare, &policy));
            assert_eq!(glanced, decision, "{:?}", case.text("name"));
            fired.extend(names_fired(&decision, &policy));
        }
        let glanced = policy.watches().iter().map(|watch| &watch.kind).filter(|kind| !kind.recalls);
        let unseen = glanced.map(|kind| kind.id).filter(|id| !fired.contains(id));
        // These are in no case of the policy.
        let want = ["promised_refund", "telecom_signal", "behavioural_biometrics"];
        assert_eq!(unseen.collect::<Vec<_>>(), want);
    }
}
