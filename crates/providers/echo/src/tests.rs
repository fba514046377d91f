//! Tests of the echo, through the contract alone.

use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use trunkline_core::{Event, ReplyBody};

use super::*;

fn call(operation: Operation, body: &Value) -> Result<Reply, Error> {
    let document = Document::from_serialize(body).expect("a document");
    Echo::default()
        .call(&CallContext::default(), &Call::new(operation, "m", document))
        .now_or_never()
        .expect("an echo does not wait")
}

fn whole_reply(operation: Operation, body: &Value) -> (Value, Usage) {
    match call(operation, body).expect("a reply").body {
        ReplyBody::Document(document, observation) => {
            let json = serde_json::from_slice(&document.to_bytes()).expect("JSON");
            (json, observation.usage.expect("usage is told"))
        }
        ReplyBody::Events(_) | ReplyBody::Raw { .. } => panic!("a whole reply is a document"),
    }
}

fn events(operation: Operation, body: &Value) -> Vec<Event> {
    match call(operation, body).expect("a reply").body {
        ReplyBody::Events(events) => events
            .collect::<Vec<_>>()
            .now_or_never()
            .expect("an echo does not wait")
            .into_iter()
            .flat_map(|batch| batch.expect("no error"))
            .collect(),
        ReplyBody::Document(..) | ReplyBody::Raw { .. } => panic!("a streamed reply is events"),
    }
}

/// The payloads that are JSON.
fn chunks(events: &[Event]) -> Vec<Value> {
    events.iter().filter_map(|event| serde_json::from_slice(event.data()?).ok()).collect()
}

fn check_refused(operation: Operation, body: &Value, kind: ErrorKind, param: &str) {
    let error = call(operation, body).expect_err("it is refused");
    assert_eq!((error.kind(), error.param()), (kind, Some(param)), "{body}");
}

fn messages() -> Value {
    json!([
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": [{"type": "text", "text": "one two  three\n"}, {"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "four"}]},
    ])
}

#[test]
fn a_chat_is_answered_with_its_last_message() {
    let (reply, usage) = whole_reply(Operation::ChatCompletions, &json!({"messages": messages()}));
    assert_eq!(reply["object"], "chat.completion");
    assert_eq!(reply["model"], "m");
    let expected = json!([{
        "index": 0,
        "message": {"role": "assistant", "content": "one two  three\nfour", "refusal": null},
        "logprobs": null,
        "finish_reason": "stop",
    }]);
    assert_eq!(reply["choices"], expected);
    let expected = json!({"prompt_tokens": 8, "completion_tokens": 4, "total_tokens": 12});
    assert_eq!(reply["usage"], expected);
    assert_eq!((usage.uncached_input, usage.output), (8, 4));
}

#[test]
fn a_stream_has_role_pieces_end_usage_and_done() {
    let body = json!({"messages": messages(), "stream": true, "stream_options": {"include_usage": true}});
    let events = events(Operation::ChatCompletions, &body);
    let chunks = chunks(&events);
    let deltas: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    assert_eq!(deltas[0], &json!({"role": "assistant", "content": ""}));
    assert_eq!(deltas[1], &json!({"content": "one two  "}));
    assert_eq!(deltas[2], &json!({"content": "three\nfour"}));
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[4]["choices"], json!([]));
    assert_eq!(chunks[4]["usage"]["total_tokens"], 12);
    assert_eq!(chunks.len(), 5);
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));

    let last = events.last().expect("there are events");
    assert_eq!(last.data(), Some(&b"[DONE]"[..]));
    let seen = |event: &Event| event.observation().cloned().unwrap_or_default();
    assert!(seen(last).terminal);
    assert!(seen(&events[4]).usage_only);
    assert_eq!(seen(&events[4]).usage.map(|usage| usage.total()), Some(12));
}

