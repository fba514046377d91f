//! How much of a reply was sent.

use super::events::Event;
use super::money::Tokens;
use super::produced;

/// How much of a reply was handed to the socket.
#[derive(Debug)]
pub(crate) struct Sent {
    bytes: usize,
    /// The events of the reply, and where each ends in its bytes; `None` for a reply that is one piece.
    stream: Option<Stream>,
}

#[derive(Debug)]
struct Stream {
    /// All events of the good reply, also those that a fault keeps back.
    events: Vec<Event>,
    ends: Vec<usize>,
}

impl Sent {
    /// Of a reply that counts as one event.
    pub(crate) fn whole() -> Self {
        Self { bytes: 0, stream: None }
    }

    /// Of a stream of these events; `ends` says where those that are put on the wire end.
    pub(crate) fn stream(events: Vec<Event>, mut ends: Vec<usize>) -> Self {
        ends.truncate(events.len());
        Self { bytes: 0, stream: Some(Stream { events, ends }) }
    }

    /// So many bytes more were sent.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// How many events were sent whole.
    pub(crate) fn events(&self) -> usize {
        match &self.stream {
            None => usize::from(self.bytes > 0),
            Some(stream) => stream.ends.iter().filter(|end| **end <= self.bytes).count(),
        }
    }

    pub(crate) fn anything(&self) -> bool {
        self.events() > 0
    }

    /// Whether all that the good reply has was sent.
    pub(crate) fn is_whole(&self) -> bool {
        self.stream.as_ref().map_or(self.bytes > 0, |stream| self.events() == stream.events.len())
    }

    /// The tokens of what was sent, out of those of the whole reply.
    ///
    /// Reasoning that no event shows was there before the first event.
    pub(crate) fn tokens(&self, whole: Tokens) -> Tokens {
        let Some(stream) = self.stream.as_ref().filter(|_| !self.is_whole()) else { return whole };
        let all = produced::of_events(&stream.events);
        let part = produced::of_events(&stream.events[..self.events()]);
        let kept_back = (all.said + all.reasoning).saturating_sub(part.said + part.reasoning);
        let completion = whole.completion.saturating_sub(kept_back);
        let unthought = all.reasoning.saturating_sub(part.reasoning);
        Tokens { completion, reasoning: whole.reasoning.saturating_sub(unthought), ..whole }
    }
}
