//! Drawn: what one account drew from payers of ours, whoever they are.
//!
//! An account that many first pay on one day is a mule's, a charity's or a band's that sells tickets.
//! Payers are remembered by the first bytes of their tokens, the latest few of them, and times by the
//! second: there are as many accounts as payees, and nearly all have one payer.

use crate::account::Token;
use crate::calendar::{Span, Time};
use crate::history::pairs::{Prefix, part, prefix, seconds_of, time_of};
use crate::history::recall::Inflow;
use crate::tagged::{Tagged, TaggedError, always, record};

/// What is remembered of an account across payers. Times are seconds since 1970, and 0 is never.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Drawn {
    /// When it was first seen, as far as that is remembered.
    first: u32,
    /// When a bank last stated markers of it.
    marked: u32,
    parties: Parties,
}

/// Its payers, in the order in which they were first heard of.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Parties(Box<[Party]>);

/// One payer of it; times have their highest byte first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Party {
    payer: Prefix,
    first_paid: [u8; 4],
    held: [u8; 4],
}

record!(Drawn { 1 first, 2 marked, 3 parties });

impl Drawn {
    /// Begins with when it was first seen.
    pub fn begin(first: Time) -> Self {
        Self { first: seconds_of(first), marked: 0, parties: Parties::default() }
    }

    /// Remembers that a payer first paid it.
    pub fn paid(&mut self, payer: Token, at: Time) {
        let at = seconds_of(at);
        self.first = self.first.min(at);
        if let Some(party) = self.parties.party(prefix(payer), at) {
            let first = match u32::from_be_bytes(party.first_paid) {
                0 => at,
                before => before.min(at),
            };
            party.first_paid = first.to_be_bytes();
        }
    }

    /// Remembers that a payer was held when about to pay it.
    pub fn hold(&mut self, payer: Token, at: Time) {
        let at = seconds_of(at);
        if let Some(party) = self.parties.party(prefix(payer), at) {
            party.held = u32::from_be_bytes(party.held).max(at).to_be_bytes();
        }
    }

    /// Remembers that it was stated to bear markers.
    pub fn mark(&mut self, at: Time) {
        self.marked = self.marked.max(seconds_of(at));
    }

    /// Returns when it was first seen, and when it was last stated to bear markers.
    pub fn seen(&self) -> (Time, Option<Time>) {
        (time_of(self.first), (self.marked != 0).then(|| time_of(self.marked)))
    }

    /// Returns what other payers than this had to do with it; `None` where none had.
    pub fn inflow(&self, payer: Token, now: Time) -> Option<Inflow> {
        let payer = prefix(payer);
        let mut inflow = Inflow::default();
        // The first whole second that is not before, and never 0.
        let [hour, day, week] = [Span::hours(1), Span::hours(24), WEEK].map(|span| {
            let since = now.minus(span).since(Time::from_micros(0)).0;
            since.div_euclid(1_000_000).saturating_add(i64::from(since.rem_euclid(1_000_000) != 0))
        });
        let within = |at: u32, since: i64| u32::from(since.max(1) <= i64::from(at));
        for party in &self.parties.0 {
            // Most are of long ago.
            let [first_paid, held] = [party.first_paid, party.held].map(u32::from_be_bytes);
            let [paid_of_late, held_of_late] = [first_paid, held].map(|at| within(at, week));
            if paid_of_late | held_of_late == 0 || party.payer == payer {
                continue;
            }
            inflow.hour = inflow.hour.saturating_add(within(first_paid, hour));
            inflow.day = inflow.day.saturating_add(within(first_paid, day));
            inflow.week = inflow.week.saturating_add(paid_of_late);
            inflow.held = inflow.held.saturating_add(held_of_late);
        }
        (inflow != Inflow::default()).then_some(inflow)
    }
}

impl Parties {
    /// Returns the row of a payer, made where there is none and room for it: of too many the one that
    /// was last heard of longest ago goes.
    fn party(&mut self, payer: Prefix, at: u32) -> Option<&mut Party> {
        if let Some(place) = self.0.iter().position(|party| party.payer == payer) {
            return self.0.get_mut(place);
        }
        let mut oldest = None;
        if PARTIES_MAX <= self.0.len() {
            let ages = self.0.iter().map(Party::last).enumerate();
            let (place, last) = ages.min_by_key(|(_, last)| *last)?;
            if at < last {
                return None;
            }
            oldest = Some(place);
        }
        let mut parties = std::mem::take(&mut self.0).into_vec();
        if let Some(place) = oldest {
            parties.remove(place);
        }
        // Most accounts have one.
        parties.reserve_exact(1);
        parties.push(Party { payer, first_paid: [0; 4], held: [0; 4] });
        self.0 = parties.into_boxed_slice();
        self.0.last_mut()
    }
}

impl Party {
    fn last(&self) -> u32 {
        u32::from_be_bytes(self.first_paid).max(u32::from_be_bytes(self.held))
    }
}