#[test]
fn usage_is_told_to_who_asks_and_known_all_the_same() {
    let body = json!({"messages": messages(), "stream": true});
    let events = events(Operation::ChatCompletions, &body);
    assert!(chunks(&events).iter().all(|chunk| chunk.get("usage").is_none()));
    let last = events.last().and_then(Event::observation).expect("the end is seen");
    assert_eq!(last.usage.as_ref().map(Usage::total), Some(12));
}

#[test]
fn every_prompt_is_a_choice() {
    let (reply, _) = whole_reply(Operation::Completions, &json!({"prompt": ["a b", "c"]}));
    assert_eq!(reply["object"], "text_completion");
    assert_eq!(reply["choices"][1]["text"], "c");
    assert_eq!(reply["usage"]["total_tokens"], 6);

    let body = json!({"prompt": "a b c d", "stream": true});
    let texts: Vec<Value> = chunks(&events(Operation::Completions, &body))
        .iter()
        .map(|chunk| chunk["choices"][0]["text"].clone())
        .collect();
    assert_eq!(texts, ["a b c ", "d", ""]);
}

#[test]
fn embeddings_depend_on_the_input_alone() {
    let body = json!({"input": ["one", "two words", "one"], "dimensions": 3});
    let (reply, usage) = whole_reply(Operation::Embeddings, &body);
    let (again, _) = whole_reply(Operation::Embeddings, &body);
    assert_eq!(reply["data"], again["data"]);
    let vectors: Vec<Vec<f64>> = (0..3)
        .map(|index| {
            serde_json::from_value(reply["data"][index]["embedding"].clone()).expect("a list of numbers")
        })
        .collect();
    assert_eq!(vectors[0], vectors[2]);
    assert_ne!(vectors[0], vectors[1]);
    assert_eq!(vectors[0].len(), 3);
    let length: f64 = vectors[1].iter().map(|number| number * number).sum();
    assert!((length - 1.0).abs() < 1e-5, "{length}");
    assert_eq!(reply["data"][1]["index"], 1);
    assert_eq!((usage.uncached_input, usage.output), (4, 0));
}

#[test]
fn base64_holds_the_same_numbers() {
    use base64::Engine as _;
    let (floats, _) = whole_reply(Operation::Embeddings, &json!({"input": "a"}));
    let (base64, _) = whole_reply(Operation::Embeddings, &json!({"input": "a", "encoding_format": "base64"}));
    let text = base64["data"][0]["embedding"].as_str().expect("a text");
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
    let floats: Vec<f32> = serde_json::from_value(floats["data"][0]["embedding"].clone()).expect("numbers");
    let expected: Vec<u8> = floats.iter().flat_map(|number| number.to_le_bytes()).collect();
    assert_eq!(bytes, expected);
    assert_eq!(floats.len(), 8);
}

#[test]
fn what_cannot_be_answered_names_the_parameter() {
    use ErrorKind::{InvalidRequest, MissingParameter};
    use Operation::{ChatCompletions, Completions, Embeddings};
    check_refused(ChatCompletions, &json!({}), MissingParameter, "messages");
    check_refused(ChatCompletions, &json!({"messages": null}), MissingParameter, "messages");
    check_refused(ChatCompletions, &json!({"messages": []}), InvalidRequest, "messages");
    check_refused(ChatCompletions, &json!({"messages": "hi"}), InvalidRequest, "messages");
    let body = json!({"messages": messages(), "stream_options": 7});
    check_refused(ChatCompletions, &body, InvalidRequest, "stream_options");
    check_refused(Completions, &json!({}), MissingParameter, "prompt");
    check_refused(Completions, &json!({"prompt": [1, 2]}), InvalidRequest, "prompt");
    check_refused(Embeddings, &json!({"input": 7}), InvalidRequest, "input");
    check_refused(Embeddings, &json!({"input": "a", "dimensions": 0}), InvalidRequest, "dimensions");
    check_refused(
        Embeddings,
        &json!({"input": "a", "encoding_format": "octal"}),
        InvalidRequest,
        "encoding_format",
    );
}

#[test]
fn ids_are_unique() {
    let echo = Echo::default();
    assert_ne!(echo.head("m").unique, echo.head("m").unique);
}
