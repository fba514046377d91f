//! Escapes in JSON strings: what each stands for.

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
    use super::*;

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
}
