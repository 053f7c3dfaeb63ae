//! Cli: the commands as a person meets them: what they print, how they end, what they advise.

#![expect(clippy::expect_used, reason = "a test that cannot run a command has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use clearline::cli::bench::server::{Folder, Server};
use tempfile::TempDir;

#[path = "command/ended.rs"]
mod ended;

use ended::Ended;

const PROGRAM: &str = env!("CARGO_BIN_EXE_clearline");

/// Runs a command to its end, in an empty environment.
fn run(arguments: &[&str]) -> Ended {
    Ended::of(&mut command(arguments))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// A server on data of its own, for one test.
struct Served {
    server: Option<Server>,
    folder: Folder,
    _parent: TempDir,
}

impl Served {
    fn start() -> Self {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(parent.path()).expect("a folder");
        let server = Server::start(Path::new(PROGRAM), &folder).expect("a server");
        Self { server: Some(server), folder, _parent: parent }
    }

    fn address(&self) -> String {
        self.server.as_ref().expect("a server").address.to_string()
    }

    fn stop(&mut self) {
        self.server.take().expect("a server").stop().expect("a server that stops");
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }
}

#[test]
fn a_wrong_setting_ends_with_64_and_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("clearline.toml");
    let data = folder.path().join("data").display().to_string();
    let path = file.display().to_string();
    for (settings, parts) in [
        ("[server]\nport = 50051", &["`server.port`", "no such setting"][..]),
        ("[server]\ndoors = 0", &["`server.doors`", "from 1 to 64"]),
        ("[server]\ndoors = 0\nport = 1", &["`server.port`", "`server.doors`"]),
        ("[server]\nlisten = \"0.0.0.0:50051\"", &["`server.listen`", "loopback", "TLS"]),
        ("[tls]\nkey = \"a\"", &["`tls.certificate`", "`tls.client_ca`", "`access.file`"]),
        ("[access]\nfile = \"a\"", &["`tls.certificate`", "`tls.key`", "`tls.client_ca`"]),
        (
            "[server]\ndev = true\n[tls]\nkey = \"a\"\ncertificate = \"a\"\nclient_ca = \"a\"\n\
             [access]\nfile = \"a\"",
            &["`server.dev`", "not together with `[tls]`"],
        ),
        ("[server", &["clearline.toml"]),
    ] {
        fs::write(&file, settings).expect("a file");
        let ended = run(&["serve", "--config", &path, "--data", &data]);
        ended.check(64, parts);
        ended.check(64, &["nothing was started", "deploy/clearline.toml"]);
    }
    run(&["serve", "--config", "/nowhere/at.all", "--data", &data]).check(64, &["/nowhere/at.all"]);
    run(&["serve", "--listen", "192.0.2.1:1", "--data", &data]).check(64, &["`server.listen`"]);
    run(&["serve", "--dev", "--listen", "[::]:1", "--data", &data]).check(64, &["`server.listen`"]);

    let mut misspelt = command(&["serve", "--data", &data]);
    misspelt.env("CLEARLINE__SERVER__DOOR", "2");
    Ended::of(&mut misspelt).check(64, &["`server.door`", "from the environment"]);
    assert!(!Path::new(&data).exists(), "nothing was to be started");
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2() {
    run(&[]).check(2, &["Usage: clearline <COMMAND>", "serve", "demo", "screen"]);
    run(&["server"]).check(2, &["unrecognized subcommand"]);
    run(&["screen"]).check(2, &["<FILE>..."]);
    run(&["decisions", "show"]).check(2, &["--request"]);
    run(&["decisions", "list", "--from", "yesterday"]).check(2, &["2026-11-20T15:00:00Z"]);
}

#[test]
fn a_command_without_a_server_says_how_to_start_one() {
    // Nothing listens on the port of a server that has stopped.
    let mut served = Served::start();
    let address = served.address();
    served.stop();
    run(&["decisions", "list", "--address", &address]).check(1, &["clearline serve", &address]);
    run(&["screen", "--address", &address, "deploy/examples/tonbridge-road.json"])
        .check(1, &["clearline serve"]);
}

#[test]
fn the_shipped_policy_has_no_problem() {
    for arguments in [&["policy", "check"][..], &["policy", "check", "deploy/policy/standard"]] {
        let ended = run(arguments);
        ended.check(0, &["no problems", "sha256:", "typology police_legal_fee"]);
    }
    let json = run(&["policy", "check", "--json"]);
    json.check(0, &[]);
    let object: serde_json::Value = serde_json::from_str(&json.out).expect("one object");
    assert!(12 <= object["cases"].as_u64().expect("a count"), "{object}");
}

#[test]
fn every_problem_of_a_policy_is_told_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let unknown = "\n[[concept]]\nid = \"Bad Id\"\n";
    for (path, wrong, more) in [
        ("policy.toml", "pionts  ", ""),
        ("lexicon.toml", "points  ", unknown),
        ("cases.toml", "points  ", ""),
        ("warnings/en.toml", "points  ", ""),
    ] {
        let to = folder.path().join(path);
        fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
        let text = fs::read_to_string(Path::new("deploy/policy/standard").join(path));
        let text = text.expect("a file").replacen("points  ", wrong, 1);
        fs::write(to, text + more).expect("a file");
    }
    let folder = folder.path().display().to_string();
    let ended = run(&["policy", "check", &folder]);
    ended.check(1, &["policy.toml:", "did you mean `points`", "lexicon.toml:", "not usable"]);
    let json = run(&["policy", "check", &folder, "--json"]);
    json.check(1, &[]);
    for line in json.out.lines() {
        let problem: serde_json::Value = serde_json::from_str(line).expect("an object a line");
        assert!(problem["line"].is_u64() && problem["advice"].is_string(), "{problem}");
    }
    run(&["policy", "check", "benches"]).check(2, &["policy.toml"]);
    let above = run(&["policy", "check", "deploy/policy"]);
    above.check(2, &["holds no policy", "did you mean `deploy/policy/standard`?"]);
}

