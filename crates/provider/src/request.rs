//! What every codec does to write a request: the address below a base, and headers from a few known places.

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use trunkline_core::{Error, ErrorKind};

use crate::Target;

/// Headers that no caller may bring along: it could pose as us, or break the framing.
const NEVER_A_CALLER_S: [HeaderName; 4] =
    [AUTHORIZATION, HeaderName::from_static("x-api-key"), CONTENT_LENGTH, HOST];

/// An address below a base URL: `path_below` is given the base without its query and the slashes at its end, and
/// gives the whole address. The base's query stays behind it, and `parameters` follow that.
///
/// The base is the operator's, so that no message repeats it.
///
/// # Errors
///
/// `Configuration` if the base is no `http` or `https` URL.
pub fn address(
    base: &str,
    path_below: impl FnOnce(&str) -> String,
    parameters: Option<&str>,
) -> Result<Uri, Error> {
    let (base, query) = match base.trim().split_once('?') {
        Some((base, query)) => (base, Some(query)),
        None => (base.trim(), None),
    };
    let mut address = path_below(base.trim_end_matches('/'));
    for (number, query) in query.into_iter().chain(parameters).enumerate() {
        address = address + if number == 0 { "?" } else { "&" } + query;
    }
    let refused = || {
        let message = "the base URL of this deployment is not an http or https URL; check its api_base";
        Error::new(ErrorKind::Configuration, message).with_param("api_base")
    };
    let uri = Uri::try_from(address).map_err(|error| refused().with_source(error))?;
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri),
        Some(_) | None => Err(refused()),
    }
}

/// The headers of a request, each winning over those before it: the caller's, which come from an allow-list; what
/// every request says (content type, accept); the codec's own, such as the credential; those that the deployment
/// adds.
pub fn request_headers(
    callers: &HeaderMap,
    content_type: Option<HeaderValue>,
    own: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    target: &Target,
) -> HeaderMap {
    // Room for what comes: to grow takes longer than to fill in.
    let mut headers = HeaderMap::with_capacity(callers.len() + target.extra_headers.len() + 8);
    for (name, value) in callers {
        if !NEVER_A_CALLER_S.contains(name) {
            headers.append(name, value.clone());
        }
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    for (name, value) in own {
        headers.insert(name, value);
    }
    let extra = &target.extra_headers;
    for name in extra.keys() {
        headers.remove(name);
        for value in extra.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    headers
}

/// The value of a header that shows the credential.
///
/// # Errors
///
/// `CredentialUnusable` if there is none, because the credential fits no header.
pub fn credential_value(value: Option<HeaderValue>) -> Result<HeaderValue, Error> {
    value.ok_or_else(|| {
        let message = "the configured api key holds characters that no HTTP header may hold";
        Error::new(ErrorKind::CredentialUnusable, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_base_and_caller_stand_behind_the_path() {
        let at = |base, parameters| {
            address(base, |base| format!("{base}/x"), parameters)
                .map(|uri| uri.to_string())
                .map_err(|error| error.kind())
        };
        assert_eq!(at(" https://a.example/v1/ ", None), Ok("https://a.example/v1/x".to_owned()));
        assert_eq!(at("https://a.example?k=1", Some("l=2")), Ok("https://a.example/x?k=1&l=2".to_owned()));
        assert_eq!(at("ftp://a.example", None), Err(ErrorKind::Configuration));
        assert_eq!(at("a.example", None), Err(ErrorKind::Configuration));
    }

    #[test]
    fn a_caller_s_key_never_goes_along() {
        let mut callers = HeaderMap::new();
        for name in ["authorization", "x-api-key", "host", "content-length", "x-title"] {
            callers.insert(name, HeaderValue::from_static("the caller's"));
        }
        let own = [(AUTHORIZATION, HeaderValue::from_static("ours"))];
        let headers = request_headers(&callers, None, own, &Target::default());
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "authorization", "x-title"]);
        assert_eq!(headers[AUTHORIZATION], "ours");
    }
}
