//! The body of a Messages request: what the simulator reads of it, and what it refuses as Anthropic does.

use serde::Deserialize;
use serde_json::Value;

use super::super::error;
use super::super::reply::Reply;
use super::super::seal;

/// The least that a thinking budget may be.
const BUDGET_TOKENS_MIN: u64 = 1_024;

#[derive(Debug, Deserialize)]
pub(crate) struct MessagesRequest {
    pub(crate) model: String,
    pub(crate) messages: Vec<Message>,
    #[serde(default)]
    pub(crate) max_tokens: Option<u64>,
    #[serde(default)]
    pub(crate) system: Option<Value>,
    #[serde(default)]
    pub(crate) stream: Option<bool>,
    #[serde(default)]
    pub(crate) tools: Option<Vec<Value>>,
    #[serde(default)]
    pub(crate) tool_choice: Option<Value>,
    #[serde(default)]
    pub(crate) thinking: Option<Value>,
    #[serde(default)]
    pub(crate) stop_sequences: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) output_config: Option<Value>,
    #[serde(default)]
    pub(crate) cache_control: Option<Value>,
    #[serde(default)]
    pub(crate) models: Option<Vec<String>>,
    #[serde(default, rename = "providerOptions")]
    pub(crate) provider_options: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) role: String,
    pub(crate) content: Value,
}

impl Message {
    /// The blocks of the content; none where it is a string.
    pub(crate) fn blocks(&self) -> &[Value] {
        self.content.as_array().map_or(&[], Vec::as_slice)
    }

    fn is_instruction(&self) -> bool {
        self.role == "system"
    }

    fn ids(&self, kind: &str, member: &str) -> Vec<&str> {
        let of_kind = self.blocks().iter().filter(|block| block["type"] == kind);
        of_kind.filter_map(|block| block[member].as_str()).collect()
    }
}

/// What a request is held to besides its body.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Demands {
    /// A turn that answers a tool must send the thinking before it again.
    pub(crate) thinking: bool,
    /// Instructions may stand among the messages (a beta).
    pub(crate) instructions_anywhere: bool,
}

impl MessagesRequest {
    /// Reads a body; the error is the reply to it. Only counting does without `max_tokens`.
    pub(crate) fn read(body: &[u8], counting: bool, demands: Demands) -> Result<Self, Reply> {
        let request = serde_json::from_slice::<Self>(body)
            .map_err(|error| error::invalid_request(&format!("Invalid request body: {error}")))?;
        let thinks = demands.thinking && request.thinks();
        let refusal = request
            .refusal(counting, demands)
            .or_else(|| if thinks { request.missing_thinking() } else { None });
        match refusal {
            Some(message) => Err(error::invalid_request(&message)),
            None => Ok(request),
        }
    }

    pub(crate) fn thinks(&self) -> bool {
        self.thinking.as_ref().is_some_and(|thinking| thinking["type"] != "disabled" && thinking.is_object())
    }

    /// Whether what was thought is to be left out of the block that stands for it.
    pub(crate) fn omits_thoughts(&self) -> bool {
        self.thinking.as_ref().is_some_and(|thinking| thinking["display"] == "omitted")
    }

    fn refusal(&self, counting: bool, demands: Demands) -> Option<String> {
        match self.max_tokens {
            None if !counting => return Some("max_tokens: Field required".to_owned()),
            Some(0) => {
                return Some("max_tokens: Input should be greater than or equal to 1".to_owned());
            }
            _ => {}
        }
        let budget = self.thinking.as_ref().and_then(|thinking| thinking["budget_tokens"].as_u64());
        if budget.is_some_and(|budget| budget < BUDGET_TOKENS_MIN) {
            let least = format!("Input should be greater than or equal to {BUDGET_TOKENS_MIN}");
            return Some(format!("thinking.enabled.budget_tokens: {least}"));
        }
        if let (Some(budget), Some(max_tokens)) = (budget, self.max_tokens)
            && budget >= max_tokens
        {
            return Some("`max_tokens` must be greater than `thinking.budget_tokens`".to_owned());
        }
        if self.messages.is_empty() {
            return Some("messages: at least one message is required".to_owned());
        }
        let mut messages = self.messages.iter().enumerate();
        messages.find_map(|(index, message)| self.refusal_of(index, message, demands))
    }

