//! Past: what is remembered of one payer over a year, of a fixed size.
//!
//! Only what was sent is counted. Windows are made of slots of whole UTC days, so how far they reach
//! back depends on the day: a month 30 to 40 days, a quarter 90 to 120, a year 360 to 390. How amounts are spread is counted in 32 buckets, each half a power of two wide, over half a
//! year to a year. Reports change the same past in whatever order they arrive, as long as they are
//! of the last 390 days: what is older is added to its payee alone. Counts that were halved, how soon
//! a payee was paid, which its first report tells, and what was paid to one more than 255 times or beyond
//! 1.34 million are as the log has them.
//!
//! Amounts are pounds. What is sent in another currency is counted and not added.

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::history::HORIZON;
use crate::history::pairs::{Pairs, Prefix, day_of, number, part, prefix, seconds_of, time_of};
use crate::history::recall::{Stop, Usual};
use crate::money::{Amount, Currency, Money};
use crate::tagged::{self, Fields, Tagged, TaggedError};
use crate::transfer::Channel;

/// What is remembered of a payer besides the last day. Every number has its highest byte first, so
/// that nothing is lost to alignment: a million of these are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Past {
    /// The payees.
    pub pairs: Pairs,
    /// The day of the newest payment counted below; slots are counted back from it.
    day: [u8; 2],
    tens: [Tally; TENS],
    months: [Tally; MONTHS],
    /// How often each size of amount was sent in the half year of `day`, and in the one before.
    amounts: [[u8; BUCKETS]; 2],
    hours: [u8; 24],
    weekdays: [u8; 7],
    /// How soon after adding a payee it was first paid: powers of two of minutes.
    adding: [u8; ADDING],
    /// How long the sessions were in which payments were made: powers of two of 8 seconds.
    sessions: [u8; SESSIONS],
    stopped: [u8; 4],
    stopped_payment: Prefix,
    stopped_payee: Prefix,
    stopped_hundredths: [u8; 4],
    stopped_channel: u8,
    warned: [u8; 4],
    answered: [u8; 4],
}

/// What was sent in one slot of days.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Tally {
    count: [u8; 2],
    /// Hundredths.
    sum: [u8; 6],
    /// Hundredths, up to 42.9 million pounds.
    largest: [u8; 4],
}

/// One transfer that was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sent {
    /// Where to.
    pub payee: Token,
    /// When it left.
    pub at: Time,
    /// How much.
    pub money: Money,
    /// How long before it was confirmed the payee was added, where the bank said.
    pub added: Option<Span>,
    /// How long the session was in which it was confirmed, where the bank said.
    pub session: Option<Span>,
}

/// What a payer wants to pay, as far as a stop is compared by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Order {
    /// The payment.
    pub payment: Token,
    /// Where to.
    pub payee: Token,
    /// How much, where that is known.
    pub money: Option<Money>,
    /// Where the order was given, where that is known.
    pub channel: Option<Channel>,
}

/// What was sent over a window.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Over {
    /// How many transfers.
    pub count: u32,
    /// What those in pounds come to, in pence.
    pub sum: u64,
    /// The largest of them, in pence.
    pub largest: u64,
}

/// How far back one looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Window {
    /// 30 days, up to 40.
    Month,
    /// 90 days, up to 120.
    Quarter,
    /// 360 days, up to 390.
    Year,
}

impl Past {
    /// Takes one more transfer that was sent, and tells whether its payee is a new one.
    pub fn send(&mut self, sent: &Sent) -> bool {
        let new = self.pairs.add(sent.payee, sent.at, sent.money);
        let day = day_of(sent.at);
        self.advance(day);
        let age = |length: u16| slot(self.newest(), length).saturating_sub(slot(day, length));
        let (tens, months, halves) = (age(TEN_DAYS), age(MONTH_DAYS), age(HALF_DAYS));
        let in_pounds = sent.money.currency == Currency::GBP;
        let pence = if in_pounds { sent.money.amount.hundredths() } else { 0 };
        if let Some(tally) = self.tens.get_mut(usize::from(tens)) {
            tally.add(pence);
        }
        if let Some(tally) = self.months.get_mut(usize::from(months)) {
            tally.add(pence);
        } else {
            return new;
        }
        if in_pounds && let Some(amounts) = self.amounts.get_mut(usize::from(halves)) {
            count(amounts, bucket(pence));
        }
        let seconds = seconds_of(sent.at);
        count(&mut self.hours, whole(seconds / 3_600 % 24));
        count(&mut self.weekdays, usize::from(day % 7));
        if new && let Some(added) = sent.added {
            count(&mut self.adding, power(added.whole_seconds().div_euclid(60), ADDING));
        }
        if let Some(session) = sent.session {
            count(&mut self.sessions, power(session.whole_seconds().div_euclid(8), SESSIONS));
        }
        new
    }

