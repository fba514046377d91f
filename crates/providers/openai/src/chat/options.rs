//! The parameters of a chat request that are objects of their own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Content, Extra};

/// The form of the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResponseFormat {
    /// `text` (the default), `json_object`, `json_schema`, or a vendor's own.
    #[serde(rename = "type")]
    pub kind: String,
    /// The schema, in a format of kind `json_schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_schema: Option<JsonSchema>,
    /// What else the format holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A named JSON Schema that the answer follows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JsonSchema {
    /// Its name: letters, digits, `_` and `-`, 64 at most.
    pub name: String,
    /// What it is for, for the model to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Whether the answer must follow it exactly. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// What else is said of it.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ResponseFormat {
    /// Text, as without any format.
    pub fn text() -> Self {
        Self::of_kind("text")
    }

    /// Some JSON object. The messages must ask for JSON too.
    pub fn json_object() -> Self {
        Self::of_kind("json_object")
    }

    /// JSON that follows a schema exactly.
    pub fn json_schema(name: impl Into<String>, schema: Value) -> Self {
        let json_schema = JsonSchema {
            name: name.into(),
            schema: Some(schema),
            strict: Some(true),
            ..JsonSchema::default()
        };
        Self { json_schema: Some(json_schema), ..Self::of_kind("json_schema") }
    }

    fn of_kind(kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::default() }
    }
}

/// What a stream holds besides the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamOptions {
    /// Whether the stream tells the usage before its end. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_usage: Option<bool>,
    /// Whether events are padded, so that their sizes tell nothing. Default true, at OpenAI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_obfuscation: Option<bool>,
    /// What else is wished.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How a spoken answer sounds. It wants `audio` among the modalities.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AudioOutput {
    /// `wav`, `aac`, `mp3`, `flac`, `opus` or `pcm16`.
    pub format: String,
    /// The voice: `alloy`, `verse`, …
    pub voice: Value,
    /// What else is wished.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Text that most of the answer is expected to repeat, which makes it faster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// `content`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text.
    pub content: Content,
    /// What else is said of it.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Prediction {
    /// Expects this text.
    pub fn content(content: impl Into<Content>) -> Self {
        Self { kind: "content".to_owned(), content: content.into(), extra: Extra::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn formats() {
        let check = |format: ResponseFormat, expected: Value| {
            assert_eq!(serde_json::to_value(format).expect("it serializes"), expected);
        };
        check(ResponseFormat::text(), json!({"type": "text"}));
        check(ResponseFormat::json_object(), json!({"type": "json_object"}));
        check(
            ResponseFormat::json_schema("city", json!({"type": "object"})),
            json!({"type": "json_schema", "json_schema": {"name": "city", "schema": {"type": "object"}, "strict": true}}),
        );
    }

    #[test]
    fn vendors_own_options_are_kept() {
        let json = r#"{"include_usage":true,"chunk_size":1.50}"#;
        let options: StreamOptions = serde_json::from_str(json).expect("options");
        assert_eq!(options.include_usage, Some(true));
        assert_eq!(serde_json::to_string(&options).expect("it serializes"), json);
    }
}
