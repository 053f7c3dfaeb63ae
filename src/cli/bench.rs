//! Bench: the `bench` command. How fast a server answers, and what it costs.
//!
//! Without an address it starts a server of its own, on data that is removed afterwards: the disk is
//! the one that a server started here would use. It ends by itself, sends to loopback unless told
//! otherwise, and fails where any request got no decision.
//!
//! Load and server share the machine: what this command prints is what it can do with both, not a
//! ceiling. For that there is `cargo bench --bench ceiling`.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::cli::bench::load::{Load, LoadError, Tls, drive};
use crate::cli::bench::report::{Report, Sample};
use crate::cli::bench::requests::{Mix, Shape};
use crate::cli::bench::server::{Folder, Server, ServerError};
use crate::cli::credentials::Credentials;
use crate::cli::{CliError, print};
use crate::clock::{Clock as _, RealClock};

pub mod requests;
mod templates;
pub mod reply;
mod pace;
mod unary;
mod stream;
pub mod load;
pub mod machine;
pub mod server;
pub mod report;

/// Measures how fast a server answers: latency, decisions a second, processor time a decision.
#[derive(Clone, Debug, clap::Args)]
pub struct Bench {
    /// Server to send to; without it one is started, on data of its own that is removed afterwards.
    /// By TLS its name must be in the server's certificate.
    #[arg(long)]
    address: Option<String>,
    #[command(flatten)]
    credentials: Credentials,
    /// Process id of that server, to read its processor time.
    #[arg(long, requires = "address")]
    pid: Option<u32>,
    /// Calls of one request each, or streams.
    #[arg(long, value_enum, default_value = "unary")]
    mode: Mode,
    /// How long to measure, after a warm-up of a quarter of it.
    #[arg(long, default_value = "10", value_parser = RangedU64ValueParser::<u64>::new().range(1..=600))]
    seconds: u64,
    /// Connections; in the mode `stream` each carries one stream.
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// Requests of one connection that wait for their answers at most.
    #[arg(long, default_value = "32", value_parser = clap::value_parser!(u16).range(1..=4096))]
    in_flight: u16,
    /// Requests a second in all, sent whatever the answers do; without it as fast as answers come.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// Payers that take turns.
    #[arg(long, default_value = "100000", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    payers: u32,
    /// Percentage of transfers that carry texts.
    #[arg(long, default_value = "30", value_parser = clap::value_parser!(u32).range(0..=100))]
    texts_share: u32,
    /// Percentage of transfers that look like the scam.
    #[arg(long, default_value = "2", value_parser = clap::value_parser!(u32).range(0..=100))]
    warnings_share: u32,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Mode {
    /// A call for each request
    Unary,
    /// Many requests on each stream
    Stream,
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The server could not be started, or did not end well.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The load could not be sent, or was not answered.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There are no such credentials or no such address.
    #[error(transparent)]
    Cli(#[from] CliError),
    /// This program does not know where it lies.
    #[error("this program cannot be found, to start a server with it: {0}")]
    Program(std::io::Error),
}

impl Bench {
    /// Runs the command.
    pub fn run(&self) -> Result<(), CliError> {
        match self.measure() {
            Ok(report) => print(&if self.json { report.json() } else { report.table() }),
            Err(BenchError::Load(LoadError::Connect(address, _))) => {
                Err(CliError::NoServer(address.to_string()))
            }
            Err(BenchError::Cli(error)) => Err(error),
            Err(error) => Err(CliError::NotAsExpected(error.to_string())),
        }
    }

    fn measure(&self) -> Result<Report, BenchError> {
        if let Some(address) = &self.address {
            let (found, name) = found(address)?;
            let config = self.credentials.for_connection()?;
            return self.send(found, config.map(|config| Tls { config, name }), self.pid);
        }
        if self.credentials.secured() {
            let why = "`--ca` goes with `--address`: a server started here speaks no TLS";
            return Err(CliError::Usage(why.to_owned()).into());
        }
        let program = std::env::current_exe().map_err(BenchError::Program)?;
        // Beside the data of a server started here: on the same disk.
        let folder = Folder::new(&PathBuf::from("."))?;
        let server = Server::start(&program, &folder)?;
        let report = self.send(server.address, None, Some(server.pid()))?;
        server.stop()?;
        Ok(report)
    }

    fn send(
        &self,
        address: SocketAddr,
        tls: Option<Tls>,
        pid: Option<u32>,
    ) -> Result<Report, BenchError> {
        let load = self.load(address, tls);
        let measured = drive(&load, now(), || Sample::take(pid))?;
        Ok(Report::new(&load, &measured))
    }

    fn load(&self, address: SocketAddr, tls: Option<Tls>) -> Load {
        let measured = Duration::from_secs(self.seconds);
        Load {
            address,
            tls,
            shape: match self.mode {
                Mode::Unary => Shape::Unary,
                Mode::Stream => Shape::Stream,
            },
            connections: self.connections,
            in_flight: self.in_flight,
            rate: self.rate,
            warm_up: measured.checked_div(4).unwrap_or_default(),
            measured,
            mix: Mix {
                payers: self.payers,
                payees: PAYEES,
                texts_per_mille: self.texts_share.saturating_mul(10),
                warnings_per_mille: self.warnings_share.saturating_mul(10),
            },
        }
    }
}

/// Looks up where `host:port` is, and what a certificate of it is of.
fn found(address: &str) -> Result<(SocketAddr, ServerName<'static>), CliError> {
    let wrong = || CliError::Usage(format!("`{address}` is no address: write 127.0.0.1:50051"));
    let (host, _) = address.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|_| wrong())?;
    let found = address.to_socket_addrs().ok().and_then(|mut all| all.next());
    Ok((found.ok_or_else(wrong)?, name))
}

/// Returns what the calendar says, as requests say it.
pub fn now() -> prost_types::Timestamp {
    let (seconds, nanos) = RealClock::start().wall().parts();
    prost_types::Timestamp { seconds, nanos }
}

/// Payees that a payer pays again and again.
pub const PAYEES: u32 = 4;
