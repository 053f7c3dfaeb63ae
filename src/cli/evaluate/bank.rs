//! Bank: one policy at work on labelled payments, with what it remembers, as the service would be.
//!
//! Each payment is recalled, decided and remembered by the very functions that the turn uses, in the order
//! of the file, at the time the payment was asked about. What then becomes of it is reported at its time.
//! Nothing is written, so nothing is encoded, sealed or hashed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::calendar::Time;
use crate::decision::{Decision, Glance, decide, decide_glanced};
use crate::entry::{
    Decided, DecidedPersonal, DecidedPublic, Entry, Executed, ExecutedPersonal, ExecutedPublic,
    Execution, Identity,
};
use crate::evaluation::{Outcome, Place, Seen, Tally, Truth, margins};
use crate::memory::{Known, Memory, Told, Unwritten};
use crate::money::Money;
use crate::policy::Policy;
use crate::signal::Facts;
use crate::transfer::{Answer, Request};
use crate::turn;
use crate::warning::Answered;

/// A labelled payment, read.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) place: Place,
    /// What deciding reads, with nothing recalled yet.
    pub(super) facts: Facts,
    /// What is seen of them without.
    pub(super) glance: Glance,
    /// When it was asked about.
    pub(super) requested: Time,
    /// The earlier decision that it says it goes on from.
    pub(super) continues: Option<[u8; 16]>,
    pub(super) identity: Identity,
    pub(super) truth: Truth,
    /// What becomes of it where it is allowed, and when.
    pub(super) execution: Execution,
    pub(super) executed: Time,
}

/// Why the service would not have decided about a payment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refused {
    #[error("its request or payment id was used by a record before: each record is one payment")]
    Repeated,
    #[error("more request ids came within a day than are remembered")]
    IdsFull,
}

/// A policy at work.
#[derive(Debug)]
pub(super) struct Bank {
    policy: Arc<Policy>,
    memory: Memory,
    /// Payments that left and are to be reported, the first to happen first.
    reports: BinaryHeap<Reverse<Report>>,
    tally: Tally,
}

/// What is to be reported of a payment. Ordered by time, then by the order of the payments.
#[derive(Clone, Copy, Debug)]
struct Report {
    at: Time,
    record: u64,
    identity: Identity,
    money: Money,
    execution: Execution,
    decision: u64,
}

impl Bank {
    /// Begins with nothing remembered.
    pub(super) fn new(policy: Arc<Policy>) -> Self {
        let (memory, tally) = (Memory::new(), Tally::default());
        Self { policy, memory, reports: BinaryHeap::new(), tally }
    }

    /// Reads ahead what deciding about payments will look up, which is much of what it waits for.
    pub(super) fn warm(&self, payments: &[Payment]) {
        let identities: Vec<_> = payments.iter().map(|payment| &payment.identity).collect();
        self.memory.warm(&identities);
    }

