//! Shape: what signals that look at several payments together have in common.
//!
//! They tell something only of a payee who is a stranger to a payer we know: until a payer is known
//! long enough, a payee unknown to us is unknown and not new. What is not decided at the moment it
//! is paid has no shape: an own account, a standing order, a payroll in a file, an account on the
//! bank's lists.

use crate::calendar::Span;
use crate::document::Section;
use crate::history::Attempt;
use crate::money::{Amount, Currency, Share};
use crate::signal::{Facts, Reading};
use crate::transfer::{Channel, Fact, InstructionKind};

/// From when on a payer and a payee are known.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Days since we first decided about the payer, inclusive, from which what we do not know of
    /// did not happen.
    pub payer_days_min: u32,
    /// Days since the payer first paid the payee, inclusive, from which it is no stranger.
    pub payee_days_min: u32,
}

impl Known {
    /// Reads `payer_days_min` and `payee_days_min`.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let known = section.whole("payer_days_min", 0..=365);
        let settled = section.whole("payee_days_min", 1..=365);
        Some(Self { payer_days_min: known?, payee_days_min: settled? })
    }

    /// Returns what a signal reads without looking further; `None` for a stranger and a known payer.
    pub(super) fn settles(self, facts: &Facts) -> Option<Reading> {
        self.excuses(facts).or_else(|| {
            (!self.knows_payer(facts)).then_some(Reading::Unavailable(Fact::PayerHistory))
        })
    }

    /// Returns what is read of a payment that is no stranger's, or not decided as it is paid.
    pub(super) fn excuses(self, facts: &Facts) -> Option<Reading> {
        let (transfer, recall) = (&facts.transfer, &facts.recall);
        let kind = transfer.instruction.as_ref().and_then(|instruction| instruction.kind);
        let planned = matches!(
            kind,
            Some(
                InstructionKind::StandingOrder
                    | InstructionKind::VariableRecurring
                    | InstructionKind::File
            )
        );
        let filed = transfer.channel == Some(Channel::File);
        if facts.is_vouched() || planned || filed {
            return Some(Reading::Quiet);
        }
        let first = [recall.pair.map(|pair| pair.first), transfer.payee.first_paid];
        let known_from = facts.decided.minus(Span::days(i64::from(self.payee_days_min)));
        match first.into_iter().flatten().min() {
            Some(first) if first <= known_from => Some(Reading::Quiet),
            Some(_) => None,
            None => match transfer.payee.times_paid {
                Some(0) | None => None,
                Some(_) => Some(Reading::Unavailable(Fact::PayeeFirstPaid)),
            },
        }
    }

    /// Tells whether the payer has been known long enough.
    pub(super) fn knows_payer(self, facts: &Facts) -> bool {
        let since = facts.decided.minus(Span::days(i64::from(self.payer_days_min)));
        facts.recall.payer_first.is_some_and(|first| first <= since)
    }
}

/// Returns this transfer's pence; `None` where it is not of pounds, in which habits are remembered.
pub(super) fn pence(facts: &Facts) -> Option<u64> {
    let money = facts.transfer.money;
    (money.currency == Currency::GBP).then(|| money.amount.hundredths())
}

/// Returns what was let pass to strangers within `minutes` before this transfer to one, newest first.
/// Whoever was a stranger at the first payment of the day is one at the next.
pub(super) fn to_strangers(facts: &Facts, minutes: u32) -> impl Iterator<Item = &Attempt> {
    let seconds = minutes.saturating_mul(60);
    let attempts = &facts.recall.attempts;
    let is_stranger =
        |payee: u8| payee == 0 || attempts.iter().any(|one| one.new && one.payee == payee);
    let passed = attempts.iter().filter(move |one| one.allowed && one.seconds <= seconds);
    passed.filter(move |one| is_stranger(one.payee))
}

/// Tells whether the less of two sums of pence is at least `least` of the more.
pub(super) fn near(one: u64, other: u64, least: Share) -> bool {
    let [less, more] = [one.min(other), one.max(other)].map(Amount::from_hundredths);
    more.part(least) <= less
}

/// As far back as attempts are remembered ([`crate::history::recent::RECENT_AGE`]).
pub(super) const DAY_MINUTES: u32 = 24 * 60;

/// Writes pence as an amount of pounds.
pub(super) fn told(pence: u64) -> String {
    let money =
        crate::money::Money { amount: Amount::from_hundredths(pence), currency: Currency::GBP };
    money.to_string()
}

