//! What a caller shows to be let in: an AI Gateway key or an OIDC token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use serde_json::Value;

use super::flavour::Flavour;
use super::identifier::stable_hash;

/// The kind of credential that came with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// None at all.
    Missing,
    /// An API key that is let in: `vck_…`, unless it begins with `vck_invalid`; under `/openai` and `/anthropic`
    /// also `sk-…`, unless it begins with `sk-invalid`.
    ApiKey,
    /// A JWT whose `exp` has not passed. Its signature is not looked at.
    OidcToken,
    /// A JWT whose `exp` has passed.
    ExpiredOidcToken,
    /// Anything else.
    Unrecognised,
}

impl Credential {
    /// Reads `authorization: Bearer …`, and on the Anthropic surface `x-api-key` as well.
    ///
    /// `path` is without the prefix of `flavour`, which says whose keys are let in.
    pub(crate) fn of(headers: &HeaderMap, flavour: Flavour, path: &str, now_seconds: u64) -> Self {
        match token(headers, path) {
            None if headers.contains_key(header::AUTHORIZATION) => Self::Unrecognised,
            None => Self::Missing,
            Some(token) if flavour != Flavour::Vercel && token.starts_with("sk-") => {
                if token.starts_with("sk-invalid") { Self::Unrecognised } else { Self::ApiKey }
            }
            Some(token) => Self::of_token(token, now_seconds),
        }
    }

    fn of_token(token: &str, now_seconds: u64) -> Self {
        if let Some(rest) = token.strip_prefix("vck_") {
            return if rest.is_empty() || rest.starts_with("invalid") {
                Self::Unrecognised
            } else {
                Self::ApiKey
            };
        }
        match expiry(token) {
            Some(expiry) if expiry > now_seconds => Self::OidcToken,
            Some(_) => Self::ExpiredOidcToken,
            None => Self::Unrecognised,
        }
    }

    pub(crate) fn is_let_in(self) -> bool {
        match self {
            Self::ApiKey | Self::OidcToken => true,
            Self::Missing | Self::ExpiredOidcToken | Self::Unrecognised => false,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::ApiKey => "api_key",
            Self::OidcToken => "oidc_token",
            Self::ExpiredOidcToken => "expired_oidc_token",
            Self::Unrecognised => "unrecognised",
        }
    }
}

/// What stands for the account behind a request: the key itself, or whom a token was issued to.
pub(crate) fn account(headers: &HeaderMap, path: &str) -> u64 {
    let token = token(headers, path).unwrap_or_default();
    let subject = payload(token).and_then(|payload| payload["sub"].as_str().map(str::to_owned));
    stable_hash(subject.as_deref().unwrap_or(token).as_bytes())
}

fn token<'h>(headers: &'h HeaderMap, path: &str) -> Option<&'h str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    let anthropic = path.starts_with("/v1/messages") || headers.contains_key("anthropic-version");
    let x_api_key = || headers.get("x-api-key").filter(|_| anthropic)?.to_str().ok();
    bearer.or_else(x_api_key).map(str::trim)
}

/// The `exp` of a token.
fn expiry(token: &str) -> Option<u64> {
    payload(token)?["exp"].as_u64()
}

/// The middle, a JSON object, of a token of three parts.
fn payload(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// An unsigned token in the shape of a Vercel OIDC token that expires at `expiry_seconds` since 1970.
pub fn oidc_token(expiry_seconds: u64) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT","kid":"sim"}"#);
    let payload = serde_json::json!({
        "iss": "https://oidc.vercel.com/sim", "aud": "https://vercel.com/sim",
        "sub": "owner:sim:project:sim:environment:development",
        "iat": expiry_seconds.saturating_sub(43_200), "exp": expiry_seconds,
    });
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    let signature = URL_SAFE_NO_PAD.encode("not a signature");
    format!("{header}.{payload}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, value: &str, path: &str, credential: Credential) {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        assert_eq!(Credential::of(&headers, Flavour::Vercel, path, 1_000), credential, "{value}");
    }

    #[test]
    fn credentials_are_told_apart() {
        let chat = "/v1/chat/completions";
        assert_eq!(Credential::of(&HeaderMap::new(), Flavour::Vercel, chat, 0), Credential::Missing);
        check("authorization", "Bearer vck_1", chat, Credential::ApiKey);
        check("authorization", "bearer vck_1", chat, Credential::ApiKey);
        check("authorization", "Bearer vck_invalid_1", chat, Credential::Unrecognised);
        check("authorization", "Bearer sk-1", chat, Credential::Unrecognised);
        check("authorization", "Basic vck_1", chat, Credential::Unrecognised);
        check("authorization", &format!("Bearer {}", oidc_token(1_001)), chat, Credential::OidcToken);
        check("authorization", &format!("Bearer {}", oidc_token(1_000)), chat, Credential::ExpiredOidcToken);
        check("x-api-key", "vck_1", chat, Credential::Missing);
        check("x-api-key", "vck_1", "/v1/messages", Credential::ApiKey);
    }
}
