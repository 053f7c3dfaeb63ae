//! Stream: a load of messages on one long call.
//!
//! Answers may come in any order, so each request says in its id where it is kept: finding it costs
//! one look into an array.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use tokio::time::Instant;

use crate::cli::bench::load::{Book, Load, head};
use crate::cli::bench::pace::Pace;
use crate::cli::bench::reply::{self, Messages, Reason};
use crate::cli::bench::requests::Number;

/// Sends the messages of connection `index` until the run is over and every answer is there.
pub(super) async fn run(book: Arc<Book>, load: Load, index: u16, mut client: SendRequest<Bytes>) {
    if let Err(reason) = talk(&book, &load, index, &mut client).await {
        book.failed(reason);
    }
}

async fn talk(
    book: &Book,
    load: &Load,
    index: u16,
    client: &mut SendRequest<Bytes>,
) -> Result<(), Reason> {
    std::future::poll_fn(|cx| client.poll_ready(cx)).await.map_err(broken)?;
    let head = head("http://localhost/clearline.screening.v1.ScreeningService/ScreenTransfers");
    let (response, out) = client.send_request(head, false).map_err(broken)?;
    let mut lane = Lane::new(book, load, index, out);
    let mut pace = load.rate.map(|rate| Pace::new(Instant::now(), rate, index, load.connections));

    // The server may want the first message before it answers with a head.
    lane.send(pace.as_mut())?;
    let response = response.await.map_err(broken)?;
    if response.status() != http::StatusCode::OK {
        return Err(format!("HTTP status {}", response.status()));
    }
    if response.headers().contains_key("grpc-status") {
        reply::status(response.headers())?;
    }
    let mut body = response.into_body();
    let mut messages = Messages::default();
    while lane.is_open {
        tokio::select! {
            biased;
            piece = body.data() => lane.receive(piece, &mut body, &mut messages)?,
            () = wait(pace.as_ref(), &lane) => {}
        }
        // What has arrived meanwhile is taken at once: the more answers, the fuller the next frame.
        while let Some(Some(piece)) = body.data().now_or_never() {
            lane.receive(Some(piece), &mut body, &mut messages)?;
        }
        lane.send(pace.as_mut())?;
    }
    while let Some(piece) = body.data().await {
        lane.receive(Some(piece), &mut body, &mut messages)?;
    }
    if messages.is_cut() || lane.waiting != 0 {
        return Err("a stream that ended before its last answer".into());
    }
    let trailers = body.trailers().await.map_err(broken)?;
    reply::status(&trailers.unwrap_or_default())
}

/// Returns when a message is due and may go; never in a closed loop, which only answers move.
async fn wait(pace: Option<&Pace>, lane: &Lane<'_>) {
    match pace {
        Some(pace) if !lane.free.is_empty() => pace.wait().await,
        // Wakes up now and then, to see that the run is over.
        _ => tokio::time::sleep(LOOK).await,
    }
}

/// The requests of one stream that wait for their answers.
struct Lane<'a> {
    book: &'a Book,
    out: SendStream<Bytes>,
    buffer: BytesMut,
    /// Whether more may be sent.
    is_open: bool,
    /// What waits, by slot: sequence number and when it was meant to go.
    slots: Vec<Option<(u64, Instant)>>,
    free: Vec<u16>,
    waiting: usize,
    sequence: u64,
    step: u64,
}

impl<'a> Lane<'a> {
    fn new(book: &'a Book, load: &Load, index: u16, out: SendStream<Bytes>) -> Self {
        Self {
            book,
            out,
            buffer: BytesMut::new(),
            is_open: true,
            slots: vec![None; usize::from(load.in_flight)],
            free: (0..load.in_flight).rev().collect(),
            waiting: 0,
            sequence: u64::from(index),
            step: u64::from(load.connections),
        }
    }

    /// Sends every message that may go now, in as few frames as they fit.
    fn send(&mut self, mut pace: Option<&mut Pace>) -> Result<(), Reason> {
        let now = Instant::now();
        let is_over = self.book.is_over(now);
        while let (false, Some(slot)) = (is_over, self.free.last().copied()) {
            let meant = match &mut pace {
                None => now,
                Some(pace) if now < pace.meant() => break,
                Some(pace) => {
                    let meant = pace.meant();
                    pace.advance();
                    meant
                }
            };
            self.free.pop();
            let number = Number { sequence: self.sequence, slot };
            if let Some(place) = self.slots.get_mut(usize::from(slot)) {
                *place = Some((self.sequence, meant));
            }
            self.waiting = self.waiting.saturating_add(1);
            self.sequence = self.sequence.saturating_add(self.step);
            self.book.requests.write(number, &mut self.buffer);
        }
        if is_over || !self.buffer.is_empty() {
            self.is_open = !is_over;
            let messages = self.buffer.split().freeze();
            self.out.send_data(messages, is_over).map_err(broken)?;
        }
        Ok(())
    }

    /// Takes the answers out of one piece of the body.
    fn receive(
        &mut self,
        piece: Option<Result<Bytes, h2::Error>>,
        body: &mut RecvStream,
        messages: &mut Messages,
    ) -> Result<(), Reason> {
        let piece = piece.ok_or("a stream that the server ended")?.map_err(broken)?;
        body.flow_control().release_capacity(piece.len()).map_err(broken)?;
        messages.push(piece);
        let now = Instant::now();
        while let Some(message) = messages.take() {
            let message = message?;
            let (id, answer) = reply::read_streamed(&message)?;
            let number = self.book.requests.number(id).ok_or("an answer to nothing we asked")?;
            let place = self.slots.get_mut(usize::from(number.slot));
            match place.and_then(Option::take) {
                Some((sequence, meant)) if sequence == number.sequence => {
                    self.free.push(number.slot);
                    self.waiting = self.waiting.saturating_sub(1);
                    self.book.answered(meant, now, answer);
                }
                _ => return Err("a second answer to one request".into()),
            }
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
fn broken(error: h2::Error) -> Reason {
    format!("a stream broke: {error}")
}

/// How often a stream looks whether the run is over.
const LOOK: std::time::Duration = std::time::Duration::from_millis(50);
