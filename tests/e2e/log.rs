//! The log, as whoever reads standard error has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use trunkline_testkit::upstream::{Cut, Script, ScriptedUpstream, refused_url};

use crate::client::{get, post, send};
use crate::server::{Start, until};

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
    let ids: Vec<String> = log.lines().filter(|line| line.contains(" request ")).filter_map(id).collect();
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

const REPLY: &str = r#"{"id":"x","model":"x","choices":[{"message":{"content":"hello"}}]}"#;
const EVENT: &str =
    "data: {\"id\":\"x\",\"model\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\n\n";

/// Two deployments of one group, of which `a` is asked first.
fn rows(first: &str, second: &str) -> String {
    let row = |id: &str, base: &str, order: u8| {
        format!(
            "- {{model_name: m, model_info: {{id: {id}}}, litellm_params: {{model: openai/x, api_key: sk-1, \
             api_base: \"{base}/v1\", order: {order}, cooldown_time: 0.2}}}}\n"
        )
    };
    format!("model_list:\n{}{}", row("a", first, 1), row("b", second, 2))
}

fn with<'l>(log: &'l str, text: &str) -> Vec<&'l str> {
    log.lines().filter(|line| line.contains(text)).collect()
}

#[tokio::test]
async fn a_dead_primary_shows_and_does_not_flood() {
    const REQUESTS: usize = 40;
    let gone = refused_url().await.expect("a port");
    let good = ScriptedUpstream::answering(|_, _| Script::json(200, REPLY)).await.expect("a port");
    let server = Start::new().config(rows(&gone, &good.url())).serve().await;
    let body = r#"{"model":"m","messages":[]}"#;
    for _ in 0..REQUESTS {
        assert_eq!(post(server.address, "/v1/chat/completions", body).await.status, 200);
    }
    let log = server.stop().await;
    let failed = with(&log, "attempt failed");
    // One, and another one for each ten seconds.
    assert!((1..=3).contains(&failed.len()), "{log}");
    let origin = format!("upstream.origin=\"{gone}\"");
    for field in [
        "WARN",
        "model.group=\"m\"",
        "deployment.id=\"a\"",
        "provider.name=\"openai\"",
        "model.upstream=\"x\"",
        &origin,
        "error.kind=UpstreamUnreachable",
        "took_ms=",
    ] {
        assert!(failed[0].contains(field), "{field}: {}", failed[0]);
    }
    assert!(!with(&log, "deployment rests").is_empty(), "{log}");
    assert!(with(&log, " request ").iter().all(|line| line.contains("model.name=\"m\"")), "{log}");
    assert!(!log.contains("sk-1"), "{log}");
}

#[tokio::test]
async fn cut_streams_bring_a_rest_and_its_end_is_told() {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let upstream = ScriptedUpstream::answering(move |_, _| {
        let done = "data: [DONE]\n\n";
        match is_well.load(Ordering::Relaxed) {
            true => Script::sse([EVENT, done]),
            false => Script::sse_cut_at([EVENT, EVENT].concat().as_bytes(), EVENT.len() + 9, Cut::Close),
        }
    });
    let upstream = upstream.await.expect("a port");
    let good = ScriptedUpstream::answering(|_, _| Script::sse([EVENT, "data: [DONE]\n\n"]));
    let good = good.await.expect("a port");
    let server = Start::new().config(rows(&upstream.url(), &good.url())).serve().await;
    let body = r#"{"model":"m","stream":true,"messages":[]}"#;
    let ask = async || post(server.address, "/v1/chat/completions", body).await;
    until("the deployment rests", async || ask().await.header("x-litellm-model-id") == Some("b")).await;
    well.store(true, Ordering::Relaxed);
    until("the deployment is back", async || ask().await.header("x-litellm-model-id") == Some("a")).await;
    let log = server.stop().await;
    let rests = with(&log, "deployment rests");
    assert!(rests[0].contains("deployment.id=\"a\"") && rests[0].contains("model.group=\"m\""), "{log}");
    let back = with(&log, "deployment is back");
    assert!(back[0].contains("INFO") && back[0].contains("deployment.id=\"a\""), "{log}");
    // A request that failed has one line, which names who failed it.
    let cut = with(&log, "outcome=\"failed: UpstreamCut\"");
    assert!(cut[0].contains("WARN request ") && cut[0].contains("deployment.id=\"a\""), "{log}");
    assert!(cut[0].contains(" error=\""), "{log}");
    let id = cut[0].split("call.id=").nth(1).and_then(|rest| rest.split(' ').next()).expect("an id");
    assert_eq!(with(&log, id).len(), 1, "{log}");
}

