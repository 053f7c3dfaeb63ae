//! Confirmed business: the name check found the very name, and the account is a business's.
//!
//! The callers' accounts are nearly all people's: a business account is opened with papers, and its name is
//! checked against a register. A vet, a law firm or a car dealer who is paid at once looks like the scam in
//! everything but this. Some mules do trade, and false suppliers are businesses by name, so this takes less
//! away than a list of the bank's or years of payments.
//!
//! Quiet where the name is only similar. A check that was not made or does not tell the kind is a missing fact.

use std::borrow::Cow;

use crate::signal::payee_name_mismatch::found;
use crate::signal::payee_type_mismatch::account_kind;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{AccountKind, Fact, NameResult};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "confirmed_business",
    code: 46,
    version: 1,
    family: Family::Protective,
    group: "protective",
    settings: |_| Some(Box::new(Settings)),
};

/// What a policy decides about this signal: nothing yet.
#[derive(Clone, Copy, Debug)]
pub struct Settings;

impl Look for Settings {
    /// Looks for a business's account that bears the name that was typed.
    fn look(&self, facts: &Facts) -> Reading {
        match facts.transfer.name_check.as_ref().and_then(found) {
            Some(NameResult::Match) => {}
            Some(NameResult::CloseMatch | NameResult::NoMatch) => return Reading::Quiet,
            Some(NameResult::CouldNotCheck) | None => return Reading::Unavailable(Fact::NameCheck),
        }
        match account_kind(facts) {
            Some(AccountKind::Business) => {
                Reading::Fired(Cow::Borrowed("the account is a business's of exactly this name"))
            }
            Some(AccountKind::Personal) => Reading::Quiet,
            None => Reading::Unavailable(Fact::NameCheck),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, name_check};
    use crate::transfer::{NameCheck, PayeeKind};

    #[test]
    fn only_the_very_name_of_a_business_protects() {
        let fired = &Reading::Fired("the account is a business's of exactly this name".into());
        let missing = &Unavailable(Fact::NameCheck);
        let (business, person) = (Some(AccountKind::Business), Some(AccountKind::Personal));
        for (result, reason, asked, reported, want) in [
            (NameResult::Match, "", None, business, fired),
            (NameResult::Match, "", person, business, fired),
            // Who finds the name under the kind that was asked for confirms the kind.
            (NameResult::Match, "", business, None, fired),
            (NameResult::Match, "", business, person, &Quiet),
            (NameResult::Match, "", person, None, &Quiet),
            (NameResult::Match, "", None, None, missing),
            // The name is right and the kind is not.
            (NameResult::Match, "PANM", business, None, &Quiet),
            (NameResult::CloseMatch, "MBAM", business, business, &Quiet),
            (NameResult::NoMatch, "ANNM", business, business, &Quiet),
            (NameResult::CouldNotCheck, "", business, business, missing),
            (NameResult::Match, "OPTO", business, business, missing),
        ] {
            let mut facts = facts();
            let check = name_check(Some(result), reason);
            facts.transfer.name_check = Some(NameCheck { asked, reported, ..check });
            assert_eq!(&Settings.look(&facts), want, "{result:?} {reason} {asked:?} {reported:?}");
        }
        assert_eq!(&Settings.look(&facts()), missing);
    }

    #[test]
    fn what_the_payer_said_counts_where_the_check_does_not_tell() {
        let mut facts = facts();
        facts.transfer.name_check = Some(name_check(Some(NameResult::Match), ""));
        facts.transfer.payee.declared = Some(PayeeKind::Business);
        assert!(matches!(Settings.look(&facts), Reading::Fired(_)));
        facts.transfer.payee.declared = Some(PayeeKind::Person);
        assert_eq!(Settings.look(&facts), Quiet);
    }
}
