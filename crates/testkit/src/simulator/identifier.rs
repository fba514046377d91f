//! Identifiers in the gateway's shapes, the same ones for the same seed.

/// The splitmix64 sequence: small, seedable, and good enough for identifiers that only must differ.
#[derive(Debug, Clone)]
pub(crate) struct Identifiers {
    state: u64,
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

impl Identifiers {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// `gen_` and a ULID: ten characters of time, sixteen of chance.
    pub(crate) fn generation(&mut self, now_ms: u64) -> String {
        let mut text = String::from("gen_");
        for position in (0..10).rev() {
            text.push(symbol(CROCKFORD, now_ms >> (5 * position)));
        }
        self.push_symbols(&mut text, CROCKFORD, 16);
        text
    }

    /// A prefix such as `call_` and 24 hexadecimal digits.
    pub(crate) fn prefixed(&mut self, prefix: &str) -> String {
        let mut text = prefix.to_owned();
        self.push_symbols(&mut text, HEXADECIMAL, 24);
        text
    }

    fn push_symbols(&mut self, text: &mut String, alphabet: &[u8], count: usize) {
        for _ in 0..count {
            text.push(symbol(alphabet, self.next()));
        }
    }
}

/// One symbol of an alphabet whose length is a power of two.
fn symbol(alphabet: &[u8], value: u64) -> char {
    let mask = alphabet.len() as u64 - 1;
    usize::try_from(value & mask).map_or('0', |index| char::from(alphabet[index]))
}

/// A hash of bytes that is the same on every run and machine (FNV-1a), for values derived from a text.
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_splitmix64() {
        // The first values that the reference implementation gives for seed 1234567.
        let mut identifiers = Identifiers::new(1_234_567);
        assert_eq!(identifiers.next(), 6_457_827_717_110_365_317);
        assert_eq!(identifiers.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_generation_is_a_ulid_behind_its_prefix() {
        let generation = Identifiers::new(1).generation(1_469_918_176_385);
        assert_eq!(&generation[..14], "gen_01ARYZ6S41");
        assert_eq!(generation.len(), 30);
    }
}
