//! The events of a stream in one piece of memory.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use trunkline_core::{Event, Observation};

/// Events in one piece of memory, with what was seen in each.
pub(crate) struct Packed {
    bytes: Bytes,
    places: Vec<Place>,
    /// What was seen, and in which event. Most have nothing to see.
    seen: Vec<(u32, Observation)>,
}

/// Events that are still being put in.
#[derive(Default)]
pub(crate) struct Packing {
    bytes: BytesMut,
    places: Vec<Place>,
    seen: Vec<(u32, Observation)>,
}

/// Where an event ends, and where its payload is.
#[derive(Clone, Copy)]
struct Place {
    end: u32,
    payload: Payload,
}

#[derive(Clone, Copy)]
enum Payload {
    None,
    /// One span, counted from the beginning of the event.
    Span(u32, u32),
    /// Several lines, which are looked for once more.
    Lines,
}

impl Packing {
    pub(crate) fn push(&mut self, event: &Event) {
        self.bytes.extend_from_slice(event.bytes());
        if let Some(seen) = event.observation() {
            self.seen.push((short(self.places.len()), seen.clone()));
        }
        self.places.push(Place { end: short(self.bytes.len()), payload: Payload::of(event) });
    }

    /// How much memory the events take, in bytes.
    pub(crate) fn weight(&self) -> usize {
        weight(self.bytes.len(), &self.places, &self.seen)
    }

    /// Ends it, in no more memory than it takes.
    pub(crate) fn finish(mut self) -> Packed {
        self.places.shrink_to_fit();
        self.seen.shrink_to_fit();
        Packed { bytes: Bytes::copy_from_slice(&self.bytes), places: self.places, seen: self.seen }
    }
}

impl Payload {
    fn of(event: &Event) -> Self {
        let Some(data) = event.data() else { return Self::None };
        let first = event.position(0);
        let last = data.len().checked_sub(1).and_then(|last| event.position(last));
        match (first, last) {
            (Some(first), Some(last)) if last + 1 - first == data.len() => {
                Self::Span(short(first), short(last + 1))
            }
            _ => Self::Lines,
        }
    }
}

/// Never cut short: replies that are kept stay far below 4 GiB.
fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn weight(bytes: usize, places: &[Place], seen: &[(u32, Observation)]) -> usize {
    bytes + size_of_val(places) + size_of_val(seen)
}

impl Packed {
    pub(crate) fn weight(&self) -> usize {
        weight(self.bytes.len(), &self.places, &self.seen)
    }

    /// All of the events, one behind the other.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each event ends.
    pub(crate) fn ends(&self) -> impl Iterator<Item = u32> {
        self.places.iter().map(|place| place.end)
    }

    /// What was seen in single events, by their number.
    pub(crate) fn seen(&self) -> &[(u32, Observation)] {
        &self.seen
    }

    /// Events that stand one behind the other, where it is told where each ends. `None` if they do not end with the bytes.
    pub(crate) fn of_parts(bytes: Bytes, ends: &[u32], seen: Vec<(u32, Observation)>) -> Option<Self> {
        let (mut places, mut start) = (Vec::with_capacity(ends.len()), 0_u32);
        for end in ends {
            let event = bytes.get(start as usize..*end as usize).map(|event| bytes.slice_ref(event))?;
            places.push(Place { end: *end, payload: Payload::of(&framed(event)) });
            start = *end;
        }
        (start as usize == bytes.len()).then_some(Self { bytes, places, seen })
    }

    /// The events, as they were put in.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> {
        let mut start = 0;
        let mut seen = self.seen.iter().peekable();
        self.places.iter().enumerate().map(move |(position, place)| {
            let end = place.end as usize;
            // Within bounds, as it was put in; nothing is lost by asking.
            let bytes = if start <= end && end <= self.bytes.len() {
                self.bytes.slice(start..end)
            } else {
                Bytes::new()
            };
            start = end;
            let mut event = match place.payload {
                Payload::None => Event::without_data(bytes),
                Payload::Span(from, to) => Event::with_span(bytes, from as usize..to as usize),
                Payload::Lines => framed(bytes),
            };
            if let Some((_, seen)) = seen.next_if(|(of, _)| *of as usize == position) {
                event.set_observation(seen.clone());
            }
            event
        })
    }
}

/// An event whose payload may stand on several lines: finds them.
fn framed(bytes: Bytes) -> Event {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let rest = &bytes[start..];
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let line = &rest[..length];
        if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            spans.push(start + length - value.len()..start + length);
        }
        // The line feed of `\r\n` stands there as an empty line, which says nothing.
        start += length + 1;
    }
    match <[Range<usize>; 1]>::try_from(spans) {
        Ok([span]) => Event::with_span(bytes, span),
        Err(spans) if spans.is_empty() => Event::without_data(bytes),
        Err(spans) => Event::with_spans(bytes, spans),
    }
}

#[cfg(test)]
mod tests {
    use trunkline_core::Usage;

    use super::*;

    fn packed(events: &[Event]) -> Packed {
        let mut packing = Packing::default();
        events.iter().for_each(|event| packing.push(event));
        packing.finish()
    }

    #[test]
    fn events_come_out_as_they_went_in() {
        let mut seen = Event::from_payload(b"{\"a\":1}");
        seen.set_observation(Observation {
            usage: Some(Usage { output: 3, ..Usage::default() }),
            ..Observation::default()
        });
        let plain = |text: &'static str| framed(Bytes::from_static(text.as_bytes()));
        let events = [
            Event::named("message_start", b"{\"type\":\"message_start\"}"),
            Event::without_data(Bytes::from_static(b": ping\n\n")),
            seen,
            Event::from_payload(b"two\nlines"),
            plain("id: 7\r\ndata:{\"b\": 2}\r\n\r\n"),
            Event::from_payload(b"[DONE]"),
        ];
        let out: Vec<Event> = packed(&events).iter().collect();
        assert_eq!(out.len(), events.len());
        for (out, event) in out.iter().zip(&events) {
            assert_eq!(out.bytes(), event.bytes());
            assert_eq!(out.data(), event.data());
            assert_eq!(out.observation(), event.observation());
        }
        assert_eq!(out[4].data(), Some(&b"{\"b\": 2}"[..]));
    }

    #[test]
    fn events_hold_no_more_memory_than_their_own() {
        let large = Bytes::from(vec![b'a'; 1_000_000]);
        let event = Event::without_data(large.slice(0..10));
        let packed = packed(&[event]);
        assert_eq!(packed.weight(), 10 + size_of::<Place>());
        assert!(large.is_unique(), "what was put in is let go");
    }
}
