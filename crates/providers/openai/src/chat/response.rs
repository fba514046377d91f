//! A whole reply to a chat request.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trunkline_core::{Document, Error, ErrorKind};

use super::{ContentPart, Extra, Role, ToolCall, UsageView};
use crate::RawJson;
use crate::lenient::{count, null_as_default};

/// A whole reply to a chat request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatResponse {
    /// The reply's id with the upstream.
    #[serde(default, deserialize_with = "null_as_default")]
    pub id: String,
    /// `chat.completion`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub object: String,
    /// Unix seconds at which it was made.
    #[serde(default, deserialize_with = "count", skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// The model that answered. With fallbacks it can be another than was asked.
    #[serde(default, deserialize_with = "null_as_default")]
    pub model: String,
    /// The answers: as many as `n` asked for.
    #[serde(default, deserialize_with = "null_as_default")]
    pub choices: Vec<Choice>,
    /// The tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageView>,
    /// Which configuration answered, for those who set `seed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// The tier that the request was served in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// What else the reply holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its place among the answers, from 0.
    #[serde(default)]
    pub index: u32,
    /// What the model said.
    #[serde(default, deserialize_with = "null_as_default")]
    pub message: ChatMessage,
    /// Why it ended: `stop`, `length`, `tool_calls`, `content_filter`, or a vendor's own word.
    #[serde(default)]
    pub finish_reason: Option<String>,
    /// Probabilities of the tokens, where `logprobs` asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Value>,
    /// What else the answer holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What the model said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// `assistant`.
    #[serde(default = "assistant")]
    pub role: Role,
    /// The text. Absent where the model only called tools.
    #[serde(default)]
    pub content: Option<String>,
    /// The reasoning, as the Vercel AI Gateway and OpenRouter call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The reasoning, as DeepSeek, vLLM and LiteLLM call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// The reasoning in parts with their signatures, to be sent back verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_details: Option<RawJson>,
    /// The tools that the model called.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why the model refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Sources that the text names.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Value>,
    /// Images that the model made.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ContentPart>,
    /// The spoken answer: id, data in base64, transcript, when it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<Value>,
    /// What the vendors on the way tell of the call, money included.
    #[serde(default, alias = "providerMetadata", skip_serializing_if = "Option::is_none")]
    pub provider_metadata: Option<RawJson>,
    /// What else the message holds.
    #[serde(flatten)]
    pub extra: Extra,
}

fn assistant() -> Role {
    Role::Assistant
}

impl ChatResponse {
    /// Reads a reply.
    ///
    /// # Errors
    ///
    /// `UpstreamProtocol` if it is no chat completion.
    pub fn from_document(document: &Document) -> Result<Self, Error> {
        serde_json::from_slice(&document.to_bytes()).map_err(|error| {
            let message = "the reply is not a chat completion";
            Error::new(ErrorKind::UpstreamProtocol, message).having_reached_upstream().with_source(error)
        })
    }

    /// The text of the first answer.
    pub fn text(&self) -> Option<&str> {
        self.choices.first()?.message.content.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &'static str) -> ChatResponse {
        let document = Document::parse(json.as_bytes()).expect("a document");
        ChatResponse::from_document(&document).expect("a chat completion")
    }

    #[test]
    fn everything_that_is_documented() {
        let response = read(
            r#"{"id":"gen_1","object":"chat.completion","created":1790000000,"model":"anthropic/claude-sonnet-5.5",
              "choices":[{"index":0,"message":{"role":"assistant","content":"Hi.","reasoning":"Thinking",
                "reasoning_details":[{"type":"reasoning.text","text":"Thinking","signature":"c2ln","index":0}],
                "tool_calls":[{"id":"call_1","type":"function","function":{"name":"wx","arguments":"{}"}}],
                "images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}],
                "provider_metadata":{"gateway":{"cost":"0.0000189"}}},
              "logprobs":null,"finish_reason":"stop"}],
              "usage":{"prompt_tokens":61,"completion_tokens":32.0,"total_tokens":93,"cost":0.0000189,
                "prompt_tokens_details":{"cached_tokens":5,"video_tokens":0},
                "completion_tokens_details":{"reasoning_tokens":3}},
              "system_fingerprint":"fp","generationId":"gen_1"}"#,
        );
        assert_eq!(response.text(), Some("Hi."));
        assert_eq!(response.created, Some(1_790_000_000));
        assert_eq!(response.extra["generationId"], "gen_1");
        let choice = &response.choices[0];
        assert_eq!(choice.finish_reason.as_deref(), Some("stop"));
        let message = &choice.message;
        assert_eq!(message.role, Role::Assistant);
        assert_eq!(message.reasoning.as_deref(), Some("Thinking"));
        assert_eq!(message.tool_calls, [ToolCall::function("call_1", "wx", "{}")]);
        assert_eq!(message.images, [ContentPart::image_url("data:image/png;base64,AA")]);
        let metadata = message.provider_metadata.as_ref().expect("metadata");
        assert_eq!(metadata.as_str(), r#"{"gateway":{"cost":"0.0000189"}}"#);
        let usage = response.usage.expect("usage");
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(61), Some(32)));
        assert_eq!(usage.cost.expect("a cost").as_str(), "0.0000189");
        let details = usage.prompt_tokens_details.expect("details");
        assert_eq!(details.cached_tokens, Some(5));
        assert_eq!(details.extra["video_tokens"], 0);
    }

    #[test]
    fn nulls_and_gaps() {
        let response = read(
            r#"{"id":null,"choices":[{"message":{"content":null,"tool_calls":null,"annotations":null}}],"usage":null}"#,
        );
        assert_eq!(response.text(), None);
        assert_eq!(response.choices[0].message.role, Role::Assistant);
        assert_eq!(response.usage, None);
        assert_eq!(read("{}"), ChatResponse::default());
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        let document = Document::parse(r#"{"choices":7}"#).expect("a document");
        let refused = ChatResponse::from_document(&document).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::UpstreamProtocol));
    }
}
