//! Keys: what an identity provider publishes to check its tokens by.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde_json::Value;

/// The keys of a provider.
#[derive(Default)]
pub struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    /// The one algorithm that the key is for, where it says so.
    algorithm: Option<String>,
    checks: DecodingKey,
}

/// Why there are no keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeysError {
    /// The text is no set of keys.
    #[error("it is no set of JSON web keys")]
    Malformed,
    /// No key in it can check a token.
    #[error("none of its keys can check a token: RSA, P-256, P-384 or Ed25519, for signatures")]
    None,
    /// There are more keys than any provider has.
    #[error("it has more than {KEYS_MAX} keys")]
    Many,
}

impl Keys {
    /// Reads a set of keys (RFC 7517). Keys that are for something else, or that anybody who checks a
    /// token could sign with, are passed over.
    pub fn read(text: &str) -> Result<Self, KeysError> {
        let set: Value = serde_json::from_str(text).map_err(|_| KeysError::Malformed)?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or(KeysError::Malformed)?;
        if KEYS_MAX < listed.len() {
            return Err(KeysError::Many);
        }
        let keys: Vec<Key> = listed.iter().filter_map(key).collect();
        if keys.is_empty() {
            return Err(KeysError::None);
        }
        Ok(Self(keys))
    }

    /// Returns the key of this id that is for this algorithm; without an id the only one that is.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let name = format!("{algorithm:?}");
        let mut fit = self.0.iter().filter(|key| {
            id.is_none_or(|id| key.id.as_deref() == Some(id))
                && key.checks.family() == algorithm.family()
                && key.algorithm.as_ref().is_none_or(|only| *only == name)
        });
        let found = fit.next()?;
        // Two keys that fit say that nobody knows which.
        fit.next().is_none().then_some(&found.checks)
    }

    /// Returns how many of them are for one of these algorithms.
    pub fn count_for(&self, algorithms: &[Algorithm]) -> usize {
        let fits = |key: &Key, algorithm: &Algorithm| {
            key.checks.family() == algorithm.family()
                && key.algorithm.as_ref().is_none_or(|only| *only == format!("{algorithm:?}"))
        };
        self.0.iter().filter(|key| algorithms.iter().any(|algorithm| fits(key, algorithm))).count()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.len())
    }
}

fn key(value: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|what| *what == PublicKeyUse::Signature);
    let verifies = common
        .key_operations
        .as_ref()
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let shared = matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_));
    if !signs || !verifies || shared {
        return None;
    }
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    if decoding.family() == AlgorithmFamily::Hmac {
        return None;
    }
    let algorithm = common.key_algorithm.map(|algorithm| algorithm.to_string());
    Some(Key { id: common.key_id.clone(), algorithm, checks: decoding })
}

/// Providers publish the key of now, of before and of next.
const KEYS_MAX: usize = 64;
