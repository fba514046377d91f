//! What a refusal means: by its status first, then by the words in its body.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, StatusCode};
use trunkline_core::{ErrorKind, Retry, json};
use trunkline_provider::{Failure, retry_after};

use super::date::unix_seconds;
use super::error_body::{ErrorBody, error_body, from_json};

/// Reads a refusal.
///
/// The status decides, and within it the upstream's words: a prompt that is too long, an account without
/// credit, a limit on spending. How long to wait is taken from `retry-after`, else from those limits of
/// `anthropic-ratelimit-…` of which nothing remains; `x-should-retry: false` sends a call elsewhere.
pub fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let failure = judge(status, error_body(status, body));
    let is_limited = failure.kind == ErrorKind::UpstreamRateLimited;
    let retry_after = retry_after(headers).or_else(|| is_limited.then(|| limits_reset(headers)).flatten());
    let is_hopeless = headers.get("x-should-retry").is_some_and(|value| value == "false");
    let retry = (is_hopeless && may_pass(failure.kind)).then_some(Retry::NextTarget);
    Failure { retry_after, retry: failure.retry.or(retry), ..failure }
}

/// The failure that an event, or a whole reply with status 200, reports. `None` if it reports none.
///
/// What calls itself an error is one, and so is what says no type and has an `error`. It means what the
/// refusal with the status of its type means, and names that status.
pub fn stream_failure(data: &[u8]) -> Option<Failure> {
    if !reports_failure(data) {
        return None;
    }
    let error = from_json(data).unwrap_or_else(|| ErrorBody {
        message: "the upstream reported an error without saying which".to_owned(),
        ..ErrorBody::default()
    });
    let status = error.error_type.as_deref().and_then(status_of_type);
    Some(Failure { status, ..judge(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error) })
}

fn reports_failure(data: &[u8]) -> bool {
    match json::member(data, "type") {
        Some(span) => &data[span] == b"\"error\"",
        None => json::member(data, "error").is_some_and(|span| !json::is_null(&data[span])),
    }
}

/// The status that an error type goes with, as Anthropic documents them.
fn status_of_type(error_type: &str) -> Option<StatusCode> {
    let status = match error_type {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "conflict_error" => 409,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "api_error" => 500,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => return None,
    };
    StatusCode::from_u16(status).ok()
}

/// What an error with this status means.
fn judge(status: StatusCode, error: ErrorBody) -> Failure {
    let kind = kind(status.as_u16(), &error);
    Failure {
        credential_fault: kind == ErrorKind::UpstreamCredential,
        upstream_type: error.error_type,
        upstream_code: error.code,
        ..Failure::new(kind, error.message)
    }
}

fn kind(status: u16, error: &ErrorBody) -> ErrorKind {
    match status {
        401 | 402 => ErrorKind::UpstreamCredential,
        400..=499 if is_about_account(error) => ErrorKind::UpstreamCredential,
        400..=499 if is_about_spending(error) => ErrorKind::UpstreamQuotaExceeded,
        403 => ErrorKind::UpstreamForbidden,
        404 => ErrorKind::UpstreamNotFound,
        // 524 is Cloudflare's word for an origin that did not answer.
        408 | 504 | 524 => ErrorKind::UpstreamTimeout,
        429 => ErrorKind::UpstreamRateLimited,
        // 409 and 425 pass with time; 529 is Anthropic's word for an overload.
        409 | 425 | 500..=599 => ErrorKind::UpstreamFailed,
        400..=499 if is_about_context_window(error) => ErrorKind::ContextWindowExceeded,
        400..=499 if says(error, &["content filtering policy"]) => ErrorKind::ContentPolicy,
        400..=499 => ErrorKind::UpstreamInvalidRequest,
        // A redirect is never followed, and nothing else below 400 is a refusal.
        _ => ErrorKind::UpstreamProtocol,
    }
}

/// Whether nothing will be answered on this credential: Anthropic refuses an account without credit by 400,
/// and some tokens by 403.
fn is_about_account(error: &ErrorBody) -> bool {
    let types = ["authentication_error", "billing_error"];
    error.error_type.as_deref().is_some_and(|given| types.contains(&given))
        || says(error, &["credit balance is too low"])
}

/// Whether a limit on spending is reached, the customer's own or that of the usage tier.
fn is_about_spending(error: &ErrorBody) -> bool {
    error.code.as_deref() == Some("enforced_spend_limit_reached")
        || says(error, &["reached your specified api usage limits"])
}

fn is_about_context_window(error: &ErrorBody) -> bool {
    says(
        error,
        &["prompt is too long", "exceed context limit", "exceeds the context window", "input is too long"],
    )
}

fn says(error: &ErrorBody, phrases: &[&str]) -> bool {
    let message = error.message.to_ascii_lowercase();
    phrases.iter().any(|phrase| message.contains(phrase))
}

/// Whether an error of this kind could go away by itself.
fn may_pass(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UpstreamRateLimited | ErrorKind::UpstreamTimeout | ErrorKind::UpstreamFailed)
}

/// How long until every limit that is used up is filled again. `None` if none says that it is.
fn limits_reset(headers: &HeaderMap) -> Option<Duration> {
    let text = |limit: &str, what: &str| {
        headers.get(format!("anthropic-ratelimit-{limit}-{what}"))?.to_str().ok().map(str::trim)
    };
    let used_up = ["requests", "tokens", "input-tokens", "output-tokens"]
        .into_iter()
        .filter(|limit| text(limit, "remaining") == Some("0"));
    let reset = used_up.filter_map(|limit| unix_seconds(text(limit, "reset")?)).max()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Duration::from_secs(reset).saturating_sub(now))
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
