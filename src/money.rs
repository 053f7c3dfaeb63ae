//! Money: exact amounts, shares and currencies, and the only arithmetic done on them.
//!
//! Every other room goes through these types, so overflow and rounding are argued here and nowhere
//! else. Amounts are kept without trailing zeros: `100.00` and `100` are the same amount and the
//! same bytes.
//!
//! Never converts between currencies: a policy's rate table does.

use std::fmt;

use rust_decimal::Decimal;

use crate::tagged::{self, Tagged, TaggedError};

/// An amount of money in some currency, never below zero.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Amount(Decimal);

/// A part of a whole, above zero and at most one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Share(Decimal);

/// An ISO 4217 currency.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Currency(iso_currency::Currency);

/// An amount and its currency.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AmountProblem {
    /// Something else than digits with at most one point between them.
    NotDecimal,
    /// More than 18 digits, or more than 5 of them after the point.
    TooManyDigits,
}

impl Amount {
    /// No money at all.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Takes a decimal that is not below zero and has at most 18 digits, 5 of them decimals, as ISO
    /// 20022 allows.
    pub fn new(value: Decimal) -> Option<Self> {
        let fits = value.mantissa() <= MANTISSA_MAX && value.scale() <= SCALE_MAX;
        let positive = Decimal::ZERO <= value && !value.is_sign_negative();
        (positive && fits).then(|| Self(value.normalize()))
    }

    /// Reads decimal digits with an optional point between them, such as `1250.00`. No sign,
    /// exponent, grouping or space.
    pub fn parse(text: &str) -> Result<Self, AmountProblem> {
        // Byte by byte: a search for a character costs as much as all the rest.
        let mut parts = text.as_bytes().splitn(2, |byte| *byte == b'.');
        let whole = parts.next().unwrap_or(&[]);
        let decimals = match parts.next() {
            Some([]) => return Err(AmountProblem::NotDecimal),
            decimals => decimals.unwrap_or(&[]),
        };
        let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        if whole.is_empty() || !digits(whole) || !digits(decimals) {
            return Err(AmountProblem::NotDecimal);
        }
        if whole.len().saturating_add(decimals.len()) > DIGITS_MAX || decimals.len() > DECIMALS_MAX
        {
            return Err(AmountProblem::TooManyDigits);
        }
        // 18 digits fit.
        let digits = whole.iter().chain(decimals);
        let mantissa = digits.fold(0_u64, |number, digit| {
            number.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0')))
        });
        let scale = u32::try_from(decimals.len()).map_err(|_| AmountProblem::TooManyDigits)?;
        Ok(Self::of(mantissa, scale))
    }

    /// Returns the decimal.
    pub fn value(self) -> Decimal {
        self.0
    }

    /// Returns `share` of this amount, exactly.
    // INVARIANT: 18 digits times at most 1.00000 needs 23 digits; a `Decimal` holds 28.
    #[expect(clippy::arithmetic_side_effects, reason = "the product always fits")]
    pub fn part(self, share: Share) -> Self {
        Self(self.0 * share.0)
    }

    /// Returns the sum; stays at the largest decimal, 28 digits, where it would not fit.
    pub fn plus(self, other: Self) -> Self {
        let short = self
            .aligned(other)
            .and_then(|(one, two, scale)| one.checked_add(two).map(|sum| Self::of(sum, scale)));
        let long = || Self(self.0.checked_add(other.0).unwrap_or(Decimal::MAX).normalize());
        short.unwrap_or_else(long)
    }

    /// Returns `times` this amount; stays at the largest decimal where it would not fit.
    pub fn times(self, times: u32) -> Self {
        let digits = u64::try_from(self.0.mantissa()).ok();
        let short = digits.and_then(|digits| digits.checked_mul(u64::from(times)));
        let long =
            || Self(self.0.checked_mul(Decimal::from(times)).unwrap_or(Decimal::MAX).normalize());
        short.map_or_else(long, |product| Self::of(product, self.0.scale()))
    }

    /// Takes whole hundredths: pence, where the currency is the pound.
    pub fn from_hundredths(hundredths: u64) -> Self {
        Self::of(hundredths, 2)
    }

    /// Takes so many of the parts that `scale` decimals make, less the zeros at their end: what normalizing
    /// comes to, without the divisions of 96 bits.
    fn of(mut mantissa: u64, mut scale: u32) -> Self {
        while scale != 0 && mantissa.is_multiple_of(10) {
            mantissa /= 10;
            scale = scale.saturating_sub(1);
        }
        Self(Decimal::try_from_i128_with_scale(mantissa.into(), scale).unwrap_or(Decimal::MAX))
    }

    /// Returns the digits of both as whole numbers of the same parts, and how many decimals those have;
    /// `None` where they are too long for it.
    fn aligned(self, other: Self) -> Option<(u64, u64, u32)> {
        let scale = self.0.scale().max(other.0.scale());
        let digits = |amount: Decimal| {
            let digits = u64::try_from(amount.mantissa()).ok()?;
            digits.checked_mul(10_u64.checked_pow(scale.saturating_sub(amount.scale()))?)
        };
        Some((digits(self.0)?, digits(other.0)?, scale))
    }

