//! The simulator's own token rule: four bytes of text are a token, wrong for every model and the same every time.

use serde_json::Value;

/// What opening a prompt costs, and what each message costs besides its text.
const PROMPT_TOKENS: u64 = 3;
const MESSAGE_TOKENS: u64 = 4;
/// What an image, a file or any part that is not text costs.
const PART_TOKENS: u64 = 85;

/// Tokens of a text: its bytes by four, rounded up.
pub(crate) fn of_text(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}

/// Tokens of one message: its text, its tool calls as they are spelt, a fixed figure for other parts.
pub(crate) fn of_message(message: &Value) -> u64 {
    let content = match &message["content"] {
        Value::String(text) => of_text(text),
        Value::Array(parts) => parts.iter().map(of_part).sum(),
        _ => 0,
    };
    let tool_calls = message.get("tool_calls").map_or(0, |calls| of_text(&calls.to_string()));
    MESSAGE_TOKENS + content + tool_calls
}

fn of_part(part: &Value) -> u64 {
    part["text"].as_str().map_or(PART_TOKENS, of_text)
}

/// Tokens of a prompt: its messages, and its tools as they are spelt.
pub(crate) fn of_prompt(messages: &[Value], tools: Option<&Value>) -> u64 {
    let tools = tools.filter(|tools| !tools.is_null()).map_or(0, |tools| of_text(&tools.to_string()));
    PROMPT_TOKENS + tools + messages.iter().map(of_message).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn four_bytes_are_a_token() {
        assert_eq!(of_text(""), 0);
        assert_eq!(of_text("abcd"), 1);
        assert_eq!(of_text("漢字"), 2);
        let messages = [
            json!({"role": "system", "content": "12345678"}),
            json!({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}),
        ];
        assert_eq!(of_prompt(&messages, None), 3 + (4 + 2) + (4 + 1 + 85));
        assert_eq!(of_prompt(&[], Some(&json!([{"a": 1}]))), 3 + 3);
    }
}