/// What tests of signals of shape share.
#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::history::Usual;
    use crate::testing::{amount, facts, pounds};

    /// Who is known after 30 days, payer or payee.
    pub(in crate::signal) const KNOWN: Known = Known { payer_days_min: 30, payee_days_min: 30 };

    /// Returns a first payment of `pounds` to a stranger, by somebody known for a year whose largest
    /// transfer was £900, all but one in twenty below £600.
    pub(in crate::signal) fn known(sum: &str) -> Facts {
        let mut facts = facts();
        facts.transfer.money.amount = amount(sum);
        facts.recall.payer_first = Some(facts.decided.minus(Span::days(365)));
        facts.recall.usual = Some(Usual {
            count: 60,
            largest: pounds("900.00"),
            high: Some(pounds("600.00")),
            month: pounds("1400.00"),
            last_day: facts.decided.minus(Span::days(2)),
            adding_minutes: None,
            session_seconds: None,
        });
        facts
    }

    /// Returns an attempt that was let pass, of so many minutes ago, at a payee never paid before.
    pub(in crate::signal) fn tried(minutes: u32, sum: &str, payee: u8) -> Attempt {
        let pence = amount(sum).hundredths();
        Attempt {
            seconds: minutes.saturating_mul(60),
            pence,
            payee,
            new: true,
            allowed: true,
            left: true,
        }
    }

    /// What makes one payment another.
    type Change<'a> = &'a dyn Fn(&mut Facts);

    /// Checks that what fires is quiet for every payment that has no shape, and unavailable where
    /// too little is known.
    #[track_caller]
    pub(in crate::signal) fn check_excuses(
        look: impl Fn(&Facts) -> Reading,
        firing: impl Fn() -> Facts,
    ) {
        use crate::history::{Listing, Pair};
        use crate::transfer::Instruction;

        assert!(matches!(look(&firing()), Reading::Fired(_)));
        let reads = |change: Change<'_>| {
            let mut facts = firing();
            change(&mut facts);
            look(&facts)
        };
        let kind = |kind| Some(Instruction { kind: Some(kind), batch: None });
        let listing = |facts: &Facts| Some(Listing { version: 1, loaded: facts.decided });
        let pair = |facts: &Facts, days| {
            let first = facts.transfer.confirmed.minus(Span::days(days));
            Some(Pair::begin(crate::account::Token([0; 16]), first, pounds("5.00")))
        };
        let quiet: [(&str, Change<'_>); 8] = [
            ("own account", &|facts| facts.transfer.payee.own = Some(true)),
            ("standing order", &|facts| {
                facts.transfer.instruction = kind(InstructionKind::StandingOrder);
            }),
            ("variable", &|facts| {
                facts.transfer.instruction = kind(InstructionKind::VariableRecurring);
            }),
            ("payroll in a file", &|facts| {
                facts.transfer.instruction = kind(InstructionKind::File);
            }),
            ("file channel", &|facts| facts.transfer.channel = Some(Channel::File)),
            ("client account", &|facts| facts.recall.client_account = listing(facts)),
            ("biller", &|facts| facts.recall.biller = listing(facts)),
            ("known payee", &|facts| facts.recall.pair = pair(facts, 30)),
        ];
        for (what, change) in quiet {
            assert_eq!(reads(change), Reading::Quiet, "{what}");
        }
        let missing = reads(&|facts| facts.transfer.payee.times_paid = Some(4));
        assert_eq!(missing, Reading::Unavailable(Fact::PayeeFirstPaid));
        let fires: [Change<'_>; 4] = [
            &|facts| facts.transfer.instruction = kind(InstructionKind::Single),
            &|facts| facts.transfer.payee.own = Some(false),
            &|facts| facts.transfer.payee.times_paid = Some(0),
            &|facts| {
                facts.transfer.payee.first_paid =
                    Some(facts.transfer.confirmed.minus(Span::days(29)));
            },
        ];
        for change in fires {
            assert!(matches!(reads(change), Reading::Fired(_)));
        }
    }

    /// Checks that what fires is unavailable for a payer who has been known a day less than a month.
    #[track_caller]
    pub(in crate::signal) fn check_payer(
        look: impl Fn(&Facts) -> Reading,
        firing: impl Fn() -> Facts,
    ) {
        for (days, is_known) in [(Some(30), true), (Some(29), false), (None, false)] {
            let mut facts = firing();
            facts.recall.payer_first = days.map(|days| facts.decided.minus(Span::days(days)));
            let reading = look(&facts);
            let missing = reading == Reading::Unavailable(Fact::PayerHistory);
            assert_eq!(missing, !is_known, "{days:?}");
            assert_eq!(matches!(reading, Reading::Fired(_)), is_known, "{days:?}");
        }
    }
}
