//! Authority: makes the certificates that tests need.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, date_time_ymd,
};

/// An authority of its own key.
pub(crate) struct Authority {
    /// Its certificate, in PEM.
    pub(crate) certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// A name in a certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name<'a> {
    Uri(&'a str),
    Host(&'a str),
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Makes a certificate for a server on this machine.
    pub(crate) fn server(&self) -> Leaf {
        self.leaf(1, &[Name::Host("localhost")], 2100)
    }

    /// Makes a certificate that holds until a year begins.
    pub(crate) fn leaf(&self, serial: u64, names: &[Name<'_>], until: i32) -> Leaf {
        let key = KeyPair::generate().expect("a key");
        let params = params(serial, names, until);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Leaf { certificate, key: key.serialize_pem() }
    }

    /// Takes certificates back.
    pub(crate) fn revoked(&self, serials: &[u64]) -> String {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: (*serial).into(),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).expect("a list").pem().expect("PEM")
    }
}

/// Makes a certificate that nobody but itself vouches for.
pub(crate) fn self_signed(names: &[Name<'_>]) -> Leaf {
    let key = KeyPair::generate().expect("a key");
    let certificate = params(9, names, 2100).self_signed(&key).expect("a certificate").pem();
    Leaf { certificate, key: key.serialize_pem() }
}

/// Writes a file that nobody else may read.
pub(crate) fn write_secret(path: &Path, text: &str) {
    // In one step, as whoever changes certificates under a running server does.
    let beside = path.with_extension("new");
    fs::write(&beside, text).expect("a file");
    fs::set_permissions(&beside, Permissions::from_mode(0o600)).expect("a mode");
    fs::rename(&beside, path).expect("a file in place");
}

fn params(serial: u64, names: &[Name<'_>], until: i32) -> CertificateParams {
    let mut params = CertificateParams::new([]).expect("no names");
    let names = names.iter().map(|name| match name {
        Name::Uri(uri) => SanType::URI((*uri).try_into().expect("a URI")),
        Name::Host(host) => SanType::DnsName((*host).try_into().expect("a host")),
    });
    params.subject_alt_names = names.collect();
    params.serial_number = Some(serial.into());
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}
