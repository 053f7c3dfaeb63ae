//! Recent: what one payer tried within the last 24 hours.
//!
//! A payment is one attempt however often it is looked at. A timeout that is retried under new ids is
//! the same attempt where its `EndToEndId` is: payee and amount must then be the same as well.

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::history::pairs::{Prefix, prefix};
use crate::history::recall::Attempt;
use crate::money::{Amount, Currency, Money};
use crate::tagged::record;
use crate::transfer::{Arrival, Rail};

/// What one payer tried, oldest first, and what came in for it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Recent {
    tries: Vec<Tried>,
    arrivals: Vec<Arrival>,
}

/// One attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tried {
    /// When it was first looked at.
    pub at: Time,
    /// The payment.
    pub payment: Token,
    /// `EndToEndId`, where it was stated.
    pub end_to_end: Option<Token>,
    /// Where to.
    pub payee: Token,
    /// How much.
    pub money: Money,
    /// The scheme, where it was stated.
    pub rail: Option<Rail>,
    /// Whether the payee was one never paid before.
    pub new: bool,
    /// Whether the last look allowed it.
    pub allowed: bool,
    /// Whether it was reported to have left, or counts as sent.
    pub left: bool,
}

record!(Recent { 1 tries, 2 arrivals });
record!(Tried {
    1 at, 2 payment, 3 end_to_end, 4 payee, 5 money, 6 rail, 7 new, 8 allowed, 9 left,
});

impl Recent {
    /// Takes one more attempt, or a later look at one. What is older than 24 hours goes, and the
    /// oldest where there are too many.
    pub fn attempt(&mut self, tried: Tried) {
        let since = tried.at.minus(RECENT_AGE);
        self.tries.retain(|before| since <= before.at);
        if let Some(before) = self.tries.iter_mut().find(|before| before.is_same(&tried)) {
            let (at, left) = (before.at, before.left);
            *before = Tried { at, left, ..tried };
            return;
        }
        if TRIES_MAX <= self.tries.len() {
            self.tries.remove(0);
        }
        self.tries.push(tried);
    }

    /// Remembers that a payment has left.
    pub fn left(&mut self, payment: Token) {
        if let Some(tried) = self.tries.iter_mut().find(|tried| tried.payment == payment) {
            tried.left = true;
        }
    }

    /// Remembers money that came in before a payment, each sum once.
    pub fn arrive(&mut self, arrivals: &[Arrival], now: Time) {
        let since = now.minus(RECENT_AGE);
        self.arrivals.retain(|before| before.arrived.is_some_and(|at| since <= at));
        for arrival in arrivals {
            // Without a time nobody could tell one from the next.
            let timed = arrival.arrived.is_some_and(|at| since <= at);
            if timed && !self.arrivals.contains(arrival) && self.arrivals.len() < ARRIVALS_MAX {
                self.arrivals.push(*arrival);
            }
        }
    }

    /// Returns what was tried within 24 hours before `now` in other payments than this one, newest
    /// first, payees numbered as they come.
    pub fn others(&self, this: &This, now: Time) -> Vec<Attempt> {
        let since = now.minus(RECENT_AGE);
        let mut payees: Vec<Prefix> = vec![prefix(this.payee)];
        let others = self.tries.iter().rev().filter(|tried| since <= tried.at);
        others
            .filter(|tried| !this.is(tried))
            .map(|tried| {
                let payee = prefix(tried.payee);
                let at = payees.iter().position(|known| *known == payee).unwrap_or_else(|| {
                    payees.push(payee);
                    payees.len().saturating_sub(1)
                });
                let in_pounds = tried.money.currency == Currency::GBP;
                let seconds = now.since(tried.at).whole_seconds().max(0);
                Attempt {
                    seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
                    pence: if in_pounds { tried.money.amount.hundredths() } else { 0 },
                    payee: u8::try_from(at).unwrap_or(u8::MAX),
                    new: tried.new,
                    allowed: tried.allowed,
                    left: tried.left,
                }
            })
            .collect()
    }

    /// Returns the pounds that came into the account within 24 hours before `now`: what the payer
    /// moved there from other accounts and what earlier payments were stated to have been gathered
    /// from; `None` where there were none.
    pub fn gathered(&self, account: Token, now: Time) -> Option<Money> {
        let since = now.minus(RECENT_AGE);
        let moved = self.tries.iter().filter(|tried| tried.payee == account && since <= tried.at);
        let moved = moved.filter(|tried| tried.left).map(|tried| tried.money);
        let arrived = self.arrivals.iter().filter(|one| one.arrived.is_some_and(|at| since <= at));
        let sums = moved.chain(arrived.map(|arrival| arrival.money));
        let sums = sums.filter(|money| money.currency == Currency::GBP);
        let sum = sums.fold(Amount::ZERO, |sum, money| sum.plus(money.amount));
        (!sum.is_zero()).then_some(Money { amount: sum, currency: Currency::GBP })
    }
}

/// The payment that is being decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct This {
    /// The payment.
    pub payment: Token,
    /// `EndToEndId`, where it was stated.
    pub end_to_end: Option<Token>,
    /// Where to.
    pub payee: Token,
    /// How much.
    pub money: Money,
}

impl This {
    /// Tells whether an attempt was one at this payment.
    fn is(&self, tried: &Tried) -> bool {
        let retried = self.end_to_end.is_some() && self.end_to_end == tried.end_to_end;
        let same = self.payee == tried.payee && self.money == tried.money;
        self.payment == tried.payment || retried && same
    }
}

impl Tried {
    fn is_same(&self, later: &Self) -> bool {
        let Self { payment, end_to_end, payee, money, .. } = *later;
        This { payment, end_to_end, payee, money }.is(self)
    }
}

