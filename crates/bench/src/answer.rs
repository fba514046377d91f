//! Scripted answers, written out once as the bytes that go over the wire.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::script::Script;

/// The tokens of every answer. Whoever reads it at the end of a reply has got the whole of it.
pub(crate) const END_MARKER: &[u8] = b"8765431";

/// What events say in turn. LiteLLM ends a stream that says the same a hundred times.
const TOKENS: [&str; 8] = [" the", " sea", " and", " sky", " are", " two", " old", " men"];

/// The head and the writes of an answer, and how long after one another they go out.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) writes: Vec<Bytes>,
    pub(crate) every: Option<Duration>,
}

impl Answer {
    /// The answer to a call of `model`. `usage` tells whether a stream is to end with its usage.
    pub(crate) fn new(script: Script, model: &str, usage: bool) -> Self {
        match script {
            Script::Whole { bytes } => Self::at_once(whole(200, &completion(model, bytes))),
            Script::Embeddings { bytes } => Self::at_once(whole(200, &embeddings(model, bytes))),
            Script::Fault { .. } => Self::at_once(whole(200, &completion(model, 200))),
            Script::Stream { events, a_write, reasoning } => {
                let events = chunks(model, events, reasoning, usage);
                Self { writes: stream(&events, a_write), every: None }
            }
            Script::Paced { events, every_ms } => {
                let events = chunks(model, events, false, usage);
                Self { writes: stream(&events, 1), every: Some(Duration::from_millis(every_ms)) }
            }
        }
    }

    /// A refusal as OpenAI words it.
    pub(crate) fn refusal(status: u16, message: &str) -> Self {
        let error = json!({"message": message, "type": "server_error", "param": null, "code": null});
        Self::at_once(whole(status, &json!({ "error": error }).to_string()))
    }

    /// A list of nothing, for whoever looks around.
    pub(crate) fn empty_list() -> Self {
        Self::at_once(whole(200, r#"{"object":"list","data":[]}"#))
    }

    fn at_once(bytes: Bytes) -> Self {
        Self { writes: vec![bytes], every: None }
    }
}

fn whole(status: u16, body: &str) -> Bytes {
    let length = body.len();
    Bytes::from(format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\n\
         content-length: {length}\r\n\r\n{body}"
    ))
}

fn completion(model: &str, bytes: usize) -> String {
    // Written by hand: a map would sort its members, and real upstreams end with usage.
    let content = filler(bytes);
    let total: u64 = 8_765_431;
    format!(
        r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"{model}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}"}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{},"completion_tokens":40,"total_tokens":{total}}}}}"#,
        total - 40
    )
}

fn embeddings(model: &str, bytes: usize) -> String {
    const FIGURE: &str = "-0.01234567,";
    const DIMENSIONS: usize = 1536;
    let rows = (bytes / (FIGURE.len() * DIMENSIONS)).max(1);
    let vector = FIGURE.repeat(DIMENSIONS);
    let vector = vector.trim_end_matches(',');
    let row = |index| format!(r#"{{"object":"embedding","index":{index},"embedding":[{vector}]}}"#);
    let rows: Vec<String> = (0..rows).map(row).collect();
    let rows = rows.join(",");
    format!(
        r#"{{"object":"list","data":[{rows}],"model":"{model}","usage":{{"prompt_tokens":8765431,"total_tokens":8765431}}}}"#
    )
}

/// The events of a stream: so many chunks, the last of which ends the choice; usage where it is asked for; the end.
fn chunks(model: &str, events: usize, reasoning: bool, usage: bool) -> Vec<String> {
    let chunk = |rest: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"{model}\",{rest}}}\n\n"
        )
    };
    let delta = |index: usize| {
        let member = if reasoning && index.is_multiple_of(2) { "reasoning" } else { "content" };
        let token = TOKENS[index % TOKENS.len()];
        chunk(&format!(r#""choices":[{{"index":0,"delta":{{"{member}":"{token}"}},"finish_reason":null}}]"#))
    };
    let mut written: Vec<String> = (1..events).map(delta).collect();
    written.push(chunk(r#""choices":[{"index":0,"delta":{},"finish_reason":"stop"}]"#));
    if usage {
        written.push(chunk(
            r#""choices":[],"usage":{"prompt_tokens":40,"completion_tokens":8765391,"total_tokens":8765431}"#,
        ));
    }
    written.push("data: [DONE]\n\n".to_owned());
    written
}

/// Each event is a chunk of its own, as an upstream sends that flushes each; `a_write` of them leave together.
fn stream(events: &[String], a_write: usize) -> Vec<Bytes> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req_bench\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let mut writes = Vec::new();
    for together in events.chunks(a_write) {
        let mut text = if writes.is_empty() { head.to_owned() } else { String::new() };
        for event in together {
            text.push_str(&format!("{:x}\r\n{event}\r\n", event.len()));
        }
        writes.push(text);
    }
    if let Some(last) = writes.last_mut() {
        last.push_str("0\r\n\r\n");
    }
    writes.into_iter().map(Bytes::from).collect()
}

/// Prose of so many bytes.
fn filler(bytes: usize) -> String {
    "The quick brown fox jumps over it. ".chars().cycle().take(bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{Body, Head};

    fn payload(answer: &Answer) -> String {
        let bytes = answer.writes.concat();
        let head = Head::parse(&bytes).expect("a head").expect("whole");
        let (mut body, mut seen) = (Body::new(head.framing), Vec::new());
        body.feed(&bytes[head.bytes..], &mut |part| seen.extend_from_slice(part)).expect("a body");
        assert!(body.is_complete());
        String::from_utf8(seen).expect("text")
    }

    #[test]
    fn whole_answers_are_json_of_the_size_that_is_asked_for() {
        let answer = Answer::new(Script::Whole { bytes: 200 }, "whole-200", false);
        let value: serde_json::Value = serde_json::from_str(&payload(&answer)).expect("JSON");
        assert_eq!(value["choices"][0]["message"]["content"].as_str().map(str::len), Some(200));
        assert_eq!(value["usage"]["total_tokens"], 8_765_431);
        let answer = Answer::new(Script::Embeddings { bytes: 1_000_000 }, "embed-1000000", false);
        let text = payload(&answer);
        assert!((900_000..1_100_000).contains(&text.len()), "{}", text.len());
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    #[test]
    fn streams_have_as_many_events_and_writes_as_asked() {
        let script = Script::Stream { events: 20, a_write: 4, reasoning: true };
        let answer = Answer::new(script, "m", false);
        assert_eq!(answer.writes.len(), 6, "21 events with the end, 4 a write");
        let text = payload(&answer);
        assert_eq!(text.matches("\n\n").count(), 21);
        assert_eq!(text.matches("\"reasoning\"").count(), 9);
        assert!(text.ends_with("data: [DONE]\n\n"));
        assert_eq!(payload(&Answer::new(script, "m", true)).matches("\n\n").count(), 22);
        let paced = Answer::new(Script::Paced { events: 3, every_ms: 20 }, "m", false);
        assert_eq!((paced.writes.len(), paced.every), (4, Some(Duration::from_millis(20))));
    }
}
