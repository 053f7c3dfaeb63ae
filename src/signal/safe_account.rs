//! Safe account: the payer says that the money goes where it is safe.
//!
//! "Your account is under attack, we have opened a new one in your name": no bank moves a customer's
//! money by asking the customer to pay it. Those who save call theirs a savings account, and those who
//! rent a box call it a safe deposit, so the wording by itself is rare among honest people; a holding
//! account is now and then a firm's.
//!
//! Unavailable where nothing was written at all; what was written and says nothing of it is quiet.

use crate::document::Section;
use crate::signal::wording::{concepts, look};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::text::Concept;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "safe_account",
    code: 12,
    version: 1,
    family: Family::Narrative,
    group: "safe_account",
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
        let settings = Settings { concepts: vec![Concept::SafeAccount] };
        wording::check(&settings, reference, mentioned, want);
    }

    #[test]
    fn one_mention_is_enough_in_whatever_text() {
        let fired = Reading::Fired("the reference mentions a safe account".into());
        check(Some("x"), &[(Source::Reference, Concept::SafeAccount)], &fired);
        let fired = Reading::Fired("an answer mentions a safe account".into());
        check(None, &[(Source::Answer, Concept::SafeAccount)], &fired);
    }

    #[test]
    fn other_words_are_quiet_and_none_are_nothing_to_go_by() {
        check(Some("x"), &[(Source::Reference, Concept::Bail)], &Quiet);
        check(Some("x"), &[], &Quiet);
        check(None, &[], &Unavailable(Fact::Reference));
    }
}
