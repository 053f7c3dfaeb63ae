//! Telemetry: what monitoring is given fits what the program tells, and a server tells it.

#![expect(clippy::expect_used, reason = "a test that meets what it does not expect has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clearline::cli::remote::message_from_json;
use clearline::clock::Stopwatch;
use clearline::grpc::pb;
use clearline::grpc::pb::screening_service_client::ScreeningServiceClient;
use clearline::grpc::status::REASONS;
use clearline::telemetry::count::{Rpc, Step};
use clearline::telemetry::families::{FAMILIES, Kind};
use clearline::telemetry::trace::SPANS;
use opentelemetry_proto::tonic::trace::v1::Span;
use tonic::Request;

#[path = "telemetry/collector.rs"]
mod collector;
#[path = "telemetry/traced.rs"]
mod traced;

use collector::{Collector, attribute};

const PROGRAM: &str = env!("CARGO_BIN_EXE_clearline");

/// What rules and dashboards are written in.
const FILES: [&str; 4] = [
    "deploy/prometheus/recording.yml",
    "deploy/prometheus/alerts.yml",
    "deploy/prometheus/tests.yml",
    "deploy/grafana/clearline.json",
];

fn text(path: &str) -> String {
    fs::read_to_string(path).expect(path)
}

/// Returns the names of series in a text.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == ':';
    let words = text.split(|c: char| !word(c)).map(|word| word.trim_end_matches(':'));
    let ours = ["clearline_", "clearline:", "process_"];
    words.filter(|word| ours.iter().any(|own| word.starts_with(own))).map(str::to_owned).collect()
}

/// Returns the names under which a server shows its metrics.
fn shown() -> BTreeSet<String> {
    let suffixes = |kind| match kind {
        Kind::Counter => ["_total"].as_slice(),
        Kind::Gauge => &[""],
        Kind::Histogram => &["_bucket", "_sum", "_count"],
    };
    let named = FAMILIES.iter().flat_map(|family| {
        suffixes(family.kind).iter().map(move |suffix| format!("{}{suffix}", family.name))
    });
    named.collect()
}

/// Returns what stands in double quotes after `before`, in each place.
fn quoted<'t>(text: &'t str, before: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(before).skip(1).map(|rest| {
        let rest = rest.trim_start_matches('~').trim_start_matches('\\').trim_start_matches('"');
        rest.split(['"', '\\']).next().unwrap_or(rest)
    })
}

#[test]
fn every_metric_of_an_alert_or_a_dashboard_exists() {
    let shown = shown();
    let recorded: BTreeSet<String> = text(FILES[0])
        .split("record: ")
        .skip(1)
        .filter_map(|rest| rest.lines().next().map(str::to_owned))
        .collect();
    assert!(8 < recorded.len(), "{recorded:?}");
    for path in FILES {
        let names = names(&text(path));
        assert!(8 < names.len(), "{path}: {names:?}");
        for name in names {
            // Written as prose, without what the text adds.
            let family = FAMILIES.iter().any(|family| family.name == name);
            let known = shown.contains(&name) || recorded.contains(&name) || family;
            assert!(known, "{path}: nothing tells `{name}`");
        }
    }
}

#[test]
fn what_alerts_and_dashboards_ask_of_a_label_it_can_say() {
    for path in FILES {
        let text = text(path);
        for (label, values) in [
            ("reason=", REASONS.to_vec()),
            ("rpc=", Rpc::ALL.map(Rpc::label).to_vec()),
            ("step=", [&Step::ALL.map(Step::label)[..], &["inform", "ask", "hold"]].concat()),
            ("hold=", vec!["none", "pending_answers", "pending_review"]),
            ("window=", vec!["hour", "day"]),
        ] {
            for asked in quoted(&text, label).flat_map(|asked| asked.split('|')) {
                assert!(values.contains(&asked), "{path}: {label}{asked}");
            }
        }
    }
}

