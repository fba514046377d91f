//! An upstream's stream: framed, looked into, and complete only on its terminal event.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use trunkline_core::{Error, ErrorKind, Event, Secret};

use crate::failure::{Failure, error_of, without};
use crate::stream_budget::HeldBack;
use crate::{Decode, Framer, Sight, StreamBudget, Transport, TransportBody};

/// The events of one upstream reply.
///
/// Each item holds the events that one read completed. The stream ends after the terminal event, without
/// waiting for the connection to close; an end before it is `UpstreamCut`.
pub struct UpstreamEvents {
    provider: String,
    /// `None` once the stream has ended.
    body: Option<TransportBody>,
    /// Who takes the body back when the terminal event has come.
    transport: Option<Arc<dyn Transport>>,
    framer: Framer,
    held_back: HeldBack,
    decode: Decode,
    /// What no error may show, though the upstream quote it.
    credential: Option<Secret>,
    progress: Progress,
    /// Whether an event with something in it has come.
    has_spoken: bool,
}

enum Progress {
    Flowing,
    /// Events went out already that stood before the failure; it comes next.
    Failing(Error),
    Ended,
}

impl UpstreamEvents {
    /// Reads events from a body.
    pub fn new(
        provider: impl Into<String>,
        body: TransportBody,
        decode: Decode,
        event_bytes_max: usize,
        budget: Arc<StreamBudget>,
    ) -> Self {
        Self {
            provider: provider.into(),
            body: Some(body),
            transport: None,
            framer: Framer::new(event_bytes_max),
            held_back: HeldBack::new(budget),
            decode,
            credential: None,
            progress: Progress::Flowing,
            has_spoken: false,
        }
    }

    /// Keeps the credential out of the errors that the upstream reports.
    #[must_use]
    pub fn hiding(mut self, credential: Option<Secret>) -> Self {
        self.credential = credential;
        self
    }

