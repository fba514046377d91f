//! Tests of what refusals mean.

use std::time::Duration;

use super::*;

fn read(status: u16, body: &str) -> Failure {
    let status = StatusCode::from_u16(status).expect("a status");
    classify(status, &HeaderMap::new(), body.as_bytes())
}

fn check(status: u16, body: &str, expected: ErrorKind) {
    assert_eq!(read(status, body).kind, expected, "{status} {body}");
}

#[test]
fn statuses_decide_first() {
    for (status, expected) in [
        (307, ErrorKind::UpstreamProtocol),
        (400, ErrorKind::UpstreamInvalidRequest),
        (401, ErrorKind::UpstreamCredential),
        (402, ErrorKind::UpstreamCredential),
        (403, ErrorKind::UpstreamForbidden),
        (404, ErrorKind::UpstreamNotFound),
        (405, ErrorKind::UpstreamInvalidRequest),
        (408, ErrorKind::UpstreamTimeout),
        (409, ErrorKind::UpstreamFailed),
        (413, ErrorKind::UpstreamInvalidRequest),
        (422, ErrorKind::UpstreamInvalidRequest),
        (425, ErrorKind::UpstreamFailed),
        (429, ErrorKind::UpstreamRateLimited),
        (498, ErrorKind::UpstreamRateLimited),
        (500, ErrorKind::UpstreamFailed),
        (502, ErrorKind::UpstreamFailed),
        (503, ErrorKind::UpstreamFailed),
        (504, ErrorKind::UpstreamTimeout),
        (524, ErrorKind::UpstreamTimeout),
        (529, ErrorKind::UpstreamFailed),
    ] {
        check(status, r#"{"error":{"message":"m"}}"#, expected);
        check(status, "<html>", expected);
        check(status, "", expected);
    }
}

#[test]
fn context_windows() {
    let expected = ErrorKind::ContextWindowExceeded;
    check(400, r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#, expected);
    check(400, r#"{"error":{"message":"This model's maximum context length is 8192 tokens"}}"#, expected);
    check(
        400,
        r#"{"error":{"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
        expected,
    );
    check(413, "Prompt is too long", expected);
    check(500, r#"{"error":"input exceeds the context window"}"#, expected);
    check(
        400,
        r#"{"error":{"message":"Provider returned error","metadata":{"raw":"{\"message\":\"prompt is too long: 300000 tokens\"}"}}}"#,
        expected,
    );
    check(429, r#"{"error":{"message":"the context window is busy"}}"#, ErrorKind::UpstreamRateLimited);
}

#[test]
fn refused_content() {
    let expected = ErrorKind::ContentPolicy;
    check(400, r#"{"error":{"message":"m","code":"content_filter"}}"#, expected);
    check(
        400,
        r#"{"error":{"message":"m","type":"invalid_request_error","code":"content_policy_violation"}}"#,
        expected,
    );
    check(400, r#"{"error":{"message":"triggering Azure OpenAI's content management policy"}}"#, expected);
    check(
        403,
        r#"{"error":{"message":"requires moderation and your input was flagged","code":403}}"#,
        expected,
    );
}

#[test]
fn quotas_are_spent_and_limits_pass() {
    let failure = read(
        429,
        r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
    );
    assert_eq!(failure.kind, ErrorKind::UpstreamQuotaExceeded);
    assert!(!failure.credential_fault);
    check(
        400,
        r#"{"error":{"message":"m","code":"billing_hard_limit_reached"}}"#,
        ErrorKind::UpstreamQuotaExceeded,
    );
}

#[test]
fn faults_of_the_credential() {
    assert!(read(401, "").credential_fault);
    assert!(read(402, r#"{"error":{"message":"Insufficient Balance"}}"#).credential_fault);
    assert!(read(400, r#"{"error":{"message":"m","code":"invalid_api_key"}}"#).credential_fault);
    assert!(!read(403, "").credential_fault);
    assert!(!read(429, "").credential_fault);
}

#[test]
fn a_request_beyond_the_account_blames_the_request_alone() {
    let failure = read(
        402,
        r#"{"error":{"message":"This request requires more credits, or fewer max_tokens","code":402}}"#,
    );
    assert_eq!(failure.kind, ErrorKind::UpstreamCredential);
    assert!(!failure.credential_fault);
}

#[test]
fn a_request_beyond_a_minute_s_allowance_goes_elsewhere() {
    let failure = read(
        429,
        r#"{"error":{"message":"Request too large for gpt-4o: Limit 30000, Requested 50000","type":"tokens","code":"rate_limit_exceeded"}}"#,
    );
    assert_eq!(failure.kind, ErrorKind::UpstreamRateLimited);
    assert_eq!(failure.retry, Some(Retry::NextTarget));
}

#[test]
fn the_upstream_s_words_and_wishes_are_kept() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "7".parse().expect("a header value"));
    let body = br#"{"error":{"message":"slow","type":"requests","param":"n","code":"rate_limit_exceeded"}}"#;
    let expected = Failure {
        upstream_type: Some("requests".to_owned()),
        upstream_code: Some("rate_limit_exceeded".to_owned()),
        param: Some("n".to_owned()),
        retry_after: Some(Duration::from_secs(7)),
        ..Failure::new(ErrorKind::UpstreamRateLimited, "slow")
    };
    assert_eq!(classify(StatusCode::TOO_MANY_REQUESTS, &headers, body), expected);
}
