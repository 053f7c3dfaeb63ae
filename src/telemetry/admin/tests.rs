//! Tests of the listener: what it answers, and how little it lets a client cost.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;
use crate::telemetry::count::Labels;
use crate::telemetry::sample::{NOT_AFTER, metrics};
use crate::telemetry::state::Certificate;

/// Sends these bytes and returns all that comes back before the connection ends.
fn send(admin: &Admin, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(admin.address()).unwrap();
    // It may answer and close before all is read.
    let _ = stream.write_all(bytes);
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8(text).unwrap()
}

fn get(admin: &Admin, path: &str) -> (String, String) {
    let text = send(admin, format!("GET {path} HTTP/1.1\r\nhost: admin\r\n\r\n").as_bytes());
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

fn open() -> (Admin, Arc<Metrics>) {
    let metrics = Arc::new(metrics(Labels::default()));
    let admin = Admin::open("127.0.0.1:0".parse().unwrap(), Arc::clone(&metrics)).unwrap();
    (admin, metrics)
}

#[test]
fn it_shows_what_is_counted_and_ends_as_the_format_demands() {
    let (admin, _) = open();
    let (status, text) = get(&admin, "/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(text.contains("\nclearline_serving 0\n"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn it_is_ready_only_while_calls_are_welcome_and_alive_always() {
    let (admin, metrics) = open();
    for serving in [false, true, false] {
        metrics.state().set_serving(serving);
        let (status, _) = get(&admin, "/health/ready");
        let want = if serving { "HTTP/1.1 200 OK" } else { "HTTP/1.1 503 Service Unavailable" };
        assert_eq!(status, want);
        assert_eq!(get(&admin, "/health/live").0, "HTTP/1.1 200 OK");
    }
}

#[test]
fn it_tells_the_state_and_the_build() {
    let (admin, metrics) = open();
    let state =
        |admin| -> serde_json::Value { serde_json::from_str(&get(admin, "/state").1).unwrap() };
    let shown = state(&admin);
    assert_eq!(shown["policy"]["digest"], "07".repeat(32));
    assert_eq!(shown["log"]["entries"], 1_000);
    assert_eq!(shown["log"]["since_snapshot"], 400);
    assert_eq!(shown["queue"]["waiting"], 3);
    assert!(shown["certificate"].is_null());
    metrics.state().set_certificate(Certificate {
        not_after: NOT_AFTER,
        loaded: NOT_AFTER,
        digest: "ab".repeat(32),
    });
    assert_eq!(state(&admin)["certificate"]["not_after"], NOT_AFTER.to_string());
    let (_, build) = get(&admin, "/build");
    assert!(build.contains(BUILD), "{build}");
}

#[test]
fn another_path_or_method_is_refused() {
    let (admin, _) = open();
    let (status, text) = get(&admin, "/");
    assert_eq!(status, "HTTP/1.1 404 Not Found");
    for path in PATHS {
        assert!(text.contains(path), "{text}");
        assert_ne!(get(&admin, path).0, "HTTP/1.1 404 Not Found", "{path}");
    }
    let text = send(&admin, b"POST /metrics HTTP/1.1\r\nhost: admin\r\ncontent-length: 0\r\n\r\n");
    assert!(text.starts_with("HTTP/1.1 405 "), "{text}");
}

#[test]
fn a_connection_takes_one_request() {
    let (admin, _) = open();
    let one = "GET /health/live HTTP/1.1\r\nhost: admin\r\n\r\n";
    let text = send(&admin, one.repeat(3).as_bytes());
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 1, "{text}");
}

#[test]
fn headers_have_a_largest_size() {
    let (admin, _) = open();
    for (bytes, want) in [(4 * 1_024, "HTTP/1.1 200 "), (16 * 1_024, "HTTP/1.1 431 ")] {
        let filler = "f".repeat(bytes);
        let request = format!("GET /health/live HTTP/1.1\r\nhost: a\r\nx: {filler}\r\n\r\n");
        let text = send(&admin, request.as_bytes());
        // Whoever still sends while it is refused may see the connection reset instead.
        assert!(text.starts_with(want) || (text.is_empty() && bytes == 16 * 1_024), "{text}");
    }
}

#[test]
fn one_more_than_there_are_places_for_waits_and_is_served() {
    let (admin, _) = open();
    let silent: Vec<_> =
        (0..CONNECTIONS_MAX).map(|_| TcpStream::connect(admin.address()).unwrap()).collect();
    let mut waiting = TcpStream::connect(admin.address()).unwrap();
    waiting.write_all(b"GET /health/live HTTP/1.1\r\nhost: admin\r\n\r\n").unwrap();
    waiting.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(waiting.read(&mut [0; 16]).is_err(), "served beyond its bound");
    drop(silent);
    waiting.set_read_timeout(None).unwrap();
    let mut text = String::new();
    waiting.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
}

#[test]
fn a_port_in_use_is_told() {
    let (admin, metrics) = open();
    assert!(Admin::open(admin.address(), metrics).is_err());
}

#[test]
fn it_closes_when_it_is_dropped() {
    let (admin, _) = open();
    let address = admin.address();
    drop(admin);
    assert!(TcpStream::connect(address).is_err());
}
