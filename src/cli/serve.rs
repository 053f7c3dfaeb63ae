//! Serve: answers calls until it is told to stop.
//!
//! Opens the data folder, starts the turn and the thread behind, and then the doors. Stopping goes
//! the other way round: health says that nothing more is taken, the doors drain within their bound,
//! the turn decides what is left, a snapshot is written and the log closed.
//!
//! The first write or sync that fails ends the process at once and with an error: no answer leaves
//! after it, and the next start finds out what is on disk.

mod entrance;
mod monitoring;
pub mod ready;
mod watch;

use std::error::Error as StdError;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch as channels;

use crate::cli::serve::entrance::Entrance;
use crate::cli::serve::monitoring::Monitoring;
use crate::cli::{CliError, causes, policy as policies};
use crate::clock::{Clock as _, RealClock};
use crate::config::Config;
use crate::decision;
use crate::grpc::Door;
use crate::grpc::call::Patience;
use crate::grpc::guard::Guard;
use crate::grpc::health::Health;
use crate::grpc::screening::Service;
use crate::grpc::serve::{Limits, listen, serve};
use crate::grpc::tls::Tls;
use crate::log::disk::{Disk, RealDisk};
use crate::log::segments::{Files, Settings};
use crate::log::snapshot;
use crate::memory::FOLD_VERSION;
use crate::memory::snapshot::Slices;
use crate::policy::{self, Policy};
use crate::telemetry;
use crate::telemetry::count::Counts;
use crate::telemetry::trace;
use crate::turn::Engine;
use crate::turn::behind::{Behind, Work};
use crate::turn::clockwork::Clockwork;
use crate::turn::desk::{Desk, Queue};
use crate::turn::run::{RunError, run as run_turn};
use crate::turn::space::Space;
use crate::turn::start::{Plan, Started, start};

/// Serves under `config` until a signal to stop.
pub fn run(config: &Config) -> Result<(), CliError> {
    telemetry::start(config.level, config.decision_every);
    ready::prepare(config.ready_bytes);
    refuse_core_dumps()?;
    let policy = Arc::new(load(config.policy.as_deref())?);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&config.data).map_err(|source| {
        CliError::Unreadable { path: config.data.display().to_string(), source }
    })?);
    let clock = RealClock::start();
    let traces = config.traces.map(|at| trace::start(at, config.trace_every, config.trace_asked));
    let traces = traces.transpose().map_err(|error| failed(&error))?;
    let entrance = Entrance::open(config, clock)?;
    let plan = Plan {
        origin: config.origin.clone(),
        log: Settings {
            segment_bytes_max: usize::try_from(config.segment_bytes_max).unwrap_or(usize::MAX),
            ..Settings::default()
        },
        parameters: config.parameters,
        policy: Arc::clone(&policy),
    };
    let Started { engine, keys, tokens, spared } =
        start(&disk, plan, clock.wall()).map_err(|error| in_folder(&config.data, &error))?;
    let clockwork =
        Clockwork::start(clock, engine.memory().time()).map_err(|error| failed(&error))?;
    tracing::info!(entries = engine.memory().position(), spared, "log opened");

    let reader = engine.log().reader();
    let queue = Arc::new(Queue::new(usize::try_from(config.queue_max).unwrap_or(usize::MAX)));
    let space = Arc::new(Space::new(Arc::clone(&disk), config.reserve_bytes));
    let watched = (Arc::clone(&queue), reader.clone(), entrance.listed(), Arc::clone(&space));
    let monitoring = Monitoring::open(config, &policy, watched, (spared, clock));
    let counts = monitoring.counts();
    let work = Work {
        disk: Arc::clone(&disk),
        keys,
        reader: reader.clone(),
        space: Arc::clone(&space),
        clock,
        counts,
    };
    let behind = Behind::start(work, config.snapshot_entries, spared).map_err(|e| failed(&e))?;
    let first = Desk::new(Arc::clone(&queue), reader, policy, tokens);
    let (stopping, stop) = channels::channel(false);
    let (full, fills) = channels::channel(space.is_low());

    // Before anyone is told where to call: whoever knows may also say stop.
    let signals = Signals::take().map_err(|error| failed(&error))?;
    let (waiting, counts) = (Arc::clone(&queue), monitoring.counts());
    let of_turn = (clockwork, behind, Arc::clone(&space));
    let turn = turn_thread(engine, waiting, of_turn, counts)?;
    let heard = Heard { stop, fills };
    let (address, doors) = doors(config, &entrance, &first, (clock, &heard), &monitoring)?;
    monitoring.state().set_serving(!space.is_low());
    greet(config, address, &monitoring);
    let kept = entrance.keep(config, clock, monitoring.state())?;
    let watched = (Arc::clone(&queue), Arc::clone(monitoring.state()), space);
    let tells = (stopping.clone(), full);
    watch::start(watched, tells, config.stuck).map_err(|error| failed(&error))?;
    signals.wait();
    drop(kept);

    tracing::info!("stopping");
    watch::stopping();
    monitoring.state().set_serving(false);
    let _ = stopping.send(true);
    for door in doors {
        if door.join().is_err() {
            tracing::error!("a door panicked");
        }
    }
    drop(traces);
    queue.stop();
    let engine = turn.join().map_err(|_| CliError::NotAsExpected("the turn panicked".into()))?;
    close(&*disk, engine)
}

