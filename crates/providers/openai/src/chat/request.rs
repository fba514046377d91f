//! A chat request, built parameter by parameter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trunkline_core::{Document, Error, ErrorKind};

use super::{AudioOutput, Extra, Message, Prediction, ResponseFormat, StreamOptions, Tool, ToolChoice};
use crate::lenient::null_as_default;

/// A chat request. What is not set is not sent, so that the upstream's defaults hold.
///
/// Each parameter of OpenAI's has a field and a method of its name; whatever else an upstream takes goes into
/// `extra`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The model that is asked.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// How a spoken answer sounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioOutput>,
    /// How much tokens are shunned that came often already, -2 to 2. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// How much single tokens, by their number, are favoured: -100 (never) to 100 (only).
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub logit_bias: BTreeMap<String, f64>,
    /// Whether the reply tells the probabilities of its tokens. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<bool>,
    /// The most tokens that the answer may take, reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_completion_tokens: Option<u64>,
    /// The same under its older name, which most upstreams besides OpenAI know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Texts by name that are kept with a stored reply: 16 at most, names up to 64, texts up to 512 characters.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// The kinds of answer: `text` (the default), `audio`, `image`.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub modalities: Vec<String>,
    /// How many answers are wanted, 1 to 128. Default 1; each is billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Whether the model may call several tools at once. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// Text that most of the answer is expected to repeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<Prediction>,
    /// How much tokens are shunned that came at all already, -2 to 2. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// What requests that share a prompt have in common, so that they meet the same prompt cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_cache_key: Option<String>,
    /// How long the prompt is kept in the cache: `in_memory` or `24h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_cache_retention: Option<String>,
    /// How much the model reasons: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, as the model offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<String>,
    /// The form of the answer. Default text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
    /// An id of the person who asks, hashed, by which abuse can be told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety_identifier: Option<String>,
    /// A number that makes answers repeatable, as far as the upstream can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// The tier that the request is served in: `auto` (the default), `default`, `flex`, `priority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// Texts before which the answer ends, 4 at most; a single text or a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Value>,
    /// Whether the upstream keeps the reply. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<bool>,
    /// Whether the reply comes as a stream. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// What a stream holds besides the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
    /// How much chance there is in the answer, 0 to 2. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Whether the model calls tools, and which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// The tools that the model may call.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// How many of the likeliest tokens are told at each place, 0 to 20. It wants `logprobs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<u32>,
    /// The share of probability that tokens are drawn from, 0 to 1. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// An id of the person who asks. OpenAI prefers `safety_identifier` and `prompt_cache_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How wordy the answer is: `low`, `medium` (the default), `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<String>,
    /// How the model searches the web, where it does: `search_context_size`, `user_location`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_search_options: Option<Value>,
    /// What else the upstream takes: `providerOptions`, `models`, `reasoning`, `top_k`, …
    #[serde(flatten)]
    pub extra: Extra,
}

/// One method for each optional parameter, of its name.
macro_rules! setters {
    ($($name:ident: $type:ty),* $(,)?) => {
        impl ChatRequest {
            $(
                #[doc = concat!("Sets [`ChatRequest::", stringify!($name), "`](field@ChatRequest::", stringify!($name), ").")]
                #[must_use]
                pub fn $name(mut self, $name: impl Into<$type>) -> Self {
                    self.$name = Some($name.into());
                    self
                }
            )*
        }
    };
}

setters! {
    audio: AudioOutput,
    frequency_penalty: f64,
    logprobs: bool,
    max_completion_tokens: u64,
    max_tokens: u64,
    n: u32,
    parallel_tool_calls: bool,
    prediction: Prediction,
    presence_penalty: f64,
    prompt_cache_key: String,
    prompt_cache_retention: String,
    reasoning_effort: String,
    response_format: ResponseFormat,
    safety_identifier: String,
    seed: i64,
    service_tier: String,
    stop: Value,
    store: bool,
    stream: bool,
    stream_options: StreamOptions,
    temperature: f64,
    tool_choice: ToolChoice,
    top_logprobs: u32,
    top_p: f64,
    user: String,
    verbosity: String,
    web_search_options: Value,
}

impl ChatRequest {
    /// Asks a model to go on with a conversation.
    pub fn new(model: impl Into<String>, messages: impl IntoIterator<Item = Message>) -> Self {
        Self { model: model.into(), messages: messages.into_iter().collect(), ..Self::default() }
    }

    /// Adds a message.
    #[must_use]
    pub fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds a tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Adds tools.
    #[must_use]
    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// Adds kinds of answer.
    #[must_use]
    pub fn modalities<T: Into<String>>(mut self, modalities: impl IntoIterator<Item = T>) -> Self {
        self.modalities.extend(modalities.into_iter().map(Into::into));
        self
    }

    /// Favours a token, by its number: -100 (never) to 100 (only).
    #[must_use]
    pub fn logit_bias(mut self, token: impl Into<String>, bias: f64) -> Self {
        self.logit_bias.insert(token.into(), bias);
        self
    }

    /// Adds a text that is kept with a stored reply.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), text.into());
        self
    }

    /// Sets a parameter that has no field here.
    #[must_use]
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }

    /// Writes the request's body.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if `extra` sets a parameter that is set by its own name too.
    pub fn into_document(self) -> Result<Document, Error> {
        Document::from_serialize(&self).map_err(|error| {
            let message = format!("the chat request cannot be written: {error}");
            Error::new(ErrorKind::InvalidRequest, message).with_source(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(request: &ChatRequest, expected: &str) {
        let document = request.clone().into_document().expect("a document");
        let json = String::from_utf8(document.to_bytes().to_vec()).expect("JSON is text");
        assert_eq!(json, expected);
        let read: ChatRequest = serde_json::from_str(&json).expect("a request");
        assert_eq!(&read, request);
    }

    #[test]
    fn what_is_not_set_is_not_sent() {
        check(
            &ChatRequest::new("m", [Message::user("hi")]),
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#,
        );
    }

    #[test]
    fn parameters_go_out_by_their_names() {
        let request = ChatRequest::new("m", [])
            .temperature(0.2)
            .max_tokens(400u64)
            .stop("END")
            .stream(true)
            .tool_choice(ToolChoice::Auto)
            .logit_bias("50256", -100.0)
            .metadata("team", "x")
            .modalities(["text"])
            .extra("providerOptions", json!({"gateway": {"sort": "ttft"}}));
        check(
            &request,
            r#"{"model":"m","messages":[],"logit_bias":{"50256":-100.0},"max_tokens":400,"metadata":{"team":"x"},"modalities":["text"],"stop":"END","stream":true,"temperature":0.2,"tool_choice":"auto","providerOptions":{"gateway":{"sort":"ttft"}}}"#,
        );
    }

    #[test]
    fn a_parameter_set_twice_is_an_error() {
        let request = ChatRequest::new("m", []).temperature(0.2).extra("temperature", 1);
        let error = request.into_document().expect_err("it is there twice");
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
}
