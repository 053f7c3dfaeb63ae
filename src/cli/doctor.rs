//! Doctor: the `doctor` command. Whether this machine is fit to serve, and what to do where not.
//!
//! Looks at the same settings as `serve` would, whether or not a server runs. Changes nothing but one
//! small file beside the log, which it writes, syncs and removes to see how long that takes.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::calendar::Span;
use crate::cli::bench::report::grouped;
use crate::cli::{CliError, admin, print, serve};
use crate::clock::{Clock as _, RealClock};
use crate::config::{Config, SettingsError, Sources};

mod certificates;
mod disk;
mod people;

/// Checks that a server can run here and does run well, and says what to do where not.
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    /// A file of settings, see deploy/clearline.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the log and its keys.
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// The folder of the policy; the shipped one without it.
    #[arg(long, value_name = "FOLDER")]
    policy: Option<String>,
    /// Where the server listens.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The server's admin listener; empty for none.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    /// The authority, in PEM, by which callers know the server; that of the clients without it.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Prints one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// What one check came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) name: &'static str,
    pub(super) finding: Finding,
    /// What was found.
    pub(super) says: String,
    /// What to do about it; empty where nothing.
    pub(super) advice: String,
}

/// How it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Finding {
    /// As it should be.
    Well,
    /// It serves, and somebody should look.
    Warning,
    /// It does not serve, or will not for long.
    Wrong,
    /// There was nothing to look at.
    Skipped,
}

impl Check {
    pub(super) fn well(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, finding: Finding::Well, says: says.into(), advice: String::new() }
    }

    pub(super) fn skipped(name: &'static str, says: impl Into<String>) -> Self {
        Self { finding: Finding::Skipped, ..Self::well(name, says) }
    }

    pub(super) fn warning(
        name: &'static str,
        says: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { finding: Finding::Warning, advice: advice.into(), ..Self::well(name, says) }
    }

    pub(super) fn wrong(
        name: &'static str,
        says: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { finding: Finding::Wrong, advice: advice.into(), ..Self::well(name, says) }
    }

    fn line(&self, json: bool) -> String {
        let Self { name, finding, says, advice } = self;
        let found = match finding {
            Finding::Well => "well",
            Finding::Warning => "warning",
            Finding::Wrong => "wrong",
            Finding::Skipped => "skipped",
        };
        if json {
            let line = json!({ "check": name, "finding": found, "says": says, "advice": advice });
            return format!("{line}\n");
        }
        let advice = if advice.is_empty() { String::new() } else { format!("\n{:20}{advice}", "") };
        format!("{name:<12}{found:<8}{says}{advice}\n")
    }
}

impl Doctor {
    /// Runs the command. Fails where anything is wrong; a warning is none.
    pub(super) fn run(self) -> Result<(), CliError> {
        let json = self.json;
        let checks = self.checks();
        let lines: String = checks.iter().map(|check| check.line(json)).collect();
        print(&lines)?;
        let wrong = checks.iter().filter(|check| check.finding == Finding::Wrong).count();
        if wrong == 0 {
            return Ok(());
        }
        Err(CliError::NotAsExpected(format!("{wrong} of {} checks are wrong", checks.len())))
    }

    fn checks(self) -> Vec<Check> {
        let flags = [
            ("data.folder", self.data),
            ("policy.folder", self.policy),
            ("server.listen", self.listen),
            ("admin.listen", self.admin),
        ];
        let flags = flags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        let loaded = Config::load(Sources { file: self.config, environment: None, flags });
        let config = match loaded {
            Ok(config) => config,
            // What follows would be looked for in the wrong places.
            Err(error) => return vec![unsettled(&error)],
        };
        let state = config.admin.map(|at| state(at).and_then(|it| ours(it, &config.data)));
        let running = matches!(&state, Some(Ok(_)));
        let mut checks =
            vec![Check::well("settings", "every setting is known and within its range")];
        checks.push(policy(config.policy.as_deref()));
        checks.extend(disk::checks(&config.data, &config.origin, RealClock::start().wall()));
        let now = RealClock::start().wall();
        checks.extend(certificates::checks(&config, self.ca.as_deref(), now));
        checks.extend(config.secured.as_ref().map(people::check));
        checks.push(port(config.listen, running));
        checks.push(files(config.connections_max));
        checks.push(memory(config.ready_bytes.into(), memory_there()));
        checks.extend(admin_listener(config.admin, state));
        checks
    }
}

fn unsettled(error: &SettingsError) -> Check {
    let says = error.to_string().replace('\n', "; ");
    Check::wrong(
        "settings",
        says,
        "deploy/clearline.toml lists every setting; nothing else was looked at",
    )
}

fn policy(folder: Option<&Path>) -> Check {
    let name = folder.map_or("the shipped policy".to_owned(), |it| format!("`{}`", it.display()));
    match serve::load(folder) {
        Ok(_) => Check::well("policy", format!("{name} decides its cases as it says")),
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            let advice = "`clearline policy check FOLDER` shows every problem with its place";
            let count = text.lines().count();
            Check::wrong(
                "policy",
                format!("{name}, {count} problems, of which the first: {first}"),
                advice,
            )
        }
    }
}

