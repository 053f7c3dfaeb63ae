//! People: the keys by which people's tokens are checked, as `[people]` names them.

use crate::cli::doctor::Check;
use crate::config::{People, Secured};
use crate::grpc::bearer::refresh::{Source, SourceError};

/// Gets the keys as the server does, and looks whether one of them can check a token that it takes.
pub(super) fn check(secured: &Secured) -> Check {
    let Some(people) = &secured.people else {
        return Check::skipped("people", "nobody comes with a token: `[people]` is empty");
    };
    let People { issuer, keys: place, ca, algorithms, .. } = people;
    let source = Source { place: place.clone(), ca: ca.clone(), issuer: issuer.clone() };
    let keys = match source.keys() {
        Ok(keys) => keys,
        // It may answer in a minute, and payments do not wait for it.
        Err(error @ SourceError::NoAnswer(..)) => {
            let says = format!("{error}; nobody with a token gets in until it does");
            return Check::warning("people", says, advice(&error));
        }
        Err(error) => return Check::wrong("people", error.to_string(), advice(&error)),
    };
    let names: Vec<String> = algorithms.iter().map(|it| format!("{it:?}")).collect();
    let names = names.join(" ");
    let fit = keys.count_for(algorithms);
    let says = format!("`{place}` has {} keys, {fit} of them for {names}", keys.len());
    if fit == 0 {
        let advice = "add the algorithm by which the provider signs to `people.algorithms`";
        return Check::wrong("people", says, advice);
    }
    Check::well("people", says)
}

fn advice(error: &SourceError) -> &'static str {
    match error {
        SourceError::Unreadable(..) | SourceError::TooLarge(_) => {
            "mend `people.keys` or `people.ca`, or let the service's user read the file; run this as that user"
        }
        SourceError::NoAnswer(..) => {
            "see whether `curl --cacert FILE URL` gets it from here: the name, the way there, the provider's \
             certificate; or name a file in `people.keys` that something else fetches"
        }
        SourceError::Address(_) => "write a file's name into `people.keys`, or a URL of https",
        SourceError::NoAuthority(_) | SourceError::Authority(_) => {
            "name the authorities of the provider's web server in `people.ca`, in PEM"
        }
        SourceError::OtherIssuer(_) => {
            "`people.issuer` must be what the document says as `issuer`, to the letter"
        }
        SourceError::Keys(..) => {
            "`people.keys` must be the provider's set of keys (JWKS), or the discovery document that says \
             where they are"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::path::Path;
    use std::time::Duration;

    use jsonwebtoken::Algorithm;

    use super::*;
    use crate::cli::doctor::Finding;

    const ISSUER: &str = "https://login.bank.example";
    // The key of RFC 7517, A.1.
    const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1","use":"sig",
"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

    fn look(place: &str, ca: Option<&Path>, algorithms: &[Algorithm]) -> Check {
        let people = People {
            issuer: ISSUER.to_owned(),
            audience: "clearline".to_owned(),
            keys: place.to_owned(),
            ca: ca.map(Path::to_owned),
            algorithms: algorithms.to_vec(),
            groups_claim: "groups".to_owned(),
            refresh: Duration::from_mins(1),
        };
        let secured = Secured {
            certificate: "server.pem".into(),
            key: "server.key".into(),
            client_ca: "ca.pem".into(),
            client_crl: None,
            reload: Duration::from_secs(5),
            access: "access.toml".into(),
            people: Some(people),
        };
        check(&secured)
    }

    /// Answers two calls, the first with the discovery document of `issuer`; returns its URL.
    fn provider(issuer: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let document = format!(r#"{{"issuer":"{issuer}","jwks_uri":"{url}/keys"}}"#);
        std::thread::spawn(move || {
            for body in [document.as_str(), KEYS] {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let _ = stream.read(&mut [0; 4_096]);
                let length = body.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}");
                let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes());
            }
        });
        url
    }

    #[test]
    fn each_fault_of_the_peoples_keys_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let keys = put("keys.json", KEYS);
        let page = put("page.html", "<html>");
        let none = put("none.json", r#"{"keys":[]}"#);
        let there = put("there.json", &format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{keys}"}}"#));
        let other = put("other.json", &format!(r#"{{"issuer":"x","jwks_uri":"{keys}"}}"#));
        let lost = folder.path().join("lost.json").display().to_string();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (closed, far) = (format!("http://{closed}"), "https://login.bank.example/keys");
        let (here, another) = (provider(ISSUER), provider("x"));
        let ca = folder.path().join("page.html");
        let (es256, rs256) = (&[Algorithm::ES256][..], &[Algorithm::RS256, Algorithm::EdDSA][..]);
        let both = &[Algorithm::RS256, Algorithm::ES256][..];
        for (place, ca, algorithms, finding, says, advice) in [
            (&*keys, None, es256, Finding::Well, "has 1 keys, 1 of them for ES256", ""),
            (&*there, None, both, Finding::Well, "1 of them for RS256 ES256", ""),
            (&*here, None, es256, Finding::Well, "has 1 keys", ""),
            (&*keys, None, rs256, Finding::Wrong, "0 of them for RS256 EdDSA", "people.algorithms"),
            (&*lost, None, es256, Finding::Wrong, "cannot be read", "people.keys"),
            (&*page, None, es256, Finding::Wrong, "no set of JSON web keys", "JWKS"),
            (&*none, None, es256, Finding::Wrong, "can check a token", "JWKS"),
            (&*other, None, es256, Finding::Wrong, "another issuer", "people.issuer"),
            (&*another, None, es256, Finding::Wrong, "another issuer", "people.issuer"),
            (&*closed, None, es256, Finding::Warning, "gives no answer", "curl"),
            (far, None, es256, Finding::Wrong, "people.ca", "people.ca"),
            (far, Some(&*ca), es256, Finding::Wrong, "no certificate in PEM", "people.ca"),
            ("http://bank.example", None, es256, Finding::Wrong, "is not asked", "https"),
        ] {
            let check = look(place, ca, algorithms);
            assert_eq!(check.finding, finding, "{place}: {check:?}");
            assert!(check.says.contains(says), "{place}: {check:?}");
            assert!(check.advice.contains(advice), "{place}: {check:?}");
            assert_eq!(check.advice.is_empty(), finding == Finding::Well, "{place}: {check:?}");
        }
    }
}
