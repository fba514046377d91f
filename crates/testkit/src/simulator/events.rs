//! The events of one streamed reply, before they are framed.

use serde::Serialize;

use super::messages_error::{MessagesError, MessagesErrorDetail};
use super::shape::ErrorForm;

/// One event: what stands behind `event: `, if that line is there, and behind `data: `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: Option<&'static str>,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn unnamed(data: impl Into<String>) -> Self {
        Self { name: None, data: data.into() }
    }

    pub(crate) fn named(name: &'static str, data: &impl Serialize) -> Self {
        // Serialising our own wire structs into memory has nothing that could fail.
        Self { name: Some(name), data: serde_json::to_string(data).unwrap_or_default() }
    }
}

/// All events of a good stream, the last of which ends it.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    pub(crate) events: Vec<Event>,
    /// How many of the last ones say that all went well. An error stands before them.
    pub(crate) closing: usize,
    pub(crate) failure: Failure,
}

/// How a stream says that it failed.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// `data: {"error":…}`.
    Chat,
    /// `event: error`, in the shape of Anthropic's errors.
    Messages { request_id: String },
    /// `event: error`, numbered; relayed: `event: response.failed` with this response, up to its end.
    Responses { failed: String },
    /// `event: error` with an `error` member, as OpenAI's streams of images and transcripts have it.
    OpenAi,
}

const CHAT_ERROR: &str = r#"{"error":{"message":"Service temporarily unavailable.","type":"service_unavailable_error","param":{"statusCode":503}}}"#;
const RELAYED_ERROR: &str = r#"{"message":"Stream error occurred","name":"AI_TypeValidationError","value":{"error_type":"invalid_request_error","error_message":"{\"error\":{\"message\":\"prompt is too long\",\"type\":\"invalid_request_error\"}}"}}"#;
const OPENAI_ERROR: &str = r#"{"type":"error","error":{"type":"server_error","code":"server_error","message":"Service temporarily unavailable.","param":null}}"#;

impl Failure {
    /// The event that stands at `index` of the stream and ends it.
    pub(crate) fn event(&self, form: ErrorForm, index: usize) -> Event {
        match (self, form) {
            (Self::Chat, ErrorForm::Plain) => Event::unnamed(CHAT_ERROR),
            (Self::Chat, ErrorForm::Relayed) => Event::unnamed(RELAYED_ERROR),
            (Self::Messages { request_id }, ErrorForm::Plain) => {
                let error = MessagesErrorDetail { kind: "overloaded_error", message: "Overloaded" };
                let error = MessagesError { kind: "error", error, request_id, provider_metadata: None };
                Event::named("error", &error)
            }
            (Self::Messages { .. }, ErrorForm::Relayed) => {
                Event { name: Some("error"), data: RELAYED_ERROR.to_owned() }
            }
            (Self::Responses { .. }, ErrorForm::Plain) => {
                let data = format!(
                    r#"{{"type":"error","sequence_number":{index},"code":"server_error","message":"Service temporarily unavailable.","param":null}}"#
                );
                Event { name: Some("error"), data }
            }
            (Self::Responses { failed }, ErrorForm::Relayed) => {
                let data =
                    format!(r#"{{"type":"response.failed","sequence_number":{index},"response":{failed}}}"#);
                Event { name: Some("response.failed"), data }
            }
            (Self::OpenAi, ErrorForm::Plain | ErrorForm::Relayed) => {
                Event { name: Some("error"), data: OPENAI_ERROR.to_owned() }
            }
        }
    }
}
