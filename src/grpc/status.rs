//! Status: what callers are told when there is no answer.
//!
//! Messages are constant: whatever varies goes into the details, where a program can read it. A
//! reason is permanent, and every one is explained at `ScreeningService` in the proto file.
//!
//! Never repeats what was found in a field, and never lets the text of an inner error out.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::access::Right;
use crate::grpc::bearer::TokenProblem;
use crate::grpc::pb;
use crate::grpc::read::FieldProblem;
use crate::grpc::share::Over;
use crate::telemetry::count;
use crate::turn::Refusal;

/// Why a call, or one transfer of a stream, has no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CallError {
    /// Identity fields of a transfer could not be read.
    TransferMalformed(Vec<FieldProblem>),
    /// Fields of another request could not be read.
    RequestMalformed(Vec<FieldProblem>),
    /// A payment message in the request could not be read as a whole.
    DocumentMalformed(FieldProblem),
    /// The bytes are not the message.
    MessageMalformed,
    /// The message is larger than any may be.
    MessageTooLarge,
    /// The token is not one of this list.
    PageTokenMalformed,
    /// There is no such method here.
    MethodUnknown,
    /// The message is compressed in some way.
    EncodingUnknown,
    /// The deadline passed before something was read from the log.
    Expired,
    /// Nothing says who calls.
    CredentialsMissing,
    /// The credentials are good, and of nobody who may call.
    CallerUnknown,
    /// The caller lacks the right that the rpc needs.
    RightMissing(Right),
    /// The token that the call carries is refused.
    Token(TokenProblem),
    /// The headers of the call are larger than any may be.
    HeadersTooLarge,
    /// The stream ends because its connection has been open for long enough.
    ConnectionOld,
    /// The caller has too much of something.
    Over(Over),
    /// The turn or the log gave no answer.
    Refused(Refusal),
}

/// What a caller is told.
struct Told {
    code: Code,
    reason: &'static str,
    message: &'static str,
    retry: Option<Duration>,
}

impl CallError {
    fn told(&self) -> Told {
        let told = |code, reason, message| Told { code, reason, message, retry: None };
        match self {
            Self::TransferMalformed(_) => {
                told(Code::InvalidArgument, "TRANSFER_MALFORMED", "the transfer is malformed")
            }
            Self::RequestMalformed(_) => {
                told(Code::InvalidArgument, "REQUEST_MALFORMED", "the request is malformed")
            }
            Self::DocumentMalformed(_) => told(
                Code::InvalidArgument,
                "DOCUMENT_MALFORMED",
                "the payment message cannot be read",
            ),
            Self::MessageMalformed => {
                told(Code::InvalidArgument, "MESSAGE_MALFORMED", "the bytes are not this message")
            }
            Self::MessageTooLarge => told(
                Code::InvalidArgument,
                "MESSAGE_TOO_LARGE",
                "the message is larger than 64 KiB",
            ),
            Self::PageTokenMalformed => told(
                Code::InvalidArgument,
                "PAGE_TOKEN_MALFORMED",
                "the page token is not one of this list",
            ),
            Self::MethodUnknown => {
                told(Code::Unimplemented, "METHOD_UNKNOWN", "the server has no such method")
            }
            Self::EncodingUnknown => told(
                Code::Unimplemented,
                "ENCODING_UNKNOWN",
                "the server takes no compressed messages",
            ),
            Self::Expired => Told {
                code: Code::DeadlineExceeded,
                reason: "EXPIRED",
                message: "the deadline passed before there was an answer",
                retry: Some(RETRY_FULL),
            },
            Self::CredentialsMissing => told(
                Code::Unauthenticated,
                "CREDENTIALS_MISSING",
                "the call needs a client certificate or a token",
            ),
            Self::CallerUnknown => {
                told(Code::PermissionDenied, "CALLER_UNKNOWN", "nobody of this identity may call")
            }
            Self::RightMissing(_) => {
                told(Code::PermissionDenied, "RIGHT_MISSING", "the caller lacks the right for this")
            }
            Self::Token(problem) => {
                told(Code::Unauthenticated, token_reason(*problem), "the token is refused")
            }
            Self::HeadersTooLarge => told(
                Code::InvalidArgument,
                "HEADERS_TOO_LARGE",
                "the headers of the call are larger than any may be",
            ),
            Self::ConnectionOld => Told {
                code: Code::Unavailable,
                reason: "CONNECTION_OLD",
                message: "the connection has been open for as long as any may be",
                retry: Some(RETRY_CONNECT),
            },
            Self::Over(over) => over_limit(*over),
            Self::Refused(refusal) => refused(*refusal),
        }
    }

