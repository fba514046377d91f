//! Fixtures of an upstream that speaks OpenAI's dialect, for every provider that passes it on.
//!
//! The streams of chats and of Responses are the [recordings]. What is read from them is told by a reader of its own,
//! which decodes whole JSON documents and shares nothing with a provider.

mod media;
mod responses;

use bytes::Bytes;
use serde_json::Value;
use trunkline_core::{ErrorKind, Operation};

use super::{Catalogue, Ending, ErrorEvent, Fixtures, Readings, Refusal, StreamedReply, WholeReply};
use crate::recordings::{self, Recording, StreamEnd};

pub use responses::recorded as recorded_response;

const CHAT: &str = r#"{"id":"chatcmpl-C0ffee","object":"chat.completion","created":1790000001,"model":"gpt-4.1-nano-2025-04-14","choices":[{"index":0,"message":{"role":"assistant","content":"Un café, 茶.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":61,"completion_tokens":32,"total_tokens":93,"prompt_tokens_details":{"cached_tokens":60,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_04f2c1a9d7"}
"#;

const COMPLETION: &str = r#"{"id":"cmpl-C0ffee","object":"text_completion","created":1790000001,"model":"gpt-3.5-turbo-instruct","choices":[{"text":"\n\nUn caf\u00e9, 茶.","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":8,"total_tokens":20}}"#;

const EMBEDDINGS: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[-0.006929283,0.0053,-1e-05,1.0]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}"#;

const COMPLETION_STREAM: &str = concat!(
    r#"data: {"id":"cmpl-C0ffee","object":"text_completion","created":1790000001,"choices":[{"text":"Un ","index":0,"logprobs":null,"finish_reason":null}],"model":"gpt-3.5-turbo-instruct"}"#,
    "\n\n",
    r#"data: {"id":"cmpl-C0ffee","object":"text_completion","created":1790000001,"choices":[{"text":"café","index":0,"logprobs":null,"finish_reason":"stop"}],"model":"gpt-3.5-turbo-instruct"}"#,
    "\n\n",
    r#"data: {"id":"cmpl-C0ffee","object":"text_completion","created":1790000001,"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":8,"total_tokens":20},"model":"gpt-3.5-turbo-instruct"}"#,
    "\n\ndata: [DONE]\n\n",
);

const ERROR_EVENT: &str = "data: {\"error\":{\"message\":\"Rate limit reached.\",\"type\":\"rate_limit_error\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}\n\n";

const CATALOGUE: &str = r#"{"object":"list","data":[
    {"id":"gpt-4.1-nano","object":"model","created":1744321707,"owned_by":"openai"},
    {"id":"only-an-id"},
    {"id":"everything-is-odd","object":7,"created":"soon","owned_by":null,"context_window":"large","max_tokens":-1,"tags":"none","pricing":[],"next_year":{}},
    {"object":"model","created":1744321707,"owned_by":"nobody"},
    {"id":null},
    {"id":7},
    null,
    "a text",
    {"id":"with/a/slash","created":1.5}
]}"#;

/// The fixtures for these operations.
///
/// The recordings tell a cost and a generation id as the Vercel AI Gateway does. Both count for providers that
/// claim to report cost alone.
pub fn fixtures(operations: &[Operation]) -> Fixtures {
    let whole = whole_replies().into_iter().filter(|whole| operations.contains(&whole.operation));
    let streams = streamed_replies().into_iter().filter(|stream| operations.contains(&stream.operation));
    let own = |event: &ErrorEvent| event.operation.is_some_and(|operation| operations.contains(&operation));
    Fixtures {
        touched_members: vec!["stream_options".to_owned()],
        whole: whole.collect(),
        streams: streams.collect(),
        error_event: Some(ErrorEvent::new(ERROR_EVENT, ErrorKind::UpstreamRateLimited)),
        error_events: responses::error_events().into_iter().filter(own).collect(),
        refusals: refusals(),
        catalogue: Some(Catalogue::new(
            CATALOGUE,
            ["gpt-4.1-nano", "only-an-id", "everything-is-odd", "with/a/slash"],
        )),
        ..Fixtures::verbatim()
    }
}

fn whole_replies() -> Vec<WholeReply> {
    let chat = Readings::text("Un café, 茶.").tokens(61, 32);
    let completion = Readings::text("\n\nUn café, 茶.").tokens(12, 8);
    let mut replies = vec![
        WholeReply::new(Operation::ChatCompletions, CHAT, chat),
        WholeReply::new(Operation::Completions, COMPLETION, completion),
        WholeReply::new(Operation::Embeddings, EMBEDDINGS, Readings::text("").tokens(8, 0)),
    ];
    replies.extend(responses::whole_replies());
    replies.extend(media::whole_replies());
    replies
}

