//! Lists: the accounts that a bank vouches for, as it writes them down.
//!
//! ```toml
//! schema  = 1
//! version = 7                    # counts up; a later version replaces all of an earlier one
//! owner   = "payments risk"      # the team that answers for it
//!
//! [[account]]
//! kind      = "client_account"   # or "biller"
//! sort_code = "20-00-00"
//! account   = "55779911"         # or iban = "…" instead of both; roll = "…" where there is one
//! name      = "Hollis & Mercer LLP"
//! ```
//!
//! Read whole or not at all: every row at fault is named at once with its line, because a list that
//! lacks one firm stops that firm's completions. The names are for those who keep the list, and go
//! nowhere from here.
//!
//! Never says what a listed account is worth: that is a policy's matter.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::account::{Account, AccountProblem};
use crate::document::{Document, Problem, Problems, Section};

/// A list read from its file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct List {
    /// Which version of the bank's list it is.
    pub version: u32,
    /// The team that answers for it.
    pub owner: Box<str>,
    /// The accounts, in the order of their keys, each once.
    pub rows: Vec<Row>,
}

/// One account of a list.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Row {
    /// The account.
    pub account: Account,
    /// What the bank vouches for.
    pub kind: Kind,
}

/// What a bank vouches for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// A law firm's account for its clients' money.
    ClientAccount,
    /// The account of somebody who sends bills.
    Biller,
}

impl List {
    /// Reads a list from the text of `file`.
    ///
    /// # Errors
    ///
    /// Every problem, by line.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let problems = Problems::default();
        let list = {
            let document = Document::parse(file, text, &problems);
            read(&document.root())
        };
        match list {
            Some(list) if problems.none() => Ok(list),
            _ => Err(problems.into_sorted()),
        }
    }

    /// Returns a digest of what it holds, the same in whatever order the file has it. Not for
    /// anyone who may not know the accounts: a short list can be guessed from it.
    pub fn content(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for Row { account, kind } in &self.rows {
            let kind = match kind {
                Kind::ClientAccount => b'c',
                Kind::Biller => b'b',
            };
            hash.update([kind]);
            hash.update(account.key());
            hash.update([0]);
        }
        hash.finalize().into()
    }

    /// Returns its rows in parts of at most [`PART_ROWS_MAX`]; one empty part for an empty list.
    pub fn parts(&self) -> Vec<&[Row]> {
        if self.rows.is_empty() {
            return vec![&[]];
        }
        self.rows.chunks(PART_ROWS_MAX).collect()
    }
}

fn read(root: &Section<'_>) -> Option<List> {
    root.whole("schema", 1..=1_i64);
    let version = root.whole("version", 1..=u32::MAX);
    let owner = root.parsed("owner", OWNER, |text| is_owner(text).then_some(text));
    let sections = root.sections("account")?;
    if ROWS_MAX < sections.len() {
        let message = format!("the list has {} accounts", sections.len());
        root.report("account", message, format!("keep it to {ROWS_MAX}"));
    }
    let mut rows = Vec::with_capacity(sections.len());
    let mut lines: BTreeMap<Account, u32> = BTreeMap::new();
    for section in &sections {
        let Some(row) = row(section) else { continue };
        if let Some(line) = lines.get(&row.account) {
            let message = format!("the account stands on line {line} as well");
            section.report_at(section.line(), message, "remove one of them");
            continue;
        }
        lines.insert(row.account.clone(), section.line());
        rows.push(row);
    }
    rows.sort_unstable();
    Some(List { version: version?, owner: owner?.into(), rows })
}

fn row(section: &Section<'_>) -> Option<Row> {
    let kinds = [("client_account", Kind::ClientAccount), ("biller", Kind::Biller)];
    let kind = section.choice("kind", &kinds);
    let expected = "the name of who is paid, at most 140 characters";
    section
        .parsed("name", expected, |name| (1..=NAME_BYTES_MAX).contains(&name.len()).then_some(()));
    let account = if section.has("iban") {
        section.parsed("iban", "an IBAN with right check digits", |text| Account::iban(text).ok())
    } else {
        domestic(section)
    };
    Some(Row { account: account?, kind: kind? })
}

fn domestic(section: &Section<'_>) -> Option<Account> {
    let sort_code = section.text("sort_code");
    let number = section.text("account");
    let roll = section.optional("roll", Section::text);
    // As they are printed: with hyphens or spaces, or without.
    let digits = sort_code?.replace(['-', ' '], "");
    match Account::uk(&digits, number?, roll?.unwrap_or("")) {
        Ok(account) => Some(account),
        Err(problems) => {
            for problem in problems {
                let (key, advice) = match problem {
                    AccountProblem::SortCode => ("sort_code", "write six digits, such as 20-00-00"),
                    AccountProblem::Number => ("account", "write eight digits"),
                    AccountProblem::RollNumber | AccountProblem::Iban => {
                        ("roll", "write 1 to 18 letters, digits, spaces and `/ - .`")
                    }
                };
                section.report(key, format!("`{key}` cannot be read"), advice);
            }
            None
        }
    }
}

/// Tells whether a text can name the owner of a list.
pub fn is_owner(text: &str) -> bool {
    let chars = text.chars().count();
    let printable = text.chars().all(|c| !c.is_control());
    (1..=OWNER_CHARS_MAX).contains(&chars) && printable && !text.trim().is_empty()
}

/// What an owner is, in words.
pub const OWNER: &str = "the team that answers for the list, 1 to 64 characters";
const OWNER_CHARS_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 560;

