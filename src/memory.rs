//! Memory: everything remembered, as a fold over the log.
//!
//! There is one way to change it, [`Memory::apply`], which reads nothing but the entry and its
//! position. So what is remembered follows from the log alone: it can be deleted and is rebuilt, and
//! two machines with the same log remember the same.
//!
//! Bounded: by the horizon for payers, by the parameters in the log for request ids and payments, by
//! [`PAIRS_MAX`] for the payees of a payer, by the parts of a list for the accounts on it, by
//! [`imports::IMPORTS_MAX`] for files of past payments. Time inside is log time.
//!
//! Never reads a clock, and never holds a name or an account number, only tokens; the transfers of
//! recent payments, which a later look inherits, are the exception and are dropped first.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::decision::HoldKind;
use crate::entry::{Decided, Entry, Executed, Execution, Identity, Parameters, Parts};
use crate::history::{Earlier, HORIZON, PAIRS_MAX, Pair, Recall};
use crate::money::Money;
use crate::tagged::{Tagged, TaggedError, record};
use crate::transfer::{Inherited, Request, Stage, Transfer};

pub mod imports;
pub mod lists;
pub mod snapshot;
mod stated;
pub mod table;
#[cfg(test)]
mod tests;

use imports::Imports;
use lists::Lists;
use stated::Stated;
use table::{Generations, Key, Table};

/// Everything remembered after some number of entries.
#[derive(Clone, Debug)]
pub struct Memory {
    head: Head,
    /// Shared, because a copy mostly does not touch it.
    lists: Arc<Lists>,
    imports: Arc<Imports>,
    payers: Table<Payer>,
    requests: Generations<Answered>,
    /// Shared, because a row is large and a copy mostly does not touch it.
    payments: Generations<Arc<Payment>>,
}

/// What is remembered once and not by key.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Head {
    /// How many entries were applied.
    position: u64,
    /// Log time of the last one.
    time: Time,
    parameters: Parameters,
    /// The policy that decides.
    policy: Option<[u8; 32]>,
    /// The number of the key that the next new payer gets.
    slot_next: u32,
    /// When the younger generation of request ids began.
    requests_since: Time,
    /// When the younger generation of payments began.
    payments_since: Time,
}

/// What is remembered of a payer.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Payer {
    slot: u32,
    first: Time,
    seen: Time,
    /// Whether anything but past payments is known: somebody asked about them, or reported.
    live: bool,
    /// Sorted by payee. Shared, because copies of a payer mostly do not touch it.
    pairs: Arc<Vec<Pair>>,
}

/// A request that was answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Answered {
    position: u64,
    fingerprint: [u8; 16],
}

/// A payment that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Payment {
    /// Position of the last decision; absent where it was only reported.
    decision: Option<u64>,
    stage: Stage,
    decided: Time,
    looks: u32,
    /// Whether the last decision waits for answers.
    asked: bool,
    slot: u32,
    customer: Token,
    payee: Token,
    money: Option<Money>,
    /// What the last look stated or inherited; bytes, because few are ever needed again.
    stated: Option<Box<[u8]>>,
    /// What was reported of it, and the report's position.
    execution: Option<Execution>,
    reported: Option<u64>,
    /// Whether it is in the payer's history.
    counted: bool,
}

/// What is recalled for a request, besides the facts that its transfer inherits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recalled {
    /// What is remembered of payer, payee and payment.
    pub recall: Recall,
    /// Which facts of the transfer an earlier look stated.
    pub inherited: Vec<Inherited>,
    /// Position of the last decision about the payment.
    pub last: Option<u64>,
}

/// Whether a request was answered before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Known {
    /// It was not, and may be decided.
    New,
    /// It was, at this position.
    Answered(u64),
    /// Another transfer was, under the same id.
    Reused,
    /// It was made before the window, so nobody can tell.
    TooOld,
    /// No more ids can be remembered until older ones leave the window.
    Full,
}

/// A payment as a report about it finds it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PaymentState {
    /// Position of the last decision about it.
    pub decision: Option<u64>,
    /// What was reported before, and where.
    pub reported: Option<(Execution, u64)>,
    /// The payer.
    pub customer: Token,
    /// The payee's account.
    pub payee: Token,
    /// How much it was, where that is known.
    pub money: Option<Money>,
}

record!(Head {
    1 position, 2 time, 3 parameters, 4 policy, 5 slot_next, 6 requests_since, 7 payments_since,
});
record!(Payer { 1 slot, 2 first, 3 seen, 4 pairs, 5 live });
record!(Answered { 1 position, 2 fingerprint });
record!(Payment {
    1 decision, 2 stage, 3 decided, 4 looks, 5 asked, 6 slot, 7 customer, 8 payee, 9 money,
    10 stated, 11 execution, 12 reported, 13 counted,
});

