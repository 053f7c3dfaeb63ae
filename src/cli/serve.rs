//! Serve: answers calls until it is told to stop.

use crate::cli::CliError;
use crate::config::Config;

/// Serves under `config` until a signal to stop.
pub fn run(_config: Config) -> Result<(), CliError> {
    Err(CliError::NotAsExpected("serving is not wired yet".to_owned()))
}
