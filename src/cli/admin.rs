//! Admin: asks a server's admin listener.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What an admin listener answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Page {
    /// Whether it is as asked for.
    pub(super) ok: bool,
    /// What it says.
    pub(super) text: String,
}

/// Asks for one page. An error says why there was no answer at all.
pub(super) fn get(address: SocketAddr, path: &str) -> Result<Page, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let asked = async { tokio::time::timeout(WAIT_MAX, ask(address, path)).await };
    match runtime.block_on(asked) {
        Ok(answered) => answered,
        Err(_) => Err("no answer in time".to_owned()),
    }
}

async fn ask(address: SocketAddr, path: &str) -> Result<Page, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect(address).await.map_err(|error| told(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| told(&error))?;
    let talking = tokio::spawn(connection);
    let request = Request::get(path)
        .header(http::header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|error| told(&error))?;
    let response = sender.send_request(request).await.map_err(|error| told(&error))?;
    let ok = response.status() == StatusCode::OK;
    let body = Limited::new(response.into_body(), PAGE_BYTES_MAX);
    let bytes = body.collect().await.map_err(|error| told(&error))?.to_bytes();
    talking.abort();
    Ok(Page { ok, text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// An admin listener answers within milliseconds, on a machine with nothing to do within one.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// Metrics come to some 50 KiB.
const PAGE_BYTES_MAX: usize = 4 * 1_048_576;