/// What a process has in memory when it dies is keys and people's payments.
fn refuse_core_dumps() -> Result<(), CliError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|error| failed(&error))
}

/// Loads the policy in a folder, or the shipped one, and runs its cases: a policy that does not
/// decide as its own stories say is not served.
pub(super) fn load(folder: Option<&Path>) -> Result<Policy, CliError> {
    let files = match folder {
        Some(folder) => policies::read(folder)?,
        None => policy::standard(),
    };
    let checked = decision::check(files).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        CliError::NotAsExpected(lines.join("\n"))
    })?;
    Ok(checked.policy)
}

/// The turn's thread. A failure ends the process from here: whoever waits for an answer must not
/// get one, and a stop that waits for calls to end could take seconds.
fn turn_thread(
    mut engine: Engine<Files>,
    queue: Arc<Queue>,
    (mut clockwork, mut behind, space): (Clockwork<RealClock>, Behind, Arc<Space>),
    counts: Option<Counts>,
) -> Result<JoinHandle<Engine<Files>>, CliError> {
    let thread = std::thread::Builder::new().name("turn".to_owned()).spawn(move || {
        if let Some(counts) = counts {
            counts.enter();
        }
        let outside = (&mut clockwork, &*space);
        let ended = run_turn(&mut engine, &queue, outside, |engine| behind.look(engine));
        if let Err(error) = ended {
            fail(&error);
        }
        behind.end();
        engine
    });
    thread.map_err(|error| failed(&error))
}

fn fail(error: &RunError) -> ! {
    tracing::error!(error = causes(error), "the service ends");
    std::process::exit(EXIT_FAILED);
}

/// Writes a last snapshot, so that the next start reads little, and closes the log.
fn close(disk: &dyn Disk, engine: Engine<Files>) -> Result<(), CliError> {
    let (base, mut memory) = (engine.log().base(), Slices::new(engine.memory()));
    if let Err(error) = snapshot::write(disk, FOLD_VERSION, &base, &mut memory) {
        tracing::warn!(%error, "snapshot not written");
    }
    engine.into_log().close().map_err(|error| failed(&error))?;
    tracing::info!(entries = base.position(), "stopped");
    Ok(())
}

/// Starts the doors, each a thread with a runtime of its own, all on one address.
fn doors(
    config: &Config,
    entrance: &Entrance,
    desk: &Desk,
    (clock, heard): (RealClock, &Heard),
    monitoring: &Monitoring,
) -> Result<(SocketAddr, Vec<JoinHandle<()>>), CliError> {
    let mut address = config.listen;
    let mut doors = Vec::new();
    for number in 0..config.doors {
        let settings = DoorSettings {
            // Port 0 means any: the other doors share the one that the first was given.
            address,
            shared: 1 < config.doors,
            reflection: config.reflection,
            guard: entrance.guard.clone(),
            tls: entrance.tls.clone(),
            patience: Patience { default: config.deadline_default, max: config.deadline_max },
            limits: Limits {
                connections_max: usize::try_from(config.connections_max).unwrap_or(usize::MAX),
                calls_max: config.streams_max,
                drain: config.drain,
                handshake: config.handshake,
                handshakes_max: usize::try_from(config.handshakes_max).unwrap_or(usize::MAX),
                headers_bytes_max: config.headers_bytes_max,
                slow: config.slow,
                idle: config.idle,
                age: config.age,
            },
            awake_nanos: u64::from(config.awake_us).saturating_mul(1_000),
        };
        let (desk, heard) = (desk.another(), heard.clone());
        let (open, opened) = channel();
        let counts = monitoring.counts();
        let thread = std::thread::Builder::new().name(format!("door {number}"));
        let door = thread.spawn(move || {
            if let Some(counts) = counts {
                counts.enter();
            }
            door(&settings, desk, clock, heard, &open);
        });
        doors.push(door.map_err(|error| failed(&error))?);
        address = match opened.recv() {
            Ok(Ok(address)) => address,
            Ok(Err(problem)) => return Err(CliError::NotAsExpected(problem)),
            Err(_) => return Err(CliError::NotAsExpected("a door panicked".to_owned())),
        };
    }
    Ok((address, doors))
}

/// What a door hears while it serves.
#[derive(Clone)]
struct Heard {
    /// Turns true when the server is to stop.
    stop: channels::Receiver<bool>,
    /// Is true while the disk is nearly full.
    fills: channels::Receiver<bool>,
}

