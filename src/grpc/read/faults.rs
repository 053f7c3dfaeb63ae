//! Faults: how each sort of field is read, and what is noted where one cannot be.

use crate::calendar::{Span, Time};
use crate::grpc::pb;
use crate::grpc::read::FieldProblem;
use crate::grpc::read::form::Form;
use crate::money::{Amount, AmountProblem, Currency, Money};
use crate::transfer::Rejected;

/// Where a message stands in the one that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Path of the message, empty for the whole.
    pub(crate) message: &'static str,
    /// Which of a list, from 0.
    pub(crate) at: Option<usize>,
}

impl Place {
    /// The message that was sent.
    pub(crate) const TOP: Self = Self::of("");

    /// Takes the path of a message that is not in a list.
    pub(crate) const fn of(message: &'static str) -> Self {
        Self { message, at: None }
    }

    /// Returns the path of `field` in the message, of the message itself where that is empty.
    fn path(self, field: &str) -> Box<str> {
        let point = if self.message.is_empty() || field.is_empty() { "" } else { "." };
        match self.at {
            None => format!("{}{point}{field}", self.message).into(),
            Some(at) => format!("{}[{at}]{point}{field}", self.message).into(),
        }
    }
}

/// What was found wrong so far, and how each sort of field is read.
///
/// Every function returns `None` for a field that holds nothing usable and has then noted why,
/// unless the field was an absent optional fact.
#[derive(Debug)]
pub(crate) struct Faults {
    now: Time,
    problems: Vec<FieldProblem>,
    dropped: Vec<FieldProblem>,
}

impl Faults {
    pub(crate) fn new(now: Time) -> Self {
        Self { now, problems: Vec::new(), dropped: Vec::new() }
    }

    /// Returns the facts that were dropped, and the identity fields at fault.
    pub(crate) fn end(self) -> (Vec<Rejected>, Vec<FieldProblem>) {
        let dropped = self.dropped.into_iter();
        let rejected = dropped
            .map(|problem| Rejected { field: problem.field, expected: problem.expected.into() });
        (rejected.collect(), self.problems)
    }

    /// Returns every field at fault, for a message that has no facts to spare.
    pub(crate) fn all(mut self) -> Vec<FieldProblem> {
        self.problems.append(&mut self.dropped);
        self.problems
    }

    /// Notes an identity field at fault.
    pub(crate) fn refuse<T>(
        &mut self,
        place: Place,
        field: &str,
        expected: &'static str,
    ) -> Option<T> {
        self.problems.push(FieldProblem { field: place.path(field), expected });
        None
    }

    /// Notes a fact at fault.
    pub(crate) fn drop<T>(
        &mut self,
        place: Place,
        field: &str,
        expected: &'static str,
    ) -> Option<T> {
        if self.dropped.len() < REJECTED_MAX {
            self.dropped.push(FieldProblem { field: place.path(field), expected });
        }
        None
    }

