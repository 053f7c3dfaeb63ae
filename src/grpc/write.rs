//! Write: core types become messages.
//!
//! Everything here is made from an entry of the log and a receipt, and only the log makes receipts:
//! no answer can leave before its record is durable.

use std::sync::Arc;

use uuid::Uuid;

use crate::calendar::Time;
use crate::decision::{Action, ContactRoute, Decision, HoldKind, Step, Weighed};
use crate::entry::{self, Decided, Executed, Execution, UnscreenedReason};
use crate::grpc::pb;
use crate::grpc::read::DECISIONS;
use crate::log::Receipt;
use crate::signal::{self, Mode, Reading};
use crate::transfer::{Inherited, Rejected, Stage};
use crate::warning::Words;

/// Writes what the channel is told of a decision: nothing that would tell a scammer what was seen.
pub fn screened(decided: &Decided, receipt: &Receipt) -> pb::ScreenTransferResponse {
    let public = &decided.public;
    let personal = decided.personal.as_ref();
    let rejected = personal.map(|personal| rejected(&personal.facts.rejected));
    pb::ScreenTransferResponse {
        decision: name(decided, receipt),
        action: action(public.action).into(),
        hold_kind: hold_kind(public.hold).into(),
        warning: personal.and_then(|personal| personal.words.as_deref()).map(warning),
        contact_route: contact_route(decided).into(),
        mode: mode(public.mode).into(),
        policy_digest: digest(&public.policy),
        decide_time: Some(stamp(decided.time)),
        rejected_facts: rejected.unwrap_or_default(),
        receipt: Some(self::receipt(receipt, String::new())),
    }
}

/// Writes all that staff may see of a decision. `scam_type` gives the kind of scam that a typology
/// of the policy that was applied is of.
pub fn decision(
    decided: &Decided,
    receipt: pb::Receipt,
    executions: &[Executed],
    scam_type: impl Fn(&str) -> String,
) -> pb::Decision {
    let public = &decided.public;
    let position = u64::try_from(receipt.index).unwrap_or(u64::MAX);
    let mut message = pb::Decision {
        name: named(decided, position),
        request_id: hyphenated(public.identity.request),
        stage: stage(public.stage).into(),
        action: action(public.action).into(),
        hold_kind: hold_kind(public.hold).into(),
        contact_route: contact_route(decided).into(),
        mode: mode(public.mode).into(),
        policy_digest: digest(&public.policy),
        decide_time: Some(stamp(decided.time)),
        receipt: Some(receipt),
        continues: public.continues.map(decision_name).unwrap_or_default(),
        typologies: leading(public, &scam_type),
        executions: executions.iter().map(execution_report).collect(),
        erased: decided.personal.is_none(),
        ..pb::Decision::default()
    };
    let Some(personal) = &decided.personal else { return message };
    let facts = &personal.facts;
    let id = |id: &Option<Box<str>>| id.as_deref().unwrap_or_default().to_owned();
    message.payment_id = personal.payment_id.to_string();
    message.warning = personal.words.as_deref().map(warning);
    message.rejected_facts = rejected(&facts.rejected);
    message.findings = findings(&personal.decision);
    message.missing_facts = missing(&personal.decision);
    message.typologies = typologies(&personal.decision, scam_type);
    message.inherited_facts = facts.inherited.iter().map(inherited).collect();
    message.end_to_end_id = id(&facts.transfer.end_to_end_id);
    message.instruction_id = id(&facts.transfer.instruction_id);
    message.uetr = facts.transfer.uetr.map(hyphenated).unwrap_or_default();
    message
}

/// Writes what a list says of a decision.
pub fn summary(decided: &Decided, receipt: &Receipt) -> pb::DecisionSummary {
    let public = &decided.public;
    let personal = decided.personal.as_ref();
    let words = personal.and_then(|personal| personal.words.as_deref());
    pb::DecisionSummary {
        name: name(decided, receipt),
        request_id: hyphenated(public.identity.request),
        payment_id: personal.map(|personal| personal.payment_id.to_string()).unwrap_or_default(),
        stage: stage(public.stage).into(),
        action: action(public.action).into(),
        hold_kind: hold_kind(public.hold).into(),
        typology_id: public.typology.as_deref().unwrap_or_default().to_owned(),
        warning_id: words.map(|words| words.id.to_string()).unwrap_or_default(),
        mode: mode(public.mode).into(),
        policy_digest: digest(&public.policy),
        decide_time: Some(stamp(decided.time)),
    }
}

/// Writes that a report was recorded.
pub fn reported(
    executed: &Executed,
    receipt: &Receipt,
    dropped: &[Rejected],
) -> pb::ReportExecutionResponse {
    pb::ReportExecutionResponse {
        receipt: Some(self::receipt(receipt, String::new())),
        record_time: Some(stamp(executed.time)),
        rejected_facts: rejected(dropped),
    }
}

