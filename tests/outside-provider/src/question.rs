//! From a chat request in OpenAI's dialect to a question in Carillon's.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use trunkline_core::{Call, Document, Error, ErrorKind, json};

use crate::wire::{Question, Speaker, Turn};

/// Parameters that Carillon has nothing for, and that a caller would miss.
const WITHOUT_EQUIVALENT: [&str; 5] = ["tools", "functions", "response_format", "logprobs", "modalities"];

/// A message, as far as Carillon can take it.
#[derive(Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

/// Writes the body of `POST /answers`.
pub(crate) fn question(call: &Call) -> Result<Bytes, Error> {
    let Some(document) = call.document() else {
        return Err(Error::new(ErrorKind::InvalidRequest, "the body is not a JSON object"));
    };
    let asks_for = |name: &&&str| document.raw(name).is_some_and(|value| !json::is_null(value));
    if let Some(name) = WITHOUT_EQUIVALENT.iter().find(asks_for) {
        return Err(invalid(name, "carillon has nothing for this parameter"));
    }
    if read::<u64>(document, "n")?.is_some_and(|count| count > 1) {
        return Err(invalid("n", "carillon gives one answer at a time"));
    }
    let messages: Vec<Message> = read(document, "messages")?.ok_or_else(|| {
        Error::new(ErrorKind::MissingParameter, "the parameter `messages` is missing").with_param("messages")
    })?;
    let question = Question {
        model: &call.model,
        turns: messages.into_iter().map(turn).collect::<Result<_, _>>()?,
        live: call.streaming(),
        limit: read(document, "max_completion_tokens")?.or(read(document, "max_tokens")?),
        warmth: read(document, "temperature")?,
    };
    let body = serde_json::to_vec(&question).map_err(|error| {
        Error::new(ErrorKind::Internal, "the question to carillon cannot be written").with_source(error)
    })?;
    Ok(body.into())
}

fn turn(message: Message) -> Result<Turn, Error> {
    let by = match message.role.as_str() {
        "system" | "developer" => Speaker::House,
        "user" => Speaker::Guest,
        "assistant" => Speaker::Bell,
        _ => return Err(invalid("messages", "carillon takes messages of system, user and assistant")),
    };
    let text = match message.content {
        None => String::new(),
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) if parts.iter().all(|part| part.kind == "text") => {
            parts.into_iter().filter_map(|part| part.text).collect()
        }
        Some(Content::Parts(_)) => return Err(invalid("messages", "carillon takes messages of text alone")),
    };
    Ok(Turn { by, text })
}

/// Reads a parameter that may be absent, or null.
fn read<T: DeserializeOwned>(document: &Document, name: &str) -> Result<Option<T>, Error> {
    let value = document.get::<Option<T>>(name).map_err(|error| {
        invalid(name, &format!("the parameter `{name}` is not what it should be")).with_source(error)
    })?;
    Ok(value.flatten())
}

fn invalid(param: &str, message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).with_param(param)
}
