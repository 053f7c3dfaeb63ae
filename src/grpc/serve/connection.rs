//! Connection: one caller's connection and every call on it, on one task.
//!
//! A task for each call would be simpler, and is what the libraries above HTTP/2 do. But where a
//! caller has one call under way, as most have, that is four looks at two tasks for each call: the
//! connection reads it, the call asks, the call answers, the connection writes. Here it is two.
//!
//! Never looks into a call.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either};
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use futures_util::{FutureExt as _, StreamExt as _};
use h2::server::{Builder, Connection, SendResponse};
use h2::{Ping, PingPong};
use http::{Request, Response};
use http_body::Body as _;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::access::Identity;
use crate::grpc::serve::exchange::{Arriving, Reply, hear_out, ok, pipe};
use crate::grpc::serve::greeting::Greeted;
use crate::grpc::serve::turnstile::{Gate, Ticket};
use crate::telemetry::count::{self, Limit};
use crate::turn::desk::Seat;

/// Whom a connection is from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Peer {
    /// Whoever can reach the port.
    Plain,
    /// Somebody over TLS, and the names that the certificate proves; `None` where there was none.
    Secured(Option<Vec<Identity>>),
}

/// Answers calls.
pub trait Serve: Clone + Send + Sync + 'static {
    /// Returns what answers the calls of one connection. Asked once, so that a call need not find out whom
    /// it is from.
    fn meet(&self, _peer: &Peer) -> Self {
        self.clone()
    }

    /// Tells whether the connection may stay. One that may not is told to go, and what it has asked by
    /// then is answered.
    fn stays(&self) -> bool {
        true
    }

    /// Hears that the connection is to end, once the calls on it have.
    fn retire(&self) {}

    /// Returns whose turn it takes, as a stranger and where the connection keeps the door busy.
    fn seat(&self) -> Seat {
        Seat::NOBODY
    }

    /// Answers one call.
    fn call(
        &mut self,
        request: Request<Arriving>,
    ) -> impl Future<Output = Response<Reply>> + Send + 'static + use<Self>;
}

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The client did what HTTP/2 does not allow, or went away.
    #[error(transparent)]
    Http(#[from] h2::Error),
    /// The client did not answer a ping.
    #[error("the client did not answer a ping")]
    Silent,
    /// It was told to end, and calls on it went on for too long.
    #[error("calls went on after the connection was to end")]
    Late,
}

/// What holds on one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conduct {
    /// Most calls at once.
    pub(super) calls_max: u32,
    /// Most bytes of the headers of a call. Twice as many are refused before anybody sees them.
    pub(super) headers_bytes_max: u32,
    /// How long a client may have no room for an answer.
    pub(super) slow: Duration,
    /// How long it may have no calls; zero for ever.
    pub(super) idle: Duration,
    /// How old it may become; zero for as old as it likes.
    pub(super) age: Duration,
    /// How long its calls may go on once it is to end.
    pub(super) drain: Duration,
}

impl Conduct {
    /// Returns how long until it is looked whether there are calls: two looks without any are idle.
    fn look(self) -> Duration {
        self.idle.checked_div(2).unwrap_or_default()
    }
}

