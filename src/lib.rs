//! Clearline asks of every outgoing transfer whether the payer is being talked out of their money.
//!
//! The rooms below stand in reading order, and a room imports only from rooms above its own.
//! `tests/tidy.rs` holds us to both.

// The core: functions of their arguments. No clock, no files, no network, no threads, no log lines.
pub mod tagged;
pub mod money;
pub mod calendar;
pub mod account;
pub mod text;
pub mod transfer;
pub mod iso20022;
pub mod history;
pub mod document;
pub mod access;
pub mod lists;
pub mod backfill;
pub mod warning;
pub mod signal;
pub mod policy;
pub mod decision;
pub mod entry;
pub mod memory;
pub mod evaluation;
pub mod tlog;

// The shell: everything that can be slow, late or broken.
pub mod clock;
pub mod config;
pub mod telemetry;
pub mod log;
pub mod turn;
pub mod grpc;
pub mod records;
pub mod life;
pub mod stories;
pub mod cli;

#[cfg(test)]
mod testing;