#[test]
fn every_metric_is_looked_at_by_somebody() {
    let asked: BTreeSet<String> = FILES.iter().flat_map(|path| names(&text(path))).collect();
    for family in FAMILIES {
        let suffixes = ["", "_total", "_bucket", "_sum", "_count"];
        let looked = suffixes.iter().any(|it| asked.contains(&format!("{}{it}", family.name)));
        assert!(looked, "neither an alert nor the dashboard shows `{}`", family.name);
    }
}

#[test]
fn every_alert_is_tried_by_the_tests_of_the_rules() {
    let tests = text("deploy/prometheus/tests.yml") + &text("deploy/prometheus/tests-week.yml");
    let alerts = text("deploy/prometheus/alerts.yml");
    let mut count = 0_u32;
    for alert in alerts.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap_or_default();
        assert!(tests.contains(&format!("alertname: {name}\n")), "nobody tries `{name}`");
        assert!(alert.contains("severity: page") || alert.contains("severity: ticket"), "{name}");
        assert!(alert.contains("action:"), "`{name}` says nothing of what to do");
        count = count.saturating_add(1);
    }
    assert!(15 < count);
}

#[test]
fn the_document_lists_every_metric_and_event_and_nothing_else() {
    let document = text("deploy/telemetry.md");
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
    let mut known = Vec::new();
    for family in FAMILIES {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
        let kind = format!("{:?}", family.kind).to_lowercase();
        let row = format!("| `{}` | {kind} | {labels} | {} | ", family.name, family.help);
        assert!(rows.iter().any(|line| line.starts_with(&row)), "missing: {row}");
        known.push(format!("| `{}` |", family.name));
    }
    for line in text("src/telemetry.rs").lines() {
        if let Some(row) = line.strip_prefix("//! ").filter(|row| row.starts_with("| `")) {
            let level = row.split(" | ").nth(1).unwrap_or_default();
            if ["error", "warn", "info", "debug"].contains(&level) {
                assert!(rows.contains(&row), "missing: {row}");
                known.push(row.to_owned());
            }
        }
    }
    for (span, tells) in SPANS {
        let row = format!("| `{span}` | {tells} | ");
        assert!(rows.iter().any(|line| line.starts_with(&row)), "missing: {row}");
        known.push(format!("| `{span}` |"));
    }
    let paths = ["| `http://", "| `/"];
    for row in rows {
        let listed = known.iter().any(|known| row.starts_with(known.as_str()));
        assert!(listed || paths.iter().any(|path| row.starts_with(path)), "of nothing: {row}");
    }
}

#[test]
fn the_dashboard_is_json_and_no_panel_lies_on_another() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&text("deploy/grafana/clearline.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut taken = BTreeSet::new();
    for panel in panels {
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        for x in place("x")..place("x").saturating_add(place("w")) {
            assert!(x < 24, "{panel}");
            for y in place("y")..place("y").saturating_add(place("h")) {
                assert!(taken.insert((x, y)), "{panel}");
            }
        }
    }
    assert!(20 < panels.len());
}

/// Returns what the calendar says, to the second.
fn now() -> prost_types::Timestamp {
    let seconds = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    prost_types::Timestamp { seconds: i64::try_from(seconds).expect("a time"), nanos: 0 }
}

/// A server of its own process, with an admin listener.
struct Server {
    child: Child,
    address: String,
    admin: String,
    folder: tempfile::TempDir,
}

impl Server {
    fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(PROGRAM)
            .env_clear()
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .env("CLEARLINE__SERVER__READY_BYTES", "0")
            .envs(more.iter().filter_map(|pair| pair.split_once('=')))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a server");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let (mut address, mut admin) = (String::new(), String::new());
        for line in lines.map_while(Result::ok) {
            if let Some((_, told)) = line.split_once("listening on ") {
                told.clone_into(&mut address);
            }
            if let Some((_, told)) = line.split_once("http://") {
                told.trim_end_matches("/metrics").clone_into(&mut admin);
            }
            if line.contains("next, in another terminal") {
                break;
            }
        }
        Self { child, address, admin, folder }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.admin).expect("an admin listener");
        let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a request sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text
    }

    fn screen(&self) {
        let sent = Command::new(PROGRAM)
            .env_clear()
            .args(["screen", "--example", "--address", &self.address])
            .output()
            .expect("a command");
        assert!(sent.status.success(), "{sent:?}");
    }
}

