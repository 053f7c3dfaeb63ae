//! Authority: certificates made for an occasion, a demonstration or a measurement.
//!
//! Never for a real bank: whoever made the authority could make anybody. Its key is in memory alone and
//! goes with it; what it signed holds for a day.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use crate::calendar::{Span, Time};

/// An authority, and the folder of what it made.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    now: Time,
}

/// Whose certificate it is.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// A server that is called `localhost` or 127.0.0.1.
    Server,
    /// A caller with this SPIFFE id.
    Caller(&'a str),
}

/// Where a certificate and its key lie, both in PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issued {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key, for its owner alone.
    pub key: PathBuf,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// It cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// It cannot be written.
    #[error("`{0}` cannot be written: {1}")]
    Write(PathBuf, io::Error),
}

impl Authority {
    /// Makes an authority whose certificate is put into `folder`, and what it signs as well. That holds
    /// from an hour before `now` to a day after it.
    pub fn new(folder: &Path, now: Time) -> Result<Self, AuthorityError> {
        let mut params = params(now)?;
        params.distinguished_name.push(DnType::CommonName, "made for the occasion");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        let made = Self { folder: folder.to_owned(), issuer: Issuer::new(params, key), now };
        write(&made.certificate(), &certificate)?;
        Ok(made)
    }

    /// Returns where its own certificate lies, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Makes a certificate and its key, in files that are called `name`.
    pub fn issue(&self, name: &str, holder: Holder<'_>) -> Result<Issued, AuthorityError> {
        let mut params = params(self.now)?;
        params.distinguished_name.push(DnType::CommonName, name);
        let (names, usage) = match holder {
            Holder::Server => (
                vec![
                    SanType::DnsName("localhost".try_into()?),
                    SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                ],
                ExtendedKeyUsagePurpose::ServerAuth,
            ),
            Holder::Caller(id) => {
                (vec![SanType::URI(id.try_into()?)], ExtendedKeyUsagePurpose::ClientAuth)
            }
        };
        params.subject_alt_names = names;
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        let signed = params.signed_by(&key, &self.issuer)?;
        let file = |kind: &str| self.folder.join(format!("{name}.{kind}"));
        let issued = Issued { certificate: file("pem"), key: file("key") };
        write(&issued.certificate, &signed.pem())?;
        write(&issued.key, &key.serialize_pem())?;
        Ok(issued)
    }
}

/// Returns what every certificate has: no names, and the time in which it holds.
fn params(now: Time) -> Result<CertificateParams, rcgen::Error> {
    let at = |time: Time| {
        let (seconds, _) = time.parts();
        let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let mut params = CertificateParams::new([])?;
    params.not_before = at(now.minus(HELD_BEFORE)).into();
    params.not_after = at(now.plus(HELD_AFTER)).into();
    Ok(params)
}

/// Writes a new file that nobody else may read.
fn write(path: &Path, text: &str) -> Result<(), AuthorityError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| AuthorityError::Write(path.to_owned(), error))
}

/// Clocks of one machine agree; those of a container and its host nearly do.
const HELD_BEFORE: Span = Span::hours(1);
/// Longer than any demonstration or measurement.
const HELD_AFTER: Span = Span::days(1);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::access::Identity;
    use crate::grpc::tls::{Files, Tls, names};
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;

    #[test]
    fn what_it_signs_is_taken_for_a_day_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let now = Time::parse("2026-03-01T12:00:00Z").unwrap();
        let authority = Authority::new(folder.path(), now).unwrap();
        let server = authority.issue("server", Holder::Server).unwrap();
        let caller = authority.issue("one", Holder::Caller("spiffe://bank.example/one")).unwrap();
        let files = Files {
            certificate: server.certificate.clone(),
            key: server.key.clone(),
            client_ca: authority.certificate(),
            client_crl: None,
            guarded: None,
            certificate_optional: false,
        };
        for (at, taken) in [
            (now.minus(HELD_BEFORE).minus(Span::seconds(1)), false),
            (now.minus(HELD_BEFORE), true),
            (now.plus(HELD_AFTER), true),
            (now.plus(HELD_AFTER).plus(Span::seconds(1)), false),
        ] {
            assert_eq!(Tls::open(files.clone(), at).is_ok(), taken, "{at}");
        }
        let certificate = CertificateDer::from_pem_file(&caller.certificate).unwrap();
        assert_eq!(names(&certificate), [Identity::Spiffe("spiffe://bank.example/one".into())]);
        for key in [server.key, caller.key] {
            assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{key:?}");
        }
        assert!(authority.issue("one", Holder::Server).is_err(), "a file was written over");
    }
}
