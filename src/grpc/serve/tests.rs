//! Tests of serving: bounds on connections, and how they end.

use std::future::{pending, poll_fn, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::HealthReporter;
use tower::Service as _;

use super::*;
use crate::grpc::serve::connection::STRANGER_BYTES;

/// Health alone.
#[derive(Clone)]
struct Healthy(Routes);

impl Serve for Healthy {
    fn call(
        &mut self,
        request: Request<Arriving>,
    ) -> impl Future<Output = Response<Reply>> + Send + 'static + use<> {
        let mut routes = self.0.clone();
        async move {
            let response = routes.call(request.map(Body::new)).await.unwrap();
            response.map(Reply::Tonic)
        }
    }
}

/// Starts a server of health alone; returns where it is, and its end.
async fn start(
    limits: Limits,
    stop: impl Future<Output = ()> + Send + 'static,
) -> (SocketAddr, tokio::task::JoinHandle<Stopped>) {
    let reporter = HealthReporter::new();
    reporter.set_service_status("", ServingStatus::Serving).await;
    let health = tonic_health::server::HealthService::from_health_reporter(reporter);
    let health = tonic_health::pb::health_server::HealthServer::new(health);
    let service = Healthy(Routes::new(health).prepare());
    let listener = listen("127.0.0.1:0".parse().unwrap(), false).unwrap();
    let address = listener.local_addr().unwrap();
    (address, tokio::spawn(serve(listener, service, limits, None, stop)))
}

async fn client(address: SocketAddr) -> HealthClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    HealthClient::new(endpoint.connect().await.unwrap())
}

fn everything() -> HealthCheckRequest {
    HealthCheckRequest { service: String::new() }
}

#[tokio::test]
async fn serves_until_told_to_stop() {
    let (told, stop) = tokio::sync::oneshot::channel::<()>();
    let (address, ended) = start(Limits::default(), async { drop(stop.await) }).await;
    let mut client = client(address).await;
    client.check(everything()).await.unwrap();
    told.send(()).unwrap();
    assert_eq!(ended.await.unwrap(), Stopped { cut: 0 });
    assert!(client.check(everything()).await.is_err());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_watch_that_never_ends_does_not_keep_the_server() {
    let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
    let (told, stop) = tokio::sync::oneshot::channel::<()>();
    let (address, ended) = start(limits, async { drop(stop.await) }).await;
    let mut client = client(address).await;
    let mut watch = client.watch(everything()).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());
    told.send(()).unwrap();
    assert_eq!(ended.await.unwrap(), Stopped { cut: 1 });
}

#[tokio::test]
async fn a_silent_client_does_not_keep_the_server() {
    let (told, stop) = tokio::sync::oneshot::channel::<()>();
    let (address, ended) = start(Limits::default(), async { drop(stop.await) }).await;
    let silent = TcpStream::connect(address).await.unwrap();
    // Served after it, so the silent one is accepted by now.
    client(address).await.check(everything()).await.unwrap();
    told.send(()).unwrap();
    assert_eq!(ended.await.unwrap(), Stopped { cut: 0 });
    drop(silent);
}

