//! The declared changes to a reply: the model's public name, and what a dialect has of its own.
//!
//! Everything else of a reply goes out as the bytes that came in. Undoing these splices gives the upstream's
//! bytes back.

mod chat;
mod messages;
mod responses;

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use trunkline_core::{Dialect, Document, Error, Event, Operation, json};

use crate::Settings;
use crate::binding::Binding;
use crate::envelope::{envelope, message, status};
use chat::Chat;
use messages::Messages;
use responses::Responses;

/// What is changed in one reply.
#[derive(Debug)]
pub(crate) struct Rewrite {
    /// The public name as JSON text; `None` leaves the upstream's.
    model: Option<Bytes>,
    changes: Changes,
}

/// What is changed besides the model's name, by dialect.
#[derive(Debug)]
enum Changes {
    Chat(Chat),
    Messages(Box<Messages>),
    Responses(Box<Responses>),
}

/// A piece of a payload that gives way to other bytes. An empty range is an insertion.
type Splice = (Range<usize>, Bytes);

impl Rewrite {
    /// The changes for a reply that goes out under `model`. `usage_asked` tells whether the caller wants the event
    /// that carries usage alone.
    pub(crate) fn new(
        operation: Operation,
        model: &str,
        settings: &Settings,
        usage_asked: bool,
        binding: Option<Binding>,
    ) -> Self {
        let changes = match operation.dialect() {
            Dialect::OpenAi | Dialect::Cohere => {
                Changes::Chat(Chat::new(settings.reasoning_content, usage_asked))
            }
            Dialect::Anthropic => Changes::Messages(Box::new(Messages::new())),
            Dialect::Responses => Changes::Responses(Box::new(Responses::new(binding))),
        };
        Self { model: Some(Bytes::from(json::text(model))), changes }
    }

    /// Changes a whole reply.
    pub(crate) fn document(&self, document: &mut Document) {
        if let Some(model) = &self.model
            && document.raw("model").is_some_and(|named| named != model)
        {
            document.set_raw("model", model.clone());
        }
        match &self.changes {
            Changes::Chat(chat) => chat.document(document),
            Changes::Messages(_) => {}
            Changes::Responses(responses) => responses.document(document),
        }
    }

    /// Changes the events that came together, and appends them to `out`.
    pub(crate) fn events(&mut self, events: Vec<Event>, out: &mut Vec<Bytes>) {
        /// Events from this size on go out as they are instead of being copied together.
        const COPY_BYTES_MAX: usize = 16 * 1024;
        let mut together = BytesMut::with_capacity(events.iter().map(|event| event.bytes().len() + 64).sum());
        for event in events {
            if let Changes::Chat(chat) = &mut self.changes {
                if chat.is_withheld(&event) {
                    continue;
                }
                if event.observation().is_some_and(|seen| seen.terminal)
                    && let Some(extra) = chat.missing_usage_event(self.model.as_ref())
                {
                    together.extend_from_slice(&extra);
                }
            }
            let splices = self.splices(&event);
            if splices.is_empty() && event.bytes().len() >= COPY_BYTES_MAX {
                out.extend((!together.is_empty()).then(|| together.split().freeze()));
                out.push(event.into_bytes());
                continue;
            }
            write_event(&event, &splices, &mut together);
        }
        out.extend((!together.is_empty()).then(|| together.freeze()));
    }

    /// The event that tells the caller that the stream failed, in its dialect.
    pub(crate) fn failure(&self, error: &Error, call_id: &str) -> Event {
        match &self.changes {
            Changes::Chat(_) => {
                Event::from_payload(&envelope(error, status(error), Dialect::OpenAi, call_id))
            }
            Changes::Messages(_) => {
                Event::named("error", &envelope(error, status(error), Dialect::Anthropic, call_id))
            }
            Changes::Responses(responses) => responses.failure(error, &message(error)),
        }
    }

    /// A sign of life, which clients pass over.
    pub(crate) fn ping(&self) -> Bytes {
        match &self.changes {
            Changes::Chat(_) | Changes::Responses(_) => Bytes::from_static(b": ping\n\n"),
            // Anthropic's own: its clients may count on hearing it.
            Changes::Messages(_) => Bytes::from_static(b"event: ping\ndata: {\"type\": \"ping\"}\n\n"),
        }
    }

    fn splices(&mut self, event: &Event) -> Vec<Splice> {
        let Some(data) = event.data() else {
            return Vec::new();
        };
        let model = self.model.as_ref();
        sorted(match &mut self.changes {
            Changes::Chat(chat) => chat.splices(data, model),
            Changes::Messages(messages) => messages.splices(data, model),
            Changes::Responses(responses) => responses.splices(event, model),
        })
    }
}

/// In the order of their places. There are a few at most, and mostly one.
fn sorted(mut splices: Vec<Splice>) -> Vec<Splice> {
    splices.sort_by_key(|(range, _)| range.start);
    splices
}

fn spliced(text: &[u8], splices: &[Splice]) -> Bytes {
    let mut out = BytesMut::with_capacity(text.len() + 64);
    write_spliced(text, splices, &mut out);
    out.freeze()
}

fn write_spliced(text: &[u8], splices: &[Splice], out: &mut BytesMut) {
    let mut from = 0;
    for (range, bytes) in splices {
        out.put_slice(&text[from..range.start]);
        out.put_slice(bytes);
        from = range.end;
    }
    out.put_slice(&text[from..]);
}

fn write_event(event: &Event, splices: &[Splice], out: &mut BytesMut) {
    // A payload on several lines stays on them: each splice goes where its bytes stand in the event.
    let placed: Option<Vec<Splice>> = splices.iter().map(|splice| placed(event, splice)).collect();
    write_spliced(event.bytes(), &placed.unwrap_or_default(), out);
}

/// A splice of the payload as one of the event's bytes. What is replaced lies on one line: no JSON value that is
/// touched here holds a line break.
fn placed(event: &Event, (range, bytes): &Splice) -> Option<Splice> {
    let start = match range.start.checked_sub(1) {
        Some(before) if range.is_empty() => event.position(before)? + 1,
        Some(_) | None => event.position(range.start)?,
    };
    Some((start..start + range.len(), bytes.clone()))
}

#[cfg(test)]
mod tests;
