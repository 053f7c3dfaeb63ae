//! Telemetry: what the process tells its operators while it runs.
//!
//! One JSON object a line on standard error; where it goes from there is the operator's choice. The
//! text of an event is constant and what varies is in its fields, so that both can be searched for.
//! The decision log is another thing altogether: nothing here is needed to answer for a decision.
//! [`metrics`] are counted beside, and [`admin`] shows them to monitoring; [`trace`] follows single
//! transfers.
//!
//! Never holds personal data: no name, account, reference, amount or customer key. Ids of requests
//! and decisions, digests, counts, positions and times are all it says.
//!
//! # Levels
//!
//! | level | means |
//! |---|---|
//! | `error` | somebody gets up |
//! | `warn` | somebody looks today |
//! | `info` | the state of the service changed |
//! | `debug` | for us |
//!
//! # Events
//!
//! | event | level | who must act |
//! |---|---|---|
//! | `panicked` | error | operators: the process ends unless it was `deciding`; report the `location` |
//! | `the service ends` | error | operators: look at the disk, then start again; nothing acknowledged is lost |
//! | `the turn is stuck` | error | operators: the disk does not come back; the process ends, start it elsewhere |
//! | `the log is damaged` | error | operators: restore the file it names from a copy |
//! | `an entry cannot be read` | error | operators: have the log checked, it names the position |
//! | `the log cannot be read` | error | operators: look at the disk |
//! | `the disk is nearly full` | error | operators: make room; calls are refused until there is, and it goes on by itself |
//! | `keys not made ahead` | error | operators: the disk is full or failing; new payers will be next |
//! | `a door panicked` | error | report it; the process ends |
//! | `behind panicked` | error | report it; restart, or starts become slow and lists too |
//! | `certificates refused` | error | operators: mend the file it names; what was there stays in force |
//! | `callers refused` | error | operators: mend the lines it names in `access.file`; what was there stays in force |
//! | `people's keys refused` | error | operators: look at the provider it names; the keys that were there stay in force |
//! | `snapshot not written` | warn | look at the disk; the next start takes longer |
//! | `index not built` | warn | look at the disk; lists take longer |
//! | `admin listener not opened` | warn | free the port or set `admin.listen`; nobody watches meanwhile |
//! | `a connection could not be accepted` | warn | raise the limit of open files, or ask less |
//! | `memory is given back` | warn | whoever sees decisions cost more: the process could not start itself anew (`error`); set `MIMALLOC_PURGE_DELAY=-1` in its environment |
//! | `cut while draining` | warn | callers that ignore a drain; they retry |
//! | `spans not collected` | warn | look at the collector, or empty `telemetry.traces`; payments are as fast as ever |
//! | `decided` | info | nobody: one decision in `telemetry.decision_every`, by its ids |
//! | `anyone on this machine may call` | warn | nobody on a developer's machine; elsewhere, set `[tls]` |
//! | `certificates taken` | info | nobody: until when the server's certificate holds, in seconds since 1970 |
//! | `callers taken` | info | nobody: how many callers the file lists now (`count`) |
//! | `the disk has room again` | info | nobody: calls are taken again |
//! | `memory ready` | info | nobody: how many `bytes` were taken before the first call (`server.ready_bytes`); 0 where the system gave none |
//! | `log opened` | info | nobody: how many `entries`, and how many of them a snapshot `spared` |
//! | `snapshot written` | info | nobody |
//! | `stopping` | info | nobody |
//! | `stopped` | info | nobody |
//! | `segment scrubbed` | debug | nobody |
//! | `a connection ended with an error` | debug | nobody |
//! | `a handshake failed` | debug | whoever cannot connect; `why` says whether the certificate is missing, of another authority, ended or revoked |

pub mod admin;
pub(crate) mod cell;
pub mod count;
pub(crate) mod events;
pub mod families;
pub mod line;
pub mod metrics;
pub mod trace;

#[cfg(test)]
pub(crate) mod sample;
pub mod state;
pub(crate) mod usage;
pub(crate) mod window;

use std::cell::Cell;
use std::io;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Decides one transfer by `decide`, of which a panic costs that transfer its decision and not the
/// process its life: there is `None` then. What `decide` does must have no trace outside it until it is
/// done.
pub fn deciding<T>(decide: impl FnOnce() -> T) -> Option<T> {
    let before = DECIDING.replace(true);
    let decided = panic::catch_unwind(AssertUnwindSafe(decide));
    DECIDING.set(before);
    decided.ok()
}

/// Begins to write events of at least `level` and a line for every `decision_every`th decision, and to
/// treat panics as faults of the process. Only the first call of a process counts.
pub fn start(level: Level, decision_every: u32) {
    line::start(decision_every);
    // Others' libraries speak of their own affairs below this.
    let others = LevelFilter::WARN.min(LevelFilter::from_level(level));
    let targets = Targets::new().with_default(others).with_target("clearline", level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(io::stderr);
    let started = tracing_subscriber::registry().with(lines).with(events::Counting).with(targets);
    let started = started.try_init();
    if started.is_ok() {
        panic::set_hook(Box::new(report));
    }
}

/// Tells where a panic happened and ends the process, unless the thread was deciding.
///
/// The panic's own words stay unsaid: they may hold what somebody typed.
fn report(panicked: &PanicHookInfo<'_>) {
    let location = panicked.location().map(ToString::to_string).unwrap_or_default();
    let deciding = DECIDING.get();
    tracing::error!(location, deciding, "panicked");
    if !deciding {
        // State that a panic cut through is not to be trusted with another answer. Nothing
        // acknowledged is lost by this: the log is read again at the next start.
        process::abort();
    }
}

thread_local! {
    static DECIDING: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_marked_while_it_decides_and_not_after() {
        assert!(!DECIDING.get());
        let within = deciding(|| (DECIDING.get(), deciding(|| ()), DECIDING.get()));
        assert_eq!(within, Some((true, Some(()), true)));
        assert!(!DECIDING.get());
        assert_eq!(deciding(|| -> () { panic!("as a test does") }), None);
        assert!(!DECIDING.get());
    }
}
