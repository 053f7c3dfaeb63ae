//! Amount outlier: far more than the payer sends in any one transfer.
//!
//! Callers ask for what a payer has, and hardly anybody ever sent that much before: reported single
//! payments are mostly two to ten thousand pounds. Completions, cars, tax and tuition are as unlike
//! the payer's other payments, so this is one sign of size among others and never enough. A payer who
//! always sends large sums is not marked out by one more.
//!
//! Compared with what was sent before today: the first of several equal slices is no habit by the time
//! of the second. Pounds only, because nothing else is remembered by amount.
//!
//! Quiet when the payee is the payer: savings are moved in sums that are paid to nobody else. They
//! count as sent, though, so who moves large savings every month hides a large payment among them.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::money::{Amount, Currency, Money};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "amount_outlier",
    code: 33,
    version: 1,
    family: Family::Structural,
    group: "size",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Days for which the payer must be known, inclusive.
    pub payer_days_min: u32,
    /// Fewest transfers sent in a year that make a habit, inclusive.
    pub payments_min: u32,
    /// Smallest amount that can be large, inclusive.
    pub amount_min: Amount,
    /// How many times the amount must be what all but one transfer in twenty stay below, inclusive.
    pub times_high_min: u32,
    /// Smallest percentage of all that was sent in a month, inclusive; 0 asks for none.
    pub month_percent_min: u32,
    /// Smallest percentage of the largest transfer of a year; 100 means above it.
    pub largest_percent_min: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let payer_days_min = section.whole("payer_days_min", 1..=365);
        let payments_min = section.whole("payments_min", 5..=1_000);
        let amount_min = section.amount("amount_min", "an amount, such as \"500.00\"");
        let times_high_min = section.whole("times_high_min", 1..=100);
        let month_percent_min = section.whole("month_percent_min", 0..=1_000);
        let largest_percent_min = section.whole("largest_percent_min", 0..=1_000);
        Some(Self {
            payer_days_min: payer_days_min?,
            payments_min: payments_min?,
            amount_min: amount_min?,
            times_high_min: times_high_min?,
            month_percent_min: month_percent_min?,
            largest_percent_min: largest_percent_min?,
        })
    }
}

