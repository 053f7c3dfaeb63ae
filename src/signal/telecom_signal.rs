//! Telecom signal: the telephone network sees a call that looks like a scam.
//!
//! Operators see how long a call lasts, from where it comes and how its number behaves, and one bank
//! found a third more scams with what they told. What they look for is theirs: never sole grounds.
//!
//! Apart from `call_in_progress`, which is a fact and can be cancelled by the bank's own call.

use crate::signal::network_risk::Scale;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "telecom_signal",
    code: 28,
    version: 1,
    family: Family::Coercion,
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
    /// Looks for a high score of the session.
    fn look(&self, facts: &Facts) -> Reading {
        Scale::look(&self.scales, &facts.transfer.session.scores, Fact::SessionScores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::facts;
    use crate::transfer::Score;

    #[test]
    fn reads_the_scores_of_the_session_by_their_models() {
        let scale = Scale {
            provider: "operator".into(),
            model: "scam_signal".into(),
            bands: vec!["high".into()],
            value_min: None,
        };
        let settings = Settings { scales: vec![scale] };
        let score = |model: &str, band: &str| Score {
            value: "1".into(),
            provider: "operator".into(),
            model: model.into(),
            version: "1".into(),
            band: Some(band.into()),
        };
        for (scores, want) in [
            (vec![score("scam_signal", "high")], Reading::Fired("operator scam_signal says high".into())),
            (vec![score("scam_signal", "low")], Reading::Quiet),
            (vec![score("other", "high")], Reading::Unavailable(Fact::SessionScores)),
            (vec![], Reading::Unavailable(Fact::SessionScores)),
        ] {
            let mut facts = facts();
            facts.transfer.session.scores = scores;
            assert_eq!(settings.look(&facts), want);
        }
    }
}
