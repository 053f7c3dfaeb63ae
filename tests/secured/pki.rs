//! Pki: the tokens that the scripts of `deploy/pki` make.

use std::path::Path;
use std::process::{Command, Output};

use clearline::cli::bench::server::{Folder, Server};

use crate::{PROGRAM, run};

fn script(name: &str, arguments: &[&str]) -> Output {
    let path = Path::new("deploy/pki").join(name);
    let made = Command::new(path).args(arguments).output().expect("a script that runs");
    assert!(made.status.success(), "{made:?}");
    made
}

#[test]
fn a_test_token_lets_in_whoever_is_of_the_group_and_nobody_else() {
    if Command::new("openssl").arg("version").output().is_err() {
        // The scripts need it, the service does not.
        return;
    }
    let parent = tempfile::tempdir().expect("a folder");
    let pki = parent.path().join("pki").display().to_string();
    script("make-test-authority.sh", &[&pki]);
    let first = script("make-test-token.sh", &[&pki, "alice"]);
    assert!(String::from_utf8_lossy(&first.stdout).contains("start the server again"), "{first:?}");
    // The provider's key is made once, so that tokens made before go on.
    let second = script("make-test-token.sh", &[&pki, "bob", "others"]);
    assert!(!String::from_utf8_lossy(&second.stdout).contains("start"), "{second:?}");

    let at = |name: &str| format!("{pki}/{name}");
    let folder = Folder::new(parent.path()).expect("a folder");
    let mut command = Command::new(PROGRAM);
    let config = at("clearline.toml");
    command.env_clear().args(["serve", "--config", &config, "--listen", "127.0.0.1:0"]);
    let server = Server::run(command, &folder).expect("a server");
    let address = server.address.to_string();
    let list = |token: &str| {
        let tls = ["--address", &address, "--ca", &at("ca.pem"), "--token", &at(token)];
        run(&[&["decisions", "list"][..], &tls].concat())
    };
    list("alice.token").check(0, &[]);
    list("bob.token").check(1, &["CALLER_UNKNOWN"]);
    server.stop().expect("a server that stops");
}
