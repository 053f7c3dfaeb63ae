//! Warning rushed: the payer dismissed warnings faster than anyone reads.
//!
//! A coached victim was "instructed to disregard any warnings that appeared on her screen and move
//! through it quickly". Impatient people skip warnings too, so it weighs little alone.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "warning_rushed",
    code: 7,
    version: 1,
    family: Family::Coercion,
    group: "hurry",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Fewest warnings dismissed in the session, inclusive.
    pub dismissed_min: u32,
    /// Seconds that the quickest dismissal may have taken and still count, inclusive.
    pub seconds_max: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let dismissed_min = section.whole("dismissed_min", 1..=20);
        let seconds_max = section.whole("seconds_max", 1..=60);
        Some(Self { dismissed_min: dismissed_min?, seconds_max: seconds_max? })
    }
}

impl Look for Settings {
    /// Looks for at least `dismissed_min` warnings dismissed, the quickest within `seconds_max`.
    fn look(&self, facts: &Facts) -> Reading {
        let Some(dismissed) = &facts.transfer.session.dismissed else {
            return Reading::Unavailable(Fact::Dismissed);
        };
        let count = dismissed.warnings.len();
        if u32::try_from(count).is_ok_and(|count| count < self.dismissed_min) {
            return Reading::Quiet;
        }
        let Some(quickest) = dismissed.warnings.iter().filter_map(|warning| warning.shown).min()
        else {
            return Reading::Unavailable(Fact::Dismissed);
        };
        if Span::seconds(i64::from(self.seconds_max)) < quickest {
            return Reading::Quiet;
        }
        let seconds = quickest.whole_seconds().max(0);
        let evidence = format!("{count} warnings were dismissed, one after {seconds} seconds");
        Reading::Fired(Cow::Owned(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::facts;
    use crate::transfer::{Dismissal, Dismissed};

    /// Looks under limits of 2 warnings and 3 seconds; `shown` is how long each was on the screen.
    #[track_caller]
    fn check(shown: Option<&[Option<Span>]>, want: &Reading) {
        let mut facts = facts();
        let dismissal = |shown: &Option<Span>| Dismissal { digest: None, shown: *shown };
        facts.transfer.session.dismissed =
            shown.map(|shown| Dismissed { warnings: shown.iter().map(dismissal).collect() });
        assert_eq!(&Settings { dismissed_min: 2, seconds_max: 3 }.look(&facts), want);
    }

    const LONG: Option<Span> = Some(Span::seconds(60));
    const AT_LIMIT: Option<Span> = Some(Span::seconds(3));

    #[test]
    fn fires_at_both_limits_and_beyond() {
        let fired = Reading::Fired("2 warnings were dismissed, one after 3 seconds".into());
        check(Some(&[LONG, AT_LIMIT]), &fired);
        check(Some(&[AT_LIMIT]), &Quiet);
        check(Some(&[LONG, Some(Span(3_000_001))]), &Quiet);
        let more = Reading::Fired("3 warnings were dismissed, one after 0 seconds".into());
        check(Some(&[None, LONG, Some(Span(0))]), &more);
    }

    #[test]
    fn needs_to_know_how_many_and_how_fast() {
        check(None, &Unavailable(Fact::Dismissed));
        check(Some(&[None, None]), &Unavailable(Fact::Dismissed));
        check(Some(&[None]), &Quiet);
        check(Some(&[]), &Quiet);
    }
}
