//! What a refusal means: by its status first, then by the words in its body.

use http::{HeaderMap, StatusCode};
use trunkline_core::{ErrorKind, Retry};
use trunkline_provider::{Failure, retry_after};

use super::error_body::{ErrorBody, error_body};

/// Reads a refusal of an upstream of this dialect.
///
/// The status decides, and within it the upstream's words: a context window that is exceeded, content that is
/// refused, a quota that is spent. `retry-after` is taken from the headers.
pub fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    Failure { retry_after: retry_after(headers), ..judge(status, error_body(status, body)) }
}

/// What an error with this status means.
pub(super) fn judge(status: StatusCode, error: ErrorBody) -> Failure {
    let kind = kind(status.as_u16(), &error);
    Failure {
        credential_fault: is_credential_fault(status, kind, &error),
        retry: retry(kind, &error),
        upstream_type: error.error_type,
        upstream_code: error.code,
        param: error.param,
        ..Failure::new(kind, error.message)
    }
}

/// What an error that names no status means: by its words, else the upstream failed.
pub(super) fn judge_by_words(error: ErrorBody) -> Failure {
    let words = [error.code.as_deref(), error.error_type.as_deref()];
    let status = words.into_iter().flatten().find_map(status_of_word);
    let status = match status {
        Some(status) => status,
        // Either may come without any word; the 400 twin tells them apart.
        None if about_content(&error).is_some() => StatusCode::BAD_REQUEST,
        None => StatusCode::INTERNAL_SERVER_ERROR,
    };
    judge(status, error)
}

fn kind(status: u16, error: &ErrorBody) -> ErrorKind {
    match status {
        401 | 402 => ErrorKind::UpstreamCredential,
        400..=499 if is_quota(error) => ErrorKind::UpstreamQuotaExceeded,
        403 if is_policy(error) => ErrorKind::ContentPolicy,
        403 => ErrorKind::UpstreamForbidden,
        404 => ErrorKind::UpstreamNotFound,
        // 524 is Cloudflare's word for an origin that did not answer.
        408 | 504 | 524 => ErrorKind::UpstreamTimeout,
        // 498 is Groq's: the capacity of the flexible tier is taken.
        429 | 498 => ErrorKind::UpstreamRateLimited,
        409 | 425 | 501..=599 => ErrorKind::UpstreamFailed,
        // Some servers fall over a prompt that is too long instead of refusing it.
        500 => about_content(error).unwrap_or(ErrorKind::UpstreamFailed),
        400 if has_word(error, &["invalid_api_key"]) => ErrorKind::UpstreamCredential,
        400 if has_word(error, &["model_not_found"]) => ErrorKind::UpstreamNotFound,
        400..=499 => about_content(error).unwrap_or(ErrorKind::UpstreamInvalidRequest),
        // A redirect is never followed, and nothing else below 400 is a refusal.
        _ => ErrorKind::UpstreamProtocol,
    }
}

fn about_content(error: &ErrorBody) -> Option<ErrorKind> {
    if is_context_window(error) {
        return Some(ErrorKind::ContextWindowExceeded);
    }
    is_policy(error).then_some(ErrorKind::ContentPolicy)
}

fn is_context_window(error: &ErrorBody) -> bool {
    has_word(error, &["context_length_exceeded", "exceed_context_size_error"])
        || says(
            error,
            &[
                "maximum context length",
                "context window",
                "context length",
                "context size",
                "maximum prompt length",
                "prompt is too long",
                "input is too long",
                "exceeds the maximum number of tokens allowed",
                "reduce the length of the messages",
            ],
        )
}

fn is_policy(error: &ErrorBody) -> bool {
    has_word(
        error,
        &[
            "content_filter",
            "content_policy_violation",
            "image_content_policy_violation",
            "moderation_blocked",
            "data_inspection_failed",
            "responsibleaipolicyviolation",
        ],
    ) || says(
        error,
        &[
            "content management policy",
            "content policy",
            "content_filter",
            "content_policy_violation",
            "violating our usage policy",
            "result of our safety system",
            "input was flagged",
        ],
    )
}

fn is_quota(error: &ErrorBody) -> bool {
    has_word(error, &["insufficient_quota", "billing_hard_limit_reached", "quota_exceeded"])
}

/// Whether nothing will be answered on this credential. A request that costs more than what is left of the
/// account says so by 402 too; a smaller one would pass, and whoever sent it must not lock out the others.
fn is_credential_fault(status: StatusCode, kind: ErrorKind, error: &ErrorBody) -> bool {
    kind == ErrorKind::UpstreamCredential
        && !(status == StatusCode::PAYMENT_REQUIRED && says(error, &["max_tokens", "can only afford"]))
}

/// A request that is larger than a minute's allowance is limited for good, at this target.
fn retry(kind: ErrorKind, error: &ErrorBody) -> Option<Retry> {
    let too_large = kind == ErrorKind::UpstreamRateLimited && says(error, &["request too large"]);
    too_large.then_some(Retry::NextTarget)
}

fn has_word(error: &ErrorBody, words: &[&str]) -> bool {
    let given = [error.code.as_deref(), error.error_type.as_deref()];
    given.into_iter().flatten().any(|given| words.iter().any(|word| given.eq_ignore_ascii_case(word)))
}

fn says(error: &ErrorBody, phrases: &[&str]) -> bool {
    let contains = |text: &str| {
        let text = text.to_ascii_lowercase();
        phrases.iter().any(|phrase| text.contains(phrase))
    };
    contains(&error.message) || error.relayed.as_deref().is_some_and(contains)
}

/// The status that an error type or code goes with, in any spelling: `rate_limit_error`, `RateLimitError`.
fn status_of_word(word: &str) -> Option<StatusCode> {
    let plain: String =
        word.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    let status = match plain.as_str() {
        "invalidrequesterror"
        | "badrequesterror"
        | "invalidargument"
        | "validationerror"
        | "invalidprompt"
        | "invalidencryptedcontent"
        | "previousresponsenotfound" => 400,
        picture if is_about_picture(picture) => 400,
        "authenticationerror" | "unauthorized" | "unauthenticated" | "invalidapikey" => 401,
        "insufficientfunds" | "paymentrequired" | "billingerror" => 402,
        "permissionerror" | "permissiondenied" | "permissiondeniederror" | "forbidden" => 403,
        "notfounderror" | "notfound" | "modelnotfound" => 404,
        "requesttoolarge" => 413,
        "ratelimiterror" | "ratelimitexceeded" | "toomanyrequests" | "insufficientquota"
        | "resourceexhausted" | "throttlingerror" | "slowdown" | "tokens" | "requests" => 429,
        "overloadederror"
        | "overloaded"
        | "serviceunavailable"
        | "serviceunavailableerror"
        | "serverisoverloaded"
        | "unavailable" => 503,
        "timeout" | "timeouterror" | "vectorstoretimeout" | "requesttimeout" | "gatewaytimeout"
        | "deadlineexceeded" => 504,
        "servererror" | "internalservererror" | "internalerror" | "apierror" | "internal" => 500,
        _ => return None,
    };
    StatusCode::from_u16(status).ok()
}

/// The codes that a response fails with over a picture that the caller gave: `image_too_large`.
fn is_about_picture(word: &str) -> bool {
    const BEGINNINGS: [&str; 6] = [
        "image",
        "invalidimage",
        "invalidbase64image",
        "unsupportedimage",
        "emptyimage",
        "failedtodownloadimage",
    ];
    BEGINNINGS.iter().any(|beginning| word.starts_with(beginning))
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