/// Something that a connection waits for.
enum Event {
    /// A call was answered, with this still to be sent.
    Answered(Option<BoxFuture<'static, Event>>),
    /// A call was refused, and its caller is still to be heard out.
    Refused(BoxFuture<'static, Event>),
    /// A call ended, however it did.
    Ended,
    /// The client did not answer a ping.
    Silent,
    /// The server is to stop.
    Drain,
    /// Time to look whether there are calls.
    Look,
    /// It is as old as it may become.
    Old,
    /// It was to end long ago.
    Late,
}

/// Serves a connection until it ends, or until every call that it has when `drains` turns true has
/// ended. Where it has more to do than its portion, it goes on when its turn comes at the `gate`.
pub(super) async fn converse<T: AsyncRead + AsyncWrite + Unpin, S: Serve>(
    greeted: Greeted<T>,
    mut service: S,
    conduct: Conduct,
    gate: Gate,
    drains: watch::Receiver<bool>,
) -> Result<(), Broken> {
    let (portion, seat) = (greeted.portion(), service.seat());
    let mut http = speak(greeted, conduct).await?;
    let waits: FuturesUnordered<_> =
        events(conduct, drains, http.ping_pong()).into_iter().map(Either::Right).collect();
    if !service.stays() {
        http.graceful_shutdown();
        waits.push(Either::Right(later(conduct.drain, Event::Late)));
    }
    let mut waits = pin!(waits);
    let mut usage = Use::default();
    let nudge = Arc::new(Nudge::default());
    let look = |context: &mut Context<'_>| -> Result<Looked, Broken> {
        portion.give(if usage.answered { PORTION_BYTES } else { STRANGER_BYTES });
        let (mut begin, mut end) = (PORTION_CALLS, PORTION_CALLS);
        let mut rounds = 0..ROUNDS_MAX;
        let busy = loop {
            let Some(round) = rounds.next() else { break true };
            while 0 < end
                && let Poll::Ready(Some(event)) = waits.poll_next_unpin(context)
            {
                end = end.saturating_sub(1);
                let next = hear(event, &mut http, &service, &mut usage, conduct)?;
                waits.extend(next.map(Either::Right));
            }
            // What the calls wrote, if anything, has nudged. So has a look at them that left some for
            // the next, which is why a nudge leads to another round.
            let nudged = nudge.again();
            if 0 < round && !nudged {
                break false;
            }
            let mut called = false;
            while 0 < begin
                && usage.has_room()
                && let Poll::Ready(accepted) = http.poll_accept(context)
            {
                let Some(accepted) = accepted else { return Ok(Looked::Over) };
                let (request, respond) = accepted?;
                let request = request.map(Arriving::new);
                let call = service.call(request);
                waits.push(Either::Left(Answering { call, respond, slow: conduct.slow }));
                usage.open = usage.open.saturating_add(1);
                (begin, called) = (begin.saturating_sub(1), true);
            }
            // No more calls for now, but what was written goes out.
            if (begin == 0 || !usage.has_room())
                && let Poll::Ready(closed) = http.poll_closed(context)
            {
                return closed.map(|()| Looked::Over).map_err(Broken::from);
            }
            usage.called |= called;
            if end == 0 || (!called && !nudged && !nudge.nudged()) {
                break false;
            }
        };
        let busy = busy || begin == 0 || end == 0 || portion.is_short();
        Ok(Looked::Open { answered: usage.answered, busy })
    };
    in_turn(&gate, seat, &nudge, look).await
}

/// Looks at a connection whenever there is something to do on it: at a stranger's when its turn comes, and
/// at a caller's when its turn comes where that was more than its portion.
async fn in_turn(
    gate: &Gate,
    seat: Seat,
    nudge: &Arc<Nudge>,
    mut look: impl FnMut(&mut Context<'_>) -> Result<Looked, Broken>,
) -> Result<(), Broken> {
    let waker = Waker::from(Arc::clone(nudge));
    let mut known = false;
    let mut ticket: Option<Ticket> = None;
    poll_fn(|task| {
        nudge.begin(task.waker());
        let mut context = Context::from_waker(&waker);
        if !known {
            ticket.get_or_insert_with(|| gate.strangers.queue(seat));
        }
        if ticket.as_mut().is_some_and(|turn| turn.poll_unpin(&mut context).is_pending()) {
            nudge.end();
            return Poll::Pending;
        }
        let looked =
            if known { look(&mut context) } else { gate.strangers.measure(|| look(&mut context)) };
        let Looked::Open { answered, busy } = looked? else { return Poll::Ready(Ok(())) };
        known = answered;
        ticket = (known && busy).then(|| gate.callers.queue(seat));
        if busy {
            // Looks again, to be woken when its turn comes.
            nudge.nudge();
        }
        nudge.end();
        Poll::Pending
    })
    .await
}

/// What came of a look at a connection.
enum Looked {
    /// The connection ended.
    Over,
    /// It goes on.
    Open {
        /// Whether anything on it was answered yet.
        answered: bool,
        /// Whether it has more to do than its portion.
        busy: bool,
    },
}

/// Begins to speak HTTP/2.
async fn speak<T: AsyncRead + AsyncWrite + Unpin>(
    greeted: Greeted<T>,
    conduct: Conduct,
) -> Result<Connection<Greeted<T>, Bytes>, h2::Error> {
    Builder::new()
        .max_concurrent_streams(conduct.calls_max)
        .max_header_list_size(conduct.headers_bytes_max.saturating_mul(2))
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(Some(RESETS_LOCAL_MAX))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_send_buffer_size(SEND_BYTES_MAX)
        .handshake(greeted)
        .await
}

/// Does what an event asks for, and returns what is then to be waited for.
fn hear<T: AsyncRead + AsyncWrite + Unpin, S: Serve>(
    event: Event,
    http: &mut Connection<T, Bytes>,
    service: &S,
    usage: &mut Use,
    conduct: Conduct,
) -> Result<Option<BoxFuture<'static, Event>>, Broken> {
    match event {
        Event::Answered(rest) => {
            usage.answered = true;
            if rest.is_some() {
                return Ok(rest);
            }
            usage.open = usage.open.saturating_sub(1);
        }
        Event::Refused(rest) => return Ok(Some(rest)),
        Event::Ended => usage.open = usage.open.saturating_sub(1),
        Event::Silent => return Err(Broken::Silent),
        Event::Drain => http.graceful_shutdown(),
        Event::Look if !usage.is_idle() => return Ok(Some(later(conduct.look(), Event::Look))),
        Event::Look | Event::Old => {
            let old = matches!(event, Event::Old);
            count::limited(if old { Limit::Age } else { Limit::Idle });
            service.retire();
            http.graceful_shutdown();
            return Ok(Some(later(conduct.drain, Event::Late)));
        }
        Event::Late => return Err(Broken::Late),
    }
    Ok(None)
}

/// Returns what a connection waits for beside its calls.
fn events(
    conduct: Conduct,
    mut drains: watch::Receiver<bool>,
    ping: Option<PingPong>,
) -> Vec<BoxFuture<'static, Event>> {
    let drain = async move {
        // A sender that is gone stops the server as well.
        let _ = drains.wait_for(|draining| *draining).await;
        Event::Drain
    };
    let mut events = vec![drain.boxed()];
    events.extend(ping.map(|ping| keep_alive(ping).boxed()));
    if !conduct.idle.is_zero() {
        events.push(later(conduct.look(), Event::Look));
    }
    if !conduct.age.is_zero() {
        events.push(later(spread(conduct.age), Event::Old));
    }
    events
}

