//! Every refusal that the gateway is known to send.

use std::time::Duration;

use super::*;

fn read(status: u16, body: &str) -> Failure {
    let status = StatusCode::from_u16(status).expect("a status");
    classify(status, &HeaderMap::new(), body.as_bytes(), Blame::Credential)
}

/// What the retry advice is in the end, as the router sees it.
fn check(status: u16, body: &str, kind: ErrorKind, retry: Retry, credential_fault: bool) {
    let failure = read(status, body);
    let error = trunkline_core::Error::new(failure.kind, "");
    let advice = failure.retry.unwrap_or_else(|| error.retry());
    assert_eq!(
        (failure.kind, advice, failure.credential_fault),
        (kind, retry, credential_fault),
        "{status} {body}"
    );
}

fn typed(error_type: &str) -> String {
    format!(r#"{{"error":{{"message":"no","type":"{error_type}","param":null,"code":null}}}}"#)
}

#[test]
fn the_account_is_at_fault() {
    use ErrorKind::UpstreamCredential;
    check(401, &typed("authentication_error"), UpstreamCredential, Retry::NextTarget, true);
    check(402, &typed("insufficient_funds"), UpstreamCredential, Retry::NextTarget, true);
    check(403, &typed("customer_verification_required"), UpstreamCredential, Retry::NextTarget, true);
}

#[test]
fn only_these_three_are_the_account_s_fault() {
    check(401, "Unauthorized", ErrorKind::UpstreamCredential, Retry::NextTarget, false);
    check(402, "", ErrorKind::UpstreamCredential, Retry::NextTarget, false);
    check(403, "Forbidden", ErrorKind::UpstreamForbidden, Retry::NextTarget, false);
    check(500, &typed("authentication_error"), ErrorKind::UpstreamFailed, Retry::SameTarget, false);
}

/// A caller's own credentials and quota may be what is refused; that must not close the deployment to others.
#[test]
fn nobody_is_blamed_for_what_the_caller_brought() {
    let body = typed("authentication_error");
    let failure = classify(StatusCode::UNAUTHORIZED, &HeaderMap::new(), body.as_bytes(), Blame::Nobody);
    assert_eq!(failure.kind, ErrorKind::UpstreamCredential);
    assert!(!failure.credential_fault);
}

#[test]
fn a_spent_budget_is_never_tried_again_here() {
    let body = r#"{"error":{"message":"Quota limit exceeded for \"u-7\". Current spend: $5, limit: $5.","type":"quota_for_entity_exceeded"}}"#;
    for status in [402, 403, 429] {
        check(status, body, ErrorKind::UpstreamQuotaExceeded, Retry::NextTarget, false);
    }
    let message = r#"Quota limit exceeded for "u-7". Current spend: $5, limit: $5."#;
    assert_eq!(read(402, body).message, message);
}

#[test]
fn what_the_plan_the_rules_or_the_filters_forbid() {
    let restricted = r#"{"error":{"message":"Free tier users do not have access to this model.","type":"no_providers_available","param":{"statusCode":403,"name":"RestrictedModelsError"}}}"#;
    check(403, restricted, ErrorKind::UpstreamForbidden, Retry::NextTarget, false);
    let rule = r#"{"error":{"message":"denied","type":"forbidden","param":{"ruleId":"r_1"}}}"#;
    check(403, rule, ErrorKind::UpstreamForbidden, Retry::NextTarget, false);
    let terms = r#"{"error":{"message":"this is against the content policy of the provider","type":"permission_error"}}"#;
    check(403, terms, ErrorKind::UpstreamForbidden, Retry::NextTarget, false);
    let filters = r#"{"error":{"message":"No ZDR (Zero Data Retention) providers available for model: x/y. Providers considered: a, b","type":"no_providers_available"}}"#;
    check(400, filters, ErrorKind::UpstreamInvalidRequest, Retry::Never, false);
    check(400, &typed("invalid_request_error"), ErrorKind::UpstreamInvalidRequest, Retry::Never, false);
}

#[test]
fn a_model_that_is_not_there() {
    let body =
        r#"{"error":{"message":"Model 'x/y' not found","type":"model_not_found","param":{"modelId":"x/y"}}}"#;
    check(404, body, ErrorKind::UpstreamNotFound, Retry::NextTarget, false);
    assert_eq!(read(404, body).upstream_type.as_deref(), Some("model_not_found"));
}

#[test]
fn what_may_pass_the_next_time() {
    check(408, &typed("timeout_error"), ErrorKind::UpstreamTimeout, Retry::SameTarget, false);
    check(409, &typed("conflict"), ErrorKind::UpstreamFailed, Retry::SameTarget, false);
    check(429, &typed("rate_limit_exceeded"), ErrorKind::UpstreamRateLimited, Retry::SameTarget, false);
    check(500, &typed("internal_server_error"), ErrorKind::UpstreamFailed, Retry::SameTarget, false);
    check(503, &typed("service_unavailable_error"), ErrorKind::UpstreamFailed, Retry::SameTarget, false);
    check(504, "", ErrorKind::UpstreamTimeout, Retry::SameTarget, false);
    check(424, &typed("failed_dependency"), ErrorKind::UpstreamFailed, Retry::NextTarget, false);
}

#[test]
fn bodies_that_are_not_the_gateway_s_own() {
    let provider_shaped = r#"{"type":"error","error":{"type":"rate_limit_error","message":"Number of requests has exceeded your limit"}}"#;
    check(429, provider_shaped, ErrorKind::UpstreamRateLimited, Retry::SameTarget, false);
    assert_eq!(read(429, provider_shaped).message, "Number of requests has exceeded your limit");
    let html = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>";
    check(502, html, ErrorKind::UpstreamFailed, Retry::SameTarget, false);
    let flat = r#"{"error":"No ZDR providers available","type":"no_providers_available","statusCode":400}"#;
    check(400, flat, ErrorKind::UpstreamInvalidRequest, Retry::Never, false);
    assert_eq!(read(400, flat).message, "No ZDR providers available");
    assert_eq!(read(404, "Usage event not found").message, "Usage event not found");
    check(503, "", ErrorKind::UpstreamFailed, Retry::SameTarget, false);
}

/// Messages are refused in Anthropic's envelope, with Anthropic's types or with the gateway's.
#[test]
fn refusals_of_messages() {
    let typed = |error_type: &str, message: &str| {
        format!(
            r#"{{"type":"error","error":{{"type":"{error_type}","message":"{message}"}},"request_id":"req_1"}}"#
        )
    };
    use ErrorKind::{UpstreamCredential, UpstreamFailed, UpstreamNotFound, UpstreamQuotaExceeded};
    check(401, &typed("authentication_error", "no"), UpstreamCredential, Retry::NextTarget, true);
    check(402, &typed("insufficient_funds", "no"), UpstreamCredential, Retry::NextTarget, true);
    check(402, &typed("quota_for_entity_exceeded", "no"), UpstreamQuotaExceeded, Retry::NextTarget, false);
    check(404, &typed("not_found_error", "no"), UpstreamNotFound, Retry::NextTarget, false);
    check(529, &typed("overloaded_error", "no"), UpstreamFailed, Retry::SameTarget, false);
    check(403, &typed("permission_error", "no"), ErrorKind::UpstreamForbidden, Retry::NextTarget, false);
    let long = typed("invalid_request_error", "prompt is too long: 200001 tokens > 200000 maximum");
    check(400, &long, ErrorKind::ContextWindowExceeded, Retry::NextTarget, false);
    assert_eq!(read(400, &long).upstream_type.as_deref(), Some("invalid_request_error"));
    // An account that the provider behind the gateway would not serve is not the deployment's.
    check(
        400,
        &typed("invalid_request_error", "Your credit balance is too low"),
        UpstreamCredential,
        Retry::NextTarget,
        false,
    );
}

#[test]
fn refusals_of_rerank() {
    let body = r#"{"message":"invalid request: query: too_small"}"#;
    check(400, body, ErrorKind::UpstreamInvalidRequest, Retry::Never, false);
    assert_eq!(read(400, body).message, "invalid request: query: too_small");
    check(401, r#"{"message":"invalid api token"}"#, ErrorKind::UpstreamCredential, Retry::NextTarget, false);
}

#[test]
fn the_gateway_s_wish_to_wait_is_kept() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "7".parse().expect("a header value"));
    let body = typed("rate_limit_exceeded");
    let failure = classify(StatusCode::TOO_MANY_REQUESTS, &headers, body.as_bytes(), Blame::Credential);
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
}

