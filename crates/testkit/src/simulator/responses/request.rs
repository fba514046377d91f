//! The body of a Responses request: what the simulator reads of it, and what it refuses as OpenAI does.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::error;
use super::super::reply::Reply;

#[derive(Debug, Deserialize)]
pub(crate) struct ResponsesRequest {
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) input: Value,
    #[serde(default)]
    pub(crate) instructions: Option<String>,
    #[serde(default)]
    pub(crate) stream: Option<bool>,
    #[serde(default)]
    pub(crate) background: Option<bool>,
    #[serde(default)]
    pub(crate) store: Option<bool>,
    #[serde(default)]
    pub(crate) previous_response_id: Option<String>,
    #[serde(default)]
    pub(crate) include: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) max_output_tokens: Option<u64>,
    #[serde(default)]
    pub(crate) parallel_tool_calls: Option<bool>,
    #[serde(default)]
    pub(crate) tools: Option<Vec<Value>>,
    #[serde(default)]
    pub(crate) tool_choice: Option<Value>,
    #[serde(default)]
    pub(crate) text: Option<Value>,
    #[serde(default)]
    pub(crate) reasoning: Option<Value>,
    #[serde(default)]
    pub(crate) prompt_cache_key: Option<String>,
    #[serde(default)]
    pub(crate) models: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) provider: Option<Value>,
    #[serde(default, rename = "providerOptions")]
    pub(crate) provider_options: Option<Value>,
    /// What the reply repeats and nothing else is done with.
    #[serde(flatten)]
    pub(crate) repeated: Map<String, Value>,
}

impl ResponsesRequest {
    /// Reads a body; the error is the reply to it.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Reply> {
        let request = serde_json::from_slice::<Self>(body)
            .map_err(|error| error::invalid_request(&format!("Invalid request body: {error}")))?;
        if request.input.is_null() && request.previous_response_id.is_none() {
            return Err(invalid(
                "Missing required parameter: 'input'.",
                Some("input"),
                "missing_required_parameter",
            ));
        }
        if !matches!(request.input, Value::Null | Value::String(_) | Value::Array(_)) {
            let message = "Invalid type for 'input': expected a string or an array of items.";
            return Err(invalid(message, Some("input"), "invalid_type"));
        }
        Ok(request)
    }

    /// The input as items; a string is one message of the user.
    pub(crate) fn items(&self) -> Vec<Value> {
        match &self.input {
            Value::String(text) => {
                let content = json!([{ "type": "input_text", "text": text }]);
                vec![json!({ "type": "message", "role": "user", "content": content })]
            }
            Value::Array(items) => items.clone(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn wants_encrypted_content(&self) -> bool {
        self.include.iter().flatten().any(|member| member == "reasoning.encrypted_content")
    }

    /// Whether the model is to think: it is told how, or what it thought is wanted.
    pub(crate) fn thinks(&self) -> bool {
        let asked = self.reasoning.as_ref().is_some_and(|it| it.is_object() && it["effort"] != "none");
        asked || (self.reasoning.as_ref().is_none_or(Value::is_null) && self.wants_encrypted_content())
    }

    /// Whether a summary of the thoughts is wanted.
    pub(crate) fn wants_summary(&self) -> bool {
        self.reasoning.as_ref().is_some_and(|reasoning| reasoning["summary"].is_string())
    }
}

#[derive(Serialize)]
struct Refusal<'a> {
    error: Detail<'a>,
}

#[derive(Serialize)]
struct Detail<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: Option<&'static str>,
}

/// A 400 in OpenAI's shape, with its code.
pub(crate) fn invalid(message: &str, param: Option<&str>, code: &'static str) -> Reply {
    refusal(StatusCode::BAD_REQUEST, message, param, Some(code))
}

pub(crate) fn refusal(
    status: StatusCode,
    message: &str,
    param: Option<&str>,
    code: Option<&'static str>,
) -> Reply {
    let error = Detail { message, kind: "invalid_request_error", param, code };
    Reply::json(status, &Refusal { error })
}
