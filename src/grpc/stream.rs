//! Stream: the answers to a stream of questions.
//!
//! Every question gets exactly one answer, in whatever order they come. Nothing is read while the
//! turn's queue is full or too many answers are owed, so that a caller who sends faster than can be
//! decided, or never reads, holds up nobody but itself.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream as _;
use futures_util::stream::FuturesUnordered;
use http_body::{Body, Frame};
use prost::Message as _;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};
use tonic::Status;

use crate::clock::Stopwatch;
use crate::grpc::SCREEN_TRANSFERS;
use crate::grpc::call::{self, Messages};
use crate::grpc::guard::{Calling, Guard};
use crate::grpc::pb;
use crate::grpc::pb::screen_transfers_response::Answer as Message;
use crate::grpc::read;
use crate::grpc::screening::Service;
use crate::grpc::serve::{self, Arriving};
use crate::grpc::status::CallError;
use crate::grpc::write;
use crate::telemetry::count::{self, Rpc, Step};
use crate::telemetry::line;
use crate::telemetry::trace::{Origin, Trace};
use crate::turn::desk::Lane;
use crate::turn::{Answer, Outcome, Refusal};

/// The answers of one stream.
pub struct Answers {
    service: Service,
    asker: Asker,
    /// `None` once the caller has closed its side, or nothing more is read.
    questions: Option<Messages<Arriving>>,
    lane: Lane<Tag>,
    /// Questions in the lane.
    asked: usize,
    /// Answers that are read back from the log, to questions that were answered before.
    earlier: FuturesUnordered<Later<pb::ScreenTransfersResponse>>,
    /// Answers to be sent.
    ready: VecDeque<pb::ScreenTransfersResponse>,
    /// What the stream ends with: an error, if there was one; `None` once that was sent.
    end: Option<Result<(), CallError>>,
    /// Room for the messages of one piece.
    bytes: BytesMut,
    /// Ends when nothing more is to be read, and says why.
    stopping: Later<CallError>,
    /// Ends when the caller waits no longer for the stream, where it said so.
    expires: Option<Pin<Box<Sleep>>>,
    _call: count::Call,
}

/// Who asks.
pub(crate) struct Asker {
    calling: Arc<Calling>,
    guard: Guard,
    /// The number of what was in force when it was last found out who asks.
    edition: u64,
    /// Whose trace its questions belong to.
    origin: Origin,
}

