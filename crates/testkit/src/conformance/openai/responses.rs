//! Replies about Responses: the recorded streams, and whole ones.

use bytes::Bytes;
use trunkline_core::{ErrorKind, Operation};

use super::super::{Ending, ErrorEvent, Readings, StreamedReply, WholeReply};
use crate::recordings::responses::{self, ResponseEnd, ResponseStream};

const WHOLE: &str = r#"{"id":"resp_0recorded0000000000000000000000000000000000000b","object":"response","created_at":1790000001,"status":"completed","background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":"gpt-5-mini-2025-08-07","output":[{"id":"rs_0recorded0","type":"reasoning","encrypted_content":"gAAAAABrecordedZm9yZXZlcl9zZWFsZWQ==","summary":[]},{"id":"msg_0recorded1","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"Un caf\u00e9, "},{"type":"output_text","annotations":[],"logprobs":[],"text":"茶."}],"role":"assistant"}],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":"medium","summary":null},"store":false,"temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":{"input_tokens":61,"input_tokens_details":{"cached_tokens":60},"output_tokens":32,"output_tokens_details":{"reasoning_tokens":30},"total_tokens":93},"user":null,"metadata":{}}
"#;

const INCOMPLETE: &str = r#"{ "id": "resp_0recorded2", "object": "response", "created_at": 1790000001.0, "status": "incomplete", "error": null, "incomplete_details": {"reason": "max_output_tokens"}, "model": "m",
  "output": [{"id": "msg_1", "type": "message", "role": "assistant", "status": "incomplete", "content": [{"type": "output_text", "text": "Once", "annotations": []}]}],
  "usage": {"input_tokens": 20, "output_tokens": 16, "total_tokens": 36} }"#;

const COMPACTED: &str = r#"{"id":"resp_0recorded3","object":"response.compaction","created_at":1790000001,"output":[{"id":"msg_0","type":"message","status":"completed","role":"user","content":[{"type":"input_text","text":"Much."}]},{"id":"cmp_0","type":"compaction","encrypted_content":"gAAAAABrecorded=="}],"usage":{"input_tokens":139,"input_tokens_details":{"cached_tokens":0},"output_tokens":438,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":577}}"#;

const INPUT_TOKENS: &str = r#"{"object":"response.input_tokens","input_tokens":11}"#;

/// A response that failed is what was asked for, when it is looked up.
const STORED: &str = r#"{"id":"resp_0recorded4","object":"response","created_at":1790000001,"status":"failed","error":{"code":"server_error","message":"It was broken."},"incomplete_details":null,"model":"m","output":[],"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7}}"#;

const DELETED: &str = r#"{"id":"resp_0recorded4","object":"response","deleted":true}"#;

const CANCELLED: &str = r#"{"id":"resp_0recorded4","object":"response","created_at":1790000001,"status":"cancelled","background":true,"error":null,"incomplete_details":null,"model":"m","output":[],"usage":null}"#;

const INPUT_ITEMS: &str = r#"{"object":"list","data":[{"id":"msg_0","type":"message","role":"user","content":[{"type":"input_text","text":"Much."}]}],"first_id":"msg_0","last_id":"msg_0","has_more":false}"#;

const RATE_LIMITED: &str = "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"Rate limit reached.\",\"param\":null,\"sequence_number\":3}\n\n";

const TOO_LONG: &str = "data: {\"sequence_number\": 3, \"type\": \"error\", \"error\": {\"type\": \"invalid_request_error\", \"code\": \"context_length_exceeded\", \"message\": \"Your input exceeds the context window of this model.\"}}\n\n";

pub(super) fn whole_replies() -> Vec<WholeReply> {
    use Operation::{
        CancelResponse, CompactResponse, DeleteResponse, ListResponseInputItems, ResponseInputTokens,
        Responses, RetrieveResponse,
    };
    let silent = || Readings::text("");
    vec![
        WholeReply::new(Responses, WHOLE, Readings::text("Un café, 茶.").tokens(61, 32)),
        WholeReply::new(Responses, INCOMPLETE, Readings::text("Once").tokens(20, 16)),
        WholeReply::new(CompactResponse, COMPACTED, silent().tokens(139, 438)),
        WholeReply::new(ResponseInputTokens, INPUT_TOKENS, silent()),
        WholeReply::new(RetrieveResponse, WHOLE, Readings::text("Un café, 茶.")),
        WholeReply::new(RetrieveResponse, STORED, silent()),
        WholeReply::new(DeleteResponse, DELETED, silent()),
        WholeReply::new(CancelResponse, CANCELLED, silent()),
        WholeReply::new(ListResponseInputItems, INPUT_ITEMS, silent()),
    ]
}

/// The recordings, and one of them as it comes when it is looked up again: its tokens were paid for before.
pub(super) fn streamed_replies() -> Vec<StreamedReply> {
    let text = responses::by_name("text").map(|stream| StreamedReply {
        name: "responses/text, looked up".to_owned(),
        operation: Operation::RetrieveResponse,
        readings: Readings::text(stream.text),
        ..recorded(stream)
    });
    responses::all().iter().map(recorded).chain(text).collect()
}

/// A recording, with what must be read from it.
pub fn recorded(stream: &ResponseStream) -> StreamedReply {
    let ending = match stream.end {
        ResponseEnd::Completed | ResponseEnd::Incomplete => Ending::Complete,
        ResponseEnd::Failed if stream.name == "failed" => {
            Ending::TerminalFailure(ErrorKind::UpstreamRateLimited)
        }
        ResponseEnd::Failed => Ending::TerminalFailure(ErrorKind::UpstreamFailed),
        ResponseEnd::Error if stream.name == "nested_error_event" => {
            Ending::Failed(ErrorKind::ContextWindowExceeded)
        }
        ResponseEnd::Error => Ending::Failed(ErrorKind::UpstreamFailed),
        ResponseEnd::Cut => Ending::Cut,
    };
    let readings = Readings { tokens: stream.tokens, ..Readings::text(stream.text) };
    let name = format!("responses/{}", stream.name);
    StreamedReply::new(name, Operation::Responses, Bytes::from_static(stream.bytes), readings).ending(ending)
}

pub(super) fn error_events() -> Vec<ErrorEvent> {
    let events = |operation| {
        [
            ErrorEvent::new(RATE_LIMITED, ErrorKind::UpstreamRateLimited).of(operation),
            ErrorEvent::new(TOO_LONG, ErrorKind::ContextWindowExceeded).of(operation),
        ]
    };
    [events(Operation::Responses), events(Operation::RetrieveResponse)].concat()
}
