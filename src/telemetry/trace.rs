//! Trace: the way of single transfers through the service, as spans for a collector of OpenTelemetry.
//!
//! A transfer, or a report of what became of one, is traced where its caller says so (W3C `traceparent`,
//! with the flag that it is sampled), up to a rate, and one in so many of the rest. Whatever is traced keeps the caller's trace, so that the payment's way
//! through the bank and its way through here are one. Each step on it is a span; [`SPANS`] lists them.
//!
//! Spans wait in a bounded queue for a thread that sends them. What finds no room is dropped and counted:
//! a collector that is dead or slow costs spans, and no payment a microsecond. Where nobody collects, a
//! transfer costs one look at a variable.
//!
//! Never holds personal data: names of steps, times, ids of decisions and reasons of errors. `tracestate`
//! is not kept, since it may say anything.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tokio::sync::mpsc::Sender;

use crate::calendar::{Span, Time};
use crate::clock::{Clock as _, RealClock, Stopwatch};

mod rate;
mod send;

use rate::Rate;
pub use send::Sending;

/// Every span that there is, and what it tells. The first two are the whole of a transfer and of a report,
/// the others are in one of them and follow each other.
pub const SPANS: [(&str, &str); 8] = [
    (
        WHOLE,
        "One transfer, from its call to its reply; has `clearline.decision` or `clearline.reason`",
    ),
    (REPORTED, "One report of what became of a payment, from its call to its reply"),
    (READ, "Bytes to a question, its texts matched"),
    (QUEUE, "Waiting for the turn"),
    (DECIDE, "Gathering what is remembered, and deciding"),
    (RECORD, "Encoding, encrypting and remembering the entry"),
    (SYNC, "Writing and syncing the batch that it is in, of `clearline.batch` tasks"),
    (ANSWER, "From the durable record to the reply"),
];

/// Begins to trace: one in `every` transfers, 0 for none, and `asked` a second at most of those whose
/// callers want it, for the collector at `address` (OTLP by gRPC, without TLS). Only the first call of a
/// process counts.
pub fn start(address: SocketAddr, every: u32, asked: u32) -> io::Result<Sending> {
    let (spans, sending) = send::start(address)?;
    let (clock, began) = (RealClock::start(), Stopwatch::start());
    // A second one would have its thread and no spans.
    let _ = TRACER.set(Tracer { spans, every, asked: Rate::new(asked), began, clock });
    Ok(sending)
}

/// Returns how many were not traced although their callers wanted it, for the rate of such traces.
pub(crate) fn over_rate() -> u64 {
    OVER_RATE.load(Ordering::Relaxed)
}

/// Returns how many spans were sent, and how many were dropped, since the start of the process.
pub(crate) fn counted() -> (u64, u64) {
    (SENT.load(Ordering::Relaxed), DROPPED.load(Ordering::Relaxed))
}

/// Where a call comes from, as its headers say.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Nothing is traced here.
    Off,
    /// From nowhere that is traced.
    Untraced,
    /// From a trace that goes on here.
    Traced {
        /// The caller's span.
        parent: Box<SpanContext>,
    },
}

impl Origin {
    /// Reads it from the headers of a call.
    pub fn of(headers: &HeaderMap) -> Self {
        if TRACER.get().is_none() {
            return Self::Off;
        }
        Self::read(headers)
    }

    fn read(headers: &HeaderMap) -> Self {
        let context =
            TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
        let parent = context.span().span_context().clone();
        if parent.is_valid() { Self::Traced { parent: Box::new(parent) } } else { Self::Untraced }
    }

