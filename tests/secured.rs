//! Secured: a server that knows its callers, over TLS, as callers meet it.

#![expect(clippy::expect_used, reason = "a test that cannot run a server has failed")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clearline::cli::bench::server::{Folder, Server};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

#[path = "secured/authority.rs"]
mod authority;
#[path = "secured/changes.rs"]
mod changes;
#[path = "command/ended.rs"]
mod ended;
#[path = "secured/limits.rs"]
mod limits;
#[path = "secured/pki.rs"]
mod pki;
#[path = "secured/server.rs"]
mod server;

use authority::{Authority, Leaf, Name, self_signed};
use ended::Ended;
use server::Secured;

const PROGRAM: &str = env!("CARGO_BIN_EXE_clearline");

const ACCESS: &str = r#"schema = 1
[[role]]
name = "asker"
rights = ["screen"]
sees = "own"
[[role]]
name = "asker-reader"
rights = ["screen", "read"]
sees = "own"
[[role]]
name = "reporter"
rights = ["report"]
sees = "own"
[[role]]
name = "reader"
rights = ["read"]
sees = "all"
[[role]]
name = "analyst"
rights = ["read", "read_personal"]
sees = "all"
[[role]]
name = "lead"
rights = ["approve"]
sees = "own"
[[role]]
name = "operator"
rights = ["operate", "audit"]
sees = "own"
[[role]]
name = "everything"
rights = ["screen", "report", "read", "read_personal", "operate", "approve", "audit"]
sees = "all"
[[caller]]
name = "payments"
role = "asker"
spiffe = ["spiffe://bank.example/payments"]
[[caller]]
name = "faster"
role = "asker-reader"
dns = ["faster.bank.example"]
[[caller]]
name = "chaps"
role = "asker-reader"
dns = ["chaps.bank.example"]
[[caller]]
name = "analysts"
role = "analyst"
groups = ["analysts"]
[[caller]]
name = "core"
role = "reporter"
dns = ["core.bank.example"]
[[caller]]
name = "dashboard"
role = "reader"
dns = ["dashboard.bank.example"]
[[caller]]
name = "analyst-one"
role = "analyst"
spiffe = ["spiffe://bank.example/people/one"]
[[caller]]
name = "fraud-lead"
role = "lead"
spiffe = ["spiffe://bank.example/people/lead"]
[[caller]]
name = "operator-one"
role = "operator"
spiffe = ["spiffe://bank.example/people/operator"]
[[caller]]
name = "everybody"
role = "everything"
spiffe = ["spiffe://bank.example/everything"]
"#;

impl Secured {
    fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a server with more settings.
    fn start_with(settings: &str) -> Self {
        let mut secured = Self::prepare(ACCESS, settings);
        secured.server = Some(secured.run().expect("a server"));
        secured
    }

    /// Connects as somebody who trusts this authority.
    async fn channel(
        &self,
        leaf: &Leaf,
        authority: &str,
    ) -> Result<Channel, tonic::transport::Error> {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(authority))
            .identity(Identity::from_pem(&leaf.certificate, &leaf.key));
        let endpoint = Endpoint::from_shared(format!("https://localhost:{}", self.port()));
        endpoint.expect("an address").tls_config(tls)?.connect().await
    }

    /// Runs a command as somebody with this certificate.
    fn run_as(&self, leaf: &Leaf, arguments: &[&str]) -> Ended {
        self.put("client.pem", &leaf.certificate);
        self.put("client.key", &leaf.key);
        let at = |name: &str| self.path(name).display().to_string();
        let (address, ca) = (format!("localhost:{}", self.port()), at("ca.pem"));
        let (cert, key) = (at("client.pem"), at("client.key"));
        let tls = ["--address", &*address, "--ca", &*ca, "--cert", &*cert, "--key", &*key];
        run(&[arguments, &tls].concat())
    }
}

