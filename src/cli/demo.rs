//! Demo: the whole service at work on a few payments.

use crate::cli::CliError;

/// Shows the whole service at work, and checks what it shows.
#[derive(Debug, clap::Args)]
pub struct Demo {}

impl Demo {
    /// Runs it.
    pub fn run(&self) -> Result<(), CliError> {
        Err(CliError::NotAsExpected("nothing to show yet".to_owned()))
    }
}