impl Server {
    /// Asks about one transfer by a call, and about the same again by a stream, with this header.
    fn ask(&self, payment: &str, traceparent: Option<&str>) -> String {
        let json = text("deploy/examples/tonbridge-road.json");
        let mut request: pb::ScreenTransferRequest =
            message_from_json("ScreenTransferRequest", &json).expect("a request");
        payment.clone_into(&mut request.payment_id);
        request.request_id = uuid::Uuid::new_v4().to_string();
        let transfer = request.transfer.as_mut().expect("a transfer");
        transfer.confirm_time = Some(now());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let address = format!("http://{}", self.address);
            let mut client = ScreeningServiceClient::connect(address).await.expect("a server");
            let mut call = Request::new(request.clone());
            let mut stream = Request::new(tokio_stream::once(pb::ScreenTransfersRequest {
                request: Some(request),
                ..Default::default()
            }));
            if let Some(parent) = traceparent {
                let parent: tonic::metadata::MetadataValue<_> = parent.parse().expect("a header");
                call.metadata_mut().insert("traceparent", parent.clone());
                stream.metadata_mut().insert("traceparent", parent);
            }
            let answer = client.screen_transfer(call).await.expect("an answer").into_inner();
            let answers = client.screen_transfers(stream).await.expect("answers");
            let again = answers.into_inner().message().await.expect("an answer").expect("one");
            let decision = |it: pb::screen_transfers_response::Answer| match it {
                pb::screen_transfers_response::Answer::Response(response) => response.decision,
                pb::screen_transfers_response::Answer::Error(error) => error.reason,
            };
            assert_eq!(again.answer.map(decision).as_ref(), Some(&answer.decision));
            answer.decision
        })
    }

    fn end(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal sent");
        assert!(self.child.wait().expect("an end").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_service_manager_hears_when_it_serves_that_it_goes_on_and_that_it_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket with a limit");
    let hear = || {
        let mut bytes = [0; 64];
        let length = manager.recv(&mut bytes).expect("a word within half a minute");
        String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()).trim().to_owned()
    };
    let socket = format!("NOTIFY_SOCKET={}", path.display());
    let mut server = Server::start(&[&socket, "WATCHDOG_USEC=200000"]);
    let mut heard = vec![hear(), hear(), hear(), hear()];
    // The thread that looks after the turn may be faster than the one that started it.
    heard.sort();
    assert_eq!(heard, ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&server.child),
        rustix::process::Signal::TERM,
    )
    .expect("a signal sent");
    assert!((0..1_000).any(|_| hear() == "STOPPING=1"));
    assert!(server.child.wait().expect("an end").success());
}

/// Returns the value of a series.
fn value(text: &str, series: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(str::to_owned)
}

#[test]
fn a_server_shows_what_it_decided_and_what_it_refused() {
    let server = Server::start(&[]);
    server.screen();
    let text = server.get("/metrics");
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    assert!(text.contains("application/openmetrics-text"), "{text}");
    for (series, want) in [
        ("clearline_call_seconds_count{rpc=\"screen_transfer\"}", "1"),
        ("clearline_calls_under_way{rpc=\"screen_transfer\"}", "0"),
        ("clearline_step_seconds_count{step=\"sync\"}", "1"),
        ("clearline_step_seconds_count{step=\"turn\"}", "1"),
        ("clearline_step_seconds_count{step=\"decide\"}", "1"),
        ("clearline_batch_size_sum", "1.0"),
        ("clearline_window_decisions{window=\"hour\"}", "1"),
        ("clearline_serving", "1"),
        ("clearline_queue_length", "0"),
        ("clearline_queue_max", "8192"),
        ("clearline_refused_total{reason=\"TRANSFER_MALFORMED\"}", "0"),
    ] {
        assert_eq!(value(&text, series).as_deref(), Some(want), "{series}\n{text}");
    }
    let decided: u64 = text
        .lines()
        .filter(|line| line.starts_with("clearline_decisions_total{"))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
        .sum();
    assert_eq!(decided, 1, "{text}");
    assert!(server.get("/health/ready").starts_with("HTTP/1.1 200 OK"));
    // The parameters, the policy and the decision.
    assert!(server.get("/state").contains("\"entries\": 3"), "{}", server.get("/state"));
}

