//! Small texts that callers carry for us: nobody else can read, make or change them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use trunkline_core::Secret;

/// What keys are made from where the operator has set no secret: then everybody who can ask may ask everything.
const NO_SECRET: &str = "no secret is set";

/// Seals texts, and opens those that it sealed.
///
/// The same text sealed twice is the same, so that an id is told alike in every event and by every replica: the
/// nonce is a MAC of the text, as in SIV modes. Nothing is stored.
pub(crate) struct Seal {
    key: LessSafeKey,
    nonces: hmac::Key,
}

impl Seal {
    /// A seal of the operator's secret. Replicas that share the secret open what the others sealed.
    pub(crate) fn new(secret: Option<&Secret>) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.map_or(NO_SECRET, Secret::expose).as_bytes());
        let derive = |purpose: &str| hmac::sign(&secret, purpose.as_bytes());
        let key = UnboundKey::new(&CHACHA20_POLY1305, derive("trunkline seal: encryption").as_ref());
        Self {
            key: LessSafeKey::new(key.expect("an HMAC-SHA256 tag is as long as the key")),
            nonces: hmac::Key::new(hmac::HMAC_SHA256, derive("trunkline seal: nonces").as_ref()),
        }
    }

    /// The text, sealed for this context, in characters that an address can hold.
    pub(crate) fn seal(&self, context: &str, text: &str) -> String {
        let mut digest = hmac::Context::with_key(&self.nonces);
        // The length keeps context and text apart.
        digest.update(&(context.len() as u64).to_be_bytes());
        digest.update(context.as_bytes());
        digest.update(text.as_bytes());
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&digest.sign().as_ref()[..NONCE_LEN]);
        let mut sealed = text.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.as_bytes()),
                &mut sealed,
            )
            .expect("the text is far shorter than the cipher's limit");
        URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())
    }

    /// The text that was sealed for this context. `None` if it was not.
    pub(crate) fn open(&self, context: &str, sealed: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let text = self.key.open_in_place(nonce, Aad::from(context.as_bytes()), &mut sealed).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Seal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_in_its_context_alone() {
        let seal = Seal::new(Some(&Secret::new("sk-a")));
        let sealed = seal.seal("caller a", "deployment 1");
        assert_eq!(sealed, seal.seal("caller a", "deployment 1"));
        assert!(!sealed.contains("deployment"));
        assert_eq!(seal.open("caller a", &sealed).as_deref(), Some("deployment 1"));
        assert_eq!(seal.open("caller b", &sealed), None);
        assert_eq!(Seal::new(Some(&Secret::new("sk-b"))).open("caller a", &sealed), None);
        assert_eq!(
            Seal::new(Some(&Secret::new("sk-a"))).open("caller a", &sealed).as_deref(),
            Some("deployment 1")
        );
    }

    #[test]
    fn what_was_changed_is_not_opened() {
        let seal = Seal::new(None);
        let sealed = seal.seal("", "text");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("still ASCII");
            assert_eq!(seal.open("", &changed), None, "{at}");
        }
        for none in ["", "resp", "é", "====", &sealed[..20]] {
            assert_eq!(seal.open("", none), None, "{none}");
        }
    }
}
