//! Messages: whole and streamed, with thoughts that come and go back, their bill and their refusals.

use serde_json::Value;
use trunkline_core::{Call, ErrorKind, Operation, Retry, Usage};
use trunkline_testkit::simulator::{Credential, CutKind, Fault, FaultRule, Quirks};

use crate::world::{World, call_of, headers, parsed, payloads, seen, spend, value};

const MODEL: &str = "anthropic/claude-sonnet-5.5";
const PATH: &str = "/v1/messages";

fn messages(json: &str) -> Call {
    call_of(Operation::Messages, MODEL, json)
}

fn asked(streaming: bool) -> Call {
    messages(&format!(
        r#"{{"model":"x","max_tokens":400,"stream":{streaming},"messages":[{{"role":"user","content":"Weather in Oslo? 天気 🙂"}}]}}"#
    ))
}

/// The tokens that a `usage` of this dialect names.
fn told(usage: &Value) -> Usage {
    let tokens = |name: &str| usage[name].as_u64().unwrap_or_default();
    Usage {
        uncached_input: tokens("input_tokens"),
        cache_read: tokens("cache_read_input_tokens"),
        cache_write: tokens("cache_creation_input_tokens"),
        output: tokens("output_tokens"),
        ..Usage::default()
    }
}

#[tokio::test]
async fn a_message_comes_with_its_tokens_and_its_bill() {
    let world = World::new().await;
    let (document, seen) = world.document(asked(false)).await;
    let request = world.request();
    assert_eq!((request.path.as_str(), request.model.as_deref()), (PATH, Some(MODEL)));
    assert_eq!(request.header("authorization"), Some("Bearer vck_environment"));
    assert_eq!(request.header("x-api-key"), None);
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(request.title(), Some("Trunkline"));
    assert_eq!(request.credential, Credential::ApiKey);

    assert!(request.billed.is_some());
    assert_eq!(spend(&seen), request.billed);
    assert_eq!(seen.usage, Some(told(&value(&document, "usage"))));
    assert!(seen.usage.is_some_and(|usage| usage.total() > 0));
    assert_eq!(seen.generation_id, request.generation_id);
    assert_eq!(value(&document, "id").as_str(), request.generation_id.as_deref());
}

#[tokio::test]
async fn a_streamed_message_is_billed_by_its_last_words() {
    let world = World::new().await;
    let (events, error) = world.events(asked(true)).await;
    assert!(error.is_none(), "{error:?}");
    let said = parsed(&events);
    assert_eq!(said[0]["type"], "message_start");
    assert_eq!(told(&said[0]["message"]["usage"]).total(), 0, "the gateway tells no tokens here");
    let delta = said.iter().find(|event| event["type"] == "message_delta").unwrap();
    assert_eq!(said.last().unwrap()["type"], "message_stop");

    let request = world.request();
    let sent = r#"{"model":"anthropic/claude-sonnet-5.5","max_tokens":400,"stream":true,"messages":[{"role":"user","content":"Weather in Oslo? 天気 🙂"}]}"#;
    assert_eq!(String::from_utf8(request.body.to_vec()).unwrap(), sent);
    let start = events[0].observation().expect("the first event tells the id");
    assert_eq!(start.generation_id, request.generation_id);
    assert!(start.usage.is_none() && start.cost.is_none());
    let seen = seen(&events);
    assert!(seen.terminal);
    assert!(request.billed.is_some());
    assert_eq!(spend(&seen), request.billed);
    assert_eq!(seen.usage, Some(told(&delta["usage"])));
    assert!(seen.usage.is_some_and(|usage| usage.total() > 0));
}

