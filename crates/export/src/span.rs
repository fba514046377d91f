//! One span, and its attributes, as OTLP writes them.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::protobuf::Message;

/// The side that it is seen from, as OTLP counts them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Server = 2,
    Client = 3,
}

/// What a span has besides its attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'s> {
    pub(crate) trace: [u8; 16],
    pub(crate) id: [u8; 8],
    pub(crate) parent: Option<[u8; 8]>,
    pub(crate) name: &'s str,
    pub(crate) kind: Kind,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) is_error: bool,
}

/// `Span` in OTLP's `trace.proto`.
mod field {
    pub(super) const TRACE_ID: u32 = 1;
    pub(super) const SPAN_ID: u32 = 2;
    pub(super) const PARENT_SPAN_ID: u32 = 4;
    pub(super) const NAME: u32 = 5;
    pub(super) const KIND: u32 = 6;
    pub(super) const START: u32 = 7;
    pub(super) const END: u32 = 8;
    pub(super) const ATTRIBUTES: u32 = 9;
    pub(super) const STATUS: u32 = 15;
    pub(super) const STATUS_CODE: u32 = 3;
}

/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;

/// Writes a span into a message, as its field `within`.
pub(crate) fn write(
    message: &mut Message,
    within: u32,
    frame: &Frame<'_>,
    fill: impl FnOnce(&mut Attributes<'_>),
) {
    message.message(within, |span| {
        span.bytes(field::TRACE_ID, &frame.trace);
        span.bytes(field::SPAN_ID, &frame.id);
        if let Some(parent) = &frame.parent {
            span.bytes(field::PARENT_SPAN_ID, parent);
        }
        span.text(field::NAME, frame.name);
        span.varint(field::KIND, frame.kind as u64);
        span.fixed64(field::START, nanoseconds(frame.start));
        span.fixed64(field::END, nanoseconds(frame.end));
        fill(&mut Attributes::new(span, field::ATTRIBUTES));
        if frame.is_error {
            span.message(field::STATUS, |status| status.varint(field::STATUS_CODE, ERROR));
        }
    });
}

/// Attributes of a span or a resource. What is not known is left out.
#[derive(Debug)]
pub(crate) struct Attributes<'m> {
    message: &'m mut Message,
    within: u32,
}

/// `KeyValue` and `AnyValue` in OTLP's `common.proto`.
const KEY: u32 = 1;
const VALUE: u32 = 2;
const TEXT: u32 = 1;
const BOOLEAN: u32 = 2;
const INTEGER: u32 = 3;
const LIST: u32 = 5;
const ITEM: u32 = 1;

impl<'m> Attributes<'m> {
    pub(crate) fn new(message: &'m mut Message, within: u32) -> Self {
        Self { message, within }
    }

    pub(crate) fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(key, |any| any.text(TEXT, value));
        }
    }

    pub(crate) fn number(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            // Numbers are signed there, and none of these is as large.
            self.add(key, |any| any.varint(INTEGER, value.min(i64::MAX as u64)));
        }
    }

    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        self.add(key, |any| any.varint(BOOLEAN, value.into()));
    }

    pub(crate) fn texts(&mut self, key: &str, values: &[Box<str>]) {
        if !values.is_empty() {
            self.add(key, |any| {
                any.message(LIST, |list| {
                    values.iter().for_each(|value| list.message(ITEM, |any| any.text(TEXT, value)));
                });
            });
        }
    }

    fn add(&mut self, key: &str, fill: impl FnOnce(&mut Message)) {
        self.message.message(self.within, |pair| {
            pair.text(KEY, key);
            pair.message(VALUE, fill);
        });
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
