//! Tagged: the one way a value of ours becomes bytes, and comes back.
//!
//! Decisions must be reached again byte for byte years later, so a value has exactly one encoding:
//!
//! ```text
//! record  := field*                     tags strictly ascending; an absent field is not written
//! field   := tag (varint) | length (varint) | value
//! choice  := number (varint) | value    the rest of the bytes; permanent numbers
//! list    := (length (varint) | value)*
//! whole   := minimal LEB128; signed ones in zigzag
//! text    := UTF-8
//! ```
//!
//! Reading refuses whatever writing would not have written, unknown tags included: a record that
//! reads differently from how it was written must be found, not smoothed over. A format that grows
//! does so by a new version number of the entry that holds it.

use std::borrow::Cow;
use std::sync::Arc;

/// Why bytes are not a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TaggedError {
    /// The bytes end inside a value.
    #[error("the bytes end too early")]
    Short,
    /// Bytes follow the value.
    #[error("bytes follow the value")]
    Long,
    /// The value has another, shorter or differently ordered encoding.
    #[error("the encoding is not the canonical one")]
    NotCanonical,
    /// A tag or number that this version does not know.
    #[error("tag {0} is unknown")]
    Unknown(u64),
    /// A field that every such value has is absent.
    #[error("tag {0} is absent")]
    Absent(u64),
    /// The value is outside what its type can hold.
    #[error("the value is out of bounds")]
    OutOfBounds,
}

/// A value with one canonical encoding.
pub trait Tagged: Sized {
    /// Appends the value's bytes.
    fn put(&self, bytes: &mut Vec<u8>);

    /// Reads a value that fills `bytes` from end to end.
    fn take(bytes: &[u8]) -> Result<Self, TaggedError>;

    /// Returns the value's bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.put(&mut bytes);
        bytes
    }
}

/// A value as one field of a record: absent or there.
///
/// Options and lists leave their field out when they hold nothing; every other value is always
/// written.
pub trait Field: Sized {
    /// Appends tag, length and value, or nothing.
    fn put_field(&self, tag: u64, bytes: &mut Vec<u8>);

    /// Reads the value of the field `tag`, `None` where the record has no such field.
    fn take_field(tag: u64, bytes: Option<&[u8]>) -> Result<Self, TaggedError>;
}

/// Appends `tag`, the length of what `value` appends, and that.
pub fn put_field_with(tag: u64, bytes: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    put_varint(tag, bytes);
    put_sized(bytes, value);
}

/// Appends `tag`, the length of `value`, and that.
pub fn put_field_of(tag: u64, value: &[u8], bytes: &mut Vec<u8>) {
    put_varint(tag, bytes);
    put_varint(u64::try_from(value.len()).unwrap_or(u64::MAX), bytes);
    bytes.extend_from_slice(value);
}

/// Returns how many bytes [`put_field_of`] appends for a value of `length`.
pub fn field_len(tag: u64, length: usize) -> usize {
    let head = varint_len(u64::try_from(length).unwrap_or(u64::MAX));
    varint_len(tag).saturating_add(head).saturating_add(length)
}

/// Appends the length of what `value` appends, and that.
pub fn put_sized(bytes: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    // Nearly every value is shorter than 128 bytes, so one byte is kept for the length and longer
    // values are moved.
    let at = bytes.len();
    bytes.push(0);
    let from = bytes.len();
    value(bytes);
    let length = bytes.len().saturating_sub(from);
    let mut number = u64::try_from(length).unwrap_or(u64::MAX);
    let prefix = varint_len(number);
    if let Some(more) = prefix.checked_sub(1).filter(|more| *more != 0) {
        let end = bytes.len();
        bytes.resize(end.saturating_add(more), 0);
        bytes.copy_within(from..end, from.saturating_add(more));
    }
    for place in bytes.iter_mut().skip(at).take(prefix) {
        let low = u8::try_from(number & 0x7f).unwrap_or(0x7f);
        number >>= 7;
        *place = if number == 0 { low } else { low | 0x80 };
    }
}

/// Returns how many bytes a LEB128 number takes.
pub fn varint_len(number: u64) -> usize {
    let bits = u64::BITS.saturating_sub(number.leading_zeros()).max(1);
    usize::try_from(bits.div_ceil(7)).unwrap_or(10)
}

