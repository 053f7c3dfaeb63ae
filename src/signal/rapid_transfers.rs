//! Rapid transfers: several payments to strangers within the hour, together more than ever at once.
//!
//! A caller empties an account in as many payments as it takes: six to three accounts within an
//! hour, 33,000 over the course of another. A sole trader's payroll, a removal day and a wedding's
//! suppliers are rapid too, but they are usually paid from a file or to people paid before, and
//! their sum seldom comes to more than that payer's largest transfer of a year.
//!
//! Quiet where the sum is within what the payer has sent at once.

use std::borrow::Cow;

use crate::document::Section;
use crate::signal::shape::{Known, pence, to_strangers, told};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "rapid_transfers",
    code: 35,
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
    /// Within how many minutes, inclusive.
    pub minutes_max: u32,
    /// Fewest transfers, this one among them, inclusive; more than 9 are not remembered.
    pub count_min: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let known = Known::read(section);
        let minutes_max = section.whole("minutes_max", 1..=1_440);
        let count_min = section.whole("count_min", 2..=9);
        Some(Self { known: known?, minutes_max: minutes_max?, count_min: count_min? })
    }
}

impl Look for Settings {
    /// Looks for at least `count_min` transfers to strangers within `minutes_max` whose sum is above
    /// the largest transfer of a year.
    fn look(&self, facts: &Facts) -> Reading {
        if let Some(settled) = self.known.settles(facts) {
            return settled;
        }
        let (Some(this), Some(usual)) = (pence(facts), facts.recall.usual) else {
            return Reading::Unavailable(Fact::PayerHistory);
        };
        let (count, sum) = to_strangers(facts, self.minutes_max)
            .fold((1_u32, this), |(count, sum), one| {
                (count.saturating_add(1), sum.saturating_add(one.pence))
            });
        if count < self.count_min || sum <= usual.largest.amount.hundredths() {
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

    const SETTINGS: Settings = Settings { known: KNOWN, minutes_max: 60, count_min: 3 };

    /// Returns a payment after others, each so many minutes ago, by somebody whose largest was £900.
    fn after(sum: &str, others: &[(u32, &str, u8)]) -> Facts {
        let mut facts = known(sum);
        facts.recall.attempts =
            others.iter().map(|(minutes, sum, payee)| tried(*minutes, sum, *payee)).collect();
        facts
    }

    #[test]
    fn fires_from_each_limit_up() {
        let fired = |count, sum| {
            let text = format!(
                "{count} transfers to new payees within 60 minutes come to {sum}, and the largest of \
                 a year was £900.00"
            );
            Reading::Fired(text.into())
        };
        for (sum, others, want) in [
            ("300.01", &[(60, "300.00", 1), (20, "300.00", 0)][..], fired(3, "£900.01")),
            ("300.00", &[(60, "300.00", 1), (20, "300.00", 0)], Quiet),
            ("5000.00", &[(61, "300.00", 1), (20, "300.00", 0)], Quiet),
            ("5000.00", &[(20, "300.00", 0)], Quiet),
            // A meal split with friends.
            ("23.50", &[(3, "23.50", 1), (2, "23.50", 2), (1, "23.50", 3)], Quiet),
        ] {
            assert_eq!(SETTINGS.look(&after(sum, others)), want, "{sum} {others:?}");
        }
    }

    #[test]
    fn wages_to_people_paid_before_and_what_was_stopped_are_not_counted() {
        let mut facts = after("900.00", &[(9, "900.00", 1), (5, "900.00", 2)]);
        assert_ne!(SETTINGS.look(&facts), Quiet);
        facts.recall.attempts[0].new = false;
        assert_eq!(SETTINGS.look(&facts), Quiet);
        facts.recall.attempts[0] = tried(9, "900.00", 1);
        facts.recall.attempts[0].allowed = false;
        assert_eq!(SETTINGS.look(&facts), Quiet);
    }

    #[test]
    fn needs_a_largest_transfer_in_pounds() {
        let mut facts = after("900.00", &[(9, "900.00", 1), (5, "900.00", 2)]);
        let currency = Currency::from_code("EUR").unwrap();
        facts.transfer.money = Money { currency, ..facts.transfer.money };
        assert_eq!(SETTINGS.look(&facts), Unavailable(Fact::PayerHistory));
        let mut facts = after("900.00", &[(9, "900.00", 1), (5, "900.00", 2)]);
        facts.recall.usual = None;
        assert_eq!(SETTINGS.look(&facts), Unavailable(Fact::PayerHistory));
    }

    #[test]
    fn what_is_planned_or_known_is_quiet_and_a_stranger_payer_unavailable() {
        let firing = || after("900.00", &[(9, "900.00", 1), (5, "900.00", 2)]);
        check_excuses(|facts| SETTINGS.look(facts), firing);
        check_payer(|facts| SETTINGS.look(facts), firing);
    }
}
