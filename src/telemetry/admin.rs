//! Admin: a small listener beside the service, for those who run it.
//!
//! Plain HTTP, read only, and on a thread of its own, so that nobody who looks holds up a call. It
//! says nothing of any person. On loopback unless the settings say otherwise; whoever opens it
//! further keeps everybody but monitoring away.
//!
//! | path | answers |
//! |---|---|
//! | `/metrics` | everything that is counted, as `OpenMetrics` text |
//! | `/health/live` | 200 while the process can answer at all |
//! | `/health/ready` | 200 where calls are welcome, 503 where not |
//! | `/build` | which build this is |
//! | `/state` | policy, log, queue, certificate and callers, as JSON |
//!
//! One request a connection, few connections at a time, and none of them for long.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, oneshot};

use crate::entry::BUILD;
use crate::telemetry::metrics::Metrics;

/// The open listener. It closes when this is dropped.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Opens a listener that shows `metrics`.
    pub fn open(address: SocketAddr, metrics: Arc<Metrics>) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (open, opened) = channel();
        let thread = std::thread::Builder::new().name("admin".to_owned());
        let thread = thread.spawn(move || run(address, &metrics, stopped, &open))?;
        match opened.recv() {
            Ok(Ok(address)) => Ok(Self { address, stop: Some(stop), thread: Some(thread) }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("its thread ended")),
        }
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic has ended the process already.
            let _ = thread.join();
        }
    }
}

fn run(
    address: SocketAddr,
    metrics: &Arc<Metrics>,
    stopped: oneshot::Receiver<()>,
    open: &Sender<io::Result<SocketAddr>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(open.send(Err(error))),
    };
    runtime.block_on(async {
        let listener = match listen(address) {
            Ok(listener) => listener,
            Err(error) => return drop(open.send(Err(error))),
        };
        let _ = open.send(listener.local_addr());
        tokio::select! {
            () = accept(&listener, metrics) => {}
            _ = stopped => {}
        }
    });
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: &TcpListener, metrics: &Arc<Metrics>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // No file left to hold it; files become free when something ends.
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        let metrics = Arc::clone(metrics);
        tokio::spawn(async move {
            // Whoever is slower than this is cut, whatever it was about to say or hear.
            let _ = tokio::time::timeout(CONNECTION_MAX, converse(stream, metrics)).await;
            drop(place);
        });
    }
}

async fn converse(stream: TcpStream, metrics: Arc<Metrics>) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), &metrics);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WAIT)
        .max_buf_size(HEADERS_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer);
    // A client that spoke no HTTP or went away is not there to be told.
    let _ = served.await;
}

fn answer(method: &Method, path: &str, metrics: &Metrics) -> Response<Full<Bytes>> {
    if method != Method::GET {
        return respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n".to_owned());
    }
    match path {
        "/metrics" => respond(StatusCode::OK, OPEN_METRICS, metrics.text()),
        "/health/live" => respond(StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/health/ready" if metrics.state().is_serving() => {
            respond(StatusCode::OK, TEXT, "serving\n".to_owned())
        }
        "/health/ready" => {
            respond(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not serving\n".to_owned())
        }
        "/build" => respond(StatusCode::OK, JSON, format!("{}\n", json!({ "build": BUILD }))),
        "/state" => respond(StatusCode::OK, JSON, format!("{:#}\n", metrics.state_json())),
        _ => respond(StatusCode::NOT_FOUND, TEXT, format!("there are {}\n", PATHS.join(", "))),
    }
}

fn respond(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

const PATHS: [&str; 5] = ["/metrics", "/health/live", "/health/ready", "/build", "/state"];
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Monitoring, an orchestrator's probes and an operator, each with one to spare.
const CONNECTIONS_MAX: usize = 8;
/// As many again that have not been looked at.
const BACKLOG: u32 = 16;
/// The least that the library allows; a probe sends some 200 bytes.
const HEADERS_BYTES_MAX: usize = 8 * 1024;
/// A probe on the same machine or the next sends its headers at once.
const HEADERS_WAIT: Duration = Duration::from_secs(2);
/// As long as monitoring waits for an answer by default.
const CONNECTION_MAX: Duration = Duration::from_secs(10);
/// Files become free when connections end.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
