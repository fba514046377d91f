//! Who asks: the key of a request, wherever clients put it.

use std::sync::{Arc, LazyLock};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use trunkline_core::{Error, ErrorKind, SubjectKind};
use trunkline_keys::{Identity, Keys, Role, RouteGroup};

use crate::Settings;
use crate::endpoints::Access;

/// Who asks, as far as the key tells.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Whoever is on this machine: there is no key.
    Local,
    /// Whoever holds the master key.
    Master,
    /// Whoever holds a virtual key.
    Key(Arc<Identity>),
}

impl Caller {
    /// What tells this caller, or the team that it belongs to, from every other, in what is sealed for it.
    pub(crate) fn tenant(&self) -> &str {
        match self {
            Caller::Local => "local",
            Caller::Master => "master",
            Caller::Key(identity) => identity.tenant(),
        }
    }

    /// The same as a number, for the affinity of conversations.
    pub(crate) fn tenant_hash(&self) -> u64 {
        match self {
            Caller::Local => 0,
            Caller::Master => 1,
            Caller::Key(identity) => identity.tenant_hash(),
        }
    }

    /// Whether it may see how the gateway is set up.
    pub fn is_administrator(&self) -> bool {
        match self {
            Caller::Local | Caller::Master => true,
            Caller::Key(identity) => identity.role == Role::ProxyAdmin,
        }
    }

    /// The virtual key that was shown.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        match self {
            Caller::Local | Caller::Master => None,
            Caller::Key(identity) => Some(identity),
        }
    }

    /// Whether it may call what is kept for some.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`, as LiteLLM has it, where only administrators may; `PermissionDenied` for what the key's own
    /// list of endpoints does not hold.
    pub(crate) fn check_access(&self, access: Access, route: &str, group: RouteGroup) -> Result<(), Error> {
        let Caller::Key(identity) = self else { return Ok(()) };
        let may = match access {
            Access::Public | Access::Caller => true,
            Access::Viewer | Access::Scraper => {
                matches!(identity.role, Role::ProxyAdmin | Role::ProxyAdminViewer)
            }
        };
        if !may {
            let role = identity.role.name();
            let message = format!(
                "Authentication Error, Only proxy admin can be used to generate, delete, update info for new \
                 keys/users/teams. Route={route}. Your role={role}."
            );
            return Err(Error::new(ErrorKind::Unauthenticated, message));
        }
        if !identity.routes.allow(route, group) {
            let message = format!("this key may not call {route}: its allowed_routes do not hold it");
            return Err(Error::new(ErrorKind::PermissionDenied, message).with_subject(SubjectKind::Key));
        }
        Ok(())
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
/// `Unauthenticated` if there is a master key, and the request shows neither it nor a virtual key that is good;
/// `KeyExpired` for one that was; `StoreUnavailable` if nobody can tell, since the store does not answer.
pub(crate) async fn authenticate(
    headers: &HeaderMap,
    settings: &Settings,
    keys: Option<&Keys>,
) -> Result<Caller, Error> {
    let Some(master_key) = &settings.master_key else {
        return Ok(Caller::Local);
    };
    let Some(key) = key(headers, settings)? else {
        return Err(unauthenticated("Authentication Error, No api key passed in."));
    };
    if master_key.matches(key) {
        return Ok(Caller::Master);
    }
    let unknown = || unauthenticated("Authentication Error, Invalid API key provided.").with_param("key");
    let Some(keys) = keys else { return Err(unknown()) };
    if !key.starts_with(VIRTUAL_KEY_START) {
        let message = format!(
            "LiteLLM Virtual Key expected. Received={}, expected to start with '{VIRTUAL_KEY_START}'.",
            abbreviated(key)
        );
        return Err(unauthenticated(&message));
    }
    let identity = keys.find(key).await?.ok_or_else(unknown)?;
    identity.check(jiff::Timestamp::now())?;
    Ok(Caller::Key(identity))
}

/// What virtual keys begin with.
const VIRTUAL_KEY_START: &str = "sk-";

/// The ends of a key, so that whoever sent it sees which one it was; of a short one nothing.
fn abbreviated(key: &str) -> String {
    const SHOWN: usize = 4;
    let characters: Vec<char> = key.chars().collect();
    if characters.len() <= 2 * SHOWN {
        return "****".to_owned();
    }
    let (first, last) = (&characters[..SHOWN], &characters[characters.len() - SHOWN..]);
    first.iter().chain(&['*'; 4]).chain(last).collect()
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

    async fn check(name: &'static str, value: &'static str, expected: Result<&str, &str>) {
        let settings = Settings {
            master_key: Some(Secret::new("sk-trunkline")),
            key_header: Some(HeaderName::from_static("x-team-key")),
            ..Settings::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        let outcome = authenticate(&headers, &settings, None).await;
        let outcome = outcome.as_ref().map(Caller::tenant).map_err(Error::message);
        assert_eq!(outcome, expected, "{name}: {value}");
    }

    #[tokio::test]
    async fn a_key_is_found_wherever_clients_put_it() {
        for name in
            ["x-litellm-api-key", "api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"]
        {
            check(name, "sk-trunkline", Ok("master")).await;
            check(name, "Bearer sk-trunkline", Ok("master")).await;
        }
        check("authorization", "Bearer sk-trunkline", Ok("master")).await;
        check("authorization", "bearer  sk-trunkline", Ok("master")).await;
        check("x-team-key", "sk-trunkline", Ok("master")).await;
    }

    #[tokio::test]
    async fn a_wrong_key_and_no_key_are_told_apart() {
        check("accept", "*/*", Err("Authentication Error, No api key passed in.")).await;
        check("authorization", "Bearer sk-other", Err("Authentication Error, Invalid API key provided."))
            .await;
        let malformed = "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.";
        check("authorization", "sk-trunkline", Err(malformed)).await;
        check("authorization", "Bearer ", Err(malformed)).await;
        check("authorization", "", Err(malformed)).await;
    }

    #[tokio::test]
    async fn without_a_master_key_everybody_is_local() {
        let caller = authenticate(&HeaderMap::new(), &Settings::default(), None).await;
        assert_eq!(caller.as_ref().map(Caller::tenant).ok(), Some("local"));
    }

    #[test]
    fn an_abbreviated_key_gives_its_ends_away_and_a_short_one_nothing() {
        assert_eq!(abbreviated("abcd-secret-wxyz"), "abcd****wxyz");
        assert_eq!(abbreviated("abcdwxyz"), "****");
        assert_eq!(abbreviated("ä"), "****");
    }
}
