//! Story and payee mismatch: the words say a lawyer, a court, the police or the tax office, and the
//! account is no business's.
//!
//! Solicitors hold clients' money in accounts of their firm, courts and tax offices in accounts of
//! the state; the mule who takes "legal fees" is a person, or somebody of another name. Barristers
//! and other sole practitioners are the honest exception.
//!
//! Quiet when the payee is the payer, and when the bank itself vouches for the account: a list of
//! verified accounts knows more than a name check. Unavailable where nobody checked the name, or
//! where the check did not tell the kind of account: not confirmed is not the same as refuted.

use std::borrow::Cow;

use crate::document::Section;
use crate::signal::wording::{concepts, is_written};
use crate::signal::payee_name_mismatch::found;
use crate::signal::payee_type_mismatch::account_kind;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::text::Concept;
use crate::transfer::{AccountKind, Fact, NameResult};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "story_payee_mismatch",
    code: 15,
    version: 1,
    family: Family::Structural,
    group: "name",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Concepts of which one mention says that a business or an office is to be paid.
    pub concepts: Vec<Concept>,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        Some(Self { concepts: concepts(section, "concepts")? })
    }
}

impl Look for Settings {
    /// Looks for a mention of one of `concepts` beside an account that is a person's or in another
    /// name.
    fn look(&self, facts: &Facts) -> Reading {
        if facts.is_vouched() {
            return Reading::Quiet;
        }
        let told = facts.mentions.iter().find(|found| self.concepts.contains(&found.concept));
        let Some(told) = told else {
            let nothing = !is_written(facts);
            return if nothing { Reading::Unavailable(Fact::Reference) } else { Reading::Quiet };
        };
        let result = facts.transfer.name_check.as_ref().and_then(found);
        let account = match (result, account_kind(facts)) {
            (Some(NameResult::NoMatch), _) => "in another name",
            (_, Some(AccountKind::Personal)) => "a person's",
            (_, Some(AccountKind::Business)) => return Reading::Quiet,
            (_, None) => return Reading::Unavailable(Fact::NameCheck),
        };
        let (source, concept) = (told.source.words(), told.concept.words());
        let evidence = format!("{source} mentions {concept}, and the account is {account}");
        Reading::Fired(Cow::Owned(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Listing;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, mention, name_check};
    use crate::transfer::NameCheck;

    fn settings() -> Settings {
        Settings { concepts: vec![Concept::LegalAdvice, Concept::Court] }
    }

    /// Looks at a reference that mentions legal advice, and at one that mentions nothing.
    #[track_caller]
    fn check(name_check: Option<NameCheck>, want: &Reading) {
        let mut facts = facts();
        facts.transfer.texts.reference = Some("x".into());
        facts.transfer.name_check = name_check;
        facts.mentions = vec![mention(Concept::LegalAdvice)];
        assert_eq!(&settings().look(&facts), want);
        facts.transfer.payee.own = Some(true);
        assert_eq!(settings().look(&facts), Quiet);
        facts.transfer.payee.own = None;
        facts.recall.client_account = Some(Listing { version: 1, loaded: facts.decided });
        assert_eq!(settings().look(&facts), Quiet);
        facts.recall.client_account = None;
        facts.mentions = vec![mention(Concept::Cheque)];
        assert_eq!(settings().look(&facts), Quiet);
    }

    #[test]
    fn a_lawyers_account_is_a_business_account() {
        let person = Reading::Fired(
            "the reference mentions legal advice, and the account is a person's".into(),
        );
        let other = Reading::Fired(
            "the reference mentions legal advice, and the account is in another name".into(),
        );
        let close = Some(NameResult::CloseMatch);
        let match_ = Some(NameResult::Match);
        for reason in ["PANM", "PAMM"] {
            check(Some(name_check(close, reason)), &person);
        }
        for reason in ["BANM", "BAMM"] {
            check(Some(name_check(close, reason)), &Quiet);
        }
        let asked = |kind| NameCheck { asked: Some(kind), ..name_check(match_, "") };
        check(Some(asked(AccountKind::Personal)), &person);
        check(Some(asked(AccountKind::Business)), &Quiet);
        check(Some(name_check(Some(NameResult::NoMatch), "ANNM")), &other);
    }

    #[test]
    fn what_nobody_checked_is_not_refuted() {
        let missing = &Unavailable(Fact::NameCheck);
        check(None, missing);
        check(Some(name_check(Some(NameResult::Match), "")), missing);
        check(Some(name_check(Some(NameResult::CouldNotCheck), "")), missing);
        check(Some(name_check(Some(NameResult::NoMatch), "OPTO")), missing);
        // Nothing was written at all.
        assert_eq!(settings().look(&facts()), Unavailable(Fact::Reference));
    }
}
