//! Verified client account: the bank vouches for the account as a law firm's for clients' money.
//!
//! House completions are the dearest payments to stop for nothing. A firm's client account is
//! regulated, known by its number and not by its name, and no scammer can put an account on the
//! bank's list; a payer who pays one has at worst been lied to about why.
//!
//! Quiet where no list in force has the account, or where that list was loaded too long ago: firms
//! close and accounts are handed on. A name that matches is no list.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::history::Listing;
use crate::signal::{Facts, Family, Kind, Look, Reading};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "verified_client_account",
    code: 30,
    version: 1,
    family: Family::Protective,
    group: "protective",
    recalls: true,
    settings: |section| Some(Box::new(Settings { age: Age::read(section)? })),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How old a list may be.
    pub age: Age,
}

impl Look for Settings {
    /// Looks for the payee's account on a list of client accounts.
    fn look(&self, facts: &Facts) -> Reading {
        self.age.look(facts, facts.recall.client_account, "client accounts")
    }
}

/// How old a list may be.
#[derive(Clone, Copy, Debug)]
pub struct Age {
    /// Most days since it was loaded, inclusive.
    pub days_max: u32,
}

impl Age {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        Some(Self { days_max: section.whole("days_max", 1..=400)? })
    }

    /// Looks whether `listing` is there and recent enough.
    pub(super) fn look(self, facts: &Facts, listing: Option<Listing>, what: &str) -> Reading {
        let since = facts.decided.minus(Span::days(i64::from(self.days_max)));
        match listing.filter(|listing| since <= listing.loaded) {
            Some(Listing { version, .. }) => {
                let evidence = format!("version {version} of the bank's list of {what} has it");
                Reading::Fired(Cow::Owned(evidence))
            }
            None => Reading::Quiet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{facts, name_check};
    use crate::transfer::NameResult;

    #[test]
    fn a_list_protects_until_it_is_too_old() {
        let has = "version 7 of the bank's list of client accounts has it";
        for (seconds, want) in [
            (0, Reading::Fired(has.into())),
            (86_400, Reading::Fired(has.into())),
            (86_401, Reading::Quiet),
        ] {
            let mut facts = facts();
            let loaded = facts.decided.minus(Span::seconds(seconds));
            facts.recall.client_account = Some(Listing { version: 7, loaded });
            assert_eq!(Settings { age: Age { days_max: 1 } }.look(&facts), want, "{seconds}");
        }
    }

    #[test]
    fn neither_another_list_nor_a_name_that_matches_protects() {
        let mut facts = facts();
        let settings = Settings { age: Age { days_max: 1 } };
        assert_eq!(settings.look(&facts), Reading::Quiet);
        facts.recall.biller = Some(Listing { version: 7, loaded: facts.decided });
        facts.transfer.name_check = Some(name_check(Some(NameResult::Match), ""));
        assert_eq!(settings.look(&facts), Reading::Quiet);
    }
}
