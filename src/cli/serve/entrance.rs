//! Entrance: who is let in, and how, as the settings say it.

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::access::Caller;
use crate::calendar::Time;
use crate::cli::CliError;
use crate::cli::serve::failed;
use crate::clock::{Clock as _, RealClock};
use crate::config::{Config, People, Secured};
use crate::grpc::bearer::keys::Keys;
use crate::grpc::bearer::refresh::{Refresh, Source};
use crate::grpc::bearer::{Bearers, Rules};
use crate::grpc::guard::{self, Found, Guard, Listed, Source as CallersFile};
use crate::grpc::look::Look;
use crate::grpc::tls::{self, Files, Tls};
use crate::telemetry::state::{Callers, State, hex};

/// Who is let in, and how.
pub(super) struct Entrance {
    pub(super) guard: Guard,
    pub(super) tls: Option<Tls>,
    people: Option<Provider>,
    callers: Option<CallersFile>,
}

/// Where people's keys come from.
struct Provider {
    source: Source,
    /// Hears of a key that is not known.
    asked: Receiver<()>,
    pause: Duration,
}

/// What keeps certificates, callers and keys as they are outside. Ends when this is dropped.
#[expect(dead_code, reason = "held for what dropping them does")]
pub(super) struct Kept(Option<Look>, Option<Refresh>);

impl Entrance {
    /// Reads keys, certificates and who may call what. Without any, whoever is on this machine may call
    /// and do what a machine does.
    pub(super) fn open(config: &Config, clock: RealClock) -> Result<Self, CliError> {
        let Some(secured) = &config.secured else {
            tracing::warn!("anyone on this machine may call");
            let guard = Guard::Plain(Arc::new(Caller::dev()));
            return Ok(Self { guard, tls: None, people: None, callers: None });
        };
        let not_as_expected = |error: &dyn Error| CliError::NotAsExpected(error.to_string());
        let (access, callers) =
            CallersFile::open(secured.access.clone()).map_err(|error| not_as_expected(&error))?;
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
        let tls = Tls::open(files, clock.wall()).map_err(|error| not_as_expected(&error))?;
        let listed = Listed::new(access, bearers).map_err(|error| not_as_expected(&error))?;
        Ok(Self { guard: Guard::Listed(listed), tls: Some(tls), people, callers: Some(callers) })
    }

    /// Returns the callers that a file lists, where one does.
    pub(super) fn listed(&self) -> Option<Listed> {
        match &self.guard {
            Guard::Plain(_) => None,
            Guard::Listed(listed) => Some(listed.clone()),
        }
    }

    /// Has the files of certificates and callers looked at, and people's keys got again, until what is
    /// returned is dropped; `state` says which certificate callers are shown and who is listed.
    pub(super) fn keep(
        self,
        config: &Config,
        clock: RealClock,
        state: &Arc<State>,
    ) -> Result<Kept, CliError> {
        let listed = self.listed();
        let bearers = listed.as_ref().and_then(|listed| listed.people().cloned());
        let look = match (self.tls, listed, self.callers, &config.secured) {
            (Some(tls), Some(listed), Some(mut callers), Some(secured)) => {
                state.set_certificate(tls.shown());
                state.set_callers(in_force(&callers, &listed, clock.wall()));
                let state = Arc::clone(state);
                let look = Look::start(secured.reload, move || {
                    look_at_certificates(&tls, clock.wall(), &state);
                    look_at_callers(&mut callers, &listed, clock.wall(), &state);
                });
                Some(look.map_err(|error| failed(&error))?)
            }
            _ => None,
        };
        let refresh = match (bearers, self.people) {
            (Some(bearers), Some(Provider { source, asked, pause })) => {
                let take = move |keys| match keys {
                    Ok(keys) => bearers.replace(keys),
                    Err(error) => {
                        let error: &dyn Error = &error;
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
            let error: &dyn Error = &error;
            tracing::error!(error, "people's keys refused");
            Keys::default()
        }
        Err(error) => return Err(CliError::NotAsExpected(error.to_string())),
    };
    let (bearers, asked) = Bearers::new(rules, keys);
    Ok((bearers, Provider { source, asked, pause: refresh }))
}

/// Takes certificates that are new, and says so.
fn look_at_certificates(tls: &Tls, now: Time, state: &State) {
    match tls.look(now) {
        tls::Looked::Same => {}
        tls::Looked::Taken { not_after } => {
            let (not_after, _) = not_after.parts();
            tracing::info!(not_after, "certificates taken");
            state.set_certificate(tls.shown());
        }
        tls::Looked::Refused(error) => tracing::error!(%error, "certificates refused"),
    }
}

/// Takes a file of callers that is new, and says so.
fn look_at_callers(callers: &mut CallersFile, listed: &Listed, now: Time, state: &State) {
    match callers.look(listed) {
        guard::Looked::Same => {}
        guard::Looked::Taken(count) => {
            tracing::info!(count, "callers taken");
            state.set_callers(in_force(callers, listed, now));
        }
        guard::Looked::Refused(error) => tracing::error!(%error, "callers refused"),
    }
}

/// Says which file of callers is in force since `loaded`.
fn in_force(callers: &CallersFile, listed: &Listed, loaded: Time) -> Callers {
    Callers { count: listed.shares().len(), loaded, digest: hex(callers.content()) }
}
