//! A whole reply as the events of a stream.

use trunkline_core::{Document, Event, Observation, json};

use super::{Members, Wire};

/// The members of a reply that every one of its events has.
const IN_EVERY_EVENT: [&str; 4] = ["id", "created", "model", "system_fingerprint"];

pub(super) fn events_of(wire: Wire, document: &Document, observation: &Observation) -> Option<Vec<Event>> {
    let (head, rest) = outside_choices(wire, document);
    let choices = document.raw("choices")?;
    let spans: Vec<_> = json::elements(choices).collect();
    let mut events = Vec::with_capacity(spans.len() * 3 + 2);
    for (position, span) in spans.iter().enumerate() {
        let mut pieces = pieces(wire, position, choices.get(span.clone())?)?;
        let last = pieces.pop()?;
        events.extend(pieces.iter().map(|piece| event(&head, &piece.object(), &[])));
        // What the reply says besides stands where it ends.
        let rest = if position + 1 == spans.len() { &rest.0[..] } else { &[] };
        events.push(event(&head, &last.object(), rest));
    }
    if let Some(usage) = document.raw("usage").filter(|usage| !json::is_null(usage)) {
        let mut tail = Members::default();
        tail.put(b"usage", usage);
        let mut event = event(&head, &[], &tail.0);
        event.set_observation(Observation { usage_only: true, terminal: false, ..observation.clone() });
        events.push(event);
    }
    let mut done = Event::from_payload(b"[DONE]");
    done.set_observation(Observation { terminal: true, ..Observation::default() });
    events.push(done);
    Some(events)
}

/// What every event says, and what only the last one does.
fn outside_choices(wire: Wire, document: &Document) -> (Members, Members) {
    let (mut head, mut rest) = (Members::default(), Members::default());
    head.put(b"object", wire.event_object());
    for name in document.names() {
        let written = json::text(&name);
        let written = written.trim_matches('"').as_bytes();
        let value = document.raw(&name).unwrap_or_default();
        if IN_EVERY_EVENT.contains(&&*name) {
            head.put(written, value);
        } else if !matches!(&*name, "object" | "choices" | "usage") {
            rest.put(written, value);
        }
    }
    (head, rest)
}

/// A choice as pieces: who speaks, what is said, how it ends.
fn pieces(wire: Wire, position: usize, choice: &[u8]) -> Option<Vec<Members>> {
    if choice.first() != Some(&b'{') {
        return None;
    }
    let index = position.to_string();
    let index = value(choice, "index").unwrap_or(index.as_bytes());
    let begin = || {
        let mut piece = Members::default();
        piece.put(b"index", index);
        piece
    };
    let mut pieces = Vec::with_capacity(3);
    let mut said = begin();
    let mut end = begin();
    match wire {
        Wire::Chat => {
            let (who, what) = message(value(choice, "message")?)?;
            let mut first = begin();
            first.put(b"delta", &who.object());
            first.put(b"finish_reason", b"null");
            pieces.push(first);
            said.put(b"delta", &what.object());
            end.put(b"delta", b"{}");
        }
        Wire::Text => {
            said.put(b"text", value(choice, "text").unwrap_or(b"\"\""));
            end.put(b"text", b"\"\"");
        }
    }
    said.put(b"finish_reason", b"null");
    for member in json::members(choice) {
        let raw = choice.get(member.value.clone())?;
        if member.is_named("logprobs") && !json::is_null(raw) {
            said.put(member.key, raw);
        } else if !["index", "message", "text"].iter().any(|name| member.is_named(name)) {
            end.put(member.key, raw);
        }
    }
    pieces.push(said);
    pieces.push(end);
    Some(pieces)
}

/// A message as two deltas: the first says who speaks and what is empty, the other all that is said.
fn message(message: &[u8]) -> Option<(Members, Members)> {
    let (mut who, mut what) = (Members::default(), Members::default());
    who.put(b"role", value(message, "role").unwrap_or(b"\"assistant\""));
    for member in json::members(message) {
        let raw = message.get(member.value.clone())?;
        if member.is_named("role") {
            continue;
        }
        if json::is_null(raw) {
            who.put(member.key, raw);
            continue;
        }
        if member.is_named("content") && raw.first() == Some(&b'"') {
            who.put(member.key, b"\"\"");
        }
        if member.is_named("tool_calls") {
            what.put(member.key, &numbered(raw)?);
        } else {
            what.put(member.key, raw);
        }
    }
    Some((who, what))
}

/// Tool calls with the `index` that they have in a stream.
fn numbered(calls: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![b'['];
    for (position, span) in json::elements(calls).enumerate() {
        let call = calls.get(span)?;
        if position > 0 {
            out.push(b',');
        }
        let mut members = Members::default();
        members.put(b"index", position.to_string().as_bytes());
        for member in json::members(call).filter(|member| !member.is_named("index")) {
            members.put(member.key, call.get(member.value.clone())?);
        }
        out.extend_from_slice(&members.object());
    }
    out.push(b']');
    Some(out)
}

fn event(head: &Members, choice: &[u8], tail: &[u8]) -> Event {
    let comma: &[u8] = if tail.is_empty() { b"" } else { b"," };
    let mut payload = [b"{", &head.0[..], b",\"choices\":[", choice, b"]", comma, tail, b"}"].concat();
    // An upstream may have written its reply on several lines; strings have no line feeds in them.
    payload.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    Event::from_payload(&payload)
}

fn value<'t>(object: &'t [u8], name: &str) -> Option<&'t [u8]> {
    object.get(json::member(object, name)?)
}
