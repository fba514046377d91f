//! A whole answer to a chat call: the typed reply, what it cost, and the bytes it came in.

use serde::de::DeserializeOwned;
use trunkline_core::{Cost, Document, Error, ErrorKind, Observation, Usage};
use trunkline_openai::chat::{ChatMessage, ChatResponse, Content, Message, ToolCall};

/// A whole answer.
///
/// The methods speak of the first choice, which is the only one unless `n` asked for more; `response` holds
/// everything.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Completion {
    /// The reply, typed.
    pub response: ChatResponse,
    /// The tokens, in buckets that do not overlap. `None` where the upstream does not tell.
    pub usage: Option<Usage>,
    /// What was billed. `None` where the upstream does not tell, which is not the same as nothing.
    pub cost: Option<Cost>,
    /// The upstream's own id of the call, under which its bill can be looked up.
    pub generation_id: Option<String>,
    /// The reply as it came, byte for byte.
    pub document: Document,
}

impl Completion {
    pub(crate) fn new(document: Document, observation: Observation) -> Result<Self, Error> {
        let response = ChatResponse::from_document(&document)?;
        let Observation { usage, cost, generation_id, .. } = observation;
        Ok(Self { response, usage, cost, generation_id, document })
    }

    /// The text. Empty where the model only called tools.
    pub fn text(&self) -> &str {
        self.response.text().unwrap_or_default()
    }

    /// The text read as JSON, for answers in a [`ResponseFormat`](crate::ResponseFormat).
    ///
    /// # Errors
    ///
    /// `UpstreamProtocol` if the text is no JSON, or not that of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(self.text()).map_err(|error| {
            let message = "the answer is not the JSON that was expected";
            Error::new(ErrorKind::UpstreamProtocol, message).having_reached_upstream().with_source(error)
        })
    }

    /// The reasoning, under whichever of its two names the upstream tells it.
    pub fn reasoning(&self) -> Option<&str> {
        let message = self.message()?;
        message.reasoning.as_deref().or(message.reasoning_content.as_deref())
    }

    /// The tools that the model called.
    pub fn tool_calls(&self) -> &[ToolCall] {
        tool_calls(&self.response)
    }

    /// Why the answer ended: `stop`, `length`, `tool_calls`, `content_filter`, or a vendor's own word.
    pub fn finish_reason(&self) -> Option<&str> {
        self.response.choices.first()?.finish_reason.as_deref()
    }

    /// What the model said, whole. `None` if there is no choice at all.
    pub fn message(&self) -> Option<&ChatMessage> {
        self.response.choices.first().map(|choice| &choice.message)
    }

    /// The same as a message of the next call: its text, its tool calls, and its reasoning with the signatures.
    pub fn to_message(&self) -> Message {
        message_of(&self.response)
    }
}

/// The tools that the first choice calls.
pub(crate) fn tool_calls(response: &ChatResponse) -> &[ToolCall] {
    response.choices.first().map_or(&[], |choice| &choice.message.tool_calls)
}

/// The first choice as a message of the next call.
pub(crate) fn message_of(response: &ChatResponse) -> Message {
    let Some(choice) = response.choices.first() else {
        return Message::assistant("");
    };
    let said = choice.message.clone();
    Message {
        role: said.role,
        content: said.content.map(Content::Text),
        tool_calls: said.tool_calls,
        refusal: said.refusal,
        reasoning_details: said.reasoning_details,
        ..Message::default()
    }
}
