//! The inside of JSON strings: what the escapes stand for.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use wide::u8x16;

use super::escapes::escape;
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
pub fn is_named(key: &[u8], name: &str) -> bool {
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
