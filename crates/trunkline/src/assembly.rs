//! The pieces of a streamed answer, put together into the reply that they would have been.

use serde_json::{Map, Value};
use trunkline_openai::RawJson;
use trunkline_openai::chat::{
    ChatChunk, ChatMessage, ChatResponse, Choice, ChunkChoice, Delta, FunctionCall, Role, ToolCall,
    ToolCallDelta,
};

/// A reply that grows chunk by chunk.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    response: ChatResponse,
    choices: Vec<Growing>,
}

/// What is not yet in its place in a choice's message.
#[derive(Debug, Default)]
struct Growing {
    /// The index of each tool call, in the order of the message.
    tool_calls: Vec<u32>,
    reasoning_details: Vec<Value>,
}

impl Assembly {
    /// The reply so far, all but the parts of its reasoning.
    pub(crate) fn known(&self) -> &ChatResponse {
        &self.response
    }

    /// The reply so far.
    pub(crate) fn response(&self) -> ChatResponse {
        let mut response = self.response.clone();
        for (choice, growing) in response.choices.iter_mut().zip(&self.choices) {
            growing.complete(&mut choice.message);
        }
        response
    }

    /// Adds what a chunk tells.
    pub(crate) fn push(&mut self, chunk: &ChatChunk) {
        let response = &mut self.response;
        if response.object.is_empty() {
            response.object = "chat.completion".to_owned();
        }
        if response.id.is_empty() {
            response.id.clone_from(&chunk.id);
        }
        if response.model.is_empty() {
            response.model.clone_from(&chunk.model);
        }
        keep(&mut response.created, chunk.created.as_ref());
        keep(&mut response.usage, chunk.usage.as_ref());
        keep(&mut response.system_fingerprint, chunk.system_fingerprint.as_ref());
        keep(&mut response.service_tier, chunk.service_tier.as_ref());
        response.extra.extend(chunk.extra.clone());
        for choice in &chunk.choices {
            self.push_choice(choice);
        }
    }

    fn push_choice(&mut self, new: &ChunkChoice) {
        let position = self.response.choices.iter().position(|choice| choice.index == new.index);
        let position = position.unwrap_or_else(|| {
            let message = ChatMessage { role: Role::Assistant, ..ChatMessage::default() };
            self.response.choices.push(Choice { index: new.index, message, ..Choice::default() });
            self.choices.push(Growing::default());
            self.choices.len() - 1
        });
        let choice = &mut self.response.choices[position];
        keep(&mut choice.finish_reason, new.finish_reason.as_ref());
        if let Some(logprobs) = &new.logprobs {
            merge(choice.logprobs.get_or_insert_default(), logprobs);
        }
        choice.extra.extend(new.extra.clone());
        self.choices[position].push(&mut choice.message, &new.delta);
    }
}

impl Growing {
    fn push(&mut self, message: &mut ChatMessage, delta: &Delta) {
        if let Some(role) = &delta.role {
            message.role.clone_from(role);
        }
        append(&mut message.content, delta.content.as_deref());
        append(&mut message.reasoning, delta.reasoning.as_deref());
        append(&mut message.reasoning_content, delta.reasoning_content.as_deref());
        append(&mut message.refusal, delta.refusal.as_deref());
        message.annotations.extend(delta.annotations.iter().cloned());
        message.images.extend(delta.images.iter().cloned());
        if let Some(audio) = &delta.audio {
            merge(message.audio.get_or_insert_default(), audio);
        }
        keep(&mut message.provider_metadata, delta.provider_metadata.as_ref());
        message.extra.extend(delta.extra.clone());
        for call in &delta.tool_calls {
            self.push_tool_call(&mut message.tool_calls, call);
        }
        if let Some(details) = &delta.reasoning_details {
            self.push_reasoning_details(message, details);
        }
    }

    fn push_tool_call(&mut self, calls: &mut Vec<ToolCall>, new: &ToolCallDelta) {
        let position = self.tool_calls.iter().position(|index| *index == new.index);
        let position = position.unwrap_or_else(|| {
            self.tool_calls.push(new.index);
            calls.push(ToolCall { kind: "function".to_owned(), ..ToolCall::default() });
            calls.len() - 1
        });
        let call = &mut calls[position];
        call.extra.extend(new.extra.clone());
        if let Some(id) = &new.id {
            call.id.clone_from(id);
        }
        if let Some(kind) = &new.kind {
            call.kind.clone_from(kind);
        }
        if let Some(piece) = &new.function {
            let function = call.function.get_or_insert_with(FunctionCall::default);
            function.name.push_str(piece.name.as_deref().unwrap_or_default());
            function.arguments.push_str(piece.arguments.as_deref().unwrap_or_default());
            function.extra.extend(piece.extra.clone());
        }
    }

    /// Parts with one `index` are pieces of one part; its signature comes with the last.
    fn push_reasoning_details(&mut self, message: &mut ChatMessage, new: &RawJson) {
        // What is no list is kept as it came last: there is no rule by which it could grow.
        let Ok(parts) = new.read::<Vec<Value>>() else {
            message.reasoning_details = Some(new.clone());
            return;
        };
        for part in parts {
            let same = |known: &&mut Value| {
                part["index"].is_u64() && known["index"] == part["index"] && known["type"] == part["type"]
            };
            match self.reasoning_details.iter_mut().find(same) {
                Some(known) => merge(known, &part),
                None => self.reasoning_details.push(part),
            }
        }
    }

