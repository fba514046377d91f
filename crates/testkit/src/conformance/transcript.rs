//! What came out of a reply, written down so that two of them can be compared.

use bytes::Bytes;
use futures_util::StreamExt;
use trunkline_core::{Error, ErrorKind, Event, EventStream, Observation, Operation};

use super::finding::told;
use super::operations::{event_text, is_last};

/// Everything that a stream gave.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    /// All bytes, as they would go to a caller.
    pub(crate) bytes: Vec<u8>,
    /// The payload of each event that has one.
    pub(crate) payloads: Vec<Bytes>,
    /// What was seen in the events, taken together.
    pub(crate) observation: Observation,
    /// Whether the last event was marked as the one that ends the stream.
    pub(crate) ended: bool,
    /// The error that it ended with.
    pub(crate) error: Option<Error>,
    /// How many items came after the error or the terminal event.
    pub(crate) items_after_end: usize,
}

impl Transcript {
    /// Reads a stream to its end.
    pub(crate) async fn of(mut events: EventStream) -> Self {
        let mut transcript = Self::default();
        while let Some(item) = events.next().await {
            transcript.note(item);
        }
        transcript
    }

    /// Reads what a stream gives without waiting for its upstream.
    pub(crate) async fn of_what_is_ready(events: &mut EventStream) -> Self {
        /// Turns of the runtime that tasks of a provider's own get to pass on what they have.
        const TURNS: usize = 64;
        let mut transcript = Self::default();
        let mut idle = 0;
        while idle < TURNS {
            match futures_util::poll!(events.next()) {
                std::task::Poll::Ready(Some(item)) => transcript.note(item),
                std::task::Poll::Ready(None) => break,
                std::task::Poll::Pending => {
                    idle += 1;
                    tokio::task::yield_now().await;
                }
            }
        }
        transcript
    }

    /// The transcript of a call that failed before its first event.
    pub(crate) fn failed(error: Error) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    fn note(&mut self, item: Result<Vec<Event>, Error>) {
        if self.ended || self.error.is_some() {
            self.items_after_end += 1;
        }
        match item {
            Ok(events) => events.iter().for_each(|event| self.note_event(event)),
            Err(error) => self.error = Some(error),
        }
    }

    fn note_event(&mut self, event: &Event) {
        self.ended = false;
        if let Some(observation) = event.observation() {
            self.ended = observation.terminal;
            self.observation.absorb(observation.clone());
        }
        if let Some(data) = event.data() {
            self.payloads.push(Bytes::copy_from_slice(data));
        }
        self.bytes.extend_from_slice(event.bytes());
    }

    /// Whether the stream ended as its protocol has it.
    pub(crate) fn is_clean(&self) -> bool {
        self.ended && self.error.is_none()
    }

    /// The kind of the error that it ended with.
    pub(crate) fn error_kind(&self) -> Option<ErrorKind> {
        self.error.as_ref().map(Error::kind)
    }

    /// The text that its events carry.
    pub(crate) fn text(&self, operation: Operation) -> String {
        self.payloads.iter().map(|payload| event_text(operation, payload)).collect()
    }

    /// Whether an event that ends streams of this operation well is among its events.
    pub(crate) fn says_last(&self, operation: Operation) -> bool {
        self.payloads.iter().any(|payload| is_last(operation, payload))
    }

    /// How it ended, in words.
    pub(crate) fn ending(&self) -> String {
        match &self.error {
            Some(error) => format!("an error after {} events, {}", self.payloads.len(), told(error)),
            None if self.ended => format!("a clean end after {} events", self.payloads.len()),
            None => format!(
                "an end without an error, and without a terminal event, after {} events",
                self.payloads.len()
            ),
        }
    }

    /// Where it differs from another of the same stream. `None` if it does not.
    ///
    /// The second half of the very last CRLF makes no difference: the first half ends the terminal event
    /// already, and nothing is awaited after that.
    pub(crate) fn difference(&self, other: &Self) -> Option<(String, String)> {
        let settled = |transcript: &Self| {
            let bytes = transcript.bytes.strip_suffix(b"\r\n").filter(|_| transcript.ended);
            bytes.map_or_else(|| transcript.bytes.clone(), |bytes| [bytes, b"\r"].concat())
        };
        if self.bytes != other.bytes && settled(self) != settled(other) {
            let at = self.bytes.iter().zip(&other.bytes).take_while(|(left, right)| left == right).count();
            let from = |transcript: &Self| {
                let rest = super::finding::excerpt(&transcript.bytes[at..]);
                format!("{} bytes, from byte {at} on {rest}", transcript.bytes.len())
            };
            return Some((from(self), from(other)));
        }
        if self.observation != other.observation {
            return Some((format!("{:?}", self.observation), format!("{:?}", other.observation)));
        }
        let end = |transcript: &Self| (transcript.ended, transcript.error.as_ref().map(told));
        (end(self) != end(other)).then(|| (self.ending(), other.ending()))
    }
}
