//! Floods: clients that are slow, huge, many or rude, and a good caller beside them.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use clearline::cli::bench::machine;
use futures_util::future::join_all;
use rustix::thread::gettid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::Row;
use crate::authority::Leaf;
use crate::bank::{self, Questions};
use crate::good::{Good, RATE, Seen, found_again};
use crate::raw::{CONTINUATION, DATA, END_HEADERS, HEADERS, PING, RST_STREAM, Raw, frame, headers};
use crate::server::Secured;

/// Floods the server, each time beside a good caller.
pub(crate) fn rows(tell: &mut dyn FnMut(Row)) {
    // A child stays on the core of the thread that starts it.
    machine::pin(0).expect("two cores");
    let mut bank = bank::open(SETTINGS);
    machine::pin(1).expect("two cores");
    let mut runs = 1..;
    let mut run = || runs.next().expect("a number");
    let quiet = median([(); TIMES].map(|()| Good::for_time(&bank, run(), QUIET).p99()));
    tell(Row::new(
        "nothing, for comparison",
        0,
        0,
        format!("{RATE} calls/s on 4 connections, p99 {}", milliseconds(quiet)),
    ));
    for flood in FLOODS {
        let (mut tried, mut well) = (0, 0);
        let seen = [(); TIMES].map(|()| {
            let good = Good::start(&bank, run());
            at_leisure(|| {
                // A 99th percentile of fewer calls would be one of chance.
                while good.answered.load(Ordering::Relaxed) < CALLS_MIN {
                    let (more, of_them) = (flood.send)(&bank);
                    (tried, well) = (tried + more, well + of_them);
                }
            });
            good.end()
        });
        tell(Row::new(flood.what, tried, well, flood.expected.to_owned()));
        tell(beside(&bank, &seen, quiet));
    }
    let server = bank.server.take().expect("a server");
    let ended = server.stop();
    tell(Row::new("the server after all of it", 1, u64::from(ended.is_ok()), "ended well".into()));
}

/// Says how a good caller fared.
fn beside(bank: &Secured, seen: &[Seen; TIMES], quiet: u64) -> Row {
    let sum = |count: fn(&Seen) -> u64| seen.iter().map(count).sum::<u64>();
    let answered = sum(|seen| u64::try_from(seen.decisions.len()).expect("a count"));
    let tried = answered + sum(|seen| seen.failed);
    let found: u64 = seen.iter().map(|seen| found_again(bank, &seen.decisions)).sum();
    let p99 = median(seen.each_ref().map(Seen::p99));
    let times = p99 * 100 / quiet.max(1);
    let note = format!(
        "p99 {}, {}.{:02} × quiet; {} retries; {found} found again",
        milliseconds(p99),
        times / 100,
        times % 100,
        sum(|seen| seen.retried)
    );
    let mut row = Row::new("… and beside it a good caller's calls", tried, answered, note);
    row.ok = answered == tried && found == answered && times < 200;
    row
}

/// Returns the one in the middle: in one run of several the disk may stand still for a while.
fn median(mut of: [u64; TIMES]) -> u64 {
    of.sort_unstable();
    let [.., middle, _] = of;
    middle
}

/// One way to flood a server.
struct Flood {
    what: &'static str,
    expected: &'static str,
    /// Floods; returns how often it was tried and how often it ended as it should.
    send: fn(&Secured) -> (u64, u64),
}

const FLOODS: [Flood; 11] = [
    Flood { what: "connections that say nothing", expected: "closed by the server", send: silent },
    Flood {
        what: "TLS handshakes, a byte at a time",
        expected: "closed by the server",
        send: slow_handshakes,
    },
    Flood {
        what: "headers, a byte at a time",
        expected: "closed by the server",
        send: slow_headers,
    },
    Flood { what: "messages, a byte at a time", expected: "answered in time", send: slow_bodies },
    Flood { what: "messages of 100 MB", expected: "MESSAGE_TOO_LARGE", send: huge },
    Flood { what: "compressed messages", expected: "ENCODING_UNKNOWN", send: compressed },
    Flood {
        what: "connections with 5,000 streams begun at once",
        expected: "refused, or closed",
        send: streams,
    },
    Flood { what: "connections with 5,000 resets", expected: "closed by the server", send: resets },
    Flood { what: "connections with 50,000 pings", expected: "answered, or closed", send: pings },
    Flood {
        what: "connections with headers of a megabyte",
        expected: "closed by the server",
        send: endless_headers,
    },
    Flood {
        what: "calls of a caller at ten times its share",
        expected: "answered, or refused with a time to come back",
        send: greedy,
    },
];

