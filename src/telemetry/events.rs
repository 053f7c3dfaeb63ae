//! Events: warnings and errors, counted as they are written.
//!
//! Somebody who looks at metrics only sees that something was said, and how often.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Counts warnings and errors of ours. Any thread may write one, and few do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counting;

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if Level::WARN < *metadata.level() || !metadata.target().starts_with("clearline") {
            return;
        }
        event.record(&mut Find);
    }
}

/// Returns level, text and count of each.
pub(crate) fn counted() -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    let counts = EVENTS.iter().zip(&COUNTS);
    counts.map(|((level, event), count)| (*level, *event, count.load(Ordering::Relaxed)))
}

/// Finds the text of an event, which is constant.
struct Find;

impl Visit for Find {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            return;
        }
        let text = format!("{value:?}");
        let at = EVENTS.iter().position(|(_, event)| *event == text);
        if let Some(count) = at.and_then(|at| COUNTS.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Every warning and error, as `telemetry` lists them.
pub(crate) const EVENTS: [(&str, &str); 21] = [
    ("error", "panicked"),
    ("error", "the service ends"),
    ("error", "the turn is stuck"),
    ("error", "the log is damaged"),
    ("error", "an entry cannot be read"),
    ("error", "the log cannot be read"),
    ("error", "the disk is nearly full"),
    ("error", "keys not made ahead"),
    ("error", "a door panicked"),
    ("error", "behind panicked"),
    ("error", "certificates refused"),
    ("error", "callers refused"),
    ("error", "people's keys refused"),
    ("warn", "memory is given back"),
    ("warn", "snapshot not written"),
    ("warn", "index not built"),
    ("warn", "admin listener not opened"),
    ("warn", "a connection could not be accepted"),
    ("warn", "cut while draining"),
    ("warn", "spans not collected"),
    ("warn", "anyone on this machine may call"),
];

static COUNTS: [AtomicU64; EVENTS.len()] = [const { AtomicU64::new(0) }; EVENTS.len()];

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn count(wanted: &str) -> u64 {
        counted().find(|(_, event, _)| *event == wanted).unwrap().2
    }

    #[test]
    fn a_warning_is_counted_by_its_text_and_what_is_less_urgent_is_not() {
        let before = count("cut while draining");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Counting), || {
            tracing::event!(Level::WARN, connections = 3, "cut while draining");
            tracing::event!(Level::INFO, "cut while draining");
            tracing::event!(target: "others", Level::WARN, "cut while draining");
        });
        assert_eq!(count("cut while draining"), before.saturating_add(1));
    }

    #[test]
    fn every_warning_and_error_of_the_table_is_counted() {
        let table = include_str!("../telemetry.rs");
        for line in table.lines().filter(|line| line.starts_with("//! | `")) {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let (event, level) = (cells[1].trim_matches('`'), cells[2]);
            let known = EVENTS.contains(&(level, event));
            assert_eq!(known, ["warn", "error"].contains(&level), "{level} {event}");
        }
    }
}
