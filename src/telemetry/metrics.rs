//! Metrics: what the threads have counted, as monitoring reads it.
//!
//! Nothing is added up before somebody asks. The text is `OpenMetrics` 1.0, written by
//! `prometheus-client`; only its histogram with exemplars is also counted into while the service
//! works, because that is rare, and all else is in cells of our own that need no lock.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::calendar::Time;
use crate::clock::{Clock, RealClock};
use crate::telemetry::cell::{Count, NANOS, SIZES, Total};
use crate::telemetry::count::{
    Counts, KINDS, Labels, Limit, REACHED, Rpc, STAGES, Shard, Slowest, Step,
};
use crate::telemetry::events;
use crate::telemetry::families::{self as family, Family, Kind};

use crate::telemetry::state::{CallerUse, OWN_LIMITS, State, hex};
use crate::telemetry::trace;
use crate::telemetry::usage;
use crate::telemetry::window::{Decided, MINUTES};

/// Everything that is counted, and the state of the process.
pub struct Metrics {
    told: Arc<Told>,
    registry: Registry,
}

struct Told {
    labels: Arc<Labels>,
    shards: Mutex<Vec<&'static Shard>>,
    slowest: Slowest,
    state: Arc<State>,
    clock: RealClock,
}

/// One line, or the lines of one histogram.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) family: &'static Family,
    pub(crate) labels: Vec<String>,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Count(u64),
    /// A counter of seconds, in hundredths.
    Hundredths(u64),
    Gauge(i64),
    /// In nanoseconds.
    Time(Total),
    Sizes(Total),
}

impl Metrics {
    /// Begins with nothing counted.
    pub fn new(labels: Labels, state: Arc<State>, clock: RealClock) -> Self {
        let bounds = NANOS.iter().filter(|bound| SLOW_FROM <= **bound).map(|bound| seconds(*bound));
        let told = Arc::new(Told {
            labels: Arc::new(labels),
            shards: Mutex::default(),
            slowest: Slowest::new(bounds),
            state,
            clock,
        });
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Arc::clone(&told)));
        Self { told, registry }
    }

    /// Makes the counts of one more thread. Call it once for each: they are kept for good.
    pub fn counts(&self) -> Counts {
        let shard = Shard::new(Arc::clone(&self.told.labels), self.told.slowest.clone());
        let shard: &'static Shard = Box::leak(Box::new(shard));
        self.told.shards.lock().unwrap_or_else(PoisonError::into_inner).push(shard);
        Counts(shard)
    }

    /// Returns the state of the process.
    pub fn state(&self) -> &Arc<State> {
        &self.told.state
    }

    /// Returns everything as `OpenMetrics` text.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(TEXT_BYTES_USUAL);
        // INVARIANT: writing to a text does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// Returns the state as JSON.
    pub(crate) fn state_json(&self) -> serde_json::Value {
        self.told.state.json(self.told.snapshot())
    }

    #[cfg(test)]
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.told.samples()
    }
}

