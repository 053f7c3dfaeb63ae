//! Ceiling: how near the whole service comes to a server that only speaks gRPC.
//!
//! Runs `clearline serve` and a bare echo of the same messages, each alone on one core, with the
//! load on another, in turns over several rounds. Sync, indexes and snapshots are on, and the data
//! lies on the disk that holds the build. Needs two cores and nothing else running on them, some
//! minutes and a few gigabytes.
//!
//! Unary calls come on many connections, one at a time on each, as the workers of a payment system
//! make them. A bare echo then costs about what such a pair was measured to cost when the floor was
//! set (15.8 µs a call). With many calls in flight on few connections one read and one write carry
//! many calls, the echo costs less than half of that, and the ratio is lower:
//! `--connections 4 --in-flight 64` shows it.
//!
//! With `--tls` both speak TLS 1.3 with certificates on both sides, made for the run, and the load has
//! what it takes of either.
//!
//! What is printed last are medians over rounds of ratios within a round: machines drift, and a
//! ratio of two neighbouring runs drifts less than either. A run counts only where it was the server
//! that had no time left.

#![expect(clippy::arithmetic_side_effects, reason = "a wrong figure is seen, a long formula not")]

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs, io, thread};

use clap::Parser as _;
use clearline::cli::authority::{Authority, Holder};
use clearline::cli::bench::load::{Load, Measured, Tls, drive};
use clearline::cli::bench::machine::{self, CoreTime};
use clearline::cli::bench::report::{each, grouped, microseconds, milliseconds, p99, per_second};
use clearline::cli::bench::requests::{Mix, Shape};
use clearline::cli::bench::server::{Folder, Server};
use clearline::cli::bench::{PAYEES, now};
use clearline::cli::credentials::Credentials;
use clearline::cli::serve::ready;
use clearline::clock::{Clock as _, RealClock};
use tokio::time::Instant;

#[path = "ceiling/echo.rs"]
mod echo;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error>;

/// How near the whole service comes to a server that only speaks gRPC.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Rounds that must count.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds that each of the four runs of a round is measured.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Connections of unary calls.
    #[arg(long, default_value_t = 512)]
    connections: u16,
    /// Unary calls in flight on each connection.
    #[arg(long, default_value_t = 1)]
    in_flight: u16,
    /// Streams, each on its own connection.
    #[arg(long, default_value_t = 4)]
    streams: u16,
    /// Messages in flight on each stream.
    #[arg(long, default_value_t = 256)]
    stream_in_flight: u16,
    /// Counts rounds in which others had part of the server's core. Says little, but says something.
    #[arg(long)]
    crowded: bool,
    /// Measures the echo alone, against itself.
    #[arg(long)]
    bare: bool,
    /// Calls both by TLS, with certificates on both sides.
    #[arg(long, conflicts_with = "bare")]
    tls: bool,
    /// Serves as the echo, by TLS where this folder has a name and its certificate: how this program
    /// starts it.
    #[arg(long, hide = true)]
    echo: Option<OsString>,
}

