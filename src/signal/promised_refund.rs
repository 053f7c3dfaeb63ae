//! Promised refund: the payer says that they were promised the money back.
//!
//! "This would be refunded by cheque the following day": nobody who is owed money promises to return
//! it. Deposits come back too, after months and under a contract, which a question can say.
//!
//! Quiet where nobody was asked, and worth nothing where the answer is no: see `coached_answers`.

use crate::signal::coached_answers::Admits;
use crate::signal::{Facts, Family, Kind, Look, Reading};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "promised_refund",
    code: 25,
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
        self.admits.look(facts, "the payer was promised the money back")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{answer, facts};

    #[test]
    fn an_admission_fires_and_a_denial_says_nothing() {
        let fired = Reading::Fired("the payer was promised the money back (`promised_back`: yes)".into());
        for (given, want) in [
            (vec![answer("promised_back", "yes")], fired),
            (vec![answer("promised_back", "no")], Reading::Quiet),
            (vec![answer("told_what_to_say", "yes")], Reading::Quiet),
            (vec![], Reading::Quiet),
        ] {
            let admits = Admits { questions: vec!["promised_back".into()], option: "yes".into() };
            let facts = Facts { answers: given, ..facts() };
            assert_eq!(Settings { admits }.look(&facts), want);
        }
    }
}