/// Runs an attack where it takes no time from the good caller but what the server spends on it: only when
/// nobody else wants the core. The lowest priority alone would keep the good caller waiting for up to three
/// milliseconds now and then, which is as long as a call.
fn at_leisure<T: Send>(attack: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let thread = gettid().as_raw_nonzero().to_string();
            let idle = Command::new("chrt").args(["--idle", "--pid", "0", &thread]).status();
            assert!(idle.is_ok_and(|ended| ended.success()), "chrt, of util-linux");
            attack()
        });
        thread.join().expect("an attack that ends")
    })
}

fn silent(bank: &Secured) -> (u64, u64) {
    drip(bank, SILENT, &[])
}

fn slow_handshakes(bank: &Secured) -> (u64, u64) {
    // The head of a record of 512 bytes with the client's first message.
    drip(bank, 500, &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])
}

/// Opens connections that send these bytes one by one, then nothing.
fn drip(bank: &Secured, count: u64, bytes: &'static [u8]) -> (u64, u64) {
    let port = bank.port();
    let closed = bank::runtime().block_on(join_all((0..count).map(|_| async move {
        let closed = async {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
            for byte in bytes {
                if stream.write_all(&[*byte]).await.is_err() {
                    return Some(());
                }
                sleep(DRIP).await;
            }
            let mut rest = Vec::new();
            // An end or a reset.
            let _ = stream.read_to_end(&mut rest).await;
            Some(())
        };
        timeout(CLOSED_MAX, closed).await.ok().flatten()
    })));
    (count, count_of(closed.iter().filter(|closed| closed.is_some()).count()))
}

fn slow_headers(bank: &Secured) -> (u64, u64) {
    let block = headers(&[]);
    let first = frame(HEADERS, 0, 1, &block);
    let pieces = move || {
        std::iter::once(first.clone()).chain((0..400).map(|_| frame(CONTINUATION, 0, 1, &[])))
    };
    let got = raw(bank, 50, pieces, DRIP);
    (50, count_of(got.iter().filter(|got| got.closed).count()))
}

fn slow_bodies(bank: &Secured) -> (u64, u64) {
    let first = frame(HEADERS, END_HEADERS, 1, &headers(&[]));
    // A message of 200 bytes would follow.
    let body = [0, 0, 0, 0, 200];
    let pieces = move || {
        let body = body.into_iter().chain([0; 195]);
        std::iter::once(first.clone()).chain(body.map(|byte| frame(DATA, 0, 1, &[byte])))
    };
    let got = raw(bank, 50, pieces, DRIP);
    (50, count_of(got.iter().filter(|got| 0 < got.answers).count()))
}

fn huge(bank: &Secured) -> (u64, u64) {
    let question = clearline::grpc::pb::ScreenTransferRequest {
        request_id: "x".repeat(100_000_000),
        ..Default::default()
    };
    let leaf = bank::certificate(bank, "greedy");
    let well = bank::runtime().block_on(async {
        let mut well = 0;
        for _ in 0..5 {
            let channel = bank::channel(bank, Some(&leaf));
            let status = bank::client(channel).screen_transfer(question.clone()).await;
            well += u64::from(refused(&status, "MESSAGE_TOO_LARGE"));
        }
        well
    });
    (5, well)
}

fn compressed(bank: &Secured) -> (u64, u64) {
    let question = Questions::new(999);
    let leaf = bank::certificate(bank, "greedy");
    let well = bank::runtime().block_on(async {
        let channel = bank::channel(bank, Some(&leaf));
        let mut well = 0;
        for number in 0..200 {
            let mut request = tonic::Request::new(question.question(number));
            request.metadata_mut().insert("grpc-encoding", "gzip".parse().expect("a header"));
            let status = bank::client(channel.clone()).screen_transfer(request).await;
            well += u64::from(refused(&status, "ENCODING_UNKNOWN"));
        }
        well
    });
    (200, well)
}

fn streams(bank: &Secured) -> (u64, u64) {
    let block = headers(&[]);
    let pieces = move || {
        let block = block.clone();
        numbers(5_000).map(move |stream| frame(HEADERS, END_HEADERS, stream, &block))
    };
    let got = raw(bank, 20, pieces, Duration::ZERO);
    let well = got.iter().filter(|got| got.closed || got.goaway.is_some() || 0 < got.resets);
    (20, count_of(well.count()))
}

