//! Paid on adding: the payee was added a moment ago and is already being paid.
//!
//! A caller who dictates an account wants the money before the line goes dead. Honest people also
//! pay what they have just typed in, so this only sharpens what a new payee says; both see the same
//! event and share its group.
//!
//! Quiet for a payer whose habit it is: half of the new payees before were paid as soon. Until that is
//! known of enough payees, nobody's habit is assumed.
//!
//! Quiet for a payee that was paid before (people retype payees) and for the payer's own account.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "paid_on_adding",
    code: 2,
    version: 2,
    family: Family::Structural,
    group: "payee",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Minutes between adding and paying that still count, inclusive.
    pub minutes_max: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        Some(Self { minutes_max: section.whole("minutes_max", 1..=1_440)? })
    }
}

impl Look for Settings {
    /// Looks for a payee added at most `minutes_max` minutes before the payer confirmed.
    fn look(&self, facts: &Facts) -> Reading {
        let payee = &facts.transfer.payee;
        let paid = facts.recall.pair.is_some()
            || payee.first_paid.is_some()
            || payee.times_paid.is_some_and(|times| 0 < times);
        if paid || payee.own == Some(true) {
            return Reading::Quiet;
        }
        let Some(added) = payee.added else {
            return Reading::Unavailable(Fact::PayeeAdded);
        };
        let age = facts.transfer.confirmed.since(added);
        if Span::minutes(i64::from(self.minutes_max)) < age {
            return Reading::Quiet;
        }
        let habit = facts.recall.usual.and_then(|usual| usual.adding_minutes);
        if habit.is_some_and(|minutes| minutes <= self.minutes_max) {
            return Reading::Quiet;
        }
        let minutes = age.whole_seconds().max(0).div_euclid(60);
        Reading::Fired(Cow::Owned(format!("the payee was added {minutes} minutes before")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Token;
    use crate::history::{Pair, Usual};
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, time};

    /// Looks at a transfer confirmed on 20 November at 15:04:05 under a limit of 60 minutes.
    #[track_caller]
    fn check(added: Option<&str>, change: impl FnOnce(&mut Facts), want: &Reading) {
        let mut facts = facts();
        facts.transfer.payee.added = added.map(time);
        change(&mut facts);
        assert_eq!(&Settings { minutes_max: 60 }.look(&facts), want);
    }

    fn fired(evidence: &'static str) -> Reading {
        Reading::Fired(evidence.into())
    }

    #[test]
    fn fires_up_to_the_limit() {
        let at_limit = fired("the payee was added 60 minutes before");
        check(Some("2026-11-20T14:04:05Z"), |_| {}, &at_limit);
        check(Some("2026-11-20T14:04:04.999999Z"), |_| {}, &Quiet);
        check(Some("2026-11-20T15:00:00Z"), |_| {}, &fired("the payee was added 4 minutes before"));
        // An adding after the payment can only be a matter of clocks.
        check(Some("2026-11-20T15:05:00Z"), |_| {}, &fired("the payee was added 0 minutes before"));
    }

    #[test]
    fn a_payee_typed_in_again_is_not_a_new_one() {
        let added = Some("2026-11-20T15:00:00Z");
        check(added, |facts| facts.transfer.payee.times_paid = Some(1), &Quiet);
        let ledger = |facts: &mut Facts| facts.transfer.payee.first_paid = Some(facts.decided);
        check(added, ledger, &Quiet);
        let remembered = |facts: &mut Facts| {
            let money = facts.transfer.money;
            facts.recall.pair = Some(Pair::begin(Token([1; 16]), facts.decided, money));
        };
        check(added, remembered, &Quiet);
        check(added, |facts| facts.transfer.payee.own = Some(true), &Quiet);
        let never = |facts: &mut Facts| facts.transfer.payee.times_paid = Some(0);
        check(added, never, &fired("the payee was added 4 minutes before"));
    }

    #[test]
    fn who_always_pays_on_adding_is_not_hurried() {
        let usually = |minutes| {
            move |facts: &mut Facts| {
                facts.recall.usual = Some(Usual {
                    count: 20,
                    largest: facts.transfer.money,
                    high: None,
                    month: facts.transfer.money,
                    last_day: time("2026-11-18T00:00:00Z"),
                    adding_minutes: minutes,
                    session_seconds: None,
                });
            }
        };
        let added = Some("2026-11-20T15:00:00Z");
        let hurried = fired("the payee was added 4 minutes before");
        check(added, usually(Some(60)), &Quiet);
        check(added, usually(Some(61)), &hurried);
        check(added, usually(None), &hurried);
    }

    #[test]
    fn needs_to_know_when_the_payee_was_added() {
        check(None, |_| {}, &Unavailable(Fact::PayeeAdded));
        check(None, |facts| facts.transfer.payee.times_paid = Some(1), &Quiet);
    }
}
