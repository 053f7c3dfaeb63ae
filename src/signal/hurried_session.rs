//! Hurried session: the payer added a payee and paid it faster than they do anything at the bank.
//!
//! "Move through it quickly" is what callers say, and who has every number dictated need not look
//! anything up. Compared with the payer's own sessions, because quick people are quick every day, and
//! most of those sessions add nobody and should be shorter. Impatient people and full passwords kept by
//! a telephone do this too: no more than a nudge.
//!
//! Quiet where the payee was there before the session, and for the payer's own account.

use std::borrow::Cow;

use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "hurried_session",
    code: 40,
    version: 1,
    family: Family::Coercion,
    group: "hurry",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Percentage of the time that nine of the payer's sessions in ten lasted at least, up to which
    /// one is hurried, inclusive.
    pub percent_max: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        Some(Self { percent_max: section.whole("percent_max", 1..=100)? })
    }
}

impl Look for Settings {
    /// Looks for a payee added and paid in a session of at most `percent_max` of the payer's habit.
    fn look(&self, facts: &Facts) -> Reading {
        let transfer = &facts.transfer;
        if transfer.payee.own == Some(true) {
            return Reading::Quiet;
        }
        let Some(started) = transfer.session.started else {
            return Reading::Unavailable(Fact::SessionStarted);
        };
        let Some(added) = transfer.payee.added else {
            return Reading::Unavailable(Fact::PayeeAdded);
        };
        if added < started {
            return Reading::Quiet;
        }
        let Some(habit) = facts.recall.usual.and_then(|usual| usual.session_seconds) else {
            return Reading::Unavailable(Fact::PayerHistory);
        };
        // A session that ended before it began can only be a matter of clocks.
        let Ok(seconds) = u64::try_from(transfer.confirmed.since(started).whole_seconds()) else {
            return Reading::Unavailable(Fact::SessionStarted);
        };
        let limit = u64::from(habit).saturating_mul(u64::from(self.percent_max));
        if limit < seconds.saturating_mul(100) {
            return Reading::Quiet;
        }
        let evidence = format!(
            "the payee was added and paid in {seconds} seconds; nine of the payer's sessions in ten \
             last {habit} or more"
        );
        Reading::Fired(Cow::Owned(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Usual;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, pounds, time};

    /// Looks at a transfer confirmed at 15:04:05 whose session began at `started`, of a payer nine of
    /// whose sessions in ten last `habit` seconds; half of that is hurried.
    #[track_caller]
    fn check(started: &str, habit: Option<u32>, change: impl FnOnce(&mut Facts), want: &Reading) {
        let mut facts = facts();
        facts.transfer.session.started = Some(time(&format!("2026-11-20T{started}Z")));
        facts.transfer.payee.added = Some(time("2026-11-20T15:04:00Z"));
        facts.recall.usual = Some(Usual {
            count: 20,
            largest: pounds("900"),
            high: None,
            month: pounds("100"),
            last_day: time("2026-11-18T00:00:00Z"),
            adding_minutes: None,
            session_seconds: habit,
        });
        change(&mut facts);
        assert_eq!(&Settings { percent_max: 50 }.look(&facts), want);
    }

    #[test]
    fn fires_up_to_the_part_of_the_habit() {
        let text = "the payee was added and paid in 64 seconds; nine of the payer's sessions in ten \
                    last 128 or more";
        check("15:03:01", Some(128), |_| {}, &Reading::Fired(text.into()));
        check("15:03:00", Some(128), |_| {}, &Quiet);
        // Quick every day.
        check("15:03:01", Some(64), |_| {}, &Quiet);
        check("15:03:01", Some(0), |_| {}, &Quiet);
    }

    #[test]
    fn only_a_payee_added_in_the_session_counts() {
        let added = |text| move |facts: &mut Facts| facts.transfer.payee.added = Some(time(text));
        check("15:03:30", Some(128), added("2026-11-20T15:03:29Z"), &Quiet);
        let own = |facts: &mut Facts| facts.transfer.payee.own = Some(true);
        check("15:03:30", Some(128), own, &Quiet);
    }

    #[test]
    fn names_what_is_missing() {
        let habit = Some(128);
        check("15:03:30", None, |_| {}, &Unavailable(Fact::PayerHistory));
        let unknown = |facts: &mut Facts| facts.recall.usual = None;
        check("15:03:30", habit, unknown, &Unavailable(Fact::PayerHistory));
        let unstarted = |facts: &mut Facts| facts.transfer.session.started = None;
        check("15:03:30", habit, unstarted, &Unavailable(Fact::SessionStarted));
        let unadded = |facts: &mut Facts| facts.transfer.payee.added = None;
        check("15:03:30", habit, unadded, &Unavailable(Fact::PayeeAdded));
        let later = |facts: &mut Facts| {
            facts.transfer.session.started = Some(time("2026-11-20T15:04:10Z"));
            facts.transfer.payee.added = Some(time("2026-11-20T15:04:12Z"));
        };
        check("15:03:30", habit, later, &Unavailable(Fact::SessionStarted));
    }
}
