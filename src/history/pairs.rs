//! Pairs: the payees of one payer, twenty bytes each.
//!
//! A million payers with fifty payees each are fifty million pairs, so what each costs decides what
//! a machine can remember. Given up for it: six bytes of a payee's token are kept of sixteen (among
//! the most payees that a payer can have, one stranger in seventy thousand million is taken for one
//! of them; tokens are keyed hashes, so nobody can aim at it); the first payment is kept to the
//! second, the last one to the day; and no count goes beyond 65,535, no total beyond 2.7 thousand
//! million units.

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::history::Pair;
use crate::money::{Amount, Currency, Money};
use crate::tagged::{self, Tagged, TaggedError};

/// The payees of one payer, in the order of their tokens.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pairs(Box<[Packed]>);

/// The first bytes of a token.
pub type Prefix = [u8; 6];

/// One pair; every field is a number with its highest byte first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Packed {
    payee: Prefix,
    /// Seconds since 1970.
    first: [u8; 4],
    /// Days since 1970.
    last: [u8; 2],
    count: [u8; 2],
    total: Sum,
}

/// Money in six bytes: the currency's number in 10 bits, and hundredths of it in 38. More than 2.7
/// thousand million is kept as that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sum(pub(super) [u8; 6]);

impl Pairs {
    /// Returns how many payees there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no payee.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what is remembered of a payee that was paid on the day of `since` or later.
    pub fn get(&self, payee: Token, since: Time) -> Option<Pair> {
        let at = self.place(prefix(payee)).ok()?;
        let packed = self.0.get(at).filter(|packed| day_of(since) <= packed.last_day())?;
        Some(packed.unpack(payee))
    }

    /// Takes one more transfer that was sent, and tells whether the payee is a new one.
    pub fn add(&mut self, payee: Token, sent: Time, money: Money) -> bool {
        let prefix = prefix(payee);
        match self.place(prefix) {
            Ok(at) => {
                if let Some(packed) = self.0.get_mut(at) {
                    packed.add(sent, money);
                }
                false
            }
            Err(at) => {
                let mut pairs = std::mem::take(&mut self.0).into_vec();
                if PAIRS_MAX <= pairs.len() {
                    // Of several that were paid last on the same day, the first token goes.
                    let ages = pairs.iter().map(Packed::last_day).enumerate();
                    if let Some((oldest, _)) = ages.min_by_key(|(_, day)| *day) {
                        pairs.remove(oldest);
                    }
                }
                // A payer has few payees: growing by one keeps a million of them small.
                pairs.reserve_exact(1);
                let at = at.min(pairs.len());
                let place = pairs.binary_search_by(|packed| packed.payee.cmp(&prefix));
                pairs.insert(place.err().unwrap_or(at), Packed::begin(prefix, sent, money));
                self.0 = pairs.into_boxed_slice();
                true
            }
        }
    }

    /// Returns the most payees that were first paid on one day, of the days from that of `since` to
    /// the one before that of `until`; days are UTC.
    pub fn most_new_a_day(&self, since: Time, until: Time) -> u32 {
        let days = day_of(since)..day_of(until);
        let mut firsts: Vec<u16> = self
            .0
            .iter()
            .map(|packed| day_of(packed.first_time()))
            .filter(|day| days.contains(day))
            .collect();
        firsts.sort_unstable();
        let most = firsts.chunk_by(|one, next| one == next).map(<[u16]>::len).max().unwrap_or(0);
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    /// Reads what looking up `payee` will read, so that the wait for it is over by then.
    pub fn warm(&self, payee: Token) -> u64 {
        // Tokens are even, so a payee lies about where its first two bytes say.
        let [high, low, ..] = prefix(payee);
        let part = usize::from(u16::from_be_bytes([high, low]));
        let at = part.saturating_mul(self.0.len()) >> 16;
        self.0.get(at).map_or(0, |packed| u64::from(packed.payee.first().copied().unwrap_or(0)))
    }

    fn place(&self, prefix: Prefix) -> Result<usize, usize> {
        // As numbers, which have the same order: comparing bytes is a call.
        let wanted = number(prefix);
        self.0.binary_search_by(|packed| number(packed.payee).cmp(&wanted))
    }
}

impl Packed {
    fn begin(payee: Prefix, sent: Time, money: Money) -> Self {
        Self {
            payee,
            first: seconds_of(sent).to_be_bytes(),
            last: day_of(sent).to_be_bytes(),
            count: 1_u16.to_be_bytes(),
            total: Sum::of(money),
        }
    }

    fn add(&mut self, sent: Time, money: Money) {
        let first = u32::from_be_bytes(self.first).min(seconds_of(sent));
        self.first = first.to_be_bytes();
        self.last = self.last_day().max(day_of(sent)).to_be_bytes();
        self.count = u16::from_be_bytes(self.count).saturating_add(1).to_be_bytes();
        let (currency, hundredths) = self.total.parts();
        if currency == money.currency.number() {
            self.total = Sum::pack(currency, hundredths.saturating_add(money.amount.hundredths()));
        }
    }

