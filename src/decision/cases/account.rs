//! Account: how a case was decided, in one line, and what kept the story it wants from leading.
//!
//! Never runs anything: it reads a decision that was made.

use std::cmp::Reverse;

use crate::decision::cases::names_fired;
use crate::decision::{Decision, Weighed, cancelled};
use crate::document::{Document, Problems};
use crate::policy::{Policy, Signals, Typology};
use crate::signal::{Facts, Reading};
use crate::text::Concept;

/// Returns how a decision came about: what fired, what the texts mention, and the typologies that
/// came closest, with `wanted` among them wherever it came.
pub(super) fn account_of(
    facts: &Facts,
    decision: &Decision,
    policy: &Policy,
    wanted: Option<&str>,
) -> String {
    let or_nothing = |list: String| if list.is_empty() { "nothing".to_owned() } else { list };
    let fired = or_nothing(names_fired(decision, policy).join(", "));
    let mut concepts: Vec<_> = facts.mentions.iter().map(|mention| mention.concept).collect();
    concepts.sort_unstable();
    concepts.dedup();
    let concepts: Vec<_> = concepts.into_iter().map(Concept::name).collect();
    let mentioned = or_nothing(concepts.join(", "));

    let mut weighed: Vec<_> = decision.weighed.iter().collect();
    weighed.sort_by_key(|weighed| Reverse((weighed.step, weighed.points)));
    let nothing = wanted.map(|id| Weighed { typology: id.into(), points: 0, step: None });
    let is_wanted = |weighed: &Weighed| wanted == Some(&*weighed.typology);
    let last = weighed.iter().copied().skip(TOLD_MAX).find(|weighed| is_wanted(weighed));
    let absent = !weighed.iter().any(|weighed| is_wanted(weighed));
    weighed.truncate(TOLD_MAX);
    weighed.extend(last.or(nothing.as_ref().filter(|_| absent)));

    let account = Account { facts, decision, policy };
    let told = weighed.into_iter().map(|weighed| account.of(weighed, is_wanted(weighed)));
    let mut told: Vec<_> = told.collect();
    if told.is_empty() {
        told.push("no typology comes to anything".to_owned());
    }
    format!("{fired} fired, {mentioned} is mentioned: {}", told.join("; "))
}

/// One decision being told of.
struct Account<'a> {
    facts: &'a Facts,
    decision: &'a Decision,
    policy: &'a Policy,
}

impl Account<'_> {
    /// Returns what one typology came to, and what it lacks of a step.
    fn of(&self, weighed: &Weighed, wanted: bool) -> String {
        let Weighed { typology: id, points, step } = weighed;
        let came = format!("{id} {points} points");
        let typologies = self.policy.typologies();
        let Some(story) = typologies.iter().find(|story| story.id == *id) else { return came };
        let lacking = self.lacking(story);
        let lacks = lacking.join(" and ");
        match step {
            Some(step) if wanted && self.decision.step == Some(*step) => {
                let leader = self.decision.typology.as_deref().unwrap_or("none");
                let so = format!("{came}, so to {}, but", step.name());
                if lacking.is_empty() {
                    format!("{so} {leader} goes before it by `priority`")
                } else {
                    format!("{so} {leader} goes before it: it lacks {lacks}")
                }
            }
            Some(step) => format!("{came}, so to {}", step.name()),
            None if *points < story.inform_from && !wanted => came,
            None => {
                let mut why = Vec::new();
                if *points < story.inform_from {
                    why.push(format!("informs from {}", story.inform_from));
                }
                if !lacking.is_empty() {
                    why.push(format!("lacks {lacks}"));
                }
                if self.is_small(story) {
                    why.push("speaks of larger amounts only".to_owned());
                }
                format!("{came}, but {}", why.join(", and "))
            }
        }
    }

    /// Returns what a typology needs and has not, in the names that the policy writes.
    fn lacking(&self, story: &Typology) -> Vec<String> {
        let fired = self.fired();
        let written = needs_of(&story.id, self.policy);
        let unmet = story.needs.iter().zip(&written).filter(|(needed, _)| !fired.meets(**needed));
        let mut lacking: Vec<_> = unmet.map(|(_, names)| one_of(names)).collect();
        if !story.is_told(&self.facts.mentions) {
            let names: Vec<_> = story.mentions.iter().map(|concept| concept.name()).collect();
            lacking.push(format!("a mention of {}", one_of(&names)));
        }
        lacking
    }

    /// Returns the signals that met a need if they were in it.
    fn fired(&self) -> Signals {
        let readings = &self.decision.readings;
        let has_fired = |code| {
            let mut readings = readings.iter().filter(|read| read.code == code);
            readings.any(|read| matches!(read.reading, Reading::Fired(_)))
        };
        let watches = self.policy.watches().iter().enumerate();
        let fired = watches.filter(|(_, watch)| has_fired(watch.kind.code));
        let fired = Signals::at(fired.map(|(at, _)| at));
        fired.less(cancelled(self.policy, fired))
    }

    fn is_small(&self, story: &Typology) -> bool {
        let worth = self.policy.worth(self.facts.transfer.money);
        worth.is_some_and(|worth| worth < story.amount_min.value())
    }
}

/// Returns what a typology needs, list by list, as the policy writes it.
fn needs_of(id: &str, policy: &Policy) -> Vec<Vec<String>> {
    let unheard = Problems::default();
    let contents = policy.files().contents(POLICY).unwrap_or(&[]);
    let text = std::str::from_utf8(contents).unwrap_or("");
    let document = Document::parse(POLICY, text, &unheard);
    let root = document.root();
    let typologies = root.sections("typology").unwrap_or_default();
    let written = typologies.iter().find(|section| section.text("id") == Some(id));
    let lists = written.and_then(|section| section.text_lists("needs")).unwrap_or_default();
    let names = lists.iter().map(|list| list.iter().map(|name| name.text.to_owned()).collect());
    names.collect()
}

fn one_of<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.as_slice() {
        [name] => name.clone(),
        names => format!("one of {}", names.join(", ")),
    }
}

const POLICY: &str = "policy.toml";

/// Typologies that a problem tells of besides the wanted one: those that came closest.
const TOLD_MAX: usize = 3;
