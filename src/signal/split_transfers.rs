//! Split transfers: near-equal amounts to strangers that belong together.
//!
//! Callers have a sum cut into slices: three times 4,900 below a limit of 5,000, batches of up to
//! 9,000, steps of 5,000, 2,500 four times. Two reasons to slice are told apart from friends who
//! share a meal: each slice stays just under a limit, the payer's own or a common one, or together
//! they exceed what the payer ever sent at once, which one transfer would have shown. Of the payer's
//! own largest transfer only that is asked: nobody slices to stay just under it.
//!
//! Somebody who pays a deposit in two parts because of a daily limit is quiet: it takes three.

use std::borrow::Cow;

use crate::document::{Section, all};
use crate::money::{Amount, Currency, Share};
use crate::signal::shape::{DAY_MINUTES, Known, near, pence, to_strangers, told};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "split_transfers",
    code: 36,
    version: 1,
    family: Family::Structural,
    group: "shape",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From when on a payer and a payee are known.
    pub known: Known,
    /// Fewest slices within 24 hours, this one among them, inclusive; more than 9 are not remembered.
    pub count_min: u32,
    /// Least share of this amount that another comes to, or this of the other, inclusive.
    pub near_min: Share,
    /// Limits that are common, in pounds, beside the payer's own.
    pub limits: Vec<Amount>,
    /// Least share of a limit that is just under it, inclusive; the limit itself is.
    pub under_min: Share,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let known = Known::read(section);
        let count_min = section.whole("count_min", 2..=9);
        let (near_min, under_min) = (section.share("near_min"), section.share("under_min"));
        let limits = section.texts("limits").and_then(|texts| {
            all(texts.iter().map(|text| {
                let limit = Amount::parse(text.text).ok();
                if limit.is_none() {
                    let message = format!("`{}` is no amount", text.text);
                    section.report_at(text.line, message, "write pounds, such as \"5000.00\"");
                }
                limit
            }))
        });
        if let Some(limits) = &limits
            && LIMITS_MAX < limits.len()
        {
            let message = format!("`limits` holds {} of them", limits.len());
            section.report("limits", message, format!("keep at most {LIMITS_MAX}"));
            return None;
        }
        Some(Self {
            known: known?,
            count_min: count_min?,
            near_min: near_min?,
            limits: limits?,
            under_min: under_min?,
        })
    }

    /// Returns the limit that all from `least` to `most` stay just under.
    fn limit(&self, facts: &Facts, least: u64, most: u64) -> Option<Amount> {
        let [least, most] = [least, most].map(Amount::from_hundredths);
        let own = facts.transfer.payer.permitted;
        let own = own.filter(|own| own.currency == Currency::GBP).map(|own| own.amount);
        let limits = own.into_iter().chain(self.limits.iter().copied());
        let mut under =
            limits.filter(|limit| most <= *limit && limit.part(self.under_min) <= least);
        under.next()
    }
}

impl Look for Settings {
    /// Looks for `count_min` near-equal transfers to strangers within 24 hours, each just under a
    /// limit or together above the largest transfer of a year.
    fn look(&self, facts: &Facts) -> Reading {
        if let Some(settled) = self.known.settles(facts) {
            return settled;
        }
        let Some(this) = pence(facts) else { return Reading::Unavailable(Fact::PayerHistory) };
        let slices = to_strangers(facts, DAY_MINUTES).filter(|one| near(one.pence, this, self.near_min));
        let (mut count, mut sum, mut least, mut most) = (1_u32, this, this, this);
        for slice in slices {
            count = count.saturating_add(1);
            sum = sum.saturating_add(slice.pence);
            (least, most) = (least.min(slice.pence), most.max(slice.pence));
        }
        if count < self.count_min {
            return Reading::Quiet;
        }
        let slices = format!("{count} near-equal transfers to new payees");
        if let Some(limit) = self.limit(facts, least, most) {
            let limit = told(limit.hundredths());
            let evidence = format!("{slices} stay just under a limit of {limit}");
            return Reading::Fired(Cow::Owned(evidence));
        }
        let Some(usual) = facts.recall.usual else {
            return Reading::Unavailable(Fact::PayerHistory);
        };
        if sum <= usual.largest.amount.hundredths() {
            return Reading::Quiet;
        }
        let (sum, largest) = (told(sum), usual.largest);
        let evidence = format!("{slices} come to {sum}, and the largest of a year was {largest}");
        Reading::Fired(Cow::Owned(evidence))
    }
}

