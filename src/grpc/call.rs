//! Call: reads and writes the messages of the calls that nearly all are.
//!
//! Tonic reads and writes them through boxed streams and buffers of 8 KiB; here a message that
//! arrived in one piece is decoded where it lies, and an answer is one piece of just its size.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::Body;
use prost::Message;
use tokio::time::Instant;
use tonic::Status;

use crate::grpc::serve::{Arriving, GRPC_STATUS, Reply};
use crate::grpc::status::CallError;
use crate::telemetry::count::{self, Limit};
use crate::turn::Refusal;

/// Returns the status of a call that went wrong after it was begun.
pub(crate) fn failed(error: CallError) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    // INVARIANT: it fails only where a message or detail is not a header's, and none of ours is so.
    let _ = Status::from(error).add_header(&mut trailers);
    trailers
}

/// The bytes of the messages of a call, one after the other. A message itself is large, and is not
/// made before nothing more is waited for: what a call keeps while it waits is copied as it starts.
#[derive(Debug)]
pub(crate) struct Messages<B> {
    body: B,
    pieces: Pieces,
}

impl<B: Body<Data = Bytes> + Unpin> Messages<B> {
    /// Takes what a caller sends.
    pub(crate) fn new(body: B) -> Self {
        Self { body, pieces: Pieces::default() }
    }

    /// Returns the next message; `None` once the caller has closed its side.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, CallError>>> {
        loop {
            if let Some(message) = self.pieces.message().transpose() {
                return Poll::Ready(Some(message));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        self.pieces.add(piece);
                    }
                }
                None if self.pieces.is_empty() => return Poll::Ready(None),
                Some(Err(_)) | None => {
                    return Poll::Ready(Some(Err(CallError::MessageMalformed)));
                }
            }
        }
    }
}

/// Reads the bytes of the one message of a call.
#[cfg(test)]
async fn read<B>(body: B) -> Result<Bytes, CallError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut messages = Messages::new(body);
    let message = poll_fn(|context| messages.poll_next(context)).await;
    message.unwrap_or(Err(CallError::MessageMalformed))
}

/// The same until `deadline`, after which nobody waits for the rest of it.
pub(crate) async fn read_until<B>(body: B, deadline: Instant) -> Result<Bytes, CallError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut messages = Messages::new(body);
    let message = match poll_fn(|context| Poll::Ready(messages.poll_next(context))).await {
        Poll::Ready(message) => message,
        // In a box: few messages come after their call, and each call would be as large as one.
        Poll::Pending => Box::pin(wait(messages, deadline)).await,
    };
    message.unwrap_or(Err(CallError::MessageMalformed))
}

async fn wait<B: Body<Data = Bytes> + Unpin>(
    mut messages: Messages<B>,
    deadline: Instant,
) -> Option<Result<Bytes, CallError>> {
    let message = poll_fn(|context| messages.poll_next(context));
    let message = tokio::time::timeout_at(deadline, message).await;
    message.unwrap_or_else(|_| {
        count::limited(Limit::Slow);
        Some(Err(Refusal::ExpiredBeforeDeciding.into()))
    })
}

/// Reads a message from its bytes.
pub(crate) fn decode<M: Message + Default>(message: Bytes) -> Result<M, CallError> {
    M::decode(message).map_err(|_| CallError::MessageMalformed)
}

/// What has arrived and was not taken yet.
#[derive(Debug, Default)]
struct Pieces {
    /// The first piece, which mostly is all.
    whole: Bytes,
    /// Everything, where there was more than one.
    joined: BytesMut,
}

impl Pieces {
    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.joined.is_empty()
    }

    fn add(&mut self, piece: Bytes) {
        if self.is_empty() {
            self.whole = piece;
            return;
        }
        // INVARIANT: the window of a stream bounds what comes between two looks at the length.
        self.joined.extend_from_slice(&self.whole);
        self.joined.extend_from_slice(&piece);
        self.whole = Bytes::new();
    }

    /// Takes the next message, if it is there. Refuses a large one by its length alone.
    fn message(&mut self) -> Result<Option<Bytes>, CallError> {
        let arrived: &[u8] = if self.joined.is_empty() { &self.whole } else { &self.joined };
        let Some((mut prefix, rest)) = arrived.split_at_checked(PREFIX_BYTES) else {
            return Ok(None);
        };
        let compressed = prefix.get_u8();
        let length = usize::try_from(prefix.get_u32()).unwrap_or(usize::MAX);
        if compressed != 0 {
            // No encoding was agreed on, or the call would have gone another way.
            return Err(CallError::MessageMalformed);
        }
        if MESSAGE_BYTES_MAX < length {
            return Err(CallError::MessageTooLarge);
        }
        if rest.len() < length {
            return Ok(None);
        }
        let framed = PREFIX_BYTES.saturating_add(length);
        let mut message = if self.joined.is_empty() {
            self.whole.split_to(framed)
        } else {
            self.joined.split_to(framed).freeze()
        };
        message.advance(PREFIX_BYTES);
        Ok(Some(message))
    }
}

