//! What only the simulator can have issued: signatures of thoughts, and reasoning that only it can read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Known to this program alone as far as its callers are concerned; the same on every start, so that what one
/// simulator issued another one takes.
const KEY: &[u8] = b"a simulator's seal is no secret";
const NONCE_BYTES: usize = 8;
const CODE_BYTES: usize = 32;

/// A signature of `text` as bytes that no rewriting survives; the nonce makes each another one.
pub(crate) fn sign(text: &str, nonce: u64) -> String {
    let nonce = nonce.to_le_bytes();
    STANDARD.encode([&nonce[..], &code(b"signature", 0, nonce, text.as_bytes())].concat())
}

/// Whether `signature` was issued for this very text.
pub(crate) fn is_signed(text: &str, signature: &str) -> bool {
    STANDARD.decode(signature).is_ok_and(|bytes| {
        bytes.len() == NONCE_BYTES + CODE_BYTES
            && split(&bytes)
                .is_some_and(|(nonce, sum, _)| code(b"signature", 0, nonce, text.as_bytes())[..] == *sum)
    })
}

/// A text that only `account` can hand in again.
pub(crate) fn seal(text: &str, account: u64, nonce: u64) -> String {
    let nonce = nonce.to_le_bytes();
    let sum = code(b"sealed", account, nonce, text.as_bytes());
    STANDARD.encode([&nonce[..], &sum, text.as_bytes()].concat())
}

/// The text that was sealed for `account`; `None` if it was for another, or altered.
pub(crate) fn unseal(sealed: &str, account: u64) -> Option<String> {
    let bytes = STANDARD.decode(sealed).ok()?;
    let (nonce, sum, text) = split(&bytes)?;
    (code(b"sealed", account, nonce, text)[..] == *sum).then(|| String::from_utf8_lossy(text).into_owned())
}

fn split(bytes: &[u8]) -> Option<([u8; NONCE_BYTES], &[u8], &[u8])> {
    let (nonce, rest) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    let (sum, text) = rest.split_at_checked(CODE_BYTES)?;
    Some((*nonce, sum, text))
}

fn code(purpose: &[u8], account: u64, nonce: [u8; NONCE_BYTES], text: &[u8]) -> [u8; CODE_BYTES] {
    let digest = Sha256::new()
        .chain_update(KEY)
        .chain_update(purpose)
        .chain_update(account.to_le_bytes())
        .chain_update(nonce)
        .chain_update(text);
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_text() {
        let signature = sign("naïve", 7);
        assert!(is_signed("naïve", &signature));
        assert!(!is_signed("naive", &signature));
        assert!(!is_signed("naïve", &signature.replacen(&signature[..1], "/", 1)));
        assert!(!is_signed("naïve", ""));
        assert_ne!(signature, sign("naïve", 8));
    }

    #[test]
    fn what_is_sealed_is_read_by_its_account_alone() {
        let sealed = seal("考え中", 1, 7);
        assert_eq!(unseal(&sealed, 1).as_deref(), Some("考え中"));
        assert_eq!(unseal(&sealed, 2), None);
        assert_eq!(unseal(&format!("{}AAAA", &sealed[..sealed.len() - 4]), 1), None);
        assert_eq!(unseal("", 1), None);
    }
}
