//! Refusals and failures: the status, the type, the very body.

use serde_json::{Value, json};
use trunkline_testkit::simulator::{Fault, FaultRule, RetryAfter, oidc_token};

use crate::client::{KEY, chat, post, send};
use crate::simulator_chat::simulator;

async fn check(fault: Fault, status: u16, content_type: Option<&str>, body: &str) {
    let simulator = simulator().await;
    simulator.control().fault(fault.clone());
    let received = chat(&simulator.url(), "openai/gpt-4o", r#","stream":true"#).await;
    assert_eq!(
        (received.status, received.header("content-type"), received.text()),
        (status, content_type, body),
        "{fault:?}"
    );
    assert_eq!(chat(&simulator.url(), "openai/gpt-4o", "").await.status, 200, "a fault is for one request");
}

const JSON: Option<&str> = Some("application/json; charset=utf-8");

#[tokio::test]
async fn faults_answer_with_the_bodies_that_were_seen() {
    check(
        Fault::InvalidKey,
        401,
        JSON,
        r#"{"error":{"message":"Authentication failed. Check that your Vercel credential is valid and has access to AI Gateway.","type":"authentication_error"}}"#,
    )
    .await;
    check(
        Fault::UnknownModel,
        404,
        JSON,
        r#"{"error":{"message":"Model 'openai/gpt-4o' not found","type":"model_not_found","param":{"modelId":"openai/gpt-4o"}}}"#,
    )
    .await;
    check(
        Fault::FlatError,
        400,
        JSON,
        r#"{"error":"No providers left after filtering","statusCode":400,"type":"no_providers_available"}"#,
    )
    .await;
    let page = "<!DOCTYPE html>\n<html><head><title>502: Bad Gateway</title></head>\n<body><h1>Bad Gateway</h1></body></html>\n";
    check(Fault::HtmlBadGateway, 502, Some("text/html; charset=utf-8"), page).await;
    check(Fault::PlainTextError, 400, Some("text/plain; charset=utf-8"), "Bad request: é").await;
    check(Fault::EmptyError { status: 529 }, 529, None, "").await;
    let answer = Fault::Answer { status: 418, content_type: "x/y".to_owned(), body: "z".to_owned() };
    check(answer, 418, Some("x/y"), "z").await;
}

#[tokio::test]
async fn every_refusal_has_its_status_and_type() {
    let simulator = simulator().await;
    let cases = [
        (Fault::InsufficientFunds, 402, "insufficient_funds"),
        (Fault::QuotaExceeded, 402, "quota_for_entity_exceeded"),
        (Fault::VerificationRequired, 403, "customer_verification_required"),
        (Fault::RestrictedModel, 403, "no_providers_available"),
        (Fault::RuleDenied, 403, "forbidden"),
        (Fault::TermsViolated, 403, "permission_error"),
        (Fault::NoProviders, 400, "no_providers_available"),
        (Fault::ContextTooLong, 400, "invalid_request_error"),
        (Fault::FailedDependency, 424, "failed_dependency"),
        (Fault::RateLimited { retry_after: None }, 429, "rate_limit_exceeded"),
        (Fault::ProviderRateLimited, 429, "rate_limit_error"),
        (Fault::InternalError, 500, "internal_server_error"),
        (Fault::Unavailable, 503, "service_unavailable_error"),
    ];
    for (fault, status, kind) in cases {
        simulator.control().fault(fault);
        let received = chat(&simulator.url(), "openai/gpt-4o", "").await;
        assert_eq!((received.status, &received.json()["error"]["type"]), (status, &json!(kind)));
    }
}

#[tokio::test]
async fn details_of_refusals_are_there() {
    let simulator = simulator().await;
    let get = async |fault: Fault| {
        simulator.control().fault(fault);
        chat(&simulator.url(), "openai/gpt-4o", "").await
    };
    let restricted = get(Fault::RestrictedModel).await.json();
    assert_eq!(restricted["error"]["param"], json!({"statusCode": 403, "name": "RestrictedModelsError"}));
    assert_eq!(get(Fault::RuleDenied).await.json()["error"]["param"], json!({"ruleId": "rule_sim"}));
    let seconds = get(Fault::RateLimited { retry_after: Some(RetryAfter::Seconds(9)) }).await;
    assert_eq!(seconds.header("retry-after"), Some("9"));
    let date = get(Fault::RateLimited { retry_after: Some(RetryAfter::DateIn(60)) }).await;
    assert_eq!(date.header("retry-after"), Some("Mon, 21 Sep 2026 14:14:20 GMT"));
    let unavailable = get(Fault::Unavailable).await.json();
    let attempts = &unavailable["providerMetadata"]["gateway"]["routing"]["modelAttempts"];
    assert_eq!(attempts[0]["providerAttempts"][0]["statusCode"], 503);
    assert_eq!(unavailable["providerMetadata"]["gateway"]["generationId"], unavailable["generationId"]);
}

#[tokio::test]
async fn models_named_after_faults_fail_by_themselves() {
    let simulator = simulator().await;
    assert_eq!(chat(&simulator.url(), "sim/fault-unavailable", "").await.status, 503);
    let limited = chat(&simulator.url(), "sim/fault-rate-limited-3", "").await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("3")));
    assert_eq!(chat(&simulator.url(), "sim/fault-no-such-thing", "").await.status, 404);
    let embedding = r#"{"model":"sim/fault-insufficient-funds","input":"x"}"#;
    assert_eq!(post(&simulator.url(), "/v1/embeddings", embedding).await.status, 402);
}