    /// Returns whole hundredths, rounded down; the largest number where it would not fit.
    pub fn hundredths(self) -> u64 {
        let mantissa = self.0.mantissa();
        let whole = match self.0.scale() {
            0 => mantissa.checked_mul(100),
            1 => mantissa.checked_mul(10),
            2 => Some(mantissa),
            more => mantissa.checked_div(10_i128.saturating_pow(more.saturating_sub(2))),
        };
        whole.and_then(|whole| u64::try_from(whole).ok()).unwrap_or(u64::MAX)
    }

    /// Tells whether there is no money at all.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `scale byte | mantissa`: the mantissa little-endian, without trailing zero bytes.
impl Tagged for Amount {
    fn put(&self, bytes: &mut Vec<u8>) {
        let mantissa = self.0.mantissa().unsigned_abs();
        bytes.push(u8::try_from(self.0.scale()).unwrap_or(u8::MAX));
        let length = 16_u32.saturating_sub(mantissa.leading_zeros() / 8);
        bytes.extend(mantissa.to_le_bytes().iter().take(usize::try_from(length).unwrap_or(16)));
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        let (scale, digits) = bytes.split_first().ok_or(TaggedError::Short)?;
        if digits.last() == Some(&0) {
            return Err(TaggedError::NotCanonical);
        }
        let mut mantissa = [0; 16];
        mantissa.get_mut(..digits.len()).ok_or(TaggedError::Long)?.copy_from_slice(digits);
        let mantissa = i128::from_le_bytes(mantissa);
        let value = Decimal::try_from_i128_with_scale(mantissa, u32::from(*scale))
            .map_err(|_| TaggedError::OutOfBounds)?;
        if value.is_sign_negative() && !value.is_zero() {
            return Err(TaggedError::OutOfBounds);
        }
        let amount = Self(value.normalize());
        let canonical = amount.0.scale() == u32::from(*scale) && amount.0.mantissa() == mantissa;
        if canonical { Ok(amount) } else { Err(TaggedError::NotCanonical) }
    }
}

impl Share {
    /// Takes a decimal above zero and at most one, with at most 5 decimals.
    pub fn new(value: Decimal) -> Option<Self> {
        let in_range = Decimal::ZERO < value && value <= Decimal::ONE;
        (in_range && value.scale() <= SCALE_MAX).then(|| Self(value.normalize()))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Currency {
    /// The pound sterling.
    pub const GBP: Self = Self(iso_currency::Currency::GBP);

    /// Takes three upper-case letters of ISO 4217.
    pub fn from_code(code: &str) -> Option<Self> {
        // Nearly every payment is in it.
        if code == "GBP" {
            return Some(Self::GBP);
        }
        iso_currency::Currency::from_code(code).map(Self)
    }

    /// Takes the three digits of ISO 4217 as a number.
    pub fn from_number(number: u16) -> Option<Self> {
        iso_currency::Currency::from_numeric(number).map(Self)
    }

    /// Returns the three digits of ISO 4217 as a number, below 1,000.
    pub fn number(self) -> u16 {
        self.0.numeric()
    }

    /// Returns the three letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Tagged for Currency {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.code().as_bytes());
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        let code = std::str::from_utf8(bytes).map_err(|_| TaggedError::OutOfBounds)?;
        Self::from_code(code).ok_or(TaggedError::OutOfBounds)
    }
}

/// As a person would write it: `£3,200.00` for pounds, `EUR 3,200.00` otherwise, with the decimals
/// of the currency, or more where the amount has more.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.0.exponent().unwrap_or(0);
        let mut value = self.amount.0;
        if value.scale() < u32::from(decimals) {
            value.rescale(u32::from(decimals));
        }
        let text = value.to_string();
        let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
        match self.currency {
            Currency::GBP => f.write_str("£")?,
            other => write!(f, "{} ", other.code())?,
        }
        for (at, digit) in whole.char_indices() {
            let left = whole.len().saturating_sub(at);
            if at != 0 && left.checked_rem(3) == Some(0) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        if decimals.is_empty() { Ok(()) } else { write!(f, ".{decimals}") }
    }
}

tagged::record!(Money { 1 amount, 2 currency });
tagged::always!(Amount, Currency);

// What ISO 20022 allows in an amount: 18 digits, 5 of them after the point.
const DIGITS_MAX: usize = 18;
const DECIMALS_MAX: usize = 5;
const MANTISSA_MAX: i128 = 999_999_999_999_999_999;
const SCALE_MAX: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{amount, share};

    #[test]
    fn the_largest_part_of_the_largest_amount_is_exact() {
        let part = amount("9999999999999.99999").part(share("0.99999"));
        assert_eq!(part.to_string(), "9999899999999.9999900001");
    }