    /// Returns the fields at fault.
    fn problems(self) -> Vec<FieldProblem> {
        match self {
            Self::TransferMalformed(problems) | Self::RequestMalformed(problems) => problems,
            Self::DocumentMalformed(problem) => vec![problem],
            Self::MessageMalformed
            | Self::MessageTooLarge
            | Self::PageTokenMalformed
            | Self::MethodUnknown
            | Self::EncodingUnknown
            | Self::Expired
            | Self::CredentialsMissing
            | Self::CallerUnknown
            | Self::RightMissing(_)
            | Self::Token(_)
            | Self::HeadersTooLarge
            | Self::ConnectionOld
            | Self::Over(_)
            | Self::Refused(_) => Vec::new(),
        }
    }

    /// Returns the reason, as it stands in metrics.
    pub fn reason(&self) -> &'static str {
        self.told().reason
    }

    /// Returns the error of tonic's own that `status` is, as one of ours.
    ///
    /// Tonic reads messages before a service sees them and says what went wrong by its code alone.
    pub fn of_tonic(code: Code) -> Self {
        match code {
            Code::Unimplemented => Self::MethodUnknown,
            Code::OutOfRange | Code::ResourceExhausted => Self::MessageTooLarge,
            _ => Self::MessageMalformed,
        }
    }
}

fn refused(refusal: Refusal) -> Told {
    let told = |code, reason, message| Told { code, reason, message, retry: None };
    let later = |code, reason, message, retry| Told { code, reason, message, retry };
    match refusal {
        Refusal::IdReused => told(
            Code::AlreadyExists,
            "REQUEST_ID_REUSED",
            "the request id was used for another transfer",
        ),
        Refusal::TooOld => told(
            Code::FailedPrecondition,
            "REQUEST_TOO_OLD",
            "the request is older than request ids are remembered",
        ),
        Refusal::IdsFull => later(
            Code::ResourceExhausted,
            "REQUEST_IDS_FULL",
            "no more request ids can be remembered now",
            Some(RETRY_IDS),
        ),
        Refusal::QueueFull => later(
            Code::ResourceExhausted,
            "QUEUE_FULL",
            "too many calls are waiting",
            Some(RETRY_FULL),
        ),
        Refusal::QueueShareFull => later(
            Code::ResourceExhausted,
            "QUEUE_SHARE_FULL",
            "too many calls are waiting, and the caller has its share of them",
            Some(RETRY_FULL),
        ),
        Refusal::ExpiredBeforeDeciding => later(
            Code::DeadlineExceeded,
            "EXPIRED_BEFORE_DECIDING",
            "the deadline passed before deciding began",
            Some(RETRY_FULL),
        ),
        Refusal::OutcomeUnknown => later(
            Code::Unavailable,
            "OUTCOME_UNKNOWN",
            "it is not known whether a decision was recorded",
            Some(RETRY_RESTART),
        ),
        Refusal::DecidingFailed => {
            told(Code::Internal, "DECIDING_FAILED", "deciding about this transfer failed")
        }
        Refusal::DiskNearlyFull => later(
            Code::Unavailable,
            "DISK_NEARLY_FULL",
            "the server has no room left to record what it would decide",
            Some(RETRY_DISK),
        ),
        Refusal::Stopping => {
            later(Code::Unavailable, "STOPPING", "the server is stopping", Some(RETRY_RESTART))
        }
        Refusal::ExecutionConflict => told(
            Code::FailedPrecondition,
            "EXECUTION_CONFLICT",
            "the payment was reported otherwise before",
        ),
        Refusal::ListVersionReused
        | Refusal::ListVersionOld
        | Refusal::ListPartEarly
        | Refusal::ImportPartElsewhere => part_refused(refusal),
        Refusal::NotFound => told(Code::NotFound, "DECISION_NOT_FOUND", "no decision has this id"),
        Refusal::Unreadable => {
            told(Code::Internal, "DECISION_UNREADABLE", "the record of the decision cannot be read")
        }
    }
}

