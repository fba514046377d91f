//! Who asks: the key of a request, wherever clients put it.

use std::sync::LazyLock;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use trunkline_core::{Error, ErrorKind};

use crate::Settings;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Whoever is on this machine: there is no key.
    Local,
    /// Whoever holds the master key.
    Master,
}

impl Caller {
    /// What tells this caller from every other, in what is sealed for it.
    pub(crate) fn identity(self) -> &'static str {
        match self {
            Caller::Local => "local",
            Caller::Master => "master",
        }
    }

    /// Whether it may see how the gateway is set up.
    pub(crate) fn is_administrator(self) -> bool {
        match self {
            Caller::Local | Caller::Master => true,
        }
    }

    /// What tells the conversations of this caller from those of others.
    pub(crate) fn tenant(self) -> u64 {
        self as u64
    }
}

/// The headers that clients put their keys into, in the order in which they are looked at.
static KEY_HEADERS: &[&str] = &[
    "x-litellm-api-key",
    "authorization",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
];

/// The same as names: a text would be parsed at each look.
static KEY_NAMES: LazyLock<Vec<HeaderName>> =
    LazyLock::new(|| KEY_HEADERS.iter().map(|name| HeaderName::from_static(name)).collect());

/// Whether a header carries a caller's key, so that it must never go upstream.
pub(crate) fn is_key_header(name: &HeaderName, settings: &Settings) -> bool {
    KEY_HEADERS.contains(&name.as_str()) || settings.key_header.as_ref() == Some(name)
}

/// Finds out who asks.
///
/// # Errors
///
/// `Unauthenticated` if there is a master key and the request does not show it.
pub(crate) fn authenticate(headers: &HeaderMap, settings: &Settings) -> Result<Caller, Error> {
    let Some(master_key) = &settings.master_key else {
        return Ok(Caller::Local);
    };
    let Some(key) = key(headers, settings)? else {
        return Err(unauthenticated("Authentication Error, No api key passed in."));
    };
    if master_key.matches(key) {
        return Ok(Caller::Master);
    }
    Err(unauthenticated("Authentication Error, Invalid API key provided.").with_param("key"))
}

fn key<'h>(headers: &'h HeaderMap, settings: &Settings) -> Result<Option<&'h str>, Error> {
    for name in settings.key_header.iter().chain(KEY_NAMES.iter()) {
        let Some(value) = headers.get(name) else { continue };
        let text = value.to_str().unwrap_or_default().trim();
        let bearer =
            text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer ")).map(|_| text[7..].trim());
        match bearer {
            Some(key) if !key.is_empty() => return Ok(Some(key)),
            None if !text.is_empty() && *name != AUTHORIZATION => return Ok(Some(text)),
            Some(_) | None => {
                return Err(unauthenticated(
                    "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.",
                ));
            }
        }
    }
    Ok(None)
}

fn unauthenticated(message: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use trunkline_core::Secret;

    fn check(name: &'static str, value: &'static str, expected: Result<Caller, &str>) {
        let settings = Settings {
            master_key: Some(Secret::new("sk-trunkline")),
            key_header: Some(HeaderName::from_static("x-team-key")),
            ..Settings::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        let outcome = authenticate(&headers, &settings).map_err(|error| error.message().to_owned());
        assert_eq!(outcome, expected.map_err(str::to_owned), "{name}: {value}");
    }

    #[test]
    fn a_key_is_found_wherever_clients_put_it() {
        for name in
            ["x-litellm-api-key", "api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"]
        {
            check(name, "sk-trunkline", Ok(Caller::Master));
            check(name, "Bearer sk-trunkline", Ok(Caller::Master));
        }
        check("authorization", "Bearer sk-trunkline", Ok(Caller::Master));
        check("authorization", "bearer  sk-trunkline", Ok(Caller::Master));
        check("x-team-key", "sk-trunkline", Ok(Caller::Master));
    }

    #[test]
    fn a_wrong_key_and_no_key_are_told_apart() {
        check("accept", "*/*", Err("Authentication Error, No api key passed in."));
        check("authorization", "Bearer sk-other", Err("Authentication Error, Invalid API key provided."));
        let malformed = "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.";
        check("authorization", "sk-trunkline", Err(malformed));
        check("authorization", "Bearer ", Err(malformed));
        check("authorization", "", Err(malformed));
    }

    #[test]
    fn without_a_master_key_everybody_is_local() {
        assert_eq!(authenticate(&HeaderMap::new(), &Settings::default()).ok(), Some(Caller::Local));
    }
}
