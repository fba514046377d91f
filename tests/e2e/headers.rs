//! What a reply's headers tell, and what they must not.

use crate::client::{post, send};
use crate::operation::{UPSTREAM_KEY, world};

#[tokio::test]
async fn a_whole_reply_tells_who_answered_what_it_cost_and_how_long_it_took() {
    let (simulator, server) = world().await;
    let body = r#"{"model":"gpt-4o-gateway","messages":[{"role":"user","content":"hi"}]}"#;
    let answer = post(server.address, "/v1/chat/completions", body).await;
    let sent = simulator.control().requests().pop().expect("one request");
    let billed = sent.billed.expect("it was billed").normalize().to_string();
    assert_eq!(answer.header("x-litellm-response-cost"), Some(billed.as_str()));
    assert_eq!(answer.header("x-litellm-model-group"), Some("gpt-4o-gateway"));
    assert_eq!(answer.header("x-litellm-model-id").map(str::len), Some(32));
    for name in [
        "x-litellm-call-id",
        "x-litellm-version",
        "x-litellm-response-duration-ms",
        "x-litellm-overhead-duration-ms",
    ] {
        assert!(answer.header(name).is_some_and(|value| !value.is_empty()), "{name}");
    }
    let number =
        |name: &str| answer.header(name).and_then(|text| text.parse::<f64>().ok()).expect("a number");
    assert!(number("x-litellm-overhead-duration-ms") <= number("x-litellm-response-duration-ms"));
    assert!(answer.head_bytes < 4096, "{} bytes", answer.head_bytes);
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn a_stream_tells_no_cost_and_is_not_buffered() {
    let (_simulator, server) = world().await;
    let body = r#"{"model":"gpt-4o-gateway","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let answer = post(server.address, "/v1/chat/completions", body).await;
    assert_eq!(answer.header("x-litellm-response-cost"), None);
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    assert!(answer.header("content-type").is_some_and(|value| value.starts_with("text/event-stream")));
}

#[tokio::test]
async fn a_caller_s_own_call_id_is_kept() {
    let (_simulator, server) = world().await;
    let body = r#"{"model":"gpt-4o-gateway","messages":[]}"#;
    let headers = [("x-litellm-call-id", "my-call-7")];
    let answer = send(server.address, "POST", "/v1/chat/completions", &headers, body.as_bytes()).await;
    assert_eq!(answer.header("x-litellm-call-id"), Some("my-call-7"));
}

#[tokio::test]
async fn only_what_is_named_goes_upstream() {
    let (simulator, server) = world().await;
    let body = r#"{"model":"gpt-4o-gateway","messages":[{"role":"user","content":"hi"}]}"#;
    let headers = [
        ("authorization", "Bearer sk-the-caller-s-own"),
        ("x-api-key", "sk-the-caller-s-own"),
        ("cookie", "session=1"),
        ("x-forwarded-for", "10.0.0.7"),
        ("x-title", "My app"),
        ("http-referer", "https://my.app"),
        ("x-session-affinity", "conversation-7"),
    ];
    let answer = send(server.address, "POST", "/v1/chat/completions", &headers, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = simulator.control().requests().pop().expect("one request");
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {UPSTREAM_KEY}").as_str()));
    assert_eq!((sent.title(), sent.referer()), (Some("My app"), Some("https://my.app")));
    assert_eq!(sent.header("x-session-affinity"), Some("conversation-7"));
    for name in ["x-api-key", "cookie", "x-forwarded-for"] {
        assert_eq!(sent.header(name), None, "{name}");
    }
}
