//! Cleared before: a payment to the same payee was held, a person let it go, and nothing came of it.
//!
//! Whoever hires the same builder twice must not be held twice. A scammer cannot feed this: somebody at
//! the bank looked, the money was sent, and for weeks nobody asked for it back. A victim mostly knows
//! within that time. It speaks for no larger sum than the one that was looked at.
//!
//! Quiet where nothing was cleared, where that was too short ago, and for more money.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::signal::{Facts, Family, Kind, Look, Reading};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "cleared_before",
    code: 41,
    version: 1,
    family: Family::Protective,
    group: "protective",
    recalls: true,
    settings: |section| {
        let days_min = section.whole("days_min", 1..=365)?;
        Some(Box::new(Settings { days_min }))
    },
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Days since it was sent, inclusive.
    pub days_min: u32,
}

impl Look for Settings {
    /// Looks for a payment to the payee that was cleared at least `days_min` days ago and was as large.
    fn look(&self, facts: &Facts) -> Reading {
        let Some(cleared) = facts.recall.cleared else { return Reading::Quiet };
        let since = facts.decided.minus(Span::days(i64::from(self.days_min)));
        let money = facts.transfer.money;
        let covers =
            cleared.money.currency == money.currency && money.amount <= cleared.money.amount;
        if since < cleared.sent || !covers {
            return Reading::Quiet;
        }
        let days = facts.decided.since(cleared.sent).whole_days();
        let evidence = format!("a person let {} go to the payee {days} days ago", cleared.money);
        Reading::Fired(Cow::Owned(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Clearance;
    use crate::money::{Currency, Money};
    use crate::signal::Reading::Quiet;
    use crate::testing::{facts, pounds};

    #[test]
    fn protects_after_some_days_and_up_to_what_was_looked_at() {
        let fired = |sum: &str| {
            Reading::Fired(format!("a person let {sum} go to the payee 30 days ago").into())
        };
        let days = Span::days(30);
        for (sum, age, want) in [
            ("3200.00", days, fired("£3,200.00")),
            ("3199.99", days, Quiet),
            ("5000.00", days, fired("£5,000.00")),
            ("5000.00", Span(days.0 - 1), Quiet),
        ] {
            // The transfer is of £3,200.00.
            let mut facts = facts();
            assert_eq!(Settings { days_min: 30 }.look(&facts), Quiet);
            let sent = facts.decided.minus(age);
            let cleared = Clearance { sent, money: pounds(sum) };
            facts.recall.cleared = Some(cleared);
            assert_eq!(Settings { days_min: 30 }.look(&facts), want, "{sum} {age:?}");
            let currency = Currency::from_code("EUR").unwrap();
            let money = Money { currency, ..cleared.money };
            facts.recall.cleared = Some(Clearance { money, ..cleared });
            assert_eq!(Settings { days_min: 30 }.look(&facts), Quiet, "{sum} {age:?}");
        }
    }
}
