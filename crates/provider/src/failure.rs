//! What a refusal means, and the error that it becomes, without our own key in it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use trunkline_core::{Error, ErrorKind, Retry, Secret, UpstreamAnswer};

/// What a refusal means, read from status, headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The upstream's own words, or ours where it had none.
    pub message: String,
    /// The error type that the upstream named.
    pub upstream_type: Option<String>,
    /// The error code that the upstream named.
    pub upstream_code: Option<String>,
    /// The parameter that the upstream blames.
    pub param: Option<String>,
    /// The status that an error inside a stream names.
    pub status: Option<StatusCode>,
    /// How long the upstream asked to be left alone.
    pub retry_after: Option<Duration>,
    /// Advice that differs from the kind's own.
    pub retry: Option<Retry>,
    /// Whether the credential or its account is at fault, whatever the model.
    pub credential_fault: bool,
}

impl Failure {
    /// A failure of a kind, with a message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            upstream_type: None,
            upstream_code: None,
            param: None,
            status: None,
            retry_after: None,
            retry: None,
            credential_fault: false,
        }
    }
}

/// The error that a failure becomes, with what the upstream said, and without the credential wherever the
/// upstream quotes it.
pub(crate) fn error_of(
    failure: Failure,
    status: Option<StatusCode>,
    body: &Bytes,
    provider: &str,
    credential: Option<&Secret>,
) -> Error {
    let text = |text: String| without_text(text, credential);
    let answer = UpstreamAnswer { status: status.or(failure.status), body: without(body, credential) };
    let mut error = Error::new(failure.kind, text(failure.message))
        .with_provider(provider)
        .with_retry_after(failure.retry_after)
        .with_upstream(answer, failure.upstream_type.map(text), failure.upstream_code.map(text));
    if let Some(param) = failure.param {
        error = error.with_param(text(param));
    }
    if let Some(retry) = failure.retry {
        error = error.with_retry(retry);
    }
    if failure.credential_fault {
        error = error.blaming_credential();
    }
    error
}

/// A text with every occurrence of our own credential blotted out.
fn without_text(text: String, credential: Option<&Secret>) -> String {
    match credential.filter(|secret| secret.expose().len() >= 8) {
        Some(secret) if text.contains(secret.expose()) => text.replace(secret.expose(), "[redacted]"),
        Some(_) | None => text,
    }
}

/// The body with every occurrence of our own credential blotted out: upstreams quote what they refuse.
pub(crate) fn without(body: &Bytes, credential: Option<&Secret>) -> Bytes {
    let Some(secret) = credential.filter(|secret| secret.expose().len() >= 8) else {
        return body.clone();
    };
    let needle = memchr::memmem::Finder::new(secret.expose().as_bytes());
    let mut rest: &[u8] = body;
    let mut clean = BytesMut::new();
    while let Some(at) = needle.find(rest) {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(b"[redacted]");
        rest = &rest[at + needle.needle().len()..];
    }
    if clean.is_empty() {
        return body.clone();
    }
    clean.extend_from_slice(rest);
    clean.freeze()
}