impl Memory {
    /// Returns what is remembered before the first entry.
    pub fn new() -> Self {
        let head = Head {
            position: 0,
            time: Time::MIN,
            parameters: Parameters::FIRST,
            policy: None,
            slot_next: 1,
            requests_since: Time::MIN,
            payments_since: Time::MIN,
        };
        Self {
            head,
            lists: Arc::default(),
            imports: Arc::default(),
            payers: Table::new(),
            requests: Generations::new(),
            payments: Generations::new(),
        }
    }

    /// Returns how many entries were applied.
    pub fn position(&self) -> u64 {
        self.head.position
    }

    /// Returns the log time of the last entry.
    pub fn time(&self) -> Time {
        self.head.time
    }

    /// Returns the parameters in force.
    pub fn parameters(&self) -> Parameters {
        self.head.parameters
    }

    /// Returns the digest of the policy that decides, once one was activated.
    pub fn policy(&self) -> Option<[u8; 32]> {
        self.head.policy
    }

    /// Returns how many payers are remembered.
    pub fn payers(&self) -> usize {
        self.payers.len()
    }

    /// Returns the number of the payer's key: the one it has, or the next free one.
    pub fn slot(&self, customer: Token) -> u32 {
        self.payers.get(&customer.0).map_or(self.head.slot_next, |payer| payer.slot)
    }

    /// Returns the number of the key that the next new payer gets.
    pub fn slot_next(&self) -> u32 {
        self.head.slot_next
    }

    /// Reads ahead what deciding about these will look up, which is nearly all that deciding waits
    /// for: a row lies anywhere in hundreds of megabytes.
    pub fn warm(&self, identities: &[&Identity]) {
        let keys = |of: fn(&Identity) -> Key| -> Vec<Key> {
            identities.iter().map(|identity| of(identity)).collect()
        };
        let mut read = self.payers.warm(&keys(|identity| identity.customer.0));
        let requests = keys(|identity| identity.request);
        for table in self.requests.tables() {
            read ^= table.warm(&requests);
        }
        let payments = keys(|identity| identity.payment.0);
        for table in self.payments.tables() {
            read ^= table.warm(&payments);
        }
        std::hint::black_box(read);
    }

    /// Tells whether a request was answered before, at log time `now`.
    pub fn known(&self, identity: &Identity, requested: Time, now: Time) -> Known {
        if let Some(answered) = self.requests.get(&identity.request) {
            return if answered.fingerprint == identity.fingerprint {
                Known::Answered(answered.position)
            } else {
                Known::Reused
            };
        }
        let parameters = &self.head.parameters;
        if requested < now.minus(parameters.window) {
            Known::TooOld
        } else if usize::try_from(parameters.requests_max)
            .is_ok_and(|max| max <= self.requests.len())
        {
            Known::Full
        } else {
            Known::New
        }
    }

    /// Recalls what is known of the request's payer, payee and payment at log time `now`, and lets
    /// the request inherit what earlier looks at the payment stated: the facts that it lacks, less
    /// those of another payee, and every answer, because an admission made once stands.
    pub fn recall(&self, identity: &Identity, request: &mut Request, now: Time) -> Recalled {
        let since = now.minus(HORIZON);
        let payer = self.payers.get(&identity.customer.0).filter(|payer| since <= payer.seen);
        let (client_account, biller) = self.listings(identity.payee);
        let mut recalled = Recalled {
            recall: Recall {
                payer_first: payer.map(|payer| payer.first),
                pair: payer.and_then(|payer| payer.pair(identity.payee, since)),
                earlier: None,
                client_account,
                biller,
            },
            inherited: Vec::new(),
            last: None,
        };
        let Some(payment) = self.payments.get(&identity.payment.0) else { return recalled };
        recalled.last = payment.decision;
        // INVARIANT: the bytes were written by `apply`.
        let stated = payment.stated.as_deref().and_then(|bytes| Stated::take(bytes).ok());
        let Some(mut stated) = stated else { return recalled };
        let payee_changed = payment.payee != identity.payee;
        if payee_changed {
            stated.forget_payee();
        }

        recalled.recall.earlier = Some(Earlier {
            stage: payment.stage,
            decided: payment.decided,
            looks: payment.looks,
            payee_changed,
            amount_changed: stated.transfer.money != request.transfer.money,
            unanswered: payment.asked && request.answers.is_empty(),
        });
        recalled.inherited = payment.inherit(&stated, &mut request.transfer);
        let mut answers = stated.answers;
        answers.append(&mut request.answers);
        request.answers = answers;
        recalled
    }

