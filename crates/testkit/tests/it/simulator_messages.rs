//! Messages: whole and streamed, tools, thinking and its replay, caching, counting, refusals.

use serde_json::{Value, json};
use trunkline_testkit::simulator::{Fault, FaultRule, Quirks, Simulator, SimulatorOptions};

use crate::client::{KEY, Received, post, send};
use crate::simulator_chat::simulator;

const MODEL: &str = "anthropic/claude-sonnet-4.5";

/// The name and the JSON of each event of a stream with LF whose events are named.
pub(crate) fn named_events(received: &Received) -> Vec<(&str, Value)> {
    let events = received.text().split_terminator("\n\n").map(|event| {
        let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        (name, serde_json::from_str(data).unwrap())
    });
    events.collect()
}

async fn messages(simulator: &Simulator, body: &Value) -> Received {
    post(&simulator.url(), "/v1/messages", &body.to_string()).await
}

fn asking(prompt: &str) -> Value {
    json!({ "model": MODEL, "max_tokens": 2_000, "messages": [{ "role": "user", "content": prompt }] })
}

fn with(mut body: Value, members: &Value) -> Value {
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn weather() -> Value {
    json!([{ "name": "wx", "input_schema": { "type": "object", "required": ["city"],
        "properties": { "city": { "type": "string" } } } }])
}

#[tokio::test]
async fn a_whole_message_is_spelt_as_anthropic_spells_it() {
    let simulator = simulator().await;
    let received = messages(&simulator, &asking("Hé!")).await;
    assert_eq!((received.status, received.header("request-id").is_some()), (200, true));
    let id = received.json()["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("gen_01M3250V00"), "{id}");
    let beginning = format!(
        "{}{id}{}",
        r#"{"id":""#,
        concat!(
            r#"","type":"message","role":"assistant","model":"anthropic/claude-sonnet-4.5","#,
            r#""content":[{"type":"text","text":"You said “Hé!”. Voilà, 漢字 🙂."}],"stop_reason":"end_turn","#,
            r#""stop_sequence":null,"usage":{"input_tokens":8,"cache_creation_input_tokens":0,"#,
            r#""cache_read_input_tokens":0,"output_tokens":11},"provider_metadata":{"anthropic":{},"gateway":{"#,
        )
    );
    assert!(received.text().starts_with(&beginning), "{}", received.text());
    let gateway = received.json()["provider_metadata"]["gateway"].clone();
    assert_eq!((&gateway["cost"], &gateway["generationId"]), (&json!("0.000189"), &json!(id)));
    let recorded = simulator.control().requests().pop().unwrap();
    assert_eq!(recorded.generation_id, Some(id));
}

#[tokio::test]
async fn a_stream_has_anthropics_events() {
    let simulator = simulator().await;
    let received = messages(&simulator, &with(asking("Hé!"), &json!({ "stream": true }))).await;
    assert!(received.complete);
    assert_eq!(received.header("content-type"), Some("text/event-stream"));
    let events = named_events(&received);
    let names = events.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let deltas = names.len() - 6;
    assert_eq!(names[..3], ["message_start", "content_block_start", "ping"]);
    assert_eq!(names[3..3 + deltas], vec!["content_block_delta"; deltas]);
    assert_eq!(names[3 + deltas..], ["content_block_stop", "message_delta", "message_stop"]);
    assert_eq!(events[0].1["message"]["usage"], json!({ "input_tokens": 0, "output_tokens": 0 }));
    let text = events.iter().filter_map(|(_, data)| data["delta"]["text"].as_str()).collect::<String>();
    assert_eq!(text, "You said “Hé!”. Voilà, 漢字 🙂.");
    let (_, last) = &events[events.len() - 2];
    assert_eq!(last["delta"], json!({ "stop_reason": "end_turn", "stop_sequence": null }));
    let usage = json!({ "input_tokens": 8, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "output_tokens": 11 });
    assert_eq!((&last["usage"], &last["provider_metadata"]["gateway"]["cost"]), (&usage, &json!("0.000189")));
    assert!(received.text().ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));

    simulator.control().set_quirks(Quirks { message_start_usage: true, ..Quirks::default() });
    let received = messages(&simulator, &with(asking("Hé!"), &json!({ "stream": true }))).await;
    assert_eq!(named_events(&received)[0].1["message"]["usage"]["input_tokens"], 8);
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_quoted() {
    let simulator = simulator().await;
    let body = with(asking(r#"Use wx {"city": "Oslo", "days": 1.0}."#), &json!({ "tools": weather() }));
    let whole = messages(&simulator, &body).await;
    assert!(
        whole.text().contains(r#""name":"wx","input":{"city": "Oslo", "days": 1.0}}"#),
        "{}",
        whole.text()
    );
    let whole = whole.json();
    assert_eq!(whole["stop_reason"], "tool_use");
    let streamed = messages(&simulator, &with(body.clone(), &json!({ "stream": true }))).await;
    let events = named_events(&streamed);
    let input = events.iter().filter_map(|(_, data)| data["delta"]["partial_json"].as_str());
    assert_eq!(input.collect::<String>(), r#"{"city": "Oslo", "days": 1.0}"#);
    assert_eq!(events[1].1["content_block"]["input"], json!({}));

    let id = &whole["content"][0]["id"];
    assert!(id.as_str().unwrap().starts_with("toolu_"));
    let mut turn = body;
    let result =
        json!([{ "type": "tool_result", "tool_use_id": id, "content": [{ "type": "text", "text": "3°" }] }]);
    let turns = turn["messages"].as_array_mut().unwrap();
    turns.push(json!({ "role": "assistant", "content": whole["content"] }));
    turns.push(json!({ "role": "user", "content": result }));
    let answered = messages(&simulator, &turn).await.json();
    assert_eq!(answered["content"][0]["text"], "The tool said “3°”. Voilà, 漢字 🙂.");
    turn["messages"][2]["content"][0]["tool_use_id"] = json!("toolu_other");
    let refused = messages(&simulator, &turn).await;
    assert_eq!(refused.status, 400);
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("messages.2.content.0: unexpected `tool_use_id`"), "{message}");
}

#[tokio::test]
async fn a_tool_is_called_when_the_choice_forces_it() {
    let simulator = simulator().await;
    let names = async |choice: Value| {
        let body = with(asking("hello"), &json!({ "tools": weather(), "tool_choice": choice }));
        messages(&simulator, &body).await.json()["content"][0]["name"].clone()
    };
    assert_eq!(names(json!({ "type": "any" })).await, "wx");
    assert_eq!(names(json!({ "type": "tool", "name": "wx" })).await, "wx");
    assert_eq!(names(json!({ "type": "auto" })).await, Value::Null);
}

#[tokio::test]
async fn thinking_is_taken_back_only_as_it_was_issued() {
    let simulator = simulator().await;
    let thinking = json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 }, "tools": weather() });
    let body = with(asking("wx redacted_thinking"), &thinking);
    let first = messages(&simulator, &body).await.json();
    let kinds = first["content"].as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap());
    assert_eq!(kinds.collect::<Vec<_>>(), ["thinking", "redacted_thinking", "tool_use"]);
    let streamed = messages(&simulator, &with(body.clone(), &json!({ "stream": true }))).await;
    let events = named_events(&streamed);
    let thought = events.iter().filter_map(|(_, data)| data["delta"]["thinking"].as_str());
    assert_eq!(thought.collect::<String>(), "Thinking about “wx redacted_thinking”: naïve, 考え中 🙂.");
    assert!(events.iter().any(|(_, data)| data["delta"]["type"] == "signature_delta"));

    let mut turn = body;
    let result =
        json!([{ "type": "tool_result", "tool_use_id": first["content"][2]["id"], "content": "3°" }]);
    let turns = turn["messages"].as_array_mut().unwrap();
    turns.push(json!({ "role": "assistant", "content": first["content"] }));
    turns.push(json!({ "role": "user", "content": result }));
    assert_eq!(messages(&simulator, &turn).await.status, 200);

    let refused = async |pointer: &str, value: Value| {
        let mut turn = turn.clone();
        *turn.pointer_mut(pointer).unwrap() = value;
        let received = messages(&simulator, &turn).await;
        (received.status, received.json()["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    let invalid = (400, "messages.1.content.0: Invalid `signature` in `thinking` block".to_owned());
    assert_eq!(refused("/messages/1/content/0/thinking", json!("other")).await, invalid);
    assert_eq!(refused("/messages/1/content/0/signature", json!("c2ln")).await, invalid);
    let redacted = (400, "messages.1.content.1: Invalid `data` in `redacted_thinking` block".to_owned());
    assert_eq!(refused("/messages/1/content/1/data", json!("c2ln")).await, redacted);

    // Left out it is let pass, unless that is demanded.
    let call = json!([first["content"][2]]);
    assert_eq!(refused("/messages/1/content", call.clone()).await.0, 200);
    simulator.control().set_quirks(Quirks { thinking_required: true, ..Quirks::default() });
    let (status, message) = refused("/messages/1/content", call).await;
    assert_eq!(status, 400);
    assert!(message.starts_with("messages.1.content.0.type: Expected `thinking`"), "{message}");
    assert_eq!(messages(&simulator, &turn).await.status, 200);
}

#[tokio::test]
async fn an_omitted_thought_keeps_its_signature() {
    let simulator = simulator().await;
    let thinking = json!({ "thinking": { "type": "adaptive", "display": "omitted" } });
    let first = messages(&simulator, &with(asking("hello"), &thinking)).await.json();
    assert_eq!(first["content"][0]["thinking"], "");
    let mut turn = asking("hello");
    let turns = turn["messages"].as_array_mut().unwrap();
    turns.push(json!({ "role": "assistant", "content": first["content"] }));
    turns.push(json!({ "role": "user", "content": "and now?" }));
    assert_eq!(messages(&simulator, &turn).await.status, 200);
}

#[tokio::test]
async fn marked_prompts_are_written_to_the_cache_and_read_from_it() {
    let simulator = simulator().await;
    let system =
        json!([{ "type": "text", "text": "x".repeat(8_000), "cache_control": { "type": "ephemeral" } }]);
    let usage = async |body: &Value| messages(&simulator, body).await.json()["usage"].clone();
    let first = with(asking("one"), &json!({ "system": system }));
    let written = json!({ "input_tokens": 5, "cache_creation_input_tokens": 2_007, "cache_read_input_tokens": 0,
        "output_tokens": 10 });
    assert_eq!(usage(&first).await, written);
    let second = with(asking("two"), &json!({ "system": system }));
    let read = json!({ "input_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 2_007,
        "output_tokens": 10 });
    assert_eq!(usage(&second).await, read);
    // Another account has a cache of its own.
    let other = [("x-api-key", "vck_other")];
    let received = send(&simulator.url(), "POST", "/v1/messages", &other, &second.to_string()).await;
    assert_eq!(received.json()["usage"]["cache_creation_input_tokens"], 2_007);
}

#[tokio::test]
async fn tokens_are_counted_without_asking_a_model() {
    let simulator = simulator().await;
    simulator.control().fault(Fault::Unavailable);
    let body = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "Hé!" }] });
    let count = post(&simulator.url(), "/v1/messages/count_tokens", &body.to_string()).await;
    assert_eq!((count.status, count.text()), (200, r#"{"input_tokens":8}"#));
    assert_eq!(simulator.control().requests()[0].billed, None);
    assert_eq!(messages(&simulator, &asking("Hé!")).await.status, 503);
}

#[tokio::test]
async fn refusals_are_in_anthropics_shape() {
    let simulator = simulator().await;
    let check = |received: &Received, status: u16, kind: &str| {
        let body = received.json();
        assert_eq!(
            (received.status, &body["type"], &body["error"]["type"]),
            (status, &json!("error"), &json!(kind))
        );
        assert!(body["request_id"].as_str().unwrap().starts_with("req_"));
    };
    let url = simulator.url();
    check(&send(&url, "POST", "/v1/messages", &[], "{}").await, 401, "authentication_error");
    check(
        &send(&url, "POST", "/v1/messages", &[("x-api-key", "nonsense")], "{}").await,
        401,
        "authentication_error",
    );
    check(&post(&url, "/v1/messages", "{}").await, 400, "invalid_request_error");
    check(
        &messages(&simulator, &with(asking("x"), &json!({ "model": "a/b" }))).await,
        404,
        "not_found_error",
    );
    for (fault, status, kind) in [
        (Fault::InsufficientFunds, 402, "insufficient_funds"),
        (Fault::RateLimited { retry_after: None }, 429, "rate_limit_error"),
        (Fault::Unavailable, 503, "overloaded_error"),
        (Fault::InternalError, 500, "api_error"),
        (Fault::ProviderRateLimited, 429, "rate_limit_error"),
    ] {
        simulator.control().fault(fault);
        check(&messages(&simulator, &asking("x")).await, status, kind);
    }
    let missing = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "x" }] });
    let refused = messages(&simulator, &missing).await.json();
    assert_eq!(refused["error"]["message"], "max_tokens: Field required");
}

