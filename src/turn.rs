//! Turn: the one writer. Gathers, decides and records a batch, and answers when it is durable.
//!
//! Everything waiting is decided in the order it came, each decision applied at once so that the
//! next one sees it; then all are recorded as one frame. While the frame is on its way to disk the
//! next batch gathers by itself: the busier the service, the larger the batch and the cheaper each
//! decision. No timers, no locks on what is remembered, no races between transfers of one payer.
//!
//! [`Engine`] is all of that without threads, so that a simulation can drive it step by step;
//! [`desk`] brings calls to it and answers back.

use std::sync::Arc;

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::decision::{Decision, decide};
use crate::entry::{
    Decided, DecidedPersonal, DecidedPublic, Entry, Executed, ExecutedPersonal, ExecutedPublic,
    Execution, Identity, Listed, Read, UnscreenedReason, decision_position,
};
use crate::log::{Commit, Fatal, Log, Receipt, Recorded};
use crate::memory::imports::Progress;
use crate::memory::lists::Place;
use crate::memory::{Known, Memory, PaymentState, Recalled};
use crate::money::Money;
use crate::policy::Policy;
use crate::signal::{Facts, Mode};
use crate::telemetry::count::{self, Step};
use crate::telemetry::deciding;
use crate::telemetry::trace::Turning;
use crate::text::Mention;
use crate::transfer::{Rejected, Request};
use crate::turn::import::{Part, Settled};

pub mod behind;
pub mod clockwork;
pub mod desk;
pub mod import;
pub mod run;
pub mod space;
pub mod start;
mod traced;

/// Something to be recorded and answered.
#[derive(Debug)]
pub enum Task {
    /// A question about a transfer.
    Screen(Box<Screen>),
    /// A report of what became of a payment.
    Execute(Box<Execute>),
    /// A part of a list of accounts that the bank vouches for.
    List(Box<Listed>),
    /// A part of a file of past payments; waits while anything else does.
    Import(Box<Part>),
    /// A question of how far a file of past payments is recorded.
    Imported([u8; 16]),
    /// That somebody reads what a decision says of people.
    Read(Box<Read>),
}

/// A question about a transfer, read at the door.
#[derive(Debug)]
pub struct Screen {
    /// What the bank asks.
    pub request: Request,
    /// Its tokens.
    pub identity: Identity,
    /// What its texts mention.
    pub mentions: Vec<Mention>,
    /// Digest of the policy whose lexicon found them.
    pub policy: [u8; 32],
    /// Its spans, where it is traced.
    pub trace: Option<Box<Turning>>,
}

/// A report of what became of a payment, read at the door.
#[derive(Debug)]
pub struct Execute {
    /// The bank's id of the payment.
    pub payment_id: Box<str>,
    /// Its token.
    pub payment: Token,
    /// The last decision about it, as the bank names it.
    pub decision: Option<[u8; 16]>,
    /// What became of it.
    pub execution: Execution,
    /// Why it left without a decision.
    pub unscreened: Option<UnscreenedReason>,
    /// When that happened.
    pub executed: Time,
    /// The scheme's or bank's code.
    pub reason: Option<Box<str>>,
    /// The payment, where memory may not have it: as the bank states it, or as the log has it.
    pub subject: Option<Subject>,
    /// Who reports it.
    pub caller: Option<Token>,
    /// Its spans, where it is traced.
    pub trace: Option<Box<Turning>>,
}

/// A payment that is being reported.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The payer.
    pub customer: Token,
    /// The payee's account.
    pub payee: Token,
    /// How much.
    pub money: Money,
    /// Position of the last decision about it.
    pub decision: Option<u64>,
}

/// What a task comes to.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A decision, durable.
    Decided(Box<Decided>, Receipt),
    /// A report, durable.
    Executed(Box<Executed>, Receipt),
    /// It was answered before: the entry at this position says how.
    Earlier(u64),
    /// So many parts of a list are durable; of how many.
    Listed(u32, u32),
    /// A part of a file of past payments, durable.
    Part(Box<Settled>, Receipt),
    /// How far a file of past payments is recorded.
    Import(Progress),
    /// That somebody reads what a decision says of people is durable.
    Noted(Receipt),
}

