//! Remote access: somebody else could be working the payer's device.
//!
//! Scammers who pose as the bank or the police have the victim install a tool "to help". People who
//! are helped by their children or by support at work use the same tools, so it takes more than
//! this; but while it lasts, nothing that the screen shows or asks can be trusted.

use std::borrow::Cow;

use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "remote_access",
    code: 6,
    version: 1,
    family: Family::Coercion,
    group: "control",
    recalls: false,
    settings: |_| Some(Box::new(Settings)),
};

/// What a policy decides about this signal: nothing yet.
#[derive(Clone, Copy, Debug)]
pub struct Settings;

impl Look for Settings {
    /// Looks for a tool that controls the device.
    fn look(&self, facts: &Facts) -> Reading {
        match facts.transfer.session.remote_access {
            Some(true) => {
                Reading::Fired(Cow::Borrowed("a tool that controls the device is running"))
            }
            Some(false) => Reading::Quiet,
            None => Reading::Unavailable(Fact::RemoteAccess),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::facts;

    #[test]
    fn reads_what_the_channel_saw() {
        for (seen, want) in [
            (Some(true), Reading::Fired("a tool that controls the device is running".into())),
            (Some(false), Reading::Quiet),
            (None, Reading::Unavailable(Fact::RemoteAccess)),
        ] {
            let mut facts = facts();
            facts.transfer.session.remote_access = seen;
            assert_eq!(Settings.look(&facts), want, "{seen:?}");
        }
    }
}
