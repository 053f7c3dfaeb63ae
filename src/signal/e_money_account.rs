//! E-money account: the payee's account is with an e-money institution or a crypto exchange.
//!
//! Such accounts are opened in minutes and emptied in seconds, and mules hold far more of them than
//! payees do on the whole: three of their providers take 38% of what mules pass on. Millions of honest
//! people and small firms bank there too, which is why this is one sign among others.
//!
//! Quiet when the payee is the payer: topping up one's own card is ordinary.

use std::borrow::Cow;

use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{Fact, ProviderKind};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "e_money_account",
    code: 44,
    version: 1,
    family: Family::Structural,
    group: "provider",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether accounts of crypto exchanges count as well.
    pub crypto_counts: bool,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        Some(Self { crypto_counts: section.flag("crypto_counts")? })
    }
}

impl Look for Settings {
    /// Looks for an account that no bank keeps.
    fn look(&self, facts: &Facts) -> Reading {
        let payee = &facts.transfer.payee;
        if payee.own == Some(true) {
            return Reading::Quiet;
        }
        match payee.provider {
            Some(ProviderKind::EMoney) => {
                Reading::Fired(Cow::Borrowed("the account is with an e-money institution"))
            }
            Some(ProviderKind::Crypto) if self.crypto_counts => {
                Reading::Fired(Cow::Borrowed("the account is with a crypto exchange"))
            }
            Some(ProviderKind::Crypto | ProviderKind::Bank) => Reading::Quiet,
            None => Reading::Unavailable(Fact::PayeeProvider),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::facts;

    #[test]
    fn fires_by_who_keeps_the_account() {
        let e_money = Reading::Fired("the account is with an e-money institution".into());
        let crypto = Reading::Fired("the account is with a crypto exchange".into());
        let missing = Unavailable(Fact::PayeeProvider);
        for (provider, crypto_counts, want) in [
            (Some(ProviderKind::EMoney), false, e_money),
            (Some(ProviderKind::Crypto), true, crypto),
            (Some(ProviderKind::Crypto), false, Quiet),
            (Some(ProviderKind::Bank), true, Quiet),
            (None, true, missing),
        ] {
            let mut facts = facts();
            facts.transfer.payee.provider = provider;
            assert_eq!(Settings { crypto_counts }.look(&facts), want);
            facts.transfer.payee.own = Some(true);
            assert_eq!(Settings { crypto_counts }.look(&facts), Quiet);
        }
    }
}
