//! Whatever an upstream sends, the readers answer: they neither panic nor count what is not there.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use trunkline_anthropic::wire;
use trunkline_core::{Document, Observation, Operation};
use trunkline_provider::{Probe as _, Sight};

/// Everything that reads what an upstream sends, on the same bytes.
fn read_all(data: &[u8]) {
    let status = StatusCode::BAD_REQUEST;
    assert!(!wire::error_body(status, data).message.is_empty());
    assert!(!wire::classify(status, &HeaderMap::new(), data).message.is_empty());
    let usage = wire::usage(data);
    assert!(usage.is_none_or(|usage| usage.total() < u64::MAX / 2));
    let _ = wire::models(Bytes::copy_from_slice(data));
    let mut probe = wire::MessagesProbe::new(Operation::Messages).keeping_id();
    match (probe.event(data), wire::stream_failure(data)) {
        (Sight::Failed(seen), Some(told)) => assert_eq!(seen, told),
        (Sight::Failed(seen), None) => panic!("a failure that nobody told: {seen:?}"),
        (_, Some(told)) => panic!("a failure that was passed over: {told:?}"),
        (Sight::Nothing | Sight::Observed(_), None) => {}
    }
    if let Ok(document) = Document::parse(data.to_vec()) {
        for operation in [Operation::Messages, Operation::CountTokens] {
            let _ = wire::MessagesProbe::new(operation).document(&document);
        }
    }
}

/// JSON made of the names that the readers look for, nested and typed at random.
fn json() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "type",
        "type",
        "message",
        "usage",
        "error",
        "id",
        "details",
        "error_code",
        "code",
        "detail",
        "data",
        "display_name",
        "created_at",
        "max_tokens",
        "input_tokens",
        "output_tokens",
        "output_tokens_details",
        "thinking_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
        "ephemeral_5m_input_tokens",
        "iterations",
        "delta",
        "content",
    ]);
    let leaf = prop::sample::select(vec![
        "null",
        "true",
        "0",
        "-1",
        "12.0",
        "1e400",
        "18446744073709551616",
        "9007199254740992",
        "\"\"",
        "\"error\"",
        "\"message\"",
        "\"message_start\"",
        "\"message_delta\"",
        "\"message_stop\"",
        "\"content_block_delta\"",
        "\"compaction\"",
        "\"overloaded_error\"",
        "\"2025-09-29T00:00:00Z\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
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

fn seen(events: &[&str]) -> Observation {
    let mut probe = wire::MessagesProbe::new(Operation::Messages).keeping_id();
    let mut seen = Observation::default();
    for event in events {
        if let Sight::Observed(observation) = probe.event(event.as_bytes()) {
            seen.absorb(observation);
        }
    }
    seen
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
    fn content_tells_nothing_wherever_its_type_stands(content in json()) {
        let first = format!(r#"{{"type":"content_block_delta","delta":{content}}}"#);
        let last = format!(r#"{{"delta":{content}, "type" : "content_block_delta"}}"#);
        prop_assert_eq!(seen(&[&first, &last]), Observation::default());
    }

    #[test]
    fn counts_told_twice_count_once(input in 0_u64..1 << 40, cached in 0_u64..1 << 40, output in 1_u64..1 << 40) {
        let usage = format!(
            r#"{{"input_tokens":{input},"cache_read_input_tokens":{cached},"output_tokens":{output}}}"#
        );
        let start = format!(r#"{{"type":"message_start","message":{{"id":"m","usage":{usage}}}}}"#);
        let delta = format!(r#"{{"type":"message_delta","usage":{usage}}}"#);
        let told = seen(&[&start, &delta, &delta]).usage.expect("there are counts");
        prop_assert_eq!((told.input(), told.all_output()), (input + cached, output));
        prop_assert_eq!(wire::usage(usage.as_bytes()), Some(told));
    }

    #[test]
    fn any_header_is_answered(reset in "[ -~]{0,40}", remaining in "0|5|[ -~]{0,5}") {
        let mut headers = HeaderMap::new();
        let value = |text: &str| HeaderValue::from_str(text).expect("it is visible ASCII");
        headers.insert("anthropic-ratelimit-tokens-reset", value(&reset));
        headers.insert("anthropic-ratelimit-tokens-remaining", value(&remaining));
        headers.insert("retry-after", value(&remaining));
        let failure = wire::classify(StatusCode::TOO_MANY_REQUESTS, &headers, b"");
        prop_assert!(!failure.message.is_empty());
    }
}
