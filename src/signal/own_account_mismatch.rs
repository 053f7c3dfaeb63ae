//! Own account mismatch: the payer says that it is an account of their own, and the payee is somebody else.
//!
//! "We have opened a new account for you": the victim writes "new account" or picks "to my own account", as
//! they were told to, and types the name of a mule. Whoever moves savings pays themselves, or a firm that
//! keeps them.
//!
//! Where the payee does carry the payer's name, `claims_own_name` speaks. Quiet when the two share a word of
//! their names, for spouses and children are paid like this; when the payee is an organisation or its account
//! a business's; and when the bank knows the account as the payer's own, or vouches for it. What it takes for
//! somebody else is a partner of another surname, and a friend whose account is new.

use std::borrow::Cow;

use crate::document::Section;
use crate::signal::claims_own_name::are_strangers;
use crate::signal::payee_type_mismatch::account_kind;
use crate::signal::wording::{concepts, is_written};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::text::Concept;
use crate::transfer::{AccountKind, Fact, PayeeKind};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "own_account_mismatch",
    code: 46,
    version: 1,
    family: Family::Structural,
    group: "name",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Concepts of which one mention says that the account is the payer's own.
    pub concepts: Vec<Concept>,
    /// The bank's codes of purposes that say so.
    pub purpose_codes: Vec<Box<str>>,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let concepts = concepts(section, "concepts");
        let codes = section.texts("purpose_codes");
        let purpose_codes = codes.map(|codes| codes.iter().map(|code| code.text.into()).collect());
        Some(Self { concepts: concepts?, purpose_codes: purpose_codes? })
    }

    /// Returns what says that the account is the payer's own, as staff would say it.
    fn told(&self, facts: &Facts) -> Option<&'static str> {
        let mention = facts.mentions.iter().find(|found| self.concepts.contains(&found.concept));
        let code = facts.transfer.texts.purpose_code.as_ref();
        let coded = code.is_some_and(|code| self.purpose_codes.contains(code));
        mention.map(|found| found.source.words()).or_else(|| coded.then_some("the purpose picked"))
    }
}

