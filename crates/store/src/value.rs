//! One value that a statement is given.

use std::borrow::Cow;

use rust_decimal::Decimal;

/// A value as both databases understand it. `None` is SQL's null.
#[derive(Clone, Debug)]
pub(crate) enum Value<'text> {
    Integer(Option<i64>),
    Text(Option<Cow<'text, str>>),
    Money(Option<Decimal>),
}

impl<'text> Value<'text> {
    /// A text without what PostgreSQL cannot keep: the character of code zero becomes the replacement character.
    pub(crate) fn text(text: &'text str) -> Self {
        Self::optional(Some(text))
    }

    pub(crate) fn optional(text: Option<&'text str>) -> Self {
        Self::Text(text.map(storable))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Decimal> for Value<'_> {
    fn from(amount: Decimal) -> Self {
        Self::Money(Some(amount))
    }
}

/// How many bytes of a text an index takes: PostgreSQL's pages must hold all that one of them is made of.
const INDEXED_BYTES_MAX: usize = 200;

/// A text as it stands in indexed columns. One that is too long ends in a number that is made of the whole of it, so that
/// two which begin alike stay apart.
pub(crate) fn indexed(text: &str) -> Cow<'_, str> {
    if text.len() <= INDEXED_BYTES_MAX {
        return storable(text);
    }
    let number = text.bytes().fold(FNV_START, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    let mut end = INDEXED_BYTES_MAX - 17;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}#{number:016x}", storable(&text[..end])))
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// Whether an indexed column holds all of a text.
pub(crate) fn is_indexed_whole(text: &str) -> bool {
    text.len() <= INDEXED_BYTES_MAX && !text.as_bytes().contains(&0)
}

fn storable(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_kept_is_replaced() {
        assert_eq!(storable("caf\u{e9}\n"), "caf\u{e9}\n");
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
    }

    #[test]
    fn long_texts_that_begin_alike_stay_apart() {
        let (one, other) = (format!("{}1", "\u{e9}".repeat(200)), format!("{}2", "\u{e9}".repeat(200)));
        assert_ne!(indexed(&one), indexed(&other));
        assert!(indexed(&one).len() <= INDEXED_BYTES_MAX);
        assert_eq!(indexed("short"), "short");
    }
}
