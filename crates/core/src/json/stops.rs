//! Finds where a string may end, in blocks of 64 bytes.

use wide::u8x16;

use super::strings::escape;

/// How many bytes are looked at together: as many as a word has bits.
const BLOCK: usize = 64;

/// A cursor over the stops of a text: its quotes, backslashes and control characters, whether they are in a string or
/// not. It goes forward only and looks at each block once, so that short strings share one look, and escapes that
/// stand close together cost no look of their own.
#[derive(Clone, Debug)]
pub(super) struct Stops<'a> {
    text: &'a [u8],
    /// The stops of the block that was looked at last, its first byte as the lowest bit.
    stops: u64,
    /// Where that block ends, which may be behind the text; 0 before the first look.
    end: usize,
    /// Whether all bytes that were looked at are ASCII.
    is_ascii: bool,
}

impl<'a> Stops<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, stops: 0, end: 0, is_ascii: true }
    }

    /// Whether all bytes that were passed over are ASCII.
    pub(super) fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// The first stop at or behind `from`; the length of the text, or more, if there is none. No call may go back
    /// behind what an earlier one answered.
    #[inline]
    pub(super) fn next(&mut self, from: usize) -> usize {
        let (at, ahead) = self.ahead(from);
        at + ahead.trailing_zeros() as usize
    }

    /// As [`next`](Self::next), and passes over escapes: the closing quote, if `from` is inside of a string that is
    /// right.
    #[inline(never)]
    pub(super) fn next_beyond_escapes(&mut self, from: usize) -> usize {
        let (mut at, mut ahead) = self.ahead(from);
        loop {
            let distance = ahead.trailing_zeros();
            at += distance as usize;
            ahead >>= distance;
            match self.text.get(at..at + 2) {
                Some(&[b'\\', second]) if IS_SHORT_ESCAPE[usize::from(second)] => {
                    at += 2;
                    ahead >>= 2;
                }
                Some(b"\\u") => {
                    let Ok((_, length)) = escape(&self.text[at..]) else {
                        return at;
                    };
                    at += length;
                    ahead >>= length;
                }
                Some(_) | None => return at,
            }
            if ahead == 0 {
                (at, ahead) = self.look_on(at);
            }
        }
    }

    /// A position at or behind `from`, and the stops of its block from there on, of which there is one at least. There
    /// is no stop between the two positions.
    #[inline]
    fn ahead(&mut self, from: usize) -> (usize, u64) {
        if from < self.end {
            let ahead = self.stops >> (from % BLOCK);
            if ahead != 0 {
                return (from, ahead);
            }
        }
        self.look_on(from)
    }

    /// As [`ahead`](Self::ahead), behind the block that is known.
    #[inline(never)]
    fn look_on(&mut self, from: usize) -> (usize, u64) {
        let mut at = from.max(self.end);
        let (blocks, rest) = self.text.as_chunks();
        while let Some(block) = blocks.get(at / BLOCK) {
            let ahead = self.look(block, at);
            if ahead != 0 {
                return (at, ahead);
            }
            at = self.end;
        }
        // Zeros are control characters, so that there is a stop where the text ends.
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        (at, self.look(&last, at))
    }

    #[inline(always)]
    fn look(&mut self, block: &[u8; BLOCK], at: usize) -> u64 {
        self.stops = stops(block);
        self.end = at - at % BLOCK + BLOCK;
        self.is_ascii &= block.is_ascii();
        self.stops >> (at % BLOCK)
    }
}

/// A bit for each byte of `block`, the first as the lowest: whether it is a quote, a backslash or a control character.
#[inline(always)]
fn stops(block: &[u8; BLOCK]) -> u64 {
    let mut stops = 0;
    for (position, bytes) in block.as_chunks().0.iter().enumerate() {
        let bytes = u8x16::new(*bytes);
        let is_control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
        let is_stop = bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | is_control;
        stops |= u64::from(is_stop.to_bitmask()) << (position * 16);
    }
    stops
}

