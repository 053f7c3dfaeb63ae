//! New payee: the payer has not been paying this account for long.
//!
//! In nearly every reported case the victim pays an account that the caller dictated. So do people
//! who hire a builder or buy a house, so this is never enough by itself; what it does is exclude
//! everyone who pays an account they have long paid.
//!
//! Age counts from the first payment, not from adding: an account added months ago and never paid
//! is as new as any. Quiet for an account that the bank knows to be the payer's own.
//!
//! The bank's ledger knows whom the payer ever paid; what we remember, or were given to import, only
//! since when. So until a payer is known long enough, a payee that we do not know is unknown and not
//! new, and one first paid a week ago may have been paid for years.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "new_payee",
    code: 1,
    version: 2,
    family: Family::Structural,
    group: "payee",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Days since the first payment from which a payee is known, inclusive.
    pub known_days_min: u32,
    /// Days for which the payer must be known before a payee that is not remembered counts as never
    /// paid, inclusive. Absent in policies that leave it to the bank's ledger alone.
    pub payer_days_min: Option<u32>,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let known_days_min = section.whole("known_days_min", 1..=365);
        let payer_days_min =
            section.optional("payer_days_min", |section, key| section.whole(key, 1..=365));
        Some(Self { known_days_min: known_days_min?, payer_days_min: payer_days_min? })
    }
}

