//! Streams: byte-exact, complete only on their terminal event, told when they fail.

use std::time::Duration;

use trunkline_testkit::recordings;
use trunkline_testkit::simulator::{CutKind, Fault, FaultRule};
use trunkline_testkit::upstream::{Cut, Pause, Script, ScriptedUpstream, Step};

use crate::client::{Answer, post};
use crate::operation::world;
use crate::server::{Start, Trunkline};

const BODY: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

/// A server whose model `m` is answered by these scripts, in turn.
async fn scripted(scripts: Vec<Script>) -> (ScriptedUpstream, Trunkline) {
    let upstream = ScriptedUpstream::start(scripts).await.expect("a loopback port");
    let config = format!(
        "router_settings:\n  num_retries: 0\n  disable_cooldowns: true\nmodel_list:\n- model_name: m\n  \
         litellm_params:\n    model: vercel_ai_gateway/openai/gpt-4o\n    \
         api_key: vck_test_key\n    api_base: {}/v1\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    (upstream, server)
}

/// The body as the upstream sent it: the model as it was, and nothing beside `reasoning`.
fn undone(answer: &Answer, upstream_model: &str) -> String {
    let text = answer.text().replace("\"model\":\"m\"", &format!("\"model\":\"{upstream_model}\""));
    let mut rest = text.as_str();
    let mut out = String::new();
    while let Some(at) = rest.find(",\"reasoning_content\":\"") {
        out.push_str(&rest[..at]);
        let value = &rest[at + ",\"reasoning_content\":\"".len()..];
        let mut end = 0;
        let bytes = value.as_bytes();
        while bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        rest = &value[end + 1..];
    }
    out.push_str(rest);
    out
}

fn model_of(recording: &str) -> String {
    let at = recording.find("\"model\"").expect("a model") + "\"model\"".len();
    recording[at..].split('"').nth(1).expect("a text").to_owned()
}

#[tokio::test]
async fn recorded_streams_come_out_as_they_went_in() {
    let recordings: Vec<_> =
        recordings::all().iter().filter(|recording| recording.end == recordings::StreamEnd::Done).collect();
    let scripts = recordings.iter().map(|recording| Script::sse([recording.bytes])).collect();
    let (_upstream, server) = scripted(scripts).await;
    for recording in recordings {
        let answer = post(server.address, "/v1/chat/completions", BODY).await;
        assert!(answer.complete && answer.status == 200, "{}: {}", recording.name, answer.text());
        let text = String::from_utf8(recording.bytes.to_vec()).expect("text");
        // Two recordings change by declared rules: the usage event is withheld from who did not ask, and a last
        // line without its end gets one.
        if matches!(recording.name, "usage_only_chunk" | "no_trailing_newline") {
            assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", recording.name);
            continue;
        }
        let sent = undone(&answer, &model_of(&text));
        let rest = text.strip_prefix(&sent).unwrap_or_else(|| panic!("{}: {sent}", recording.name));
        assert!(
            sent.contains("[DONE]") && !rest.contains("data"),
            "{}: only what follows the end is left",
            recording.name
        );
    }
}

#[tokio::test]
async fn a_stream_cut_anywhere_never_looks_clean() {
    let recording = recordings::by_name("text").expect("it is there");
    let done = recording.bytes.windows(6).rposition(|window| window == b"[DONE]").expect("it ends") + 6;
    let cuts: Vec<usize> = (0..done).step_by(7).collect();
    let ways = [Cut::Close, Cut::Reset];
    let scripts =
        cuts.iter().flat_map(|&at| ways.map(|way| Script::sse_cut_at(recording.bytes, at, way))).collect();
    let (_upstream, server) = scripted(scripts).await;
    for at in cuts {
        for way in ways {
            let answer = post(server.address, "/v1/chat/completions", BODY).await;
            assert!(!answer.text().contains("[DONE]"), "{at} {way:?}: {}", answer.text());
            if answer.status == 200 {
                assert!(answer.complete, "{at} {way:?}: the chunks end properly");
                let last = answer.payloads().pop().expect("an event");
                let error: serde_json::Value = serde_json::from_str(&last).expect("JSON");
                assert_eq!(error["error"]["type"], "upstream_cut_error", "{at} {way:?}: {last}");
            } else {
                assert_eq!(answer.error().0, 502, "{at} {way:?}: {}", answer.text());
            }
        }
    }
}

#[tokio::test]
async fn an_error_before_the_first_event_is_an_http_error() {
    let (simulator, server) = world().await;
    let body = r#"{"model":"gpt-4o-gateway","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    for fault in [Fault::ErrorEvent { after_events: 0 }, Fault::RelayedErrorEvent { after_events: 0 }] {
        simulator.control().fault(FaultRule::new([fault.clone()]));
        let answer = post(server.address, "/v1/chat/completions", body).await;
        assert!(answer.status >= 400, "{fault:?}: {}", answer.text());
        assert!(answer.json()["error"]["message"].is_string(), "{fault:?}");
    }
}