#[test]
fn warnings_are_shown_as_the_payer_meets_them() {
    let show = |arguments: &[&str]| run(&[&["warnings", "show"], arguments].concat());
    show(&[]).check(0, &["police_legal_fee", "own_name_hop", "cy-x-phone", "name one to read it"]);
    let english = show(&["police_legal_fee", "--amount", "3200", "--deadline", "noon"]);
    english.check(0, &["To inform", "To ask", "To hold", "£3,200.00", "by noon", "( ) Yes"]);
    let welsh = show(&["police_legal_fee", "--step", "hold", "--locale", "cy-GB"]);
    welsh.check(0, &["police_legal_fee, version 2, cy", "£2,500.00", "y rhif ar gefn eich cerdyn"]);
    assert!(!welsh.out.contains("To ask"), "{welsh:?}");
    show(&["tax_arrest", "--locale", "en-x-phone", "--step", "ask"]).check(0, &["yes or no"]);
    let one = show(&["police_fine", "--step", "ask"]);
    let other = show(&["police_fine", "--step", "ask", "--wording", "2"]);
    assert_ne!(one.out, other.out);
    let json = show(&["police_fine", "--json"]);
    json.check(0, &[]);
    assert_eq!(json.out.lines().count(), 3);
    for line in json.out.lines() {
        let object: serde_json::Value = serde_json::from_str(line).expect("an object a line");
        assert_eq!(object["id"], "police_fine");
        assert!(object["digest"].as_str().expect("a digest").starts_with("sha256:"));
    }
    assert_eq!(show(&["--json"]).out.lines().count(), 12);
    show(&["police_fines"]).check(2, &["did you mean `police_fine`?"]);
    show(&["police_fine", "--step", "stop"]).check(2, &["inform"]);
    show(&["police_fine", "--amount", "ten"]).check(2, &["2500.00"]);
    show(&["--policy", "benches"]).check(2, &["policy.toml"]);
}

