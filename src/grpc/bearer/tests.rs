//! Tests of tokens: each fault told, and where keys come from.

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header, encode};
use rcgen::KeyPair;
use serde_json::json;

use super::keys::KeysError;
use super::refresh::{Source, SourceError};
use super::*;

const ISSUER: &str = "https://login.bank.example/realm";
/// 2026-11-26.
const NOW_SECONDS: i64 = 1_795_651_200;
const NOW: Time = Time::from_micros(NOW_SECONDS * 1_000_000);

/// A provider's key.
struct Signer {
    key: EncodingKey,
    jwk: Value,
}

impl Signer {
    fn new(id: &str) -> Self {
        let pair = KeyPair::generate().unwrap();
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(id.to_owned());
        Self { key, jwk: serde_json::to_value(jwk).unwrap() }
    }

    fn sign(&self, id: &str, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(id.to_owned());
        encode(&header, claims, &self.key).unwrap()
    }

    fn keys(&self) -> Keys {
        Keys::read(&json!({ "keys": [self.jwk] }).to_string()).unwrap()
    }
}

fn rules() -> Rules {
    Rules {
        issuer: ISSUER.to_owned(),
        audience: "clearline".to_owned(),
        algorithms: vec![Algorithm::ES256],
        groups_claim: "groups".to_owned(),
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": "clearline",
        "sub": "alice",
        "exp": NOW_SECONDS + 300,
        "groups": ["analysts", "not a name", "leads"],
    })
}

/// Returns the claims with one of them set otherwise, or left out.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

#[test]
fn each_fault_of_a_token_is_told() {
    use TokenProblem::{
        Algorithm, Audience, Early, Expired, Forged, Issuer, KeyUnknown, Malformed,
    };
    let signer = Signer::new("one");
    let keys = signer.keys();
    let good = signer.sign("one", &claims());
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let other = encoded(&with("sub", json!("mallory")));
    let headed = |header: Value| format!("{}.{body}.{signature}", encoded(&header));
    let public = EncodingKey::from_secret(signer.jwk.to_string().as_bytes());
    let shared = encode(&Header::default(), &claims(), &public).unwrap();
    for (what, token, want) in [
        ("nothing", String::new(), Err(Malformed)),
        ("one part", "abc".to_owned(), Err(Malformed)),
        ("no JSON", format!("abc.{body}.{signature}"), Err(Malformed)),
        ("no algorithm", headed(json!({ "kid": "one" })), Err(Malformed)),
        (
            "what must be understood",
            headed(json!({ "alg": "ES256", "crit": ["b64"] })),
            Err(Malformed),
        ),
        ("none", format!("{}.{body}.", encoded(&json!({ "alg": "none" }))), Err(Algorithm)),
        ("none, signed", headed(json!({ "alg": "none", "kid": "one" })), Err(Algorithm)),
        ("a shared secret", shared, Err(Algorithm)),
        (
            "one that is not allowed",
            headed(json!({ "alg": "ES384", "kid": "one" })),
            Err(Algorithm),
        ),
        ("another key's name", signer.sign("two", &claims()), Err(KeyUnknown)),
        ("another key", Signer::new("one").sign("one", &claims()), Err(Forged)),
        ("other claims", format!("{head}.{other}.{signature}"), Err(Forged)),
        ("no signature", format!("{head}.{body}."), Err(Forged)),
        ("another issuer", signer.sign("one", &with("iss", json!("https://login"))), Err(Issuer)),
        ("no issuer", signer.sign("one", &with("iss", Value::Null)), Err(Issuer)),
        ("another audience", signer.sign("one", &with("aud", json!("other"))), Err(Audience)),
        ("other audiences", signer.sign("one", &with("aud", json!(["a", "b"]))), Err(Audience)),
        ("no audience", signer.sign("one", &with("aud", Value::Null)), Err(Audience)),
        ("us among others", signer.sign("one", &with("aud", json!(["a", "clearline"]))), Ok(())),
        ("no end", signer.sign("one", &with("exp", Value::Null)), Err(Malformed)),
        ("an end in words", signer.sign("one", &with("exp", json!("soon"))), Err(Malformed)),
        ("ended a minute ago", signer.sign("one", &with("exp", json!(NOW_SECONDS - 60))), Ok(())),
        ("ended before", signer.sign("one", &with("exp", json!(NOW_SECONDS - 61))), Err(Expired)),
        ("in a minute", signer.sign("one", &with("nbf", json!(NOW_SECONDS + 60))), Ok(())),
        ("later", signer.sign("one", &with("nbf", json!(NOW_SECONDS + 61))), Err(Early)),
        ("no subject", signer.sign("one", &with("sub", Value::Null)), Err(Malformed)),
        ("a subject in words", signer.sign("one", &with("sub", json!("a b"))), Err(Malformed)),
        ("good", good.clone(), Ok(())),
    ] {
        let got = check(&token, &rules(), &keys, NOW).map(drop);
        assert_eq!(got, want, "{what}");
    }
}

