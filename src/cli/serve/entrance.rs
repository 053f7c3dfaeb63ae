//! Entrance: who is let in, and how, as the settings say it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::access::{Access, Caller};
use crate::cli::CliError;
use crate::cli::serve::failed;
use crate::clock::{Clock as _, RealClock};
use crate::config::{Config, People, Secured};
use crate::grpc::bearer::keys::Keys;
use crate::grpc::bearer::refresh::{Refresh, Source};
use crate::grpc::bearer::{Bearers, Rules};
use crate::grpc::guard::{Found, Guard, Listed};
use crate::grpc::share::Share;
use crate::grpc::tls::{Files, Look, Tls};
use crate::telemetry::state::State;

/// Who is let in, and how.
pub(super) struct Entrance {
    pub(super) guard: Guard,
    pub(super) tls: Option<Tls>,
    people: Option<Provider>,
}

/// Where people's keys come from.
struct Provider {
    source: Source,
    /// Hears of a key that is not known.
    asked: Receiver<()>,
    pause: Duration,
}

/// What keeps certificates and keys as they are outside. Ends when this is dropped.
#[expect(dead_code, reason = "held for what dropping them does")]
pub(super) struct Kept(Option<Look>, Option<Refresh>);

impl Entrance {
    /// Reads keys, certificates and who may call what. Without any, whoever is on this machine may call
    /// and do what a machine does.
    pub(super) fn open(config: &Config, clock: RealClock) -> Result<Self, CliError> {
        let Some(secured) = &config.secured else {
            tracing::warn!("anyone on this machine may call");
            let guard = Guard::Plain(Arc::new(Caller::dev()));
            return Ok(Self { guard, tls: None, people: None });
        };
        let access = Arc::new(access(&secured.access)?);
        let (bearers, people) = match &secured.people {
            None => (None, None),
            Some(settings) => {
                let (bearers, people) = people(settings)?;
                (Some(bearers), Some(people))
            }
        };
        let Secured { certificate, key, client_ca, client_crl, .. } = secured.clone();
        let files = Files {
            certificate,
            key,
            client_ca,
            client_crl,
            guarded: config.credentials.clone(),
            certificate_optional: bearers.is_some(),
        };
        let tls = Tls::open(files, clock.wall())
            .map_err(|error| CliError::NotAsExpected(error.to_string()))?;
        let guard = Guard::Listed(Listed::new(access, bearers));
        Ok(Self { guard, tls: Some(tls), people })
    }

    /// Returns what each caller uses that has limits of its own.
    pub(super) fn shares(&self) -> Arc<[Arc<Share>]> {
        match &self.guard {
            Guard::Plain(_) => Arc::default(),
            Guard::Listed(listed) => Arc::clone(listed.shares()),
        }
    }

    /// Has the files of certificates looked at, and people's keys got again, until what is returned is
    /// dropped; `state` says which certificate callers are shown.
    pub(super) fn keep(
        self,
        config: &Config,
        clock: RealClock,
        state: &Arc<State>,
    ) -> Result<Kept, CliError> {
        let look = match (self.tls, &config.secured) {
            (Some(tls), Some(secured)) => {
                let look = Look::start(tls, Arc::new(clock), secured.reload, Arc::clone(state));
                Some(look.map_err(|error| failed(&error))?)
            }
            _ => None,
        };
        let bearers = match &self.guard {
            Guard::Listed(listed) => listed.people().cloned(),
            Guard::Plain(_) => None,
        };
        let refresh = match (bearers, self.people) {
            (Some(bearers), Some(Provider { source, asked, pause })) => {
                let take = move |keys| match keys {
                    Ok(keys) => bearers.replace(keys),
                    Err(error) => {
                        let error: &dyn std::error::Error = &error;
                        tracing::error!(error, "people's keys refused");
                    }
                };
                let started = Refresh::start(source, asked, pause, take);
                Some(started.map_err(|error| failed(&error))?)
            }
            _ => None,
        };
        Ok(Kept(look, refresh))
    }
}

/// Gets people's keys. A provider that cannot be reached now keeps nobody's payments waiting: its
/// people are let in once it can.
fn people(settings: &People) -> Result<(Bearers<Found>, Provider), CliError> {
    let People { issuer, audience, keys, ca, algorithms, groups_claim, refresh } = settings.clone();
    let rules = Rules { issuer: issuer.clone(), audience, algorithms, groups_claim };
    let far = keys.contains("://");
    let source = Source { place: keys, ca, issuer };
    let keys = match source.keys() {
        Ok(keys) => keys,
        Err(error) if far => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "people's keys refused");
            Keys::default()
        }
        Err(error) => return Err(CliError::NotAsExpected(error.to_string())),
    };
    let (bearers, asked) = Bearers::new(rules, keys);
    Ok((bearers, Provider { source, asked, pause: refresh }))
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