fn main() -> ExitCode {
    // Cargo says `--bench` to every bench.
    let arguments = Arguments::parse_from(env::args().filter(|argument| argument != "--bench"));
    let done = match &arguments.echo {
        Some(folder) => echo::serve((!folder.is_empty()).then_some(Path::new(folder))),
        None => measure(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("ceiling: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let cores = thread::available_parallelism()?.get();
    if cores < 2 {
        return Err("server and load need a core each, and this machine has one".into());
    }
    let folder = Folder::new(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
    let bench = Bench::start(arguments, &folder)?;
    println!("server on core {SERVER_CORE}, load on core {LOAD_CORE}");
    println!(
        "unary: {} calls in flight on each of {} connections; stream: {} messages on each of {}",
        arguments.in_flight, arguments.connections, arguments.stream_in_flight, arguments.streams
    );
    println!("data on {}", folder.path().display());
    println!();

    let unary = bench.rounds(Shape::Unary)?;
    let stream = bench.rounds(Shape::Stream)?;
    println!();
    bench.idle()?;
    for (name, rounds) in [("unary", &unary), ("stream", &stream)] {
        let cpu =
            |of: fn(&Round) -> &Run| microseconds(median(rounds, |round| of(round).cpu_nanos));
        println!(
            "{name} server CPU a decision: Clearline {}, bare {}",
            cpu(|round| &round.clearline),
            cpu(|round| &round.echo)
        );
    }
    let lag = unary.iter().chain(&stream).map(|round| round.lag).max().unwrap_or_default();
    println!("longest index lag after a run: {:.3} s", lag.as_secs_f64());
    if let Some(memory) = machine::memory(bench.clearline.pid()) {
        println!("Clearline's memory at the end: {} MiB", grouped(memory / 1024 / 1024));
    }
    bench.stop()?;
    if INDEX_LAG_MAX < lag {
        return Err("the indexes lagged more than a second behind".into());
    }

    println!();
    if arguments.tls {
        println!("by TLS with certificates on both sides:");
    }
    println!("unary: {} of the bare echo", hundredths(median(&unary, Round::ratio)));
    println!(
        "stream: {} decisions/s, {} of the bare stream",
        grouped(median(&stream, |round| round.clearline.per_second)),
        hundredths(median(&stream, Round::ratio))
    );
    Ok(())
}

/// The two servers and how to send to them.
struct Bench<'a> {
    arguments: &'a Arguments,
    clearline: Server,
    data: PathBuf,
    echo: Server,
    tls: Option<Tls>,
}

/// One after the other, under the same load.
struct Round {
    clearline: Run,
    echo: Run,
    /// How long after the load every sealed segment had its index.
    lag: Duration,
}

/// One run of one server.
struct Run {
    per_second: u64,
    cpu_nanos: u64,
    /// Thousandths of the time that the server's core was busy.
    busy: u64,
    /// Thousandths of the time that the server itself kept it busy.
    own: u64,
    p99_micros: u64,
}

#[derive(Clone, Copy)]
struct Sample {
    cpu: Duration,
    core: CoreTime,
}

impl<'a> Bench<'a> {
    fn start(arguments: &'a Arguments, folder: &Folder) -> Result<Self, Failure> {
        let mut echo = Command::new(env::current_exe()?);
        let secured = if arguments.tls { Some(Secured::prepare(folder)?) } else { None };
        echo.arg("--echo").arg(secured.as_ref().map_or(Path::new(""), |_| folder.path()));
        // At its best: it keeps its memory, as Clearline does.
        echo.env(ready::KEEP.0, ready::KEEP.1);
        // A child stays on the core of the thread that starts it.
        machine::pin(SERVER_CORE)?;
        let echo = Server::run(echo, folder)?;
        let clearline = if arguments.bare {
            let mut second = Command::new(env::current_exe()?);
            second.args(["--echo", ""]).env(ready::KEEP.0, ready::KEEP.1);
            Server::run(second, folder)?
        } else if let Some(Secured { authority, .. }) = &secured {
            Server::start_secured(Path::new(PROGRAM), folder, authority, ACCESS)?
        } else {
            Server::start(Path::new(PROGRAM), folder)?
        };
        machine::pin(LOAD_CORE)?;
        let tls = secured.map(|secured| secured.tls);
        Ok(Self { arguments, clearline, data: folder.path().join("data"), echo, tls })
    }

    /// Stops the servers; Clearline must end well.
    fn stop(self) -> Result<(), Failure> {
        if self.arguments.bare {
            return Ok(());
        }
        Ok(self.clearline.stop()?)
    }

    /// Measures rounds until enough of them count.
    fn rounds(&self, shape: Shape) -> Result<Vec<Round>, Failure> {
        println!(
            "{:<8}{:>12}{:>10}{:>8}{:>10}   {:>12}{:>10}{:>8}{:>10}{:>8}",
            name(shape),
            "Clearline/s",
            "CPU",
            "busy",
            "p99",
            "bare/s",
            "CPU",
            "busy",
            "p99",
            "ratio"
        );
        let mut rounds = Vec::new();
        for number in 0..self.arguments.rounds * TRIES_PER_ROUND {
            // Turns about: whatever the first of a pair suffers from, both suffer from it.
            let (clearline, lag, echo);
            if number % 2 == 0 {
                echo = self.run(&self.echo, shape)?;
                (clearline, lag) = self.run_clearline(shape)?;
            } else {
                (clearline, lag) = self.run_clearline(shape)?;
                echo = self.run(&self.echo, shape)?;
            }
            let round = Round { clearline, echo, lag };
            let counts = round.counts(self.arguments.crowded);
            println!("{}{}", round.line(number + 1), round.note(counts));
            if counts {
                rounds.push(round);
            }
            if rounds.len() == self.arguments.rounds {
                return Ok(rounds);
            }
        }
        let (counted, wanted) = (rounds.len(), self.arguments.rounds);
        println!("only {counted} of {wanted} rounds count: is something else running here?");
        // A median of fewer than half of them would be one of chance.
        if counted * 2 < wanted {
            return Err("too few rounds had the server's core busy with the server".into());
        }
        Ok(rounds)
    }

    fn run_clearline(&self, shape: Shape) -> Result<(Run, Duration), Failure> {
        let run = self.run(&self.clearline, shape)?;
        let lag = index_lag(&self.data)?;
        wait_until_quiet(self.clearline.pid());
        Ok((run, lag))
    }

    fn run(&self, server: &Server, shape: Shape) -> Result<Run, Failure> {
        let load = self.load(server, shape);
        let pid = server.pid();
        let measured = drive(&load, now(), || sample(pid))?;
        let Measured { before: Some(before), after: Some(after), .. } = measured else {
            return Err("the kernel does not say how busy a core is".into());
        };
        let cpu = after.cpu.saturating_sub(before.cpu);
        let own = cpu.as_micros() * 1000 / measured.elapsed.as_micros();
        Ok(Run {
            per_second: per_second(measured.tally.replies, measured.elapsed),
            cpu_nanos: each(cpu, measured.tally.replies).unwrap_or(0),
            busy: after.core.busy_per_mille_since(before.core),
            own: u64::try_from(own)?,
            p99_micros: p99(&measured.tally.latency),
        })
    }

    /// Compares the latency of one call at a time with that of one append and sync of as many bytes.
    fn idle(&self) -> Result<(), Failure> {
        if self.arguments.bare {
            return Ok(());
        }
        let one = Load {
            connections: 1,
            in_flight: 1,
            measured: IDLE_TIME,
            ..self.load(&self.clearline, Shape::Unary)
        };
        let (mut calls, mut syncs) = (None, None);
        let mut bytes = 0;
        for _ in 0..IDLE_ROUNDS {
            let before = log_bytes(&self.data)?;
            let measured = drive(&one, now(), || ())?;
            let grown = log_bytes(&self.data)?.saturating_sub(before);
            bytes = usize::try_from(grown / measured.answered_in_all.max(1))?.max(1);
            let times = machine::sync_times(&self.data, bytes, IDLE_TIME)?;
            add(&mut calls, measured.tally.latency)?;
            add(&mut syncs, times)?;
        }
        let (Some(calls), Some(syncs)) = (calls, syncs) else { return Ok(()) };
        for (what, times) in [("one call at a time", &calls), ("append and sync", &syncs)] {
            println!(
                "{what}, {} bytes: p50 {}, p99 {}, slowest {}",
                grouped(u64::try_from(bytes)?),
                milliseconds(times.value_at_quantile(0.5)),
                milliseconds(p99(times)),
                milliseconds(times.max())
            );
        }
        println!(
            "idle p99: {} × the p99 of append and sync",
            hundredths(p99(&calls) * 1000 / p99(&syncs).max(1))
        );
        Ok(())
    }

    fn load(&self, server: &Server, shape: Shape) -> Load {
        let arguments = self.arguments;
        let (connections, in_flight) = match shape {
            Shape::Unary => (arguments.connections, arguments.in_flight),
            Shape::Stream => (arguments.streams, arguments.stream_in_flight),
        };
        Load {
            address: server.address,
            tls: self.tls.clone(),
            shape,
            connections,
            in_flight,
            rate: None,
            warm_up: if self.tls.is_some() { WARM_UP_SECURED } else { WARM_UP },
            measured: Duration::from_secs(arguments.seconds),
            mix: MIX,
        }
    }
}

/// Certificates of a run.
struct Secured {
    authority: Authority,
    tls: Tls,
}

impl Secured {
    /// Makes an authority, and certificates of the echo and of the load.
    fn prepare(folder: &Folder) -> Result<Self, Failure> {
        let authority = Authority::new(folder.path(), RealClock::start().wall())?;
        authority.issue("echo", Holder::Server)?;
        let load = authority.issue("load", Holder::Caller(LOAD))?;
        let credentials = Credentials::of(&authority.certificate(), Some(&load));
        let config = credentials.for_connection()?.ok_or("no certificates")?;
        Ok(Self { authority, tls: Tls { config, name: "localhost".try_into()? } })
    }
}

impl Round {
    fn ratio(&self) -> u64 {
        self.clearline.per_second * 1000 / self.echo.per_second.max(1)
    }

    /// Tells whether it was the servers that had no time left, and, unless the machine is `crowded`
    /// anyway, nobody took it from them.
    fn counts(&self, crowded: bool) -> bool {
        let runs = [&self.clearline, &self.echo];
        runs.iter().all(|run| BUSY_MIN <= run.busy && (crowded || OWN_MIN <= run.own))
    }

    fn line(&self, number: usize) -> String {
        let run = |run: &Run| {
            format!(
                "{:>12}{:>10}{:>7}%{:>10}",
                grouped(run.per_second),
                microseconds(run.cpu_nanos),
                run.busy / 10,
                milliseconds(run.p99_micros)
            )
        };
        let (clearline, echo) = (run(&self.clearline), run(&self.echo));
        format!("{number:<8}{clearline}   {echo}{:>8}", hundredths(self.ratio()))
    }

    fn note(&self, counts: bool) -> String {
        if counts {
            return String::new();
        }
        let (clearline, echo) = (self.clearline.own / 10, self.echo.own / 10);
        format!("   does not count: the servers had {clearline}% and {echo}% of the core")
    }
}

fn sample(pid: u32) -> Option<Sample> {
    Some(Sample { cpu: machine::cpu_time(pid)?, core: machine::core_time(SERVER_CORE)? })
}

/// Returns how long it takes from now until every sealed segment has its index.
fn index_lag(data: &Path) -> io::Result<Duration> {
    let start = Instant::now();
    loop {
        let mut segments = stems(&data.join("log"), "segment")?;
        segments.sort_unstable();
        // The last one is still open.
        segments.pop();
        let indexes = stems(&data.join("index"), "index")?;
        let lag = start.elapsed();
        if segments.iter().all(|segment| indexes.contains(segment)) || LAG_WAIT_MAX < lag {
            return Ok(lag);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the first positions that the names of the files of one kind state.
fn stems(folder: &Path, extension: &str) -> io::Result<Vec<u64>> {
    let files = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files?,
    };
    let mut stems = Vec::new();
    for file in files {
        let path = file?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).map(str::parse);
        if let (true, Some(Ok(stem))) = (path.extension().is_some_and(|is| is == extension), stem) {
            stems.push(stem);
        }
    }
    Ok(stems)
}

/// Returns how many bytes the log holds.
fn log_bytes(data: &Path) -> io::Result<u64> {
    let files = fs::read_dir(data.join("log"))?;
    files.map(|file| Ok(file?.metadata()?.len())).sum()
}

/// Waits until a server has no work left, or for ten seconds: what it does behind must not fall into
/// the other's time.
fn wait_until_quiet(pid: u32) {
    for _ in 0..50 {
        let before = machine::cpu_time(pid);
        thread::sleep(Duration::from_millis(200));
        let used =
            machine::cpu_time(pid).zip(before).map(|(after, before)| after.saturating_sub(before));
        if used.is_none_or(|used| used <= Duration::from_millis(10)) {
            return;
        }
    }
}

fn add<T: hdrhistogram::Counter>(
    sum: &mut Option<hdrhistogram::Histogram<T>>,
    times: hdrhistogram::Histogram<T>,
) -> Result<(), Failure> {
    match sum {
        None => *sum = Some(times),
        Some(sum) => sum.add(times)?,
    }
    Ok(())
}

fn median<T>(of: &[T], value: impl Fn(&T) -> u64) -> u64 {
    let mut values: Vec<_> = of.iter().map(value).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// Writes thousandths with two decimals.
fn hundredths(thousandths: u64) -> String {
    let rounded = (thousandths + 5) / 10;
    format!("{}.{:02}", rounded / 100, rounded % 100)
}

fn name(shape: Shape) -> &'static str {
    match shape {
        Shape::Unary => "unary",
        Shape::Stream => "stream",
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_clearline");

/// Whom the load is, and that it may ask as much as it can.
const LOAD: &str = "spiffe://bank.example/load";
const ACCESS: &str = r#"schema = 1
[[role]]
name = "payment_system"
rights = ["screen"]
sees = "own"
[[caller]]
name = "load"
role = "payment_system"
spiffe = ["spiffe://bank.example/load"]
limits = { in_flight = 65_536, per_second = 1_000_000, burst = 1_000_000, connections = 65_536 }
"#;

const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;

/// What `clearline bench` sends as well.
const MIX: Mix =
    Mix { payers: 100_000, payees: PAYEES, texts_per_mille: 300, warnings_per_mille: 20 };

/// Connections open and caches fill within it.
const WARM_UP: Duration = Duration::from_secs(1);
/// A handshake takes about two milliseconds of both, one after the other.
const WARM_UP_SECURED: Duration = Duration::from_secs(3);

/// A server that has time left was kept waiting by the load or the disk: its rate says nothing of
/// what it costs.
const BUSY_MIN: u64 = 950;
/// Some goes to the kernel, which writes and syncs for the server; more than that was somebody else.
const OWN_MIN: u64 = 800;
/// How often a round may be repeated, on average.
const TRIES_PER_ROUND: usize = 3;

const IDLE_ROUNDS: usize = 3;
const IDLE_TIME: Duration = Duration::from_secs(2);

const INDEX_LAG_MAX: Duration = Duration::from_secs(1);
const LAG_WAIT_MAX: Duration = Duration::from_secs(30);
