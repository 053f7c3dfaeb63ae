//! Rapid transfers: several payments to strangers within the hour, together more than ever at once.
//!
//! A caller empties an account in as many payments as it takes: six to three accounts within an
//! hour, 33,000 over the course of another. A sole trader's payroll, a removal day and a wedding's
//! suppliers are rapid too, but they are usually paid from a file or to people paid before, and
//! their sum seldom comes to more than that payer's largest transfer of a year.
//!
//! Quiet where the sum is within what the payer has sent at once, and where several are given the same:
//! heirs, children, wages. Callers who dictate equal slices come back to an account within the hour,
//! and name another once the first has failed, so that what did not leave is no share.

use std::borrow::Cow;

use crate::document::Section;
use crate::history::Attempt;
use crate::money::Share;
use crate::signal::shape::{Known, near, pence, to_strangers, told};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "rapid_transfers",
    code: 35,
    // 1 fired for heirs as well.
    version: 2,
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
    /// Within how many minutes, inclusive.
    pub minutes_max: u32,
    /// Fewest transfers, this one among them, inclusive; more than 9 are not remembered.
    pub count_min: u32,
    /// Least share of this amount that another comes to, or this of the other, to be the same,
    /// inclusive.
    pub near_min: Share,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let known = Known::read(section);
        let minutes_max = section.whole("minutes_max", 1..=1_440);
        let count_min = section.whole("count_min", 2..=9);
        let near_min = section.share("near_min");
        Some(Self {
            known: known?,
            minutes_max: minutes_max?,
            count_min: count_min?,
            near_min: near_min?,
        })
    }

    /// Tells whether a sum and those before it are shares of one thing: each to another, about the
    /// same, and sent.
    fn is_shared_out(&self, this: u64, before: &[&Attempt]) -> bool {
        let mut payees: Vec<u8> = before.iter().map(|one| one.payee).chain([THIS_PAYEE]).collect();
        payees.sort_unstable();
        payees.dedup();
        before.len() < payees.len()
            && before.iter().all(|one| one.left && near(one.pence, this, self.near_min))
    }
}

/// As attempts number it.
const THIS_PAYEE: u8 = 0;

