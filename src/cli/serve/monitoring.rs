//! Monitoring: what a service that runs shows of itself, and who is told.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::{Clock as _, RealClock};
use crate::config::Config;
use crate::grpc;
use crate::grpc::guard::Listed;
use crate::grpc::share::{Share, Used};
use crate::log::reader::Reader;
use crate::policy::Policy;
use crate::telemetry::admin::Admin;
use crate::telemetry::count::{Counts, Labels};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::state::{CallerUse, Depths, Room, Start, State};
use crate::turn::desk::Queue;
use crate::turn::space::Space;

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
    listed: Option<Listed>,
    space: Arc<Space>,
}

/// What is looked at: the queue, the log, what callers use that are listed, and the disk.
pub(super) type Watched = (Arc<Queue>, Reader, Option<Listed>, Arc<Space>);

impl Monitoring {
    /// Opens the admin listener, if there is to be one and its port is free. A service that screens
    /// is worth more than one that is watched, so that a port in use does not stop it.
    pub(super) fn open(
        config: &Config,
        policy: &Policy,
        (queue, reader, listed, space): Watched,
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
            folder: config.data.canonicalize().unwrap_or_else(|_| config.data.clone()),
            queue_max: config.queue_max,
            snapshot: spared,
            depths: Box::new(Live { queue, reader, listed, space }),
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

    fn callers(&self) -> Vec<CallerUse> {
        self.listed.as_ref().map(|it| uses(&self.queue, &it.shares())).unwrap_or_default()
    }

    fn room(&self) -> Option<Room> {
        let (free, needed) = self.space.room()?;
        Some(Room { free, needed })
    }
}

/// Returns what each caller has used: what its share says, and how often the queue refused it.
fn uses(queue: &Queue, shares: &[Arc<Share>]) -> Vec<CallerUse> {
    let over_share = queue.over_share();
    let used = shares.iter().map(|share| {
        let Used { taken, in_flight, over: [under_way, rate, connections] } = share.used();
        let queue_share = over_share.get(usize::from(share.seat().0)).copied().unwrap_or(0);
        let over = [under_way, rate, connections, queue_share];
        CallerUse { name: share.name().to_owned(), taken, in_flight, over }
    });
    used.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Access;
    use crate::grpc::share::Shares;

    #[test]
    fn each_caller_is_shown_with_what_it_used_and_no_other() {
        let access = Access::read("access.toml", include_str!("../../../deploy/access.toml"));
        let access = access.unwrap();
        let shares = Shares::default().of(&access).unwrap();
        let now = tokio::time::Instant::now();
        for _ in 0..3 {
            shares[1].take(now).unwrap();
        }
        shares[1].done(2);
        let uses = uses(&Queue::new(1), &shares);
        let names: Vec<&str> = uses.iter().map(|one| one.name.as_str()).collect();
        let listed: Vec<&str> = access.callers().iter().map(|caller| &*caller.name).collect();
        assert_eq!(names, listed);
        let counted: Vec<_> = uses.iter().map(|one| (one.taken, one.in_flight)).collect();
        assert_eq!(counted, [(0, 0), (3, 1), (0, 0), (0, 0)]);
        assert!(uses.iter().all(|one| one.over == [0; 4]));
    }
}
