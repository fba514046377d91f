//! Requests: a call's own bytes, with the model, the wish for usage, and headers from a few known places.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use trunkline_core::{
    Body, Call, Document, DocumentLimits, Duplicates, Error, ErrorKind, Operation, Segments,
};
use trunkline_provider::{EncodeContext, address, credential_value, request_headers};

const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");
const OPENAI_ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");

/// Writes the HTTP request for a call below a base URL.
///
/// The body keeps every byte but those of `model` and, in a streamed chat or text completion, of
/// `stream_options`: `include_usage` is merged into it. A `stream_options` that is no object stays as it is.
///
/// The headers, each winning over those before it: the caller's, which come from an allow-list; our own
/// (content type, accept, credential, organisation); those that the deployment adds.
///
/// # Errors
///
/// `Configuration` if the base is no `http` or `https` URL or the organisation fits no header,
/// `CredentialUnusable` if the credential fits no header.
pub fn encode(call: &Call, base: &str, context: &EncodeContext<'_>) -> Result<Request<Segments>, Error> {
    encode_with(call, base, context, StreamOptions::AskForUsage)
}

/// Writes the HTTP request for the list of models: `GET <base>/models`.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_models(base: &str, context: &EncodeContext<'_>) -> Result<Request<Segments>, Error> {
    let mut request = Request::new(Segments::new());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = uri(base, "models", None)?;
    *request.headers_mut() = headers(&HeaderMap::new(), None, context)?;
    Ok(request)
}

/// What becomes of the caller's `stream_options`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamOptions {
    /// `include_usage` is merged into it.
    AskForUsage,
    /// It is taken out, for upstreams that refuse it.
    Remove,
}

pub(crate) fn encode_with(
    call: &Call,
    base: &str,
    context: &EncodeContext<'_>,
    stream_options: StreamOptions,
) -> Result<Request<Segments>, Error> {
    let body = match &call.body {
        Body::Document(document) => Body::Document(body(call, document, stream_options)),
        Body::Form(form) => {
            let mut form = form.clone();
            form.set("model", &call.model);
            Body::Form(form)
        }
        Body::Empty => Body::Empty,
    };
    let mut request = Request::new(body.segments());
    *request.method_mut() = call.operation.method();
    let (base, path) = (versioned(base, call.operation), call.path());
    let make = || uri(&base, &path, call.query.as_deref());
    *request.uri_mut() = if call.query.is_none() && call.object.is_none() {
        context.target.first_address.or_make(&base, &path, make)?
    } else {
        make()?
    };
    *request.headers_mut() = headers(&call.headers, body.content_type(), context)?;
    if call.operation.answers_in_bytes() && !context.target.extra_headers.contains_key(ACCEPT) {
        request.headers_mut().insert(ACCEPT, ANYTHING);
    }
    Ok(request)
}

fn body(call: &Call, document: &Document, stream_options: StreamOptions) -> Document {
    let mut document = document.clone();
    if document.string("model").as_deref() != Some(&*call.model) {
        document.set_raw("model", trunkline_core::json::text(&call.model));
    }
    match stream_options {
        StreamOptions::Remove => {
            document.remove("stream_options");
        }
        StreamOptions::AskForUsage if call.streaming() && tells_usage_on_request(call.operation) => {
            if let Some(merged) = asking_for_usage(document.raw_bytes("stream_options")) {
                document.set_raw("stream_options", merged);
            }
        }
        StreamOptions::AskForUsage => {}
    }
    document
}

const fn tells_usage_on_request(operation: Operation) -> bool {
    matches!(operation, Operation::ChatCompletions | Operation::Completions)
}

/// The base with the version that the operation belongs to: `/v2` for one whose base ends in `/v1`.
fn versioned(base: &str, operation: Operation) -> Cow<'_, str> {
    let before = base.trim().trim_end_matches('/').strip_suffix("/v1");
    match before {
        Some(before) if operation.version() != "v1" => {
            Cow::Owned(format!("{before}/{}", operation.version()))
        }
        Some(_) | None => Cow::Borrowed(base),
    }
}

/// The caller's `stream_options` with `include_usage`. `None` if it is to stay as it is.
fn asking_for_usage(stream_options: Option<Bytes>) -> Option<Bytes> {
    let raw = match stream_options {
        Some(raw) if raw != "null" => raw,
        Some(_) | None => return Some(Bytes::from_static(br#"{"include_usage":true}"#)),
    };
    let limits = DocumentLimits { duplicates: Duplicates::KeepLast, ..DocumentLimits::default() };
    let mut options = Document::parse_with(raw, &limits).ok()?;
    if options.is_true("include_usage") {
        return None;
    }
    options.set_raw("include_usage", Bytes::from_static(b"true"));
    Some(options.to_bytes())
}

/// The address of `path` below a base, whose query stays behind it.
///
/// A base that ends with the path already, as people copy it from a vendor's page, is taken as it is. The
/// base is the operator's, so that no message repeats it.
fn uri(base: &str, path: &str, parameters: Option<&str>) -> Result<Uri, Error> {
    let below = |base: &str| {
        let has_path = base.strip_suffix(path).is_some_and(|before| before.ends_with('/'));
        if has_path { base.to_owned() } else { format!("{base}/{path}") }
    };
    address(base, below, parameters)
}

fn headers(
    callers: &HeaderMap,
    content_type: Option<HeaderValue>,
    context: &EncodeContext<'_>,
) -> Result<HeaderMap, Error> {
    let bearer = context.credential.map(|credential| credential_value(credential.bearer())).transpose()?;
    let organization = context.target.organization.as_ref().map(|organization| {
        HeaderValue::try_from(organization).map_err(|error| {
            let message = "the configured organization holds characters that no HTTP header may hold";
            Error::new(ErrorKind::Configuration, message).with_source(error)
        })
    });
    let bearer = bearer.map(|bearer| (AUTHORIZATION, bearer));
    let organization = organization.transpose()?.map(|value| (OPENAI_ORGANIZATION, value));
    Ok(request_headers(callers, content_type, bearer.into_iter().chain(organization), context.target))
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
