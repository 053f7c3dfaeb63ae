//! Retry after stop: after this payer was stopped, the money is to leave another way.
//!
//! Whoever is on the line has an answer to a stop: another account, a smaller sum, the browser
//! instead of the app. In reported cases a second payee followed within the hour. Honest people who
//! were stopped pay the same account again, or go on with their day and pay people they know.
//!
//! An account number that was mistyped and stopped for its name is the honest look-alike: so this is
//! a sign and not a decision.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::signal::shape::Known;
use crate::signal::{Facts, Family, Kind, Look, Reading};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "retry_after_stop",
    code: 38,
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
    /// Hours since the stop, inclusive; stops are remembered for 7 days.
    pub hours_max: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let known = Known::read(section);
        let hours_max = section.whole("hours_max", 1..=168);
        Some(Self { known: known?, hours_max: hours_max? })
    }
}

impl Look for Settings {
    /// Looks for a stop of another payment within `hours_max`, from which payee, amount or channel
    /// differ.
    fn look(&self, facts: &Facts) -> Reading {
        if let Some(settled) = self.known.settles(facts) {
            return settled;
        }
        let Some(stop) = facts.recall.stop else { return Reading::Quiet };
        let since = facts.decided.since(stop.at);
        if Span::hours(i64::from(self.hours_max)) < since {
            return Reading::Quiet;
        }
        let changes = [
            (stop.payee_changed, "another payee"),
            (stop.amount_changed, "another amount"),
            (stop.channel_changed, "another channel"),
        ];
        let changes: Vec<_> =
            changes.into_iter().filter_map(|(changed, what)| changed.then_some(what)).collect();
        if changes.is_empty() {
            return Reading::Quiet;
        }
        let minutes = since.whole_seconds().max(0) / 60;
        let evidence =
            format!("the payer was stopped {minutes} minutes ago and tries {}", changes.join(", "));
        Reading::Fired(Cow::Owned(evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Stop;
    use crate::signal::Reading::Quiet;
    use crate::signal::shape::testing::{KNOWN, check_excuses, check_payer, known};

    fn look(facts: &Facts) -> Reading {
        Settings { known: KNOWN, hours_max: 48 }.look(facts)
    }

    /// Returns a payment after a stop of so many seconds ago, with a changed payee, amount, channel.
    fn after(seconds: i64, [payee_changed, amount_changed, channel_changed]: [bool; 3]) -> Facts {
        let mut facts = known("900.00");
        let at = facts.decided.minus(Span::seconds(seconds));
        facts.recall.stop = Some(Stop { at, payee_changed, amount_changed, channel_changed });
        facts
    }

    #[test]
    fn fires_for_each_change_within_the_limit() {
        let fired = |minutes, what| {
            let text = format!("the payer was stopped {minutes} minutes ago and tries {what}");
            Reading::Fired(text.into())
        };
        for (seconds, changes, want) in [
            (1_800, [true, false, false], fired(30, "another payee")),
            (1_800, [false, true, false], fired(30, "another amount")),
            (1_800, [false, false, true], fired(30, "another channel")),
            (0, [true, true, false], fired(0, "another payee, another amount")),
            (172_800, [true, false, false], fired(2_880, "another payee")),
            (172_801, [true, false, false], Quiet),
            // The same again, once the story was checked.
            (1_800, [false, false, false], Quiet),
        ] {
            assert_eq!(look(&after(seconds, changes)), want, "{seconds} {changes:?}");
        }
    }

    #[test]
    fn somebody_never_stopped_is_quiet() {
        assert_eq!(look(&known("900.00")), Quiet);
    }

    #[test]
    fn what_is_planned_or_known_is_quiet_and_a_stranger_payer_unavailable() {
        check_excuses(look, || after(60, [true, false, false]));
        check_payer(look, || after(60, [true, false, false]));
    }
}
