//! Lists: loads the accounts that a bank vouches for into a running server.

use std::path::PathBuf;

use clap::Subcommand;

use crate::account::Account;
use crate::cli::remote::At;
use crate::cli::{CliError, print};
use crate::grpc::pb;
use crate::lists::{Kind, List, Row};

/// What can be done with lists.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Loads the accounts that the bank vouches for, in place of those before.
    Load(Load),
}

/// The flags of `lists load`.
#[derive(Debug, clap::Args)]
pub struct Load {
    /// The list, see deploy/lists/example.toml.
    file: PathBuf,
    #[command(flatten)]
    at: At,
}

impl Command {
    /// Does what the command line says.
    pub(super) fn run(&self) -> Result<(), CliError> {
        match self {
            Self::Load(load) => load.run(),
        }
    }
}

impl Load {
    fn run(&self) -> Result<(), CliError> {
        let list = self.read()?;
        let mut remote = self.at.connect()?;
        let mut in_force = false;
        for message in messages(&list) {
            in_force = remote.load_list_part(message)?.in_force;
        }
        let List { version, rows, .. } = &list;
        if !in_force {
            return Err(CliError::NotAsExpected(format!(
                "version {version} is recorded and not in force: load it again"
            )));
        }
        let clients = rows.iter().filter(|row| row.kind == Kind::ClientAccount).count();
        let billers = rows.len().saturating_sub(clients);
        print(&format!(
            "version {version} is in force: {clients} client accounts, {billers} billers\n"
        ))
    }

    /// Reads the whole list before anything is sent.
    fn read(&self) -> Result<List, CliError> {
        let path = self.file.display().to_string();
        let unreadable = |source| CliError::Unreadable { path: path.clone(), source };
        let size = std::fs::metadata(&self.file).map_err(unreadable)?.len();
        if FILE_BYTES_MAX < size {
            return Err(CliError::NotAsExpected(format!(
                "`{path}` is larger than any list: keep it to {FILE_BYTES_MAX} bytes"
            )));
        }
        let text = std::fs::read_to_string(&self.file).map_err(unreadable)?;
        List::read(&path, &text).map_err(|problems| {
            let mut lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            lines.push("nothing was loaded".to_owned());
            CliError::NotAsExpected(lines.join("\n"))
        })
    }
}

/// Returns the messages that load a list, in order.
fn messages(list: &List) -> Vec<pb::LoadListPartRequest> {
    let content = list.content().to_vec();
    let parts = list.parts();
    let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let numbered = (1..=count).zip(parts);
    numbered
        .map(|(part, rows)| {
            let of = |kind| {
                let rows = rows.iter().filter(move |row: &&Row| row.kind == kind);
                rows.map(|row| account(&row.account)).collect()
            };
            pb::LoadListPartRequest {
                version: list.version,
                owner: list.owner.to_string(),
                content: content.clone(),
                part,
                parts: count,
                client_accounts: of(Kind::ClientAccount),
                billers: of(Kind::Biller),
            }
        })
        .collect()
}

/// Returns an account as the API takes it.
pub(super) fn account(account: &Account) -> pb::Account {
    let key = account.key();
    let (number, roll) = key.split_once('/').unwrap_or((key, ""));
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    match number.split_at_checked(SORT_CODE_CHARS).filter(|_| digits) {
        Some((sort_code, number)) => pb::Account {
            sort_code: sort_code.to_owned(),
            account_number: number.to_owned(),
            roll_number: roll.to_owned(),
            iban: String::new(),
        },
        None => pb::Account { iban: key.to_owned(), ..pb::Account::default() },
    }
}

const SORT_CODE_CHARS: usize = 6;

/// Largest file: 64,000 accounts of 250 bytes each.
const FILE_BYTES_MAX: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::read::list_part;

    #[test]
    fn the_example_loads_and_every_account_arrives_as_it_was_written() {
        let text = include_str!("../../deploy/lists/example.toml");
        let list = List::read("example.toml", text).unwrap();
        let messages = messages(&list);
        assert_eq!(messages.len(), 1);
        let part = list_part(messages.into_iter().next().unwrap()).unwrap();
        let mut accounts = [part.client_accounts, part.billers].concat();
        accounts.sort_unstable();
        let listed: Vec<_> = list.rows.iter().map(|row| row.account.clone()).collect();
        assert_eq!(accounts, listed);
        assert!(listed.iter().any(|account| account.key().contains('/')));
        assert!(listed.iter().any(|account| account.key().starts_with("IE")));
    }

    #[test]
    fn a_long_list_goes_in_parts_that_each_fit_a_message() {
        use prost::Message as _;
        let row = |number| {
            format!(
                "[[account]]\nkind = \"biller\"\nsort_code = \"601613\"\naccount = \
                 \"{number:08}\"\nroll = \"123456789012345678\"\nname = \"A\"\n"
            )
        };
        let rows: Vec<String> = (0..2_001).map(row).collect();
        let head = "schema = 1\nversion = 4294967295\nowner = \"a\"\n";
        let text = format!("{head}{}", rows.concat());
        let messages = messages(&List::read("a.toml", &text).unwrap());
        let rows: Vec<_> = messages.iter().map(|message| message.billers.len()).collect();
        assert_eq!(rows, [1_000, 1_000, 1]);
        for (at, message) in messages.iter().enumerate() {
            assert_eq!((message.part, message.parts), (u32::try_from(at).unwrap() + 1, 3));
            assert!(message.encoded_len() <= crate::grpc::call::MESSAGE_BYTES_MAX);
        }
    }
}