/// Writes where an entry is in the log, with the signed checkpoint that proves it or an empty text.
pub fn receipt(receipt: &Receipt, checkpoint: String) -> pb::Receipt {
    pb::Receipt {
        origin: receipt.origin().as_ref().to_owned(),
        index: i64::try_from(receipt.index()).unwrap_or(i64::MAX),
        leaf_hash: receipt.leaf_hash().to_vec(),
        tree_size: i64::try_from(receipt.tree_size()).unwrap_or(i64::MAX),
        checkpoint,
    }
}

/// Writes the name of a decision.
pub fn name(decided: &Decided, receipt: &Receipt) -> String {
    named(decided, receipt.index())
}

fn named(decided: &Decided, position: u64) -> String {
    decision_name(entry::decision_id(position, decided.public.identity.request))
}

fn decision_name(id: [u8; 16]) -> String {
    let mut name = String::with_capacity(46);
    name.push_str(DECISIONS);
    let mut buffer = Uuid::encode_buffer();
    name.push_str(Uuid::from_bytes(id).hyphenated().encode_lower(&mut buffer));
    name
}

fn hyphenated(id: [u8; 16]) -> String {
    Uuid::from_bytes(id).hyphenated().to_string()
}

/// Writes an instant.
pub fn stamp(time: Time) -> prost_types::Timestamp {
    let (seconds, nanos) = time.parts();
    prost_types::Timestamp { seconds, nanos }
}

fn digest(bytes: &[u8; 32]) -> String {
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    // Sixteen bytes are written as an id without hyphens is.
    for half in bytes.as_chunks().0 {
        let mut buffer = Uuid::encode_buffer();
        text.push_str(Uuid::from_bytes(*half).simple().encode_lower(&mut buffer));
    }
    text
}

/// Returns words as the API gives them.
pub(crate) fn warning(words: &Words) -> pb::Warning {
    let questions = words.questions.iter().map(|question| pb::Question {
        id: question.id.to_string(),
        text: question.text.to_string(),
        choices: question
            .options
            .iter()
            .map(|choice| pb::Choice { id: choice.id.to_string(), text: choice.text.to_string() })
            .collect(),
    });
    pb::Warning {
        id: words.id.to_string(),
        version: i32::try_from(words.version).unwrap_or(i32::MAX),
        locale: words.locale.to_string(),
        title: words.title.to_string(),
        paragraphs: words.paragraphs.iter().map(ToString::to_string).collect(),
        safe_action: words.safe_action.to_string(),
        questions: questions.collect(),
        digest: digest(&words.digest),
    }
}

fn rejected(rejected: &[Rejected]) -> Vec<pb::RejectedFact> {
    let message = |fact: &Rejected| pb::RejectedFact {
        field: fact.field.to_string(),
        expected: fact.expected.to_string(),
    };
    rejected.iter().map(message).collect()
}

fn findings(decision: &Decision) -> Vec<pb::Finding> {
    let found = decision.readings.iter().filter_map(|seen| match &seen.reading {
        Reading::Fired(evidence) => Some(pb::Finding {
            signal_id: signal_id(seen.code),
            version: i32::try_from(seen.version).unwrap_or(i32::MAX),
            points: whole(seen.points),
            evidence: evidence.clone().into_owned(),
        }),
        Reading::Quiet | Reading::Unavailable(_) => None,
    });
    let mut found: Vec<_> = found.collect();
    // Stable: findings of the same points stay in the order of the signals.
    found.sort_by_key(|finding| std::cmp::Reverse(finding.points));
    found
}

fn missing(decision: &Decision) -> Vec<pb::MissingFact> {
    let wanted = |wanted| {
        let signals = decision.unavailable.iter().filter(move |signal| signal.fact == wanted);
        signals.map(|seen| signal_id(seen.code)).collect()
    };
    let missing = decision.missing().into_iter();
    missing
        .map(|fact| pb::MissingFact { fact: fact.name().to_owned(), signal_ids: wanted(fact) })
        .collect()
}

/// Writes the story that led, which speaks of nobody.
fn leading(
    public: &entry::DecidedPublic,
    scam_type: impl Fn(&str) -> String,
) -> Vec<pb::TypologyReading> {
    let message = |typology: &Arc<str>| pb::TypologyReading {
        id: typology.to_string(),
        points: public.points.map(whole).unwrap_or_default(),
        step: step(public.step).into(),
        scam_type: scam_type(typology),
    };
    public.typology.iter().map(message).collect()
}

