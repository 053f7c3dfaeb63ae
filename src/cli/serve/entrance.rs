//! Entrance: who is let in, and how, as the settings say it.

use std::path::Path;
use std::sync::Arc;

use crate::access::{Access, Caller};
use crate::cli::CliError;
use crate::cli::serve::failed;
use crate::clock::{Clock as _, RealClock};
use crate::config::{Config, Secured};
use crate::grpc::guard::Guard;
use crate::grpc::tls::{Files, Look, Tls};
use crate::telemetry::state::State;

/// Who is let in, and how.
#[derive(Clone)]
pub(super) struct Entrance {
    pub(super) guard: Guard,
    pub(super) tls: Option<Tls>,
}

impl Entrance {
    /// Reads keys, certificates and who may call what. Without any, whoever is on this machine may call
    /// and do what a machine does.
    pub(super) fn open(config: &Config, clock: RealClock) -> Result<Self, CliError> {
        let Some(secured) = &config.secured else {
            tracing::warn!("anyone on this machine may call");
            return Ok(Self { guard: Guard::Plain(Arc::new(Caller::dev())), tls: None });
        };
        let guard = Guard::Listed(Arc::new(access(&secured.access)?));
        let Secured { certificate, key, client_ca, client_crl, .. } = secured.clone();
        let guarded = config.credentials.clone();
        let files =
            Files { certificate, key, client_ca, client_crl, guarded, certificate_optional: false };
        let tls = Tls::open(files, clock.wall())
            .map_err(|error| CliError::NotAsExpected(error.to_string()))?;
        Ok(Self { guard, tls: Some(tls) })
    }

    /// Has the files of keys and certificates looked at until what is returned is dropped, and `state`
    /// say which certificate callers are shown.
    pub(super) fn look(
        &self,
        config: &Config,
        clock: RealClock,
        state: &Arc<State>,
    ) -> Result<Option<Look>, CliError> {
        let (Some(tls), Some(secured)) = (&self.tls, &config.secured) else { return Ok(None) };
        let look = Look::start(tls.clone(), Arc::new(clock), secured.reload, Arc::clone(state));
        look.map(Some).map_err(|error| failed(&error))
    }
}

/// Reads who may call what.
fn access(path: &Path) -> Result<Access, CliError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| CliError::Unreadable { path: name.clone(), source })?;
    Access::read(&name, &text).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        CliError::NotAsExpected(lines.join("\n"))
    })
}
