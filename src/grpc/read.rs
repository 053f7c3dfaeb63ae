//! Read: messages become core types, or every fault in them is named.
//!
//! A message is read once, here; inside, types cannot hold nonsense. Two kinds of faults are told
//! apart. An **identity field** (ids, accounts, amount, currency, times of confirmation and request,
//! stage) that cannot be read refuses the message, and every such field is named at once. Any other
//! faulty **fact** is dropped, listed and decided as missing: a legacy date must not make a payment
//! unscreenable. Facts that contradict each other are dropped together, as nobody can tell which one
//! is wrong.
//!
//! Takes messages by value, so that texts move and are not copied. Never says what was found in a
//! field, only what was expected: values are personal.

#[cfg(test)]
mod dropped;
mod facts;
mod faults;
mod form;
mod iso20022;
#[cfg(test)]
mod merged;
mod list;
mod past;
mod payee;
mod query;
#[cfg(test)]
mod tests;
mod transfer;

pub(crate) use faults::DECISIONS;
pub use iso20022::{Asked, NotAsked, orders};
pub use list::{ListPart, list_part};
pub use past::{PastPart, PastRow, content, past_part};
pub use query::{PAGE_MAX, Page, Report, Wanted, page, report, wanted};

use std::time::Duration;

use crate::calendar::Time;
use crate::grpc::pb;
use crate::grpc::read::faults::{Faults, Place, TEXT_CHARS_MAX};
use crate::transfer::{ANSWERS_MAX, Answer, Rejected, Request, Stage};

/// A field that could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldProblem {
    /// Path in the message, such as `transfer.payer.account.sort_code`.
    pub field: Box<str>,
    /// What was expected, lower case and without a full stop; never what was found.
    pub expected: &'static str,
}

/// Reads a question about one transfer at `now`, or names every identity field at fault.
pub fn request(
    message: pb::ScreenTransferRequest,
    now: Time,
) -> Result<Request, Vec<FieldProblem>> {
    let mut faults = Faults::new(now);
    let top = Place::TOP;
    let id = faults.uuid(top, "request_id", &message.request_id);
    let payment_id = faults.key(top, "payment_id", message.payment_id);
    let stage = stage(&mut faults, message.stage);
    let continues = match message.continues {
        None => Some(None),
        Some(name) => faults.decision(top, "continues", &name).map(Some),
    };
    let requested = match message.request_time {
        None => Some(None),
        Some(stamp) => faults.happened(top, "request_time", Some(stamp)).map(Some),
    };
    let transfer = transfer::transfer(&mut faults, message.transfer);
    let answers = answers(&mut faults, message.answers);

    let (rejected, problems) = faults.end();
    match (id, payment_id, stage, continues, requested, transfer) {
        (
            Some(id),
            Some(payment_id),
            Some(stage),
            Some(continues),
            Some(requested),
            Some(transfer),
        ) if problems.is_empty() => Ok(Request {
            id,
            payment_id,
            requested: requested.unwrap_or(transfer.confirmed),
            stage,
            can_ask: message.can_ask,
            continues,
            transfer: Box::new(transfer),
            answers,
            rejected,
        }),
        _ => Err(problems),
    }
}

/// Reads how long a transfer of a stream may wait, and what is wrong where it cannot be read.
pub fn timeout(message: Option<prost_types::Duration>) -> (Option<Duration>, Option<Rejected>) {
    let Some(message) = message else { return (None, None) };
    match Duration::try_from(message) {
        Ok(timeout) if !timeout.is_zero() => (Some(timeout), None),
        Ok(_) | Err(_) => {
            let expected = "a length of time above zero".into();
            (None, Some(Rejected { field: "timeout".into(), expected }))
        }
    }
}

fn stage(faults: &mut Faults, number: i32) -> Option<Stage> {
    match pb::Stage::try_from(number) {
        Ok(pb::Stage::BeforeConfirmation) => Some(Stage::BeforeConfirmation),
        Ok(pb::Stage::AtSubmission) => Some(Stage::AtSubmission),
        Ok(pb::Stage::Rescreen) => Some(Stage::Rescreen),
        Ok(pb::Stage::Unspecified) | Err(_) => faults.refuse(Place::TOP, "stage", "a known stage"),
    }
}

fn answers(faults: &mut Faults, messages: Vec<pb::Answer>) -> Vec<Answer> {
    faults.list("answers", messages, ANSWERS_MAX, |faults, place, message| {
        let question = faults.name(place, "question_id", Some(message.question_id))?;
        let option = faults.name(place, "choice_id", message.choice_id);
        let text = faults.text(place, "text", message.text, TEXT_CHARS_MAX);
        let answered = faults.past(place, "answer_time", message.answer_time);
        if option.is_none() && text.is_none() {
            return faults.drop(place, "", "a choice or a text");
        }
        Some(Answer { question, option, text, answered })
    })
}