impl Look for Settings {
    /// Looks for a mention of one of `concepts`, or a purpose of `purpose_codes`, beside a payee who is
    /// neither the payer nor a relative by name.
    fn look(&self, facts: &Facts) -> Reading {
        let transfer = &facts.transfer;
        if facts.is_vouched() {
            return Reading::Quiet;
        }
        let Some(told) = self.told(facts) else {
            let nothing = !is_written(facts) && transfer.texts.purpose_code.is_none();
            return if nothing { Reading::Unavailable(Fact::Reference) } else { Reading::Quiet };
        };
        if account_kind(facts) == Some(AccountKind::Business)
            || transfer.payee.declared == Some(PayeeKind::Business)
        {
            return Reading::Quiet;
        }
        match (&transfer.payer.name, &transfer.payee.name) {
            (None, _) => Reading::Unavailable(Fact::PayerName),
            (_, None) => Reading::Unavailable(Fact::PayeeName),
            (Some(held), Some(typed)) if are_strangers(held, typed) => Reading::Fired(Cow::Owned(
                format!("{told} says that it is an own account, and the payee is somebody else"),
            )),
            _ => Reading::Quiet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Listing;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, mention, name_check};
    use crate::transfer::{NameCheck, NameResult};

    /// Looks at a payment whose purpose is of this code and whose reference mentions this.
    fn look(facts: &mut Facts, code: Option<&str>, concept: Option<Concept>) -> Reading {
        let settings = Settings {
            concepts: vec![Concept::OwnAccount],
            purpose_codes: vec!["own_account".into()],
        };
        facts.transfer.texts.purpose_code = code.map(Into::into);
        facts.transfer.texts.reference = concept.map(|_| "x".into());
        facts.mentions = concept.into_iter().map(mention).collect();
        settings.look(facts)
    }

    /// Returns facts under the name that the bank holds and the one typed for the payee.
    fn named(held: &str, typed: &str) -> Facts {
        let mut facts = facts();
        facts.transfer.payer.name = Some(held.into());
        facts.transfer.payee.name = Some(typed.into());
        facts
    }

    #[test]
    fn an_own_account_is_in_ones_own_name() {
        let written = "the reference says that it is an own account, and the payee is somebody else";
        let picked =
            "the purpose picked says that it is an own account, and the payee is somebody else";
        for (payee, code, concept, want) in [
            ("R Mercer", None, Some(Concept::OwnAccount), Reading::Fired(written.into())),
            ("R Mercer", Some("gift"), Some(Concept::OwnAccount), Reading::Fired(written.into())),
            ("R Mercer", Some("own_account"), None, Reading::Fired(picked.into())),
            ("R Mercer", Some("own_account"), Some(Concept::Court), Reading::Fired(picked.into())),
            ("R Mercer", Some("gift"), Some(Concept::Court), Quiet),
            ("R Mercer", Some("gift"), None, Quiet),
            ("R Mercer", None, None, Unavailable(Fact::Reference)),
            // One's own, a husband's, a firm's.
            ("A Hollis", None, Some(Concept::OwnAccount), Quiet),
            ("Brian Hollis", None, Some(Concept::OwnAccount), Quiet),
            ("Mercer Savings Ltd", None, Some(Concept::OwnAccount), Quiet),
        ] {
            let mut facts = named("Mrs Ann Hollis", payee);
            assert_eq!(look(&mut facts, code, concept), want, "{payee} {code:?} {concept:?}");
        }
    }

    #[test]
    fn whatever_is_known_to_be_anothers_business_or_ones_own_is_quiet() {
        let check = |change: &dyn Fn(&mut Facts), want: &Reading| {
            let mut facts = named("Ann Hollis", "R Mercer");
            change(&mut facts);
            assert_eq!(&look(&mut facts, None, Some(Concept::OwnAccount)), want);
        };
        let reported = |kind| NameCheck {
            reported: Some(kind),
            ..name_check(Some(NameResult::Match), "")
        };
        check(&|facts| facts.transfer.payee.own = Some(true), &Quiet);
        check(
            &|facts| {
                facts.recall.client_account = Some(Listing { version: 1, loaded: facts.decided });
            },
            &Quiet,
        );
        check(
            &|facts| facts.recall.biller = Some(Listing { version: 1, loaded: facts.decided }),
            &Quiet,
        );
        check(&|facts| facts.transfer.payee.declared = Some(PayeeKind::Business), &Quiet);
        check(&|facts| facts.transfer.name_check = Some(reported(AccountKind::Business)), &Quiet);
        let fired = Reading::Fired(
            "the reference says that it is an own account, and the payee is somebody else".into(),
        );
        check(&|facts| facts.transfer.payee.declared = Some(PayeeKind::Person), &fired);
        check(&|facts| facts.transfer.name_check = Some(reported(AccountKind::Personal)), &fired);
    }

    #[test]
    fn needs_both_names() {
        let concept = Some(Concept::OwnAccount);
        let mut facts = named("Ann Hollis", "R Mercer");
        facts.transfer.payer.name = None;
        assert_eq!(look(&mut facts, None, concept), Unavailable(Fact::PayerName));
        let mut facts = named("Ann Hollis", "R Mercer");
        facts.transfer.payee.name = None;
        assert_eq!(look(&mut facts, None, concept), Unavailable(Fact::PayeeName));
    }

    #[test]
    fn ones_own_name_is_left_to_another_signal_whatever_the_check_says() {
        let mut facts = named("Ann Hollis", "Ann Hollis");
        facts.transfer.name_check = Some(name_check(Some(NameResult::NoMatch), ""));
        assert_eq!(look(&mut facts, None, Some(Concept::OwnAccount)), Quiet);
    }
}