/// Our bound on `limits`.
const LIMITS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::signal::shape::testing::{KNOWN, check_excuses, check_payer, known, tried};
    use crate::testing::{amount, pounds, read_section, share};

    fn settings() -> Settings {
        Settings {
            known: KNOWN,
            count_min: 3,
            near_min: share("0.90"),
            limits: vec![amount("5000.00")],
            under_min: share("0.90"),
        }
    }

    /// Returns a payment after others, by somebody whose largest was £900.
    fn after(sum: &str, others: &[&str]) -> Facts {
        let mut facts = known(sum);
        facts.recall.attempts = others.iter().map(|sum| tried(600, sum, 1)).collect();
        facts
    }

    fn above(count: u32, sum: &str) -> Reading {
        let text = format!(
            "{count} near-equal transfers to new payees come to {sum}, and the largest of a year was \
             £900.00"
        );
        Reading::Fired(text.into())
    }

    fn under(limit: &str) -> Reading {
        let text = format!("3 near-equal transfers to new payees stay just under a limit of {limit}");
        Reading::Fired(text.into())
    }

    #[test]
    fn fires_where_slices_together_exceed_the_largest_transfer() {
        for (sum, others, want) in [
            ("300.01", &["300.00", "300.00"][..], above(3, "£900.01")),
            ("300.00", &["300.00", "300.00"], Quiet),
            ("1000.00", &["900.00", "900.00"], above(3, "£2,800.00")),
            ("1000.00", &["899.99", "900.00"], Quiet),
            ("900.00", &["1000.00", "1000.00"], above(3, "£2,900.00")),
            ("899.99", &["1000.00", "1000.00"], Quiet),
            // A deposit in two parts.
            ("2500.00", &["2500.00"], Quiet),
            // A meal, and moving day: van, agent and deposit are of all sizes.
            ("23.50", &["23.50", "23.50", "23.50"], Quiet),
            ("1450.00", &["380.00", "240.00", "725.00"], Quiet),
        ] {
            assert_eq!(settings().look(&after(sum, others)), want, "{sum} {others:?}");
        }
    }

    #[test]
    fn fires_where_slices_stay_just_under_a_limit() {
        let look = |sum: &str, permitted: Option<Money>, largest: Option<&str>| {
            let mut facts = after(sum, &[sum, sum]);
            facts.transfer.payer.permitted = permitted;
            facts.recall.usual = facts.recall.usual.and_then(|usual| {
                Some(crate::history::Usual { largest: pounds(largest?), ..usual })
            });
            settings().look(&facts)
        };
        let rich = Some("90000.00");
        assert_eq!(look("4500.00", None, rich), under("£5,000.00"));
        assert_eq!(look("4499.99", None, rich), Quiet);
        assert_eq!(look("5000.00", None, rich), under("£5,000.00"));
        assert_eq!(look("5000.01", None, rich), Quiet);
        assert_eq!(look("1800.00", Some(pounds("2000.00")), rich), under("£2,000.00"));
        assert_eq!(look("1799.99", Some(pounds("2000.00")), rich), Quiet);
        // A limit needs no habit beside it; without a limit there must be one.
        assert_eq!(look("4500.00", None, None), under("£5,000.00"));
        assert_eq!(look("4499.99", None, None), Unavailable(Fact::PayerHistory));
    }

    #[test]
    fn another_currency_has_no_habits_here() {
        let mut facts = after("900.00", &["900.00", "900.00"]);
        let currency = Currency::from_code("EUR").unwrap();
        facts.transfer.money = Money { currency, ..facts.transfer.money };
        assert_eq!(settings().look(&facts), Unavailable(Fact::PayerHistory));
    }

    #[test]
    fn wages_to_people_paid_before_and_what_was_stopped_are_no_slices() {
        let mut facts = after("900.00", &["900.00", "900.00"]);
        facts.recall.attempts[0].payee = 2;
        facts.recall.attempts[0].new = false;
        assert_eq!(settings().look(&facts), Quiet);
        let mut facts = after("900.00", &["900.00", "900.00"]);
        facts.recall.attempts[0].allowed = false;
        assert_eq!(settings().look(&facts), Quiet);
    }

    #[test]
    fn what_is_planned_or_known_is_quiet_and_a_stranger_payer_unavailable() {
        let firing = || after("900.00", &["900.00", "900.00"]);
        check_excuses(|facts| settings().look(facts), firing);
        check_payer(|facts| settings().look(facts), firing);
    }

    #[test]
    fn limits_are_amounts_and_few() {
        let read = |limits: &str| {
            let text = format!(
                "payer_days_min = 30\npayee_days_min = 30\ncount_min = 3\nnear_min = \"0.9\"\n\
                 under_min = \"0.9\"\nlimits = [{limits}]\n"
            );
            let (settings, problems) = read_section(&text, Settings::read);
            (settings.is_some(), problems.len())
        };
        assert_eq!(read(&"\"5\", ".repeat(LIMITS_MAX)), (true, 0));
        assert_eq!(read(&"\"5\", ".repeat(LIMITS_MAX + 1)), (false, 1));
        assert_eq!(read("\"five\""), (false, 1));
    }
}
