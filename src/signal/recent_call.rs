//! Recent call: a call that the payer received ended just before they paid.
//!
//! Some callers give their orders and hang up, and calls are cut off and resumed. Fewer than those
//! who stay on the line; and everybody has ended a call within the last hour now and then.
//!
//! Quiet while a call lasts: that is `call_in_progress`'s to see.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{CallDirection, CallState, Fact};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "recent_call",
    code: 19,
    version: 1,
    family: Family::Coercion,
    group: "voice",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most minutes between the call's end and the payer's confirming, inclusive.
    pub minutes_max: u32,
    /// Whether a call that the payer is known to have made counts as well.
    pub outgoing_counts: bool,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let minutes_max = section.whole("minutes_max", 1..=240);
        let outgoing_counts = section.flag("outgoing_counts");
        Some(Self { minutes_max: minutes_max?, outgoing_counts: outgoing_counts? })
    }
}

impl Look for Settings {
    /// Looks for a call that ended at most `minutes_max` before the payer confirmed.
    fn look(&self, facts: &Facts) -> Reading {
        let transfer = &facts.transfer;
        let Some(call) = transfer.session.call else {
            return Reading::Unavailable(Fact::Call);
        };
        match call.state {
            CallState::NotSupported => return Reading::Unavailable(Fact::Call),
            CallState::NoCall | CallState::InProgress => return Reading::Quiet,
            CallState::Ended => {}
        }
        if call.direction == Some(CallDirection::Outgoing) && !self.outgoing_counts {
            return Reading::Quiet;
        }
        let Some(ended) = call.ended else {
            return Reading::Unavailable(Fact::Call);
        };
        // One that ended while the payer was confirming was there to guide them.
        let ago = transfer.confirmed.since(ended);
        if Span::minutes(i64::from(self.minutes_max)) < ago {
            return Reading::Quiet;
        }
        let minutes = ago.whole_seconds().checked_div(60).unwrap_or(0).max(0);
        Reading::Fired(Cow::Owned(format!("a call ended {minutes} minutes before")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::facts;
    use crate::transfer::Call;

    /// Looks at a call that ended so many seconds before, within half an hour, outgoing ones
    /// counting not and counting.
    #[track_caller]
    fn check(
        state: CallState,
        seconds: Option<i64>,
        direction: Option<CallDirection>,
        want: [&Reading; 2],
    ) {
        let mut facts = facts();
        let confirmed = facts.transfer.confirmed;
        let ended = seconds.map(|seconds| confirmed.minus(Span::seconds(seconds)));
        facts.transfer.session.call = Some(Call { state, ended, direction, source: None });
        let readings = [false, true].map(|outgoing_counts| {
            Settings { minutes_max: 30, outgoing_counts }.look(&facts)
        });
        assert_eq!(readings.each_ref(), want);
    }

    #[test]
    fn fires_up_to_the_limit() {
        let fired = |minutes| Reading::Fired(format!("a call ended {minutes} minutes before").into());
        let incoming = Some(CallDirection::Incoming);
        let outgoing = Some(CallDirection::Outgoing);
        check(CallState::Ended, Some(1_800), incoming, [&fired(30), &fired(30)]);
        check(CallState::Ended, Some(1_801), incoming, [&Quiet, &Quiet]);
        check(CallState::Ended, Some(59), None, [&fired(0), &fired(0)]);
        check(CallState::Ended, Some(-90), None, [&fired(0), &fired(0)]);
        check(CallState::Ended, Some(60), outgoing, [&Quiet, &fired(1)]);
    }

    #[test]
    fn a_call_that_lasts_or_never_was_is_quiet() {
        check(CallState::InProgress, None, None, [&Quiet, &Quiet]);
        check(CallState::NoCall, None, None, [&Quiet, &Quiet]);
    }

    #[test]
    fn needs_to_know_whether_and_when() {
        let missing = &Unavailable(Fact::Call);
        check(CallState::Ended, None, None, [missing, missing]);
        check(CallState::NotSupported, None, None, [missing, missing]);
        let settings = Settings { minutes_max: 30, outgoing_counts: true };
        assert_eq!(settings.look(&facts()), *missing);
    }
}