#[test]
fn a_server_without_room_on_its_disk_says_so_and_decides_nothing() {
    // More than any disk has.
    let server = Server::start(&["CLEARLINE__DATA__RESERVE_BYTES=1125899906842624"]);
    let sent = Command::new(PROGRAM)
        .env_clear()
        .args(["screen", "--example", "--address", &server.address])
        .output()
        .expect("a command");
    let said = String::from_utf8_lossy(&sent.stdout);
    assert!(!sent.status.success() && said.contains("DISK_NEARLY_FULL"), "{sent:?}");
    assert!(server.get("/health/ready").starts_with("HTTP/1.1 503"));
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
    let text = server.get("/metrics");
    let number = |series| value(&text, series).and_then(|text| text.parse::<u64>().ok());
    let (free, needed) =
        (number("clearline_disk_free_bytes"), number("clearline_disk_needed_bytes"));
    assert!(free.is_some() && free < needed, "{free:?} {needed:?}");
    for (series, want) in [
        ("clearline_serving", 0),
        ("clearline_log_entries", 2),
        ("clearline_refused_total{reason=\"DISK_NEARLY_FULL\"}", 1),
        ("clearline_events_total{level=\"error\",event=\"the disk is nearly full\"}", 1),
    ] {
        assert_eq!(number(series), Some(want), "{series}\n{text}");
    }
}

#[test]
fn an_operator_sees_a_running_server_and_a_machine_that_is_fit() {
    let server = Server::start(&[]);
    server.screen();
    let data = server.folder.path().join("data").display().to_string();
    let run = |arguments: &[&str]| {
        let ran = Command::new(PROGRAM).env_clear().args(arguments).output().expect("a command");
        (ran.status.code(), String::from_utf8(ran.stdout).expect("text"))
    };
    let (code, screen) = run(&["top", "--once", "--interval", "1", "--admin", &server.admin]);
    assert_eq!(code, Some(0), "{screen}");
    for part in [": serving, up ", "log         3 entries", "last hour   ", "of 1\n"] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }

    let running =
        ["doctor", "--data", &data, "--listen", &server.address, "--admin", &server.admin];
    let (code, checks) = run(&running);
    assert_eq!(code, Some(0), "{checks}");
    for part in [
        "settings    well",
        "policy      well",
        "folder      well",
        "keys        well",
        "clock       well",
        "port        well",
        "admin       well",
        "queue       well",
    ] {
        assert!(checks.contains(part), "{part}\n{checks}");
    }
    // To settings of another folder, that server is nobody of theirs, and has their port.
    let other = server.folder.path().display().to_string();
    let (code, checks) = run(&running.map(|given| if given == data { &other } else { given }));
    assert_eq!(code, Some(1), "{checks}");
    assert!(
        checks.contains("port        wrong") && checks.contains("admin       skipped"),
        "{checks}"
    );
    // A key that others may read, and a port that nobody of ours has: each is named, and it fails.
    let key = format!("{data}/keys/signing");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("a mode");
    let (code, checks) =
        run(&["doctor", "--data", &data, "--listen", &server.address, "--admin", "", "--json"]);
    assert_eq!(code, Some(1), "{checks}");
    let found = |name: &str| {
        let lines = checks.lines().map(|line| serde_json::from_str(line).expect("an object"));
        let line = lines.into_iter().find(|line: &serde_json::Value| line["check"] == name);
        line.expect(name)["finding"].as_str().expect("a text").to_owned()
    };
    for (name, want) in [("keys", "wrong"), ("port", "wrong"), ("admin", "skipped")] {
        assert_eq!(found(name), want, "{checks}");
    }
}

