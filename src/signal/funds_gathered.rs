//! Funds gathered: the money came from savings, other accounts of the payer's or a loan just before.
//!
//! Callers have savings broken and loans drawn before the transfer that matters: "moved all savings
//! first". People who buy a house or a car do so as well, on the same day.
//!
//! The bank states what came in, and where it does not we remember of the last 24 hours what the payer
//! moved here from accounts that we were asked about, and what earlier payments stated. The two know of
//! the same sums, so the larger counts and they are never added.
//!
//! Quiet when the payee is the payer: moving money between one's own accounts is ordinary.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::history::recent::RECENT_AGE;
use crate::money::{Amount, Money, Share};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{Arrival, Fact};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "funds_gathered",
    code: 18,
    version: 2,
    family: Family::Structural,
    group: "size",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Smallest share of the transfer that came in just before, inclusive.
    pub share_min: Share,
    /// Hours before the payer confirmed in which it came in, inclusive.
    pub hours_max: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let share_min = section.share("share_min");
        let hours_max = section.whole("hours_max", 1..=168);
        Some(Self { share_min: share_min?, hours_max: hours_max? })
    }
}

impl Look for Settings {
    /// Looks for arrivals of at least `share_min` of the transfer within `hours_max`.
    fn look(&self, facts: &Facts) -> Reading {
        let transfer = &facts.transfer;
        if transfer.payee.own == Some(true) {
            return Reading::Quiet;
        }
        let window = Span::hours(i64::from(self.hours_max));
        // The bank lists what came in just before: one without a time is as good as recent.
        let recent = |arrival: &&Arrival| {
            arrival.arrived.is_none_or(|arrived| transfer.confirmed.since(arrived) <= window)
        };
        let arrivals = transfer.gathered.iter().flat_map(|gathered| &gathered.arrivals);
        let recent: Vec<&Arrival> = arrivals.filter(recent).collect();
        let same = recent.iter().filter(|one| one.money.currency == transfer.money.currency);
        let stated = same.clone().fold(Amount::ZERO, |sum, one| sum.plus(one.money.amount));
        // A shorter window cannot be cut out of what is remembered.
        let remembered = facts.recall.gathered.filter(|remembered| {
            RECENT_AGE <= window && remembered.currency == transfer.money.currency
        });
        let sum = remembered.map_or(stated, |remembered| remembered.amount.max(stated));

        let gathered_min = transfer.money.amount.part(self.share_min);
        if !sum.is_zero() && gathered_min <= sum {
            let evidence = format!(
                "{} of {} came from the payer's own accounts or loans just before",
                Money { amount: sum, ..transfer.money },
                transfer.money,
            );
            return Reading::Fired(Cow::Owned(evidence));
        }
        // A share of another currency would need a rate of the moment.
        if transfer.gathered.is_none() || same.count() < recent.len() {
            return Reading::Unavailable(Fact::Gathered);
        }
        Reading::Quiet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, pounds, share};
    use crate::transfer::Gathered;

    /// Looks at a transfer of £3,200.00 after these arrivals, so many minutes before; within a day
    /// at least half of it.
    #[track_caller]
    fn check(arrivals: &[(&str, &str, Option<i64>)], want: &Reading) {
        let settings = Settings { share_min: share("0.50"), hours_max: 24 };
        let mut facts = facts();
        let confirmed = facts.transfer.confirmed;
        let arrival = |(amount, currency, minutes): &(&str, &str, Option<i64>)| Arrival {
            money: Money {
                currency: Currency::from_code(currency).unwrap(),
                ..pounds(amount)
            },
            arrived: minutes.map(|minutes| confirmed.minus(Span::minutes(minutes))),
            source: None,
        };
        facts.transfer.gathered =
            Some(Gathered { arrivals: arrivals.iter().map(arrival).collect() });
        assert_eq!(&settings.look(&facts), want);
        facts.transfer.payee.own = Some(true);
        assert_eq!(settings.look(&facts), Quiet);
    }

    fn fired(sum: &str) -> Reading {
        let rest = "of £3,200.00 came from the payer's own accounts or loans just before";
        Reading::Fired(format!("£{sum} {rest}").into())
    }

    #[test]
    fn fires_from_the_share_up_and_adds_what_came_in() {
        check(&[("1600.00", "GBP", Some(20))], &fired("1,600.00"));
        check(&[("1599.99", "GBP", Some(20))], &Quiet);
        check(&[("800", "GBP", Some(20)), ("800", "GBP", None)], &fired("1,600.00"));
        check(&[("9000", "GBP", Some(0))], &fired("9,000.00"));
        check(&[], &Quiet);
    }

    #[test]
    fn what_came_in_longer_ago_was_not_gathered_for_this() {
        check(&[("3200", "GBP", Some(24 * 60))], &fired("3,200.00"));
        check(&[("3200", "GBP", Some(24 * 60 + 1))], &Quiet);
        check(&[("3200", "GBP", Some(-5))], &fired("3,200.00"));
    }

    #[test]
    fn needs_arrivals_that_can_be_compared() {
        let missing = &Unavailable(Fact::Gathered);
        let settings = Settings { share_min: share("0.50"), hours_max: 24 };
        assert_eq!(settings.look(&facts()), *missing);
        check(&[("3200", "EUR", Some(5))], missing);
        check(&[("1600", "GBP", Some(5)), ("1", "EUR", Some(5))], &fired("1,600.00"));
        check(&[("3200", "EUR", Some(24 * 60 + 1))], &Quiet);
    }

    /// Looks at the same transfer after so much came in that is remembered, and this that is stated.
    #[track_caller]
    fn check_remembered(remembered: &str, stated: Option<&str>, hours_max: u32, want: &Reading) {
        let settings = Settings { share_min: share("0.50"), hours_max };
        let mut facts = facts();
        facts.recall.gathered = Some(pounds(remembered));
        facts.transfer.gathered = stated.map(|stated| Gathered {
            arrivals: vec![Arrival { money: pounds(stated), arrived: None, source: None }],
        });
        assert_eq!(&settings.look(&facts), want);
        facts.transfer.payee.own = Some(true);
        assert_eq!(settings.look(&facts), Quiet);
    }

    #[test]
    fn what_is_remembered_stands_in_for_what_is_not_stated() {
        let missing = &Unavailable(Fact::Gathered);
        check_remembered("1600.00", None, 24, &fired("1,600.00"));
        check_remembered("1599.99", None, 24, missing);
        // Six hours cannot be told from twenty-four.
        check_remembered("1600.00", None, 23, missing);
    }

    #[test]
    fn what_is_both_stated_and_remembered_counts_once() {
        check_remembered("900.00", Some("900.00"), 24, &Quiet);
        check_remembered("1700.00", Some("900.00"), 24, &fired("1,700.00"));
        check_remembered("900.00", Some("1700.00"), 24, &fired("1,700.00"));
        check_remembered("1700.00", Some("900.00"), 23, &Quiet);
    }

    #[test]
    fn pounds_that_are_remembered_say_nothing_of_another_currency() {
        let settings = Settings { share_min: share("0.50"), hours_max: 24 };
        let mut facts = facts();
        facts.recall.gathered = Some(pounds("9000"));
        facts.transfer.money.currency = Currency::from_code("EUR").unwrap();
        assert_eq!(settings.look(&facts), Unavailable(Fact::Gathered));
    }
}
