//! Payee: reads who would be paid, and what others say of the account.

use crate::grpc::pb;
use crate::grpc::read::faults::{Faults, Place, TEXT_CHARS_MAX};
use crate::grpc::read::form::Form;
use crate::grpc::read::transfer;
use crate::transfer::{MARKS_MAX, Marker, Payee, PayeeKind, ProviderKind, Reputation, Score};

/// Reads the payee of a transfer.
pub(crate) fn payee(faults: &mut Faults, message: Option<pb::Payee>) -> Option<Payee> {
    let Some(message) = message else {
        return faults.refuse(PAYEE, "", "a payee");
    };
    let place = Place::of("transfer.payee.account");
    let account = transfer::account(faults, place, message.account.as_ref());
    let mut payee = Payee {
        account: account.clone()?,
        name: faults.text(PAYEE, "name", message.name, TEXT_CHARS_MAX),
        declared: faults.choice(PAYEE, "declared_kind", message.declared_kind, declared),
        provider: faults.choice(PAYEE, "provider_kind", message.provider_kind, provider),
        own: message.own_account,
        added: faults.past(PAYEE, "add_time", message.add_time),
        first_paid: faults.past(PAYEE, "first_pay_time", message.first_pay_time),
        times_paid: faults.count(PAYEE, "times_paid", message.times_paid, TIMES_MAX),
        total_paid: faults.money(PAYEE, "total_paid", message.total_paid.as_ref()),
        reputation: message.reputation.and_then(|message| reputation(faults, message)),
    };
    agree(faults, &mut payee);
    Some(payee)
}

/// Drops what the ledger cannot all have said.
fn agree(faults: &mut Faults, payee: &mut Payee) {
    let never = payee.times_paid == Some(0);
    let sum = payee.total_paid.is_some_and(|total| !total.amount.is_zero());
    if never && (sum || payee.first_paid.is_some()) {
        faults.drop::<()>(PAYEE, "times_paid", LEDGER);
        payee.times_paid = None;
        if payee.first_paid.take().is_some() {
            faults.drop::<()>(PAYEE, "first_pay_time", LEDGER);
        }
        if sum {
            faults.drop::<()>(PAYEE, "total_paid", LEDGER);
            payee.total_paid = None;
        }
    }
}

fn reputation(faults: &mut Faults, message: pb::Reputation) -> Option<Reputation> {
    let silent = message.markers.is_empty() && message.scores.is_empty();
    let each = |faults: &mut Faults, place, message: pb::Marker| {
        let code = faults.code(place, "code", Some(message.code), Form::Printable35);
        let provider = faults.code(place, "provider", Some(message.provider), Form::Printable35);
        let marked = faults.past(place, "mark_time", message.mark_time);
        Some(Marker { code: code?, provider: provider?, marked })
    };
    let list = "transfer.payee.reputation.markers";
    let markers = faults.list(list, message.markers, MARKS_MAX, each);
    let scores = scores(faults, "transfer.payee.reputation.scores", message.scores);
    // Marks that could not be read are not the same as none.
    let any = !markers.is_empty() || !scores.is_empty();
    (silent || any).then_some(Reputation { markers, scores })
}

/// Reads the scores at the path `list`.
pub(crate) fn scores(
    faults: &mut Faults,
    list: &'static str,
    messages: Vec<pb::Score>,
) -> Vec<Score> {
    faults.list(list, messages, MARKS_MAX, |faults, place, message| {
        let value = faults.code(place, "value", Some(message.value), Form::Score);
        let provider = faults.code(place, "provider", Some(message.provider), Form::Printable35);
        let model = faults.code(place, "model", Some(message.model), Form::Printable35);
        let version = faults.code(place, "version", Some(message.version), Form::Printable35);
        let band = faults.code(place, "band", message.band, Form::Printable35);
        Some(Score { value: value?, provider: provider?, model: model?, version: version?, band })
    })
}

const fn declared(message: pb::payee::Kind) -> Option<PayeeKind> {
    use pb::payee::Kind as Message;
    match message {
        Message::Unspecified => None,
        Message::Person => Some(PayeeKind::Person),
        Message::Business => Some(PayeeKind::Business),
    }
}

const fn provider(message: pb::payee::ProviderKind) -> Option<ProviderKind> {
    use pb::payee::ProviderKind as Message;
    match message {
        Message::Unspecified => None,
        Message::Bank => Some(ProviderKind::Bank),
        Message::EMoney => Some(ProviderKind::EMoney),
        Message::Crypto => Some(ProviderKind::Crypto),
    }
}

const PAYEE: Place = Place::of("transfer.payee");
const LEDGER: &str = "no contradiction between times_paid, first_pay_time and total_paid";

/// More payments from one payer to one payee than a lifetime of daily ones.
const TIMES_MAX: u32 = 1_000_000;
