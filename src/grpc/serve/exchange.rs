//! Exchange: what a caller sends in one call, and what it is sent.
//!
//! Never looks into a message.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame};

use crate::telemetry::count::{self, Limit};

/// What a caller sends, as it arrives.
#[derive(Debug)]
pub struct Arriving {
    stream: RecvStream,
    /// Whether nothing but trailers is to come.
    all: bool,
}

/// What a caller is sent.
#[derive(Debug)]
pub enum Reply {
    /// One message in its frame; the status after it is that of a call answered.
    One(Bytes),
    /// A stream, or the answer of another service.
    Tonic(tonic::body::Body),
    /// An error, given before all was read of what the caller sends.
    Refused(Arriving),
}

/// Returns the status of a call that was answered.
pub(crate) fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}

/// Lets a caller whose call was refused say the rest of it, to nobody.
///
/// A stream that is dropped while its caller is still sending is reset, and soon forgotten. What comes on it
/// then is an error of the client, and after some hundreds of those the connection ends: whoever is often
/// over its share would lose the calls within its share as well.
pub(super) async fn hear_out(mut rest: Arriving) {
    let heard = async {
        let mut bytes = 0_usize;
        while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut rest).poll_frame(context)).await
        {
            bytes = bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if HEARD_BYTES_MAX < bytes {
                break;
            }
        }
    };
    // Of who says no more, or too much, the stream is reset.
    let _ = tokio::time::timeout(HEARD_MAX, heard).await;
}

/// Sends a body piece by piece, none before the client has room for some of it. A client that has none
/// for too long is told that its call is over.
pub(super) async fn pipe(
    mut body: tonic::body::Body,
    mut stream: SendStream<Bytes>,
    slow: Duration,
) -> Result<(), h2::Error> {
    loop {
        stream.reserve_capacity(1);
        while stream.capacity() == 0 {
            let room = poll_fn(|context| stream.poll_capacity(context));
            let Ok(room) = tokio::time::timeout(slow, room).await else {
                count::limited(Limit::Slow);
                stream.send_reset(Reason::CANCEL);
                return Ok(());
            };
            let Some(room) = room else { return Ok(()) };
            room?;
        }
        let next = poll_fn(|context| match Pin::new(&mut body).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(Some(frame)),
            Poll::Pending => stream.poll_reset(context).map(|_| None),
        });
        match next.await {
            None => return Ok(()),
            Some(None) => return stream.send_data(Bytes::new(), true),
            Some(Some(Err(_))) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            Some(Some(Ok(frame))) => match frame.into_data().map_err(Frame::into_trailers) {
                Ok(data) => stream.send_data(data, body.is_end_stream())?,
                Err(Ok(trailers)) => return stream.send_trailers(trailers),
                Err(Err(_)) => {}
            },
        }
    }
}

impl Arriving {
    pub(super) fn new(stream: RecvStream) -> Self {
        Self { stream, all: false }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.all {
            match ready!(self.stream.poll_data(context)) {
                Some(Ok(data)) => {
                    // Fails only where the stream has ended, and then there is no window.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.all = true,
            }
        }
        let trailers: Result<Option<HeaderMap>, _> = ready!(self.stream.poll_trailers(context));
        Poll::Ready(trailers.transpose().map(|trailers| trailers.map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}

/// What is on its way already, at most: the window of a stream.
const HEARD_BYTES_MAX: usize = 128 * 1024;
/// As long as HTTP/2's library knows of a stream that it has reset, and passes over what comes on it.
const HEARD_MAX: Duration = Duration::from_secs(1);
/// Where a call says how it ended.
pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