#[tokio::test]
async fn rules_choose_by_model_path_and_count() {
    let simulator = simulator().await;
    let control = simulator.control();
    control.fault(FaultRule::new([Fault::Unavailable]).times(2).for_model("openai/gpt-4o"));
    control.fault(FaultRule::new([Fault::Garbage]).always().for_path("/v1/models"));
    let status = async |model: &str| chat(&simulator.url(), model, "").await.status;
    assert_eq!(status("openai/gpt-4o-mini").await, 200);
    assert_eq!((status("openai/gpt-4o").await, status("openai/gpt-4o").await), (503, 503));
    assert_eq!(status("openai/gpt-4o").await, 200);
    for _ in 0..2 {
        let models = send(&simulator.url(), "GET", "/v1/models", &[], "").await;
        assert_eq!((models.status, models.text()), (200, r#"{"object":"list","data":[{"id":"#));
    }
    control.clear_faults();
    let models = send(&simulator.url(), "GET", "/v1/models", &[], "").await;
    assert!(models.json()["data"].as_array().unwrap().len() > 400);
}

#[tokio::test]
async fn credentials_are_looked_at() {
    let simulator = simulator().await;
    let now = 1_790_000_000;
    let status = async |headers: &[(&str, &str)]| {
        let body = r#"{"model":"openai/gpt-4o","messages":[{"role":"user","content":"x"}]}"#;
        send(&simulator.url(), "POST", "/v1/chat/completions", headers, body).await.status
    };
    assert_eq!(status(&[]).await, 401);
    assert_eq!(status(&[KEY]).await, 200);
    assert_eq!(status(&[("authorization", "Bearer vck_invalid_1")]).await, 401);
    assert_eq!(status(&[("authorization", &format!("Bearer {}", oidc_token(now + 1)))]).await, 200);
    assert_eq!(status(&[("authorization", &format!("Bearer {}", oidc_token(now)))]).await, 401);
    let kinds = simulator
        .control()
        .requests()
        .iter()
        .map(|request| format!("{:?}", request.credential))
        .collect::<Vec<_>>();
    assert_eq!(kinds, ["Missing", "ApiKey", "Unrecognised", "OidcToken", "ExpiredOidcToken"]);
}

#[tokio::test]
async fn bad_requests_are_refused_in_the_gateways_words() {
    let simulator = simulator().await;
    let error = async |body: &str| {
        let received = post(&simulator.url(), "/v1/chat/completions", body).await;
        (received.status, received.json()["error"].clone())
    };
    let kind = |(status, error): (u16, Value)| (status, error["type"].as_str().unwrap().to_owned());
    let invalid = (400, "invalid_request_error".to_owned());
    for body in
        ["", "{", "[]", "{}", r#"{"model":"openai/gpt-4o"}"#, r#"{"model":"openai/gpt-4o","messages":[]}"#]
    {
        assert_eq!(kind(error(body).await), invalid, "{body}");
    }
    let (status, embedding) =
        error(r#"{"model":"openai/text-embedding-3-small","messages":[{"role":"user","content":"x"}]}"#)
            .await;
    assert_eq!((status, &embedding["param"]["name"]), (400, &json!("ModelTypeMismatchError")));
    let (status, unknown) = error(r#"{"model":"x/y","messages":[{"role":"user","content":"x"}]}"#).await;
    assert_eq!(status, 404);
    assert_eq!(
        unknown,
        json!({"message": "Model 'x/y' not found", "type": "model_not_found", "param": {"modelId": "x/y"}})
    );
    let completions =
        post(&simulator.url(), "/v1/completions", r#"{"model":"openai/gpt-4o","prompt":"x"}"#).await;
    assert_eq!((completions.status, &completions.json()["error"]["type"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn balance_and_budget_refuse_once_they_are_crossed() {
    let simulator = simulator().await;
    let control = simulator.control();
    control.set_budget("team-1", "0.000004".parse().unwrap());
    let quota = r#","providerOptions":{"gateway":{"quotaEntityId":"team-1"}}"#;
    assert_eq!(
        chat(&simulator.url(), "openai/gpt-4.1-nano", quota).await.status,
        200,
        "the crossing request is served"
    );
    let over = chat(&simulator.url(), "openai/gpt-4.1-nano", quota).await;
    let message = r#"Quota limit exceeded for "team-1". Current spend: $0.0000052, limit: $0.000004."#;
    assert_eq!((over.status, &over.json()["error"]["message"]), (402, &json!(message)));
    control.set_balance("0".parse().unwrap());
    let empty = chat(&simulator.url(), "openai/gpt-4.1-nano", "").await;
    assert_eq!((empty.status, &empty.json()["error"]["type"]), (402, &json!("insufficient_funds")));
}