/// Whether a connection is used.
#[derive(Debug, Default)]
struct Use {
    /// Calls under way.
    open: usize,
    /// Whether one was answered, and not by an error.
    answered: bool,
    /// Whether there was one since the last look.
    called: bool,
    /// Whether there was none between the two looks before.
    quiet: bool,
}

impl Use {
    /// Tells whether one more call may begin.
    fn has_room(&self) -> bool {
        self.answered || self.open < STRANGER_CALLS_MAX
    }

    /// Tells whether nothing was called since the look before the last one.
    fn is_idle(&mut self) -> bool {
        let quiet = self.open == 0 && !std::mem::take(&mut self.called);
        std::mem::replace(&mut self.quiet, quiet) && quiet
    }
}

/// Brings an event after a while.
fn later(after: Duration, event: Event) -> BoxFuture<'static, Event> {
    async move {
        tokio::time::sleep(after).await;
        event
    }
    .boxed()
}

/// Returns an age up to a tenth below `age`, another one for each connection in a row: those that began
/// together, at a start, do not all end together.
pub(super) fn spread(age: Duration) -> Duration {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    // Steps of seven over a hundred are far from each other, and meet every one.
    let number = NUMBER.fetch_add(7, Ordering::Relaxed).checked_rem(100).unwrap_or(0);
    let part = age.checked_div(1_000).unwrap_or_default();
    age.saturating_sub(part.saturating_mul(number))
}

pin_project! {
    /// One call until it is answered, or its caller takes it back.
    ///
    /// Not an `async fn`, which would keep room for the call twice: thousands of these are made a second.
    struct Answering<C> {
        #[pin]
        call: C,
        respond: SendResponse<Bytes>,
        slow: Duration,
    }
}

impl<C: Future<Output = Response<Reply>>> Future for Answering<C> {
    type Output = Event;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Event> {
        let this = self.project();
        match this.call.poll(context) {
            // A client that has gone or taken its call back is not there to be told.
            Poll::Ready(response) => {
                Poll::Ready(send(response, this.respond, *this.slow).unwrap_or(Event::Ended))
            }
            Poll::Pending => this.respond.poll_reset(context).map(|_| Event::Ended),
        }
    }
}

