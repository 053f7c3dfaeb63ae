//! Past: how the log changes what is remembered of payers and of accounts, and what is recalled of
//! it.
//!
//! What was sent counts as paid, once, whatever is reported of it later. Where the bank does not
//! report, a submission that was allowed counts as sent an hour after its decision. Attempts count as
//! attempts, stopped or not.

use std::sync::Arc;

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::decision::{Action, Decision, HoldKind};
use crate::entry::{ExecutedPublic, Execution, Identity};
use crate::history::drawn::Drawn;
use crate::history::pairs::time_of;
use crate::history::past::{Order, Sent};
use crate::history::recent::{This, Tried};
use crate::history::{HORIZON, Recall};
use crate::memory::due::Due;
use crate::memory::{Memory, Payer, Told};
use crate::money::Money;
use crate::signal::Facts;
use crate::transfer::{Fact, Stage, Transfer};

impl Memory {
    /// Recalls all but the earlier look at the payment.
    pub(super) fn past(&self, identity: &Identity, transfer: &Transfer, now: Time) -> Recall {
        let since = now.minus(HORIZON);
        let payer = self.payers.get(&identity.customer.0);
        let payer = payer.filter(|payer| since <= time_of(payer.seen));
        let past = payer.and_then(|payer| payer.past.as_deref());
        let (client_account, biller) = self.listings(identity.payee);
        let this = This {
            payment: identity.payment,
            end_to_end: identity.end_to_end,
            payee: identity.payee,
            money: transfer.money,
        };
        let recent = payer.and_then(|payer| payer.recent.as_deref());
        let attempts = recent.map(|recent| recent.others(&this, now)).unwrap_or_default();
        let order = order(identity, transfer);
        let mut new: Vec<u8> =
            attempts.iter().filter(|one| one.new && one.payee != 0).map(|one| one.payee).collect();
        new.sort_unstable();
        new.dedup();
        Recall {
            payer_first: payer.map(|payer| time_of(payer.first)),
            pair: past.and_then(|past| past.pairs.get(identity.payee, since)),
            earlier: None,
            client_account,
            biller,
            usual: past.and_then(|past| past.usual(now)),
            // Reckoned only where it is asked about: it looks at every payee.
            most_new_payees: payer
                .filter(|_| 2 <= new.len())
                .map(|_| past.map_or(0, |past| past.pairs.most_new_a_day(since, now))),
            attempts,
            stop: past.and_then(|past| past.stop_before(&order, now)),
            inflow: self
                .drawn
                .get(&identity.payee.0)
                .and_then(|drawn| drawn.inflow(identity.customer, now)),
            gathered: recent.and_then(|recent| recent.gathered(identity.payer, now)),
            cleared: payer.and_then(|payer| payer.cleared.as_ref()?.get(identity.payee)),
        }
    }

    /// Remembers that a payment was looked at: one attempt, however often.
    pub(super) fn attempted(&mut self, told: &Told<'_>, reported: bool) {
        let (identity, time) = (told.identity, told.time);
        let Some(payer) = self.see(identity.customer, told.slot, time) else { return };
        let Some(personal) = told.personal else { return };
        payer.attempted(told, personal);
        let (facts, _) = personal;
        let transfer = &*facts.transfer;
        let allowed = told.action == Action::Allow;
        let held = told.hold == Some(HoldKind::PendingReview);
        let reputation = transfer.payee.reputation.as_ref();
        let marked = reputation.is_some_and(|reputation| !reputation.markers.is_empty());
        if (held || marked)
            && let Some(drawn) = self.drawn.entry(identity.payee.0, || Arc::new(Drawn::begin(time)))
        {
            let drawn = Arc::make_mut(drawn);
            if held {
                drawn.hold(identity.customer, time);
            }
            if marked {
                drawn.mark(time);
            }
        }
        let submitted = matches!(told.stage, Stage::AtSubmission | Stage::Rescreen);
        if allowed && submitted && !reported && !self.is_reporting() {
            let decision = self.head.position;
            self.due.push(Due { decided: time, payment: identity.payment, decision });
        }
    }

    /// Counts a payment of a payer as sent.
    pub(super) fn send(&mut self, customer: Token, payment: Token, sent: Sent) {
        // What is said to have happened later than it was told happened when it was told.
        let sent = Sent { at: sent.at.min(self.head.time), ..sent };
        let (paid, at) = (sent.payee, sent.at);
        let Some(payer) = self.payers.get_mut(&customer.0) else { return };
        let begun = Arc::make_mut(payer.past.get_or_insert_default()).send(&sent);
        if let Some(recent) = &mut payer.recent {
            Arc::make_mut(recent).left(payment);
        }
        if begun && let Some(drawn) = self.drawn.entry(paid.0, || Arc::new(Drawn::begin(at))) {
            Arc::make_mut(drawn).paid(customer, at);
        }
    }