impl Look for Settings {
    /// Looks for an amount that is large beside the largest of a year before today, far above what nearly all
    /// of it stays below, and large beside what was sent in a month.
    fn look(&self, facts: &Facts) -> Reading {
        let (transfer, recall) = (&facts.transfer, &facts.recall);
        if transfer.payee.own == Some(true) {
            return Reading::Quiet;
        }
        let known_from = facts.decided.minus(Span::days(i64::from(self.payer_days_min)));
        let known = recall.payer_first.is_some_and(|first| first <= known_from);
        let usual = recall.usual.filter(|usual| known && self.payments_min <= usual.count);
        let in_pounds = transfer.money.currency == Currency::GBP;
        let (Some(usual), true) = (usual, in_pounds) else {
            return Reading::Unavailable(Fact::PayerHistory);
        };
        let Some(high) = usual.high else { return Reading::Unavailable(Fact::PayerHistory) };

        let pence = transfer.money.amount.hundredths();
        // What left today is counted among what is usual, and is none of it.
        let today = || recall.attempts.iter().filter(|attempt| attempt.left);
        let largest = usual.largest.amount.hundredths();
        let largest_is_old = today().all(|attempt| attempt.pence != largest);
        let left_today = today().fold(0_u64, |sum, attempt| sum.saturating_add(attempt.pence));
        let month = usual.month.amount.hundredths().saturating_sub(left_today);

        let high_min = high.amount.times(self.times_high_min);
        let largest_min = largest.saturating_mul(u64::from(self.largest_percent_min));
        let month_min = month.saturating_mul(u64::from(self.month_percent_min));
        if transfer.money.amount < self.amount_min
            || transfer.money.amount < high_min
            || largest_is_old && pence.saturating_mul(100) <= largest_min
            || pence.saturating_mul(100) < month_min
        {
            return Reading::Quiet;
        }
        let evidence = format!(
            "{} where nearly all that the payer sends stays below {}",
            transfer.money,
            Money { amount: high.amount, currency: high.currency },
        );
        Reading::Fired(Cow::Owned(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Time;
    use crate::history::{Attempt, Usual};
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{amount, facts, pounds, time};

    const MISSING: Reading = Unavailable(Fact::PayerHistory);

    fn settings() -> Settings {
        Settings {
            payer_days_min: 90,
            payments_min: 12,
            amount_min: amount("500.00"),
            times_high_min: 2,
            month_percent_min: 50,
            largest_percent_min: 100,
        }
    }

    /// Returns what is usual for a payer who sent so much: the largest, the high one, in a month.
    fn usual(largest: &str, high: &str, month: &str) -> Usual {
        Usual {
            count: 12,
            largest: pounds(largest),
            high: Some(pounds(high)),
            month: pounds(month),
            last_day: time("2026-11-18T00:00:00Z"),
            adding_minutes: None,
            session_seconds: None,
        }
    }

    /// Looks at £3,200.00 of a payer known for a year, whose other payments are as given.
    #[track_caller]
    fn check(usual: Option<Usual>, change: impl FnOnce(&mut Facts), want: &Reading) {
        let mut facts = facts();
        facts.recall.payer_first = Some(time("2025-11-20T15:04:05Z"));
        facts.recall.usual = usual;
        change(&mut facts);
        assert_eq!(&settings().look(&facts), want);
        facts.transfer.payee.own = Some(true);
        assert_eq!(settings().look(&facts), Quiet);
    }

    fn fired(high: &str) -> Reading {
        let text = format!("£3,200.00 where nearly all that the payer sends stays below £{high}");
        Reading::Fired(text.into())
    }

    fn attempt(pence: u64, left: bool) -> Attempt {
        Attempt { seconds: 600, pence, payee: 0, new: true, allowed: true, left }
    }

    #[test]
    fn fires_above_all_that_was_sent_and_far_above_nearly_all_of_it() {
        check(Some(usual("900", "700", "1500")), |_| {}, &fired("700.00"));
        for (largest, high, month, fires) in [
            ("3199.99", "700", "1500", true),
            // As large as the car of last spring.
            ("3200.00", "700", "1500", false),
            ("1600.00", "1600", "1500", true),
            ("1600.01", "1600.01", "1500", false),
            ("900", "700", "6400.00", true),
            // A sole trader whose month is many invoices.
            ("900", "700", "6400.02", false),
            ("900", "700", "0", true),
        ] {
            let want = if fires { fired(pounds(high).to_string().trim_start_matches('£')) } else { Quiet };
            check(Some(usual(largest, high, month)), |_| {}, &want);
        }
    }

    #[test]
    fn who_always_sends_large_sums_is_not_marked_out() {
        check(Some(usual("48000", "24576", "60000")), |_| {}, &Quiet);
    }

    #[test]
    fn a_small_amount_is_none_however_little_was_sent() {
        let small = Some(usual("20", "15.36", "40"));
        let of = |text| move |facts: &mut Facts| facts.transfer.money.amount = amount(text);
        check(small, of("499.99"), &Quiet);
        let fired = "£500.00 where nearly all that the payer sends stays below £15.36";
        check(small, of("500.00"), &Reading::Fired(fired.into()));
    }

    #[test]
    fn what_left_today_is_no_habit() {
        // The second of equal slices: the first is the largest of the year, and in the month.
        let sliced = Some(usual("3200", "700", "9600"));
        let with = |attempts| move |facts: &mut Facts| facts.recall.attempts = attempts;
        check(sliced, with(vec![attempt(320_000, true)]), &fired("700.00"));
        check(sliced, with(vec![attempt(320_000, false)]), &Quiet);
        check(sliced, with(vec![attempt(310_000, true)]), &Quiet);
        let more = Some(usual("3200", "700", "9600.02"));
        check(more, with(vec![attempt(320_000, true)]), &Quiet);
    }

    #[test]
    fn too_little_history_says_nothing() {
        let known = usual("900", "700", "1500");
        check(None, |_| {}, &MISSING);
        check(Some(Usual { count: 11, ..known }), |_| {}, &MISSING);
        check(Some(Usual { high: None, ..known }), |_| {}, &MISSING);
        let from = |first: Option<Time>| move |facts: &mut Facts| facts.recall.payer_first = first;
        check(Some(known), from(None), &MISSING);
        check(Some(known), from(Some(time("2026-08-22T15:04:05Z"))), &fired("700.00"));
        check(Some(known), from(Some(time("2026-08-22T15:04:06Z"))), &MISSING);
    }

    #[test]
    fn another_currency_is_not_compared() {
        let euro = |facts: &mut Facts| {
            facts.transfer.money.currency = Currency::from_code("EUR").unwrap();
        };
        check(Some(usual("900", "700", "1500")), euro, &MISSING);
    }
}