/// Should the gateway tell the input tokens at once some day, the last words still count.
#[tokio::test]
async fn tokens_that_are_told_twice_are_counted_once() {
    let world = World::new().await;
    world.control().set_quirks(Quirks { message_start_usage: true, ..Quirks::default() });
    let (events, error) = world.events(asked(true)).await;
    assert!(error.is_none(), "{error:?}");
    let said = parsed(&events);
    assert!(told(&said[0]["message"]["usage"]).input() > 0);
    let delta = said.iter().find(|event| event["type"] == "message_delta").unwrap();
    let seen = seen(&events);
    assert_eq!(seen.usage, Some(told(&delta["usage"])));
    assert_eq!(spend(&seen), world.request().billed);
}

#[tokio::test]
async fn what_the_cache_held_is_told_apart() {
    let world = World::new().await;
    let long = "Rules of the house. ".repeat(800);
    let body = format!(
        r#"{{"model":"x","max_tokens":50,"system":[{{"type":"text","text":"{long}","cache_control":{{"type":"ephemeral"}}}}],"messages":[{{"role":"user","content":"Hi"}}]}}"#
    );
    let (_, first) = world.document(messages(&body)).await;
    let (_, second) = world.document(messages(&body)).await;
    let (first, second) = (first.usage.unwrap(), second.usage.unwrap());
    assert!(first.cache_write > 0 && first.cache_read == 0, "{first:?}");
    assert_eq!((second.cache_write, second.cache_read), (0, first.cache_write));
    assert_eq!(first.input(), second.input());
    let sent = world.control().requests()[1].body.clone();
    assert_eq!(
        String::from_utf8(sent.to_vec()).unwrap(),
        body.replace("\"x\"", "\"anthropic/claude-sonnet-5.5\"")
    );
}

const THINK: &str = r#""max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":1024}"#;

