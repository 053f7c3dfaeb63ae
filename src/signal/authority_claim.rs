//! Authority claim: the payer says that the police, an authority or the bank itself is behind it.
//!
//! Every story of this kind begins with somebody who poses as one of them. None of them asks anybody
//! to pay a person by transfer; what they are honestly paid (tax, fines, fees for visas) goes to
//! accounts of theirs and is named after what it is for. So their names alone seldom tell, and the
//! lexicon wants most of them with an officer, a case or a fine.
//!
//! Unavailable where nothing was written at all; what was written and says nothing of it is quiet.

use crate::document::Section;
use crate::signal::wording::{concepts, look};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::text::Concept;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "authority_claim",
    code: 11,
    version: 1,
    family: Family::Narrative,
    group: "authority_claim",
    recalls: false,
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
        look(facts, &self.concepts, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::signal::wording;
    use crate::text::Source;
    use crate::transfer::Fact;

    #[track_caller]
    fn check(reference: Option<&str>, mentioned: &[(Source, Concept)], want: &Reading) {
        let settings = Settings { concepts: vec![Concept::Police] };
        wording::check(&settings, reference, mentioned, want);
    }

    #[test]
    fn one_mention_is_enough_in_whatever_text() {
        let fired = Reading::Fired("the reference mentions the police".into());
        check(Some("x"), &[(Source::Reference, Concept::Police)], &fired);
        let fired = Reading::Fired("an answer mentions the police".into());
        check(None, &[(Source::Answer, Concept::Police)], &fired);
    }

    #[test]
    fn other_words_are_quiet_and_none_are_nothing_to_go_by() {
        check(Some("x"), &[(Source::Reference, Concept::Bail)], &Quiet);
        check(Some("x"), &[], &Quiet);
        check(None, &[], &Unavailable(Fact::Reference));
    }
}
