//! Device new: the device was registered just before.
//!
//! Somebody who has the codes read out registers a device of their own, or has the payer register
//! one that they control. Nearly all new devices are new telephones, and people pay from those as
//! they did before.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "device_new",
    code: 22,
    version: 1,
    family: Family::Structural,
    group: "preparation",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most hours between a device registered and the payer's confirming, inclusive.
    pub hours_max: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        // Thirty days: what was done longer ago was not done for this transfer.
        Some(Self { hours_max: section.whole("hours_max", 1..=720)? })
    }
}

impl Look for Settings {
    /// Looks for a device registered at most `hours_max` before the payer confirmed.
    fn look(&self, facts: &Facts) -> Reading {
        let transfer = &facts.transfer;
        let Some(then) = transfer.session.device_registered else {
            return Reading::Unavailable(Fact::DeviceRegistered);
        };
        let ago = transfer.confirmed.since(then);
        if Span::hours(i64::from(self.hours_max)) < ago {
            return Reading::Quiet;
        }
        let hours = ago.whole_seconds().checked_div(3_600).unwrap_or(0).max(0);
        Reading::Fired(Cow::Owned(format!("the device was registered {hours} hours before")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::facts;

    /// Looks at one that was so many seconds before, within a day.
    #[track_caller]
    fn check(seconds: Option<i64>, want: &Reading) {
        let mut facts = facts();
        let confirmed = facts.transfer.confirmed;
        facts.transfer.session.device_registered =
            seconds.map(|seconds| confirmed.minus(Span::seconds(seconds)));
        assert_eq!(&Settings { hours_max: 24 }.look(&facts), want);
    }

    #[test]
    fn fires_up_to_the_limit() {
        let fired = |hours| Reading::Fired(format!("the device was registered {hours} hours before").into());
        check(Some(86_400), &fired(24));
        check(Some(86_401), &Quiet);
        check(Some(3_599), &fired(0));
        check(Some(-60), &fired(0));
    }

    #[test]
    fn needs_to_know_when() {
        check(None, &Unavailable(Fact::DeviceRegistered));
    }
}
