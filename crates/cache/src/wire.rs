//! A kept reply as bytes, for storages elsewhere: a line of JSON about it, and then what the upstream sent.

use std::sync::Arc;

use bytes::Bytes;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use trunkline_core::{Cost, Document, Observation, Operation, ReportedCost, Usage};

use crate::Kept;
use crate::kept::Reply;
use crate::packed::Packed;

/// What is written today. A reader of another version finds nothing, and asks anew.
const VERSION: u32 = 1;

/// What stands before the bytes of the upstream.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Arc<str>>,
    seen: Seen,
    /// Where each event of a stream ends. `None` for a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends: Option<Vec<u32>>,
    /// What was seen in single events, by their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    of_events: Vec<(u32, Seen)>,
}

/// What was seen in a reply or an event. One that failed is not kept, so that nothing is said of that.
#[derive(Serialize, Deserialize)]
struct Seen {
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    computed: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reported: Option<Reported>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation_id: Option<String>,
    terminal: bool,
    usage_only: bool,
}

#[derive(Serialize, Deserialize)]
struct Reported {
    cost: Option<Decimal>,
    market_cost: Option<Decimal>,
    surcharge_cost: Option<Decimal>,
    gateway_cost: Option<Decimal>,
    is_byok: bool,
}

impl Kept {
    /// The reply as bytes, which [`Kept::from_bytes`] reads. `None` if it cannot be written, which nothing that was kept
    /// is known to be.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let (ends, of_events, body) = match &self.reply {
            Reply::Whole(document) => (None, Vec::new(), document.to_bytes()),
            Reply::Streamed(events) => {
                let of_events = events.seen().iter().map(|(number, seen)| (*number, Seen::of(seen)));
                (Some(events.ends().collect()), of_events.collect(), Bytes::copy_from_slice(events.bytes()))
            }
        };
        let operation = self.operation().name().to_owned();
        let (source, seen) = (self.source().cloned(), Seen::of(self.observation()));
        let head = Head { version: VERSION, operation, source, seen, ends, of_events };
        let mut bytes = serde_json::to_vec(&head).ok()?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&body);
        Some(bytes)
    }

    /// A reply that was written with [`Kept::to_bytes`]. `None` if it was not, or by another version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        // JSON has no line feed of its own where none is asked for.
        let end = memchr::memchr(b'\n', bytes)?;
        let (head, body) = (bytes.get(..end)?, bytes.get(end + 1..)?);
        let head: Head = serde_json::from_slice(head).ok().filter(|head: &Head| head.version == VERSION)?;
        let operation = Operation::ALL.into_iter().find(|operation| operation.name() == head.operation)?;
        let body = Bytes::copy_from_slice(body);
        let reply = match head.ends {
            None => Reply::Whole(Document::parse(body).ok()?),
            Some(ends) => {
                let seen = head.of_events.into_iter().map(|(number, seen)| (number, seen.into_observation()));
                Reply::Streamed(Packed::of_parts(body, &ends, seen.collect())?)
            }
        };
        let kept = Self::of_parts(operation, reply, head.seen.into_observation());
        Some(match head.source {
            Some(source) => kept.with_source(source),
            None => kept,
        })
    }
}

impl Seen {
    fn of(seen: &Observation) -> Self {
        let (computed, reported) = match &seen.cost {
            Some(Cost::Computed(amount)) => (Some(*amount), None),
            Some(Cost::Reported(reported)) => (None, Some(Reported::of(reported))),
            None => (None, None),
        };
        Self {
            usage: seen.usage.clone(),
            computed,
            reported,
            generation_id: seen.generation_id.clone(),
            terminal: seen.terminal,
            usage_only: seen.usage_only,
        }
    }

    fn into_observation(self) -> Observation {
        let reported = self.reported.map(|reported| Cost::Reported(reported.into_cost()));
        Observation {
            usage: self.usage,
            cost: reported.or(self.computed.map(Cost::Computed)),
            // It tells what the call cost, and a kept reply costs nothing.
            service_tier: None,
            generation_id: self.generation_id,
            terminal: self.terminal,
            failed: None,
            usage_only: self.usage_only,
        }
    }
}

