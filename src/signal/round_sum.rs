//! Round sum: the amount is a whole number of hundreds, as people say it aloud.
//!
//! Callers name a sum, bills come to one: of 28 reported single transfers 24 are multiples of 500
//! pounds. Deposits, gifts, cars and a builder's stages are round as well, so this says nothing of a
//! small amount and is never more than one sign among others.
//!
//! Quiet when the payee is the payer: savings are moved in round sums.

use std::borrow::Cow;

use crate::document::Section;
use crate::money::Amount;
use crate::signal::{Facts, Family, Kind, Look, Reading};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "round_sum",
    code: 43,
    version: 1,
    family: Family::Structural,
    group: "sum",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What the amount must be a whole multiple of, in its own currency; above zero.
    pub multiple_of: Amount,
    /// Smallest amount that counts, inclusive, in its own currency.
    pub amount_min: Amount,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let expected = "an amount above zero, such as \"500.00\"";
        let above_zero = |text: &str| Amount::parse(text).ok().filter(|amount| !amount.is_zero());
        let multiple_of = section.parsed("multiple_of", expected, above_zero);
        let amount_min = section.amount("amount_min", "an amount, such as \"1000.00\"");
        Some(Self { multiple_of: multiple_of?, amount_min: amount_min? })
    }
}

impl Look for Settings {
    /// Looks for a whole multiple of `multiple_of` of at least `amount_min`.
    fn look(&self, facts: &Facts) -> Reading {
        let money = facts.transfer.money;
        let rest = money.amount.value().checked_rem(self.multiple_of.value());
        let round = rest.is_some_and(|rest| rest.is_zero());
        if facts.transfer.payee.own == Some(true) || !round || money.amount < self.amount_min {
            return Reading::Quiet;
        }
        Reading::Fired(Cow::Owned(format!("{money} is a round sum")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::Quiet;
    use crate::testing::{amount, facts};

    #[test]
    fn whole_multiples_from_the_limit_on_are_round() {
        let settings = Settings { multiple_of: amount("500.00"), amount_min: amount("1000.00") };
        for (sum, is_round) in [
            ("500.00", false),
            ("999.99", false),
            ("1000.00", true),
            ("1000.01", false),
            ("1250.00", false),
            ("1500", true),
            ("20000.00", true),
            ("19999.00", false),
        ] {
            let mut facts = facts();
            facts.transfer.money.amount = amount(sum);
            let reading = settings.look(&facts);
            assert_eq!(matches!(reading, Reading::Fired(_)), is_round, "{sum}");
            facts.transfer.payee.own = Some(true);
            assert_eq!(settings.look(&facts), Quiet, "{sum}");
        }
    }
}
