//! Import: a part of a file of past payments, at its turn.
//!
//! It is let in only while no transfer waits, see [`desk`](crate::turn::desk), and is small enough
//! that one which comes meanwhile hardly waits. Rows that may not count are left out and named; the
//! rest become one entry a payer, and all of them one batch with their end: there whole or not at
//! all.

use crate::account::Token;
use crate::calendar::Time;
use crate::entry::{BUILD, Entry, Imported, ImportedPersonal, ImportedPublic, PartEnd, Past};
use crate::history::HORIZON;
use crate::log::Turn;
use crate::memory::AHEAD_MAX;
use crate::memory::imports::{PartPlace, Progress};
use crate::turn::{Answer, Batch, EngineError, Made, Refusal};

/// A part of a file of past payments, read at the door.
#[derive(Clone, Debug)]
pub struct Part {
    /// Keyed digest of the whole file.
    pub import: [u8; 16],
    /// Its first row, from 0.
    pub from: u64,
    /// The row after its last, at most [`PART_ROWS_MAX`] later.
    pub until: u64,
    /// Whether payers with live decisions are taken as well.
    pub also_live: bool,
    /// The rows that could be read, by payer.
    pub payers: Vec<PayerRows>,
    /// Who loads the file.
    pub caller: Option<Token>,
}

/// Rows of one payer within a part.
#[derive(Clone, Debug)]
pub struct PayerRows {
    /// The payer.
    pub customer: Token,
    /// The accounts that were paid, each once.
    pub payees: Vec<Token>,
    /// The payments, each with the number of its row from the first of the part.
    pub rows: Vec<(u32, Past)>,
}

/// What became of a part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settled {
    /// How far the file is recorded with it.
    pub progress: Progress,
    /// Rows that were not taken, from the first of the part, ascending.
    pub refused: Vec<(u32, RowRefusal)>,
}

/// Why a row that can be read is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RowRefusal {
    /// Decisions about the payer were made already.
    PayerLive,
    /// It was sent before the horizon.
    TooOld,
    /// It was sent in the future.
    InFuture,
}

impl<T: Turn> Batch<'_, T> {
    /// Records what may count of a part, the task of this number in the batch, and adds its entries
    /// to those of the batch.
    pub(super) fn import(
        &mut self,
        part: Part,
        number: usize,
        entries: &mut Vec<(usize, Entry)>,
    ) -> Result<Made, EngineError> {
        let Part { import, from, until, also_live, payers, caller } = part;
        match self.memory.import_place(import, from, until) {
            PartPlace::Next => {}
            PartPlace::Before(progress) => {
                return Ok(Made::Settled(Ok(Answer::Import(progress))));
            }
            PartPlace::Elsewhere => {
                return Ok(Made::Settled(Err(Refusal::ImportPartElsewhere)));
            }
        }
        let before = self.memory.import(import);
        let mut refused = Vec::new();
        let mut taken = Vec::with_capacity(payers.len());
        for payer in payers {
            let live = !also_live && self.memory.live(payer.customer);
            let PayerRows { customer, payees, rows } = payer;
            let mut kept = Vec::with_capacity(rows.len());
            for (row, past) in rows {
                match refusal(&past, live, self.now) {
                    Some(reason) => refused.push((row, reason)),
                    None => kept.push(past),
                }
            }
            if !kept.is_empty() {
                taken.push((customer, payees, kept));
            }
        }
        refused.sort_unstable_by_key(|(row, _)| *row);

        let count = taken.iter().map(|(_, _, rows)| rows.len()).sum::<usize>();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let left_out = until.saturating_sub(from).saturating_sub(count);
        let pushed = taken.len().max(1);
        let mut end = Some(PartEnd {
            from,
            until,
            left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
            build: BUILD.into(),
        });
        if taken.is_empty() {
            let public =
                ImportedPublic { import, customer: None, payees: Vec::new(), rows: 0, end, caller };
            let alone = Imported { time: self.now, slot: 0, public, personal: None };
            self.add(alone, number, entries)?;
        } else {
            let last = taken.len().saturating_sub(1);
            for (at, (customer, payees, rows)) in taken.into_iter().enumerate() {
                let end = if at == last { end.take() } else { None };
                let mut imported = self.of_payer(import, (customer, payees, rows), end);
                imported.public.caller = caller;
                self.add(imported, number, entries)?;
            }
        }
        let progress = Progress { until, taken: before.taken.saturating_add(count) };
        Ok(Made::Part(pushed, Box::new(Settled { progress, refused })))
    }

    fn of_payer(
        &self,
        import: [u8; 16],
        (customer, payees, rows): (Token, Vec<Token>, Vec<Past>),
        end: Option<PartEnd>,
    ) -> Imported {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        Imported {
            time: self.now,
            slot: self.memory.slot(customer),
            public: ImportedPublic {
                import,
                customer: Some(customer),
                payees,
                rows: count,
                end,
                caller: None,
            },
            personal: Some(ImportedPersonal { rows }),
        }
    }

    fn add(
        &mut self,
        imported: Imported,
        number: usize,
        entries: &mut Vec<(usize, Entry)>,
    ) -> Result<(), EngineError> {
        let entry = Entry::Imported(Box::new(imported));
        self.push(&entry)?;
        entries.push((number, entry));
        Ok(())
    }
}

/// Tells why a row is not taken at log time `now`, if it is not.
fn refusal(past: &Past, live: bool, now: Time) -> Option<RowRefusal> {
    if now.plus(AHEAD_MAX) < past.sent {
        Some(RowRefusal::InFuture)
    } else if past.sent < now.minus(HORIZON) {
        Some(RowRefusal::TooOld)
    } else {
        live.then_some(RowRefusal::PayerLive)
    }
}

/// Most rows of one part. With as many payers it is as many entries, about 2 ms of the turn, which is
/// what a transfer that comes meanwhile waits at most, and a sync.
pub const PART_ROWS_MAX: usize = 256;
