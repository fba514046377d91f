//! Fixtures of an upstream that speaks Anthropic's dialect, for every provider that passes it on.
//!
//! The streams are the recordings of [`messages`], with what stands in their index.

use bytes::Bytes;
use http::HeaderName;
use trunkline_core::{ErrorKind, Operation, Retry};

use super::{Catalogue, Ending, ErrorEvent, Fixtures, Readings, Refusal, StreamedReply, WholeReply};
use crate::recordings::StreamEnd;
use crate::recordings::messages::{self, Message};

const TEXT: &str = r#"{"model":"claude-sonnet-4-5-20250929","id":"msg_01Recorded0000000000B","type":"message","role":"assistant","content":[{"type":"text","text":"Un café, 茶."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":100,"cache_read_input_tokens":2000,"cache_creation":{"ephemeral_5m_input_tokens":60,"ephemeral_1h_input_tokens":40},"output_tokens":9,"service_tier":"standard"}}
"#;

const THINKING_AND_TOOLS: &str = r#"{ "id": "msg_01Recorded0000000000C", "type": "message", "role": "assistant", "model": "claude-opus-4-1-20250805",
  "content": [
    {"type": "thinking", "thinking": "27 \u00d7 453", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds+\/4f=="},
    {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP"},
    {"type": "text", "text": "I'll look."},
    {"type": "tool_use", "id": "toolu_01Recorded00000000D", "name": "get_weather", "input": {"location": "Troms\u00f8", "days": 1.0}}
  ],
  "stop_reason": "tool_use", "stop_sequence": null, "context_management": {"applied_edits": []},
  "usage": {"input_tokens": 472, "output_tokens": 91, "output_tokens_details": {"thinking_tokens": 40}} }"#;

const COUNT: &str = r#"{"input_tokens":2095,"context_management":{"original_input_tokens":3000}}"#;

const CATALOGUE: &str = r#"{"data":[
    {"type":"model","id":"claude-sonnet-4-5-20250929","display_name":"Claude Sonnet 4.5","created_at":"2025-09-29T00:00:00Z"},
    {"id":"only-an-id"},
    {"type":7,"id":"everything-is-odd","display_name":{},"created_at":1759104000,"max_tokens":"many","capabilities":null},
    {"type":"model","display_name":"Nobody","created_at":"2025-09-29T00:00:00Z"},
    {"id":null},
    {"id":7},
    null,
    "a text",
    {"id":"with/a/slash","created_at":"soon"}
],"has_more":false,"first_id":"claude-sonnet-4-5-20250929","last_id":"with/a/slash"}"#;

const OVERLOADED: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";

const TOO_LONG: &str = "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"invalid_request_error\", \"message\": \"prompt is too long: 201000 tokens > 200000 maximum\"}}\n\n";

/// The fixtures for Messages and counts of tokens, of an upstream that takes a key as `x-api-key`.
pub fn fixtures() -> Fixtures {
    let error_event = |text, kind| ErrorEvent::new(text, kind).of(Operation::Messages);
    Fixtures {
        credential_header: HeaderName::from_static("x-api-key"),
        whole: vec![
            WholeReply::new(Operation::Messages, TEXT, Readings::text("Un café, 茶.").tokens(2112, 9)),
            WholeReply::new(
                Operation::Messages,
                THINKING_AND_TOOLS,
                Readings::text("I'll look.").tokens(472, 91),
            ),
            WholeReply::new(Operation::CountTokens, COUNT, Readings::text("")),
        ],
        streams: messages::all().iter().map(recorded).collect(),
        error_events: vec![
            error_event(OVERLOADED, ErrorKind::UpstreamFailed),
            error_event(TOO_LONG, ErrorKind::ContextWindowExceeded),
        ],
        refusals: refusals(),
        catalogue: Some(Catalogue::new(
            CATALOGUE,
            ["claude-sonnet-4-5-20250929", "only-an-id", "everything-is-odd", "with/a/slash"],
        )),
        ..Fixtures::verbatim()
    }
}

/// A recording, with what must be read from it.
pub fn recorded(message: &Message) -> StreamedReply {
    let ending = match message.end {
        StreamEnd::Done => Ending::Complete,
        StreamEnd::Cut => Ending::Cut,
        StreamEnd::Error if message.name == "error_at_once" => Ending::Failed(ErrorKind::UpstreamRateLimited),
        StreamEnd::Error => Ending::Failed(ErrorKind::UpstreamFailed),
    };
    let readings = Readings { tokens: message.tokens, ..Readings::text(message.text) };
    let name = format!("messages/{}", message.name);
    StreamedReply::new(name, Operation::Messages, Bytes::from_static(message.bytes), readings).ending(ending)
}

/// Refusals as Anthropic words them.
fn refusals() -> Vec<Refusal> {
    use ErrorKind::{
        ContextWindowExceeded, UpstreamCredential, UpstreamFailed, UpstreamForbidden, UpstreamInvalidRequest,
        UpstreamNotFound, UpstreamQuotaExceeded, UpstreamRateLimited, UpstreamTimeout,
    };
    let refusal = |status, kind, error_type: &str, message: &str| {
        let error = serde_json::json!({"type": error_type, "message": message});
        let body = serde_json::json!({"type": "error", "error": error, "request_id": "req_011Recorded"});
        Refusal::new(status, body.to_string(), kind).message(message)
    };
    let invalid = "invalid_request_error";
    vec![
        refusal(400, UpstreamInvalidRequest, invalid, "max_tokens: Field required"),
        refusal(400, ContextWindowExceeded, invalid, "prompt is too long: 201000 tokens > 200000 maximum"),
        refusal(
            400,
            UpstreamCredential,
            invalid,
            "Your credit balance is too low to access the Anthropic API.",
        ),
        refusal(400, UpstreamQuotaExceeded, invalid, "You have reached your specified API usage limits."),
        refusal(401, UpstreamCredential, "authentication_error", "invalid x-api-key"),
        refusal(402, UpstreamCredential, "billing_error", "There is an issue with your payment details."),
        refusal(403, UpstreamForbidden, "permission_error", "Your API key lacks this permission."),
        refusal(404, UpstreamNotFound, "not_found_error", "model: claude-0"),
        refusal(413, UpstreamInvalidRequest, "request_too_large", "Request exceeds the maximum size"),
        refusal(429, UpstreamRateLimited, "rate_limit_error", "This request would exceed your rate limit."),
        refusal(500, UpstreamFailed, "api_error", "Internal server error"),
        refusal(504, UpstreamTimeout, "timeout_error", "The request took too long."),
        refusal(529, UpstreamFailed, "overloaded_error", "Overloaded").retry(Retry::SameTarget),
    ]
}
