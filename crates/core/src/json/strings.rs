//! The inside of JSON strings: where a run of plain characters ends, and what the escapes stand for.

use std::borrow::Cow;

use memchr::memchr;

/// The position of the first byte at or after `from` that is a quote, a backslash or a control character, or the
/// length of `bytes` if there is none.
///
/// Eight bytes at a time, as this is where a scan spends its time.
pub(super) fn plain_run_end(bytes: &[u8], from: usize) -> usize {
    let run = bytes.get(from..).unwrap_or_default();
    let (words, rest) = run.as_chunks::<8>();
    for (position, word) in words.iter().enumerate() {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return from + position * 8 + stops.trailing_zeros() as usize / 8;
        }
    }
    let length = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
    from + words.len() * 8 + length.unwrap_or(rest.len())
}

/// Of the eight bytes in `word`, marks those that end a plain run by their highest bits. The lowest mark is right;
/// a borrow can put wrong ones above it.
fn stops(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & HIGHS
}

/// The position just after the string that begins with the quote at `from`; `None` where it does not end.
pub(super) fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The text between the quotes of a JSON string that is exactly `raw`.
pub(super) fn inside_quotes(raw: &[u8]) -> Option<&[u8]> {
    if raw.first() == Some(&b'"') && string_end(raw, 0) == Some(raw.len()) {
        raw.get(1..raw.len() - 1)
    } else {
        None
    }
}

/// The characters that the text between the quotes of a JSON string stands for. Borrows if there is no escape;
/// `None` where an escape is not one, or is a lone surrogate.
pub(crate) fn unescape(inside: &[u8]) -> Option<Cow<'_, str>> {
    let inside = std::str::from_utf8(inside).ok()?;
    let Some(first) = memchr(b'\\', inside.as_bytes()) else {
        return Some(Cow::Borrowed(inside));
    };
    let mut text = String::with_capacity(inside.len());
    text.push_str(&inside[..first]);
    let mut rest = &inside[first..];
    while !rest.is_empty() {
        let (character, length) = escape(rest.as_bytes()).ok()?;
        text.push(character);
        rest = &rest[length..];
        let plain = memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        text.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    Some(Cow::Owned(text))
}

/// Whether the key, as it is written between its quotes, stands for `name`. Decides at the first difference, without
/// building the key: a body can hold a million of them.
pub(crate) fn is_named(key: &[u8], name: &str) -> bool {
    // An escape is longer than what it stands for: a key of the same length either has none, or is another name.
    if key.len() == name.len() {
        key == name.as_bytes() && memchr(b'\\', key).is_none()
    } else {
        key.len() > name.len() && is_spelling_of(key, name.as_bytes())
    }
}

fn is_spelling_of(mut key: &[u8], mut name: &[u8]) -> bool {
    let mut utf8 = [0; 4];
    while let Some(&byte) = key.first() {
        let (spelled, length) = if byte == b'\\' {
            let Ok((character, length)) = escape(key) else {
                return false;
            };
            (character.encode_utf8(&mut utf8).as_bytes(), length)
        } else {
            (&key[..1], 1)
        };
        let Some(rest) = name.strip_prefix(spelled) else {
            return false;
        };
        name = rest;
        key = &key[length..];
    }
    name.is_empty()
}

/// Why a backslash does not begin an escape; the number is how many bytes after the backslash the trouble is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAnEscape {
    /// A character that no escape has there, or the end of the text.
    Unexpected(usize),
    /// One half of a surrogate pair without the other.
    LoneSurrogate,
}

/// The character that the escape at the beginning of `text` stands for, and the length of the escape.
pub(super) fn escape(text: &[u8]) -> Result<(char, usize), NotAnEscape> {
    let character = match text.get(1) {
        Some(&plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(text),
        Some(_) | None => return Err(NotAnEscape::Unexpected(1)),
    };
    Ok((character, 2))
}

fn unicode_escape(text: &[u8]) -> Result<(char, usize), NotAnEscape> {
    let unit = code_unit(text).map_err(NotAnEscape::Unexpected)?;
    if let Some(character) = char::from_u32(unit) {
        return Ok((character, 6));
    }
    let low = match text.get(6..8) {
        Some(b"\\u") => code_unit(&text[6..]).map_err(|position| NotAnEscape::Unexpected(6 + position))?,
        Some(_) | None => return Err(NotAnEscape::LoneSurrogate),
    };
    if unit >= 0xDC00 || !(0xDC00..0xE000).contains(&low) {
        return Err(NotAnEscape::LoneSurrogate);
    }
    let code_point = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    char::from_u32(code_point).map(|character| (character, 12)).ok_or(NotAnEscape::LoneSurrogate)
}

/// The number in the `\uXXXX` at the beginning of `text`, or the position of what is not one of its digits.
fn code_unit(text: &[u8]) -> Result<u32, usize> {
    let mut unit = 0;
    for position in 2..6 {
        let digit = text.get(position).and_then(|&byte| char::from(byte).to_digit(16)).ok_or(position)?;
        unit = unit << 4 | digit;
    }
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain_run_end_byte_by_byte(bytes: &[u8], from: usize) -> usize {
        (from..bytes.len()).find(|&at| matches!(bytes[at], b'"' | b'\\' | 0..0x20)).unwrap_or(bytes.len())
    }

    #[test]
    fn every_byte_ends_a_run_or_does_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for position in 0..20 {
                let mut bytes = [b'x'; 20];
                bytes[position] = byte;
                let expected = plain_run_end_byte_by_byte(&bytes, 0);
                assert_eq!(plain_run_end(&bytes, 0), expected, "{byte:#x} at {position}");
            }
        }
    }

    proptest! {
        /// Neighbours are what a borrow in the eight-byte step would get wrong.
        #[test]
        fn words_and_bytes_agree(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), proptest::sample::select(&b"\"#!\\]\x1f\x20\x21\x00\x7f\x80\x9f\xa2\xff"[..])],
                0..40,
            ),
            from in 0..40usize,
        ) {
            let from = from.min(bytes.len());
            prop_assert_eq!(plain_run_end(&bytes, from), plain_run_end_byte_by_byte(&bytes, from));
        }
    }

    #[test]
    fn a_key_is_told_by_its_first_difference() {
        #[track_caller]
        fn check(key: &str, name: &str, expected: bool) {
            assert_eq!(is_named(key.as_bytes(), name), expected);
        }
        check("model", "model", true);
        check("model", "models", false);
        check("models", "model", false);
        check(r"mod\u0065l", "model", true);
        check(r"\u006dodel", "model", true);
        check(r"mod\u0065ls", "model", false);
        check(r"\u00e9", "é", true);
        check(r"\ud83d\ude00", "😀", true);
        check(r"\/", "/", true);
        // The same bytes, but the key stands for another name.
        check(r"\u0061", r"\u0061", false);
        check(r"\\u0061", r"\u0061", true);
        check(r"\ud83d", "😀", false);
        check(r"abcdef\", "a", false);
        check("", "", true);
    }
}