#[tokio::test]
async fn a_client_of_another_protocol_is_shown_out() {
    let (address, _ended) = start(Limits::default(), pending()).await;
    let stream = TcpStream::connect(address).await.unwrap();
    stream.writable().await.unwrap();
    stream.try_write(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut bytes = [0; 16];
    loop {
        stream.readable().await.unwrap();
        match stream.try_read(&mut bytes) {
            Ok(count) => break assert_eq!(count, 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => break assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
    }
}

#[tokio::test]
async fn one_more_connection_than_there_are_places_waits_for_one() {
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let (address, _ended) = start(limits, pending()).await;
    let mut first = client(address).await;
    first.check(everything()).await.unwrap();
    let mut second = tokio::spawn(async move {
        client(address).await.check(everything()).await.unwrap();
    });
    let early = tokio::time::timeout(Duration::from_millis(50), &mut second).await;
    assert!(early.is_err());
    drop(first);
    second.await.unwrap();
}

#[tokio::test]
async fn headers_have_a_largest_size() {
    let (address, _ended) = start(Limits::default(), pending()).await;
    let mut client = client(address).await;
    for (bytes, right) in [(8 * 1024, true), (32 * 1024, false)] {
        let mut request = tonic::Request::new(everything());
        request.metadata_mut().insert("x-filler", "f".repeat(bytes).parse().unwrap());
        assert_eq!(client.check(request).await.is_ok(), right, "{bytes}");
    }
}

/// Answers nothing before it was looked at again, and again.
#[derive(Clone)]
struct Hesitant(Healthy);

impl Serve for Hesitant {
    fn call(
        &mut self,
        request: Request<Arriving>,
    ) -> impl Future<Output = Response<Reply>> + Send + 'static + use<> {
        let answer = self.0.call(request);
        async move {
            let mut looks = 1..=5;
            poll_fn(|context| {
                context.waker().wake_by_ref();
                if looks.next().is_some() { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            answer.await
        }
    }
}

#[tokio::test]
async fn many_calls_of_one_connection_that_wake_themselves_are_all_answered() {
    let reporter = HealthReporter::new();
    reporter.set_service_status("", ServingStatus::Serving).await;
    let health = tonic_health::server::HealthService::from_health_reporter(reporter);
    let health = tonic_health::pb::health_server::HealthServer::new(health);
    let service = Hesitant(Healthy(Routes::new(health).prepare()));
    let listener = listen("127.0.0.1:0".parse().unwrap(), false).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, service, Limits::default(), None, pending()));
    let client = client(address).await;
    let calls: Vec<_> = (0..500)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { client.check(everything()).await.unwrap() })
        })
        .collect();
    for call in calls {
        tokio::time::timeout(Duration::from_secs(10), call).await.unwrap().unwrap();
    }
}

#[test]
fn several_listeners_share_an_address() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _context = runtime.enter();
    let first = listen("127.0.0.1:0".parse().unwrap(), true).unwrap();
    let address = first.local_addr().unwrap();
    assert!(listen(address, true).is_ok());
    let alone = listen("127.0.0.1:0".parse().unwrap(), false).unwrap();
    assert!(listen(alone.local_addr().unwrap(), false).is_err());
}

/// Opens a connection of HTTP/2 that does just what it is told, with its end.
async fn plain(
    address: SocketAddr,
    window: u32,
) -> (h2::client::SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = h2::client::Builder::new();
    let (client, connection) = builder.initial_window_size(window).handshake(stream).await.unwrap();
    (client, tokio::spawn(connection))
}

/// Begins to watch the health of the server; such a call has no end of its own.
async fn watch_health(client: &mut h2::client::SendRequest<Bytes>) -> h2::client::ResponseFuture {
    let request = Request::post("http://localhost/grpc.health.v1.Health/Watch")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    poll_fn(|context| client.poll_ready(context)).await.unwrap();
    let (response, mut body) = client.send_request(request, false).unwrap();
    body.send_data(Bytes::from_static(&[0; 5]), true).unwrap();
    response
}

#[tokio::test]
async fn a_connection_without_calls_is_closed_and_one_with_a_call_is_not() {
    let idle = Duration::from_millis(100);
    let (address, _ended) = start(Limits { idle, ..Limits::default() }, pending()).await;
    let (mut busy, busy_end) = plain(address, 65_535).await;
    let mut watched = watch_health(&mut busy).await.await.unwrap().into_body();
    assert!(watched.data().await.unwrap().is_ok());
    // Each looks at the clock for itself: that it ends tells that the time has passed for both.
    for _ in 0..2 {
        let (_client, end) = plain(address, 65_535).await;
        end.await.unwrap().unwrap();
    }
    assert!(!busy_end.is_finished());
    let forever = Limits { idle: Duration::ZERO, ..Limits::default() };
    let (address, _ended) = start(forever, pending()).await;
    let (_client, end) = plain(address, 65_535).await;
    assert!(tokio::time::timeout(idle * 3, end).await.is_err());
}

