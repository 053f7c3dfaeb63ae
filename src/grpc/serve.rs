//! Serve: accepts connections, bounds what each may cost, and drains them in time.
//!
//! An accept loop of our own, because tonic's answers an expired deadline with `CANCELLED`, bounds
//! neither connections nor its drain, and would wait for ever for a client that watches our health.
//!
//! On a runtime of one thread: one such runtime for each core, all listening on one address, beats
//! one runtime of many threads.
//!
//! Never looks into a call.

mod connection;
mod greeting;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

use crate::access::Identity;
pub use crate::grpc::serve::connection::{Arriving, Peer, Serve};
use crate::grpc::serve::connection::{Broken, converse};
use crate::grpc::serve::greeting::{Greeted, greet};
use crate::grpc::tls::{self, Tls};
use crate::telemetry::count::{self, Limit};

/// What callers may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most connections at once; more wait in the listener's backlog.
    pub connections_max: usize,
    /// Most calls at once on one connection.
    pub calls_max: u32,
    /// How long calls may go on after the server was told to stop.
    pub drain: Duration,
    /// How long a client may take from its connection to its first bytes of HTTP/2, TLS included.
    pub handshake: Duration,
    /// Most clients that shake hands by TLS at once; more wait, and their time runs.
    pub handshakes_max: usize,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stopped {
    /// Connections that had to be cut when the time to drain was over.
    pub cut: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            calls_max: CALLS_MAX,
            drain: DRAIN,
            handshake: HANDSHAKE,
            handshakes_max: HANDSHAKES_MAX,
        }
    }
}