/// Appends a minimal LEB128 number.
pub fn put_varint(mut number: u64, bytes: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0x7f);
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Takes a minimal LEB128 number off the front of `bytes`.
pub fn take_varint(bytes: &mut &[u8]) -> Result<u64, TaggedError> {
    let mut number = 0_u64;
    for shift in (0..64_u32).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(TaggedError::Short)?;
        *bytes = rest;
        let low = u64::from(byte & 0x7f);
        let shifted = low.checked_shl(shift).unwrap_or(0);
        if shifted.checked_shr(shift) != Some(low) {
            return Err(TaggedError::OutOfBounds);
        }
        number |= shifted;
        if byte & 0x80 == 0 {
            let padded = low == 0 && shift != 0;
            return if padded { Err(TaggedError::NotCanonical) } else { Ok(number) };
        }
    }
    Err(TaggedError::OutOfBounds)
}

/// Takes a length and as many bytes off the front of `bytes`.
pub fn take_sized<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], TaggedError> {
    let length = usize::try_from(take_varint(bytes)?).map_err(|_| TaggedError::Short)?;
    let (value, rest) = bytes.split_at_checked(length).ok_or(TaggedError::Short)?;
    *bytes = rest;
    Ok(value)
}

/// Reads the fields of a record one after the other, in the order of their tags.
#[derive(Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    next: Option<(u64, &'a [u8])>,
}

impl<'a> Fields<'a> {
    /// Takes the bytes of one record.
    pub fn new(bytes: &'a [u8]) -> Result<Self, TaggedError> {
        let mut fields = Self { rest: bytes, next: None };
        fields.advance(None)?;
        Ok(fields)
    }

    /// Returns the value of `tag` if the next field is that one.
    pub fn take(&mut self, tag: u64) -> Result<Option<&'a [u8]>, TaggedError> {
        match self.next {
            Some((found, value)) if found == tag => {
                self.advance(Some(found))?;
                Ok(Some(value))
            }
            _ => Ok(None),
        }
    }

    /// Confirms that no field is left.
    pub fn end(self) -> Result<(), TaggedError> {
        match self.next {
            None => Ok(()),
            Some((tag, _)) => Err(TaggedError::Unknown(tag)),
        }
    }

    fn advance(&mut self, last: Option<u64>) -> Result<(), TaggedError> {
        if self.rest.is_empty() {
            self.next = None;
            return Ok(());
        }
        let tag = take_varint(&mut self.rest)?;
        if last.is_some_and(|last| tag <= last) {
            return Err(TaggedError::NotCanonical);
        }
        self.next = Some((tag, take_sized(&mut self.rest)?));
        Ok(())
    }
}

impl<T: Tagged> Field for Option<T> {
    fn put_field(&self, tag: u64, bytes: &mut Vec<u8>) {
        if let Some(value) = self {
            put_field_with(tag, bytes, |bytes| value.put(bytes));
        }
    }

    fn take_field(_tag: u64, bytes: Option<&[u8]>) -> Result<Self, TaggedError> {
        bytes.map(T::take).transpose()
    }
}

impl<T: Tagged> Field for Vec<T> {
    fn put_field(&self, tag: u64, bytes: &mut Vec<u8>) {
        if !self.is_empty() {
            put_field_with(tag, bytes, |bytes| {
                for item in self {
                    put_sized(bytes, |bytes| item.put(bytes));
                }
            });
        }
    }

    fn take_field(_tag: u64, bytes: Option<&[u8]>) -> Result<Self, TaggedError> {
        let Some(mut bytes) = bytes else { return Ok(Self::new()) };
        if bytes.is_empty() {
            return Err(TaggedError::NotCanonical);
        }
        let mut items = Self::new();
        while !bytes.is_empty() {
            items.push(T::take(take_sized(&mut bytes)?)?);
        }
        Ok(items)
    }
}

/// Makes [`Field`] of a value that is always there.
macro_rules! always {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::tagged::Field for $type {
            fn put_field(&self, tag: u64, bytes: &mut Vec<u8>) {
                $crate::tagged::put_field_with(tag, bytes, |bytes| {
                    $crate::tagged::Tagged::put(self, bytes);
                });
            }

            fn take_field(
                tag: u64,
                bytes: Option<&[u8]>,
            ) -> Result<Self, $crate::tagged::TaggedError> {
                let bytes = bytes.ok_or($crate::tagged::TaggedError::Absent(tag))?;
                $crate::tagged::Tagged::take(bytes)
            }
        }
    )*};
}

