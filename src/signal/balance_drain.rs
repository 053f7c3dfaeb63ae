//! Balance drain: the transfer would take most of what the payer has.
//!
//! A scammer who has someone on the line takes what there is to take. Rent and invoices seldom come
//! near the whole balance, so the share that leaves says more than the amount does. House deposits
//! do come near it, which is why this is one event among others and never enough.
//!
//! Quiet when the payee is the payer: emptying one account into another of one's own is ordinary.

use std::borrow::Cow;

use crate::document::Section;
use crate::money::{Money, Share};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "balance_drain",
    code: 3,
    version: 1,
    family: Family::Structural,
    group: "size",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Smallest share of the balance that counts, inclusive.
    pub share_min: Share,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        Some(Self { share_min: section.share("share_min")? })
    }
}

impl Look for Settings {
    /// Looks for a transfer of at least `share_min` of the balance.
    fn look(&self, facts: &Facts) -> Reading {
        let transfer = &facts.transfer;
        if transfer.payee.own == Some(true) {
            return Reading::Quiet;
        }
        // A share of another currency would need a rate of the moment.
        let same = |balance: &Money| balance.currency == transfer.money.currency;
        let Some(balance) = transfer.payer.balance.filter(same) else {
            return Reading::Unavailable(Fact::PayerBalance);
        };

        // Multiplies rather than divides: a quotient could round up to the limit.
        let drain_min = balance.amount.part(self.share_min);
        if balance.amount.is_zero() || transfer.money.amount < drain_min {
            return Reading::Quiet;
        }
        let evidence = format!("{} of {balance} would leave the account", transfer.money);
        Reading::Fired(Cow::Owned(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::money::Currency;
    use crate::testing::{amount, facts, pounds, share};

    /// Looks at a transfer to a stranger under a limit of 90%, and at the same one to oneself.
    #[track_caller]
    fn check(balance: Option<&str>, transfer: &str, want: &Reading) {
        let settings = Settings { share_min: share("0.90") };
        let mut facts = facts();
        facts.transfer.payer.balance = balance.map(pounds);
        facts.transfer.money.amount = amount(transfer);
        assert_eq!(&settings.look(&facts), want);
        facts.transfer.payee.own = Some(true);
        assert_eq!(settings.look(&facts), Quiet);
    }

    fn fired(evidence: &'static str) -> Reading {
        Reading::Fired(evidence.into())
    }

    #[test]
    fn fires_from_the_limit_up() {
        check(Some("1000.00"), "899.99", &Quiet);
        check(Some("1000.00"), "900.00", &fired("£900.00 of £1,000.00 would leave the account"));
        check(Some("1000.00"), "1000.00", &fired("£1,000.00 of £1,000.00 would leave the account"));
        check(Some("10.00"), "500.00", &fired("£500.00 of £10.00 would leave the account"));
    }

    #[test]
    fn needs_a_balance_to_drain() {
        check(None, "1000.00", &Unavailable(Fact::PayerBalance));
        check(Some("0.00"), "1000.00", &Quiet);

        let mut facts = facts();
        let currency = Currency::from_code("EUR").unwrap();
        facts.transfer.payer.balance = Some(Money { currency, ..pounds("3200.00") });
        let settings = Settings { share_min: share("0.90") };
        assert_eq!(settings.look(&facts), Unavailable(Fact::PayerBalance));
    }
}