/// Opens a listener on `address`. Several of one process may share an address, each with a part of
/// the connections.
pub fn listen(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the connections of the last run to be forgotten.
    socket.set_reuseaddr(true)?;
    if shared {
        socket.set_reuseport(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves `listener` until `stop` ends, by TLS where there is some, then takes no more connections and
/// calls, lets those that are open come to their end and cuts what is left after `limits.drain`.
pub async fn serve<S: Serve>(
    listener: TcpListener,
    service: S,
    limits: Limits,
    tls: Option<Tls>,
    stop: impl Future<Output = ()>,
) -> Stopped {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let handshakes = Arc::new(Semaphore::new(limits.handshakes_max));
    let terms = Terms { calls_max: limits.calls_max, handshake: limits.handshake, handshakes, tls };
    let (draining, drains) = watch::channel(false);
    let mut open = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = open.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let connection = connection(stream, service.clone(), terms.clone(), drains.clone());
        open.spawn(async move {
            connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = draining.send(true);
    let drained = async { while open.join_next().await.is_some() {} };
    let cut = match tokio::time::timeout(limits.drain, drained).await {
        Ok(()) => 0,
        Err(_) => open.len(),
    };
    (0..cut).for_each(|_| count::limited(Limit::Drain));
    open.shutdown().await;
    Stopped { cut }
}

/// Waits for a place, then for a connection to take it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    if places.available_permits() == 0 {
        count::limited(Limit::Connections);
    }
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            // Gone before it was taken, or no file left to hold it: neither ends the service.
            tracing::warn!(kind = ?error.kind(), "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_RETRY).await;
            None
        }
    }
}

/// What holds for every connection.
#[derive(Clone)]
struct Terms {
    calls_max: u32,
    handshake: Duration,
    handshakes: Arc<Semaphore>,
    tls: Option<Tls>,
}

/// Serves one connection until it ends, or until every call that it has when `drains` turns true
/// has ended.
async fn connection<S: Serve>(
    stream: TcpStream,
    service: S,
    terms: Terms,
    mut drains: watch::Receiver<bool>,
) {
    let _open = count::connection();
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    let Terms { calls_max, handshake, handshakes, tls } = terms;
    let ended = if let Some(tls) = tls {
        // In a box: a session is ten times as large as a bare connection.
        let secured = Box::pin(secured(stream, tls, handshakes));
        let Some((greeted, names)) = within(handshake, secured, &mut drains).await else { return };
        let service = service.meet(&Peer::Secured(names));
        Box::pin(converse(greeted, service, calls_max, drains)).await
    } else {
        let Some(greeted) = within(handshake, greet(stream), &mut drains).await else { return };
        converse(greeted, service.meet(&Peer::Plain), calls_max, drains).await
    };
    if let Err(error) = ended {
        if matches!(error, Broken::Silent) {
            count::limited(Limit::Silent);
        }
        // Ordinary for clients that go away; no text of theirs is in it.
        tracing::debug!(
            silent = matches!(error, Broken::Silent),
            "a connection ended with an error"
        );
    }
}

/// Waits for what a client begins with, for so long and no longer than until `drains` turns true.
async fn within<T>(
    handshake: Duration,
    begins: impl Future<Output = Option<T>>,
    drains: &mut watch::Receiver<bool>,
) -> Option<T> {
    let begun = tokio::select! {
        biased;
        begun = tokio::time::timeout(handshake, begins) => begun.ok().flatten(),
        _ = drains.wait_for(|draining| *draining) => return None,
    };
    if begun.is_none() {
        count::limited(Limit::Greeting);
    }
    begun
}

/// Shakes hands by TLS, and returns what the client's certificate proves.
async fn secured(
    stream: TcpStream,
    tls: Tls,
    handshakes: Arc<Semaphore>,
) -> Option<(Greeted<TlsStream<TcpStream>>, Option<Vec<Identity>>)> {
    let place = handshakes.acquire_owned().await.ok()?;
    let stream = match tls.acceptor().accept(stream).await {
        Ok(stream) => stream,
        Err(error) => {
            // Ordinary for clients without a certificate, and for whoever knocks at every port.
            tracing::debug!(kind = ?error.kind(), "a handshake failed");
            return None;
        }
    };
    drop(place);
    let (_, session) = stream.get_ref();
    if session.alpn_protocol() != Some(tls::HTTP_2) {
        return None;
    }
    let names = session.peer_certificates().and_then(<[_]>::first).map(tls::names);
    greet(stream).await.map(|greeted| (greeted, names))
}

/// A bank's payment engine keeps tens of connections; each costs a file and at most the windows
/// below.
const CONNECTIONS_MAX: usize = 1_024;
/// As many calls as one engine has under way in a second at a few thousand a second and single
/// milliseconds each, many times over; HTTP/2 advises no fewer than 100.
const CALLS_MAX: u32 = 2_048;
/// Callers without a deadline are answered within 800 ms, and none waits longer than 10 s.
const DRAIN: Duration = Duration::from_secs(10);
/// What Linux allows by default.
const BACKLOG: u32 = 4_096;
/// Long enough for a slow link, and no longer than a caller waits for an answer.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A handshake takes about a millisecond of the door, so that one who waits behind all the others
/// waits for a quarter of a second; and those who never finish theirs leave places to the rest.
const HANDSHAKES_MAX: usize = 256;
/// Files become free when connections end, and that takes at least as long.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::task::Poll;
    use std::time::Duration;

    use http::{Request, Response};
    use tonic::body::Body;
    use tonic::service::Routes;
    use tonic::transport::{Channel, Endpoint};
    use tonic_health::ServingStatus;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    use tonic_health::server::HealthReporter;
    use tower::Service as _;

    use super::*;
    use crate::grpc::call::Reply;

    /// Health alone.
    #[derive(Clone)]
    struct Healthy(Routes);

    impl Serve for Healthy {
        fn call(
            &self,
            request: Request<Arriving>,
        ) -> impl Future<Output = Response<Reply>> + Send + 'static {
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
            &self,
            request: Request<Arriving>,
        ) -> impl Future<Output = Response<Reply>> + Send + 'static {
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
}
