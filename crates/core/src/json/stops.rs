//! Finds where a string may end, in blocks of 64 bytes.

use wide::u8x16;

use super::escapes::escape;

/// How many bytes are looked at together: as many as a word has bits.
const BLOCK: usize = 64;

/// A cursor over the stops of a text: its quotes, backslashes and control characters, whether they are in a string or
/// not. It goes forward only and looks at each block once, so that short strings share one look, and escapes cost
/// none of their own.
#[derive(Clone, Debug)]
pub(super) struct Stops<'a> {
    text: &'a [u8],
    /// Of the block that was looked at last, its first byte as the lowest bit: its stops.
    stops: u64,
    /// Of the same block: what ends a string or must be looked at by itself. That is all stops but for backslashes and
    /// what they escape, and those escapes that are not decided in blocks.
    ends: u64,
    /// Of the same block: what a backslash stands before, if it is in a string.
    escaped: u64,
    /// Whether the last backslash of the block escapes what follows the block.
    carry: bool,
    /// Where that block ends, which may be behind the text; 0 before the first look.
    end: usize,
    /// Whether all bytes that were looked at are ASCII.
    is_ascii: bool,
}

impl<'a> Stops<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, stops: 0, ends: 0, escaped: 0, carry: false, end: 0, is_ascii: true }
    }

    /// Whether all bytes that were passed over are ASCII.
    pub(super) fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// The first stop at or behind `from`; the length of the text, or more, if there is none. No call may go back
    /// behind what an earlier one answered.
    #[inline]
    pub(super) fn next(&mut self, from: usize) -> usize {
        self.first(from, |stops| stops.stops)
    }

    /// As [`next`](Self::next), and passes over escapes: the closing quote, if the string is right. `from` stands in a
    /// string and behind no backslash of it, and what is before that string is right, of which no more is known here
    /// than which backslash stands before which.
    #[inline(never)]
    pub(super) fn next_beyond_escapes(&mut self, from: usize) -> usize {
        let mut at = from;
        loop {
            at = self.first(at, |stops| stops.ends);
            if self.escaped >> (at % BLOCK) & 1 == 0 {
                return at;
            }
            let backslash = at - 1;
            match self.text.get(backslash..).map(escape) {
                Some(Ok((_, length))) => at = backslash + length,
                Some(Err(_)) | None => return backslash,
            }
        }
    }

    /// The position just after the string whose text begins at `from`; `None` where it does not end. What is not right in it
    /// does not end it.
    pub(super) fn string_end(&mut self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            at = self.next_beyond_escapes(at);
            match self.text.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    /// The first byte at or behind `from` that has a bit in what is picked of its block.
    #[inline(always)]
    fn first(&mut self, from: usize, pick: impl Fn(&Self) -> u64) -> usize {
        if from < self.end {
            let ahead = pick(self) >> (from % BLOCK);
            if ahead != 0 {
                return from + ahead.trailing_zeros() as usize;
            }
        }
        self.look_on(from, pick)
    }

    /// As [`first`](Self::first), behind the block that is known.
    #[inline(never)]
    fn look_on(&mut self, from: usize, pick: impl Fn(&Self) -> u64) -> usize {
        let mut at = from.max(self.end);
        let (blocks, rest) = self.text.as_chunks();
        while let Some(block) = blocks.get(at / BLOCK) {
            self.look(block, at - at % BLOCK);
            let ahead = pick(self) >> (at % BLOCK);
            if ahead != 0 {
                return at + ahead.trailing_zeros() as usize;
            }
            at = self.end;
        }
        // Zeros are control characters, so that there is a stop where the text ends.
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        self.look(&last, at - at % BLOCK);
        at + (pick(self) >> (at % BLOCK)).trailing_zeros() as usize
    }

    #[inline(always)]
    fn look(&mut self, block: &[u8; BLOCK], start: usize) {
        // Blocks that were left out have no string in them, and no backslash.
        let carry = self.carry && start == self.end;
        self.stops = bits(block, |bytes| is(bytes, b'"') | is(bytes, b'\\') | is_control(bytes));
        self.end = start + BLOCK;
        self.is_ascii &= block.is_ascii();
        if self.stops == 0 && !carry {
            (self.ends, self.escaped, self.carry) = (0, 0, false);
        } else {
            self.look_for_escapes(block, carry);
        }
    }

    #[inline(always)]
    fn look_for_escapes(&mut self, block: &[u8; BLOCK], carry: bool) {
        let backslashes = bits(block, |bytes| is(bytes, b'\\'));
        if backslashes == 0 && !carry {
            (self.ends, self.escaped, self.carry) = (self.stops, 0, false);
            return;
        }
        (self.escaped, self.carry) = escaped(backslashes, carry);
        // The three that are common. The others are looked at one by one.
        let is_known = bits(block, |bytes| is(bytes, b'"') | is(bytes, b'\\') | is(bytes, b'n'));
        self.ends = self.stops & !backslashes & !self.escaped | self.escaped & !is_known;
    }
}