/// What a caller is told that has too much of something.
fn over_limit(over: Over) -> Told {
    let later =
        |reason, message, retry| Told { code: Code::ResourceExhausted, reason, message, retry };
    match over {
        Over::InFlight => later(
            "CALLER_IN_FLIGHT_FULL",
            "the caller has as many calls without an answer as it may",
            Some(RETRY_FULL),
        ),
        Over::Rate(wait) => later(
            "CALLER_RATE_EXCEEDED",
            "the caller asks more often than it may",
            // Whole milliseconds, so that nobody comes a moment early.
            Some(wait.saturating_add(Duration::from_millis(1))),
        ),
        Over::Connections => later(
            "CALLER_CONNECTIONS_FULL",
            "the caller has as many connections as it may",
            Some(RETRY_RESTART),
        ),
    }
}

fn token_reason(problem: TokenProblem) -> &'static str {
    match problem {
        TokenProblem::Malformed => "TOKEN_MALFORMED",
        TokenProblem::Algorithm => "TOKEN_ALGORITHM_REFUSED",
        TokenProblem::KeyUnknown => "TOKEN_KEY_UNKNOWN",
        TokenProblem::Forged => "TOKEN_FORGED",
        TokenProblem::Issuer => "TOKEN_ISSUER_WRONG",
        TokenProblem::Audience => "TOKEN_AUDIENCE_WRONG",
        TokenProblem::Expired => "TOKEN_EXPIRED",
        TokenProblem::Early => "TOKEN_EARLY",
    }
}

/// What is told of a part of a list or a file.
fn part_refused(refusal: Refusal) -> Told {
    let told = |code, reason, message| Told { code, reason, message, retry: None };
    match refusal {
        Refusal::ListVersionReused => told(
            Code::AlreadyExists,
            "LIST_VERSION_REUSED",
            "another list is in force under this version",
        ),
        Refusal::ListVersionOld => told(
            Code::FailedPrecondition,
            "LIST_VERSION_OLD",
            "a later version of the list is in force",
        ),
        Refusal::ListPartEarly => told(
            Code::FailedPrecondition,
            "LIST_PART_EARLY",
            "parts before this one are not recorded",
        ),
        // INVARIANT: `refused` lets no other in.
        _ => told(
            Code::FailedPrecondition,
            "IMPORT_PART_ELSEWHERE",
            "the part does not begin where the file is recorded to",
        ),
    }
}

impl From<Refusal> for CallError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        let Told { code, reason, message, retry } = error.told();
        count::refused(reason);
        let mut details = ErrorDetails::new();
        if let CallError::RightMissing(right) = error {
            let right = ("right".to_owned(), right.name().to_owned());
            details.set_error_info(reason, DOMAIN, [right]);
        } else {
            details.set_error_info(reason, DOMAIN, []);
        }
        for problem in error.problems() {
            details.add_bad_request_violation(problem.field, problem.expected);
        }
        if retry.is_some() {
            details.set_retry_info(retry);
        }
        Self::with_error_details(code, message, details)
    }
}

