//! Evaluate: how much of the truth about labelled payments a policy finds, and whom it hurts.
//!
//! Everything runs in this process: records are read exactly as the service reads requests, then recalled,
//! decided and remembered by the functions of its turn, each file a bank of its own that begins with an empty
//! memory. One thread reads and matches texts, one for each policy decides.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use crate::calendar::{Span, Time};
use crate::cli::evaluate::bank::{Bank, Payment, Refused};
use crate::cli::{CliError, print};
use crate::clock::{Clock as _, RealClock};
use crate::entry::Entry;
use crate::evaluation::{Tally, compare};
use crate::policy::{self, Policy};
use crate::records::Reader;
use crate::records::pb::Header;
use crate::text::Mention;

mod bank;
mod json;
mod labels;
mod sheet;
mod table;
#[cfg(test)]
mod tests;
mod words;

/// Measures what a policy finds in labelled payments, and whom it hurts.
#[derive(Debug, clap::Args)]
pub struct Evaluate {
    /// Files that `clearline simulate` wrote.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The policy's folder; the shipped policy without it.
    #[arg(long, value_name = "FOLDER")]
    policy: Option<PathBuf>,
    /// A second policy to compare it with, with a memory of its own.
    #[arg(long, value_name = "FOLDER")]
    against: Option<PathBuf>,
    /// Days at the beginning of each file that are remembered and not measured: a payer counts as known
    /// after 90.
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    warm_up: u32,
    /// Prints everything as one JSON object.
    #[arg(long)]
    json: bool,
    /// Writes a page of HTML with charts to this file as well.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// What an evaluation came to, besides the counts.
#[derive(Debug)]
struct Ran {
    files: Vec<(String, Header, u64)>,
    /// What each policy is called, and its digest.
    policies: Vec<(String, [u8; 32])>,
    warm_up: u32,
    payments: u64,
    micros: u64,
}

/// The way to a bank and back.
#[derive(Debug)]
struct Lane {
    batches: SyncSender<Batch>,
    /// What the bank has remembered, to be freed by the thread that made it: that is the less busy one, and
    /// memory is given back more cheaply where it was taken.
    spent: Receiver<Vec<Entry>>,
}

/// Some payments in their order, and what their texts mention.
type Batch = Vec<(Payment, Vec<Mention>)>;

impl Evaluate {
    /// Runs the command.
    pub fn run(&self) -> Result<(), CliError> {
        let mut policies = vec![load(self.policy.as_deref())?];
        if let Some(folder) = &self.against {
            policies.push(load(Some(folder))?);
        }
        let clock = RealClock::start();
        let mut tallies: Vec<Tally> = policies.iter().map(|_| Tally::default()).collect();
        let mut files = Vec::new();
        for (number, path) in (0..).zip(&self.files) {
            let (header, records, counted) = self.file(number, path, &policies)?;
            files.push((path.display().to_string(), header, records));
            for (tally, counted) in tallies.iter_mut().zip(counted) {
                tally.add(counted);
            }
        }
        let micros = clock.steady().0.unsigned_abs().max(1);
        let names = [self.policy.as_deref(), self.against.as_deref()];
        let name = |folder: Option<&Path>| {
            folder
                .map_or_else(|| "the shipped policy".to_owned(), |path| path.display().to_string())
        };
        let ran = Ran {
            payments: files.iter().fold(0_u64, |sum, (_, _, records)| sum.saturating_add(*records)),
            files,
            policies: policies
                .iter()
                .zip(names)
                .map(|(policy, folder)| (name(folder), policy.digest()))
                .collect(),
            warm_up: self.warm_up,
            micros,
        };
        let measures: Vec<_> = tallies.iter().map(Tally::measures).collect();
        let change = match &*tallies {
            [first, second] => Some(compare(first, second)),
            _ => None,
        };
        if let Some(path) = &self.html {
            let unwritable =
                |source| CliError::Unwritable { path: path.display().to_string(), source };
            let page = sheet::sheet(&ran, &measures, change.as_ref())?;
            fs::write(path, page).map_err(unwritable)?;
        }
        print(&if self.json {
            json::report(&ran, &measures, change.as_ref())
        } else {
            table::report(&ran, &measures, change.as_ref())
        })
    }

