//! Tests of what refusals mean.

use super::*;

fn error(error_type: &str, message: &str) -> String {
    format!(
        r#"{{"type":"error","error":{{"type":"{error_type}","message":"{message}"}},"request_id":"req_1"}}"#
    )
}

fn refusal(status: u16, body: &str) -> Failure {
    let status = StatusCode::from_u16(status).expect("a status");
    classify(status, &HeaderMap::new(), body.as_bytes())
}

fn check(status: u16, error_type: &str, message: &str, expected: ErrorKind) {
    let failure = refusal(status, &error(error_type, message));
    assert_eq!(failure.kind, expected, "{status} {error_type} {message}");
    assert_eq!(failure.message, message);
    assert_eq!(failure.upstream_type.as_deref(), Some(error_type));
    assert_eq!(failure.credential_fault, expected == ErrorKind::UpstreamCredential);
}

/// Every type that Anthropic documents, with its status.
const DOCUMENTED: [(u16, &str, ErrorKind); 11] = [
    (400, "invalid_request_error", ErrorKind::UpstreamInvalidRequest),
    (401, "authentication_error", ErrorKind::UpstreamCredential),
    (402, "billing_error", ErrorKind::UpstreamCredential),
    (403, "permission_error", ErrorKind::UpstreamForbidden),
    (404, "not_found_error", ErrorKind::UpstreamNotFound),
    (409, "conflict_error", ErrorKind::UpstreamFailed),
    (413, "request_too_large", ErrorKind::UpstreamInvalidRequest),
    (429, "rate_limit_error", ErrorKind::UpstreamRateLimited),
    (500, "api_error", ErrorKind::UpstreamFailed),
    (504, "timeout_error", ErrorKind::UpstreamTimeout),
    (529, "overloaded_error", ErrorKind::UpstreamFailed),
];

#[test]
fn documented_errors() {
    for (status, error_type, expected) in DOCUMENTED {
        check(status, error_type, "m", expected);
    }
}

#[test]
fn an_error_in_a_stream_is_its_http_twin() {
    for (status, error_type, expected) in DOCUMENTED {
        let failure = stream_failure(error(error_type, "m").as_bytes()).expect("a failure");
        let named = failure.status.map(|status| status.as_u16());
        assert_eq!((failure.kind, named), (expected, Some(status)), "{error_type}");
        assert_eq!(Failure { status: None, ..failure }, refusal(status, &error(error_type, "m")));
    }
}

#[test]
fn errors_in_a_stream_of_no_known_type() {
    let read = |data: &str| {
        let failure = stream_failure(data.as_bytes())?;
        Some((failure.kind, failure.status, failure.message))
    };
    let failed = |message: &str| Some((ErrorKind::UpstreamFailed, None, message.to_owned()));
    assert_eq!(read(&error("new_error", "m")), failed("m"));
    assert_eq!(read(r#"{"error":{"message":"m"}}"#), failed("m"));
    assert_eq!(read(r#"{"type":"error"}"#), failed("the upstream reported an error without saying which"));
    for data in [r#"{"type":"ping"}"#, r#"{"type":"message","error":null}"#, r#"{"error":null}"#, "", "{"] {
        assert_eq!(read(data), None, "{data}");
    }
}

#[test]
fn a_prompt_that_is_too_long() {
    let invalid = "invalid_request_error";
    let expected = ErrorKind::ContextWindowExceeded;
    check(400, invalid, "prompt is too long: 201000 tokens > 200000 maximum", expected);
    check(400, invalid, "input length and `max_tokens` exceed context limit: 1 + 2 > 3", expected);
    check(413, invalid, "Prompt is too long", expected);
    let event = stream_failure(error(invalid, "prompt is too long").as_bytes()).expect("a failure");
    assert_eq!(event.kind, expected);
}

#[test]
fn accounts_limits_and_content() {
    let invalid = "invalid_request_error";
    check(400, invalid, "Your credit balance is too low to access the API.", ErrorKind::UpstreamCredential);
    check(403, "authentication_error", "OAuth token has been revoked.", ErrorKind::UpstreamCredential);
    check(
        400,
        invalid,
        "You have reached your specified API usage limits. You will regain access on 2026-12-01.",
        ErrorKind::UpstreamQuotaExceeded,
    );
    check(400, invalid, "Output blocked by content filtering policy", ErrorKind::ContentPolicy);
    let spent = r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    let failure = refusal(429, spent);
    assert_eq!(failure.kind, ErrorKind::UpstreamQuotaExceeded);
    assert_eq!(failure.upstream_code.as_deref(), Some("enforced_spend_limit_reached"));
}

#[test]
fn what_proxies_answer() {
    assert_eq!(refusal(502, "<html>").kind, ErrorKind::UpstreamFailed);
    assert_eq!(refusal(503, "").kind, ErrorKind::UpstreamFailed);
    assert_eq!(refusal(524, "error code: 524").kind, ErrorKind::UpstreamTimeout);
    assert_eq!(refusal(301, "").kind, ErrorKind::UpstreamProtocol);
    assert_eq!(refusal(422, "no").kind, ErrorKind::UpstreamInvalidRequest);
}

fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs.map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
}

fn wait(status: u16, pairs: &[(&'static str, String)]) -> Option<Duration> {
    let status = StatusCode::from_u16(status).expect("a status");
    classify(status, &headers(pairs), error("rate_limit_error", "m").as_bytes()).retry_after
}

#[test]
fn how_long_to_wait() {
    let never = || "2999-01-01T00:00:00Z".to_owned();
    let remaining = "anthropic-ratelimit-input-tokens-remaining";
    let reset = "anthropic-ratelimit-input-tokens-reset";
    let past = ("anthropic-ratelimit-requests-reset", "2020-01-01T00:00:00Z".to_owned());
    let none_left = ("anthropic-ratelimit-requests-remaining", "0".to_owned());
    assert_eq!(wait(429, &[]), None);
    assert_eq!(
        wait(429, &[("retry-after", "7".into()), (remaining, "0".into()), (reset, never())]),
        Some(Duration::from_secs(7))
    );
    assert_eq!(wait(429, &[none_left.clone(), past.clone()]), Some(Duration::ZERO));
    assert_eq!(wait(429, &[(remaining, "5".into()), (reset, never())]), None);
    assert_eq!(wait(500, &[(remaining, "0".into()), (reset, never())]), None);
    let both = wait(429, &[none_left, past, (remaining, "0".into()), (reset, never())]);
    assert!(both.is_some_and(|wait| wait > Duration::from_secs(86_400)), "the later of both counts");
}

#[test]
fn the_upstream_s_word_on_trying_again() {
    let retry = |status: u16, word: &str| {
        let status = StatusCode::from_u16(status).expect("a status");
        let headers = headers(&[("x-should-retry", word.to_owned())]);
        classify(status, &headers, b"").retry
    };
    assert_eq!(retry(429, "false"), Some(Retry::NextTarget));
    assert_eq!(retry(529, "false"), Some(Retry::NextTarget));
    assert_eq!(retry(429, "true"), None);
    assert_eq!(retry(400, "false"), None);
}
