//! Backfill: past payments as a bank writes them down, one row each.
//!
//! A table has the columns of [`Column`], in any order. A row is read whole or every column of it at
//! fault is named; what was found there is not repeated, since it is personal.
//!
//! Knows rows and not files: how a table is cut into rows is the business of whoever reads it.

use crate::account::{Account, AccountProblem};
use crate::calendar::Time;
use crate::money::{Amount, Currency, Money};
use crate::transfer::Rail;

/// A column of a table of past payments.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Column {
    /// The bank's key for the customer who paid.
    CustomerKey,
    /// Sort code of the account that was paid.
    PayeeSortCode,
    /// Its account number.
    PayeeAccountNumber,
    /// Its roll number, where it has one.
    PayeeRollNumber,
    /// Its IBAN, in place of the three.
    PayeeIban,
    /// How much.
    Amount,
    /// Of which currency.
    Currency,
    /// When it was sent.
    SentTime,
    /// How it was sent.
    Rail,
    /// When the payer had added the payee.
    PayeeAddedTime,
}

/// The texts of one row, by column; an empty one is absent.
pub type Cells<'a> = [&'a str; COLUMNS];

/// A payment that was sent before anybody asked about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// The bank's key for the customer who paid.
    pub customer: Box<str>,
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

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault {
    /// In which column; `None` where it is the row as a whole.
    pub column: Option<Column>,
    /// Lower case, without a full stop, and never what was found.
    pub reason: &'static str,
}

impl Column {
    /// Every column, in the order of [`Cells`].
    pub const ALL: [Self; COLUMNS] = [
        Self::CustomerKey,
        Self::PayeeSortCode,
        Self::PayeeAccountNumber,
        Self::PayeeRollNumber,
        Self::PayeeIban,
        Self::Amount,
        Self::Currency,
        Self::SentTime,
        Self::Rail,
        Self::PayeeAddedTime,
    ];

    /// Returns the name that stands at the head of the column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CustomerKey => "customer_key",
            Self::PayeeSortCode => "payee_sort_code",
            Self::PayeeAccountNumber => "payee_account_number",
            Self::PayeeRollNumber => "payee_roll_number",
            Self::PayeeIban => "payee_iban",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::SentTime => "sent_time",
            Self::Rail => "rail",
            Self::PayeeAddedTime => "payee_added_time",
        }
    }

    /// Returns the place of the column in [`Cells`].
    pub fn place(self) -> usize {
        Self::ALL.iter().position(|column| *column == self).unwrap_or(0)
    }
}