#[tokio::test]
async fn a_caller_who_leaves_a_second_attempt_leaves_both_in_the_log() {
    let down = ScriptedUpstream::answering(|_, _| Script::json(503, r#"{"error":{"message":"down"}}"#));
    let down = down.await.expect("a port");
    let silent = ScriptedUpstream::start([Script::cut_before_head(Cut::Stall)]).await.expect("a port");
    let server = Start::new().config(rows(&down.url(), &silent.url())).serve().await;
    let body = r#"{"model":"m","messages":[]}"#;
    let mut asking = Box::pin(post(server.address, "/v1/chat/completions", body));
    tokio::select! {
        answer = &mut asking => panic!("nobody answers: {}", answer.text()),
        _ = silent.wait_for_requests(1) => drop(asking),
    }
    silent.hung_up(0).await;
    let log = server.stop().await;
    let left = with(&log, "outcome=\"caller gone\"");
    for field in ["deployment.id=\"b\"", "provider.name=\"openai\"", "attempts=2"] {
        assert!(left[0].contains(field), "{field}: {log}");
    }
}

#[tokio::test]
async fn findings_are_lines_like_others() {
    let config = "model_list:\n- {model_name: m, litellm_params: {model: echo/x, api_key: os.environ/NOT_SET}}\n\
                  - {model_name: n, litellm_params: {model: echo/x}}\nno_such_section: 1\n";
    let server = Start::new().config(config).variable("JSON_LOGS", "True").serve().await;
    let log = server.stop().await;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let level_of = |text: &str| {
        let said = |line: &&Value| line["message"].as_str().is_some_and(|message| message.contains(text));
        lines.iter().find(said).map(|line| line["level"].clone())
    };
    assert_eq!(level_of("NOT_SET"), Some(json!("ERROR")), "{log}");
    assert_eq!(level_of("no_such_section"), Some(json!("WARN")), "{log}");

    let refused = "trunkline_settings:\n  no_such_key: 1\n";
    let (status, _, log) = Start::new().config(refused).variable("JSON_LOGS", "True").run().await;
    assert_eq!(status.code(), Some(1));
    assert!(log.lines().count() > 1, "{log}");
    for line in log.lines() {
        assert_eq!(serde_json::from_str::<Value>(line).expect("JSON")["level"], "ERROR", "{log}");
    }
}

#[tokio::test]
async fn what_the_gateway_takes_is_without_failed_attempts_and_rests() {
    let scripts = [Script::json(503, r#"{"error":{"message":"down"}}"#), Script::json(200, REPLY)];
    let upstream = ScriptedUpstream::start(scripts).await.expect("a port");
    let config = format!(
        "model_list:\n- {{model_name: m, litellm_params: {{model: openai/x, api_key: sk-1, api_base: \"{}/v1\"}}}}\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let answer = post(server.address, "/v1/chat/completions", r#"{"model":"m","messages":[]}"#).await;
    let milliseconds =
        |name| answer.header(name).and_then(|text| text.parse::<f64>().ok()).expect("a number");
    let (whole, own) =
        (milliseconds("x-litellm-response-duration-ms"), milliseconds("x-litellm-overhead-duration-ms"));
    // The rest before the second attempt takes 375 ms at least.
    assert!(whole >= 375.0 && own < whole - 370.0, "{own} of {whole}");
}
