//! What browsers are allowed: foreign pages are kept out of an open gateway, and let in by CORS otherwise.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, HOST, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use trunkline_core::{Error, ErrorKind};

use crate::Settings;

/// Refuses what a foreign page could make a browser send to an open gateway.
///
/// Without a key the gateway serves this machine alone. A page elsewhere can still make a browser on this
/// machine call it, directly or by rebinding its own name to 127.0.0.1; the `Host` and `Origin` headers tell.
///
/// # Errors
///
/// `PermissionDenied` if there is no master key and either header names another host.
pub(crate) fn guard(uri: &Uri, headers: &HeaderMap, settings: &Settings) -> Result<(), Error> {
    if settings.master_key.is_some() || settings.open_to_all {
        return Ok(());
    }
    let host = uri.authority().map(|authority| authority.as_str()).or_else(|| text(headers, &HOST));
    if let Some(host) = host.filter(|host| !is_loopback(host)) {
        return Err(foreign("Host", host));
    }
    if let Some(origin) = text(headers, &ORIGIN) {
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        if !is_loopback(host) {
            return Err(foreign("Origin", origin));
        }
    }
    Ok(())
}

fn foreign(header: &str, value: &str) -> Error {
    let message = format!(
        "{header} `{value}` is not this machine; without a master key only localhost is served. \
         Set general_settings.master_key or LITELLM_MASTER_KEY to serve others"
    );
    Error::new(ErrorKind::PermissionDenied, message)
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
            .map_or(host, |(name, _)| name),
    };
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}

/// Adds what lets a page of an [allowed origin](allowed_origin) read the reply.
pub(crate) fn allow(origin: Option<HeaderValue>, reply: &mut HeaderMap) {
    let Some(origin) = origin else {
        return;
    };
    if origin != "*" {
        reply.append(VARY, HeaderValue::from_static("origin"));
    }
    reply.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    reply.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
}

/// Adds what a browser asks for before it sends the request itself.
pub(crate) fn allow_preflight(
    request: &HeaderMap,
    reply: &mut HeaderMap,
    methods: HeaderValue,
    settings: &Settings,
) {
    if allowed_origin(request, settings).is_none() {
        return;
    }
    reply.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    let headers = request.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    reply.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers.unwrap_or(HeaderValue::from_static("*")));
    reply.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}

/// The origin that may read the reply. None in an open gateway, and none that the settings do not allow.
pub(crate) fn allowed_origin(request: &HeaderMap, settings: &Settings) -> Option<HeaderValue> {
    settings.master_key.as_ref()?;
    let origin = request.get(ORIGIN)?;
    if settings.cors_origins.iter().any(|allowed| allowed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    settings
        .cors_origins
        .iter()
        .any(|allowed| allowed.as_bytes() == origin.as_bytes())
        .then(|| origin.clone())
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_core::Secret;

    fn check(host: &'static str, origin: Option<&'static str>, let_in: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        let outcome = guard(&Uri::from_static("/v1/models"), &headers, &Settings::default());
        assert_eq!(outcome.is_ok(), let_in, "{host} {origin:?}");
    }

    #[test]
    fn an_open_gateway_serves_this_machine_alone() {
        check("localhost:4000", None, true);
        check("127.0.0.1:4000", Some("http://localhost:3000"), true);
        check("[::1]:4000", None, true);
        check("[::1]", None, true);
        check("attacker.example", None, false);
        check("localhost.attacker.example:4000", None, false);
        check("127.0.0.1:4000", Some("https://attacker.example"), false);
        check("127.0.0.1:4000", Some("null"), false);
    }

    #[test]
    fn with_a_key_origins_are_a_setting() {
        let mut settings = Settings { master_key: Some(Secret::new("sk-x")), ..Settings::default() };
        let mut request = HeaderMap::new();
        request.insert(ORIGIN, HeaderValue::from_static("https://app.example"));
        let mut reply = HeaderMap::new();
        allow(allowed_origin(&request, &settings), &mut reply);
        assert_eq!(reply[ACCESS_CONTROL_ALLOW_ORIGIN], "*");

        settings.cors_origins = vec!["https://other.example".to_owned()];
        let mut reply = HeaderMap::new();
        allow(allowed_origin(&request, &settings), &mut reply);
        assert!(reply.is_empty());

        settings.cors_origins.push("https://app.example".to_owned());
        allow(allowed_origin(&request, &settings), &mut reply);
        assert_eq!(reply[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
        assert!(!reply.contains_key("access-control-allow-credentials"));
    }
}
