//! Legal pretext: the payer says that the money is for a lawyer, a warrant, bail or a court.
//!
//! The story of the scam that this service exists for: "wanted in connection with a warrant", "to
//! pay for legal advice". Those who buy a house or pay a fine say the same, and most victims are
//! told to say something else, so the words are telling only together with how the money moves.
//!
//! Unavailable where nothing was written at all; what was written and says nothing of it is quiet.

use crate::document::Section;
use crate::signal::wording::{concepts, look};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::text::Concept;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "legal_pretext",
    code: 8,
    version: 1,
    family: Family::Narrative,
    group: "legal_pretext",
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

    /// Looks for warrants and bail.
    #[track_caller]
    fn check(reference: Option<&str>, mentioned: &[(Source, Concept)], want: &Reading) {
        let settings = Settings { concepts: vec![Concept::Warrant, Concept::Bail] };
        wording::check(&settings, reference, mentioned, want);
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
}
