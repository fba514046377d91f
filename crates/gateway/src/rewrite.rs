//! The declared changes to a reply: the model's public name, `reasoning_content`, and OpenAI's usage event.
//!
//! Everything else of a reply goes out as the bytes that came in. Undoing these splices gives the upstream's
//! bytes back.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use memchr::memmem;
use trunkline_core::{Document, Event, json};

/// What is changed in one reply.
#[derive(Debug)]
pub(crate) struct Rewrite {
    /// The public name as JSON text; `None` leaves the upstream's.
    model: Option<Bytes>,
    reasoning_content: bool,
    /// Whether the caller asked for the event that carries usage alone.
    usage_asked: bool,
    usage_seen_alone: bool,
    /// The payload of the last event that carried usage beside something else.
    usage_beside: Option<Bytes>,
    learned: Option<Learned>,
    reasoning: memmem::Finder<'static>,
}

/// Where the model stands in this stream's events: the payload up to it, and the value itself.
#[derive(Debug)]
struct Learned {
    before: Bytes,
    value: Bytes,
}

/// A piece of a payload that gives way to other bytes. An empty range is an insertion.
type Splice = (Range<usize>, Bytes);

impl Rewrite {
    /// The changes for a reply that goes out under `model`.
    pub(crate) fn new(model: Option<&str>, reasoning_content: bool, usage_asked: bool) -> Self {
        Self {
            model: model.map(|model| Bytes::from(json::text(model))),
            reasoning_content,
            usage_asked,
            usage_seen_alone: false,
            usage_beside: None,
            learned: None,
            reasoning: memmem::Finder::new(b"\"reasoning\""),
        }
    }

    /// Changes a whole reply.
    pub(crate) fn document(&self, document: &mut Document) {
        if let Some(model) = &self.model
            && document.contains("model")
        {
            document.set_raw("model", model.clone());
        }
        let Some(choices) = document.raw_bytes("choices") else {
            return;
        };
        if !self.reasoning_content || self.reasoning.find(&choices).is_none() {
            return;
        }
        let splices = reasoning_splices(&choices, 0);
        if !splices.is_empty() {
            document.set_raw("choices", spliced(&choices, &splices));
        }
    }

    /// Changes the events that came together, and appends them to `out`.
    pub(crate) fn events(&mut self, events: Vec<Event>, out: &mut Vec<Bytes>) {
        /// Events from this size on go out as they are instead of being copied together.
        const COPY_BYTES_MAX: usize = 16 * 1024;
        let mut together = BytesMut::with_capacity(events.iter().map(|event| event.bytes().len() + 64).sum());
        for event in events {
            if self.is_withheld(&event) {
                continue;
            }
            if event.observation().is_some_and(|seen| seen.terminal)
                && let Some(extra) = self.missing_usage_event()
            {
                together.extend_from_slice(&extra);
            }
            let splices = event.data().map(|data| self.splices(data)).unwrap_or_default();
            if splices.is_empty() && event.bytes().len() >= COPY_BYTES_MAX {
                out.extend((!together.is_empty()).then(|| together.split().freeze()));
                out.push(event.into_bytes());
                continue;
            }
            write_event(&event, &splices, &mut together);
        }
        out.extend((!together.is_empty()).then(|| together.freeze()));
    }

