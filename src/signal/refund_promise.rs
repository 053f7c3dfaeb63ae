//! Refund promise: the payer says that the money comes back.
//!
//! "This would be refunded by cheque the following day": no genuine payee takes a payment and
//! promises it back. A refund alone is ordinary (people return money to each other), and so is a
//! cheque; both together are what the story says.
//!
//! Unavailable where nothing was written at all; what was written and says nothing of it is quiet.

use crate::document::Section;
use crate::signal::wording::{concepts, look};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::text::Concept;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "refund_promise",
    code: 9,
    version: 1,
    family: Family::Narrative,
    group: "refund_promise",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Concepts of which one mention is enough.
    pub alone: Vec<Concept>,
    /// Concepts that have to be mentioned together, in whatever texts.
    pub together: Vec<Concept>,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let alone = concepts(section, "alone");
        let together = concepts(section, "together");
        Some(Self { alone: alone?, together: together? })
    }
}

impl Look for Settings {
    /// Looks for a mention of one of `alone`, or of all of `together`.
    fn look(&self, facts: &Facts) -> Reading {
        look(facts, &self.alone, &self.together)
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
    fn check(reference: Option<&str>, mentioned: &[Concept], want: &Reading) {
        let settings = Settings {
            alone: vec![Concept::RefundPromise],
            together: vec![Concept::Refund, Concept::Cheque],
        };
        let mentioned: Vec<_> =
            mentioned.iter().map(|concept| (Source::Reference, *concept)).collect();
        wording::check(&settings, reference, &mentioned, want);
    }

    #[test]
    fn a_promise_is_enough_and_a_refund_by_cheque_is_one() {
        let promise = Reading::Fired("the reference mentions money promised back".into());
        check(Some("x"), &[Concept::RefundPromise], &promise);
        check(Some("x"), &[Concept::Refund, Concept::RefundPromise], &promise);
        let both = Reading::Fired("a refund and a cheque are mentioned".into());
        check(Some("x"), &[Concept::Cheque, Concept::Refund], &both);
        check(Some("x"), &[Concept::Refund], &Quiet);
        check(Some("x"), &[Concept::Cheque], &Quiet);
        check(Some("x"), &[], &Quiet);
    }

    #[test]
    fn where_nothing_is_written_nobody_can_tell() {
        check(None, &[], &Unavailable(Fact::Reference));
    }
}