#[test]
fn a_server_told_not_to_count_counts_nothing_and_still_shows_its_state() {
    let server = Server::start(&["CLEARLINE__TELEMETRY__METRICS=false"]);
    server.screen();
    let text = server.get("/metrics");
    for (series, want) in [
        ("clearline_call_seconds_count{rpc=\"screen_transfer\"}", "0"),
        ("clearline_step_seconds_count{step=\"sync\"}", "0"),
        ("clearline_log_entries", "3"),
        ("clearline_serving", "1"),
    ] {
        assert_eq!(value(&text, series).as_deref(), Some(want), "{series}\n{text}");
    }
}

/// Holds the spans of one transfer to each other: every step within the whole, one after the other.
fn check_spans(spans: &[Span], steps: &[&str], decision: &str) {
    let whole = spans.iter().find(|span| span.name == "transfer").expect("the whole");
    let id = decision.rsplit('/').next().map(str::to_owned);
    assert_eq!(attribute(whole, "clearline.decision"), id, "{whole:?}");
    let mut inner: Vec<&Span> = spans.iter().filter(|span| span.name != "transfer").collect();
    inner.sort_by_key(|span| span.start_time_unix_nano);
    let names: Vec<&str> = inner.iter().map(|span| &*span.name).collect();
    assert_eq!(names, steps, "{spans:?}");
    let mut before = whole.start_time_unix_nano;
    for span in inner {
        assert_eq!(span.trace_id, whole.trace_id, "{span:?}");
        assert_eq!(span.parent_span_id, whole.span_id, "{span:?}");
        assert!(before <= span.start_time_unix_nano, "{spans:?}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{spans:?}");
        before = span.end_time_unix_nano;
    }
    assert!(before <= whole.end_time_unix_nano, "{spans:?}");
}

/// Returns the span of the whole of a call by this rpc, and its steps with it.
fn of_rpc(spans: &[Span], method: &str) -> (Span, Vec<Span>) {
    let rpc = |span: &&Span| attribute(span, "rpc.method").as_deref() == Some(method);
    let whole = spans.iter().find(rpc).expect(method).clone();
    let own = |span: &&Span| span.parent_span_id == whole.span_id || **span == whole;
    let spans = spans.iter().filter(own).cloned().collect();
    (whole, spans)
}

/// Steps of a transfer that is decided, and of one that was answered before.
const STEPS: [&str; 6] = ["read", "queue", "decide", "record", "sync", "answer"];
const STEPS_EARLIER: [&str; 5] = ["read", "queue", "decide", "sync", "answer"];

