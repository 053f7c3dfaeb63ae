//! Query: reads the messages that screen nothing: which decision, which list, what became of a
//! payment.
//!
//! Here every fault refuses the message: a list under a condition that was dropped would be another
//! list than the one asked for.

use crate::account::Account;
use crate::calendar::Time;
use crate::decision::Action;
use crate::entry::{Execution, UnscreenedReason};
use crate::grpc::pb;
use crate::grpc::read::faults::{self, Faults, Place};
use crate::grpc::read::form::Form;
use crate::grpc::read::{FieldProblem, transfer};
use crate::transfer::{Rejected, Transfer};

/// Which decision is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// The one with this UUID in its name.
    Decision([u8; 16]),
    /// The one that answered this request.
    Request([u8; 16]),
    /// The newest about this payment.
    Payment(Box<str>),
    /// The newest with this `EndToEndId`.
    EndToEnd(Box<str>),
    /// The newest with this `InstrId`.
    Instruction(Box<str>),
}

/// Which decisions a list holds, and which page of it is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// Most decisions on the page, 1 to [`PAGE_MAX`].
    pub size: usize,
    /// The token as it came; empty for the first page.
    pub token: String,
    /// From when, inclusive.
    pub from: Option<Time>,
    /// Until when, exclusive.
    pub until: Option<Time>,
    /// With which action.
    pub action: Option<Action>,
    /// From which account.
    pub payer: Option<Account>,
    /// To which account.
    pub payee: Option<Account>,
    /// Led by which typology.
    pub typology: Option<Box<str>>,
}

/// What became of a payment, as the bank reports it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// The bank's id of the payment.
    pub payment_id: Box<str>,
    /// The last decision about it, as the UUID of its name.
    pub decision: Option<[u8; 16]>,
    /// What became of it.
    pub execution: Execution,
    /// When that happened.
    pub executed: Time,
    /// The scheme's or bank's code.
    pub reason: Option<Box<str>>,
    /// Why it left without a decision.
    pub unscreened: Option<UnscreenedReason>,
    /// The transfer, where it left without a decision.
    pub transfer: Option<Transfer>,
    /// What was stated in a form that could not be read.
    pub rejected: Vec<Rejected>,
}

/// Reads which decision is wanted.
pub fn wanted(message: pb::GetDecisionRequest) -> Result<Wanted, Vec<FieldProblem>> {
    use pb::get_decision_request::Id;
    let mut faults = Faults::new(Time::MIN);
    let top = Place::TOP;
    let wanted = match message.id {
        None => faults.refuse(top, "id", "one of the ids"),
        Some(Id::Decision(name)) => faults.decision(top, "decision", &name).map(Wanted::Decision),
        Some(Id::RequestId(id)) => faults.uuid(top, "request_id", &id).map(Wanted::Request),
        Some(Id::PaymentId(id)) => faults.key(top, "payment_id", id).map(Wanted::Payment),
        Some(Id::EndToEndId(id)) => {
            faults.code(top, "end_to_end_id", Some(id), Form::Printable35).map(Wanted::EndToEnd)
        }
        Some(Id::InstructionId(id)) => {
            faults.code(top, "instruction_id", Some(id), Form::Printable35).map(Wanted::Instruction)
        }
    };
    wanted.ok_or_else(|| faults.all())
}