/// Which question an answer is for.
struct Tag {
    request_id: String,
    asked: Instant,
    deadline: Instant,
    trace: Option<Arc<Trace>>,
}

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Answers {
    /// Takes the questions.
    pub(crate) fn new(
        service: Service,
        questions: Arriving,
        asker: Asker,
        (waits, retiring): (Option<Duration>, Option<watch::Receiver<bool>>),
    ) -> Self {
        let mut stopping = service.stopping();
        Self {
            lane: service.desk().lane(asker.calling.seat(), IN_FLIGHT_MAX),
            service,
            asker,
            questions: Some(Messages::new(questions)),
            asked: 0,
            earlier: FuturesUnordered::new(),
            ready: VecDeque::new(),
            end: Some(Ok(())),
            bytes: BytesMut::new(),
            stopping: Box::pin(async move {
                tokio::select! {
                    biased;
                    // A sender that is gone stops the server as well.
                    _ = stopping.wait_for(|stopping| *stopping) => Refusal::Stopping.into(),
                    () = retired(retiring) => CallError::ConnectionOld,
                }
            }),
            expires: waits.map(|waits| Box::pin(tokio::time::sleep(waits))),
            _call: count::call(Rpc::ScreenTransfers),
        }
    }

    /// Takes over every answer that is there.
    fn poll_answers(&mut self, context: &mut Context<'_>) {
        // What is there now was there at one moment, so one look at the clock is enough for all.
        let mut now = None;
        while let Poll::Ready(Some((tag, outcome))) = self.lane.poll_outcome(context) {
            self.asked = self.asked.saturating_sub(1);
            self.asker.done(1);
            now = now.or_else(count::timer);
            self.answer(tag, outcome, now);
        }
        while let Poll::Ready(Some(answer)) = Pin::new(&mut self.earlier).poll_next(context) {
            self.ready.push_back(answer);
        }
    }

    /// Reads every question that is there and for which there is room; tells whether there was one.
    fn poll_questions(&mut self, context: &mut Context<'_>) -> bool {
        let mut any = false;
        loop {
            // What is read back counts as well: it is held for the caller like any other answer.
            let held = self.earlier.len().saturating_add(self.ready.len());
            let Some(questions) = &mut self.questions else { return any };
            if IN_FLIGHT_MAX <= held || self.lane.poll_room(context).is_pending() {
                return any;
            }
            match questions.poll_next(context).map_ok(call::decode) {
                Poll::Pending => return any,
                Poll::Ready(Some(Ok(Ok(question)))) => self.ask(question),
                Poll::Ready(Some(Ok(Err(error)) | Err(error))) => {
                    self.questions = None;
                    self.end = Some(Err(error));
                }
                Poll::Ready(None) => self.questions = None,
            }
            any = true;
        }
    }

    fn ask(&mut self, question: pb::ScreenTransfersRequest) {
        let message = question.request.unwrap_or_default();
        let short = message.request_id.len() <= ECHO_BYTES_MAX;
        let request_id = if short { message.request_id.clone() } else { String::new() };
        let (stated, rejected) = read::timeout(question.timeout);
        let now = Instant::now();
        if let Err(error) = self.asker.is_let_in(&self.service) {
            self.ready.push_back(refused(request_id, error.clone()));
            (self.questions, self.end) = (None, Some(Err(error)));
            return;
        }
        let share = self.asker.calling.share.as_ref();
        if let Some(Err(over)) = share.map(|share| share.take(now)) {
            return self.ready.push_back(refused(request_id, CallError::Over(over)));
        }
        let deadline = now.checked_add(self.service.patience().of_stated(stated)).unwrap_or(now);
        let trace = self.asker.origin.begin(SCREEN_TRANSFERS, Some(now.into_std().into()));
        let reading = count::sample(Step::Read);
        match self.service.read(message) {
            Ok(mut request) => {
                request.rejected.extend(rejected);
                let task = self.service.task(request, self.asker.calling.token);
                count::step(Step::Read, reading);
                let task = task.traced(trace.as_ref());
                self.lane.push(task, Tag { request_id, asked: now, deadline, trace }, deadline);
                self.asked = self.asked.saturating_add(1);
            }
            Err(error) => {
                self.asker.done(1);
                end(trace, Err(error.reason()));
                self.ready.push_back(refused(request_id, error));
            }
        }
    }

    fn answer(&mut self, tag: Tag, outcome: Outcome, now: Option<Stopwatch>) {
        let Tag { request_id, asked, deadline, trace } = tag;
        let answer = match outcome {
            Ok(Answer::Decided(decided, receipt)) => {
                let writing = count::sample(Step::Answer);
                let response = write::screened(&decided, &receipt);
                count::step(Step::Answer, writing);
                line::decided(&decided, &response.decision);
                count::told(asked.into_std(), now, &response.decision);
                end(trace, Ok(&response.decision));
                answered(request_id, response)
            }
            Ok(earlier) => {
                let service = self.service.clone();
                self.earlier.push(Box::pin(async move {
                    match service.screened(earlier, deadline).await {
                        Ok(response) => {
                            count::told(asked.into_std(), count::timer(), &response.decision);
                            end(trace, Ok(&response.decision));
                            answered(request_id, response)
                        }
                        Err(error) => {
                            end(trace, Err(error.reason()));
                            refused(request_id, error)
                        }
                    }
                }));
                return;
            }
            Err(refusal) => {
                let error = CallError::from(refusal);
                end(trace, Err(error.reason()));
                refused(request_id, error)
            }
        };
        self.ready.push_back(answer);
    }
}

impl Answers {
    /// Returns the next answer; `None` when nothing more is owed.
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<pb::ScreenTransfersResponse>> {
        if let Some(expires) = &mut self.expires
            && self.end.is_some()
            && expires.as_mut().poll(context).is_ready()
        {
            // What is still owed comes too late for whoever asked.
            (self.questions, self.end) = (None, Some(Err(CallError::Expired)));
            return Poll::Ready(None);
        }
        if let Some(answer) = self.ready.pop_front() {
            return Poll::Ready(Some(answer));
        }
        if self.questions.is_some()
            && let Poll::Ready(error) = self.stopping.as_mut().poll(context)
        {
            (self.questions, self.end) = (None, Some(Err(error)));
        }
        loop {
            self.poll_answers(context);
            let asked = self.poll_questions(context);
            if let Some(answer) = self.ready.pop_front() {
                return Poll::Ready(Some(answer));
            }
            // Questions that were asked just now are waited for only once they are looked at again.
            if !asked {
                break;
            }
        }
        if self.questions.is_some() || 0 < self.asked || !self.earlier.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(None)
    }
}