    /// Returns what was sent over a window that ends now.
    pub fn over(&self, window: Window, now: Time) -> Over {
        let (slots, length, back) = match window {
            Window::Month => (&self.tens[..], TEN_DAYS, 3),
            Window::Quarter => (&self.months[..], MONTH_DAYS, 3),
            Window::Year => (&self.months[..], MONTH_DAYS, 12),
        };
        let gone = slot(day_of(now), length).saturating_sub(slot(self.newest(), length));
        let kept = usize::from(u16::saturating_sub(back, gone)).saturating_add(1);
        let kept = if back < gone { 0 } else { kept };
        slots.iter().take(kept).fold(Over::default(), |over, tally| Over {
            count: over.count.saturating_add(u32::from(u16::from_be_bytes(tally.count))),
            sum: over.sum.saturating_add(tally.sum()),
            largest: over.largest.max(u64::from(u32::from_be_bytes(tally.largest))),
        })
    }

    /// Returns the amount in pence that at least `per_mille` of a thousand of what was sent do not
    /// exceed, as the upper end of its bucket; `None` where nothing was sent for half a year.
    pub fn quantile(&self, per_mille: u32, now: Time) -> Option<u64> {
        let gone = slot(day_of(now), HALF_DAYS).saturating_sub(slot(self.newest(), HALF_DAYS));
        let kept = self.amounts.iter().take(usize::from(2_u16.saturating_sub(gone)));
        let mut counts = [0_u32; BUCKETS];
        for amounts in kept {
            for (count, more) in counts.iter_mut().zip(amounts) {
                *count = count.saturating_add(u32::from(*more));
            }
        }
        quantile(&counts, per_mille).map(bucket_end)
    }

    /// Returns how often transfers were sent in each hour of the day, in UTC, and on each day of the
    /// week from Thursday on. Halved together whenever one of them would exceed 255.
    pub fn activity(&self) -> (&[u8; 24], &[u8; 7]) {
        (&self.hours, &self.weekdays)
    }

    /// Returns when the payer was last stopped, warned and when it last answered a question.
    pub fn last(&self) -> [Option<Time>; 3] {
        [self.stopped, self.warned, self.answered].map(|seconds| {
            let seconds = u32::from_be_bytes(seconds);
            (seconds != 0).then(|| time_of(seconds))
        })
    }

    /// Remembers that the payer was stopped.
    pub fn stop(&mut self, at: Time, order: &Order) {
        self.stopped = seconds_of(at).to_be_bytes();
        self.stopped_payment = prefix(order.payment);
        self.stopped_payee = prefix(order.payee);
        self.stopped_hundredths = order.hundredths().to_be_bytes();
        self.stopped_channel = order.channel_number();
    }

    /// Tells whether the last stop was of this payment.
    pub fn is_stopped(&self, payment: Token) -> bool {
        u32::from_be_bytes(self.stopped) != 0 && self.stopped_payment == prefix(payment)
    }

    /// Forgets the last stop: after an answer the payment was allowed.
    pub fn let_go(&mut self) {
        self.stopped = [0; 4];
        self.stopped_payment = Prefix::default();
        self.stopped_payee = Prefix::default();
        self.stopped_hundredths = [0; 4];
        self.stopped_channel = 0;
    }

    /// Remembers that the payer was shown a warning.
    pub fn warn(&mut self, at: Time) {
        self.warned = seconds_of(at).to_be_bytes();
    }

