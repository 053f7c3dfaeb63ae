//! Entry: every kind of log entry, its canonical bytes, its public and its personal part.
//!
//! The log is the database: whatever is remembered, listed or proven comes from these bytes. What an
//! auditor needs to follow the log without any key is public and pseudonymous: ids, times, actions,
//! points and keyed tokens. What speaks of a person is personal, and only the person's key opens it;
//! with that key destroyed the entry still stands, and reads as `None` where the person was.
//!
//! Kinds and tags are permanent. An entry that must say more gets a new kind.

use std::borrow::Cow;
use std::sync::Arc;

use crate::account::{Account, Realm, Token, Tokens};
use crate::calendar::{Span, Time};
use crate::decision::{Action, Decision, HoldKind, Step};
use crate::money::Money;
use crate::signal::{Facts, Mode, Reading};
use crate::tagged::{Tagged, TaggedError, choice, record};
use crate::transfer::{Request, Stage};
use crate::warning::Words;

pub mod imported;
pub mod index;

pub use imported::{Imported, ImportedPersonal, ImportedPublic, PartEnd, Past};
pub use index::{IndexKey, index_keys};

/// An entry of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Entry {
    /// The parameters of the fold from here on.
    Parameters(Parameters),
    /// The policy that decides from here on.
    Activated(Activated),
    /// A decision.
    Decided(Box<Decided>),
    /// What became of a payment.
    Executed(Box<Executed>),
    /// A part of a list of accounts that the bank vouches for.
    Listed(Box<Listed>),
    /// Past payments of one payer, as a file of the bank had them.
    Imported(Box<Imported>),
    /// A reading of what a decision says of people.
    Read(Box<Read>),
}

/// An entry as the log takes it and gives it back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parts {
    /// The kind's permanent number.
    pub kind: u8,
    /// Log time: never before that of the entry ahead of it.
    pub time: Time,
    /// The number of the subject's key in the key table; 0 where no person is spoken of.
    pub slot: u32,
    /// What anyone with the log may read.
    pub public: Vec<u8>,
    /// What only the subject's key opens; `None` once that key is destroyed.
    pub personal: Option<Vec<u8>>,
}

/// Bounds of what is remembered. In the log, because what was remembered must follow from it alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parameters {
    /// How long a request id is remembered after the request was made.
    pub window: Span,
    /// Most request ids remembered.
    pub requests_max: u32,
    /// Most payments whose earlier looks are remembered.
    pub payments_max: u32,
}

/// A policy became the one that decides.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Activated {
    /// Its digest, under which its bytes are stored.
    pub policy: [u8; 32],
    /// On whose word: `start` where it was the configuration at a start of the service.
    pub by: Box<str>,
    /// The build that activated it.
    pub build: Box<str>,
}

/// A part of a list of accounts that the bank vouches for. The list is in force from its last part
/// on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Which version of the bank's list.
    pub version: u32,
    /// The team that answers for it.
    pub owner: Box<str>,
    /// Keyed digest of the whole list: another one under the same version is refused.
    pub content: [u8; 16],
    /// Which part this is, from 1.
    pub part: u32,
    /// How many parts the list has.
    pub parts: u32,
    /// Law firms' accounts for their clients' money.
    pub client_accounts: Vec<Token>,
    /// Accounts of those who send bills.
    pub billers: Vec<Token>,
    /// The build that recorded it.
    pub build: Cow<'static, str>,
    /// The caller who loaded it.
    pub by: Option<Box<str>>,
}

/// Somebody read what a decision says of people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Read {
    /// Who: a caller.
    pub by: Box<str>,
    /// Position of the decision.
    pub decision: u64,
    /// The build that showed it.
    pub build: Cow<'static, str>,
}

/// A decision, and everything that it was reached from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decided {
    /// Log time.
    pub time: Time,
    /// The number of the payer's key.
    pub slot: u32,
    /// What anyone with the log may read.
    pub public: DecidedPublic,
    /// What the payer's key opens.
    pub personal: Option<DecidedPersonal>,
}