    /// Puts in what is written only once it is asked for: writing it with every piece would take quadratic time.
    fn complete(&self, message: &mut ChatMessage) {
        if !self.reasoning_details.is_empty() {
            message.reasoning_details = RawJson::new(&self.reasoning_details).ok();
        }
    }
}

/// The last value that is told counts.
fn keep<T: Clone>(known: &mut Option<T>, new: Option<&T>) {
    if new.is_some() {
        *known = new.cloned();
    }
}

fn append(known: &mut Option<String>, new: Option<&str>) {
    if let Some(new) = new {
        known.get_or_insert_default().push_str(new);
    }
}

/// Members whose texts name something rather than being a piece of it.
const NAMES: &[&str] = &["type", "id", "format", "signature"];

/// Adds what is new to a value: texts and lists grow, members are added, all else is replaced.
fn merge(known: &mut Value, new: &Value) {
    match (known, new) {
        (Value::Object(known), Value::Object(new)) => merge_members(known, new),
        (Value::Array(known), Value::Array(new)) => known.extend(new.iter().cloned()),
        (Value::String(known), Value::String(new)) => known.push_str(new),
        (_, Value::Null) => {}
        (known, new) => *known = new.clone(),
    }
}

fn merge_members(known: &mut Map<String, Value>, new: &Map<String, Value>) {
    for (name, value) in new {
        match known.get_mut(name) {
            Some(known) if !NAMES.contains(&name.as_str()) => merge(known, value),
            Some(known) => known.clone_from(value),
            None => {
                known.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts chunks together, and compares the reply with what it should be.
    fn check(chunks: &[&str], expected: &str) {
        let mut assembly = Assembly::default();
        for chunk in chunks {
            assembly.push(&serde_json::from_str(chunk).expect("a chunk"));
        }
        let expected: ChatResponse = serde_json::from_str(expected).expect("a reply");
        assert_eq!(assembly.response(), expected);
    }

    #[test]
    fn texts_grow_and_the_last_word_counts() {
        check(
            &[
                r#"{"id":"a","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}]}"#,
                r#"{"id":"a","choices":[{"index":0,"delta":{"reasoning":"Hm"}}]}"#,
                r#"{"id":"a","choices":[{"index":0,"delta":{"reasoning":"m","content":"He"}}]}"#,
                r#"{"id":"a","choices":[{"index":0,"delta":{"content":"llo"},"finish_reason":null}]}"#,
                r#"{"id":"a","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"generationId":"g"}"#,
                r#"{"id":"a","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            ],
            r#"{"id":"a","object":"chat.completion","created":1,"model":"m","generationId":"g",
                "choices":[{"index":0,"message":{"role":"assistant","content":"Hello","reasoning":"Hmm"},
                    "finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        );
    }

    #[test]
    fn choices_and_tool_calls_are_told_apart_by_their_index() {
        check(
            &[
                r#"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[
                    {"index":4000000000,"id":"c1","type":"function","function":{"name":"wx","arguments":""}},
                    {"index":0,"id":"c0","type":"function","function":{"name":"at","arguments":"{"}}]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":4000000000,"function":{"arguments":"{}"}}]}}]}"#,
            ],
            r#"{"object":"chat.completion","choices":[
                {"index":1,"message":{"content":"b"}},
                {"index":0,"message":{"content":"a","tool_calls":[
                    {"id":"c1","type":"function","function":{"name":"wx","arguments":"{}"}},
                    {"id":"c0","type":"function","function":{"name":"at","arguments":"{}"}}]}}]}"#,
        );
    }

    #[test]
    fn parts_of_reasoning_grow_into_one_with_its_signature() {
        let details =
            |json: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"reasoning_details":{json}}}}}]}}"#);
        check(
            &[
                &details(r#"[{"type":"reasoning.text","text":"Hm","format":"f","index":0}]"#),
                &details(r#"[{"type":"reasoning.text","text":"m","format":"f","index":0}]"#),
                &details(r#"[{"type":"reasoning.text","signature":"c2ln","format":"f","index":0}]"#),
                &details(r#"[{"type":"reasoning.encrypted","data":"x","index":1}]"#),
            ],
            concat!(
                r#"{"object":"chat.completion","choices":[{"index":0,"message":{"reasoning_details":["#,
                r#"{"format":"f","index":0,"signature":"c2ln","text":"Hmm","type":"reasoning.text"},"#,
                r#"{"data":"x","index":1,"type":"reasoning.encrypted"}]}}]}"#,
            ),
        );
    }

    #[test]
    fn sound_and_probabilities_grow() {
        check(
            &[
                r#"{"choices":[{"index":0,"delta":{"audio":{"id":"s","data":"AA","transcript":"He"}},"logprobs":{"content":[1]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"audio":{"data":"BB","transcript":"y"}},"logprobs":{"content":[2]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"audio":{"expires_at":9}},"logprobs":null}]}"#,
            ],
            r#"{"object":"chat.completion","choices":[{"index":0,"logprobs":{"content":[1,2]},
                "message":{"audio":{"id":"s","data":"AABB","transcript":"Hey","expires_at":9}}}]}"#,
        );
    }
}
