//! Import: loads past payments into a running server, so that payers are known from the first day.
//!
//! The file is read by a thread of its own and sent part by part, each acknowledged once it is
//! durable. The server remembers how far the file is recorded, so a load that broke off is gone on
//! with by the same command.
//!
//! What is personal goes to the server and into the file of rejects, and nowhere else.

pub mod columns;
pub mod lines;
pub mod parts;
pub mod progress;
pub mod rejects;
pub mod table;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{Receiver, channel};
use tokio_stream::wrappers::ReceiverStream;

use crate::backfill::Fault;
use crate::cli::import::parts::{Part, Plan, cut};
use crate::cli::import::progress::{Progress, grouped, rate};
use crate::cli::import::rejects::{Reject, Rejects};
use crate::cli::import::table::{Table, TableError};
use crate::cli::remote::{At, Remote, Wire};
use crate::cli::{CliError, print};
use crate::grpc::pb;
use crate::grpc::pb::history_service_client::HistoryServiceClient;

/// The flags of `import`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Import {
    /// The past payments, as CSV or Parquet.
    file: PathBuf,
    #[command(flatten)]
    at: At,
    /// Takes payments of payers about whom decisions were made already as well. What was screened or
    /// reported then counts twice: load only what was sent before.
    #[arg(long)]
    also_live: bool,
    /// Where rows go that are left out; FILE.rejects.csv without it. Holds personal data.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// What a load came to.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    /// Rows settled before it began.
    before: u64,
    settled: u64,
    recorded: u64,
    unreadable: u64,
    live: u64,
    old: u64,
    future: u64,
}

/// A load under way.
struct Load {
    totals: Totals,
    rejects: Rejects,
    progress: Progress,
    /// Parts without an answer, in order.
    waiting: VecDeque<Part>,
}

impl Import {
    /// Does what the command line says.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let table = Table::open(&self.file)?;
        let content = digest(&self.file)?;
        let mut remote = self.at.connect()?;
        let known = remote.get_import(pb::GetImportRequest { content: content.to_vec() })?;
        let totals = Totals {
            before: known.rows_settled,
            settled: known.rows_settled,
            recorded: known.rows_recorded,
            ..Totals::default()
        };
        let path = self.rejects_path();
        let goes_on = 0 < known.rows_settled;
        let rejects = Rejects::new(&path, table.head(), goes_on)
            .map_err(|source| unwritable(&path, source))?;
        let all = match table.read() {
            (_, Some(all)) => all,
            (_, None) => size(&self.file)?,
        };
        let progress = Progress::start(all);
        let mut load = Load { totals, rejects, progress, waiting: VecDeque::new() };
        let plan = Plan { content, from: known.rows_settled, also_live: self.also_live };
        let sent = self.send(&mut remote, table, plan, &mut load);
        load.progress.end();
        match sent {
            Ok(()) => self.sum_up(&load),
            Err(error) => Err(CliError::NotAsExpected(format!(
                "{error}\n{} rows are settled: run the same command again, and it goes on there",
                grouped(load.totals.settled)
            ))),
        }
    }

    fn rejects_path(&self) -> PathBuf {
        self.rejects.clone().unwrap_or_else(|| {
            let mut name = self.file.clone().into_os_string();
            name.push(".rejects.csv");
            name.into()
        })
    }

    /// Reads, sends and settles, to the end of the table.
    fn send(
        &self,
        remote: &mut Remote,
        table: Table,
        plan: Plan,
        load: &mut Load,
    ) -> Result<(), CliError> {
        let (sender, parts) = channel(PARTS_AHEAD);
        let reading = std::thread::Builder::new()
            .name("reading".to_owned())
            .spawn(move || cut(table, &plan, &sender))?;
        let file = self.file.display().to_string();
        let (runtime, client) = remote.history();
        let sent = runtime.block_on(load.send(&file, parts, client));
        let read = reading.join();
        match sent {
            Ok(()) if read.is_err() => Err(CliError::NotAsExpected(format!(
                "`{file}` cannot be read on: the file is damaged"
            ))),
            Ok(()) => Ok(()),
            Err(Stopped::Told(error)) => Err(error),
            Err(Stopped::Status(status)) => Err(remote.refused(&status)),
        }
    }

    fn sum_up(&self, load: &Load) -> Result<(), CliError> {
        let Totals { before, settled, recorded, unreadable, live, old, future } = load.totals;
        let rejected = settled.saturating_sub(recorded);
        let passed = load.progress.passed();
        let now = settled.saturating_sub(before);
        // Writing to a string does not fail.
        let mut text = format!("{}: {} rows", self.file.display(), grouped(settled));
        if 0 < before {
            let _ = write!(text, ", {} of them settled before", grouped(before));
        }
        let _ = write!(
            text,
            "\n  recorded {:>14}\n  left out {:>14}\n",
            grouped(recorded),
            grouped(rejected)
        );
        for (count, reason) in [
            (unreadable, "cannot be read"),
            (live, "of payers with live decisions, see --also-live"),
            (old, "sent more than 400 days ago"),
            (future, "sent in the future"),
        ] {
            if 0 < count {
                let _ = writeln!(text, "  {:>23}  {reason}", grouped(count));
            }
        }
        let seconds = passed.0.max(0).checked_div(100_000).unwrap_or(0);
        let (whole, tenth) = (seconds.div_euclid(10), seconds.rem_euclid(10));
        let _ = writeln!(text, "  in {whole}.{tenth} s, {} rows/s", grouped(rate(now, passed)));
        print(&text)?;
        if rejected == 0 {
            return Ok(());
        }
        Err(CliError::LeftOut(format!(
            "{} rows were left out: `{}` has them with the reason, and personal data for its owner \
             only; mend them there and load that file",
            grouped(rejected),
            load.rejects.path().display()
        )))
    }
}

