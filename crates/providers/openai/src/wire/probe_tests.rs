//! Tests of what the probe sees.

use trunkline_core::{Document, ErrorKind, Observation, Operation, Usage};
use trunkline_provider::{Probe as _, Sight};

use super::*;

fn look(data: &str) -> Sight {
    Probe::new(Operation::ChatCompletions).event(data.as_bytes())
}

fn check_nothing(data: &str) {
    assert!(matches!(look(data), Sight::Nothing), "{data}");
}

fn check(data: &str, expected: &Observation) {
    match look(data) {
        Sight::Observed(observation) => assert_eq!(&observation, expected, "{data}"),
        other => panic!("{data}: {other:?}"),
    }
}

fn tokens(uncached_input: u64, output: u64) -> Option<Usage> {
    Some(Usage { uncached_input, output, ..Usage::default() })
}

#[test]
fn the_end() {
    let expected = Observation { terminal: true, ..Observation::default() };
    check("[DONE]", &expected);
    check(" [DONE]", &expected);
}

#[test]
fn plain_events_hold_nothing() {
    check_nothing(
        r#"{"id":"1","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}],"usage":null}"#,
    );
    check_nothing(r#"{"choices":[{"delta":{"content":"the key \"usage\":{} and \"error\":{}"}}]}"#);
    check_nothing(r#"{"choices":[{"delta":{"content":"usage"}}],"x":"usage"}"#);
    check_nothing(r#"{"choices":[{"delta":{"content":"error"}}],"error":null}"#);
    check_nothing(r#"{"id":"1","model":"m"}"#);
    check_nothing(
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"usage\": {\"a\":1}}"}}]}}]}"#,
    );
    check_nothing("");
    check_nothing("not json");
}

#[test]
fn usage_alone_and_with_the_last_choice() {
    check(
        r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#,
        &Observation { usage: tokens(5, 2), usage_only: true, ..Observation::default() },
    );
    check(
        "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}], \"usage\" :\n{\"prompt_tokens\":5,\"completion_tokens\":2}}",
        &Observation { usage: tokens(5, 2), ..Observation::default() },
    );
}

