//! Parts: cuts a table into the parts in which it is sent.
//!
//! Runs ahead of the sending on a thread of its own, by as many parts as the channel between them
//! holds: so reading and recording go on side by side, and neither fills the memory.

use std::collections::BTreeMap;

use prost::Message as _;
use tokio::sync::mpsc::Sender;

use crate::backfill::Row;
use crate::cli::import::rejects::Reject;
use crate::cli::import::table::{Record, Table, TableError};
use crate::cli::lists;
use crate::grpc::call::MESSAGE_BYTES_MAX;
use crate::grpc::pb;
use crate::turn::import::PART_ROWS_MAX;

/// A part, and what its rows were.
#[derive(Debug)]
pub struct Part {
    /// What is sent.
    pub message: pb::ImportPaymentsRequest,
    /// Rows that could not be read.
    pub rejects: Vec<Reject>,
    /// The others, by number, each with its line and itself.
    pub rows: Vec<(u32, u64, Vec<u8>)>,
    /// How much of the table was read with it, see [`Table::read`].
    pub read: u64,
}

/// What is said of every part.
#[derive(Clone, Debug)]
pub struct Plan {
    /// SHA-256 of the file.
    pub content: [u8; 32],
    /// The row to begin with.
    pub from: u64,
    /// Whether payers with live decisions are taken as well.
    pub also_live: bool,
}

/// A part in the making.
struct Making {
    part: Part,
    payers: BTreeMap<Box<str>, u32>,
    bytes: usize,
}

/// Reads a table to its end and sends its parts, for as long as somebody takes them.
pub fn cut(mut table: Table, plan: &Plan, parts: &Sender<Result<Part, TableError>>) {
    if let Err(error) = cut_all(&mut table, plan, parts) {
        // Nobody is left to be told where this fails.
        let _ = parts.blocking_send(Err(error));
    }
}

fn cut_all(
    table: &mut Table,
    plan: &Plan,
    parts: &Sender<Result<Part, TableError>>,
) -> Result<(), TableError> {
    let skipped = table.skip(plan.from)?;
    if skipped < plan.from {
        return Ok(());
    }
    let mut making = Making::begin(plan, plan.from);
    loop {
        let next = table.take()?;
        let (ended, full) = (next.is_none(), making.is_full());
        if full || (ended && 0 < making.part.message.rows) {
            let first = making.part.message.first_row;
            let from = first.saturating_add(making.part.message.rows.into());
            let mut part = std::mem::replace(&mut making, Making::begin(plan, from)).part;
            part.read = table.read().0;
            if parts.blocking_send(Ok(part)).is_err() {
                return Ok(());
            }
        }
        match next {
            Some(record) => making.add(record),
            None => return Ok(()),
        }
    }
}

impl Making {
    fn begin(plan: &Plan, from: u64) -> Self {
        let message = pb::ImportPaymentsRequest {
            content: plan.content.to_vec(),
            first_row: from,
            rows: 0,
            also_live: plan.also_live,
            customer_keys: Vec::new(),
            payments: Vec::new(),
        };
        let part = Part { message, rejects: Vec::new(), rows: Vec::new(), read: 0 };
        Self { part, payers: BTreeMap::new(), bytes: 0 }
    }

    /// Tells whether one more row might not fit.
    fn is_full(&self) -> bool {
        let rows_max = u32::try_from(PART_ROWS_MAX).unwrap_or(u32::MAX);
        rows_max <= self.part.message.rows || PART_BYTES_MAX <= self.bytes
    }

    fn add(&mut self, record: Record) {
        let message = &mut self.part.message;
        let number = message.rows;
        message.rows = message.rows.saturating_add(1);
        let Record { line, raw, whole, row } = record;
        match row {
            Err(faults) => self.part.rejects.push(Reject { line, faults, raw, whole }),
            Ok(row) => {
                let payer = self.payers.get(&row.customer).copied().unwrap_or_else(|| {
                    let place = u32::try_from(message.customer_keys.len()).unwrap_or(u32::MAX);
                    message.customer_keys.push(row.customer.to_string());
                    self.bytes = self.bytes.saturating_add(row.customer.len()).saturating_add(4);
                    self.payers.insert(row.customer.clone(), place);
                    place
                });
                let payment = payment(number, payer, &row);
                self.bytes = self.bytes.saturating_add(payment.encoded_len()).saturating_add(4);
                message.payments.push(payment);
                self.part.rows.push((number, line, raw));
            }
        }
    }
}

fn payment(number: u32, payer: u32, row: &Row) -> pb::PastPayment {
    use pb::transfer::Rail as Message;

    use crate::transfer::Rail;
    let stamp = |time: crate::calendar::Time| {
        let (seconds, nanos) = time.parts();
        prost_types::Timestamp { seconds, nanos }
    };
    let rail = match row.rail {
        None => Message::Unspecified,
        Some(Rail::FasterPayments) => Message::FasterPayments,
        Some(Rail::Chaps) => Message::Chaps,
        Some(Rail::Bacs) => Message::Bacs,
        Some(Rail::Internal) => Message::Internal,
        Some(Rail::International) => Message::International,
    };
    pb::PastPayment {
        row: number,
        payer,
        payee_account: Some(lists::account(&row.payee)),
        amount: Some(pb::Money {
            currency_code: row.money.currency.code().to_owned(),
            value: row.money.amount.to_string(),
        }),
        send_time: Some(stamp(row.sent)),
        rail: rail.into(),
        payee_add_time: row.added.map(stamp),
    }
}

/// A part that has grown so far is sent: one more row, of at most some hundred bytes, still fits.
const PART_BYTES_MAX: usize = MESSAGE_BYTES_MAX.saturating_sub(2_048);
