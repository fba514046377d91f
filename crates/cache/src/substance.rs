//! Whether a reply says anything: one that does not is asked for anew, instead of being given again.

use memchr::memmem;
use trunkline_core::{Document, Operation, json};

use crate::packed::Packed;

/// Whether a whole reply says anything, and does not say itself that it failed.
pub(crate) fn is_in_document(operation: Operation, document: &Document) -> bool {
    let list = |name: &str| document.raw(name).unwrap_or_default();
    match operation {
        Operation::ChatCompletions => is_in_choices(list("choices"), "message"),
        Operation::Completions => is_in_choices(list("choices"), ""),
        Operation::Embeddings => has_elements(list("data")),
        Operation::Messages => has_elements(list("content")),
        Operation::Rerank | Operation::RerankV2 => has_elements(list("results")),
        Operation::Responses => {
            has_elements(list("output"))
                && document
                    .string("status")
                    .is_none_or(|status| matches!(&*status, "completed" | "incomplete"))
        }
        _ => document.names().next().is_some(),
    }
}

/// Whether the events of a stream say anything, and none of them that it failed.
pub(crate) fn is_in_events(operation: Operation, events: &Packed) -> bool {
    let says = |data: &[u8]| match operation {
        Operation::ChatCompletions => is_in_choices(value(data, "choices"), "delta"),
        Operation::Completions => is_in_choices(value(data, "choices"), ""),
        Operation::Messages => {
            json::string(value(data, "type")).is_some_and(|kind| kind == "content_block_start")
        }
        Operation::Responses => {
            json::string(value(data, "type")).is_some_and(|kind| kind.starts_with("response.output"))
        }
        _ => true,
    };
    events.iter().any(|event| event.data().is_some_and(says)) && !is_failure_in(operation, events)
}

/// Whether an event of a chat or text completion says that the upstream failed.
fn is_failure_in(operation: Operation, events: &Packed) -> bool {
    const FAILED: &[u8] = b"\"error\"";
    let is_chat = matches!(operation, Operation::ChatCompletions | Operation::Completions);
    // Looking for the word takes a fraction of the time that reading every event does.
    is_chat
        && memmem::find(events.bytes(), FAILED).is_some()
        && events.iter().any(|event| event.data().is_some_and(|data| has_failed(value(data, "choices"))))
}

/// Whether one of the choices says anything besides who speaks, and none that it failed. What is said stands in the
/// member `name`, or in the choice itself.
fn is_in_choices(choices: &[u8], name: &str) -> bool {
    let says = |choice: &[u8]| {
        if name.is_empty() {
            return !is_nothing(value(choice, "text"));
        }
        let said = value(choice, name);
        let mut members = json::members(said);
        members.any(|member| {
            !member.is_named("role") && said.get(member.value).is_some_and(|raw| !is_nothing(raw))
        })
    };
    !has_failed(choices) && elements(choices).any(says)
}

fn has_failed(choices: &[u8]) -> bool {
    elements(choices).any(|choice| value(choice, "finish_reason") == b"\"error\"")
}

fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    json::elements(list).filter_map(|span| list.get(span))
}

fn has_elements(list: &[u8]) -> bool {
    json::elements(list).next().is_some()
}

fn value<'t>(object: &'t [u8], name: &str) -> &'t [u8] {
    json::member(object, name).and_then(|span| object.get(span)).unwrap_or_default()
}

fn is_nothing(raw: &[u8]) -> bool {
    match raw.first() {
        None => true,
        Some(b'[') => !has_elements(raw),
        Some(b'{') => json::members(raw).next().is_none(),
        Some(_) => matches!(raw, b"null" | b"\"\""),
    }
}