#[tokio::test]
async fn an_old_connection_is_told_to_end_and_its_calls_are_cut_when_they_do_not() {
    let (age, drain) = (Duration::from_millis(100), Duration::from_millis(100));
    let limits = Limits { drain, age, ..Limits::default() };
    let (address, _ended) = start(limits, pending()).await;
    // Without a call it ends as it is told to.
    let (_client, end) = plain(address, 65_535).await;
    end.await.unwrap().unwrap();
    // A client that opens another goes on.
    let mut other = client(address).await;
    for _ in 0..5 {
        tokio::time::timeout(Duration::from_secs(5), async {
            while other.check(everything()).await.is_err() {}
        })
        .await
        .unwrap();
        let (_client, end) = plain(address, 65_535).await;
        end.await.unwrap().unwrap();
    }
    // A watch has no end: it is cut.
    let (mut watching, _end) = plain(address, 65_535).await;
    let mut watched = watch_health(&mut watching).await.await.unwrap().into_body();
    assert!(watched.data().await.unwrap().is_ok());
    assert!(!matches!(watched.data().await, Some(Ok(_))));
}

#[tokio::test]
async fn connections_that_begin_together_end_one_after_the_other() {
    let age = Duration::from_secs(100);
    let ages: std::collections::BTreeSet<_> = (0..100).map(|_| connection::spread(age)).collect();
    assert!(80 < ages.len(), "{}", ages.len());
    assert!(ages.iter().all(|spread| age * 9 / 10 < *spread && *spread <= age));
}

#[tokio::test]
async fn a_client_that_has_no_room_for_an_answer_loses_its_call_and_no_other() {
    let slow = Duration::from_millis(100);
    let (address, _ended) = start(Limits { slow, ..Limits::default() }, pending()).await;
    // No room at all for what it asks for.
    let (mut deaf, _end) = plain(address, 0).await;
    let mut watched = watch_health(&mut deaf).await.await.unwrap().into_body();
    let error = watched.data().await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(Reason::CANCEL));
    client(address).await.check(everything()).await.unwrap();
}

/// Begins to serve what a client has sent already, which nobody looks at before it is polled.
async fn overwhelmed<S: Serve>(
    sent: &[u8],
    service: S,
    gate: &Gate,
) -> (DuplexStream, impl Future<Output = Result<(), Broken>> + use<S>) {
    let (mut client, server) = tokio::io::duplex(1 << 20);
    let begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    client.write_all(begin).await.unwrap();
    client.write_all(sent).await.unwrap();
    let greeted = greet(server).await.unwrap();
    let Limits { calls_max, headers_bytes_max, slow, idle, age, drain, .. } = Limits::default();
    let conduct = Conduct { calls_max, headers_bytes_max, slow, idle, age, drain };
    let (stop, drains) = watch::channel(false);
    let gate = gate.clone();
    (client, async move {
        let _stop = stop;
        converse(greeted, service, conduct, gate, drains).await
    })
}

/// One frame of HTTP/2 on a stream.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test]
async fn what_a_client_sends_without_end_is_read_a_portion_at_a_time() {
    const PINGS: usize = 10_000;
    let gate = Gate::default();
    let pings = frame(PING, 0, 0, &[7; 8]).repeat(PINGS);
    let (service, _) = Counting::new();
    let (mut client, served) = overwhelmed(&pings, service, &gate).await;
    let mut served = std::pin::pin!(served);
    let mut read = Vec::new();
    let mut answered = || {
        assert!(served.as_mut().now_or_never().is_none());
        while let Some(Ok(1..)) = client.read_buf(&mut read).now_or_never() {}
        read.windows(8).filter(|bytes| *bytes == [7; 8]).count()
    };
    let (mut looks, mut before) = (0, 0);
    while before < PINGS {
        // Until its turn comes, it gets nothing.
        assert_eq!(answered(), before);
        gate.strangers.let_through();
        let now = answered();
        assert!(now - before <= (STRANGER_BYTES + READ_BYTES) / 17, "{}", now - before);
        assert!(before < now, "look {looks}");
        (looks, before) = (looks + 1, now);
    }
    assert!(PINGS * 17 / (STRANGER_BYTES + READ_BYTES) <= looks, "{looks}");
}