/// Gives a struct its canonical encoding: `record!(Type { 1 field, 2 field })`, tags ascending.
macro_rules! record {
    ($type:ty { $($tag:literal $field:ident),* $(,)? }) => {
        impl $crate::tagged::Tagged for $type {
            fn put(&self, bytes: &mut Vec<u8>) {
                $($crate::tagged::Field::put_field(&self.$field, $tag, bytes);)*
            }

            fn take(bytes: &[u8]) -> Result<Self, $crate::tagged::TaggedError> {
                let mut fields = $crate::tagged::Fields::new(bytes)?;
                let record = Self {
                    $($field: $crate::tagged::Field::take_field($tag, fields.take($tag)?)?,)*
                };
                fields.end()?;
                Ok(record)
            }
        }

        $crate::tagged::always!($type);
    };
}

/// Gives an enum of bare variants its permanent numbers: `choice!(Type { 1 Variant })`.
macro_rules! choice {
    ($type:ty { $($number:literal $variant:ident),* $(,)? }) => {
        impl $crate::tagged::Tagged for $type {
            fn put(&self, bytes: &mut Vec<u8>) {
                let number = match self {
                    $(Self::$variant => $number,)*
                };
                $crate::tagged::put_varint(number, bytes);
            }

            fn take(mut bytes: &[u8]) -> Result<Self, $crate::tagged::TaggedError> {
                let number = $crate::tagged::take_varint(&mut bytes)?;
                if !bytes.is_empty() {
                    return Err($crate::tagged::TaggedError::Long);
                }
                match number {
                    $($number => Ok(Self::$variant),)*
                    unknown => Err($crate::tagged::TaggedError::Unknown(unknown)),
                }
            }
        }

        $crate::tagged::always!($type);
    };
}

impl Tagged for Cow<'static, str> {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        Box::<str>::take(bytes).map(|text| Cow::Owned(text.into()))
    }
}

impl Tagged for Arc<str> {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        Box::<str>::take(bytes).map(Self::from)
    }
}

impl<T: Tagged> Tagged for Arc<T> {
    fn put(&self, bytes: &mut Vec<u8>) {
        T::put(self, bytes);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        T::take(bytes).map(Self::new)
    }
}

impl<T: Field> Field for Arc<T> {
    fn put_field(&self, tag: u64, bytes: &mut Vec<u8>) {
        T::put_field(self, tag, bytes);
    }

    fn take_field(tag: u64, bytes: Option<&[u8]>) -> Result<Self, TaggedError> {
        T::take_field(tag, bytes).map(Self::new)
    }
}

impl<T: Field> Field for Box<T> {
    fn put_field(&self, tag: u64, bytes: &mut Vec<u8>) {
        T::put_field(self, tag, bytes);
    }

    fn take_field(tag: u64, bytes: Option<&[u8]>) -> Result<Self, TaggedError> {
        T::take_field(tag, bytes).map(Self::new)
    }
}

pub(crate) use {always, choice, record};

impl Tagged for u64 {
    fn put(&self, bytes: &mut Vec<u8>) {
        put_varint(*self, bytes);
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        let number = take_varint(&mut bytes)?;
        if bytes.is_empty() { Ok(number) } else { Err(TaggedError::Long) }
    }
}

impl Tagged for u32 {
    fn put(&self, bytes: &mut Vec<u8>) {
        put_varint(u64::from(*self), bytes);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        Self::try_from(u64::take(bytes)?).map_err(|_| TaggedError::OutOfBounds)
    }
}

impl Tagged for i64 {
    fn put(&self, bytes: &mut Vec<u8>) {
        put_varint(zigzag(*self), bytes);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        u64::take(bytes).map(unzigzag)
    }
}

impl Tagged for bool {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        match bytes {
            [0] => Ok(false),
            [1] => Ok(true),
            [] => Err(TaggedError::Short),
            _ => Err(TaggedError::NotCanonical),
        }
    }
}

impl Tagged for Box<str> {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        std::str::from_utf8(bytes).map(Self::from).map_err(|_| TaggedError::OutOfBounds)
    }
}

impl Tagged for Box<[u8]> {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        Ok(Self::from(bytes))
    }
}

impl<const N: usize> Tagged for [u8; N] {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        Self::try_from(bytes).map_err(|_| TaggedError::OutOfBounds)
    }
}

impl<T: Tagged> Tagged for Box<T> {
    fn put(&self, bytes: &mut Vec<u8>) {
        T::put(self, bytes);
    }