    /// Begins to trace a transfer or a report, if it is to be: `rpc` is the call that it comes by, and it came at
    /// `begun`, or comes now.
    pub fn begin(&self, rpc: &'static str, begun: Option<Stopwatch>) -> Option<Arc<Trace>> {
        let tracer = match self {
            Self::Off => return None,
            Self::Untraced | Self::Traced { .. } => TRACER.get()?,
        };
        let asked = matches!(self, Self::Traced { parent } if parent.is_sampled());
        let wanted = asked && tracer.asked.take(tracer.began.nanos());
        if asked && !wanted {
            OVER_RATE.fetch_add(1, Ordering::Relaxed);
        }
        if !wanted && !chosen(tracer.every) {
            return None;
        }
        Some(Arc::new(self.trace(tracer.clock, rpc, begun.unwrap_or_else(Stopwatch::start))?))
    }

    fn trace(&self, clock: RealClock, rpc: &'static str, begun: Stopwatch) -> Option<Trace> {
        let (id, parent) = match self {
            Self::Off => return None,
            Self::Traced { parent } => (parent.trace_id(), parent.span_id()),
            Self::Untraced => (TraceId::from_bytes(random()?), SpanId::INVALID),
        };
        let whole = SpanId::from_bytes(random()?);
        let wall = clock.wall().minus(Span(i64::try_from(begun.nanos() / 1_000).unwrap_or(0)));
        Some(Trace { rpc, id, parent, whole, wall, begun, settled: AtomicU64::new(0) })
    }
}

/// A transfer that is traced.
#[derive(Debug)]
pub struct Trace {
    rpc: &'static str,
    id: TraceId,
    /// The caller's span; none where the trace begins here.
    parent: SpanId,
    /// The span of the whole transfer.
    whole: SpanId,
    /// What the calendar said when it began. All other times are counted from it by a steady clock, so
    /// that spans lie within each other whatever the calendar does.
    wall: Time,
    begun: Stopwatch,
    /// Nanoseconds from its begin until its record was durable; 0 before.
    settled: AtomicU64,
}

/// A traced transfer on its way through the turn.
#[derive(Debug)]
pub struct Turning {
    trace: Arc<Trace>,
    /// When the step that it is at began.
    since: Stopwatch,
}

impl Trace {
    /// Ends its reading, and says that it waits for the turn from here on.
    pub fn asked(self: &Arc<Self>) -> Box<Turning> {
        let turning = self.asked_again();
        self.tell(READ, self.begun, turning.since, Vec::new());
        turning
    }

    /// Says that it waits for the turn once more.
    pub fn asked_again(self: &Arc<Self>) -> Box<Turning> {
        Box::new(Turning { trace: Arc::clone(self), since: Stopwatch::start() })
    }

    /// Ends it with what the caller is told: a decision's name, nothing of a report, or the reason why
    /// there is no answer.
    pub fn answered(&self, told: Result<&str, &'static str>) {
        let end = self.begun.nanos();
        let settled = self.settled.load(Ordering::Relaxed);
        if 0 < settled {
            self.tell_times(ANSWER, (settled, end), Vec::new());
        }
        let (service, method) =
            self.rpc.trim_start_matches('/').split_once('/').unwrap_or_default();
        let mut attributes = vec![
            KeyValue::new("rpc.system", "grpc"),
            KeyValue::new("rpc.service", service),
            KeyValue::new("rpc.method", method),
        ];
        let status = match told {
            Ok("") => Status::Ok,
            Ok(decision) => {
                let id = decision.rsplit('/').next().unwrap_or_default().to_owned();
                attributes.push(KeyValue::new("clearline.decision", id));
                Status::Ok
            }
            Err(reason) => {
                attributes.push(KeyValue::new("clearline.reason", reason));
                Status::error(reason)
            }
        };
        put(SpanData {
            span_context: self.context(self.whole),
            parent_span_id: self.parent,
            parent_span_is_remote: self.parent != SpanId::INVALID,
            span_kind: SpanKind::Server,
            status,
            ..self.span(self.name(), (0, end), attributes)
        });
    }

