//! A whole reply as a stream, and a stream as a whole reply, for chat and text completions of OpenAI's.
//!
//! Values are moved as the bytes that they are: no number and no escape is spelled anew.

mod join;
mod split;
mod tree;

use trunkline_core::{Document, Event, Observation, Operation};

use crate::packed::Packed;

/// Whether a reply to this operation can be given in the form that it did not come in.
pub(crate) fn is_possible(operation: Operation) -> bool {
    Wire::of(operation).is_some()
}

/// The events that a whole reply would have come as. `None` where it cannot be told.
pub(crate) fn events_of(
    operation: Operation,
    document: &Document,
    observation: &Observation,
) -> Option<Vec<Event>> {
    split::events_of(Wire::of(operation)?, document, observation)
}

/// The document that events are the pieces of. `None` where it cannot be told for certain.
pub(crate) fn document_of(operation: Operation, events: &Packed) -> Option<Document> {
    let events: Vec<Event> = events.iter().collect();
    join::document_of(Wire::of(operation)?, &events)
}

/// The two wire formats whose streams are known piece by piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    /// Choices have a `message`, and their pieces a `delta`.
    Chat,
    /// Choices and their pieces have a `text`.
    Text,
}

impl Wire {
    fn of(operation: Operation) -> Option<Self> {
        match operation {
            Operation::ChatCompletions => Some(Self::Chat),
            Operation::Completions => Some(Self::Text),
            _ => None,
        }
    }

    /// What `object` says in a document.
    fn document_object(self) -> &'static [u8] {
        match self {
            Self::Chat => b"\"chat.completion\"",
            Self::Text => b"\"text_completion\"",
        }
    }

    /// What `object` says in an event.
    fn event_object(self) -> &'static [u8] {
        match self {
            Self::Chat => b"\"chat.completion.chunk\"",
            Self::Text => b"\"text_completion\"",
        }
    }
}

/// Writes members of an object one after the other.
#[derive(Default)]
struct Members(Vec<u8>);

impl Members {
    /// Writes a member; `name` is as it stands between its quotes.
    fn put(&mut self, name: &[u8], value: &[u8]) {
        self.name(name);
        self.0.extend_from_slice(value);
    }

    /// Writes the name of a member, whose value is to follow.
    fn name(&mut self, name: &[u8]) {
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name);
        self.0.extend_from_slice(b"\":");
    }

    /// The object that has these members.
    fn object(&self) -> Vec<u8> {
        [b"{", &self.0[..], b"}"].concat()
    }
}
