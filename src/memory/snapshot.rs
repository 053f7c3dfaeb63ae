//! Snapshot: memory as a value that can be written in slices and read back.
//!
//! ```text
//! snapshot := head | lists | imports | due (sized records) | payers
//!             | requests | payments | accounts across payers: each young, then old
//! payers   := shard*               every shard, in order
//! shard    := rows (varint) | (key 16 | row (sized record))*
//! requests, payments, accounts across payers := shard, in the order in which the rows came
//! ```

use std::sync::Arc;

use crate::memory::arrivals::{Arrivals, Generations, Rows};
use crate::memory::due::Queue;
use crate::memory::imports::Imports;
use crate::memory::lists::Lists;
use crate::memory::payment::Payment;
use crate::memory::table::Table;
use crate::memory::{Answered, Drawn, Head, Memory, Payer};
use crate::tagged::{self, Tagged as _, TaggedError};

/// The bytes of a memory, a few rows at a time.
#[derive(Debug)]
pub struct Slices {
    head: Head,
    lists: Arc<Lists>,
    imports: Arc<Imports>,
    due: Queue,
    payers: Table<Payer>,
    requests: [Rows<Answered>; 2],
    payments: [Rows<Payment>; 2],
    drawn: [Rows<Arc<Drawn>>; 2],
    part: Part,
}

/// What the next slice begins with.
#[derive(Clone, Copy, Debug)]
enum Part {
    Head,
    Rows { table: u8, at: usize },
}

impl Slices {
    /// Takes a copy of what is remembered, which costs a counter for each shard or chunk of it.
    pub fn new(memory: &Memory) -> Self {
        Self {
            head: memory.head.clone(),
            lists: Arc::clone(&memory.lists),
            imports: Arc::clone(&memory.imports),
            due: memory.due.clone(),
            payers: memory.payers.clone(),
            requests: memory.requests.both().map(Arrivals::rows),
            payments: memory.payments.both().map(Arrivals::rows),
            drawn: memory.drawn.both().map(Arrivals::rows),
            part: Part::Head,
        }
    }
}

impl Iterator for Slices {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(SLICE_BYTES.saturating_mul(2));
        let [requests, requests_old] = &self.requests;
        let [payments, payments_old] = &self.payments;
        let [drawn, drawn_old] = &self.drawn;
        while bytes.len() < SLICE_BYTES {
            match self.part {
                Part::Head => {
                    tagged::put_sized(&mut bytes, |bytes| self.head.put(bytes));
                    tagged::put_sized(&mut bytes, |bytes| self.lists.put(bytes));
                    tagged::put_sized(&mut bytes, |bytes| self.imports.put(bytes));
                    tagged::put_sized(&mut bytes, |bytes| self.due.put(bytes));
                    self.part = Part::Rows { table: 0, at: 0 };
                }
                Part::Rows { table, at } => {
                    let put = match table {
                        0 => self.payers.put_shard(at, &mut bytes),
                        1 => requests.put_chunk(at, &mut bytes),
                        2 => requests_old.put_chunk(at, &mut bytes),
                        3 => payments.put_chunk(at, &mut bytes),
                        4 => payments_old.put_chunk(at, &mut bytes),
                        5 => drawn.put_chunk(at, &mut bytes),
                        6 => drawn_old.put_chunk(at, &mut bytes),
                        _ => break,
                    };
                    self.part = if put {
                        Part::Rows { table, at: at.saturating_add(1) }
                    } else {
                        Part::Rows { table: table.saturating_add(1), at: 0 }
                    };
                }
            }
        }
        (!bytes.is_empty()).then_some(bytes)
    }
}

impl Memory {
    /// Reads what [`Slices`] wrote.
    pub fn from_snapshot(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        let bytes = &mut bytes;
        let memory = Self {
            head: Head::take(tagged::take_sized(bytes)?)?,
            lists: Arc::new(Lists::take(tagged::take_sized(bytes)?)?),
            imports: Arc::new(Imports::take(tagged::take_sized(bytes)?)?),
            due: Queue::take(tagged::take_sized(bytes)?)?,
            payers: Table::take_all(bytes)?,
            requests: Generations::from_both(
                Arrivals::take_all(bytes)?,
                Arrivals::take_all(bytes)?,
            ),
            payments: Generations::from_both(
                Arrivals::take_all(bytes)?,
                Arrivals::take_all(bytes)?,
            ),
            drawn: Generations::from_both(Arrivals::take_all(bytes)?, Arrivals::take_all(bytes)?),
        };
        if bytes.is_empty() { Ok(memory) } else { Err(TaggedError::Long) }
    }
}

// Large enough that writing is not many small calls, and small enough that the allocator gives the same
// room to one slice after the other, and not fresh pages to each.
const SLICE_BYTES: usize = 32 * 1024;
