//! Payee burst: more strangers are paid on one day than this payer ever paid on one.
//!
//! Where one account is stopped, full or slow, the caller dictates the next: reported victims paid two
//! and three within the hour. People who move house, marry or pay their first wages do the same once
//! in years, so it says little more than that the payee is new, and shares its group.
//!
//! Whoever has had such a day before is quiet: it is measured against the payer's own busiest day.

use std::borrow::Cow;

use crate::document::Section;
use crate::signal::shape::{DAY_MINUTES, Known, to_strangers};
use crate::signal::{Facts, Family, Kind, Look, Reading};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "payee_burst",
    code: 34,
    version: 1,
    family: Family::Structural,
    group: "payee",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From when on a payer and a payee are known.
    pub known: Known,
    /// Fewest new payees within 24 hours, this one among them, inclusive. Two others must be new
    /// before the busiest day is remembered, so 3 is the least.
    pub payees_min: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let known = Known::read(section);
        let payees_min = section.whole("payees_min", 3..=9);
        Some(Self { known: known?, payees_min: payees_min? })
    }
}

impl Look for Settings {
    /// Looks for at least `payees_min` strangers within 24 hours, and more than on any earlier day.
    fn look(&self, facts: &Facts) -> Reading {
        if let Some(settled) = self.known.settles(facts) {
            return settled;
        }
        // Fewer than two others were new: nothing to compare.
        let Some(most) = facts.recall.most_new_payees else { return Reading::Quiet };
        let others = to_strangers(facts, DAY_MINUTES).map(|one| one.payee);
        let mut others: Vec<u8> = others.filter(|payee| *payee != 0).collect();
        others.sort_unstable();
        others.dedup();
        let count = u32::try_from(others.len()).unwrap_or(u32::MAX).saturating_add(1);
        if count < self.payees_min || count <= most {
            return Reading::Quiet;
        }
        let evidence =
            format!("{count} payees were new within 24 hours, and {most} on the busiest day before");
        Reading::Fired(Cow::Owned(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::Quiet;
    use crate::signal::shape::testing::{KNOWN, check_excuses, check_payer, known, tried};

    const SETTINGS: Settings = Settings { known: KNOWN, payees_min: 3 };

    /// Returns a payment to a stranger after others, numbered, by somebody with such a busiest day.
    fn after(payees: &[u8], most: Option<u32>) -> Facts {
        let mut facts = known("500.00");
        facts.recall.attempts = payees.iter().map(|payee| tried(60, "200.00", *payee)).collect();
        facts.recall.most_new_payees = most;
        facts
    }

    #[test]
    fn fires_from_the_limit_up_and_above_the_busiest_day() {
        let fired = |count, most| {
            let text =
                format!("{count} payees were new within 24 hours, and {most} on the busiest day before");
            Reading::Fired(text.into())
        };
        for (payees, most, want) in [
            (&[1, 2][..], Some(2), fired(3, 2)),
            // A house moved once before: three strangers on that day as well.
            (&[1, 2], Some(3), Quiet),
            (&[1, 2, 3], Some(3), fired(4, 3)),
            // Instalments: one stranger is paid again and again.
            (&[1, 1, 1], Some(0), Quiet),
            (&[0, 0, 0], Some(0), Quiet),
            (&[1], Some(0), Quiet),
            // Fewer than two others were new today.
            (&[1, 2], None, Quiet),
        ] {
            assert_eq!(SETTINGS.look(&after(payees, most)), want, "{payees:?} {most:?}");
        }
        let higher = Settings { payees_min: 4, ..SETTINGS };
        assert_eq!(higher.look(&after(&[1, 2], Some(0))), Quiet);
        assert_eq!(higher.look(&after(&[1, 2, 3], Some(0))), fired(4, 0));
    }

    #[test]
    fn what_was_stopped_or_known_is_not_counted() {
        let mut facts = after(&[1, 2], Some(0));
        facts.recall.attempts[0].allowed = false;
        assert_eq!(SETTINGS.look(&facts), Quiet);
        let mut facts = after(&[1, 2], Some(0));
        facts.recall.attempts[0].new = false;
        assert_eq!(SETTINGS.look(&facts), Quiet);
    }

    #[test]
    fn what_is_planned_or_known_is_quiet_and_a_stranger_payer_unavailable() {
        check_excuses(|facts| SETTINGS.look(facts), || after(&[1, 2], Some(0)));
        check_payer(|facts| SETTINGS.look(facts), || after(&[1, 2], Some(0)));
    }
}
