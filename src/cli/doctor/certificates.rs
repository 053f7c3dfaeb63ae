//! Certificates: keys, certificates, authorities and callers, as `[tls]` and `[access]` name them.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, ServerName, UnixTime,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::time::ASN1Time;

use crate::access::Access;
use crate::calendar::{Span, Time};
use crate::cli::doctor::{CERTIFICATE_LEFT, Check};
use crate::config::{Config, Secured};
use crate::grpc::tls::{Files, Tls, TlsError};

/// Looks at what the settings name, as it is at `now`. `ca` is the authority by which callers know the
/// server; that of the clients where it is not said.
pub(super) fn checks(config: &Config, ca: Option<&Path>, now: Time) -> Vec<Check> {
    let Some(secured) = &config.secured else {
        return vec![Check::skipped("tls", "there is none: the server is for this machine alone")];
    };
    let mut checks = vec![tls(config, secured, now)];
    checks.extend(chain(secured, ca, now));
    checks.push(authorities(&secured.client_ca, now));
    if let Some(path) = &secured.client_crl {
        checks.push(revoked(path, now));
    }
    checks.push(writable(secured));
    checks.push(callers(&secured.access));
    checks
}

/// Opens the files as the server would.
fn tls(config: &Config, secured: &Secured, now: Time) -> Check {
    let files = Files {
        certificate: secured.certificate.clone(),
        key: secured.key.clone(),
        client_ca: secured.client_ca.clone(),
        client_crl: secured.client_crl.clone(),
        guarded: config.credentials.clone(),
        certificate_optional: false,
    };
    match Tls::open(files, now) {
        Ok(_) => {
            Check::well("tls", "the key is that of the certificate, and every file can be read")
        }
        Err(error) => Check::wrong("tls", error.to_string(), advice(&error)),
    }
}

fn advice(error: &TlsError) -> &'static str {
    match error {
        TlsError::Unreadable(..) | TlsError::TooLarge(_) => {
            "mend the setting in `[tls]`, or let the service's user read the file; run this as that user"
        }
        TlsError::Secret(_) => {
            "a key is its user's alone; run this as the user that the service runs as"
        }
        TlsError::Malformed(..) => {
            "PEM begins with `-----BEGIN`: look whether it is the right file"
        }
        TlsError::Mismatched { .. } => {
            "put the key in place that the certificate was asked for with, or have both made anew"
        }
        TlsError::OutOfTime(_) => {
            "have a new one made and put it in place; a running server loads it by itself"
        }
        TlsError::Refused(_) | TlsError::Authorities(_) => {
            "`openssl x509 -noout -text -in FILE` shows what is in a certificate"
        }
    }
}

/// Holds the server's certificate to its authority, and says when it ends.
fn chain(secured: &Secured, ca: Option<&Path>, now: Time) -> Vec<Check> {
    let path = &secured.certificate;
    let name = path.display();
    let Some(chain) = read::<CertificateDer<'static>>(path) else { return Vec::new() };
    let Some((own, between)) = chain.split_first() else { return Vec::new() };
    let Ok((_, parsed)) = X509Certificate::from_der(own) else { return Vec::new() };
    let ends = time(parsed.validity().not_after);
    let mut checks = vec![ending(
        "expiry",
        &format!("the certificate in `{name}`"),
        ends,
        now,
        "have a new one made and put it in place; a running server loads it by itself",
    )];

    let authority = ca.unwrap_or(&secured.client_ca);
    let shown = authority.display();
    checks.push(match vouched(&parsed, (own, between), authority, now) {
        Ok(host) => Check::well(
            "chain",
            format!("who trusts `{shown}` takes the certificate in `{name}`, for `{host}`"),
        ),
        Err(why) if ca.is_none() => Check::warning(
            "chain",
            format!("who trusts `{shown}` does not take the certificate in `{name}`: {why}"),
            "where callers know the server by another authority, say which with --ca; where not, put \
             what is between it and its authority behind it in the file",
        ),
        Err(why) => Check::wrong(
            "chain",
            format!("who trusts `{shown}` does not take the certificate in `{name}`: {why}"),
            "put what is between it and its authority behind it in the file, or have one made for a \
             server, with the name by which it is called",
        ),
    });
    checks
}

/// Verifies a certificate as a caller does, and returns the first name that it is for.
fn vouched(
    parsed: &X509Certificate<'_>,
    (own, between): (&CertificateDer<'_>, &[CertificateDer<'_>]),
    authority: &Path,
    now: Time,
) -> Result<String, String> {
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.map(|it| &*it.value.general_names).unwrap_or_default();
    let host = names.iter().find_map(|name| match name {
        GeneralName::DNSName(host) => Some((*host).to_owned()),
        GeneralName::IPAddress([a, b, c, d]) => Some(format!("{a}.{b}.{c}.{d}")),
        _ => None,
    });
    let host = host.ok_or("it has no DNS name, and callers call by one")?;
    let name = ServerName::try_from(host.replacen('*', "any", 1)).map_err(|it| it.to_string())?;
    let mut roots = RootCertStore::empty();
    let all = read::<CertificateDer<'static>>(authority);
    let all = all.ok_or_else(|| "the authority has no certificate that can be read".to_owned())?;
    roots.add_parsable_certificates(all);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let verifier = verifier.map_err(|error| error.to_string())?;
    let seconds = u64::try_from(now.parts().0).unwrap_or(0);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let taken = verifier.verify_server_cert(own, between, &name, &[], at);
    taken.map(|_| host).map_err(|error| error.to_string())
}