    /// Usage is asked of every upstream; who did not ask does not get the event that carries nothing else.
    fn is_withheld(&mut self, event: &Event) -> bool {
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
    fn missing_usage_event(&mut self) -> Option<Bytes> {
        let payload = self.usage_beside.take()?;
        if !self.usage_asked || self.usage_seen_alone {
            return None;
        }
        let mut document = Document::parse(payload).ok()?;
        if !document.contains("choices") {
            return None;
        }
        document.set_raw("choices", Bytes::from_static(b"[]"));
        if let Some(model) = &self.model {
            document.set_raw("model", model.clone());
        }
        Some(Event::from_payload(&document.to_bytes()).into_bytes())
    }

    fn splices(&mut self, data: &[u8]) -> Vec<Splice> {
        let mut splices = Vec::new();
        if let Some(model) = self.model.clone()
            && let Some(span) = self.model_span(data)
        {
            splices.push((span, model));
        }
        if self.reasoning_content
            && self.reasoning.find(data).is_some()
            && let Some(choices) = json::member(data, "choices")
        {
            splices.extend(reasoning_splices(&data[choices.clone()], choices.start));
            splices.sort_by_key(|(range, _)| range.start);
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
mod tests {
    use super::*;
    use trunkline_core::{Observation, Usage};

    fn event(payload: &str) -> Event {
        Event::from_payload(payload.as_bytes())
    }

    fn check(rewrite: &mut Rewrite, payload: &str, expected: &str) {
        let mut out = Vec::new();
        rewrite.events(vec![event(payload)], &mut out);
        let sent = String::from_utf8(out.concat()).expect("text");
        assert_eq!(sent, format!("data: {expected}\n\n"));
    }

    #[test]
    fn only_the_model_s_value_changes() {
        let mut rewrite = Rewrite::new(Some("gpt-4o-gateway"), true, false);
        for number in ["1", "1.0", "1e0"] {
            check(
                &mut rewrite,
                &format!(
                    r#"{{"id":"a", "model" : "openai/gpt-4o","x":{number},"choices":[{{"model":"kept"}}]}}"#
                ),
                &format!(
                    r#"{{"id":"a", "model" : "gpt-4o-gateway","x":{number},"choices":[{{"model":"kept"}}]}}"#
                ),
            );
        }
    }

    #[test]
    fn a_stream_that_changes_its_shape_is_scanned_again() {
        let mut rewrite = Rewrite::new(Some("m"), true, false);
        check(&mut rewrite, r#"{"model":"up","n":1}"#, r#"{"model":"m","n":1}"#);
        check(&mut rewrite, r#"{"n":{"model":"up"},"model":"up"}"#, r#"{"n":{"model":"up"},"model":"m"}"#);
        check(&mut rewrite, r#"{"model":"upper","n":1}"#, r#"{"model":"m","n":1}"#);
        check(&mut rewrite, r#"{"n":1}"#, r#"{"n":1}"#);
        check(&mut rewrite, "[DONE]", "[DONE]");
    }

    #[test]
    fn a_value_that_only_begins_like_the_learned_one_is_replaced_whole() {
        let mut rewrite = Rewrite::new(Some("m"), true, false);
        check(&mut rewrite, r#"{"model":"up"}"#, r#"{"model":"m"}"#);
        check(&mut rewrite, r#"{"model":null}"#, r#"{"model":"m"}"#);
    }

    #[test]
    fn reasoning_content_stands_beside_reasoning() {
        let mut rewrite = Rewrite::new(None, true, false);
        check(
            &mut rewrite,
            r#"{"choices":[{"delta":{"reasoning":"W\u00e9","x":1}},{"delta":{"content":"\"reasoning\""}}]}"#,
            r#"{"choices":[{"delta":{"reasoning":"W\u00e9","reasoning_content":"W\u00e9","x":1}},{"delta":{"content":"\"reasoning\""}}]}"#,
        );
        let both = r#"{"choices":[{"delta":{"reasoning":"a","reasoning_content":"b"}}]}"#;
        check(&mut rewrite, both, both);
        let none = r#"{"choices":[{"delta":{"reasoning":null}}]}"#;
        check(&mut rewrite, none, none);
        check(
            &mut Rewrite::new(None, false, false),
            r#"{"choices":[{"delta":{"reasoning":"a"}}]}"#,
            r#"{"choices":[{"delta":{"reasoning":"a"}}]}"#,
        );
    }

    #[test]
    fn a_payload_on_several_lines_stays_on_several_lines() {
        let bytes = Bytes::from_static(b"data:{\"n\":1,\r\n: x\r\ndata: \"model\":\"up\"}\r\n\r\n");
        let event = Event::with_spans(bytes, vec![5..12, 25..37]);
        let mut out = Vec::new();
        Rewrite::new(Some("m"), true, false).events(vec![event], &mut out);
        assert_eq!(out.concat(), b"data:{\"n\":1,\r\n: x\r\ndata: \"model\":\"m\"}\r\n\r\n");
    }

    fn seen(payload: &str, observation: Observation) -> Event {
        let mut event = event(payload);
        event.set_observation(observation);
        event
    }

    fn usage() -> Observation {
        Observation { usage: Some(Usage::default()), ..Observation::default() }
    }

    fn sent(usage_asked: bool, events: Vec<Event>) -> String {
        let mut out = Vec::new();
        Rewrite::new(Some("m"), true, usage_asked).events(events, &mut out);
        String::from_utf8(out.concat()).expect("text")
    }

    #[test]
    fn usage_alone_is_withheld_from_who_did_not_ask() {
        let alone = || seen(r#"{"choices":[],"usage":{}}"#, Observation { usage_only: true, ..usage() });
        let done = || seen("[DONE]", Observation { terminal: true, ..Observation::default() });
        assert_eq!(sent(false, vec![alone(), done()]), "data: [DONE]\n\n");
        assert_eq!(
            sent(true, vec![alone(), done()]),
            "data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n"
        );
    }

    #[test]
    fn usage_on_the_finish_event_stays_and_who_asked_gets_openai_s_event_too() {
        let finish =
            || seen(r#"{"id":"a","model":"up","choices":[{"delta":{}}],"usage":{"n":1.50}}"#, usage());
        let done = || seen("[DONE]", Observation { terminal: true, ..Observation::default() });
        let first =
            "data: {\"id\":\"a\",\"model\":\"m\",\"choices\":[{\"delta\":{}}],\"usage\":{\"n\":1.50}}\n\n";
        let extra = "data: {\"id\":\"a\",\"model\":\"m\",\"choices\":[],\"usage\":{\"n\":1.50}}\n\n";
        assert_eq!(sent(false, vec![finish(), done()]), format!("{first}data: [DONE]\n\n"));
        assert_eq!(sent(true, vec![finish(), done()]), format!("{first}{extra}data: [DONE]\n\n"));
    }
}
