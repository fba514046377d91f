//! One event of a streamed reply to a chat request.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ContentPart, Extra, Role, UsageView};
use crate::RawJson;
use crate::lenient::{count, null_as_default};

/// One event of a streamed reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatChunk {
    /// The reply's id with the upstream, the same in every chunk.
    #[serde(default, deserialize_with = "null_as_default")]
    pub id: String,
    /// `chat.completion.chunk`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub object: String,
    /// Unix seconds at which the reply was begun.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// The model that answers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub model: String,
    /// What is new in each answer. Empty where the chunk tells the usage alone.
    #[serde(default, deserialize_with = "null_as_default")]
    pub choices: Vec<ChunkChoice>,
    /// The tokens, in the last chunk or the last but one, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageView>,
    /// Which configuration answers, for those who set `seed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// The tier that the request is served in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// What else the chunk holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What is new in one answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChunkChoice {
    /// Which answer it is, from 0.
    #[serde(default)]
    pub index: u32,
    /// What is new.
    #[serde(default, deserialize_with = "null_as_default")]
    pub delta: Delta,
    /// Why the answer ended, in its last chunk.
    #[serde(default)]
    pub finish_reason: Option<String>,
    /// Probabilities of the tokens, where `logprobs` asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Value>,
    /// What else the choice holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The new piece of a message. Texts are to be put behind those before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// `assistant`, in the first chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// More of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// More of the reasoning, as the Vercel AI Gateway and OpenRouter call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// More of the reasoning, as DeepSeek, vLLM and LiteLLM call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// More of the reasoning in parts with their signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_details: Option<RawJson>,
    /// More of the tool calls.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallDelta>,
    /// More of why the model refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Sources that the text names.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Value>,
    /// Images that the model made.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ContentPart>,
    /// More of the spoken answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<Value>,
    /// What the vendors on the way tell of the call, in the last chunk.
    #[serde(default, alias = "providerMetadata", skip_serializing_if = "Option::is_none")]
    pub provider_metadata: Option<RawJson>,
    /// What else the delta holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// More of a tool call. Id, kind and name come with the first piece, the arguments over several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ToolCallDelta {
    /// Which of the message's calls it belongs to, from 0.
    #[serde(default)]
    pub index: u32,
    /// The id that the answer names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `function`, or a vendor's own kind.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// More of the function call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionDelta>,
    /// What else the piece holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// More of a function call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionDelta {
    /// The function's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// More of the arguments' JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// What else is said of it.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ChatChunk {
    /// The new text of the first answer.
    pub fn text(&self) -> Option<&str> {
        self.choices.first()?.delta.content.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> ChatChunk {
        let chunk: ChatChunk = serde_json::from_str(json).expect("a chunk");
        let again: ChatChunk =
            serde_json::from_str(&serde_json::to_string(&chunk).expect("it serializes")).expect("a chunk");
        assert_eq!(chunk, again);
        chunk
    }

    #[test]
    fn text_and_role() {
        let chunk = check(
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"logprobs":null,"finish_reason":null}]}"#,
        );
        assert_eq!(chunk.text(), Some("Hel"));
        assert_eq!(chunk.choices[0].delta.role, Some(Role::Assistant));
        assert_eq!(chunk.choices[0].finish_reason, None);
    }

    #[test]
    fn pieces_of_tool_calls() {
        let chunk = check(
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_x","type":"function","function":{"name":"wx","arguments":""}},{"index":1,"function":{"arguments":"{\"a\""}}]}}]}"#,
        );
        let calls = &chunk.choices[0].delta.tool_calls;
        assert_eq!(calls[0].id.as_deref(), Some("call_x"));
        assert_eq!((calls[1].index, calls[1].id.as_deref()), (1, None));
        let arguments = calls[1].function.as_ref().and_then(|function| function.arguments.as_deref());
        assert_eq!(arguments, Some("{\"a\""));
    }

    #[test]
    fn the_last_chunk() {
        let chunk = check(
            r#"{"choices":[{"index":0,"delta":{"provider_metadata":{"gateway":{"cost":"0.1"}}},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"is_byok":false},"service_tier":"default","generationId":"g"}"#,
        );
        assert_eq!(chunk.usage.expect("usage").extra["is_byok"], false);
        assert_eq!(chunk.extra["generationId"], "g");
    }
}