    fn last_day(&self) -> u16 {
        u16::from_be_bytes(self.last)
    }

    fn first_time(&self) -> Time {
        time_of(u32::from_be_bytes(self.first))
    }

    fn unpack(&self, payee: Token) -> Pair {
        let (currency, hundredths) = self.total.parts();
        let first = self.first_time();
        let last = Time::from_micros(0).plus(Span::days(i64::from(self.last_day())));
        Pair {
            payee,
            first,
            last: last.max(first),
            count: u32::from(u16::from_be_bytes(self.count)),
            total: Money {
                amount: Amount::from_hundredths(hundredths),
                // INVARIANT: the number was taken from a currency.
                currency: Currency::from_number(currency).unwrap_or(Currency::GBP),
            },
        }
    }
}

/// Returns the bytes of a token that are kept.
pub fn prefix(token: Token) -> Prefix {
    token.0.first_chunk().copied().unwrap_or_default()
}

/// Returns whole seconds since 1970, at the nearest end where they do not fit: until 2106.
pub fn seconds_of(time: Time) -> u32 {
    let seconds = time.since(Time::from_micros(0)).whole_seconds();
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

/// Returns the instant that is so many seconds after 1970.
pub fn time_of(seconds: u32) -> Time {
    Time::from_micros(0).plus(Span::seconds(i64::from(seconds)))
}

/// Returns whole days since 1970, at the nearest end where they do not fit: until 2149.
pub fn day_of(time: Time) -> u16 {
    let days = time.since(Time::from_micros(0)).whole_days();
    u16::try_from(days.max(0)).unwrap_or(u16::MAX)
}

/// Returns the number that six bytes are, the highest first.
pub(super) fn number(bytes: [u8; 6]) -> u64 {
    let mut wide = [0; 8];
    if let Some(low) = wide.last_chunk_mut() {
        *low = bytes;
    }
    u64::from_be_bytes(wide)
}

/// Takes so many bytes off the front.
pub(super) fn part<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], TaggedError> {
    let (part, rest) = bytes.split_first_chunk().ok_or(TaggedError::Short)?;
    *bytes = rest;
    Ok(*part)
}

impl Sum {
    pub(super) fn of(money: Money) -> Self {
        Self::pack(money.currency.number(), money.amount.hundredths())
    }

    fn pack(currency: u16, hundredths: u64) -> Self {
        let number = u64::from(currency) << TOTAL_BITS | hundredths.min(TOTAL_MAX);
        let [_, _, bytes @ ..] = number.to_be_bytes();
        Self(bytes)
    }

    /// Returns the currency's number and how many hundredths.
    pub(super) fn parts(self) -> (u16, u64) {
        let number = number(self.0);
        (u16::try_from(number >> TOTAL_BITS).unwrap_or(0), number & TOTAL_MAX)
    }

    /// Tells whether there is such a currency.
    pub(super) fn is_known(self) -> bool {
        Currency::from_number(self.parts().0).is_some()
    }
}

impl Tagged for Pairs {
    fn put(&self, bytes: &mut Vec<u8>) {
        for Packed { payee, first, last, count, total } in &self.0 {
            for part in [&payee[..], first, last, count, &total.0] {
                bytes.extend_from_slice(part);
            }
        }
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        if PAIRS_MAX.saturating_mul(PACKED_BYTES) < bytes.len() {
            return Err(TaggedError::OutOfBounds);
        }
        let mut pairs: Vec<Packed> = Vec::with_capacity(bytes.len() / PACKED_BYTES);
        while !bytes.is_empty() {
            let packed = Packed {
                payee: part(&mut bytes)?,
                first: part(&mut bytes)?,
                last: part(&mut bytes)?,
                count: part(&mut bytes)?,
                total: Sum(part(&mut bytes)?),
            };
            if pairs.last().is_some_and(|last| packed.payee <= last.payee) {
                return Err(TaggedError::NotCanonical);
            }
            if !packed.total.is_known() {
                return Err(TaggedError::OutOfBounds);
            }
            pairs.push(packed);
        }
        Ok(Self(pairs.into_boxed_slice()))
    }
}

tagged::always!(Pairs);

/// Most payees remembered of one payer; of those paid longest ago one goes first. A business that
/// pays more than this many accounts in 400 days is not the payer this service protects.
pub const PAIRS_MAX: usize = 4_096;

const PACKED_BYTES: usize = 20;
const TOTAL_BITS: u32 = 38;
const TOTAL_MAX: u64 = (1 << TOTAL_BITS) - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{amount, pounds, time};

    fn token(number: u16) -> Token {
        let mut token = [7; 16];
        token[..2].copy_from_slice(&number.to_be_bytes());
        Token(token)
    }

    #[test]
    fn a_pair_takes_twenty_bytes() {
        assert_eq!(size_of::<Packed>(), PACKED_BYTES);
    }

