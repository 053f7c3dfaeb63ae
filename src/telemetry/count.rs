//! Count: what the threads of the service say as they work, one line at each place.
//!
//! A thread that serves takes its own [`Counts`] with it, and from then on counts into cells that no
//! other thread writes. A thread that has none counts nothing and reads no clock: that is how tests,
//! simulation and evaluation run, and the service where `telemetry.metrics` is off. Cells are there
//! for every value that a label may have, so nothing is looked up by a string, unless something was
//! refused or dropped or a typology leads.
//!
//! Steps that take less than reading a clock would, twice, are measured once in 64 times.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use prometheus_client::metrics::exemplar::HistogramWithExemplars;

use crate::clock::Stopwatch;
use crate::decision::HoldKind;
use crate::entry::{Decided, Entry};
use crate::telemetry::cell::{Count, Histogram, NANOS, SIZES};
use crate::telemetry::window::Window;
use crate::transfer::Stage;
use crate::warning;

/// One thread's counts, to be taken by it.
#[derive(Debug)]
pub struct Counts(pub(crate) &'static Shard);

impl Counts {
    /// Lets this thread count from here on.
    pub fn enter(self) {
        SHARD.set(Some(self.0));
    }
}

/// The cells of one thread. They live as long as the process, as its threads do.
pub(crate) struct Shard {
    /// What the labels may say.
    pub(crate) labels: Arc<Labels>,
    /// Decisions by kind and stage, see [`kind`] and [`stage`].
    pub(crate) decisions: [[Count; 3]; 3],
    /// Decisions that a typology leads, by step; one more for a typology that nobody knows.
    pub(crate) typologies: Vec<[Count; 3]>,
    /// Facts that could not be read; one more for the rest.
    pub(crate) fields: Vec<Count>,
    /// Refusals; one more for the rest.
    pub(crate) reasons: Vec<Count>,
    /// Calls begun and ended, and how long those took that were answered.
    pub(crate) calls: [(Count, Count, Histogram); Rpc::ALL.len()],
    /// Connections opened and closed.
    pub(crate) connections: (Count, Count),
    /// Bounds that a caller met.
    pub(crate) limits: [Count; Limit::ALL.len()],
    /// How long each step took.
    pub(crate) steps: [Histogram; Step::ALL.len()],
    /// How many tasks a batch had.
    pub(crate) batches: Histogram,
    /// What was decided lately.
    pub(crate) window: Window,
    /// Position of the last snapshot.
    pub(crate) snapshot: Count,
    /// The slowest calls, with the decision that each came to.
    pub(crate) slowest: Slowest,
}

/// Latencies with the decision's id as exemplar.
pub(crate) type Slowest = HistogramWithExemplars<[(&'static str, String); 1]>;

/// What the labels of metrics may say, beyond what this file lists.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// Ids of the policy's typologies.
    pub typologies: Vec<Arc<str>>,
    /// Paths of facts in a request, without the numbers of list items; sorted.
    pub fields: Vec<String>,
    /// Reasons for which callers are refused; sorted.
    pub reasons: Vec<&'static str>,
}

/// A step of a transfer's way that is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Bytes to a question, texts matched; one in 64.
    Read,
    /// Gathering facts and deciding; one in 64.
    Decide,
    /// Encoding, encrypting and hashing an entry, and remembering it; one in 64.
    Record,
    /// Writing a frame.
    Write,
    /// Syncing it.
    Sync,
    /// Writing a reply; one in 64.
    Answer,
    /// A whole batch of the turn, from taking its tasks to posting its outcomes.
    Turn,
}

/// What is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rpc {
    /// `ScreenTransfer`.
    ScreenTransfer,
    /// `ScreenTransfers`: under way are streams, answered are the transfers in them.
    ScreenTransfers,
    /// `ScreenIso20022`.
    ScreenIso20022,
    /// `ReportExecution`.
    ReportExecution,
    /// `GetDecision` and `ListDecisions`.
    Browse,
    /// Whatever else there is: lists, past payments, health, reflection.
    Other,
}

