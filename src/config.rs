//! Config: the settings of the process.
//!
//! Addresses, folders and bounds: what differs from machine to machine. They come from a file, then
//! from the environment (`CLEARLINE__SECTION__KEY`), then from the command line; the later one
//! wins. Each has a default that is safe on a laptop, and `deploy/clearline.toml` lists them all.
//! A setting that nobody knows is refused, because it is most often one that somebody misspelt.
//!
//! Never holds anything that changes a decision: that is the policy's, which has a digest and is in
//! the log.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use config::{Environment, File, FileFormat, Value, ValueKind};
use tracing::Level;

use crate::calendar::Span;
use crate::document::nearest;
use crate::entry::Parameters;

mod secured;

pub use secured::{People, Secured};

/// The settings of the process, complete and checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// Where to listen. A loopback address where calls are not encrypted.
    pub listen: SocketAddr,
    /// How callers prove who they are; absent where whoever is on this machine may call.
    pub secured: Option<Secured>,
    /// The folder of the service manager's credentials.
    pub credentials: Option<PathBuf>,
    /// Threads that take calls.
    pub doors: u16,
    /// Bytes of memory that are taken before the first call.
    pub ready_bytes: u32,
    /// How long a door stays awake for the turn where nothing else is to do, in microseconds; zero for not at
    /// all.
    pub awake_us: u32,
    /// Whether the API describes itself to whoever asks.
    pub reflection: bool,
    /// How long a call may take that does not say.
    pub deadline_default: Duration,
    /// How long a call may take at most.
    pub deadline_max: Duration,
    /// How long a stop waits for calls under way.
    pub drain: Duration,
    /// How long the turn may stand still with something to do; zero for ever.
    pub stuck: Duration,
    /// Most calls that wait to be decided.
    pub queue_max: u32,
    /// Most connections at a time.
    pub connections_max: u32,
    /// Most calls under way on one connection.
    pub streams_max: u32,
    /// How long a client may take to begin, its handshake included.
    pub handshake: Duration,
    /// Most clients that shake hands at a time.
    pub handshakes_max: u32,
    /// Most bytes of the headers of a call.
    pub headers_bytes_max: u32,
    /// How long a client may have no room for an answer.
    pub slow: Duration,
    /// How long a connection may be without calls; zero for ever.
    pub idle: Duration,
    /// How old a connection may become; zero for as old as it likes.
    pub age: Duration,
    /// The folder that holds the log, its keys and what can be rebuilt from them.
    pub data: PathBuf,
    /// The name under which the log signs its checkpoints.
    pub origin: String,
    /// Bytes of the disk that are never used; 0 for none, and then nothing is refused before it is full.
    pub reserve_bytes: u64,
    /// A segment of the log is sealed when it has grown to this many bytes.
    pub segment_bytes_max: u64,
    /// A snapshot of what is remembered is written after this many entries.
    pub snapshot_entries: u64,
    /// Bounds of what is remembered. They count from the entry that logs them.
    pub parameters: Parameters,
    /// The folder of the policy; the shipped one where absent.
    pub policy: Option<PathBuf>,
    /// The least urgent events that are written.
    pub level: Level,
    /// One decision in so many has a log line; 0 for none.
    pub decision_every: u32,
    /// Whether decisions, calls and steps are counted.
    pub metrics: bool,
    /// Where single transfers are traced to; nowhere where absent.
    pub traces: Option<SocketAddr>,
    /// One transfer in so many is traced, besides those whose callers want it; 0 for none.
    pub trace_every: u32,
    /// So many a second are traced at most of those whose callers want it; 0 for none.
    pub trace_asked: u32,
    /// Where those who run it look in; nowhere where absent.
    pub admin: Option<SocketAddr>,
}

/// Where settings come from, the later ones winning over the earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A file of settings.
    pub file: Option<PathBuf>,
    /// The environment as name and value; that of the process where absent.
    pub environment: Option<Vec<(String, String)>>,
    /// Settings of the command line by their full name, such as `server.listen`.
    pub flags: Vec<(&'static str, String)>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A source cannot be read at all.
    #[error("the settings cannot be read: {0}")]
    Unreadable(String),
    /// Settings are unknown or wrong; all of them.
    #[error("{}", lines(.0))]
    Refused(Vec<Problem>),
}

/// One setting that is unknown or wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Its full name, such as `server.listen`.
    pub key: String,
    /// Where it was set.
    pub place: String,
    /// What to do about it.
    pub advice: String,
}

