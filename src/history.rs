//! History: what is remembered of a payer and of a payer with a payee, and what is recalled of it.
//!
//! `memory` keeps these values and changes them entry by entry; deciding sees only a [`Recall`], a
//! bounded summary that is written to the log with the decision, so that the decision can be
//! reached again without any memory at all.
//!
//! Windows and bounds are fixed here and not in a policy: a policy chooses thresholds, and what was
//! remembered must not depend on which policy was active.
//!
//! | of | kept | by |
//! |---|---|---|
//! | a payer over a year | sums, sizes, hours, how soon payees are paid, the last stop | [`past`] |
//! | a payer with a payee | first, last, how often, how much | [`pairs`] |
//! | a payer with a payee | what a person let go after a hold | [`cleared`] |
//! | a payer's last 24 hours | attempts, whatever came of them | [`recent`] |
//! | an account across payers | who first paid it or was held | [`drawn`] |

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::money::{Amount, Money};
use crate::tagged::record;
use crate::transfer::Stage;

pub mod cleared;
pub mod drawn;
pub mod pairs;
pub mod past;
pub mod recall;
pub mod recent;

pub use cleared::Clearance;
pub use recall::{Attempt, Inflow, Stop, Usual};

/// What is remembered of a payer with one payee: what was sent, never what was only attempted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pair {
    /// The payee's account.
    pub payee: Token,
    /// When the payer first paid the payee.
    pub first: Time,
    /// When the payer last paid the payee.
    pub last: Time,
    /// How often, 255 times at most.
    pub count: u32,
    /// How much in all, in the currency of the first; transfers in another are counted, not added. Of
    /// one paid more often than is counted so much that the mean is right.
    pub total: Money,
}

/// What is recalled for one transfer: everything that deciding may know besides the request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Recall {
    /// When the first decision about this payer was made; absent for a payer never seen.
    pub payer_first: Option<Time>,
    /// What was sent to this payee before.
    pub pair: Option<Pair>,
    /// The look at this same payment that came before.
    pub earlier: Option<Earlier>,
    /// The list in force that has the payee's account as a law firm's for its clients' money.
    pub client_account: Option<Listing>,
    /// The list in force that has the payee's account as that of somebody who sends bills: a
    /// utility, a council, a tax office.
    pub biller: Option<Listing>,
    /// What is usual for the payer.
    pub usual: Option<Usual>,
    /// What the payer tried in other payments within 24 hours, newest first, at most
    /// [`recent::TRIES_MAX`].
    pub attempts: Vec<Attempt>,
    /// The most payees that the payer first paid on one UTC day before this one, of the last 400.
    /// Absent where fewer than two other payees were new today, because it then tells nothing.
    pub most_new_payees: Option<u32>,
    /// The last stop of another payment within 7 days.
    pub stop: Option<Stop>,
    /// What other payers had to do with the payee's account.
    pub inflow: Option<Inflow>,
    /// Pounds that came into the payer's account from its own others, or by what earlier payments
    /// stated, within 24 hours.
    pub gathered: Option<Money>,
    /// The last payment to this payee that was held and that a person let go.
    pub cleared: Option<Clearance>,
}

/// A list of accounts that the bank vouches for, as one of them finds it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listing {
    /// Its version, as the bank numbers them.
    pub version: u32,
    /// When it was loaded, in log time.
    pub loaded: Time,
}

/// An earlier look at the same payment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Earlier {
    /// At which stage.
    pub stage: Stage,
    /// When it was decided.
    pub decided: Time,
    /// How many looks came before this one.
    pub looks: u32,
    /// Whether the payee's account was another.
    pub payee_changed: bool,
    /// Whether the amount or its currency was another.
    pub amount_changed: bool,
    /// Whether it ended in questions that this look brings no answer to.
    pub unanswered: bool,
}

record!(Pair { 1 payee, 2 first, 3 last, 4 count, 5 total });
record!(Recall {
    1 payer_first, 2 pair, 3 earlier, 4 client_account, 5 biller, 6 usual, 7 attempts,
    8 most_new_payees, 9 stop, 10 inflow, 11 gathered, 12 cleared,
});
record!(Listing { 1 version, 2 loaded });
record!(Earlier {
    1 stage, 2 decided, 3 looks, 4 payee_changed, 5 amount_changed, 6 unanswered,
});

impl Pair {
    /// Begins with the first transfer that was sent.
    pub fn begin(payee: Token, sent: Time, money: Money) -> Self {
        Self { payee, first: sent, last: sent, count: 1, total: money }
    }

    /// Returns the mean of what was sent, rounded up to a whole unit so that it is exact on every
    /// machine.
    pub fn mean(&self) -> Amount {
        let count = rust_decimal::Decimal::from(self.count.max(1));
        let mean = self.total.amount.value().checked_div(count).unwrap_or_default().ceil();
        Amount::new(mean).unwrap_or(self.total.amount)
    }
}

/// How far back anything is remembered. Shorter than the log is kept, and a year with room for what
/// happens once a year on a shifting day.
pub const HORIZON: Span = Span::days(400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{amount, pounds, time};

    #[test]
    fn the_mean_is_rounded_up_to_a_whole_unit() {
        let at = time("2026-01-01T00:00:00Z");
        let mut pair = Pair::begin(Token([1; 16]), at, pounds("10"));
        assert_eq!(pair.mean(), amount("10"));
        pair = Pair { count: 2, total: pounds("20.01"), ..pair };
        assert_eq!(pair.mean(), amount("11"));
    }
}
