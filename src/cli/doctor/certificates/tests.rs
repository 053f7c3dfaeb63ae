//! Tests of the checks of certificates: each on both sides of what it judges by.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;
use crate::cli::doctor::Finding;
use crate::grpc::tls::sample::{Authority, Leaf, Name, self_signed, write_secret};

const ACCESS: &str = r#"schema = 1
[[role]]
name = "asker"
rights = ["screen"]
sees = "own"
[[caller]]
name = "payments"
role = "asker"
dns = ["payments.bank.example"]
"#;

/// Files as a server has them.
struct Place {
    folder: tempfile::TempDir,
    authority: Authority,
    config: Config,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("the bank's own");
        let at = |name: &str| folder.path().join(name);
        let secured = Secured {
            certificate: at("server.pem"),
            key: at("server.key"),
            client_ca: at("ca.pem"),
            client_crl: Some(at("crl.pem")),
            reload: Duration::from_secs(5),
            access: at("access.toml"),
            people: None,
        };
        let config = Config { secured: Some(secured), ..Config::default() };
        let place = Self { folder, authority, config };
        place.put("ca.pem", &place.authority.certificate);
        place.put("crl.pem", &place.authority.revoked(&[3, 4]));
        place.put("access.toml", ACCESS);
        place.put_server(&place.authority.server());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        write_secret(&self.path(name), text);
    }

    fn put_server(&self, leaf: &Leaf) {
        self.put("server.pem", &leaf.certificate);
        self.put("server.key", &leaf.key);
    }

    /// Checks at a time, and returns what the check of this name came to.
    #[track_caller]
    fn find(&self, name: &str, ca: Option<&Path>, now: &str) -> Check {
        let checks = checks(&self.config, ca, Time::parse(now).unwrap());
        let found = checks.iter().find(|check| check.name == name).cloned();
        found.unwrap_or_else(|| panic!("no {name}: {checks:?}"))
    }

    #[track_caller]
    fn check(&self, name: &str, want: Finding, says: &str, advice: &str) {
        let check = self.find(name, None, NOW);
        assert_eq!(check.finding, want, "{check:?}");
        assert!(check.says.contains(says), "{says}: {check:?}");
        assert!(check.advice.contains(advice), "{advice}: {check:?}");
    }
}

const NOW: &str = "2026-06-01T00:00:00Z";

#[test]
fn files_that_fit_are_well() {
    let place = Place::new();
    let checks = checks(&place.config, None, Time::parse(NOW).unwrap());
    let found: Vec<_> = checks.iter().map(|check| (check.name, check.finding)).collect();
    let names = ["tls", "expiry", "chain", "clients", "revoked", "files", "callers"];
    assert_eq!(found, names.map(|name| (name, Finding::Well)), "{checks:?}");
    place.check("chain", Finding::Well, "for `localhost`", "");
    place.check("revoked", Finding::Well, "names 2 revoked", "");
    place.check("callers", Finding::Well, "lists 1 callers", "");
}

#[test]
fn without_tls_there_is_nothing_to_look_at() {
    let checks = checks(&Config::default(), None, Time::parse(NOW).unwrap());
    assert_eq!(checks.len(), 1);
    assert_eq!((checks[0].name, checks[0].finding), ("tls", Finding::Skipped));
}

#[test]
fn a_key_must_be_that_of_the_certificate_and_its_owners_alone() {
    let place = Place::new();
    place.put("server.key", &place.authority.server().key);
    place.check("tls", Finding::Wrong, "is not that of the certificate", "asked for with");
    place.put("server.key", "nothing");
    place.check("tls", Finding::Wrong, "has no key in PEM", "BEGIN");
    fs::remove_file(place.path("server.key")).unwrap();
    place.check("tls", Finding::Wrong, "server.key", "as the user");

    let place = Place::new();
    for (mode, want) in [(0o600, Finding::Well), (0o640, Finding::Wrong), (0o604, Finding::Wrong)] {
        fs::set_permissions(place.path("server.key"), Permissions::from_mode(mode)).unwrap();
        place.check("tls", want, "", "");
    }
    place.check("tls", Finding::Wrong, "chmod 600", "");
}