#[test]
fn groups_are_read_in_either_form() {
    let signer = Signer::new("one");
    for (claim, want) in [
        (json!(["analysts", "not a name", 5, "leads"]), &["analysts", "leads"][..]),
        (json!("analysts leads"), &["analysts", "leads"]),
        (json!(5), &[]),
        (Value::Null, &[]),
    ] {
        let token = signer.sign("one", &with("groups", claim.clone()));
        let person = check(&token, &rules(), &signer.keys(), NOW).unwrap();
        assert_eq!(&*person.subject, "alice");
        let groups: Vec<&str> = person.groups.iter().map(AsRef::as_ref).collect();
        assert_eq!(groups, want, "{claim}");
    }
}

#[test]
fn a_token_is_checked_once_while_its_keys_stay() {
    let (old, new) = (Signer::new("one"), Signer::new("two"));
    let (bearers, asked) = Bearers::new(rules(), old.keys());
    let header = format!("Bearer {}", old.sign("one", &claims()));
    let made = Cell::new(0);
    let of = |header: &str, now| {
        bearers.of(header.as_bytes(), now, |person| {
            made.set(made.get() + 1);
            person.subject.clone()
        })
    };
    for _ in 0..3 {
        assert_eq!(of(&header, NOW).as_deref(), Ok("alice"));
    }
    assert_eq!(made.get(), 1);
    let ends = NOW.plus(Span::seconds(360));
    assert!(of(&header, ends).is_ok());
    assert_eq!(of(&header, ends.plus(Span(1))), Err(TokenProblem::Expired));

    assert!(asked.try_recv().is_err());
    let next = format!("bearer  {}", new.sign("two", &claims()));
    assert_eq!(of(&next, NOW), Err(TokenProblem::KeyUnknown));
    assert_eq!(of(&next, NOW), Err(TokenProblem::KeyUnknown));
    assert_eq!((asked.try_recv(), asked.try_recv().is_err()), (Ok(()), true));

    let before = made.get();
    bearers.forget();
    assert!(of(&header, NOW).is_ok() && of(&header, NOW).is_ok());
    assert_eq!(made.get(), before + 1);
    // What was made of it meanwhile is not kept.
    bearers.forget();
    let forgotten = bearers.of(header.as_bytes(), NOW, |person| {
        bearers.forget();
        person.subject.clone()
    });
    assert!(forgotten.is_ok() && of(&header, NOW).is_ok());
    assert_eq!(made.get(), before + 2);

    bearers.replace(new.keys());
    assert!(of(&next, NOW).is_ok());
    assert_eq!(of(&header, NOW), Err(TokenProblem::KeyUnknown));

    let long = format!("Bearer {}", "a".repeat(8 * 1024 + 1));
    for header in ["", "Bearer", "Basic abc", &*long, "Bearer é"] {
        assert_eq!(of(header, NOW), Err(TokenProblem::Malformed), "{header}");
    }
}

