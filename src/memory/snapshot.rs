//! Snapshot: memory as a value that can be written in slices and read back.
//!
//! ```text
//! snapshot := head | lists | imports | due (sized records) | payers
//!             | requests | payments | accounts across payers: each young, then old
//! table    := shard*               every shard, in order
//! shard    := rows (varint) | (key 16 | row (sized record))*
//! ```

use std::sync::Arc;

use crate::memory::due::Queue;
use crate::memory::imports::Imports;
use crate::memory::lists::Lists;
use crate::memory::table::{Generations, Table};
use crate::memory::{Head, Memory};
use crate::tagged::{self, Tagged as _, TaggedError};

/// The bytes of a memory, a few shards at a time.
#[derive(Debug)]
pub struct Slices {
    memory: Memory,
    part: Part,
}

/// What the next slice begins with.
#[derive(Clone, Copy, Debug)]
enum Part {
    Head,
    Shard { table: u8, at: usize },
}

impl Slices {
    /// Takes a copy of memory, which costs next to nothing.
    pub fn new(memory: Memory) -> Self {
        Self { memory, part: Part::Head }
    }
}

impl Iterator for Slices {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(SLICE_BYTES.saturating_mul(2));
        while bytes.len() < SLICE_BYTES {
            match self.part {
                Part::Head => {
                    tagged::put_sized(&mut bytes, |bytes| self.memory.head.put(bytes));
                    tagged::put_sized(&mut bytes, |bytes| self.memory.lists.put(bytes));
                    tagged::put_sized(&mut bytes, |bytes| self.memory.imports.put(bytes));
                    tagged::put_sized(&mut bytes, |bytes| self.memory.due.put(bytes));
                    self.part = Part::Shard { table: 0, at: 0 };
                }
                Part::Shard { table, at } => {
                    let memory = &self.memory;
                    let [requests, requests_old] = memory.requests.tables();
                    let [payments, payments_old] = memory.payments.tables();
                    let [drawn, drawn_old] = memory.drawn.tables();
                    let put = match table {
                        0 => memory.payers.put_shard(at, &mut bytes),
                        1 => requests.put_shard(at, &mut bytes),
                        2 => requests_old.put_shard(at, &mut bytes),
                        3 => payments.put_shard(at, &mut bytes),
                        4 => payments_old.put_shard(at, &mut bytes),
                        5 => drawn.put_shard(at, &mut bytes),
                        6 => drawn_old.put_shard(at, &mut bytes),
                        _ => break,
                    };
                    self.part = if put {
                        Part::Shard { table, at: at.saturating_add(1) }
                    } else {
                        Part::Shard { table: table.saturating_add(1), at: 0 }
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
            requests: Generations::from_tables(Table::take_all(bytes)?, Table::take_all(bytes)?),
            payments: Generations::from_tables(Table::take_all(bytes)?, Table::take_all(bytes)?),
            drawn: Generations::from_tables(Table::take_all(bytes)?, Table::take_all(bytes)?),
        };
        if bytes.is_empty() { Ok(memory) } else { Err(TaggedError::Long) }
    }
}

// Large enough that writing is not many small calls, and small enough that the allocator gives the same
// room to one slice after the other, and not fresh pages to each.
const SLICE_BYTES: usize = 32 * 1024;