/// Reads which page of which list is wanted.
pub fn page(message: pb::ListDecisionsRequest) -> Result<Page, Vec<FieldProblem>> {
    let mut faults = Faults::new(Time::MIN);
    let top = Place::TOP;
    let size = match usize::try_from(message.page_size) {
        Ok(0) => PAGE_DEFAULT,
        Ok(size) => size.min(PAGE_MAX),
        Err(_) => faults.refuse(top, "page_size", "0 to 1,000").unwrap_or(0),
    };
    let mut bound = |field: &str, stamp: Option<prost_types::Timestamp>| {
        let time = faults::time(stamp?);
        time.or_else(|| faults.refuse(top, field, "a time"))
    };
    let from = bound("start_time", message.start_time);
    let until = bound("end_time", message.end_time);
    let action = faults.choice(top, "action", message.action, |message| match message {
        pb::Action::Unspecified => None,
        pb::Action::Allow => Some(Action::Allow),
        pb::Action::Hold => Some(Action::Hold),
    });
    let mut account = |field, message: Option<pb::Account>| {
        transfer::account(&mut faults, Place::of(field), Some(&message?))
    };
    let from_account = account("payer_account", message.payer_account);
    let to_account = account("payee_account", message.payee_account);
    let typology = faults.name(top, "typology_id", message.typology_id);
    if TOKEN_BYTES_MAX < message.page_token.len() {
        faults.refuse::<()>(top, "page_token", "a token of this list");
    }
    let problems = faults.all();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Page {
        size,
        token: message.page_token,
        from,
        until,
        action,
        payer: from_account,
        payee: to_account,
        typology,
    })
}

/// Reads at `now` what became of a payment.
pub fn report(message: pb::ReportExecutionRequest, now: Time) -> Result<Report, Vec<FieldProblem>> {
    let mut faults = Faults::new(now);
    let top = Place::TOP;
    let payment_id = faults.key(top, "payment_id", message.payment_id);
    let decision = match message.decision {
        None => Some(None),
        Some(name) => faults.decision(top, "decision", &name).map(Some),
    };
    let execution = execution(&mut faults, message.execution);
    let executed = faults.happened(top, "execute_time", message.execute_time);
    let reason = faults.code(top, "reason_code", message.reason_code, Form::Printable35);
    let mut unscreened =
        faults.choice(top, "unscreened_reason", message.unscreened_reason, unscreened_reason);
    let alone = execution == Some(Execution::SentUnscreened);
    if unscreened.is_some() && !alone {
        let with = "no reason but with `EXECUTION_SENT_UNSCREENED`";
        unscreened = faults.drop(top, "unscreened_reason", with);
    }
    let transfer = match message.transfer {
        Some(message) if alone => transfer::transfer(&mut faults, Some(message)),
        _ => None,
    };
    let (rejected, problems) = faults.end();
    match (payment_id, decision, execution, executed) {
        (Some(payment_id), Some(decision), Some(execution), Some(executed))
            if problems.is_empty() =>
        {
            Ok(Report {
                payment_id,
                decision,
                execution,
                executed,
                reason,
                unscreened,
                transfer,
                rejected,
            })
        }
        _ => Err(problems),
    }
}

fn execution(faults: &mut Faults, number: i32) -> Option<Execution> {
    use pb::report_execution_request::Execution as Message;
    match Message::try_from(number) {
        Ok(Message::Sent) => Some(Execution::Sent),
        Ok(Message::Rejected) => Some(Execution::Rejected),
        Ok(Message::Cancelled) => Some(Execution::Cancelled),
        Ok(Message::Returned) => Some(Execution::Returned),
        Ok(Message::SentUnscreened) => Some(Execution::SentUnscreened),
        Ok(Message::Unspecified) | Err(_) => {
            faults.refuse(Place::TOP, "execution", "a known execution")
        }
    }
}

const fn unscreened_reason(
    message: pb::report_execution_request::UnscreenedReason,
) -> Option<UnscreenedReason> {
    use pb::report_execution_request::UnscreenedReason as Message;
    match message {
        Message::Unspecified => None,
        Message::NoAnswer => Some(UnscreenedReason::NoAnswer),
        Message::Unreachable => Some(UnscreenedReason::Unreachable),
        Message::Error => Some(UnscreenedReason::Error),
        Message::Exempt => Some(UnscreenedReason::Exempt),
        Message::Overridden => Some(UnscreenedReason::Overridden),
    }
}

/// Most decisions on one page: 1,000 summaries of 250 bytes are well below the 4 MiB that clients
/// take by default.
pub const PAGE_MAX: usize = 1_000;
/// A page that fills a screen or two.
const PAGE_DEFAULT: usize = 100;
/// Our tokens have fewer than 128 characters.
const TOKEN_BYTES_MAX: usize = 256;
