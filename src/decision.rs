//! Decision: what was decided about one transfer, and why.
//!
//! The only place that says hold. A decision is a function of facts and policy in whole numbers, and
//! has one encoding, so that anyone with both reaches the same bytes.

use std::borrow::Cow;

use crate::signal::Reading;
use crate::tagged::{self, Tagged, TaggedError, choice, record};
use crate::transfer::Fact;

/// What was decided about one transfer, and why. Never changes once made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    /// What the bank is asked to do.
    pub action: Action,
    /// What kind of hold, where it is one.
    pub hold: Option<HoldKind>,
    /// The strongest step that a typology reached.
    pub step: Option<Step>,
    /// The typology that leads: the one of that step with the lowest priority number.
    pub typology: Option<Box<str>>,
    /// Which warning is to be shown.
    pub warning: Option<WarningRef>,
    /// How the payer is to be reached where the screen itself cannot be trusted.
    pub contact: Option<ContactRoute>,
    /// What each signal read, in the order of the signals.
    pub readings: Vec<SignalReading>,
    /// What each typology came to, in the order of the policy.
    pub weighed: Vec<Weighed>,
}

/// What the bank is asked to do. There is no default: nothing is allowed by accident.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// It may leave now.
    Allow,
    /// It may not leave yet.
    Hold,
}

/// What kind of hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HoldKind {
    /// The payer is to be shown the warning and asked its questions; nothing is delayed yet.
    PendingAnswers,
    /// It does not leave until a person has decided.
    PendingReview,
}

/// How far a typology goes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// Show a warning and let it leave.
    Inform,
    /// Interrupt with questions.
    Ask,
    /// Keep it for a person.
    Hold,
}

/// How the payer is to be reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ContactRoute {
    /// On the screen they are looking at.
    Screen,
    /// By calling the number the bank has registered, because somebody may control the screen.
    RegisteredNumber,
}

/// Names a warning of the policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WarningRef {
    /// The script's id.
    pub id: Box<str>,
    /// The script's version.
    pub version: u32,
    /// Which approved variant of its questions, from the seed.
    pub variant: u32,
}

/// What one signal read and what it weighs by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignalReading {
    /// The signal's permanent number.
    pub code: u32,
    /// The version of its meaning.
    pub version: u32,
    /// What came of looking.
    pub reading: Reading,
    /// The signal's own points under the policy; what it gives for unavailable where it was.
    pub points: i64,
}

/// What one typology came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Weighed {
    /// The typology's id.
    pub typology: Box<str>,
    /// Sum over the evidence groups it counts.
    pub points: i64,
    /// The step it reached.
    pub step: Option<Step>,
}

record!(Decision {
    1 action, 2 hold, 3 step, 4 typology, 5 warning, 6 contact, 7 readings, 8 weighed,
});
record!(WarningRef { 1 id, 2 version, 3 variant });
record!(SignalReading { 1 code, 2 version, 3 reading, 4 points });
record!(Weighed { 1 typology, 2 points, 3 step });

choice!(Action { 1 Allow, 2 Hold });
choice!(HoldKind { 1 PendingAnswers, 2 PendingReview });
choice!(Step { 1 Inform, 2 Ask, 3 Hold });
choice!(ContactRoute { 1 Screen, 2 RegisteredNumber });

/// `1 | evidence`, `2`, or `3 | fact`.
impl Tagged for Reading {
    fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Fired(evidence) => {
                bytes.push(1);
                bytes.extend_from_slice(evidence.as_bytes());
            }
            Self::Quiet => bytes.push(2),
            Self::Unavailable(fact) => {
                bytes.push(3);
                fact.put(bytes);
            }
        }
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        match bytes {
            [1, evidence @ ..] => {
                let evidence = Box::<str>::take(evidence)?;
                Ok(Self::Fired(Cow::Owned(evidence.into())))
            }
            [2] => Ok(Self::Quiet),
            [3, fact @ ..] => Fact::take(fact).map(Self::Unavailable),
            [] => Err(TaggedError::Short),
            [2, ..] => Err(TaggedError::Long),
            [number, ..] => Err(TaggedError::Unknown(u64::from(*number))),
        }
    }
}

tagged::always!(Reading);

impl Decision {
    /// Returns the facts that a signal needed and nobody stated, in the order of the list, each
    /// once.
    pub fn missing(&self) -> Vec<Fact> {
        let mut missing: Vec<Fact> = self
            .readings
            .iter()
            .filter_map(|reading| match reading.reading {
                Reading::Unavailable(fact) => Some(fact),
                Reading::Fired(_) | Reading::Quiet => None,
            })
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Returns the points of the typology that leads.
    pub fn points(&self) -> Option<i64> {
        let lead = self.typology.as_deref()?;
        self.weighed.iter().find(|weighed| &*weighed.typology == lead).map(|lead| lead.points)
    }
}
