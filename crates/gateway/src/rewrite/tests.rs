//! Tests of what is changed, and of what is not.

use super::*;
use crate::authentication::Caller;
use crate::seal::Seal;
use std::sync::Arc;
use trunkline_core::{ErrorKind, Observation, Usage};

fn chat(model: &str, reasoning_content: bool) -> Rewrite {
    let settings = Settings { reasoning_content, ..Settings::default() };
    Rewrite::new(Operation::ChatCompletions, model, &settings, false, None)
}

fn event(payload: &str) -> Event {
    Event::from_payload(payload.as_bytes())
}

fn check(rewrite: &mut Rewrite, payload: &str, expected: &str) {
    let mut out = Vec::new();
    rewrite.events(vec![event(payload)], &mut out);
    let sent = String::from_utf8(out.concat()).expect("text");
    assert_eq!(sent, format!("data: {expected}\n\n"));
}

#[test]
fn only_the_model_s_value_changes() {
    let mut rewrite = chat("gpt-4o-gateway", true);
    for number in ["1", "1.0", "1e0"] {
        check(
            &mut rewrite,
            &format!(
                r#"{{"id":"a", "model" : "openai/gpt-4o","x":{number},"choices":[{{"model":"kept"}}]}}"#
            ),
            &format!(
                r#"{{"id":"a", "model" : "gpt-4o-gateway","x":{number},"choices":[{{"model":"kept"}}]}}"#
            ),
        );
    }
}

