//! Secured: how callers prove who they are.

use std::path::PathBuf;
use std::time::Duration;

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
    /// How long until the files are looked at again.
    pub reload: Duration,
    /// Who may call what.
    pub access: PathBuf,
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
    if certificate.is_none()
        && key.is_none()
        && client_ca.is_none()
        && client_crl.is_none()
        && access.is_none()
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
    })
}

fn file(settings: &mut Settings, key: &'static str) -> Option<PathBuf> {
    let named = settings.take(key, String::new(), |text| Ok(text.to_owned()));
    (!named.is_empty()).then(|| PathBuf::from(named))
}

/// Certificates are changed days before they end; revoked ones wait no longer than this.
const RELOAD: Duration = Duration::from_secs(5);
