//! Whole replies as streams, and streams as whole replies.

use serde_json::{Value, json};
use trunkline_cache::Kept;
use trunkline_core::{Cost, Event, Observation, Operation, Usage};

use crate::{CHAT, document, payloads};

fn observation() -> Observation {
    Observation {
        usage: Some(Usage { uncached_input: 9, output: 12, ..Usage::default() }),
        cost: Some(Cost::Computed(1.into())),
        generation_id: Some("gen_1".to_owned()),
        ..Observation::default()
    }
}

/// The events that a whole reply is given as, and what was seen in each.
fn events(operation: Operation, whole: &str) -> Vec<Event> {
    let kept = Kept::whole(operation, &document(whole), observation()).expect("it says something");
    kept.events().expect("it can be changed")
}

fn stream(operation: Operation, payloads: &[&str]) -> Kept {
    let events: Vec<Event> = payloads.iter().map(|payload| Event::from_payload(payload.as_bytes())).collect();
    Kept::streamed(operation, &events).expect("it says something")
}

/// That these pieces are this document; `None` if it cannot be told.
fn check_joined(operation: Operation, payloads: &[&str], expected: Option<&str>) {
    let joined = stream(operation, payloads).document().map(|document| document.to_bytes());
    assert_eq!(joined.as_deref().map(String::from_utf8_lossy).as_deref(), expected);
}

/// That a whole reply is these events, and that they are that reply again.
fn check_split(operation: Operation, whole: &str, expected: &[&str]) {
    let events = events(operation, whole);
    assert_eq!(payloads(&events), expected);
    let joined = Kept::streamed(operation, &events).expect("it says something").document();
    let joined: Value = serde_json::from_slice(&joined.expect("it can be changed").to_bytes()).expect("JSON");
    assert_eq!(joined, serde_json::from_str::<Value>(whole).expect("JSON"));
}

#[test]
fn a_whole_reply_is_streamed_piece_by_piece() {
    check_split(
        CHAT,
        r#"{"id":"c1","object":"chat.completion","created":17,"model":"gpt","choices":[{"index":0,"message":{"role":"assistant","content":"Hé \"there\" \ud83d\ude00","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":12,"cost":0.00000125},"system_fingerprint":"fp","service_tier":"default"}"#,
        &[
            r#"{"object":"chat.completion.chunk","id":"c1","created":17,"model":"gpt","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}]}"#,
            r#"{"object":"chat.completion.chunk","id":"c1","created":17,"model":"gpt","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"Hé \"there\" \ud83d\ude00"},"finish_reason":null}]}"#,
            r#"{"object":"chat.completion.chunk","id":"c1","created":17,"model":"gpt","system_fingerprint":"fp","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"service_tier":"default"}"#,
            r#"{"object":"chat.completion.chunk","id":"c1","created":17,"model":"gpt","system_fingerprint":"fp","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"cost":0.00000125}}"#,
            "[DONE]",
        ],
    );
}

#[test]
fn what_was_seen_in_a_whole_reply_is_seen_in_its_stream() {
    let whole = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"a"}}],"usage":{}}"#;
    let events = events(CHAT, whole);
    let seen: Vec<&Observation> = events.iter().filter_map(Event::observation).collect();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], &Observation { usage_only: true, ..observation() });
    assert_eq!(seen[1], &Observation { terminal: true, ..Observation::default() });
    assert!(
        !self::events(CHAT, &whole.replace(",\"usage\":{}", ""))
            .iter()
            .any(|event| { event.observation().is_some_and(|seen| seen.usage_only) })
    );
}