impl Told {
    fn shards(&self) -> Vec<&'static Shard> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn snapshot(&self) -> u64 {
        let written = self.shards().into_iter().map(|shard| shard.snapshot.read());
        written.fold(self.state.snapshot, u64::max)
    }

    fn samples(&self) -> Vec<Sample> {
        let mut to = Samples { samples: Vec::with_capacity(512), shards: self.shards() };
        self.decisions(&mut to);
        self.dropped(&mut to);
        steps(&mut to);
        calls(&mut to);
        self.state(&mut to);
        self.process(&mut to);
        to.samples
    }

    fn decisions(&self, to: &mut Samples) {
        for (at, (action, hold)) in KINDS.into_iter().enumerate() {
            for (stage_at, stage) in STAGES.into_iter().enumerate() {
                let count = |shard: &'static Shard| shard.decisions.get(at)?.get(stage_at);
                to.count(&family::DECISIONS, &[action, hold, stage], count);
            }
        }
        let ids = self.labels.typologies.iter().map(|id| &**id).chain([REST]);
        for (at, typology) in ids.enumerate() {
            for (step_at, step) in REACHED.into_iter().enumerate() {
                let count = |shard: &'static Shard| shard.typologies.get(at)?.get(step_at);
                to.count(&family::TYPOLOGIES, &[typology, step], count);
            }
        }
        let now = self.clock.wall();
        let within = |minutes| {
            let decided = to.shards.iter().map(|shard| shard.window.within(now, minutes));
            decided.fold(Decided::default(), Decided::plus)
        };
        let windows = [("hour", within(60)), ("day", within(MINUTES))];
        for (window, decided) in windows {
            for (hold, part) in
                [("pending_answers", decided.asked), ("pending_review", decided.held)]
            {
                to.gauge(&family::PER_MILLION, &[hold, window], decided.per_million(part));
            }
            to.gauge(&family::WINDOW, &[window], decided.all);
        }
    }

    fn dropped(&self, to: &mut Samples) {
        for (at, field) in self.labels.fields.iter().map(String::as_str).chain([REST]).enumerate() {
            to.count(&family::REJECTED, &[field], |shard| shard.fields.get(at));
        }
        for (at, reason) in self.labels.reasons.iter().copied().chain([REST]).enumerate() {
            to.count(&family::REFUSED, &[reason], |shard| shard.reasons.get(at));
        }
    }

    fn state(&self, to: &mut Samples) {
        let (state, depths) = (&self.state, self.state.depths());
        let entries = depths.entries();
        callers(depths.callers(), to);
        if let Some(room) = depths.room() {
            to.gauge(&family::DISK_FREE, &[], room.free);
            to.gauge(&family::DISK_NEEDED, &[], room.needed);
        }
        to.gauge(&family::QUEUE, &[], wide(depths.waiting()));
        to.gauge(&family::QUEUE_MAX, &[], u64::from(state.queue_max));
        to.gauge(&family::ENTRIES, &[], entries);
        to.gauge(&family::SNAPSHOT_LAG, &[], entries.saturating_sub(self.snapshot()));
        to.gauge(&family::INDEX_LAG, &[], wide(depths.unindexed()));
        to.gauge(&family::SERVING, &[], u64::from(state.is_serving()));
        to.gauge(&family::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1);
        to.gauge(&family::POLICY_INFO, &[&hex(&state.policy)], 1);
        let (sent, dropped) = trace::counted();
        for (outcome, count) in [("sent", sent), ("dropped", dropped)] {
            to.push(&family::SPANS, &[outcome], Value::Count(count));
        }
        to.push(&family::OVER_RATE, &[], Value::Count(trace::over_rate()));
        for (level, event, count) in events::counted() {
            to.push(&family::EVENTS, &[level, event], Value::Count(count));
        }
        if let Some(certificate) = state.certificate() {
            to.push(&family::CERTIFICATE, &[], Value::Gauge(unix(certificate.not_after)));
        }
    }

    fn process(&self, to: &mut Samples) {
        // A field that the system does not tell is left out, as monitoring expects.
        let used = usage::used();
        if let Some(cpu) = used.cpu_hundredths {
            to.push(&family::CPU, &[], Value::Hundredths(cpu));
        }
        for (family, value) in [
            (&family::RESIDENT, used.resident_bytes),
            (&family::OPEN_FILES, used.open_files),
            (&family::FILES_MAX, used.files_max),
            (&family::THREADS, used.threads),
        ] {
            if let Some(value) = value {
                to.gauge(family, &[], value);
            }
        }
        to.push(&family::STARTED, &[], Value::Gauge(unix(self.state.started)));
    }
}

fn callers(callers: Vec<CallerUse>, to: &mut Samples) {
    for CallerUse { name, taken, in_flight, over } in callers {
        to.push(&family::CALLER_CALLS, &[&name], Value::Count(taken));
        to.gauge(&family::CALLER_UNDER_WAY, &[&name], u64::from(in_flight));
        for (limit, count) in OWN_LIMITS.into_iter().zip(over) {
            to.push(&family::CALLER_LIMITS, &[&name, limit], Value::Count(count));
        }
    }
}

fn calls(to: &mut Samples) {
    for (at, rpc) in Rpc::ALL.into_iter().map(Rpc::label).enumerate() {
        let answered = to.shards.iter().filter_map(|shard| Some(&shard.calls.get(at)?.2));
        let answered = Value::Time(Total::of(NANOS, answered));
        to.push(&family::CALL_SECONDS, &[rpc], answered);
    }
    for (at, rpc) in Rpc::ALL.into_iter().map(Rpc::label).enumerate() {
        to.count(&family::CALLS_BEGUN, &[rpc], |shard| Some(&shard.calls.get(at)?.0));
    }
    for (at, rpc) in Rpc::ALL.into_iter().map(Rpc::label).enumerate() {
        let begun = to.sum(|shard| Some(&shard.calls.get(at)?.0));
        let ended = to.sum(|shard| Some(&shard.calls.get(at)?.1));
        to.gauge(&family::CALLS, &[rpc], begun.saturating_sub(ended));
    }
    to.count(&family::CONNECTIONS_OPENED, &[], |shard| Some(&shard.connections.0));
    let opened = to.sum(|shard| Some(&shard.connections.0));
    let closed = to.sum(|shard| Some(&shard.connections.1));
    to.gauge(&family::CONNECTIONS, &[], opened.saturating_sub(closed));
    for (at, limit) in Limit::ALL.into_iter().map(Limit::label).enumerate() {
        to.count(&family::LIMITS, &[limit], |shard| shard.limits.get(at));
    }
}

