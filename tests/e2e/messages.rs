//! Messages: Anthropic's dialect from end to end, on Anthropic itself and on the Vercel AI Gateway.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_testkit::upstream::{Cut, Pause, Script, ScriptedUpstream, Step};

use crate::client::{Answer, get, send};
use crate::server::{Start, Trunkline};

const KEY: &str = "sk-callers-key-1";
const STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"gen_01K\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"anthropic/claude-sonnet-5.5\",\"content\":[],\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2ln/+==\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"\\\"model\\\":\\\"x\\\" caf\\u00e9\"}}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":7,\"cache_creation_input_tokens\":2,\"output_tokens\":3},\"provider_metadata\":{\"gateway\":{\"cost\":\"0.00012\",\"generationId\":\"gen_01K\"}}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);
const WHOLE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"thinking","thinking":"","signature":"c2ln/+=="},{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":3},"n":1.0}"#;
const BODY: &str = r#"{"model":"claude","max_tokens":9,"stream":true,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"metadata":{"user_id":"u-1"},"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"caf\u00e9","signature":"c2ln/+=="}]},{"role":"user","content":"hi"}]}"#;

async fn serving(upstream_model: &str, scripts: Vec<Script>) -> (ScriptedUpstream, Trunkline) {
    let upstream = ScriptedUpstream::start(scripts).await.expect("a loopback port");
    let config = format!(
        "general_settings:\n  master_key: {KEY}\nrouter_settings:\n  num_retries: 0\nmodel_list:\n- model_name: claude\n  litellm_params:\n    \
         model: {upstream_model}\n    api_key: sk-of-the-operator-1\n    api_base: {}\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    (upstream, server)
}

async fn ask(server: &Trunkline, path: &str, body: &str) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("x-api-key", KEY),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "context-1m-2025-08-07,effort-2025-11-24"),
        ("openai-beta", "responses=v1"),
    ];
    send(server.address, "POST", path, &headers, body.as_bytes()).await
}

/// One config line apart: Anthropic itself, and the Vercel AI Gateway.
const PROVIDERS: [&str; 2] = ["anthropic/claude-sonnet-5.5", "vercel_ai_gateway/anthropic/claude-sonnet-5.5"];

#[tokio::test]
async fn a_stream_goes_out_as_it_came_but_for_the_model() {
    for model in PROVIDERS {
        let (upstream, server) = serving(model, vec![Script::sse([STREAM.as_bytes()])]).await;
        let answer = ask(&server, "/v1/messages?beta=true&key=k", BODY).await;
        assert!(answer.status == 200 && answer.complete, "{}", answer.text());
        let undone =
            answer.text().replacen("\"model\":\"claude\"", "\"model\":\"anthropic/claude-sonnet-5.5\"", 1);
        assert_eq!(undone, STREAM);
        let sent = upstream.requests().pop().expect("one request");
        let upstream_model = model.split_once('/').expect("a prefix").1;
        let expected = BODY.replacen("\"claude\"", &format!("\"{upstream_model}\""), 1);
        assert_eq!(
            (sent.target.as_str(), sent.body.as_ref()),
            ("/v1/messages?beta=true", expected.as_bytes())
        );
        assert_eq!(sent.header("anthropic-beta"), Some("context-1m-2025-08-07,effort-2025-11-24"));
        assert_eq!(
            (sent.header("anthropic-version"), sent.header("openai-beta")),
            (Some("2023-06-01"), None)
        );
        let log = server.stop().await;
        assert!(log.contains("usage.input_tokens=14") && log.contains("usage.output_tokens=3"), "{log}");
        assert!(log.contains("user.id=\"u-1\""), "{log}");
        assert_eq!(log.contains("cost=\"0.00012\""), model.starts_with("vercel"), "{log}");
    }
}

#[tokio::test]
async fn a_whole_message_keeps_every_other_byte() {
    let (_upstream, server) = serving(PROVIDERS[0], vec![Script::json(200, WHOLE)]).await;
    let body = BODY.replace(",\"stream\":true", "");
    let answer = ask(&server, "/anthropic/v1/messages", &body).await;
    assert_eq!(answer.text(), WHOLE.replace("\"claude-x\"", "\"claude\""));
}