/// A bound on what callers may cost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// No place for another connection was free; it waited.
    Connections,
    /// A client did not say in time that it speaks HTTP/2, or did not get through TLS.
    Greeting,
    /// A client did not answer a ping.
    Silent,
    /// A client took too long to send its message or to read its answer.
    Slow,
    /// The headers of a call were too large.
    Headers,
    /// A client opened calls and took them back, again and again, and was shown out.
    Flood,
    /// A connection without calls was closed.
    Idle,
    /// A connection reached its greatest age, and was told to end.
    Age,
    /// A connection was cut when the time to drain was over.
    Drain,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 7] =
        [Self::Read, Self::Decide, Self::Record, Self::Write, Self::Sync, Self::Answer, Self::Turn];

    /// Returns its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decide => "decide",
            Self::Record => "record",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Answer => "answer",
            Self::Turn => "turn",
        }
    }
}

impl Rpc {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::ScreenTransfer,
        Self::ScreenTransfers,
        Self::ScreenIso20022,
        Self::ReportExecution,
        Self::Browse,
        Self::Other,
    ];

    /// Returns the one that a path of HTTP/2 names.
    pub fn of(path: &str) -> Self {
        match path.rsplit('/').next().unwrap_or_default() {
            "ScreenTransfer" => Self::ScreenTransfer,
            "ScreenTransfers" => Self::ScreenTransfers,
            "ScreenIso20022" => Self::ScreenIso20022,
            "ReportExecution" => Self::ReportExecution,
            "GetDecision" | "ListDecisions" => Self::Browse,
            _ => Self::Other,
        }
    }

    /// Returns its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::ScreenTransfer => "screen_transfer",
            Self::ScreenTransfers => "screen_transfers",
            Self::ScreenIso20022 => "screen_iso20022",
            Self::ReportExecution => "report_execution",
            Self::Browse => "browse",
            Self::Other => "other",
        }
    }
}

impl Limit {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Connections,
        Self::Greeting,
        Self::Silent,
        Self::Slow,
        Self::Headers,
        Self::Flood,
        Self::Idle,
        Self::Age,
        Self::Drain,
    ];

    /// Returns its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Greeting => "greeting",
            Self::Silent => "silent",
            Self::Slow => "slow",
            Self::Headers => "headers",
            Self::Flood => "flood",
            Self::Idle => "idle",
            Self::Age => "age",
            Self::Drain => "drain",
        }
    }
}

impl Shard {
    pub(crate) fn new(labels: Arc<Labels>, slowest: Slowest) -> Self {
        let rest = |length: usize| length.saturating_add(1);
        let counts = |length| (0..rest(length)).map(|_| Count::default()).collect();
        Self {
            decisions: Default::default(),
            typologies: (0..rest(labels.typologies.len())).map(|_| Default::default()).collect(),
            fields: counts(labels.fields.len()),
            reasons: counts(labels.reasons.len()),
            calls: Rpc::ALL.map(|_| (Count::default(), Count::default(), Histogram::new(NANOS))),
            connections: Default::default(),
            limits: Default::default(),
            steps: Step::ALL.map(|_| Histogram::new(NANOS)),
            batches: Histogram::new(SIZES),
            window: Window::new(),
            snapshot: Count::default(),
            slowest,
            labels,
        }
    }

    fn decided(&self, decided: &Decided) {
        let public = &decided.public;
        let kind = kind(public.hold);
        if let Some(count) = self.decisions.get(kind).and_then(|row| row.get(stage(public.stage))) {
            count.add(1);
        }
        let (asked, held) = (kind == ASKED, kind == HELD);
        self.window.add(decided.time, asked, held);
        if let (Some(typology), Some(step)) = (&public.typology, public.step) {
            let known = &self.labels.typologies;
            let at =
                known.iter().position(|known| Arc::ptr_eq(known, typology) || known == typology);
            let row = self.typologies.get(at.unwrap_or(known.len()));
            if let Some(count) = row.and_then(|row| row.get(reached(step))) {
                count.add(1);
            }
        }
        let rejected = decided.personal.iter().flat_map(|personal| &personal.facts.rejected);
        for rejected in rejected {
            let at = self.labels.field(&rejected.field);
            if let Some(count) = self.fields.get(at) {
                count.add(1);
            }
        }
    }
}

