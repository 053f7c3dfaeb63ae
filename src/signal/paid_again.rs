//! Paid again: a stranger is paid once more within hours, as much as before or some times as much.
//!
//! A caller who sees the first payment arrive asks for the next: 2,500 four times, 4,900 three times,
//! 7,000 and then 11,500. Honest people seldom pay a stranger twice in a day. Who does pays a deposit
//! and then the rest, which is many times as much, or sends a pound first; of these `test_then_drain`
//! speaks.
//!
//! A deposit in two equal parts under a daily limit looks the same, so it is one sign among others; a
//! builder's next instalment comes a day later.

use std::borrow::Cow;

use crate::document::Section;
use crate::money::Amount;
use crate::signal::shape::{Known, pence, to_strangers, told};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "paid_again",
    code: 45,
    version: 1,
    family: Family::Structural,
    group: "shape",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From when on a payer and a payee are known.
    pub known: Known,
    /// Hours within which the payment before was made, inclusive; more than 24 are not remembered.
    pub hours_max: u32,
    /// Smallest payment before, in pounds, inclusive: below it was a test.
    pub before_min: Amount,
    /// Smallest percentage of the payment before that this one comes to, inclusive.
    pub percent_min: u32,
    /// Largest percentage of it, inclusive.
    pub percent_max: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let known = Known::read(section);
        let hours_max = section.whole("hours_max", 1..=24);
        let before_min = section.amount("before_min", "an amount of pounds, such as \"50.00\"");
        let percent_min = section.whole("percent_min", 1..=1_000);
        let percent_max = section.whole("percent_max", 1..=10_000);
        Some(Self {
            known: known?,
            hours_max: hours_max?,
            before_min: before_min?,
            percent_min: percent_min?,
            percent_max: percent_max?,
        })
    }
}

impl Look for Settings {
    /// Looks for a payment to the same stranger within `hours_max`, of which this is from `percent_min`
    /// to `percent_max`.
    fn look(&self, facts: &Facts) -> Reading {
        if let Some(settled) = self.known.settles(facts) {
            return settled;
        }
        let Some(this) = pence(facts) else { return Reading::Unavailable(Fact::PayerHistory) };
        let hundredfold = this.saturating_mul(100);
        let is_as_much = |before: u64| {
            let percent = |percent: u32| before.saturating_mul(u64::from(percent));
            self.before_min.hundredths() <= before
                && (percent(self.percent_min)..=percent(self.percent_max)).contains(&hundredfold)
        };
        let minutes = self.hours_max.saturating_mul(60);
        let mut same = to_strangers(facts, minutes).filter(|one| one.payee == 0);
        match same.find(|one| is_as_much(one.pence)) {
            Some(before) => {
                let (before, this) = (told(before.pence), facts.transfer.money);
                let evidence = format!("the new payee was paid {before} just before, and now {this}");
                Reading::Fired(Cow::Owned(evidence))
            }
            None => Reading::Quiet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::Quiet;
    use crate::signal::shape::testing::{KNOWN, check_excuses, check_payer, known, tried};
    use crate::testing::amount;

    fn settings() -> Settings {
        Settings {
            known: KNOWN,
            hours_max: 6,
            before_min: amount("50.00"),
            percent_min: 90,
            percent_max: 300,
        }
    }

    /// Returns a payment after one to the payee of that number.
    fn after(sum: &str, before: &str, payee: u8) -> Facts {
        let mut facts = known(sum);
        facts.recall.attempts = vec![tried(30, before, payee)];
        facts
    }

    #[test]
    fn fires_for_as_much_and_up_to_some_times_as_much() {
        for (sum, before, is_again) in [
            ("2500.00", "2500.00", true),
            ("2250.00", "2500.00", true),
            ("2249.99", "2500.00", false),
            ("7500.00", "2500.00", true),
            ("7500.01", "2500.00", false),
            // A test, and a deposit before the rest.
            ("100.00", "49.99", false),
            ("100.00", "50.00", true),
            ("4950.00", "550.00", false),
        ] {
            let want = format!("the new payee was paid £{before} just before and now");
            match settings().look(&after(sum, before, 0)) {
                Reading::Fired(evidence) => {
                    assert!(is_again, "{sum} after {before}");
                    assert!(evidence.replace(',', "").starts_with(&want), "{evidence}");
                }
                reading => assert_eq!((reading, is_again), (Quiet, false), "{sum} after {before}"),
            }
            assert_eq!(settings().look(&after(sum, before, 1)), Quiet, "to another");
        }
    }

    #[test]
    fn the_next_instalment_comes_later() {
        for (minutes, is_again) in [(360, true), (361, false)] {
            let mut facts = after("2500.00", "2500.00", 0);
            facts.recall.attempts = vec![tried(minutes, "2500.00", 0)];
            let reading = settings().look(&facts);
            assert_eq!(matches!(reading, Reading::Fired(_)), is_again, "{minutes}");
        }
    }

    #[test]
    fn what_was_stopped_was_not_paid() {
        let mut facts = after("2500.00", "2500.00", 0);
        facts.recall.attempts[0].allowed = false;
        assert_eq!(settings().look(&facts), Quiet);
    }

    #[test]
    fn what_is_planned_or_known_is_quiet_and_a_stranger_payer_unavailable() {
        let firing = || after("2500.00", "2500.00", 0);
        check_excuses(|facts| settings().look(facts), firing);
        check_payer(|facts| settings().look(facts), firing);
    }
}
