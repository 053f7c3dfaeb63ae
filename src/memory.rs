//! Memory: everything remembered, as a fold over the log.
//!
//! There is one way to change it, [`Memory::apply`], which reads nothing but the entry and its
//! position. So what is remembered follows from the log alone: it can be deleted and is rebuilt, and
//! two machines with the same log remember the same.
//!
//! Bounded: by the horizon for payers, by the parameters in the log for request ids and payments, by
//! constants for the payees of a payer, for attempts, for payees and for what is due, by the parts of
//! a list for the accounts on it, by [`imports::IMPORTS_MAX`] for files of past payments. Time inside
//! is log time.
//!
//! Never reads a clock, and never holds a name or an account number, only tokens; the transfers of
//! recent payments, which a later look inherits, are the exception and are dropped first.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::entry::{Entry, Executed, Execution, Identity, Parameters, Parts};
use crate::history::cleared::Cleared;
use crate::history::drawn::Drawn;
use crate::history::pairs::{seconds_of, time_of};
use crate::history::past::Past;
use crate::history::recent::{RECENT_AGE, Recent};
use crate::history::{Earlier, HORIZON, Recall};
use crate::money::Money;
use crate::tagged::{Tagged as _, record};
use crate::transfer::{Answer, Inherited, Transfer};

pub mod arrivals;
mod due;
pub mod imports;
pub mod lists;
mod past;
mod payment;
pub mod snapshot;
mod stated;
pub mod table;
mod told;
#[cfg(test)]
mod tests;

use arrivals::Generations;
use due::Queue;
use imports::Imports;
use lists::Lists;
use payment::Payment;
use stated::Stated;
use table::{Key, Table};

pub use told::{Told, Unwritten};

/// Everything remembered after some number of entries.
#[derive(Debug)]
pub struct Memory {
    head: Head,
    /// Shared, because a copy mostly does not touch it.
    lists: Arc<Lists>,
    imports: Arc<Imports>,
    payers: Table<Payer>,
    requests: Generations<Answered>,
    payments: Generations<Payment>,
    /// Accounts across payers. Shared, because a row is large and a copy mostly does not touch it.
    drawn: Generations<Arc<Drawn>>,
    /// What counts as sent by and by, where the bank does not report.
    due: Queue,
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
    /// When that of accounts across payers did.
    drawn_since: Time,
    /// When the bank last reported what became of a payment.
    reported: Option<Time>,
}

/// What is remembered of a payer.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Payer {
    slot: u32,
    /// Seconds since 1970, so that a row is short.
    first: u32,
    seen: u32,
    /// Whether anything but past payments is known: somebody asked about them, or reported.
    live: bool,
    /// Absent until something was sent or stopped. Shared, because copies of a payer mostly do not
    /// touch it.
    past: Option<Arc<Past>>,
    /// What a person let go after it was held.
    cleared: Option<Arc<Cleared>>,
    /// What was tried within a day, and for some days more.
    recent: Option<Arc<Recent>>,
}

/// A request that was answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Answered {
    position: u64,
    fingerprint: [u8; 16],
}

