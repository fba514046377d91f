//! The events of a streamed answer, in the order in which the gateway was recorded.

use super::chat::Completed;
use super::events::{Event, Events, Failure};
use super::pieces::pieces;
use super::wire::{Chunk, ChunkChoice, Delta, FunctionDelta, ToolCallDelta, Usage};

/// How many characters of text, and of a tool call's arguments, one event carries.
const TEXT_CHARACTERS: usize = 6;
const ARGUMENTS_CHARACTERS: usize = 8;

/// Role, reasoning, text, images, tool calls, one finish event with all the numbers, `[DONE]`.
pub(crate) fn events(completed: &Completed, usage_only_chunk: bool) -> Events {
    let mut writer = Writer { completed, events: Vec::new() };
    writer.delta(Delta { role: Some("assistant"), ..Delta::default() });
    writer.reasoning();
    let answer = &completed.generated.answer;
    for piece in pieces(answer.text.as_deref().unwrap_or_default(), TEXT_CHARACTERS) {
        writer.delta(Delta { content: Some(piece), ..Delta::default() });
    }
    if !answer.images.is_empty() {
        writer.delta(Delta { images: &answer.images, ..Delta::default() });
    }
    writer.tool_calls();
    let usage = completed.usage.as_ref();
    writer.finish(usage.filter(|_| !usage_only_chunk));
    if usage_only_chunk {
        writer.push(&[], usage, false);
    }
    writer.events.push(Event::unnamed("[DONE]"));
    Events { events: writer.events, closing: 2, failure: Failure::Chat }
}

struct Writer<'a> {
    completed: &'a Completed,
    events: Vec<Event>,
}

impl<'a> Writer<'a> {
    fn delta(&mut self, delta: Delta<'a>) {
        self.push(&[ChunkChoice { index: 0, delta, logprobs: None, finish_reason: None }], None, false);
    }

    fn reasoning(&mut self) {
        let shown = self.completed.generated.answer.reasoning.as_ref().filter(|reasoning| reasoning.shown);
        let Some(reasoning) = shown else { return };
        for piece in pieces(&reasoning.text, TEXT_CHARACTERS) {
            let details = [reasoning.text_detail(piece)];
            self.delta(Delta {
                reasoning: Some(piece),
                reasoning_details: Some(details),
                ..Delta::default()
            });
        }
        if let Some(last) = reasoning.last_detail() {
            self.delta(Delta { reasoning_details: Some([last]), ..Delta::default() });
        }
    }

    fn tool_calls(&mut self) {
        for (index, call) in self.completed.generated.answer.tool_calls.iter().enumerate() {
            let function = FunctionDelta { name: Some(&call.function.name), arguments: "" };
            let opening = ToolCallDelta { index, id: Some(&call.id), kind: Some(call.kind), function };
            self.delta(Delta { tool_calls: Some([opening]), ..Delta::default() });
            for arguments in pieces(&call.function.arguments, ARGUMENTS_CHARACTERS) {
                let function = FunctionDelta { name: None, arguments };
                let fragment = ToolCallDelta { index, id: None, kind: None, function };
                self.delta(Delta { tool_calls: Some([fragment]), ..Delta::default() });
            }
        }
    }

    fn finish(&mut self, usage: Option<&Usage>) {
        let delta =
            Delta { provider_metadata: Some(&self.completed.generated.settled.metadata), ..Delta::default() };
        let finish_reason = Some(self.completed.generated.answer.finish_reason);
        self.push(&[ChunkChoice { index: 0, delta, logprobs: None, finish_reason }], usage, true);
    }

    fn push(&mut self, choices: &[ChunkChoice<'_>], usage: Option<&Usage>, finish: bool) {
        let completed = self.completed;
        let generated = &completed.generated;
        let chunk = Chunk {
            id: &generated.settled.id,
            object: "chat.completion.chunk",
            created: generated.settled.created,
            model: &generated.settled.route.served,
            choices,
            usage,
            system_fingerprint: &completed.system_fingerprint,
            service_tier: completed.service_tier().filter(|_| finish),
            generation_id: finish.then_some(generated.settled.id.as_str()),
        };
        // Serialising our own wire structs into memory has nothing that could fail.
        self.events.push(Event::unnamed(serde_json::to_string(&chunk).unwrap_or_default()));
    }
}
