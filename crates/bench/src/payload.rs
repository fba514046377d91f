//! The bodies of requests: short prompts, long ones, an image, and the history of an agent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// One prompt of so many bytes.
    Prompt(usize),
    /// One image as a base64 URL, so many bytes as it stands in the body.
    Image(usize),
    /// So many messages of an agent at work, of so many bytes together: tool calls, results, escapes, other scripts.
    History { messages: usize, bytes: usize },
    /// Texts to embed.
    Embeddings,
}

impl Payload {
    /// The path that it is sent to.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Prompt(_) | Self::Image(_) | Self::History { .. } => "/v1/chat/completions",
            Self::Embeddings => "/v1/embeddings",
        }
    }

    /// The body of a call of `model`. The model stands first, as most clients write it.
    pub(crate) fn body(self, model: &str, streams: bool) -> String {
        let model = Value::from(model);
        let stream = if streams { r#","stream":true"# } else { "" };
        match self {
            Self::Prompt(bytes) => {
                let messages = json!([{"role": "user", "content": prose(bytes)}]);
                format!(r#"{{"model":{model}{stream},"messages":{messages}}}"#)
            }
            Self::Image(bytes) => {
                let url = format!("data:image/png;base64,{}", STANDARD.encode(noise(bytes / 4 * 3)));
                let content = json!([
                    {"type": "text", "text": "What is on this picture?"},
                    {"type": "image_url", "image_url": {"url": url}},
                ]);
                format!(r#"{{"model":{model}{stream},"messages":[{{"role":"user","content":{content}}}]}}"#)
            }
            Self::History { messages, bytes } => {
                let messages = history(messages, bytes);
                format!(r#"{{"model":{model}{stream},"temperature":0,"messages":{messages}}}"#)
            }
            Self::Embeddings => {
                let input = vec!["A text that is to be embedded."; 64];
                format!(r#"{{"model":{model},"input":{}}}"#, json!(input))
            }
        }
    }
}

fn prose(bytes: usize) -> String {
    "Tell me what a gateway adds to an answer, in one sentence. ".chars().cycle().take(bytes).collect()
}

/// Bytes that look like a compressed picture: the same in every run.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(|_| next()).collect()
}

/// A piece of what a tool found, with what makes JSON long: quotes, new lines, tabs, backslashes, other scripts.
const FOUND: &str =
    "fn main() {\n\tprintln!(\"{}\\n\", \"Grüße, 世界 — ça va? 🦀\");\n}\n// C:\\path\\to\\file\n";

fn history(messages: usize, bytes: usize) -> Value {
    let each = bytes / messages.max(1);
    let text = |bytes: usize| {
        // What counts is how long it is as JSON; this text grows by a quarter.
        let mut text = FOUND.repeat(bytes / (FOUND.len() * 5 / 4) + 1);
        let end = text.floor_char_boundary(bytes * 4 / 5);
        text.truncate(end);
        text
    };
    let message = |index: usize| match index % 4 {
        0 => json!({"role": "user", "content": text(each)}),
        1 => json!({"role": "assistant", "content": null, "tool_calls": [{
            "id": format!("call_{index}"), "type": "function",
            "function": {"name": "edit", "arguments": json!({"path": "src/main.rs", "text": text(each / 2)}).to_string()},
        }]}),
        2 => json!({"role": "tool", "tool_call_id": format!("call_{}", index - 1), "content": text(each)}),
        _ => json!({"role": "assistant", "content": text(each)}),
    };
    (0..messages).map(message).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_of_about_their_size() {
        let check = |payload: Payload, least: usize, most: usize| {
            let body = payload.body("whole-200", true);
            assert!((least..=most).contains(&body.len()), "{payload:?} has {}", body.len());
            let value: Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(value["model"], "whole-200");
        };
        check(Payload::Prompt(200), 250, 320);
        check(Payload::Prompt(100_000), 100_000, 101_000);
        check(Payload::Image(1_000_000), 1_000_000, 1_010_000);
        check(Payload::History { messages: 400, bytes: 1_000_000 }, 800_000, 1_200_000);
        check(Payload::Embeddings, 1_000, 4_000);
    }

    #[test]
    fn a_history_has_escapes_and_other_scripts() {
        let body = Payload::History { messages: 400, bytes: 1_000_000 }.body("m", false);
        let value: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(value["messages"].as_array().map(Vec::len), Some(400));
        assert!(body.contains("\\n\\t") && body.contains("世界") && body.contains("\\\\"));
        assert!(value.get("stream").is_none());
    }
}