/// The public part of a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DecidedPublic {
    /// Who and what it is about, as tokens.
    pub identity: Identity,
    /// At which stage.
    pub stage: Stage,
    /// What the bank was asked to do.
    pub action: Action,
    /// What kind of hold.
    pub hold: Option<HoldKind>,
    /// The strongest step reached.
    pub step: Option<Step>,
    /// The typology that leads.
    pub typology: Option<Arc<str>>,
    /// Its points.
    pub points: Option<i64>,
    /// The numbers of the signals that fired.
    pub fired: Vec<u32>,
    /// The policy's digest.
    pub policy: [u8; 32],
    /// The build that decided.
    pub build: Cow<'static, str>,
    /// How the service ran.
    pub mode: Mode,
    /// The earlier decision that this one goes on from.
    pub continues: Option<[u8; 16]>,
}

/// The personal part of a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DecidedPersonal {
    /// The bank's id of the payment.
    pub payment_id: Box<str>,
    /// What deciding read.
    pub facts: Facts,
    /// What was decided, and why.
    pub decision: Decision,
    /// The words that were offered, where a warning was.
    pub words: Option<Box<Words>>,
}

/// Who and what a request is about, as keyed tokens, and what a retry is compared by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The caller's id of the question.
    pub request: [u8; 16],
    /// The bank's id of the payment.
    pub payment: Token,
    /// The payer, across accounts.
    pub customer: Token,
    /// The account the money would leave.
    pub payer: Token,
    /// The account it would reach.
    pub payee: Token,
    /// `EndToEndId`.
    pub end_to_end: Option<Token>,
    /// `InstrId`.
    pub instruction: Option<Token>,
    /// Keyed digest of the identity fields: another one under the same request id is refused.
    pub fingerprint: [u8; 16],
    /// Who asked; absent where nothing said who.
    pub caller: Option<Token>,
}

/// What became of a payment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Executed {
    /// Log time.
    pub time: Time,
    /// The number of the payer's key.
    pub slot: u32,
    /// What anyone with the log may read.
    pub public: ExecutedPublic,
    /// What the payer's key opens.
    pub personal: Option<ExecutedPersonal>,
}

/// The public part of a report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExecutedPublic {
    /// The bank's id of the payment.
    pub payment: Token,
    /// The payer, across accounts.
    pub customer: Token,
    /// The account that was to be paid.
    pub payee: Token,
    /// What became of it.
    pub execution: Execution,
    /// Why it left without a decision.
    pub unscreened: Option<UnscreenedReason>,
    /// Position of the last decision about it; absent where it was never asked about.
    pub decision: Option<u64>,
    /// Who reported it; absent where nothing said who.
    pub caller: Option<Token>,
}

/// The personal part of a report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExecutedPersonal {
    /// The bank's id of the payment.
    pub payment_id: Box<str>,
    /// How much.
    pub money: Money,
    /// When it happened.
    pub executed: Time,
    /// The scheme's or bank's code.
    pub reason: Option<Box<str>>,
}

/// What became of a payment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Execution {
    /// It left after a decision.
    Sent,
    /// The bank or the scheme refused it.
    Rejected,
    /// The payer or the bank called it off.
    Cancelled,
    /// It left and came back.
    Returned,
    /// It left without a decision.
    SentUnscreened,
}

/// Why a payment left without a decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UnscreenedReason {
    /// No answer came in time.
    NoAnswer,
    /// The service could not be reached.
    Unreachable,
    /// The service answered with an error.
    Error,
    /// The bank does not ask about such payments.
    Exempt,
    /// The bank sent it against a hold.
    Overridden,
}

/// Why an entry cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EntryError {
    /// A kind that this build does not know.
    #[error("entries of kind {0} are not known to this build")]
    Kind(u8),
    /// The public part is not one.
    #[error("the public part: {0}")]
    Public(TaggedError),
    /// The personal part is not one.
    #[error("the personal part: {0}")]
    Personal(TaggedError),
}