impl Look for Settings {
    /// Looks for a first payment less than `known_days_min` days before this one, or none.
    fn look(&self, facts: &Facts) -> Reading {
        let payee = &facts.transfer.payee;
        // Not when it was confirmed, which for a standing order is years ago.
        let now = facts.decided;
        if payee.own == Some(true) {
            return Reading::Quiet;
        }
        let known_from = now.minus(Span::days(i64::from(self.known_days_min)));

        let pair = facts.recall.pair;
        let remembered = pair.map(|pair| pair.first);
        let first = [remembered, payee.first_paid].into_iter().flatten().min();
        if first.is_some_and(|first| first <= known_from) {
            return Reading::Quiet;
        }
        // Nobody can have paid a payee before adding it.
        let added = payee.added.is_some_and(|added| known_from < added);
        let payer_known = self.payer_days_min.zip(facts.recall.payer_first);
        let payer_known = payer_known
            .is_some_and(|(days, first)| first <= now.minus(Span::days(i64::from(days))));
        let seen = pair.map_or(0, |pair| pair.count);
        if let Some(first) = first {
            // Whether nothing was paid before the first that is known of.
            let first_of_all = match (payee.first_paid, payee.times_paid) {
                (Some(_), _) => true,
                (None, Some(times)) => times <= seen,
                (None, None) => payer_known || added,
            };
            if !first_of_all {
                return Reading::Unavailable(Fact::PayeeFirstPaid);
            }
            let days = now.since(first).whole_days().max(0);
            return Reading::Fired(Cow::Owned(format!("the payee was first paid {days} days ago")));
        }
        match payee.times_paid {
            Some(0) => Reading::Fired(Cow::Borrowed("the payee was never paid before")),
            Some(_) => Reading::Unavailable(Fact::PayeeFirstPaid),
            None if added => Reading::Fired(Cow::Borrowed("the payee was added only now")),
            None if payer_known => Reading::Fired(Cow::Borrowed(
                "the payee was not paid for as long as the payer is known",
            )),
            None => Reading::Unavailable(Fact::PayeeTimesPaid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Token;
    use crate::calendar::Time;
    use crate::history::Pair;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, time};

    /// Looks at a transfer decided on 20 November at 15:04:05 under a limit of 30 days, 90 of the
    /// payer.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Facts), want: &Reading) {
        let mut facts = facts();
        change(&mut facts);
        let settings = Settings { known_days_min: 30, payer_days_min: Some(90) };
        assert_eq!(&settings.look(&facts), want);
    }

    fn fired(evidence: &'static str) -> Reading {
        Reading::Fired(evidence.into())
    }

    fn remember(facts: &mut Facts, first: Time) {
        facts.recall.pair = Some(Pair::begin(Token([1; 16]), first, facts.transfer.money));
    }

    #[test]
    fn a_payee_is_known_from_the_limit_on() {
        let at_limit = time("2026-10-21T15:04:05Z");
        let after = time("2026-10-21T15:04:06Z");
        let young = fired("the payee was first paid 29 days ago");
        check(|facts| facts.transfer.payee.first_paid = Some(at_limit), &Quiet);
        check(|facts| facts.transfer.payee.first_paid = Some(after), &young);
        check(|facts| remember(facts, at_limit), &Quiet);
        let of_a_known_payer = |facts: &mut Facts| {
            facts.recall.payer_first = Some(time("2026-01-01T00:00:00Z"));
            remember(facts, after);
        };
        check(of_a_known_payer, &young);
    }

    #[test]
    fn a_payee_not_remembered_is_new_once_the_payer_is_known_long_enough() {
        let missing = Unavailable(Fact::PayeeTimesPaid);
        let known = |text| move |facts: &mut Facts| facts.recall.payer_first = Some(time(text));
        let new = fired("the payee was not paid for as long as the payer is known");
        check(known("2026-08-22T15:04:05Z"), &new);
        check(known("2026-08-22T15:04:06Z"), &missing);
        // The ledger knows of payments that we do not.
        let paid = |facts: &mut Facts| {
            known("2026-01-01T00:00:00Z")(facts);
            facts.transfer.payee.times_paid = Some(3);
        };
        check(paid, &Unavailable(Fact::PayeeFirstPaid));
    }

    #[test]
    fn a_policy_that_says_not_how_long_leaves_it_to_the_ledger() {
        let settings = Settings { known_days_min: 30, payer_days_min: None };
        let mut facts = facts();
        facts.recall.payer_first = Some(time("2020-01-01T00:00:00Z"));
        assert_eq!(settings.look(&facts), Unavailable(Fact::PayeeTimesPaid));
        remember(&mut facts, time("2026-11-10T00:00:00Z"));
        assert_eq!(settings.look(&facts), Unavailable(Fact::PayeeFirstPaid));
        facts.transfer.payee.times_paid = Some(0);
        assert_eq!(settings.look(&facts), fired("the payee was first paid 10 days ago"));
    }

    #[test]
    fn what_is_first_to_us_may_not_be_the_first() {
        let after = time("2026-11-10T00:00:00Z");
        let missing = Unavailable(Fact::PayeeFirstPaid);
        let young = fired("the payee was first paid 10 days ago");
        let times = |times| {
            move |facts: &mut Facts| {
                facts.recall.payer_first = Some(after);
                facts.transfer.payee.times_paid = times;
                remember(facts, after);
            }
        };
        check(times(None), &missing);
        // We saw one.
        check(times(Some(1)), &young);
        check(times(Some(2)), &missing);
        let added = |text| {
            move |facts: &mut Facts| {
                times(None)(facts);
                facts.transfer.payee.added = Some(time(text));
            }
        };
        check(added("2026-10-21T15:04:06Z"), &young);
        check(added("2026-10-21T15:04:05Z"), &missing);
    }

    #[test]
    fn the_older_of_ledger_and_memory_counts() {
        let both = |ledger, memory| {
            move |facts: &mut Facts| {
                facts.transfer.payee.first_paid = Some(time(ledger));
                remember(facts, time(memory));
            }
        };
        check(both("2026-01-01T00:00:00Z", "2026-11-19T00:00:00Z"), &Quiet);
        check(both("2026-11-19T00:00:00Z", "2026-01-01T00:00:00Z"), &Quiet);
    }

    #[test]
    fn a_payee_never_paid_is_new_however_long_it_has_been_there() {
        let never = fired("the payee was never paid before");
        check(|facts| facts.transfer.payee.times_paid = Some(0), &never);
        let added_long_ago = |facts: &mut Facts| {
            facts.transfer.payee.times_paid = Some(0);
            facts.transfer.payee.added = Some(time("2020-01-01T00:00:00Z"));
        };
        check(added_long_ago, &never);
    }

    #[test]
    fn a_payee_added_inside_the_limit_is_new() {
        let added = |text| move |facts: &mut Facts| facts.transfer.payee.added = Some(time(text));
        check(added("2026-10-21T15:04:06Z"), &fired("the payee was added only now"));
        check(added("2026-10-21T15:04:05Z"), &Unavailable(Fact::PayeeTimesPaid));
        // An adding after the payment contradicts itself and is no sign of age.
        check(added("2026-11-21T00:00:00Z"), &fired("the payee was added only now"));
    }

    #[test]
    fn ones_own_account_is_never_new() {
        let own = |facts: &mut Facts| {
            facts.transfer.payee.own = Some(true);
            facts.transfer.payee.times_paid = Some(0);
        };
        check(own, &Quiet);
        let others = |facts: &mut Facts| {
            facts.transfer.payee.own = Some(false);
            facts.transfer.payee.times_paid = Some(0);
        };
        check(others, &fired("the payee was never paid before"));
    }

    #[test]
    fn without_a_history_nobody_can_tell() {
        check(|_| {}, &Unavailable(Fact::PayeeTimesPaid));
        let paid = |facts: &mut Facts| facts.transfer.payee.times_paid = Some(3);
        check(paid, &Unavailable(Fact::PayeeFirstPaid));
    }
}
