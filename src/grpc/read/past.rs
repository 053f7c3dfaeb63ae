//! Past: reads a part of a file of past payments.
//!
//! Rows at fault were left out by whoever read the file, so a fault here is the caller's own and
//! refuses the part.

use crate::account::Account;
use crate::calendar::Time;
use crate::grpc::pb;
use crate::grpc::read::faults::{Faults, Place};
use crate::grpc::read::{FieldProblem, transfer};
use crate::money::Money;
use crate::transfer::Rail;
use crate::turn::import::PART_ROWS_MAX;

/// A part of a file of past payments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PastPart {
    /// SHA-256 of the whole file.
    pub content: [u8; 32],
    /// The first row, from 0.
    pub first_row: u64,
    /// How many rows it stands for.
    pub count: u32,
    /// Whether payers with live decisions are taken as well.
    pub also_live: bool,
    /// The bank's keys of its payers.
    pub customers: Vec<Box<str>>,
    /// The rows that could be read.
    pub rows: Vec<PastRow>,
}

/// One payment of a part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PastRow {
    /// Which row of the part, from 0.
    pub row: u32,
    /// Which of the part's payers.
    pub payer: usize,
    /// The account that was paid.
    pub payee: Account,
    /// How much.
    pub money: Money,
    /// When it was sent.
    pub sent: Time,
    /// How it was sent.
    pub rail: Option<Rail>,
    /// When the payer had added the payee.
    pub added: Option<Time>,
}

/// Reads the digest of a file.
pub fn content(bytes: &[u8]) -> Result<[u8; 32], Vec<FieldProblem>> {
    let problem = || vec![FieldProblem { field: "content".into(), expected: "32 bytes" }];
    bytes.try_into().map_err(|_| problem())
}

/// Reads a part of a file of past payments, or names every field at fault.
pub fn past_part(message: pb::ImportPaymentsRequest) -> Result<PastPart, Vec<FieldProblem>> {
    // Rows in the future are refused one by one, at log time.
    let mut faults = Faults::new(Time::from_micros(i64::MAX));
    let top = Place::TOP;
    let content = content(&message.content).ok();
    if content.is_none() {
        faults.refuse::<()>(top, "content", "32 bytes");
    }
    let rows_max = u32::try_from(PART_ROWS_MAX).unwrap_or(u32::MAX);
    if !(1..=rows_max).contains(&message.rows) {
        faults.refuse::<()>(top, "rows", "1 to 256");
    }
    if message.first_row.checked_add(u64::from(message.rows)).is_none() {
        faults.refuse::<()>(top, "first_row", "a row that a file can have");
    }
    if PART_ROWS_MAX < message.customer_keys.len() {
        faults.refuse::<()>(top, "customer_keys", "at most 256");
    }
    if PART_ROWS_MAX < message.payments.len() {
        faults.refuse::<()>(top, "payments", "at most 256");
    }
    let mut customers = Vec::with_capacity(message.customer_keys.len().min(PART_ROWS_MAX));
    for (at, key) in message.customer_keys.into_iter().enumerate().take(PART_ROWS_MAX) {
        let place = Place { message: "customer_keys", at: Some(at) };
        customers.extend(faults.key(place, "", key));
    }
    let mut sorted: Vec<_> = customers.iter().collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
        faults.refuse::<()>(top, "customer_keys", "each key once");
    }
    let mut rows = Vec::with_capacity(message.payments.len().min(PART_ROWS_MAX));
    let mut next = 0;
    for (at, payment) in message.payments.into_iter().enumerate().take(PART_ROWS_MAX) {
        let place = Place { message: "payments", at: Some(at) };
        if payment.row < next || message.rows <= payment.row {
            faults.refuse::<()>(place, "row", "a row of the part after the one before");
        }
        next = payment.row.saturating_add(1);
        rows.extend(row(&mut faults, place, &payment, customers.len()));
    }
    let problems = faults.all();
    match content.filter(|_| problems.is_empty()) {
        Some(content) => Ok(PastPart {
            content,
            first_row: message.first_row,
            count: message.rows,
            also_live: message.also_live,
            customers,
            rows,
        }),
        None => Err(problems),
    }
}