    fn name(&self) -> &'static str {
        if self.rpc.ends_with("/ReportExecution") { REPORTED } else { WHOLE }
    }

    fn tell(&self, step: &'static str, from: Stopwatch, to: Stopwatch, with: Vec<KeyValue>) {
        let times = (self.begun.nanos_until(from), self.begun.nanos_until(to));
        self.tell_times(step, times, with);
    }

    fn tell_times(&self, step: &'static str, times: (u64, u64), with: Vec<KeyValue>) {
        let Some(id) = random() else { return };
        let mut span = self.span(step, times, with);
        span.span_context = self.context(SpanId::from_bytes(id));
        put(span);
    }

    /// Makes a span within the whole, from and to so many nanoseconds after its begin.
    fn span(&self, name: &'static str, (from, to): (u64, u64), with: Vec<KeyValue>) -> SpanData {
        SpanData {
            span_context: SpanContext::NONE,
            parent_span_id: self.whole,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: self.at(from),
            end_time: self.at(to.max(from)),
            attributes: with,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: SCOPE.get_or_init(scope).clone(),
        }
    }

    fn context(&self, span: SpanId) -> SpanContext {
        SpanContext::new(self.id, span, TraceFlags::SAMPLED, false, TraceState::NONE)
    }

    fn at(&self, nanos: u64) -> SystemTime {
        let wall = u64::try_from(self.wall.micros()).unwrap_or(0);
        let since = Duration::from_micros(wall).saturating_add(Duration::from_nanos(nanos));
        SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

impl Turning {
    /// The turn begins with it.
    pub fn taken(&mut self) {
        self.step(QUEUE);
    }

    /// It is decided.
    pub fn decided(&mut self) {
        self.step(DECIDE);
    }

    /// Its entry is in the batch.
    pub fn recorded(&mut self) {
        self.step(RECORD);
    }

    /// The batch, of so many tasks, which was gathered at `gathered`, is durable.
    pub fn durable(self, gathered: Stopwatch, tasks: usize) {
        let now = Stopwatch::start();
        let tasks = i64::try_from(tasks).unwrap_or(i64::MAX);
        let batch = KeyValue::new("clearline.batch", tasks);
        self.trace.tell(SYNC, gathered, now, vec![batch]);
        self.trace.settled.store(self.trace.begun.nanos_until(now), Ordering::Relaxed);
    }

    fn step(&mut self, step: &'static str) {
        let now = Stopwatch::start();
        self.trace.tell(step, self.since, now, Vec::new());
        self.since = now;
    }
}

/// What a process traces with.
struct Tracer {
    spans: Sender<SpanData>,
    every: u32,
    /// Of those whose callers want it.
    asked: Rate,
    began: Stopwatch,
    clock: RealClock,
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").field("every", &self.every).finish_non_exhaustive()
    }
}

/// Queues a span, or drops and counts it.
fn put(span: SpanData) {
    let Some(tracer) = TRACER.get() else { return };
    if tracer.spans.try_send(span).is_err() {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Chooses one in `every` of this thread; none where that is 0.
fn chosen(every: u32) -> bool {
    if every == 0 {
        return false;
    }
    let tick = TICK.get().wrapping_add(1);
    if tick < every {
        TICK.set(tick);
        return false;
    }
    TICK.set(0);
    true
}

/// Returns an id that no other has; `None` where the system gives no random numbers.
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// The headers of a call, of which `traceparent` alone is read.
struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == PARENT).then(|| self.0.get(PARENT)?.to_str().ok()).flatten()
    }

    fn keys(&self) -> Vec<&str> {
        vec![PARENT]
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("clearline").with_version(env!("CARGO_PKG_VERSION")).build()
}

const PARENT: &str = "traceparent";

const WHOLE: &str = "transfer";
const REPORTED: &str = "report";
const READ: &str = "read";
const QUEUE: &str = "queue";
const DECIDE: &str = "decide";
const RECORD: &str = "record";
const SYNC: &str = "sync";
const ANSWER: &str = "answer";

static TRACER: OnceLock<Tracer> = OnceLock::new();
static SCOPE: OnceLock<InstrumentationScope> = OnceLock::new();
static SENT: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static OVER_RATE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static TICK: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests;
