//! Requests: the transfers that a load is made of, encoded before it begins.
//!
//! A load generator that builds each message costs as much as the server it measures. So a few
//! hundred messages are encoded once, and of each copy only the ids, the payer and the payee are
//! written over: digits of the same length at places known beforehand.
//!
//! Never repeats a request id, a payment id or an end-to-end id within a run, nor across runs but
//! by a chance of one in four thousand million.

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message;

use crate::cli::bench::templates;
use crate::grpc::pb;

/// What a load is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mix {
    /// How many payers take turns, 1 to 10,000,000.
    pub payers: u32,
    /// How many of them each pays again and again, 1 to 8.
    pub payees: u32,
    /// How many transfers of a thousand carry texts, 0 to 1,000.
    pub texts_per_mille: u32,
    /// How many transfers of a thousand look like the scam, 0 to 1,000. They carry texts as well.
    pub warnings_per_mille: u32,
}

/// Whether messages are calls of their own or parts of a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// `ScreenTransfer`, one call each.
    Unary,
    /// `ScreenTransfers`, many on one stream.
    Stream,
}

/// Encoded requests, ready to be numbered and sent.
#[derive(Debug)]
pub struct Requests {
    mix: Mix,
    run: u32,
    plain: Vec<Template>,
    texts: Vec<Template>,
    warnings: Vec<Template>,
}

/// Which request of a run one is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Number {
    /// Its number in the run, below 2^48 and given once.
    pub sequence: u64,
    /// Where the sender keeps it until the answer, below [`SLOTS_MAX`].
    pub slot: u16,
}

/// How many requests a sender can tell apart while they wait: the slot has three hex digits.
pub const SLOTS_MAX: u16 = 4096;

impl Requests {
    /// Encodes the requests of the run `run`, confirmed at `now`.
    ///
    /// `None` where a template does not hold its ids exactly once, which is a fault of this file.
    pub fn new(mix: Mix, shape: Shape, run: u32, now: prost_types::Timestamp) -> Option<Self> {
        let encode = |requests: Vec<pb::ScreenTransferRequest>| -> Option<Vec<Template>> {
            requests.into_iter().map(|request| Template::new(request, shape, run)).collect()
        };
        Some(Self {
            mix,
            run,
            plain: encode(templates::plain(run, now))?,
            texts: encode(templates::with_texts(run, now))?,
            warnings: encode(templates::like_the_scam(run, now))?,
        })
    }

    /// Appends the request `number` to `out`, with the five bytes that gRPC puts before a message.
    pub fn write(&self, number: Number, out: &mut BytesMut) {
        let dice = Dice::new(number.sequence);
        let per_mille = dice.below(0, 1000);
        let is_warning = per_mille < self.mix.warnings_per_mille;
        let has_texts = per_mille < self.mix.warnings_per_mille.max(self.mix.texts_per_mille);
        let templates = match (is_warning, has_texts) {
            (true, _) => &self.warnings,
            (false, true) => &self.texts,
            (false, false) => &self.plain,
        };
        let Some(template) = dice.pick(1, templates) else { return };

        let payer = dice.below(2, self.mix.payers);
        let paid = if is_warning {
            // Never seen before: beyond every payee that someone pays again.
            PAYEES_NEW_FROM.saturating_add(low_digits(number.sequence))
        } else {
            let of_payer = payer.saturating_mul(PAYEES_MAX);
            PAYEES_FROM.saturating_add(of_payer).saturating_add(dice.below(3, self.mix.payees))
        };

        let start = out.len();
        out.put_slice(&template.bytes);
        let Some(message) = out.get_mut(start..) else { return };
        template.places.patch(message, number, payer, paid);
    }

    /// Returns the request `number` alone.
    pub fn message(&self, number: Number) -> Bytes {
        let mut out = BytesMut::with_capacity(MESSAGE_BYTES_USUAL);
        self.write(number, &mut out);
        out.freeze()
    }