fn row(
    faults: &mut Faults,
    place: Place,
    payment: &pb::PastPayment,
    payers: usize,
) -> Option<PastRow> {
    let sender = usize::try_from(payment.payer).ok().filter(|payer| *payer < payers);
    if sender.is_none() {
        faults.refuse::<()>(place, "payer", "one of the part's payers, from 0");
    }
    let mut inner = Faults::new(Time::MIN);
    let payee =
        transfer::account(&mut inner, Place::of("payee_account"), payment.payee_account.as_ref());
    for problem in inner.all() {
        faults.refuse::<()>(place, &problem.field, problem.expected);
    }
    let money = faults.paid(place, "amount", payment.amount.as_ref());
    let sent = faults.happened(place, "send_time", payment.send_time);
    let rail = faults.choice(place, "rail", payment.rail, transfer::rail);
    let added = faults.past(place, "payee_add_time", payment.payee_add_time);
    Some(PastRow {
        row: payment.row,
        payer: sender?,
        payee: payee?,
        money: money?,
        sent: sent?,
        rail,
        added,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> pb::ImportPaymentsRequest {
        pb::ImportPaymentsRequest {
            content: vec![1; 32],
            first_row: 256,
            rows: 10,
            also_live: false,
            customer_keys: vec!["C-1".to_owned(), "C-2".to_owned()],
            payments: vec![payment(0, 0), payment(9, 1)],
        }
    }

    fn payment(row: u32, payer: u32) -> pb::PastPayment {
        pb::PastPayment {
            row,
            payer,
            payee_account: Some(pb::Account {
                sort_code: "601613".to_owned(),
                account_number: "31926819".to_owned(),
                ..pb::Account::default()
            }),
            amount: Some(pb::Money { currency_code: "GBP".into(), value: "12.50".into() }),
            send_time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 0 }),
            rail: 1,
            payee_add_time: None,
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut pb::ImportPaymentsRequest), want: &[&str]) {
        let mut message = message();
        change(&mut message);
        let problems = past_part(message).map(|_| ()).err().unwrap_or_default();
        let fields: Vec<_> = problems.iter().map(|problem| &*problem.field).collect();
        assert_eq!(fields, want);
    }

    #[test]
    fn a_part_is_read_inside_its_bounds() {
        let part = past_part(message()).unwrap();
        assert_eq!((part.first_row, part.count, part.rows.len()), (256, 10, 2));
        assert_eq!(part.rows[1].rail, Some(Rail::FasterPayments));
        check(|part| part.rows = 256, &[]);
        check(|part| part.rows = 257, &["rows"]);
        check(|part| part.first_row = u64::MAX - 10, &[]);
        check(|part| part.first_row = u64::MAX - 9, &["first_row"]);
        check(|part| part.rows = 9, &["payments[1].row"]);
        check(|part| part.payments[1].row = 0, &["payments[1].row"]);
        check(|part| part.payments[1].payer = 2, &["payments[1].payer"]);
        check(|part| part.payments.clear(), &[]);
        check(|part| part.customer_keys[1] = "C-1".to_owned(), &["customer_keys"]);
        check(
            |part| {
                part.rows = 256;
                part.payments = (0..257).map(|row| payment(row, 0)).collect();
            },
            &["payments"],
        );
    }

    #[test]
    fn every_fault_is_named_at_once() {
        check(
            |part| {
                part.content.clear();
                part.rows = 0;
                part.payments.truncate(1);
                part.customer_keys[1] = "a b".to_owned();
                part.payments[0] = pb::PastPayment { rail: 99, ..pb::PastPayment::default() };
                part.payments[0].payee_account =
                    Some(pb::Account { iban: "GB00".to_owned(), ..pb::Account::default() });
            },
            &[
                "content",
                "rows",
                "customer_keys[1]",
                "payments[0].row",
                "payments[0].payee_account.iban",
                "payments[0].amount",
                "payments[0].send_time",
                "payments[0].rail",
            ],
        );
    }
}