    /// Returns what was counted.
    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Returns how many payers are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.memory.payers()
    }

    /// Decides about a payment, remembers it and counts it. Returns what became of it.
    pub(super) fn pay(&mut self, payment: &mut Payment) -> Result<Outcome, Refused> {
        let Payment { facts, requested, continues, identity, .. } = payment;
        let now = self.memory.time().max(*requested);
        self.report(now);
        match self.memory.known(identity, *requested, now) {
            Known::New => {}
            Known::Full => return Err(Refused::IdsFull),
            Known::Answered(_) | Known::Reused | Known::TooOld => return Err(Refused::Repeated),
        }
        let stated = (&mut *facts.transfer, &mut facts.answers);
        let recalled = self.memory.recall(identity, stated, now);
        if recalled.last.is_some() {
            return Err(Refused::Repeated);
        }
        turn::continues(*continues, &mut facts.rejected, recalled.last);
        (facts.recall, facts.inherited) = (recalled.recall, recalled.inherited);
        facts.decided = now;
        let outcome = self.decide(payment);
        // What was recalled is given back here, where it was taken; the rest is the reader's.
        drop(std::mem::take(&mut payment.facts.recall));
        Ok(outcome)
    }

    /// Decides about a payment of which everything is known.
    fn decide(&mut self, payment: &Payment) -> Outcome {
        let Payment { place, facts, glance, identity, truth, .. } = payment;
        // Not made, because a payment of its case before it was held: looked at, and not remembered.
        let made = match truth {
            Truth::Honest(_) => true,
            Truth::Scam(scam) => !self.tally.is_stopped(place.file, scam.case),
        };
        let decision = decide_glanced(facts, &self.policy, glance);
        let mut seen = Seen {
            outcome: Outcome::of(&decision),
            asked: false,
            margins: margins(facts, &decision, &self.policy),
        };
        let money = facts.transfer.money;
        let counted = (truth, money.amount.hundredths());
        if !made {
            // What it would have come to is what its margins say.
            if 0 <= seen.margins.hold {
                seen.outcome = Outcome::Held;
            }
            self.tally.count(*place, counted, &decision, seen);
            return seen.outcome;
        }
        let mut position = self.memory.position();
        if seen.outcome == Outcome::Asked {
            seen.asked = true;
            self.asked(identity, facts, &decision);
            position = self.memory.position();
            // What a no releases was asked about all the same.
            seen.outcome = self.denied(identity, facts, &decision).max(Outcome::Asked);
        } else {
            self.decided(identity, facts, &decision);
        }
        self.tally.count(*place, counted, &decision, seen);
        if seen.outcome != Outcome::Held {
            self.reports.push(Reverse(Report {
                at: payment.executed.max(facts.decided),
                record: place.record,
                identity: *identity,
                money,
                execution: payment.execution,
                decision: position,
            }));
        }
        seen.outcome
    }

    /// Comes back with a no to every question that was asked, as the channel would: the same payment at the
    /// same moment. Returns what becomes of it then.
    fn denied(&mut self, identity: &Identity, facts: &Facts, first: &Decision) -> Outcome {
        let now = facts.decided;
        let mut identity = *identity;
        // Another question needs another id.
        identity.request.iter_mut().for_each(|byte| *byte = !*byte);
        let mut request = Request {
            id: identity.request,
            payment_id: "".into(),
            requested: now,
            stage: facts.stage,
            can_ask: facts.can_ask,
            continues: None,
            transfer: facts.transfer.clone(),
            answers: self.noes(facts, first),
            rejected: facts.rejected.clone(),
        };
        let recalled = self.memory.recall(&identity, request.stated(), now);
        let facts = turn::facts(request, facts.mentions.clone(), recalled, now);
        let decision = decide(&facts, &self.policy);
        self.decided(&identity, &facts, &decision);
        Outcome::of(&decision)
    }

    /// Returns an answer to every question of a decision's warning, none of which admits anything.
    fn noes(&self, facts: &Facts, decision: &Decision) -> Vec<Answer> {
        let warnings = self.policy.warnings();
        let Some(words) = decision.words(facts, &self.policy) else { return Vec::new() };
        let no = |question: &crate::warning::Question| {
            let answers = question.options.iter().map(|option| Answer {
                question: question.id.clone(),
                option: Some(option.id.clone()),
                text: None,
                answered: None,
            });
            answers.into_iter().find(|answer| {
                warnings.answered(&words.id, std::slice::from_ref(answer)) != Answered::Admission
            })
        };
        words.questions.iter().filter_map(no).collect()
    }

    /// Remembers a decision.
    fn decided(&mut self, identity: &Identity, facts: &Facts, decision: &Decision) {
        let told = Told::of(identity, self.memory.slot(identity.customer), facts, decision);
        self.memory.apply_unwritten(&Unwritten::Decided(told));
    }

    /// Remembers a decision about a payment that will be looked at again, which inherits what was stated.
    fn asked(&mut self, identity: &Identity, facts: &Facts, decision: &Decision) {
        let (facts, decision) = (facts.clone(), decision.clone());
        let (time, slot) = (facts.decided, self.memory.slot(identity.customer));
        let public = DecidedPublic::of(*identity, &facts, &decision, self.policy.digest());
        let personal = DecidedPersonal { payment_id: "".into(), facts, decision, words: None };
        let decided = Decided { time, slot, public, personal: Some(personal) };
        self.memory.apply(&Entry::Decided(Box::new(decided)), time);
    }

    /// Reports what became of payments until `now`.
    fn report(&mut self, now: Time) {
        while let Some(Reverse(next)) = self.reports.peek().filter(|next| next.0.at <= now) {
            let report = *next;
            self.reports.pop();
            let time = self.memory.time().max(report.at);
            let slot = self.memory.slot(report.identity.customer);
            let public = ExecutedPublic {
                payment: report.identity.payment,
                customer: report.identity.customer,
                payee: report.identity.payee,
                execution: report.execution,
                unscreened: None,
                decision: Some(report.decision),
                caller: None,
            };
            let personal = ExecutedPersonal {
                payment_id: "".into(),
                money: report.money,
                executed: report.at,
                reason: None,
            };
            let executed = Executed { time, slot, public, personal: Some(personal) };
            self.memory.apply_unwritten(&Unwritten::Executed(&executed));
        }
    }
}

impl Ord for Report {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.record).cmp(&(other.at, other.record))
    }
}

impl PartialOrd for Report {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Report {}

impl PartialEq for Report {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