/// Why a load stopped.
enum Stopped {
    Told(CliError),
    Status(tonic::Status),
}

impl Load {
    async fn send(
        &mut self,
        file: &str,
        mut parts: Receiver<Result<Part, TableError>>,
        mut client: HistoryServiceClient<Wire>,
    ) -> Result<(), Stopped> {
        let (requests, stream) = channel(PARTS_WAITING_MAX);
        let mut requests = Some(requests);
        let answers = client.import_payments(ReceiverStream::new(stream)).await;
        let mut answers = answers.map_err(Stopped::Status)?.into_inner();
        loop {
            let more = requests.is_some() && self.waiting.len() < PARTS_WAITING_MAX;
            tokio::select! {
                part = parts.recv(), if more => match part {
                    None => requests = None,
                    Some(Ok(part)) => self.hand_in(part, requests.as_ref()).await,
                    Some(Err(error)) => return Err(Stopped::Told(CliError::NotAsExpected(
                        format!("`{file}` cannot be read on: {error}"),
                    ))),
                },
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => self.settle(&answer).map_err(Stopped::Told)?,
                    Ok(None) if requests.is_none() && self.waiting.is_empty() => return Ok(()),
                    Ok(None) => return Err(Stopped::Status(tonic::Status::unavailable(""))),
                    Err(status) => return Err(Stopped::Status(status)),
                },
            }
        }
    }

    async fn hand_in(
        &mut self,
        mut part: Part,
        requests: Option<&tokio::sync::mpsc::Sender<pb::ImportPaymentsRequest>>,
    ) {
        let message = std::mem::take(&mut part.message);
        self.waiting.push_back(part);
        if let Some(requests) = requests {
            // Where nobody takes it any more, the answers say why.
            let _ = requests.send(message).await;
        }
    }

    /// Takes the answer to the part that has waited longest.
    fn settle(&mut self, answer: &pb::ImportPaymentsResponse) -> Result<(), CliError> {
        let Some(Part { mut rejects, rows, read, .. }) = self.waiting.pop_front() else {
            return Err(CliError::NotAsExpected("the server answered a part twice".to_owned()));
        };
        let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
        let totals = &mut self.totals;
        totals.unreadable = totals.unreadable.saturating_add(count(rejects.len()));
        let mut rows = rows.into_iter();
        for refused in &answer.refused_rows {
            let (counted, reason) = match refused.reason() {
                pb::RowRefusal::PayerLive => (&mut totals.live, "the payer has live decisions"),
                pb::RowRefusal::TooOld => (&mut totals.old, "sent more than 400 days ago"),
                pb::RowRefusal::InFuture => (&mut totals.future, "sent in the future"),
                pb::RowRefusal::Unspecified => (&mut totals.unreadable, "refused by the server"),
            };
            *counted = counted.saturating_add(1);
            if let Some((_, line, raw)) = rows.find(|(row, _, _)| *row == refused.row) {
                let column = match refused.reason() {
                    pb::RowRefusal::PayerLive => crate::backfill::Column::CustomerKey,
                    _ => crate::backfill::Column::SentTime,
                };
                let faults = vec![Fault { column: Some(column), reason }];
                rejects.push(Reject { line, faults, raw, whole: true });
            }
        }
        rejects.sort_by_key(|reject| reject.line);
        self.rejects.add(&rejects).map_err(|source| unwritable(self.rejects.path(), source))?;
        self.totals.settled = answer.rows_settled;
        self.totals.recorded = answer.rows_recorded;
        self.progress.tell(read, answer.rows_settled);
        Ok(())
    }
}

