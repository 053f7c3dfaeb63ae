//! Start: from a data folder to an engine that may serve.
//!
//! The newest whole snapshot is read and the log folded on from there; then the log is told what
//! holds from now on, where that is not what it says already: the bounds of what is remembered and
//! the policy. A policy's bytes are durable under their digest before the entry that names it.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::account::Tokens;
use crate::calendar::Time;
use crate::entry::{Activated, BUILD, Entry, Parameters};
use crate::log::disk::Disk;
use crate::log::folder::{Folder, OpenError};
use crate::log::keys::Keys;
use crate::log::recovery::Each;
use crate::log::segments::{Files, Settings};
use crate::log::{Stored, snapshot};
use crate::memory::{FOLD_VERSION, Memory};
use crate::policy::{self, Policy};
use crate::turn::{Engine, EngineError};

/// What a start is told.
#[derive(Debug)]
pub struct Plan {
    /// The name under which the log signs.
    pub origin: String,
    /// How the log is kept.
    pub log: Settings,
    /// Bounds of what is remembered.
    pub parameters: Parameters,
    /// The policy that is to decide.
    pub policy: Arc<Policy>,
}

/// What a start comes to.
#[derive(Debug)]
pub struct Started {
    /// The engine.
    pub engine: Engine<Files>,
    /// The keys of the log.
    pub keys: Keys,
    /// What makes tokens.
    pub tokens: Tokens,
    /// How many entries a snapshot spared.
    pub spared: u64,
}

/// Why a service cannot start, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder or the log in it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Recording what holds from now on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Remembering what the log says.
    #[error("no thread to remember with")]
    Thread(#[source] std::io::Error),
    /// Keeping the policy.
    #[error("the policy cannot be kept in `policies`")]
    Policy(#[source] std::io::Error),
}

/// Opens the data folder on `disk` and folds its log, or begins one. `clock` is what the clock
/// shows.
pub fn start(disk: &Arc<dyn Disk>, plan: Plan, clock: Time) -> Result<Started, StartError> {
    let folder = Folder::open(Arc::clone(disk), &plan.origin)?;
    let keys = folder.keys().clone();
    let tokens = Tokens::new(&keys.token_key());
    let (base, memory) = recalled(&**disk);
    let spared = memory.position();
    let (log, memory) = fold(memory, |each| Files::open(folder, plan.log, base, each))?;

    keep(&**disk, &plan.policy).map_err(StartError::Policy)?;
    let mut entries = Vec::new();
    if memory.position() == 0 || memory.parameters() != plan.parameters {
        entries.push(Entry::Parameters(plan.parameters));
    }
    let policy = plan.policy.digest();
    if memory.policy() != Some(policy) {
        entries.push(Entry::Activated(Activated {
            policy,
            by: "start".into(),
            build: BUILD.into(),
        }));
    }
    let mut engine = Engine::new(log, memory, plan.policy);
    if !entries.is_empty() {
        engine.record(&entries, clock)?;
    }
    Ok(Started { engine, keys, tokens, spared })
}

/// Folds what `open` hands on into `memory`, on a thread of its own: checking and opening an entry takes
/// about as long as reading and remembering it, and a start has two cores to itself.
fn fold(
    mut memory: Memory,
    open: impl FnOnce(Each<'_>) -> Result<Files, OpenError>,
) -> Result<(Files, Memory), StartError> {
    thread::scope(|scope| {
        let (opened, arriving) = sync_channel::<Vec<Stored>>(AHEAD_MAX);
        let folding = move || -> Result<Memory, OpenError> {
            for stored in arriving.into_iter().flatten() {
                let entry = Entry::read(&stored.parts).map_err(|error| OpenError::Refused {
                    position: memory.position(),
                    problem: error.to_string(),
                })?;
                memory.apply_written(&entry, &stored.parts);
            }
            Ok(memory)
        };
        let folding = thread::Builder::new().name("fold".to_owned()).spawn_scoped(scope, folding);
        let folding = folding.map_err(StartError::Thread)?;
        let mut some = Vec::new();
        let log = open(&mut |stored| {
            some.push(stored);
            if some.len() < SOME {
                return Ok(());
            }
            // Not taken only where the other thread has ended, and it says itself why.
            opened.send(std::mem::take(&mut some)).map_err(|_| String::new())
        });
        let _ = opened.send(some);
        drop(opened);
        let memory = folding.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok((log?, memory))
    })
}

/// Returns the newest snapshot's point and memory, or the beginning of every log.
fn recalled(disk: &dyn Disk) -> (Option<crate::log::Base>, Memory) {
    let Some((base, bytes)) = snapshot::newest(disk, FOLD_VERSION) else {
        return (None, Memory::new());
    };
    match Memory::from_snapshot(&bytes) {
        Ok(memory) if memory.position() == base.position() => (Some(base), memory),
        _ => (None, Memory::new()),
    }
}

/// Keeps a policy's bytes under its digest.
fn keep(disk: &dyn Disk, policy: &Policy) -> std::io::Result<()> {
    let path = policy_file(&policy.digest());
    if disk.read(&path).is_ok_and(|bytes| bytes == policy.files().to_bytes()) {
        // It may be there for us only, see `Folder::open`.
        return disk.sync_folder("policies");
    }
    disk.create_folder("policies")?;
    disk.sync_folder("")?;
    disk.replace(&path, &[&policy.files().to_bytes()]).map(drop)
}

/// Returns the policy with this digest that a data folder keeps; `None` where it has none, or not
/// in these bytes.
pub fn kept(disk: &dyn Disk, digest: &[u8; 32]) -> Option<Policy> {
    let bytes = disk.read(&policy_file(digest)).ok()?;
    let files = policy::Files::from_bytes(&bytes).ok()?;
    policy::load(files).ok().filter(|policy| policy.digest() == *digest)
}

fn policy_file(digest: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    let mut name = String::from("policies/");
    for byte in digest {
        // Writing to a string does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// Entries that change hands together: few enough to lie in the cache still, and a hand-over in so many is
/// not felt.
const SOME: usize = 64;
/// Hand-overs that wait, so that neither thread waits for the other's slow moments; two megabytes at most.
const AHEAD_MAX: usize = 16;
