//! What a text weighs in tokens, by the scripts that its bytes belong to.

/// One byte in this many is a mark, or more, where ASCII text is code.
const BYTES_PER_MARK: u64 = 16;
/// The parts that a token is weighed in, so that all weights are whole numbers.
const PARTS_PER_TOKEN: u64 = 12;
/// Four bytes a token.
const LATIN_PARTS: u64 = 3;
/// Three bytes a token: code, JSON, and scripts that are neither Latin nor Chinese, Japanese or Korean.
const CODE_PARTS: u64 = 4;
/// One and a half bytes a token.
const CJK_PARTS: u64 = 8;

/// The sum of what texts weigh.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weight {
    parts: u64,
}

impl Weight {
    /// Adds a text as it is.
    pub(super) fn add_text(&mut self, text: &[u8]) {
        self.add(&Count::of(text));
    }

    /// Adds the text between the quotes of a JSON string. Of an escape, the backslash weighs nothing.
    pub(super) fn add_escaped(&mut self, text: &[u8]) {
        let mut count = Count::of(text);
        count.bytes -= count.backslashes;
        count.marks -= count.backslashes;
        self.add(&count);
    }

    /// Adds text that is known to be code or JSON.
    pub(super) fn add_code(&mut self, text: &[u8]) {
        let count = Count::of(text);
        self.add(&Count { marks: count.bytes, ..count });
    }

    /// Adds a number of tokens.
    pub(super) fn add_tokens(&mut self, tokens: u64) {
        self.parts = self.parts.saturating_add(tokens.saturating_mul(PARTS_PER_TOKEN));
    }

    /// The whole, rounded up.
    pub(super) fn tokens(self) -> u64 {
        self.parts.div_ceil(PARTS_PER_TOKEN)
    }

    fn add(&mut self, count: &Count) {
        // A character of three or four bytes is counted at its first one.
        let cjk = (3 * count.cjk_triples + 4 * count.quadruples).min(count.beyond_ascii);
        let ascii = count.bytes.saturating_sub(count.beyond_ascii);
        let is_code = count.marks * BYTES_PER_MARK > ascii;
        let ascii_parts = if is_code { CODE_PARTS } else { LATIN_PARTS };
        let parts = ascii * ascii_parts + (count.beyond_ascii - cjk) * CODE_PARTS + cjk * CJK_PARTS;
        self.parts = self.parts.saturating_add(parts);
    }
}

/// The largest multiple of sixteen that fits into a byte.
const COUNTED_AT_ONCE: usize = 240;

/// How many bytes of a text are what.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    bytes: u64,
    marks: u64,
    backslashes: u64,
    beyond_ascii: u64,
    /// First bytes of three, of the scripts of China, Japan and Korea.
    cjk_triples: u64,
    /// First bytes of four: rare ideographs, emoji.
    quadruples: u64,
}

impl Count {
    /// Counts in one pass without branches: so many bytes at a time that the counts of a pass fit into bytes, which the
    /// compiler keeps sixteen abreast, and none is left over.
    fn of(text: &[u8]) -> Self {
        let mut sum = Self { bytes: text.len() as u64, ..Self::default() };
        for chunk in text.chunks(COUNTED_AT_ONCE) {
            let [mut marks, mut backslashes, mut beyond_ascii, mut cjk_triples, mut quadruples] = [0u8; 5];
            for &byte in chunk {
                marks += u8::from(is_mark(byte));
                backslashes += u8::from(byte == b'\\');
                beyond_ascii += u8::from(byte >= 0x80);
                cjk_triples += u8::from(is_cjk_triple(byte));
                quadruples += u8::from(byte >= 0xF0);
            }
            sum.marks += u64::from(marks);
            sum.backslashes += u64::from(backslashes);
            sum.beyond_ascii += u64::from(beyond_ascii);
            sum.cjk_triples += u64::from(cjk_triples);
            sum.quadruples += u64::from(quadruples);
        }
        sum
    }
}

/// Whether a byte is a mark that code and JSON have many of, and prose few.
fn is_mark(byte: u8) -> bool {
    matches!(byte, b'"'..=b'&' | b'('..=b'+' | b'/' | b':'..=b'>' | b'@' | b'['..=b'`' | b'{'..=b'~')
}

/// Whether a byte begins a character from U+3000 on: kana, ideographs, Hangul, wide forms.
fn is_cjk_triple(byte: u8) -> bool {
    matches!(byte, 0xE3..=0xED | 0xEF)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(add: impl FnOnce(&mut Weight)) -> u64 {
        let mut weight = Weight::default();
        add(&mut weight);
        weight.tokens()
    }

    #[test]
    fn this_file_is_code_and_prose_is_not() {
        let code = include_str!("script.rs");
        let of_code = tokens(|weight| weight.add_text(code.as_bytes()));
        assert_eq!(of_code, (code.len() as u64).div_ceil(3));
        let prose =
            "Prose has commas, full stops; it even has a bracket (seldom), \"quotes\" and a dash - but few.";
        assert_eq!(tokens(|weight| weight.add_text(prose.as_bytes())), (prose.len() as u64).div_ceil(4));
    }

    #[test]
    fn escapes_weigh_what_they_stand_for() {
        let escaped = "one line\\nand a \\\"quoted\\\" word in another".as_bytes();
        let plain = "one line\nand a \"quoted\" word in another".as_bytes();
        assert_eq!(tokens(|weight| weight.add_escaped(escaped)), tokens(|weight| weight.add_text(plain)));
        let spelled = "\\u4f60\\u597d".repeat(20);
        assert_eq!(tokens(|weight| weight.add_escaped(spelled.as_bytes())), 50);
    }

    proptest! {
        #[test]
        fn a_text_weighs_between_an_eighth_and_all_of_its_bytes(text in "\\PC{0,600}") {
            let (tokens, bytes) = (tokens(|weight| weight.add_text(text.as_bytes())), text.len() as u64);
            prop_assert!(tokens <= bytes && tokens * 8 >= bytes);
        }

        #[test]
        fn counts_are_those_of_single_bytes(text in proptest::collection::vec(any::<u8>(), 0..1200)) {
            let count = Count::of(&text);
            let number = |is: fn(u8) -> bool| text.iter().filter(|byte| is(**byte)).count() as u64;
            prop_assert_eq!(count.marks, number(is_mark));
            prop_assert_eq!(count.cjk_triples, number(is_cjk_triple));
            prop_assert_eq!(count.beyond_ascii, number(|byte| byte >= 0x80));
            prop_assert_eq!(count.backslashes, number(|byte| byte == b'\\'));
            let mut weight = Weight::default();
            weight.add_escaped(&text);
            weight.add_code(&text);
        }
    }
}
