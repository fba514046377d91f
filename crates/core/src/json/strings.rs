//! The inside of JSON strings: what the escapes stand for.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use wide::u8x16;

use super::stops::Stops;

/// The position just after the string that begins with the quote at `from`; `None` where it does not end.
pub(super) fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    for _ in 0..ESCAPES {
        at += quote_or_backslash(bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
    // From its beginning: what a backslash stands before is known from there on.
    Stops::new(bytes).string_end(from + 1)
}

/// How many escapes of a string are passed over one by one before it is looked at in blocks, which escapes cost nothing.
const ESCAPES: usize = 4;

/// How many times sixteen bytes are looked at here before memchr is called, which is quicker from then on.
const LOOKS: usize = 4;

/// The position of the first quote or backslash.
fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    let mut start = 0;
    for bytes in text.as_chunks().0.iter().take(LOOKS) {
        let bytes = u8x16::new(*bytes);
        let found = (bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask();
        if found != 0 {
            return Some(start + found.trailing_zeros() as usize);
        }
        start += 16;
    }
    memchr2(b'"', b'\\', &text[start..]).map(|position| start + position)
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
    let digit = |position| text.get(position).map_or(NO_DIGIT, |&byte| DIGITS[usize::from(byte)]);
    let digits = [digit(2), digit(3), digit(4), digit(5)];
    match digits.iter().position(|&digit| digit == NO_DIGIT) {
        Some(position) => Err(2 + position),
        None => Ok(digits.iter().fold(0, |unit, &digit| unit << 4 | u32::from(digit))),
    }
}

const NO_DIGIT: u8 = u8::MAX;

/// What each byte is worth as a hexadecimal digit.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        digits[digit as usize] = value;
        digits[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_string_ends_wherever_its_quote_stands() {
        for length in 0..200 {
            let plain = format!("\"{}\",", "x".repeat(length));
            assert_eq!(string_end(plain.as_bytes(), 0), Some(length + 2));
            assert_eq!(string_end(&plain.as_bytes()[..=length], 0), None);
            for escape in [r"\n", r#"\""#, r"\\", r"\u0022"] {
                let escaped = format!("\"{}{escape}{}\",", "x".repeat(length), "y".repeat(length % 7));
                assert_eq!(string_end(escaped.as_bytes(), 0), Some(escaped.len() - 1), "{escaped}");
                assert_eq!(string_end(&escaped.as_bytes()[..length + 2], 0), None, "{escaped}");
            }
        }
    }

    /// Of any text, JSON or not.
    fn string_end_byte_by_byte(text: &[u8]) -> Option<usize> {
        let mut at = 1;
        loop {
            match text.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    proptest! {
        #[test]
        fn a_string_of_many_escapes_ends_where_reading_in_turn_ends(
            before in proptest::collection::vec(
                proptest::sample::select(&[b'\\', b'x', b'\n'][..]), 0..70,
            ),
            parts in proptest::collection::vec(
                prop_oneof![
                    8 => proptest::sample::select(
                        &[r"\n", r#"\""#, r"\\", r"\u00e9", r"\ud83d\ude00", r"\ud83d", r"\x", "\n", "é", "]"][..],
                    ).prop_map(str::to_owned),
                    2 => (0..70usize).prop_map(|length| "x".repeat(length)),
                    1 => Just("\"".to_owned()),
                ],
                0..80,
            ),
        ) {
            let string = format!("\"{}", parts.concat()).into_bytes();
            let expected = string_end_byte_by_byte(&string);
            let text = [&before, &string[..]].concat();
            let found = string_end(&text, before.len());
            prop_assert_eq!(found, expected.map(|end| end + before.len()));
        }
    }

    #[test]
    fn a_code_unit_has_four_digits_of_either_case() {
        #[track_caller]
        fn check(text: &str, expected: Result<u32, usize>) {
            assert_eq!(code_unit(text.as_bytes()), expected);
        }
        check(r"\u0000", Ok(0));
        check(r"\u09afX", Ok(0x9af));
        check(r"\uFa0e", Ok(0xfa0e));
        check(r"\u000g", Err(5));
        check(r"\uG00", Err(2));
        check(r"\u00", Err(4));
        for byte in 0..=u8::MAX {
            let expected = char::from(byte).to_digit(16).ok_or(3);
            assert_eq!(code_unit(&[b'\\', b'u', b'0', byte, b'0', b'0']).map(|unit| unit >> 8), expected);
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
