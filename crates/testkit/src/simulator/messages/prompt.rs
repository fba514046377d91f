//! A Messages request as the simulated model hears it: the same prompt as a chat, and how far it is to be cached.

use serde_json::{Value, json};

use super::super::answer::ASIDE;
use super::super::identifier::stable_hash;
use super::super::prompt_cache::Part;
use super::super::request::ChatRequest;
use super::super::tokens;
use super::request::{Message, MessagesRequest};

/// A prompt and the parts of it that the cache compares.
#[derive(Debug)]
pub(crate) struct Prompt {
    pub(crate) request: ChatRequest,
    pub(crate) parts: Vec<Part>,
    /// How many parts stand before or at the last `cache_control`.
    pub(crate) marked: usize,
}

impl Prompt {
    /// All tokens of the prompt.
    pub(crate) fn tokens(&self) -> u64 {
        self.parts.iter().map(|(_, tokens)| tokens).sum()
    }
}

pub(crate) fn prompt(asked: &MessagesRequest, model: String) -> Prompt {
    let mut request = ChatRequest {
        model,
        models: asked.models.clone(),
        stream: asked.stream,
        max_tokens: asked.max_tokens.map(|most| most as f64),
        stop: asked.stop_sequences.as_ref().map(|stops| json!(stops)),
        thinking: asked.thinking.clone(),
        provider_options: asked.provider_options.clone(),
        ..ChatRequest::default()
    };
    tools(asked, &mut request);
    let format = asked.output_config.as_ref().map_or(&Value::Null, |config| &config["format"]);
    if format["type"] == "json_schema" {
        request.response_format =
            Some(json!({ "type": "json_schema", "json_schema": { "schema": format["schema"] } }));
    }
    let mut parts = Vec::new();
    let mut marked = 0;
    let tools = asked.tools.as_deref().unwrap_or_default();
    let system = asked.system.clone().unwrap_or_default();
    let head = tokens::of_prompt(&[], request.tools.as_ref());
    let system_message = json!({ "role": "system", "content": system });
    let system_tokens = if system.is_null() { 0 } else { tokens::of_message(&system_message) };
    let spelt = without_marks(&json!([tools, system])).to_string();
    parts.push((stable_hash(spelt.as_bytes()), head + system_tokens));
    if has_mark(&system) || tools.iter().any(has_mark) {
        marked = 1;
    }
    for message in &asked.messages {
        let before = request.messages.len();
        request.messages.extend(heard(message));
        let tokens = request.messages[before..].iter().map(tokens::of_message).sum();
        let spelt = without_marks(&message.content).to_string();
        parts.push((stable_hash(format!("{}{spelt}", message.role).as_bytes()), tokens));
        if has_mark(&message.content) {
            marked = parts.len();
        }
    }
    if asked.cache_control.is_some() || request.gateway()["caching"] == "auto" {
        marked = parts.len();
    }
    Prompt { request, parts, marked }
}

fn tools(asked: &MessagesRequest, request: &mut ChatRequest) {
    // Tools that run at Anthropic's have no schema, and are none that a caller could be asked to run.
    let own = asked.tools.iter().flatten().filter(|tool| tool["input_schema"].is_object());
    let tool = |tool: &Value| json!({ "type": "function", "function": { "name": tool["name"], "parameters": tool["input_schema"] } });
    let tools = own.map(tool).collect::<Vec<_>>();
    request.tools = (!tools.is_empty()).then_some(Value::Array(tools));
    let Some(choice) = &asked.tool_choice else { return };
    request.tool_choice = match choice["type"].as_str() {
        Some("any") => Some(json!("required")),
        Some("none") => Some(json!("none")),
        Some("tool") => Some(json!({ "type": "function", "function": { "name": choice["name"] } })),
        _ => None,
    };
    request.parallel_tool_calls = (choice["disable_parallel_tool_use"] == true).then_some(false);
}

/// One message as a chat has it: what a tool answered comes last and in a message of its own.
fn heard(message: &Message) -> Vec<Value> {
    let role = message.role.as_str();
    let blocks = match &message.content {
        Value::String(text) => return vec![json!({ "role": role, "content": text })],
        content => content.as_array().map_or(&[][..], Vec::as_slice),
    };
    // What an agent tells the model beside the user's words stands in tags; a user's words may stand alone in them.
    let all_aside = blocks.iter().all(is_aside);
    let mut content = Vec::new();
    let mut calls = Vec::new();
    let mut answers = Vec::new();
    for block in blocks {
        match block["type"].as_str() {
            Some("text") => {
                let aside = is_aside(block) && !all_aside;
                content.push(json!({ "type": "text", "text": block["text"], ASIDE: aside }));
            }
            Some("thinking") => content.push(json!({ "type": "text", "text": block["thinking"] })),
            Some("tool_use") => calls.push(json!({ "name": block["name"], "arguments": block["input"] })),
            Some("tool_result") => answers.push(json!({ "role": "tool", "content": block["content"] })),
            kind => content.push(json!({ "type": kind })),
        }
    }
    let mut messages = Vec::new();
    if !content.is_empty() || !calls.is_empty() {
        let mut said = json!({ "role": role, "content": content });
        if !calls.is_empty() {
            said["tool_calls"] = Value::Array(calls);
        }
        messages.push(said);
    }
    messages.extend(answers);
    messages
}

fn is_aside(block: &Value) -> bool {
    block["text"].as_str().map(str::trim).is_some_and(|text| text.starts_with('<') && text.ends_with('>'))
}

/// Whether a block of these, or one inside of it, has `cache_control`.
fn has_mark(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(has_mark),
        Value::Object(members) => {
            members.get("cache_control").is_some_and(|mark| !mark.is_null())
                || members.get("content").is_some_and(has_mark)
        }
        _ => false,
    }
}

/// The same without `cache_control`, which wanders from turn to turn while the text stays.
fn without_marks(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(without_marks).collect(),
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, _)| *key != "cache_control");
            Value::Object(kept.map(|(key, value)| (key.clone(), without_marks(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::Demands;
    use super::*;

    fn prompt_of(members: &str) -> Prompt {
        let body = format!(r#"{{"model":"a/b","max_tokens":9,{members}}}"#);
        prompt(&MessagesRequest::read(body.as_bytes(), false, Demands::default()).unwrap(), "a/b".to_owned())
    }

    #[test]
    fn marks_say_how_far_a_prompt_is_cached_and_change_no_hash() {
        let marked = prompt_of(
            r#""system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":"y"}]"#,
        );
        let plain = prompt_of(
            r#""system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"x"}]},{"role":"assistant","content":"y"}]"#,
        );
        assert_eq!((marked.marked, plain.marked), (2, 0));
        assert_eq!(marked.parts, plain.parts);
        assert_eq!(plain.tokens(), 3 + (4 + 1) + (4 + 1) + (4 + 1));
    }

    #[test]
    fn results_come_last_and_asides_are_marked() {
        let heard = heard(&Message {
            role: "user".to_owned(),
            content: json!([
                { "type": "text", "text": "<system-reminder>wx</system-reminder>" },
                { "type": "tool_result", "tool_use_id": "t", "content": [{ "type": "text", "text": "3°" }] },
                { "type": "text", "text": "go on" },
            ]),
        });
        let expected = [
            json!({ "role": "user", "content": [
                { "type": "text", "text": "<system-reminder>wx</system-reminder>", "aside": true },
                { "type": "text", "text": "go on", "aside": false },
            ] }),
            json!({ "role": "tool", "content": [{ "type": "text", "text": "3°" }] }),
        ];
        assert_eq!(heard, expected);
    }
}
