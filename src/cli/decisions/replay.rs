//! Replay: reaches every decision of a log again and compares, byte for byte.

use crate::cli::CliError;
use crate::cli::decisions::Replay;

impl Replay {
    /// Replays the folder.
    pub(super) fn run(&self) -> Result<(), CliError> {
        Err(CliError::NotAsExpected(format!("{} {}", self.data.display(), self.json)))
    }
}
