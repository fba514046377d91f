//! The events of a streamed message, in Anthropic's order.

use serde_json::value::RawValue;

use super::super::events::{Event, Events, Failure};
use super::super::pieces::pieces;
use super::wire::{Block, Delta, Message, Stop, StreamEvent, Usage};

/// How many characters one event carries of a text, and of a tool's input.
const TEXT_CHARACTERS: usize = 6;
const INPUT_CHARACTERS: usize = 8;

/// `message_start`, each block with its deltas, `message_delta` with all the numbers, `message_stop`.
pub(crate) fn events(
    message: &Message<'_>,
    start_usage: Usage,
    usage: Option<Usage>,
    request_id: &str,
) -> Events {
    let mut events = Vec::new();
    let mut push = |event: &StreamEvent<'_>| events.push(Event::named(event.name(), event));
    push(&StreamEvent::MessageStart {
        message: Message {
            content: &[],
            stop_reason: None,
            stop_sequence: None,
            usage: start_usage,
            provider_metadata: None,
            ..*message
        },
    });
    for (index, block) in message.content.iter().enumerate() {
        push(&StreamEvent::ContentBlockStart { index, content_block: opening(block) });
        if index == 0 {
            push(&StreamEvent::Ping);
        }
        for delta in deltas(block) {
            push(&StreamEvent::ContentBlockDelta { index, delta });
        }
        push(&StreamEvent::ContentBlockStop { index });
    }
    let delta = Stop { stop_reason: message.stop_reason, stop_sequence: message.stop_sequence };
    push(&StreamEvent::MessageDelta { delta, usage, provider_metadata: message.provider_metadata });
    push(&StreamEvent::MessageStop);
    Events { events, closing: 2, failure: Failure::Messages { request_id: request_id.to_owned() } }
}

/// The block before its deltas. What is redacted has none and comes whole.
fn opening(block: &Block) -> Block {
    match block {
        Block::Thinking { .. } => Block::Thinking { thinking: String::new(), signature: String::new() },
        Block::RedactedThinking { data } => Block::RedactedThinking { data: data.clone() },
        Block::Text { .. } => Block::Text { text: String::new() },
        Block::ToolUse { id, name, .. } => {
            let input = RawValue::from_string("{}".to_owned()).expect("an empty object is JSON");
            Block::ToolUse { id: id.clone(), name: name.clone(), input }
        }
    }
}

fn deltas(block: &Block) -> Vec<Delta<'_>> {
    match block {
        Block::Thinking { thinking, signature } => pieces(thinking, TEXT_CHARACTERS)
            .map(|thinking| Delta::ThinkingDelta { thinking })
            .chain([Delta::SignatureDelta { signature }])
            .collect(),
        Block::RedactedThinking { .. } => Vec::new(),
        Block::Text { text } => pieces(text, TEXT_CHARACTERS).map(|text| Delta::TextDelta { text }).collect(),
        Block::ToolUse { input, .. } => [""]
            .into_iter()
            .chain(pieces(input.get(), INPUT_CHARACTERS))
            .map(|partial_json| Delta::InputJsonDelta { partial_json })
            .collect(),
    }
}
