//! Credentials: certificates and tokens that should let nobody in, and each right with each rpc.

use std::sync::Arc;

use clearline::access::{Need, TABLE};
use http::uri::PathAndQuery;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::Row;
use crate::authority::{Authority, Leaf, Name, self_signed};
use crate::bank::{self, EVERYTHING, Questions, RIGHTS};
use crate::server::Secured;

/// Tries everything, each on connections of its own.
pub(crate) fn rows(tell: &mut dyn FnMut(Row)) {
    let key = Key::new();
    let mut bank = Secured::prepare(&bank::access(), PEOPLE);
    bank.put("jwks.json", &key.published());
    let settings = std::fs::read_to_string(bank.path("clearline.toml")).expect("settings");
    let keys = bank.path("jwks.json").display().to_string();
    bank.put("clearline.toml", &settings.replace("JWKS", &keys));
    bank.server = Some(bank.run().expect("a server"));
    certificates(&bank).into_iter().for_each(&mut *tell);
    tokens(&bank, &key).into_iter().for_each(&mut *tell);
    tell(rights(&bank));
}

fn certificates(bank: &Secured) -> Vec<Row> {
    let uri = format!("spiffe://bank.example/{EVERYTHING}");
    let name = [Name::Uri(&uri)];
    let stranger = bank.someone(Name::Host("stranger.bank.example"));
    let certificates: [(&str, Option<Leaf>, &str); 7] = [
        ("a good certificate", Some(bank.someone(name[0])), "an answer"),
        ("no certificate", None, "CREDENTIALS_MISSING"),
        ("another authority's", Some(Authority::new("another").leaf(7, &name, 2100)), CUT),
        ("an expired one", Some(bank.authority.leaf(7, &name, 2021)), CUT),
        ("a self-signed one", Some(self_signed(&name)), CUT),
        ("a revoked one", Some(bank.authority.leaf(66, &name, 2100)), CUT),
        ("one of nobody we know", Some(stranger), "CALLER_UNKNOWN"),
    ];
    let questions = Questions::new(1);
    let mut number = 0..;
    bank::runtime().block_on(async {
        let mut rows = Vec::new();
        for (what, leaf, expected) in certificates {
            let mut well = 0;
            for _ in 0..TRIES {
                let mut client = bank::client(bank::channel(bank, leaf.as_ref()));
                let question = questions.question(number.next().expect("a number"));
                let seen = client.screen_transfer(question).await;
                well += u64::from(told(seen.map(drop)) == expected);
            }
            rows.push(Row::new(what, TRIES, well, expected.to_owned()));
        }
        rows
    })
}

fn tokens(bank: &Secured, key: &Key) -> Vec<Row> {
    let forged = {
        let token = key.token(&[]);
        let (signed, _) = token.rsplit_once('.').expect("a signature").to_owned();
        let other = Key::new().token(&[]);
        format!("{signed}.{}", other.rsplit_once('.').expect("a signature").1)
    };
    let tokens = [
        ("a good token", key.token(&[]), "an answer"),
        (
            "a token without a signature",
            "eyJhbGciOiJub25lIn0.e30.".into(),
            "TOKEN_ALGORITHM_REFUSED",
        ),
        ("one that another key signed", forged, "TOKEN_FORGED"),
        ("one by a key that is not known", Key::named("two").token(&[]), "TOKEN_KEY_UNKNOWN"),
        ("one for another audience", key.token(&[("aud", "other".into())]), "TOKEN_AUDIENCE_WRONG"),
        ("one of another issuer", key.token(&[("iss", "other".into())]), "TOKEN_ISSUER_WRONG"),
        ("one that has ended", key.token(&[("exp", 1.into())]), "TOKEN_EXPIRED"),
        ("one that has not begun", key.token(&[("nbf", FAR.into())]), "TOKEN_EARLY"),
        ("one of nobody we know", key.token(&[("groups", json!([]))]), "CALLER_UNKNOWN"),
        ("what is no token", "abc".to_owned(), "TOKEN_MALFORMED"),
    ];
    bank::runtime().block_on(async {
        let channel = bank::channel(bank, None);
        let mut rows = Vec::new();
        for (what, token, expected) in tokens {
            let value: MetadataValue<_> = format!("Bearer {token}").parse().expect("a header");
            let mut well = 0;
            for _ in 0..TRIES {
                let mut request =
                    Request::new(clearline::grpc::pb::ListDecisionsRequest::default());
                request.metadata_mut().insert("authorization", value.clone());
                let seen = bank::client(channel.clone()).list_decisions(request).await;
                well += u64::from(told(seen.map(drop)) == expected);
            }
            rows.push(Row::new(what, TRIES, well, expected.to_owned()));
        }
        rows
    })
}

