//! Labels: a record of a file becomes a payment to be decided, or says why it cannot.

use std::sync::Arc;

use crate::account::{Account, Token};
use crate::calendar::Time;
use crate::cli::evaluate::bank::Payment;
use crate::decision;
use crate::entry::{Execution, Identity};
use crate::evaluation::{Cohort, Honest, Place, Scam, ScamType, Truth, Variant};
use crate::grpc::pb::report_execution_request::Execution as Message;
use crate::grpc::read;
use crate::memory::Recalled;
use crate::policy::Policy;
use crate::records::pb::Labelled;
use crate::records::pb::labelled;
use crate::text::Mention;
use crate::transfer::Request;
use crate::turn;

/// Why a record is no payment that can be decided.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum LabelError {
    #[error("its request cannot be read: {0}")]
    Request(String),
    #[error("`{0}` is not one that this release knows")]
    Unknown(&'static str),
    #[error("`{0}` is no time")]
    Time(&'static str),
    #[error("it was asked about before the record ahead of it")]
    Early,
    #[error("it has no cohort")]
    NoCohort,
}

/// Makes payments of records, to be decided by a policy.
#[derive(Debug)]
pub(super) struct Labels {
    policy: Arc<Policy>,
    /// Tokens of references that mention nothing, each in its one place, where the last one stands: half of
    /// all references were written before.
    silent: Vec<Token>,
}

impl Labels {
    pub(super) fn new(policy: &Arc<Policy>) -> Self {
        Self { policy: Arc::clone(policy), silent: vec![Token([0; 16]); SILENT] }
    }

    /// Makes a payment of what a record holds: number `record` of file number `file`.
    pub(super) fn payment(
        &mut self,
        labelled: &mut Labelled,
        (file, record): (u32, u64),
    ) -> Result<Payment, LabelError> {
        let message = labelled.request.take().unwrap_or_default();
        let confirmed = message.transfer.as_ref().and_then(|transfer| transfer.confirm_time);
        // The log's clock: the bank asks when the payer has confirmed.
        let now =
            message.request_time.or(confirmed).and_then(time).ok_or(LabelError::Time("request"))?;
        let request = read::request(message, now).map_err(|problems| {
            let problems =
                problems.iter().map(|one| format!("{} is not {}", one.field, one.expected));
            LabelError::Request(problems.collect::<Vec<_>>().join(", "))
        })?;
        let execution = match Message::try_from(labelled.execution_if_allowed) {
            Ok(Message::Sent) => Execution::Sent,
            Ok(Message::Rejected) => Execution::Rejected,
            Ok(Message::Cancelled) => Execution::Cancelled,
            Ok(Message::Returned) => Execution::Returned,
            Ok(Message::SentUnscreened) => Execution::SentUnscreened,
            Ok(Message::Unspecified) | Err(_) => {
                return Err(LabelError::Unknown("execution_if_allowed"));
            }
        };
        let executed =
            labelled.execute_time.and_then(time).ok_or(LabelError::Time("execute_time"))?;
        let identity = identity(&request);
        let place = Place { file, record, measured: false };
        let truth = truth(labelled.truth.take())?;
        let (requested, continues) = (request.requested, request.continues);
        let mentions = self.mentions(&request);
        let facts = turn::facts(request, mentions, Recalled::default(), requested);
        let glance = decision::glance(&facts, &self.policy);
        Ok(Payment {
            place,
            facts,
            glance,
            requested,
            continues,
            identity,
            truth,
            execution,
            executed,
        })
    }

    /// Returns what the texts of a request mention.
    fn mentions(&mut self, request: &Request) -> Vec<Mention> {
        let (texts, answers) = (&request.transfer.texts, &request.answers);
        let alone = texts.remittance.is_none() && texts.purpose.is_none() && answers.is_empty();
        let reference = texts.reference.as_deref().filter(|_| alone).map(|text| token(6, text));
        let known = reference.and_then(|token| {
            let [high, low, ..] = token.0;
            let place = usize::from(u16::from_be_bytes([high, low])) % SILENT;
            Some((token, self.silent.get_mut(place)?))
        });
        if known.as_ref().is_some_and(|(token, known)| token == *known) {
            return Vec::new();
        }
        let mentions = self.policy.mentions(texts, answers);
        if let Some((token, known)) = known.filter(|_| mentions.is_empty()) {
            *known = token;
        }
        mentions
    }
}

fn truth(truth: Option<labelled::Truth>) -> Result<Truth, LabelError> {
    match truth {
        Some(labelled::Truth::Honest(honest)) => {
            let cohorts = honest.cohorts.iter().map(|number| Cohort::numbered(*number));
            let cohorts: Option<Box<[_]>> = cohorts.collect();
            let cohorts = cohorts.ok_or(LabelError::Unknown("cohorts"))?;
            if cohorts.is_empty() {
                return Err(LabelError::NoCohort);
            }
            Ok(Truth::Honest(Honest { cohorts, kind: honest.kind.into() }))
        }
        Some(labelled::Truth::Scam(scam)) => Ok(Truth::Scam(Scam {
            scam_type: ScamType::numbered(scam.r#type).ok_or(LabelError::Unknown("type"))?,
            script: scam.script.into(),
            variant: Variant::numbered(scam.variant).ok_or(LabelError::Unknown("variant"))?,
            case: scam.case_number,
            step: scam.step,
            steps: scam.steps,
            case_pence: scam.case_pence,
            reaches: scam.reaches_scammer,
        })),
        None => Err(LabelError::Unknown("truth")),
    }
}

/// Returns what a request is about. A bank's log holds keyed tokens, so that nobody can try accounts on it;
/// nothing of this is kept, so a plain hash of 128 bits that is six times as fast serves.
fn identity(request: &Request) -> Identity {
    let transfer = &request.transfer;
    let account = |account: &Account| token(2, account.key());
    Identity {
        request: request.id,
        payment: token(1, &request.payment_id),
        customer: token(3, &transfer.payer.customer),
        payer: account(&transfer.payer.account),
        payee: account(&transfer.payee.account),
        end_to_end: transfer.end_to_end_id.as_ref().map(|id| token(4, id)),
        instruction: transfer.instruction_id.as_ref().map(|id| token(5, id)),
        fingerprint: [0; 16],
        caller: None,
    }
}

/// Returns a token of a text: two runs over its bytes with different odd numbers, each bit of which reaches
/// every other.
fn token(realm: u64, text: &str) -> Token {
    let mut low = realm.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut high = realm.wrapping_mul(0xc2b2_ae3d_27d4_eb4f) ^ 0x1656_67b1_9e37_79f9;
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let mut take = |word: u64| {
        low = mixed(low ^ word);
        high = mixed(high.wrapping_add(word.rotate_left(29)));
    };
    let mut words = text.as_bytes().chunks_exact(8);
    for word in &mut words {
        take(word.try_into().map_or(0, u64::from_le_bytes));
    }
    let rest = words.remainder().iter().rev();
    take(rest.fold(length, |word, byte| word << 8 | u64::from(*byte)));
    let whole = u128::from(mixed(low)) << 64 | u128::from(mixed(high));
    Token(whole.to_be_bytes())
}

/// Mixes every bit into every other: the finalizer of splitmix64.
const fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn time(stamp: prost_types::Timestamp) -> Option<Time> {
    Time::from_parts(stamp.seconds, stamp.nanos)
}

/// How many references are known to mention nothing: 64 KiB, which stay in the processor's cache.
const SILENT: usize = 4_096;