    /// Remembers that the payer answered.
    pub fn answer(&mut self, at: Time) {
        self.answered = seconds_of(at).to_be_bytes();
    }

    /// Returns the last stop, if it was of another payment than `order` and in the last week, and in
    /// what the order differs from it.
    pub fn stop_before(&self, order: &Order, now: Time) -> Option<Stop> {
        let at = u32::from_be_bytes(self.stopped);
        let seconds = seconds_of(now).checked_sub(at).filter(|_| at != 0)?;
        let other = self.stopped_payment != prefix(order.payment);
        let recent = Span::seconds(i64::from(seconds)) <= STOP_AGE;
        let channels = [self.stopped_channel, order.channel_number()];
        (other && recent).then(|| Stop {
            at: time_of(at),
            payee_changed: self.stopped_payee != prefix(order.payee),
            amount_changed: u32::from_be_bytes(self.stopped_hundredths) != order.hundredths(),
            channel_changed: !channels.contains(&0) && channels[0] != channels[1],
        })
    }

    /// Returns what is usual for the payer, as signals read it.
    pub fn usual(&self, now: Time) -> Option<Usual> {
        let year = self.over(Window::Year, now);
        if year.count == 0 {
            return None;
        }
        let money =
            |pence: u64| Money { amount: Amount::from_hundredths(pence), currency: Currency::GBP };
        let sums = |counts: &[u8]| counts.iter().map(|count| u32::from(*count)).sum::<u32>();
        let (added, sessions) = (sums(&self.adding), sums(&self.sessions));
        let adding = self.adding.map(u32::from);
        let session = self.sessions.map(u32::from);
        // What happened on the last day is counted to its end.
        let last = Time::from_micros(0).plus(Span::days(i64::from(self.newest())));
        Some(Usual {
            count: year.count,
            largest: money(year.largest),
            high: self.quantile(HIGH_PER_MILLE, now).map(money),
            month: money(self.over(Window::Month, now).sum),
            last_day: last,
            adding_minutes: ends(&adding, HALF_PER_MILLE, 1).filter(|_| HABIT_MIN <= added),
            session_seconds: begins(&session, SHORT_PER_MILLE, 8).filter(|_| HABIT_MIN <= sessions),
        })
    }

    /// Reads every line of it that [`Past::usual`] will read, and that of a payee.
    pub fn warm(&self, payee: Token) -> u64 {
        let lines = [self.day.first(), self.hours.first(), self.answered.first()];
        let lines = lines.into_iter().flatten().fold(0, |sum, byte| sum ^ u64::from(*byte));
        let months = self.months.iter().step_by(4).filter_map(|tally| tally.sum.last());
        let rest = self.amounts.as_flattened().iter().step_by(32);
        months.chain(rest).fold(lines, |sum, byte| sum ^ u64::from(*byte)) ^ self.pairs.warm(payee)
    }

    fn newest(&self) -> u16 {
        u16::from_be_bytes(self.day)
    }

    /// Makes `day` the newest one, and drops what falls off the end.
    fn advance(&mut self, day: u16) {
        let newest = self.newest();
        if day <= newest {
            return;
        }
        let by = |length| usize::from(slot(day, length).saturating_sub(slot(newest, length)));
        shift(&mut self.tens, by(TEN_DAYS), Tally::default());
        shift(&mut self.months, by(MONTH_DAYS), Tally::default());
        shift(&mut self.amounts, by(HALF_DAYS), [0; BUCKETS]);
        self.day = day.to_be_bytes();
    }
}

impl Order {
    /// Returns how much, in hundredths, up to 42.9 million.
    fn hundredths(&self) -> u32 {
        u32::try_from(self.money.map_or(0, |money| money.amount.hundredths())).unwrap_or(u32::MAX)
    }

    /// Returns the channel's permanent number; 0 where it is not known.
    fn channel_number(&self) -> u8 {
        let mut number = Vec::with_capacity(1);
        if let Some(channel) = self.channel {
            channel.put(&mut number);
        }
        number.first().copied().unwrap_or(0)
    }
}

