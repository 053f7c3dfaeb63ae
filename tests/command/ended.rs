//! Ended: what a command came to.

use std::process::{Command, Output};

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl Ended {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("a command that runs");
        Self {
            code: status.code(),
            out: String::from_utf8(stdout).expect("text"),
            errors: String::from_utf8(stderr).expect("text"),
        }
    }

    /// Holds the command to this exit code and to every part in what it told.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for part in parts {
            assert!(self.out.contains(part) || self.errors.contains(part), "{part}: {self:?}");
        }
    }
}
