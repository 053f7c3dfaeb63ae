//! Behavioural biometrics: the payer handles the device as people do who are being guided.
//!
//! Hesitation, typing in bursts, an account number entered as if dictated. Older and disabled people
//! handle a device so every day, which is why this weighs least of all and is never sole grounds.

use crate::signal::network_risk::Scale;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::Fact;

/// Permanent.
pub const KIND: Kind = Kind {
    id: "behavioural_biometrics",
    code: 29,
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
            provider: "biometrics".into(),
            model: "guided_session".into(),
            bands: vec!["high".into()],
            value_min: None,
        };
        let settings = Settings { scales: vec![scale] };
        let score = |model: &str, band: &str| Score {
            value: "1".into(),
            provider: "biometrics".into(),
            model: model.into(),
            version: "1".into(),
            band: Some(band.into()),
        };
        for (scores, want) in [
            (vec![score("guided_session", "high")], Reading::Fired("biometrics guided_session says high".into())),
            (vec![score("guided_session", "low")], Reading::Quiet),
            (vec![score("other", "high")], Reading::Unavailable(Fact::SessionScores)),
            (vec![], Reading::Unavailable(Fact::SessionScores)),
        ] {
            let mut facts = facts();
            facts.transfer.session.scores = scores;
            assert_eq!(settings.look(&facts), want);
        }
    }
}