fn resets(bank: &Secured) -> (u64, u64) {
    let block = headers(&[]);
    let pieces = move || {
        let block = block.clone();
        numbers(5_000).map(move |stream| {
            let mut both = frame(HEADERS, END_HEADERS, stream, &block);
            both.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
            both
        })
    };
    let got = raw(bank, 20, pieces, Duration::ZERO);
    (20, count_of(got.iter().filter(|got| got.closed).count()))
}

fn pings(bank: &Secured) -> (u64, u64) {
    let pieces = || (0..500).map(|_| frame(PING, 0, 0, &[7; 8]).repeat(100));
    let got = raw(bank, 20, pieces, Duration::ZERO);
    (20, count_of(got.iter().filter(|got| got.closed || got.pongs == 50_000).count()))
}

fn endless_headers(bank: &Secured) -> (u64, u64) {
    let block = headers(&[]);
    let more = [&[0, 1, b'x', 100][..], &[b'y'; 100]].concat().repeat(100);
    let pieces = move || {
        let first = frame(HEADERS, 0, 1, &block);
        let more = more.clone();
        std::iter::once(first).chain((0..100).map(move |_| frame(CONTINUATION, 0, 1, &more)))
    };
    let got = raw(bank, 20, pieces, Duration::ZERO);
    (20, count_of(got.iter().filter(|got| got.closed).count()))
}

/// Asks ten times as often as the good caller, and never waits.
fn greedy(bank: &Secured) -> (u64, u64) {
    // Under an id that was answered, another question is refused.
    static RUN: AtomicU32 = AtomicU32::new(1_000);
    let leaf = bank::certificate(bank, "greedy");
    let questions = Questions::new(RUN.fetch_add(1, Ordering::Relaxed));
    let count = u64::from(RATE) * 10 * 4;
    let pause = Duration::from_secs(1) * 64 / (RATE * 10);
    let well = bank::runtime().block_on(async {
        let channels: Vec<_> = (0..8).map(|_| bank::channel(bank, Some(&leaf))).collect();
        let mut turns = channels.iter().cycle();
        let mut calls = Vec::new();
        for number in 0..count {
            let channel = turns.next().expect("a connection").clone();
            let question = questions.question(number);
            calls.push(tokio::spawn(async move {
                let answer = bank::client(channel).screen_transfer(question).await;
                let Err(status) = answer else { return true };
                let later = tonic_types::StatusExt::get_details_retry_info(&status).is_some();
                if !later {
                    eprintln!("a greedy caller was told {status:?}");
                }
                later
            }));
            if number % 64 == 63 {
                sleep(pause).await;
            }
        }
        let ended = join_all(calls).await;
        count_of(ended.iter().filter(|ended| matches!(ended, Ok(true))).count())
    });
    (count, well)
}

/// Tells whether a call was refused for this reason.
fn refused<T>(answer: &Result<T, tonic::Status>, reason: &str) -> bool {
    answer.as_ref().err().and_then(bank::reason).as_deref() == Some(reason)
}

/// Sends the same pieces on some connections at once.
fn raw<I: Iterator<Item = Vec<u8>>>(
    bank: &Secured,
    count: u64,
    pieces: impl Fn() -> I,
    pause: Duration,
) -> Vec<crate::raw::Got> {
    let leaf: Leaf = bank::certificate(bank, "greedy");
    let (leaf, pieces) = (&leaf, &pieces);
    bank::runtime().block_on(join_all((0..count).map(|_| async move {
        let raw = Raw::open(bank, leaf).await.expect("a connection");
        raw.send(pieces(), pause, WAIT).await
    })))
}

/// The numbers of the first streams of a client.
fn numbers(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| number * 2 + 1)
}

fn count_of(count: usize) -> u64 {
    u64::try_from(count).expect("a count")
}

fn milliseconds(micros: u64) -> String {
    clearline::cli::bench::report::milliseconds(micros)
}

/// Handshakes have half a second, so that ten thousand silent connections pass in ten.
const SETTINGS: &str = "[limits]\nhandshake_ms = 500\n";
/// How often a good caller is watched beside each flood, and beside none.
const TIMES: usize = 3;
/// How long a quiet caller is watched.
const QUIET: Duration = Duration::from_secs(4);
/// Calls of the good caller beside each flood, at least; it is repeated until there are so many.
const CALLS_MIN: u64 = 1_200;
/// Connections that say nothing.
const SILENT: u64 = 10_000;
/// Between two bytes of a slow client.
const DRIP: Duration = Duration::from_millis(50);
/// Ten thousand connections, 512 at a time, each for half a second, and twice that.
const CLOSED_MAX: Duration = Duration::from_secs(20);
/// What is left to come after an attack.
const WAIT: Duration = Duration::from_secs(2);