    /// Remembers that a payment which was `held` was sent all the same, because a person let it go. Where
    /// money came back from the payee, however late, nothing that was let go speaks for it any more.
    pub(super) fn clear(&mut self, public: &ExecutedPublic, held: bool, sent: Time, money: Money) {
        match public.execution {
            Execution::Sent if held => {
                let Some(payer) = self.payers.get_mut(&public.customer.0) else { return };
                let cleared = Arc::make_mut(payer.cleared.get_or_insert_default());
                cleared.add(public.payee, sent.min(self.head.time), money);
            }
            Execution::Returned => {
                let payer = self.payers.get_mut(&public.customer.0);
                if let Some(cleared) = payer.and_then(|payer| payer.cleared.as_mut()) {
                    Arc::make_mut(cleared).remove(public.payee);
                }
            }
            Execution::Sent
            | Execution::SentUnscreened
            | Execution::Rejected
            | Execution::Cancelled => {}
        }
    }

    /// Counts as sent what was allowed an hour ago and never reported, where the bank does not report.
    pub(super) fn settle(&mut self) {
        let until = self.head.time.minus(UNREPORTED_AGE);
        let most = usize::try_from(self.head.parameters.payments_max).unwrap_or(usize::MAX);
        while let Some(due) = self.due.pop(until, most) {
            let row = self.payments.get(&due.payment.0);
            // Looked at again, reported, or not allowed in the end: then it is not this look's.
            let stands = row.filter(|row| {
                row.decision == Some(due.decision) && row.execution.is_none() && !row.counted
            });
            if let Some(money) = stands.and_then(|row| row.money)
                && !self.is_reporting()
                && let Some(row) = self.payments.entry_of(&due.payment.0)
                && let Some(sent) = row.send(due.decided, money)
            {
                let customer = row.customer;
                self.send(customer, due.payment, sent);
            }
        }
    }

    /// Tells whether the bank reports what becomes of payments.
    fn is_reporting(&self) -> bool {
        self.head.reported.is_some_and(|last| self.head.time.since(last) <= REPORTING_AGE)
    }
}

impl Payer {
    /// Remembers that the payer tried a payment, and what came of it.
    fn attempted(&mut self, told: &Told<'_>, (facts, decision): (&Facts, &Decision)) {
        let (identity, transfer, now) = (told.identity, &*facts.transfer, told.time);
        let allowed = told.action == Action::Allow;
        let past = self.past.as_ref();
        let pair = past.and_then(|past| past.pairs.get(identity.payee, now.minus(HORIZON)));
        let recent = Arc::make_mut(self.recent.get_or_insert_default());
        recent.attempt(&Tried {
            at: now,
            payment: identity.payment,
            end_to_end: identity.end_to_end,
            payee: identity.payee,
            money: transfer.money,
            new: pair.is_none() && transfer.payee.own != Some(true),
            allowed,
        });
        let inherited = facts.inherited.iter().any(|fact| fact.fact == Fact::Gathered);
        if let Some(gathered) = transfer.gathered.as_ref().filter(|_| !inherited) {
            recent.arrive(&gathered.arrivals, now);
        }

        let (warned, answered) = (decision.warning.is_some(), !facts.answers.is_empty());
        let was_stopped = self.past.as_ref().is_some_and(|past| past.is_stopped(identity.payment));
        if allowed && !warned && !answered && !was_stopped {
            return;
        }
        let past = Arc::make_mut(self.past.get_or_insert_default());
        if !allowed {
            past.stop(now, &order(identity, transfer));
        } else if was_stopped {
            past.let_go();
        }
        if warned {
            past.warn(now);
        }
        if answered {
            past.answer(now);
        }
    }
}

fn order(identity: &Identity, transfer: &Transfer) -> Order {
    Order {
        payment: identity.payment,
        payee: identity.payee,
        money: Some(transfer.money),
        channel: transfer.channel,
    }
}

/// How long after its decision a submission that was allowed counts as sent, where nobody reports:
/// what is submitted leaves nearly always at once, and is looked at again within minutes if at all. A
/// payment that is forgotten before, because there were more than `payments_max`, never counts.
const UNREPORTED_AGE: Span = Span::hours(1);

/// How long a bank that reported once is taken to report: longer than any quiet spell of one that
/// does, our assumption.
const REPORTING_AGE: Span = Span::days(30);