impl Reported {
    fn of(reported: &ReportedCost) -> Self {
        let ReportedCost { cost, market_cost, surcharge_cost, gateway_cost, is_byok } = *reported;
        Self { cost, market_cost, surcharge_cost, gateway_cost, is_byok }
    }

    fn into_cost(self) -> ReportedCost {
        let Self { cost, market_cost, surcharge_cost, gateway_cost, is_byok } = self;
        ReportedCost { cost, market_cost, surcharge_cost, gateway_cost, is_byok }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_core::Event;

    use super::*;
    use crate::Form;

    fn seen() -> Observation {
        let cost = ReportedCost {
            cost: Some(Decimal::new(123_456_789_012_345, 18)),
            gateway_cost: Some(Decimal::new(2, 3)),
            ..ReportedCost::default()
        };
        Observation {
            usage: Some(Usage { output: 3, ..Usage::default() }),
            cost: Some(Cost::Reported(cost)),
            generation_id: Some("gen_1".to_owned()),
            ..Observation::default()
        }
    }

    #[test]
    fn a_document_comes_back_byte_by_byte() {
        let text = "{\"choices\" : [{\"message\":{\"content\":\"h\\u00e4, \\n1.0e3\"}}]}\n";
        let document = Document::parse(text).expect("a document");
        let kept = Kept::whole(Operation::ChatCompletions, &document, seen()).expect("it says something");
        let kept = kept.with_source("openai-1".into());
        let again = Kept::from_bytes(&kept.to_bytes().expect("bytes")).expect("a reply");
        assert_eq!(again.document().expect("a document").to_bytes(), document.to_bytes());
        assert_eq!((again.operation(), again.observation()), (Operation::ChatCompletions, &seen()));
        assert_eq!(again.source().map(|source| &**source), Some("openai-1"));
    }

    #[test]
    fn a_stream_comes_back_event_by_event() {
        let mut first = Event::from_payload(br#"{"choices":[{"delta":{"content":"hi"}}]}"#);
        first.set_observation(seen());
        let events = [
            first,
            Event::without_data(Bytes::from_static(b": ping\n\n")),
            Event::from_payload(b"two\nlines"),
            Event::from_payload(b"[DONE]"),
        ];
        let kept = Kept::streamed(Operation::ChatCompletions, &events).expect("it says something");
        let again = Kept::from_bytes(&kept.to_bytes().expect("bytes")).expect("a reply");
        assert_eq!(again.form(), Form::Streamed);
        let out = again.events().expect("events");
        assert_eq!(out.len(), events.len());
        for (out, event) in out.iter().zip(&events) {
            assert_eq!((out.bytes(), out.data()), (event.bytes(), event.data()));
            assert_eq!(out.observation(), event.observation());
        }
    }

    #[test]
    fn what_is_something_else_is_no_reply() {
        let document = Document::parse(r#"{"choices":[{"text":"a"}]}"#).expect("a document");
        let kept = Kept::whole(Operation::Completions, &document, seen()).expect("it says something");
        let bytes = kept.to_bytes().expect("bytes");
        let other =
            String::from_utf8(bytes.clone()).expect("text").replacen("\"version\":1", "\"version\":2", 1);
        assert!(Kept::from_bytes(other.as_bytes()).is_none(), "another version");
        assert!(Kept::from_bytes(&bytes[..bytes.len() - 3]).is_none(), "cut");
        assert!(Kept::from_bytes(b"").is_none() && Kept::from_bytes(b"{}\n{}").is_none());
        let head = br#"{"version":1,"operation":"completions","seen":{"terminal":true,"usage_only":false},"ends":[4,2]}"#;
        assert!(Kept::from_bytes(&[head, &b"\nabcd"[..]].concat()).is_none(), "ends that go back");
    }
}
