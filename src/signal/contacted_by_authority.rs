//! Contacted by authority: the payer says that the police, a court, a tax office or a bank asked for
//! the payment.
//!
//! None of them takes money by a transfer that somebody asks for on the telephone. People who pay a
//! fine or their tax were written to, and a warning asks in a way that tells the two apart.
//!
//! Quiet where nobody was asked, and worth nothing where the answer is no: see `coached_answers`.

use crate::signal::coached_answers::Admits;
use crate::signal::{Facts, Family, Kind, Look, Reading};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "contacted_by_authority",
    code: 24,
    version: 1,
    family: Family::Coercion,
    group: "admission",
    recalls: false,
    settings: |section| Some(Box::new(Settings { admits: Admits::read(section)? })),
};

/// What a policy decides about this signal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is an admission.
    pub admits: Admits,
}

impl Look for Settings {
    /// Looks for an admission.
    fn look(&self, facts: &Facts) -> Reading {
        self.admits.look(facts, "the payer was asked to pay by somebody who claims authority")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{answer, facts};

    #[test]
    fn an_admission_fires_and_a_denial_says_nothing() {
        let fired = Reading::Fired("the payer was asked to pay by somebody who claims authority (`caller_is_authority`: yes)".into());
        for (given, want) in [
            (vec![answer("caller_is_authority", "yes")], fired),
            (vec![answer("caller_is_authority", "no")], Reading::Quiet),
            (vec![answer("told_what_to_say", "yes")], Reading::Quiet),
            (vec![], Reading::Quiet),
        ] {
            let admits = Admits { questions: vec!["caller_is_authority".into()], option: "yes".into() };
            let facts = Facts { answers: given, ..facts() };
            assert_eq!(Settings { admits }.look(&facts), want);
        }
    }
}