    /// Counts one file under each policy. Returns its header and how many records it has.
    fn file(
        &self,
        number: u32,
        path: &Path,
        policies: &[Arc<Policy>],
    ) -> Result<(Header, u64, Vec<Tally>), CliError> {
        let name = path.display().to_string();
        let unreadable = |source| CliError::Unreadable { path: name.clone(), source };
        let file = File::open(path).map_err(unreadable)?;
        let wrong = |why: String| CliError::NotAsExpected(format!("`{name}`: {why}"));
        let reader = Reader::new(BufReader::with_capacity(BUFFER_BYTES, file))
            .map_err(|error| wrong(error.to_string()))?;
        let header = reader.header().clone();
        if header.days <= self.warm_up {
            let why = format!(
                "it tells of {} days, and the first {} are not measured: say less with --warm-up",
                header.days, self.warm_up
            );
            return Err(wrong(why));
        }
        let measured_from = measured_from(&header, self.warm_up);
        thread::scope(|scope| {
            let (mut lanes, mut banks) = (Vec::new(), Vec::new());
            for policy in policies {
                let (lane, batches) = sync_channel(BATCHES_WAITING);
                let (give, spent) = channel();
                let bank = Bank::new(Arc::clone(policy));
                banks.push(scope.spawn(move || decide(bank, &batches, &give)));
                lanes.push(Lane { batches: lane, spent });
            }
            let read = read(reader, (number, measured_from), policies, &lanes);
            drop(lanes);
            let mut tallies = Vec::new();
            for bank in banks {
                // A panic of a bank is one of ours: it goes on here.
                let counted = bank.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                let tally = counted.map_err(|(record, why)| {
                    wrong(format!("record {record} cannot be decided: {why}"))
                })?;
                tallies.push(tally);
            }
            Ok((header, read.map_err(wrong)?, tallies))
        })
    }
}

/// Reads every record and hands it to each policy's lane. Returns how many there were, or what is wrong with
/// one.
fn read<R: io::Read>(
    reader: Reader<R>,
    (file, measured_from): (u32, Option<Time>),
    policies: &[Arc<Policy>],
    lanes: &[Lane],
) -> Result<u64, String> {
    let mut batches: Vec<Batch> = lanes.iter().map(|_| Vec::with_capacity(BATCH)).collect();
    let mut record = 0_u64;
    let mut last = Time::MIN;
    for labelled in reader {
        record = record.saturating_add(1);
        let labelled = labelled.map_err(|error| error.to_string())?;
        let mut payment = labels::payment(labelled, (file, record))
            .map_err(|why| format!("record {record} cannot be decided: {why}"))?;
        let requested = payment.request.requested;
        if requested < last {
            return Err(format!(
                "record {record} cannot be decided: {}",
                labels::LabelError::Early
            ));
        }
        last = requested;
        payment.place.measured = measured_from.is_none_or(|from| from <= requested);
        let request = &payment.request;
        let mentions = |policy: &Policy| policy.mentions(&request.transfer.texts, &request.answers);
        if let ([_, second], [_, policy]) = (&mut *batches, policies) {
            second.push((payment.clone(), mentions(policy)));
        }
        if let ([first, ..], [policy, ..]) = (&mut *batches, policies) {
            let mentions = mentions(policy);
            first.push((payment, mentions));
        }
        if batches.first().is_some_and(|batch| BATCH <= batch.len()) {
            for (lane, batch) in lanes.iter().zip(&mut batches) {
                let full = std::mem::replace(batch, Vec::with_capacity(BATCH));
                // A bank that takes no more has met what it cannot decide, and says so itself.
                if lane.batches.send(full).is_err() {
                    return Ok(record);
                }
                lane.spent.try_iter().for_each(drop);
            }
        }
    }
    for (lane, batch) in lanes.iter().zip(batches) {
        if lane.batches.send(batch).is_err() {
            break;
        }
    }
    Ok(record)
}

/// Decides about all that comes, in its order.
fn decide(
    mut bank: Bank,
    batches: &Receiver<Batch>,
    spent: &Sender<Vec<Entry>>,
) -> Result<Tally, (u64, Refused)> {
    for batch in batches {
        bank.warm(batch.iter().map(|(payment, _)| payment));
        for (payment, mentions) in batch {
            let record = payment.place.record;
            bank.pay(payment, mentions).map_err(|refused| (record, refused))?;
        }
        // Where the other side has ended, they end here.
        drop(spent.send(bank.spent()));
    }
    Ok(bank.into_tally())
}

/// Returns when measuring begins; `None` where the file does not say when it begins, so that nothing can be
/// left out.
fn measured_from(header: &Header, warm_up: u32) -> Option<Time> {
    let start = header.start_time.as_ref()?;
    let start = Time::from_parts(start.seconds, start.nanos)?;
    Some(start.plus(Span::days(i64::from(warm_up))))
}

/// Reads a policy, or tells every problem.
fn load(folder: Option<&Path>) -> Result<Arc<Policy>, CliError> {
    let files = folder.map_or_else(|| Ok(policy::standard()), crate::cli::policy::read)?;
    policy::load(files).map(Arc::new).map_err(|problems| {
        let mut lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        lines.push("nothing was measured; `clearline policy check` tells what is wrong".to_owned());
        CliError::NotAsExpected(lines.join("\n"))
    })
}

/// Some hundreds of records.
const BUFFER_BYTES: usize = 1 << 18;
/// Payments handed over at once: waking a thread costs as much as deciding about ten, and what is read ahead
/// for so many stays in the processor's cache.
const BATCH: usize = 64;
/// Batches that wait for a bank: enough that neither thread waits for the other, a megabyte.
const BATCHES_WAITING: usize = 16;