/// What is recalled for a request, besides the facts that its transfer inherits.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
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
    8 drawn_since, 9 reported,
});
record!(Payer { 1 slot, 2 first, 3 seen, 4 past, 5 live, 6 recent, 7 cleared });
record!(Answered { 1 position, 2 fingerprint });
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
            drawn_since: Time::MIN,
            reported: None,
        };
        Self {
            head,
            lists: Arc::default(),
            imports: Arc::default(),
            payers: Table::new(),
            requests: Generations::new(),
            payments: Generations::new(),
            drawn: Generations::new(),
            due: Queue::default(),
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
        let customers = keys(|identity| identity.customer.0);
        let mut read = self.payers.warm(&customers);
        let requests = keys(Identity::question);
        for one in self.requests.both() {
            read ^= one.warm(&requests);
        }
        let payments = keys(|identity| identity.payment.0);
        for one in self.payments.both() {
            read ^= one.warm(&payments);
        }
        let payees = keys(|identity| identity.payee.0);
        for one in self.drawn.both() {
            read ^= one.warm(&payees);
        }
        // Last, because it lies behind the payers' rows.
        for identity in identities {
            let payer = self.payers.get(&identity.customer.0);
            let past = payer.and_then(|payer| payer.past.as_ref());
            read ^= past.map_or(0, |past| past.warm(identity.payee));
            let recent = payer.and_then(|payer| payer.recent.as_ref());
            read ^= recent.map_or(0, |recent| recent.warm());
        }
        std::hint::black_box(read);
    }

    /// Tells whether a request was answered before, at log time `now`.
    pub fn known(&self, identity: &Identity, requested: Time, now: Time) -> Known {
        if let Some(answered) = self.requests.get(&identity.question()) {
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

    /// Recalls what is known of a request's payer, payee and payment at log time `now`, and lets its
    /// transfer and answers inherit what earlier looks at the payment stated: the facts that it lacks,
    /// less those of another payee, and every answer, because an admission made once stands.
    pub fn recall(
        &self,
        identity: &Identity,
        (transfer, answers): (&mut Transfer, &mut Vec<Answer>),
        now: Time,
    ) -> Recalled {
        let recall = self.past(identity, transfer, now);
        let mut recalled = Recalled { recall, inherited: Vec::new(), last: None };
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
            amount_changed: stated.transfer.money != transfer.money,
            unanswered: payment.asked && answers.is_empty(),
        });
        recalled.inherited = payment.inherit(&stated, transfer);
        stated.answers.append(answers);
        *answers = stated.answers;
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
        self.take(parts.time, |memory, position| match entry {
            Entry::Parameters(parameters) => memory.head.parameters = *parameters,
            Entry::Activated(activated) => memory.head.policy = Some(activated.policy),
            Entry::Decided(decided) => {
                // INVARIANT: the bytes were written from `decided`.
                let stated = parts.personal.as_deref().map(Stated::bytes_of);
                memory.decided(position, &Told::from(&**decided), stated.and_then(Result::ok));
            }
            Entry::Executed(executed) => memory.executed(position, executed),
            Entry::Listed(listed) => memory.listed(listed, parts.time),
            Entry::Imported(imported) => memory.imported(imported),
            Entry::Read(_) => {}
        });
    }

    /// Takes one more entry that is written nowhere.
    pub fn apply_unwritten(&mut self, unwritten: &Unwritten<'_>) {
        match unwritten {
            Unwritten::Decided(told) => {
                self.take(told.time, |memory, position| memory.decided(position, told, None));
            }
            Unwritten::Executed(executed) => {
                self.take(executed.time, |memory, position| memory.executed(position, executed));
            }
        }
    }

    /// Returns the SHA-256 of everything remembered, as a snapshot writes it.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        snapshot::Slices::new(self).for_each(|slice| hash.update(&slice));
        hash.finalize().into()
    }

    /// Takes one more entry of log time `time`, as `fold` does at its position.
    fn take(&mut self, time: Time, fold: impl FnOnce(&mut Self, u64)) {
        let position = self.head.position;
        self.head.time = self.head.time.max(time);
        self.settle();
        fold(self, position);
        self.grow_old(position);
        self.head.position = position.saturating_add(1);
    }

    /// Remembers a decision; `stated` is what a later look inherits of it.
    fn decided(&mut self, position: u64, told: &Told<'_>, stated: Option<Box<[u8]>>) {
        let identity = told.identity;
        let answered = Answered { position, fingerprint: identity.fingerprint };
        self.requests.entry(identity.question(), || answered);

        let new = || Payment::new(told);
        let Some(payment) = self.payments.entry(identity.payment.0, new) else { return };
        payment.look(position, told, stated);
        let reported = payment.execution.is_some();
        self.attempted(told, reported);
    }

    fn executed(&mut self, position: u64, executed: &Executed) {
        let public = &executed.public;
        self.see(public.customer, executed.slot, executed.time);
        self.head.reported = Some(executed.time);

        let new = || Payment::reported(executed);
        let Some(payment) = self.payments.entry(public.payment.0, new) else { return };
        payment.execution = Some(public.execution);
        payment.reported = Some(position);
        let Some(personal) = &executed.personal else { return };
        let held = payment.held;
        let left = matches!(public.execution, Execution::Sent | Execution::SentUnscreened);
        if left && let Some(sent) = payment.send(personal.executed, personal.money) {
            let customer = payment.customer;
            self.send(customer, public.payment, sent);
        }
        self.clear(public, held, personal.executed, personal.money);
    }

    /// Remembers a payer from its first entry on, and returns what is remembered.
    fn see(&mut self, customer: Token, slot: u32, time: Time) -> Option<&mut Payer> {
        let seconds = seconds_of(time);
        self.head.slot_next = self.head.slot_next.max(slot.saturating_add(1));
        let payer = self.payers.entry(customer.0, || Payer::new(slot, seconds))?;
        payer.seen = payer.seen.max(seconds);
        payer.live = true;
        Some(payer)
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
            // What goes was last looked at before the older of the two began.
            self.due.forget(self.head.payments_since);
            self.head.payments_since = now;
        }
        if DRAWN_AGE <= now.since(self.head.drawn_since) || DRAWN_MAX <= self.drawn.young_len() {
            self.drawn.turn_over();
            self.head.drawn_since = now;
        }
        self.requests.free_some();
        self.payments.free_some();
        self.drawn.free_some();
        if position.checked_rem(SWEEP_EVERY) == Some(0) {
            let shard = position.checked_div(SWEEP_EVERY).unwrap_or(0);
            self.payers.sweep(shard, |payer| payer.wanes(now), |payer| payer.wane(now));
        }
    }
}

