//! Cleared: payments that were held, that a person let go, and that were then sent.
//!
//! Few payers have one. Kept per payee is the last of them, of four payees at most, 16 bytes each.

use crate::account::Token;
use crate::calendar::Time;
use crate::history::pairs::{Prefix, Sum, part, prefix, seconds_of, time_of};
use crate::money::{Amount, Currency, Money};
use crate::tagged::{Tagged, TaggedError, always, record};

/// What was cleared for one payer, oldest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cleared(Box<[Row]>);

/// The last payment cleared for a payee, as signals read it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clearance {
    /// When it was sent.
    pub sent: Time,
    /// How much it was.
    pub money: Money,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Row {
    payee: Prefix,
    /// Seconds since 1970.
    sent: [u8; 4],
    sum: Sum,
}

record!(Clearance { 1 sent, 2 money });

impl Cleared {
    /// Takes one more, in the place of an earlier one of the same payee or of the oldest.
    pub fn add(&mut self, payee: Token, sent: Time, money: Money) {
        self.remove(payee);
        let mut rows = std::mem::take(&mut self.0).into_vec();
        if CLEARED_MAX <= rows.len() {
            rows.remove(0);
        }
        rows.reserve_exact(1);
        let sent = seconds_of(sent).to_be_bytes();
        rows.push(Row { payee: prefix(payee), sent, sum: Sum::of(money) });
        self.0 = rows.into_boxed_slice();
    }

    /// Forgets what was cleared for a payee: it came back, or is known to have been a scam.
    pub fn remove(&mut self, payee: Token) {
        let payee = prefix(payee);
        if self.0.iter().any(|row| row.payee == payee) {
            self.0 = self.0.iter().copied().filter(|row| row.payee != payee).collect();
        }
    }

    /// Returns what was cleared for a payee.
    pub fn get(&self, payee: Token) -> Option<Clearance> {
        let payee = prefix(payee);
        let row = self.0.iter().find(|row| row.payee == payee)?;
        let (currency, hundredths) = row.sum.parts();
        Some(Clearance {
            sent: time_of(u32::from_be_bytes(row.sent)),
            money: Money {
                amount: Amount::from_hundredths(hundredths),
                // INVARIANT: the number was taken from a currency.
                currency: Currency::from_number(currency).unwrap_or(Currency::GBP),
            },
        })
    }
}

/// `payee 6 | sent 4 | sum 6`, again and again.
impl Tagged for Cleared {
    fn put(&self, bytes: &mut Vec<u8>) {
        for row in &self.0 {
            for part in [&row.payee[..], &row.sent, &row.sum.0] {
                bytes.extend_from_slice(part);
            }
        }
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        let mut rows = Vec::new();
        while !bytes.is_empty() {
            let row = Row {
                payee: part(&mut bytes)?,
                sent: part(&mut bytes)?,
                sum: Sum(part(&mut bytes)?),
            };
            if CLEARED_MAX <= rows.len() || !row.sum.is_known() {
                return Err(TaggedError::OutOfBounds);
            }
            rows.push(row);
        }
        Ok(Self(rows.into_boxed_slice()))
    }
}

always!(Cleared);

/// Most payees remembered of one payer: whoever is held oftener than this is a matter for a person.
pub const CLEARED_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{pounds, time};

    #[test]
    fn the_last_of_each_payee_is_kept_and_of_the_latest_payees() {
        let payee = |number| Token([number; 16]);
        let at = time("2026-11-20T15:00:00Z");
        let mut cleared = Cleared::default();
        for (number, sum) in [(1, "10"), (2, "20"), (1, "11"), (3, "30"), (4, "40"), (5, "50")] {
            cleared.add(payee(number), at, pounds(sum));
        }
        let found = |cleared: &Cleared, number| cleared.get(payee(number)).map(|one| one.money);
        assert_eq!(found(&cleared, 2), None);
        assert_eq!(found(&cleared, 1), Some(pounds("11")));
        assert_eq!(cleared.get(payee(5)), Some(Clearance { sent: at, money: pounds("50") }));
        cleared.remove(payee(1));
        assert_eq!(found(&cleared, 1), None);

        let bytes = cleared.to_bytes();
        assert_eq!(Cleared::take(&bytes), Ok(cleared));
        assert_eq!(Cleared::take(&bytes[1..]), Err(TaggedError::Short));
        let five = [&bytes[..], &bytes[..32]].concat();
        assert_eq!(Cleared::take(&five), Err(TaggedError::OutOfBounds));
    }
}
