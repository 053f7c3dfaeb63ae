//! Missing: the words that some language lacks.
//!
//! Whoever adds a warning forgets whole files, and whoever misspells its id in one file has made a
//! second warning that all other files lack: either is one problem, and not one for each step.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::{Problems, slip};
use crate::warning::Step;
use crate::warning::script::{Locales, Scripts};

/// By the id of a warning: the languages in which another id was written for it; none for that other.
pub(super) type Slips = BTreeMap<Box<str>, BTreeSet<Box<str>>>;

/// One warning, being looked through.
#[derive(Debug)]
pub(super) struct Missing<'a> {
    pub(super) id: &'a str,
    pub(super) steps: [(Step, &'a Locales); 3],
    /// The language whose words others are held against.
    pub(super) locale: &'a str,
    pub(super) slips: &'a Slips,
    pub(super) problems: &'a Problems,
}

/// Notes each id that is most likely another with a slip: it is near that one, and stands in fewer
/// languages, all of which that one lacks.
pub(super) fn slips(scripts: &Scripts, problems: &Problems) -> Slips {
    let within = |steps: &[Locales; 3]| -> BTreeSet<Box<str>> {
        steps.iter().flat_map(BTreeMap::keys).cloned().collect()
    };
    let mut slips = Slips::new();
    for (id, steps) in scripts {
        let here = within(steps);
        let others = scripts.iter().filter(|(other, steps)| {
            let there = within(steps);
            *other != id && here.len() < there.len() && here.is_disjoint(&there)
        });
        let Some(meant) = slip(id, others.map(|(other, _)| &**other)) else { continue };
        for locale in &here {
            let script = steps.iter().find_map(|locales| locales.get(locale));
            let Some(script) = script else { continue };
            let message = format!("`{id}` stands where other languages have `{meant}`");
            let advice = format!("write `{meant}` here as well");
            problems.report(&script.file, script.line, message, advice);
            slips.entry(id.clone()).or_default();
            slips.entry(meant.into()).or_default().insert(locale.clone());
        }
    }
    slips
}

impl Missing<'_> {
    /// Notes the languages of `locales` that lack the warning, or a step of it. `faulty` tells whether
    /// words are there that could not be read, which is told elsewhere.
    pub(super) fn tell(&self, locales: &[Box<str>], faulty: impl Fn(Step, &str) -> bool) {
        // With another id in its place, what it lacks is what that one has.
        let slipped = self.slips.get(self.id);
        if slipped.is_some_and(BTreeSet::is_empty) {
            return;
        }
        let lacking = locales.iter().filter(|it| !slipped.is_some_and(|there| there.contains(*it)));
        let mut whole: Vec<&str> = Vec::new();
        for other in lacking {
            let lacks = |step: Step, there: &Locales| {
                !there.is_empty() && !there.contains_key(other) && !faulty(step, other)
            };
            if self.steps.iter().all(|(step, there)| there.is_empty() || lacks(*step, there)) {
                whole.push(&**other);
                continue;
            }
            for (step, there) in self.steps.iter().filter(|(step, there)| lacks(*step, there)) {
                let message = format!("`{}` has no words to {} in `{other}`", self.id, step.name());
                let advice = format!("add them to warnings/{other}.toml");
                self.report(there, message, advice);
            }
        }
        let named = |whole: &[&str], before: &str, after: &str| {
            let names: Vec<_> = whole.iter().map(|it| format!("{before}{it}{after}")).collect();
            names.join(", ")
        };
        let there = self.steps.iter().map(|(_, there)| *there).find(|there| !there.is_empty());
        if let (Some(there), false) = (there, whole.is_empty()) {
            let message = format!("`{}` has no words in {}", self.id, named(&whole, "`", "`"));
            let advice = format!("add it to {}", named(&whole, "warnings/", ".toml"));
            self.report(there, message, advice);
        }
    }

    /// Reports at the words of its own language, or else at the first that are there.
    fn report(&self, there: &Locales, message: String, advice: String) {
        if let Some(script) = there.get(self.locale).or_else(|| there.values().next()) {
            self.problems.report(&script.file, script.line, message, advice);
        }
    }
}