/// Most accounts in one part of a list. A part is one message of at most 64 KiB, with room for IBANs
/// and roll numbers, and one entry of the log: 17 bytes an account, so a quarter of what an entry
/// may hold.
pub const PART_ROWS_MAX: usize = 1_000;
/// Most parts of a list, and with that most accounts: 64,000, five for every law firm of the country
/// and the billers besides. They take a megabyte of memory, twice while a list is being loaded.
pub const PARTS_MAX: u32 = 64;
/// Most accounts of a list.
pub const ROWS_MAX: usize = 64_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let problems = List::read("a.toml", text).unwrap_err();
        problems.iter().map(ToString::to_string).collect()
    }

    const HEAD: &str = "schema = 1\nversion = 7\nowner = \"payments risk\"\n";

    #[test]
    fn a_list_is_read_in_whatever_form_accounts_are_written() {
        let text = format!(
            "{HEAD}[[account]]\nkind = \"client_account\"\nsort_code = \"60-16-13\"\naccount = \
             \"31926819\"\nname = \"A\"\n[[account]]\nkind = \"biller\"\niban = \"GB33 BUKB 2020 \
             1555 5555 55\"\nname = \"B\"\n[[account]]\nkind = \"biller\"\nsort_code = \
             \"200000\"\naccount = \"55779911\"\nroll = \"A/1\"\nname = \"C\"\n"
        );
        let list = List::read("a.toml", &text).unwrap();
        assert_eq!((list.version, &*list.owner), (7, "payments risk"));
        let rows: Vec<_> = list.rows.iter().map(|row| (row.account.key(), row.kind)).collect();
        assert_eq!(
            rows,
            [
                ("20000055779911/A1", Kind::Biller),
                ("20201555555555", Kind::Biller),
                ("60161331926819", Kind::ClientAccount),
            ]
        );
        assert_eq!(list.parts().len(), 1);
    }

    #[test]
    fn every_bad_row_is_named_at_once_with_its_line() {
        let text = format!(
            "{HEAD}[[account]]\nkind = \"client\"\nsort_code = \"6016\"\naccount = \"3192681\"\nname \
             = \"A\"\n[[account]]\nkind = \"biller\"\niban = \"GB00\"\nname = \"B\"\n[[account]]\n\
             kind = \"biller\"\naccount = \"31926819\"\n"
        );
        let found = lines(&text);
        let begins = [
            "a.toml:5: `client` is no kind: ",
            "a.toml:6: `sort_code` cannot be read: write six digits, such as 20-00-00",
            "a.toml:7: `account` cannot be read: write eight digits",
            "a.toml:11: `iban` cannot be read: write an IBAN with right check digits",
            "a.toml:13: `name` is missing: ",
            "a.toml:13: `sort_code` is missing: ",
        ];
        assert_eq!(found.len(), begins.len(), "{found:?}");
        for (problem, begin) in found.iter().zip(begins) {
            assert!(problem.starts_with(begin), "{problem}");
        }
        assert!(!found.join("").contains("31926819"), "accounts are not repeated");
    }

    #[test]
    fn one_account_stands_on_a_list_once() {
        let row = "[[account]]\nkind = \"biller\"\nsort_code = \"601613\"\naccount = \
                   \"31926819\"\nname = \"A\"\n";
        let other = row.replace("biller", "client_account");
        assert_eq!(
            lines(&format!("{HEAD}{row}{other}")),
            ["a.toml:9: the account stands on line 4 as well: remove one of them"]
        );
    }

    #[test]
    fn an_empty_list_says_so_and_an_absent_one_is_a_mistake() {
        let empty = List::read("a.toml", &format!("{HEAD}account = []\n")).unwrap();
        assert_eq!((empty.rows.len(), empty.parts().len()), (0, 1));
        assert_eq!(lines(HEAD), ["a.toml:1: `account` is missing: add `account = …`"]);
        let found = lines("schema = 1\nversion = 0\nowner = \" \"\naccount = []\nowners = 1\n");
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn the_content_is_the_same_in_whatever_order_and_another_for_another_kind() {
        let row = |number: &str, kind: &str| {
            format!(
                "[[account]]\nkind = \"{kind}\"\nsort_code = \"601613\"\naccount = \
                 \"{number}\"\nname = \"A\"\n"
            )
        };
        let content =
            |rows: &str| List::read("a.toml", &format!("{HEAD}{rows}")).unwrap().content();
        let (a, b) = (row("31926819", "biller"), row("55779911", "biller"));
        assert_eq!(content(&format!("{a}{b}")), content(&format!("{b}{a}")));
        assert_ne!(content(&a), content(&b));
        assert_ne!(content(&a), content(&row("31926819", "client_account")));
    }

    #[test]
    fn a_list_has_room_for_a_country_and_no_more() {
        let rows = |count: u32| {
            let row = |number| {
                format!(
                    "[[account]]\nkind = \"biller\"\nsort_code = \"601613\"\naccount = \
                     \"{number:08}\"\nname = \"A\"\n"
                )
            };
            let rows: Vec<String> = (0..count).map(row).collect();
            format!("{HEAD}{}", rows.concat())
        };
        let list = List::read("a.toml", &rows(64_000)).unwrap();
        assert_eq!(list.parts().len(), usize::try_from(PARTS_MAX).unwrap());
        assert_eq!(
            lines(&rows(64_001)),
            ["a.toml:4: the list has 64001 accounts: keep it to 64000"]
        );
    }
}
