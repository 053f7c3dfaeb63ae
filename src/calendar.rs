//! Calendar: instants, as whole microseconds, and the months they fall in.
//!
//! Log time, confirmation times and windows are all compared here as integers, so that two machines
//! never disagree by a rounding. Time zones and business days are a library's work and come with
//! the rooms that need them.
//!
//! Never asks what time it is: that is `clock`'s.

use std::fmt;

use crate::tagged::{self, Tagged, TaggedError};

/// An instant in UTC, in whole microseconds since 1970. May be negative.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(i64);

/// A calendar month in UTC, counted from year 0: year times 12, plus the month less one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Month(pub u32);

/// A length of time, in whole microseconds. May be negative.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span(pub i64);

impl Time {
    /// The earliest instant that any clock here can show.
    pub const MIN: Self = Self(i64::MIN);

    /// Takes microseconds since 1970 in UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Takes seconds and nanoseconds since 1970, as a protobuf `Timestamp` has them, and drops what
    /// is finer than a microsecond. `None` outside the years 1 to 9999 or with nanoseconds outside
    /// `0..1_000_000_000`.
    pub fn from_parts(seconds: i64, nanos: i32) -> Option<Self> {
        let in_range = (SECONDS_MIN..=SECONDS_MAX).contains(&seconds);
        let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
        if !in_range {
            return None;
        }
        let micros = seconds.checked_mul(MICROS_A_SECOND)?;
        Some(Self(micros.checked_add(i64::from(nanos.checked_div(1000)?))?))
    }

    /// Returns microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns seconds, rounded down, and nanoseconds since 1970, as a protobuf `Timestamp` has
    /// them.
    pub fn parts(self) -> (i64, i32) {
        let seconds = self.0.div_euclid(MICROS_A_SECOND);
        let nanos = self.0.rem_euclid(MICROS_A_SECOND).saturating_mul(1000);
        (seconds, i32::try_from(nanos).unwrap_or(0))
    }

    /// Returns how long after `earlier` this is; negative where it is before.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// Returns the instant `span` later.
    pub fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// Returns the instant `span` earlier.
    pub fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// Returns the month it falls in, in UTC.
    pub fn month(self) -> Month {
        let day = jiff::Timestamp::from_microsecond(self.0)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(jiff::tz::TimeZone::UTC);
        let year = u32::try_from(day.year()).unwrap_or(0);
        let month = u32::try_from(day.month()).unwrap_or(1);
        Month(year.saturating_mul(12).saturating_add(month.saturating_sub(1)))
    }

    /// Reads RFC 3339, such as `2026-11-20T15:04:05Z`; drops what is finer than a microsecond.
    pub fn parse(text: &str) -> Option<Self> {
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        Some(Self(timestamp.as_microsecond()))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

impl Tagged for Time {
    fn put(&self, bytes: &mut Vec<u8>) {
        self.0.put(bytes);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        i64::take(bytes).map(Self)
    }
}

impl Span {
    /// Takes whole seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_A_SECOND))
    }

    /// Takes whole minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Self::seconds(minutes.saturating_mul(60))
    }

    /// Takes whole hours.
    pub const fn hours(hours: i64) -> Self {
        Self::minutes(hours.saturating_mul(60))
    }

    /// Takes days of 24 hours.
    pub const fn days(days: i64) -> Self {
        Self::hours(days.saturating_mul(24))
    }

    /// Returns whole seconds, rounded down.
    pub const fn whole_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_A_SECOND)
    }

    /// Returns whole days of 24 hours, rounded down.
    pub const fn whole_days(self) -> i64 {
        self.whole_seconds().div_euclid(86_400)
    }
}

impl Tagged for Span {
    fn put(&self, bytes: &mut Vec<u8>) {
        self.0.put(bytes);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        i64::take(bytes).map(Self)
    }
}

tagged::always!(Time, Span);

const MICROS_A_SECOND: i64 = 1_000_000;
// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what a protobuf `Timestamp` may hold.
const SECONDS_MIN: i64 = -62_135_596_800;
const SECONDS_MAX: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_its_first_microsecond_in_utc() {
        for (text, month) in [
            ("2026-10-31T23:59:59.999999Z", 2026 * 12 + 9),
            ("2026-11-01T00:00:00Z", 2026 * 12 + 10),
            ("1970-01-01T00:00:00Z", 1970 * 12),
            ("1969-12-31T23:59:59.999999Z", 1969 * 12 + 11),
        ] {
            assert_eq!(Time::parse(text).unwrap().month(), Month(month), "{text}");
        }
    }

    #[test]
    fn protobuf_parts_are_taken_inside_their_range_only() {
        for (seconds, nanos, want) in [
            (0, 0, Some(0)),
            (0, 999, Some(0)),
            (0, 1000, Some(1)),
            (-1, 999_999_999, Some(-1)),
            (0, -1, None),
            (0, 1_000_000_000, None),
            (SECONDS_MAX, 0, Some(SECONDS_MAX * 1_000_000)),
            (SECONDS_MAX + 1, 0, None),
            (SECONDS_MIN, 0, Some(SECONDS_MIN * 1_000_000)),
            (SECONDS_MIN - 1, 0, None),
        ] {
            let time = Time::from_parts(seconds, nanos);
            assert_eq!(time.map(Time::micros), want, "{seconds} {nanos}");
        }
    }

    #[test]
    fn parts_come_back_as_they_went_in() {
        for micros in [0, 1, -1, 1_000_000, -1_000_001, 1_790_000_000_123_456] {
            let time = Time::from_micros(micros);
            let (seconds, nanos) = time.parts();
            assert_eq!(Time::from_parts(seconds, nanos), Some(time));
        }
    }
}