    #[test]
    fn an_amount_is_digits_and_at_most_one_point() {
        use AmountProblem::{NotDecimal, TooManyDigits};
        for (text, want) in [
            ("0", Ok("0")),
            ("1250.00", Ok("1250")),
            ("0.00001", Ok("0.00001")),
            ("0.000001", Err(TooManyDigits)),
            ("999999999999999999", Ok("999999999999999999")),
            ("1000000000000000000", Err(TooManyDigits)),
            ("", Err(NotDecimal)),
            (".5", Err(NotDecimal)),
            ("5.", Err(NotDecimal)),
            ("-1", Err(NotDecimal)),
            ("+1", Err(NotDecimal)),
            ("1e3", Err(NotDecimal)),
            ("1,000", Err(NotDecimal)),
            (" 1", Err(NotDecimal)),
            ("1.2.3", Err(NotDecimal)),
            ("١", Err(NotDecimal)),
        ] {
            let got = Amount::parse(text).map(|amount| amount.to_string());
            assert_eq!(got, want.map(str::to_owned), "{text}");
        }
    }

    proptest::proptest! {
        /// What is reckoned in whole numbers is what decimals come to.
        #[test]
        fn whole_numbers_and_decimals_come_to_the_same(
            lengths in (1..=18_u32, 1..=18_u32),
            digits in (0..=999_999_999_999_999_999_i64, 0..=999_999_999_999_999_999_i64),
            scales in (0..=5_u32, 0..=5_u32),
            times: u32,
            huge: bool,
        ) {
            let decimal = |digits: i64, length: u32, scale: u32| {
                let digits = digits.checked_rem(10_i64.pow(length)).unwrap();
                Decimal::new(digits, scale)
            };
            let first = decimal(digits.0, lengths.0, scales.0);
            let second = decimal(digits.1, lengths.1, scales.1);
            let [one, two] = [first, second].map(|value| Amount::new(value).unwrap());
            // Beyond 64 bits as well, as sums may be.
            let one = if huge { one.times(u32::MAX).times(7) } else { one };
            let sum = one.value().checked_add(two.value()).unwrap().normalize();
            proptest::prop_assert_eq!(one.plus(two).to_bytes(), Amount(sum).to_bytes());
            let product = two.value().checked_mul(times.into()).unwrap().normalize();
            proptest::prop_assert_eq!(two.times(times).to_bytes(), Amount(product).to_bytes());
            let hundredths = one.value().checked_mul(Decimal::ONE_HUNDRED);
            let hundredths = hundredths.and_then(|value| u64::try_from(value.trunc().mantissa()).ok());
            proptest::prop_assert_eq!(one.hundredths(), hundredths.unwrap_or(u64::MAX));
            let text = second.to_string();
            let read: Decimal = text.parse().unwrap();
            let parsed = Amount::parse(&text).map(|amount| amount.to_bytes());
            proptest::prop_assert_eq!(parsed, Ok(Amount(read.normalize()).to_bytes()));
        }
    }

    #[test]
    fn amounts_have_one_encoding() {
        for (text, bytes) in [
            ("0", &[0][..]),
            ("0.00", &[0][..]),
            ("100.00", &[0, 100][..]),
            ("12.5", &[1, 125][..]),
            ("256", &[0, 0, 1][..]),
        ] {
            assert_eq!(amount(text).to_bytes(), bytes, "{text}");
            assert_eq!(Amount::take(bytes), Ok(amount(text)), "{text}");
        }
        for bytes in [&[][..], &[0, 1, 0][..], &[2, 100][..], &[29, 1][..], &[1][..]] {
            assert!(Amount::take(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn money_reads_as_a_person_would_write_it() {
        for (text, code, want) in [
            ("3200", "GBP", "£3,200.00"),
            ("0.5", "GBP", "£0.50"),
            ("999", "GBP", "£999.00"),
            ("1234567.891", "GBP", "£1,234,567.891"),
            ("1000", "JPY", "JPY 1,000"),
        ] {
            let money =
                Money { amount: amount(text), currency: Currency::from_code(code).unwrap() };
            assert_eq!(money.to_string(), want);
        }
    }

    #[test]
    fn hundredths_are_whole_and_come_back() {
        for (text, hundredths, back) in [
            ("0", 0, "0"),
            ("12.34", 1_234, "12.34"),
            ("12.349", 1_234, "12.34"),
            ("0.00999", 0, "0"),
            ("1000", 100_000, "1000"),
            ("184467440737095516.15", u64::MAX, "184467440737095516.15"),
            ("999999999999999999", u64::MAX, "184467440737095516.15"),
        ] {
            let decimal: Decimal = text.parse().unwrap();
            assert_eq!(Amount(decimal).hundredths(), hundredths, "{text}");
            assert_eq!(Amount::from_hundredths(hundredths).to_string(), back, "{text}");
        }
    }

    #[test]
    fn a_currency_is_one_of_the_list() {
        assert_eq!(Currency::GBP.number(), 826);
        assert_eq!(Currency::from_number(826), Some(Currency::GBP));
        assert_eq!(Currency::from_number(1), None);
        assert_eq!(Currency::from_code("GBP"), Some(Currency::GBP));
        for code in ["gbp", "GB", "", "ZZZ", "GBPX"] {
            assert_eq!(Currency::from_code(code), None, "{code}");
        }
    }
}