record!(Parameters { 1 window, 2 requests_max, 3 payments_max });
record!(Activated { 1 policy, 2 by, 3 build });
record!(Listed {
    1 version, 2 owner, 3 content, 4 part, 5 parts, 6 client_accounts, 7 billers, 8 build, 9 by,
});
record!(Read { 1 by, 2 decision, 3 build });
record!(Identity {
    1 request, 2 payment, 3 customer, 4 payer, 5 payee, 6 end_to_end, 7 instruction,
    8 fingerprint, 9 caller,
});
record!(DecidedPublic {
    1 identity, 2 stage, 3 action, 4 hold, 5 step, 6 typology, 7 points, 8 fired, 9 policy,
    10 build, 11 mode, 12 continues,
});
record!(DecidedPersonal { 1 payment_id, 2 facts, 3 decision, 4 words });
record!(ExecutedPublic {
    1 payment, 2 customer, 3 payee, 4 execution, 5 unscreened, 6 decision, 7 caller,
});
record!(ExecutedPersonal { 1 payment_id, 2 money, 3 executed, 4 reason });
choice!(Execution { 1 Sent, 2 Rejected, 3 Cancelled, 4 Returned, 5 SentUnscreened });
choice!(UnscreenedReason { 1 NoAnswer, 2 Unreachable, 3 Error, 4 Exempt, 5 Overridden });

impl Entry {
    /// Returns the entry as the log takes it. `time` is log time; entries that speak of a person
    /// carry their own.
    pub fn parts(&self, time: Time) -> Parts {
        let bare = |kind, public| Parts { kind, time, slot: 0, public, personal: None };
        match self {
            Self::Parameters(parameters) => bare(KIND_PARAMETERS, parameters.to_bytes()),
            Self::Activated(activated) => bare(KIND_ACTIVATED, activated.to_bytes()),
            Self::Decided(decided) => decided.parts(),
            Self::Executed(executed) => executed.parts(),
            Self::Listed(listed) => bare(KIND_LISTED, listed.to_bytes()),
            Self::Imported(imported) => imported.parts(),
            Self::Read(read) => bare(KIND_READ, read.to_bytes()),
        }
    }

    /// Reads an entry as the log gives it back.
    pub fn read(parts: &Parts) -> Result<Self, EntryError> {
        let personal = parts.personal.as_deref();
        match parts.kind {
            KIND_PARAMETERS => public(&parts.public).map(Self::Parameters),
            KIND_ACTIVATED => public(&parts.public).map(Self::Activated),
            KIND_DECIDED => Ok(Self::Decided(Box::new(Decided {
                time: parts.time,
                slot: parts.slot,
                public: public(&parts.public)?,
                personal: opened(personal)?,
            }))),
            KIND_EXECUTED => Ok(Self::Executed(Box::new(Executed {
                time: parts.time,
                slot: parts.slot,
                public: public(&parts.public)?,
                personal: opened(personal)?,
            }))),
            KIND_LISTED => public(&parts.public).map(|listed| Self::Listed(Box::new(listed))),
            KIND_IMPORTED => Ok(Self::Imported(Box::new(Imported {
                time: parts.time,
                slot: parts.slot,
                public: public(&parts.public)?,
                personal: opened(personal)?,
            }))),
            KIND_READ => public(&parts.public).map(|read| Self::Read(Box::new(read))),
            kind => Err(EntryError::Kind(kind)),
        }
    }
}

impl Decided {
    /// Returns the entry as the log takes it.
    pub fn parts(&self) -> Parts {
        Parts {
            kind: KIND_DECIDED,
            time: self.time,
            slot: self.slot,
            public: bytes(&self.public, 256),
            personal: self.personal.as_ref().map(|personal| bytes(personal, 2048)),
        }
    }
}

impl DecidedPublic {
    /// Copies from a decision what anyone with the log may read.
    pub fn of(identity: Identity, facts: &Facts, decision: &Decision, policy: [u8; 32]) -> Self {
        let fired = decision.readings.iter().filter_map(|reading| match reading.reading {
            Reading::Fired(_) => Some(reading.code),
            Reading::Quiet | Reading::Unavailable(_) => None,
        });
        Self {
            identity,
            stage: facts.stage,
            action: decision.action,
            hold: decision.hold,
            step: decision.step,
            typology: decision.typology.clone(),
            points: decision.points(),
            fired: fired.collect(),
            policy,
            build: Cow::Borrowed(BUILD),
            mode: facts.mode,
            continues: None,
        }
    }
}

