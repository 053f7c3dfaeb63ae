//! Bearer: people, by the tokens that their calls carry.
//!
//! A token is a JWT that an identity provider signed: for our audience, by an algorithm that the
//! settings name, with one of the keys that the provider publishes. Nothing else about a token is
//! believed, its own header included. What was found of one is kept until it ends or the keys change,
//! so that a signature is checked once and not at each call.
//!
//! Never says what is in a token.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation, decode};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::access::subject;
use crate::calendar::{Span, Time};

pub mod keys;
pub mod refresh;
#[cfg(test)]
mod tests;

use keys::Keys;

/// What tokens must say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules {
    /// Who signs them, exactly as they say it.
    pub issuer: String,
    /// Whom they are for: us.
    pub audience: String,
    /// By which algorithms they may be signed; never by one with a shared secret.
    pub algorithms: Vec<Algorithm>,
    /// In which claim they list groups.
    pub groups_claim: String,
}

/// Whom a token speaks of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Person {
    /// Its subject.
    pub subject: Box<str>,
    /// The groups that it names and that can be names of ours.
    pub groups: Vec<Box<str>>,
    /// When it ends.
    pub until: Time,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenProblem {
    /// It is none.
    #[error("it is no token")]
    Malformed,
    /// It is signed by an algorithm that may not be, or by none.
    #[error("its algorithm is not allowed")]
    Algorithm,
    /// It is signed with a key that is not known.
    #[error("its key is not known")]
    KeyUnknown,
    /// The signature is not that of its key.
    #[error("its signature is wrong")]
    Forged,
    /// Somebody else signed it.
    #[error("its issuer is another")]
    Issuer,
    /// It is for somebody else.
    #[error("its audience is another")]
    Audience,
    /// It has ended.
    #[error("it has ended")]
    Expired,
    /// It has not begun.
    #[error("it has not begun")]
    Early,
}

/// Checks tokens. Clones share keys and what was found.
#[derive(Clone)]
pub struct Bearers<T>(Arc<Shared<T>>);

struct Shared<T> {
    rules: Rules,
    state: Mutex<State<T>>,
    /// Asks for keys sooner than planned.
    sooner: SyncSender<()>,
}

struct State<T> {
    keys: Arc<Keys>,
    /// How often what was found was forgotten.
    forgotten: u64,
    /// What was made of a token, by its digest, and when it ends.
    found: BTreeMap<[u8; 32], (Time, T)>,
}

impl<T: Clone> Bearers<T> {
    /// Takes what tokens must say, and the keys that are known now. What is returned besides hears when
    /// a token has a key that is not.
    pub fn new(rules: Rules, keys: Keys) -> (Self, Receiver<()>) {
        let (sooner, asked) = sync_channel(1);
        let state =
            Mutex::new(State { keys: Arc::new(keys), forgotten: 0, found: BTreeMap::new() });
        (Self(Arc::new(Shared { rules, state, sooner })), asked)
    }

    /// Takes other keys. Whatever was found by the old ones is forgotten.
    pub fn replace(&self, keys: Keys) {
        let mut state = self.state();
        state.keys = Arc::new(keys);
        state.forget();
    }

    /// Forgets whatever was found, since something else would be made of it now.
    pub fn forget(&self) {
        self.state().forget();
    }

    /// Returns what `make` makes of the person whom the value of an `authorization` header speaks of.
    pub fn of(
        &self,
        header: &[u8],
        now: Time,
        make: impl FnOnce(&Person) -> T,
    ) -> Result<T, TokenProblem> {
        let token = bearer(header).ok_or(TokenProblem::Malformed)?;
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let (keys, forgotten) = {
            let state = self.state();
            match state.found.get(&digest) {
                Some((until, found)) if now <= *until => return Ok(found.clone()),
                Some(_) => return Err(TokenProblem::Expired),
                None => (Arc::clone(&state.keys), state.forgotten),
            }
        };
        let person = check(token, &self.0.rules, &keys, now).inspect_err(|problem| {
            if *problem == TokenProblem::KeyUnknown {
                // Full where it was asked already.
                let _ = self.0.sooner.try_send(());
            }
        })?;
        let found = make(&person);
        let mut state = self.state();
        // Keys that changed meanwhile may not have let it pass, or something else be made of it.
        if forgotten == state.forgotten {
            if FOUND_MAX <= state.found.len() {
                state.found.clear();
            }
            state.found.insert(digest, (person.until, found.clone()));
        }
        Ok(found)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // A panic while it was held left whole values behind.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn forget(&mut self) {
        self.forgotten = self.forgotten.wrapping_add(1);
        self.found.clear();
    }
}