    fn refusal_of(&self, index: usize, message: &Message, demands: Demands) -> Option<String> {
        let known = match message.role.as_str() {
            "user" | "assistant" => true,
            "system" => demands.instructions_anywhere,
            _ => false,
        };
        if !known {
            let role = &message.role;
            return Some(format!(
                "messages: Unexpected role \"{role}\". The Messages API accepts a top-level `system` parameter, not \"system\" as an input message role."
            ));
        }
        if !message.content.is_string() && !message.content.is_array() {
            return Some(format!("messages.{index}.content: Input should be a valid string or list"));
        }
        let mut blocks = message.blocks().iter().enumerate();
        let at = |position: usize| format!("messages.{index}.content.{position}");
        let refused = blocks.find_map(|(position, block)| refusal_of_block(&at(position), block));
        refused.or_else(|| self.unpaired_tools(index, message))
    }

    /// Each result answers a call of the message before, and each call is answered by the next message.
    fn unpaired_tools(&self, index: usize, message: &Message) -> Option<String> {
        if message.is_instruction() {
            return None;
        }
        let said = self.messages[..index].iter().enumerate().rev();
        let before = said.into_iter().find(|(_, before)| !before.is_instruction());
        let called = before.map(|(_, before)| before.ids("tool_use", "id")).unwrap_or_default();
        let answered = message.ids("tool_result", "tool_use_id");
        if let Some(id) = answered.iter().find(|id| !called.contains(id)) {
            return Some(format!(
                "messages.{index}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            ));
        }
        let id = called.iter().find(|id| !answered.contains(id))?;
        let before = before.map_or(0, |(before, _)| before);
        Some(format!(
            "messages.{before}: `tool_use` ids were found without `tool_result` blocks immediately after: {id}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."
        ))
    }

    /// What is said to a caller that thinks, answers a tool, and left out the thinking before the call.
    fn missing_thinking(&self) -> Option<String> {
        let said = self.messages.iter().enumerate().filter(|(_, message)| !message.is_instruction());
        let said = said.collect::<Vec<_>>();
        let [.., (index, call), (_, answer)] = said.as_slice() else { return None };
        let first = call.blocks().first()?;
        let thinks = matches!(first["type"].as_str(), Some("thinking" | "redacted_thinking"));
        if answer.ids("tool_result", "tool_use_id").is_empty() || thinks {
            return None;
        }
        let kind = first["type"].as_str().unwrap_or("text");
        Some(format!(
            "messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{kind}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        ))
    }
}

fn refusal_of_block(at: &str, block: &Value) -> Option<String> {
    match block["type"].as_str() {
        None => Some(format!("{at}.type: Field required")),
        Some("text") if block["text"].as_str() == Some("") => {
            Some(format!("{at}: text content blocks must be non-empty"))
        }
        Some("text") if !block["text"].is_string() => Some(format!("{at}.text.text: Field required")),
        Some("thinking") => {
            let text = block["thinking"].as_str();
            match (text, block["signature"].as_str()) {
                (None, _) => Some(format!("{at}.thinking.thinking: Field required")),
                (_, None) => Some(format!("{at}.thinking.signature: Field required")),
                (Some(text), Some(signature)) => (!seal::is_signed(text, signature))
                    .then(|| format!("{at}: Invalid `signature` in `thinking` block")),
            }
        }
        Some("redacted_thinking") => {
            let data = block["data"].as_str().unwrap_or_default();
            // Thoughts may be handed in by any account; that they were sealed here is what counts.
            seal::unseal(data, 0)
                .is_none()
                .then(|| format!("{at}: Invalid `data` in `redacted_thinking` block"))
        }
        Some("tool_use") if !block["input"].is_object() => {
            Some(format!("{at}.tool_use.input: Input should be a valid dictionary"))
        }
        Some(_) => None,
    }
}
