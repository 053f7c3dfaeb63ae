//! Load: as many requests as asked for, and how long each answer took.
//!
//! Speaks HTTP/2 by the `h2` crate alone: a whole gRPC client costs as much as the server and would
//! be what is measured. Runs on one thread.
//!
//! Closed loop: as many requests wait as asked for, and each answer lets the next one go. Open loop:
//! requests go at a rate, whatever the answers do, and each latency counts from when its request was
//! meant to go, so that a stall is felt by every request that fell into it.
//!
//! Never leaves an answer unread: each is checked, and one that is no decision fails the run.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use hdrhistogram::Histogram;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::cli::bench::reply::{Reason, Reply};
use crate::cli::bench::requests::{Mix, Requests, SLOTS_MAX, Shape};
use crate::cli::bench::{stream, unary};

/// What to send, where and for how long.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where the server listens.
    pub address: SocketAddr,
    /// What calls go by; `None` is without TLS.
    pub tls: Option<Tls>,
    /// Calls or streams.
    pub shape: Shape,
    /// How many connections, each with one stream where the shape is that, 1 and up.
    pub connections: u16,
    /// How many requests of one connection wait for their answers at most, 1 to [`SLOTS_MAX`].
    pub in_flight: u16,
    /// How many requests a second in all, 1 and up; `None` means as fast as answers come.
    pub rate: Option<u32>,
    /// How long to send before measuring begins.
    pub warm_up: Duration,
    /// How long to measure.
    pub measured: Duration,
    /// What is sent.
    pub mix: Mix,
}

/// How calls go by TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Who calls, and whose server is trusted.
    pub config: Arc<ClientConfig>,
    /// What the server's certificate must be of.
    pub name: ServerName<'static>,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured<T> {
    /// How long was measured.
    pub elapsed: Duration,
    /// The answers of that time.
    pub tally: Tally,
    /// How many requests were answered in the whole run, warm-up included.
    pub answered_in_all: u64,
    /// What the probe returned when measuring began.
    pub before: T,
    /// What the probe returned when measuring ended.
    pub after: T,
}

/// Answers counted.
#[derive(Clone, Debug)]
pub struct Tally {
    /// How long they took, in microseconds.
    pub latency: Histogram<u64>,
    /// How many there were.
    pub replies: u64,
    /// How many of them hold the transfer.
    pub held: u64,
    /// How many of them warn the payer.
    pub warned: u64,
}

/// Why a run measured nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The templates do not hold their ids, or the histogram refuses its bounds.
    #[error("the load could not be prepared")]
    Prepare,
    /// No random number for the ids of the run.
    #[error("the system gives no random numbers")]
    Random,
    /// The runtime could not be built.
    #[error("the load could not be started: {0}")]
    Runtime(std::io::Error),
    /// The server could not be reached.
    #[error("no server answers at {0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// The server is not trusted, or trusts not.
    #[error("the server at {0} gives no connection by TLS: {1}")]
    Tls(SocketAddr, std::io::Error),
    /// The server speaks no HTTP/2.
    #[error("the server at {0} does not speak HTTP/2: {1}")]
    Handshake(SocketAddr, h2::Error),
    /// Some requests got no decision.
    #[error("{} requests got no decision: {}", total(.0), listed(.0))]
    Failed(BTreeMap<Reason, u64>),
    /// Answers were still owed when the run had to end.
    #[error("answers were still owed {0:?} after the last request")]
    Overdue(Duration),
    /// Nothing was answered while it was measured.
    #[error("nothing was answered while it was measured")]
    Nothing,
}

/// Sends `load` and measures; `probe` is called when measuring begins and when it ends.
///
/// `now` is what requests say about when they were confirmed. Ends by itself, at most
/// [`DRAIN_MAX`] after what was asked for.
pub fn drive<T>(
    load: &Load,
    now: prost_types::Timestamp,
    mut probe: impl FnMut() -> T,
) -> Result<Measured<T>, LoadError> {
    let mut run = [0; 4];
    getrandom::fill(&mut run).map_err(|_| LoadError::Random)?;
    let run = u32::from_ne_bytes(run);
    let requests = Requests::new(load.mix, load.shape, run, now).ok_or(LoadError::Prepare)?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(LoadError::Runtime)?;
    runtime.block_on(async {
        let book = Arc::new(Book::new(load, requests).ok_or(LoadError::Prepare)?);
        let mut senders = tokio::task::JoinSet::new();
        let mut clients = Vec::new();
        for _ in 0..load.connections {
            clients.push(connect(load, &book).await?);
        }
        match (load.shape, load.rate) {
            (Shape::Unary, None) => {
                senders.spawn(unary::run(Arc::clone(&book), load.clone(), clients));
            }
            (Shape::Unary, Some(rate)) => {
                senders.spawn(unary::run_at(Arc::clone(&book), load.clone(), rate, clients));
            }
            (Shape::Stream, _) => {
                for (index, client) in (0..).zip(clients) {
                    senders.spawn(stream::run(Arc::clone(&book), load.clone(), index, client));
                }
            }
        }

        tokio::time::sleep_until(book.begin).await;
        let before = probe();
        tokio::time::sleep_until(book.end).await;
        let after = probe();
        // Others may have had the processor when the sleep was over.
        let elapsed = book.end.saturating_duration_since(book.begin);

        let drained = async { while senders.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_MAX, drained).await.is_err() {
            book.failures()?;
            return Err(LoadError::Overdue(DRAIN_MAX));
        }
        book.failures()?;
        let (tally, answered_in_all) = book.close();
        if tally.replies == 0 {
            return Err(LoadError::Nothing);
        }
        Ok(Measured { elapsed, tally, answered_in_all, before, after })
    })
}

