//! Secured: how callers prove who they are.

use std::path::PathBuf;
use std::time::Duration;

use jsonwebtoken::{Algorithm, AlgorithmFamily};

use super::Settings;

/// Where keys, certificates and the list of callers lie.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Secured {
    /// The server's certificate and those between it and its authority.
    pub certificate: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
    /// The authorities of clients.
    pub client_ca: PathBuf,
    /// What these authorities took back.
    pub client_crl: Option<PathBuf>,
    /// How long until the files are looked at again, that of callers as well.
    pub reload: Duration,
    /// Who may call what.
    pub access: PathBuf,
    /// How people prove who they are; absent where they have certificates, too.
    pub people: Option<People>,
}

/// The tokens that people carry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct People {
    /// Who signs them.
    pub issuer: String,
    /// Whom they are for.
    pub audience: String,
    /// Where the issuer's keys are: a file or a URL, of the keys or of a discovery document.
    pub keys: String,
    /// The authorities of the web server that has them.
    pub ca: Option<PathBuf>,
    /// By which algorithms they may be signed.
    pub algorithms: Vec<Algorithm>,
    /// In which claim they list groups.
    pub groups_claim: String,
    /// How long until the keys are got again.
    pub refresh: Duration,
}

/// Takes the settings of TLS and access; `None` where there are none, and the server is for its own
/// machine.
pub(super) fn take(settings: &mut Settings) -> Option<Secured> {
    let certificate = file(settings, "tls.certificate");
    let key = file(settings, "tls.key");
    let client_ca = file(settings, "tls.client_ca");
    let client_crl = file(settings, "tls.client_crl");
    let reload = settings.millis("tls.reload_ms", RELOAD, 10..=3_600_000);
    let access = file(settings, "access.file");
    let people = people(settings);
    if certificate.is_none()
        && key.is_none()
        && client_ca.is_none()
        && client_crl.is_none()
        && access.is_none()
        && people.is_none()
    {
        return None;
    }
    for (setting, name, what) in [
        (&certificate, "tls.certificate", "the server's certificate"),
        (&key, "tls.key", "its key"),
        (&client_ca, "tls.client_ca", "the authorities of clients"),
        (&access, "access.file", "who may call what"),
    ] {
        if setting.is_none() {
            settings.refuse(name, &format!("name the file of {what}: TLS needs all four of them"));
        }
    }
    Some(Secured {
        certificate: certificate?,
        key: key?,
        client_ca: client_ca?,
        client_crl,
        reload,
        access: access?,
        people,
    })
}

fn people(settings: &mut Settings) -> Option<People> {
    let text = |settings: &mut Settings, key, default: &str| {
        settings.take(key, default.to_owned(), |text| Ok(text.to_owned()))
    };
    let issuer = text(settings, "people.issuer", "");
    let audience = text(settings, "people.audience", "");
    let keys = text(settings, "people.keys", "");
    let ca = file(settings, "people.ca");
    let algorithms = settings.take("people.algorithms", ALGORITHMS.to_vec(), algorithms);
    let groups_claim = text(settings, "people.groups_claim", "groups");
    let refresh = settings.millis("people.refresh_ms", REFRESH, 10..=86_400_000);
    let named = [&issuer, &audience, &keys].map(|text| !text.is_empty());
    if named == [false; 3] {
        return None;
    }
    for (set, key) in named.iter().zip(["people.issuer", "people.audience", "people.keys"]) {
        if !set {
            settings.refuse(key, "something: tokens need issuer, audience and keys");
        }
    }
    Some(People { issuer, audience, keys, ca, algorithms, groups_claim, refresh })
}

fn algorithms(text: &str) -> Result<Vec<Algorithm>, String> {
    let read: Option<Vec<Algorithm>> = text.split(' ').map(|name| name.parse().ok()).collect();
    read.filter(|all| all.iter().all(|one| one.family() != AlgorithmFamily::Hmac)).ok_or_else(|| {
        "names with one space between them, of ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384 \
         and RS512"
            .to_owned()
    })
}

fn file(settings: &mut Settings, key: &'static str) -> Option<PathBuf> {
    let named = settings.take(key, String::new(), |text| Ok(text.to_owned()));
    (!named.is_empty()).then(|| PathBuf::from(named))
}

/// Certificates are changed days before they end; revoked ones wait no longer than this.
const RELOAD: Duration = Duration::from_secs(5);
/// What providers sign by, but for those with a shared secret.
const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::ES256, Algorithm::EdDSA, Algorithm::PS256, Algorithm::RS256];
/// Providers publish a key long before they sign with it.
const REFRESH: Duration = Duration::from_mins(5);