/// Why a task has no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The request id was used for another transfer.
    IdReused,
    /// The request was made before the window in which ids are remembered.
    TooOld,
    /// No more ids can be remembered for now.
    IdsFull,
    /// Too many tasks wait.
    QueueFull,
    /// Too many tasks wait, and the caller has its share of them.
    QueueShareFull,
    /// The disk has no room for more than the last of what was taken.
    DiskNearlyFull,
    /// The deadline passed before deciding began; nothing was recorded.
    ExpiredBeforeDeciding,
    /// Deciding began, and the call had to end before its record was durable.
    OutcomeUnknown,
    /// Deciding this one transfer failed; nothing was recorded.
    DecidingFailed,
    /// The service is stopping.
    Stopping,
    /// Nothing is known of the payment.
    NotFound,
    /// The payment was reported otherwise before.
    ExecutionConflict,
    /// The entry that has the answer cannot be read.
    Unreadable,
    /// Another list was loaded under this version.
    ListVersionReused,
    /// A later version of the list is in force.
    ListVersionOld,
    /// Parts of the list before this one are not recorded.
    ListPartEarly,
    /// Rows of the file before this part are not settled, or some of its own are.
    ImportPartElsewhere,
}

/// What a task comes to, or why nothing.
pub type Outcome = Result<Answer, Refusal>;