impl Default for Past {
    fn default() -> Self {
        Self {
            pairs: Pairs::default(),
            day: [0; 2],
            tens: [Tally::default(); TENS],
            months: [Tally::default(); MONTHS],
            amounts: [[0; BUCKETS]; 2],
            hours: [0; 24],
            weekdays: [0; 7],
            adding: [0; ADDING],
            sessions: [0; SESSIONS],
            stopped: [0; 4],
            stopped_payment: [0; 6],
            stopped_payee: [0; 6],
            stopped_hundredths: [0; 4],
            stopped_channel: 0,
            warned: [0; 4],
            answered: [0; 4],
        }
    }
}

impl Tally {
    fn add(&mut self, pence: u64) {
        self.count = u16::from_be_bytes(self.count).saturating_add(1).to_be_bytes();
        let [_, _, sum @ ..] = self.sum().saturating_add(pence).min(SUM_MAX).to_be_bytes();
        self.sum = sum;
        let pence = u32::try_from(pence).unwrap_or(u32::MAX);
        self.largest = u32::from_be_bytes(self.largest).max(pence).to_be_bytes();
    }

    fn sum(&self) -> u64 {
        number(self.sum)
    }
}

/// Counts one more at a place; where it would not fit any more, all are halved first, and what was
/// there stays there.
fn count(counts: &mut [u8], at: usize) {
    if counts.get(at).is_some_and(|count| *count == u8::MAX) {
        for count in &mut *counts {
            *count = count.div_ceil(2);
        }
    }
    if let Some(count) = counts.get_mut(at) {
        *count = count.saturating_add(1);
    }
}

/// Moves what is in the slots back by so many, the newest being the first.
fn shift<T: Copy>(slots: &mut [T], by: usize, empty: T) {
    let by = by.min(slots.len());
    slots.rotate_right(by);
    slots.iter_mut().take(by).for_each(|slot| *slot = empty);
}

/// Returns the slot of a day, where slots have so many days.
fn slot(day: u16, length: u16) -> u16 {
    day.checked_div(length).unwrap_or(0)
}

/// Returns the place at which at least `per_mille` of a thousand are counted; `None` of nothing.
fn quantile(counts: &[u32], per_mille: u32) -> Option<usize> {
    let all: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let wanted = all.saturating_mul(u64::from(per_mille)).div_ceil(1_000).max(1);
    let mut sum = 0_u64;
    counts.iter().position(|count| {
        sum = sum.saturating_add(u64::from(*count));
        wanted <= sum
    })
}

/// Returns where the bucket of a quantile ends, for powers of two of `unit`.
fn ends(counts: &[u32], per_mille: u32, unit: u32) -> Option<u32> {
    let at = u32::try_from(quantile(counts, per_mille)?).ok()?;
    unit.checked_mul(1_u32.checked_shl(at)?)
}

/// Returns where the bucket of a quantile begins, for powers of two of `unit`.
fn begins(counts: &[u32], per_mille: u32, unit: u32) -> Option<u32> {
    let at = u32::try_from(quantile(counts, per_mille)?).ok()?;
    match at.checked_sub(1) {
        None => Some(0),
        Some(at) => unit.checked_mul(1_u32.checked_shl(at)?),
    }
}

/// Returns the bucket of a number: 0 of zero, then one for each power of two, the last for all above.
fn power(measured: i64, buckets: usize) -> usize {
    let bits = 64_u32.saturating_sub(u64::try_from(measured).unwrap_or(0).leading_zeros());
    whole(bits).min(buckets.saturating_sub(1))
}

/// Returns the bucket of an amount in pence: half a power of two each, from £5.12 up to £335,544.32.
fn bucket(pence: u64) -> usize {
    let octave = 63_u32.saturating_sub(pence.max(1).leading_zeros());
    let upper_half = octave.checked_sub(1).and_then(|below| pence.checked_shr(below));
    let half = u32::from(upper_half.is_some_and(|bits| bits & 1 == 1));
    let at = octave.saturating_mul(2).saturating_add(half).saturating_sub(OCTAVE_MIN * 2);
    whole(if octave < OCTAVE_MIN { 0 } else { at }).min(BUCKETS.saturating_sub(1))
}

