//! Network risk: a payment network's model thinks the payee's account risky.
//!
//! Models that see money flow across banks recognise mules that no single bank can. They cannot be
//! argued with, so their word never holds a transfer alone: it belongs to a group of its own, and a
//! policy that lets that group decide by itself is refused.
//!
//! Which score counts is the policy's, by provider and model: a number without its scale means
//! nothing.

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::document::{Section, all};
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{Fact, Score};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "network_risk",
    code: 27,
    version: 1,
    family: Family::Structural,
    group: "outside_score",
    recalls: false,
    settings: |section| Some(Box::new(Settings { scales: Scale::read_all(section)? })),
};

/// What a policy decides about this signal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The scores that are understood.
    pub scales: Vec<Scale>,
}

impl Look for Settings {
    /// Looks for a high score of the payee's account.
    fn look(&self, facts: &Facts) -> Reading {
        let reputation = facts.transfer.payee.reputation.as_ref();
        let scores = reputation.map_or(&[][..], |reputation| &reputation.scores);
        Scale::look(&self.scales, scores, Fact::PayeeReputation)
    }
}

/// How one provider's model is understood. Its version is recorded and not compared: a provider who
/// changes what a number means gives the model another name.
#[derive(Clone, Debug)]
pub struct Scale {
    /// Who gives the score.
    pub provider: Box<str>,
    /// By which model.
    pub model: Box<str>,
    /// Bands that count, by the provider's own names.
    pub bands: Vec<Box<str>>,
    /// Smallest value that counts, inclusive, where a score comes without a band of its own.
    pub value_min: Option<Decimal>,
}

impl Scale {
    /// Reads the list `score`, which names at least one model.
    pub(super) fn read_all(section: &Section<'_>) -> Option<Vec<Self>> {
        let scales = section.sections("score")?;
        if scales.is_empty() {
            let advice = "name a provider and a model, and what counts of it";
            section.report("score", "`score` is empty", advice);
            return None;
        }
        all(scales.iter().map(Self::read))
    }

    fn read(section: &Section<'_>) -> Option<Self> {
        let provider = section.text("provider");
        let model = section.text("model");
        let bands = section.optional("bands", Section::texts);
        let value_min = section.optional("value_min", Section::decimal);
        let (bands, value_min) = (bands?.unwrap_or_default(), value_min?);
        if bands.is_empty() && value_min.is_none() {
            let advice = "name bands, or a smallest value as `value_min = \"900\"`";
            section.report("provider", "nothing counts of this score", advice);
            return None;
        }
        Some(Self {
            provider: provider?.into(),
            model: model?.into(),
            bands: bands.iter().map(|band| band.text.into()).collect(),
            value_min,
        })
    }

    /// Looks for a score that one of the scales counts; `missing` where none of them knows any.
    pub(super) fn look(scales: &[Self], scores: &[Score], missing: Fact) -> Reading {
        let mut known = false;
        for score in scores {
            let of = |scale: &&Self| scale.provider == score.provider && scale.model == score.model;
            for scale in scales.iter().filter(of) {
                known = true;
                if let Some(seen) = scale.counts(score) {
                    let Score { provider, model, .. } = score;
                    let evidence = format!("{provider} {model} says {seen}");
                    return Reading::Fired(Cow::Owned(evidence));
                }
            }
        }
        if known { Reading::Quiet } else { Reading::Unavailable(missing) }
    }

    /// Returns the band or value that counts. A band is the provider's own reading of the value, so
    /// where bands are named and the score has one, the value is left alone.
    fn counts<'s>(&self, score: &'s Score) -> Option<&'s str> {
        if let Some(band) = score.band.as_deref().filter(|_| !self.bands.is_empty()) {
            return self.bands.iter().any(|counted| **counted == *band).then_some(band);
        }
        let value = Decimal::from_str_exact(&score.value).ok()?;
        (self.value_min? <= value).then_some(&*score.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, read_section};
    use crate::transfer::Reputation;

    /// Looks at the scores of an account, where `network risk` counts high bands or 900 and more.
    #[track_caller]
    fn check(scores: &[(&str, &str, &str, Option<&str>)], want: &Reading) {
        let scale = Scale {
            provider: "network".into(),
            model: "risk".into(),
            bands: vec!["high".into(), "very_high".into()],
            value_min: Some(Decimal::from(900)),
        };
        let mut facts = facts();
        let scores = scores.iter().map(|(provider, model, value, band)| Score {
            value: (*value).into(),
            provider: (*provider).into(),
            model: (*model).into(),
            version: "3".into(),
            band: band.map(Into::into),
        });
        facts.transfer.payee.reputation =
            Some(Reputation { markers: Vec::new(), scores: scores.collect() });
        assert_eq!(&Settings { scales: vec![scale] }.look(&facts), want);
    }

    #[test]
    fn a_band_decides_where_there_is_one_and_the_value_otherwise() {
        let fired = |seen| Reading::Fired(format!("network risk says {seen}").into());
        check(&[("network", "risk", "1", Some("high"))], &fired("high"));
        check(&[("network", "risk", "950", Some("medium"))], &Quiet);
        check(&[("network", "risk", "900", None)], &fired("900"));
        check(&[("network", "risk", "899.99999", None)], &Quiet);
        check(&[("network", "risk", "a lot", None)], &Quiet);
        check(
            &[("network", "risk", "1", None), ("network", "risk", "1", Some("very_high"))],
            &fired("very_high"),
        );
    }

    #[test]
    fn a_score_of_somebody_else_is_not_understood() {
        let missing = &Unavailable(Fact::PayeeReputation);
        check(&[], missing);
        check(&[("network", "other", "999", Some("high"))], missing);
        check(&[("other", "risk", "999", Some("high"))], missing);
        assert_eq!(Settings { scales: Vec::new() }.look(&facts()), *missing);
    }

    #[test]
    fn settings_say_what_counts_of_whom() {
        let read = |text| {
            let (scales, problems) = read_section(text, Scale::read_all);
            (scales.map(|scales| scales.len()), problems)
        };
        let both = "[[score]]\nprovider = \"a\"\nmodel = \"b\"\nbands = [\"c\"]\n\
                    [[score]]\nprovider = \"a\"\nmodel = \"d\"\nvalue_min = \"0.9\"\n";
        assert_eq!(read(both), (Some(2), vec![]));
        for (text, problem) in [
            ("score = []", "a.toml:1: `score` is empty: name a provider and a model, and what \
                            counts of it"),
            (
                "[[score]]\nprovider = \"a\"\nmodel = \"b\"\n",
                "a.toml:2: nothing counts of this score: name bands, or a smallest value as \
                 `value_min = \"900\"`",
            ),
            (
                "[[score]]\nprovider = \"a\"\nmodel = \"b\"\nvalue_min = 0.9\n",
                "a.toml:4: `value_min` cannot be read: put it in quotes: a decimal, such as \
                 \"0.90\"",
            ),
        ] {
            assert_eq!(read(text), (None, vec![problem.to_owned()]));
        }
    }
}
