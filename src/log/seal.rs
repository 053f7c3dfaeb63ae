//! Seal: one entry as the log keeps it, and as the tree covers it.
//!
//! ```text
//! entry := leaf length u32 BE | leaf | sealed length u32 BE | sealed
//! leaf  := 1 u8 | kind u8 | time i64 BE | slot u32 BE | month u32 BE | algorithm u8
//!        | commitment, 32 bytes | public part
//!
//! algorithm 0: nobody is spoken of; slot, month and commitment are zero, sealed is empty
//! algorithm 1: AES-256-GCM-SIV (RFC 8452), HKDF and SHA-256 as below
//!
//! prk        := HKDF-extract(salt = month key, input = subject key)
//! key        := HKDF-expand(prk, "clearline/v1/seal")
//! salt       := HKDF-expand(prk, "clearline/v1/salt" | position u64 BE | time i64 BE)
//! commitment := SHA-256("clearline/v1/commitment" | salt | personal part)
//! sealed     := AEAD(key, nonce = position u64 BE | 0 * 4, data = leaf, text = personal part)
//! ```
//!
//! The leaf is all that an auditor needs; the salt keeps a short personal part from being guessed
//! out of its commitment. The AEAD withstands a nonce used twice, because a tail that a crash has
//! cut off is written again at the same positions.

use std::fmt;

use aes_gcm_siv::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm_siv::{Aes256GcmSiv, Nonce, Tag};
use hkdf::{Hkdf, HkdfExtract};
use sha2::{Digest as _, Sha256};

use crate::calendar::{Month, Time};
use crate::entry::Parts;
use crate::log::Fatal;
use crate::log::keys::{Key, KeyError, Keys};
use crate::tlog::{Hash, leaf_hash};

/// Seals entries, one after the other.
pub(crate) struct Sealer {
    keys: Keys,
    // What the last entry's month needed, for the next is nearly always of the same: a day to know
    // the month by, and the state of HKDF-extract after the month key.
    day: i64,
    month: Month,
    extract: Option<HkdfExtract<Sha256>>,
}

/// An entry as it lies in a frame.
#[derive(Clone, Copy)]
pub(crate) struct Sealed<'a> {
    pub(crate) kind: u8,
    pub(crate) time: Time,
    pub(crate) public: &'a [u8],
    slot: u32,
    month: Month,
    algorithm: u8,
    commitment: &'a Hash,
    leaf: &'a [u8],
    ciphertext: &'a [u8],
}

/// Why a personal part cannot be opened.
#[derive(Debug)]
pub(crate) enum UnsealError {
    /// The key is lost, not destroyed.
    Key(KeyError),
    /// It is not what was sealed.
    Damaged,
}

