//! Replies that are kept and given again, as a gateway does it.

mod conversions;
mod flights;
mod keys;
mod properties;
mod recording;
mod tenants;

use trunkline_cache::{CacheKey, Kept, Question};
use trunkline_core::{Document, Event, Observation, Operation};

const CHAT: Operation = Operation::ChatCompletions;

fn document(text: &str) -> Document {
    Document::parse(text.to_owned()).expect("a document")
}

fn question<'q>(tenant: &'q str, document: &'q Document) -> Question<'q> {
    Question { tenant, namespace: None, operation: CHAT, group: "fast", further: &[], document }
}

fn key(tenant: &str, body: &str) -> CacheKey {
    CacheKey::of(&question(tenant, &document(body)))
}

fn chat_reply(text: &str) -> Kept {
    let body = serde_json::json!({
        "id": "chatcmpl-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
    });
    Kept::whole(CHAT, &document(&body.to_string()), Observation::default()).expect("it says something")
}

/// The payloads of events, as text.
fn payloads(events: &[Event]) -> Vec<String> {
    let data = events.iter().filter_map(Event::data);
    data.map(|data| String::from_utf8(data.to_vec()).expect("text")).collect()
}
