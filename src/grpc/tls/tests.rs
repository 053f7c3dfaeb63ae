//! Tests of keys and certificates: taken whole or not at all, and whom they are of.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::sample::{Authority, Leaf, Name, self_signed, write_secret};
use super::*;
use crate::access::Identity;

/// 2026-11-26.
const NOW: Time = Time::from_micros(1_795_651_200_000_000);

struct Folder {
    folder: TempDir,
    files: Files,
}

impl Folder {
    fn new(authority: &Authority, server: &Leaf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let files = Files {
            certificate: at("server.pem"),
            key: at("server.key"),
            client_ca: at("ca.pem"),
            client_crl: None,
            guarded: None,
            certificate_optional: false,
        };
        let made = Self { folder, files };
        made.put("ca.pem", &authority.certificate);
        made.put_server(server);
        made
    }

    fn put(&self, name: &str, text: &str) {
        write_secret(&self.folder.path().join(name), text);
    }

    fn put_server(&self, server: &Leaf) {
        self.put("server.pem", &server.certificate);
        self.put("server.key", &server.key);
    }

    fn open(&self) -> Result<Tls, TlsError> {
        Tls::open(self.files.clone(), NOW)
    }
}

#[test]
fn what_is_faulty_is_told_by_its_file() {
    let authority = Authority::new("one");
    let server = authority.server();
    let other = authority.server();
    let ended = authority.leaf(2, &[Name::Host("localhost")], 2026);
    let begins = authority.leaf(2, &[Name::Host("localhost")], 2027);
    for (name, text, want) in [
        ("server.pem", "", "server.pem` has no certificate in PEM"),
        ("server.pem", "-----BEGIN CERTIFICATE-----\n", "server.pem` has no certificate"),
        ("server.pem", &*server.key, "server.pem` has no certificate"),
        ("server.pem", &*ended.certificate, "server.pem` does not hold now"),
        ("server.key", &*other.key, "server.key` is not that of the certificate in"),
        ("server.key", &*server.certificate, "server.key` has no key in PEM"),
        ("ca.pem", "nothing", "ca.pem` has no certificate in PEM"),
    ] {
        let folder = Folder::new(&authority, &server);
        folder.put(name, text);
        let error = folder.open().unwrap_err().to_string();
        assert!(error.contains(want), "{want}: {error}");
        let private = server.key.lines().nth(1).unwrap();
        assert!(!error.contains(private), "{error}");
    }
    let folder = Folder::new(&authority, &begins);
    assert!(folder.open().is_ok());
    assert!(Tls::open(folder.files.clone(), Time::from_micros(0)).is_err());
}

#[test]
fn a_key_that_others_may_read_is_refused_with_the_remedy() {
    let authority = Authority::new("one");
    let folder = Folder::new(&authority, &authority.server());
    fs::set_permissions(&folder.files.key, Permissions::from_mode(0o644)).unwrap();
    let error = folder.open().unwrap_err().to_string();
    assert!(error.contains("chmod 600"), "{error}");
    let guarded = Files { guarded: Some(folder.folder.path().into()), ..folder.files.clone() };
    assert!(Tls::open(guarded, NOW).is_ok());
}

#[test]
fn new_files_are_taken_whole_or_not_at_all() {
    let authority = Authority::new("one");
    let folder = Folder::new(&authority, &authority.leaf(1, &[Name::Host("localhost")], 2050));
    let tls = folder.open().unwrap();
    let first = tls.shown().not_after;
    assert!(matches!(tls.look(NOW), Looked::Same));

    // Half of a change: a new certificate with the old key. Told once.
    let next = authority.leaf(2, &[Name::Host("localhost")], 2060);
    folder.put("server.pem", &next.certificate);
    assert!(matches!(tls.look(NOW), Looked::Refused(TlsError::Mismatched { .. })));
    assert!(matches!(tls.look(NOW), Looked::Same));
    assert_eq!(tls.shown().not_after, first);

    folder.put("server.key", &next.key);
    assert!(matches!(tls.look(NOW), Looked::Taken { .. }));
    assert!(first < tls.shown().not_after);
    assert!(matches!(tls.look(NOW), Looked::Same));

    fs::remove_file(&folder.files.client_ca).unwrap();
    assert!(matches!(tls.look(NOW), Looked::Refused(TlsError::Unreadable(..))));
    assert!(matches!(tls.look(NOW), Looked::Same));
    folder.put("ca.pem", &Authority::new("two").certificate);
    assert!(matches!(tls.look(NOW), Looked::Taken { .. }));
}

#[test]
fn a_list_of_what_was_taken_back_must_be_one() {
    let authority = Authority::new("one");
    let mut folder = Folder::new(&authority, &authority.server());
    folder.files.client_crl = Some(folder.folder.path().join("crl.pem"));
    assert!(matches!(folder.open(), Err(TlsError::Unreadable(..))));
    folder.put("crl.pem", "");
    let error = folder.open().unwrap_err().to_string();
    assert!(error.contains("no list of revoked certificates"), "{error}");
    folder.put("crl.pem", &authority.revoked(&[5]));
    assert!(folder.open().is_ok());
}

#[test]
fn a_certificate_proves_one_spiffe_id_or_its_hosts() {
    let authority = Authority::new("one");
    let id = "spiffe://bank.example/payments/faster";
    let spiffe = Identity::Spiffe(id.into());
    let host = |name: &str| Identity::Dns(name.into());
    let many: Vec<String> = (0..33).map(|number| format!("h{number}.example")).collect();
    let many: Vec<Name<'_>> = many.iter().map(|name| Name::Host(name)).collect();
    let thirty_two: Vec<_> = (0..32).map(|number| host(&format!("h{number}.example"))).collect();
    for (listed, want) in [
        (vec![Name::Uri(id)], vec![spiffe.clone()]),
        // The id stands for all of it.
        (vec![Name::Host("a.example"), Name::Uri(id)], vec![spiffe]),
        (
            vec![Name::Host("A.example"), Name::Host("b.example")],
            vec![host("a.example"), host("b.example")],
        ),
        (vec![Name::Host("*.example"), Name::Host("b.example")], vec![host("b.example")]),
        (vec![Name::Uri(id), Name::Uri("spiffe://bank.example/other")], vec![]),
        (vec![Name::Uri(id), Name::Uri("https://bank.example/")], vec![]),
        (vec![Name::Uri("https://bank.example/"), Name::Host("a.example")], vec![]),
        (vec![Name::Uri("spiffe://bank.example/../x"), Name::Host("a.example")], vec![]),
        (vec![], vec![]),
        (many[..32].to_vec(), thirty_two),
        (many.clone(), vec![]),
    ] {
        for leaf in [authority.leaf(3, &listed, 2100), self_signed(&listed)] {
            let der = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap();
            assert_eq!(names(&der), want, "{listed:?}");
        }
    }
    assert_eq!(names(&CertificateDer::from(vec![0x30, 0x03, 1, 2, 3])), []);
}
