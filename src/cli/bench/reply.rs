//! Reply: what a load reads of an answer, without building the message.
//!
//! Decoding every answer whole would cost the load more than sending the request. What is read here
//! tells a decision from anything else and says what kind of decision it is.

use bytes::{Buf as _, Bytes, BytesMut};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A decision, as far as a load looks at it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reply {
    /// Whether the transfer may not leave now.
    pub held: bool,
    /// Whether the payer must be shown a warning.
    pub warned: bool,
}

/// Why a call or a message got no decision, in words that many calls share.
pub type Reason = String;

/// Reads a `ScreenTransferResponse`.
pub fn read(mut message: &[u8]) -> Result<Reply, Reason> {
    let mut reply = Reply::default();
    let mut action = 0;
    let mut has_receipt = false;
    while !message.is_empty() {
        let (field, wire) = decode_key(&mut message).map_err(|_| unreadable())?;
        if (field, wire) == (ACTION, WireType::Varint) {
            action = decode_varint(&mut message).map_err(|_| unreadable())?;
            continue;
        }
        reply.warned |= field == WARNING;
        has_receipt |= field == RECEIPT;
        skip(wire, field, &mut message)?;
    }
    match action {
        ALLOW => {}
        HOLD => reply.held = true,
        _ => return Err("an answer without an action".into()),
    }
    if has_receipt { Ok(reply) } else { Err("an answer without a receipt".into()) }
}

/// Reads a `ScreenTransfersResponse`: the id it answers, and the decision or why there is none.
pub fn read_streamed(mut message: &[u8]) -> Result<(&[u8], Result<Reply, Reason>), Reason> {
    let mut id: &[u8] = &[];
    let mut answer = Err("an answer with neither decision nor error".into());
    while !message.is_empty() {
        let (field, wire) = decode_key(&mut message).map_err(|_| unreadable())?;
        if wire != WireType::LengthDelimited {
            skip(wire, field, &mut message)?;
            continue;
        }
        let length = decode_varint(&mut message).map_err(|_| unreadable())?;
        let length = usize::try_from(length).map_err(|_| unreadable())?;
        let (value, rest) = message.split_at_checked(length).ok_or_else(unreadable)?;
        message = rest;
        match field {
            STREAMED_ID => id = value,
            STREAMED_RESPONSE => answer = read(value),
            STREAMED_ERROR => answer = Err(streamed_error(value)),
            _ => {}
        }
    }
    Ok((id, answer))
}

/// Reads the status that ends a call; `Ok` where it says so.
pub fn status(headers: &http::HeaderMap) -> Result<(), Reason> {
    match Status::from_header_map(headers) {
        None => Err("a call that ended without a status".into()),
        Some(status) if status.code() == Code::Ok => Ok(()),
        Some(status) => {
            let reason = status.get_details_error_info().map(|info| info.reason);
            let reason = reason.unwrap_or_else(|| status.message().to_owned());
            Err(format!("{:?} {reason}", status.code()))
        }
    }
}

/// Puts the messages of a call together from the pieces in which they arrive.
#[derive(Debug, Default)]
pub struct Messages {
    waiting: BytesMut,
    piece: Bytes,
}

impl Messages {
    /// Takes the next piece. Every message before it must have been taken out.
    pub fn push(&mut self, piece: Bytes) {
        if self.waiting.is_empty() {
            self.piece = piece;
        } else {
            self.waiting.extend_from_slice(&piece);
            self.piece = self.waiting.split().freeze();
        }
    }

    /// Returns the next message that is there whole.
    ///
    /// Compressed messages are an error: none was asked for.
    pub fn take(&mut self) -> Option<Result<Bytes, Reason>> {
        let Some((head, _)) = self.piece.split_first_chunk::<HEAD_BYTES>() else {
            self.keep();
            return None;
        };
        let [compressed, length @ ..] = *head;
        let Ok(length) = usize::try_from(u32::from_be_bytes(length)) else {
            return Some(Err(unreadable()));
        };
        if compressed != 0 {
            return Some(Err("a compressed answer".into()));
        }
        let end = length.saturating_add(HEAD_BYTES);
        if self.piece.len() < end {
            self.keep();
            return None;
        }
        let mut message = self.piece.split_to(end);
        message.advance(HEAD_BYTES);
        Some(Ok(message))
    }

