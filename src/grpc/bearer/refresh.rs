//! Refresh: gets an identity provider's keys, from a file or over the network, and gets them again.
//!
//! On a thread of its own: no call waits for it. A provider that does not answer, or answers with
//! something else, leaves the keys that were there in force.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use http::Uri;
use serde_json::Value;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use crate::grpc::bearer::keys::{Keys, KeysError};
use crate::grpc::tls::bounded;

/// Where a provider's keys are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// A file, or a URL that begins with `https://`: the keys themselves, or the provider's discovery
    /// document (`OpenID` Connect Discovery 1.0), which says where they are.
    pub place: String,
    /// The authorities of the provider's web server, in PEM; without them no URL is asked.
    pub ca: Option<PathBuf>,
    /// Who the provider is: a discovery document must say the same.
    pub issuer: String,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, io::Error),
    /// A web server gave no answer, or none that can be taken.
    #[error("`{0}` gives no answer: {1}")]
    NoAnswer(String, Box<ureq::Error>),
    /// An answer is larger than any such answer.
    #[error("`{0}` is larger than {DOCUMENT_BYTES_MAX} bytes")]
    TooLarge(String),
    /// The address is none that is asked.
    #[error(
        "`{0}` is not asked: write a file's name, or a URL of https (of http on this machine alone)"
    )]
    Address(String),
    /// The URL is not asked, because nobody says by whom the web server is vouched for.
    #[error("`{0}` is not asked: `people.ca` must name the web server's authorities")]
    NoAuthority(String),
    /// The file of the web server's authorities has none.
    #[error("`{0}` has no certificate in PEM that can be read")]
    Authority(String),
    /// The discovery document is another provider's.
    #[error("`{0}` is the discovery document of another issuer")]
    OtherIssuer(String),
    /// What is there are no keys.
    #[error("`{0}`: {1}")]
    Keys(String, KeysError),
}

/// A thread that gets keys again. Ends when this is dropped.
#[derive(Debug)]
pub struct Refresh {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Source {
    /// Gets the keys.
    pub fn keys(&self) -> Result<Keys, SourceError> {
        let text = self.get(&self.place)?;
        let (place, text) = match self.discovered(&text)? {
            Some(place) => {
                let text = self.get(&place)?;
                (place, text)
            }
            None => (self.place.clone(), text),
        };
        Keys::read(&text).map_err(|error| SourceError::Keys(place, error))
    }

    /// Returns where the keys are, if `text` is a discovery document.
    fn discovered(&self, text: &str) -> Result<Option<String>, SourceError> {
        let Ok(document) = serde_json::from_str::<Value>(text) else { return Ok(None) };
        let Some(place) = document.get("jwks_uri").and_then(Value::as_str) else { return Ok(None) };
        if document.get("issuer").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(SourceError::OtherIssuer(self.place.clone()));
        }
        Ok(Some(place.to_owned()))
    }

    fn get(&self, place: &str) -> Result<String, SourceError> {
        if place.contains("://") { self.ask(place) } else { read(Path::new(place)) }
    }

    /// Asks a web server: once, without following it anywhere, for so long and so much.
    fn ask(&self, url: &str) -> Result<String, SourceError> {
        let address = || SourceError::Address(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| address())?;
        // Without TLS only what does not leave the machine.
        let local = match (uri.scheme_str(), uri.host()) {
            (Some("https"), Some(_)) => false,
            (Some("http"), Some("127.0.0.1" | "[::1]" | "localhost")) => true,
            _ => return Err(address()),
        };
        let mut config = Agent::config_builder()
            .timeout_global(Some(ANSWER_MAX))
            .max_redirects(0)
            .max_response_header_size(HEADERS_BYTES_MAX)
            .proxy(None);
        if !local {
            let ca = self.ca.as_deref().ok_or_else(|| SourceError::NoAuthority(url.to_owned()))?;
            let tls = TlsConfig::builder()
                .provider(TlsProvider::Rustls)
                .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
                .root_certs(RootCerts::Specific(Arc::new(authorities(ca)?)));
            config = config.https_only(true).tls_config(tls.build());
        }
        let agent: Agent = config.build().into();
        let no_answer = |error| match error {
            ureq::Error::BodyExceedsLimit(_) => SourceError::TooLarge(url.to_owned()),
            error => SourceError::NoAnswer(url.to_owned(), Box::new(error)),
        };
        let mut response = agent.get(url).call().map_err(no_answer)?;
        let limit = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX);
        let body = response.body_mut().with_config().limit(limit);
        body.read_to_string().map_err(no_answer)
    }
}

impl Refresh {
    /// Begins to get keys again: after `pause`, and when `asked` hears of a key that is not known,
    /// though not before a while has gone since the last time. `take` gets what comes of it.
    pub fn start(
        source: Source,
        asked: Receiver<()>,
        pause: Duration,
        mut take: impl FnMut(Result<Keys, SourceError>) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = channel::<()>();
        let thread = Builder::new().name("people".to_owned()).spawn(move || {
            let soonest = SOONEST.min(pause);
            let rest = pause.saturating_sub(soonest);
            loop {
                if stopped.recv_timeout(soonest) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                // In steps, so that an end is heard of as well.
                let mut left = rest;
                while !left.is_zero() {
                    let pace = STEP.min(left);
                    match asked.recv_timeout(pace) {
                        Err(RecvTimeoutError::Timeout) => left = left.saturating_sub(pace),
                        Ok(()) => break,
                        // Nobody can ask any more.
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                    if stopped.try_recv() != Err(std::sync::mpsc::TryRecvError::Empty) {
                        return;
                    }
                }
                take(source.keys());
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // What it panicked about was told when it did.
            drop(thread.join());
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

fn read(path: &Path) -> Result<String, SourceError> {
    let name = path.display().to_string();
    let unreadable = |error| SourceError::Unreadable(name.clone(), error);
    let bytes = File::open(path)
        .and_then(|file| bounded(file, DOCUMENT_BYTES_MAX))
        .map_err(unreadable)?
        .ok_or_else(|| SourceError::TooLarge(name.clone()))?;
    String::from_utf8(bytes).map_err(|_| SourceError::Keys(name, KeysError::Malformed))
}

fn authorities(path: &Path) -> Result<Vec<Certificate<'static>>, SourceError> {
    let text = read(path)?;
    let certificates: Vec<_> = parse_pem(text.as_bytes())
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(SourceError::Authority(path.display().to_string()));
    }
    Ok(certificates)
}

/// A provider in the bank answers in milliseconds; whoever waits is nobody's call.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// A set of some ten keys with their certificates has some ten kilobytes.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// Tokens with made-up keys must not make us ask without end.
const SOONEST: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(200);