/// Returns the SHA-256 of a file.
fn digest(path: &Path) -> Result<[u8; 32], CliError> {
    let unreadable = |source| CliError::Unreadable { path: path.display().to_string(), source };
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; DIGEST_BYTES];
    loop {
        let read = file.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
}

fn size(path: &Path) -> Result<u64, CliError> {
    let unreadable = |source| CliError::Unreadable { path: path.display().to_string(), source };
    Ok(std::fs::metadata(path).map_err(unreadable)?.len())
}

fn unwritable(path: &Path, source: std::io::Error) -> CliError {
    CliError::Unwritable { path: path.display().to_string(), source }
}

/// Parts that are read ahead, and parts that are sent ahead of their answers: at most 4 MiB of text
/// together, where every row is as long as one may be 24 MiB.
const PARTS_AHEAD: usize = 8;
const PARTS_WAITING_MAX: usize = 16;
const DIGEST_BYTES: usize = 256 * 1024;

const HELP: &str = "\
The file has one payment a row and these columns, in any order. In CSV the first line names them,
commas part them and a row is a line; in Parquet each is a column of texts, or of the type named.

  customer_key          required  the bank's key for the customer who paid, as in requests
  payee_sort_code       required  six digits, hyphens and spaces allowed
  payee_account_number  required  eight digits
  payee_roll_number     optional  where the payee's account has one
  payee_iban            in place of the three above
  amount                required  such as 1250.00, above zero; DECIMAL in Parquet
  currency              required  ISO 4217, such as GBP
  sent_time             required  when it was sent, such as 2026-11-20T15:04:05Z; TIMESTAMP in UTC in
                                  Parquet; from 400 days ago until now
  rail                  optional  faster_payments, chaps, bacs, internal or international
  payee_added_time      optional  when the payer had added the payee, written like sent_time

Rows that are left out go into a file beside it, with the line, the column and the reason. They hold
personal data; the file is for its owner only. Mend them there and load that file: it has the same
columns after the three that say what was wrong.

A load that broke off is gone on with by the same command. A file counts once however often it is
loaded; another file with the same payments counts them again. A file sorted by customer is recorded
in fewer entries, and faster.

Exit code 0: every row is recorded. 3: some were left out. 1: it broke off.";
