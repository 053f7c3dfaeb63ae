//! Pairs: the payees of one payer, seventeen bytes each.
//!
//! A million payers with fifty payees each are fifty million pairs, so what each costs decides what
//! a machine can remember. Given up for it:
//!
//! - Five bytes of a payee's token are kept of sixteen. Among fifty payees one stranger in
//!   twenty-two thousand million is taken for one of them, among the most that a payer can have one
//!   in 268 million. Tokens are keyed hashes, so nobody can aim at it.
//! - The first payment is kept to the second, the last one to the day.
//! - No count goes beyond 255. Count and total are there for their mean and for whether a payee was
//!   paid several times, so from then on each payment takes the place of a mean one: the mean is
//!   still one of what was paid, of late more than of long ago.
//! - A total is exact up to 1.34 million units, and above that loses less than one part in thirty
//!   million with each payment. A mean is never too low by more than one part in a hundred thousand
//!   and a hundredth, and never too high: what is lost speaks against a payee and not for it.
//!
//! Ended at their largest instead, count and total would no longer have that mean; halved together,
//! they would say of the oldest payees that they were paid less often than of others.

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
    payee: Short,
    /// Seconds since 1970.
    first: [u8; 4],
    /// Days since 1970.
    last: [u8; 2],
    count: u8,
    total: Total,
}

/// The first bytes of a payee's token, one less than of others: there are many more of these.
type Short = [u8; 5];

/// Money in five bytes: the currency's number in 10 bits; hundredths of it in 27, of which an even
/// number of the lowest were cut; and half that number in the 3 between.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Total([u8; 5]);

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
        let at = self.place(short(payee)).ok()?;
        let packed = self.0.get(at).filter(|packed| day_of(since) <= packed.last_day())?;
        Some(packed.unpack(payee))
    }

    /// Takes one more transfer that was sent, and tells whether the payee is a new one.
    pub fn add(&mut self, payee: Token, sent: Time, money: Money) -> bool {
        let payee = short(payee);
        match self.place(payee) {
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
                let place = pairs.binary_search_by(|packed| packed.payee.cmp(&payee));
                pairs.insert(place.err().unwrap_or(at), Packed::begin(payee, sent, money));
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
        let about = self.0.get(self.about(short(payee)));
        about.map_or(0, |packed| u64::from(packed.payee.first().copied().unwrap_or(0)))
    }

    fn place(&self, payee: Short) -> Result<usize, usize> {
        // As numbers, which have the same order: comparing bytes is a call.
        let wanted = number(payee);
        let there = |at: usize| self.0.get(at).map(|packed| number(packed.payee));
        // From where it lies about, and not by halves: those lie far apart, each a wait for memory.
        let mut at = self.about(payee);
        while let Some(before) = at.checked_sub(1).filter(|before| Some(wanted) <= there(*before)) {
            at = before;
        }
        while there(at).is_some_and(|other| other < wanted) {
            at = at.saturating_add(1);
        }
        if there(at) == Some(wanted) { Ok(at) } else { Err(at) }
    }

    /// Returns about where a payee lies: tokens are even, so it is where its first two bytes say.
    fn about(&self, payee: Short) -> usize {
        let [high, low, ..] = payee;
        usize::from(u16::from_be_bytes([high, low])).saturating_mul(self.0.len()) >> 16
    }
}

impl Packed {
    fn begin(payee: Short, sent: Time, money: Money) -> Self {
        Self {
            payee,
            first: seconds_of(sent).to_be_bytes(),
            last: day_of(sent).to_be_bytes(),
            count: 1,
            total: Total::pack(money.currency.number(), money.amount.hundredths()),
        }
    }

    fn add(&mut self, sent: Time, money: Money) {
        let first = u32::from_be_bytes(self.first).min(seconds_of(sent));
        self.first = first.to_be_bytes();
        self.last = self.last_day().max(day_of(sent)).to_be_bytes();
        let (currency, before) = self.total.parts();
        // Where no more are counted, a mean one goes, rounded up: payments of one amount keep their mean.
        let gone = if self.count == u8::MAX { before.div_ceil(u64::from(u8::MAX)) } else { 0 };
        let in_it = currency == money.currency.number();
        let more = if in_it { money.amount.hundredths() } else { 0 };
        self.count = self.count.saturating_add(1);
        self.total = Total::pack(currency, before.saturating_sub(gone).saturating_add(more));
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
            count: u32::from(self.count),
            total: Money {
                amount: Amount::from_hundredths(hundredths),
                // INVARIANT: the number was taken from a currency.
                currency: Currency::from_number(currency).unwrap_or(Currency::GBP),
            },
        }
    }
}

