//! What a key is known by in public: the SHA-256 of it.

use std::fmt;

use ring::digest;

/// The SHA-256 of a key, as 64 hexadecimal digits: LiteLLM's `token`. It may be shown and logged; a key cannot be made
/// from it, and it is not taken for one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; 32]);

impl Token {
    /// The token of a key.
    pub fn of(key: &str) -> Self {
        let mut token = [0; 32];
        token.copy_from_slice(digest::digest(&digest::SHA256, key.as_bytes()).as_ref());
        Self(token)
    }

    /// The token that 64 hexadecimal digits spell, of either case.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut token = [0; 32];
        for (byte, pair) in token.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(Self(token))
    }

    /// The bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token({self})")
    }
}

/// What people know a key by once it has been shown: `sk-...` and its last four characters.
pub fn display_name(key: &str) -> String {
    const SHOWN: usize = 4;
    let characters = key.chars().count();
    if characters < 4 * SHOWN {
        // So short a key would be half given away.
        return "sk-...".to_owned();
    }
    let last: String = key.chars().skip(characters - SHOWN).collect();
    format!("sk-...{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_hash_of_the_key() {
        let token = Token::of("sk-1234");
        assert_eq!(token.to_string(), "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b");
        assert_eq!(Token::parse(&token.to_string()), Some(token));
        assert_eq!(Token::parse(&token.to_string().to_uppercase()), Some(token));
        assert_eq!(Token::parse("88dc"), None);
        assert_eq!(Token::parse(&"g".repeat(64)), None);
        assert_eq!(Token::parse(&"é".repeat(32)), None);
    }

    #[test]
    fn a_name_gives_little_away() {
        assert_eq!(display_name("sk-abcdefghijklmnopqrst"), "sk-...qrst");
        assert_eq!(display_name("sk-1234"), "sk-...");
    }
}
