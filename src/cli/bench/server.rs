//! Server: `clearline serve` as a child process, for a load to send to.
//!
//! Data goes into a new folder, which is removed afterwards. Stopped when dropped.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::cli::authority::{Authority, AuthorityError, Holder};
use rustix::process::{Pid, Signal, kill_process};

/// A server that was started for a run.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its own log lines.
    output: PathBuf,
}

/// A folder that is removed when dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

/// Why there is no server to send to.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The folder for its data could not be made.
    #[error("the folder `{0}` cannot be made: {1}")]
    Folder(PathBuf, io::Error),
    /// The program could not be started.
    #[error("`{0}` cannot be started: {1}")]
    Start(PathBuf, io::Error),
    /// There are no certificates for it, or no list of callers.
    #[error(transparent)]
    Certificates(#[from] AuthorityError),
    /// It ended, or did not say where it listens in time.
    #[error("the server did not come up; it said:\n{0}")]
    Silent(String),
    /// It did not end well.
    #[error("the server ended with {0}; it said:\n{1}")]
    Ended(ExitStatus, String),
    /// It could not be waited for.
    #[error("the server cannot be waited for: {0}")]
    Wait(io::Error),
}

impl Folder {
    /// Makes a new folder in `parent`.
    pub fn new(parent: &Path) -> Result<Self, ServerError> {
        let path = parent.join(format!("clearline-run-{}", std::process::id()));
        match fs::create_dir_all(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err(ServerError::Folder(path, error)),
        }
    }

    /// Lends the path out.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Leaves it for whoever wants to see what is in it, and returns where it is.
    pub fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // What cannot be removed stays, and is no reason to fail.
            drop(fs::remove_dir_all(&self.0));
        }
    }
}

impl Server {
    /// Starts `program serve` on a free port of loopback, with its data in `folder`.
    pub fn start(program: &Path, folder: &Folder) -> Result<Self, ServerError> {
        Self::run(command(program, folder), folder)
    }

    /// The same, and it speaks TLS, with a certificate that `authority` makes now, to callers with one
    /// of the same authority, each to what `access` (see `deploy/access.toml`) lists it with. To be
    /// called once for an authority.
    pub fn start_secured(
        program: &Path,
        folder: &Folder,
        authority: &Authority,
        access: &str,
    ) -> Result<Self, ServerError> {
        let own = authority.issue("server", Holder::Server)?;
        let list = folder.path().join("access.toml");
        fs::write(&list, access).map_err(|error| AuthorityError::Write(list.clone(), error))?;
        let mut command = command(program, folder);
        command
            .env("CLEARLINE__TLS__CERTIFICATE", own.certificate)
            .env("CLEARLINE__TLS__KEY", own.key)
            .env("CLEARLINE__TLS__CLIENT_CA", authority.certificate())
            .env("CLEARLINE__ACCESS__FILE", list);
        Self::run(command, folder)
    }

    /// Starts `command`, which must say `listening on` and an address in a line of its output.
    pub fn run(mut command: Command, folder: &Folder) -> Result<Self, ServerError> {
        let program = PathBuf::from(command.get_program());
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let output = folder.path().join(format!("{name}.output"));
        let errors =
            File::create(&output).map_err(|error| ServerError::Start(program.clone(), error))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().map_err(|error| ServerError::Start(program, error))?;

        // The pipe is read to its end, or a talkative server would come to a stop.
        let (sender, receiver) = mpsc::channel();
        if let Some(lines) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(lines).lines().map_while(Result::ok) {
                    // The first one counts: nobody receives those after it.
                    let _ = address(&line).map(|address| sender.send(address));
                }
            });
        }
        let waiting = receiver.recv_timeout(START_MAX);
        let mut server = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), output };
        match waiting {
            Ok(address) => server.address = address,
            Err(_) => return Err(ServerError::Silent(server.said())),
        }
        Ok(server)
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the server to end and waits until it has; one that takes too long is killed.
    pub fn stop(mut self) -> Result<(), ServerError> {
        let status = self.end().map_err(ServerError::Wait)?;
        if status.success() { Ok(()) } else { Err(ServerError::Ended(status, self.said())) }
    }

    /// Kills the server, as a loss of power would.
    pub fn kill(mut self) -> Result<(), ServerError> {
        self.child.kill().and_then(|()| self.child.wait()).map_err(ServerError::Wait)?;
        Ok(())
    }

    fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM)?;
        }
        for _ in 0..STOP_LOOKS {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(STOP_LOOK);
        }
        self.child.kill()?;
        self.child.wait()
    }

    /// Returns the end of what the server wrote.
    fn said(&self) -> String {
        let all = fs::read_to_string(&self.output).unwrap_or_default();
        let lines: Vec<_> = all.lines().rev().take(SAID_LINES).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, or as good as: there is nothing left to do about it.
        drop(self.end());
    }
}

/// Returns the command of a server on a free port of loopback, with its data in `folder`.
fn command(program: &Path, folder: &Folder) -> Command {
    let data = folder.path().join("data");
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "", "--data"]).arg(data);
    // What is set for a real server is not meant for this one, but whether it counts: with and
    // without, that is what counting costs.
    for (name, _) in std::env::vars_os() {
        let own = name.to_string_lossy().to_uppercase();
        if own.starts_with("CLEARLINE__") && own != "CLEARLINE__TELEMETRY__METRICS" {
            command.env_remove(name);
        }
    }
    // A load sends in minutes what a bank sends in a day, and the ids of a day are remembered.
    command.env("CLEARLINE__MEMORY__REQUESTS_MAX", "100000000");
    command
}

/// Reads the address out of a line such as `clearline: listening on 127.0.0.1:50051`.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, after) = line.split_once("listening on ")?;
    after.split_ascii_whitespace().next()?.parse().ok()
}

/// A new server needs milliseconds; one on a machine that compiles something needs seconds.
const START_MAX: Duration = Duration::from_secs(30);

// The server drains within ten seconds.
const STOP_LOOK: Duration = Duration::from_millis(20);
const STOP_LOOKS: u32 = 1_000;

/// Enough to show why a server ended.
const SAID_LINES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_line() {
        for (line, want) in [
            ("clearline: listening on 127.0.0.1:50051", Some("127.0.0.1:50051")),
            ("listening on [::1]:7 (no TLS)", Some("[::1]:7")),
            ("data in ./clearline-data", None),
            ("listening on the port", None),
        ] {
            assert_eq!(address(line), want.map(|text| text.parse().unwrap()), "{line}");
        }
    }
}
