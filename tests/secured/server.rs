//! Server: one that knows its callers, with an authority of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clearline::cli::bench::server::{Folder, Server};
use tempfile::TempDir;

use crate::authority::{Authority, Leaf, Name, write_secret};

const PROGRAM: &str = env!("CARGO_BIN_EXE_clearline");

/// A server with an authority of its own.
pub(crate) struct Secured {
    /// The server, while it runs.
    pub(crate) server: Option<Server>,
    folder: Folder,
    /// Whom it trusts.
    pub(crate) authority: Authority,
    _parent: TempDir,
}

impl Secured {
    /// Writes the files of a server with these callers and more settings.
    pub(crate) fn prepare(access: &str, settings: &str) -> Self {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(parent.path()).expect("a folder");
        let authority = Authority::new("clients and servers");
        let secured = Self { server: None, folder, authority, _parent: parent };
        secured.put("ca.pem", &secured.authority.certificate);
        secured.put("crl.pem", &secured.authority.revoked(&[66]));
        secured.put("access.toml", access);
        secured.put_server(&secured.authority.server());
        let at = |name: &str| secured.path(name).display().to_string();
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[data]\nfolder = \"{}\"\n[access]\nfile = \
             \"{}\"\n[tls]\nreload_ms = 10\ncertificate = \"{}\"\nkey = \"{}\"\nclient_ca = \
             \"{}\"\nclient_crl = \"{}\"\n{settings}",
            at("data"),
            at("access.toml"),
            at("server.pem"),
            at("server.key"),
            at("ca.pem"),
            at("crl.pem"),
        );
        secured.put("clearline.toml", &text);
        secured
    }

    /// Starts a server with what was prepared.
    pub(crate) fn run(&self) -> Result<Server, String> {
        let mut command = Command::new(PROGRAM);
        command.env_clear().arg("serve").arg("--config").arg(self.path("clearline.toml"));
        command.env("CLEARLINE__SERVER__READY_BYTES", "0");
        Server::run(command, &self.folder).map_err(|error| error.to_string())
    }

    /// Returns the path of a file of its own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that nobody else may read.
    pub(crate) fn put(&self, name: &str, text: &str) {
        write_secret(&self.path(name), text);
    }

    /// Puts another certificate in the place of the server's.
    pub(crate) fn put_server(&self, leaf: &Leaf) {
        self.put("server.pem", &leaf.certificate);
        self.put("server.key", &leaf.key);
    }

    /// Returns where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.server.as_ref().expect("a server").address.port()
    }

    /// Makes a certificate of somebody.
    pub(crate) fn someone(&self, name: Name<'_>) -> Leaf {
        self.authority.leaf(7, &[name], 2100)
    }

    /// Returns what the server wrote.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.path("clearline.output")).expect("lines")
    }
}
