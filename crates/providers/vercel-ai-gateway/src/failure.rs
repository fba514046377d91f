//! What a refusal of the gateway means: by its status first, then by its type.

use http::{HeaderMap, StatusCode};
use trunkline_core::{ErrorKind, Retry, json};
use trunkline_provider::Failure;

/// Whether a refusal may count against the deployment's credential, for every caller at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The credential was the deployment's, and so is a refusal of it.
    Credential,
    /// The caller sent credentials or a quota of its own along; what is refused may be those.
    Nobody,
}

/// Reads a refusal, in the dialect that its body is in: Messages are refused in Anthropic's envelope, and rerank
/// in Cohere's, which is read as one of the flat ones of OpenAI's dialect.
pub(crate) fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8], blame: Blame) -> Failure {
    let failure = if is_of_anthropic(body) {
        trunkline_anthropic::wire::classify(status, headers, body)
    } else {
        trunkline_openai::wire::classify(status, headers, body)
    };
    judge(failure, Some(status), body, blame)
}

/// What the gateway's own words make of a failure that was read as any upstream's of this dialect.
///
/// A failure inside a stream may name no status; the type alone then decides.
pub(crate) fn judge(mut failure: Failure, status: Option<StatusCode>, body: &[u8], blame: Blame) -> Failure {
    let status = status.map(|status| status.as_u16());
    // In an error event of Responses the word stands in the code, and the type says that it is an error.
    let words = [failure.upstream_type.as_deref(), failure.upstream_code.as_deref()];
    let verdict = words.into_iter().find_map(|word| verdict(status, word, body));
    failure.credential_fault = matches!(verdict, Some(Verdict::Credential)) && blame == Blame::Credential;
    match verdict {
        Some(Verdict::Credential) => failure.kind = ErrorKind::UpstreamCredential,
        Some(Verdict::Kind(kind)) => failure.kind = kind,
        Some(Verdict::FailedHere) => {
            failure.kind = ErrorKind::UpstreamFailed;
            failure.retry = Some(Retry::NextTarget);
        }
        None => {}
    }
    failure
}

/// `{"type": "error", "error": {…}}`, which no other dialect has.
fn is_of_anthropic(body: &[u8]) -> bool {
    let is =
        |name, fits: &dyn Fn(&[u8]) -> bool| json::member(body, name).is_some_and(|span| fits(&body[span]));
    is("type", &|raw| raw == b"\"error\"") && is("error", &|raw| raw.starts_with(b"{"))
}

enum Verdict {
    /// The credential, or the account behind it, will not do for any model.
    Credential,
    Kind(ErrorKind),
    /// It would fail again here.
    FailedHere,
}

/// `None` where the status says enough.
fn verdict(status: Option<u16>, word: Option<&str>, body: &[u8]) -> Option<Verdict> {
    let kind = |kind| Some(Verdict::Kind(kind));
    match (status, word) {
        // A budget for one of the caller's entities. It came with 402, and with 403 and 429 before that.
        (_, Some("quota_for_entity_exceeded")) => kind(ErrorKind::UpstreamQuotaExceeded),
        (Some(401) | None, Some("authentication_error"))
        | (Some(402) | None, Some("insufficient_funds"))
        | (Some(403) | None, Some("customer_verification_required")) => Some(Verdict::Credential),
        (Some(424), _) | (None, Some("failed_dependency")) => Some(Verdict::FailedHere),
        // The plan does not allow the model.
        (Some(403) | None, _) if is_restricted_model(body) => kind(ErrorKind::UpstreamForbidden),
        (Some(403), Some("no_providers_available"))
        | (Some(403) | None, Some("forbidden" | "permission_error")) => kind(ErrorKind::UpstreamForbidden),
        // No provider is left under the caller's own filters.
        (Some(400) | None, Some("no_providers_available")) => kind(ErrorKind::UpstreamInvalidRequest),
        (Some(_) | None, _) => None,
    }
}

fn is_restricted_model(body: &[u8]) -> bool {
    json::path(body, &["error", "param", "name"])
        .is_some_and(|name| &body[name] == b"\"RestrictedModelsError\"")
}

#[cfg(test)]
mod tests;