#[test]
fn a_certificate_ends_and_that_is_told_two_weeks_before() {
    let place = Place::new();
    place.put_server(&place.authority.leaf(7, &[Name::Host("localhost")], 2030));
    for (now, want) in [
        ("2029-12-17T23:59:59Z", Finding::Well),
        ("2029-12-18T00:00:01Z", Finding::Warning),
        ("2030-01-01T00:00:00Z", Finding::Warning),
        ("2030-01-01T00:00:01Z", Finding::Wrong),
    ] {
        let check = place.find("expiry", None, now);
        assert_eq!(check.finding, want, "{now}: {check:?}");
        assert!(check.says.contains("2030-01-01T00:00:00Z"), "{check:?}");
    }
    assert_eq!(place.find("tls", None, "2030-01-01T00:00:01Z").finding, Finding::Wrong);
}

#[test]
fn a_certificate_is_held_to_the_authority_that_callers_know_it_by() {
    let place = Place::new();
    let other = Authority::new("the public one");
    place.put("public.pem", &other.certificate);
    let public = place.path("public.pem");
    let found = |ca| place.find("chain", ca, NOW).finding;
    assert_eq!(found(Some(&*public)), Finding::Wrong);
    place.put_server(&other.server());
    assert_eq!(found(Some(&*public)), Finding::Well);
    // Callers may know it by another authority than the one that it knows them by.
    place.check("chain", Finding::Warning, "does not take the certificate", "--ca");
    place.put_server(&self_signed(&[Name::Host("localhost")]));
    assert_eq!(found(Some(&*public)), Finding::Wrong);
    place.put_server(&other.leaf(7, &[Name::Uri("spiffe://bank.example/server")], 2100));
    let check = place.find("chain", Some(&*public), NOW);
    assert_eq!(check.finding, Finding::Wrong);
    assert!(check.says.contains("no DNS name"), "{check:?}");
    place.put("public.pem", "nothing");
    assert_eq!(found(Some(&*public)), Finding::Wrong);
}

#[test]
fn a_list_of_revoked_certificates_grows_old() {
    let place = Place::new();
    for (now, want) in
        [("2100-01-01T00:00:00Z", Finding::Well), ("2100-01-01T00:00:01Z", Finding::Warning)]
    {
        assert_eq!(place.find("revoked", None, now).finding, want, "{now}");
    }
}

#[test]
fn the_clients_authorities_must_be_there() {
    let place = Place::new();
    place.check("clients", Finding::Well, "of 1 authorities", "");
    place.put("ca.pem", "nothing");
    place.check("clients", Finding::Wrong, "has no certificate", "tls.client_ca");
}

#[test]
fn nobody_else_may_change_who_is_let_in() {
    let place = Place::new();
    for (name, mode, want) in [
        ("access.toml", 0o644, Finding::Well),
        ("access.toml", 0o664, Finding::Wrong),
        ("access.toml", 0o600, Finding::Well),
        ("ca.pem", 0o602, Finding::Wrong),
        ("ca.pem", 0o644, Finding::Well),
        ("crl.pem", 0o622, Finding::Wrong),
    ] {
        fs::set_permissions(place.path(name), Permissions::from_mode(mode)).unwrap();
        place.check("files", want, if want == Finding::Well { "" } else { name }, "");
    }
    place.check("files", Finding::Wrong, "", "chmod go-w");
}

#[test]
fn callers_are_read_as_the_server_reads_them() {
    let place = Place::new();
    place.put("access.toml", "schema = 1\n");
    place.check("callers", Finding::Wrong, "of which the first", "access.toml");
    fs::remove_file(place.path("access.toml")).unwrap();
    place.check("callers", Finding::Wrong, "cannot be read", "access.file");
}