fn typologies(decision: &Decision, scam_type: impl Fn(&str) -> String) -> Vec<pb::TypologyReading> {
    let reached = |weighed: &&Weighed| weighed.points != 0 || weighed.step.is_some();
    let mut weighed: Vec<_> = decision.weighed.iter().filter(reached).collect();
    // Stable: all but the leading one stay in the order of the policy.
    weighed.sort_by_key(|weighed| Some(&weighed.typology) != decision.typology.as_ref());
    let message = |weighed: &Weighed| pb::TypologyReading {
        id: weighed.typology.to_string(),
        points: whole(weighed.points),
        step: step(weighed.step).into(),
        scam_type: scam_type(&weighed.typology),
    };
    weighed.into_iter().map(message).collect()
}

fn inherited(inherited: &Inherited) -> pb::InheritedFact {
    pb::InheritedFact {
        fact: inherited.fact.name().to_owned(),
        stage: stage(inherited.stage).into(),
        state_time: Some(stamp(inherited.stated)),
    }
}

fn execution_report(executed: &Executed) -> pb::ExecutionReport {
    let public = &executed.public;
    let personal = executed.personal.as_ref();
    let reason = personal.and_then(|personal| personal.reason.as_deref());
    pb::ExecutionReport {
        execution: execution(public.execution).into(),
        execute_time: personal.map(|personal| stamp(personal.executed)),
        reason_code: reason.unwrap_or_default().to_owned(),
        unscreened_reason: unscreened_reason(public.unscreened).into(),
        record_time: Some(stamp(executed.time)),
    }
}

/// Returns the name of the signal with this number.
fn signal_id(code: u32) -> String {
    let kind = signal::ALL.iter().find(|kind| kind.code == code);
    kind.map_or_else(|| format!("signal_{code}"), |kind| kind.id.to_owned())
}

/// Points fit many times over: a policy bounds each signal's.
fn whole(points: i64) -> i32 {
    let bound = if points < 0 { i32::MIN } else { i32::MAX };
    i32::try_from(points).unwrap_or(bound)
}

const fn action(action: Action) -> pb::Action {
    match action {
        Action::Allow => pb::Action::Allow,
        Action::Hold => pb::Action::Hold,
    }
}

const fn hold_kind(kind: Option<HoldKind>) -> pb::HoldKind {
    match kind {
        None => pb::HoldKind::Unspecified,
        Some(HoldKind::PendingAnswers) => pb::HoldKind::PendingAnswers,
        Some(HoldKind::PendingReview) => pb::HoldKind::PendingReview,
    }
}

fn contact_route(decided: &Decided) -> pb::ContactRoute {
    match decided.personal.as_ref().and_then(|personal| personal.decision.contact) {
        None => pb::ContactRoute::Unspecified,
        Some(ContactRoute::Screen) => pb::ContactRoute::Screen,
        Some(ContactRoute::RegisteredNumber) => pb::ContactRoute::RegisteredNumber,
    }
}

const fn mode(mode: Mode) -> pb::Mode {
    match mode {
        Mode::Normal => pb::Mode::Normal,
        Mode::Degraded => pb::Mode::Degraded,
    }
}

const fn stage(stage: Stage) -> pb::Stage {
    match stage {
        Stage::BeforeConfirmation => pb::Stage::BeforeConfirmation,
        Stage::AtSubmission => pb::Stage::AtSubmission,
        Stage::Rescreen => pb::Stage::Rescreen,
    }
}

const fn step(step: Option<Step>) -> pb::typology_reading::Step {
    match step {
        None => pb::typology_reading::Step::None,
        Some(Step::Inform) => pb::typology_reading::Step::Inform,
        Some(Step::Ask) => pb::typology_reading::Step::Ask,
        Some(Step::Hold) => pb::typology_reading::Step::Hold,
    }
}

const fn execution(execution: Execution) -> pb::report_execution_request::Execution {
    use pb::report_execution_request::Execution as Message;
    match execution {
        Execution::Sent => Message::Sent,
        Execution::Rejected => Message::Rejected,
        Execution::Cancelled => Message::Cancelled,
        Execution::Returned => Message::Returned,
        Execution::SentUnscreened => Message::SentUnscreened,
    }
}

const fn unscreened_reason(
    reason: Option<UnscreenedReason>,
) -> pb::report_execution_request::UnscreenedReason {
    use pb::report_execution_request::UnscreenedReason as Message;
    match reason {
        None => Message::Unspecified,
        Some(UnscreenedReason::NoAnswer) => Message::NoAnswer,
        Some(UnscreenedReason::Unreachable) => Message::Unreachable,
        Some(UnscreenedReason::Error) => Message::Error,
        Some(UnscreenedReason::Exempt) => Message::Exempt,
        Some(UnscreenedReason::Overridden) => Message::Overridden,
    }
}
