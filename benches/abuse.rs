//! Abuse: what somebody might do to the service, done to it, and what it came to.
//!
//! Everything is on loopback and bounded by counts: callers with no rights, with wrong certificates and
//! forged tokens, clients that are slow, huge, many or rude, certificates that change and servers that
//! restart under load, and a disk that is full or fails. Each row says how often something was tried and
//! how often it ended as it should. Beside each flood a good caller goes on asking, and the row says how
//! its 99th percentile compares with that of a quiet minute.
//!
//! `cargo bench --bench abuse`; `-- --only floods` runs one part. Takes some minutes, two cores and
//! twenty thousand open files. Ends with an error if anything was not as it should be.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    reason = "a wrong figure is seen, and an attack that cannot be made ends the run"
)]

use std::process::ExitCode;
use std::{env, io};

use clap::{Parser as _, ValueEnum as _};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[path = "../tests/secured/authority.rs"]
mod authority;
#[path = "abuse/bank.rs"]
mod bank;
#[path = "abuse/credentials.rs"]
mod credentials;
#[path = "abuse/disk.rs"]
mod disk;
#[path = "abuse/floods.rs"]
mod floods;
#[path = "abuse/good.rs"]
mod good;
#[path = "abuse/raw.rs"]
mod raw;
#[path = "abuse/restarts.rs"]
mod restarts;
#[path = "../tests/secured/server.rs"]
mod server;

/// Everything that somebody might do to the service.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Runs this part alone.
    #[arg(long)]
    only: Option<Part>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Part {
    /// Certificates, tokens, and each right with each rpc.
    Credentials,
    /// Clients that are slow, huge, many or rude, beside a good one.
    Floods,
    /// Certificates that change and servers that restart under load.
    Restarts,
    /// A disk that is full, or fails to sync.
    Disk,
}

/// One thing that was tried.
pub(crate) struct Row {
    what: String,
    tried: u64,
    /// How often it ended as it should.
    well: u64,
    note: String,
    /// Whether nothing is amiss.
    ok: bool,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, tried: u64, well: u64, note: String) -> Self {
        Self { what: what.into(), tried, well, note, ok: tried == well }
    }
}

fn main() -> ExitCode {
    // Cargo says `--bench` to every bench.
    let arguments = Arguments::parse_from(env::args().filter(|argument| argument != "--bench"));
    if let Err(error) = raise_files() {
        println!("abuse: {FILES} open files are needed: {error}");
        return ExitCode::FAILURE;
    }
    let mut all_well = true;
    println!("| what was tried | times | as it should | seen |");
    println!("|---|---|---|---|");
    for part in Part::value_variants() {
        if arguments.only.is_some_and(|only| only != *part) {
            continue;
        }
        let mut tell = |Row { what, tried, well, note, ok }| {
            let mark = if ok { "" } else { " **no**" };
            println!("| {what} | {tried} | {well}{mark} | {note} |");
            all_well &= ok;
        };
        match part {
            Part::Credentials => credentials::rows(&mut tell),
            Part::Floods => floods::rows(&mut tell),
            Part::Restarts => restarts::rows(&mut tell),
            Part::Disk => disk::rows(&mut tell),
        }
    }
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Ten thousand connections need a file each, here and in the server that is started from here.
fn raise_files() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let current = Some(limit.current.unwrap_or(FILES).max(FILES));
    Ok(setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum })?)
}

const FILES: u64 = 20_000;
