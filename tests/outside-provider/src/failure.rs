//! What Carillon's refusals mean.

use http::{HeaderMap, StatusCode};
use trunkline_core::ErrorKind;
use trunkline_provider::{Failure, retry_after};

use crate::wire::Refusal;

/// Reads a refusal. Whatever stands between us and Carillon may have sent it, so that the status decides.
pub(crate) fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let failure = match serde_json::from_slice::<Refusal>(body) {
        Ok(refused) => refusal(Some(status), &refused),
        Err(_) => {
            let message = format!("carillon answered {status} without saying why");
            Failure::new(kind(status), message)
        }
    };
    Failure { retry_after: retry_after(headers), ..failure }
}

/// What a refusal means: by its status where it has one, else by the status that goes with its reason.
pub(crate) fn refusal(status: Option<StatusCode>, refused: &Refusal) -> Failure {
    let status = status.unwrap_or_else(|| status_of(&refused.reason));
    let kind = match refused.reason.as_str() {
        "too_long" => ErrorKind::ContextWindowExceeded,
        "guarded" => ErrorKind::ContentPolicy,
        _ => kind(status),
    };
    Failure {
        upstream_type: Some(refused.reason.clone()),
        // A key that is unknown is so for every model; the gateway then leaves the deployment alone.
        credential_fault: refused.reason == "unknown_key",
        ..Failure::new(kind, refused.detail.clone())
    }
}

fn kind(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        401 => ErrorKind::UpstreamCredential,
        403 => ErrorKind::UpstreamForbidden,
        404 => ErrorKind::UpstreamNotFound,
        408 | 504 => ErrorKind::UpstreamTimeout,
        429 => ErrorKind::UpstreamRateLimited,
        400..=499 => ErrorKind::UpstreamInvalidRequest,
        _ => ErrorKind::UpstreamFailed,
    }
}

/// The status that a reason comes with, for refusals inside a stream, which have none.
fn status_of(reason: &str) -> StatusCode {
    match reason {
        "unknown_key" => StatusCode::UNAUTHORIZED,
        "unknown_model" => StatusCode::NOT_FOUND,
        "too_fast" => StatusCode::TOO_MANY_REQUESTS,
        "bad_question" | "too_long" | "guarded" => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
