//! Policy: checks policies before anyone relies on them.

use std::path::PathBuf;

use crate::cli::CliError;

/// Works on policies.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Reads a policy, runs its cases and tells every problem at once.
    Check(Check),
}

/// Checks a policy.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The policy's folder.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Prints what came of it as JSON, one object a line.
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Runs it.
    pub fn run(&self) -> Result<(), CliError> {
        match self {
            Self::Check(check) => check.run(),
        }
    }
}

impl Check {
    fn run(&self) -> Result<(), CliError> {
        Err(CliError::NotAsExpected(format!("{} {}", self.folder.display(), self.json)))
    }
}