#[tokio::test]
async fn streams_fail_in_their_own_dialect() {
    let simulator = simulator().await;
    let stream = async |fault: Fault| {
        simulator.control().fault(FaultRule::new([fault]).for_path("/v1/messages"));
        messages(&simulator, &with(asking("Hé!"), &json!({ "stream": true }))).await
    };
    let failed = stream(Fault::ErrorEvent { after_events: 4 }).await;
    let events = named_events(&failed);
    let (name, error) = &events[4];
    assert_eq!((events.len(), *name), (5, "error"));
    assert_eq!(error["error"], json!({ "type": "overloaded_error", "message": "Overloaded" }));
    let cut = stream(Fault::NoDone).await;
    assert_eq!(named_events(&cut).last().unwrap().0, "message_delta");
    let truncated = stream(Fault::Truncate { after_events: 2 }).await;
    assert_eq!(named_events(&truncated).len(), 2);
    let bare = stream(Fault::OmitUsage).await;
    let events = named_events(&bare);
    assert_eq!(events[events.len() - 2].1.get("usage"), None);
}

#[tokio::test]
async fn anthropic_itself_is_played_below_its_name() {
    let simulator = simulator().await;
    let body = with(asking("Hé!"), &json!({ "model": "claude-sonnet-4-5-20250929", "stream": true }));
    let key = [("x-api-key", "sk-ant-1"), ("anthropic-version", "2023-06-01")];
    let received = send(&simulator.url(), "POST", "/anthropic/v1/messages", &key, &body.to_string()).await;
    let events = named_events(&received);
    let message = &events[0].1["message"];
    assert!(message["id"].as_str().unwrap().starts_with("msg_"));
    assert_eq!(
        (&message["model"], &message["usage"]["input_tokens"]),
        (&json!("claude-sonnet-4-5-20250929"), &json!(8))
    );
    assert!(!received.text().contains("provider_metadata"));
    let models = send(&simulator.url(), "GET", "/anthropic/v1/models", &key, "").await.json();
    assert_eq!((&models["data"][0]["type"], &models["has_more"]), (&json!("model"), &json!(false)));
    // At the root there are no such keys and no such names.
    assert_eq!(send(&simulator.url(), "POST", "/v1/messages", &key, &body.to_string()).await.status, 401);
    assert_eq!(send(&simulator.url(), "POST", "/v1/messages", &[KEY], &body.to_string()).await.status, 404);
}