/// Reads the head of a table: for each of its columns which of ours it is. `None` stands for those
/// of a file of rejects, which tell what was wrong and are passed over.
///
/// # Errors
///
/// Everything wrong with the head, a sentence each.
pub fn head(names: &[&str]) -> Result<Vec<Option<Column>>, Vec<String>> {
    let mut problems = Vec::new();
    let mut found: Vec<Option<Column>> = Vec::with_capacity(names.len().min(NAMES_MAX));
    if NAMES_MAX < names.len() {
        return Err(vec![format!("the head names {} columns: there are {COLUMNS}", names.len())]);
    }
    for name in names {
        if REJECTS.contains(name) {
            found.push(None);
            continue;
        }
        match Column::ALL.into_iter().find(|column| column.name() == *name) {
            Some(column) if found.contains(&Some(column)) => {
                problems.push(format!("column `{name}` stands twice: keep one of them"));
            }
            Some(column) => found.push(Some(column)),
            // A file without a head shows its first row here, which is personal.
            None if name.len() <= 32
                && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') =>
            {
                problems.push(format!("column `{name}` is none of ours: leave it out"));
            }
            None => problems.push(format!(
                "column {} has no name of ours: the first line names the columns",
                found.len().saturating_add(problems.len()).saturating_add(1)
            )),
        }
    }
    let has = |column| found.contains(&Some(column));
    for column in [Column::CustomerKey, Column::Amount, Column::Currency, Column::SentTime] {
        if !has(column) {
            problems.push(format!("column `{}` is missing", column.name()));
        }
    }
    let domestic = has(Column::PayeeSortCode) && has(Column::PayeeAccountNumber);
    if !(domestic || has(Column::PayeeIban)) {
        problems.push(
            "the payee's account is missing: `payee_sort_code` with `payee_account_number`, or \
             `payee_iban`"
                .to_owned(),
        );
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// Reads a row.
///
/// # Errors
///
/// Every column at fault.
pub fn row(cells: &Cells<'_>) -> Result<Row, Vec<Fault>> {
    let [customer, sort_code, number, roll, iban, amount, currency, sent, rail, added] = *cells;
    let mut faults = Vec::new();
    let mut fault = |column, reason| faults.push(Fault { column: Some(column), reason });
    for (column, text) in Column::ALL.into_iter().zip(cells) {
        if CELL_BYTES_MAX < text.len() {
            fault(column, "longer than 128 bytes");
        }
    }
    let fits = (1..=KEY_CHARS_MAX).contains(&customer.len());
    if !fits || !customer.bytes().all(|byte| byte.is_ascii_graphic()) {
        fault(Column::CustomerKey, "1 to 64 printable ASCII characters without spaces");
    }
    let payee = account((sort_code, number, roll, iban), &mut fault);
    let amount = match Amount::parse(amount) {
        Ok(amount) if !amount.is_zero() => Some(amount),
        Ok(_) => {
            fault(Column::Amount, "an amount above zero");
            None
        }
        Err(_) => {
            let reason =
                "digits with at most one point, such as 1250.00; at most 18, 5 of them decimals";
            fault(Column::Amount, reason);
            None
        }
    };
    let currency = Currency::from_code(currency);
    if currency.is_none() {
        fault(Column::Currency, "an ISO 4217 code of three upper-case letters");
    }
    let sent = instant(sent);
    if sent.is_none() {
        fault(Column::SentTime, INSTANT);
    }
    let rail = match rail_of(rail) {
        Ok(rail) => rail,
        Err(reason) => {
            fault(Column::Rail, reason);
            None
        }
    };
    let payee_added = instant(added);
    if !added.is_empty() && payee_added.is_none() {
        fault(Column::PayeeAddedTime, INSTANT);
    }
    match (payee, amount, currency, sent) {
        (Some(payee), Some(amount), Some(currency), Some(sent)) if faults.is_empty() => Ok(Row {
            customer: customer.into(),
            payee,
            money: Money { amount, currency },
            sent,
            rail,
            added: payee_added,
        }),
        _ => Err(faults),
    }
}

fn account(
    (sort_code, number, roll, iban): (&str, &str, &str, &str),
    fault: &mut impl FnMut(Column, &'static str),
) -> Option<Account> {
    let domestic = (sort_code, number, roll) != ("", "", "");
    if !iban.is_empty() {
        if domestic {
            fault(Column::PayeeIban, "either this or a sort code and account number");
            return None;
        }
        let account = Account::iban(iban).ok();
        if account.is_none() {
            fault(Column::PayeeIban, "an IBAN with right check digits");
        }
        return account;
    }
    if !domestic {
        fault(Column::PayeeSortCode, "a sort code and an account number, or an IBAN");
        return None;
    }
    // As they are printed: with hyphens or spaces, or without.
    let mut digits = [0_u8; SORT_CODE_DIGITS];
    let mut count = 0_usize;
    for byte in sort_code.bytes().filter(|byte| !b"- ".contains(byte)) {
        if let Some(digit) = digits.get_mut(count) {
            *digit = byte;
        }
        count = count.saturating_add(1);
    }
    let plain = std::str::from_utf8(&digits).ok().filter(|_| count == SORT_CODE_DIGITS);
    match Account::uk(plain.unwrap_or(""), number, roll) {
        Ok(account) => Some(account),
        Err(problems) => {
            for problem in problems {
                match problem {
                    AccountProblem::SortCode => {
                        fault(Column::PayeeSortCode, "six digits, such as 20-00-00");
                    }
                    AccountProblem::Number => fault(Column::PayeeAccountNumber, "eight digits"),
                    AccountProblem::RollNumber | AccountProblem::Iban => fault(
                        Column::PayeeRollNumber,
                        "1 to 18 letters, digits, spaces and `/ - .`",
                    ),
                }
            }
            None
        }
    }
}

fn instant(text: &str) -> Option<Time> {
    let time = Time::parse(text).filter(|time| TIME_MIN <= *time && *time < TIME_END)?;
    Some(time)
}

fn rail_of(text: &str) -> Result<Option<Rail>, &'static str> {
    Ok(Some(match text {
        "" => return Ok(None),
        "faster_payments" => Rail::FasterPayments,
        "chaps" => Rail::Chaps,
        "bacs" => Rail::Bacs,
        "internal" => Rail::Internal,
        "international" => Rail::International,
        _ => {
            return Err("one of `faster_payments`, `chaps`, `bacs`, `internal`, `international`");
        }
    }))
}

/// How many columns there are.
pub const COLUMNS: usize = 10;
/// What a file of rejects has before the columns of the table that it is of.
pub const REJECTS: [&str; 3] = ["line", "column", "reason"];

const INSTANT: &str = "a time with its offset, such as 2026-11-20T15:04:05Z, from 1980 on";
const SORT_CODE_DIGITS: usize = 6;
const NAMES_MAX: usize = COLUMNS.saturating_add(REJECTS.len());
/// As in the API.
const KEY_CHARS_MAX: usize = 64;
/// The longest right cell is a customer key or an IBAN with spaces, with room for an odd time.
const CELL_BYTES_MAX: usize = 128;
/// 1980-01-01T00:00:00Z: older than any ledger of payees, and above the zero dates of old systems.
const TIME_MIN: Time = Time::from_micros(315_532_800_000_000);
/// 2100-01-01T00:00:00Z: what a file calls later is a slip in a year and not a time.
const TIME_END: Time = Time::from_micros(4_102_444_800_000_000);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{pounds, time};

    const RIGHT: Cells<'static> =
        ["C-1", "60-16-13", "31926819", "", "", "12.50", "GBP", "2026-05-01T09:00:00Z", "", ""];

    fn with(column: Column, text: &'static str) -> Cells<'static> {
        let mut cells = RIGHT;
        cells[column.place()] = text;
        cells
    }

    #[test]
    fn a_row_is_read_in_whatever_form_accounts_and_times_are_written() {
        let row = row(&RIGHT).unwrap();
        assert_eq!((&*row.customer, row.payee.key()), ("C-1", "60161331926819"));
        assert_eq!((row.money, row.sent), (pounds("12.50"), time("2026-05-01T09:00:00Z")));
        assert_eq!((row.rail, row.added), (None, None));

        let mut cells = with(Column::SentTime, "2026-05-01T10:00:00+01:00");
        (cells[1], cells[2], cells[4]) = ("", "", "GB33 BUKB 2020 1555 5555 55");
        (cells[8], cells[9]) = ("chaps", "2025-01-01T00:00:00Z");
        let other = super::row(&cells).unwrap();
        assert_eq!((other.payee.key(), other.sent), ("20201555555555", row.sent));
        assert_eq!(other.rail, Some(Rail::Chaps));
        assert_eq!(other.added, Some(time("2025-01-01T00:00:00Z")));
        let rolled = super::row(&with(Column::PayeeRollNumber, "A/1")).unwrap();
        assert_eq!(rolled.payee.key(), "60161331926819/A1");
    }

    #[test]
    fn every_column_has_its_bounds() {
        let key = "k".repeat(65);
        let long: &'static str = Box::leak(key.into_boxed_str());
        let longer: &'static str = Box::leak("1".repeat(129).into_boxed_str());
        for (column, text, right) in [
            (Column::CustomerKey, long.get(1..).unwrap(), true),
            (Column::CustomerKey, long, false),
            (Column::CustomerKey, "", false),
            (Column::CustomerKey, "a b", false),
            (Column::CustomerKey, "\u{e9}", false),
            (Column::PayeeSortCode, "60 16 13", true),
            (Column::PayeeSortCode, "6016133", false),
            (Column::PayeeSortCode, "60161", false),
            (Column::PayeeSortCode, "60161\u{663}", false),
            (Column::PayeeAccountNumber, "3192681", false),
            (Column::PayeeAccountNumber, longer, false),
            (Column::PayeeRollNumber, "!", false),
            (Column::PayeeIban, "GB33BUKB20201555555555", false),
            (Column::Amount, "0.01", true),
            (Column::Amount, "0.00", false),
            (Column::Amount, "-1", false),
            (Column::Amount, "1,000", false),
            (Column::Amount, "1e3", false),
            (Column::Amount, "", false),
            (Column::Currency, "EUR", true),
            (Column::Currency, "gbp", false),
            (Column::SentTime, "1979-12-31T23:59:59Z", false),
            (Column::SentTime, "1980-01-01T00:00:00Z", true),
            (Column::SentTime, "2100-01-01T00:00:00Z", false),
            (Column::SentTime, "2099-12-31T23:59:59Z", true),
            (Column::SentTime, "2026-05-01", false),
            (Column::SentTime, "2026-05-01T09:00:00", false),
            (Column::Rail, "bacs", true),
            (Column::Rail, "BACS", false),
            (Column::PayeeAddedTime, "soon", false),
        ] {
            let faults = row(&with(column, text)).map(|_| ()).err().unwrap_or_default();
            assert_eq!(faults.is_empty(), right, "{column:?} {text}");
            assert!(faults.iter().all(|fault| fault.column == Some(column)), "{faults:?}");
        }
    }

    #[test]
    fn every_column_at_fault_is_named_at_once_and_no_value_is_repeated() {
        let mut cells = [""; COLUMNS];
        cells[Column::Rail.place()] = "pigeon";
        let faults = row(&cells).unwrap_err();
        let columns: Vec<_> =
            faults.iter().filter_map(|fault| fault.column).map(Column::name).collect();
        assert_eq!(
            columns,
            ["customer_key", "payee_sort_code", "amount", "currency", "sent_time", "rail"]
        );
        assert!(faults.iter().all(|fault| !fault.reason.contains("pigeon")));
    }

    #[test]
    fn a_head_names_our_columns_in_any_order() {
        let names = ["amount", "currency", "sent_time", "payee_iban", "customer_key"];
        let found = head(&names).unwrap();
        assert_eq!((found[0], found[4]), (Some(Column::Amount), Some(Column::CustomerKey)));
        let rejects = [&REJECTS[..], &names[..]].concat();
        assert_eq!(head(&rejects).unwrap()[..3], [None; 3]);
    }

    #[test]
    fn a_head_that_lacks_a_column_or_has_another_is_refused_with_all_that_is_wrong() {
        let problems = head(&["amount", "amount", "fee", "C-1 Ann Hollis"]).unwrap_err();
        let begins = [
            "column `amount` stands twice",
            "column `fee` is none of ours",
            "column 4 has no name of ours",
            "column `customer_key` is missing",
            "column `currency` is missing",
            "column `sent_time` is missing",
            "the payee's account is missing",
        ];
        assert_eq!(problems.len(), begins.len(), "{problems:?}");
        for (problem, begin) in problems.iter().zip(begins) {
            assert!(problem.starts_with(begin), "{problem}");
        }
        assert!(head(&["amount"; 14]).is_err());
    }
}