impl Config {
    /// Returns the settings of `sources`, with the default of each that they leave out.
    pub fn load(sources: Sources) -> Result<Self, SettingsError> {
        let mut builder = config::Config::builder();
        if let Some(file) = &sources.file {
            builder = builder.add_source(File::from(file.as_path()).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix(PREFIX)
            .prefix_separator("__")
            .separator("__")
            .source(sources.environment.map(|pairs| pairs.into_iter().collect()));
        builder = builder.add_source(environment);
        for (key, value) in sources.flags {
            builder = builder.set_override(key, value)?;
        }
        let built = builder.build()?;
        let mut settings = Settings::of(built.cache.kind);

        let config = Self::take(&mut settings);
        settings.refuse_the_rest();
        if settings.problems.is_empty() {
            return Ok(config);
        }
        Err(SettingsError::Refused(settings.problems))
    }

    fn take(settings: &mut Settings) -> Self {
        let default = Self::default();
        let config = Self {
            listen: settings.take("server.listen", default.listen, address),
            secured: secured::take(settings),
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            doors: settings.number("server.doors", default.doors, 1..=64),
            ready_bytes: settings.number("server.ready_bytes", default.ready_bytes, READY),
            awake_us: settings.number("server.awake_us", default.awake_us, 0..=10_000),
            reflection: settings.take("server.reflection", default.reflection, yes_or_no),
            deadline_default: settings.millis(
                "server.deadline_default_ms",
                default.deadline_default,
                1..=60_000,
            ),
            deadline_max: settings.millis(
                "server.deadline_max_ms",
                default.deadline_max,
                1..=60_000,
            ),
            drain: settings.millis("server.drain_ms", default.drain, 0..=600_000),
            stuck: settings.millis("server.stuck_ms", default.stuck, 0..=600_000),
            queue_max: settings.number("limits.queue_max", default.queue_max, SOME),
            connections_max: settings.number(
                "limits.connections_max",
                default.connections_max,
                SOME,
            ),
            streams_max: settings.number("limits.streams_max", default.streams_max, SOME),
            handshake: settings.millis("limits.handshake_ms", default.handshake, 10..=60_000),
            handshakes_max: settings.number("limits.handshakes_max", default.handshakes_max, SOME),
            headers_bytes_max: settings.number(
                "limits.headers_bytes_max",
                default.headers_bytes_max,
                4_096..=65_536,
            ),
            slow: settings.millis("limits.slow_ms", default.slow, 10..=3_600_000),
            idle: settings.millis("limits.idle_ms", default.idle, 0..=86_400_000),
            age: settings.millis("limits.age_ms", default.age, 0..=604_800_000),
            data: settings.take("data.folder", default.data, folder),
            origin: settings.take("data.origin", default.origin, origin),
            reserve_bytes: settings.number("data.reserve_bytes", default.reserve_bytes, BYTES),
            segment_bytes_max: settings.number(
                "data.segment_bytes_max",
                default.segment_bytes_max,
                // One frame of the largest batch fits below the upper end; the lower is for tests.
                65_536..=1_073_741_824,
            ),
            snapshot_entries: settings.number(
                "data.snapshot_entries",
                default.snapshot_entries,
                1_000..=1_000_000_000,
            ),
            parameters: parameters(settings, default.parameters),
            policy: shipped_or_folder(settings),
            level: settings.take("telemetry.level", default.level, level),
            decision_every: settings.number(
                "telemetry.decision_every",
                default.decision_every,
                EVERY,
            ),
            metrics: settings.take("telemetry.metrics", default.metrics, yes_or_no),
            traces: settings.take("telemetry.traces", default.traces, collector),
            trace_every: settings.number("telemetry.trace_every", default.trace_every, EVERY),
            trace_asked: settings.number("telemetry.trace_asked", default.trace_asked, 0..=10_000),
            admin: settings.take("admin.listen", default.admin, address_or_nowhere),
        };
        config.agree(settings);
        config
    }

    /// Refuses settings that do not go together.
    fn agree(&self, settings: &mut Settings) {
        if self.deadline_max < self.deadline_default {
            settings.refuse("server.deadline_default_ms", "at most `server.deadline_max_ms`");
        }
        let dev = settings.take("server.dev", false, yes_or_no);
        if dev && self.secured.is_some() {
            settings.refuse("server.dev", "not together with `[tls]`: without it, or without TLS");
        }
        if self.secured.is_none() && !self.listen.ip().is_loopback() && settings.problems.is_empty()
        {
            settings.refuse(
                "server.listen",
                "a loopback address such as `127.0.0.1:50051` where calls are not encrypted; other \
                 machines may call by TLS, once `[tls]` names certificates",
            );
        }
    }
}

impl Default for Config {
    /// Safe on a laptop: nothing listens beyond the machine, nothing is written outside the folder.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50_051)),
            secured: None,
            credentials: None,
            // One is enough for tens of thousands of decisions a second, and leaves the other
            // cores to the turn and the disk.
            doors: 1,
            // What a million payments of a hundred thousand payers come to, with their indexes and a
            // snapshot under way.
            ready_bytes: 512 * 1_048_576,
            // As long as a batch and its sync mostly take.
            awake_us: 1_000,
            reflection: true,
            // A payer waits in front of a screen: beyond this the bank is better off deciding what
            // to do without an answer.
            deadline_default: Duration::from_millis(800),
            deadline_max: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            // Twice what any call may take, and two hundred times the longest sync that was seen.
            stuck: Duration::from_secs(20),
            // A tenth of a second of the busiest day.
            queue_max: 8_192,
            // Below the 1,024 files that a process may have open by default.
            connections_max: 512,
            streams_max: 1_024,
            handshake: Duration::from_secs(5),
            handshakes_max: 256,
            headers_bytes_max: 16 * 1_024,
            slow: Duration::from_mins(1),
            // Between two payments of a quiet night.
            idle: Duration::from_mins(15),
            // Whoever was taken off the list is out by then.
            age: Duration::from_hours(1),
            data: PathBuf::from("./clearline-data"),
            origin: "clearline.localhost/decisions".to_owned(),
            // Room for a day of events, and for whoever has to make more.
            reserve_bytes: 128 * 1_048_576,
            segment_bytes_max: 16 * 1_048_576,
            // Some six seconds of reading at a start, at 5.5 µs an entry on two cores. Each takes a second or
            // two of a core, and twice as many would cost twice as much.
            snapshot_entries: 1_000_000,
            parameters: Parameters::FIRST,
            policy: None,
            level: Level::INFO,
            // The decision log has them all.
            decision_every: 0,
            metrics: true,
            traces: None,
            trace_every: 0,
            // Some 700 spans a second, of which the queue for the collector holds a dozen seconds; a tenth
            // of what it takes to fill it at the collector's pace. A caller that flags every call of
            // thousands a second then costs as much as one that samples.
            trace_asked: 100,
            // The port that exporters of OpenTelemetry take. Nothing there is secret or of a person,
            // and yet it is nobody's business beyond the machine.
            admin: Some(SocketAddr::from(([127, 0, 0, 1], 9_464))),
        }
    }
}