#[test]
fn a_transfer_is_traced_in_its_callers_trace_where_the_caller_says_so() {
    let collector = Collector::start();
    let at = format!("CLEARLINE__TELEMETRY__TRACES={}", collector.address);
    let server = Server::start(&[&at]);
    // Neither without a trace, nor where it is not sampled, nor where the header is broken.
    server.ask("payment-1", None);
    server.ask("payment-2", Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
    server.ask("payment-3", Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let decision = server.ask("payment-4", Some(&format!("00-{trace}-00f067aa0ba902b7-01")));
    let spans = collector.take(STEPS.len() + STEPS_EARLIER.len() + 2);
    let metrics = server.get("/metrics");
    server.end();
    assert_eq!(collector.rest(), []);

    let trace = u128::from_str_radix(trace, 16).expect("an id").to_be_bytes();
    assert!(spans.iter().all(|span| span.trace_id == trace), "{spans:?}");
    for (method, steps) in [("ScreenTransfer", &STEPS[..]), ("ScreenTransfers", &STEPS_EARLIER)] {
        let (whole, spans) = of_rpc(&spans, method);
        assert_eq!(whole.parent_span_id, 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());
        check_spans(&spans, steps, &decision);
        let sync = spans.iter().find(|span| span.name == "sync").expect("a sync");
        assert_eq!(attribute(sync, "clearline.batch").as_deref(), Some("1"));
    }
    let dropped = value(&metrics, "clearline_trace_spans_total{outcome=\"dropped\"}");
    assert_eq!(dropped.as_deref(), Some("0"), "{metrics}");
    // Nothing that the caller said of the payment.
    let said = format!("{spans:?}");
    for part in ["payment-4", "Harris", "LEGAL", "31926819", "10765543", "example-1", "3200.00"] {
        assert!(!said.contains(part), "{part}");
    }
}

#[test]
fn one_transfer_in_so_many_is_traced_in_a_trace_of_its_own() {
    let collector = Collector::start();
    let at = format!("CLEARLINE__TELEMETRY__TRACES={}", collector.address);
    let server = Server::start(&[&at, "CLEARLINE__TELEMETRY__TRACE_EVERY=4"]);
    for number in 0..4 {
        server.ask(&format!("payment-{number}"), None);
    }
    // Of eight questions the fourth and the eighth: those of a stream, which were answered before.
    let spans = collector.take(2 * (STEPS_EARLIER.len() + 1));
    server.end();
    assert_eq!(collector.rest(), []);
    let wholes: Vec<&Span> = spans.iter().filter(|span| span.name == "transfer").collect();
    assert!(wholes.iter().all(|span| span.parent_span_id.is_empty()), "{wholes:?}");
    let [first, second] = wholes[..] else { panic!("{wholes:?}") };
    assert_ne!(first.trace_id, second.trace_id);
}

#[test]
fn a_refused_transfer_says_in_its_trace_why() {
    let collector = Collector::start();
    let at = format!("CLEARLINE__TELEMETRY__TRACES={}", collector.address);
    let server = Server::start(&[&at, "CLEARLINE__TELEMETRY__TRACE_EVERY=1"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let address = format!("http://{}", server.address);
        let mut client = ScreeningServiceClient::connect(address).await.expect("a server");
        let refused = client.screen_transfer(pb::ScreenTransferRequest::default()).await;
        assert!(refused.is_err(), "{refused:?}");
    });
    let spans = collector.take(1);
    assert_eq!(spans[0].name, "transfer");
    let reason = attribute(&spans[0], "clearline.reason");
    assert_eq!(reason.as_deref(), Some("TRANSFER_MALFORMED"));
    server.end();
}

#[test]
fn a_collector_that_is_dead_or_hangs_keeps_no_payment_and_no_stop_waiting() {
    // One that nobody listens for, and one that takes connections and says nothing.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let hung = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let [dead_at, hung_at] = [&dead, &hung].map(|it| it.local_addr().expect("an address"));
    drop(dead);
    for (address, refused) in [(dead_at, true), (hung_at, false)] {
        let at = format!("CLEARLINE__TELEMETRY__TRACES={address}");
        let server = Server::start(&[&at, "CLEARLINE__TELEMETRY__TRACE_EVERY=1"]);
        for number in 0..20 {
            // An answer that came too late would be an error.
            server.ask(&format!("payment-{number}"), None);
        }
        if refused {
            let dropped = "clearline_trace_spans_total{outcome=\"dropped\"}";
            let mut looks = 0..100_000;
            while value(&server.get("/metrics"), dropped).as_deref() == Some("0") {
                assert!(looks.next().is_some(), "nothing was dropped");
            }
        }
        let stopping = Stopwatch::start();
        server.end();
        // One second for what waits, and the rest for a busy machine.
        assert!(stopping.nanos() < 8_000_000_000, "{} ns", stopping.nanos());
    }
}