    /// Reads an identity field of 1 to 64 printable ASCII characters without spaces.
    pub(crate) fn key(&mut self, place: Place, field: &str, value: String) -> Option<Box<str>> {
        let fits = (1..=KEY_CHARS_MAX).contains(&value.len());
        if fits && value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(value.into());
        }
        self.refuse(place, field, "1 to 64 printable ASCII characters without spaces")
    }

    /// Reads an identity field that is a UUID.
    pub(crate) fn uuid(&mut self, place: Place, field: &str, value: &str) -> Option<[u8; 16]> {
        match uuid(value) {
            Some(id) => Some(id),
            None => self.refuse(place, field, "a UUID of 36 characters, not all zeros"),
        }
    }

    /// Reads an identity field that names a decision.
    pub(crate) fn decision(&mut self, place: Place, field: &str, name: &str) -> Option<[u8; 16]> {
        match name.strip_prefix(DECISIONS).and_then(uuid) {
            Some(id) => Some(id),
            None => self.refuse(place, field, "`decisions/` and a UUID"),
        }
    }

    /// Reads an identity field that is a time of the present past.
    pub(crate) fn happened(
        &mut self,
        place: Place,
        field: &str,
        stamp: Option<prost_types::Timestamp>,
    ) -> Option<Time> {
        let Some(time) = stamp.and_then(time) else {
            return self.refuse(place, field, "a time");
        };
        if time < HAPPENED_MIN {
            return self.refuse(place, field, "a time from 2000 on");
        }
        if self.now.plus(AHEAD_MAX) < time {
            return self.refuse(place, field, "a time at most 5 minutes in the future");
        }
        Some(time)
    }

    /// Reads an identity field that is money above zero.
    pub(crate) fn paid(
        &mut self,
        place: Place,
        field: &'static str,
        message: Option<&pb::Money>,
    ) -> Option<Money> {
        let Some(message) = message else {
            return self.refuse(place, field, "an amount and its currency");
        };
        let currency = Currency::from_code(&message.currency_code);
        if currency.is_none() {
            self.refuse::<()>(place, &format!("{field}.currency_code"), CURRENCY);
        }
        let amount = match Amount::parse(&message.value) {
            Ok(amount) if !amount.is_zero() => Some(amount),
            Ok(_) => self.refuse(place, &format!("{field}.value"), "an amount above zero"),
            Err(problem) => self.refuse(place, &format!("{field}.value"), digits(problem)),
        };
        Some(Money { amount: amount?, currency: currency? })
    }

    /// Reads a fact that is money, zero included.
    pub(crate) fn money(
        &mut self,
        place: Place,
        field: &'static str,
        message: Option<&pb::Money>,
    ) -> Option<Money> {
        let message = message?;
        let Some(currency) = Currency::from_code(&message.currency_code) else {
            return self.drop(place, &format!("{field}.currency_code"), CURRENCY);
        };
        match Amount::parse(&message.value) {
            Ok(amount) => Some(Money { amount, currency }),
            Err(problem) => self.drop(place, &format!("{field}.value"), digits(problem)),
        }
    }

    /// Reads a fact that is a time not in the future.
    pub(crate) fn past(
        &mut self,
        place: Place,
        field: &str,
        stamp: Option<prost_types::Timestamp>,
    ) -> Option<Time> {
        match time(stamp?) {
            Some(time) if FACT_MIN <= time && time <= self.now.plus(AHEAD_MAX) => Some(time),
            _ => self.drop(place, field, "a time from 1980 on and not in the future"),
        }
    }

    /// Reads a fact that is a time in the past or not far in the future.
    pub(crate) fn coming(
        &mut self,
        place: Place,
        field: &str,
        stamp: Option<prost_types::Timestamp>,
    ) -> Option<Time> {
        match time(stamp?) {
            Some(time) if FACT_MIN <= time && time <= self.now.plus(COMING_MAX) => Some(time),
            _ => self.drop(place, field, "a time from 1980 on, at most 400 days ahead"),
        }
    }

    /// Reads a fact that is a length of time, 0 to `max` inclusive.
    pub(crate) fn span(
        &mut self,
        place: Place,
        field: &str,
        duration: Option<prost_types::Duration>,
        max: Span,
    ) -> Option<Span> {
        match span(duration?) {
            Some(span) if Span(0) <= span && span <= max => Some(span),
            _ => self.drop(place, field, "a length of time inside its bounds"),
        }
    }

    /// Reads a fact that people typed, 1 to `chars_max` characters.
    pub(crate) fn text(
        &mut self,
        place: Place,
        field: &str,
        value: Option<String>,
        chars_max: usize,
    ) -> Option<Box<str>> {
        let value = value?;
        let blank = value.bytes().all(|byte| byte == b' ');
        // Bytes are no fewer than characters, so most texts need no counting.
        let long = chars_max < value.len() && chars_max < value.chars().count();
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if blank || long {
            return self.drop(place, field, characters(chars_max));
        }
        // Nearly every text is plain, which is seen sooner byte by byte.
        let plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !plain && value.chars().any(control) {
            return self.drop(place, field, "a text without control characters");
        }
        Some(value.into())
    }

    /// Reads a fact that is someone's code.
    pub(crate) fn code(
        &mut self,
        place: Place,
        field: &str,
        value: Option<String>,
        form: Form,
    ) -> Option<Box<str>> {
        let value = value?;
        if form.takes(&value) {
            Some(value.into())
        } else {
            self.drop(place, field, form.expected())
        }
    }

    /// Reads a name of ours that comes back: 1 to 64 lower-case letters, digits and underscores.
    pub(crate) fn name(
        &mut self,
        place: Place,
        field: &str,
        value: Option<String>,
    ) -> Option<Box<str>> {
        self.code(place, field, value, Form::Name)
    }

    /// Reads a fact that is one of a list of values, 0 standing for none.
    pub(crate) fn choice<M: TryFrom<i32>, T>(
        &mut self,
        place: Place,
        field: &str,
        number: i32,
        known: impl FnOnce(M) -> Option<T>,
    ) -> Option<T> {
        if number == 0 {
            return None;
        }
        match M::try_from(number).ok().and_then(known) {
            Some(value) => Some(value),
            None => self.drop(place, field, "a known value"),
        }
    }

    /// Reads a fact that is a count, 0 to `max` inclusive.
    pub(crate) fn count(
        &mut self,
        place: Place,
        field: &str,
        value: Option<i32>,
        max: u32,
    ) -> Option<u32> {
        match u32::try_from(value?) {
            Ok(count) if count <= max => Some(count),
            _ => self.drop(place, field, "a whole number inside its bounds"),
        }
    }

    /// Reads each message of the list at the path `list` with `each`, keeping what it returns; what lies beyond `items_max` is
    /// dropped.
    pub(crate) fn list<M, T>(
        &mut self,
        list: &'static str,
        mut messages: Vec<M>,
        items_max: usize,
        mut each: impl FnMut(&mut Self, Place, M) -> Option<T>,
    ) -> Vec<T> {
        if messages.is_empty() {
            return Vec::new();
        }
        if items_max < messages.len() {
            self.drop::<()>(Place::of(list), "", "fewer entries: those at the end were left out");
            messages.truncate(items_max);
        }
        let messages = messages.into_iter().enumerate();
        let placed = messages.map(|(at, message)| (Place { message: list, at: Some(at) }, message));
        placed.filter_map(|(place, message)| each(self, place, message)).collect()
    }
}

