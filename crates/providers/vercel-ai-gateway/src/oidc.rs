//! Vercel's OIDC tokens: when they end, and the file that keeps one current.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use trunkline_core::{Secret, json};

use crate::clock::Clock;

/// How long what was read from the file is taken for what stands in it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Tokens are one or two KiB; nothing larger is read.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A token, with what it says of itself.
#[derive(Clone, Debug)]
pub(crate) struct OidcToken {
    pub(crate) secret: Secret,
    /// Unix seconds from which on it is of no use. `None` if it does not say.
    pub(crate) expires_at: Option<u64>,
}

impl OidcToken {
    pub(crate) fn new(secret: Secret) -> Self {
        Self { expires_at: expiry(secret.expose()), secret }
    }

    pub(crate) fn is_expired(&self, clock: &Clock) -> bool {
        self.expires_at.is_some_and(|end| end <= clock.unix_seconds())
    }
}

/// The `exp` of a JWT. The signature is the gateway's to check; only the date is of use here.
fn expiry(token: &str) -> Option<u64> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let seconds = &payload[json::member(&payload, "exp")?];
    // The standard allows fractions of a second.
    let whole = seconds.split(|&byte| byte == b'.').next()?;
    json::u64(whole)
}

/// A file that holds a token and is replaced when that ends. It is looked at again at most once a second.
#[derive(Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    last: Mutex<Option<(SystemTime, Result<OidcToken, io::ErrorKind>)>>,
}

impl TokenFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, last: Mutex::new(None) }
    }

    /// The token that stands in the file. `NotFound` for an empty one, too.
    pub(crate) fn token(&self, clock: &Clock) -> Result<OidcToken, io::ErrorKind> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((read_at, token)) if clock.since(*read_at) < LOOK_AGAIN => token.clone(),
            Some(_) | None => {
                let token = read(&self.path).map_err(|error| error.kind());
                *last = Some((clock.now(), token.clone()));
                token
            }
        }
    }
}

fn read(path: &Path) -> io::Result<OidcToken> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    let secret = Secret::new(text);
    if secret.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(OidcToken::new(secret))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A token of no worth that ends at this time.
    pub(crate) fn token_until(unix_seconds: u64) -> String {
        let payload =
            format!(r#"{{"iss":"https://oidc.vercel.com/team","exp":{unix_seconds},"sub":"owner"}}"#);
        format!("eyJhbGciOiJSUzI1NiJ9.{}.c2lnbmF0dXJl", BASE64_URL_SAFE_NO_PAD.encode(payload))
    }

    fn check(token: &str, expected: Option<u64>) {
        assert_eq!(expiry(token), expected, "{token}");
    }

    #[test]
    fn the_end_stands_in_the_payload() {
        check(&token_until(1_790_000_000), Some(1_790_000_000));
        let payload = |json: &str| format!("a.{}.c", BASE64_URL_SAFE_NO_PAD.encode(json));
        check(&payload(r#"{"exp":17.5}"#), Some(17));
        check(&payload(r#"{"exp":"soon"}"#), None);
        check(&payload(r#"{"sub":"x"}"#), None);
        check(&payload("no json"), None);
        // Ten bytes, which base64 pads.
        check("a.eyJleHAiOjd9ICA=.c", Some(7));
    }

    #[test]
    fn what_is_no_jwt_has_no_end() {
        check("vck_0123456789", None);
        check("a.b", None);
        check("a.b.c.d", None);
        check("a.%%%.c", None);
    }
}