    fn take(bytes: &[u8]) -> Result<Self, TaggedError> {
        T::take(bytes).map(Self::new)
    }
}

always!(Cow<'static, str>, Arc<str>, u64, u32, i64, bool, Box<str>, Box<[u8]>, [u8; 16], [u8; 32]);

/// Folds the sign into the lowest bit, so that small negative numbers stay short.
fn zigzag(number: i64) -> u64 {
    (number.wrapping_shl(1) ^ number.wrapping_shr(63)).cast_unsigned()
}

/// Returns the signed number that a varint stands for.
pub fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ 0_i64.wrapping_sub((number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Sample {
        name: Option<Box<str>>,
        count: u64,
        marks: Vec<i64>,
    }

    record!(Sample { 1 name, 3 count, 200 marks });

    fn sample() -> Sample {
        Sample { name: Some("Ann".into()), count: 300, marks: vec![-1, 64] }
    }

    #[test]
    fn a_record_has_these_bytes() {
        let want: &[u8] =
            &[1, 3, b'A', b'n', b'n', 3, 2, 0xac, 0x02, 0xc8, 0x01, 5, 1, 1, 2, 0x80, 0x01];
        assert_eq!(sample().to_bytes(), want);
        assert_eq!(Sample::take(want), Ok(sample()));
    }

    #[test]
    fn a_value_of_any_length_follows_its_length() {
        for (length, head) in [
            (0, &[0][..]),
            (1, &[1]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (16_383, &[0xff, 0x7f]),
            (16_384, &[0x80, 0x80, 0x01]),
        ] {
            let value = vec![7; length];
            let want = [&[9, 200, 1], head, &value].concat();
            let (mut appended, mut copied) = (vec![9], vec![9]);
            put_field_with(200, &mut appended, |bytes| bytes.extend_from_slice(&value));
            put_field_of(200, &value, &mut copied);
            assert_eq!(appended, want, "{length}");
            assert_eq!(copied, want, "{length}");
            assert_eq!(field_len(200, length), want.len() - 1, "{length}");
        }
        for number in [0, 127, 128, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(number, &mut bytes);
            assert_eq!(varint_len(number), bytes.len(), "{number}");
        }
    }

    #[test]
    fn what_is_absent_is_not_written() {
        let bare = Sample { name: None, count: 0, marks: Vec::new() };
        assert_eq!(bare.to_bytes(), [3, 1, 0]);
        assert_eq!(Sample::take(&[3, 1, 0]), Ok(bare));
    }

    #[test]
    fn whatever_writing_would_not_write_is_refused() {
        for (bytes, want) in [
            (&[][..], TaggedError::Absent(3)),
            (&[3, 2, 0x80, 0x00][..], TaggedError::NotCanonical),
            (&[3, 1, 0, 1, 1, b'A'][..], TaggedError::NotCanonical),
            (&[3, 1, 0, 3, 1, 0][..], TaggedError::NotCanonical),
            (&[3, 1, 0, 4, 0][..], TaggedError::Unknown(4)),
            (&[3, 1][..], TaggedError::Short),
            (&[3, 2, 0, 0][..], TaggedError::Long),
            (&[1, 1, 0xff, 3, 1, 0][..], TaggedError::OutOfBounds),
            (&[3, 1, 0, 0xc8, 0x01, 0][..], TaggedError::NotCanonical),
        ] {
            assert_eq!(Sample::take(bytes), Err(want), "{bytes:?}");
        }
    }

    #[test]
    fn numbers_come_back_at_both_ends() {
        for number in [i64::MIN, -65, -64, -1, 0, 1, 63, 64, i64::MAX] {
            assert_eq!(i64::take(&number.to_bytes()), Ok(number));
        }
        for number in [0, 127, 128, u64::MAX] {
            assert_eq!(u64::take(&number.to_bytes()), Ok(number));
        }
        let too_long = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(u64::take(&too_long), Err(TaggedError::OutOfBounds));
    }

    #[test]
    fn a_long_value_gets_a_long_length() {
        let name: Box<str> = "x".repeat(200).into();
        let long = Sample { name: Some(name), count: 1, marks: Vec::new() };
        let bytes = long.to_bytes();
        assert_eq!(bytes.get(..3), Some(&[1, 0xc8, 0x01][..]));
        assert_eq!(Sample::take(&bytes), Ok(long));
    }
}
