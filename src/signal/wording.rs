//! Wording: what signals of the narrative family look for, which is mentions of concepts.
//!
//! One mention may be telling by itself ("legal advice"), or only together with another ("refund"
//! and "cheque"), in whatever texts of the transfer they stand.
//!
//! Never looks at the texts themselves: what they mention is a fact by then.

use std::borrow::Cow;

use crate::document::{Section, Text, all, slip};
use crate::signal::{Facts, Reading};
use crate::text::Concept;
use crate::transfer::Fact;

/// Looks for a mention of one of `alone`, else of all of `together` where that names any.
///
/// Unavailable where nothing was written at all; what was written and says nothing of it is quiet.
pub(super) fn look(facts: &Facts, alone: &[Concept], together: &[Concept]) -> Reading {
    let told = facts.mentions.iter().find(|found| alone.contains(&found.concept));
    if let Some(found) = told {
        let (source, concept) = (found.source.words(), found.concept.words());
        return Reading::Fired(Cow::Owned(format!("{source} mentions {concept}")));
    }
    let is_told = |concept: &Concept| facts.mentions.iter().any(|found| found.concept == *concept);
    if !together.is_empty() && together.iter().all(is_told) {
        let words: Vec<_> = together.iter().map(|concept| concept.words()).collect();
        return Reading::Fired(Cow::Owned(format!("{} are mentioned", words.join(" and "))));
    }
    if is_written(facts) { Reading::Quiet } else { Reading::Unavailable(Fact::Reference) }
}

/// Reads a list of at least one concept by their names.
pub(super) fn concepts(section: &Section<'_>, key: &str) -> Option<Vec<Concept>> {
    let names = section.texts(key)?;
    if names.is_empty() {
        section.report(key, format!("`{key}` is empty"), "name a concept of lexicon.toml");
        return None;
    }
    all(names.iter().map(|name| concept(section, *name)))
}

/// Returns the concept of that name. Where there is none, notes that no policy can add one, or which
/// one a slip hides.
pub fn concept(section: &Section<'_>, name: Text<'_>) -> Option<Concept> {
    let concept = Concept::named(name.text);
    if concept.is_none() {
        let names = Concept::ALL.iter().map(|concept| concept.name());
        let mut message = format!("`{}` is no concept", name.text);
        let advice = if let Some(known) = slip(name.text, names.clone()) {
            format!("did you mean `{known}`?")
        } else {
            message.push_str(" that this program knows, and a policy cannot add one");
            let names: Vec<_> = names.map(|known| format!("`{known}`")).collect();
            format!("put the phrases under the nearest of {}", names.join(", "))
        };
        section.report_at(name.line, message, advice);
    }
    concept
}

/// Tells whether the payer wrote anything that could have mentioned something.
pub(super) fn is_written(facts: &Facts) -> bool {
    let texts = &facts.transfer.texts;
    texts.reference.is_some() || texts.remittance.is_some() || texts.purpose.is_some()
}

/// Checks a signal of this kind: what it reads where a reference is written, or not, and mentions
/// each of `mentioned`.
#[cfg(test)]
#[track_caller]
pub(super) fn check(
    signal: &dyn crate::signal::Look,
    reference: Option<&str>,
    mentioned: &[(crate::text::Source, Concept)],
    want: &Reading,
) {
    let mut facts = crate::testing::facts();
    facts.transfer.texts.reference = reference.map(Into::into);
    let mentions = mentioned.iter().map(|(source, concept)| crate::text::Mention {
        concept: *concept,
        source: *source,
        from: 0,
        until: 4,
    });
    facts.mentions = mentions.collect();
    assert_eq!(&signal.look(&facts), want);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read_section;

    #[test]
    fn settings_name_concepts_that_there_are() {
        let read = |text| read_section(text, |section| concepts(section, "concepts"));
        let found = Some(vec![Concept::Bail, Concept::Court]);
        assert_eq!(read("concepts = [\"bail\", \"court\"]"), (found, vec![]));
        for (text, problem) in [
            ("concepts = []", "a.toml:1: `concepts` is empty: name a concept of lexicon.toml"),
            (
                "concepts = [\"bailiff\"]",
                "a.toml:1: `bailiff` is no concept that this program knows, and a policy cannot \
                 add one: put the phrases under the nearest of `legal_advice`, `solicitor`, \
                 `warrant`, `bail`, `court`, `refund_promise`, `refund`, `cheque`, `arrest`, `fine`, \
                 `police`, `agency`, `bank_staff`, `investigation`, `safe_account`, `urgency`, \
                 `secrecy`, `deposit_bond`, `courier`, `tax`, `recovery`, `immigration`, \
                 `inquiry`, `own_account`",
            ),
            ("concepts = [\"bale\"]", "a.toml:1: `bale` is no concept: did you mean `bail`?"),
        ] {
            assert_eq!(read(text), (None, vec![problem.to_owned()]));
        }
    }
}
