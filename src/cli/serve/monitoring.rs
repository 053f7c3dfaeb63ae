//! Monitoring: what a service that runs shows of itself, and who is told.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::{Clock as _, RealClock};
use crate::config::Config;
use crate::grpc;
use crate::log::reader::Reader;
use crate::policy::Policy;
use crate::telemetry::admin::Admin;
use crate::telemetry::count::{Counts, Labels};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::state::{Depths, Start, State};
use crate::turn::desk::Queue;

/// What is counted, and the listener that shows it.
#[derive(Debug)]
pub(super) struct Monitoring {
    metrics: Arc<Metrics>,
    counting: bool,
    admin: Option<Admin>,
}

/// Where depths are looked up.
#[derive(Debug)]
struct Live {
    queue: Arc<Queue>,
    reader: Reader,
}

impl Monitoring {
    /// Opens the admin listener, if there is to be one and its port is free. A service that screens
    /// is worth more than one that is watched, so that a port in use does not stop it.
    pub(super) fn open(
        config: &Config,
        policy: &Policy,
        (queue, reader): (Arc<Queue>, Reader),
        (spared, clock): (u64, RealClock),
    ) -> Self {
        let typologies = policy.typologies().iter().map(|typology| Arc::clone(&typology.id));
        let labels = Labels {
            typologies: typologies.collect(),
            fields: grpc::fields(),
            reasons: grpc::status::REASONS.to_vec(),
        };
        let state = State::new(Start {
            started: clock.wall(),
            policy: policy.digest(),
            origin: config.origin.clone(),
            queue_max: config.queue_max,
            snapshot: spared,
            depths: Box::new(Live { queue, reader }),
        });
        let metrics = Arc::new(Metrics::new(labels, Arc::new(state), clock));
        let admin = config.admin.and_then(|address| {
            let opened = Admin::open(address, Arc::clone(&metrics));
            opened
                .inspect_err(|error| tracing::warn!(%address, %error, "admin listener not opened"))
                .ok()
        });
        Self { metrics, counting: config.metrics, admin }
    }

    /// Makes the counts of one more thread, where there are any.
    pub(super) fn counts(&self) -> Option<Counts> {
        self.counting.then(|| self.metrics.counts())
    }

    /// Returns where the admin listener is.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// Returns the state of the process.
    pub(super) fn state(&self) -> &Arc<State> {
        self.metrics.state()
    }
}

impl Depths for Live {
    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn entries(&self) -> u64 {
        self.reader.durable()
    }

    fn unindexed(&self) -> usize {
        self.reader.unindexed()
    }
}
