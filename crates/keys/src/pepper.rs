//! The secret that keys are hashed with, so that the table of keys alone is of no use.

use std::fmt;

use ring::{aead, hmac};
use trunkline_core::Secret;

use crate::Token;

/// What a key is found by in a store: a keyed hash of its token, as hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct KeyIndex(String);

impl KeyIndex {
    /// The index that stands in a store.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it stands in a store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secret beside the store: `LITELLM_SALT_KEY`, or one that was made at the first start.
///
/// Whoever loses it loses all keys: they are not found any more.
pub struct Pepper {
    index: hmac::Key,
    nonce: hmac::Key,
    seal: aead::LessSafeKey,
    /// Seals what is known of all keys, apart from what is sealed of one.
    snapshot: aead::LessSafeKey,
}

/// The bytes of a nonce, of a token, and of what proves that a sealed token is ours.
const NONCE: usize = 12;
const TOKEN: usize = 32;
const TAG: usize = 16;

impl Pepper {
    /// The pepper that a secret makes. The same secret makes the same, at every replica.
    pub fn new(secret: &Secret) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let derive = |purpose: &str| hmac::sign(&root, purpose.as_bytes());
        let sealing = |purpose: &str| {
            let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, derive(purpose).as_ref())
                .expect("a SHA-256 is as long as a key of ChaCha20");
            aead::LessSafeKey::new(key)
        };
        Self {
            index: hmac::Key::new(hmac::HMAC_SHA256, derive("trunkline index").as_ref()),
            nonce: hmac::Key::new(hmac::HMAC_SHA256, derive("trunkline nonce").as_ref()),
            seal: sealing("trunkline tokens"),
            snapshot: sealing("trunkline snapshot"),
        }
    }

    /// What the key of this token is found by.
    pub fn index(&self, token: &Token) -> KeyIndex {
        KeyIndex(hex(hmac::sign(&self.index, token.to_string().as_bytes()).as_ref()))
    }

    /// The token as it is kept, so that lists can show it. It is the same at every call.
    pub fn seal(&self, token: &Token) -> String {
        self.seal_text(token.as_bytes())
    }

    /// The token that was sealed, if it was sealed with this pepper.
    pub fn open(&self, sealed: &str) -> Option<Token> {
        let opened = self.open_text(sealed)?;
        Some(Token::from_bytes(<[u8; TOKEN]>::try_from(opened).ok()?))
    }

    /// Any secret as it is kept: credentials of deployments that were added while the gateway ran.
    pub fn seal_text(&self, plain: &[u8]) -> String {
        hex(&self.sealed(&self.seal, plain.to_vec()))
    }

    /// What [`Pepper::seal_text`] sealed, if it was sealed with this pepper.
    pub fn open_text(&self, sealed: &str) -> Option<Vec<u8>> {
        opened(&self.seal, unhex(sealed)?)
    }

    /// What is known of keys, as it stands in a file.
    pub(crate) fn seal_snapshot(&self, plain: Vec<u8>) -> Vec<u8> {
        self.sealed(&self.snapshot, plain)
    }

    /// What [`Pepper::seal_snapshot`] sealed, if it was sealed with this pepper and is whole.
    pub(crate) fn open_snapshot(&self, sealed: Vec<u8>) -> Option<Vec<u8>> {
        opened(&self.snapshot, sealed)
    }

    fn sealed(&self, key: &aead::LessSafeKey, mut bytes: Vec<u8>) -> Vec<u8> {
        // A nonce that is a hash of the text repeats for the same text alone.
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&hmac::sign(&self.nonce, &bytes).as_ref()[..NONCE]);
        let sealing = aead::Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(sealing, aead::Aad::empty(), &mut bytes)
            .expect("so short a text can be sealed");
        bytes.splice(..0, nonce);
        bytes
    }
}

fn opened(key: &aead::LessSafeKey, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    if bytes.len() < NONCE + TAG {
        return None;
    }
    let mut text = bytes.split_off(NONCE);
    let nonce = aead::Nonce::assume_unique_for_key(<[u8; NONCE]>::try_from(bytes).ok()?);
    let length = key.open_in_place(nonce, aead::Aad::empty(), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

impl fmt::Debug for Pepper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pepper")
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a text does not fail");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks_exact(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_needs_the_pepper() {
        let (one, other) = (Pepper::new(&Secret::new("one")), Pepper::new(&Secret::new("other")));
        let token = Token::of("sk-1234");
        assert_eq!(one.index(&token), one.index(&token));
        assert_ne!(one.index(&token), other.index(&token));
        assert_ne!(one.index(&token), one.index(&Token::of("sk-1235")));
        assert_ne!(one.index(&token).as_str(), token.to_string());
    }

    #[test]
    fn a_sealed_token_opens_with_its_pepper_alone() {
        let (one, other) = (Pepper::new(&Secret::new("one")), Pepper::new(&Secret::new("other")));
        let token = Token::of("sk-1234");
        let sealed = one.seal(&token);
        assert_eq!(one.open(&sealed), Some(token));
        assert_eq!(other.open(&sealed), None);
        assert_eq!(one.open(&sealed[..sealed.len() - 2]), None);
        assert_eq!(one.open("not hex"), None);
        assert_eq!(one.open(""), None);
        assert!(!sealed.contains(&token.to_string()[..16]));
    }

    #[test]
    fn a_sealed_text_opens_as_it_was() {
        let pepper = Pepper::new(&Secret::new("one"));
        for text in ["", "sk-upstream", "ein längerer Text"] {
            let plain = text.as_bytes();
            assert_eq!(pepper.open_text(&pepper.seal_text(plain)), Some(plain.to_vec()));
            assert_eq!(pepper.open_snapshot(pepper.seal_snapshot(plain.to_vec())), Some(plain.to_vec()));
            let of_snapshot = hex(&pepper.seal_snapshot(plain.to_vec()));
            assert_eq!(pepper.open_text(&of_snapshot), None, "neither is taken for the other");
        }
    }
}