impl Labels {
    /// Returns the place of a field, or that of the rest.
    fn field(&self, path: &str) -> usize {
        let path = path.strip_prefix(KNOWN).unwrap_or(path);
        let at = if path.contains('[') {
            let whole: String = path
                .split('[')
                .enumerate()
                .map(|(at, part)| match at {
                    0 => part,
                    _ => part.split_once(']').map_or("", |(_, rest)| rest),
                })
                .collect();
            self.fields.binary_search(&whole)
        } else {
            self.fields.binary_search_by(|field| field.as_str().cmp(path))
        };
        at.unwrap_or(self.fields.len())
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shard")
    }
}

/// Starts to measure, if this thread counts.
pub fn timer() -> Option<Stopwatch> {
    SHARD.get().map(|_| Stopwatch::start())
}

/// Starts to measure a step once in 64 times, if this thread counts: for what takes less than a
/// clock.
pub fn sample(step: Step) -> Option<Stopwatch> {
    SHARD.get()?;
    // Each step counts by itself: two that come in turns would fall on the same side of 64.
    let first = TICKS.with(|ticks| {
        let cell = place(&Step::ALL, ticks, step)?;
        let tick = cell.get();
        cell.set(tick.wrapping_add(1));
        Some(tick.checked_rem(SAMPLE) == Some(0))
    });
    (first == Some(true)).then(Stopwatch::start)
}

/// Ends a step that was begun with `since`, and begins the next.
pub fn step(step: Step, since: Option<Stopwatch>) -> Option<Stopwatch> {
    let (shard, since) = (SHARD.get()?, since?);
    let now = Stopwatch::start();
    if let Some(histogram) = place(&Step::ALL, &shard.steps, step) {
        histogram.add(since.nanos_until(now));
    }
    Some(now)
}

/// Counts an entry of a batch that was made of a task.
pub fn made(entry: &Entry) {
    let Some(shard) = SHARD.get() else { return };
    if let Entry::Decided(decided) = entry {
        shard.decided(decided);
    }
}

/// Counts a batch of so many tasks.
pub fn batch(tasks: usize) {
    if let Some(shard) = SHARD.get() {
        shard.batches.add(u64::try_from(tasks).unwrap_or(u64::MAX));
    }
}

/// Notes that a snapshot was written at `position`.
pub fn snapshot(position: u64) {
    if let Some(shard) = SHARD.get() {
        shard.snapshot.set(position);
    }
}

/// Counts an error that a caller is told of.
pub fn refused(reason: &'static str) {
    let Some(shard) = SHARD.get() else { return };
    let at = shard.labels.reasons.binary_search(&reason);
    if let Some(count) = shard.reasons.get(at.unwrap_or(shard.labels.reasons.len())) {
        count.add(1);
    }
}

/// Counts a bound that a caller met.
pub fn limited(limit: Limit) {
    if let Some(count) = SHARD.get().and_then(|s| place(&Limit::ALL, &s.limits, limit)) {
        count.add(1);
    }
}

/// A connection, open until it is dropped.
#[derive(Debug)]
#[must_use = "it is open until this is dropped"]
pub struct Connection(());

/// Counts a connection.
pub fn connection() -> Connection {
    if let Some(shard) = SHARD.get() {
        shard.connections.0.add(1);
    }
    Connection(())
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(shard) = SHARD.get() {
            shard.connections.1.add(1);
        }
    }
}

/// A call, under way until it is dropped.
#[derive(Debug)]
#[must_use = "it is under way until this is dropped"]
pub struct Call {
    rpc: Rpc,
    since: Option<Stopwatch>,
}

/// Counts a call that begins.
pub fn call(rpc: Rpc) -> Call {
    if let Some((begun, _, _)) = SHARD.get().and_then(|s| place(&Rpc::ALL, &s.calls, rpc)) {
        begun.add(1);
    }
    Call { rpc, since: timer() }
}