#[test]
fn usage_in_other_places() {
    let expected = Observation { usage: tokens(5, 2), ..Observation::default() };
    check(r#"{"choices":[{"delta":{},"usage":{"prompt_tokens":5,"completion_tokens":2}}]}"#, &expected);
    check(
        r#"{"choices":[{"delta":{}}],"x_groq":{"usage":{"prompt_tokens":5,"completion_tokens":2}}}"#,
        &expected,
    );
}

#[test]
fn errors_inside_the_stream() {
    for data in [
        r#"{"error":{"message":"slow","code":429}}"#,
        r#"{"error" : {"message":"slow","type":"rate_limit_error"}}"#,
        r#"{"error":{"message":"slow","code":429},"choices":[{"delta":{},"finish_reason":"error"}]}"#,
    ] {
        match look(data) {
            Sight::Failed(failure) => assert_eq!(failure.kind, ErrorKind::UpstreamRateLimited, "{data}"),
            other => panic!("{data}: {other:?}"),
        }
    }
}

#[test]
fn cost_is_read_by_who_says_so() {
    let data =
        br#"{"id":"gen-1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"cost":0.25}}"#;
    let Sight::Observed(plain) = Probe::new(Operation::ChatCompletions).event(data) else {
        panic!("there is usage");
    };
    assert_eq!((plain.cost, plain.generation_id), (None, None));
    let Sight::Observed(billed) = Probe::new(Operation::ChatCompletions).reading_cost().event(data) else {
        panic!("there is usage");
    };
    let spend = billed.cost.and_then(|cost| cost.spend()).map(|amount| amount.to_string());
    assert_eq!(spend.as_deref(), Some("0.25"));
    assert_eq!(billed.generation_id.as_deref(), Some("gen-1"));
}

fn document(operation: Operation, body: &'static str) -> Result<Observation, ErrorKind> {
    let document = Document::parse(body.as_bytes()).expect("a document");
    Probe::new(operation).document(&document).map_err(|failure| failure.kind)
}

#[test]
fn whole_replies() {
    let chat = document(
        Operation::ChatCompletions,
        r#"{"choices":[{}],"error":null,"usage":{"prompt_tokens":5,"completion_tokens":2}}"#,
    );
    assert_eq!(chat.map(|seen| seen.usage), Ok(tokens(5, 2)));
    let embeddings =
        document(Operation::Embeddings, r#"{"data":[],"usage":{"prompt_tokens":3,"total_tokens":3}}"#);
    assert_eq!(embeddings.map(|seen| seen.usage), Ok(tokens(3, 0)));
    assert_eq!(document(Operation::ChatCompletions, r#"{"choices":[]}"#), Ok(Observation::default()));
}

#[test]
fn a_success_that_is_none() {
    for operation in Operation::ALL {
        assert_eq!(
            document(operation, r#"{"error":{"message":"slow","code":429}}"#),
            Err(ErrorKind::UpstreamRateLimited)
        );
        assert_eq!(document(operation, r#"{"error":"Unexpected endpoint"}"#), Err(ErrorKind::UpstreamFailed));
    }
}

#[test]
fn usage_only_is_an_empty_list_and_an_object() {
    assert!(is_usage_only(br#"{"choices":[ ],"usage":{}}"#));
    assert!(!is_usage_only(br#"{"choices":[],"usage":null}"#));
    assert!(!is_usage_only(br#"{"choices":[{}],"usage":{}}"#));
    assert!(!is_usage_only(br#"{"usage":{}}"#));
    assert!(!is_usage_only(b"[DONE]"));
}

#[test]
fn pictures_and_sound_end_with_their_own_events() {
    let usage = r#""usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7}"#;
    let expected = Observation { usage: tokens(5, 2), terminal: true, ..Observation::default() };
    for (operation, end, other) in [
        (Operation::ImageGenerations, "image_generation.completed", "image_generation.partial_image"),
        (Operation::ImageEdits, "image_edit.completed", "image_edit.partial_image"),
        (Operation::Transcriptions, "transcript.text.done", "transcript.text.delta"),
        (Operation::Speech, "speech.audio.done", "speech.audio.delta"),
    ] {
        let look = |data: &str| Probe::new(operation).event(data.as_bytes());
        for data in [format!(r#"{{"type":"{end}",{usage}}}"#), format!(r#"{{{usage},"type":"{end}"}}"#)] {
            match look(&data) {
                Sight::Observed(observation) => assert_eq!(observation, expected, "{data}"),
                other => panic!("{data}: {other:?}"),
            }
        }
        for data in [
            format!(r#"{{"type":"{other}","b64_json":"AAAA","delta":"{end}"}}"#),
            format!(r#"{{"type":"{end}",{usage}"#),
        ] {
            assert!(matches!(look(&data), Sight::Nothing), "{data}");
        }
        let error = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#;
        match look(error) {
            Sight::Failed(failure) => assert_eq!(failure.kind, ErrorKind::UpstreamRateLimited),
            other => panic!("{operation}: {other:?}"),
        }
    }
}

#[test]
fn a_transcription_in_chunks_ends_with_done() {
    let mut probe = Probe::new(Operation::Transcriptions);
    let chunk = r#"{"id":"t","object":"transcription.chunk","choices":[{"delta":{"content":"a"}}]}"#;
    assert!(matches!(probe.event(chunk.as_bytes()), Sight::Nothing));
    assert!(matches!(probe.event(b"[DONE]"), Sight::Observed(seen) if seen.terminal));
}

#[test]
fn whole_replies_of_other_operations() {
    let usage = |operation, body| document(operation, body).map(|seen| seen.usage);
    let cohere = r#"{"id":"r","results":[],"meta":{"billed_units":{"search_units":1},"tokens":{"input_tokens":30,"output_tokens":0}}}"#;
    assert_eq!(usage(Operation::RerankV2, cohere), Ok(tokens(30, 0)));
    let units = r#"{"id":"r","results":[],"meta":{"billed_units":{"search_units":1}}}"#;
    assert_eq!(usage(Operation::Rerank, units), Ok(None));
    let jina = r#"{"results":[],"usage":{"prompt_tokens":9,"total_tokens":9}}"#;
    assert_eq!(usage(Operation::Rerank, jina), Ok(tokens(9, 0)));
    let images = r#"{"created":1,"data":[{"b64_json":"AA"}],"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7}}"#;
    assert_eq!(usage(Operation::ImageEdits, images), Ok(tokens(5, 2)));
    let spoken = r#"{"text":"a","usage":{"type":"duration","seconds":3}}"#;
    assert_eq!(usage(Operation::Transcriptions, spoken), Ok(None));
    let answers =
        r#"{"model":"m","answers":{},"usage":{"inputTokens":4,"outputTokens":1},"providerMetadata":{}}"#;
    assert_eq!(usage(Operation::Evaluate, answers), Ok(tokens(4, 1)));
    let refused = r#"{"message":"invalid request: query: too_small"}"#;
    assert_eq!(document(Operation::Rerank, refused), Err(ErrorKind::UpstreamFailed));
}

#[test]
fn the_tier_that_served_is_told_with_the_usage() {
    check(
        r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2},"service_tier":"priority"}"#,
        &Observation {
            usage: tokens(5, 2),
            service_tier: Some(ServiceTier::Priority),
            usage_only: true,
            ..Observation::default()
        },
    );
    let whole = document(
        Operation::ChatCompletions,
        r#"{"choices":[{}],"usage":{"prompt_tokens":5,"completion_tokens":2},"service_tier":"flex"}"#,
    );
    assert_eq!(whole.map(|seen| seen.service_tier), Ok(Some(ServiceTier::Flex)));
}