/// The same for one transfer of a stream or of a message, which must not end the others.
impl From<CallError> for pb::Error {
    fn from(error: CallError) -> Self {
        let Told { code, reason, message, retry } = error.told();
        count::refused(reason);
        let violations = error.problems().into_iter().map(|problem| pb::FieldViolation {
            field: problem.field.into(),
            description: problem.expected.to_owned(),
        });
        Self {
            code: code.into(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            field_violations: violations.collect(),
            retry_delay: retry.and_then(|retry| retry.try_into().ok()),
        }
    }
}

/// Every reason, sorted: what telemetry counts errors by.
pub const REASONS: &[&str] = &[
    "CALLER_CONNECTIONS_FULL",
    "CALLER_IN_FLIGHT_FULL",
    "CALLER_RATE_EXCEEDED",
    "CALLER_UNKNOWN",
    "CONNECTION_OLD",
    "CREDENTIALS_MISSING",
    "DECIDING_FAILED",
    "DECISION_NOT_FOUND",
    "DECISION_UNREADABLE",
    "DISK_NEARLY_FULL",
    "DOCUMENT_MALFORMED",
    "ENCODING_UNKNOWN",
    "EXECUTION_CONFLICT",
    "EXPIRED",
    "EXPIRED_BEFORE_DECIDING",
    "HEADERS_TOO_LARGE",
    "IMPORT_PART_ELSEWHERE",
    "LIST_PART_EARLY",
    "LIST_VERSION_OLD",
    "LIST_VERSION_REUSED",
    "MESSAGE_MALFORMED",
    "MESSAGE_TOO_LARGE",
    "METHOD_UNKNOWN",
    "OUTCOME_UNKNOWN",
    "PAGE_TOKEN_MALFORMED",
    "QUEUE_FULL",
    "QUEUE_SHARE_FULL",
    "REQUEST_IDS_FULL",
    "REQUEST_ID_REUSED",
    "REQUEST_MALFORMED",
    "REQUEST_TOO_OLD",
    "RIGHT_MISSING",
    "STOPPING",
    "TOKEN_ALGORITHM_REFUSED",
    "TOKEN_AUDIENCE_WRONG",
    "TOKEN_EARLY",
    "TOKEN_EXPIRED",
    "TOKEN_FORGED",
    "TOKEN_ISSUER_WRONG",
    "TOKEN_KEY_UNKNOWN",
    "TOKEN_MALFORMED",
    "TRANSFER_MALFORMED",
];

/// Qualifies every reason, so that callers can tell them from another service's.
pub const DOMAIN: &str = "screening.clearline";

/// A full queue of 8,192 is decided within about 200 ms at the rate that a busy server keeps.
const RETRY_FULL: Duration = Duration::from_millis(200);
/// Ids of a busy minute leave the window about as fast as they came.
const RETRY_IDS: Duration = Duration::from_mins(1);
/// A restart takes seconds; the first retries find another instance, or the same one again.
const RETRY_RESTART: Duration = Duration::from_secs(1);
/// As long as a handshake takes on a slow link.
const RETRY_CONNECT: Duration = Duration::from_millis(50);
/// Space is looked at every half second; making some takes longer.
const RETRY_DISK: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn every() -> Vec<CallError> {
        let problem = FieldProblem {
            field: "transfer.amount.value".into(),
            expected: "an amount above zero",
        };
        let refusals = [
            Refusal::IdReused,
            Refusal::TooOld,
            Refusal::IdsFull,
            Refusal::QueueFull,
            Refusal::QueueShareFull,
            Refusal::DiskNearlyFull,
            Refusal::ExpiredBeforeDeciding,
            Refusal::OutcomeUnknown,
            Refusal::DecidingFailed,
            Refusal::Stopping,
            Refusal::ExecutionConflict,
            Refusal::NotFound,
            Refusal::Unreadable,
            Refusal::ListVersionReused,
            Refusal::ListVersionOld,
            Refusal::ListPartEarly,
            Refusal::ImportPartElsewhere,
        ];
        let mut every = vec![
            CallError::TransferMalformed(vec![problem.clone()]),
            CallError::RequestMalformed(vec![problem.clone()]),
            CallError::DocumentMalformed(problem),
            CallError::MessageMalformed,
            CallError::MessageTooLarge,
            CallError::PageTokenMalformed,
            CallError::MethodUnknown,
            CallError::EncodingUnknown,
            CallError::Expired,
            CallError::CredentialsMissing,
            CallError::CallerUnknown,
            CallError::RightMissing(Right::Screen),
        ];
        let tokens = [
            TokenProblem::Malformed,
            TokenProblem::Algorithm,
            TokenProblem::KeyUnknown,
            TokenProblem::Forged,
            TokenProblem::Issuer,
            TokenProblem::Audience,
            TokenProblem::Expired,
            TokenProblem::Early,
        ];
        every.extend(tokens.map(CallError::Token));
        let overs = [Over::InFlight, Over::Rate(Duration::from_millis(7)), Over::Connections];
        every.extend(overs.map(CallError::Over));
        every.extend([CallError::HeadersTooLarge, CallError::ConnectionOld]);
        every.extend(refusals.map(CallError::Refused));
        every
    }

