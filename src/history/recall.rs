//! Recall of habits: what signals read of a payer's past, short enough to be written with a decision.

use crate::calendar::Time;
use crate::money::Money;
use crate::tagged::{self, Tagged, TaggedError, record};

/// What is usual for a payer. Absent where nothing was sent for a year.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Usual {
    /// How many transfers were sent in a year.
    pub count: u32,
    /// The largest of them, of those in pounds.
    pub largest: Money,
    /// What all but one in twenty stay below; absent where none was sent for half a year.
    pub high: Option<Money>,
    /// What was sent in a month comes to.
    pub month: Money,
    /// The day on which the last one was sent, in UTC.
    pub last_day: Time,
    /// Minutes after adding within which half of all new payees were first paid; absent where that
    /// is known of too few.
    pub adding_minutes: Option<u32>,
    /// Seconds that nine sessions of ten lasted at least; absent where that is known of too few.
    pub session_seconds: Option<u32>,
}

/// The last time that the payer was stopped, in another payment than this.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stop {
    /// When.
    pub at: Time,
    /// Whether another payee is to be paid now.
    pub payee_changed: bool,
    /// Whether another amount is.
    pub amount_changed: bool,
    /// Whether the order was given in another channel.
    pub channel_changed: bool,
}

/// What the payer tried within the last 24 hours, in another payment than this.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attempt {
    /// How many seconds before this one.
    pub seconds: u32,
    /// How much, in pence; 0 where it was not pounds.
    pub pence: u64,
    /// Whom: 0 is the payee of this payment, others are numbered as they come.
    pub payee: u8,
    /// Whether the payee was one never paid before.
    pub new: bool,
    /// Whether it was allowed.
    pub allowed: bool,
    /// Whether it is known to have left.
    pub left: bool,
}

/// What other payers had to do with the payee's account.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Inflow {
    /// How many first paid it within the last hour.
    pub hour: u32,
    /// Within the last 24 hours.
    pub day: u32,
    /// Within the last 7 days.
    pub week: u32,
    /// How many were held for a person within the last 7 days.
    pub held: u32,
}

record!(Usual {
    1 count, 2 largest, 3 high, 4 month, 5 last_day, 6 adding_minutes, 7 session_seconds,
});
record!(Stop { 1 at, 2 payee_changed, 3 amount_changed, 4 channel_changed });

/// `seconds (varint) | pence (varint) | payee byte | flags byte`: there can be many of them.
impl Tagged for Attempt {
    fn put(&self, bytes: &mut Vec<u8>) {
        tagged::put_varint(self.seconds.into(), bytes);
        tagged::put_varint(self.pence, bytes);
        let flags = [self.new, self.allowed, self.left];
        let flags = flags.iter().rev().fold(0, |sum: u8, flag| sum << 1 | u8::from(*flag));
        bytes.extend([self.payee, flags]);
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        let seconds = tagged::take_varint(&mut bytes)?;
        let seconds = u32::try_from(seconds).map_err(|_| TaggedError::OutOfBounds)?;
        let pence = tagged::take_varint(&mut bytes)?;
        let [payee, flags] = <[u8; 2]>::take(bytes)?;
        if 7 < flags {
            return Err(TaggedError::OutOfBounds);
        }
        let [new, allowed, left] = [1, 2, 4].map(|flag| flags & flag != 0);
        Ok(Self { seconds, pence, payee, new, allowed, left })
    }
}

/// Four varints: each is nearly always one byte.
impl Tagged for Inflow {
    fn put(&self, bytes: &mut Vec<u8>) {
        for number in [self.hour, self.day, self.week, self.held] {
            tagged::put_varint(number.into(), bytes);
        }
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        let mut number = || {
            u32::try_from(tagged::take_varint(&mut bytes)?).map_err(|_| TaggedError::OutOfBounds)
        };
        let (hour, day, week, held) = (number()?, number()?, number()?, number()?);
        let inflow = Self { hour, day, week, held };
        if bytes.is_empty() { Ok(inflow) } else { Err(TaggedError::Long) }
    }
}
