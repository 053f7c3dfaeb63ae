//! Recent: what one payer tried within the last 24 hours.
//!
//! A payment is one attempt however often it is looked at. A timeout that is retried under new ids is
//! the same attempt where its `EndToEndId` is: payee and amount must then be the same as well.
//!
//! An attempt takes 29 bytes, because a busy day has as many payers who tried something as there are
//! payers: of each token the first bytes are kept, of the time whole seconds.

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::history::pairs::{Prefix, Sum, part, prefix, seconds_of, time_of};
use crate::history::recall::Attempt;
use crate::money::{Amount, Currency, Money};
use crate::tagged::{Tagged, TaggedError, always, record};
use crate::transfer::Arrival;

/// What one payer tried, oldest first, and what came in for it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Recent {
    tries: Vec<Kept>,
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
    /// Whether the payee was one never paid before, and not known to be the payer's own account.
    pub new: bool,
    /// Whether the last look allowed it.
    pub allowed: bool,
}

/// One attempt as it is remembered; every number has its highest byte first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Kept {
    /// Seconds since 1970.
    at: [u8; 4],
    payment: Prefix,
    /// Zero where it was not stated.
    end_to_end: Prefix,
    payee: Prefix,
    sum: Sum,
    /// Whether the payee was new, it was allowed, and it is known to have left: 1, 2, 4.
    flags: u8,
}

record!(Recent { 1 tries, 2 arrivals });

impl Recent {
    /// Takes one more attempt, or a later look at one. What is older than 24 hours goes, and the
    /// oldest where there are too many.
    pub fn attempt(&mut self, tried: &Tried) {
        let tried = Kept::of(tried);
        let since = tried.time().minus(RECENT_AGE);
        self.tries.retain(|before| since <= before.time());
        if let Some(before) = self.tries.iter_mut().find(|before| before.is_same(&tried)) {
            let flags = tried.flags | before.flags & LEFT;
            *before = Kept { at: before.at, flags, ..tried };
            return;
        }
        if TRIES_MAX <= self.tries.len() {
            self.tries.remove(0);
        }
        self.tries.push(tried);
    }

    /// Reads what [`Recent::others`] will read, so that the wait for it is over by then.
    pub fn warm(&self) -> u64 {
        let lines = self.tries.iter().step_by(2).map(|tried| u64::from(tried.flags));
        lines.fold(0, |sum, flags| sum ^ flags)
    }

