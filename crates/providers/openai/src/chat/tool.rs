//! Tools that a model may call, and which of them it should.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::Extra;

/// A tool that the model may call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// `function`, or a vendor's own kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The function, in a tool of kind `function`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<Function>,
    /// What else the tool holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A function that the model may call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Its name: letters, digits, `_` and `-`, 64 at most.
    pub name: String,
    /// What it does, for the model to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its parameters as a JSON Schema. Without it the function takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// Whether the arguments must follow the schema exactly. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// What else is said of it.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Tool {
    /// A function with its description and a JSON Schema of its parameters.
    pub fn function(name: impl Into<String>, description: impl Into<String>, parameters: Value) -> Self {
        let function = Function {
            name: name.into(),
            description: Some(description.into()),
            parameters: Some(parameters),
            ..Function::default()
        };
        Self { kind: "function".to_owned(), function: Some(function), extra: Extra::new() }
    }
}

/// Whether the model calls tools, and which.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolChoice {
    /// It calls none. The default without tools.
    None,
    /// It decides. The default with tools.
    Auto,
    /// It calls at least one.
    Required,
    /// It calls this function.
    Function(String),
    /// A choice that is not known here, as it came.
    Other(Value),
}

impl Serialize for ToolChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ToolChoice::None => serializer.serialize_str("none"),
            ToolChoice::Auto => serializer.serialize_str("auto"),
            ToolChoice::Required => serializer.serialize_str("required"),
            ToolChoice::Function(name) => {
                json!({"type": "function", "function": {"name": name}}).serialize(serializer)
            }
            ToolChoice::Other(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let function = value.pointer("/function/name").and_then(Value::as_str);
        Ok(match (value.as_str(), function) {
            (Some("none"), _) => ToolChoice::None,
            (Some("auto"), _) => ToolChoice::Auto,
            (Some("required"), _) => ToolChoice::Required,
            (_, Some(name)) => ToolChoice::Function(name.to_owned()),
            (_, None) => ToolChoice::Other(value),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(choice: &ToolChoice, expected: &str) {
        let json = serde_json::to_string(choice).expect("it serializes");
        assert_eq!(json, expected);
        let read: ToolChoice = serde_json::from_str(&json).expect("a choice");
        assert_eq!(&read, choice);
    }

    #[test]
    fn choices() {
        check(&ToolChoice::None, r#""none""#);
        check(&ToolChoice::Auto, r#""auto""#);
        check(&ToolChoice::Required, r#""required""#);
        check(&ToolChoice::Function("wx".to_owned()), r#"{"function":{"name":"wx"},"type":"function"}"#);
        check(&ToolChoice::Other(json!({"type": "allowed_tools"})), r#"{"type":"allowed_tools"}"#);
    }

    #[test]
    fn a_function() {
        let tool = Tool::function("wx", "the weather", json!({"type": "object"}));
        let json = r#"{"type":"function","function":{"name":"wx","description":"the weather","parameters":{"type":"object"}}}"#;
        assert_eq!(serde_json::to_string(&tool).expect("it serializes"), json);
        assert_eq!(serde_json::from_str::<Tool>(json).expect("a tool"), tool);
    }
}
