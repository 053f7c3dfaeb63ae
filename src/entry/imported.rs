//! Imported: past payments of one payer, as a file of the bank had them.
//!
//! A file comes in parts, each a stretch of its rows, and a part is one batch of entries: one for
//! each payer in it, because what is personal is sealed under the payer's key. The last of them says
//! how far the file is recorded; where nothing of a part was taken, it stands alone and speaks of
//! nobody.

use std::borrow::Cow;

use crate::account::Token;
use crate::calendar::Time;
use crate::entry::{KIND_IMPORTED, Parts, bytes};
use crate::money::Money;
use crate::tagged::{Tagged as _, record};
use crate::transfer::Rail;

/// Past payments of one payer, or the end of a part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Imported {
    /// Log time.
    pub time: Time,
    /// The number of the payer's key; 0 where no payer is spoken of.
    pub slot: u32,
    /// What anyone with the log may read.
    pub public: ImportedPublic,
    /// What the payer's key opens.
    pub personal: Option<ImportedPersonal>,
}

/// The public part of past payments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImportedPublic {
    /// Keyed digest of the whole file.
    pub import: [u8; 16],
    /// The payer, across accounts.
    pub customer: Option<Token>,
    /// The accounts that were paid, each once.
    pub payees: Vec<Token>,
    /// How many payments.
    pub rows: u32,
    /// In the last entry of a part: which part it is.
    pub end: Option<PartEnd>,
    /// Who loaded the file; absent where nothing said who.
    pub caller: Option<Token>,
}

/// A part of a file that is recorded whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartEnd {
    /// Its first row, from 0.
    pub from: u64,
    /// The row after its last.
    pub until: u64,
    /// How many of its rows were not taken, readable or not.
    pub left_out: u32,
    /// The build that recorded it.
    pub build: Cow<'static, str>,
}

/// The personal part of past payments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImportedPersonal {
    /// The payments, in the order of the file.
    pub rows: Vec<Past>,
}

/// One payment that was sent before anybody asked about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Past {
    /// Which of the entry's payees, from 0.
    pub payee: u32,
    /// How much.
    pub money: Money,
    /// When it was sent.
    pub sent: Time,
    /// How it was sent.
    pub rail: Option<Rail>,
    /// When the payer had added the payee.
    pub added: Option<Time>,
}

record!(ImportedPublic { 1 import, 2 customer, 3 payees, 4 rows, 5 end, 6 caller });
record!(PartEnd { 1 from, 2 until, 3 left_out, 4 build });
record!(ImportedPersonal { 1 rows });
record!(Past { 1 payee, 2 money, 3 sent, 4 rail, 5 added });

impl Imported {
    /// Returns the entry as the log takes it.
    pub fn parts(&self) -> Parts {
        Parts {
            kind: KIND_IMPORTED,
            time: self.time,
            slot: self.slot,
            public: self.public.to_bytes(),
            personal: self
                .personal
                .as_ref()
                .map(|personal| bytes(personal, personal.rows.len().saturating_mul(PAST_BYTES))),
        }
    }

    /// Returns each payment with the account that was paid. None once the payer's key is destroyed.
    pub fn payments(&self) -> impl Iterator<Item = (Token, &Past)> {
        let rows = self.personal.iter().flat_map(|personal| &personal.rows);
        rows.filter_map(|past| {
            let payee = self.public.payees.get(usize::try_from(past.payee).ok()?)?;
            Some((*payee, past))
        })
    }
}

// About what one payment takes, with everything stated.
const PAST_BYTES: usize = 48;
