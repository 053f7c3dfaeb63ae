//! Top: the `top` command. What a running server does, on a screen that is drawn again and again.
//!
//! Reads `/metrics` of the admin listener, as monitoring does, and draws what happened since the look
//! before. Plain lines and one code that clears the screen: where the output is no terminal there is
//! not even that.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::time::Duration;

use crate::calendar::Time;
use crate::cli::bench::report::grouped;
use crate::cli::top::scrape::{Between, Scrape};
use crate::cli::{CliError, admin, print};
use crate::clock::{Clock as _, RealClock, Stopwatch};

mod scrape;

/// Shows what a running server does, again and again until it is interrupted.
#[derive(Debug, clap::Args)]
pub(super) struct Top {
    /// The server's admin listener.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    admin: SocketAddr,
    /// Seconds from one look to the next.
    #[arg(long, default_value = "2", value_parser = clap::value_parser!(u64).range(1..=60))]
    interval: u64,
    /// Draws one screen, of the first interval, and ends.
    #[arg(long)]
    once: bool,
}

impl Top {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let mut before = self.look()?;
        let clears = std::io::stdout().is_terminal() && !self.once;
        loop {
            std::thread::sleep(Duration::from_secs(self.interval));
            let now = self.look()?;
            let passed = Duration::from_nanos(before.1.nanos_until(now.1));
            let between = Between { before: Some(&before.0), now: &now.0, passed };
            let screen = draw(&between, self.admin, unix_now());
            print(&if clears { format!("{CLEAR}{screen}") } else { screen })?;
            if self.once {
                return Ok(());
            }
            before = now;
        }
    }

    fn look(&self) -> Result<(Scrape, Stopwatch), CliError> {
        let address = self.admin;
        let page = admin::get(address, "/metrics").map_err(|why| {
            CliError::NotAsExpected(format!(
                "no admin listener answers at {address}: {why}; see that `admin.listen` of the server \
                 is not empty, and say where it is with --admin"
            ))
        })?;
        if !page.ok {
            let why = format!("{address} is no admin listener of clearline");
            return Err(CliError::NotAsExpected(why));
        }
        Ok((Scrape::read(&page.text), Stopwatch::start()))
    }
}

/// Draws one screen. `now` is in seconds since 1970.
fn draw(between: &Between<'_>, admin: SocketAddr, now: i64) -> String {
    let mut screen = String::new();
    // INVARIANT: writing to a text does not fail.
    let _ = head(&mut screen, between, admin, now)
        .and_then(|()| decided(&mut screen, between))
        .and_then(|()| timed(&mut screen, between))
        .and_then(|()| depths(&mut screen, between))
        .and_then(|()| faults(&mut screen, between));
    screen
}

type Drawn = std::fmt::Result;

fn head(to: &mut String, between: &Between<'_>, admin: SocketAddr, now: i64) -> Drawn {
    let scrape = between.now;
    let version = scrape.label("clearline_build_info", "version").unwrap_or("of no known build");
    let serving =
        if scrape.sum("clearline_serving", &[]) < 1.0 { "NOT SERVING" } else { "serving" };
    let digest = scrape.label("clearline_policy_info", "digest").unwrap_or_default();
    let policy = digest.get(..12).unwrap_or(digest);
    let started = round(scrape.sum("process_start_time_seconds", &[]));
    let up = u64::try_from(now).unwrap_or(0).saturating_sub(started);
    writeln!(to, "clearline {version} at {admin}: {serving}, up {}, policy {policy}", lasted(up))
}

fn decided(to: &mut String, between: &Between<'_>) -> Drawn {
    let scrape = between.now;
    let a_second = |name: &str, labels: &[(&str, &str)]| grouped(round(between.rate(name, labels)));
    let decided = "clearline_decisions_total";
    writeln!(to)?;
    writeln!(
        to,
        "decisions   {} a second; held for answers {}, for a person {}; errors {}",
        a_second(decided, &[]),
        a_second(decided, &[("hold", "pending_answers")]),
        a_second(decided, &[("hold", "pending_review")]),
        a_second("clearline_refused_total", &[]),
    )?;
    for window in ["hour", "day"] {
        let held = |hold| {
            let labels = [("window", window), ("hold", hold)];
            grouped(round(scrape.sum("clearline_holds_per_million", &labels)))
        };
        let all = grouped(round(scrape.sum("clearline_window_decisions", &[("window", window)])));
        writeln!(
            to,
            "last {window:<7}{} in a million held for answers, {} for a person, of {all}",
            held("pending_answers"),
            held("pending_review"),
        )?;
    }
    let typologies = scrape.largest("clearline_typologies_total", &["typology", "step"], SHOWN);
    list(to, "stories", &typologies)
}