    /// Remembers that a payment has left.
    pub fn left(&mut self, payment: Token) {
        let payment = prefix(payment);
        if let Some(tried) = self.tries.iter_mut().find(|tried| tried.payment == payment) {
            tried.flags |= LEFT;
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
        let this = Kept::of(&Tried {
            at: now,
            payment: this.payment,
            end_to_end: this.end_to_end,
            payee: this.payee,
            money: this.money,
            new: false,
            allowed: false,
        });
        let since = now.minus(RECENT_AGE);
        let others = self.tries.iter().rev().filter(|tried| since <= tried.time());
        let mut others = others.filter(|tried| !tried.is_same(&this)).peekable();
        if others.peek().is_none() {
            return Vec::new();
        }
        let mut payees: Vec<Prefix> = vec![this.payee];
        others
            .map(|tried| {
                let at = payees.iter().position(|known| *known == tried.payee);
                let at = at.unwrap_or_else(|| {
                    payees.push(tried.payee);
                    payees.len().saturating_sub(1)
                });
                let seconds = now.since(tried.time()).whole_seconds().max(0);
                Attempt {
                    seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
                    pence: tried.pence().unwrap_or(0),
                    payee: u8::try_from(at).unwrap_or(u8::MAX),
                    new: tried.flags & NEW != 0,
                    allowed: tried.flags & ALLOWED != 0,
                    left: tried.flags & LEFT != 0,
                }
            })
            .collect()
    }

    /// Returns the pounds that came into the account within 24 hours before `now`: what the payer
    /// moved there from other accounts and what earlier payments were stated to have been gathered
    /// from; `None` where there were none.
    pub fn gathered(&self, account: Token, now: Time) -> Option<Money> {
        let (since, account) = (now.minus(RECENT_AGE), prefix(account));
        let moved = self.tries.iter().filter(|tried| tried.payee == account);
        let moved = moved.filter(|tried| since <= tried.time() && tried.flags & LEFT != 0);
        let moved = moved.filter_map(Kept::pence).map(Amount::from_hundredths);
        let arrived = self.arrivals.iter().filter(|one| one.arrived.is_some_and(|at| since <= at));
        let arrived = arrived.filter(|one| one.money.currency == Currency::GBP);
        let sums = moved.chain(arrived.map(|arrival| arrival.money.amount));
        let sum = sums.fold(Amount::ZERO, Amount::plus);
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

impl Kept {
    fn of(tried: &Tried) -> Self {
        let flag = |flag: u8, is: bool| if is { flag } else { 0 };
        Self {
            at: seconds_of(tried.at).to_be_bytes(),
            payment: prefix(tried.payment),
            end_to_end: tried.end_to_end.map(prefix).unwrap_or_default(),
            payee: prefix(tried.payee),
            sum: Sum::of(tried.money),
            flags: flag(NEW, tried.new) | flag(ALLOWED, tried.allowed),
        }
    }

    /// Tells whether both are attempts at one payment.
    fn is_same(&self, other: &Self) -> bool {
        let retried = self.end_to_end != Prefix::default() && self.end_to_end == other.end_to_end;
        let same = self.payee == other.payee && self.sum == other.sum;
        self.payment == other.payment || retried && same
    }

    /// Returns how much it was, where it was pounds.
    fn pence(&self) -> Option<u64> {
        let (currency, hundredths) = self.sum.parts();
        (currency == Currency::GBP.number()).then_some(hundredths)
    }

    fn time(&self) -> Time {
        time_of(u32::from_be_bytes(self.at))
    }
}

/// `at 4 | payment 6 | end_to_end 6 | payee 6 | sum 6 | flags 1`.
impl Tagged for Kept {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.at);
        for part in [self.payment, self.end_to_end, self.payee, self.sum.0] {
            bytes.extend(part);
        }
        bytes.push(self.flags);
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        let kept = Self {
            at: part(&mut bytes)?,
            payment: part(&mut bytes)?,
            end_to_end: part(&mut bytes)?,
            payee: part(&mut bytes)?,
            sum: Sum(part(&mut bytes)?),
            flags: u8::from_be_bytes(part(&mut bytes)?),
        };
        let known = kept.flags <= NEW | ALLOWED | LEFT && kept.sum.is_known();
        match bytes {
            [] if known => Ok(kept),
            [] => Err(TaggedError::OutOfBounds),
            _ => Err(TaggedError::Long),
        }
    }
}

always!(Kept);

const NEW: u8 = 1;
const ALLOWED: u8 = 2;
const LEFT: u8 = 4;

/// How far back attempts are remembered.
pub const RECENT_AGE: Span = Span::hours(24);

/// Most attempts remembered of one payer. Reported victims mostly made two to six payments; a payer
/// with more than this in a day is a business with its payroll, of whom the latest are enough.
pub const TRIES_MAX: usize = 8;

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
            new: true,
            allowed: true,
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
            recent.attempt(&tried(payment, payee, minutes));
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
        recent.attempt(&Tried { allowed: false, ..tried(1, 1, 30) });
        recent.left(token(1));
        recent.attempt(&Tried { money: pounds("90"), ..tried(1, 1, 10) });
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
            recent.attempt(&first);
            recent.attempt(&retry);
            assert_eq!(recent.others(&this(9, 9), now()).len(), attempts, "{retry:?}");
        }
        let mut recent = Recent::default();
        recent.attempt(&first);
        let retry = This { end_to_end, ..this(2, 1) };
        assert!(recent.others(&retry, now()).is_empty());
    }

    #[test]
    fn the_latest_attempts_are_kept() {
        let mut recent = Recent::default();
        let count = u8::try_from(TRIES_MAX).unwrap() + 1;
        for number in 0..count {
            recent.attempt(&tried(number, number, i64::from(count - number)));
        }
        let others = recent.others(&this(99, 99), now());
        assert_eq!(others.len(), TRIES_MAX);
        assert_eq!((others[0].seconds, others[TRIES_MAX - 1].seconds), (60, 60 * 8));
    }

    #[test]
    fn what_came_into_the_account_is_added_up() {
        let mut recent = Recent::default();
        assert_eq!(recent.gathered(token(5), now()), None);
        recent.attempt(&tried(1, 5, 24 * 60));
        recent.attempt(&tried(2, 6, 30));
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
