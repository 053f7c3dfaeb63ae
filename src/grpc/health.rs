//! Health: tells load balancers whether to send calls here.
//!
//! `grpc.health.v1`, for the whole server and for `ScreeningService`: serving from when log and
//! policy are open until the server is told to stop, and never before or after.

use std::fmt;

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// The health of the server. Clones speak of the same one.
#[derive(Clone)]
pub struct Health(HealthReporter);

impl Health {
    /// Begins as not serving.
    pub async fn new() -> Self {
        let health = Self(HealthReporter::new());
        health.set(ServingStatus::NotServing).await;
        health
    }

    /// Says that calls are welcome.
    pub async fn serving(&self) {
        self.set(ServingStatus::Serving).await;
    }

    /// Says that no more calls are wanted. Before the listener closes, so that nobody is sent to a
    /// closed one.
    pub async fn not_serving(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    /// Returns what answers `grpc.health.v1`.
    pub fn server(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.0.clone()))
    }

    async fn set(&self, status: ServingStatus) {
        for service in ["", SERVICE] {
            self.0.set_service_status(service, status).await;
        }
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Health")
    }
}

/// The service's full name.
pub const SERVICE: &str = crate::grpc::pb::screening_service_server::SERVICE_NAME;
