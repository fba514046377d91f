//! One server-sent event, kept as the bytes it arrived in.

use std::ops::Range;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::{Error, Observation};

/// A stream of events. One item holds the events that were ready together, so that they can leave together.
///
/// It ends with `None` only after the protocol's terminal event; whatever else ends it is an `Err`, which is
/// the last item.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Vec<Event>, Error>> + Send>>;

/// One whole event of a stream: its exact bytes, and where its payload lies in them.
#[derive(Clone, Debug)]
pub struct Event {
    bytes: Bytes,
    data: Data,
    observation: Option<Box<Observation>>,
}

#[derive(Clone, Debug)]
enum Data {
    None,
    Span(Range<usize>),
    /// The payload of an event with several `data:` lines, joined by line feeds as the format asks.
    Joined {
        text: Bytes,
        spans: Vec<Range<usize>>,
    },
}

impl Event {
    /// An event that has no `data:` line: comments, or fields that mean nothing to the protocol.
    pub fn without_data(bytes: Bytes) -> Self {
        Self { bytes, data: Data::None, observation: None }
    }

    /// An event whose payload is one span of its bytes.
    ///
    /// A span that does not lie within the bytes counts as no payload.
    pub fn with_span(bytes: Bytes, span: Range<usize>) -> Self {
        let data = if bytes.get(span.clone()).is_some() { Data::Span(span) } else { Data::None };
        Self { bytes, data, observation: None }
    }

    /// An event whose payload stands on several lines, each a span of its bytes.
    ///
    /// A span that does not lie within the bytes is left out.
    pub fn with_spans(bytes: Bytes, mut spans: Vec<Range<usize>>) -> Self {
        spans.retain(|span| bytes.get(span.clone()).is_some());
        let lines: Vec<&[u8]> = spans.iter().map(|span| &bytes[span.clone()]).collect();
        let text = Bytes::from(lines.join(&b'\n'));
        Self { bytes, data: Data::Joined { text, spans }, observation: None }
    }

    /// A new event, `data: <payload>` and a blank line. A payload of several lines stands on several.
    pub fn from_payload(payload: &[u8]) -> Self {
        const FIELD: &[u8] = b"data: ";
        if payload.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            return Self::from_lines(payload.split(|byte| matches!(byte, b'\n' | b'\r')));
        }
        let mut bytes = BytesMut::with_capacity(FIELD.len() + payload.len() + 2);
        bytes.extend_from_slice(FIELD);
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(b"\n\n");
        Self::with_span(bytes.freeze(), FIELD.len()..FIELD.len() + payload.len())
    }

    /// A new event with a name: `event: <name>`, then as [`Event::from_payload`] has it.
    ///
    /// The payload is JSON, so that it stands on one line.
    pub fn named(name: &str, payload: &[u8]) -> Self {
        let head = format!("event: {name}\ndata: ");
        let mut bytes = BytesMut::with_capacity(head.len() + payload.len() + 2);
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend(payload.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
        bytes.extend_from_slice(b"\n\n");
        Self::with_span(bytes.freeze(), head.len()..head.len() + payload.len())
    }

    fn from_lines<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Self {
        let mut bytes = BytesMut::new();
        let mut spans = Vec::new();
        for line in lines {
            bytes.extend_from_slice(b"data: ");
            spans.push(bytes.len()..bytes.len() + line.len());
            bytes.extend_from_slice(line);
            bytes.extend_from_slice(b"\n");
        }
        bytes.extend_from_slice(b"\n");
        Self::with_spans(bytes.freeze(), spans)
    }

    /// The event as it goes over the wire, its closing blank line included.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The payload: what stands behind `data:`. `None` for comments and the like.
    pub fn data(&self) -> Option<&[u8]> {
        match &self.data {
            Data::None => None,
            Data::Span(span) => self.bytes.get(span.clone()),
            Data::Joined { text, .. } => Some(text),
        }
    }

    /// Where the payload's byte at `offset` stands in [`Event::bytes`].
    ///
    /// `None` past the end, and for the line feeds between the lines of a payload on several of them.
    pub fn position(&self, offset: usize) -> Option<usize> {
        match &self.data {
            Data::None => None,
            Data::Span(span) => (offset < span.len()).then(|| span.start + offset),
            Data::Joined { spans, .. } => {
                let mut start = 0;
                for span in spans {
                    if offset < start + span.len() {
                        return offset.checked_sub(start).map(|within| span.start + within);
                    }
                    start += span.len() + 1;
                }
                None
            }
        }
    }

    /// What the provider's codec saw in it, if it looked.
    pub fn observation(&self) -> Option<&Observation> {
        self.observation.as_deref()
    }

    /// Notes what was seen in it.
    pub fn set_observation(&mut self, observation: Observation) {
        self.observation = Some(Box::new(observation));
    }

    /// Takes the event's bytes out, for sending.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_event_knows_its_payload() {
        let event = Event::from_payload(b"{\"a\":1}");
        assert_eq!(event.bytes().as_ref(), b"data: {\"a\":1}\n\n");
        assert_eq!(event.data(), Some(&b"{\"a\":1}"[..]));
    }

    #[test]
    fn a_named_event_says_its_name_first() {
        let event = Event::named("error", b"{\n\"a\":1}");
        assert_eq!(event.bytes().as_ref(), b"event: error\ndata: { \"a\":1}\n\n");
        assert_eq!(event.data(), Some(&b"{ \"a\":1}"[..]));
    }

    #[test]
    fn a_payload_of_several_lines_stands_on_several() {
        let event = Event::from_payload(b"{\n\"a\":1\r\n}");
        assert_eq!(event.bytes().as_ref(), b"data: {\ndata: \"a\":1\ndata: \ndata: }\n\n");
        assert_eq!(event.data(), Some(&b"{\n\"a\":1\n\n}"[..]));
    }

    #[test]
    fn a_payload_on_several_lines_knows_where_its_bytes_stand() {
        let event = Event::with_spans(Bytes::from_static(b"data: ab\ndata:cd\n\n"), vec![6..8, 14..16]);
        assert_eq!(event.data(), Some(&b"ab\ncd"[..]));
        let positions: Vec<Option<usize>> = (0..6).map(|offset| event.position(offset)).collect();
        assert_eq!(positions, [Some(6), Some(7), None, Some(14), Some(15), None]);
    }

    #[test]
    fn a_span_outside_the_bytes_is_no_payload() {
        assert_eq!(Event::with_span(Bytes::from_static(b"data: x\n\n"), 6..60).data(), None);
    }
}
