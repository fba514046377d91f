//! Tests of what the probe sees.

use trunkline_core::{ErrorKind, ServiceTier, Usage};

use super::*;

fn probe() -> MessagesProbe {
    MessagesProbe::new(Operation::Messages)
}

fn tokens(uncached_input: u64, output: u64) -> Option<Usage> {
    Some(Usage { uncached_input, output, ..Usage::default() })
}

/// What a probe sees in these events, one after the other. `None` stands for nothing.
fn seen(mut probe: MessagesProbe, events: &[&str]) -> Vec<Option<Observation>> {
    let look = |event: &&str| match probe.event(event.as_bytes()) {
        Sight::Nothing => None,
        Sight::Observed(observation) => Some(observation),
        Sight::Failed(failure) => panic!("{event}: {failure:?}"),
    };
    events.iter().map(look).collect()
}

fn observed(usage: Option<Usage>) -> Option<Observation> {
    Some(Observation { usage, ..Observation::default() })
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"usage":{"input_tokens":25,"output_tokens":1}}}"#;
const EMPTY_START: &str =
    r#"{"type":"message_start","message":{"id":"gen_1","usage":{"input_tokens":0,"output_tokens":0}}}"#;
const DELTA: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

#[test]
fn a_stream_to_its_end() {
    let end = Some(Observation { terminal: true, ..Observation::default() });
    assert_eq!(
        seen(probe(), &[START, r#"{"type": "ping"}"#, DELTA, STOP]),
        [observed(tokens(25, 1)), None, observed(tokens(25, 15)), end]
    );
}

#[test]
fn a_start_without_counts_tells_nothing() {
    let delta = r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":30,"output_tokens":15}}"#;
    assert_eq!(seen(probe(), &[EMPTY_START, delta]), [None, observed(tokens(30, 15))]);
}

#[test]
fn the_id_is_kept_for_who_asks() {
    let first = seen(probe().keeping_id(), &[EMPTY_START]).remove(0).expect("an observation");
    assert_eq!((first.generation_id.as_deref(), first.usage), (Some("gen_1"), None));
    let first = seen(probe(), &[START]).remove(0).expect("an observation");
    assert_eq!(first.generation_id, None);
}

#[test]
fn the_order_of_members_and_white_space_do_not_matter() {
    let end = Some(Observation { terminal: true, ..Observation::default() });
    let delta = "{ \"usage\": {\"output_tokens\": 2},\n \"type\" : \"message_delta\" }";
    let look = seen(probe(), &[delta, r#"{"x":1,"type" : "message_stop"}"#]);
    assert_eq!(look, [observed(tokens(0, 2)), end]);
}

#[test]
fn what_looks_alike_is_nothing() {
    let events = [
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"{\"type\":\"message_stop\"}"}}"#,
        r#"{"index":0,"delta":{"type":"message_stop","usage":{"output_tokens":9}},"type":"content_block_delta"}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"error","error":{}}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"refusal"}}"#,
        r#"{"type":"message_start"}"#,
        r#"{"type":"of_next_year","usage":{"output_tokens":9},"error":{"type":"api_error"}}"#,
        r#"{"type":7}"#,
        r#"{"type":"message_stop""#,
        r#"{"type":"message_stop","x":{}"#,
        "[DONE]",
        "",
        "not json",
    ];
    assert_eq!(seen(probe(), &events), vec![None; events.len()]);
}

#[test]
fn errors_inside_the_stream() {
    let check = |data: &str, expected: ErrorKind| match probe().event(data.as_bytes()) {
        Sight::Failed(failure) => assert_eq!(failure.kind, expected, "{data}"),
        other => panic!("{data}: {other:?}"),
    };
    check(
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        ErrorKind::UpstreamFailed,
    );
    check(
        r#"{"error":{"details":null,"type":"rate_limit_error","message":"m"},"type": "error"}"#,
        ErrorKind::UpstreamRateLimited,
    );
    check(r#"{"error":{"message":"proxy"}}"#, ErrorKind::UpstreamFailed);
}

fn document(operation: Operation, body: &'static str) -> Result<Observation, ErrorKind> {
    let document = Document::parse(body.as_bytes()).expect("a document");
    MessagesProbe::new(operation).keeping_id().document(&document).map_err(|failure| failure.kind)
}

#[test]
fn whole_replies() {
    let message = r#"{"id":"msg_1","type":"message","content":[],"stop_reason":"refusal","usage":{"input_tokens":5,"output_tokens":2}}"#;
    let expected =
        Observation { usage: tokens(5, 2), generation_id: Some("msg_1".into()), ..Observation::default() };
    assert_eq!(document(Operation::Messages, message), Ok(expected));
    let count = r#"{"input_tokens":2095}"#;
    assert_eq!(document(Operation::CountTokens, count), Ok(Observation::default()));
}

#[test]
fn a_success_that_is_none() {
    let body = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    for operation in [Operation::Messages, Operation::CountTokens] {
        assert_eq!(document(operation, body), Err(ErrorKind::UpstreamFailed));
        assert_eq!(document(operation, r#"{"error":"down"}"#), Err(ErrorKind::UpstreamFailed));
    }
}

#[test]
fn how_it_was_served_is_told_at_the_start_and_kept() {
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":5,"service_tier":"standard","speed":"fast"}}}"#;
    let delta = r#"{"type":"message_delta","usage":{"output_tokens":2}}"#;
    let tiers: Vec<_> = seen(probe(), &[start, delta])
        .into_iter()
        .map(|seen| seen.and_then(|seen| seen.service_tier))
        .collect();
    assert_eq!(tiers, [Some(ServiceTier::FastMode); 2]);
    let whole = document(
        Operation::Messages,
        r#"{"type":"message","usage":{"input_tokens":5,"output_tokens":2,"service_tier":"priority"}}"#,
    );
    assert_eq!(whole.map(|seen| seen.service_tier), Ok(Some(ServiceTier::Priority)));
}
