//! Line: decisions as log lines, for a chosen share of them.
//!
//! Ids, what was decided, and when; whoever has the right reads the rest in the decision log by its
//! id. Written where a decision is answered, so that what is said is durable.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use uuid::Uuid;

use crate::entry::Decided;
use crate::telemetry::count::{KINDS, REACHED, STAGES, kind, reached, stage};

/// Lets every `every`th decision of a thread have a line from now on; 0 for none.
pub(crate) fn start(every: u32) {
    EVERY.store(every, Ordering::Relaxed);
}

/// Writes a line about a decision, where it is one that has one. `name` is the decision's.
pub fn decided(decided: &Decided, name: &str) {
    let every = EVERY.load(Ordering::Relaxed);
    if every == 0 {
        return;
    }
    let tick = TICK.get().wrapping_add(1);
    if tick < every {
        return TICK.set(tick);
    }
    TICK.set(0);
    write(decided, name);
}

fn write(decided: &Decided, name: &str) {
    let public = &decided.public;
    let (action, hold) = KINDS.get(kind(public.hold)).copied().unwrap_or_default();
    let step = public.step.and_then(|step| REACHED.get(reached(step)).copied());
    let decision = name.rsplit('/').next().unwrap_or_default();
    let request = Uuid::from_bytes(public.identity.request);
    let stage = STAGES.get(stage(public.stage)).copied();
    let (typology, points) = (public.typology.as_deref(), public.points);
    let time = decided.time;
    tracing::info!(decision, %request, stage, action, hold, step, typology, points, %time, "decided");
}

static EVERY: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static TICK: Cell<u32> = const { Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::decision::HoldKind;
    use crate::testing::{allowed, request, time};

    /// Keeps what is written.
    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Kept {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// Tells of seven decisions, and returns the lines.
    fn told(every: u32) -> Vec<serde_json::Value> {
        let kept = Kept::default();
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
        let lines = tracing_subscriber::registry().with(lines.with_writer(kept.clone()));
        tracing::subscriber::with_default(lines, || {
            start(every);
            for number in 1..=7 {
                let mut made = allowed(request(number), 1, time("2026-11-20T15:04:05Z"));
                made.public.typology = Some("police_legal_fee".into());
                made.public.hold = Some(HoldKind::PendingReview);
                made.public.points = Some(90);
                decided(&made, &format!("decisions/{number}"));
            }
            start(0);
        });
        let text = kept.0.lock().unwrap().clone();
        let text = String::from_utf8(text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn one_decision_in_so_many_has_a_line_and_none_where_none_is_wanted() {
        // In one test, because they share one setting.
        for (every, want) in
            [(0, vec![]), (1, vec![1, 2, 3, 4, 5, 6, 7]), (3, vec![3, 6]), (8, vec![])]
        {
            TICK.set(0);
            let lines = told(every);
            let ids: Vec<_> = lines.iter().map(|line| line["decision"].as_str().unwrap()).collect();
            let want: Vec<String> = want.into_iter().map(|it: u32| it.to_string()).collect();
            assert_eq!(ids, want, "{every}");
            for line in lines {
                let mut keys: Vec<_> =
                    line.as_object().unwrap().keys().map(String::as_str).collect();
                keys.sort_unstable();
                // Whatever is added here must say nothing of a person.
                let known = [
                    "action",
                    "decision",
                    "hold",
                    "level",
                    "message",
                    "points",
                    "request",
                    "stage",
                    "target",
                    "time",
                    "timestamp",
                    "typology",
                ];
                assert_eq!(keys, known);
                assert_eq!((&line["action"], &line["points"]), (&"hold".into(), &90.into()));
            }
        }
    }
}
