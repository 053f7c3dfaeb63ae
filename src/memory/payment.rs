//! Payment: what is remembered of one payment, for later looks at it and for what is reported of it.

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::decision::HoldKind;
use crate::entry::{Executed, Execution};
use crate::history::past::Sent;
use crate::memory::Told;
use crate::memory::stated::Stated;
use crate::money::Money;
use crate::tagged::record;
use crate::transfer::{Inherited, Stage, Transfer};

/// A payment that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Payment {
    /// Position of the last decision; absent where it was only reported.
    pub(super) decision: Option<u64>,
    pub(super) stage: Stage,
    pub(super) decided: Time,
    pub(super) looks: u32,
    /// Whether the last decision held it for a person.
    pub(super) held: bool,
    /// Whether the last decision waits for answers.
    pub(super) asked: bool,
    pub(super) slot: u32,
    pub(super) customer: Token,
    pub(super) payee: Token,
    pub(super) money: Option<Money>,
    /// What the last look stated or inherited; bytes, because few are ever needed again.
    pub(super) stated: Option<Box<[u8]>>,
    /// What was reported of it, and the report's position.
    pub(super) execution: Option<Execution>,
    pub(super) reported: Option<u64>,
    /// Whether it is in the payer's history.
    pub(super) counted: bool,
    /// How long before it was confirmed the payee was added, and how long the session had lasted.
    pub(super) added: Option<Span>,
    pub(super) session: Option<Span>,
}

record!(Payment {
    1 decision, 2 stage, 3 decided, 4 looks, 5 asked, 6 slot, 7 customer, 8 payee, 9 money,
    10 stated, 11 execution, 12 reported, 13 counted, 14 added, 15 session, 16 held,
});

impl Payment {
    pub(super) fn new(told: &Told<'_>) -> Self {
        Self {
            decision: None,
            stage: told.stage,
            decided: told.time,
            looks: 0,
            held: false,
            asked: false,
            slot: told.slot,
            customer: told.identity.customer,
            payee: told.identity.payee,
            money: None,
            stated: None,
            execution: None,
            reported: None,
            counted: false,
            added: None,
            session: None,
        }
    }

    pub(super) fn reported(executed: &Executed) -> Self {
        Self {
            decision: executed.public.decision,
            stage: Stage::AtSubmission,
            decided: executed.time,
            looks: 0,
            held: false,
            asked: false,
            slot: executed.slot,
            customer: executed.public.customer,
            payee: executed.public.payee,
            money: executed.personal.as_ref().map(|personal| personal.money),
            stated: None,
            execution: None,
            reported: None,
            counted: false,
            added: None,
            session: None,
        }
    }

    /// Takes one more look at it, decided at `position`; `stated` is what the look stated.
    pub(super) fn look(&mut self, position: u64, told: &Told<'_>, stated: Option<Box<[u8]>>) {
        self.decision = Some(position);
        self.stage = told.stage;
        self.decided = told.time;
        self.looks = self.looks.saturating_add(1);
        self.held = told.hold == Some(HoldKind::PendingReview);
        self.asked = told.hold == Some(HoldKind::PendingAnswers);
        self.slot = told.slot;
        self.customer = told.identity.customer;
        self.payee = told.identity.payee;
        self.stated = stated;
        let transfer = told.personal.map(|(facts, _)| &facts.transfer);
        self.money = transfer.map(|transfer| transfer.money);
        let before = |at: fn(&Transfer) -> Option<Time>| {
            let at = |transfer: &Transfer| Some(transfer.confirmed.since(at(transfer)?));
            transfer.and_then(|transfer| at(transfer)).filter(|span| Span(0) <= *span)
        };
        self.added = before(|transfer| transfer.payee.added);
        self.session = before(|transfer| transfer.session.started);
    }

    /// Returns what counts as sent now that it left; `None` where it was counted before.
    pub(super) fn send(&mut self, at: Time, money: Money) -> Option<Sent> {
        if std::mem::replace(&mut self.counted, true) {
            return None;
        }
        Some(Sent { payee: self.payee, at, money, added: self.added, session: self.session })
    }

    /// Lets `transfer` inherit what was stated; a fact that was itself inherited keeps its source.
    pub(super) fn inherit(&self, stated: &Stated, transfer: &mut Transfer) -> Vec<Inherited> {
        let mut inherited = Vec::new();
        transfer.inherit(&stated.transfer, |fact| {
            let source = stated.inherited.iter().find(|source| source.fact == fact);
            let own = Inherited { fact, stage: self.stage, stated: self.decided };
            inherited.push(source.copied().unwrap_or(own));
        });
        inherited
    }
}