/// Runs a command to its end, in an empty environment.
fn run(arguments: &[&str]) -> Ended {
    let mut command = Command::new(PROGRAM);
    Ended::of(command.args(arguments).env_clear().stdin(Stdio::null()))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn healthy(channel: &Channel) -> bool {
    let check = HealthCheckRequest { service: String::new() };
    HealthClient::new(channel.clone()).check(check).await.is_ok()
}

#[test]
fn each_role_may_do_what_its_rights_say_and_nothing_else() {
    let secured = Secured::start();
    let screen = ["screen", "--example"];
    let list = ["decisions", "list"];
    let load = ["lists", "load", "deploy/lists/example.toml"];
    let past = secured.path("past.csv").display().to_string();
    let columns = "customer_key,payee_sort_code,payee_account_number,amount,currency,sent_time";
    secured.put("past.csv", &format!("{columns}\n"));
    let import = ["import", &*past];
    let commands = [&screen[..], &import[..], &list[..], &load[..]];
    for (name, rights) in [
        (Name::Uri("spiffe://bank.example/payments"), [true, false, false, false]),
        (Name::Host("core.bank.example"), [false, true, false, false]),
        (Name::Host("dashboard.bank.example"), [false, false, true, false]),
        (Name::Uri("spiffe://bank.example/people/one"), [false, false, true, false]),
        (Name::Uri("spiffe://bank.example/people/lead"), [false, false, false, true]),
        (Name::Uri("spiffe://bank.example/people/operator"), [false, false, false, false]),
        (Name::Uri("spiffe://bank.example/everything"), [true, true, true, true]),
    ] {
        let leaf = secured.someone(name);
        for (command, right) in commands.iter().zip(rights) {
            let ended = secured.run_as(&leaf, command);
            if right {
                ended.check(0, &[]);
            } else {
                ended.check(1, &["RIGHT_MISSING (PermissionDenied)"]);
            }
        }
    }
    let stranger = secured.someone(Name::Host("nobody.bank.example"));
    for command in commands {
        secured.run_as(&stranger, command).check(1, &["CALLER_UNKNOWN (PermissionDenied)"]);
    }
}

#[test]
fn only_a_certificate_that_holds_opens_a_connection() {
    let secured = Secured::start();
    let name = [Name::Uri("spiffe://bank.example/everything")];
    let list = ["decisions", "list"];
    secured.run_as(&secured.authority.leaf(65, &name, 2100), &list).check(0, &[]);
    for (what, leaf) in [
        ("revoked", secured.authority.leaf(66, &name, 2100)),
        ("ended", secured.authority.leaf(65, &name, 2020)),
        ("its own", self_signed(&name)),
        ("another authority's", Authority::new("clients and servers").leaf(65, &name, 2100)),
    ] {
        let ended = secured.run_as(&leaf, &list);
        ended.check(1, &["gives no connection"]);
        assert!(ended.out.is_empty(), "{what}: {ended:?}");
    }
    // Without a certificate, and without TLS.
    let address = format!("localhost:{}", secured.port());
    let ca = secured.path("ca.pem").display().to_string();
    run(&["decisions", "list", "--address", &address, "--ca", &ca])
        .check(1, &["gives no connection"]);
    run(&["decisions", "list", "--address", &address]).check(1, &["breaks off", "--ca"]);
    // A server that this client does not trust.
    let other = secured.path("other.pem").display().to_string();
    secured.put("other.pem", &Authority::new("another").certificate);
    run(&["decisions", "list", "--address", &address, "--ca", &other])
        .check(1, &["gives no connection"]);
}

/// Shakes hands by one version of TLS, and tells by which and with what protocol it ended.
async fn shake(
    secured: &Secured,
    version: &'static SupportedProtocolVersion,
    protocol: &[u8],
) -> Option<Vec<u8>> {
    let leaf = secured.someone(Name::Uri("spiffe://bank.example/everything"));
    let mut roots = RootCertStore::empty();
    let pem = secured.authority.certificate.as_bytes();
    roots.add(CertificateDer::from_pem_slice(pem).expect("a certificate")).expect("an authority");
    let chain = vec![CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).expect("one")];
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).expect("a key");
    let mut config = ClientConfig::builder_with_protocol_versions(&[version])
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .expect("a configuration");
    if !protocol.is_empty() {
        config.alpn_protocols = vec![protocol.to_vec()];
    }
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", secured.port())).await;
    let name = "localhost".try_into().expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream.expect("a connection")).await.ok()?;
    let (_, session) = stream.get_ref();
    Some(session.alpn_protocol().unwrap_or_default().to_vec())
}