/// What one door is told.
struct DoorSettings {
    address: SocketAddr,
    shared: bool,
    reflection: bool,
    guard: Guard,
    tls: Option<Tls>,
    patience: Patience,
    limits: Limits,
    awake_nanos: u64,
}

/// Serves one door until it hears that it is to stop. Says on `open` where it listens, or why it does not.
fn door(
    settings: &DoorSettings,
    desk: Desk,
    clock: RealClock,
    Heard { stop, fills }: Heard,
    open: &Sender<Result<SocketAddr, String>>,
) {
    let (mut runtime, waits) = (tokio::runtime::Builder::new_current_thread(), desk.clone());
    let awake = settings.awake_nanos;
    runtime.enable_all().on_thread_park(move || waits.stay_awake(awake));
    let runtime = match runtime.build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(open.send(Err(error.to_string()))),
    };
    runtime.block_on(async {
        let listener = listen(settings.address, settings.shared).and_then(|listener| {
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) = match listener {
            Ok(listener) => listener,
            Err(error) => {
                let address = settings.address;
                let problem = format!("cannot listen on {address}: {error}; choose another port");
                return drop(open.send(Err(problem)));
            }
        };
        let health = Health::new().await;
        let service = Service::new(desk.clone(), Arc::new(clock), settings.patience, stop.clone());
        let (guard, tls) = (settings.guard.clone(), settings.tls.clone());
        let door = match Door::new(service, &health, settings.reflection, guard) {
            Ok(door) => door.with_headers(settings.limits.headers_bytes_max),
            Err(error) => return drop(open.send(Err(error.to_string()))),
        };
        tokio::spawn(async move { desk.hand_out().await });
        tell_health(&health, &fills, &stop).await;
        tokio::spawn(keep_health(health.clone(), fills, stop.clone()));
        let _ = open.send(Ok(address));

        let mut stop = stop;
        let stopped = async {
            // It ends with the process where nobody is left to say so.
            let _ = stop.wait_for(|stop| *stop).await;
            health.not_serving().await;
        };
        let ended = serve(listener, door, settings.limits, tls, stopped).await;
        if 0 < ended.cut {
            tracing::warn!(connections = ended.cut, "cut while draining");
        }
    });
}

/// Says that calls are welcome, unless the disk is nearly full or the server is to stop.
async fn tell_health(
    health: &Health,
    fills: &channels::Receiver<bool>,
    stop: &channels::Receiver<bool>,
) {
    let refuses = *fills.borrow() || *stop.borrow();
    if refuses { health.not_serving().await } else { health.serving().await }
}

/// Says so each time that the disk is nearly full or has room again.
async fn keep_health(
    health: Health,
    mut fills: channels::Receiver<bool>,
    stop: channels::Receiver<bool>,
) {
    while fills.changed().await.is_ok() {
        tell_health(&health, &fills, &stop).await;
    }
}

/// Says what runs and who may call, with what to try next.
fn greet(config: &Config, address: SocketAddr, monitoring: &Monitoring) {
    let policy = config.policy.as_deref().map_or_else(
        || "the shipped policy".to_owned(),
        |folder| format!("the policy in `{}`", folder.display()),
    );
    let admin = monitoring.address().map_or_else(String::new, |admin| {
        format!("clearline: shows itself to those who run it at http://{admin}/metrics\n")
    });
    let (callers, next) = match &config.secured {
        None => (
            "anyone on this machine may call, without TLS and as one caller; nobody may operate, \
             approve or audit"
                .to_owned(),
            format!("clearline screen --example --address {address}"),
        ),
        Some(secured) => (
            format!("callers come by TLS 1.3, each as `{}` lists them", secured.access.display()),
            format!(
                "clearline screen --example --address {address} --ca FILE --cert FILE --key FILE"
            ),
        ),
    };
    // Whoever started the service may have stopped reading what it says.
    let _ = write!(
        std::io::stdout().lock(),
        "clearline: listening on {address}\n\
         clearline: {callers}\n\
         clearline: keeps its log in `{}` and decides by {policy}\n\
         {admin}\
         clearline: next, in another terminal: {next}\n",
        config.data.display(),
    );
}

/// The signals of a terminal and of a service manager.
struct Signals {
    runtime: tokio::runtime::Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes them from here on: one that comes before somebody waits for it is kept.
    fn take() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        drop(entered);
        Ok(Self { runtime, terminate, interrupt })
    }

    /// Waits for the first of them.
    fn wait(mut self) {
        self.runtime.block_on(async {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
        });
    }
}

/// Tells what failed, with every cause.
fn failed(error: &dyn StdError) -> CliError {
    CliError::NotAsExpected(causes(error))
}

fn in_folder(folder: &Path, error: &dyn StdError) -> CliError {
    CliError::NotAsExpected(format!("`{}`: {}", folder.display(), causes(error)))
}

// As for any command that did not do what it was asked to.
const EXIT_FAILED: i32 = 1;