impl<T> fmt::Debug for Bearers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearers").field("rules", &self.0.rules).finish_non_exhaustive()
    }
}

/// Takes the token out of the value of a header.
fn bearer(header: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(header).ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let fits = scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_BYTES_MAX;
    fits.then(|| token.trim_start())
}

/// Checks a token at `now`.
fn check(token: &str, rules: &Rules, keys: &Keys, now: Time) -> Result<Person, TokenProblem> {
    let (algorithm, key_id) = header(token)?;
    if !rules.algorithms.contains(&algorithm) {
        return Err(TokenProblem::Algorithm);
    }
    let key = keys.find(key_id.as_deref(), algorithm).ok_or(TokenProblem::KeyUnknown)?;
    let mut validation = Validation::new(algorithm);
    // These are checked below: by our own clock, and so that each problem is told.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims::<&str>(&[]);
    let claims: Map<String, Value> = decode(token, key, &validation)
        .map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::Json(_) => TokenProblem::Malformed,
            _ => TokenProblem::Forged,
        })?
        .claims;

    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(&rules.issuer) {
        return Err(TokenProblem::Issuer);
    }
    let ours = match claims.get("aud") {
        Some(Value::String(audience)) => *audience == rules.audience,
        Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(&rules.audience)),
        _ => false,
    };
    if !ours {
        return Err(TokenProblem::Audience);
    }
    // Whole seconds, or with a fraction that is none of our concern.
    let seconds = |value: &Value| value.as_i64().map(|at| EPOCH.plus(Span::seconds(at)));
    let ends = claims.get("exp").and_then(seconds).ok_or(TokenProblem::Malformed)?;
    let until = ends.plus(SKEW);
    if until < now {
        return Err(TokenProblem::Expired);
    }
    if let Some(begins) = claims.get("nbf") {
        let begins = seconds(begins).ok_or(TokenProblem::Malformed)?;
        if now.plus(SKEW) < begins {
            return Err(TokenProblem::Early);
        }
    }
    let subject = text("sub").and_then(subject).ok_or(TokenProblem::Malformed)?;
    Ok(Person { subject: subject.into(), groups: groups(claims.get(&rules.groups_claim)), until })
}

/// Reads of a token's header what says how to check it.
fn header(token: &str) -> Result<(Algorithm, Option<String>), TokenProblem> {
    let (header, _) = token.split_once('.').ok_or(TokenProblem::Malformed)?;
    let bytes = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenProblem::Malformed)?;
    let header: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|_| TokenProblem::Malformed)?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    // What must be understood and is not (RFC 7515, 4.1.11).
    if header.contains_key("crit") {
        return Err(TokenProblem::Malformed);
    }
    let algorithm = text("alg").ok_or(TokenProblem::Malformed)?;
    let algorithm = algorithm.parse().map_err(|_| TokenProblem::Algorithm)?;
    Ok((algorithm, text("kid").map(str::to_owned)))
}

/// Reads groups: a list of texts, or one text with spaces between them.
fn groups(claim: Option<&Value>) -> Vec<Box<str>> {
    let texts: Vec<&str> = match claim {
        Some(Value::String(text)) => text.split(' ').collect(),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    texts.into_iter().filter_map(subject).take(GROUPS_MAX).map(Into::into).collect()
}

const EPOCH: Time = Time::from_micros(0);

/// How far the provider's clock may be from ours: what most checks of tokens allow.
const SKEW: Span = Span::minutes(1);
/// Half of what all headers of a call may have.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Providers leave groups out of a token beyond a few hundred.
const GROUPS_MAX: usize = 512;
/// More people than look at one bank's holds at a time, at some hundred bytes each.
const FOUND_MAX: usize = 4_096;
