//! List: reads a part of a list of accounts.
//!
//! Every account at fault is named at once, and one fault refuses the part: a list that lacks a row
//! is another list.

use crate::account::Account;
use crate::calendar::Time;
use crate::grpc::pb;
use crate::grpc::read::faults::{Faults, Place};
use crate::grpc::read::{FieldProblem, transfer};
use crate::lists::{OWNER, PART_ROWS_MAX, PARTS_MAX, is_owner};

/// A part of a list of accounts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListPart {
    /// Which version of the bank's list.
    pub version: u32,
    /// The team that answers for it.
    pub owner: Box<str>,
    /// SHA-256 of the whole list.
    pub content: [u8; 32],
    /// Which part this is, from 1.
    pub part: u32,
    /// How many parts the list has.
    pub parts: u32,
    /// Law firms' accounts for their clients' money.
    pub client_accounts: Vec<Account>,
    /// Accounts of those who send bills.
    pub billers: Vec<Account>,
}

/// Reads a part of a list of accounts.
pub fn list_part(message: pb::LoadListPartRequest) -> Result<ListPart, Vec<FieldProblem>> {
    let mut faults = Faults::new(Time::MIN);
    let top = Place::TOP;
    if message.version == 0 {
        faults.refuse::<()>(top, "version", "a whole number from 1 up");
    }
    if !is_owner(&message.owner) {
        faults.refuse::<()>(top, "owner", OWNER);
    }
    let content: Option<[u8; 32]> = message.content.as_slice().try_into().ok();
    if content.is_none() {
        faults.refuse::<()>(top, "content", "32 bytes");
    }
    if !(1..=PARTS_MAX).contains(&message.parts) {
        faults.refuse::<()>(top, "parts", "1 to 64");
    }
    if !(1..=message.parts.max(1)).contains(&message.part) {
        faults.refuse::<()>(top, "part", "1 to `parts`");
    }
    if PART_ROWS_MAX < message.client_accounts.len().saturating_add(message.billers.len()) {
        faults.refuse::<()>(top, "billers", "at most 1,000 accounts in all");
    }
    let client_accounts = accounts(&mut faults, "client_accounts", &message.client_accounts);
    let billers = accounts(&mut faults, "billers", &message.billers);
    let problems = faults.all();
    match content.filter(|_| problems.is_empty()) {
        Some(content) => Ok(ListPart {
            version: message.version,
            owner: message.owner.into(),
            content,
            part: message.part,
            parts: message.parts,
            client_accounts,
            billers,
        }),
        None => Err(problems),
    }
}

fn accounts(faults: &mut Faults, list: &'static str, messages: &[pb::Account]) -> Vec<Account> {
    let mut accounts = Vec::with_capacity(messages.len().min(PART_ROWS_MAX));
    for (at, message) in messages.iter().enumerate().take(PART_ROWS_MAX) {
        let place = Place { message: list, at: Some(at) };
        accounts.extend(transfer::account(faults, place, Some(message)));
    }
    accounts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> pb::LoadListPartRequest {
        pb::LoadListPartRequest {
            version: 1,
            owner: "payments risk".to_owned(),
            content: vec![1; 32],
            part: 2,
            parts: 2,
            client_accounts: vec![account("31926819")],
            billers: vec![account("55779911")],
        }
    }

    fn account(number: &str) -> pb::Account {
        pb::Account {
            sort_code: "601613".to_owned(),
            account_number: number.to_owned(),
            ..Default::default()
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut pb::LoadListPartRequest), want: &[&str]) {
        let mut message = message();
        change(&mut message);
        let problems = list_part(message).map(|_| ()).err().unwrap_or_default();
        let fields: Vec<_> = problems.iter().map(|problem| &*problem.field).collect();
        assert_eq!(fields, want);
    }

    #[test]
    fn a_part_is_read_inside_its_bounds() {
        let part = list_part(message()).unwrap();
        assert_eq!((part.part, part.parts, part.content), (2, 2, [1; 32]));
        assert_eq!((part.client_accounts.len(), part.billers.len()), (1, 1));
        check(|part| (part.part, part.parts) = (64, 64), &[]);
        check(|part| (part.part, part.parts) = (1, 65), &["parts"]);
        check(|part| part.part = 0, &["part"]);
        check(|part| part.part = 3, &["part"]);
        check(|part| part.client_accounts = vec![account("31926819"); 999], &[]);
        check(|part| part.client_accounts = vec![account("31926819"); 1_000], &["billers"]);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        check(
            |part| {
                part.version = 0;
                part.owner = "\n".to_owned();
                part.content = vec![1; 31];
                part.client_accounts.push(account("x"));
                part.billers.insert(0, pb::Account::default());
            },
            &["version", "owner", "content", "client_accounts[1].account_number", "billers[0]"],
        );
    }
}
