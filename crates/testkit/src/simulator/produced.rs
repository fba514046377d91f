//! The tokens that the events of a stream carry, by the rule that the whole answer is counted by.

use std::collections::BTreeMap;

use serde_json::Value;

use super::events::Event;

/// What a number of events carried, in bytes.
#[derive(Debug, Default)]
struct Carried {
    reasoning: usize,
    text: usize,
    /// Name and arguments of each call of a tool.
    calls: BTreeMap<u64, (usize, usize)>,
}

/// What a number of events carried, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Produced {
    pub(crate) reasoning: u64,
    /// Text and calls of tools.
    pub(crate) said: u64,
}

/// Counts what events of any dialect carry.
pub(crate) fn of_events(events: &[Event]) -> Produced {
    let mut carried = Carried::default();
    for event in events {
        if let Ok(data) = serde_json::from_str::<Value>(&event.data) {
            match event.name {
                None => carried.chat(&data["choices"][0]["delta"]),
                Some(name) if name.starts_with("response.") => carried.response(name, &data),
                Some(_) => carried.message(&data),
            }
        }
    }
    let tokens = |bytes: usize| (bytes as u64).div_ceil(4);
    let calls = carried.calls.values().map(|(name, arguments)| tokens(*name) + tokens(*arguments));
    Produced { reasoning: tokens(carried.reasoning), said: tokens(carried.text) + calls.sum::<u64>() }
}

fn bytes(value: &Value) -> usize {
    value.as_str().map_or(0, str::len)
}

impl Carried {
    fn chat(&mut self, delta: &Value) {
        self.reasoning += bytes(&delta["reasoning"]);
        self.text += bytes(&delta["content"]);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let (name, arguments) = self.calls.entry(call["index"].as_u64().unwrap_or_default()).or_default();
            *name += bytes(&call["function"]["name"]);
            *arguments += bytes(&call["function"]["arguments"]);
        }
    }

    fn message(&mut self, event: &Value) {
        let (delta, index) = (&event["delta"], event["index"].as_u64().unwrap_or_default());
        self.reasoning += bytes(&delta["thinking"]);
        self.text += bytes(&delta["text"]);
        let name = bytes(&event["content_block"]["name"]);
        let arguments = bytes(&delta["partial_json"]);
        if name + arguments > 0 {
            let call = self.calls.entry(index).or_default();
            *call = (call.0 + name, call.1 + arguments);
        }
    }

    fn response(&mut self, name: &str, event: &Value) {
        let index = event["output_index"].as_u64().unwrap_or_default();
        match name {
            "response.output_text.delta" => self.text += bytes(&event["delta"]),
            "response.reasoning_summary_text.delta" => self.reasoning += bytes(&event["delta"]),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.calls.entry(index).or_default().1 += bytes(&event["delta"]);
            }
            "response.output_item.added" if event["item"]["name"].is_string() => {
                self.calls.entry(index).or_default().0 += bytes(&event["item"]["name"]);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(events: &[Event], reasoning: u64, said: u64) {
        assert_eq!(of_events(events), Produced { reasoning, said });
    }

    fn chat(delta: &Value) -> Event {
        Event::unnamed(json!({ "choices": [{ "delta": delta }] }).to_string())
    }

    #[test]
    fn pieces_are_counted_together() {
        let events = [
            chat(&json!({ "role": "assistant" })),
            chat(&json!({ "reasoning": "12345" })),
            chat(&json!({ "content": "ab" })),
            chat(&json!({ "content": "cd" })),
            chat(&json!({ "content": "é" })),
            Event::unnamed("[DONE]"),
        ];
        check(&events[..1], 0, 0);
        check(&events[..3], 2, 1);
        check(&events[..4], 2, 1);
        check(&events, 2, 2);
    }

    #[test]
    fn calls_are_counted_each_alone() {
        let call = |index: u64, name: Value, arguments: &str| {
            chat(
                &json!({ "tool_calls": [{ "index": index, "function": { "name": name, "arguments": arguments } }] }),
            )
        };
        let events = [
            call(0, json!("wx"), ""),
            call(0, Value::Null, "{\"a\":1}"),
            call(1, json!("clock"), ""),
            call(1, Value::Null, "{}"),
        ];
        check(&events, 0, (1 + 2) + (2 + 1));
    }

    #[test]
    fn every_dialect_is_read() {
        let event = |name, data: Value| Event::named(name, &data);
        let message = [
            event(
                "content_block_start",
                json!({"index": 0, "content_block": {"type": "tool_use", "name": "wx"}}),
            ),
            event("content_block_delta", json!({"index": 0, "delta": {"partial_json": "{\"a\":"}})),
            event("content_block_delta", json!({"index": 1, "delta": {"text": "abcd"}})),
            event("content_block_delta", json!({"index": 2, "delta": {"thinking": "abcde"}})),
        ];
        check(&message, 2, 1 + 2 + 1);
        let response = [
            event("response.output_item.added", json!({"output_index": 0, "item": {"name": "wx"}})),
            event("response.function_call_arguments.delta", json!({"output_index": 0, "delta": "{}"})),
            event("response.output_text.delta", json!({"output_index": 1, "delta": "abcd"})),
            event("response.output_text.done", json!({"output_index": 1, "text": "abcd"})),
            event("response.reasoning_summary_text.delta", json!({"delta": "a"})),
        ];
        check(&response, 1, 1 + 1 + 1);
    }
}