impl From<config::ConfigError> for SettingsError {
    fn from(error: config::ConfigError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (from {}): {}", self.key, self.place, self.advice)
    }
}

/// Takes the policy's folder, of which an empty name means the shipped policy.
fn shipped_or_folder(settings: &mut Settings) -> Option<PathBuf> {
    let named = settings.take("policy.folder", String::new(), |text| Ok(text.to_owned()));
    (!named.is_empty()).then(|| PathBuf::from(named))
}

fn parameters(settings: &mut Settings, default: Parameters) -> Parameters {
    let hours = default.window.whole_seconds().div_euclid(3_600);
    // The longest window is a month: whoever retries later has another question.
    let hours = settings.number("memory.window_hours", hours, 1..=744);
    Parameters {
        window: Span::hours(hours),
        requests_max: settings.number(
            "memory.requests_max",
            default.requests_max,
            1_000..=100_000_000,
        ),
        payments_max: settings.number(
            "memory.payments_max",
            default.payments_max,
            1_000..=10_000_000,
        ),
    }
}

/// Settings as they were written, each taken out once.
#[derive(Debug)]
struct Settings {
    /// Sorted by key.
    written: Vec<(String, Value)>,
    /// Keys that were asked for, for advice.
    known: Vec<&'static str>,
    /// Where each was set that was taken.
    places: Vec<(&'static str, String)>,
    problems: Vec<Problem>,
}

impl Settings {
    fn of(root: ValueKind) -> Self {
        let mut written = Vec::new();
        flatten("", Value::new(None, root), &mut written);
        written.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self { written, known: Vec::new(), places: Vec::new(), problems: Vec::new() }
    }

    /// Takes out the setting called `key` as `read` reads it; `default` where it is not set or
    /// cannot be read.
    fn take<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.known.push(key);
        let Some(at) = self.written.iter().position(|(written, _)| written == key) else {
            return default;
        };
        let (_, value) = self.written.remove(at);
        self.places.push((key, place(&value)));
        let text = match &value.kind {
            ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Float(_) | ValueKind::Nil => {
                self.refuse(key, "one text, whole number or `true` or `false`");
                return default;
            }
            kind => kind.to_string(),
        };
        match read(&text) {
            Ok(value) => value,
            Err(advice) => {
                self.refuse(key, &format!("`{text}` is not {advice}"));
                default
            }
        }
    }

