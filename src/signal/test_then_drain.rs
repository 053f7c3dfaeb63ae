//! Test then drain: a small payment to a stranger, and then many times as much to the same one.
//!
//! A hundred went before 11,500: the caller sees that it arrives, and that nothing stops it. Banks and
//! solicitors advise exactly the same before a large payment, so it says little, and only where the
//! second payment is also large for this payer: a friend is paid a pound and then thirty.
//!
//! What was sent to the payee a day or more ago counts as well, as long as it is all that was.

use std::borrow::Cow;

use crate::document::Section;
use crate::money::{Amount, Currency};
use crate::signal::shape::{DAY_MINUTES, Known, pence, to_strangers, told};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "test_then_drain",
    code: 37,
    version: 1,
    family: Family::Structural,
    group: "shape",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From when on a payer and a payee are known.
    pub known: Known,
    /// Largest test, in pounds, inclusive.
    pub test_max: Amount,
    /// How many times the test the payment is, inclusive.
    pub times_min: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let known = Known::read(section);
        let test_max = section.amount("test_max", "an amount of pounds, such as \"100.00\"");
        let times_min = section.whole("times_min", 2..=1_000);
        Some(Self { known: known?, test_max: test_max?, times_min: times_min? })
    }
}

impl Look for Settings {
    /// Looks for a payment of at most `test_max` to the same stranger, of which this is at least
    /// `times_min` times as much and above what all but one in twenty of the payer's stay below.
    fn look(&self, facts: &Facts) -> Reading {
        if let Some(settled) = self.known.settles(facts) {
            return settled;
        }
        let (Some(this), Some(usual)) = (pence(facts), facts.recall.usual) else {
            return Reading::Unavailable(Fact::PayerHistory);
        };
        let same = to_strangers(facts, DAY_MINUTES).filter(|one| one.payee == 0);
        let before = facts.recall.pair.filter(|pair| pair.count == 1);
        let before = before.filter(|pair| pair.total.currency == Currency::GBP);
        let before = before.map(|pair| pair.total.amount.hundredths());
        let tests = same.map(|one| one.pence).chain(before);
        let is_test = |test: &u64| {
            let times = test.saturating_mul(u64::from(self.times_min));
            0 < *test && *test <= self.test_max.hundredths() && times <= this
        };
        let high = usual.high.unwrap_or(usual.largest).amount.hundredths();
        match tests.filter(is_test).min() {
            Some(test) if high < this => {
                let (test, this) = (told(test), facts.transfer.money);
                let evidence = format!("{test} was paid to the new payee first, and now {this}");
                Reading::Fired(Cow::Owned(evidence))
            }
            _ => Reading::Quiet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Token;
    use crate::calendar::Span;
    use crate::history::Pair;
    use crate::money::Money;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::signal::shape::testing::{KNOWN, check_excuses, check_payer, known, tried};
    use crate::testing::{amount, pounds};

    fn look(facts: &Facts) -> Reading {
        let settings = Settings { known: KNOWN, test_max: amount("100.00"), times_min: 10 };
        settings.look(facts)
    }

    /// Returns a payment after others to numbered payees, by somebody who seldom pays over £600.
    fn after(sum: &str, others: &[(&str, u8)]) -> Facts {
        let mut facts = known(sum);
        facts.recall.attempts =
            others.iter().map(|(sum, payee)| tried(1_440, sum, *payee)).collect();
        facts
    }

    fn fired(test: &str, sum: &str) -> Reading {
        Reading::Fired(format!("{test} was paid to the new payee first, and now {sum}").into())
    }

    #[test]
    fn fires_from_each_limit_up() {
        for (sum, others, want) in [
            ("1000.00", &[("100.00", 0)][..], fired("£100.00", "£1,000.00")),
            ("999.99", &[("100.00", 0)], Quiet),
            ("9000.00", &[("100.01", 0)], Quiet),
            ("600.01", &[("1.00", 0), ("20.00", 0)], fired("£1.00", "£600.01")),
            // Within what is usual for this payer.
            ("600.00", &[("1.00", 0)], Quiet),
            // Somebody else was paid the small sum.
            ("9000.00", &[("1.00", 1)], Quiet),
            // Not of pounds.
            ("9000.00", &[("0", 0)], Quiet),
            ("9000.00", &[], Quiet),
        ] {
            assert_eq!(look(&after(sum, others)), want, "{sum} {others:?}");
        }
    }

    #[test]
    fn a_test_of_days_ago_counts_while_it_is_all_that_was_paid() {
        let mut facts = after("9000.00", &[]);
        let first = facts.transfer.confirmed.minus(Span::days(3));
        let pair = Pair::begin(Token([0; 16]), first, pounds("50.00"));
        facts.recall.pair = Some(pair);
        assert_eq!(look(&facts), fired("£50.00", "£9,000.00"));
        facts.recall.pair = Some(Pair { count: 2, ..pair });
        assert_eq!(look(&facts), Quiet);
        facts.recall.pair = Some(Pair { first: facts.transfer.confirmed.minus(Span::days(30)), ..pair });
        assert_eq!(look(&facts), Quiet);
    }

    #[test]
    fn what_was_stopped_tested_nothing() {
        let mut facts = after("9000.00", &[("1.00", 0)]);
        facts.recall.attempts[0].allowed = false;
        assert_eq!(look(&facts), Quiet);
    }

    #[test]
    fn without_a_high_amount_the_largest_is_compared() {
        let mut facts = after("900.01", &[("1.00", 0)]);
        facts.recall.usual.as_mut().unwrap().high = None;
        assert_eq!(look(&facts), fired("£1.00", "£900.01"));
        facts.transfer.money = pounds("900.00");
        assert_eq!(look(&facts), Quiet);
        facts.recall.usual = None;
        assert_eq!(look(&facts), Unavailable(Fact::PayerHistory));
    }

    #[test]
    fn another_currency_has_no_habits_here() {
        let mut facts = after("9000.00", &[("1.00", 0)]);
        let currency = Currency::from_code("EUR").unwrap();
        facts.transfer.money = Money { currency, ..facts.transfer.money };
        assert_eq!(look(&facts), Unavailable(Fact::PayerHistory));
    }

    #[test]
    fn what_is_planned_or_known_is_quiet_and_a_stranger_payer_unavailable() {
        check_excuses(look, || after("9000.00", &[("1.00", 0)]));
        check_payer(look, || after("9000.00", &[("1.00", 0)]));
    }
}
