//! Messages of a conversation, as a request holds them.

use serde::{Deserialize, Serialize};

use super::{Content, Extra};
use crate::RawJson;
use crate::lenient::null_as_default;

/// Who speaks in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions of whoever runs the application.
    System,
    /// The same, as newer OpenAI models call it.
    Developer,
    /// The person.
    #[default]
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
    /// The result of a function call, in OpenAI's older form.
    Function,
    /// A role that is not known here.
    #[serde(untagged)]
    Other(String),
}

/// A message of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said. Absent where an assistant only calls tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Which of several speakers with one role it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tools that the assistant called.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that a message with the role `tool` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// Why the assistant refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The assistant's reasoning with its signatures, sent back verbatim as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_details: Option<RawJson>,
    /// What else the message holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A call of a tool by the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The id that the answer names.
    #[serde(default)]
    pub id: String,
    /// `function`, or a vendor's own kind.
    #[serde(rename = "type", default = "function")]
    pub kind: String,
    /// The function and its arguments, in a call of kind `function`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionCall>,
    /// What else the call holds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A function and its arguments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// The function's name.
    #[serde(default)]
    pub name: String,
    /// The arguments as JSON text, as the model wrote it: it may be invalid.
    #[serde(default)]
    pub arguments: String,
    /// What else is said of it.
    #[serde(flatten)]
    pub extra: Extra,
}

fn function() -> String {
    "function".to_owned()
}

impl Message {
    /// A message with this role.
    pub fn new(role: Role, content: impl Into<Content>) -> Self {
        Self { role, content: Some(content.into()), ..Self::default() }
    }

    /// Instructions.
    pub fn system(content: impl Into<Content>) -> Self {
        Self::new(Role::System, content)
    }

    /// Instructions, as newer OpenAI models call them.
    pub fn developer(content: impl Into<Content>) -> Self {
        Self::new(Role::Developer, content)
    }

    /// What the person says.
    pub fn user(content: impl Into<Content>) -> Self {
        Self::new(Role::User, content)
    }

    /// What the model said.
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// The result of the tool call with this id.
    pub fn tool(tool_call_id: impl Into<String>, content: impl Into<Content>) -> Self {
        Self { tool_call_id: Some(tool_call_id.into()), ..Self::new(Role::Tool, content) }
    }

    /// Names the speaker.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds calls of tools.
    #[must_use]
    pub fn with_tool_calls(mut self, tool_calls: impl IntoIterator<Item = ToolCall>) -> Self {
        self.tool_calls.extend(tool_calls);
        self
    }
}

impl ToolCall {
    /// A call of a function; the arguments are JSON text.
    pub fn function(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        let call = FunctionCall { name: name.into(), arguments: arguments.into(), extra: Extra::new() };
        Self { id: id.into(), kind: function(), function: Some(call), extra: Extra::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &Message, expected: &str) {
        let json = serde_json::to_string(message).expect("it serializes");
        assert_eq!(json, expected);
        let read: Message = serde_json::from_str(&json).expect("a message");
        assert_eq!(&read, message);
    }

    #[test]
    fn messages_of_every_role() {
        check(&Message::system("a"), r#"{"role":"system","content":"a"}"#);
        check(&Message::developer("a"), r#"{"role":"developer","content":"a"}"#);
        check(&Message::user("a").named("ann"), r#"{"role":"user","content":"a","name":"ann"}"#);
        check(&Message::tool("call_1", "9"), r#"{"role":"tool","content":"9","tool_call_id":"call_1"}"#);
        let calling = Message {
            content: None,
            ..Message::assistant("").with_tool_calls([ToolCall::function("call_1", "wx", "{}")])
        };
        check(
            &calling,
            r#"{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"wx","arguments":"{}"}}]}"#,
        );
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let json = r#"{"role":"critic","content":"a","reasoning_details":[{"signature": "c2ln"}],"cache_control":{"ttl":1.0}}"#;
        let message: Message = serde_json::from_str(json).expect("a message");
        assert_eq!(message.role, Role::Other("critic".to_owned()));
        assert_eq!(serde_json::to_string(&message).expect("it serializes"), json);
    }

    #[test]
    fn null_is_none() {
        let json = r#"{"role":"assistant","content":null,"tool_calls":null}"#;
        let message: Message = serde_json::from_str(json).expect("a message");
        assert_eq!((message.content, message.tool_calls), (None, Vec::new()));
    }
}