/// `payer 6 | first_paid 4 | held 4`, again and again.
impl Tagged for Parties {
    fn put(&self, bytes: &mut Vec<u8>) {
        for Party { payer, first_paid, held } in &self.0 {
            for part in [&payer[..], first_paid, held] {
                bytes.extend_from_slice(part);
            }
        }
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        if PARTIES_MAX.saturating_mul(PARTY_BYTES) < bytes.len() {
            return Err(TaggedError::OutOfBounds);
        }
        let mut parties = Vec::with_capacity(bytes.len() / PARTY_BYTES);
        while !bytes.is_empty() {
            let (payer, first_paid) = (part(&mut bytes)?, part(&mut bytes)?);
            parties.push(Party { payer, first_paid, held: part(&mut bytes)? });
        }
        Ok(Self(parties.into_boxed_slice()))
    }
}

always!(Parties);

const PARTY_BYTES: usize = 14;

const WEEK: Span = Span::days(7);

/// Most payers remembered of one account. Twice what any signal has to count to.
pub const PARTIES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::time;

    fn now() -> Time {
        time("2026-11-20T15:00:00Z")
    }

    fn payer(number: u8) -> Token {
        Token([number; 16])
    }

    fn ago(seconds: i64) -> Time {
        now().minus(Span::seconds(seconds))
    }

    #[test]
    fn others_who_first_paid_it_are_counted_by_windows() {
        let mut drawn = Drawn::begin(now());
        for (number, seconds) in
            [(1, 3_600), (2, 3_601), (3, 86_400), (4, 86_401), (5, 604_800), (6, 604_801)]
        {
            drawn.paid(payer(number), ago(seconds));
            drawn.paid(payer(number), ago(seconds));
        }
        let want = |hour, day, week| Some(Inflow { hour, day, week, held: 0 });
        assert_eq!(drawn.inflow(payer(99), now()), want(1, 3, 5));
        assert_eq!(drawn.inflow(payer(1), now()), want(0, 2, 4));
        assert_eq!(drawn.inflow(payer(1), now().plus(WEEK)), None);
        assert_eq!(drawn.seen(), (ago(604_801), None));
    }

    #[test]
    fn the_first_payment_counts_however_late_it_is_reported() {
        let mut drawn = Drawn::begin(now());
        drawn.paid(payer(1), ago(60));
        drawn.paid(payer(1), ago(7_200));
        let inflow = drawn.inflow(payer(2), now()).unwrap();
        assert_eq!((inflow.hour, inflow.day), (0, 1));
    }

    #[test]
    fn others_who_were_held_are_counted_once_each() {
        let mut drawn = Drawn::begin(now());
        assert_eq!(drawn.inflow(payer(9), now()), None);
        for (number, seconds) in [(1, 604_801), (1, 604_800), (2, 5), (2, 4), (3, 604_801)] {
            drawn.hold(payer(number), ago(seconds));
        }
        let held = |drawn: &Drawn, number| drawn.inflow(payer(number), now()).map(|one| one.held);
        assert_eq!(
            [held(&drawn, 9), held(&drawn, 2), held(&drawn, 3)],
            [Some(2), Some(1), Some(2)]
        );
        drawn.mark(ago(9));
        drawn.mark(ago(10));
        assert_eq!(drawn.seen().1, Some(ago(9)));
    }

    #[test]
    fn the_latest_payers_are_kept_in_whatever_order_they_come() {
        let most = i64::try_from(PARTIES_MAX).unwrap();
        let all: Vec<i64> = (0..most + 8).collect();
        for order in [all.clone(), all.iter().rev().copied().collect()] {
            let mut drawn = Drawn::begin(now());
            for seconds in order {
                drawn.paid(payer(u8::try_from(seconds).unwrap()), ago(seconds + 1));
            }
            assert_eq!(drawn.inflow(payer(200), now()).unwrap().hour, 32);
            let oldest = u8::try_from(most - 1).unwrap();
            assert_eq!(drawn.inflow(payer(oldest), now()).unwrap().hour, 31);
            assert_eq!(drawn.inflow(payer(oldest + 1), now()).unwrap().hour, 32);
        }
    }

    #[test]
    fn it_comes_back_from_its_bytes() {
        let mut drawn = Drawn::begin(now());
        drawn.paid(payer(1), ago(60));
        drawn.hold(payer(2), ago(9));
        drawn.mark(ago(9));
        let bytes = drawn.parties.to_bytes();
        assert_eq!((size_of::<Drawn>(), size_of::<Party>()), (24, PARTY_BYTES));
        assert_eq!(Parties::take(&bytes[..27]), Err(TaggedError::Short));
        assert_eq!(Parties::take(&bytes.repeat(17)), Err(TaggedError::OutOfBounds));
        assert_eq!(Drawn::take(&drawn.to_bytes()), Ok(drawn));
    }

    #[test]
    fn times_are_kept_to_the_second() {
        let mut drawn = Drawn::begin(time("2026-11-20T15:00:00.9Z"));
        assert_eq!(drawn.seen(), (now(), None));
        drawn.mark(time("2026-11-20T15:00:01.9Z"));
        drawn.paid(payer(1), time("2026-11-20T14:59:59.9Z"));
        let want = (time("2026-11-20T14:59:59Z"), Some(time("2026-11-20T15:00:01Z")));
        assert_eq!(drawn.seen(), want);
    }
}
