//! Whatever an upstream sends, the readers answer: they neither panic nor count what is not there.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use trunkline_core::{Document, Operation};
use trunkline_openai::chat::{ChatChunk, ChatRequest, ChatResponse};
use trunkline_openai::embeddings::EmbeddingResponse;
use trunkline_openai::wire;
use trunkline_provider::{Probe as _, Sight};

/// Everything that reads what an upstream sends, on the same bytes.
fn read_all(data: &[u8]) {
    let status = StatusCode::BAD_REQUEST;
    assert!(!wire::error_body(status, data).message.is_empty());
    assert!(!wire::classify(status, &HeaderMap::new(), data).message.is_empty());
    let usage = wire::usage(data);
    assert!(usage.is_none_or(|usage| usage.total() < u64::MAX / 2));
    let _ = wire::cost(data);
    let _ = wire::is_usage_only(data);
    let _ = wire::stream_failure(data);
    let _ = wire::models(Bytes::copy_from_slice(data));
    let _ = wire::response_object(data);
    for operation in Operation::ALL {
        let _ = wire::Probe::new(operation).reading_cost().event(data);
        let _ = wire::ResponsesProbe::new(operation).reading_cost().event(data);
    }
    let _ = serde_json::from_slice::<ChatChunk>(data);
    if let Ok(document) = Document::parse(data.to_vec()) {
        for operation in Operation::ALL {
            let _ = wire::Probe::new(operation).document(&document);
            let _ = wire::ResponsesProbe::new(operation).document(&document);
        }
        let _ = ChatResponse::from_document(&document);
        let _ = EmbeddingResponse::from_document(&document);
    }
}

/// JSON made of the names that the readers look for, nested and typed at random.
fn json() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "usage",
        "choices",
        "response",
        "output",
        "error",
        "message",
        "type",
        "code",
        "data",
        "id",
        "name",
        "value",
        "detail",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "cost",
        "delta",
        "finish_reason",
        "status",
        "error_message",
        "metadata",
        "raw",
        "content",
        "tool_calls",
        "embedding",
        "index",
        "pricing",
    ]);
    let leaf = prop::sample::select(vec![
        "null",
        "true",
        "0",
        "-1",
        "12.0",
        "1e400",
        "1e-400",
        "429",
        "18446744073709551616",
        "\"\"",
        "\"error\"",
        "\"429\"",
        "\"failed\"",
        "\"response.completed\"",
        "\"response.failed\"",
        "\"speech.audio.done\"",
        "\"{\\\"error\\\":{\\\"message\\\":\\\"x\\\"}}\"",
        "\"\\ud83d\\ude00\"",
        "[]",
        "{}",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 64, 6, move |inner| {
        let members = prop::collection::vec((name.clone(), inner.clone()), 0..6).prop_map(|members| {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        });
        let elements = prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(",")));
        prop_oneof![3 => members, 1 => elements]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_answered(data in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&data);
    }

    #[test]
    fn any_json_is_answered(text in json()) {
        read_all(text.as_bytes());
    }

    #[test]
    fn json_cut_anywhere_is_answered(text in json(), cut in any::<prop::sample::Index>()) {
        let end = cut.index(text.len() + 1);
        read_all(&text.as_bytes()[..end]);
    }

    #[test]
    fn the_quick_search_misses_nothing(text in json()) {
        // What the probe passes over without reading has no failure and no usage at its top.
        let mut probe = wire::Probe::new(Operation::ChatCompletions);
        if let (Sight::Nothing, Ok(document)) = (probe.event(text.as_bytes()), Document::parse(text.clone())) {
            prop_assert!(wire::stream_failure(text.as_bytes()).is_none());
            let has_usage = document.raw("usage").is_some_and(|usage| usage.starts_with(b"{"));
            prop_assert!(!has_usage);
        }
    }

    #[test]
    fn a_request_that_is_read_is_written_again(text in json()) {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"a"}}],"x":{text}}}"#);
        let Ok(request) = serde_json::from_str::<ChatRequest>(&body) else {
            return Ok(());
        };
        let document = request.clone().into_document().expect("it was read, so that it can be written");
        let again: ChatRequest = serde_json::from_slice(&document.to_bytes()).expect("a request");
        prop_assert_eq!(request, again);
    }
}