/// Writes the answer to a call of one message.
pub(crate) fn write<M: Message>(answer: Result<M, CallError>) -> Response<Reply> {
    match answer {
        Ok(message) => {
            let length = message.encoded_len();
            let mut bytes = BytesMut::with_capacity(length.saturating_add(PREFIX_BYTES));
            put(&message, length, &mut bytes);
            respond(Reply::One(bytes.freeze()))
        }
        Err(error) => Status::from(error).into_http::<tonic::body::Body>().map(Reply::Tonic),
    }
}

/// Appends a message in its frame; `length` is that of the message alone.
pub(crate) fn put<M: Message>(message: &M, length: usize, bytes: &mut BytesMut) {
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // INVARIANT: the buffer grows as needed, which is the only way in which this fails.
    let _ = message.encode(bytes);
}

/// Writes an error in answer to a call that was not all read.
pub(crate) fn refuse(error: CallError, rest: Arriving) -> Response<Reply> {
    // Its body is empty: the status is in the head.
    Status::from(error).into_http::<tonic::body::Body>().map(|_| Reply::Refused(rest))
}

/// Makes a response of a reply that brings its status itself.
pub(crate) fn respond(reply: Reply) -> Response<Reply> {
    let mut response = Response::new(reply);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(http::header::CONTENT_TYPE, grpc);
    response
}

/// Gives an error of tonic's own the details that all of ours have.
pub(crate) fn detailed(response: Response<tonic::body::Body>) -> Response<tonic::body::Body> {
    let headers = response.headers();
    // Only an error that has nothing else to say is in the headers.
    let Some(code) = headers.get(GRPC_STATUS) else { return response };
    let code = tonic::Code::from_bytes(code.as_bytes());
    if code == tonic::Code::Ok || headers.contains_key(GRPC_DETAILS) {
        return response;
    }
    Status::from(CallError::of_tonic(code)).into_http()
}

/// How long callers wait for an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patience {
    /// How long one waits that does not say.
    pub default: Duration,
    /// How long one waits at most, whatever it says.
    pub max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { default: TIMEOUT_DEFAULT, max: TIMEOUT_MAX }
    }
}

impl Patience {
    /// Returns how long a call may take: what its headers say, within bounds, less what the answer
    /// needs to get back.
    pub(crate) fn of(self, headers: &HeaderMap) -> Duration {
        let stated = headers.get(GRPC_TIMEOUT).and_then(|value| timeout(value.as_bytes()));
        self.of_stated(stated)
    }

    /// Returns how long a stream may take: what its headers say, less what its end needs to get back;
    /// `None` where they say nothing, and it may go on.
    pub(crate) fn of_stream(headers: &HeaderMap) -> Option<Duration> {
        let waits = timeout(headers.get(GRPC_TIMEOUT)?.as_bytes())?;
        Some(waits.saturating_sub(way_back(waits)))
    }

    /// The same for a caller who says so elsewhere.
    pub(crate) fn of_stated(self, stated: Option<Duration>) -> Duration {
        let waits = stated.unwrap_or(self.default).min(self.max);
        waits.saturating_sub(way_back(waits))
    }
}

/// Returns what an answer needs to get back to a caller who waits for `waits`.
fn way_back(waits: Duration) -> Duration {
    waits.checked_div(5).unwrap_or_default().min(WAY_BACK_MAX)
}