/// Says when the first of the clients' authorities ends.
fn authorities(path: &Path, now: Time) -> Check {
    let all = read::<CertificateDer<'static>>(path).unwrap_or_default();
    let ends = all.iter().filter_map(|certificate| {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        Some(time(parsed.validity().not_after))
    });
    let Some(first) = ends.min() else {
        let says = format!("`{}` has no certificate that can be read", path.display());
        return Check::wrong("clients", says, "mend `tls.client_ca`: no client gets in without");
    };
    let what = format!("of {} authorities of clients the first to end", all.len());
    ending(
        "clients",
        &what,
        first,
        now,
        "add the one that follows it to the file, and leave both in",
    )
}

/// Says how old the list of revoked certificates is.
fn revoked(path: &Path, now: Time) -> Check {
    let name = "revoked";
    let shown = path.display();
    let mut count = 0_usize;
    let mut next: Option<Time> = None;
    for list in read::<CertificateRevocationListDer<'static>>(path).unwrap_or_default() {
        let Ok((_, parsed)) = CertificateRevocationList::from_der(&list) else { continue };
        count = count.saturating_add(parsed.iter_revoked_certificates().count());
        let until = parsed.next_update().map(time);
        next = next.into_iter().chain(until).min();
    }
    let says = format!("`{shown}` names {count} revoked certificates");
    match next {
        Some(next) if next < now => Check::warning(
            name,
            format!("{says}, and was to be replaced by {next}"),
            "fetch the authority's list again: whoever was revoked since still gets in",
        ),
        Some(next) => Check::well(name, format!("{says}, and holds until {next}")),
        None => Check::well(name, says),
    }
}

/// Names the files by which others than their owner could let somebody in.
fn writable(secured: &Secured) -> Check {
    let Secured { certificate, client_ca, client_crl, access, .. } = secured;
    let files = [Some(certificate), Some(client_ca), client_crl.as_ref(), Some(access)];
    let loose: Vec<String> = files
        .into_iter()
        .flatten()
        .filter(|path| path.metadata().is_ok_and(|it| it.mode() & OTHERS_WRITE != 0))
        .map(|path| path.display().to_string())
        .collect();
    if loose.is_empty() {
        return Check::well(
            "writable",
            "nobody but their owner may change certificates and callers",
        );
    }
    let says = format!("others than the owner may change {}", loose.join(" and "));
    Check::wrong("writable", says, format!("chmod go-w {}", loose.join(" ")))
}

/// Reads who may call what.
fn callers(path: &Path) -> Check {
    let (name, shown) = ("callers", path.display().to_string());
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let says = format!("`{shown}` cannot be read: {error}");
            return Check::wrong(
                name,
                says,
                "copy deploy/access.toml, and name it in `access.file`",
            );
        }
    };
    match Access::read(&shown, &text) {
        Ok(access) => {
            Check::well(name, format!("`{shown}` lists {} callers", access.callers().len()))
        }
        Err(problems) => {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            let says = format!("{} problems, of which the first: {first}", problems.len());
            Check::wrong(name, says, "deploy/access.toml is an example of every key")
        }
    }
}

fn ending(name: &'static str, what: &str, ends: Time, now: Time, advice: &str) -> Check {
    match ends.since(now) {
        left if left < Span(0) => Check::wrong(name, format!("{what} ended at {ends}"), advice),
        left if left < CERTIFICATE_LEFT => {
            Check::warning(name, format!("{what} ends at {ends}"), advice)
        }
        _ => Check::well(name, format!("{what} ends at {ends}")),
    }
}

/// Reads every item of a file; `None` where there is none or one of them cannot be read.
fn read<T: PemObject>(path: &Path) -> Option<Vec<T>> {
    let items: Result<Vec<T>, _> = T::pem_file_iter(path).ok()?.collect();
    items.ok().filter(|items| !items.is_empty())
}

fn time(at: ASN1Time) -> Time {
    Time::from_micros(0).plus(Span::seconds(at.timestamp()))
}

const OTHERS_WRITE: u32 = 0o022;

#[cfg(test)]
mod tests {
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
        let names = ["tls", "expiry", "chain", "clients", "revoked", "writable", "callers"];
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
        for (mode, want) in
            [(0o600, Finding::Well), (0o640, Finding::Wrong), (0o604, Finding::Wrong)]
        {
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
            place.check("writable", want, if want == Finding::Well { "" } else { name }, "");
        }
        place.check("writable", Finding::Wrong, "", "chmod go-w");
    }

    #[test]
    fn callers_are_read_as_the_server_reads_them() {
        let place = Place::new();
        place.put("access.toml", "schema = 1\n");
        place.check("callers", Finding::Wrong, "of which the first", "access.toml");
        fs::remove_file(place.path("access.toml")).unwrap();
        place.check("callers", Finding::Wrong, "cannot be read", "access.file");
    }
}
