//! The log, as whoever reads standard error has it.

use serde_json::{Value, json};

use crate::client::{get, post, send};
use crate::server::Start;

const CHAT: &str = r#"{"model":"echo/a","user":"u-1","messages":[{"role":"user","content":"Hello"}]}"#;

#[tokio::test]
async fn json_lines_have_typed_fields() {
    let server = Start::new().variable("JSON_LOGS", "True").serve().await;
    assert_eq!(post(server.address, "/v1/chat/completions", CHAT).await.status, 200);
    let log = server.stop().await;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let line = lines.iter().find(|line| line["message"] == "request").expect("a request");
    let fields = line.as_object().expect("an object");
    for (name, expected) in [
        ("level", json!("INFO")),
        ("operation", json!("chat_completions")),
        ("model.name", json!("echo/a")),
        ("user.id", json!("u-1")),
        ("provider.name", json!("echo")),
        ("status", json!(200)),
        ("outcome", json!("completed")),
        ("streamed", json!(false)),
    ] {
        assert_eq!(fields[name], expected, "{line}");
    }
    assert!(fields["usage.input_tokens"].is_u64() && fields["duration_ms"].is_f64(), "{line}");
    assert!(fields["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
}

#[tokio::test]
async fn a_level_above_leaves_requests_out() {
    let server = Start::new().variable("LITELLM_LOG", "ERROR").serve().await;
    assert_eq!(get(server.address, "/health/liveliness").await.status, 200);
    assert_eq!(server.stop().await, "");
}

#[tokio::test]
async fn a_reader_that_stops_holds_no_request_up() {
    // A pipe holds 64 KiB. These lines are more than twice that.
    const REQUESTS: usize = 150;
    let server = Start::new().log_unread().serve().await;
    let body = format!(r#"{{"model":"none/{}","messages":[]}}"#, "m".repeat(1000));
    for index in 0..REQUESTS {
        let id = format!("call-{index}");
        let headers = [("content-type", "application/json"), ("x-litellm-call-id", &id)];
        let answer = send(server.address, "POST", "/v1/chat/completions", &headers, body.as_bytes()).await;
        assert!(answer.complete, "{}", answer.text());
    }
    let log = server.stop().await;
    let id = |line: &str| line.split("call.id=\"").nth(1)?.split('"').next().map(str::to_owned);
    let ids: Vec<String> = log.lines().filter(|line| line.contains("INFO request ")).filter_map(id).collect();
    let expected: Vec<String> = (0..REQUESTS).map(|index| format!("call-{index}")).collect();
    assert_eq!(ids, expected, "each has its line, in order");
}

#[tokio::test]
async fn a_line_cannot_be_forged() {
    let server = Start::new().serve().await;
    let body = r#"{"model":"echo/a\n2026-01-01T00:00:00.000000Z  INFO forged","messages":[]}"#;
    post(server.address, "/v1/chat/completions", body).await;
    let log = server.stop().await;
    assert!(log.contains(r#"model.name="echo/a\n2026-01-01T00:00:00.000000Z  INFO forged""#), "{log}");
}