#[test]
fn tool_calls_reasoning_and_several_choices_are_streamed() {
    check_split(
        CHAT,
        r#"{"id":"c1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"reasoning":"why","reasoning_details":[{"type":"reasoning.text","text":"why","index":0,"signature":"s"}],"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},{"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"},{"index":1,"message":{"role":"assistant","content":"b"},"logprobs":{"content":[{"token":"b","logprob":-0.10}]},"finish_reason":"length","native_finish_reason":"MAX"}],"provider_metadata":{"gateway":{"cost":"0.0000189"}}}"#,
        &[
            r#"{"object":"chat.completion.chunk","id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
            r#"{"object":"chat.completion.chunk","id":"c1","choices":[{"index":0,"delta":{"reasoning":"why","reasoning_details":[{"type":"reasoning.text","text":"why","index":0,"signature":"s"}],"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},{"index":1,"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":null}]}"#,
            r#"{"object":"chat.completion.chunk","id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"object":"chat.completion.chunk","id":"c1","choices":[{"index":1,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            r#"{"object":"chat.completion.chunk","id":"c1","choices":[{"index":1,"delta":{"content":"b"},"finish_reason":null,"logprobs":{"content":[{"token":"b","logprob":-0.10}]}}]}"#,
            r#"{"object":"chat.completion.chunk","id":"c1","choices":[{"index":1,"delta":{},"finish_reason":"length","native_finish_reason":"MAX"}],"provider_metadata":{"gateway":{"cost":"0.0000189"}}}"#,
            "[DONE]",
        ],
    );
}

#[test]
fn a_text_completion_is_streamed() {
    check_split(
        Operation::Completions,
        r#"{"id":"c","object":"text_completion","model":"m","choices":[{"text":"one","index":0,"logprobs":null,"finish_reason":"stop"},{"text":"two","index":1,"logprobs":{"tokens":["two"],"text_offset":[0]},"finish_reason":"length"}]}"#,
        &[
            r#"{"object":"text_completion","id":"c","model":"m","choices":[{"index":0,"text":"one","finish_reason":null}]}"#,
            r#"{"object":"text_completion","id":"c","model":"m","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}]}"#,
            r#"{"object":"text_completion","id":"c","model":"m","choices":[{"index":1,"text":"two","finish_reason":null,"logprobs":{"tokens":["two"],"text_offset":[0]}}]}"#,
            r#"{"object":"text_completion","id":"c","model":"m","choices":[{"index":1,"text":"","finish_reason":"length"}]}"#,
            "[DONE]",
        ],
    );
}

#[test]
fn a_reply_on_several_lines_makes_events_on_one() {
    let whole = "{\n \"choices\": [\r\n {\"index\": 0, \"message\": {\"role\": \"assistant\",\n \"content\": [{\"type\": \"text\",\n \"text\": \"a\\nb\"}]}}]}";
    let events = events(CHAT, whole);
    let lines = |event: &Event| event.bytes().iter().filter(|byte| **byte == b'\n').count();
    assert!(events.iter().all(|event| lines(event) == 2), "each has one line and a blank one");
    let said: Value = serde_json::from_str(&payloads(&events)[1]).expect("JSON");
    assert_eq!(said["choices"][0]["delta"]["content"][0]["text"], json!("a\nb"));
}

#[test]
fn a_stream_is_put_together() {
    check_joined(
        CHAT,
        &[
            r#"{"id":"","object":"","created":0,"model":"","prompt_filter_results":[1],"choices":[]}"#,
            r#"{"id":"c1","object":"chat.completion.chunk","created":17,"model":"gpt","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"obfuscation":"xyz","usage":null}"#,
            r#"{"id":"c1","object":"chat.completion.chunk","created":17,"model":"gpt","choices":[{"index":0,"delta":{"content":"H\u00e9 \"th"},"logprobs":{"content":[{"token":"a","logprob":-0.10}]},"finish_reason":null}],"obfuscation":"x"}"#,
            r#"{"id":"c1","object":"chat.completion.chunk","created":17,"model":"gpt","choices":[{"index":0,"delta":{"content":"ere\""},"logprobs":{"content":[{"token":"b","logprob":-1e-5}]},"finish_reason":null}]}"#,
            r#"{"id":"c1","object":"chat.completion.chunk","created":17,"model":"gpt","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#,
            r#"{"id":"c1","object":"chat.completion.chunk","created":17,"model":"gpt","choices":[],"usage":{"prompt_tokens":9}}"#,
            "[DONE]",
        ],
        Some(
            r#"{"id":"c1","object":"chat.completion","created":17,"model":"gpt","prompt_filter_results":[1],"choices":[{"index":0,"message":{"role":"assistant","content":"H\u00e9 \"there\"","refusal":null},"logprobs":{"content":[{"token":"a","logprob":-0.10},{"token":"b","logprob":-1e-5}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":9}}"#,
        ),
    );
}

