//! Unary: a load of calls with one request each.

use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cli::bench::load::{Book, Load, head};
use crate::cli::bench::pace::Pace;
use crate::cli::bench::reply::{self, Messages, Reason, Reply};
use crate::cli::bench::requests::Number;

/// Calls as fast as answers come, on every client, until the run is over and every answer is there.
pub(super) async fn run(book: Arc<Book>, load: Load, clients: Vec<SendRequest<Bytes>>) {
    let mut senders = JoinSet::new();
    let step = u64::from(load.connections).saturating_mul(u64::from(load.in_flight));
    let places = clients.iter().cycle().zip(0..step);
    for (client, place) in places {
        senders.spawn(call_again(Arc::clone(&book), client.clone(), place, step));
    }
    while senders.join_next().await.is_some() {}
}

/// Calls `rate` times a second, each client in turn, until the run is over and every answer is there.
///
/// Where as many calls wait as may wait, the next goes when one of them has its answer, and counts
/// from when it was meant to go all the same.
pub(super) async fn run_at(
    book: Arc<Book>,
    load: Load,
    rate: u32,
    clients: Vec<SendRequest<Bytes>>,
) {
    let all = u32::from(load.connections).saturating_mul(u32::from(load.in_flight));
    let room = Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(Semaphore::MAX_PERMITS)));
    let mut pace = Pace::new(Instant::now(), rate, 0, 1);
    for (client, sequence) in clients.iter().cycle().zip(0..) {
        pace.wait().await;
        // INVARIANT: the semaphore is never closed.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        if book.is_over(Instant::now()) {
            break;
        }
        let (book, mut client, meant) = (Arc::clone(&book), client.clone(), pace.meant());
        tokio::spawn(async move {
            call(&book, &mut client, sequence, meant).await;
            drop(permit);
        });
        pace.advance();
    }
    // Every permit is back once every call has its answer.
    drop(room.acquire_many(all).await);
}

async fn call_again(book: Arc<Book>, mut client: SendRequest<Bytes>, mut sequence: u64, step: u64) {
    let mut now = Instant::now();
    while !book.is_over(now) {
        now = call(&book, &mut client, sequence, now).await;
        sequence = sequence.saturating_add(step);
    }
}

/// Makes one call that was meant to go at `meant`, and returns when its answer was there.
async fn call(
    book: &Book,
    client: &mut SendRequest<Bytes>,
    sequence: u64,
    meant: Instant,
) -> Instant {
    let message = book.requests.message(Number { sequence, slot: 0 });
    let answer = answer(client, message).await;
    let now = Instant::now();
    book.answered(meant, now, answer);
    now
}

async fn answer(client: &mut SendRequest<Bytes>, message: Bytes) -> Result<Reply, Reason> {
    let broken = |error: h2::Error| format!("a call broke: {error}");
    std::future::poll_fn(|cx| client.poll_ready(cx)).await.map_err(broken)?;
    let (response, mut body) = client.send_request(call_head(), false).map_err(broken)?;
    body.send_data(message, true).map_err(broken)?;

    let response = response.await.map_err(broken)?;
    if response.status() != http::StatusCode::OK {
        return Err(format!("HTTP status {}", response.status()));
    }
    if response.headers().contains_key("grpc-status") {
        reply::status(response.headers())?;
        return Err("a call that ended well without an answer".into());
    }
    let mut body = response.into_body();
    let mut messages = Messages::default();
    let mut reply = None;
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(broken)?;
        body.flow_control().release_capacity(piece.len()).map_err(broken)?;
        messages.push(piece);
        while let Some(message) = messages.take() {
            if reply.replace(reply::read(&message?)?).is_some() {
                return Err("two answers to one call".into());
            }
        }
    }
    let trailers = body.trailers().await.map_err(broken)?;
    reply::status(&trailers.unwrap_or_default())?;
    reply.ok_or_else(|| "a call that ended well without an answer".into())
}

fn call_head() -> http::Request<()> {
    let mut request =
        head("http://localhost/clearline.screening.v1.ScreeningService/ScreenTransfer");
    request.headers_mut().insert("grpc-timeout", http::HeaderValue::from_static(TIMEOUT));
    request
}

/// `requests::TIMEOUT_SECONDS` as a call says it.
const TIMEOUT: &str = "10S";