/// Every rpc as everyone: those with one right each, one with all, a stranger and nobody.
fn rights(bank: &Secured) -> Row {
    let names = RIGHTS.into_iter().chain([EVERYTHING, "stranger"]);
    let callers = names.map(|name| (name, Some(bank::certificate(bank, name))));
    let callers: Vec<_> = callers.chain([("nobody", None)]).collect();
    let (mut tried, mut well) = (0, 0);
    bank::runtime().block_on(async {
        for (name, leaf) in &callers {
            let channel = bank::channel(bank, leaf.as_ref());
            for rpc in TABLE {
                let expected = match (rpc.need, *name) {
                    (Need::Nothing, _) => None,
                    (_, "nobody") => Some("CREDENTIALS_MISSING"),
                    (_, "stranger") => Some("CALLER_UNKNOWN"),
                    (Need::Right(right), name) if name != EVERYTHING && name != right.name() => {
                        Some("RIGHT_MISSING")
                    }
                    _ => None,
                };
                let seen = call(&channel, rpc.path).await;
                let refused = seen.err().and_then(|status| bank::reason(&status));
                let refused = refused.filter(|reason| REFUSALS.contains(&reason.as_str()));
                tried += 1;
                well += u64::from(refused.as_deref() == expected);
            }
        }
    });
    let note =
        format!("{} rpcs, {} callers; refused by name or let in", TABLE.len(), callers.len());
    Row::new("each rpc by each right, all, a stranger and nobody", tried, well, note)
}

/// Calls any rpc with one empty message, and takes the first that comes back.
async fn call(channel: &Channel, path: &'static str) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
    let codec = ProstCodec::<(), ()>::default();
    let request = Request::new(tokio_stream::once(()));
    let answers = grpc.streaming(request, PathAndQuery::from_static(path), codec).await?;
    answers.into_inner().next().await.transpose().map(drop)
}

/// Says what became of a call.
fn told(seen: Result<(), Status>) -> String {
    match seen {
        Ok(()) => "an answer".to_owned(),
        // An error without a reason is the client's own: it has no connection.
        Err(status) => bank::reason(&status).unwrap_or_else(|| CUT.to_owned()),
    }
}

/// Signs tokens as an identity provider does.
struct Key {
    id: &'static str,
    pair: Arc<rcgen::KeyPair>,
}

impl Key {
    fn new() -> Self {
        Self::named("one")
    }

    fn named(id: &'static str) -> Self {
        Self { id, pair: Arc::new(rcgen::KeyPair::generate().expect("a key")) }
    }

    fn encoding(&self) -> EncodingKey {
        EncodingKey::from_ec_der(&self.pair.serialize_der())
    }

    fn published(&self) -> String {
        let mut jwk = Jwk::from_encoding_key(&self.encoding(), Algorithm::ES256).expect("a key");
        jwk.common.key_id = Some(self.id.to_owned());
        json!({ "keys": [jwk] }).to_string()
    }

    fn token(&self, changes: &[(&str, Value)]) -> String {
        let mut claims = json!({
            "iss": "https://login", "aud": "clearline", "sub": "alice", "exp": FAR,
            "groups": ["people"],
        });
        let object = claims.as_object_mut().expect("claims");
        for (name, value) in changes {
            object.insert((*name).to_owned(), value.clone());
        }
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.to_owned());
        encode(&header, &claims, &self.encoding()).expect("a token")
    }
}

/// Refusals before a message is read.
const REFUSALS: [&str; 3] = ["CREDENTIALS_MISSING", "CALLER_UNKNOWN", "RIGHT_MISSING"];
/// What a client sees of a handshake that failed.
const CUT: &str = "no connection";
/// Settings that let people in; the file of keys is to be filled in.
const PEOPLE: &str =
    "[people]\nissuer = \"https://login\"\naudience = \"clearline\"\nkeys = \"JWKS\"\n";
/// How often each is tried.
const TRIES: u64 = 20;
/// A time that is far away: 2096.
const FAR: i64 = 4_000_000_000;
