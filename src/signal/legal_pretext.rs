//! Legal pretext: the payer says that the money is for a lawyer, a warrant, bail or a court.
//!
//! The story of the scam that this service exists for: "wanted in connection with a warrant", "to
//! pay for legal advice". Those who buy a house or pay a fine say the same, and most victims are
//! told to say something else, so the words are telling only together with how the money moves.
//!
//! Unavailable where nothing was written at all; what was written and says nothing of it is quiet.

use std::borrow::Cow;

use crate::document::{Section, all, nearest};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::text::Concept;
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "legal_pretext",
    code: 8,
    version: 1,
    family: Family::Narrative,
    group: "legal_pretext",
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Concepts of which one mention is enough.
    pub concepts: Vec<Concept>,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        Some(Self { concepts: concepts(section, "concepts")? })
    }
}

impl Look for Settings {
    /// Looks for a mention of one of `concepts`.
    fn look(&self, facts: &Facts) -> Reading {
        let told = facts.mentions.iter().find(|found| self.concepts.contains(&found.concept));
        match told {
            Some(found) => {
                let (source, concept) = (found.source.words(), found.concept.words());
                Reading::Fired(Cow::Owned(format!("{source} mentions {concept}")))
            }
            None if written(facts) => Reading::Quiet,
            None => Reading::Unavailable(Fact::Reference),
        }
    }
}

/// Reads a list of at least one concept by their names.
pub(super) fn concepts(section: &Section<'_>, key: &str) -> Option<Vec<Concept>> {
    let names = section.texts(key)?;
    if names.is_empty() {
        section.report(key, format!("`{key}` is empty"), "name a concept of lexicon.toml");
        return None;
    }
    all(names.iter().map(|name| {
        let concept = Concept::named(name.text);
        if concept.is_none() {
            let known = Concept::ALL.iter().map(|concept| concept.name());
            let message = format!("`{}` is no concept", name.text);
            section.report_at(name.line, message, nearest(name.text, known));
        }
        concept
    }))
}

/// Tells whether the payer wrote anything that could have mentioned something.
pub(super) fn written(facts: &Facts) -> bool {
    let texts = &facts.transfer.texts;
    texts.reference.is_some() || texts.remittance.is_some() || texts.purpose.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, read_section};
    use crate::text::{Mention, Source};

    /// Looks for warrants and bail.
    #[track_caller]
    fn check(reference: Option<&str>, mentions: &[(Source, Concept)], want: &Reading) {
        let mut facts = facts();
        facts.transfer.texts.reference = reference.map(Into::into);
        facts.mentions = mentions
            .iter()
            .map(|(source, concept)| Mention {
                concept: *concept,
                source: *source,
                from: 0,
                until: 4,
            })
            .collect();
        let settings = Settings { concepts: vec![Concept::Warrant, Concept::Bail] };
        assert_eq!(&settings.look(&facts), want);
    }

    #[test]
    fn one_mention_of_one_of_the_concepts_is_enough() {
        let bail = (Source::Reference, Concept::Bail);
        let want = Reading::Fired("the reference mentions bail".into());
        check(Some("bail"), &[bail], &want);
        check(Some("x"), &[(Source::Purpose, Concept::Cheque), bail], &want);
        check(Some("x"), &[(Source::Reference, Concept::Court)], &Quiet);
        check(Some("x"), &[], &Quiet);
    }

    #[test]
    fn where_nothing_is_written_nobody_can_tell() {
        check(None, &[], &Unavailable(Fact::Reference));
        let warrant = (Source::Answer, Concept::Warrant);
        check(None, &[warrant], &Reading::Fired("an answer mentions a warrant".into()));
    }

    #[test]
    fn settings_name_concepts_that_there_are() {
        let read = |text| read_section(text, |section| concepts(section, "concepts"));
        let found = Some(vec![Concept::Bail, Concept::Court]);
        assert_eq!(read("concepts = [\"bail\", \"court\"]"), (found, vec![]));
        for (text, problem) in [
            ("concepts = []", "a.toml:1: `concepts` is empty: name a concept of lexicon.toml"),
            ("concepts = [\"bale\"]", "a.toml:1: `bale` is no concept: did you mean `bail`?"),
        ] {
            assert_eq!(read(text), (None, vec![problem.to_owned()]));
        }
    }
}
