//! Urgency wording: the payer says that it must be now.
//!
//! Callers leave no time to think, and some of that haste ends up in the reference. Roofers, vets and
//! completions are urgent too, so this shares the group of whoever rushes through a warning: haste
//! that is written and haste that is seen are one event.
//!
//! Unavailable where nothing was written at all; what was written and says nothing of it is quiet.

use crate::document::Section;
use crate::signal::wording::{concepts, look};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::text::Concept;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "urgency_wording",
    code: 13,
    version: 1,
    family: Family::Narrative,
    group: "hurry",
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
        let settings = Settings { concepts: vec![Concept::Urgency] };
        wording::check(&settings, reference, mentioned, want);
    }

    #[test]
    fn one_mention_is_enough_in_whatever_text() {
        let fired = Reading::Fired("the reference mentions haste".into());
        check(Some("x"), &[(Source::Reference, Concept::Urgency)], &fired);
        let fired = Reading::Fired("an answer mentions haste".into());
        check(None, &[(Source::Answer, Concept::Urgency)], &fired);
    }

    #[test]
    fn other_words_are_quiet_and_none_are_nothing_to_go_by() {
        check(Some("x"), &[(Source::Reference, Concept::Bail)], &Quiet);
        check(Some("x"), &[], &Quiet);
        check(None, &[], &Unavailable(Fact::Reference));
    }
}