/// How far back attempts are remembered.
pub const RECENT_AGE: Span = Span::hours(24);

/// Most attempts remembered of one payer. Reported victims made two to six payments; a payer with
/// more than this in a day is a business with its payroll, of whom the latest are enough.
pub const TRIES_MAX: usize = 16;

/// Most sums remembered that came in: as many as two looks may state.
pub const ARRIVALS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{pounds, time};

    fn now() -> Time {
        time("2026-11-20T15:00:00Z")
    }

    fn token(number: u8) -> Token {
        Token([number; 16])
    }

    fn tried(payment: u8, payee: u8, minutes: i64) -> Tried {
        Tried {
            at: now().minus(Span::minutes(minutes)),
            payment: token(payment),
            end_to_end: None,
            payee: token(payee),
            money: pounds("100"),
            rail: None,
            new: true,
            allowed: true,
            left: false,
        }
    }

    fn this(payment: u8, payee: u8) -> This {
        This {
            payment: token(payment),
            end_to_end: None,
            payee: token(payee),
            money: pounds("100"),
        }
    }

    #[test]
    fn other_payments_of_a_day_are_attempts_and_payees_are_numbered() {
        let mut recent = Recent::default();
        let day = 24 * 60;
        for (payment, payee, minutes) in [(1, 1, day + 1), (2, 2, day), (3, 3, 60), (4, 2, 5)] {
            recent.attempt(tried(payment, payee, minutes));
        }
        let found = recent.others(&this(9, 3), now());
        let found: Vec<_> = found.iter().map(|one| (one.seconds, one.payee)).collect();
        assert_eq!(found, [(300, 1), (3_600, 0), (86_400, 1)]);
        assert_eq!(recent.others(&this(4, 2), now()).len(), 2);
        assert!(recent.others(&this(9, 9), now().plus(RECENT_AGE)).is_empty());
    }

    #[test]
    fn looks_at_one_payment_are_one_attempt_with_the_last_outcome() {
        let mut recent = Recent::default();
        recent.attempt(Tried { allowed: false, ..tried(1, 1, 30) });
        recent.left(token(1));
        recent.attempt(Tried { money: pounds("90"), ..tried(1, 1, 10) });
        let [one] = recent.others(&this(9, 1), now())[..] else { panic!("one attempt") };
        assert_eq!((one.seconds, one.pence, one.allowed, one.left), (1_800, 9_000, true, true));
    }

    #[test]
    fn a_timeout_retried_under_new_ids_is_the_same_attempt() {
        let end_to_end = Some(token(77));
        let first = Tried { end_to_end, ..tried(1, 1, 30) };
        for (retry, attempts) in [
            (Tried { end_to_end, ..tried(2, 1, 20) }, 1),
            (tried(2, 1, 20), 2),
            (Tried { end_to_end, ..tried(2, 2, 20) }, 2),
            (Tried { end_to_end, money: pounds("101"), ..tried(2, 1, 20) }, 2),
            (Tried { end_to_end: Some(token(78)), ..tried(2, 1, 20) }, 2),
        ] {
            let mut recent = Recent::default();
            recent.attempt(first.clone());
            recent.attempt(retry.clone());
            assert_eq!(recent.others(&this(9, 9), now()).len(), attempts, "{retry:?}");
        }
        let mut recent = Recent::default();
        recent.attempt(first);
        let retry = This { end_to_end, ..this(2, 1) };
        assert!(recent.others(&retry, now()).is_empty());
    }

    #[test]
    fn the_latest_attempts_are_kept() {
        let mut recent = Recent::default();
        let count = u8::try_from(TRIES_MAX).unwrap() + 1;
        for number in 0..count {
            recent.attempt(tried(number, number, i64::from(count - number)));
        }
        let others = recent.others(&this(99, 99), now());
        assert_eq!(others.len(), TRIES_MAX);
        assert_eq!((others[0].seconds, others[TRIES_MAX - 1].seconds), (60, 60 * 16));
    }

    #[test]
    fn what_came_into_the_account_is_added_up() {
        let mut recent = Recent::default();
        assert_eq!(recent.gathered(token(5), now()), None);
        recent.attempt(tried(1, 5, 24 * 60));
        recent.attempt(tried(2, 6, 30));
        assert_eq!(recent.gathered(token(5), now()), None);
        recent.left(token(1));
        recent.left(token(2));
        assert_eq!(recent.gathered(token(5), now()), Some(pounds("100")));

        let at = |minutes| Some(now().minus(Span::minutes(minutes)));
        let arrival = |minutes| Arrival { money: pounds("7"), arrived: minutes, source: None };
        let arrivals = [arrival(at(5)), arrival(at(5)), arrival(at(24 * 60 + 1)), arrival(None)];
        recent.arrive(&arrivals, now());
        recent.arrive(&arrivals, now());
        assert_eq!(recent.gathered(token(5), now()), Some(pounds("107")));
        let later = now().plus(Span::minutes(1));
        assert_eq!(recent.gathered(token(5), later), Some(pounds("7")));
        assert_eq!(recent.gathered(token(5), now().plus(RECENT_AGE)), None);
    }

    #[test]
    fn no_more_than_so_many_sums_are_remembered() {
        let mut recent = Recent::default();
        for minutes in 1..=40 {
            let arrived = Some(now().minus(Span::minutes(minutes)));
            recent.arrive(&[Arrival { money: pounds("1"), arrived, source: None }], now());
        }
        assert_eq!(recent.gathered(token(5), now()), Some(pounds("16")));
    }
}
