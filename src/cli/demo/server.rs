//! Server: a real one, in a process of its own, with its data in a temporary folder.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use uuid::Uuid;

use crate::cli::CliError;
use crate::cli::demo::not_as_expected;

/// A temporary folder, removed when it goes out of use unless it is to be kept.
#[derive(Debug)]
pub(super) struct Data {
    root: PathBuf,
    folder: PathBuf,
    kept: std::cell::Cell<bool>,
}

/// A server that was started. Killed when it goes out of use.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    address: String,
}

impl Data {
    /// Makes the folder, readable by its owner only.
    pub(super) fn new() -> Result<Self, CliError> {
        let root = env::temp_dir().join(format!("clearline-demo-{}", Uuid::new_v4()));
        DirBuilder::new().mode(0o700).create(&root)?;
        let folder = root.join("data");
        Ok(Self { root, folder, kept: false.into() })
    }

    /// Returns the server's data folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps the folder for whoever wants to see what went wrong.
    pub(super) fn keep(&self) -> &Path {
        self.kept.set(true);
        &self.root
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if !self.kept.get() {
            // What cannot be removed is left to whoever clears temporary folders.
            drop(fs::remove_dir_all(&self.root));
        }
    }
}

impl Server {
    /// Starts this program's `serve` and waits until it listens.
    pub(super) fn start(data: &Data) -> Result<Self, CliError> {
        let events = File::options().append(true).create(true).open(data.root.join("events"))?;
        let mut command = Command::new(env::current_exe()?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.folder());
        // Whatever is set for a real server is not meant for this one.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().to_uppercase().starts_with("CLEARLINE__") {
                command.env_remove(name);
            }
        }
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(events).spawn()?;
        let lines = child.stdout.take().map(read_lines);
        let mut server = Self { child, address: String::new() };

        let first = lines.and_then(|lines| lines.recv_timeout(START_WAIT).ok());
        let address = first.as_deref().and_then(|line| line.strip_prefix(LISTENING));
        let address = address.ok_or_else(|| not_as_expected("the server did not start"))?;
        address.clone_into(&mut server.address);
        Ok(server)
    }

    /// Returns where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Kills it, as a loss of power would.
    pub(super) fn kill(&mut self) -> Result<(), CliError> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), CliError> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .map_err(|error| CliError::Output(error.into()))?;
        for _ in 0..STOP_TRIES {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                return Err(not_as_expected(&format!("the server stopped with {status}")));
            }
            thread::sleep(STOP_STEP);
        }
        Err(not_as_expected("the server did not stop when it was asked to"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail where it has ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Takes what the server prints, to its end, so that it never waits for a reader.
fn read_lines(out: ChildStdout) -> Receiver<String> {
    let (send, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            drop(send.send(line));
        }
    });
    lines
}

const LISTENING: &str = "clearline: listening on ";
// A start reads the log; this one is short, but the machine may be busy.
const START_WAIT: Duration = Duration::from_secs(60);
// Longer than the server waits for calls under way.
const STOP_TRIES: u32 = 600;
const STOP_STEP: Duration = Duration::from_millis(25);