/// Reads the value of `grpc-timeout`: at most eight digits and a unit.
fn timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let digits = std::str::from_utf8(digits).ok()?;
    let fits = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|_| fits)?;
    match unit {
        b'H' => count.checked_mul(3_600).map(Duration::from_secs),
        b'M' => count.checked_mul(60).map(Duration::from_secs),
        b'S' => Some(Duration::from_secs(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Every text, list and id of a transfer at its longest comes to about 40 KiB.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// Long enough to outlast a slow disk (worst sync seen 109 ms) several times over, and short enough
/// for a payer who waits at a screen.
const TIMEOUT_DEFAULT: Duration = Duration::from_millis(800);
/// Faster Payments answers its sender within 15 s, and the bank needs some of that for itself.
const TIMEOUT_MAX: Duration = Duration::from_secs(10);
/// A fifth of the time for the way back, and no more than any network within a bank takes.
const WAY_BACK_MAX: Duration = Duration::from_millis(20);

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use http_body::Frame;

    use super::*;
    use crate::grpc::pb;
    use crate::grpc::sample;

    /// A body that comes in these pieces.
    struct Body_(VecDeque<Bytes>);

    impl Body for Body_ {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
        }
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(message);
        bytes
    }

    async fn arrive(pieces: &[&[u8]]) -> Result<pb::ScreenTransferRequest, CallError> {
        let body = Body_(pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect());
        read(body).await.and_then(decode)
    }

    #[tokio::test]
    async fn a_message_is_read_in_whatever_pieces_it_comes() {
        let bytes = framed(&sample::full().encode_to_vec());
        for size in [1, 2, 3, 4, 5, 6, 7, 64, bytes.len()] {
            let pieces: Vec<_> = bytes.chunks(size).collect();
            assert_eq!(arrive(&pieces).await, Ok(sample::full()), "{size}");
        }
        assert_eq!(arrive(&[&framed(&[])]).await, Ok(pb::ScreenTransferRequest::default()));
    }

    #[tokio::test]
    async fn messages_are_read_one_after_the_other_in_whatever_pieces_they_come() {
        let messages: [&[u8]; 4] = [b"first", b"", b"the third is a longer one", b"4"];
        let bytes: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        for size in 1..=bytes.len() {
            let mut arriving =
                Messages::new(Body_(bytes.chunks(size).map(Bytes::copy_from_slice).collect()));
            for message in messages {
                let next = poll_fn(|context| arriving.poll_next(context)).await;
                assert_eq!(next, Some(Ok(Bytes::from_static(message))), "{size}");
            }
            assert_eq!(poll_fn(|context| arriving.poll_next(context)).await, None, "{size}");
        }
        // The last one is cut off.
        let cut = bytes.split_last().unwrap().1;
        let mut arriving = Messages::new(Body_([Bytes::copy_from_slice(cut)].into()));
        for _ in 0..3 {
            assert!(poll_fn(|cx| arriving.poll_next(cx)).await.unwrap().is_ok());
        }
        let last = poll_fn(|context| arriving.poll_next(context)).await;
        assert_eq!(last, Some(Err(CallError::MessageMalformed)));
    }

    #[tokio::test]
    async fn what_is_not_a_message_is_refused() {
        let malformed = Err(CallError::MessageMalformed);
        assert_eq!(arrive(&[]).await, malformed);
        assert_eq!(arrive(&[&[0, 0, 0, 0]]).await, malformed);
        assert_eq!(arrive(&[&[0, 0, 0, 0, 2, 1]]).await, malformed);
        assert_eq!(arrive(&[&[1, 0, 0, 0, 0]]).await, malformed);
        // A text that is not UTF-8.
        assert_eq!(arrive(&[&framed(&[0x0a, 1, 0xff])]).await, malformed);
        assert_eq!(arrive(&[&framed(&[0xff; 9])]).await, malformed);
    }

    #[tokio::test]
    async fn a_message_is_read_up_to_its_largest_size() {
        for (over, want) in [(0, None), (1, Some(CallError::MessageTooLarge))] {
            let mut message = sample::request();
            let rest = MESSAGE_BYTES_MAX - message.encoded_len() - 2 + over;
            message.payment_id = "p".repeat(message.payment_id.len() + rest);
            let bytes = message.encode_to_vec();
            assert_eq!(bytes.len(), MESSAGE_BYTES_MAX + over);
            let got = arrive(&[&framed(&bytes)]).await;
            assert_eq!(got.err(), want);
        }
        // The length alone refuses: nothing more need arrive.
        assert_eq!(arrive(&[&[0, 0, 1, 0, 1]]).await, Err(CallError::MessageTooLarge));
        assert_eq!(arrive(&[&[0, 255, 255, 255, 255]]).await, Err(CallError::MessageTooLarge));
    }

    #[test]
    fn an_answer_is_one_piece_and_a_status() {
        let response =
            write(Ok(pb::FieldViolation { field: "f".to_owned(), ..Default::default() }));
        assert_eq!(response.headers()["content-type"], "application/grpc");
        let Reply::One(data) = response.into_body() else { panic!("not one message") };
        assert_eq!(&data[..], [0, 0, 0, 0, 3, 0x0a, 1, b'f']);
        assert_eq!(crate::grpc::serve::ok()["grpc-status"], "0");
    }

    #[test]
    fn an_error_of_tonics_gets_details() {
        for (status, want) in [
            (Status::out_of_range("too large"), CallError::MessageTooLarge),
            (Status::internal("failed to decode"), CallError::MessageMalformed),
            (Status::unimplemented(""), CallError::MethodUnknown),
        ] {
            let response = detailed(status.into_http());
            let status = Status::from_header_map(response.headers()).unwrap();
            let want = Status::from(want);
            assert_eq!((status.code(), status.details()), (want.code(), want.details()));
        }
        let ours = Status::from(CallError::PageTokenMalformed);
        let response = detailed(ours.clone().into_http());
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!((status.code(), status.details()), (ours.code(), ours.details()));
    }

    #[test]
    fn a_caller_is_waited_for_as_long_as_it_says_within_bounds() {
        for (stated, micros) in [
            (None, 780_000),
            (Some("0n"), 0),
            (Some("1m"), 800),
            (Some("100m"), 80_000),
            (Some("1S"), 980_000),
            (Some("10S"), 9_980_000),
            (Some("11S"), 9_980_000),
            (Some("24H"), 9_980_000),
            (Some("99999999H"), 9_980_000),
            (Some("99999999n"), 80_000),
            // Not what the protocol allows: as if nothing was said.
            (Some("999999999n"), 780_000),
            (Some("-1S"), 780_000),
            (Some("1"), 780_000),
            (Some("S"), 780_000),
            (Some("1d"), 780_000),
            (Some(""), 780_000),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(stated) = stated {
                headers.insert(GRPC_TIMEOUT, HeaderValue::from_static(stated));
            }
            assert_eq!(Patience::default().of(&headers).as_micros(), micros, "{stated:?}");
        }
    }
}
