//! Payee inflow: other payers begin to pay this account, or were held at it.
//!
//! A mule's account is used up within days: strangers to each other begin to pay it, each for the
//! first time, and some are stopped. Appeals, shops and a treasurer who collects are paid so as well;
//! most are businesses to their bank, and payers who come back are not counted.
//!
//! Counts payers and never sees who they are. Not taken back by protection, like a report; but it is
//! quiet for an account that this payer has long paid, or that the bank vouches for.

use std::borrow::Cow;

use crate::document::Section;
use crate::signal::shape::Known;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{AccountKind, Fact};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "payee_inflow",
    code: 39,
    version: 1,
    family: Family::Structural,
    group: "reputation",
    recalls: true,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From when on a payer and a payee are known.
    pub known: Known,
    /// Fewest other payers who first paid it within 24 hours, inclusive; at most 32 are remembered.
    pub payers_min: u32,
    /// Fewest other payers held at it within 7 days, inclusive.
    pub held_min: u32,
    /// Whether those who pay a business count.
    pub business_counts: bool,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let known = Known::read(section);
        let payers_min = section.whole("payers_min", 2..=32);
        let held_min = section.whole("held_min", 1..=32);
        let business_counts = section.flag("business_counts");
        Some(Self {
            known: known?,
            payers_min: payers_min?,
            held_min: held_min?,
            business_counts: business_counts?,
        })
    }
}

impl Look for Settings {
    /// Looks for `held_min` others held at the account, or `payers_min` who began to pay it.
    fn look(&self, facts: &Facts) -> Reading {
        if let Some(settled) = self.known.excuses(facts) {
            return settled;
        }
        let Some(inflow) = facts.recall.inflow else {
            // Nobody did, as far as we know: which tells nothing where we have only begun to look.
            let known = self.known.knows_payer(facts);
            return if known { Reading::Quiet } else { Reading::Unavailable(Fact::PayerHistory) };
        };
        if self.held_min <= inflow.held {
            let held = inflow.held;
            let evidence = format!("{held} other payers were held at this account within 7 days");
            return Reading::Fired(Cow::Owned(evidence));
        }
        let check = facts.transfer.name_check.as_ref();
        let reported = check.and_then(|check| check.reported);
        let business = reported == Some(AccountKind::Business);
        if inflow.day < self.payers_min || (business && !self.business_counts) {
            return Reading::Quiet;
        }
        let day = inflow.day;
        let evidence = format!("{day} other payers first paid this account within 24 hours");
        Reading::Fired(Cow::Owned(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Inflow;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::signal::shape::testing::{KNOWN, check_excuses, known};
    use crate::testing::name_check;

    const SETTINGS: Settings =
        Settings { known: KNOWN, payers_min: 3, held_min: 1, business_counts: false };

    fn look(facts: &Facts) -> Reading {
        SETTINGS.look(facts)
    }

    /// Returns a payment to an account of this kind that others began to pay, or were held at.
    fn to(day: u32, held: u32, kind: Option<AccountKind>) -> Facts {
        let mut facts = known("900.00");
        facts.recall.inflow = Some(Inflow { hour: 0, day, week: 20, held });
        let mut check = name_check(None, "");
        check.reported = kind;
        facts.transfer.name_check = Some(check);
        facts
    }

    #[test]
    fn fires_from_each_limit_up() {
        let paid = Reading::Fired("3 other payers first paid this account within 24 hours".into());
        let held = Reading::Fired("1 other payers were held at this account within 7 days".into());
        let (personal, business) = (Some(AccountKind::Personal), Some(AccountKind::Business));
        for (day, held_count, kind, want) in [
            (3, 0, None, &paid),
            (3, 0, personal, &paid),
            (2, 0, personal, &Quiet),
            // An appeal, a shop.
            (30, 0, business, &Quiet),
            (0, 1, business, &held),
            (3, 1, personal, &held),
        ] {
            assert_eq!(&look(&to(day, held_count, kind)), want, "{day} {held_count} {kind:?}");
        }
        let strict = Settings { business_counts: true, ..SETTINGS };
        assert_eq!(strict.look(&to(3, 0, business)), paid);
        let patient = Settings { held_min: 2, ..SETTINGS };
        assert_eq!(patient.look(&to(0, 1, None)), Quiet);
    }

    #[test]
    fn nobody_known_is_quiet_once_we_have_looked_long_enough() {
        let mut facts = known("900.00");
        assert_eq!(look(&facts), Quiet);
        facts.recall.payer_first = None;
        assert_eq!(look(&facts), Unavailable(Fact::PayerHistory));
        // What others did is known however new this payer is.
        facts.recall.inflow = Some(Inflow { hour: 0, day: 3, week: 3, held: 0 });
        assert!(matches!(look(&facts), Reading::Fired(_)));
    }

    #[test]
    fn what_is_planned_or_known_is_quiet() {
        check_excuses(look, || to(3, 0, None));
    }
}
