//! What a request says: read leniently where it makes no difference, refused where it does.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use trunkline_core::{Document, Error, ErrorKind, Usage};

use crate::refused;

/// Reads a parameter that must be there.
pub(crate) fn required<T: DeserializeOwned>(body: &Document, name: &str) -> Result<T, Error> {
    optional(body, name)?.ok_or_else(|| {
        refused(ErrorKind::MissingParameter, format!("the parameter `{name}` is missing")).with_param(name)
    })
}

/// Reads a parameter that may be there.
pub(crate) fn optional<T: DeserializeOwned>(body: &Document, name: &str) -> Result<Option<T>, Error> {
    body.get::<Option<T>>(name).map(Option::flatten).map_err(|error| {
        let message = format!("the parameter `{name}` is not what it should be");
        refused(ErrorKind::InvalidRequest, message).with_param(name).with_source(error)
    })
}

/// A message of a conversation, as far as an echo cares.
#[derive(Deserialize)]
pub(crate) struct Message {
    pub(crate) role: String,
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message. Images, sounds and files have no text.
#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Message {
    pub(crate) fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts.iter().filter_map(|part| part.text.as_deref()).collect(),
        }
    }
}

/// One text, or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            Texts::One(text) => vec![text],
            Texts::Several(texts) => texts,
        }
    }
}

/// Counts words as if they were tokens.
pub(crate) fn usage<'a>(
    input: impl IntoIterator<Item = &'a str>,
    output: impl IntoIterator<Item = &'a str>,
) -> Usage {
    let words = |text: &str| text.split_whitespace().count() as u64;
    Usage {
        uncached_input: input.into_iter().map(words).sum(),
        output: output.into_iter().map(words).sum(),
        ..Usage::default()
    }
}
