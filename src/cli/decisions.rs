//! Decisions: looks at decisions that were made.
//!
//! Lists and shows talk to a running server; a replay reads a data folder and needs none.

use std::path::PathBuf;

use crate::calendar::Time;
use crate::cli::remote::At;
use crate::cli::screen::json_line;
use crate::cli::{CliError, page, print};
use crate::grpc::pb;
use crate::grpc::pb::get_decision_request::Id;

pub mod replay;

/// Looks at decisions that were made.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Lists decisions, newest first.
    List(List),
    /// Shows one decision with all that staff may see of it.
    Show(Show),
    /// Reaches every decision of a data folder again and compares.
    Replay(Replay),
}

/// Which decisions to list. Every condition given must hold.
#[derive(Debug, clap::Args)]
pub struct List {
    #[command(flatten)]
    at: At,
    /// Only decisions made at this time or later, such as 2026-11-20T15:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Time>,
    /// Only decisions made before this time.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Time>,
    /// Only decisions with this action.
    #[arg(long, value_parser = ["allow", "hold"])]
    action: Option<String>,
    /// Only transfers that leave this account: an IBAN, or sort code and account number.
    #[arg(long, value_name = "ACCOUNT")]
    payer: Option<String>,
    /// Only transfers that go to this account.
    #[arg(long, value_name = "ACCOUNT")]
    payee: Option<String>,
    /// Only decisions that this typology led to.
    #[arg(long, value_name = "ID")]
    typology: Option<String>,
    /// How many to list.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Prints each as JSON, one a line.
    #[arg(long)]
    json: bool,
}

/// Which decision to show.
#[derive(Debug, clap::Args)]
#[group(id = "which", required = true, multiple = false)]
pub struct Which {
    /// The decision's name: decisions/{uuid}.
    decision: Option<String>,
    /// The request that it answered.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// The bank's id of the payment.
    #[arg(long, value_name = "ID")]
    payment: Option<String>,
    /// The payment's end-to-end id.
    #[arg(long, value_name = "ID")]
    end_to_end: Option<String>,
    /// The payment's instruction id.
    #[arg(long, value_name = "ID")]
    instruction: Option<String>,
}

/// Shows one decision.
#[derive(Debug, clap::Args)]
pub struct Show {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    at: At,
    /// Prints it as JSON.
    #[arg(long)]
    json: bool,
}

/// Replays a data folder. Its server may run meanwhile.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// The data folder.
    #[arg(default_value = "./clearline-data")]
    data: PathBuf,
    /// Prints the count and every decision that came out otherwise as JSON, one a line.
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Runs it.
    pub fn run(&self) -> Result<(), CliError> {
        match self {
            Self::List(list) => list.run(),
            Self::Show(show) => show.run(),
            Self::Replay(replay) => replay.run(),
        }
    }
}

impl List {
    fn run(&self) -> Result<(), CliError> {
        let mut remote = self.at.connect()?;
        let mut request = self.request();
        let mut left = self.limit;
        loop {
            request.page_size = i32::try_from(left.min(PAGE_MAX)).unwrap_or(1);
            let page = remote.list(request.clone())?;
            for decision in page.decisions.iter().take(usize::try_from(left).unwrap_or(0)) {
                print(&if self.json {
                    json_line("DecisionSummary", decision)?
                } else {
                    page::summary(decision)
                })?;
            }
            left = left.saturating_sub(u32::try_from(page.decisions.len()).unwrap_or(u32::MAX));
            if left == 0 || page.next_page_token.is_empty() {
                return Ok(());
            }
            request.page_token = page.next_page_token;
        }
    }

    fn request(&self) -> pb::ListDecisionsRequest {
        let action = match self.action.as_deref() {
            Some("allow") => pb::Action::Allow,
            Some(_) => pb::Action::Hold,
            None => pb::Action::Unspecified,
        };
        pb::ListDecisionsRequest {
            page_size: 0,
            page_token: String::new(),
            start_time: self.from.map(timestamp),
            end_time: self.until.map(timestamp),
            action: action.into(),
            payer_account: self.payer.as_deref().map(account),
            payee_account: self.payee.as_deref().map(account),
            typology_id: self.typology.clone(),
        }
    }
}

impl Show {
    fn run(&self) -> Result<(), CliError> {
        let mut remote = self.at.connect()?;
        let found = remote.decision(self.which.id()?)?;
        if self.json {
            return print(&json_line("GetDecisionResponse", &found)?);
        }
        let mut text = found.decision.as_ref().map(page::decision).unwrap_or_default();
        for earlier in &found.earlier_decisions {
            text.push_str("  Earlier decision with this id: ");
            text.push_str(earlier);
            text.push('\n');
        }
        print(&text)
    }
}

impl Which {
    fn id(&self) -> Result<Id, CliError> {
        let ids = [
            self.decision.clone().map(Id::Decision),
            self.request.clone().map(Id::RequestId),
            self.payment.clone().map(Id::PaymentId),
            self.end_to_end.clone().map(Id::EndToEndId),
            self.instruction.clone().map(Id::InstructionId),
        ];
        let id = ids.into_iter().flatten().next();
        id.ok_or_else(|| CliError::Usage("say which decision: its name, or an id".to_owned()))
    }
}

fn instant(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| "write it as 2026-11-20T15:00:00Z".to_owned())
}

fn timestamp(time: Time) -> prost_types::Timestamp {
    let (seconds, nanos) = time.parts();
    prost_types::Timestamp { seconds, nanos }
}

/// Takes 14 digits for sort code and account number, and anything else for an IBAN; the server
/// says whether it is one.
fn account(text: &str) -> pb::Account {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let bare = text.chars().all(|char| char.is_ascii_digit() || " -/".contains(char));
    match digits.split_at_checked(6) {
        Some((sort_code, number)) if bare && number.len() == 8 => pb::Account {
            sort_code: sort_code.to_owned(),
            account_number: number.to_owned(),
            ..pb::Account::default()
        },
        _ => pb::Account { iban: text.to_owned(), ..pb::Account::default() },
    }
}

// The most that the server puts on a page.
const PAGE_MAX: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_written_either_way() {
        for text in ["60161331926819", "60-16-13 31926819", "60-16-13/31926819"] {
            let read = account(text);
            assert_eq!((&*read.sort_code, &*read.account_number), ("601613", "31926819"), "{text}");
        }
        for text in ["GB29NWBK60161331926819", "GB29 NWBK 6016 1331 9268 19", "1234567"] {
            assert_eq!(account(text).iban, text);
        }
    }
}