/// Why the service cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The log takes nothing more.
    #[error(transparent)]
    Log(#[from] Fatal),
    /// Nobody can say whether a batch was recorded.
    #[error("a batch may or may not be recorded")]
    Unknown,
    /// A batch was refused after it had been decided.
    #[error("a batch was not recorded")]
    NotCommitted,
    /// An entry of another writer cannot be read.
    #[error(transparent)]
    Entry(#[from] crate::entry::EntryError),
}

/// The log, what is remembered of it, and the policy that decides.
#[derive(Debug)]
pub struct Engine<L> {
    log: L,
    memory: Memory,
    policy: Arc<Policy>,
    // Kept from one batch to the next: for a full one they are so large that the allocator would
    // give them back to the system and take them again, page by page.
    placed: Vec<Placed>,
    entries: Vec<(usize, Entry)>,
    /// Those of the batch that are traced.
    traced: Vec<Turning>,
}

/// What became of a task within its batch.
#[derive(Debug)]
enum Placed {
    /// It needs no record.
    Settled(Outcome),
    /// It is the next entry of the batch.
    Entry,
    /// It is answered as the task of this number in the batch is.
    As(usize),
    /// It is a part of a file, and so many next entries of the batch.
    Part(usize, Box<Settled>),
}

impl<L: Log> Engine<L> {
    /// Takes a log, the memory folded from all of it, and the policy that its last activation names.
    pub fn new(log: L, memory: Memory, policy: Arc<Policy>) -> Self {
        Self { log, memory, policy, placed: Vec::new(), entries: Vec::new(), traced: Vec::new() }
    }

    /// Returns what is remembered.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Returns the log.
    pub fn log(&self) -> &L {
        &self.log
    }

    /// Ends the engine and returns the log, to be closed.
    pub fn into_log(self) -> L {
        self.log
    }

    /// Returns the policy that decides.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Records entries of the service itself.
    pub fn record(&mut self, entries: &[Entry], clock: Time) -> Result<(), EngineError> {
        let mut batch = Batch::take(&mut self.log, &mut self.memory, clock)?;
        for entry in entries {
            batch.push(entry)?;
        }
        batch.commit().map(|_| ())
    }

    /// Decides and records every task, in order, and returns as many outcomes. When it returns,
    /// what the outcomes say is durable. After an error nothing may be answered: the process ends,
    /// and the next one finds out what was recorded.
    pub fn turn(&mut self, tasks: Vec<Task>, clock: Time) -> Result<Vec<Outcome>, EngineError> {
        let (mut tasks, mut outcomes) = (tasks, Vec::new());
        self.answer(&mut tasks, clock, &mut outcomes)?;
        Ok(outcomes)
    }

    /// The same, for a caller who keeps its buffers: takes all of `tasks`, and puts as many outcomes
    /// in the place of those before.
    pub fn answer(
        &mut self,
        tasks: &mut Vec<Task>,
        clock: Time,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), EngineError> {
        let count = tasks.len();
        count::batch(count);
        let mut batch = Batch::take(&mut self.log, &mut self.memory, clock)?;
        self.placed.clear();
        self.entries.clear();
        let mut left = tasks.drain(..);
        for number in 0_usize.. {
            if number.checked_rem(AHEAD) == Some(0) {
                batch.warm(left.as_slice().iter().take(AHEAD));
            }
            let Some(mut task) = left.next() else { break };
            let deciding = count::sample(Step::Decide);
            let mut traced = task.taken();
            let made = match task {
                Task::Screen(screen) => batch.screen(*screen, &self.policy),
                Task::Execute(execute) => batch.execute(*execute),
                Task::List(listed) => batch.list(listed),
                Task::Read(read) => Made::Entry(Entry::Read(read)),
                Task::Import(part) => batch.import(*part, number, &mut self.entries)?,
                Task::Imported(import) => {
                    Made::Settled(Ok(Answer::Import(batch.memory.import(import))))
                }
            };
            if let Some(traced) = &mut traced {
                traced.decided();
            }
            self.placed.push(match made {
                Made::Entry(entry) => {
                    let recording = count::step(Step::Decide, deciding);
                    batch.push(&entry)?;
                    count::step(Step::Record, recording);
                    if let Some(traced) = &mut traced {
                        traced.recorded();
                    }
                    count::made(&entry);
                    self.entries.push((number, entry));
                    Placed::Entry
                }
                // INVARIANT: what is in the batch was made by a task of it.
                Made::Same(at) => match self.entries.get(at) {
                    Some((number, _)) => Placed::As(*number),
                    None => Placed::Settled(Err(Refusal::OutcomeUnknown)),
                },
                Made::Part(count, settled) => Placed::Part(count, settled),
                Made::Settled(outcome) => Placed::Settled(outcome),
            });
            self.traced.extend(traced.map(|traced| *traced));
        }
        let recorded = batch.commit_traced(&mut self.traced, count)?;
        let mut durable = self.entries.drain(..).zip(recorded.receipts());
        outcomes.clear();
        for place in self.placed.drain(..) {
            let outcome = match place {
                Placed::Settled(outcome) => Some(outcome),
                Placed::Entry => durable.next().map(|((_, entry), receipt)| made(entry, receipt)),
                Placed::As(number) => outcomes.get(number).cloned(),
                // The receipt of the last, which ends the part.
                Placed::Part(count, settled) => durable
                    .nth(count.saturating_sub(1))
                    .map(|(_, receipt)| Ok(Answer::Part(settled, receipt))),
            };
            // INVARIANT: there is a receipt for each entry, and a task is answered after those
            // before it.
            outcomes.push(outcome.unwrap_or(Err(Refusal::OutcomeUnknown)));
        }
        Ok(())
    }
}

/// A batch in the making.
struct Batch<'a, T> {
    turn: T,
    memory: &'a mut Memory,
    /// Log time of every entry in it.
    now: Time,
    /// Position of its first entry.
    first: u64,
}

/// What deciding a task makes.
enum Made {
    /// One more entry.
    Entry(Entry),
    /// So many entries of a part of a file, which are pushed already.
    Part(usize, Box<Settled>),
    /// Nothing new: the entry at this place of the batch answers it.
    Same(usize),
    /// Nothing at all.
    Settled(Outcome),
}