impl Sealer {
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, day: i64::MIN, month: Month(0), extract: None }
    }

    /// Appends an entry, and returns the hash of its leaf.
    pub(crate) fn seal(
        &mut self,
        parts: &Parts,
        position: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<Hash, Fatal> {
        let refuse = |problem| Err(Fatal::Entry { position, problem });
        if parts.public.len() > PUBLIC_BYTES_MAX {
            return refuse("its public part is too long");
        }
        let personal = parts.personal.as_deref().unwrap_or_default();
        if personal.len() > PERSONAL_BYTES_MAX {
            return refuse("its personal part is too long");
        }
        if parts.slot == 0 {
            if !personal.is_empty() {
                return refuse("it has a personal part and no subject");
            }
            let leaf = put_leaf(parts, Month(0), NOBODY, &[0; 32], bytes);
            let leaf_hash = leaf_hash(bytes.get(leaf..).unwrap_or_default());
            bytes.extend_from_slice(&[0; 4]);
            return Ok(leaf_hash);
        }
        if parts.personal.is_none() {
            return refuse("it has a subject and no personal part");
        }

        let (month, extract) = self.month(parts.time)?;
        let Some(subject) = self.keys.make_subject(parts.slot)? else {
            return refuse("its subject's key was destroyed");
        };
        let secrets = Secrets::new(extract, &subject);
        let commitment = secrets.commitment(position, parts.time, personal);
        let from = put_leaf(parts, month, AES_256_GCM_SIV, &commitment, bytes);
        let length = personal.len().saturating_add(TAG_BYTES);
        let until = bytes.len();
        bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        let text_from = bytes.len();
        bytes.extend_from_slice(personal);
        let (before, text) = bytes.split_at_mut(text_from);
        let leaf = before.get(from..until).unwrap_or_default();
        let leaf_hash = leaf_hash(leaf);
        let tag = secrets.aead().encrypt_inout_detached(&nonce(position), leaf, text.into());
        let Ok(tag) = tag else { return refuse("its personal part is too long") };
        bytes.extend_from_slice(&tag);
        Ok(leaf_hash)
    }

    /// Returns the month that `time` falls in, and HKDF-extract with that month's key in it.
    fn month(&mut self, time: Time) -> Result<(Month, HkdfExtract<Sha256>), Fatal> {
        let day = time.micros().div_euclid(MICROS_A_DAY);
        if day == self.day
            && let Some(extract) = &self.extract
        {
            return Ok((self.month, extract.clone()));
        }
        let month = time.month();
        let Some(key) = self.keys.make_month(month)? else {
            return Err(Fatal::Key(KeyError::Missing { file: format!("keys/months/{}", month.0) }));
        };
        let extract = HkdfExtract::new(Some(&key));
        (self.day, self.month, self.extract) = (day, month, Some(extract.clone()));
        Ok((month, extract))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl<'a> Sealed<'a> {
    /// Takes an entry off the front of `bytes`; `None` where they are not one.
    pub(crate) fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let (leaf, ciphertext) = (take_sized(bytes)?, take_sized(bytes)?);
        let mut rest = leaf;
        let &[version, kind] = take(&mut rest)?;
        let time = Time::from_micros(i64::from_be_bytes(*take(&mut rest)?));
        let slot = u32::from_be_bytes(*take(&mut rest)?);
        let month = Month(u32::from_be_bytes(*take(&mut rest)?));
        let &[algorithm] = take(&mut rest)?;
        let commitment = take(&mut rest)?;
        let known = version == VERSION && matches!(algorithm, NOBODY | AES_256_GCM_SIV);
        let public = rest;
        let entry =
            Self { kind, time, public, slot, month, algorithm, commitment, leaf, ciphertext };
        known.then_some(entry)
    }

    /// Returns the hash of the leaf.
    pub(crate) fn leaf_hash(&self) -> Hash {
        leaf_hash(self.leaf)
    }

    /// Returns the entry, without its personal part where a key to it was destroyed.
    pub(crate) fn open(&self, position: u64, keys: &Keys) -> Result<Parts, UnsealError> {
        let personal = self.personal(position, keys)?;
        let Self { kind, time, slot, .. } = *self;
        Ok(Parts { kind, time, slot, public: self.public.to_vec(), personal })
    }

    fn personal(&self, position: u64, keys: &Keys) -> Result<Option<Vec<u8>>, UnsealError> {
        if self.algorithm == NOBODY {
            return Ok(Some(Vec::new()));
        }
        let subject = keys.subject(self.slot).map_err(UnsealError::Key)?;
        let month = keys.month(self.month).map_err(UnsealError::Key)?;
        let (Some(subject), Some(month)) = (subject, month) else {
            return Ok(None);
        };
        let secrets = Secrets::new(HkdfExtract::new(Some(&month)), &subject);
        let (text, tag) = self.ciphertext.split_last_chunk().ok_or(UnsealError::Damaged)?;
        let tag: &[u8; TAG_BYTES] = tag;
        let mut text = text.to_vec();
        let (nonce, buffer) = (nonce(position), text.as_mut_slice().into());
        let opened =
            secrets.aead().decrypt_inout_detached(&nonce, self.leaf, buffer, &Tag::from(*tag));
        let same = secrets.commitment(position, self.time, &text) == *self.commitment;
        (opened.is_ok() && same).then_some(Some(text)).ok_or(UnsealError::Damaged)
    }
}

/// What is derived from a subject's key and a month's.
struct Secrets(Hkdf<Sha256>);

impl Secrets {
    fn new(mut extract: HkdfExtract<Sha256>, subject: &Key) -> Self {
        extract.input_ikm(subject);
        Self(extract.finalize().1)
    }

    fn expand(&self, info: &[&[u8]]) -> Key {
        let mut key = [0; 32];
        // INVARIANT: HKDF refuses only what is longer than 255 hashes.
        let expanded = self.0.expand_multi_info(info, &mut key);
        debug_assert!(expanded.is_ok());
        key
    }

    fn aead(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new(&self.expand(&[b"clearline/v1/seal"]).into())
    }

    fn commitment(&self, position: u64, time: Time, personal: &[u8]) -> Hash {
        let (position, time) = (position.to_be_bytes(), time.micros().to_be_bytes());
        let salt = self.expand(&[b"clearline/v1/salt", &position, &time]);
        let digest = Sha256::new().chain_update(b"clearline/v1/commitment");
        digest.chain_update(salt).chain_update(personal).finalize().into()
    }
}

/// Appends a leaf with its length before it, and returns where the leaf begins.
fn put_leaf(
    parts: &Parts,
    month: Month,
    algorithm: u8,
    commitment: &Hash,
    bytes: &mut Vec<u8>,
) -> usize {
    let length = parts.public.len().saturating_add(LEAF_HEAD_BYTES);
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    let from = bytes.len();
    bytes.extend_from_slice(&[VERSION, parts.kind]);
    bytes.extend_from_slice(&parts.time.micros().to_be_bytes());
    bytes.extend_from_slice(&parts.slot.to_be_bytes());
    bytes.extend_from_slice(&month.0.to_be_bytes());
    bytes.push(algorithm);
    bytes.extend_from_slice(commitment);
    bytes.extend_from_slice(&parts.public);
    from
}

fn nonce(position: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce.iter_mut().zip(position.to_be_bytes()).for_each(|(to, from)| *to = from);
    nonce.into()
}

/// Takes so many bytes off the front.
pub(crate) fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}

/// Takes off the front what a length before it says.
fn take_sized<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u32::from_be_bytes(*take(bytes)?)).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

// The form of a leaf. Another form gets another number.
const VERSION: u8 = 1;
const NOBODY: u8 = 0;
const AES_256_GCM_SIV: u8 = 1;
const TAG_BYTES: usize = 16;
const LEAF_HEAD_BYTES: usize = 51;
// A C2SP entry bundle states the length of a leaf in two bytes.
const PUBLIC_BYTES_MAX: usize = 65_535 - LEAF_HEAD_BYTES;
// Sixteen of the largest requests: enough for whatever one entry says of one person.
const PERSONAL_BYTES_MAX: usize = 1 << 20;
const MICROS_A_DAY: i64 = 86_400_000_000;