/// Looks whether the port can be had, or is had by a server.
fn port(address: SocketAddr, running: bool) -> Check {
    match TcpListener::bind(address) {
        Ok(_) if running => Check::wrong(
            "port",
            format!("a server runs and nothing listens on {address}"),
            "it listens elsewhere, or is about to stop: look at its first lines",
        ),
        Ok(_) => Check::well("port", format!("{address} is free")),
        Err(_) if running => {
            Check::well("port", format!("something listens on {address}, as it should"))
        }
        Err(error) => Check::wrong(
            "port",
            format!("{address} cannot be had: {error}"),
            "another program has it, or a server that this command could not ask: set \
             `server.listen` or `admin.listen`",
        ),
    }
}

fn files(connections_max: u32) -> Check {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let needed = u64::from(connections_max).saturating_add(FILES_BESIDE);
    let says = match most {
        Some(most) => format!("{most} files may be open here, {needed} may be needed"),
        None => "any number of files may be open".to_owned(),
    };
    if most.is_some_and(|most| most < needed) {
        let advice = "raise the limit (LimitNOFILE in the unit), or lower `limits.connections_max`";
        return Check::warning("files", says, advice);
    }
    Check::well("files", says)
}

/// Bytes of memory that a process here may have: the machine's, or its container's where that is less.
fn memory_there() -> u64 {
    let machine = rustix::system::sysinfo();
    // Bytes on every 64-bit machine, where the unit is 1.
    let all = machine.totalram.saturating_mul(machine.mem_unit.into());
    let limit = fs::read_to_string(MEMORY_LIMIT).ok().and_then(|text| text.trim().parse().ok());
    limit.map_or(all, |limit: u64| limit.min(all))
}

/// Looks whether what is taken at a start leaves as much for everything else.
fn memory(ready_bytes: u64, there: u64) -> Check {
    let [taken, all] = [ready_bytes, there].map(|bytes| grouped(bytes / 1_048_576));
    let says = format!("{taken} MiB are taken at a start, of {all} MiB");
    let advice = "lower `server.ready_bytes`, or give it more memory";
    if there < ready_bytes {
        return Check::wrong("memory", says, advice);
    }
    if there / 2 < ready_bytes {
        return Check::warning("memory", says, advice);
    }
    Check::well("memory", says)
}

/// Asks a running server for its state.
fn state(address: SocketAddr) -> Result<Value, String> {
    let page = admin::get(address, "/state")?;
    let state: Option<Value> = serde_json::from_str(&page.text).ok().filter(|_| page.ok);
    state.ok_or_else(|| "something else answers there".to_owned())
}

/// Takes the state of a server whose log is in this folder; of any other it tells nothing.
fn ours(state: Value, data: &Path) -> Result<Value, String> {
    let folder = state.pointer("/log/folder").and_then(Value::as_str).unwrap_or("unknown");
    if data.canonicalize().is_ok_and(|data| data.display().to_string() == folder) {
        return Ok(state);
    }
    Err(format!("a server of other settings does, with its data in `{folder}`"))
}

fn admin_listener(address: Option<SocketAddr>, state: Option<Result<Value, String>>) -> Vec<Check> {
    let (Some(address), Some(state)) = (address, state) else {
        return vec![Check::skipped("admin", "`admin.listen` is empty: nobody can look in")];
    };
    let state = match state {
        Ok(state) => state,
        Err(why) => {
            let says = format!("no server of these settings answers at {address}: {why}");
            return vec![Check::skipped("admin", says)];
        }
    };
    let serving = if state.pointer("/serving") == Some(&Value::Bool(true)) {
        Check::well("admin", format!("a server answers at {address} and serves"))
    } else {
        let says = format!("a server answers at {address} and takes no calls");
        Check::wrong("admin", says, "it reads its log or is stopping: look at its lines")
    };
    vec![serving, queue(&state), certificate(&state, RealClock::start().wall())]
}

fn queue(state: &Value) -> Check {
    let number = |path| state.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let (waiting, max) = (number("/queue/waiting"), number("/queue/max"));
    let says = format!("{waiting} of {max} tasks wait");
    if waiting < max / 2 || waiting == 0 {
        return Check::well("queue", says);
    }
    let advice = "more is asked than is decided, or the disk is slow: `clearline top` shows which";
    Check::warning("queue", says, advice)
}

fn certificate(state: &Value, now: crate::calendar::Time) -> Check {
    let name = "certificate";
    let Some(text) = state.pointer("/certificate/not_after").and_then(Value::as_str) else {
        return Check::skipped(name, "calls are not encrypted");
    };
    let Some(ends) = crate::calendar::Time::parse(text) else {
        return Check::skipped(name, "its end cannot be read");
    };
    let (left, says) = (ends.since(now), format!("the one that callers are shown ends at {text}"));
    let advice = "renew it; it is loaded without a restart";
    match left {
        left if left < Span(0) => Check::wrong(name, says, advice),
        left if left < CERTIFICATE_LEFT => Check::warning(name, says, advice),
        _ => Check::well(name, says),
    }
}

/// Segments that are read, keys, listeners and what the runtime needs.
const FILES_BESIDE: u64 = 64;
/// Where a container's limit stands, or the word `max`.
const MEMORY_LIMIT: &str = "/sys/fs/cgroup/memory.max";
/// Long enough for whoever renews by hand.
const CERTIFICATE_LEFT: Span = Span::days(14);

#[cfg(test)]
mod tests;
