//! Bank is calling: the bank's own dialler has the payer on the line.
//!
//! A call that the bank makes to ask about a payment must not be what stops it. The dialler knows,
//! and no scammer can make it say so. It cancels what is heard of a voice and no more: who controls
//! the screen, what is admitted and what is written still count.
//!
//! Has no points: a call from the bank makes no payment safe.

use std::borrow::Cow;

use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "bank_is_calling",
    code: 32,
    version: 1,
    family: Family::Protective,
    group: "bank_is_calling",
    recalls: false,
    settings: |_| Some(Box::new(Settings)),
};

/// What a policy decides about this signal: whether it is watched for.
#[derive(Clone, Copy, Debug)]
pub struct Settings;

impl Look for Settings {
    /// Looks for the bank's own call.
    fn look(&self, facts: &Facts) -> Reading {
        match facts.transfer.session.bank_on_line {
            Some(true) => Reading::Fired(Cow::Borrowed("the bank itself is on the line")),
            Some(false) => Reading::Quiet,
            None => Reading::Unavailable(Fact::BankOnLine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::facts;

    #[test]
    fn reads_what_the_dialler_says() {
        for (stated, want) in [
            (Some(true), Reading::Fired("the bank itself is on the line".into())),
            (Some(false), Reading::Quiet),
            (None, Reading::Unavailable(Fact::BankOnLine)),
        ] {
            let mut facts = facts();
            facts.transfer.session.bank_on_line = stated;
            assert_eq!(Settings.look(&facts), want, "{stated:?}");
        }
    }
}