    fn number<T: TryFrom<i64> + Copy + fmt::Display + PartialOrd>(
        &mut self,
        key: &'static str,
        default: T,
        range: RangeInclusive<T>,
    ) -> T {
        self.take(key, default, |text| {
            let number = text.parse::<i64>().ok().and_then(|number| T::try_from(number).ok());
            number
                .filter(|number| range.contains(number))
                .ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
        })
    }

    fn millis(
        &mut self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<u64>,
    ) -> Duration {
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.number(key, default, range))
    }

    fn refuse(&mut self, key: &'static str, advice: &str) {
        let place = self.places.iter().find(|(taken, _)| *taken == key);
        let place = place.map_or_else(|| "the defaults".to_owned(), |(_, place)| place.clone());
        self.problems.push(Problem { key: key.to_owned(), place, advice: advice.to_owned() });
    }

    /// Refuses every setting that nobody has asked for.
    fn refuse_the_rest(&mut self) {
        for (key, value) in self.written.drain(..) {
            let place = place(&value);
            let advice = format!("no such setting: {}", meant(&key, &self.known));
            self.problems.push(Problem { key, place, advice });
        }
    }
}

/// Returns advice for somebody who wrote `key`, where those of `known` are settings.
fn meant(key: &str, known: &[&'static str]) -> String {
    let parted = || known.iter().filter_map(|known| known.split_once('.'));
    let Some((section, name)) = key.split_once('.') else {
        return "each stands in a section, such as `listen` below `[server]`".to_owned();
    };
    let names = || parted().filter(|(within, _)| *within == section).map(|(_, name)| name);
    if names().next().is_some() {
        nearest(name, names().collect::<Vec<_>>().into_iter())
    } else {
        nearest(section, parted().map(|(section, _)| section).collect::<Vec<_>>().into_iter())
    }
}

/// Appends every setting below `value` under its full name. An empty section is none.
fn flatten(key: &str, value: Value, written: &mut Vec<(String, Value)>) {
    match value.kind {
        ValueKind::Table(table) => {
            for (name, below) in table {
                let below_key = if key.is_empty() { name } else { format!("{key}.{name}") };
                flatten(&below_key, below, written);
            }
        }
        _ => written.push((key.to_owned(), value)),
    }
}

fn place(value: &Value) -> String {
    value.origin().unwrap_or("the command line").to_owned()
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address and a port, such as `127.0.0.1:50051`".to_owned())
}

/// Takes an address, of which an empty one means nowhere.
fn address_or_nowhere(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let advice = "an address and a port, such as `127.0.0.1:9464`, or empty for none";
    text.parse().map(Some).map_err(|_| advice.to_owned())
}

/// Takes where a collector of traces is: on this machine, as what is sent is not encrypted.
fn collector(text: &str) -> Result<Option<SocketAddr>, String> {
    let advice =
        "where a collector listens on this machine, such as `127.0.0.1:4317`, or empty for none";
    let address = address_or_nowhere(text).map_err(|_| advice.to_owned())?;
    match address {
        Some(address) if !address.ip().is_loopback() => Err(advice.to_owned()),
        address => Ok(address),
    }
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "`true` or `false`".to_owned())
}

fn folder(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("a folder".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// Takes what a signed note may be named: no spaces and no plus sign.
fn origin(text: &str) -> Result<String, String> {
    let fits = (1..=ORIGIN_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+');
    if fits {
        return Ok(text.to_owned());
    }
    Err(format!("a name of 1 to {ORIGIN_CHARS_MAX} printable characters without spaces or `+`"))
}

fn level(text: &str) -> Result<Level, String> {
    match text {
        "error" => Ok(Level::ERROR),
        "warn" => Ok(Level::WARN),
        "info" => Ok(Level::INFO),
        "debug" => Ok(Level::DEBUG),
        _ => Err("`error`, `warn`, `info` or `debug`".to_owned()),
    }
}

const PREFIX: &str = "CLEARLINE";
/// It is in every receipt, and a host name with a path fits easily.
const ORIGIN_CHARS_MAX: usize = 128;
/// The allocator asks the system for a gibibyte at a time. What does not fit beside the program's own into
/// the first would lie in the next, and be used last.
const READY: RangeInclusive<u32> = 0..=768 * 1_048_576;
/// A pebibyte: more than any machine has.
const BYTES: RangeInclusive<u64> = 0..=1_125_899_906_842_624;
/// Places of any kind: more than a process may have open files by default.
const SOME: RangeInclusive<u32> = 1..=65_536;
/// One in so many; 0 for none.
const EVERY: RangeInclusive<u32> = 0..=1_000_000;

#[cfg(test)]
mod tests;