#[tokio::test]
async fn an_error_in_the_middle_is_an_event_and_no_clean_end() {
    let (simulator, server) = world().await;
    let body = r#"{"model":"gpt-4o-gateway","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    for fault in [Fault::ErrorEvent { after_events: 3 }, Fault::RelayedErrorEvent { after_events: 3 }] {
        simulator.control().fault(FaultRule::new([fault.clone()]));
        let answer = post(server.address, "/v1/chat/completions", body).await;
        assert_eq!(answer.status, 200, "{fault:?}: {}", answer.text());
        let payloads = answer.payloads();
        assert_eq!(payloads.len(), 4, "{fault:?}: {payloads:?}");
        assert!(payloads[3].starts_with("{\"error\":{"), "{fault:?}: {payloads:?}");
    }
}

#[tokio::test]
async fn usage_is_asked_upstream_always_and_shown_to_who_asked() {
    let (simulator, server) = world().await;
    let plain = r#"{"model":"gpt-4o-gateway","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let asked =
        plain.replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    let alone = |answer: &Answer| {
        let is_alone = |payload: &&String| payload.contains("\"choices\":[]");
        answer.payloads().iter().filter(is_alone).count()
    };
    // Usage on the finish event, as Vercel sends it: the caller who asked gets OpenAI's own event as well.
    let answer = post(server.address, "/v1/chat/completions", plain).await;
    assert_eq!(alone(&answer), 0, "{}", answer.text());
    let answer = post(server.address, "/v1/chat/completions", &asked).await;
    assert_eq!(alone(&answer), 1, "{}", answer.text());
    // Usage in an event of its own, as OpenAI sends it: withheld from the caller who did not ask.
    simulator.control().fault(FaultRule::new([Fault::UsageOnlyChunk]).times(2));
    assert_eq!(alone(&post(server.address, "/v1/chat/completions", plain).await), 0);
    assert_eq!(alone(&post(server.address, "/v1/chat/completions", &asked).await), 1);
    for request in simulator.control().requests() {
        assert_eq!(request.json()["stream_options"]["include_usage"], true);
    }
}

#[tokio::test]
async fn nothing_is_awaited_after_the_terminal_event() {
    let (simulator, server) = world().await;
    simulator.control().fault(FaultRule::new([Fault::HoldOpen]));
    let body = r#"{"model":"gpt-4o-gateway","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let answer = post(server.address, "/v1/chat/completions", body).await;
    assert_eq!(answer.payloads().last().map(String::as_str), Some("[DONE]"));
    assert!(answer.complete);
}

