//! Call in progress: the payer is on the telephone while paying.
//!
//! The caller stays on the line until the money has gone: "coached her through the entire process".
//! Honest people pay while they talk as well, so a call says that someone could be telling the payer
//! what to do, not that someone is.
//!
//! Fires while the bank's own dialler has the payer on the line as well: `bank_is_calling` then
//! cancels what it says, and staff still see that there was a call.

use std::borrow::Cow;

use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{CallDirection, CallState, Fact};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "call_in_progress",
    code: 5,
    // 1 was quiet by itself while the bank was on the line.
    version: 2,
    family: Family::Coercion,
    group: "voice",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether a call that the payer is known to have made counts as well.
    pub outgoing_counts: bool,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        Some(Self { outgoing_counts: section.flag("outgoing_counts")? })
    }
}

impl Look for Settings {
    /// Looks for a call that lasts while the payer confirms.
    fn look(&self, facts: &Facts) -> Reading {
        let Some(call) = facts.transfer.session.call else {
            return Reading::Unavailable(Fact::Call);
        };
        match (call.state, call.direction) {
            (CallState::NotSupported, _) => Reading::Unavailable(Fact::Call),
            (CallState::InProgress, Some(CallDirection::Incoming)) => {
                Reading::Fired(Cow::Borrowed("the payer is on a call that they received"))
            }
            (CallState::InProgress, Some(CallDirection::Outgoing)) if self.outgoing_counts => {
                Reading::Fired(Cow::Borrowed("the payer is on a call that they made"))
            }
            (CallState::InProgress, None) => {
                Reading::Fired(Cow::Borrowed("the payer is on a call"))
            }
            (CallState::InProgress, Some(CallDirection::Outgoing))
            | (CallState::NoCall | CallState::Ended, _) => Reading::Quiet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::facts;
    use crate::transfer::Call;

    /// Looks at a call, outgoing ones counting not and counting; the same whoever is on the line.
    #[track_caller]
    fn check(state: CallState, direction: Option<CallDirection>, want: [&Reading; 2]) {
        let mut facts = facts();
        facts.transfer.session.call = Some(Call { state, ended: None, direction, source: None });
        for bank_on_line in [None, Some(false), Some(true)] {
            facts.transfer.session.bank_on_line = bank_on_line;
            let readings =
                [false, true].map(|outgoing_counts| Settings { outgoing_counts }.look(&facts));
            assert_eq!(readings.each_ref(), want);
        }
    }

    #[test]
    fn a_call_that_lasts_fires() {
        let incoming = &Reading::Fired("the payer is on a call that they received".into());
        let outgoing = &Reading::Fired("the payer is on a call that they made".into());
        let unknown = &Reading::Fired("the payer is on a call".into());
        check(CallState::InProgress, Some(CallDirection::Incoming), [incoming, incoming]);
        check(CallState::InProgress, Some(CallDirection::Outgoing), [&Quiet, outgoing]);
        check(CallState::InProgress, None, [unknown, unknown]);
    }

    #[test]
    fn no_call_or_one_that_ended_is_quiet() {
        check(CallState::NoCall, None, [&Quiet, &Quiet]);
        check(CallState::Ended, Some(CallDirection::Incoming), [&Quiet, &Quiet]);
    }

    #[test]
    fn a_channel_that_cannot_know_leaves_it_open() {
        let missing = &Unavailable(Fact::Call);
        check(CallState::NotSupported, None, [missing, missing]);
        assert_eq!(Settings { outgoing_counts: true }.look(&facts()), *missing);
    }
}
