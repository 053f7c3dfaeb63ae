//! Cli: the commands, one a file.
//!
//! What a person reads is laid out for reading; `--json` prints one JSON object a line where a
//! program may read instead. Answers go to standard output, everything else to standard error. An
//! error says what to do next.
//!
//! # Exit codes
//!
//! | code | means |
//! |---|---|
//! | 0 | it went as expected; a hold is an answer, and as expected |
//! | 1 | it did not: no decision, a case that fails, a decision that replays otherwise |
//! | 2 | the command line makes no sense |
//! | 3 | it was done, and rows of a file were left out |
//! | 64 | the settings are unknown, wrong or unsafe |

use std::error::Error as StdError;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, SettingsError, Sources};

mod admin;
pub mod authority;
pub mod bench;
pub mod credentials;
pub mod decisions;
pub mod demo;
mod doctor;
pub mod evaluate;
pub mod import;
pub mod lists;
pub mod page;
pub mod policy;
pub mod remote;
pub mod screen;
pub mod serve;
pub mod simulate;
mod top;
pub mod warnings;

/// Asks of every outgoing transfer whether the payer is being talked out of their money.
#[derive(Debug, Parser)]
#[command(name = "clearline", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers calls until it is told to stop.
    Serve(Serve),
    /// Shows the whole service at work on a few payments, and checks what it shows.
    Demo(demo::Demo),
    /// Sends requests to a running server and prints the answers.
    Screen(screen::Screen),
    /// Works on policies.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Shows what payers are told.
    #[command(subcommand)]
    Warnings(warnings::Command),
    /// Works on the lists of accounts that the bank vouches for.
    #[command(subcommand)]
    Lists(lists::Command),
    /// Loads past payments into a running server, so that payers are known.
    Import(import::Import),
    /// Looks at decisions that were made.
    #[command(subcommand)]
    Decisions(decisions::Command),
    /// Makes payments as people make them, scams among them, each with the truth about it.
    Simulate(simulate::Simulate),
    /// Measures what a policy finds in such payments, and whom it hurts.
    Evaluate(evaluate::Evaluate),
    /// Measures how fast a server answers, and what it costs.
    Bench(bench::Bench),
    /// Shows what a running server does, again and again.
    Top(top::Top),
    /// Checks that a server can run here and does run well.
    Doctor(doctor::Doctor),
}

/// The flags of `serve`. Each is a setting too, and wins over it.
#[derive(Debug, clap::Args)]
struct Serve {
    /// A file of settings, see deploy/clearline.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, such as 127.0.0.1:50051; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Makes sure that the server is for this machine alone: loopback, without TLS, and without the
    /// rights for which somebody must answer by name.
    #[arg(long)]
    dev: bool,
    /// The folder of the log and its keys.
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// The folder of the policy; the shipped one without it.
    #[arg(long, value_name = "FOLDER")]
    policy: Option<String>,
    /// Where those who run it look in, such as 127.0.0.1:9464; empty for nowhere.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
}

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The settings are unknown, wrong or unsafe.
    #[error("{0}\nnothing was started; deploy/clearline.toml lists every setting")]
    Settings(#[from] SettingsError),
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// It ran, and something was not as expected. The text says what, and what to do.
    #[error("{0}")]
    NotAsExpected(String),
    /// It was done, and rows of a file were left out. The text says where they are.
    #[error("{0}")]
    LeftOut(String),
    /// A file cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("`{path}` cannot be written: {source}")]
    Unwritable {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Nobody answers at an address.
    #[error(
        "no server answers at {0}: start one with `clearline serve`, or say where it is with \
         --address"
    )]
    NoServer(String),
    /// The server gave no decision.
    #[error("{0}")]
    Refused(remote::Refused),
    /// Standard output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Does what the command line says and returns the exit code.
pub fn main() -> ExitCode {
    let error = match run(Arguments::parse().command) {
        Ok(()) => return ExitCode::SUCCESS,
        // Whoever read the output has seen enough of it.
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(error) => error,
    };
    let told = writeln!(io::stderr(), "clearline: {error}");
    let code = match &error {
        CliError::Usage(_) => 2,
        CliError::LeftOut(_) => 3,
        CliError::Settings(_) => 64,
        CliError::NotAsExpected(_)
        | CliError::Unreadable { .. }
        | CliError::Unwritable { .. }
        | CliError::NoServer(_)
        | CliError::Refused(_)
        | CliError::Output(_) => 1,
    };
    told.map_or(ExitCode::FAILURE, |()| ExitCode::from(code))
}

fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Serve(flags) => serve::run(&flags.config()?),
        Command::Demo(demo) => demo.run(),
        Command::Screen(screen) => screen.run(),
        Command::Policy(command) => command.run(),
        Command::Warnings(command) => command.run(),
        Command::Lists(command) => command.run(),
        Command::Import(import) => import.run(),
        Command::Decisions(command) => command.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Evaluate(evaluate) => evaluate.run(),
        Command::Bench(bench) => bench.run(),
        Command::Top(top) => top.run(),
        Command::Doctor(doctor) => doctor.run(),
    }
}

impl Serve {
    fn config(self) -> Result<Config, CliError> {
        let flags = [
            ("server.listen", self.listen),
            ("server.dev", self.dev.then(|| "true".to_owned())),
            ("data.folder", self.data),
            ("policy.folder", self.policy),
            ("admin.listen", self.admin),
        ];
        let flags = flags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        Ok(Config::load(Sources { file: self.config, environment: None, flags })?)
    }
}

/// Writes `text` to standard output.
fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Tells an error with every cause.
fn causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