    /// Reads the number out of a request id; `None` where the id is not one of this run.
    pub fn number(&self, request_id: &[u8]) -> Option<Number> {
        let run = request_id.get(..RUN_DIGITS)?;
        let ours = u64::from(self.run);
        if request_id.len() != 36 || unhex(run)? != ours {
            return None;
        }
        let slot = unhex(request_id.get(SLOT_AT..SLOT_AT.checked_add(SLOT_DIGITS)?)?)?;
        let sequence = unhex(request_id.get(SEQUENCE_AT..)?)?;
        Some(Number { sequence, slot: u16::try_from(slot).ok()? })
    }

    /// Returns the mean size of a message in bytes, each kind by its share.
    pub fn bytes_mean(&self) -> u64 {
        let mean = |templates: &[Template]| {
            let sum: usize = templates.iter().map(|template| template.bytes.len()).sum();
            u64::try_from(sum.checked_div(templates.len()).unwrap_or(0)).unwrap_or(u64::MAX)
        };
        let warnings = u64::from(self.mix.warnings_per_mille);
        let texts = u64::from(self.mix.texts_per_mille).saturating_sub(warnings);
        let plain = 1000_u64.saturating_sub(warnings).saturating_sub(texts);
        [(plain, &self.plain), (texts, &self.texts), (warnings, &self.warnings)]
            .iter()
            .map(|(share, templates)| share.saturating_mul(mean(templates)))
            .fold(0, u64::saturating_add)
            / 1000
    }
}

/// One encoded message and the places in it that differ from copy to copy.
#[derive(Debug)]
struct Template {
    bytes: Box<[u8]>,
    places: Places,
}

#[derive(Debug)]
struct Places {
    request: usize,
    payment: usize,
    end_to_end: usize,
    uetr: Option<usize>,
    customer: usize,
    payer: usize,
    payee: usize,
}

impl Template {
    fn new(request: pb::ScreenTransferRequest, shape: Shape, run: u32) -> Option<Self> {
        let has_uetr = request.transfer.as_ref().is_some_and(|transfer| transfer.uetr.is_some());
        let message = match shape {
            Shape::Unary => request.encode_to_vec(),
            Shape::Stream => {
                // As long as a unary call may take, so that a full load waits and does not expire.
                let timeout = Some(prost_types::Duration { seconds: TIMEOUT_SECONDS, nanos: 0 });
                pb::ScreenTransfersRequest { request: Some(request), timeout }.encode_to_vec()
            }
        };
        let mut bytes = vec![0];
        bytes.extend_from_slice(&u32::try_from(message.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(&message);

        let find = |text: &str| place(&bytes, text.as_bytes());
        let places = Places {
            request: find(&request_id(run))?,
            payment: find(&payment_id(run))?.checked_add(PAYMENT_AT)?,
            end_to_end: find(&end_to_end_id(run))?.checked_add(END_TO_END_AT)?,
            uetr: if has_uetr { Some(find(&uetr(run))?.checked_add(SEQUENCE_AT)?) } else { None },
            customer: find(CUSTOMER)?.checked_add(CUSTOMER_AT)?,
            payer: find(PAYER)?,
            payee: find(PAYEE)?,
        };
        Some(Self { bytes: bytes.into(), places })
    }
}

impl Places {
    fn patch(&self, message: &mut [u8], number: Number, payer: u32, paid: u32) {
        let sequence = number.sequence;
        digits::<16>(message, self.request.saturating_add(SLOT_AT), 3, u64::from(number.slot));
        digits::<16>(message, self.request.saturating_add(SEQUENCE_AT), 12, sequence);
        digits::<16>(message, self.payment, 12, sequence);
        digits::<16>(message, self.end_to_end, 12, sequence);
        if let Some(at) = self.uetr {
            digits::<16>(message, at, 12, sequence);
        }
        digits::<10>(message, self.customer, 8, u64::from(payer));
        digits::<10>(message, self.payer, 8, u64::from(PAYERS_FROM.saturating_add(payer)));
        digits::<10>(message, self.payee, 8, u64::from(paid));
    }
}

/// Returns the request id of number zero.
pub(super) fn request_id(run: u32) -> String {
    format!("{run:08x}-c1ea-4000-8000-000000000000")
}

/// Returns the payment id of number zero.
pub(super) fn payment_id(run: u32) -> String {
    format!("PAY-{run:08x}-000000000000")
}

/// Returns the end-to-end id of number zero.
pub(super) fn end_to_end_id(run: u32) -> String {
    format!("E2E{run:08x}000000000000")
}

/// Returns the unique end-to-end transaction reference of number zero.
pub(super) fn uetr(run: u32) -> String {
    format!("{run:08x}-0e7e-4000-8000-000000000000")
}

/// Returns where `part` stands in `bytes`, once and no more.
fn place(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let mut found = bytes.windows(part.len()).enumerate().filter(|(_, window)| *window == part);
    let (at, _) = found.next()?;
    found.next().is_none().then_some(at)
}

/// Writes the last `count` digits of `value` at `at`.
fn digits<const BASE: u64>(message: &mut [u8], at: usize, count: usize, mut value: u64) {
    let place = message.get_mut(at..at.saturating_add(count)).unwrap_or_default();
    for byte in place.iter_mut().rev() {
        let digit = value.checked_rem(BASE).and_then(|digit| u8::try_from(digit).ok());
        *byte = match digit.unwrap_or(0) {
            digit @ 0..=9 => b'0'.wrapping_add(digit),
            digit => b'a'.wrapping_sub(10).wrapping_add(digit),
        };
        value = value.checked_div(BASE).unwrap_or(0);
    }
}

/// Reads lower-case hex digits, at most 16.
fn unhex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit.wrapping_sub(b'0'),
            b'a'..=b'f' => digit.wrapping_sub(b'a').wrapping_add(10),
            _ => return None,
        };
        value.checked_mul(16)?.checked_add(u64::from(digit))
    })
}