#[test]
fn the_words_of_a_draft_are_shown_with_its_problems_below() {
    let folder = "tests/policy/forty";
    let show = |arguments: &[&str]| {
        run(&[&["warnings", "show", "--policy", folder][..], arguments].concat())
    };
    let draft = show(&["nobody_chooses_me"]);
    draft.check(1, &["To inform", "warnings/en.toml:", "policy.toml:", "not usable"]);
    let words = draft.out.find("To inform").expect("words");
    assert!(draft.out.find("policy.toml:").is_some_and(|problem| words < problem), "{draft:?}");
    show(&[]).check(1, &["name one to read it", "policy.toml:", "not usable"]);
    show(&["nobody"]).check(1, &["policy.toml:", "not usable"]);
    let json = show(&["nobody_chooses_me", "--json"]);
    json.check(1, &["policy.toml:", "not usable"]);
    assert!(!json.out.contains("digest"), "{json:?}");
}

#[test]
fn all_warnings_are_written_to_one_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("warnings.html").display().to_string();
    run(&["warnings", "show", "--html", &file]).check(0, &["216 texts", &file]);
    let page = fs::read_to_string(&file).expect("a page");
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    run(&["warnings", "show", "--html", "/nowhere/a.html"]).check(1, &["cannot be written"]);
    run(&["warnings", "show", "tax_arrest", "--html", &file]).check(2, &["cannot be used with"]);
}

#[test]
fn a_transfer_is_screened_listed_shown_and_replayed() {
    let mut served = Served::start();
    let address = served.address();
    let at = ["--address", &*address];

    let held = run(&["screen", at[0], at[1], "--explain", "--example"]);
    held.check(0, &["HOLD: it does not leave", "The payer is shown", "legal_pretext", "entry 2"]);
    let allowed = run(&["screen", at[0], at[1], "--json", "deploy/examples/house-deposit.json"]);
    allowed.check(0, &[]);
    let allowed: serde_json::Value = serde_json::from_str(&allowed.out).expect("one object");
    assert_eq!(allowed["action"], "ACTION_ALLOW");

    let listed = run(&["decisions", "list", at[0], at[1], "--json"]);
    listed.check(0, &[]);
    assert_eq!(listed.out.lines().count(), 2, "{listed:?}");
    run(&["decisions", "list", at[0], at[1], "--action", "hold"]).check(0, &["HOLD review"]);
    let name = allowed["decision"].as_str().expect("a name");
    run(&["decisions", "show", at[0], at[1], name]).check(0, &["ALLOW", "Signed checkpoint"]);
    run(&["decisions", "show", at[0], at[1], "--payment", "nobody"])
        .check(1, &["DECISION_NOT_FOUND"]);

    // A server that runs is no hindrance.
    let data = served.data();
    run(&["decisions", "replay", &data]).check(0, &["2 decisions reached again"]);
    served.stop();
    run(&["decisions", "replay", &data]).check(0, &["2 decisions", "the same from the snapshot"]);

    let policies = Path::new(&data).join("policies");
    let policy = fs::read_dir(policies).expect("a folder").next().expect("one").expect("a file");
    fs::write(policy.path(), b"clearline policy 1\n").expect("a file");
    run(&["decisions", "replay", &data]).check(1, &["came out otherwise", "policies/", "2 came"]);
}

#[test]
fn a_request_without_a_decision_ends_with_1_and_every_field() {
    let served = Served::start();
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), "{\"payment_id\": \"a b\", \"transfer\": {}}").expect("a file");
    let path = file.path().display().to_string();
    let address = served.address();
    let refused = run(&["screen", "--address", &address, &path]);
    refused.check(1, &["NO DECISION", "TRANSFER_MALFORMED", "payment_id", "transfer.amount"]);
    refused.check(1, &["1 of 1 requests got no decision"]);

    fs::write(file.path(), "{\"paymentId\": 7}").expect("a file");
    run(&["screen", "--address", &address, &path]).check(2, &["request 1"]);
    run(&["screen", "--address", &address, "/nowhere"]).check(1, &["`/nowhere` cannot be read"]);
}

