//! Entry: every kind of log entry and its canonical bytes.

use crate::calendar::Time;

/// An entry as the log takes it and gives it back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parts {
    /// The kind's permanent number.
    pub kind: u8,
    /// Log time: never before that of the entry ahead of it.
    pub time: Time,
    /// The number of the subject's key in the key table; 0 where no person is spoken of.
    pub slot: u32,
    /// What anyone with the log may read.
    pub public: Vec<u8>,
    /// What only the subject's key opens; `None` once that key is destroyed.
    pub personal: Option<Vec<u8>>,
}

/// One value that an entry can be found by.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct IndexKey {
    /// Which field it is of.
    pub field: u8,
    /// The value, or a keyed token of it.
    pub value: [u8; 16],
}

/// Appends the keys under which an entry of `kind` with this `public` part is found.
pub fn index_keys(_kind: u8, _public: &[u8], _keys: &mut Vec<IndexKey>) {}
