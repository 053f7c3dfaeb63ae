//! Simulate: makes payments as people make them, honest ones and scams, each with the truth about it.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::cli::screen::json_line;
use crate::cli::{CliError, print};
use crate::clock::{Clock as _, RealClock};
use crate::life::{CUSTOMERS_MAX, DAYS_MAX, Life, Parameters, STANDARD, Scale, Scales, Size};
use crate::records::Writer;
use crate::records::pb::Labelled;
use crate::records::pb::labelled::Truth;

/// Makes payments as people in the UK make them, with scams among them, each with the truth about it.
///
/// The same seed, sizes and parameters give the same bytes. Scams are several times as frequent as in
/// life, so that each kind can be measured.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    /// Customers of the bank.
    #[arg(long, default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=i64::from(CUSTOMERS_MAX)))]
    customers: u32,
    /// Days of their lives.
    #[arg(long, default_value = "90", value_parser = clap::value_parser!(u32).range(1..=i64::from(DAYS_MAX)))]
    days: u32,
    /// What all chance is drawn from.
    #[arg(long, default_value = "1")]
    seed: u64,
    /// Rates and amounts in place of those that are compiled in (see --show-parameters).
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// Multiplies the rates of honest calls, such as 3 or 1/3.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = scale)]
    calls: Scale,
    /// Multiplies the rates of payees that were never paid before.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = scale)]
    new_payees: Scale,
    /// Multiplies the rates of missing facts.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = scale)]
    missing: Scale,
    /// Writes the payments to this file, to be evaluated.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["json", "show_parameters"])]
    out: Option<PathBuf>,
    /// Prints the payments as JSON, one a line.
    #[arg(long, conflicts_with = "out")]
    json: bool,
    /// Prints the parameters that are compiled in, each with its source.
    #[arg(long, conflicts_with_all = ["out", "json"])]
    show_parameters: bool,
}

/// How many there were of what.
#[derive(Debug, Default)]
struct Tally {
    honest: u64,
    scams: u64,
    cases: u64,
}

impl Simulate {
    /// Runs the command.
    pub fn run(&self) -> Result<(), CliError> {
        if self.show_parameters {
            return print(STANDARD);
        }
        let (parameters, digest) = self.parameters()?;
        let size = Size { seed: self.seed, customers: self.customers, days: self.days };
        let scales =
            Scales { calls: self.calls, new_payees: self.new_payees, missing: self.missing };
        let life = Life::new(size, scales, parameters);
        match &self.out {
            Some(path) => print(&write(life, digest, path)?),
            None => show(life),
        }
    }

    fn parameters(&self) -> Result<(Parameters, [u8; 32]), CliError> {
        let (name, text) = match &self.parameters {
            None => ("standard.toml".to_owned(), STANDARD.to_owned()),
            Some(path) => {
                let name = path.display().to_string();
                let unreadable = |source| CliError::Unreadable { path: name.clone(), source };
                let size = fs::metadata(path).map_err(unreadable)?.len();
                if PARAMETERS_BYTES_MAX < size {
                    return Err(CliError::NotAsExpected(format!(
                        "`{name}` is larger than any parameters: keep it to {PARAMETERS_BYTES_MAX} \
                         bytes"
                    )));
                }
                let text = fs::read_to_string(path).map_err(unreadable)?;
                (name, text)
            }
        };
        let read = Parameters::read(&name, &text).map_err(|problems| {
            let mut lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            lines
                .push("nothing was made; --show-parameters prints a file that is right".to_owned());
            CliError::NotAsExpected(lines.join("\n"))
        })?;
        Ok((read, Sha256::digest(text.as_bytes()).into()))
    }
}

/// Prints each payment.
fn show(life: Life) -> Result<(), CliError> {
    let mut out = BufWriter::new(io::stdout().lock());
    for labelled in life {
        out.write_all(json_line("clearline.evaluation.v1.Labelled", &labelled)?.as_bytes())?;
    }
    Ok(out.flush()?)
}

/// Writes the payments to the file at `path` and returns what a person is told. The file gets its name
/// once it is whole.
fn write(mut life: Life, digest: [u8; 32], path: &Path) -> Result<String, CliError> {
    let unwritable = |source| CliError::Unwritable { path: path.display().to_string(), source };
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let begun = RealClock::start();
    let first = begun.wall();
    let mut tally = Tally::default();
    let file = File::create(&partial).map_err(unwritable)?;
    let mut writer =
        Writer::new(BufWriter::with_capacity(BUFFER_BYTES, file), &life.header(digest))
            .map_err(unwritable)?;
    let told = io::stderr().is_terminal();
    let mut day = 0;
    while let Some(labelled) = life.next() {
        writer.write(&labelled).map_err(unwritable)?;
        tally.add(&labelled);
        let (now, days) = life.progress();
        if told && day < now {
            day = now;
            write!(io::stderr(), "\rday {day} of {days}, {} payments ", tally.all())?;
        }
    }
    writer.end().map_err(unwritable)?;
    fs::rename(&partial, path).map_err(unwritable)?;
    if told {
        writeln!(io::stderr())?;
    }
    let micros = begun.wall().since(first).0.unsigned_abs().max(1);
    Ok(tally.text(path, micros))
}

impl Tally {
    fn add(&mut self, labelled: &Labelled) {
        match &labelled.truth {
            Some(Truth::Scam(scam)) => {
                self.scams = self.scams.saturating_add(1);
                self.cases = self.cases.max(scam.case_number);
            }
            _ => self.honest = self.honest.saturating_add(1),
        }
    }

    fn all(&self) -> u64 {
        self.honest.saturating_add(self.scams)
    }

    fn text(&self, path: &Path, micros: u64) -> String {
        let Self { honest, scams, cases } = self;
        let rate = self.all().saturating_mul(1_000_000).checked_div(micros).unwrap_or(0);
        format!(
            "{honest} honest payments and {scams} payments of {cases} scams in `{}`, {rate} a second\n",
            path.display()
        )
    }
}

fn scale(text: &str) -> Result<Scale, String> {
    Scale::parse(text).ok_or_else(|| "write 3 or 1/3: numbers from 1 to 100".to_owned())
}

/// The shipped ones have a twentieth of that.
const PARAMETERS_BYTES_MAX: u64 = 1 << 19;
/// Some hundreds of records.
const BUFFER_BYTES: usize = 1 << 18;