#[test]
fn a_payment_message_is_screened_with_what_is_known_beside_it() {
    let served = Served::start();
    let address = served.address();
    let known = "deploy/examples/tonbridge-road.known.json";
    let pain = "deploy/examples/tonbridge-road.pain.001.xml";
    let pacs = "deploy/examples/tonbridge-road.pacs.008.xml";
    let screen = |files: &[&str]| {
        run(&[&["screen", "--address", &*address, "--known", known], files].concat())
    };
    let held = screen(&[pain, pacs]);
    held.check(0, &["CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[1] (payment example-tonbridge-road)"]);
    held.check(0, &["FIToFICstmrCdtTrf/CdtTrfTxInf[1]"]);
    assert_eq!(held.out.matches("HOLD: it does not leave").count(), 2, "{}", held.out);
    assert!(!held.out.contains("Not read"), "{}", held.out);

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("faulty.xml").display().to_string();
    let text = fs::read_to_string(pain).expect("a file");
    fs::write(&path, text.replace("10765543", "1076554")).expect("a file");
    let refused = screen(&[&path]);
    refused.check(1, &["TRANSFER_MALFORMED", "CdtTrfTxInf[1]/CdtrAcct/Id/Othr/Id: 8 digits"]);
    refused.check(1, &["1 of 1 requests got no decision"]);
    fs::write(&path, text.replace("pain.001.001.09", "pain.001.001.02")).expect("a file");
    screen(&[&path]).check(1, &["DOCUMENT_MALFORMED", "pain.001.001.03 to .12"]);

    run(&["screen", "--address", &address, pain]).check(2, &["--known"]);
    screen(&["deploy/examples/tonbridge-road.json"]).check(2, &["--known"]);
}

#[test]
fn a_server_has_its_memory_before_the_first_call_and_keeps_it_unless_told_otherwise() {
    for (more, delay, kib) in [
        (
            ("CLEARLINE__SERVER__READY_BYTES", "134217728"),
            "MIMALLOC_PURGE_DELAY=-1",
            131_072..262_144,
        ),
        (("CLEARLINE__SERVER__READY_BYTES", "0"), "MIMALLOC_PURGE_DELAY=-1", 0..131_072),
        (("MIMALLOC_PURGE_DELAY", "10"), "MIMALLOC_PURGE_DELAY=10", 0..u64::MAX),
    ] {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(parent.path()).expect("a folder");
        let data = folder.path().join("data").display().to_string();
        let serve = ["serve", "--listen", "127.0.0.1:0", "--admin", "", "--data", &*data];
        let mut serve = command(&serve);
        serve.env(more.0, more.1);
        let server = Server::run(serve, &folder).expect("a server");
        let of_process = |file| fs::read_to_string(format!("/proc/{}/{file}", server.pid()));
        let environment = of_process("environ").expect("an environment");
        assert!(environment.split('\0').any(|pair| pair == delay), "{more:?}: {environment}");
        let status = of_process("status").expect("a status");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
        assert!(resident.is_some_and(|found| kib.contains(&found)), "{more:?}: {resident:?} KiB");
        assert!(status.starts_with("Name:\tclearline\n"), "{status}");
        server.stop().expect("a server that stops");
    }
}

#[test]
fn a_data_folder_that_must_not_be_used_is_refused_with_the_remedy() {
    let mut served = Served::start();
    let data = served.data();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", &*data];
    run(&serve).check(1, &["in use", "choose another folder"]);
    served.stop();

    let key = Path::new(&data).join("keys/signing");
    let loose = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("a mode");
    loose(0o640);
    run(&serve).check(1, &["keys/signing", "chmod"]);
    loose(0o600);

    let mut renamed = command(&serve);
    renamed.env("CLEARLINE__DATA__ORIGIN", "another.example");
    Ended::of(&mut renamed).check(1, &["clearline.localhost/decisions", "origin"]);

    let version = Path::new(&data).join("version");
    fs::write(version, "clearline data 9\nclearline.localhost/decisions\n").expect("a file");
    run(&serve).check(1, &["clearline data 9", "use the program that wrote it"]);
}

#[test]
fn the_demonstration_is_as_expected() {
    let ended = run(&["demo"]);
    ended.check(0, &["Tonbridge Road", "kill -9", "Everything was as expected."]);
}

