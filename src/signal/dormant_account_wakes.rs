//! Dormant account wakes: nothing was sent for months, and now something is.
//!
//! Savings that were left alone are what callers are after. So are they what a house, a car or a
//! funeral is paid from, and many who pay everything by card send a transfer twice a year: a nudge for
//! a story that is nearly told.
//!
//! A payer's accounts count together, so a savings account of somebody who pays from another is not
//! dormant. Unavailable where nothing was ever known to be sent: that is also what a bank looks like
//! which reports nothing. What was sent earlier the same day ends the sleep.
//!
//! Quiet for the payer's own account.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "dormant_account_wakes",
    code: 42,
    version: 1,
    family: Family::Structural,
    group: "preparation",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Days since the last transfer was sent, inclusive.
    pub days_min: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        // What was sent a year ago is forgotten after 360 days at the earliest.
        Some(Self { days_min: section.whole("days_min", 30..=330)? })
    }
}

impl Look for Settings {
    /// Looks for at least `days_min` days in which a payer who sent before sent nothing.
    fn look(&self, facts: &Facts) -> Reading {
        let confirmed = facts.transfer.confirmed;
        if facts.transfer.payee.own == Some(true) {
            return Reading::Quiet;
        }
        let Some(usual) = facts.recall.usual else {
            return Reading::Unavailable(Fact::PayerHistory);
        };
        // It was sent on that day, which may have been its last second.
        let days = confirmed.since(usual.last_day.plus(Span::days(1))).whole_days();
        if days < i64::from(self.days_min) {
            return Reading::Quiet;
        }
        Reading::Fired(Cow::Owned(format!("the payer sent nothing for {days} days")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Usual;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, pounds, time};

    /// Looks at a transfer of 20 November, 15:04:05, of a payer who last sent one on `last`.
    #[track_caller]
    fn check(last: Option<&str>, own: Option<bool>, want: &Reading) {
        let mut facts = facts();
        facts.transfer.payee.own = own;
        facts.recall.usual = last.map(|last| Usual {
            count: 1,
            largest: pounds("900"),
            high: None,
            month: pounds("0"),
            last_day: time(last),
            adding_minutes: None,
            session_seconds: None,
        });
        assert_eq!(&Settings { days_min: 180 }.look(&facts), want);
    }

    #[test]
    fn fires_from_the_days_up() {
        let fired = Reading::Fired("the payer sent nothing for 180 days".into());
        check(Some("2026-05-23T00:00:00Z"), None, &fired);
        check(Some("2026-05-24T00:00:00Z"), None, &Quiet);
        check(Some("2026-11-20T00:00:00Z"), None, &Quiet);
        check(Some("2026-05-23T00:00:00Z"), Some(false), &fired);
        check(Some("2026-05-23T00:00:00Z"), Some(true), &Quiet);
    }

    #[test]
    fn a_payer_who_was_never_known_to_send_is_unknown() {
        check(None, None, &Unavailable(Fact::PayerHistory));
    }
}