/// The one failure that live traffic showed for a relayed upstream.
#[test]
fn a_relayed_failure_keeps_its_words() {
    let body = r#"{"error":{"message":"Service temporarily unavailable.","type":"service_unavailable_error","param":{"error":"Service temporarily unavailable.","type":"service_unavailable_error","statusCode":503}},"providerMetadata":{"gateway":{"routing":{"modelAttemptCount":1},"generationId":"gen_01"}}}"#;
    check(503, body, ErrorKind::UpstreamFailed, Retry::SameTarget, false);
    assert_eq!(read(503, body).message, "Service temporarily unavailable.");
}

#[test]
fn inside_a_stream_the_type_decides() {
    let read = |error_type: &str| {
        let body = typed(error_type);
        let failure = trunkline_openai::wire::stream_failure(body.as_bytes()).expect("a failure");
        let status = failure.status;
        let failure = judge(failure, status, body.as_bytes(), Blame::Credential);
        (failure.kind, failure.credential_fault)
    };
    assert_eq!(read("quota_for_entity_exceeded"), (ErrorKind::UpstreamQuotaExceeded, false));
    assert_eq!(read("insufficient_funds"), (ErrorKind::UpstreamCredential, true));
    assert_eq!(read("customer_verification_required"), (ErrorKind::UpstreamCredential, true));
    assert_eq!(read("failed_dependency"), (ErrorKind::UpstreamFailed, false));
    assert_eq!(read("no_providers_available"), (ErrorKind::UpstreamInvalidRequest, false));
    assert_eq!(read("service_unavailable_error"), (ErrorKind::UpstreamFailed, false));
}