fn timed(to: &mut String, between: &Between<'_>) -> Drawn {
    writeln!(to)?;
    for (title, rpc) in [("calls", "screen_transfer"), ("streams", "screen_transfers")] {
        let labels = [("rpc", rpc)];
        let name = "clearline_call_seconds";
        let at = |share| between.quantile(name, &labels, share).map(length);
        let answered = grouped(round(between.rate("clearline_call_seconds_count", &labels)));
        write!(to, "{title:<12}{answered} answered a second")?;
        if let Some((half, most)) = at(0.5).zip(at(0.99)) {
            write!(to, "; half within {half}, 99 % within {most}")?;
        }
        writeln!(to)?;
    }
    let mut steps = String::new();
    for step in ["read", "decide", "record", "write", "sync", "answer", "turn"] {
        let mean = between.mean("clearline_step_seconds", &[("step", step)]);
        let mean = mean.map_or("none".to_owned(), length);
        let comma = if steps.is_empty() { "" } else { ", " };
        write!(steps, "{comma}{step} {mean}")?;
    }
    writeln!(to, "steps       {steps}")?;
    let batch = between.mean("clearline_batch_size", &[]).map_or("none".to_owned(), |mean| {
        format!(
            "{mean:.1} tasks, {} a second",
            round(between.rate("clearline_batch_size_count", &[]))
        )
    });
    writeln!(to, "batches     {batch}")
}

fn depths(to: &mut String, between: &Between<'_>) -> Drawn {
    let depth = |name: &str| grouped(round(between.now.sum(name, &[])));
    writeln!(to)?;
    writeln!(
        to,
        "queue       {} of {}",
        depth("clearline_queue_length"),
        depth("clearline_queue_max")
    )?;
    writeln!(
        to,
        "log         {} entries, {} since the last snapshot, {} segments without index",
        depth("clearline_log_entries"),
        depth("clearline_snapshot_lag_entries"),
        depth("clearline_index_lag_segments"),
    )?;
    writeln!(
        to,
        "callers     {} connections, {} calls and streams under way",
        depth("clearline_connections"),
        depth("clearline_calls_under_way"),
    )?;
    let cores = between.rate("process_cpu_seconds_total", &[]);
    writeln!(
        to,
        "process     {} % of a core, {} MiB, {} of {} files, {} threads",
        round(hundredfold(cores)),
        grouped(round(between.now.sum("process_resident_memory_bytes", &[])) / 1_048_576),
        depth("process_open_fds"),
        depth("process_max_fds"),
        depth("process_threads"),
    )
}

fn faults(to: &mut String, between: &Between<'_>) -> Drawn {
    let scrape = between.now;
    writeln!(to)?;
    writeln!(to, "since the start:")?;
    list(to, "errors", &scrape.largest("clearline_refused_total", &["reason"], SHOWN))?;
    list(to, "dropped", &scrape.largest("clearline_rejected_facts_total", &["field"], SHOWN))?;
    list(to, "bounds", &scrape.largest("clearline_limits_met_total", &["limit"], SHOWN))?;
    list(to, "events", &scrape.largest("clearline_events_total", &["level", "event"], SHOWN))
}

fn list(to: &mut String, title: &str, found: &[(String, f64)]) -> Drawn {
    let all: Vec<String> =
        found.iter().map(|(name, count)| format!("{name} {}", grouped(round(*count)))).collect();
    let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    writeln!(to, "{title:<12}{all}")
}

/// Returns the seconds since 1970.
fn unix_now() -> i64 {
    RealClock::start().wall().since(Time::from_micros(0)).whole_seconds()
}

/// Writes how long something has lasted, in its two largest units.
fn lasted(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// Writes seconds in the unit that they are told in.
#[expect(clippy::float_arithmetic, reason = "a report is drawn, and nothing decided")]
fn length(seconds: f64) -> String {
    if seconds.is_infinite() {
        return "more".to_owned();
    }
    match seconds {
        short if short < 1e-3 => format!("{:.1} µs", short * 1e6),
        short if short < 1.0 => format!("{:.1} ms", short * 1e3),
        long => format!("{long:.1} s"),
    }
}

#[expect(clippy::float_arithmetic, reason = "a report is drawn, and nothing decided")]
fn hundredfold(share: f64) -> f64 {
    share * 100.0
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a report is drawn; what does not fit is shown as the nearest that does"
)]
fn round(value: f64) -> u64 {
    value.round() as u64
}

/// Home, and clear what is below.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";
/// As many as fit a line.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests;