fn low_digits(sequence: u64) -> u32 {
    sequence.checked_rem(PAYEES_NEW_MAX).and_then(|low| u32::try_from(low).ok()).unwrap_or(0)
}

/// Draws that depend on the sequence number alone, so that two runs send the same transfers.
#[derive(Clone, Copy, Debug)]
struct Dice(u64);

impl Dice {
    fn new(sequence: u64) -> Self {
        // The finaliser of SplitMix64: neighbouring numbers give unrelated bits.
        let mut bits = sequence.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(bits ^ (bits >> 31))
    }

    /// Draws a number below `limit`, unrelated to the draws with another `index`.
    fn below(self, index: u32, limit: u32) -> u32 {
        let bits = self.0.rotate_left(index.wrapping_mul(17)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        // The high half times the limit: the high half of the product lies below the limit.
        let scaled = (bits >> 32).wrapping_mul(u64::from(limit)) >> 32;
        u32::try_from(scaled).unwrap_or(0)
    }

    fn pick<T>(self, index: u32, of: &[T]) -> Option<&T> {
        let limit = u32::try_from(of.len()).ok()?;
        of.get(usize::try_from(self.below(index, limit)).ok()?)
    }
}

/// How long a request may wait for its answer: the longest that the server grants. The load is to
/// find out how long it takes, not to give up.
const TIMEOUT_SECONDS: i64 = 10;

/// The customer key of payer zero.
pub(super) const CUSTOMER: &str = "customer-00000000";
/// The account number that stands for the payer's, found nowhere else in a template.
pub(super) const PAYER: &str = "99999901";
/// The account number that stands for the payee's, found nowhere else in a template.
pub(super) const PAYEE: &str = "99999902";

const RUN_DIGITS: usize = 8;
const SLOT_AT: usize = 20;
const SLOT_DIGITS: usize = 3;
const SEQUENCE_AT: usize = 24;
const PAYMENT_AT: usize = 13;
const END_TO_END_AT: usize = 11;
const CUSTOMER_AT: usize = 9;

// Account numbers have eight digits: payers from 00000000, the payees they pay again from 10000000,
// payees never seen before from 90000000. Eight payees for each of ten million payers fill what lies
// between.
const PAYERS_FROM: u32 = 0;
const PAYEES_FROM: u32 = 10_000_000;
const PAYEES_MAX: u32 = 8;
const PAYEES_NEW_FROM: u32 = 90_000_000;
const PAYEES_NEW_MAX: u64 = 9_000_000;

/// More than most messages need, so that they are written without growing the buffer.
const MESSAGE_BYTES_USUAL: usize = 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const MIX: Mix = Mix { payers: 1000, payees: 4, texts_per_mille: 300, warnings_per_mille: 20 };

