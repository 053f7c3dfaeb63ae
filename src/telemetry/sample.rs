//! Sample: metrics of a process that never was, for tests.

use std::sync::Arc;

use crate::calendar::Time;
use crate::clock::RealClock;
use crate::telemetry::count::Labels;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::state::{CallerUse, Depths, Room, Start, State};

/// Depths that stay as they are.
#[derive(Debug)]
struct Still;

impl Depths for Still {
    fn waiting(&self) -> usize {
        3
    }

    fn entries(&self) -> u64 {
        1_000
    }

    fn unindexed(&self) -> usize {
        2
    }

    fn callers(&self) -> Vec<CallerUse> {
        let caller = |number| CallerUse {
            name: format!("caller-{number:0>57}"),
            taken: 9,
            in_flight: 1,
            over: [1, 2, 3, 4],
        };
        (0..CALLERS).map(caller).collect()
    }

    fn room(&self) -> Option<Room> {
        Some(Room { free: 1_000, needed: 600 })
    }
}

/// As many callers as a file may list.
const CALLERS: usize = 1_024;

/// Returns metrics with nothing counted.
pub(crate) fn metrics(labels: Labels) -> Metrics {
    let state = State::new(Start {
        started: Time::from_micros(1_700_000_000_000_000),
        policy: [7; 32],
        origin: "test".to_owned(),
        folder: "/data".into(),
        queue_max: 8,
        snapshot: 600,
        depths: Box::new(Still),
    });
    Metrics::new(labels, Arc::new(state), RealClock::start())
}

/// When the sample's certificate ends.
pub(crate) const NOT_AFTER: Time = Time::from_micros(1_800_000_000_000_000);
