//! Tests of what error bodies are read as.

use super::*;

fn read_with(status: u16, body: &str) -> ErrorBody {
    let status = StatusCode::from_u16(status).expect("a status");
    error_body(status, body.as_bytes())
}

fn check(body: &str, message: &str, error_type: Option<&str>, code: Option<&str>) {
    let read = read_with(400, body);
    assert_eq!(
        (read.message.as_str(), read.error_type.as_deref(), read.code.as_deref()),
        (message, error_type, code),
        "{body}"
    );
}

#[test]
fn the_envelope() {
    let body = r#"{"error":{"message":"too hot","type":"invalid_request_error","param":"temperature","code":"above_max"}}"#;
    check(body, "too hot", Some("invalid_request_error"), Some("above_max"));
    assert_eq!(read_with(400, body).param.as_deref(), Some("temperature"));
}

#[test]
fn flat_envelopes() {
    check(r#"{"error":"no","type":"bad_thing","statusCode":400}"#, "no", Some("bad_thing"), None);
    check(r#"{"message":"no","type":"bad_thing"}"#, "no", Some("bad_thing"), None);
    check(
        r#"{"object":"error","message":"no","type":"BadRequestError","code":400}"#,
        "no",
        Some("BadRequestError"),
        Some("400"),
    );
    check(r#"{"detail":"Not authenticated"}"#, "Not authenticated", None, None);
    check(r#"{"detail":{"message":"no"}}"#, "no", None, None);
    check(
        r#"[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]"#,
        "no",
        Some("INVALID_ARGUMENT"),
        Some("400"),
    );
    check(r#""just a text""#, "just a text", None, None);
}

#[test]
fn lists_of_complaints() {
    let body = r#"{"detail":[{"loc":["body","messages",0],"msg":"field required","type":"missing"},{"msg":"and this"}]}"#;
    check(body, "body.messages.0: field required; and this", None, None);
    assert_eq!(read_with(422, body).param.as_deref(), Some("body.messages.0"));
}

#[test]
fn an_error_inside_a_text_is_dug_out() {
    let body = r#"{"message":"Stream error occurred","name":"AI_TypeValidationError","value":{"error_message":"{\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\",\"code\":\"429\"}}","error_type":"x"}}"#;
    check(body, "slow down", Some("rate_limit_error"), Some("429"));
    assert_eq!(read_with(400, body).status, Some(StatusCode::TOO_MANY_REQUESTS));
    check(r#"{"error":{"message":"{\"message\":\"deep\"}","type":"outer"}}"#, "deep", Some("outer"), None);
}

#[test]
fn a_relay_quotes_the_vendor() {
    let read = read_with(
        400,
        r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"prompt is too long","provider_name":"A"}}}"#,
    );
    assert_eq!(read.message, "Provider returned error");
    assert_eq!(read.relayed.as_deref(), Some("prompt is too long"));
}

#[test]
fn what_is_no_envelope() {
    check("Not Found", "Not Found", None, None);
    check("", "the upstream answered 400 with an empty body", None, None);
    check(" \n", "the upstream answered 400 with an empty body", None, None);
    check("<!DOCTYPE HTML><p>", "the upstream answered 400 with an HTML page", None, None);
    check("{}", "{}", None, None);
    check(r#"{"error":null}"#, r#"{"error":null}"#, None, None);
    check("{\"error\":", "{\"error\":", None, None);
}

#[test]
fn long_messages_are_cut_between_characters() {
    let read = read_with(500, &"é".repeat(4000));
    assert_eq!(read.message.len(), MESSAGE_BYTES_MAX);
    let odd = format!("x{}", "é".repeat(4000));
    assert_eq!(read_with(500, &odd).message.len(), MESSAGE_BYTES_MAX - 1);
}

#[test]
fn nesting_without_end_ends() {
    let mut body = r#"{"message":"core"}"#.to_owned();
    for _ in 0..20 {
        body = serde_json::json!({ "error": body }).to_string();
        if body.len() > 1 << 16 {
            break;
        }
    }
    assert!(!read_with(500, &body).message.is_empty());
}

#[test]
fn statuses_are_believed_from_400_to_599() {
    let status = |body: &str| read_with(400, body).status.map(|status| status.as_u16());
    assert_eq!(status(r#"{"error":{"message":"m","code":503}}"#), Some(503));
    assert_eq!(status(r#"{"error":{"message":"m","code":"429"}}"#), Some(429));
    assert_eq!(status(r#"{"error":{"message":"m"},"statusCode":502}"#), Some(502));
    assert_eq!(status(r#"{"error":{"message":"m","code":200}}"#), None);
    assert_eq!(status(r#"{"error":{"message":"m","code":1234567}}"#), None);
}
