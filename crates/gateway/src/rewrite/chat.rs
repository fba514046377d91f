//! Chat completions, and whatever else tells its model at the top: `reasoning_content`, and OpenAI's usage event.

use std::ops::Range;
use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem;
use trunkline_core::{Document, Event, json};

use super::{Splice, spliced};

/// The changes to one reply in OpenAI's dialect.
#[derive(Debug)]
pub(super) struct Chat {
    reasoning_content: bool,
    /// Whether the caller asked for the event that carries usage alone.
    usage_asked: bool,
    usage_seen_alone: bool,
    /// The payload of the last event that carried usage beside something else.
    usage_beside: Option<Bytes>,
    learned: Option<Learned>,
}

/// Made once: to make a finder costs more than to search an event with it.
static REASONING: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\"reasoning\""));

/// Where the model stands in this stream's events: the payload up to it, and the value itself.
#[derive(Debug)]
struct Learned {
    before: Bytes,
    value: Bytes,
}

impl Chat {
    pub(super) fn new(reasoning_content: bool, usage_asked: bool) -> Self {
        Self { reasoning_content, usage_asked, usage_seen_alone: false, usage_beside: None, learned: None }
    }

    pub(super) fn document(&self, document: &mut Document) {
        let Some(choices) = document.raw_bytes("choices") else {
            return;
        };
        if !self.reasoning_content || REASONING.find(&choices).is_none() {
            return;
        }
        let splices = reasoning_splices(&choices, 0);
        if !splices.is_empty() {
            document.set_raw("choices", spliced(&choices, &splices));
        }
    }

    /// Usage is asked of every upstream; who did not ask does not get the event that carries nothing else.
    pub(super) fn is_withheld(&mut self, event: &Event) -> bool {
        let Some(seen) = event.observation() else {
            return false;
        };
        if seen.usage_only {
            self.usage_seen_alone = true;
            return !self.usage_asked;
        }
        if seen.usage.is_some() {
            self.usage_beside = event.data().map(Bytes::copy_from_slice);
        }
        false
    }

    /// OpenAI's own usage event, for a caller who asked and whose upstream put usage on the finish event.
    pub(super) fn missing_usage_event(&mut self, model: Option<&Bytes>) -> Option<Bytes> {
        let payload = self.usage_beside.take()?;
        if !self.usage_asked || self.usage_seen_alone {
            return None;
        }
        let mut document = Document::parse(payload).ok()?;
        if !document.contains("choices") {
            return None;
        }
        document.set_raw("choices", Bytes::from_static(b"[]"));
        if let Some(model) = model {
            document.set_raw("model", model.clone());
        }
        Some(Event::from_payload(&document.to_bytes()).into_bytes())
    }

    pub(super) fn splices(&mut self, data: &[u8], model: Option<&Bytes>) -> Vec<Splice> {
        let mut splices = Vec::new();
        if let Some(model) = model
            && let Some(span) = self.model_span(data)
        {
            splices.push((span, model.clone()));
        }
        if self.reasoning_content
            && REASONING.find(data).is_some()
            && let Some(choices) = json::member(data, "choices")
        {
            splices.extend(reasoning_splices(&data[choices.clone()], choices.start));
        }
        splices
    }

    /// Where the model's value stands. Events of one stream begin alike, so most need no scan.
    fn model_span(&mut self, data: &[u8]) -> Option<Range<usize>> {
        if let Some(learned) = &self.learned {
            let rest = data.strip_prefix(learned.before.as_ref());
            if rest.is_some_and(|rest| rest.starts_with(&learned.value)) {
                return Some(learned.before.len()..learned.before.len() + learned.value.len());
            }
        }
        if data.first() != Some(&b'{') {
            return None;
        }
        let span = json::member(data, "model")?;
        self.learned = Some(Learned {
            before: Bytes::copy_from_slice(&data[..span.start]),
            value: Bytes::copy_from_slice(&data[span.clone()]),
        });
        Some(span)
    }
}

/// `,"reasoning_content":<the same text>` behind each `reasoning` of a delta or message that lacks it.
fn reasoning_splices(choices: &[u8], offset: usize) -> Vec<Splice> {
    let mut splices = Vec::new();
    for choice in json::elements(choices) {
        let text = &choices[choice.clone()];
        let Some(part) = json::member(text, "delta").or_else(|| json::member(text, "message")) else {
            continue;
        };
        let message = &text[part.clone()];
        let Some(reasoning) = json::member(message, "reasoning") else {
            continue;
        };
        let value = &message[reasoning.clone()];
        if value.first() != Some(&b'"') || json::member(message, "reasoning_content").is_some() {
            continue;
        }
        let at = offset + choice.start + part.start + reasoning.end;
        splices.push((at..at, Bytes::from([b",\"reasoning_content\":", value].concat())));
    }
    splices
}