impl Asker {
    /// Takes who asks, by what says whether it still may, and the number of what was in force when that
    /// was looked at.
    pub(crate) fn new(
        calling: Arc<Calling>,
        (guard, edition): (Guard, u64),
        origin: Origin,
    ) -> Self {
        Self { calling, guard, edition, origin }
    }

    /// Finds out whether it may still ask, where the file of callers has changed.
    fn is_let_in(&mut self, service: &Service) -> Result<(), CallError> {
        let edition = self.guard.edition();
        if edition == self.edition {
            return Ok(());
        }
        let who = self.guard.again(&self.calling, service.desk().tokens());
        let now = who.may(SCREEN_TRANSFERS)?.ok_or(CallError::CallerUnknown)?;
        if now.seat() != self.calling.seat() {
            // Another caller by now: what is asked waits elsewhere and is counted elsewhere.
            return Err(CallError::ConnectionOld);
        }
        (self.calling, self.edition) = (Arc::clone(now), edition);
        Ok(())
    }

    /// Ends `count` of the questions that were taken.
    fn done(&self, count: usize) {
        if let Some(share) = &self.calling.share {
            share.done(u32::try_from(count).unwrap_or(u32::MAX));
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        // Questions that get no answer any more.
        self.asker.done(self.asked);
    }
}

impl Body for Answers {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        while this.bytes.len() < PIECE_BYTES {
            match this.poll_next(context) {
                Poll::Ready(Some(answer)) => {
                    if this.bytes.is_empty() {
                        this.bytes.reserve(PIECE_BYTES_USUAL);
                    }
                    call::put(&answer, answer.encoded_len(), &mut this.bytes);
                }
                Poll::Pending if this.bytes.is_empty() => return Poll::Pending,
                Poll::Ready(None) if this.bytes.is_empty() => {
                    let status = this.end.take().map(|end| match end {
                        Ok(()) => serve::ok(),
                        Err(error) => call::failed(error),
                    });
                    return Poll::Ready(status.map(|status| Ok(Frame::trailers(status))));
                }
                Poll::Pending | Poll::Ready(None) => break,
            }
        }
        Poll::Ready(Some(Ok(Frame::data(this.bytes.split().freeze()))))
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("lane", &self.lane).finish_non_exhaustive()
    }
}

/// Ends the trace of a question, if it is traced, with what its caller is told.
fn end(trace: Option<Arc<Trace>>, told: Result<&str, &'static str>) {
    if let Some(trace) = trace {
        trace.answered(told);
    }
}

/// Ends when a connection is to end.
async fn retired(retiring: Option<watch::Receiver<bool>>) {
    let Some(mut retiring) = retiring else { return std::future::pending().await };
    if retiring.wait_for(|retiring| *retiring).await.is_err() {
        // The connection is gone, and this stream with it.
        std::future::pending::<()>().await;
    }
}

fn answered(
    request_id: String,
    response: pb::ScreenTransferResponse,
) -> pb::ScreenTransfersResponse {
    pb::ScreenTransfersResponse { request_id, answer: Some(Message::Response(response)) }
}

fn refused(request_id: String, error: CallError) -> pb::ScreenTransfersResponse {
    pb::ScreenTransfersResponse { request_id, answer: Some(Message::Error(error.into())) }
}

/// Most questions of one stream without an answer sent: one batch of the turn, so that one stream
/// alone can fill it, and eight fill the queue.
const IN_FLIGHT_MAX: usize = 1_024;

/// A request id has 36 bytes; a faulty one is repeated so that its caller finds it, and no further.
pub(crate) const ECHO_BYTES_MAX: usize = 64;

/// From this size on a piece is sent: two frames of HTTP/2, some hundred answers.
const PIECE_BYTES: usize = 32 * 1024;
/// Room for that and one answer more, warning and all.
const PIECE_BYTES_USUAL: usize = PIECE_BYTES + 4 * 1024;