    /// Returns what is known of a payment that is being reported.
    pub fn payment(&self, payment: Token) -> Option<PaymentState> {
        let payment = self.payments.get(&payment.0)?;
        Some(PaymentState {
            decision: payment.decision,
            reported: payment.execution.zip(payment.reported),
            customer: payment.customer,
            payee: payment.payee,
            money: payment.money,
        })
    }

    /// Takes one more entry, written at log time `time`.
    pub fn apply(&mut self, entry: &Entry, time: Time) {
        self.apply_written(entry, &entry.parts(time));
    }

    /// Takes one more entry, of which `parts` are what is written.
    pub fn apply_written(&mut self, entry: &Entry, parts: &Parts) {
        let position = self.head.position;
        self.head.time = self.head.time.max(parts.time);
        match entry {
            Entry::Parameters(parameters) => self.head.parameters = *parameters,
            Entry::Activated(activated) => self.head.policy = Some(activated.policy),
            Entry::Decided(decided) => self.decided(position, decided, parts),
            Entry::Executed(executed) => self.executed(position, executed),
            Entry::Listed(listed) => self.listed(listed, parts.time),
            Entry::Imported(imported) => self.imported(imported),
        }
        self.grow_old(position);
        self.head.position = position.saturating_add(1);
    }

    /// Returns the SHA-256 of everything remembered, as a snapshot writes it.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        snapshot::Slices::new(self.clone()).for_each(|slice| hash.update(&slice));
        hash.finalize().into()
    }

    fn decided(&mut self, position: u64, decided: &Decided, parts: &Parts) {
        let identity = &decided.public.identity;
        let time = decided.time;
        self.see(identity.customer, decided.slot, time);

        let answered = Answered { position, fingerprint: identity.fingerprint };
        self.requests.entry(identity.request, || answered);

        let Some(payment) =
            self.payments.entry(identity.payment.0, || Arc::new(Payment::new(decided)))
        else {
            return;
        };
        let payment = Arc::make_mut(payment);
        payment.decision = Some(position);
        payment.stage = decided.public.stage;
        payment.decided = time;
        payment.looks = payment.looks.saturating_add(1);
        payment.asked = decided.public.hold == Some(HoldKind::PendingAnswers);
        payment.slot = decided.slot;
        payment.customer = identity.customer;
        payment.payee = identity.payee;
        let facts = decided.personal.as_ref().map(|personal| &personal.facts);
        payment.money = facts.map(|facts| facts.transfer.money);
        // INVARIANT: the bytes were written from `decided`.
        let stated = parts.personal.as_deref().map(Stated::bytes_of);
        payment.stated = stated.and_then(Result::ok);
    }

    fn executed(&mut self, position: u64, executed: &Executed) {
        let public = &executed.public;
        self.see(public.customer, executed.slot, executed.time);

        let new = || Arc::new(Payment::reported(executed));
        let Some(payment) = self.payments.entry(public.payment.0, new) else { return };
        let payment = Arc::make_mut(payment);
        payment.execution = Some(public.execution);
        payment.reported = Some(position);
        // What was sent counts once, whatever is reported of it later.
        let left = matches!(public.execution, Execution::Sent | Execution::SentUnscreened);
        if let Some(personal) = executed.personal.as_ref().filter(|_| left && !payment.counted)
            && let Some(payer) = self.payers.get_mut(&public.customer.0)
        {
            payment.counted = true;
            payer.send(public.payee, personal.executed, personal.money);
        }
    }

    /// Remembers a payer from its first entry on.
    fn see(&mut self, customer: Token, slot: u32, time: Time) {
        let new = || Payer { slot, first: time, seen: time, live: true, pairs: Arc::default() };
        if let Some(payer) = self.payers.entry(customer.0, new) {
            payer.seen = payer.seen.max(time);
            payer.live = true;
        }
        self.head.slot_next = self.head.slot_next.max(slot.saturating_add(1));
    }

    /// Forgets what is too old or too much, a little with every entry.
    fn grow_old(&mut self, position: u64) {
        let now = self.head.time;
        let parameters = self.head.parameters;
        // An id must outlive its window by the skew that a request's own time may run ahead.
        if parameters.window.0.saturating_add(AHEAD_MAX.0) <= now.since(self.head.requests_since).0
        {
            self.requests.turn_over();
            self.head.requests_since = now;
        }
        let payments_max = usize::try_from(parameters.payments_max / 2).unwrap_or(usize::MAX);
        if PAYMENT_AGE <= now.since(self.head.payments_since)
            || payments_max.max(1) <= self.payments.young_len()
        {
            self.payments.turn_over();
            self.head.payments_since = now;
        }
        self.requests.free_some();
        self.payments.free_some();
        if position.checked_rem(SWEEP_EVERY) == Some(0) {
            let since = now.minus(HORIZON);
            let shard = position.checked_div(SWEEP_EVERY).unwrap_or(0);
            self.payers.sweep(shard, |payer| payer.seen < since);
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Parameters {
    /// What holds before the log says otherwise.
    ///
    /// A day is longer than any retry. Four million ids take about 200 MB, and are a day of 46
    /// requests a second: a busier bank shortens the window, which a retry within minutes allows. A
    /// quarter of a million payments are a day of three a second, or a minute of the busiest.
    pub const FIRST: Self =
        Self { window: Span::hours(24), requests_max: 4_000_000, payments_max: 250_000 };
}

impl Payer {
    fn pair(&self, payee: Token, since: Time) -> Option<Pair> {
        let at = self.pairs.binary_search_by(|pair| pair.payee.cmp(&payee)).ok()?;
        self.pairs.get(at).filter(|pair| since <= pair.last).copied()
    }

    fn send(&mut self, payee: Token, sent: Time, money: Money) {
        let pairs = Arc::make_mut(&mut self.pairs);
        match pairs.binary_search_by(|pair| pair.payee.cmp(&payee)) {
            Ok(at) => {
                if let Some(pair) = pairs.get_mut(at) {
                    pair.add(sent, money);
                }
            }
            Err(at) => {
                // A payer has few payees: growing by one keeps a million of them small.
                pairs.reserve_exact(1);
                pairs.insert(at, Pair::begin(payee, sent, money));
                if PAIRS_MAX < pairs.len() {
                    let oldest = pairs.iter().enumerate().min_by_key(|(_, pair)| pair.last);
                    if let Some((oldest, _)) = oldest {
                        pairs.remove(oldest);
                    }
                }
            }
        }
    }
}

impl Payment {
    fn new(decided: &Decided) -> Self {
        Self {
            decision: None,
            stage: decided.public.stage,
            decided: decided.time,
            looks: 0,
            asked: false,
            slot: decided.slot,
            customer: decided.public.identity.customer,
            payee: decided.public.identity.payee,
            money: None,
            stated: None,
            execution: None,
            reported: None,
            counted: false,
        }
    }

    fn reported(executed: &Executed) -> Self {
        Self {
            decision: executed.public.decision,
            stage: Stage::AtSubmission,
            decided: executed.time,
            looks: 0,
            asked: false,
            slot: executed.slot,
            customer: executed.public.customer,
            payee: executed.public.payee,
            money: executed.personal.as_ref().map(|personal| personal.money),
            stated: None,
            execution: None,
            reported: None,
            counted: false,
        }
    }

    /// Lets `transfer` inherit what was stated; a fact that was itself inherited keeps its source.
    fn inherit(&self, stated: &Stated, transfer: &mut Transfer) -> Vec<Inherited> {
        let mut inherited = Vec::new();
        transfer.inherit(&stated.transfer, |fact| {
            let source = stated.inherited.iter().find(|source| source.fact == fact);
            let own = Inherited { fact, stage: self.stage, stated: self.decided };
            inherited.push(source.copied().unwrap_or(own));
        });
        inherited
    }
}

impl Tagged for Arc<Payment> {
    fn put(&self, bytes: &mut Vec<u8>) {
        Payment::put(self, bytes);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        Payment::take(bytes).map(Self::new)
    }
}

impl Tagged for Arc<Vec<Pair>> {
    fn put(&self, bytes: &mut Vec<u8>) {
        for pair in self.iter() {
            crate::tagged::put_sized(bytes, |bytes| pair.put(bytes));
        }
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        let mut pairs: Vec<Pair> = Vec::new();
        while !bytes.is_empty() {
            let pair = Pair::take(crate::tagged::take_sized(&mut bytes)?)?;
            if pairs.last().is_some_and(|last| pair.payee <= last.payee) {
                return Err(TaggedError::NotCanonical);
            }
            pairs.push(pair);
        }
        pairs.shrink_to_fit();
        Ok(Self::new(pairs))
    }
}

crate::tagged::always!(Arc<Vec<Pair>>);

/// How far ahead of our clock a caller's may run. Banks keep clocks to the second (`CHAPS` and
/// Faster Payments require it); five minutes is what Kerberos and most token checks allow.
pub const AHEAD_MAX: Span = Span::minutes(5);

/// Raised whenever the same entries may be remembered differently: older snapshots are then not
/// read, and the log is folded again.
///
/// 2 remembers lists of accounts, 3 past payments.
pub const FOLD_VERSION: u32 = 3;

// How long a payment's earlier looks are kept, at least, if there is room: the app's look and the
// engine's are minutes apart, an answer to questions hours.
const PAYMENT_AGE: Span = Span::hours(24);

// One shard of payers is looked over with every 64th entry: all of them within half a million.
const SWEEP_EVERY: u64 = 64;
