//! Evaluate: how much of the truth about labelled payments a policy finds, and whom it hurts.
//!
//! Everything runs in this process: records are read exactly as the service reads requests, then recalled,
//! decided and remembered by the functions of its turn, each file a bank of its own that begins with an empty
//! memory. As many banks work side by side as the machine has cores.

use std::fs::{self, File};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::calendar::{Span, Time};
use crate::cli::evaluate::work::Job;
use crate::cli::{CliError, print};
use crate::clock::{Clock as _, RealClock};
use crate::evaluation::{Tally, compare};
use crate::policy::{self, Policy};
use crate::records::Reader;
use crate::records::pb::Header;

mod bank;
mod json;
mod labels;
mod sheet;
mod table;
#[cfg(test)]
mod tests;
mod words;
mod work;

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
        for (path, (header, records, counted)) in self.files.iter().zip(self.count(&policies)?) {
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

    /// Counts every file under each policy. Returns its header, how many records it has and what was counted.
    fn count(&self, policies: &[Arc<Policy>]) -> Result<Vec<(Header, u64, Vec<Tally>)>, CliError> {
        let (mut headers, mut jobs) = (Vec::new(), Vec::new());
        for (number, path) in (0..).zip(&self.files) {
            let header = self.header(path)?;
            let place = (number, measured_from(&header, self.warm_up));
            jobs.extend(policies.iter().map(|policy| Job::new(path, place, policy)));
            headers.push(header);
        }
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let mut counted = work::run(&jobs, threads).into_iter();
        let mut files = Vec::new();
        for (path, header) in self.files.iter().zip(headers) {
            let (mut records, mut tallies) = (0, Vec::new());
            // One that is missing is behind one that failed.
            for counted in counted.by_ref().take(policies.len()).flatten() {
                let (read, tally) = counted.map_err(|why| wrong(path, &why))?;
                records = read;
                tallies.push(tally);
            }
            files.push((header, records, tallies));
        }
        Ok(files)
    }

    /// Reads where a file comes from, and whether enough of it can be measured.
    fn header(&self, path: &Path) -> Result<Header, CliError> {
        let unreadable = |source| CliError::Unreadable { path: path.display().to_string(), source };
        let file = File::open(path).map_err(unreadable)?;
        let reader = Reader::new(file).map_err(|error| wrong(path, &error))?;
        let header = reader.header().clone();
        if header.days <= self.warm_up {
            let why = format!(
                "it tells of {} days, and the first {} are not measured: say less with --warm-up",
                header.days, self.warm_up
            );
            return Err(wrong(path, &why));
        }
        Ok(header)
    }
}

fn wrong(path: &Path, why: &impl std::fmt::Display) -> CliError {
    CliError::NotAsExpected(format!("`{}`: {why}", path.display()))
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