#[tokio::test]
async fn a_reset_in_the_middle_is_told() {
    let (simulator, server) = world().await;
    simulator.control().fault(FaultRule::new([Fault::Cut { after_bytes: 700, how: CutKind::Reset }]));
    let body = r#"{"model":"gpt-4o-gateway","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let answer = post(server.address, "/v1/chat/completions", body).await;
    assert!(
        !answer.text().contains("[DONE]") && answer.text().contains("upstream_cut_error"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn silence_ends_in_an_error_and_comments_keep_a_stream_open() {
    let upstream =
        ScriptedUpstream::start([Script::silence_after_head(), Script::silence_after_head()]).await;
    let upstream = upstream.expect("a loopback port");
    let config = format!(
        "litellm_settings:\n  sse_keepalive_ping_interval_seconds: 1\ntrunkline_settings:\n  first_event_timeout_ms: 1500\n\
         model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    api_base: {}/v1\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let answer = post(server.address, "/v1/chat/completions", BODY).await;
    assert_eq!(answer.status, 200, "the first ping commits the reply");
    assert!(answer.text().starts_with(": ping\n\n"), "{}", answer.text());
    assert!(
        answer.text().contains("timeout_error") && !answer.text().contains("[DONE]"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn reasoning_is_readable_by_litellm_s_clients() {
    let recording = recordings::by_name("reasoning_deepseek").expect("it is there");
    let (_upstream, server) = scripted(vec![Script::sse([recording.bytes])]).await;
    let answer = post(server.address, "/v1/chat/completions", BODY).await;
    let reasoning: Vec<String> = answer
        .payloads()
        .iter()
        .filter_map(|payload| serde_json::from_str::<serde_json::Value>(payload).ok())
        .filter_map(|chunk| {
            let delta = &chunk["choices"][0]["delta"];
            assert_eq!(delta["reasoning"], delta["reasoning_content"]);
            delta["reasoning_content"].as_str().map(str::to_owned)
        })
        .collect();
    assert!(!reasoning.concat().is_empty());
}

#[tokio::test]
async fn comments_before_the_first_event_do_not_hide_its_failure() {
    let error = "data: {\"error\":{\"message\":\"slow down\",\"code\":429}}\n\n";
    let (_upstream, server) = scripted(vec![Script::sse([": processing\n\n", error])]).await;
    let answer = post(server.address, "/v1/chat/completions", BODY).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
}

#[tokio::test]
async fn a_failure_on_several_lines_stays_an_event() {
    let begun = "data: {\"model\":\"x\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let error = "data: {\"error\":\ndata: {\"message\":\"pretty\",\ndata: \"code\":503}}\n\n";
    let (_upstream, server) = scripted(vec![Script::sse([begun, error])]).await;
    let answer = post(server.address, "/v1/chat/completions", BODY).await;
    let lines: Vec<String> =
        answer.text().lines().skip(2).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    assert!(lines.iter().all(|line| line.starts_with("data: ")), "{lines:?}");
    let payload: String = lines.iter().map(|line| &line["data: ".len()..]).collect();
    let told: serde_json::Value = serde_json::from_str(&payload).expect("one JSON payload");
    assert_eq!(told["error"]["code"], "503");
}

#[tokio::test]
async fn the_wait_for_a_first_event_is_one_of_streams_alone() {
    let reply = Script::json(200, r#"{"id":"x","object":"chat.completion","model":"x","choices":[]}"#);
    let late = Step::Pause(Pause::For(Duration::from_millis(400)));
    let late = Script { steps: std::iter::once(late).chain(reply.steps).collect() };
    let upstream =
        ScriptedUpstream::start([late, Script::silence_after_head()]).await.expect("a loopback port");
    let config = format!(
        "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    api_base: {}/v1\n    \
         stream_timeout: 0.2\n    timeout: 10\nrouter_settings:\n  num_retries: 0\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let whole = post(server.address, "/v1/chat/completions", r#"{"model":"m","messages":[]}"#).await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    let streamed = post(server.address, "/v1/chat/completions", BODY).await;
    assert_eq!(streamed.error().0, 408, "{}", streamed.text());
}