fn streamed_replies() -> Vec<StreamedReply> {
    let completion = Readings::text("Un café").tokens(12, 8);
    let completion =
        StreamedReply::new("text_completion", Operation::Completions, COMPLETION_STREAM, completion);
    let others = responses::streamed_replies().into_iter().chain(media::streamed_replies());
    recordings::all().iter().map(recorded).chain([completion]).chain(others).collect()
}

/// A recording of a chat completion, with what a reader that knows nothing of streaming reads from it.
pub fn recorded(recording: &Recording) -> StreamedReply {
    let ending = match recording.end {
        StreamEnd::Done => Ending::Complete,
        StreamEnd::Cut => Ending::Cut,
        // One of them relays the refusal of a prompt that is too long, the other one is a 503.
        StreamEnd::Error if recording.name == "relayed_error_event" => {
            Ending::Failed(ErrorKind::ContextWindowExceeded)
        }
        StreamEnd::Error => Ending::Failed(ErrorKind::UpstreamFailed),
    };
    let body = Bytes::from_static(recording.bytes);
    StreamedReply::new(recording.name, Operation::ChatCompletions, body, readings(recording)).ending(ending)
}

fn readings(recording: &Recording) -> Readings {
    let mut readings = Readings::text(recording.content);
    for chunk in chunks(recording.bytes) {
        let usage = &chunk["usage"];
        if let (Some(input), Some(output)) =
            (usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64())
        {
            readings = readings.tokens(input, output);
        }
        let gateway = &chunk["choices"][0]["delta"]["provider_metadata"]["gateway"];
        if let Some(cost) = gateway["gatewayCost"].as_str() {
            readings = readings.cost(cost);
        } else if let Some(cost) = usage["gateway_cost"].as_number() {
            readings = readings.cost(cost.to_string());
        }
        if let Some(id) = chunk["id"].as_str() {
            readings = readings.generation_id(id);
        }
    }
    readings
}

/// Every payload of a stream that is JSON.
fn chunks(stream: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(stream);
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let events = text.split("\n\n").map(|event| {
        let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
        lines.collect::<Vec<_>>().join("\n")
    });
    events.filter_map(|payload| serde_json::from_str(&payload).ok()).collect()
}

/// Refusals as OpenAI words them.
fn refusals() -> Vec<Refusal> {
    let refusal = |status, kind, message: &str, error_type: &str, code: &str| {
        let code = if code.is_empty() { Value::Null } else { Value::from(code) };
        let error = serde_json::json!({"message": message, "type": error_type, "param": null, "code": code});
        Refusal::new(status, serde_json::json!({"error": error}).to_string(), kind).message(message)
    };
    use ErrorKind::{
        ContextWindowExceeded, UpstreamCredential, UpstreamFailed, UpstreamInvalidRequest, UpstreamNotFound,
        UpstreamRateLimited,
    };
    let invalid = "invalid_request_error";
    vec![
        refusal(400, UpstreamInvalidRequest, "Unknown parameter: 'x'.", invalid, ""),
        refusal(
            400,
            ContextWindowExceeded,
            "This model's maximum context length is 8192 tokens.",
            invalid,
            "context_length_exceeded",
        ),
        refusal(401, UpstreamCredential, "Incorrect API key provided.", invalid, "invalid_api_key"),
        refusal(404, UpstreamNotFound, "The model `x` does not exist.", invalid, "model_not_found"),
        refusal(429, UpstreamRateLimited, "Rate limit reached.", "requests", "rate_limit_exceeded"),
        refusal(500, UpstreamFailed, "The server had an error.", "server_error", ""),
        refusal(503, UpstreamFailed, "The engine is overloaded.", "service_unavailable_error", ""),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_read_to_their_bill() {
        let stream = recorded(recordings::by_name("text").unwrap());
        let expected = Readings::text("Hello from a recorded stream.")
            .tokens(61, 32)
            .cost("0.0000189")
            .generation_id("gen_01K8000000000000000000000A");
        assert_eq!(stream.readings, expected);
    }

    #[test]
    fn every_complete_recording_tells_tokens() {
        let complete = streamed_replies().into_iter().filter(|stream| stream.ending == Ending::Complete);
        let complete = complete.filter(|stream| stream.operation.reports_usage());
        for stream in complete {
            assert!(stream.readings.tokens.is_some(), "{}", stream.name);
        }
    }
}
