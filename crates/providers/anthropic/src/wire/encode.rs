//! Requests: a call's own bytes, with the model, and headers from a few known places.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use trunkline_core::{Body, Call, Error, Secret, Segments};
use trunkline_provider::{EncodeContext, address, credential_value, request_headers};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// The version of the API that is asked for where neither caller nor deployment names one.
const VERSION_BY_DEFAULT: HeaderValue = HeaderValue::from_static("2023-06-01");
/// What has to stand in `anthropic-beta` for a token of somebody's login to be taken.
const OAUTH_BETA: &str = "oauth-2025-04-20";

/// How the credential is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// `x-api-key: <key>`.
    ApiKey,
    /// `authorization: Bearer <token>`.
    Bearer,
    /// As [`Authentication::Bearer`], with the beta that tokens of a login need (`sk-ant-oat…`).
    OAuth,
}

impl Authentication {
    /// What Anthropic wants for a key of this look: its OAuth tokens say by their beginning what they are.
    pub fn of(credential: &Secret) -> Self {
        if credential.expose().starts_with("sk-ant-oat") { Self::OAuth } else { Self::ApiKey }
    }
}

/// Writes the HTTP request for a call below a base URL, which may end in `/v1` or not.
///
/// The body keeps every byte but those of `model`.
///
/// The headers, each winning over those before it: the caller's, which come from an allow-list, with
/// `anthropic-version: 2023-06-01` where the caller names none; our own (content type, accept, credential);
/// those that the deployment adds.
///
/// # Errors
///
/// `Configuration` if the base is no `http` or `https` URL, `CredentialUnusable` if the credential fits no
/// header.
pub fn encode(
    call: &Call,
    base: &str,
    context: &EncodeContext<'_>,
    authentication: Authentication,
) -> Result<Request<Segments>, Error> {
    let body = body(call);
    let path = format!("{}/{}", call.operation.version(), call.path());
    let mut request = Request::new(body.segments());
    *request.method_mut() = call.operation.method();
    *request.uri_mut() = uri(base, &path, call.query.as_deref())?;
    *request.headers_mut() = headers(&call.headers, body.content_type(), context, authentication)?;
    Ok(request)
}

/// Writes the HTTP request for the list of models: `GET <base>/v1/models?limit=1000`, which is the longest
/// page that there is.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_models(
    base: &str,
    context: &EncodeContext<'_>,
    authentication: Authentication,
) -> Result<Request<Segments>, Error> {
    let mut request = Request::new(Segments::new());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = uri(base, "v1/models", Some("limit=1000"))?;
    *request.headers_mut() = headers(&HeaderMap::new(), None, context, authentication)?;
    Ok(request)
}

/// A base URL without what may be written behind it: slashes, the version, the path of Messages.
pub(crate) fn without_version(base: &str) -> &str {
    let base = base.trim().trim_end_matches('/');
    let base = base.strip_suffix("/v1/messages").unwrap_or(base);
    base.strip_suffix("/v1").unwrap_or(base).trim_end_matches('/')
}

fn body(call: &Call) -> Body {
    let mut body = call.body.clone();
    match &mut body {
        Body::Document(document) => {
            if document.string("model").as_deref() != Some(&*call.model) {
                document.set_raw("model", trunkline_core::json::text(&call.model));
            }
        }
        Body::Form(form) => form.set("model", &call.model),
        Body::Empty => {}
    }
    body
}

/// The address of `path` below a base, which may have its version or not.
fn uri(base: &str, path: &str, parameters: Option<&str>) -> Result<Uri, Error> {
    address(base, |base| format!("{}/{path}", without_version(base)), parameters)
}

fn headers(
    callers: &HeaderMap,
    content_type: Option<HeaderValue>,
    context: &EncodeContext<'_>,
    authentication: Authentication,
) -> Result<HeaderMap, Error> {
    let shown = |credential: &Secret| {
        let (name, value) = match authentication {
            Authentication::ApiKey => (API_KEY, plain(credential)),
            Authentication::Bearer | Authentication::OAuth => (AUTHORIZATION, credential.bearer()),
        };
        credential_value(value).map(|value| (name, value))
    };
    let credential = context.credential.map(shown).transpose()?;
    let mut headers = request_headers(callers, content_type, credential, context.target);
    headers.entry(VERSION).or_insert(VERSION_BY_DEFAULT);
    if context.credential.is_some() && authentication == Authentication::OAuth {
        ask_for(OAUTH_BETA, &mut headers);
    }
    Ok(headers)
}

/// The credential as it is, marked sensitive so that no client prints it.
fn plain(credential: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(credential.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Adds a beta to those that are asked for already.
fn ask_for(beta: &'static str, headers: &mut HeaderMap) {
    let asked = headers.get_all(BETA).iter().filter_map(|value| value.to_str().ok());
    if !asked.flat_map(|betas| betas.split(',')).any(|asked| asked.trim() == beta) {
        headers.append(BETA, HeaderValue::from_static(beta));
    }
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