fn steps(to: &mut Samples) {
    for (at, step) in Step::ALL.into_iter().map(Step::label).enumerate() {
        let took = to.shards.iter().filter_map(|shard| shard.steps.get(at));
        let took = Value::Time(Total::of(NANOS, took));
        to.push(&family::STEP_SECONDS, &[step], took);
    }
    let sizes = Total::of(SIZES, to.shards.iter().map(|shard| &shard.batches));
    to.push(&family::BATCH_SIZE, &[], Value::Sizes(sizes));
}

/// Samples in the making.
struct Samples {
    samples: Vec<Sample>,
    shards: Vec<&'static Shard>,
}

impl Samples {
    fn push(&mut self, family: &'static Family, labels: &[&str], value: Value) {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.samples.push(Sample { family, labels, value });
    }

    fn gauge(&mut self, family: &'static Family, labels: &[&str], value: u64) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.push(family, labels, Value::Gauge(value));
    }

    /// Adds what every thread has counted.
    fn count(
        &mut self,
        family: &'static Family,
        labels: &[&str],
        of: impl Fn(&'static Shard) -> Option<&'static Count>,
    ) {
        let sum = self.sum(of);
        self.push(family, labels, Value::Count(sum));
    }

    fn sum(&self, of: impl Fn(&'static Shard) -> Option<&'static Count>) -> u64 {
        let counts = self.shards.iter().filter_map(|shard| of(shard));
        counts.fold(0, |sum, count| sum.saturating_add(count.read()))
    }
}

impl Collector for Told {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let samples = self.samples();
        for family in family::FAMILIES {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut own = samples.iter().filter(|sample| sample.family == family).peekable();
            if own.peek().is_none() && *family != family::SLOWEST_SECONDS {
                continue;
            }
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            for Sample { labels, value, .. } in own {
                let labels: Vec<(&str, &str)> =
                    family.labels.iter().copied().zip(labels.iter().map(String::as_str)).collect();
                if labels.is_empty() {
                    value.encode(&mut metric)?;
                } else {
                    value.encode(&mut metric.encode_family(&labels)?)?;
                }
            }
            if *family == family::SLOWEST_SECONDS {
                self.slowest.encode(metric)?;
            }
        }
        Ok(())
    }
}

type Encoder<'e> = prometheus_client::encoding::MetricEncoder<'e>;
type Unlabelled = prometheus_client::encoding::NoLabelSet;

impl Value {
    fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => encoder.encode_counter::<Unlabelled, _, u64>(count, None),
            Self::Hundredths(count) => {
                encoder.encode_counter::<Unlabelled, _, u64>(&hundredths(*count), None)
            }
            Self::Gauge(value) => encoder.encode_gauge(value),
            Self::Time(sum) => encode(sum, seconds, encoder),
            Self::Sizes(sum) => encode(sum, whole, encoder),
        }
    }
}

fn encode(sum: &Total, unit: fn(u64) -> f64, encoder: &mut Encoder<'_>) -> fmt::Result {
    let bounds = sum.bounds.iter().map(|bound| unit(*bound)).chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(sum.buckets.iter().copied()).collect();
    encoder.encode_histogram::<Unlabelled>(unit(sum.sum), sum.count(), &buckets, None)
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn unix(time: Time) -> i64 {
    time.since(Time::from_micros(0)).whole_seconds()
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Returns nanoseconds as seconds.
#[expect(clippy::float_arithmetic, reason = "monitoring takes seconds, and no decision is near")]
pub(crate) fn seconds(nanos: u64) -> f64 {
    whole(nanos) / 1e9
}

#[expect(clippy::float_arithmetic, reason = "monitoring takes seconds, and no decision is near")]
fn hundredths(count: u64) -> f64 {
    whole(count) / 1e2
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "monitoring takes floats; above 2^53 the last digits are lost, and nobody reads them"
)]
fn whole(count: u64) -> f64 {
    count as f64
}

/// What a label says of whatever has no place of its own.
pub(crate) const REST: &str = "other";

/// Calls are not faster than this, and the exemplars of fast ones tell nothing.
const SLOW_FROM: u64 = 100_000;
/// Some 500 lines.
const TEXT_BYTES_USUAL: usize = 64 * 1024;

#[cfg(test)]
mod tests;
