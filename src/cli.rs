//! Cli.

pub mod bench;
