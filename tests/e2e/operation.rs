//! Calls through the binary to the simulated Vercel AI Gateway: what arrives there, and what comes back.

use trunkline_testkit::simulator::{Fault, FaultRule, Simulator, SimulatorOptions};

use crate::client::{post, send};
use crate::server::{Start, Trunkline};

pub(crate) const UPSTREAM_KEY: &str = "vck_upstream_key_that_must_not_show";

/// The configuration of LiteLLM's page for this provider, pointed at a simulator.
pub(crate) async fn world() -> (Simulator, Trunkline) {
    let simulator = Simulator::start(SimulatorOptions::default()).await.expect("a loopback port");
    let base = simulator.v1_url();
    let config = format!(
        "router_settings:\n  num_retries: 0\n\
         model_list:\n\
         - model_name: gpt-4o-gateway\n  litellm_params:\n    model: vercel_ai_gateway/openai/gpt-4o\n    \
         api_key: os.environ/VERCEL_AI_GATEWAY_API_KEY\n    api_base: {base}\n\
         - model_name: claude-4-sonnet-gateway\n  litellm_params:\n    model: vercel_ai_gateway/anthropic/claude-4-sonnet\n    \
         api_key: os.environ/VERCEL_AI_GATEWAY_API_KEY\n    api_base: {base}\n\
         - model_name: vercel/*\n  litellm_params:\n    model: vercel_ai_gateway/*\n    \
         api_key: os.environ/VERCEL_AI_GATEWAY_API_KEY\n    api_base: {base}\n"
    );
    let server =
        Start::new().config(config).variable("VERCEL_AI_GATEWAY_API_KEY", UPSTREAM_KEY).serve().await;
    (simulator, server)
}

#[tokio::test]
async fn a_chat_goes_through_and_only_the_model_changes() {
    let (simulator, server) = world().await;
    let body = r#"{"messages":[{"role":"user","content":"Héllo \u00e9 漢😀"}], "model" : "gpt-4o-gateway","temperature":1.0,
        "providerOptions":{"gateway":{"order":["openai"],"tags":["a"]}},"invented_next_year":{"n":1.50e2},"seed":12345678901234567890}"#;
    let answer = post(server.address, "/v1/chat/completions", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["model"], "gpt-4o-gateway");
    let sent = simulator.control().requests().pop().expect("one request");
    let expected = body.replace("\"gpt-4o-gateway\"", "\"openai/gpt-4o\"");
    assert_eq!(String::from_utf8_lossy(&sent.body), expected);
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {UPSTREAM_KEY}").as_str()));
    assert_eq!(sent.title(), Some("Trunkline"));
}

#[tokio::test]
async fn a_reply_is_the_upstream_s_but_for_the_declared_splices() {
    let (simulator, server) = world().await;
    let upstream = post(simulator.address(), "/v1/chat/completions", &direct_body()).await;
    assert_eq!(upstream.status, 401, "the simulator asks for a key");
    let key = format!("Bearer {UPSTREAM_KEY}");
    let direct = send(
        simulator.address(),
        "POST",
        "/v1/chat/completions",
        &[("authorization", &key)],
        direct_body().as_bytes(),
    )
    .await;
    let through = post(
        server.address,
        "/v1/chat/completions",
        &direct_body().replace("openai/gpt-4o", "gpt-4o-gateway"),
    )
    .await;
    assert_eq!((direct.status, through.status), (200, 200));
    let undone = through.text().replacen("\"gpt-4o-gateway\"", "\"openai/gpt-4o\"", 1);
    assert_eq!(stable(&undone), stable(&direct.text()));
}

fn direct_body() -> String {
    r#"{"model":"openai/gpt-4o","messages":[{"role":"user","content":"same question"}]}"#.to_owned()
}

/// The text without what differs from one call to the next: ids, times, fingerprints.
fn stable(text: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(text).expect("JSON");
    value["id"] = "id".into();
    value["created"] = 0.into();
    value["generationId"] = "id".into();
    value["choices"][0]["message"]["provider_metadata"] = serde_json::Value::Null;
    value.to_string()
}

#[tokio::test]
async fn the_same_under_every_path() {
    let (simulator, server) = world().await;
    let without_model = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
    for path in [
        "/engines/gpt-4o-gateway/chat/completions",
        "/openai/deployments/gpt-4o-gateway/chat/completions",
        "/engines/vercel/openai/gpt-4o/chat/completions",
        "/engines/vercel%2Fopenai%2Fgpt-4o/chat/completions",
    ] {
        let answer = post(server.address, path, without_model).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let sent = simulator.control().requests().pop().expect("a request");
        assert_eq!(sent.model.as_deref(), Some("openai/gpt-4o"), "{path}");
    }
}