#[test]
fn a_stream_that_changes_its_shape_is_scanned_again() {
    let mut rewrite = chat("m", true);
    check(&mut rewrite, r#"{"model":"up","n":1}"#, r#"{"model":"m","n":1}"#);
    check(&mut rewrite, r#"{"n":{"model":"up"},"model":"up"}"#, r#"{"n":{"model":"up"},"model":"m"}"#);
    check(&mut rewrite, r#"{"model":"upper","n":1}"#, r#"{"model":"m","n":1}"#);
    check(&mut rewrite, r#"{"n":1}"#, r#"{"n":1}"#);
    check(&mut rewrite, "[DONE]", "[DONE]");
}

#[test]
fn a_value_that_only_begins_like_the_learned_one_is_replaced_whole() {
    let mut rewrite = chat("m", true);
    check(&mut rewrite, r#"{"model":"up"}"#, r#"{"model":"m"}"#);
    check(&mut rewrite, r#"{"model":null}"#, r#"{"model":"m"}"#);
}

#[test]
fn reasoning_content_stands_beside_reasoning() {
    let mut rewrite = Rewrite { model: None, ..chat("", true) };
    check(
        &mut rewrite,
        r#"{"choices":[{"delta":{"reasoning":"W\u00e9","x":1}},{"delta":{"content":"\"reasoning\""}}]}"#,
        r#"{"choices":[{"delta":{"reasoning":"W\u00e9","reasoning_content":"W\u00e9","x":1}},{"delta":{"content":"\"reasoning\""}}]}"#,
    );
    let both = r#"{"choices":[{"delta":{"reasoning":"a","reasoning_content":"b"}}]}"#;
    check(&mut rewrite, both, both);
    let none = r#"{"choices":[{"delta":{"reasoning":null}}]}"#;
    check(&mut rewrite, none, none);
    check(
        &mut Rewrite { model: None, ..chat("", false) },
        r#"{"choices":[{"delta":{"reasoning":"a"}}]}"#,
        r#"{"choices":[{"delta":{"reasoning":"a"}}]}"#,
    );
}

#[test]
fn a_payload_on_several_lines_stays_on_several_lines() {
    let bytes = Bytes::from_static(b"data:{\"n\":1,\r\n: x\r\ndata: \"model\":\"up\"}\r\n\r\n");
    let event = Event::with_spans(bytes, vec![5..12, 25..37]);
    let mut out = Vec::new();
    chat("m", true).events(vec![event], &mut out);
    assert_eq!(out.concat(), b"data:{\"n\":1,\r\n: x\r\ndata: \"model\":\"m\"}\r\n\r\n");
}

fn seen(payload: &str, observation: Observation) -> Event {
    let mut event = event(payload);
    event.set_observation(observation);
    event
}

fn usage() -> Observation {
    Observation { usage: Some(Usage::default()), ..Observation::default() }
}

fn sent(usage_asked: bool, events: Vec<Event>) -> String {
    let mut out = Vec::new();
    Rewrite::new(Operation::ChatCompletions, "m", &Settings::default(), usage_asked, None)
        .events(events, &mut out);
    String::from_utf8(out.concat()).expect("text")
}

#[test]
fn usage_alone_is_withheld_from_who_did_not_ask() {
    let alone = || seen(r#"{"choices":[],"usage":{}}"#, Observation { usage_only: true, ..usage() });
    let done = || seen("[DONE]", Observation { terminal: true, ..Observation::default() });
    assert_eq!(sent(false, vec![alone(), done()]), "data: [DONE]\n\n");
    assert_eq!(sent(true, vec![alone(), done()]), "data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n");
}

#[test]
fn usage_on_the_finish_event_stays_and_who_asked_gets_openai_s_event_too() {
    let finish = || seen(r#"{"id":"a","model":"up","choices":[{"delta":{}}],"usage":{"n":1.50}}"#, usage());
    let done = || seen("[DONE]", Observation { terminal: true, ..Observation::default() });
    let first =
        "data: {\"id\":\"a\",\"model\":\"m\",\"choices\":[{\"delta\":{}}],\"usage\":{\"n\":1.50}}\n\n";
    let extra = "data: {\"id\":\"a\",\"model\":\"m\",\"choices\":[],\"usage\":{\"n\":1.50}}\n\n";
    assert_eq!(sent(false, vec![finish(), done()]), format!("{first}data: [DONE]\n\n"));
    assert_eq!(sent(true, vec![finish(), done()]), format!("{first}{extra}data: [DONE]\n\n"));
}

fn binding(ties_items: bool) -> Binding {
    Binding::new(Arc::new(Seal::new(None)), &Caller::Local, "d1", "m", ties_items)
}

fn responses(ties_items: bool) -> Rewrite {
    Rewrite::new(Operation::Responses, "m", &Settings::default(), false, Some(binding(ties_items)))
}

#[test]
fn messages_tell_the_model_once() {
    let mut rewrite = Rewrite::new(Operation::Messages, "m", &Settings::default(), false, None);
    check(
        &mut rewrite,
        r#"{"type":"message_start","message":{"id":"gen_1","model":"anthropic/claude","usage":{"input_tokens":0}}}"#,
        r#"{"type":"message_start","message":{"id":"gen_1","model":"m","usage":{"input_tokens":0}}}"#,
    );
    let later = r#"{"type":"content_block_delta","message":{"model":"stays"},"reasoning":"x"}"#;
    check(&mut rewrite, later, later);
}

#[test]
fn responses_tell_sealed_ids_and_nothing_else_changes() {
    let mut rewrite = responses(true);
    let id =
        |id: &str| String::from_utf8(binding(true).id(id.as_bytes()).expect("an id").to_vec()).expect("text");
    check(
        &mut rewrite,
        r#"{"type":"response.created","response":{"id":"resp_up","previous_response_id":"resp_0","model":"up","n":1.0}}"#,
        &format!(
            r#"{{"type":"response.created","response":{{"id":{},"previous_response_id":{},"model":"m","n":1.0}}}}"#,
            id("\"resp_up\""),
            id("\"resp_0\"")
        ),
    );
    let delta = r#"{"type":"response.output_text.delta","delta":"\"response\":{\"id\":\"x\"}"}"#;
    check(&mut rewrite, delta, delta);
    let item = r#"{"type":"response.output_item.done","item":{"id":"rs_1","encrypted_content":"gAAA"}}"#;
    let mut out = Vec::new();
    rewrite.events(vec![event(item)], &mut out);
    let sent = String::from_utf8(out.concat()).expect("text");
    assert!(
        sent.contains(r#""id":"rs_1","encrypted_content":"tl1:"#) && sent.contains(r#":gAAA""#),
        "{sent}"
    );
    check(&mut responses(false), item, item);
}

#[test]
fn a_failure_is_told_in_the_stream_s_dialect() {
    let error = Error::new(ErrorKind::UpstreamCut, "it ended");
    let told = |rewrite: &Rewrite| {
        let bytes = rewrite.failure(&error, "call-1").into_bytes();
        String::from_utf8(bytes.to_vec()).expect("text")
    };
    assert!(told(&chat("m", true)).starts_with("data: {\"error\":{"));
    let messages = Rewrite::new(Operation::Messages, "m", &Settings::default(), false, None);
    assert_eq!(
        told(&messages),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"it ended\"},\"request_id\":\"call-1\"}\n\n"
    );
    let mut rewrite = responses(false);
    let created = r#"{"type":"response.created","sequence_number":4,"response":{"object":"response","model":"up","status":"in_progress","output":[]}}"#;
    rewrite.events(vec![event(created)], &mut Vec::new());
    assert_eq!(
        told(&rewrite),
        "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":5,\"response\":{\"object\":\"response\",\"model\":\"m\",\"status\":\"failed\",\"output\":[],\"error\":{\"code\":\"server_error\",\"message\":\"it ended\"}}}\n\n"
    );
}