#[test]
fn nothing_older_than_tls_1_3_and_nothing_but_http_2_is_spoken() {
    let secured = Secured::start();
    runtime().block_on(async {
        assert_eq!(shake(&secured, &version::TLS13, b"h2").await.as_deref(), Some(&b"h2"[..]));
        assert_eq!(shake(&secured, &version::TLS12, b"h2").await, None);
        assert_eq!(shake(&secured, &version::TLS13, b"http/1.1").await, None);
    });
}

#[test]
fn certificates_change_under_open_connections() {
    let secured = Secured::start();
    let leaf = secured.someone(Name::Uri("spiffe://bank.example/everything"));
    runtime().block_on(async {
        let first = secured.channel(&leaf, &secured.authority.certificate).await;
        let first = first.expect("a connection");
        assert!(healthy(&first).await);
        for round in 0..3 {
            let next = Authority::new("the next one");
            secured.put_server(&next.server());
            // It is looked at every few milliseconds; each try takes about as long.
            let mut tries = 0..2_000;
            let changed = loop {
                if let Ok(channel) = secured.channel(&leaf, &next.certificate).await {
                    break channel;
                }
                assert!(tries.next().is_some(), "round {round}: {}", secured.said());
            };
            assert!(healthy(&changed).await, "round {round}");
            assert!(healthy(&first).await, "round {round}");
            assert!(secured.channel(&leaf, &secured.authority.certificate).await.is_err());

            // Faulty files: what is there stays.
            let before = secured.said().matches("certificates refused").count();
            secured.put("server.pem", "nothing");
            let mut tries = 0..2_000;
            while secured.said().matches("certificates refused").count() == before {
                assert!(tries.next().is_some(), "round {round}: {}", secured.said());
                assert!(secured.channel(&leaf, &next.certificate).await.is_ok());
            }
            assert!(secured.channel(&leaf, &next.certificate).await.is_ok());
            assert!(healthy(&first).await, "round {round}");
        }
        let said = secured.said();
        assert!(said.contains("\"message\":\"certificates taken\""), "{said}");
        assert!(!said.contains("BEGIN"), "{said}");
    });
}

#[test]
fn whoever_is_revoked_cannot_connect_again() {
    let secured = Secured::start();
    let leaf = secured.authority.leaf(40, &[Name::Host("core.bank.example")], 2100);
    let authority = &secured.authority.certificate;
    runtime().block_on(async {
        let open = secured.channel(&leaf, authority).await.expect("a connection");
        assert!(healthy(&open).await);
        secured.put("crl.pem", &secured.authority.revoked(&[66, 40]));
        let mut tries = 0..2_000;
        // A refusal comes after the client's part of the handshake, so that the call tells.
        while let Ok(channel) = secured.channel(&leaf, authority).await
            && healthy(&channel).await
        {
            assert!(tries.next().is_some(), "{}", secured.said());
        }
        let other = secured.authority.leaf(41, &[Name::Host("core.bank.example")], 2100);
        let other = secured.channel(&other, authority).await.expect("a connection");
        assert!(healthy(&other).await);
    });
}

#[test]
fn whoever_does_not_shake_hands_in_time_is_shown_out() {
    let secured = Secured::start_with("[limits]\nhandshake_ms = 2_000\nhandshakes_max = 2\n");
    let mut silent: Vec<TcpStream> = (0..6)
        .map(|_| TcpStream::connect(("127.0.0.1", secured.port())).expect("a connection"))
        .collect();
    // Half of a record, and no more.
    silent[0].write_all(&[0x16, 0x03, 0x01, 0x01]).expect("bytes");
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        // The end, or a reset where bytes of ours were not read.
        assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
    }
    let leaf = secured.someone(Name::Uri("spiffe://bank.example/everything"));
    secured.run_as(&leaf, &["decisions", "list"]).check(0, &[]);
}