/// Answers nothing, and counts the calls that somebody has looked at.
#[derive(Clone)]
struct Counting(Arc<AtomicUsize>);

impl Counting {
    fn new() -> (Self, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        (Self(Arc::clone(&calls)), calls)
    }
}

impl Serve for Counting {
    fn call(
        &mut self,
        _request: Request<Arriving>,
    ) -> impl Future<Output = Response<Reply>> + Send + 'static + use<> {
        let calls = Arc::clone(&self.0);
        async move {
            calls.fetch_add(1, Ordering::Relaxed);
            pending().await
        }
    }
}

#[tokio::test]
async fn calls_that_come_at_once_begin_a_portion_at_a_time() {
    let gate = Gate::default();
    let (service, calls) = Counting::new();
    let (_client, served) = overwhelmed(&streams(100), service, &gate).await;
    let mut served = std::pin::pin!(served);
    for begun in [0, 32, 64, 96, 100] {
        assert!(served.as_mut().now_or_never().is_none());
        assert!(served.as_mut().now_or_never().is_none());
        assert_eq!(calls.load(Ordering::Relaxed), begun);
        gate.strangers.let_through();
    }
}

#[tokio::test]
async fn a_stranger_has_so_many_calls_under_way_and_no_more() {
    for (sent, begun) in [(255, 255), (256, 256), (257, 256), (300, 256)] {
        let gate = Gate::default();
        let (service, calls) = Counting::new();
        let (_client, served) = overwhelmed(&streams(sent), service, &gate).await;
        let mut served = std::pin::pin!(served);
        for _ in 0..20 {
            assert!(served.as_mut().now_or_never().is_none());
            gate.strangers.let_through();
        }
        assert_eq!(calls.load(Ordering::Relaxed), begun, "{sent}");
    }
}

/// Begins so many calls and ends none.
fn streams(count: usize) -> Vec<u8> {
    let numbers = (1..).step_by(2).take(count);
    numbers.flat_map(|number| frame(HEADERS, END_HEADERS, number, &HEAD)).collect()
}

/// Answers every call with a message of nothing.
#[derive(Clone)]
struct Answers;

impl Serve for Answers {
    fn call(
        &mut self,
        _request: Request<Arriving>,
    ) -> impl Future<Output = Response<Reply>> + Send + 'static + use<> {
        ready(Response::new(Reply::One(Bytes::from_static(&[0; 5]))))
    }
}

/// Has a client call once and then ping without end, and tells whether it goes on when a stranger, and when
/// a caller, is let through.
async fn goes_on(service: impl Serve) -> [bool; 2] {
    let gate = Gate::default();
    let pings = frame(PING, 0, 0, &[7; 8]).repeat(10_000);
    let sent = [frame(HEADERS, END_HEADERS, 1, &HEAD), pings].concat();
    let (mut client, served) = overwhelmed(&sent, service, &gate).await;
    let mut served = std::pin::pin!(served);
    let mut answered = || {
        assert!(served.as_mut().now_or_never().is_none());
        let mut read = Vec::new();
        while let Some(Ok(1..)) = client.read_buf(&mut read).now_or_never() {}
        read.windows(8).any(|bytes| bytes == [7; 8])
    };
    let mut goes_on = |turnstile: &Turnstile| {
        assert!(!answered());
        turnstile.let_through();
        answered()
    };
    assert!(goes_on(&gate.strangers));
    [&gate.strangers, &gate.callers].map(goes_on)
}

#[tokio::test]
async fn who_has_been_answered_nothing_waits_among_strangers() {
    let (waits, _) = Counting::new();
    assert_eq!(goes_on(waits).await, [true, false]);
    assert_eq!(goes_on(Answers).await, [false, true]);
}