/// Returns the pence at which a bucket ends, exclusive. The last bucket's end is where the last but
/// one would double: nothing is known of what lies above.
fn bucket_end(at: usize) -> u64 {
    let at = u32::try_from(at).unwrap_or(0).saturating_add(1);
    let octave = 1_u64.checked_shl(OCTAVE_MIN.saturating_add(at / 2)).unwrap_or(u64::MAX);
    if at % 2 == 1 { octave.saturating_add(octave / 2) } else { octave }
}

fn whole(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The fixed part as one field of bytes, then the payees.
impl Tagged for Past {
    fn put(&self, bytes: &mut Vec<u8>) {
        tagged::put_field_with(1, bytes, |bytes| {
            bytes.extend_from_slice(&self.day);
            for tally in self.tens.iter().chain(&self.months) {
                for part in [&tally.count[..], &tally.sum, &tally.largest] {
                    bytes.extend_from_slice(part);
                }
            }
            for bytes_of in [
                self.amounts.as_flattened(),
                &self.hours,
                &self.weekdays,
                &self.adding,
                &self.sessions,
                &self.stopped,
                &self.stopped_payment,
                &self.stopped_payee,
                &self.stopped_hundredths,
                &[self.stopped_channel],
                &self.warned,
                &self.answered,
            ] {
                bytes.extend_from_slice(bytes_of);
            }
        });
        tagged::put_field_with(2, bytes, |bytes| self.pairs.put(bytes));
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        let mut fields = Fields::new(bytes)?;
        let mut fixed = fields.take(1)?.ok_or(TaggedError::Absent(1))?;
        let pairs = Pairs::take(fields.take(2)?.ok_or(TaggedError::Absent(2))?)?;
        fields.end()?;
        let mut past = Self { pairs, day: part(&mut fixed)?, ..Self::default() };
        for tally in past.tens.iter_mut().chain(&mut past.months) {
            *tally = Tally {
                count: part(&mut fixed)?,
                sum: part(&mut fixed)?,
                largest: part(&mut fixed)?,
            };
        }
        for amounts in &mut past.amounts {
            *amounts = part(&mut fixed)?;
        }
        past.hours = part(&mut fixed)?;
        past.weekdays = part(&mut fixed)?;
        past.adding = part(&mut fixed)?;
        past.sessions = part(&mut fixed)?;
        past.stopped = part(&mut fixed)?;
        past.stopped_payment = part(&mut fixed)?;
        past.stopped_payee = part(&mut fixed)?;
        past.stopped_hundredths = part(&mut fixed)?;
        [past.stopped_channel] = part(&mut fixed)?;
        past.warned = part(&mut fixed)?;
        past.answered = part(&mut fixed)?;
        if fixed.is_empty() { Ok(past) } else { Err(TaggedError::Long) }
    }
}

tagged::always!(Past);

/// How long a stop is recalled. Victims who were stopped came back the same day or the next; a week
/// is our assumption of how long a caller keeps trying.
pub const STOP_AGE: Span = Span::days(7);

// A quantile of fewer than these is no habit: our assumption.
const HABIT_MIN: u32 = 5;
// What all but one payment in twenty stays below, and what all but one session in ten lasts.
const HIGH_PER_MILLE: u32 = 950;
const SHORT_PER_MILLE: u32 = 100;
const HALF_PER_MILLE: u32 = 500;

const TEN_DAYS: u16 = 10;
const MONTH_DAYS: u16 = 30;
const HALF_DAYS: u16 = 183;
const TENS: usize = 4;
const MONTHS: usize = 13;
const BUCKETS: usize = 32;
const ADDING: usize = 12;
const SESSIONS: usize = 8;
// 512 pence: what is smaller is all alike.
const OCTAVE_MIN: u32 = 9;
const SUM_MAX: u64 = (1 << 48) - 1;

// The longest window ends before the horizon: 13 slots of 30 days.
const _: () = assert!(Span::days(390).0 <= HORIZON.0, "a window beyond the horizon");

#[cfg(test)]
mod tests;