#[test]
fn tool_calls_are_put_together_by_their_index() {
    check_joined(
        CHAT,
        &[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"","function":{"name":null,"arguments":"{\"a\""}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}},{"index":0,"type":"function","function":{"arguments":": 1}"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        ],
        Some(
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},{"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
        ),
    );
}

#[test]
fn choices_reasoning_and_halves_of_a_character_are_put_together() {
    check_joined(
        CHAT,
        &[
            r#"{"choices":[{"index":1,"delta":{"role":"assistant","reasoning":"be","reasoning_details":[{"index":0,"type":"reasoning.text","text":"be"}]}},{"index":0,"delta":{"role":"assistant","content":"\ud83d"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"\ude00"}},{"index":1,"delta":{"reasoning":"cause","reasoning_details":[{"index":0,"type":"reasoning.text","text":"cause","signature":"s"}],"content":"b"}}]}"#,
            r#"{"choices":[{"index":1,"delta":{"annotations":[{"url":"u"}]},"finish_reason":"stop"},{"index":0,"delta":{},"finish_reason":"length"}]}"#,
            r#"{"choices":[{"index":1,"delta":{"annotations":[{"url":"v"}]}}]}"#,
        ],
        Some(
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"\ud83d\ude00"},"finish_reason":"length"},{"index":1,"message":{"role":"assistant","content":"b","reasoning":"because","reasoning_details":[{"index":0,"type":"reasoning.text","text":"because","signature":"s"}],"annotations":[{"url":"u"},{"url":"v"}]},"finish_reason":"stop"}]}"#,
        ),
    );
}

#[test]
fn text_completions_are_put_together() {
    check_joined(
        Operation::Completions,
        &[
            r#"{"id":"c","object":"text_completion","choices":[{"text":"on","index":0,"logprobs":{"tokens":["on"],"text_offset":[0]},"finish_reason":null}]}"#,
            r#"{"id":"c","object":"text_completion","choices":[{"text":"e","index":0,"logprobs":{"tokens":["e"],"text_offset":[2]},"finish_reason":"stop"}]}"#,
            "[DONE]",
        ],
        Some(
            r#"{"id":"c","object":"text_completion","choices":[{"index":0,"text":"one","logprobs":{"tokens":["on","e"],"text_offset":[0,2]},"finish_reason":"stop"}]}"#,
        ),
    );
}

#[test]
fn a_stream_whose_whole_cannot_be_told_is_left_as_it_is() {
    let delta = |delta: &str| format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
    for (first, second) in [
        // Pieces of sound: each ends in the middle of a character of base64.
        (r#"{"audio":{"id":"a","data":"UklG"}}"#, r#"{"audio":{"id":"a","data":"Rg=="}}"#),
        // Two calls under one number.
        (
            r#"{"tool_calls":[{"index":0,"id":"t1","function":{"name":"f","arguments":"{}"}}]}"#,
            r#"{"tool_calls":[{"index":0,"id":"t2","function":{"name":"f","arguments":"{}"}}]}"#,
        ),
        (r#"{"tool_calls":[{"index":0,"id":"t1"},{"index":0,"id":"t2"}]}"#, r#"{"content":"a"}"#),
        // Something that is not known to come in pieces.
        (r#"{"content":"a","mood":"good"}"#, r#"{"mood":"bad"}"#),
        (r#"{"content":"a","tokens":1}"#, r#"{"tokens":2}"#),
        (r#"{"content":"a"}"#, r#"{"content":[{"type":"text"}]}"#),
        (r#"{"content":[{"type":"text"}]}"#, r#"{"content":"a"}"#),
    ] {
        check_joined(CHAT, &[&delta(first), &delta(second)], None);
    }
    check_joined(CHAT, &[&delta(r#"{"content":"a"}"#), "not JSON"], None);
    let deep = format!("{}1{}", "{\"a\":".repeat(40), "}".repeat(40));
    let deep = delta(&format!("{{\"content\":\"a\",\"x\":{deep}}}"));
    check_joined(CHAT, &[&deep, &deep], None);
}