/// Returns the bytes of a payee's token that are kept here.
fn short(token: Token) -> Short {
    token.0.first_chunk().copied().unwrap_or_default()
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

/// Returns the number that bytes are, at most eight, the highest first.
pub(super) fn number<const N: usize>(bytes: [u8; N]) -> u64 {
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

impl Total {
    /// Packs a currency's number and so many hundredths, rounded down where they are too many.
    fn pack(currency: u16, hundredths: u64) -> Self {
        let bits = u64::BITS.saturating_sub(hundredths.leading_zeros());
        let cuts = bits.saturating_sub(TOTAL_BITS).div_ceil(CUT_BITS).min(CUTS_MAX);
        let cut = hundredths.checked_shr(cuts.saturating_mul(CUT_BITS)).unwrap_or(0);
        let number = u64::from(currency) << TOTAL_ALL_BITS
            | u64::from(cuts) << TOTAL_BITS
            | cut.min(TOTAL_MAX);
        let [_, _, _, bytes @ ..] = number.to_be_bytes();
        Self(bytes)
    }

    /// Returns the currency's number and how many hundredths.
    fn parts(self) -> (u16, u64) {
        let number = number(self.0);
        let cuts = u32::try_from(number >> TOTAL_BITS & u64::from(CUTS_MAX)).unwrap_or(0);
        let hundredths = (number & TOTAL_MAX).checked_shl(cuts.saturating_mul(CUT_BITS));
        (u16::try_from(number >> TOTAL_ALL_BITS).unwrap_or(0), hundredths.unwrap_or(0))
    }

    /// Tells whether there is such a currency, and no more was cut than had to be.
    fn is_canonical(self) -> bool {
        let (currency, hundredths) = self.parts();
        Currency::from_number(currency).is_some() && Self::pack(currency, hundredths) == self
    }
}

impl Sum {
    pub(super) fn of(money: Money) -> Self {
        let currency = u64::from(money.currency.number());
        let number = currency << SUM_BITS | money.amount.hundredths().min(SUM_MAX);
        let [_, _, bytes @ ..] = number.to_be_bytes();
        Self(bytes)
    }

    /// Returns the currency's number and how many hundredths.
    pub(super) fn parts(self) -> (u16, u64) {
        let number = number(self.0);
        (u16::try_from(number >> SUM_BITS).unwrap_or(0), number & SUM_MAX)
    }

    /// Tells whether there is such a currency.
    pub(super) fn is_known(self) -> bool {
        Currency::from_number(self.parts().0).is_some()
    }
}

impl Tagged for Pairs {
    fn put(&self, bytes: &mut Vec<u8>) {
        for Packed { payee, first, last, count, total } in &self.0 {
            for part in [&payee[..], first, last, &[*count], &total.0] {
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
                count: u8::from_be_bytes(part(&mut bytes)?),
                total: Total(part(&mut bytes)?),
            };
            if pairs.last().is_some_and(|last| packed.payee <= last.payee) {
                return Err(TaggedError::NotCanonical);
            }
            if packed.count == 0 || !packed.total.is_canonical() {
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

const PACKED_BYTES: usize = 17;

const SUM_BITS: u32 = 38;
const SUM_MAX: u64 = (1 << SUM_BITS) - 1;

// Up to 2^41 hundredths, 21.9 thousand million units: a million pounds in the smallest of currencies.
const TOTAL_BITS: u32 = 27;
const TOTAL_MAX: u64 = (1 << TOTAL_BITS) - 1;
const CUT_BITS: u32 = 2;
const CUTS_MAX: u32 = 7;
const TOTAL_ALL_BITS: u32 = TOTAL_BITS + 3;

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
    fn a_pair_takes_seventeen_bytes() {
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
        for _ in 0..300 {
            pairs.add(token(1), time("2026-02-01T09:00:00Z"), pounds("999999999"));
        }
        let pair = pairs.get(token(1), Time::MIN).unwrap();
        assert_eq!((pair.count, pair.total), (255, pounds("21990232391.68")));
        let sum = Sum::of(pounds("2748779069.44"));
        assert_eq!(sum.parts(), (Currency::GBP.number(), 274_877_906_943));
    }

    /// Pays one payee each amount so often, and returns how often it was paid and how much.
    fn paid(amounts: &[(u32, Money)]) -> (u32, Money) {
        let mut pairs = Pairs::default();
        for (times, money) in amounts {
            for _ in 0..*times {
                pairs.add(token(1), time("2026-02-01T09:00:00Z"), *money);
            }
        }
        let pair = pairs.get(token(1), Time::MIN).unwrap();
        (pair.count, pair.total)
    }

    #[test]
    fn beyond_255_payments_each_takes_the_place_of_a_mean_one() {
        let ten = pounds("10");
        assert_eq!(paid(&[(254, ten)]), (254, pounds("2540")));
        assert_eq!(paid(&[(255, ten)]), (255, pounds("2550")));
        assert_eq!(paid(&[(256, ten)]), (255, pounds("2550")));
        assert_eq!(paid(&[(70_000, ten)]), (255, pounds("2550")));
        assert_eq!(paid(&[(254, ten), (1, pounds("265"))]), (255, pounds("2805")));
        assert_eq!(paid(&[(255, ten), (1, pounds("265"))]), (255, pounds("2805")));
        // A mean that is no whole hundredth goes as the next one.
        assert_eq!(paid(&[(254, ten), (2, pounds("10.01"))]), (255, pounds("2550.01")));
        let euro = Money { amount: amount("7"), currency: Currency::from_code("EUR").unwrap() };
        assert_eq!(paid(&[(254, ten), (1, euro)]), (255, pounds("2540")));
        assert_eq!(paid(&[(255, ten), (1, euro)]), (255, pounds("2540")));
        // What was paid of late is what counts in the end.
        let (count, total) = paid(&[(255, ten), (4_000, pounds("20"))]);
        let mean = total.amount.hundredths() / u64::from(count);
        assert_eq!((count, mean), (255, 1_999));
    }

    #[test]
    fn a_total_is_exact_to_a_limit_and_hardly_too_low_above() {
        for (hundredths, want) in [
            (0, 0),
            ((1 << 27) - 1, (1 << 27) - 1),
            ((1 << 27) + 3, 1 << 27),
            ((1 << 27) + 4, (1 << 27) + 4),
            ((1 << 29) - 1, (1 << 29) - 4),
            ((1 << 29) + 15, 1 << 29),
            ((1 << 29) + 16, (1 << 29) + 16),
            ((1 << 41) - 1, (1 << 41) - (1 << 14)),
            (1 << 41, (1 << 41) - (1 << 14)),
            (u64::MAX, (1 << 41) - (1 << 14)),
        ] {
            let total = Total::pack(826, hundredths);
            assert_eq!(total.parts(), (826, want), "{hundredths}");
            assert_eq!(Total::pack(826, want), total);
        }
        for (each, times) in [("5263.76", 254), ("6000.01", 255), ("99999.99", 2_000)] {
            let (count, total) = paid(&[(times, pounds(each))]);
            let (total, whole) = (total.amount, pounds(each).amount.times(count));
            let lost = whole.hundredths() - total.hundredths();
            assert!(total <= whole && lost <= whole.hundredths() / 100_000, "{lost} of {whole}");
        }
        assert_eq!(paid(&[(255, pounds("5263.44"))]), (255, pounds("1342177.20")));
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
        assert_eq!(bytes.len(), 51);
        assert_eq!(Pairs::take(&bytes), Ok(pairs));
        let swapped = [&bytes[17..34], &bytes[..17]].concat();
        assert_eq!(Pairs::take(&swapped), Err(TaggedError::NotCanonical));
        assert_eq!(Pairs::take(&bytes[..50]), Err(TaggedError::Short));
        let whole = number::<5>(bytes[12..17].try_into().unwrap());
        // Never paid; of no currency; cut though it is small.
        for (count, total) in [(0, whole), (1, whole & 0xff), (1, whole | 1 << 27)] {
            let total = &total.to_be_bytes()[3..];
            let other = [&bytes[..11], &[count], total].concat();
            assert_eq!(Pairs::take(&other), Err(TaggedError::OutOfBounds), "{other:?}");
        }
    }
}
