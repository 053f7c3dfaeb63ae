//! Told: what the fold reads of a decision, wherever its parts lie.

use crate::calendar::Time;
use crate::decision::{Action, Decision, HoldKind};
use crate::entry::{Decided, Executed, Identity};
use crate::signal::Facts;
use crate::transfer::Stage;

/// What the fold reads of a decision.
#[derive(Clone, Copy, Debug)]
pub struct Told<'d> {
    /// Log time.
    pub time: Time,
    /// The number of the payer's key.
    pub slot: u32,
    /// Who and what it is about.
    pub identity: &'d Identity,
    /// At which stage.
    pub stage: Stage,
    /// What the bank was asked to do.
    pub action: Action,
    /// What kind of hold.
    pub hold: Option<HoldKind>,
    /// What deciding read, and what it came to; absent once the payer's key is destroyed.
    pub personal: Option<(&'d Facts, &'d Decision)>,
}

/// An entry that is written nowhere, of which no later look inherits anything.
#[derive(Clone, Copy, Debug)]
pub enum Unwritten<'d> {
    /// A decision.
    Decided(Told<'d>),
    /// What became of a payment.
    Executed(&'d Executed),
}

impl<'d> Told<'d> {
    /// Returns what is told of a decision that was just made about the payer with this key.
    pub fn of(identity: &'d Identity, slot: u32, facts: &'d Facts, decision: &'d Decision) -> Self {
        Self {
            time: facts.decided,
            slot,
            identity,
            stage: facts.stage,
            action: decision.action,
            hold: decision.hold,
            personal: Some((facts, decision)),
        }
    }
}

impl<'d> From<&'d Decided> for Told<'d> {
    fn from(decided: &'d Decided) -> Self {
        let public = &decided.public;
        let personal = decided.personal.as_ref();
        Self {
            time: decided.time,
            slot: decided.slot,
            identity: &public.identity,
            stage: public.stage,
            action: public.action,
            hold: public.hold,
            personal: personal.map(|personal| (&personal.facts, &personal.decision)),
        }
    }
}
