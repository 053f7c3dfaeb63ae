//! Testing: shorthand for tests.

use crate::money::{Amount, Share};

/// Reads an amount.
pub(crate) fn amount(text: &str) -> Amount {
    Amount::parse(text).expect("an amount")
}

/// Reads a share.
pub(crate) fn share(text: &str) -> Share {
    Share::new(text.parse().expect("a decimal")).expect("a share")
}