/// Sends what a call came to, or begins to.
fn send(
    response: Response<Reply>,
    respond: &mut SendResponse<Bytes>,
    slow: Duration,
) -> Result<Event, h2::Error> {
    let (head, reply) = response.into_parts();
    let head = Response::from_parts(head, ());
    match reply {
        // One message is sent whole and waits in the connection, if the client is not ready for it:
        // as many as calls are allowed at once.
        Reply::One(message) => {
            let mut stream = respond.send_response(head, false)?;
            stream.send_data(message, false)?;
            stream.send_trailers(ok())?;
            Ok(Event::Answered(None))
        }
        // An error alone.
        Reply::Tonic(body) if body.is_end_stream() => {
            respond.send_response(head, true)?;
            Ok(Event::Ended)
        }
        Reply::Refused(rest) => {
            respond.send_response(head, true)?;
            if rest.is_end_stream() {
                return Ok(Event::Ended);
            }
            Ok(Event::Refused(hear_out(rest).map(|()| Event::Ended).boxed()))
        }
        Reply::Tonic(body) => {
            let stream = respond.send_response(head, false)?;
            Ok(Event::Answered(Some(Box::pin(async move {
                let _ = pipe(body, stream, slow).await;
                Event::Ended
            }))))
        }
    }
}

/// Asks the client now and then whether it is there; ends when it is not.
async fn keep_alive(mut ping: PingPong) -> Event {
    loop {
        tokio::time::sleep(PING_EVERY).await;
        if ping.send_ping(Ping::opaque()).is_err() {
            return Event::Silent;
        }
        let answered = poll_fn(|context| ping.poll_pong(context));
        match tokio::time::timeout(PING_ANSWER, answered).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return Event::Silent,
        }
    }
}

/// Wakes the connection's task, but not while it is being looked at: what a call writes would
/// otherwise have its connection looked at once more for nothing.
#[derive(Debug, Default)]
struct Nudge {
    task: AtomicWaker,
    looking: AtomicBool,
    again: AtomicBool,
}

impl Nudge {
    fn begin(&self, task: &Waker) {
        self.task.register(task);
        self.looking.store(true, Ordering::SeqCst);
        self.again.store(false, Ordering::SeqCst);
    }

    /// Tells whether there was a nudge since this was asked last.
    fn again(&self) -> bool {
        self.again.swap(false, Ordering::SeqCst)
    }

    /// Tells whether there was a nudge since [`Self::again`] was asked last.
    fn nudged(&self) -> bool {
        self.again.load(Ordering::SeqCst)
    }

    /// Nudges.
    fn nudge(&self) {
        self.again.store(true, Ordering::SeqCst);
    }

    /// Ends a look.
    fn end(&self) {
        self.looking.store(false, Ordering::SeqCst);
        if self.again() {
            self.task.wake();
        }
    }
}

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Before looking, so that a look that ends in between finds it.
        self.nudge();
        if !self.looking.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

/// How often one look goes over calls and connection before other connections have their turn. Two serve a
/// call that is answered at once; more come of a client that sends without end.
const ROUNDS_MAX: usize = 4;
/// What is read in one look before others have their turn: some twenty messages of a stream, or a thousand
/// pings, which are half a millisecond.
const PORTION_BYTES: usize = 16 * 1024;
/// Of a stranger: what it begins with and its first call take half of it.
pub(super) const STRANGER_BYTES: usize = 4 * 1024;
/// Calls that begin, or end, in one look: some tenths of a millisecond of them.
const PORTION_CALLS: usize = 32;
/// Calls of a stranger that are under way at once, before one is answered: what they hold is let go at a
/// stretch when the connection ends, and of so many that takes some tenths of a millisecond.
const STRANGER_CALLS_MAX: usize = 256;

/// A client that opens calls and takes them back at once makes us work for nothing (CVE-2023-44487).
const RESETS_MAX: usize = 20;
/// The same by provoking our own resets (CVE-2025-8671).
const RESETS_LOCAL_MAX: usize = 256;
/// One message of the largest size.
const STREAM_WINDOW: u32 = 128 * 1024;
/// A connection full of streams, each with a message or two.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// The least that HTTP/2 allows; larger frames let one call hold up the others.
const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// What a stream of answers may keep ready for a client that does not read.
const SEND_BYTES_MAX: usize = 64 * 1024;
/// Half of what load balancers and firewalls keep an idle connection for.
const PING_EVERY: Duration = Duration::from_secs(20);
/// A peer that cannot answer in this time could not be answered either.
const PING_ANSWER: Duration = Duration::from_secs(10);
