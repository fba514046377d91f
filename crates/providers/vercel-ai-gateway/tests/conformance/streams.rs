//! Streams in the gateway's shapes, and what must be read from each.

use trunkline_core::{ErrorKind, Operation};
use trunkline_testkit::conformance::{Ending, ErrorEvent, Readings, StreamedReply, anthropic};

const RESPONSES: &str = include_str!("responses.sse");
const RESPONSES_INCOMPLETE: &str = include_str!("responses_incomplete.sse");
const RESPONSES_FAILED: &str = include_str!("responses_failed.sse");
const MESSAGES: &str = include_str!("messages.sse");
const IMAGE_GENERATION: &str = include_str!("image_generation.sse");
const IMAGE_EDIT: &str = include_str!("image_edit.sse");

/// Streams of every operation that streams. Those of chat completions are the suite's own recordings.
pub(crate) fn streams() -> Vec<StreamedReply> {
    let billed = |text: &str, cost: &str, id: &str| {
        Readings::text(text).cost(cost).generation_id(format!("gen_01K8000000000000000000000{id}"))
    };
    let text = "Un café, 茶.";
    let image = |id| billed("iVBORw0KGgo=", "0.04", id).tokens(9, 196);
    let failed = Readings::text("").generation_id("gen_01K8000000000000000000000T");
    vec![
        StreamedReply::new(
            "vercel_responses",
            Operation::Responses,
            RESPONSES,
            billed(text, "0.0000190", "R").tokens(61, 32),
        ),
        StreamedReply::new(
            "vercel_responses_incomplete",
            Operation::Responses,
            RESPONSES_INCOMPLETE,
            billed("Un", "0.000001", "S").tokens(9, 1),
        ),
        StreamedReply::new("vercel_responses_failed", Operation::Responses, RESPONSES_FAILED, failed)
            .ending(Ending::TerminalFailure(ErrorKind::UpstreamRateLimited)),
        StreamedReply::new(
            "vercel_messages",
            Operation::Messages,
            MESSAGES,
            billed(text, "0.000495", "M").tokens(61, 32),
        ),
        StreamedReply::new("vercel_images", Operation::ImageGenerations, IMAGE_GENERATION, image("P")),
        StreamedReply::new("vercel_image_edits", Operation::ImageEdits, IMAGE_EDIT, image("Q")),
    ]
}

/// What Anthropic itself streams may come through the gateway, too. One of the recordings is the gateway's own.
pub(crate) fn recorded_messages() -> impl Iterator<Item = StreamedReply> {
    anthropic::fixtures().streams.into_iter().map(|mut stream| {
        if stream.name == "messages/empty_start" {
            stream.readings =
                stream.readings.cost("0.0001962").generation_id("gen_01K8000000000000000000000M");
        }
        stream
    })
}

/// What a stream that goes wrong says, in the dialect of each operation.
pub(crate) fn error_events() -> Vec<ErrorEvent> {
    let responses = r#"{"type":"error","sequence_number":1,"code":"rate_limit_exceeded","message":"Rate limit exceeded.","param":null}"#;
    let messages = |error_type: &str, message: &str| {
        let data = format!(r#"{{"type":"error","error":{{"type":"{error_type}","message":"{message}"}}}}"#);
        format!("event: error\ndata: {data}\n\n")
    };
    let quota = messages("quota_for_entity_exceeded", "Quota limit exceeded for u-7.");
    vec![
        ErrorEvent::new(format!("event: error\ndata: {responses}\n\n"), ErrorKind::UpstreamRateLimited)
            .of(Operation::Responses),
        ErrorEvent::new(messages("overloaded_error", "Overloaded"), ErrorKind::UpstreamFailed)
            .of(Operation::Messages),
        ErrorEvent::new(quota, ErrorKind::UpstreamQuotaExceeded).of(Operation::Messages),
    ]
}
