//! Import: past payments loaded by the command, as a person meets it.

#![expect(clippy::expect_used, reason = "a test that cannot run a command has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use clearline::cli::bench::server::{Folder, Server};

const PROGRAM: &str = env!("CARGO_BIN_EXE_clearline");
const HEAD: &str = "customer_key,payee_sort_code,payee_account_number,amount,currency,sent_time";

fn import(file: &Path, address: &str) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    command.arg("import").arg(file).args(["--address", address]);
    let command = command.env_clear().stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().expect("a command that runs");
    let told = [stdout, stderr].concat();
    (status.code(), String::from_utf8(told).expect("text"))
}

#[test]
fn a_file_is_loaded_once_and_its_rejects_are_mended_and_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = Folder::new(folder.path()).expect("a folder");
    let server = Server::start(Path::new(PROGRAM), &data).expect("a server");
    let address = server.address.to_string();
    let sent = jiff_now();
    let file = folder.path().join("past.csv");
    let mut text = format!("{HEAD}\n");
    for number in 0..1_000 {
        let amount = if number == 700 { "12,50" } else { "12.50" };
        let quoted = format!("C-{},60-16-13,31926819,\"{amount}\",GBP,{sent}\n", number / 10);
        text.push_str(&quoted);
    }
    text.push_str("C-1,601613,31926819,1.00,GBP,2019-01-01T00:00:00Z\n");
    fs::write(&file, text).expect("a file");

    let (code, told) = import(&file, &address);
    assert_eq!(code, Some(3), "{told}");
    for part in ["1,001 rows", "999\n", "cannot be read", "400 days ago", "personal data"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("31926819") && !told.contains("12,50"), "{told}");

    let rejects = folder.path().join("past.csv.rejects.csv");
    let mode = fs::metadata(&rejects).expect("rejects").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&rejects).expect("rejects");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0], format!("line,column,reason,{HEAD}"));
    assert!(lines[1].starts_with("702,amount,\"digits with at most one point"), "{text}");
    assert!(lines[1].ends_with(&format!("C-70,60-16-13,31926819,\"12,50\",GBP,{sent}")), "{text}");
    assert!(lines[2].starts_with("1002,sent_time,sent more than 400 days ago,C-1,"), "{text}");

    // Once more, and nothing counts twice.
    let (code, told) = import(&file, &address);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("1,001 rows, 1,001 of them settled before"), "{told}");

    let mended = folder.path().join("mended.csv");
    fs::write(&mended, format!("{}\n{}\n", lines[0], lines[1].replace("\"12,50\"", "12.50")))
        .expect("a file");
    let (code, told) = import(&mended, &address);
    assert_eq!(code, Some(0), "{told}");
    assert!(!folder.path().join("mended.csv.rejects.csv").exists());

    let headless = folder.path().join("headless.csv");
    fs::write(&headless, format!("C-1,601613,31926819,1.00,GBP,{sent}\n")).expect("a file");
    let (code, told) = import(&headless, &address);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("nothing was loaded") && !told.contains("31926819"), "{told}");
    server.stop().expect("a server that stops");
    let (code, told) = import(&file, &address);
    assert_eq!((code, told.contains("clearline serve")), (Some(1), true), "{told}");
}

#[test]
fn the_columns_are_explained_by_the_command_and_in_its_paper() {
    let help = Command::new(PROGRAM).args(["import", "--help"]).output().expect("a command");
    let help = String::from_utf8(help.stdout).expect("text");
    let paper = fs::read_to_string("deploy/import.md").expect("a paper");
    for column in clearline::backfill::Column::ALL {
        assert!(help.contains(&format!("\n  {}", column.name())), "{}", column.name());
        assert!(paper.contains(&format!("\n| `{}` |", column.name())), "{}", column.name());
    }
}

/// Returns a time that has just passed, by the same clock as the server's.
fn jiff_now() -> String {
    use clearline::clock::Clock as _;
    clearline::clock::RealClock::start().wall().to_string()
}
