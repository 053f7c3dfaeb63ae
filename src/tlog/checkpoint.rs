//! Checkpoint: a signed statement of how large the log is and what its root is.
//!
//! ```text
//! bank.example/decisions                      origin: which log
//! 1000                                        tree size
//! Ei1MDfjpx3Ip93kJ7cHqlrTBK6wIS/H3AHcWil6bYxU=    root hash
//!
//! — bank.example/decisions sl95/bxUOPBJi5AB7UbTXGssA8La…
//! ```
//!
//! The signature is Ed25519 over everything before the empty line, and its first four bytes name
//! the key: `SHA-256(origin | 0x0A | 0x01 | public key)`. Lines signed by keys that are not ours
//! are passed over, as C2SP signed-note asks, so that witnesses can add theirs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::tlog::Hash;

/// How large a log is, and the root of its tree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

/// Why a note is not a checkpoint of the log it is read for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// It does not have the form of one.
    #[error("the checkpoint is malformed")]
    Malformed,
    /// It speaks of another log.
    #[error("the checkpoint is of another log")]
    Origin,
    /// Nothing on it was signed with the log's key.
    #[error("the checkpoint does not carry the log's signature")]
    Signature,
}

/// Signs checkpoints of one log.
pub struct Signer {
    key: SigningKey,
    verifier: Verifier,
}