/// Of a block's backslashes: what they stand before, where the first of two escapes the second; and whether that is
/// the first byte behind the block. `carry`: whether the first byte of the block is such a one.
#[inline(always)]
fn escaped(backslashes: u64, carry: bool) -> (u64, bool) {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let backslashes = backslashes & !u64::from(carry);
    let follows = backslashes << 1 | u64::from(carry);
    // An addition carries through a run of backslashes, to what is behind it.
    let odd_starts = backslashes & !EVEN & !follows;
    let (behind_odd_runs, carry) = odd_starts.overflowing_add(backslashes);
    ((EVEN ^ behind_odd_runs << 1) & follows, carry)
}

/// A bit for each byte of `block`, the first as the lowest.
#[inline(always)]
fn bits(block: &[u8; BLOCK], is: impl Fn(u8x16) -> u8x16) -> u64 {
    let mut bits = 0;
    for (position, bytes) in block.as_chunks().0.iter().enumerate() {
        bits |= u64::from(is(u8x16::new(*bytes)).to_bitmask()) << (position * 16);
    }
    bits
}

#[inline(always)]
fn is(bytes: u8x16, byte: u8) -> u8x16 {
    bytes.simd_eq(u8x16::splat(byte))
}

#[inline(always)]
fn is_control(bytes: u8x16) -> u8x16 {
    bytes.min(u8x16::splat(0x1f)).simd_eq(bytes)
}

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

    /// Reads strings as the scan does: from a quote to the quote that closes it, then `step` bytes that are none.
    fn check(text: &[u8], steps: &[usize]) {
        let (mut plain, mut beyond) = (Stops::new(text), Stops::new(text));
        let (mut plain_at, mut string_at) = (0, 0);
        for step in steps {
            plain_at = plain.next(plain_at.min(text.len()));
            assert_eq!(plain_at, next_byte_by_byte(text, plain_at), "{text:?}");
            plain_at += step;
        }
        for step in steps {
            let first = beyond.next(string_at);
            assert_eq!(first, next_byte_by_byte(text, string_at), "{text:?} from {string_at}");
            let closing = beyond.next_beyond_escapes(first);
            assert_eq!(closing, next_beyond_escapes_byte_by_byte(text, first), "{text:?} from {first}");
            let outside = closing + 1..(closing + 1 + step).min(text.len());
            // The scan ends at the first flaw, and at the first backslash outside of strings.
            if text.get(closing) != Some(&b'"')
                || text.get(outside.clone()).is_none_or(|text| text.contains(&b'\\'))
            {
                return;
            }
            string_at = outside.end;
        }
    }

    #[test]
    fn what_is_escaped_is_what_reading_in_turn_finds() {
        let check = |backslashes: u64, carry: bool| {
            let (mut expected, mut is_escaped) = (0, carry);
            for bit in 0..64 {
                expected |= u64::from(is_escaped) << bit;
                is_escaped = !is_escaped && backslashes >> bit & 1 == 1;
            }
            assert_eq!(escaped(backslashes, carry), (expected, is_escaped), "{backslashes:#b} {carry}");
        };
        for carry in [false, true] {
            for run in 0..=64 {
                for start in 0..64 {
                    check(u64::MAX.checked_shr(64 - run).unwrap_or_default() << start, carry);
                }
            }
            let mut random = 0x9e37_79b9_7f4a_7c15_u64;
            for _ in 0..10_000 {
                random = random.rotate_left(23).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ random >> 29;
                check(random, carry);
                check(random | random << 1 | random >> 2, carry);
            }
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