#[tokio::test]
async fn instructions_among_the_messages_are_a_beta() {
    let simulator = simulator().await;
    let mut body = with(asking("Use wx."), &json!({ "tools": weather() }));
    body["messages"].as_array_mut().unwrap().push(json!({ "role": "system", "content": "Be brief." }));
    let refused = messages(&simulator, &body).await;
    assert_eq!(refused.status, 400);
    let beta = [KEY, ("anthropic-beta", "effort-2025-11-24,mid-conversation-system-2026-04-07")];
    let url = simulator.url();
    let called = send(&url, "POST", "/v1/messages", &beta, &body.to_string()).await.json();
    assert_eq!(called["content"][0]["name"], "wx");
    let result =
        json!([{ "type": "tool_result", "tool_use_id": called["content"][0]["id"], "content": "3°" }]);
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(json!({ "role": "assistant", "content": called["content"] }));
    turns.push(json!({ "role": "user", "content": result }));
    turns.push(json!({ "role": "system", "content": "Go on." }));
    let answered = send(&url, "POST", "/v1/messages", &beta, &body.to_string()).await.json();
    assert_eq!(answered["content"][0]["text"], "The tool said “3°”. Voilà, 漢字 🙂.");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_in_the_dialect() {
    let options = SimulatorOptions { request_body_bytes_max: 100, ..SimulatorOptions::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let refused = messages(&simulator, &asking(&"x".repeat(200))).await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (413, &json!("request_too_large")));
}

#[tokio::test]
async fn a_models_name_asks_for_a_fault() {
    let simulator = simulator().await;
    let named = async |model: &str| {
        let body = with(asking("Hé!"), &json!({ "model": model, "stream": true }));
        messages(&simulator, &body).await
    };
    let cut = named("sim/fault-cut-close-50").await;
    assert_eq!((cut.status, cut.body.len(), cut.complete), (200, 50, false));
    assert_eq!(named_events(&named("sim/fault-error-event-1").await).last().unwrap().0, "error");
    let refused = named("sim/fault-insufficient-funds").await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (402, &json!("insufficient_funds")));
}