#[tokio::test]
async fn either_header_shows_the_key_and_neither_goes_upstream() {
    let count = r#"{"input_tokens":14}"#;
    let (upstream, server) =
        serving(PROVIDERS[0], vec![Script::json(200, count), Script::json(200, count)]).await;
    let question = r#"{"model":"claude","messages":[]}"#.as_bytes();
    let path = "/v1/messages/count_tokens";
    // Agents with two keys set send both: what is ours stands in Authorization.
    let both = [("authorization", "Bearer sk-callers-key-1"), ("x-api-key", "sk-ant-a-developers-own")];
    for headers in [&both[..], &[("x-api-key", KEY)]] {
        let answer = send(server.address, "POST", path, headers, question).await;
        assert_eq!((answer.status, answer.text()), (200, count.to_owned()));
    }
    for sent in upstream.requests() {
        assert_eq!(sent.header("x-api-key"), Some("sk-of-the-operator-1"));
        assert_eq!(sent.header("anthropic-version"), Some("2023-06-01"), "one is needed, and none was sent");
        assert!(!String::from_utf8_lossy(&sent.head).contains("sk-ant-a-developers-own"));
    }
}

#[tokio::test]
async fn refusals_are_told_in_anthropic_s_envelope() {
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let (_upstream, server) = serving(PROVIDERS[0], vec![Script::json(529, overloaded)]).await;
    let told = |answer: &Answer| {
        let json = answer.json();
        (
            answer.status,
            json["type"].to_string(),
            json["error"]["type"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let error = "\"error\"".to_owned();
    let without_key = send(server.address, "POST", "/v1/messages", &[], b"{}").await;
    assert_eq!(told(&without_key), (401, error.clone(), "authentication_error".to_owned()));
    let no_model = ask(&server, "/v1/messages", r#"{"messages":[]}"#).await;
    assert_eq!(told(&no_model), (400, error.clone(), "invalid_request_error".to_owned()));
    assert!(no_model.json()["request_id"].is_string());
    let refused = ask(&server, "/v1/messages", BODY).await;
    assert_eq!(told(&refused), (529, error, "overloaded_error".to_owned()));
    assert_eq!(refused.message(), "anthropic answered 529: Overloaded");
}

#[tokio::test]
async fn a_cut_is_told_as_an_error_event() {
    let end = STREAM.find("event: message_stop").expect("it is there");
    let cut = Script::sse_cut_at(STREAM.as_bytes(), end, Cut::Close);
    let (_upstream, server) = serving(PROVIDERS[1], vec![cut]).await;
    let text = ask(&server, "/v1/messages", BODY).await.text();
    let last = text.split("\n\n").filter(|event| !event.is_empty()).last().expect("an event").to_owned();
    let payload = last.strip_prefix("event: error\ndata: ").unwrap_or_else(|| panic!("{text}"));
    let json: serde_json::Value = serde_json::from_str(payload).expect("JSON");
    assert_eq!((&json["type"], &json["error"]["type"]), (&"error".into(), &"api_error".into()));
    assert!(!text.contains("message_stop"));
}

#[tokio::test]
async fn what_a_cut_stream_used_is_estimated_and_leaves_the_rest_of_tpm() {
    const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n";
    const DELTA: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n";
    let stream = format!("{START}{}", DELTA.repeat(50));
    let cut = || Script::sse_cut_at(stream.as_bytes(), stream.len(), Cut::Close);
    let upstream = ScriptedUpstream::start([cut(), cut()]).await.expect("a loopback port");
    let config = format!(
        "router_settings: {{num_retries: 0, disable_cooldowns: true}}\nmodel_list:\n- model_name: claude\n  \
         litellm_params: {{model: anthropic/x, api_key: sk-1, tpm: 1000, api_base: \"{}\"}}\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let body = r#"{"model":"claude","max_tokens":1000000000,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    for _ in 0..2 {
        let answer = ask(&server, "/v1/messages", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let log = server.stop().await;
    let lines: Vec<_> = log.lines().filter(|line| line.contains("UpstreamCut")).collect();
    for field in ["usage.input_tokens=25", "usage.output_tokens=51", "usage.estimated=true"] {
        assert!(lines.iter().any(|line| line.contains(field)), "{field}: {log}");
    }
}

#[tokio::test]
async fn what_a_whole_stream_leaves_out_is_estimated_for_its_deployment_too() {
    const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"usage\":{\"input_tokens\":25}}}\n\n";
    const DELTA: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n";
    const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let stream = format!("{START}{}{STOP}", DELTA.repeat(50));
    let whole = || Script::sse([&stream]);
    let upstream = ScriptedUpstream::start([whole(), whole()]).await.expect("a loopback port");
    // Of its 60 tokens the input and twenty more fit twice, and 77 once.
    let config = format!(
        "router_settings: {{num_retries: 0, disable_cooldowns: true}}\nmodel_list:\n- model_name: claude\n  \
         litellm_params: {{model: anthropic/x, api_key: sk-1, tpm: 60, api_base: \"{}\"}}\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let body =
        r#"{"model":"claude","max_tokens":20,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let mut statuses = Vec::new();
    for _ in 0..2 {
        statuses.push(ask(&server, "/v1/messages", body).await.status);
    }
    let log = server.stop().await;
    assert_eq!(statuses, [200, 429], "{log}");
    for field in ["usage.input_tokens=25", "usage.output_tokens=52", "usage.estimated=true"] {
        assert!(log.contains(field), "{field}: {log}");
    }
}

#[tokio::test]
async fn an_operation_that_the_provider_has_not_is_refused_with_those_that_it_has() {
    let (upstream, server) = serving(PROVIDERS[0], vec![]).await;
    let answer = ask(&server, "/v1/chat/completions", r#"{"model":"claude","messages":[]}"#).await;
    assert_eq!(answer.error(), (400, "unsupported_operation".to_owned(), "null".to_owned()));
    assert_eq!(
        answer.message(),
        "anthropic: the provider does not have the operation chat_completions; it has messages, count_tokens. Nothing is \
         translated: ask one of those, or name a model whose provider has it"
    );
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn models_are_listed_in_the_shape_of_who_asks() {
    let rows: String = ["a", "b", "c"]
        .iter()
        .map(|name| format!("- model_name: {name}\n  litellm_params:\n    model: echo/x\n"))
        .collect();
    let server = Start::new().config(format!("model_list:\n{rows}")).serve().await;
    let list = async |path: &str| {
        send(server.address, "GET", path, &[("anthropic-version", "2023-06-01")], b"").await
    };
    assert_eq!(
        list("/v1/models?limit=2").await.text(),
        r#"{"data":[{"created_at":"1970-01-01T00:00:00Z","display_name":"a","id":"a","type":"model"},{"created_at":"1970-01-01T00:00:00Z","display_name":"b","id":"b","type":"model"}],"first_id":"a","has_more":true,"last_id":"b"}"#
    );
    let ids = |answer: Answer| {
        answer.json()["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| row["id"].to_string())
            .collect::<String>()
    };
    assert_eq!(ids(list("/v1/models?after_id=b").await), r#""c""#);
    assert_eq!(ids(list("/v1/models?before_id=c&limit=1").await), r#""b""#);
    assert_eq!(list("/v1/models?limit=0").await.status, 400);
    assert_eq!(list("/v1/models/b").await.json()["display_name"], "b");
    assert_eq!(get(server.address, "/v1/models").await.json()["object"], "list");
}

#[tokio::test]
async fn a_silent_stream_of_messages_gets_anthropic_s_ping() {
    let quiet = Script::sse([STREAM.as_bytes()]);
    let script = Script::new(
        [quiet.steps[0].clone(), Step::Pause(Pause::Told)].into_iter().chain(quiet.steps[1..].to_vec()),
    );
    let upstream = ScriptedUpstream::start([script]).await.expect("a loopback port");
    let config = format!(
        "litellm_settings:\n  anthropic_sse_ping_interval_seconds: 0.05\nmodel_list:\n- model_name: claude\n  \
         litellm_params:\n    model: {}\n    api_key: sk-1\n    api_base: {}\n",
        PROVIDERS[0],
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
    let request = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    stream.write_all(request.as_bytes()).await.expect("it takes the request");
    let mut begun = Vec::new();
    while !String::from_utf8_lossy(&begun).contains("event: ping\ndata: {\"type\": \"ping\"}\n\n") {
        assert_ne!(stream.read_buf(&mut begun).await.expect("it goes on"), 0, "it ended without a ping");
    }
    upstream.tell();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("text");
    assert!(rest.contains("message_stop"), "{rest}");
}