    /// Gives the body back to its transport when the terminal event has come.
    #[must_use]
    pub fn returning_to(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Frames what arrived and looks into it.
    fn take(&mut self, chunk: Bytes) -> Vec<Event> {
        let mut framed = Vec::new();
        let framing = self.framer.push(chunk, &mut framed);
        let size = framing.and_then(|()| self.held_back.set(self.framer.held_back()));
        let events = self.look(framed);
        if let (Err(error), Progress::Flowing) = (size, &self.progress) {
            self.progress = Progress::Failing(error.with_provider(&self.provider));
        }
        events
    }

    /// What is left at the end of the body: a terminal event without its blank line, or a cut.
    fn close(&mut self) -> Vec<Event> {
        let last = self.framer.finish().map(completed);
        let events = last.map_or_else(Vec::new, |event| self.look(vec![event]));
        if let Progress::Flowing = self.progress {
            let message = "the upstream's stream ended before its terminal event";
            let cut = Error::new(ErrorKind::UpstreamCut, message).having_reached_upstream();
            self.progress = Progress::Failing(cut.with_provider(&self.provider));
            // The rest of a cut event is no event: nobody downstream could read it.
            return Vec::new();
        }
        events
    }

    /// Looks at events in order, up to the first that ends the stream, well or badly.
    fn look(&mut self, framed: Vec<Event>) -> Vec<Event> {
        let mut events = Vec::with_capacity(framed.len());
        for event in framed {
            match self.look_at(event, &mut events) {
                Progress::Flowing => {}
                ended => {
                    self.progress = ended;
                    break;
                }
            }
        }
        events
    }

    fn failing(&self, failure: Failure, body: &Bytes) -> Progress {
        Progress::Failing(error_of(failure, None, body, &self.provider, self.credential.as_ref()))
    }

    fn look_at(&mut self, mut event: Event, events: &mut Vec<Event>) -> Progress {
        let Some(data) = event.data() else {
            events.push(event);
            return Progress::Flowing;
        };
        match &mut self.decode {
            Decode::Verbatim(probe) => match probe.event(data) {
                // The rest is not looked at so: whoever reads it has begun to by then, and nothing can be made good.
                Sight::Nothing if !self.has_spoken && is_garbage(data) => {
                    let message = "the upstream's stream began with something that is no JSON object";
                    let body = excerpt(data);
                    return self.failing(Failure::new(ErrorKind::UpstreamProtocol, message), &body);
                }
                Sight::Nothing => {
                    self.has_spoken |= !data.is_empty();
                    events.push(event);
                }
                Sight::Failed(failure) => {
                    let body = excerpt(data);
                    return self.failing(failure, &body);
                }
                Sight::Observed(observation) => {
                    let terminal = observation.terminal;
                    // A mark of the end with nothing before it ends nothing.
                    if terminal && !self.has_spoken && !data.trim_ascii_start().starts_with(b"{") {
                        let message = "the upstream's stream ended before it began";
                        let cut = Error::new(ErrorKind::UpstreamCut, message).having_reached_upstream();
                        return Progress::Failing(cut.with_provider(&self.provider));
                    }
                    self.has_spoken = true;
                    if observation.failed.is_some() {
                        // It goes on as it is, and upstreams quote what they refuse.
                        event = blotted(event, self.credential.as_ref());
                    }
                    event.set_observation(observation);
                    events.push(event);
                    if terminal {
                        return Progress::Ended;
                    }
                }
            },
            Decode::With(decoder) => match decoder.event(data) {
                Ok(translated) => {
                    let terminal = |event: &Event| event.observation().is_some_and(|seen| seen.terminal);
                    let ended = translated.iter().any(terminal);
                    events.extend(translated);
                    if ended {
                        return Progress::Ended;
                    }
                }
                Err(failure) => {
                    let body = excerpt(data);
                    return self.failing(failure, &body);
                }
            },
        }
        Progress::Flowing
    }
}

/// Whether the first payload of a stream is no JSON object, as far as its ends tell: to read all of it would take
/// thousands of instructions, for each stream. An empty one is a sign of life.
fn is_garbage(data: &[u8]) -> bool {
    let data = data.trim_ascii();
    let is_object = data.starts_with(b"{") && data.ends_with(b"}");
    !(data.is_empty() || is_object)
}

/// The event without the credential in it.
fn blotted(event: Event, credential: Option<&Secret>) -> Event {
    let clean = without(event.bytes(), credential);
    if clean == event.bytes() {
        return event;
    }
    let mut framed = Vec::new();
    let mut framer = Framer::new(clean.len());
    match framer.push(clean.clone(), &mut framed) {
        Ok(()) => framed.pop().unwrap_or_else(|| Event::without_data(clean)),
        Err(_) => Event::without_data(clean),
    }
}

/// As much of a failure's event as is kept.
fn excerpt(data: &[u8]) -> Bytes {
    const BYTES_MAX: usize = 64 * 1024;
    Bytes::copy_from_slice(&data[..data.len().min(BYTES_MAX)])
}

/// An event whose blank line is missing, with it: some upstreams close right behind their last byte. Its other
/// lines stay: clients go by the name in `event:`.
fn completed(event: Event) -> Event {
    let data = event.data().filter(|data| !data.contains(&b'\n'));
    let Some((start, length)) = data.and_then(|data| Some((event.position(0)?, data.len()))) else {
        return event;
    };
    let lines = event.bytes().trim_ascii_end();
    // White space at the end of the payload belongs to it.
    let lines = &event.bytes()[..lines.len().max(start + length)];
    Event::with_span(Bytes::from([lines, b"\n\n"].concat()), start..start + length)
}

impl Stream for UpstreamEvents {
    type Item = Result<Vec<Event>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match std::mem::replace(&mut this.progress, Progress::Ended) {
                Progress::Ended => {
                    // What is left of the body is the transport's affair.
                    if let (Some(rest), Some(transport)) = (this.body.take(), &this.transport) {
                        transport.finish(rest);
                    }
                    return Poll::Ready(None);
                }
                Progress::Failing(error) => {
                    // Nobody waits for the end of what failed.
                    this.body = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Progress::Flowing => this.progress = Progress::Flowing,
            }
            let Some(body) = &mut this.body else {
                return Poll::Ready(None);
            };
            let events = match body.as_mut().poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(chunk))) => this.take(chunk),
                Poll::Ready(Some(Err(error))) => {
                    this.progress = Progress::Failing(error.with_provider(&this.provider));
                    Vec::new()
                }
                Poll::Ready(None) => {
                    this.body = None;
                    this.close()
                }
            };
            if !events.is_empty() {
                return Poll::Ready(Some(Ok(events)));
            }
        }
    }
}

impl std::fmt::Debug for UpstreamEvents {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("UpstreamEvents").field("provider", &self.provider).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_and_ends_as_an_object_is_taken_for_one() {
        for fine in [r#"{"choices":[]}"#, " {\"a\":1}\n", "{}", "", " "] {
            assert!(!is_garbage(fine.as_bytes()), "{fine}");
        }
        for garbage in ["{\"id\": oops", "<html></html>", "busy", "[]", "null", "{"] {
            assert!(is_garbage(garbage.as_bytes()), "{garbage}");
        }
    }
}
