//! Restarts: certificates that change, servers that start again, and calls that never end, under load.

use std::sync::atomic::Ordering;
use std::time::Duration;

use clearline::grpc::pb;
use tokio::time::Instant;
use tokio_stream::{StreamExt as _, pending};

use crate::Row;
use crate::bank::{self, EVERYTHING, Questions};
use crate::good::{Good, Seen, found_again};
use crate::server::Secured;

/// Changes certificates, restarts servers and stops one in the middle of calls.
pub(crate) fn rows(tell: &mut dyn FnMut(Row)) {
    rotations().into_iter().for_each(&mut *tell);
    restarts().into_iter().for_each(&mut *tell);
    tell(stuck());
}

fn rotations() -> Vec<Row> {
    let bank = bank::open("");
    let good = Good::start(&bank, 1);
    let leaf = bank::certificate(&bank, EVERYTHING);
    let questions = Questions::new(2);
    let (mut taken, mut called) = (0, 0);
    for number in 0..ROTATIONS {
        let before = certificates_taken(&bank);
        bank.put_server(&bank.authority.server());
        taken += u64::from(until(|| before < certificates_taken(&bank)));
        // A new connection meets the new certificate.
        let answer = bank::runtime().block_on(async {
            let mut client = bank::client(bank::channel(&bank, Some(&leaf)));
            client.screen_transfer(questions.question(number)).await
        });
        called += u64::from(answer.is_ok());
        progress(&good, 20);
    }
    let seen = good.end();
    vec![
        Row::new("certificates changed under load", ROTATIONS, taken, "taken".to_owned()),
        Row::new("… and a new connection after each", ROTATIONS, called, "answered".to_owned()),
        answered("… and the calls of those connected", &bank, &seen),
    ]
}

fn restarts() -> Vec<Row> {
    let mut bank = bank::open("");
    // The same port each time, as behind a load balancer.
    let settings = std::fs::read_to_string(bank.path("clearline.toml")).expect("settings");
    let fixed = format!("127.0.0.1:{}", bank.port());
    bank.put("clearline.toml", &settings.replace("127.0.0.1:0", &fixed));
    let good = Good::start(&bank, 1);
    let mut well = 0;
    for _ in 0..RESTARTS {
        progress(&good, 50);
        let server = bank.server.take().expect("a server");
        well += u64::from(server.stop().is_ok());
        bank.server = Some(bank.run().expect("a server"));
    }
    progress(&good, 50);
    let seen = good.end();
    vec![
        Row::new("restarts under load", RESTARTS, well, "ended well, and came back".to_owned()),
        answered("… and the calls of a client that retries", &bank, &seen),
    ]
}

/// Stops servers while calls and streams are under way that never end.
fn stuck() -> Row {
    let (mut well, mut longest) = (0, Duration::ZERO);
    for run in 0..STOPS {
        let mut bank = draining();
        let leaf = bank::certificate(&bank, EVERYTHING);
        let question = Questions::new(run).question(1);
        let first = pb::ScreenTransfersRequest { request: Some(question), timeout: None };
        let runtime = bank::runtime();
        let streams = runtime.block_on(async {
            let mut streams = Vec::new();
            for _ in 0..STREAMS {
                let mut client = bank::client(bank::channel(&bank, Some(&leaf)));
                let questions = tokio_stream::once(first.clone()).chain(pending());
                let answers = client.screen_transfers(questions).await.expect("a stream");
                streams.push(answers.into_inner());
            }
            streams
        });
        let begun = Instant::now();
        let ended = bank.server.take().expect("a server").stop();
        let took = begun.elapsed();
        longest = longest.max(took);
        well += u64::from(ended.is_ok() && took < STOP_MAX);
        drop(streams);
    }
    let note =
        format!("ended well; the longest took {} ms, of 1,000 to drain", longest.as_millis());
    Row::new(format!("stops with {STREAMS} streams that never end"), u64::from(STOPS), well, note)
}

/// Opens a bank whose server drains for a second.
fn draining() -> Secured {
    let mut bank = Secured::prepare(&bank::access(), "");
    let settings = std::fs::read_to_string(bank.path("clearline.toml")).expect("settings");
    let drain = "[server]\ndrain_ms = 1_000\n";
    bank.put("clearline.toml", &settings.replace("[server]\n", drain));
    bank.server = Some(bank.run().expect("a server"));
    bank
}

/// Says how the calls of a good caller ended.
fn answered(what: &str, bank: &Secured, seen: &Seen) -> Row {
    let well = u64::try_from(seen.decisions.len()).expect("a count");
    let tried = well + seen.failed;
    let found = found_again(bank, &seen.decisions);
    let note = format!(
        "answered, with {} retries; {found} found again, alone under their id",
        seen.retried
    );
    let mut row = Row::new(what, tried, well, note);
    row.ok &= found == well;
    row
}

/// Waits until the good caller had so many more answers.
fn progress(good: &Good, more: u64) {
    let from = good.answered.load(Ordering::Relaxed);
    assert!(until(|| from + more <= good.answered.load(Ordering::Relaxed)), "no more answers");
}

/// Waits until something is so, and tells whether it came to be.
fn until(so: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

fn certificates_taken(bank: &Secured) -> usize {
    bank.said().matches("\"message\":\"certificates taken\"").count()
}

const ROTATIONS: u64 = 20;
const RESTARTS: u64 = 20;
const STOPS: u32 = 5;
const STREAMS: usize = 20;
/// What is said to drain, and as much for the last snapshot.
const STOP_MAX: Duration = Duration::from_secs(2);
