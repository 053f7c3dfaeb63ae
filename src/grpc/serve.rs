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
mod exchange;
mod greeting;
mod turnstile;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use h2::Reason;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::rustls::Error as TlsError;
use tokio_rustls::server::TlsStream;

use crate::access::Identity;
use crate::grpc::serve::connection::{Broken, Conduct, converse};
pub use crate::grpc::serve::connection::{Peer, Serve};
pub use crate::grpc::serve::exchange::{Arriving, Reply};
pub(crate) use crate::grpc::serve::exchange::{GRPC_STATUS, ok};
use crate::grpc::serve::greeting::{Greeted, greet};
use crate::grpc::serve::turnstile::{Gate, Turnstile};
use crate::grpc::tls::{self, Tls};
use crate::telemetry::count::{self, Limit};
use crate::turn::desk::Seat;

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
    /// Most bytes of the headers of a call.
    pub headers_bytes_max: u32,
    /// How long a client may have no room for an answer.
    pub slow: Duration,
    /// How long a connection may be without calls; zero for ever.
    pub idle: Duration,
    /// How old a connection may become; zero for as old as it likes.
    pub age: Duration,
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
            headers_bytes_max: HEADERS_BYTES_MAX,
            slow: SLOW,
            idle: IDLE,
            age: AGE,
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
    let conduct = Conduct {
        calls_max: limits.calls_max,
        headers_bytes_max: limits.headers_bytes_max,
        slow: limits.slow,
        idle: limits.idle,
        age: limits.age,
        drain: limits.drain,
    };
    let gate = Gate::default();
    let mut keeper = JoinSet::new();
    keeper.spawn(gate.clone().keep());
    let handshake = limits.handshake;
    let terms = Terms { conduct, handshake, handshakes, gate: gate.clone(), tls };
    let (draining, drains) = watch::channel(false);
    let mut open = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = open.join_next() => continue,
            accepted = accept(&listener, &places, &gate.strangers) => accepted,
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

/// Waits for a place, then for a connection to take it, and for its turn.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    strangers: &Turnstile,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    if places.available_permits() == 0 {
        count::limited(Limit::Connections);
    }
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match strangers.step(Seat::NOBODY, listener.accept()).await {
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
    conduct: Conduct,
    handshake: Duration,
    handshakes: Arc<Semaphore>,
    gate: Gate,
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
    let Terms { conduct, handshake, handshakes, gate, tls } = terms;
    let ended = if let Some(tls) = tls {
        // In a box: a session is ten times as large as a bare connection.
        let secured = Box::pin(secured(stream, tls, handshakes, gate.strangers.clone()));
        let Some((greeted, names)) = within(handshake, secured, &gate.strangers, &mut drains).await
        else {
            return;
        };
        let service = service.meet(&Peer::Secured(names));
        Box::pin(converse(greeted, service, conduct, gate, drains)).await
    } else {
        let Some(greeted) =
            within(handshake, Box::pin(greet(stream)), &gate.strangers, &mut drains).await
        else {
            return;
        };
        converse(greeted, service.meet(&Peer::Plain), conduct, gate, drains).await
    };
    if let Err(error) = ended {
        match &error {
            Broken::Silent => count::limited(Limit::Silent),
            Broken::Late => count::limited(Limit::Drain),
            // Ours: of a client, it would say how the client ended.
            Broken::Http(error)
                if !error.is_remote() && error.reason() == Some(Reason::ENHANCE_YOUR_CALM) =>
            {
                count::limited(Limit::Flood);
            }
            Broken::Http(_) => {}
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
    mut begins: Pin<Box<impl Future<Output = Option<T>>>>,
    strangers: &Turnstile,
    drains: &mut watch::Receiver<bool>,
) -> Option<T> {
    let begun = tokio::select! {
        biased;
        begun = tokio::time::timeout(handshake, begins.as_mut()) => begun.ok().flatten(),
        _ = drains.wait_for(|draining| *draining) => return None,
    };
    if begun.is_none() {
        count::limited(Limit::Greeting);
        // Those who came together would be shown out together, by the hundred.
        let _ = strangers.queue(Seat::NOBODY).await;
        strangers.measure(|| drop(begins));
    }
    begun
}

/// Shakes hands by TLS, and returns what the client's certificate proves.
async fn secured(
    stream: TcpStream,
    tls: Tls,
    handshakes: Arc<Semaphore>,
    strangers: Turnstile,
) -> Option<(Greeted<TlsStream<TcpStream>>, Option<Vec<Identity>>)> {
    let place = handshakes.acquire_owned().await.ok()?;
    // A step may be a millisecond of signing, and nobody knows yet for whom.
    let stream = match strangers.step(Seat::NOBODY, tls.acceptor().accept(stream)).await {
        Ok(stream) => stream,
        Err(error) => {
            // Ordinary for clients without a certificate, and for whoever knocks at every port. Of what
            // the client sent nothing is said but what is wrong with it.
            let refused = error.get_ref().and_then(|error| error.downcast_ref::<TlsError>());
            let why = refused.map(tracing::field::display);
            tracing::debug!(kind = ?error.kind(), why, "a handshake failed");
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
/// A handshake takes about a millisecond of the door, and a rest as long, so that one who waits behind
/// all the others waits for half a second; and those who never finish theirs leave places to the rest.
const HANDSHAKES_MAX: usize = 256;
/// Ours are below 500 bytes; credentials and traces fit in the rest.
pub const HEADERS_BYTES_MAX: u32 = 16 * 1024;
/// Three times what keep-alive gives a client that is gone: this one is there, and does not read.
const SLOW: Duration = Duration::from_mins(1);
/// Between two payments of a quiet night; after it a client connects again, in a hundredth of a second.
const IDLE: Duration = Duration::from_mins(15);
/// A caller that was taken off the list, or whose certificate was taken back, is out by then.
const AGE: Duration = Duration::from_hours(1);
/// Files become free when connections end, and that takes at least as long.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