#[test]
fn only_keys_that_check_tokens_are_taken() {
    let signer = Signer::new("one");
    let with = |name: &str, value: Value| {
        let mut jwk = signer.jwk.clone();
        jwk[name] = value;
        json!({ "keys": [jwk] }).to_string()
    };
    let secret = json!({ "keys": [{ "kty": "oct", "kid": "one", "k": "c2VjcmV0" }] });
    let many = |count: usize| json!({ "keys": vec![signer.jwk.clone(); count] }).to_string();
    for (text, want) in [
        (String::new(), Err(KeysError::Malformed)),
        ("{}".to_owned(), Err(KeysError::Malformed)),
        (json!({ "keys": [] }).to_string(), Err(KeysError::None)),
        (secret.to_string(), Err(KeysError::None)),
        (with("use", json!("enc")), Err(KeysError::None)),
        (with("key_ops", json!(["sign"])), Err(KeysError::None)),
        (with("kty", json!("strange")), Err(KeysError::None)),
        (with("use", json!("sig")), Ok(1)),
        (with("key_ops", json!(["verify"])), Ok(1)),
        (many(64), Ok(64)),
        (many(65), Err(KeysError::Many)),
    ] {
        assert_eq!(Keys::read(&text).map(|keys| keys.len()), want, "{text}");
    }
    let keys = signer.keys();
    assert!(keys.find(Some("one"), Algorithm::ES256).is_some());
    assert!(keys.find(None, Algorithm::ES256).is_some());
    assert!(keys.find(Some("two"), Algorithm::ES256).is_none());
    assert!(keys.find(Some("one"), Algorithm::RS256).is_none());
    // A key says what it is for; two of one name are neither.
    assert!(keys.find(Some("one"), Algorithm::ES384).is_none());
    assert!(Keys::read(&many(2)).unwrap().find(Some("one"), Algorithm::ES256).is_none());
}

/// Answers so many calls, each with this head and body.
fn serve(answers: Vec<(&'static str, String)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (head, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            // Whoever asked may have had enough.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn keys_come_from_a_file_or_a_web_server_directly_or_by_discovery() {
    let signer = Signer::new("one");
    let set = json!({ "keys": [signer.jwk] }).to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let source = |place: String| Source { place, ca: None, issuer: ISSUER.to_owned() };
    let count = |place| source(place).keys().map(|keys| keys.len()).unwrap();
    let jwks = file("jwks.json", &set);
    assert_eq!(count(jwks.clone()), 1);
    let discovery =
        |issuer: &str, at: &str| json!({ "issuer": issuer, "jwks_uri": at }).to_string();
    assert_eq!(count(file("discovery.json", &discovery(ISSUER, &jwks))), 1);
    let web = serve(vec![("200 OK", set.clone())]);
    assert_eq!(count(format!("http://{web}/jwks")), 1);
    let web = serve(vec![("200 OK", set)]);
    let web = serve(vec![("200 OK", discovery(ISSUER, &format!("http://{web}/jwks")))]);
    assert_eq!(count(format!("http://{web}/.well-known/openid-configuration")), 1);

    let large = "x".repeat(256 * 1024 + 1);
    let moved = serve(vec![("302 Found\r\nlocation: http://127.0.0.1:1/", String::new())]);
    let gone = serve(vec![("404 Not Found", String::new())]);
    let long = serve(vec![("200 OK", large.clone())]);
    let error = |place: String| source(place).keys().unwrap_err();
    assert!(matches!(
        error(file("other.json", &discovery("other", &jwks))),
        SourceError::OtherIssuer(_)
    ));
    assert!(matches!(error(file("large.json", &large)), SourceError::TooLarge(_)));
    assert!(matches!(error(file("none.json", "{}")), SourceError::Keys(_, KeysError::Malformed)));
    assert!(matches!(error("/nowhere".to_owned()), SourceError::Unreadable(..)));
    assert!(matches!(error("http://login.bank.example/".to_owned()), SourceError::Address(_)));
    assert!(matches!(error("ftp://127.0.0.1:1/".to_owned()), SourceError::Address(_)));
    let disguised = "http://localhost:1@login.bank.example/".to_owned();
    assert!(matches!(error(disguised), SourceError::Address(_)));
    assert!(matches!(error("https://127.0.0.1:1/".to_owned()), SourceError::NoAuthority(_)));
    assert!(matches!(error(format!("http://{gone}/")), SourceError::NoAnswer(..)));
    // Where it was sent on to is not asked.
    assert!(matches!(
        error(format!("http://{moved}/")),
        SourceError::NoAnswer(..) | SourceError::Keys(..)
    ));
    assert!(matches!(error(format!("http://{long}/")), SourceError::TooLarge(_)));
}