    /// Tells whether part of a message is still to come.
    pub fn is_cut(&self) -> bool {
        !self.waiting.is_empty() || !self.piece.is_empty()
    }

    fn keep(&mut self) {
        self.waiting.extend_from_slice(&self.piece);
        self.piece = Bytes::new();
    }
}

fn skip(wire: WireType, field: u32, message: &mut &[u8]) -> Result<(), Reason> {
    skip_field(wire, field, message, DecodeContext::default()).map_err(|_| unreadable())
}

fn streamed_error(error: &[u8]) -> Reason {
    use prost::Message as _;

    match crate::grpc::pb::Error::decode(error) {
        Ok(error) => format!("{:?} {}", Code::from_i32(error.code), error.reason),
        Err(_) => unreadable(),
    }
}

fn unreadable() -> Reason {
    "an answer that cannot be read".into()
}

// Numbers of fields and values in the proto, which never change.
const ACTION: u32 = 2;
const WARNING: u32 = 4;
const RECEIPT: u32 = 10;
const ALLOW: u64 = 1;
const HOLD: u64 = 2;
const STREAMED_ID: u32 = 1;
const STREAMED_RESPONSE: u32 = 2;
const STREAMED_ERROR: u32 = 3;

/// gRPC puts one byte for compression and four of length before each message.
const HEAD_BYTES: usize = 5;

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::grpc::pb;
    use crate::grpc::pb::screen_transfers_response::Answer;

    fn response(action: pb::Action, warned: bool, recorded: bool) -> pb::ScreenTransferResponse {
        pb::ScreenTransferResponse {
            decision: "decisions/1".into(),
            action: action.into(),
            warning: warned.then(pb::Warning::default),
            receipt: recorded.then(pb::Receipt::default),
            decide_time: Some(prost_types::Timestamp { seconds: 1, nanos: 2 }),
            ..pb::ScreenTransferResponse::default()
        }
    }

    #[test]
    fn a_decision_is_read() {
        for (action, held) in [(pb::Action::Allow, false), (pb::Action::Hold, true)] {
            for warned in [false, true] {
                let bytes = response(action, warned, true).encode_to_vec();
                assert_eq!(read(&bytes), Ok(Reply { held, warned }));
            }
        }
    }

    #[test]
    fn what_is_no_decision_is_said_so() {
        let rows = [
            (response(pb::Action::Unspecified, false, true), "an answer without an action"),
            (response(pb::Action::Allow, false, false), "an answer without a receipt"),
        ];
        for (response, want) in rows {
            assert_eq!(read(&response.encode_to_vec()), Err(want.to_owned()));
        }
        assert_eq!(read(&[0x0a, 0x7f]), Err(unreadable()));
    }

    #[test]
    fn a_streamed_answer_says_which_request_it_is_for() {
        let id = "abc".to_owned();
        let answer = Answer::Response(response(pb::Action::Hold, true, true));
        let message = pb::ScreenTransfersResponse { request_id: id, answer: Some(answer) };
        let bytes = message.encode_to_vec();
        let want = (&b"abc"[..], Ok(Reply { held: true, warned: true }));
        assert_eq!(read_streamed(&bytes), Ok(want));
    }

    #[test]
    fn a_streamed_error_keeps_its_reason() {
        let error = pb::Error { code: 8, reason: "QUEUE_FULL".into(), ..pb::Error::default() };
        let answer = Some(Answer::Error(error));
        let message = pb::ScreenTransfersResponse { request_id: "a".into(), answer };
        let want = (&b"a"[..], Err("ResourceExhausted QUEUE_FULL".to_owned()));
        assert_eq!(read_streamed(&message.encode_to_vec()), Ok(want));
    }

    #[test]
    fn messages_are_put_together_from_any_pieces() {
        let mut bytes = Vec::new();
        for text in ["", "one", "a longer one"] {
            bytes.push(0);
            bytes.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        for size in 1..=bytes.len() {
            let mut messages = Messages::default();
            let mut found = Vec::new();
            for piece in bytes.chunks(size) {
                messages.push(Bytes::copy_from_slice(piece));
                while let Some(message) = messages.take() {
                    found.push(message.unwrap());
                }
            }
            assert_eq!(found, ["", "one", "a longer one"].map(Bytes::from));
            assert!(!messages.is_cut());
        }
    }
}
