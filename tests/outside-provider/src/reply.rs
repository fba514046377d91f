//! From Carillon's answers, whole and in pieces, to replies in OpenAI's dialect.

use bytes::Bytes;
use serde_json::{Value, json};
use trunkline_core::{Document, ErrorKind, Event, InclusiveUsage, Observation, Usage};
use trunkline_provider::{Decoder, Failure};

use crate::failure::refusal;
use crate::wire::{Answer, End, Head, Piece, Refusal};

/// Translates one reply.
#[derive(Debug, Default)]
pub(crate) struct CarillonDecoder {
    /// What the first piece said; every chunk repeats it.
    head: Option<Head>,
}

impl Decoder for CarillonDecoder {
    fn event(&mut self, data: &[u8]) -> Result<Vec<Event>, Failure> {
        let piece = serde_json::from_slice(data).map_err(|_| protocol("an event that cannot be read"))?;
        match piece {
            Piece::Opened(head) => {
                let first = chunk(&head, &json!({"role": "assistant", "content": ""}), &Value::Null);
                self.head = Some(head);
                Ok(vec![event(&first)])
            }
            Piece::Text { text } => {
                Ok(vec![event(&chunk(self.head()?, &json!({"content": text}), &Value::Null))])
            }
            Piece::Closed(end) => Ok(closing(self.head()?, &end)),
            Piece::Failed(refused) => Err(refusal(None, &refused)),
            Piece::Unknown => Ok(Vec::new()),
        }
    }

    fn document(&mut self, body: Bytes) -> Result<(Document, Observation), Failure> {
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| no_answer(&body))?;
        let usage = usage(&answer.end);
        let message = json!({"role": "assistant", "content": answer.text, "refusal": null});
        let mut reply = envelope(&answer.head, "chat.completion");
        reply["choices"] = json!([{
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": finish_reason(&answer.end),
        }]);
        reply["usage"] = usage_object(&usage);
        let document =
            Document::from_serialize(&reply).map_err(|_| protocol("an answer that cannot be translated"))?;
        Ok((document, Observation { usage: Some(usage), ..Observation::default() }))
    }
}

impl CarillonDecoder {
    fn head(&self) -> Result<&Head, Failure> {
        self.head.as_ref().ok_or_else(|| protocol("a piece before the one that opens the answer"))
    }
}

/// The last three events: why the answer ended, the tokens, and the end itself.
fn closing(head: &Head, end: &End) -> Vec<Event> {
    let last = event(&chunk(head, &json!({}), &json!(finish_reason(end))));

    let usage = usage(end);
    let mut tokens = envelope(head, "chat.completion.chunk");
    tokens["choices"] = json!([]);
    tokens["usage"] = usage_object(&usage);
    let mut tokens = event(&tokens);
    // `usage_only` lets the gateway withhold the event from callers who did not ask for it.
    tokens.set_observation(Observation { usage: Some(usage), usage_only: true, ..Observation::default() });

    let mut done = Event::from_payload(b"[DONE]");
    done.set_observation(Observation { terminal: true, ..Observation::default() });
    vec![last, tokens, done]
}

fn envelope(head: &Head, object: &str) -> Value {
    json!({"id": head.ticket, "object": object, "created": head.at, "model": head.model})
}

fn chunk(head: &Head, delta: &Value, finish_reason: &Value) -> Value {
    let mut chunk = envelope(head, "chat.completion.chunk");
    chunk["choices"] =
        json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]);
    chunk
}

fn event(chunk: &Value) -> Event {
    Event::from_payload(chunk.to_string().as_bytes())
}

fn finish_reason(end: &End) -> &'static str {
    match end.stopped.as_str() {
        "limit" => "length",
        "guard" => "content_filter",
        _ => "stop",
    }
}

/// Buckets that do not overlap, out of counts that do.
fn usage(end: &End) -> Usage {
    Usage::from_inclusive(&InclusiveUsage {
        input: end.metered.read,
        cache_read: end.metered.reread,
        output: end.metered.written,
        ..InclusiveUsage::default()
    })
}

fn usage_object(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input(),
        "completion_tokens": usage.all_output(),
        "total_tokens": usage.total(),
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
    })
}

/// What is no answer may be a refusal that came with a success's status.
fn no_answer(body: &[u8]) -> Failure {
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refused) => refusal(None, &refused),
        Err(_) => protocol("something that is no answer"),
    }
}

fn protocol(what: &str) -> Failure {
    Failure::new(ErrorKind::UpstreamProtocol, format!("carillon sent {what}"))
}
