//! Tls: the door's keys and certificates, and whom a connection is from.
//!
//! TLS 1.3 and nothing older, with certificates on both sides. The cryptography is that of
//! `aws-lc-rs`: it needs a C compiler and nothing else, which the allocator needs as well, and agrees
//! on keys by X25519 with ML-KEM, so that what is recorded on the wire now is not read in ten years.
//!
//! The files are looked at again and again. New content is taken whole or not at all: a faulty file
//! leaves what was there in force, and connections that are open stay open either way. Sessions are not
//! resumed, so that whoever was revoked is refused at the next connection.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
};
use tokio_rustls::rustls::server::{
    NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier,
};
use tokio_rustls::rustls::{self, InconsistentKeys, RootCertStore, ServerConfig, version};

use crate::calendar::Time;
use crate::telemetry::state::{Certificate, hex};

mod names;
mod secret;
#[cfg(test)]
#[path = "../../tests/secured/authority.rs"]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use names::names;
pub(crate) use secret::bounded;
pub use secret::{SecretError, read as read_secret};

/// Where keys and certificates lie.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Files {
    /// The server's certificate and those between it and its authority, in PEM.
    pub certificate: PathBuf,
    /// The certificate's key, in PEM.
    pub key: PathBuf,
    /// The authorities of clients, in PEM.
    pub client_ca: PathBuf,
    /// What these authorities took back, in PEM: then every client's certificate must be of an
    /// authority that says what it took back.
    pub client_crl: Option<PathBuf>,
    /// The folder of the service manager's credentials, which it guards itself.
    pub guarded: Option<PathBuf>,
    /// Whether a client may come without a certificate, to show a token with each call.
    pub certificate_optional: bool,
}

/// Keys and certificates in force. Clones speak of the same ones.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    files: Files,
    in_force: RwLock<InForce>,
}

struct InForce {
    config: Arc<ServerConfig>,
    /// The server's certificate.
    shown: Certificate,
    /// Digest of the files that it was made from.
    content: [u8; 32],
    /// Digest of the files that were refused last.
    refused: Option<[u8; 32]>,
}

/// What a look at the files came to.
#[derive(Debug)]
pub enum Looked {
    /// They are as they were.
    Same,
    /// They are new, and in force until then.
    Taken {
        /// Until when the server's certificate holds.
        not_after: Time,
    },
    /// They are new and faulty: what was there stays in force. Told once for one content.
    Refused(TlsError),
}

/// Why keys and certificates are not taken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, io::Error),
    /// The key is not kept as a secret must be.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A file is larger than any such file.
    #[error("`{0}` is larger than {FILE_BYTES_MAX} bytes, and no such file is")]
    TooLarge(String),
    /// A file is not what it should be.
    #[error("`{0}` has no {1} in PEM that can be read")]
    Malformed(String, &'static str),
    /// The key is not that of the certificate.
    #[error("the key in `{key}` is not that of the certificate in `{certificate}`")]
    Mismatched {
        /// The file of the certificate.
        certificate: String,
        /// The file of the key.
        key: String,
    },
    /// The certificate holds at another time.
    #[error("the certificate in `{0}` does not hold now: have a new one made")]
    OutOfTime(String),
    /// The library refuses what the files hold.
    #[error("the certificates are refused: {0}")]
    Refused(rustls::Error),
    /// The library refuses the authorities or what they took back.
    #[error("the clients' authorities are refused: {0}")]
    Authorities(VerifierBuilderError),
}

