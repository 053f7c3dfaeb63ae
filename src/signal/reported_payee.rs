//! Reported payee: somebody has marked the payee's account.
//!
//! A victim's bank, the payee's own bank or a scheme that traces mules says that scam money went
//! there. Markers go stale, and some meet the wrong person: an old one is left out, and what is left
//! is for staff and never told to the payer.
//!
//! Which codes count is the policy's: providers mark accounts for many reasons.

use std::borrow::Cow;

use crate::calendar::Span;
use crate::document::Section;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{Fact, Marker};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "reported_payee",
    code: 26,
    version: 1,
    family: Family::Structural,
    group: "reputation",
    recalls: false,
    settings: |section| Some(Box::new(Settings::read(section)?)),
};

/// What a policy decides about this signal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Codes that count, as the providers write them.
    pub codes: Vec<Box<str>>,
    /// Most days that a marker counts, inclusive; one without a time counts always.
    pub days_max: u32,
}

impl Settings {
    fn read(section: &Section<'_>) -> Option<Self> {
        let codes = section.texts("codes").and_then(|codes| {
            if codes.is_empty() {
                let advice = "name a code that a provider marks accounts with";
                section.report("codes", "`codes` is empty", advice);
                return None;
            }
            Some(codes.iter().map(|code| code.text.into()).collect())
        });
        let days_max = section.whole("days_max", 1..=2_000);
        Some(Self { codes: codes?, days_max: days_max? })
    }
}

impl Look for Settings {
    /// Looks for a marker with one of `codes`, at most `days_max` old.
    fn look(&self, facts: &Facts) -> Reading {
        let transfer = &facts.transfer;
        let Some(reputation) = &transfer.payee.reputation else {
            return Reading::Unavailable(Fact::PayeeReputation);
        };
        let since = transfer.confirmed.minus(Span::days(i64::from(self.days_max)));
        let counts = |marker: &&Marker| {
            self.codes.contains(&marker.code)
                && marker.marked.is_none_or(|marked| since <= marked)
        };
        match reputation.markers.iter().find(counts) {
            Some(Marker { code, provider, .. }) => {
                Reading::Fired(Cow::Owned(format!("{provider} marks the account `{code}`")))
            }
            None => Reading::Quiet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, read_section};
    use crate::transfer::Reputation;

    /// Looks at an account with these markers, so many seconds old; mules count for a day.
    #[track_caller]
    fn check(markers: Option<&[(&str, Option<i64>)]>, want: &Reading) {
        let mut facts = facts();
        let confirmed = facts.transfer.confirmed;
        facts.transfer.payee.reputation = markers.map(|markers| Reputation {
            markers: markers
                .iter()
                .map(|(code, seconds)| Marker {
                    code: (*code).into(),
                    provider: "network".into(),
                    marked: seconds.map(|seconds| confirmed.minus(Span::seconds(seconds))),
                })
                .collect(),
            scores: Vec::new(),
        });
        let settings = Settings { codes: vec!["mule".into(), "scam".into()], days_max: 1 };
        assert_eq!(&settings.look(&facts), want);
    }

    #[test]
    fn a_marker_that_counts_fires_until_it_is_stale() {
        let fired = |code| Reading::Fired(format!("network marks the account `{code}`").into());
        check(Some(&[("mule", None)]), &fired("mule"));
        check(Some(&[("mule", Some(86_400))]), &fired("mule"));
        check(Some(&[("mule", Some(86_401))]), &Quiet);
        check(Some(&[("closed", None), ("scam", Some(5))]), &fired("scam"));
    }

    #[test]
    fn an_account_nobody_marked_is_quiet_and_one_nobody_asked_about_unknown() {
        check(Some(&[]), &Quiet);
        check(Some(&[("closed", None), ("MULE", None)]), &Quiet);
        check(None, &Unavailable(Fact::PayeeReputation));
    }

    #[test]
    fn settings_name_at_least_one_code() {
        let (settings, problems) = read_section("codes = []\ndays_max = 0", Settings::read);
        assert!(settings.is_none());
        assert_eq!(
            problems,
            [
                "a.toml:1: `codes` is empty: name a code that a provider marks accounts with",
                "a.toml:2: `days_max` is no such number: write a whole number from 1 to 2000",
            ]
        );
    }
}
