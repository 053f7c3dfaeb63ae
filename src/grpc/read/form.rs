//! Form: what codes of others look like. They are recorded as they come, so their bounds are wide.

use rust_decimal::Decimal;

use crate::money::Amount;

/// What a code may look like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// 1 to 35 printable ASCII characters: ISO 20022 `Max35Text` without what a terminal acts on.
    Printable35,
    /// 1 to 64 printable ASCII characters.
    Printable64,
    /// 1 to 64 letters and digits.
    Letters64,
    /// 1 to 35 letters and digits.
    Letters35,
    /// 1 to 4 letters and digits: ISO 20022 external codes.
    Letters4,
    /// 3 or 4 digits: ISO 18245.
    Digits4,
    /// 1 to 64 lower-case letters, digits and underscores.
    Name,
    /// A BCP 47 language tag of 2 to 35 characters: parts of 1 to 8 letters and digits with hyphens
    /// between them, the first of them 2 or 3 letters (RFC 5646, 2.1; 35 is what its 4.4.1 asks of a
    /// buffer).
    Language,
    /// `sha256:` and 64 lower-case hex digits.
    Digest,
    /// Decimal digits with an optional point, 0 to 1,000,000: scores are shares, percentages,
    /// per-mille or points.
    Score,
}

impl Form {
    /// Tells whether `value` has this form.
    pub(crate) fn takes(self, value: &str) -> bool {
        let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let letter = |byte: u8| byte.is_ascii_alphanumeric();
        let name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let chars = value.len();
        match self {
            Self::Printable35 => (1..=35).contains(&chars) && value.bytes().all(printable),
            Self::Printable64 => (1..=64).contains(&chars) && value.bytes().all(printable),
            Self::Letters4 => (1..=4).contains(&chars) && value.bytes().all(letter),
            Self::Letters35 => (1..=35).contains(&chars) && value.bytes().all(letter),
            Self::Letters64 => (1..=64).contains(&chars) && value.bytes().all(letter),
            Self::Digits4 => {
                (3..=4).contains(&chars) && value.bytes().all(|byte| byte.is_ascii_digit())
            }
            Self::Name => (1..=64).contains(&chars) && value.bytes().all(name),
            Self::Language => {
                let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(letter);
                let language = value.split('-').next().unwrap_or("");
                chars <= 35
                    && (2..=3).contains(&language.len())
                    && language.bytes().all(|byte| byte.is_ascii_alphabetic())
                    && value.split('-').all(part)
            }
            Self::Score => {
                Amount::parse(value).is_ok_and(|score| score.value() <= Decimal::from(1_000_000))
            }
            Self::Digest => {
                chars == 71
                    && value.strip_prefix("sha256:").is_some_and(|rest| rest.bytes().all(hex))
            }
        }
    }

    /// Returns the form in words, as a caller is told it.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::Printable35 => "1 to 35 printable ASCII characters",
            Self::Printable64 => "1 to 64 printable ASCII characters",
            Self::Letters64 => "1 to 64 letters and digits",
            Self::Letters35 => "1 to 35 letters and digits",
            Self::Letters4 => "1 to 4 letters and digits",
            Self::Digits4 => "3 or 4 digits",
            Self::Name => "1 to 64 lower-case letters, digits and underscores",
            Self::Language => "a language tag of BCP 47, such as `cy` or `en-x-large`",
            Self::Score => "decimal digits with an optional point, 0 to 1,000,000",
            Self::Digest => "`sha256:` and 64 lower-case hex digits",
        }
    }
}