/// Refuses every call before its message is read.
#[derive(Clone)]
struct Refuses;

impl Serve for Refuses {
    fn call(
        &mut self,
        request: Request<Arriving>,
    ) -> impl Future<Output = Response<Reply>> + Send + 'static + use<> {
        ready(Response::new(Reply::Refused(request.into_body())))
    }
}

/// The frames that a server sends, one after the other: the kind and stream of each.
struct Frames<T>(T);

impl<T: tokio::io::AsyncRead + Unpin> Frames<T> {
    /// Returns the next that is of one of these kinds.
    async fn next_of(&mut self, kinds: &[u8]) -> (u8, u32) {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.unwrap();
            let [a, b, c, kind, _flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]).try_into().unwrap()];
            self.0.read_exact(&mut payload).await.unwrap();
            if kinds.contains(&kind) {
                return (kind, u32::from_be_bytes(stream));
            }
        }
    }
}

/// Begins to serve somebody whose every call is refused.
async fn refused() -> (Frames<ReadHalf<DuplexStream>>, WriteHalf<DuplexStream>) {
    let gate = Gate::default();
    let (client, served) = overwhelmed(&[], Refuses, &gate).await;
    tokio::spawn(gate.keep());
    tokio::spawn(served);
    let (from, to) = tokio::io::split(client);
    (Frames(from), to)
}

#[tokio::test]
async fn whoever_is_refused_keeps_its_connection_however_late_its_messages_come() {
    // Far more than the library forgives streams of which it knows nothing any more.
    const TIMES: usize = 20;
    const CALLS: usize = 50;
    let (mut frames, mut to) = refused().await;
    let mut numbers = (1..).step_by(2);
    for _ in 0..TIMES {
        let calls: Vec<u32> = numbers.by_ref().take(CALLS).collect();
        for call in &calls {
            to.write_all(&frame(HEADERS, END_HEADERS, *call, &HEAD)).await.unwrap();
        }
        for call in &calls {
            assert_eq!(frames.next_of(&[HEADERS, RST_STREAM, GOAWAY]).await, (HEADERS, *call));
        }
        for call in &calls {
            to.write_all(&frame(DATA, END_STREAM, *call, &[0; 5])).await.unwrap();
        }
        to.write_all(&frame(PING, 0, 0, &[7; 8])).await.unwrap();
        assert_eq!(frames.next_of(&[PING, RST_STREAM, GOAWAY]).await, (PING, 0));
    }
}

#[tokio::test]
async fn whoever_is_refused_is_heard_out_only_so_far() {
    // Of one who says no more, the stream is reset when its time is over; of one who says too much, at
    // once, so that the piece after the last is not taken any more.
    for (pieces, ends, last) in [(0, false, RST_STREAM), (16, true, PING), (18, false, RST_STREAM)]
    {
        let (mut frames, mut to) = refused().await;
        to.write_all(&frame(HEADERS, END_HEADERS, 1, &HEAD)).await.unwrap();
        let mut told = frames.next_of(&[HEADERS]).await.0;
        for piece in 1..=pieces {
            let flags = if ends && piece == pieces { END_STREAM } else { 0 };
            to.write_all(&frame(DATA, flags, 1, &[0; 8 * 1024])).await.unwrap();
            // It has taken this one before it answers.
            to.write_all(&frame(PING, 0, 0, &[7; 8])).await.unwrap();
            told = frames.next_of(&[PING, RST_STREAM, GOAWAY]).await.0;
            if told != PING {
                break;
            }
        }
        if pieces == 0 {
            told = frames.next_of(&[PING, RST_STREAM, GOAWAY]).await.0;
        }
        assert_eq!(told, last, "{pieces} pieces");
    }
}

/// What a look may read beyond its portion: the room that a reader has.
const READ_BYTES: usize = 16 * 1024;
/// By their numbers in the table of HPACK: POST, https; a path and an authority.
const HEAD: [u8; 9] = [0x83, 0x87, 0x04, 2, b'/', b'x', 0x01, 1, b'y'];
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