impl<'a, T: crate::log::Turn> Batch<'a, T> {
    fn take<L: Log<Turn<'a> = T>>(
        log: &'a mut L,
        memory: &'a mut Memory,
        clock: Time,
    ) -> Result<Self, EngineError> {
        let turn = log.take_turn(memory.position())?;
        for stored in turn.others() {
            memory.apply_written(&Entry::read(&stored.parts)?, &stored.parts);
        }
        let now = memory.time().max(clock);
        Ok(Self { first: memory.position(), turn, memory, now })
    }

    /// Reads ahead what these tasks will look up.
    fn warm<'t>(&self, tasks: impl Iterator<Item = &'t Task>) {
        let screened = tasks.filter_map(|task| match task {
            Task::Screen(screen) => Some(&screen.identity),
            Task::Execute(_)
            | Task::List(_)
            | Task::Import(_)
            | Task::Imported(_)
            | Task::Read(_) => None,
        });
        self.memory.warm(&screened.collect::<Vec<_>>());
    }

    fn push(&mut self, entry: &Entry) -> Result<(), EngineError> {
        let parts = entry.parts(self.now);
        self.turn.push(&parts)?;
        self.memory.apply_written(entry, &parts);
        Ok(())
    }

    fn commit(self) -> Result<Recorded, EngineError> {
        match self.turn.commit() {
            Commit::Recorded(recorded) => Ok(recorded),
            Commit::NotCommitted => Err(EngineError::NotCommitted),
            Commit::Unknown => Err(EngineError::Unknown),
            Commit::Fatal(fatal) => Err(EngineError::Log(fatal)),
        }
    }

    /// Returns the place in this batch of what stands at `position`, or says that it came before.
    fn earlier(&self, position: u64) -> Made {
        let place = position.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        place.map_or(Made::Settled(Ok(Answer::Earlier(position))), Made::Same)
    }

    fn screen(&mut self, screen: Screen, policy: &Policy) -> Made {
        let Screen { mut request, identity, mentions, policy: matched, trace: _ } = screen;
        match self.memory.known(&identity, request.requested, self.now) {
            Known::New => {}
            Known::Answered(position) => return self.earlier(position),
            Known::Reused => return Made::Settled(Err(Refusal::IdReused)),
            Known::TooOld => return Made::Settled(Err(Refusal::TooOld)),
            Known::Full => return Made::Settled(Err(Refusal::IdsFull)),
        }

        let recalled = self.memory.recall(&identity, request.stated(), self.now);
        let continues = continues(request.continues, &mut request.rejected, recalled.last);
        // Answers and texts of earlier looks were not there to be matched at the door.
        let matched = matched == policy.digest() && recalled.recall.earlier.is_none();
        let mentions = if matched {
            mentions
        } else {
            policy.mentions(&request.transfer.texts, &request.answers)
        };
        let payment_id = std::mem::take(&mut request.payment_id);
        let facts = facts(request, mentions, recalled, self.now);

        // Nothing that outlives the call is touched within.
        let decided = deciding(|| {
            let decision = decide(&facts, policy);
            let words = decision.words(&facts, policy);
            (decision, words)
        });
        let Some((decision, words)) = decided else {
            return Made::Settled(Err(Refusal::DecidingFailed));
        };
        let mut public = DecidedPublic::of(identity, &facts, &decision, policy.digest());
        public.continues = continues;
        Made::Entry(Entry::Decided(Box::new(Decided {
            time: self.now,
            slot: self.memory.slot(identity.customer),
            public,
            personal: Some(DecidedPersonal { payment_id, facts, decision, words }),
        })))
    }

    fn execute(&mut self, execute: Execute) -> Made {
        let state = self.memory.payment(execute.payment);
        let subject = match (&state, execute.subject) {
            (Some(PaymentState { customer, payee, money: Some(money), decision, .. }), _) => {
                let (customer, payee, money) = (*customer, *payee, *money);
                Subject { customer, payee, money, decision: *decision }
            }
            (_, Some(subject)) => subject,
            (_, None) => return Made::Settled(Err(Refusal::NotFound)),
        };
        let named = execute.decision.map(decision_position);
        if named.is_some_and(|named| subject.decision != Some(named)) {
            return Made::Settled(Err(Refusal::NotFound));
        }
        if let Some((before, position)) = state.and_then(|state| state.reported) {
            if before == execute.execution {
                return self.earlier(position);
            }
            if !follows(before, execute.execution) {
                return Made::Settled(Err(Refusal::ExecutionConflict));
            }
        }
        Made::Entry(Entry::Executed(Box::new(Executed {
            time: self.now,
            slot: self.memory.slot(subject.customer),
            public: ExecutedPublic {
                payment: execute.payment,
                customer: subject.customer,
                payee: subject.payee,
                execution: execute.execution,
                unscreened: execute.unscreened,
                decision: subject.decision,
                caller: execute.caller,
            },
            personal: Some(ExecutedPersonal {
                payment_id: execute.payment_id,
                money: subject.money,
                executed: execute.executed,
                reason: execute.reason,
            }),
        })))
    }

    fn list(&self, listed: Box<Listed>) -> Made {
        match self.memory.list_place(&listed) {
            Place::Next => Made::Entry(Entry::Listed(listed)),
            Place::Before(recorded) => Made::Settled(Ok(Answer::Listed(recorded, listed.parts))),
            Place::Reused => Made::Settled(Err(Refusal::ListVersionReused)),
            Place::Old => Made::Settled(Err(Refusal::ListVersionOld)),
            Place::Early => Made::Settled(Err(Refusal::ListPartEarly)),
        }
    }
}

