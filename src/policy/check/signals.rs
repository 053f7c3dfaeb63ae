//! Signals: what they look for exists in the other files.

use crate::document::{Document, Problems, Section, Text, nearest};
use crate::policy::check::{LEXICON, POLICY, WARNINGS, Whole};

/// Notes signals and typologies that look for concepts without a phrase, and signals that wait for
/// answers to a question that nobody asks.
pub(super) fn check(whole: &Whole<'_, '_>, problems: &Problems) {
    let unheard = Problems::default();
    let document = Document::parse(POLICY, whole.text(POLICY), &unheard);
    let root = document.root();
    let phrases = Document::parse(LEXICON, whole.text(LEXICON), &unheard);
    let spoken = spoken(&phrases.root());
    let asked = asked(whole);

    let silent = |names: Vec<Text<'_>>, advice: &str| {
        let unspoken = |name: &Text<'_>| !spoken.contains(&name.text);
        for name in names.into_iter().filter(unspoken).filter(|name| is_concept(name.text)) {
            let message = format!("lexicon.toml has no phrase for `{}`", name.text);
            problems.report(POLICY, name.line, message, advice);
        }
    };
    for section in sections(whole, &root) {
        for key in SPOKEN {
            let advice = "add phrases for it, or remove it: the signal cannot fire for it";
            silent(named(&section, key), advice);
        }
        for name in named(&section, ASKED) {
            if !asked.iter().any(|id| **id == *name.text) {
                let message = format!("no warning asks `{}`", name.text);
                let advice = nearest(name.text, asked.iter().map(AsRef::as_ref));
                problems.report(POLICY, name.line, message, advice);
            }
        }
    }
    for story in whole.stories {
        let advice = "add phrases for it, or remove it: no text can mention it";
        silent(story.mentions.clone(), advice);
    }
}

/// Returns the sections of the signals that the policy watches for.
pub(super) fn sections<'d>(whole: &Whole<'_, '_>, root: &Section<'d>) -> Vec<Section<'d>> {
    let Some(signals) = root.section("signal") else { return Vec::new() };
    whole.watches.iter().filter_map(|watch| signals.section(watch.kind.id)).collect()
}

/// Returns the names in a list of settings; none where there is no such list.
pub(super) fn named<'d>(section: &Section<'d>, key: &str) -> Vec<Text<'d>> {
    if section.has(key) { section.texts(key).unwrap_or_default() } else { Vec::new() }
}

/// Returns the concepts that have a phrase.
fn spoken<'d>(lexicon: &Section<'d>) -> Vec<&'d str> {
    let sections = lexicon.sections("concept").unwrap_or_default();
    let spoken = sections.iter().filter(|section| !named(section, "phrases").is_empty());
    spoken.filter_map(|section| section.text("id")).collect()
}

/// Returns the ids of all questions that a warning asks, in any language, each once.
fn asked(whole: &Whole<'_, '_>) -> Vec<Box<str>> {
    let unheard = Problems::default();
    let mut asked: Vec<Box<str>> = Vec::new();
    for (path, _) in whole.files.iter().filter(|(path, _)| path.starts_with(WARNINGS)) {
        let document = Document::parse(path, whole.text(path), &unheard);
        let root = document.root();
        for warning in root.sections("warning").unwrap_or_default() {
            let Some(words) = warning.section("ask") else { continue };
            for question in words.sections("question").unwrap_or_default() {
                asked.extend(question.text("id").map(Into::into));
            }
        }
    }
    asked.sort();
    asked.dedup();
    asked
}

fn is_concept(name: &str) -> bool {
    crate::text::Concept::ALL.iter().any(|concept| concept.name() == name)
}

/// Settings of signals that name concepts.
pub(super) const SPOKEN: [&str; 3] = ["concepts", "alone", "together"];
/// The setting that names questions.
const ASKED: &str = "questions";
