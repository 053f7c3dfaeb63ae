//! Verified biller: the bank vouches for the account as that of somebody who sends bills.
//!
//! Tax offices, courts, councils and utilities publish their accounts, and a payment to one of them
//! cannot reach a scammer. It can still serve one, where a biller credits by reference alone and the
//! reference is the scammer's own bill: accounts that hold cards or wallets do not belong on a list,
//! and this protects less than years of payments do.
//!
//! Quiet where no list in force has the account, or where that list was loaded too long ago.

use crate::signal::verified_client_account::Age;
use crate::signal::{Facts, Family, Kind, Look, Reading};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "verified_biller",
    code: 31,
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
    /// Looks for the payee's account on a list of billers.
    fn look(&self, facts: &Facts) -> Reading {
        self.age.look(facts, facts.recall.biller, "billers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Listing;
    use crate::testing::facts;

    #[test]
    fn only_a_list_of_billers_protects() {
        let settings = Settings { age: Age { days_max: 100 } };
        let mut facts = facts();
        assert_eq!(settings.look(&facts), Reading::Quiet);
        let listing = Some(Listing { version: 2, loaded: facts.decided });
        facts.recall.client_account = listing;
        assert_eq!(settings.look(&facts), Reading::Quiet);
        facts.recall.biller = listing;
        let has = "version 2 of the bank's list of billers has it";
        assert_eq!(settings.look(&facts), Reading::Fired(has.into()));
    }
}