impl Payer {
    /// Begins with what is known of a payer first seen so many seconds after 1970.
    fn new(slot: u32, seconds: u32) -> Self {
        Self {
            slot,
            first: seconds,
            seen: seconds,
            live: false,
            past: None,
            cleared: None,
            recent: None,
        }
    }

    /// Tells whether some of it is too old.
    fn wanes(&self, now: Time) -> bool {
        let seen = time_of(self.seen);
        seen < now.minus(HORIZON) || self.recent.is_some() && seen < now.minus(RECENT_AGE)
    }

    /// Forgets what is too old, and tells whether anything is left.
    fn wane(&mut self, now: Time) -> bool {
        self.recent = None;
        now.minus(HORIZON) <= time_of(self.seen)
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

/// How far ahead of our clock a caller's may run. Banks keep clocks to the second (`CHAPS` and
/// Faster Payments require it); five minutes is what Kerberos and most token checks allow.
pub const AHEAD_MAX: Span = Span::minutes(5);

/// Raised whenever the same entries may be remembered differently: older snapshots are then not
/// read, and the log is folded again.
///
/// 2 remembers lists of accounts; 3 what is usual for payers, their attempts, accounts across payers,
/// what counts as sent without a report, and past payments that a file brought; 4 keeps attempts with
/// their payer, eight of a day; 5 remembers what a person let go after it was held; 6 forgets it whenever the money
/// comes back; 7 keeps ids, payments and accounts in the order in which they came, and takes no own account
/// for a stranger; 8 keeps a payee in 17 bytes and counts its payments to 255, and times of accounts to the
/// second.
pub const FOLD_VERSION: u32 = 8;

// How long a payment's earlier looks are kept, at least, if there is room: the app's look and the
// engine's are minutes apart, an answer to questions hours.
const PAYMENT_AGE: Span = Span::hours(24);

// How long an account is remembered across payers after it was last first paid, held or marked, at
// least, if there is room: no window is longer than a week, and a month tells when it was first seen.
const DRAWN_AGE: Span = Span::days(30);
const DRAWN_MAX: usize = 250_000;

// One shard of payers is looked over with every 64th entry, all of them within a million: attempts
// that are older than a day are then those of a million entries at most, which take 200 MB.
const SWEEP_EVERY: u64 = 64;
