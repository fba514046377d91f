//! The events of a streamed response, in OpenAI's order, numbered from 0.

use super::super::events::{Event, Events, Failure};
use super::super::pieces::pieces;
use super::wire::{Item, Part, Response, ResponseError, StreamEvent, Usage};

/// How many characters one event carries of a text, and of what a tool is called with.
const TEXT_CHARACTERS: usize = 6;
const ARGUMENTS_CHARACTERS: usize = 8;

/// `response.created`, `in_progress`, each item with its deltas, and the whole response again.
pub(crate) fn events(response: &Response<'_>, usage: Option<Usage>) -> Events {
    let mut writer = Writer { events: Vec::new() };
    let beginning = Response {
        status: "in_progress",
        incomplete_details: None,
        output: &[],
        usage: None,
        provider_metadata: None,
        ..response.clone()
    };
    writer.push(&StreamEvent::Created { response: &beginning });
    writer.push(&StreamEvent::InProgress { response: &beginning });
    for (index, item) in response.output.iter().enumerate() {
        writer.item(index, item);
    }
    let whole = Response { usage, ..response.clone() };
    writer.push(&if response.incomplete_details.is_some() {
        StreamEvent::Incomplete { response: &whole }
    } else {
        StreamEvent::Completed { response: &whole }
    });
    let error = ResponseError { code: "server_error", message: "Service temporarily unavailable." };
    let failed = Response { status: "failed", error: Some(error), ..beginning.clone() };
    let failed = serde_json::to_string(&failed).unwrap_or_default();
    Events { events: writer.events, closing: 1, failure: Failure::Responses { failed } }
}

struct Writer {
    events: Vec<Event>,
}

impl Writer {
    /// Writes an event with its number behind its type, where OpenAI has it.
    fn push(&mut self, event: &StreamEvent<'_>) {
        let name = event.name();
        // Serialising our own wire structs into memory has nothing that could fail.
        let spelt = serde_json::to_string(event).unwrap_or_default();
        let rest = spelt.split_at_checked(format!(r#"{{"type":"{name}""#).len()).map_or("", |(_, rest)| rest);
        let number = self.events.len();
        let data = format!(r#"{{"type":"{name}","sequence_number":{number}{rest}"#);
        self.events.push(Event { name: Some(name), data });
    }

    fn item(&mut self, output_index: usize, item: &Item) {
        self.push(&StreamEvent::ItemAdded { output_index, item: opening(item) });
        let item_id = item.id();
        match item {
            Item::Reasoning { summary, .. } => {
                for (summary_index, part) in summary.iter().enumerate() {
                    self.summary(item_id, output_index, summary_index, part);
                }
            }
            Item::Message { content, .. } => {
                for (content_index, part) in content.iter().enumerate() {
                    self.text(item_id, output_index, content_index, part);
                }
            }
            Item::FunctionCall { arguments, name, .. } => {
                for delta in pieces(arguments, ARGUMENTS_CHARACTERS) {
                    self.push(&StreamEvent::ArgumentsDelta { item_id, output_index, delta });
                }
                self.push(&StreamEvent::ArgumentsDone { item_id, output_index, name, arguments });
            }
            Item::CustomToolCall { input, .. } => {
                for delta in pieces(input, ARGUMENTS_CHARACTERS) {
                    self.push(&StreamEvent::InputDelta { item_id, output_index, delta });
                }
                self.push(&StreamEvent::InputDone { item_id, output_index, input });
            }
            Item::Compaction { .. } => {}
        }
        self.push(&StreamEvent::ItemDone { output_index, item });
    }

    fn summary(&mut self, item_id: &str, output_index: usize, summary_index: usize, part: &Part) {
        let empty = Part::SummaryText { text: String::new() };
        self.push(&StreamEvent::SummaryPartAdded { item_id, output_index, summary_index, part: empty });
        let text = text_of(part);
        for delta in pieces(text, TEXT_CHARACTERS) {
            self.push(&StreamEvent::SummaryDelta { item_id, output_index, summary_index, delta });
        }
        self.push(&StreamEvent::SummaryDone { item_id, output_index, summary_index, text });
        self.push(&StreamEvent::SummaryPartDone { item_id, output_index, summary_index, part });
    }

    fn text(&mut self, item_id: &str, output_index: usize, content_index: usize, part: &Part) {
        let empty = Part::output_text("");
        self.push(&StreamEvent::PartAdded { item_id, output_index, content_index, part: empty });
        let text = text_of(part);
        for delta in pieces(text, TEXT_CHARACTERS) {
            let logprobs = [];
            self.push(&StreamEvent::TextDelta { item_id, output_index, content_index, delta, logprobs });
        }
        self.push(&StreamEvent::TextDone { item_id, output_index, content_index, text, logprobs: [] });
        self.push(&StreamEvent::PartDone { item_id, output_index, content_index, part });
    }
}

fn text_of(part: &Part) -> &str {
    match part {
        Part::SummaryText { text } | Part::OutputText { text, .. } => text,
    }
}

/// The item before anything of it was told.
fn opening(item: &Item) -> Item {
    let mut opening = item.clone();
    match &mut opening {
        Item::Reasoning { summary, encrypted_content, .. } => {
            summary.clear();
            if let Some(sealed) = encrypted_content {
                sealed.clear();
            }
        }
        Item::Message { status, content, .. } => {
            *status = "in_progress";
            content.clear();
        }
        Item::FunctionCall { status, arguments, .. } => {
            *status = "in_progress";
            arguments.clear();
        }
        Item::CustomToolCall { status, input, .. } => {
            *status = "in_progress";
            input.clear();
        }
        Item::Compaction { .. } => {}
    }
    opening
}