#[test]
fn a_server_with_unfit_files_does_not_start_and_says_what_to_do() {
    for (name, text, mode, want) in [
        ("server.key", None, 0o644, "chmod 600"),
        ("server.key", Some("nothing"), 0o600, "has no key in PEM"),
        ("server.pem", Some("nothing"), 0o600, "has no certificate in PEM"),
        ("ca.pem", Some("nothing"), 0o600, "has no certificate in PEM"),
        ("crl.pem", Some("nothing"), 0o600, "has no list of revoked certificates in PEM"),
        ("access.toml", Some("schema = 1\nrole = []\ncallers = []"), 0o600, "`caller` is missing"),
    ] {
        let secured = Secured::prepare(ACCESS, "");
        if let Some(text) = text {
            secured.put(name, text);
        }
        let path = secured.path(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
        let config = secured.path("clearline.toml").display().to_string();
        let ended = run(&["serve", "--config", &config]);
        ended.check(1, &[want, name]);
        assert!(!Path::new(&secured.path("data/log")).exists(), "nothing was to be started");
    }
}

#[test]
fn the_doctor_finds_what_is_wrong_with_certificates_and_says_what_to_do() {
    let secured = Secured::prepare(ACCESS, "[admin]\nlisten = \"\"\n");
    let config = secured.path("clearline.toml").display().to_string();
    let ca = secured.path("ca.pem").display().to_string();
    let doctor = || run(&["doctor", "--config", &config, "--ca", &ca]);
    let well = ["tls         well", "expiry      well", "chain       well", "callers     well"];
    doctor().check(0, &well);
    secured.put("server.key", &secured.authority.server().key);
    doctor()
        .check(1, &["tls         wrong", "is not that of the certificate", "have both made anew"]);
    secured.put_server(&Authority::new("another").server());
    doctor().check(1, &["tls         well", "chain       wrong", "does not take the certificate"]);
}

#[test]
fn a_list_of_accounts_is_loaded_whole_or_not_at_all() {
    let mut secured = Secured::start();
    let leaf = secured.someone(Name::Uri("spiffe://bank.example/people/lead"));
    let load = |file: &str| secured.run_as(&leaf, &["lists", "load", file]);
    let example = "deploy/lists/example.toml";
    let in_force = "version 1 is in force: 2 client accounts, 2 billers";
    load(example).check(0, &[in_force]);
    // Again is no harm, and another list under the same version is none of ours.
    load(example).check(0, &[in_force]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    let text = fs::read_to_string(example).expect("a file");
    fs::write(file.path(), text.replacen("12001039", "12001038", 1)).expect("a file");
    load(&path).check(1, &["LIST_VERSION_REUSED"]);
    fs::write(file.path(), text.replace("\"biller\"", "\"bill\"").replace("60-16-13", "60-16"))
        .expect("a file");
    let refused = load(&path);
    refused.check(1, &["`bill` is no kind", "`sort_code` cannot be read", "nothing was loaded"]);
    assert!(!refused.errors.contains("31926819"), "{refused:?}");
    load("/nowhere").check(1, &["`/nowhere` cannot be read"]);

    secured.server.take().expect("a server").stop().expect("a server that stops");
    let data = secured.path("data").display().to_string();
    run(&["decisions", "replay", &data]).check(0, &["3 entries", "the same from the snapshot"]);
}

const REQUEST: &str = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";

/// Asks about the shipped example under this request id and another payment id, confirmed then.
fn asked(secured: &Secured, leaf: &Leaf, payment: &str, confirmed: &str) -> String {
    let text = fs::read_to_string("deploy/examples/tonbridge-road.json").expect("a file");
    let mut request: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).expect("a request");
    request.insert("request_id".to_owned(), REQUEST.into());
    request.insert("payment_id".to_owned(), payment.into());
    let transfer = request.get_mut("transfer").and_then(serde_json::Value::as_object_mut);
    transfer.expect("a transfer").insert("confirm_time".to_owned(), confirmed.into());
    secured.put("request.json", &serde_json::Value::from(request).to_string());
    let path = secured.path("request.json").display().to_string();
    let ended = secured.run_as(leaf, &["screen", "--json", &path]);
    ended.check(0, &[]);
    let answer: serde_json::Value = serde_json::from_str(&ended.out).expect("an answer");
    let decision = answer.get("decision").and_then(serde_json::Value::as_str);
    decision.expect("a decision").to_owned()
}

#[test]
fn request_ids_and_decisions_are_their_callers_own() {
    let secured = Secured::start();
    let faster = secured.someone(Name::Host("faster.bank.example"));
    let chaps = secured.someone(Name::Host("chaps.bank.example"));
    let all = secured.someone(Name::Uri("spiffe://bank.example/everything"));
    let now = jiff::Timestamp::now().to_string();
    let first = asked(&secured, &faster, "payment-1", &now);
    let second = asked(&secured, &chaps, "payment-2", &now);
    assert_ne!(first, second);
    assert_eq!(asked(&secured, &faster, "payment-1", &now), first);
    assert_eq!(asked(&secured, &chaps, "payment-2", &now), second);

    let show = |leaf: &Leaf, by: &[&str]| {
        secured.run_as(leaf, &[&["decisions", "show", "--json"], by].concat())
    };
    for (leaf, own, other, payment) in
        [(&faster, &first, &second, "payment-2"), (&chaps, &second, &first, "payment-1")]
    {
        show(leaf, &["--request", REQUEST]).check(0, &[own]);
        show(leaf, &[own]).check(0, &[own]);
        show(leaf, &[other]).check(1, &["DECISION_NOT_FOUND"]);
        show(leaf, &["--payment", payment]).check(1, &["DECISION_NOT_FOUND"]);
        let listed = secured.run_as(leaf, &["decisions", "list", "--json"]);
        listed.check(0, &[own]);
        assert!(!listed.out.contains(other.as_str()), "{listed:?}");
    }
    show(&all, &[&first]).check(0, &[&first]);
    show(&all, &[&second]).check(0, &[&second]);
    secured.run_as(&all, &["decisions", "list", "--json"]).check(0, &[&first, &second]);
}

#[test]
fn reading_what_speaks_of_people_is_an_entry_of_its_reader() {
    let mut secured = Secured::start();
    let asker = secured.someone(Name::Uri("spiffe://bank.example/payments"));
    let dashboard = secured.someone(Name::Host("dashboard.bank.example"));
    let analyst = secured.someone(Name::Uri("spiffe://bank.example/people/one"));
    let now = jiff::Timestamp::now().to_string();
    let decision = asked(&secured, &asker, "payment-1", &now);
    let show = ["decisions", "show", "--json", &*decision];
    let without = secured.run_as(&dashboard, &show);
    without.check(0, &["payment-1", "police_legal_fee"]);
    for part in ["findings", "warning\"", "3,200", "erased"] {
        assert!(!without.out.contains(part), "{part}: {without:?}");
    }
    let with = secured.run_as(&analyst, &show);
    with.check(0, &["payment-1", "findings", "3,200.00"]);
    secured.server.take().expect("a server").stop().expect("a server that stops");
    let data = secured.path("data").display().to_string();
    // Parameters, the policy, the decision and the one reading.
    run(&["decisions", "replay", &data]).check(0, &["4 entries"]);
}

#[test]
fn a_person_is_whoever_the_token_says() {
    let pair = rcgen::KeyPair::generate().expect("a key");
    let key = EncodingKey::from_ec_der(&pair.serialize_der());
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("a key");
    jwk.common.key_id = Some("one".to_owned());
    let mut secured = Secured::prepare(ACCESS, "");
    let keys = secured.path("jwks.json");
    secured.put("jwks.json", &serde_json::json!({ "keys": [jwk] }).to_string());
    let settings = fs::read_to_string(secured.path("clearline.toml")).expect("settings");
    let people = format!(
        "[people]\nissuer = \"https://login\"\naudience = \"clearline\"\nkeys = \"{}\"\n",
        keys.display()
    );
    secured.put("clearline.toml", &format!("{settings}{people}"));
    secured.server = Some(secured.run().expect("a server"));

    let token = |changes: &[(&str, serde_json::Value)], id: &str| {
        let mut claims = serde_json::json!({
            "iss": "https://login", "aud": "clearline", "sub": "alice",
            "exp": 4_000_000_000_i64, "groups": ["analysts"],
        });
        for (name, value) in changes {
            claims[name] = value.clone();
        }
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(id.to_owned());
        encode(&header, &claims, &key).expect("a token")
    };
    let address = format!("localhost:{}", secured.port());
    let ca = secured.path("ca.pem").display().to_string();
    let path = secured.path("token").display().to_string();
    let tls = ["--address", &*address, "--ca", &*ca];
    let run = |arguments: &[&str]| run(&[arguments, &tls, &["--token", &path]].concat());
    let list = ["decisions", "list"];
    for (text, code, part) in [
        (token(&[], "one"), 0, ""),
        (token(&[("exp", 1.into())], "one"), 1, "TOKEN_EXPIRED (Unauthenticated)"),
        (token(&[("nbf", 4_000_000_000_i64.into())], "one"), 1, "TOKEN_EARLY (Unauthenticated)"),
        (token(&[("aud", "other".into())], "one"), 1, "TOKEN_AUDIENCE_WRONG (Unauthenticated)"),
        (token(&[("iss", "other".into())], "one"), 1, "TOKEN_ISSUER_WRONG (Unauthenticated)"),
        (token(&[], "two"), 1, "TOKEN_KEY_UNKNOWN (Unauthenticated)"),
        (format!("{}x", token(&[], "one")), 1, "(Unauthenticated)"),
        ("eyJhbGciOiJub25lIn0.e30.".to_owned(), 1, "TOKEN_ALGORITHM_REFUSED (Unauthenticated)"),
        ("abc".to_owned(), 1, "TOKEN_MALFORMED (Unauthenticated)"),
        (
            token(&[("groups", serde_json::json!([]))], "one"),
            1,
            "CALLER_UNKNOWN (PermissionDenied)",
        ),
    ] {
        secured.put("token", &text);
        let ended = run(&list);
        ended.check(code, &[part]);
        assert!(!ended.errors.contains("eyJ"), "{ended:?}");
    }
    secured.put("token", &token(&[], "one"));
    run(&["screen", "--example"]).check(1, &["RIGHT_MISSING (PermissionDenied)"]);
    // A token counts before the certificate of its connection, and nothing at all is nobody.
    let payments = secured.someone(Name::Uri("spiffe://bank.example/payments"));
    secured.run_as(&payments, &["screen", "--example"]).check(0, &[]);
    secured
        .run_as(&payments, &["screen", "--example", "--token", &path])
        .check(1, &["RIGHT_MISSING"]);
    self::run(&[&list[..], &tls].concat()).check(1, &["CREDENTIALS_MISSING (Unauthenticated)"]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    run(&list).check(1, &["chmod 600"]);
    assert!(!secured.said().contains("eyJ"), "{}", secured.said());
}

#[test]
fn the_test_authority_makes_whom_to_let_in_and_whom_not() {
    if Command::new("openssl").arg("version").output().is_err() {
        // The script needs it, the service does not.
        return;
    }
    let parent = tempfile::tempdir().expect("a folder");
    let pki = parent.path().join("pki");
    let made = Command::new("deploy/pki/make-test-authority.sh").arg(&pki).output();
    let made = made.expect("a script that runs");
    assert!(made.status.success(), "{made:?}");
    let at = |name: &str| pki.join(name).display().to_string();
    let folder = Folder::new(parent.path()).expect("a folder");
    let mut command = Command::new(PROGRAM);
    let config = at("clearline.toml");
    command.env_clear().args(["serve", "--config", &config, "--listen", "127.0.0.1:0"]);
    let server = Server::run(command, &folder).expect("a server");
    let address = server.address.to_string();
    let run = |name: &str, arguments: &[&str]| {
        let (cert, key) = (at(&format!("{name}.pem")), at(&format!("{name}.key")));
        let tls = ["--address", &address, "--ca", &at("ca.pem"), "--cert", &cert, "--key", &key];
        run(&[arguments, &tls].concat())
    };
    let (screen, list) = (["screen", "--example"], ["decisions", "list"]);
    run("payments", &screen).check(0, &["HOLD"]);
    run("payments", &list).check(1, &["RIGHT_MISSING"]);
    run("analyst", &screen).check(1, &["RIGHT_MISSING"]);
    run("analyst", &list).check(0, &["decisions/"]);
    run("stranger", &screen).check(1, &["CALLER_UNKNOWN"]);
    for name in ["expired", "revoked", "self-signed"] {
        run(name, &screen).check(1, &["gives no connection"]);
    }
    server.stop().expect("a server that stops");
}