/// What all senders of a run share.
#[derive(Debug)]
pub(super) struct Book {
    /// The requests.
    pub(super) requests: Requests,
    /// When measuring begins.
    pub(super) begin: Instant,
    /// When measuring ends, and sending.
    pub(super) end: Instant,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    tally: Tally,
    answered: u64,
    failures: BTreeMap<Reason, u64>,
}

impl Book {
    fn new(load: &Load, requests: Requests) -> Option<Self> {
        let now = Instant::now();
        let begin = now.checked_add(load.warm_up).unwrap_or(now);
        let end = begin.checked_add(load.measured).unwrap_or(begin);
        let counts = Counts { tally: Tally::new()?, answered: 0, failures: BTreeMap::new() };
        Some(Self { requests, begin, end, counts: Mutex::new(counts) })
    }

    /// Writes down the answer to a request that was meant to go at `meant`.
    pub(super) fn answered(&self, meant: Instant, now: Instant, answer: Result<Reply, Reason>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.answered = counts.answered.saturating_add(1);
        match answer {
            Ok(reply) if self.begin <= now && now < self.end => {
                counts.tally.add(reply, now.saturating_duration_since(meant));
            }
            Ok(_) => {}
            Err(reason) => counts.fail(reason),
        }
    }

    /// Writes down what kept requests from being answered.
    pub(super) fn failed(&self, reason: Reason) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).fail(reason);
    }

    /// Tells whether sending is over: the time is up, or something failed.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let failed = || {
            let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            !counts.failures.is_empty()
        };
        self.end <= now || failed()
    }

    fn failures(&self) -> Result<(), LoadError> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = std::mem::take(&mut counts.failures);
        if failures.is_empty() { Ok(()) } else { Err(LoadError::Failed(failures)) }
    }

    fn close(&self) -> (Tally, u64) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        (counts.tally.clone(), counts.answered)
    }
}

impl Counts {
    fn fail(&mut self, reason: Reason) {
        let count = self.failures.entry(reason).or_default();
        *count = count.saturating_add(1);
    }
}

impl Tally {
    fn new() -> Option<Self> {
        let latency = Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, LATENCY_DIGITS).ok()?;
        Some(Self { latency, replies: 0, held: 0, warned: 0 })
    }

    fn add(&mut self, reply: Reply, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency.saturating_record(micros);
        self.replies = self.replies.saturating_add(1);
        self.held = self.held.saturating_add(u64::from(reply.held));
        self.warned = self.warned.saturating_add(u64::from(reply.warned));
    }
}

/// Returns the head of a call to `method`.
pub(super) fn head(method: &'static str) -> http::Request<()> {
    let mut request = http::Request::new(());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::from_static(method);
    *request.version_mut() = http::Version::HTTP_2;
    let headers = request.headers_mut();
    headers.insert("te", http::HeaderValue::from_static("trailers"));
    headers.insert("content-type", http::HeaderValue::from_static("application/grpc"));
    request
}

async fn connect(load: &Load, book: &Arc<Book>) -> Result<SendRequest<Bytes>, LoadError> {
    let refused = |error| LoadError::Connect(load.address, error);
    let socket = TcpStream::connect(load.address).await.map_err(refused)?;
    socket.set_nodelay(true).map_err(refused)?;
    let Some(Tls { config, name }) = &load.tls else { return greet(load, socket, book).await };
    let shaken = TlsConnector::from(Arc::clone(config)).connect(name.clone(), socket).await;
    greet(load, shaken.map_err(|error| LoadError::Tls(load.address, error))?, book).await
}

/// Begins to speak HTTP/2.
async fn greet<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    load: &Load,
    socket: S,
    book: &Arc<Book>,
) -> Result<SendRequest<Bytes>, LoadError> {
    let (client, connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .initial_max_send_streams(usize::from(SLOTS_MAX))
        .handshake(socket)
        .await
        .map_err(|error| LoadError::Handshake(load.address, error))?;
    let book = Arc::clone(book);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            book.failed(format!("a connection broke: {error}"));
        }
    });
    Ok(client)
}

fn total(failures: &BTreeMap<Reason, u64>) -> u64 {
    failures.values().fold(0, |sum, count| sum.saturating_add(*count))
}

fn listed(failures: &BTreeMap<Reason, u64>) -> String {
    let each: Vec<_> =
        failures.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
    each.join(", ")
}

/// How long answers may still arrive after the last request: as long as a request may wait for one,
/// and a little.
pub const DRAIN_MAX: Duration = Duration::from_secs(12);

/// Wide enough that no window is ever what a load waits for.
const WINDOW_BYTES: u32 = 64 * 1024 * 1024;
const SEND_BUFFER_BYTES: usize = 8 * 1024 * 1024;

/// Longer than any answer may take.
const LATENCY_MICROS_MAX: u64 = 60_000_000;
/// Three digits are finer than any two runs agree.
const LATENCY_DIGITS: u8 = 3;
