//! Families: every metric there is, and what its labels may say.
//!
//! `deploy/telemetry.md` says of each who should act on it; a test holds the two together. No label
//! ever holds what came from a caller: each says one of a list that stands in the code, in the policy,
//! in the proto or in the file of callers.

/// A metric with all its labels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Family {
    /// Its name, without the `_total`, `_bucket`, `_sum` and `_count` that the text adds.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// What its labels are called.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

/// A kind of metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Goes up, from the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often something came to how much.
    Histogram,
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Histogram, labels, help }
}

pub(crate) const DECISIONS: Family = counter(
    "clearline_decisions",
    &["action", "hold", "stage"],
    "Decisions recorded, by what the bank is asked to do, the kind of hold and the stage",
);
pub(crate) const TYPOLOGIES: Family = counter(
    "clearline_typologies",
    &["typology", "step"],
    "Decisions that a typology led, by the step it reached",
);
pub(crate) const PER_MILLION: Family = gauge(
    "clearline_holds_per_million",
    &["hold", "window"],
    "Holds in a million decisions of the last hour or day of log time; 0 where nothing was decided",
);
pub(crate) const WINDOW: Family = gauge(
    "clearline_window_decisions",
    &["window"],
    "Decisions of the last hour or day of log time, since the start of the process",
);
pub(crate) const REJECTED: Family = counter(
    "clearline_rejected_facts",
    &["field"],
    "Facts that could not be read, dropped and decided as missing, by field",
);
pub(crate) const REFUSED: Family =
    counter("clearline_refused", &["reason"], "Calls and questions answered with an error");
pub(crate) const CALL_SECONDS: Family = histogram(
    "clearline_call_seconds",
    &["rpc"],
    "From reading a call, or a question of a stream, to its answer",
);
pub(crate) const SLOWEST_SECONDS: Family = histogram(
    "clearline_slowest_call_seconds",
    &[],
    "The slowest of each 64 screened transfers of a door, or of each second, with its decision",
);
pub(crate) const STEP_SECONDS: Family = histogram(
    "clearline_step_seconds",
    &["step"],
    "How long steps take; read, decide, record and answer once in 64 times",
);
pub(crate) const BATCH_SIZE: Family =
    histogram("clearline_batch_size", &[], "Tasks that were decided and recorded together");
pub(crate) const CALLS_BEGUN: Family =
    counter("clearline_calls_begun", &["rpc"], "Calls and streams that began");
pub(crate) const CALLS: Family =
    gauge("clearline_calls_under_way", &["rpc"], "Calls and streams under way");
pub(crate) const CONNECTIONS_OPENED: Family =
    counter("clearline_connections_opened", &[], "Connections that were accepted");
pub(crate) const CONNECTIONS: Family = gauge("clearline_connections", &[], "Connections open");
pub(crate) const LIMITS: Family =
    counter("clearline_limits_met", &["limit"], "Times that callers met a bound");
pub(crate) const CALLER_CALLS: Family = counter(
    "clearline_caller_calls",
    &["caller"],
    "Calls and questions taken of a listed caller; people count to their group",
);
pub(crate) const CALLER_UNDER_WAY: Family = gauge(
    "clearline_caller_calls_under_way",
    &["caller"],
    "Calls and questions of a listed caller under way",
);
pub(crate) const CALLER_LIMITS: Family = counter(
    "clearline_caller_limits_met",
    &["caller", "limit"],
    "Times that a listed caller met a limit of its own",
);
pub(crate) const DISK_FREE: Family =
    gauge("clearline_disk_free_bytes", &[], "Room on the disk of the log");
pub(crate) const DISK_NEEDED: Family = gauge(
    "clearline_disk_needed_bytes",
    &[],
    "With less room than this on the disk, calls are refused",
);
pub(crate) const QUEUE: Family = gauge("clearline_queue_length", &[], "Tasks that wait");
pub(crate) const QUEUE_MAX: Family = gauge("clearline_queue_max", &[], "Most tasks that may wait");
pub(crate) const ENTRIES: Family =
    gauge("clearline_log_entries", &[], "Durable entries of the log");
pub(crate) const SNAPSHOT_LAG: Family = gauge(
    "clearline_snapshot_lag_entries",
    &[],
    "Entries after the last snapshot, which a start would read",
);
pub(crate) const INDEX_LAG: Family =
    gauge("clearline_index_lag_segments", &[], "Sealed segments that have no index yet");
pub(crate) const SERVING: Family =
    gauge("clearline_serving", &[], "1 where calls are welcome, 0 where not");
pub(crate) const BUILD_INFO: Family = gauge("clearline_build_info", &["version"], "The build");
pub(crate) const POLICY_INFO: Family =
    gauge("clearline_policy_info", &["digest"], "The policy that decides");
pub(crate) const EVENTS: Family = counter(
    "clearline_events",
    &["level", "event"],
    "Warnings and errors written to the log lines",
);
pub(crate) const SPANS: Family = counter(
    "clearline_trace_spans",
    &["outcome"],
    "Spans for the collector of traces, sent and dropped; zeros where nothing is traced",
);
pub(crate) const OVER_RATE: Family = counter(
    "clearline_traces_over_rate",
    &[],
    "Transfers and reports not traced although their caller asked for it, since too many did",
);
pub(crate) const CERTIFICATE: Family = gauge(
    "clearline_certificate_not_after_seconds",
    &[],
    "When the certificate that callers are shown ends, in seconds since 1970; absent without one",
);
pub(crate) const CPU: Family =
    counter("process_cpu_seconds", &[], "Processor time of the process, in seconds");
pub(crate) const RESIDENT: Family =
    gauge("process_resident_memory_bytes", &[], "Memory of the process that is in use");
pub(crate) const OPEN_FILES: Family = gauge("process_open_fds", &[], "Open files");
pub(crate) const FILES_MAX: Family = gauge("process_max_fds", &[], "Most files that may be open");
pub(crate) const THREADS: Family = gauge("process_threads", &[], "Threads");
pub(crate) const STARTED: Family =
    gauge("process_start_time_seconds", &[], "When the process started, in seconds since 1970");

/// Every metric, in the order in which they are shown.
pub const FAMILIES: &[Family] = &[
    DECISIONS,
    TYPOLOGIES,
    PER_MILLION,
    WINDOW,
    REJECTED,
    REFUSED,
    CALL_SECONDS,
    SLOWEST_SECONDS,
    STEP_SECONDS,
    BATCH_SIZE,
    CALLS_BEGUN,
    CALLS,
    CONNECTIONS_OPENED,
    CONNECTIONS,
    LIMITS,
    CALLER_CALLS,
    CALLER_UNDER_WAY,
    CALLER_LIMITS,
    DISK_FREE,
    DISK_NEEDED,
    QUEUE,
    QUEUE_MAX,
    ENTRIES,
    SNAPSHOT_LAG,
    INDEX_LAG,
    SERVING,
    BUILD_INFO,
    POLICY_INFO,
    EVENTS,
    SPANS,
    OVER_RATE,
    CERTIFICATE,
    CPU,
    RESIDENT,
    OPEN_FILES,
    FILES_MAX,
    THREADS,
    STARTED,
];