/// The bytes of the files.
struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Vec<u8>,
    client_crl: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files, which must be fit at `now`.
    pub fn open(files: Files, now: Time) -> Result<Self, TlsError> {
        let read = Content::read(&files)?;
        let (config, shown) = read.config(&files, now)?;
        let in_force = InForce { config, shown, content: read.digest(), refused: None };
        Ok(Self(Arc::new(Shared { files, in_force: RwLock::new(in_force) })))
    }

    /// Returns what shakes hands with a client, by what is in force now.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        // A panic while it was held left a whole configuration behind, as it is replaced in one step.
        let in_force = self.0.in_force.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&in_force.config))
    }

    /// Returns the certificate that callers are shown.
    pub fn shown(&self) -> Certificate {
        self.0.in_force.read().unwrap_or_else(PoisonError::into_inner).shown.clone()
    }

    /// Looks at the files again, and takes what is new and fit at `now`.
    pub fn look(&self, now: Time) -> Looked {
        let Shared { files, in_force } = &*self.0;
        let read = match Content::read(files) {
            Ok(read) => read,
            // A file that is gone for a moment is one that is being replaced; its absence is told once.
            Err(error) => return self.refuse([0; 32], error),
        };
        let content = read.digest();
        if in_force.read().unwrap_or_else(PoisonError::into_inner).content == content {
            return Looked::Same;
        }
        match read.config(files, now) {
            Ok((config, shown)) => {
                let not_after = shown.not_after;
                let new = InForce { config, shown, content, refused: None };
                *in_force.write().unwrap_or_else(PoisonError::into_inner) = new;
                Looked::Taken { not_after }
            }
            Err(error) => self.refuse(content, error),
        }
    }

    fn refuse(&self, content: [u8; 32], error: TlsError) -> Looked {
        let mut in_force = self.0.in_force.write().unwrap_or_else(PoisonError::into_inner);
        if in_force.refused.replace(content) == Some(content) {
            return Looked::Same;
        }
        Looked::Refused(error)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.0.files).finish_non_exhaustive()
    }
}

impl Content {
    fn read(files: &Files) -> Result<Self, TlsError> {
        let client_crl = files.client_crl.as_deref().map(bytes_of).transpose()?;
        Ok(Self {
            certificate: bytes_of(&files.certificate)?,
            key: secret::read(&files.key, files.guarded.as_deref(), FILE_BYTES_MAX)?,
            client_ca: bytes_of(&files.client_ca)?,
            client_crl,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let crl = self.client_crl.as_deref().unwrap_or_default();
        let mut hash = Sha256::new();
        for part in [&self.certificate, &self.key, &self.client_ca, crl] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// Makes the configuration of a server, and says which certificate it shows.
    fn config(
        &self,
        files: &Files,
        now: Time,
    ) -> Result<(Arc<ServerConfig>, Certificate), TlsError> {
        let chain: Vec<CertificateDer<'static>> =
            all(&self.certificate, &files.certificate, "certificate")?;
        let not_after = names::holds(&chain, now)
            .ok_or_else(|| TlsError::OutOfTime(named(&files.certificate)))?;
        let digest = chain.first().map(|own| hex(&Sha256::digest(own))).unwrap_or_default();
        let shown = Certificate { not_after, loaded: now, digest };
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| TlsError::Malformed(named(&files.key), "key"))?;

        let mut roots = RootCertStore::empty();
        for authority in all(&self.client_ca, &files.client_ca, "certificate")? {
            let refused = |_| TlsError::Malformed(named(&files.client_ca), "authority");
            roots.add(authority).map_err(refused)?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        if let (Some(bytes), Some(path)) = (&self.client_crl, &files.client_crl) {
            let lists: Vec<CertificateRevocationListDer<'static>> =
                all(bytes, path, "list of revoked certificates")?;
            verifier = verifier.with_crls(lists).only_check_end_entity_revocation();
        }
        if files.certificate_optional {
            verifier = verifier.allow_unauthenticated();
        }
        let verifier = verifier.build().map_err(TlsError::Authorities)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])
            .map_err(TlsError::Refused)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    TlsError::Mismatched {
                        certificate: named(&files.certificate),
                        key: named(&files.key),
                    }
                }
                error => TlsError::Refused(error),
            })?;
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok((Arc::new(config), shown))
    }
}

/// Reads every item of a kind; there must be one.
fn all<T: PemObject>(bytes: &[u8], path: &Path, kind: &'static str) -> Result<Vec<T>, TlsError> {
    let items: Result<Vec<T>, _> = T::pem_slice_iter(bytes).collect();
    items
        .ok()
        .filter(|items| !items.is_empty())
        .ok_or_else(|| TlsError::Malformed(named(path), kind))
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error| TlsError::Unreadable(named(path), error);
    let file = std::fs::File::open(path).map_err(unreadable)?;
    bounded(file, FILE_BYTES_MAX)
        .map_err(unreadable)?
        .ok_or_else(|| TlsError::TooLarge(named(path)))
}

fn named(path: &Path) -> String {
    path.display().to_string()
}

/// What a connection must speak (RFC 7301).
pub(crate) const HTTP_2: &[u8] = b"h2";

/// A list of revoked certificates has about 40 bytes for each, so that 16 MiB are those of a bank with
/// hundreds of thousands of certificates; chains and keys have a few kilobytes.
const FILE_BYTES_MAX: usize = 16 * 1_048_576;
