//! Bank: one policy at work on labelled payments, with what it remembers, as the service would be.
//!
//! Each payment is recalled, decided and remembered by the very functions that the turn uses, in the order
//! of the file, at the time the payment was asked about. What then becomes of it is reported at its time.
//! Nothing is written, so nothing is encoded, sealed or hashed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::calendar::Time;
use crate::decision::{Decision, decide};
use crate::entry::{
    Decided, DecidedPersonal, DecidedPublic, Entry, Executed, ExecutedPersonal, ExecutedPublic,
    Execution, Identity, KIND_DECIDED, KIND_EXECUTED, Parts,
};
use crate::evaluation::{Outcome, Place, Seen, Tally, Truth, margins};
use crate::memory::{Known, Memory};
use crate::money::Money;
use crate::policy::Policy;
use crate::signal::Facts;
use crate::text::Mention;
use crate::transfer::{Answer, Request};
use crate::turn;
use crate::warning::Answered;

/// A labelled payment, read.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) place: Place,
    pub(super) request: Request,
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
    /// Entries that were remembered.
    spent: Vec<Entry>,
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
        Self { policy, memory, reports: BinaryHeap::new(), tally, spent: Vec::new() }
    }

    /// Reads ahead what deciding about payments will look up, which is much of what it waits for.
    pub(super) fn warm<'p>(&self, payments: impl Iterator<Item = &'p Payment>) {
        let identities: Vec<&Identity> = payments.map(|payment| &payment.identity).collect();
        self.memory.warm(&identities);
    }

    /// Returns the entries remembered since the last time, which nobody needs any more.
    pub(super) fn spent(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.spent)
    }

    /// Frees the entries remembered since the last time.
    pub(super) fn forget_spent(&mut self) {
        self.spent.clear();
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
    pub(super) fn pay(
        &mut self,
        payment: Payment,
        mentions: Vec<Mention>,
    ) -> Result<Outcome, Refused> {
        let Payment { place, mut request, identity, truth, execution, executed } = payment;
        let now = self.memory.time().max(request.requested);
        self.report(now);
        match self.memory.known(&identity, request.requested, now) {
            Known::New => {}
            Known::Full => return Err(Refused::IdsFull),
            Known::Answered(_) | Known::Reused | Known::TooOld => return Err(Refused::Repeated),
        }
        let recalled = self.memory.recall(&identity, &mut request, now);
        if recalled.last.is_some() {
            return Err(Refused::Repeated);
        }
        // Not made, because a payment of its case before it was held: looked at, and not remembered.
        let made = match &truth {
            Truth::Honest(_) => true,
            Truth::Scam(scam) => !self.tally.is_stopped(place.file, scam.case),
        };
        turn::continues(&mut request, &recalled);
        let facts = turn::facts(request, mentions, recalled, now);
        let decision = decide(&facts, &self.policy);
        let mut seen = Seen {
            outcome: Outcome::of(&decision),
            asked: false,
            margins: margins(&facts, &decision, &self.policy),
        };
        let money = facts.transfer.money;
        let counted = (truth, money.amount.hundredths());
        if !made {
            // What it would have come to is what its margins say.
            if 0 <= seen.margins.hold {
                seen.outcome = Outcome::Held;
            }
            self.tally.count(place, counted, &decision, seen);
            return Ok(seen.outcome);
        }
        let mut position = self.memory.position();
        if seen.outcome == Outcome::Asked {
            seen.asked = true;
            let (again, first) = (facts.clone(), decision.clone());
            self.decided(identity, facts, decision, true);
            position = self.memory.position();
            // What a no releases was asked about all the same.
            seen.outcome = self.denied(identity, again, &first, now).max(Outcome::Asked);
            self.tally.count(place, counted, &first, seen);
        } else {
            self.tally.count(place, counted, &decision, seen);
            self.decided(identity, facts, decision, false);
        }
        if seen.outcome != Outcome::Held {
            let (at, record, decision) = (executed.max(now), place.record, position);
            self.reports.push(Reverse(Report { at, record, identity, money, execution, decision }));
        }
        Ok(seen.outcome)
    }

    /// Comes back with a no to every question that was asked, as the channel would: the same payment at the
    /// same moment. Returns what becomes of it then.
    fn denied(&mut self, identity: Identity, facts: Facts, first: &Decision, now: Time) -> Outcome {
        let answers = self.noes(&facts, first);
        let mut identity = identity;
        // Another question needs another id.
        identity.request.iter_mut().for_each(|byte| *byte = !*byte);
        let Facts { transfer, stage, can_ask, mentions, rejected, .. } = facts;
        let mut request = Request {
            id: identity.request,
            payment_id: "".into(),
            requested: now,
            stage,
            can_ask,
            continues: None,
            transfer,
            answers,
            rejected,
        };
        let recalled = self.memory.recall(&identity, &mut request, now);
        let facts = turn::facts(request, mentions, recalled, now);
        let decision = decide(&facts, &self.policy);
        let outcome = Outcome::of(&decision);
        self.decided(identity, facts, decision, false);
        outcome
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

    /// Remembers a decision; `again` where the payment will be looked at again, which inherits what was stated.
    fn decided(&mut self, identity: Identity, facts: Facts, decision: Decision, again: bool) {
        let public = DecidedPublic::of(identity, &facts, &decision, self.policy.digest());
        let (time, slot) = (facts.decided, self.memory.slot(identity.customer));
        let personal = DecidedPersonal { payment_id: "".into(), facts, decision, words: None };
        let entry =
            Entry::Decided(Box::new(Decided { time, slot, public, personal: Some(personal) }));
        if again {
            self.memory.apply(&entry, time);
        } else {
            self.memory.apply_written(&entry, &unwritten(KIND_DECIDED, time, slot));
        }
        self.spent.push(entry);
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
            let entry = Entry::Executed(Box::new(Executed {
                time,
                slot,
                public,
                personal: Some(personal),
            }));
            self.memory.apply_written(&entry, &unwritten(KIND_EXECUTED, time, slot));
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

/// Returns what the fold reads of an entry that is not written.
fn unwritten(kind: u8, time: Time, slot: u32) -> Parts {
    Parts { kind, time, slot, public: Vec::new(), personal: None }
}