/// Reads checkpoints of one log, and believes only what its key has signed.
#[derive(Clone, Debug)]
pub struct Verifier {
    origin: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Signer {
    /// Takes the origin, which must be one that [`origin_is_valid`], and the seed of the key.
    pub fn new(origin: &str, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let verifier = Verifier::new(origin, key.verifying_key());
        Self { key, verifier }
    }

    /// Returns what checks these signatures.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Appends the signed note. The same checkpoint always gives the same bytes.
    pub fn sign(&self, checkpoint: &Checkpoint, note: &mut Vec<u8>) {
        let from = note.len();
        let Verifier { origin, id, .. } = &self.verifier;
        let root = STANDARD.encode(checkpoint.root);
        note.extend_from_slice(format!("{origin}\n{}\n{root}\n", checkpoint.size).as_bytes());

        let signature = self.key.sign(note.get(from..).unwrap_or_default());
        let mut signed = [0; 4 + Signature::BYTE_SIZE];
        let (key_id, bytes) = signed.split_at_mut(4);
        key_id.copy_from_slice(id);
        bytes.copy_from_slice(&signature.to_bytes());
        note.extend_from_slice(format!("\n— {origin} {}\n", STANDARD.encode(signed)).as_bytes());
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl Verifier {
    /// Takes the origin and the public half of the log's key.
    pub fn new(origin: &str, key: VerifyingKey) -> Self {
        let digest = Sha256::new()
            .chain_update(origin)
            .chain_update([b'\n', ED25519])
            .chain_update(key.as_bytes())
            .finalize();
        let mut id = [0; 4];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self { origin: origin.to_owned(), id, key }
    }

    /// Returns the log's public key as C2SP writes it, for auditors: `origin+id+key`.
    pub fn text(&self) -> String {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        format!("{}+{:08x}+{}", self.origin, u32::from_be_bytes(self.id), STANDARD.encode(key))
    }

    /// Reads a note and checks the log's signature on it.
    pub fn verify(&self, note: &[u8]) -> Result<Checkpoint, CheckpointError> {
        let (checkpoint, body, lines) = self.split(note)?;
        let mut lines = lines.strip_suffix('\n').ok_or(CheckpointError::Malformed)?.split('\n');
        let signed = |line: &str| -> Result<bool, CheckpointError> {
            let line = line.strip_prefix("— ").ok_or(CheckpointError::Malformed)?;
            let (name, text) = line.split_once(' ').ok_or(CheckpointError::Malformed)?;
            let bytes = STANDARD.decode(text).map_err(|_| CheckpointError::Malformed)?;
            let (id, bytes) = bytes.split_first_chunk().ok_or(CheckpointError::Malformed)?;
            if name != self.origin || id != &self.id {
                return Ok(false);
            }
            let signature = Signature::from_slice(bytes).map_err(|_| CheckpointError::Malformed)?;
            let verified = self.key.verify_strict(body.as_bytes(), &signature);
            verified.map(|()| true).map_err(|_| CheckpointError::Signature)
        };
        let found = lines.try_fold(false, |found, line| Ok(signed(line)? || found))?;
        found.then_some(checkpoint).ok_or(CheckpointError::Signature)
    }

    /// Reads a note of this log without checking its signatures.
    pub fn read(&self, note: &[u8]) -> Result<Checkpoint, CheckpointError> {
        self.split(note).map(|(checkpoint, _, _)| checkpoint)
    }

    /// Splits a note into what it says, the text that is signed, and the signature lines.
    fn split<'a>(&self, note: &'a [u8]) -> Result<(Checkpoint, &'a str, &'a str), CheckpointError> {
        let text = str::from_utf8(note).map_err(|_| CheckpointError::Malformed)?;
        let end = text.find("\n\n").and_then(|at| at.checked_add(1));
        let end = end.ok_or(CheckpointError::Malformed)?;
        let (body, signatures) = text.split_at_checked(end).ok_or(CheckpointError::Malformed)?;
        let signatures = signatures.strip_prefix('\n').ok_or(CheckpointError::Malformed)?;

        let mut lines = body.lines();
        let origin = lines.next().ok_or(CheckpointError::Malformed)?;
        let size = lines.next().and_then(whole).ok_or(CheckpointError::Malformed)?;
        let root = lines.next().and_then(|line| STANDARD.decode(line).ok());
        let root = root.and_then(|root| Hash::try_from(root).ok());
        let root = root.ok_or(CheckpointError::Malformed)?;
        if lines.next().is_some() || body.contains('\r') {
            return Err(CheckpointError::Malformed);
        }
        if origin != self.origin {
            return Err(CheckpointError::Origin);
        }
        Ok((Checkpoint { size, root }, body, signatures))
    }
}

/// Tells whether `origin` can name a log: 1 to 200 printable ASCII characters, no space and no `+`.
///
/// C2SP forbids spaces and `+`; the rest keeps a name readable in a terminal and in every note.
pub fn origin_is_valid(origin: &str) -> bool {
    let fits = (1..=ORIGIN_CHARS_MAX).contains(&origin.len());
    fits && origin.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+')
}

/// Reads a whole number as C2SP writes it: decimal, without sign or leading zeros.
fn whole(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

// The algorithm number of Ed25519 in C2SP signed-note.
const ED25519: u8 = 1;
// Twice the longest host name that anyone is likely to choose, and far below a note's length field.
const ORIGIN_CHARS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new("bank.example/decisions", &[7; 32])
    }

    fn note(size: u64) -> Vec<u8> {
        let mut note = Vec::new();
        signer().sign(&Checkpoint { size, root: [9; 32] }, &mut note);
        note
    }

    #[test]
    fn what_was_signed_is_read_back() {
        for size in [0, 1, 1000, u64::MAX] {
            let checkpoint = signer().verifier().verify(&note(size));
            assert_eq!(checkpoint, Ok(Checkpoint { size, root: [9; 32] }));
        }
    }

    #[test]
    fn a_note_of_another_implementation_is_read() {
        let key = STANDARD.decode("AXVIRJv+rrA0HcLRM2BFkuQg6Z8DNF0pW07XUt1bZ5oc").unwrap();
        let key = VerifyingKey::from_bytes(key[1..].try_into().unwrap()).unwrap();
        let verifier = Verifier::new("bank.example/decisions", key);
        let note = "bank.example/decisions\n1000\nEi1MDfjpx3Ip93kJ7cHqlrTBK6wIS/H3AHcWil6bYxU=\n\
            \n— bank.example/decisions sl95/bxUOPBJi5AB7UbTXGssA8LaFe+dnUkyWz86S0OndNm1d1G6hvafNe\
            iWnIeEx1Biuw1YvRMeeQSXgQCqK8aygQ4=\n";

        assert_eq!(verifier.verify(note.as_bytes()).map(|checkpoint| checkpoint.size), Ok(1000));
        let text = "bank.example/decisions+b25f79fd+AXVIRJv+rrA0HcLRM2BFkuQg6Z8DNF0pW07XUt1bZ5oc";
        assert_eq!(verifier.text(), text);
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let note = note(1000);
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut other = note.clone();
                other[at] ^= 1 << bit;
                assert!(signer().verifier().verify(&other).is_err(), "byte {at}, bit {bit}");
            }
        }
        for length in 0..note.len() {
            assert!(signer().verifier().verify(&note[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn the_lines_of_witnesses_are_passed_over() {
        let mut note = note(5);
        note.extend_from_slice("— witness.example AAAAAAAAAAAA\n".as_bytes());
        assert!(signer().verifier().verify(&note).is_ok());

        let other = Signer::new("bank.example/decisions", &[8; 32]);
        assert_eq!(other.verifier().verify(&note), Err(CheckpointError::Signature));
        let other = Signer::new("bank.example/other", &[7; 32]);
        assert_eq!(other.verifier().verify(&note), Err(CheckpointError::Origin));
    }

    #[test]
    fn a_size_has_one_spelling() {
        for (text, want) in [
            ("0", Some(0)),
            ("10", Some(10)),
            ("010", None),
            ("+1", None),
            ("", None),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
        ] {
            assert_eq!(whole(text), want, "{text}");
        }
    }

    #[test]
    fn an_origin_is_short_and_printable() {
        let long = "a".repeat(ORIGIN_CHARS_MAX);
        for (origin, want) in [
            ("", false),
            ("a", true),
            (long.as_str(), true),
            (&format!("{long}a"), false),
            ("two words", false),
            ("a+b", false),
            ("bänk", false),
            ("a\nb", false),
        ] {
            assert_eq!(origin_is_valid(origin), want, "{origin}");
        }
    }
}
