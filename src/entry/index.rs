//! Index: the values that an entry can be found by.
//!
//! Tokens, request ids and actions only: an index holds nothing that the public part does not.

use sha2::{Digest as _, Sha256};

use crate::account::Token;
use crate::decision::Action;
use crate::entry::{ExecutedPublic, Identity, KIND_DECIDED, KIND_EXECUTED};
use crate::tagged::{Field as _, Fields, Tagged as _, TaggedError};

/// One value that an entry can be found by.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct IndexKey {
    /// Which field it is of; never 0.
    pub field: u8,
    /// The value, or a keyed token of it.
    pub value: [u8; 16],
}

impl IndexKey {
    /// Finds every decision.
    pub const DECISIONS: Self = Self { field: 1, value: [0; 16] };

    /// Finds the decision that answered a request.
    pub const fn request(id: [u8; 16]) -> Self {
        Self { field: 2, value: id }
    }

    /// Finds the decisions about a payment.
    pub const fn payment(token: Token) -> Self {
        Self { field: 3, value: token.0 }
    }

    /// Finds decisions by `EndToEndId`.
    pub const fn end_to_end(token: Token) -> Self {
        Self { field: 4, value: token.0 }
    }

    /// Finds decisions by `InstrId`.
    pub const fn instruction(token: Token) -> Self {
        Self { field: 5, value: token.0 }
    }

    /// Finds decisions by the account the money would leave.
    pub const fn payer(token: Token) -> Self {
        Self { field: 6, value: token.0 }
    }

    /// Finds decisions by the account the money would reach.
    pub const fn payee(token: Token) -> Self {
        Self { field: 7, value: token.0 }
    }

    /// Finds decisions by what the bank was asked to do.
    pub const fn action(action: Action) -> Self {
        let number = match action {
            Action::Allow => 1,
            Action::Hold => 2,
        };
        Self { field: 8, value: [number; 16] }
    }

    /// Finds decisions by the typology that led: the first 16 bytes of the SHA-256 of its id.
    pub fn typology(id: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(id.as_bytes()).into();
        let mut value = [0; 16];
        value.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self { field: 9, value }
    }

    /// Tells whether nearly every decision has this key, so that an index of it would be as long as
    /// the log and no shorter to go through.
    pub fn is_common(&self) -> bool {
        *self == Self::DECISIONS || *self == Self::action(Action::Allow)
    }

    /// Finds the decisions that a caller asked for.
    pub const fn caller(token: Token) -> Self {
        Self { field: 11, value: token.0 }
    }

    /// Finds the reports about a payment.
    pub const fn execution(payment: Token) -> Self {
        Self { field: 10, value: payment.0 }
    }
}

/// Appends the keys under which an entry of `kind` with this `public` part is found. Entries that
/// nobody looks for have none.
pub fn index_keys(kind: u8, public: &[u8], keys: &mut Vec<IndexKey>) {
    match kind {
        KIND_DECIDED => {
            let before = keys.len();
            if decided_keys(public, keys).is_err() {
                keys.truncate(before);
            }
        }
        KIND_EXECUTED => {
            if let Ok(executed) = ExecutedPublic::take(public) {
                keys.push(IndexKey::execution(executed.payment));
            }
        }
        _ => {}
    }
}

/// Reads of a [`DecidedPublic`](super::DecidedPublic) just what it is found by: an index is built of
/// every decision.
fn decided_keys(public: &[u8], keys: &mut Vec<IndexKey>) -> Result<(), TaggedError> {
    let mut fields = Fields::new(public)?;
    let identity = Identity::take_field(1, fields.take(1)?)?;
    fields.take(2)?;
    let action = Action::take_field(3, fields.take(3)?)?;
    fields.take(4)?;
    fields.take(5)?;
    let typology = fields.take(6)?.map(std::str::from_utf8);

    keys.push(IndexKey::DECISIONS);
    keys.push(IndexKey::request(identity.request));
    keys.push(IndexKey::payment(identity.payment));
    keys.push(IndexKey::payer(identity.payer));
    keys.push(IndexKey::payee(identity.payee));
    keys.extend(identity.end_to_end.map(IndexKey::end_to_end));
    keys.extend(identity.instruction.map(IndexKey::instruction));
    keys.extend(identity.caller.map(IndexKey::caller));
    keys.push(IndexKey::action(action));
    if let Some(typology) = typology {
        keys.push(IndexKey::typology(typology.map_err(|_| TaggedError::OutOfBounds)?));
    }
    Ok(())
}