impl Look for Settings {
    /// Looks for at least `count_min` transfers to strangers within `minutes_max` whose sum is above
    /// the largest transfer of a year, and which are not shared out.
    fn look(&self, facts: &Facts) -> Reading {
        if let Some(settled) = self.known.settles(facts) {
            return settled;
        }
        let (Some(this), Some(usual)) = (pence(facts), facts.recall.usual) else {
            return Reading::Unavailable(Fact::PayerHistory);
        };
        let before: Vec<_> = to_strangers(facts, self.minutes_max).collect();
        let count = u32::try_from(before.len()).unwrap_or(u32::MAX).saturating_add(1);
        let sum = before.iter().fold(this, |sum, one| sum.saturating_add(one.pence));
        let is_usual = sum <= usual.largest.amount.hundredths();
        if count < self.count_min || is_usual || self.is_shared_out(this, &before) {
            return Reading::Quiet;
        }
        let (sum, largest, minutes) = (told(sum), usual.largest, self.minutes_max);
        let evidence = format!(
            "{count} transfers to new payees within {minutes} minutes come to {sum}, and the largest \
             of a year was {largest}"
        );
        Reading::Fired(Cow::Owned(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Currency, Money};
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::signal::shape::testing::{KNOWN, check_excuses, check_payer, known, tried};
    use crate::testing::share;

    fn settings() -> Settings {
        Settings {
            known: KNOWN,
            minutes_max: 60,
            count_min: 3,
            near_min: share("0.90"),
        }
    }

    /// Returns a payment after others, each so many minutes ago, by somebody whose largest was £900.
    fn after(sum: &str, others: &[(u32, &str, u8)]) -> Facts {
        let mut facts = known(sum);
        facts.recall.attempts =
            others.iter().map(|(minutes, sum, payee)| tried(*minutes, sum, *payee)).collect();
        facts
    }

    fn fired(count: u32, sum: &str) -> Reading {
        let text = format!(
            "{count} transfers to new payees within 60 minutes come to {sum}, and the largest of a \
             year was £900.00"
        );
        Reading::Fired(text.into())
    }

    #[test]
    fn fires_from_each_limit_up() {
        for (sum, others, want) in [
            ("300.01", &[(60, "300.00", 1), (20, "300.00", 0)][..], fired(3, "£900.01")),
            ("300.00", &[(60, "300.00", 1), (20, "300.00", 0)], Quiet),
            ("5000.00", &[(61, "300.00", 1), (20, "300.00", 0)], Quiet),
            ("5000.00", &[(20, "300.00", 0)], Quiet),
            // A meal split with friends.
            ("23.50", &[(3, "23.50", 1), (2, "23.50", 2), (1, "23.50", 3)], Quiet),
        ] {
            assert_eq!(settings().look(&after(sum, others)), want, "{sum} {others:?}");
        }
    }

    #[test]
    fn equal_shares_to_each_of_several_are_heirs() {
        for (sum, others, want) in [
            ("900.00", &[(9, "900.00", 1), (5, "900.00", 2)][..], Quiet),
            ("900.00", &[(9, "810.00", 1), (5, "900.00", 2)], Quiet),
            ("900.00", &[(9, "809.99", 1), (5, "900.00", 2)], fired(3, "£2,609.99")),
            ("810.00", &[(9, "900.00", 1), (5, "810.00", 2)], Quiet),
            ("809.99", &[(9, "900.00", 1), (5, "810.00", 2)], fired(3, "£2,519.99")),
            // Nobody inherits twice within the hour.
            ("900.00", &[(9, "900.00", 0), (5, "900.00", 1), (2, "900.00", 2)], fired(4, "£3,600.00")),
            ("900.00", &[(9, "900.00", 1), (5, "900.00", 1), (2, "900.00", 2)], fired(4, "£3,600.00")),
        ] {
            assert_eq!(settings().look(&after(sum, others)), want, "{sum} {others:?}");
        }
        let two = Settings { count_min: 2, ..settings() };
        let mut second = after("900.00", &[(9, "900.00", 1)]);
        assert_eq!(two.look(&second), Quiet);
        // The caller's second account, once the first has failed.
        second.recall.attempts[0].left = false;
        assert_eq!(two.look(&second), fired(2, "£1,800.00"));
    }

    #[test]
    fn wages_to_people_paid_before_and_what_was_stopped_are_not_counted() {
        let mut facts = after("900.00", &[(9, "900.00", 1), (5, "500.00", 2)]);
        assert_ne!(settings().look(&facts), Quiet);
        facts.recall.attempts[0].new = false;
        assert_eq!(settings().look(&facts), Quiet);
        facts.recall.attempts[0] = tried(9, "900.00", 1);
        facts.recall.attempts[0].allowed = false;
        assert_eq!(settings().look(&facts), Quiet);
    }

    #[test]
    fn needs_a_largest_transfer_in_pounds() {
        let mut facts = after("900.00", &[(9, "900.00", 1), (5, "500.00", 2)]);
        let currency = Currency::from_code("EUR").unwrap();
        facts.transfer.money = Money { currency, ..facts.transfer.money };
        assert_eq!(settings().look(&facts), Unavailable(Fact::PayerHistory));
        let mut facts = after("900.00", &[(9, "900.00", 1), (5, "500.00", 2)]);
        facts.recall.usual = None;
        assert_eq!(settings().look(&facts), Unavailable(Fact::PayerHistory));
    }

    #[test]
    fn what_is_planned_or_known_is_quiet_and_a_stranger_payer_unavailable() {
        let firing = || after("900.00", &[(9, "900.00", 1), (5, "500.00", 2)]);
        check_excuses(|facts| settings().look(facts), firing);
        check_payer(|facts| settings().look(facts), firing);
    }
}
