//! Confirmed business: the name check found the name, on the account of a business.
//!
//! Solicitors, courts, surveyors and course providers are paid at accounts that bear their firm's name. Callers who
//! pose as one mostly have a person's account to be paid at, whose name fails or whose kind is another. A business can
//! be registered in a day, so this is for stories told by words that honest clients write as well, and for none of what
//! is done.
//!
//! A near match is none here: it is as common where somebody poses as a firm of nearly that name. Unavailable where
//! nobody checked the name, or where the check did not tell the kind of account.

use std::borrow::Cow;

use crate::signal::payee_name_mismatch::found;
use crate::signal::payee_type_mismatch::account_kind;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{AccountKind, Fact, NameResult};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "confirmed_business",
    code: 47,
    version: 1,
    family: Family::Protective,
    group: "confirmed",
    recalls: false,
    settings: |_| Some(Box::new(Settings)),
};

/// What a policy decides about this signal: nothing yet.
#[derive(Clone, Copy, Debug)]
pub struct Settings;

impl Look for Settings {
    /// Looks for a name that was found on the account of a business.
    fn look(&self, facts: &Facts) -> Reading {
        match facts.transfer.name_check.as_ref().and_then(found) {
            None | Some(NameResult::CouldNotCheck) => Reading::Unavailable(Fact::NameCheck),
            Some(NameResult::NoMatch | NameResult::CloseMatch) => Reading::Quiet,
            Some(NameResult::Match) => match account_kind(facts) {
                None => Reading::Unavailable(Fact::NameCheck),
                Some(AccountKind::Personal) => Reading::Quiet,
                Some(AccountKind::Business) => Reading::Fired(Cow::Borrowed(
                    "the name was found, and the account is a business's",
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, name_check};
    use crate::transfer::NameCheck;

    #[test]
    fn only_a_name_that_is_found_on_a_business_confirms_one() {
        let confirmed = Reading::Fired("the name was found, and the account is a business's".into());
        let missing = Unavailable(Fact::NameCheck);
        let (business, personal) = (Some(AccountKind::Business), Some(AccountKind::Personal));
        for (result, reason, reported, want) in [
            (Some(NameResult::Match), "", business, &confirmed),
            (Some(NameResult::Match), "", personal, &Quiet),
            (Some(NameResult::Match), "", None, &missing),
            (Some(NameResult::CloseMatch), "", business, &Quiet),
            (Some(NameResult::CloseMatch), "BANM", None, &Quiet),
            (Some(NameResult::NoMatch), "ANNM", business, &Quiet),
            (Some(NameResult::CouldNotCheck), "", business, &missing),
            (None, "", business, &missing),
        ] {
            let mut facts = facts();
            let check = NameCheck { reported, ..name_check(result, reason) };
            facts.transfer.name_check = Some(check);
            assert_eq!(&Settings.look(&facts), want, "{result:?} {reason} {reported:?}");
        }
        assert_eq!(Settings.look(&facts()), missing);
    }
}