    fn requests(shape: Shape) -> Requests {
        let now = prost_types::Timestamp { seconds: 1_795_187_045, nanos: 0 };
        Requests::new(MIX, shape, 0xabcd_ef01, now).unwrap()
    }

    fn sent(count: u64) -> impl Iterator<Item = pb::ScreenTransferRequest> {
        let requests = requests(Shape::Unary);
        (0..count).map(move |sequence| {
            let message = requests.message(Number { sequence, slot: 0 });
            pb::ScreenTransferRequest::decode(message.slice(5..)).unwrap()
        })
    }

    #[test]
    fn a_message_has_the_length_that_stands_before_it() {
        for shape in [Shape::Unary, Shape::Stream] {
            let requests = requests(shape);
            for sequence in 0..200 {
                let message = requests.message(Number { sequence, slot: 7 });
                assert_eq!(message[0], 0);
                let length = u32::from_be_bytes(message[1..5].try_into().unwrap());
                assert_eq!(usize::try_from(length).unwrap(), message.len() - 5);
            }
        }
    }

    #[test]
    fn a_streamed_message_holds_the_same_request() {
        let number = Number { sequence: 77, slot: 4095 };
        let streamed = requests(Shape::Stream).message(number);
        let streamed = pb::ScreenTransfersRequest::decode(streamed.slice(5..)).unwrap();
        let unary = requests(Shape::Unary).message(number);
        let unary = pb::ScreenTransferRequest::decode(unary.slice(5..)).unwrap();
        assert_eq!(streamed.request, Some(unary));
    }

    #[test]
    fn the_number_is_read_back_from_the_request_id() {
        let requests = requests(Shape::Unary);
        for (sequence, slot) in [(0, 0), (1, 4095), (0x0000_ffff_ffff_ffff, 9)] {
            let number = Number { sequence, slot };
            let message = requests.message(number);
            let request = pb::ScreenTransferRequest::decode(message.slice(5..)).unwrap();
            assert_eq!(requests.number(request.request_id.as_bytes()), Some(number));
        }
        assert_eq!(requests.number(b"abcdef02-c1ea-4000-8000-000000000000"), None);
        assert_eq!(requests.number(b"abcdef01-c1ea-4000-8000-00000000000"), None);
        assert_eq!(requests.number(b""), None);
    }

    #[test]
    fn no_id_is_given_twice() {
        let (mut requests, mut payments, mut ends) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for request in sent(2000) {
            assert!(requests.insert(request.request_id));
            assert!(payments.insert(request.payment_id));
            assert!(ends.insert(request.transfer.unwrap().end_to_end_id));
        }
    }

    #[test]
    fn the_shares_are_those_asked_for() {
        let transfers = sent(10_000).map(|request| request.transfer.unwrap());
        let (mut texts, mut calls, mut facts) = (0, 0, 0);
        for transfer in transfers {
            texts += i32::from(transfer.texts.is_some());
            let call = transfer.session.as_ref().and_then(|session| session.call);
            calls +=
                i32::from(call.is_some_and(|call| call.state() == pb::call::State::InProgress));
            facts += i32::from(transfer.payer.unwrap().available_balance.is_some());
        }
        assert!((2850..=3150).contains(&texts), "{texts} with texts");
        assert!((150..=250).contains(&calls), "{calls} like the scam");
        assert!((4500..=5700).contains(&facts), "{facts} with optional facts");
    }

    #[test]
    fn a_payer_pays_a_few_payees_again_and_again() {
        let mut pairs = BTreeSet::new();
        let mut payers = BTreeSet::new();
        for transfer in sent(20_000).map(|request| request.transfer.unwrap()) {
            let customer = transfer.payer.unwrap().customer_key;
            payers.insert(customer.clone());
            let number = transfer.payee.unwrap().account.unwrap().account_number;
            if number.as_str() < "90000000" {
                pairs.insert((customer, number));
            }
        }
        assert_eq!(payers.len(), 1000);
        assert!((3900..=4000).contains(&pairs.len()), "{} pairs", pairs.len());
    }
}