    #[test]
    fn every_error_carries_its_reason_and_domain() {
        for error in every() {
            let reason = error.reason();
            let status = Status::from(error.clone());
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, DOMAIN));
            assert!(reason.chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{reason}");

            let message = pb::Error::from(error);
            assert_eq!(message.reason, reason);
            assert_eq!(message.code, i32::from(status.code()));
            assert_eq!(message.message, status.message());
            let named = details.bad_request().map_or(0, |request| request.field_violations.len());
            assert_eq!(message.field_violations.len(), named);
            assert_eq!(message.retry_delay.is_some(), details.retry_info().is_some(), "{reason}");
        }
    }

    #[test]
    fn every_reason_is_counted_by_its_name() {
        let mut reasons: Vec<_> = every().iter().map(CallError::reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        assert_eq!(reasons, REASONS);
    }

    #[test]
    fn every_reason_is_explained_in_the_proto_file_with_its_code() {
        let screening = include_str!("../../proto/clearline/screening/v1/screening.proto");
        let lists = include_str!("../../proto/clearline/screening/v1/lists.proto");
        let history = include_str!("../../proto/clearline/screening/v1/history.proto");
        for error in every() {
            let code = format!("{:?}", error.told().code);
            let mut words = String::new();
            for c in code.chars() {
                if c.is_ascii_uppercase() && !words.is_empty() {
                    words.push('_');
                }
                words.push(c.to_ascii_uppercase());
            }
            let line = format!("// - `{}`, `{words}`: ", error.reason());
            let explained = [screening, lists, history].iter().any(|proto| proto.contains(&line));
            assert!(explained, "{line}");
        }
    }

    #[test]
    fn a_retry_is_advised_where_one_makes_sense() {
        let mut advised: Vec<_> = every()
            .iter()
            .filter(|error| error.told().retry.is_some())
            .map(CallError::reason)
            .collect();
        advised.sort_unstable();
        let want = [
            "CALLER_CONNECTIONS_FULL",
            "CALLER_IN_FLIGHT_FULL",
            "CALLER_RATE_EXCEEDED",
            "CONNECTION_OLD",
            "DISK_NEARLY_FULL",
            "EXPIRED",
            "EXPIRED_BEFORE_DECIDING",
            "OUTCOME_UNKNOWN",
            "QUEUE_FULL",
            "QUEUE_SHARE_FULL",
            "REQUEST_IDS_FULL",
            "STOPPING",
        ];
        assert_eq!(advised, want);
    }

    #[test]
    fn field_problems_reach_the_caller() {
        let error = every().remove(0);
        let status = Status::from(error);
        let details = status.get_error_details();
        let violation = &details.bad_request().unwrap().field_violations[0];
        assert_eq!(violation.field, "transfer.amount.value");
        assert_eq!(violation.description, "an amount above zero");
    }
}