/// Thoughts carry signatures that only their provider can check: they come, and go back, byte by byte.
#[tokio::test]
async fn thoughts_come_and_go_back_untouched() {
    let world = World::new().await;
    let ask = format!(r#"{{"model":"x",{THINK},"messages":[{{"role":"user","content":"Think"}}]}}"#);
    let (document, _) = world.document(messages(&ask)).await;
    let content = String::from_utf8(document.raw("content").unwrap().to_vec()).unwrap();
    let blocks = value(&document, "content");
    assert_eq!(blocks[0]["type"], "thinking");
    let signature = blocks[0]["signature"].as_str().expect("a signature");
    assert!(!signature.is_empty());

    let again = format!(
        r#"{{"model":"x",{THINK},"messages":[{{"role":"user","content":"Think"}},{{"role":"assistant","content":{content}}},{{"role":"user","content":"And?"}}]}}"#
    );
    world.document(messages(&again)).await;
    let sent = world.control().requests()[1].body.clone();
    let expected = again.replacen("\"x\"", "\"anthropic/claude-sonnet-5.5\"", 1);
    assert_eq!(String::from_utf8(sent.to_vec()).unwrap(), expected);

    let altered = again.replace(signature, "c29tZXRoaW5nIGVsc2U=");
    let error = world.call(messages(&altered)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamInvalidRequest);
    assert_eq!(error.upstream_type(), Some("invalid_request_error"));
}

#[tokio::test]
async fn tools_are_called_in_pieces() {
    let world = World::new().await;
    let body = r#"{"model":"x","max_tokens":400,"stream":true,"messages":[{"role":"user","content":"Call wx for Oslo"}],
        "tools":[{"name":"wx","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]}"#;
    let (events, error) = world.events(messages(body)).await;
    assert!(error.is_none(), "{error:?}");
    let all = payloads(&events).join("\n");
    assert!(all.contains(r#""type":"tool_use""#), "{all}");
    assert!(all.contains(r#""type":"input_json_delta""#), "{all}");
    assert!(all.contains(r#""stop_reason":"tool_use""#), "{all}");
    assert_eq!(spend(&seen(&events)), world.request().billed);
}

#[tokio::test]
async fn tokens_are_counted_for_nothing() {
    let world = World::new().await;
    let body = r#"{"model":"x","messages":[{"role":"user","content":"Weather in Oslo?"}]}"#;
    let (document, seen) = world.document(call_of(Operation::CountTokens, MODEL, body)).await;
    assert!(value(&document, "input_tokens").as_u64() > Some(0));
    let request = world.request();
    assert_eq!(request.path, "/v1/messages/count_tokens");
    assert_eq!((seen.cost, seen.usage, request.billed), (None, None, None));
}

#[tokio::test]
async fn betas_and_versions_are_the_caller_s() {
    let world = World::new().await;
    let mut call = asked(false);
    call.headers = headers(&[("anthropic-version", "2023-01-01"), ("anthropic-beta", "one-1,two-2")]);
    world.document(call).await;
    let request = world.request();
    assert_eq!(request.header("anthropic-version"), Some("2023-01-01"));
    assert_eq!(request.header("anthropic-beta"), Some("one-1,two-2"));
}

#[tokio::test]
async fn a_cut_message_is_no_clean_end_and_its_bill_can_be_looked_up() {
    for fault in [Fault::Truncate { after_events: 5 }, Fault::Cut { after_bytes: 900, how: CutKind::Close }] {
        let world = World::new().await;
        world.control().fault(FaultRule::new([fault.clone()]).for_path(PATH));
        let (events, error) = world.events(asked(true)).await;
        let error = error.expect("no clean end");
        assert_eq!((error.kind(), error.retry()), (ErrorKind::UpstreamCut, Retry::Never), "{fault:?}");
        let seen = seen(&events);
        assert!(!seen.terminal);
        assert!(seen.generation_id.is_some());
        assert_eq!(seen.generation_id, world.request().generation_id);
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_message_is_the_last_item() {
    let world = World::new().await;
    world.control().fault(FaultRule::new([Fault::ErrorEvent { after_events: 3 }]).for_path(PATH));
    let (events, error) = world.events(asked(true)).await;
    assert_eq!(events.len(), 3);
    let error = error.expect("it failed");
    assert_eq!(error.kind(), ErrorKind::UpstreamFailed);
    assert_eq!(error.provider(), Some("vercel_ai_gateway"));
}

#[tokio::test]
async fn messages_are_refused_in_anthropic_s_envelope() {
    let refused = async |fault: Fault, options: &str| {
        let world = World::new().await;
        world.control().fault(FaultRule::new([fault]).for_path(PATH));
        let body = format!(
            r#"{{"model":"x","max_tokens":9,"messages":[{{"role":"user","content":"Hi"}}],"providerOptions":{{"gateway":{{{options}}}}}}}"#
        );
        let error = world.call(messages(&body)).await.unwrap_err();
        let answer = error.upstream().expect("an answer").body.clone();
        assert!(answer.starts_with(br#"{"type":"error","error":{"type":""#), "{answer:?}");
        (error.kind(), error.retry(), error.is_credential_fault())
    };
    use ErrorKind::{UpstreamCredential, UpstreamFailed, UpstreamNotFound, UpstreamQuotaExceeded};
    assert_eq!(refused(Fault::InvalidKey, "").await, (UpstreamCredential, Retry::NextTarget, true));
    let byok = r#""byok":{"anthropic":[{"apiKey":"sk-own"}]}"#;
    assert_eq!(refused(Fault::InvalidKey, byok).await, (UpstreamCredential, Retry::NextTarget, false));
    assert_eq!(refused(Fault::InsufficientFunds, "").await, (UpstreamCredential, Retry::NextTarget, true));
    assert_eq!(refused(Fault::QuotaExceeded, "").await, (UpstreamQuotaExceeded, Retry::NextTarget, false));
    assert_eq!(refused(Fault::UnknownModel, "").await, (UpstreamNotFound, Retry::NextTarget, false));
    assert_eq!(refused(Fault::Unavailable, "").await, (UpstreamFailed, Retry::SameTarget, false));
}
