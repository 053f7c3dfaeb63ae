//! Screen shared: somebody else can see the payer's screen.
//!
//! "Share your screen so that I can help you": the caller then reads balances, warnings and codes as
//! they appear. Video calls with the family and support at work show the same; to see is less than
//! to control, and what the screen asks is still answered by somebody who is being watched.

use std::borrow::Cow;

use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "screen_shared",
    code: 20,
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
    /// Looks for a screen that is shared.
    fn look(&self, facts: &Facts) -> Reading {
        match facts.transfer.session.screen_sharing {
            Some(true) => Reading::Fired(Cow::Borrowed("somebody else can see the screen")),
            Some(false) => Reading::Quiet,
            None => Reading::Unavailable(Fact::ScreenSharing),
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
            (Some(true), Reading::Fired("somebody else can see the screen".into())),
            (Some(false), Reading::Quiet),
            (None, Reading::Unavailable(Fact::ScreenSharing)),
        ] {
            let mut facts = facts();
            facts.transfer.session.screen_sharing = seen;
            assert_eq!(Settings.look(&facts), want, "{seen:?}");
        }
    }
}