#[tokio::test]
async fn refusals_of_the_upstream_keep_their_meaning() {
    let (simulator, server) = world().await;
    let body = r#"{"model":"gpt-4o-gateway","messages":[{"role":"user","content":"hi"}]}"#;
    let cases: [(Fault, u16, &str); 12] = [
        (Fault::InvalidKey, 401, "upstream_credential_error"),
        (Fault::InsufficientFunds, 402, "upstream_credential_error"),
        (Fault::VerificationRequired, 403, "upstream_credential_error"),
        (Fault::QuotaExceeded, 402, "quota_for_entity_exceeded"),
        (Fault::RuleDenied, 403, "forbidden"),
        (Fault::UnknownModel, 404, "model_not_found"),
        (Fault::NoProviders, 400, "no_providers_available"),
        (Fault::RateLimited { retry_after: None }, 429, "rate_limit_exceeded"),
        (Fault::Unavailable, 503, "service_unavailable_error"),
        (Fault::HtmlBadGateway, 502, "internal_server_error"),
        (Fault::EmptyError { status: 500 }, 500, "internal_server_error"),
        (Fault::Garbage, 502, "upstream_protocol_error"),
    ];
    for (fault, status, kind) in cases {
        let name = format!("{fault:?}");
        simulator.control().fault(FaultRule::new([fault]));
        let answer = post(server.address, "/v1/chat/completions", body).await;
        let (seen, seen_kind, _) = answer.error();
        assert_eq!((seen, seen_kind.as_str()), (status, kind), "{name}: {}", answer.text());
        assert!(!answer.text().contains(UPSTREAM_KEY), "{name}");
    }
}

#[tokio::test]
async fn waits_that_an_upstream_asks_for_are_passed_on() {
    let (simulator, server) = world().await;
    let retry_after = Some(trunkline_testkit::simulator::RetryAfter::Seconds(7));
    simulator.control().fault(FaultRule::new([Fault::RateLimited { retry_after }]));
    let body = r#"{"model":"gpt-4o-gateway","messages":[{"role":"user","content":"hi"}]}"#;
    let answer = post(server.address, "/v1/chat/completions", body).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
}

#[tokio::test]
async fn an_operation_that_a_provider_does_not_have_is_said_so() {
    let (_simulator, server) = world().await;
    let answer = post(server.address, "/v1/completions", r#"{"model":"gpt-4o-gateway","prompt":"hi"}"#).await;
    assert_eq!(answer.error().0, 400);
    assert_eq!(answer.error().1, "unsupported_operation");
    assert!(answer.message().contains("chat_completions, embeddings"), "{}", answer.message());
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_503_and_its_address_stays_private() {
    let base = trunkline_testkit::upstream::refused_url().await.expect("a port");
    let config = format!(
        "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    api_base: {base}/v1\n"
    );
    let server = Start::new().config(config).serve().await;
    let answer = post(server.address, "/v1/chat/completions", r#"{"model":"m","messages":[]}"#).await;
    assert_eq!(answer.error().0, 503);
    assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
}

#[tokio::test]
async fn a_call_takes_no_longer_than_it_may() {
    let (simulator, server) = world().await;
    simulator.control().fault(FaultRule::new([Fault::Hang]).times(2));
    let body = r#"{"model":"gpt-4o-gateway","messages":[],"timeout":0.2}"#;
    let answer = post(server.address, "/v1/chat/completions", body).await;
    assert_eq!(answer.error().0, 408, "{}", answer.text());
    // An SDK that tried twice more would wait three times as long.
    assert_eq!(answer.header("x-should-retry"), Some("false"), "{:?}", answer.headers);
    let body = r#"{"model":"gpt-4o-gateway","messages":[]}"#;
    let answer = send(
        server.address,
        "POST",
        "/v1/chat/completions",
        &[("x-litellm-timeout", "0.2")],
        body.as_bytes(),
    )
    .await;
    assert_eq!((answer.error().0, answer.header("x-should-retry")), (408, Some("false")));
}

#[tokio::test]
async fn no_key_shows_in_the_log() {
    let (simulator, server) = world().await;
    simulator.control().fault(FaultRule::new([Fault::InvalidKey]));
    let body = r#"{"model":"gpt-4o-gateway","messages":[{"role":"user","content":"a private question"}]}"#;
    post(server.address, "/v1/chat/completions", body).await;
    post(server.address, "/v1/chat/completions", body).await;
    let log = server.stop().await;
    assert!(log.contains("chat_completions"), "{log}");
    assert!(!log.contains(UPSTREAM_KEY) && !log.contains("private question"), "{log}");
}
