//! State: what the process is at, for whoever looks in from outside.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::calendar::Time;

/// Depths that are asked for when somebody looks, and not kept.
pub trait Depths: fmt::Debug + Send + Sync {
    /// Returns how many tasks wait for the turn.
    fn waiting(&self) -> usize;

    /// Returns how many entries the log holds.
    fn entries(&self) -> u64;

    /// Returns how many sealed segments have no index yet.
    fn unindexed(&self) -> usize;

    /// Returns what each listed caller has used.
    fn callers(&self) -> Vec<CallerUse>;

    /// Returns how much room the disk has; `None` where it does not say.
    fn room(&self) -> Option<Room>;
}

/// What a caller that stands in the file of callers has used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallerUse {
    /// Its name in that file.
    pub name: String,
    /// Calls and questions taken.
    pub taken: u64,
    /// Calls and questions under way.
    pub in_flight: u32,
    /// How often it met each of [`OWN_LIMITS`], in their order.
    pub over: [u64; 4],
}

/// How much room a disk has, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Room {
    /// What is free.
    pub free: u64,
    /// With less than this, nothing more is taken.
    pub needed: u64,
}

/// Limits that each caller has of its own, as metrics call them.
pub const OWN_LIMITS: [&str; 4] = ["in_flight", "rate", "connections", "queue_share"];

/// What the process is at.
#[derive(Debug)]
pub struct State {
    /// When it started.
    pub(crate) started: Time,
    /// Digest of the policy that decides.
    pub(crate) policy: [u8; 32],
    /// The name under which the log signs.
    pub(crate) origin: String,
    /// The folder that the log is in.
    pub(crate) folder: PathBuf,
    /// Most tasks that may wait.
    pub(crate) queue_max: u32,
    /// Position of the snapshot that it started from.
    pub(crate) snapshot: u64,
    depths: Box<dyn Depths>,
    serving: AtomicBool,
    certificate: Mutex<Option<Certificate>>,
    callers: Mutex<Option<Callers>>,
}

/// What is known of a process when it starts.
#[derive(Debug)]
pub struct Start {
    /// When it started.
    pub started: Time,
    /// Digest of the policy that decides.
    pub policy: [u8; 32],
    /// The name under which the log signs.
    pub origin: String,
    /// The folder that the log is in, as the system names it: from the root, through no link.
    pub folder: PathBuf,
    /// Most tasks that may wait.
    pub queue_max: u32,
    /// Position of the snapshot that it started from; 0 where there was none.
    pub snapshot: u64,
    /// What is asked for when somebody looks.
    pub depths: Box<dyn Depths>,
}

/// The certificate that the service shows to callers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// The last moment at which callers take it.
    pub not_after: Time,
    /// When it was loaded.
    pub loaded: Time,
    /// SHA-256 of it, in hexadecimal digits: enough to tell which, and nothing that is secret.
    pub digest: String,
}

/// The file of callers in force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Callers {
    /// How many it lists.
    pub count: usize,
    /// When it was loaded.
    pub loaded: Time,
    /// SHA-256 of it, in hexadecimal digits.
    pub digest: String,
}

impl State {
    /// Begins as not serving, without a certificate and callers.
    pub fn new(start: Start) -> Self {
        let Start { started, policy, origin, folder, queue_max, snapshot, depths } = start;
        Self {
            started,
            policy,
            origin,
            folder,
            queue_max,
            snapshot,
            depths,
            serving: AtomicBool::new(false),
            certificate: Mutex::new(None),
            callers: Mutex::new(None),
        }
    }

    /// Says whether calls are welcome.
    pub fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Release);
    }

    /// Tells whether calls are welcome.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// Says which certificate callers are shown from now on.
    pub fn set_certificate(&self, certificate: Certificate) {
        *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate);
    }

    /// Returns the certificate that callers are shown, where calls are encrypted.
    pub fn certificate(&self) -> Option<Certificate> {
        self.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says which file of callers is in force from now on.
    pub fn set_callers(&self, callers: Callers) {
        *self.callers.lock().unwrap_or_else(PoisonError::into_inner) = Some(callers);
    }

    /// Returns which file of callers is in force, where there is one.
    pub fn callers(&self) -> Option<Callers> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what is asked for when somebody looks.
    pub(crate) fn depths(&self) -> &dyn Depths {
        &*self.depths
    }

    /// Returns it all as `/state` shows it; `snapshot` is the position of the last one.
    pub(crate) fn json(&self, snapshot: u64) -> Value {
        let entries = self.depths.entries();
        json!({
            "serving": self.is_serving(),
            "started": self.started.to_string(),
            "policy": { "digest": hex(&self.policy) },
            "log": {
                "origin": self.origin,
                "folder": self.folder.display().to_string(),
                "entries": entries,
                "snapshot": snapshot,
                "since_snapshot": entries.saturating_sub(snapshot),
                "unindexed_segments": self.depths.unindexed(),
            },
            "queue": { "waiting": self.depths.waiting(), "max": self.queue_max },
            "certificate": self.certificate().map(|certificate| json!({
                "not_after": certificate.not_after.to_string(),
                "loaded": certificate.loaded.to_string(),
                "sha256": certificate.digest,
            })),
            "callers": self.callers().map(|callers| json!({
                "count": callers.count,
                "loaded": callers.loaded.to_string(),
                "sha256": callers.digest,
            })),
        })
    }
}

/// Writes bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
