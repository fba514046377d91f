//! What is kept of a reply, and as what it is given again.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use trunkline_core::{Document, Event, Observation, Operation};

use crate::packed::{Packed, Packing};
use crate::{convert, substance};

/// A reply that is kept: a document, or the events of a stream that ended in good order.
pub struct Kept {
    operation: Operation,
    pub(crate) reply: Reply,
    observation: Observation,
    source: Option<Arc<str>>,
}

pub(crate) enum Reply {
    Whole(Document),
    Streamed(Packed),
}

/// As what a reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A document.
    Whole,
    /// A stream of events.
    Streamed,
}

impl Kept {
    /// Keeps a whole reply, in memory of its own. `None` if it says nothing, or says itself that it failed.
    pub fn whole(operation: Operation, document: &Document, observation: Observation) -> Option<Self> {
        if observation.failed.is_some() || !substance::is_in_document(operation, document) {
            return None;
        }
        // A copy, because the bytes can be a small part of a large piece of memory.
        let own = Bytes::copy_from_slice(&document.to_bytes());
        let document = Document::parse(own).ok()?;
        Some(Self { operation, reply: Reply::Whole(document), observation, source: None })
    }

    /// Keeps the events of a stream that has ended in good order. `None` if they say nothing, or say that it failed.
    ///
    /// [`Keeper::record`](crate::Keeper::record) does so for events that are still to come.
    pub fn streamed<'e>(operation: Operation, events: impl IntoIterator<Item = &'e Event>) -> Option<Self> {
        let (mut packing, mut observation) = (Packing::default(), Observation::default());
        for event in events {
            if let Some(seen) = event.observation() {
                observation.absorb(seen.clone());
            }
            packing.push(event);
        }
        Self::packed(operation, packing.finish(), observation)
    }

    pub(crate) fn packed(operation: Operation, events: Packed, observation: Observation) -> Option<Self> {
        if observation.failed.is_some() || !substance::is_in_events(operation, &events) {
            return None;
        }
        Some(Self { operation, reply: Reply::Streamed(events), observation, source: None })
    }

    /// The same, with the name of who answered.
    #[must_use]
    pub fn with_source(mut self, source: Arc<str>) -> Self {
        self.source = Some(source);
        self
    }

    /// Who answered, by the name that whoever kept it gave.
    pub fn source(&self) -> Option<&Arc<str>> {
        self.source.as_ref()
    }

    pub(crate) fn of_parts(operation: Operation, reply: Reply, observation: Observation) -> Self {
        Self { operation, reply, observation, source: None }
    }

    /// What was asked.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// As what the reply came.
    pub fn form(&self) -> Form {
        match self.reply {
            Reply::Whole(_) => Form::Whole,
            Reply::Streamed(_) => Form::Streamed,
        }
    }

    /// What was seen in the reply when it came: its tokens, and what the upstream billed then.
    pub fn observation(&self) -> &Observation {
        &self.observation
    }

    /// The reply as a document, under the upstream's name of the model.
    ///
    /// `None` if it came as a stream that no document can be made of for certain; see [`Kept::events`].
    pub fn document(&self) -> Option<Document> {
        match &self.reply {
            Reply::Whole(document) => Some(document.clone()),
            Reply::Streamed(events) => convert::document_of(self.operation, events),
        }
    }

    /// The reply as the events of a stream, the last of which ends it, under the upstream's name of the model.
    ///
    /// An event that carries usage alone is among them, and its observation says so: a caller who did not ask for it is
    /// not given it. `None` if the reply came whole, and the operation is another than chat and text completions.
    pub fn events(&self) -> Option<Vec<Event>> {
        match &self.reply {
            Reply::Whole(document) => convert::events_of(self.operation, document, &self.observation),
            Reply::Streamed(events) => Some(events.iter().collect()),
        }
    }

    /// How much memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        /// What a document notes of each member.
        const MEMBER_BYTES: usize = 96;
        size_of::<Self>()
            + match &self.reply {
                Reply::Whole(document) => document.len() + document.names().count() * MEMBER_BYTES,
                Reply::Streamed(events) => events.weight(),
            }
    }
}

// A reply answers a prompt, so `Debug` shows its shape only.
impl fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Kept")
            .field("operation", &self.operation)
            .field("form", &self.form())
            .field("weight", &self.weight())
            .finish_non_exhaustive()
    }
}