/// Which bytes make an escape of two characters with a backslash before them.
const IS_SHORT_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut seconds: &[u8] = br#""\/bfnrt"#;
    while let [second, rest @ ..] = seconds {
        table[*second as usize] = true;
        seconds = rest;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next_byte_by_byte(text: &[u8], from: usize) -> usize {
        (from..text.len()).find(|&at| matches!(text[at], b'"' | b'\\' | 0..0x20)).unwrap_or(text.len())
    }

    fn next_beyond_escapes_byte_by_byte(text: &[u8], mut from: usize) -> usize {
        loop {
            let at = next_byte_by_byte(text, from);
            match text.get(at) {
                Some(b'\\') => match escape(&text[at..]) {
                    Ok((_, length)) => from = at + length,
                    Err(_) => return at,
                },
                Some(_) | None => return at,
            }
        }
    }

    /// Asks for every position in turn, as far as one cursor can go.
    fn check(text: &[u8], steps: &[usize]) {
        let (mut plain, mut beyond) = (Stops::new(text), Stops::new(text));
        let (mut plain_at, mut beyond_at) = (0, 0);
        for step in steps {
            plain_at = plain.next(plain_at.min(text.len()));
            assert_eq!(plain_at, next_byte_by_byte(text, plain_at), "{text:?}");
            let from = beyond_at.min(text.len());
            beyond_at = beyond.next_beyond_escapes(from);
            assert_eq!(beyond_at, next_beyond_escapes_byte_by_byte(text, from), "{text:?} from {from}");
            plain_at += step;
            beyond_at += step;
        }
    }

    #[test]
    fn every_byte_stops_or_does_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for position in 0..BLOCK * 2 + 3 {
                let mut text = [b'x'; BLOCK * 2 + 3];
                text[position] = byte;
                let mut stops = Stops::new(&text);
                assert_eq!(stops.next(0), next_byte_by_byte(&text, 0), "{byte:#x} at {position}");
                stops.next(text.len());
                assert_eq!(stops.is_ascii(), byte < 0x80, "{byte:#x} at {position}");
            }
        }
    }

    #[test]
    fn every_length_of_text_has_an_end() {
        for length in 0..BLOCK * 2 + 3 {
            let text = vec![b'x'; length];
            for from in 0..=length {
                assert_eq!(Stops::new(&text).next(from), length);
                assert_eq!(Stops::new(&text).next_beyond_escapes(from), length);
                assert!(Stops::new(&text).next(from + 2) >= length);
            }
        }
    }

    #[test]
    fn escapes_are_passed_over_wherever_they_stand() {
        for escape in
            [r"\n", r#"\""#, r"\\", r"\u00e9", r"\ud83d\ude00", r"\x", r"\u12", r"\ud83d", "\\", "é", "\n"]
        {
            for position in 0..BLOCK * 2 + 3 {
                for tail in [r#"""#, "", r#"yyy\n""#] {
                    let text = format!("{}{escape}{tail}", "x".repeat(position)).into_bytes();
                    let expected = next_beyond_escapes_byte_by_byte(&text, 0);
                    assert_eq!(Stops::new(&text).next_beyond_escapes(0), expected, "{escape} at {position}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn blocks_and_bytes_agree(
            parts in proptest::collection::vec(
                prop_oneof![
                    3 => proptest::sample::select(
                        &[r"\n", r#"\""#, r"\\", r"\u00e9", r"\ud83d\ude00", r"\", "\"", "\n", "é", "!", "]"][..],
                    ).prop_map(|part| part.as_bytes().to_vec()),
                    1 => proptest::collection::vec(any::<u8>(), 0..4),
                    1 => (0..70usize).prop_map(|length| vec![b'x'; length]),
                ],
                0..40,
            ),
            steps in proptest::collection::vec(0..70usize, 0..40),
        ) {
            check(&parts.concat(), &steps);
        }
    }
}