impl Executed {
    /// Returns the entry as the log takes it.
    pub fn parts(&self) -> Parts {
        Parts {
            kind: KIND_EXECUTED,
            time: self.time,
            slot: self.slot,
            public: bytes(&self.public, 96),
            personal: self.personal.as_ref().map(|personal| bytes(personal, 96)),
        }
    }
}

impl Identity {
    /// Returns the tokens of what `request` is about.
    pub fn of(request: &Request, tokens: &Tokens) -> Self {
        let transfer = &request.transfer;
        let customer = tokens.token(Realm::Customer, &transfer.payer.customer);
        let account = |account: &Account| tokens.token(Realm::Account, account.key());
        let (from, to) = (account(&transfer.payer.account), account(&transfer.payee.account));
        let payment = tokens.token(Realm::Payment, &request.payment_id);

        let mut fields = Vec::with_capacity(128);
        for token in [payment, customer, from, to] {
            fields.extend_from_slice(&token.0);
        }
        transfer.money.put(&mut fields);
        transfer.confirmed.put(&mut fields);
        request.stage.put(&mut fields);

        let optional = |realm, id: &Option<Box<str>>| id.as_ref().map(|id| tokens.token(realm, id));
        Self {
            request: request.id,
            payment,
            customer,
            payer: from,
            payee: to,
            end_to_end: optional(Realm::EndToEnd, &transfer.end_to_end_id),
            instruction: optional(Realm::Instruction, &transfer.instruction_id),
            fingerprint: half(tokens.seal(&fields)),
            caller: None,
        }
    }

    /// Returns what the question is remembered by: its id, among those of its caller.
    ///
    /// A caller knows neither its own token nor another's, so that it cannot choose an id which is, for
    /// another, one of theirs.
    pub fn question(&self) -> [u8; 16] {
        let mut question = self.request;
        if let Some(caller) = self.caller {
            question.iter_mut().zip(caller.0).for_each(|(byte, token)| *byte ^= token);
        }
        question
    }
}

/// Returns the UUID that names the decision at `position` about `request`: version 8, the position
/// in its first 48 bits, bits of the request's id in the rest.
pub fn decision_id(position: u64, request: [u8; 16]) -> [u8; 16] {
    let mut id = request;
    let place = position.to_be_bytes();
    id.iter_mut().zip(place.iter().skip(2)).for_each(|(to, from)| *to = *from);
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut id;
    *version = (*version & 0x0f) | 0x80;
    *variant = (*variant & 0x3f) | 0x80;
    id
}

/// Returns the position that a decision's UUID speaks of. Whether the decision there has this id is
/// the reader's to check.
pub fn decision_position(id: [u8; 16]) -> u64 {
    let mut place = [0; 8];
    place.iter_mut().skip(2).zip(id).for_each(|(to, from)| *to = from);
    u64::from_be_bytes(place)
}

/// Number of [`Parameters`].
pub const KIND_PARAMETERS: u8 = 1;
/// Number of [`Activated`].
pub const KIND_ACTIVATED: u8 = 2;
/// Number of [`Decided`].
pub const KIND_DECIDED: u8 = 3;
/// Number of [`Executed`].
pub const KIND_EXECUTED: u8 = 4;
/// Number of [`Listed`].
pub const KIND_LISTED: u8 = 5;
/// Number of [`Imported`].
pub const KIND_IMPORTED: u8 = 6;
/// Number of [`Read`].
pub const KIND_READ: u8 = 7;

/// What every entry names as the build that wrote it.
pub const BUILD: &str = concat!("clearline ", env!("CARGO_PKG_VERSION"));

fn public<T: Tagged>(bytes: &[u8]) -> Result<T, EntryError> {
    T::take(bytes).map_err(EntryError::Public)
}

fn opened<T: Tagged>(bytes: Option<&[u8]>) -> Result<Option<T>, EntryError> {
    bytes.map(T::take).transpose().map_err(EntryError::Personal)
}

fn bytes(value: &impl Tagged, capacity: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(capacity);
    value.put(&mut bytes);
    bytes
}

fn half(hash: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    half
}

#[cfg(test)]
mod tests;