    #[test]
    fn a_pair_adds_up_what_was_sent_in_whatever_order_it_is_reported() {
        let (early, late) = (time("2026-01-01T00:00:01.5Z"), time("2026-02-01T09:00:00Z"));
        let euro = Money { amount: amount("7"), currency: Currency::from_code("EUR").unwrap() };
        let sent = [(late, pounds("10")), (early, pounds("0.509")), (late, euro)];
        let mut pairs = Pairs::default();
        assert_eq!(sent.map(|(at, money)| pairs.add(token(1), at, money)), [true, false, false]);
        let pair = pairs.get(token(1), early).unwrap();
        assert_eq!(pair.first, time("2026-01-01T00:00:01Z"));
        assert_eq!((pair.last, pair.count), (time("2026-02-01T00:00:00Z"), 3));
        assert_eq!((pair.payee, pair.total), (token(1), pounds("10.50")));

        let mut other = Pairs::default();
        for (at, money) in [sent[1], sent[0], sent[2]] {
            other.add(token(1), at, money);
        }
        assert_eq!(pairs, other);
    }

    #[test]
    fn a_payee_is_forgotten_by_the_day() {
        let paid = time("2026-02-01T09:00:00Z");
        let mut pairs = Pairs::default();
        pairs.add(token(1), paid, pounds("1"));
        for (since, known) in [
            ("2026-02-01T00:00:00Z", true),
            ("2026-02-01T23:59:59Z", true),
            ("2026-02-02T00:00:00Z", false),
        ] {
            assert_eq!(pairs.get(token(1), time(since)).is_some(), known, "{since}");
        }
        assert_eq!(pairs.get(token(2), paid), None);
    }

    #[test]
    fn numbers_stay_at_their_ends() {
        let (low, high) = (Time::MIN, Time::from_micros(i64::MAX));
        assert_eq!((seconds_of(low), day_of(low)), (0, 0));
        assert_eq!((seconds_of(high), day_of(high)), (u32::MAX, u16::MAX));
        let mut pairs = Pairs::default();
        for _ in 0..70_000 {
            pairs.add(token(1), time("2026-02-01T09:00:00Z"), pounds("999999999"));
        }
        let pair = pairs.get(token(1), Time::MIN).unwrap();
        assert_eq!((pair.count, pair.total), (65_535, pounds("2748779069.43")));
    }

    #[test]
    fn the_payee_paid_longest_ago_goes_when_there_are_too_many() {
        let day = |day: i64| time("2026-01-01T12:00:00Z").plus(Span::days(day));
        let mut pairs = Pairs::default();
        let most = u16::try_from(PAIRS_MAX).unwrap();
        for number in 0..most {
            pairs.add(token(number), day(i64::from(number != 9)), pounds("1"));
        }
        assert!(pairs.get(token(9), Time::MIN).is_some());
        pairs.add(token(most), day(2), pounds("1"));
        assert_eq!((pairs.len(), pairs.get(token(9), Time::MIN)), (PAIRS_MAX, None));
        assert!(pairs.get(token(most), Time::MIN).is_some());
        assert!(
            (0..most)
                .filter(|one| *one != 9)
                .all(|one| { pairs.get(token(one), Time::MIN).is_some() })
        );
    }

    #[test]
    fn new_payees_are_counted_by_the_day() {
        let mut pairs = Pairs::default();
        let until = time("2026-01-09T00:00:00Z");
        assert_eq!(pairs.most_new_a_day(Time::MIN, until), 0);
        for (number, at) in [
            (1, "2026-01-01T23:00:00Z"),
            (2, "2026-01-02T01:00:00Z"),
            (3, "2026-01-02T22:00:00Z"),
            (4, "2026-01-02T23:59:59Z"),
        ] {
            pairs.add(token(number), time(at), pounds("1"));
            pairs.add(token(number), time("2026-01-05T00:00:00Z"), pounds("1"));
        }
        for (since, until, most) in [
            ("2025-01-01T00:00:00Z", "2026-01-09T00:00:00Z", 3),
            ("2026-01-02T23:00:00Z", "2026-01-03T00:00:00Z", 3),
            ("2026-01-03T00:00:00Z", "2026-01-09T00:00:00Z", 0),
            ("2025-01-01T00:00:00Z", "2026-01-02T23:00:00Z", 1),
        ] {
            assert_eq!(pairs.most_new_a_day(time(since), time(until)), most, "{since} {until}");
        }
    }

    #[test]
    fn pairs_come_back_from_their_bytes_and_no_others_do() {
        let mut pairs = Pairs::default();
        for number in [3, 1, 2] {
            pairs.add(token(number), time("2026-01-01T23:00:00Z"), pounds("1.23"));
        }
        let bytes = pairs.to_bytes();
        assert_eq!(bytes.len(), 60);
        assert_eq!(Pairs::take(&bytes), Ok(pairs));
        let swapped = [&bytes[20..40], &bytes[..20]].concat();
        assert_eq!(Pairs::take(&swapped), Err(TaggedError::NotCanonical));
        assert_eq!(Pairs::take(&bytes[..59]), Err(TaggedError::Short));
        assert_eq!(Pairs::take(&[0; 20]), Err(TaggedError::OutOfBounds));
    }
}