#[test]
fn the_demonstration_of_who_may_call_is_as_expected() {
    let ended = run(&["demo", "--tls"]);
    ended.check(
        0,
        &[
            "may screen, report",
            "may read, audit",
            "HOLD: it does not leave until a person has decided",
            "RIGHT_MISSING (PermissionDenied): the caller lacks the right for this, which is `screen`",
            "RIGHT_MISSING (PermissionDenied): the caller lacks the right for this, which is `read`",
            "CALLER_UNKNOWN (PermissionDenied)",
            "No connection",
            "Everything was as expected.",
        ],
    );
}

#[test]
fn payments_are_simulated_to_a_file_and_the_same_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (first, second, own) = (path("first"), path("second"), path("own.toml"));
    let size = ["simulate", "--customers", "40", "--days", "30", "--seed", "9"];
    run(&[&size[..], &["--out", &first]].concat()).check(0, &["honest payments and", &first]);
    let shown = run(&["simulate", "--show-parameters"]);
    fs::write(&own, &shown.out).expect("a file");
    run(&[&size[..], &["--parameters", &own, "--out", &second]].concat()).check(0, &[&second]);
    let read = |path| fs::read(path).expect("a file");
    assert!(read(&first).starts_with(b"clearline labelled payments 1\n"));
    assert!(read(&first) == read(&second));
    let json = run(&[&size[..], &["--json"]].concat());
    json.check(0, &["\"customerKey\":\"C0000000", "\"cohorts\":[\"COHORT_EVERYDAY\"]"]);

    fs::write(&own, shown.out.replace("app = 700", "app = 0\ncat = 1")).expect("a file");
    run(&[&size[..], &["--parameters", &own, "--out", &second]].concat())
        .check(1, &["`app` is no such number", "`cat` is unknown here", "nothing was made"]);
    run(&size).check(2, &["--out <FILE>"]);
    run(&[&size[..], &["--json", "--calls", "0.5"]].concat()).check(2, &["write 3 or 1/3"]);
    run(&[&size[..], &["--out", "/nowhere/a"]].concat()).check(1, &["cannot be written"]);
}

#[test]
fn a_list_needs_somebody_who_answers_for_it() {
    let served = Served::start();
    let load = ["lists", "load", "--address", &*served.address(), "deploy/lists/example.toml"];
    run(&load).check(1, &["RIGHT_MISSING (PermissionDenied)"]);
}

#[test]
fn an_evaluation_is_a_table_an_object_and_a_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, page) = (path("life.records"), path("page.html"));
    let life = ["simulate", "--customers", "300", "--days", "40", "--seed", "2", "--out", &file];
    run(&life).check(0, &["honest payments"]);

    let table = run(&["evaluate", &file, "--warm-up", "10", "--html", &page]);
    table.check(0, &["a second", "Honest payments", "Thresholds moved", "40 in a million honest"]);
    let page = fs::read_to_string(page).expect("a page");
    for part in ["<polyline", "Detection against harm", "Content-Security-Policy"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("://"), "the page asks the network");

    let other = "deploy/policy/standard";
    let json = run(&["evaluate", &file, "--warm-up", "10", "--json", "--against", other]);
    json.check(0, &[]);
    let object: serde_json::Value = serde_json::from_str(&json.out).expect("one object");
    let [first, second] = [0, 1].map(|at| &object["policies"][at]["measures"]);
    assert_eq!(first, second);
    for key in ["cases", "honest", "signals", "typologies", "hold_curve", "ask_curve", "examples"] {
        assert!(!first[key].is_null(), "{key}");
    }
    let honest = &first["honest"]["held"];
    assert!(1_000 < honest["of"].as_u64().expect("a count"), "{honest}");
    assert_eq!(object["change"]["honest_held"]["only_against"], 0);

    run(&["evaluate", &file]).check(1, &["tells of 40 days", "--warm-up"]);
    run(&["evaluate", "deploy/clearline.toml"]).check(1, &["no file of labelled payments"]);
    run(&["evaluate", "/nowhere/at.all"]).check(1, &["/nowhere/at.all"]);
    run(&["evaluate"]).check(2, &["<FILE>..."]);
}