impl Call {
    /// Counts that it was answered, with the name of the decision where it came to one.
    pub fn answered(&self, decision: &str) {
        if let Some(since) = self.since {
            answered(self.rpc, since, Stopwatch::start(), decision);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some((_, ended, _)) = SHARD.get().and_then(|s| place(&Rpc::ALL, &s.calls, self.rpc))
        {
            ended.add(1);
        }
    }
}

/// Counts the answer to one question of a stream, which came at `asked`.
pub fn told(asked: Instant, now: Option<Stopwatch>, decision: &str) {
    if let Some(now) = now {
        answered(Rpc::ScreenTransfers, asked.into(), now, decision);
    }
}

fn answered(rpc: Rpc, since: Stopwatch, now: Stopwatch, decision: &str) {
    let Some(shard) = SHARD.get() else { return };
    let nanos = since.nanos_until(now);
    if let Some((_, _, histogram)) = place(&Rpc::ALL, &shard.calls, rpc) {
        histogram.add(nanos);
    }
    if decision.is_empty() {
        return;
    }
    SLOW.with_borrow_mut(|slow| {
        if slow.nanos <= nanos {
            slow.nanos = nanos;
            slow.decision.clear();
            slow.decision.push_str(decision);
        }
        slow.calls = slow.calls.wrapping_add(1);
        let first = *slow.first.get_or_insert(now);
        if slow.calls < SAMPLE && first.nanos_until(now) < SLOW_NANOS {
            return;
        }
        let id = slow.decision.rsplit('/').next().unwrap_or_default().to_owned();
        let exemplar = Some([("decision_id", id)]);
        shard.slowest.observe(super::metrics::seconds(slow.nanos), exemplar, None);
        (slow.nanos, slow.calls, slow.first) = (0, 0, None);
    });
}

/// The slowest call of this thread since one was last shown.
struct Slow {
    nanos: u64,
    decision: String,
    calls: u32,
    first: Option<Stopwatch>,
}

/// Returns what stands at the place of `wanted`.
fn place<'c, L: Copy + PartialEq, C>(all: &[L], cells: &'c [C], wanted: L) -> Option<&'c C> {
    cells.get(all.iter().position(|label| *label == wanted)?)
}

pub(crate) fn kind(hold: Option<HoldKind>) -> usize {
    match hold {
        None => 0,
        Some(HoldKind::PendingAnswers) => ASKED,
        Some(HoldKind::PendingReview) => HELD,
    }
}

pub(crate) fn stage(stage: Stage) -> usize {
    match stage {
        Stage::BeforeConfirmation => 0,
        Stage::AtSubmission => 1,
        Stage::Rescreen => 2,
    }
}

pub(crate) fn reached(step: warning::Step) -> usize {
    match step {
        warning::Step::Inform => 0,
        warning::Step::Ask => 1,
        warning::Step::Hold => 2,
    }
}

/// Action and kind of hold, as they are counted.
pub(crate) const KINDS: [(&str, &str); 3] =
    [("allow", "none"), ("hold", "pending_answers"), ("hold", "pending_review")];
/// Stages, as they are counted.
pub(crate) const STAGES: [&str; 3] = ["before_confirmation", "at_submission", "rescreen"];
/// Steps that typologies reach, as they are counted.
pub(crate) const REACHED: [&str; 3] = ["inform", "ask", "hold"];

const ASKED: usize = 1;
const HELD: usize = 2;

/// What stands before a field that came beside a payment message.
const KNOWN: &str = "known.";

/// Reading a clock twice takes some 60 ns, of which one in 64 leaves one.
const SAMPLE: u32 = 64;
/// A slowest call is shown within a second, however few calls there are.
const SLOW_NANOS: u64 = 1_000_000_000;

thread_local! {
    static SHARD: Cell<Option<&'static Shard>> = const { Cell::new(None) };
    static TICKS: [Cell<u32>; Step::ALL.len()] = const { [const { Cell::new(0) }; Step::ALL.len()] };
    static SLOW: RefCell<Slow> = const {
        RefCell::new(Slow { nanos: 0, decision: String::new(), calls: 0, first: None })
    };
}

#[cfg(test)]
mod tests;
