//! Established payee: the payer has long been paying this account amounts of this kind.
//!
//! A scammer's account is new to the victim. Only settled payments speak, from our own log or the
//! bank's ledger, neither of which a scammer can feed; they must reach back and be several, and the
//! amount must stay in proportion, because a long-paid account can be taken over too.
//!
//! A payer whom we have known for as long needs no ledger: what is not remembered is then not
//! established. Until then the payee is unknown.
//!
//! Never says that a payee is honest: it protects against the suspicion of a stranger and no more.

use std::borrow::Cow;

use crate::calendar::{Span, Time};
use crate::document::Section;
use crate::money::Money;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "established_payee",
    code: 10,
    version: 2,
    family: Family::Protective,
    group: "protective",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Days since the first payment, inclusive.
    pub days_min: u32,
    /// Fewest payments, inclusive.
    pub payments_min: u32,
    /// How many times the mean payment the amount may be, inclusive.
    pub times_mean_max: u32,
}

/// What was paid, by one of the two sources.
struct Paid {
    first: Time,
    count: u32,
    total: Money,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let days_min = section.whole("days_min", 30..=365);
        let payments_min = section.whole("payments_min", 1..=100);
        let times_mean_max = section.whole("times_mean_max", 1..=10);
        Some(Self {
            days_min: days_min?,
            payments_min: payments_min?,
            times_mean_max: times_mean_max?,
        })
    }

    /// Tells whether the payer is known for as long as a payee must be.
    fn knows(&self, facts: &Facts) -> bool {
        let since = facts.decided.minus(Span::days(i64::from(self.days_min)));
        facts.recall.payer_first.is_some_and(|first| first <= since)
    }

    fn established(&self, facts: &Facts, paid: &Paid) -> bool {
        let since = facts.decided.minus(Span::days(i64::from(self.days_min)));
        let money = facts.transfer.money;
        // Compares sums rather than means: no quotient is rounded.
        let in_proportion =
            money.amount.times(paid.count) <= paid.total.amount.times(self.times_mean_max);
        paid.first <= since
            && self.payments_min <= paid.count
            // Of another currency nothing can be said in proportion.
            && money.currency == paid.total.currency
            && in_proportion
    }
}

impl Look for Settings {
    /// Looks for at least `payments_min` payments since `days_min` days ago, and an amount of at
    /// most `times_mean_max` times their mean.
    fn look(&self, facts: &Facts) -> Reading {
        let remembered = facts.recall.pair.map(|pair| Paid {
            first: pair.first,
            count: pair.count,
            total: pair.total,
        });
        if let Some(paid) = remembered.filter(|paid| self.established(facts, paid)) {
            return fired(&paid);
        }
        match ledger(facts) {
            Ok(Some(ledger)) if self.established(facts, &ledger) => fired(&ledger),
            Ok(_) => Reading::Quiet,
            // Whatever would establish it lies within what is known of the payer.
            Err(Fact::PayeeTimesPaid) if self.knows(facts) => Reading::Quiet,
            Err(missing) => Reading::Unavailable(missing),
        }
    }
}

/// Returns what the bank's ledger says was paid, or the fact that it lacks.
fn ledger(facts: &Facts) -> Result<Option<Paid>, Fact> {
    let payee = &facts.transfer.payee;
    let count = payee.times_paid.ok_or(Fact::PayeeTimesPaid)?;
    if count == 0 {
        return Ok(None);
    }
    let first = payee.first_paid.ok_or(Fact::PayeeFirstPaid)?;
    let total = payee.total_paid.ok_or(Fact::PayeeTotalPaid)?;
    Ok(Some(Paid { first, count, total }))
}

fn fired(paid: &Paid) -> Reading {
    Reading::Fired(Cow::Owned(format!("the payee was paid {} times before", paid.count)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Token;
    use crate::history::Pair;
    use crate::money::Currency;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{amount, facts, pounds, time};

    const SETTINGS: Settings = Settings { days_min: 90, payments_min: 3, times_mean_max: 2 };

    /// Looks at a transfer of £3,200.00 decided on 20 November at 15:04:05, once with the bank's
    /// ledger saying what was paid and once with our own memory.
    #[track_caller]
    fn check(first: &str, count: u32, total: &str, want: &Reading) {
        let mut ledger = facts();
        ledger.transfer.payee.first_paid = Some(time(first));
        ledger.transfer.payee.times_paid = Some(count);
        ledger.transfer.payee.total_paid = Some(pounds(total));
        assert_eq!(&SETTINGS.look(&ledger), want);

        let mut memory = facts();
        memory.transfer.payee.times_paid = Some(0);
        memory.recall.pair = Some(pair(first, count, total, Currency::GBP));
        assert_eq!(&SETTINGS.look(&memory), want);
    }

    fn pair(first: &str, count: u32, total: &str, currency: Currency) -> Pair {
        let total = Money { amount: amount(total), currency };
        let begun = Pair::begin(Token([1; 16]), time(first), total);
        Pair { count, ..begun }
    }

    #[test]
    fn fires_inside_all_three_limits() {
        let paid = Reading::Fired("the payee was paid 3 times before".into());
        check("2026-08-22T15:04:05Z", 3, "4800.00", &paid);
        check("2026-08-22T15:04:06Z", 3, "4800.00", &Quiet);
        check("2026-08-22T15:04:05Z", 2, "9600.00", &Quiet);
        check("2026-08-22T15:04:05Z", 3, "4799.99", &Quiet);
    }

    #[test]
    fn another_currency_is_out_of_proportion() {
        let mut facts = facts();
        facts.transfer.payee.times_paid = Some(0);
        let euro = Currency::from_code("EUR").unwrap();
        facts.recall.pair = Some(pair("2026-01-01T00:00:00Z", 9, "90000", euro));
        assert_eq!(SETTINGS.look(&facts), Quiet);
    }

    #[test]
    fn names_what_the_ledger_lacks() {
        let mut facts = facts();
        assert_eq!(SETTINGS.look(&facts), Unavailable(Fact::PayeeTimesPaid));
        facts.transfer.payee.times_paid = Some(0);
        assert_eq!(SETTINGS.look(&facts), Quiet);
        facts.transfer.payee.times_paid = Some(3);
        assert_eq!(SETTINGS.look(&facts), Unavailable(Fact::PayeeFirstPaid));
        facts.transfer.payee.first_paid = Some(time("2026-01-01T00:00:00Z"));
        assert_eq!(SETTINGS.look(&facts), Unavailable(Fact::PayeeTotalPaid));
        facts.transfer.payee.total_paid = Some(pounds("9600"));
        let paid = Reading::Fired("the payee was paid 3 times before".into());
        assert_eq!(SETTINGS.look(&facts), paid);
    }
}