/// Reads a UUID of 36 characters that is not all zeros.
fn uuid(text: &str) -> Option<[u8; 16]> {
    // The crate reads shorter and longer spellings as well, and one id must have one spelling.
    let id = (text.len() == UUID_CHARS).then(|| uuid::Uuid::try_parse(text).ok()).flatten()?;
    (!id.is_nil()).then(|| id.into_bytes())
}

/// Returns whole microseconds; `None` for what a protobuf `Duration` must not hold.
pub(crate) fn span(duration: prost_types::Duration) -> Option<Span> {
    let fits = (-999_999_999..=999_999_999).contains(&duration.nanos);
    // INVARIANT: seconds and parts of one have the same sign.
    let agree = duration.seconds == 0
        || duration.nanos == 0
        || (duration.seconds < 0) == (duration.nanos < 0);
    if !fits || !agree {
        return None;
    }
    let whole = duration.seconds.checked_mul(1_000_000)?;
    whole.checked_add(i64::from(duration.nanos.checked_div(1000)?)).map(Span)
}

pub(crate) fn time(stamp: prost_types::Timestamp) -> Option<Time> {
    Time::from_parts(stamp.seconds, stamp.nanos)
}

const fn digits(problem: AmountProblem) -> &'static str {
    match problem {
        AmountProblem::NotDecimal => "decimal digits with an optional point",
        AmountProblem::TooManyDigits => "at most 18 digits, 5 of them after the point",
    }
}

const fn characters(chars_max: usize) -> &'static str {
    match chars_max {
        35 => "1 to 35 characters",
        70 => "1 to 70 characters",
        _ => "1 to 140 characters",
    }
}

/// What stands before the UUID in the name of a decision.
pub(crate) const DECISIONS: &str = "decisions/";

/// Most characters of a text: ISO 20022 `Max140Text`.
pub(crate) const TEXT_CHARS_MAX: usize = 140;

/// Most faults listed in one answer; a transfer has fewer than 64 optional facts outside lists.
pub(crate) const REJECTED_MAX: usize = 64;
/// Banks' keys are UUIDs, hashes in hex or shorter.
const KEY_CHARS_MAX: usize = 64;
const UUID_CHARS: usize = 36;
const CURRENCY: &str = "an ISO 4217 code of three upper-case letters";

/// What clocks of two machines may differ by; more is a fault and not a drift.
const AHEAD_MAX: Span = Span::minutes(5);
/// Banks take dated payments for up to a year, with room for what falls on a shifting day.
const COMING_MAX: Span = Span::days(400);
/// 2000-01-01T00:00:00Z: nothing that is asked about now was confirmed in another century.
const HAPPENED_MIN: Time = Time::from_micros(946_684_800_000_000);
/// 1980-01-01T00:00:00Z: older than any ledger of payees, and above the zero dates of old systems.
const FACT_MIN: Time = Time::from_micros(315_532_800_000_000);
