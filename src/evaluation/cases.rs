//! Cases: scams, payment by payment, and how far each got.

use crate::evaluation::{Margins, Outcome, Scam, ScamType, Variant};

/// One scam of one victim.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Case {
    pub(super) scam_type: ScamType,
    pub(super) script: Box<str>,
    pub(super) variant: Variant,
    /// How many payments it has, and what they come to, in pence.
    pub(super) steps: u32,
    pub(super) pence: u64,
    /// Whether it began when measuring had begun.
    pub(super) measured: bool,
    /// Those seen so far, in their order.
    pub(super) payments: Vec<Step>,
}

/// One payment of a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Step {
    /// What the scammer gets where it is allowed.
    pub(super) pence: u64,
    pub(super) margins: Margins,
    pub(super) outcome: Outcome,
    /// Whether it was made: none before it was held.
    pub(super) made: bool,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct End {
    /// Whether a payment of it was stopped.
    pub(super) stopped: bool,
    /// What the scammer got, in pence.
    pub(super) lost: u64,
}

impl Case {
    pub(super) fn new(scam: &Scam, measured: bool) -> Self {
        Self {
            scam_type: scam.scam_type,
            script: scam.script.clone(),
            variant: scam.variant,
            steps: scam.steps,
            pence: scam.case_pence,
            measured,
            payments: Vec::new(),
        }
    }

    /// Tells whether all its payments are in the file.
    pub(super) fn is_whole(&self) -> bool {
        u32::try_from(self.payments.len()) == Ok(self.steps)
    }

    /// Tells whether a payment of it was stopped, so that later ones are not made.
    pub(super) fn is_stopped(&self) -> bool {
        self.payments.iter().any(|step| step.made && step.outcome == Outcome::Held)
    }

    /// Returns how it ends where the first payment that `stops` says is not made, nor any after it.
    pub(super) fn end(&self, stops: impl Fn(&Step) -> bool) -> End {
        let mut lost = 0_u64;
        for step in &self.payments {
            if stops(step) {
                return End { stopped: true, lost };
            }
            lost = lost.saturating_add(step.pence);
        }
        End { stopped: false, lost }
    }

    /// Returns how it ended as decided.
    pub(super) fn held(&self) -> End {
        self.end(|step| step.outcome == Outcome::Held)
    }

    /// Returns how it would have ended had the payer admitted the story at the first question.
    pub(super) fn held_or_admitted(&self) -> End {
        self.end(|step| step.outcome != Outcome::Allowed)
    }
}

impl End {
    /// Tells whether it was stopped before the scammer got anything.
    pub(super) fn before_first_pound(self) -> bool {
        self.stopped && self.lost == 0
    }

    /// Tells whether it was stopped before the scammer got half of `pence`.
    pub(super) fn before_half(self, pence: u64) -> bool {
        self.stopped && self.lost.saturating_mul(2) < pence
    }
}