/// Returns what a stored decision would be decided as by `policy`: for replay and comparison.
pub fn redecide(decided: &Decided, policy: &Policy) -> Option<Decision> {
    decided.personal.as_ref().map(|personal| decide(&personal.facts, policy))
}

/// Returns what deciding reads about a request.
pub(crate) fn facts(
    request: Request,
    mentions: Vec<Mention>,
    recalled: Recalled,
    now: Time,
) -> Facts {
    let [seed @ .., _, _, _, _, _, _, _, _] = request.id;
    Facts {
        transfer: request.transfer,
        stage: request.stage,
        can_ask: request.can_ask,
        answers: request.answers,
        mentions,
        recall: recalled.recall,
        inherited: recalled.inherited,
        decided: now,
        mode: Mode::Normal,
        seed: u64::from_be_bytes(seed),
        rejected: request.rejected,
    }
}

/// Returns the earlier decision that a request goes on from by its `named`, if it is the payment's `last`
/// one; otherwise lists the field as one that could not be used.
pub(crate) fn continues(
    named: Option<[u8; 16]>,
    rejected: &mut Vec<Rejected>,
    last: Option<u64>,
) -> Option<[u8; 16]> {
    let named = named?;
    if last == Some(decision_position(named)) {
        return Some(named);
    }
    rejected.push(Rejected {
        field: "continues".into(),
        expected: "the last decision about this payment".into(),
    });
    None
}

/// Tells whether `after` can be true of a payment of which `before` was reported: what left can
/// come back, and nothing else follows anything.
fn follows(before: Execution, after: Execution) -> bool {
    let left = matches!(before, Execution::Sent | Execution::SentUnscreened);
    left && after == Execution::Returned
}

fn made(entry: Entry, receipt: Receipt) -> Outcome {
    match entry {
        Entry::Decided(decided) => Ok(Answer::Decided(decided, receipt)),
        Entry::Executed(executed) => Ok(Answer::Executed(executed, receipt)),
        Entry::Listed(listed) => Ok(Answer::Listed(listed.part, listed.parts)),
        Entry::Read(_) => Ok(Answer::Noted(receipt)),
        // Nobody asks for these, so no task is placed at one.
        Entry::Parameters(_) | Entry::Activated(_) | Entry::Imported(_) => {
            Err(Refusal::OutcomeUnknown)
        }
    }
}

// For how many tasks memory is read ahead: enough that their waits fall together, few enough that what
// was read for the last is still near when it is decided.
const AHEAD: usize = 64;

/// How long a caller that met a full table of request ids should wait: the ids of a busy minute
/// leave the window about as fast as they came.
pub const IDS_FULL_RETRY: Span = Span::minutes(1);
