//! Tests of what the probe sees in replies about Responses.

use trunkline_core::{Document, ErrorKind, Observation, Operation, Usage};
use trunkline_provider::{Probe as _, Sight};

use super::*;

fn tokens(uncached_input: u64, output: u64) -> Option<Usage> {
    Some(Usage { uncached_input, output, ..Usage::default() })
}

fn look(data: &str) -> Sight {
    ResponsesProbe::new(Operation::Responses).event(data.as_bytes())
}

fn check(data: &str, expected: &Observation) {
    match look(data) {
        Sight::Observed(observation) => assert_eq!(&observation, expected, "{data}"),
        other => panic!("{data}: {other:?}"),
    }
}

fn check_nothing(data: &str) {
    assert!(matches!(look(data), Sight::Nothing), "{data}");
}

fn check_failed(data: &str, expected: ErrorKind) {
    match look(data) {
        Sight::Failed(failure) => assert_eq!(failure.kind, expected, "{data}"),
        other => panic!("{data}: {other:?}"),
    }
}

#[test]
fn the_end_tells_usage() {
    let expected = Observation {
        usage: Some(Usage { cache_read: 4, reasoning: 2, ..tokens(5, 1).unwrap() }),
        terminal: true,
        ..Observation::default()
    };
    let response = r#"{"id":"resp_1","error":null,"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":12}}"#;
    check(
        &format!(r#"{{"type":"response.completed","sequence_number":9,"response":{response}}}"#),
        &expected,
    );
    check(&format!(r#"{{"response":{response},"type":"response.completed"}}"#), &expected);
    check(&format!(r#"{{"type": "response.incomplete", "response": {response}}}"#), &expected);
}

#[test]
fn a_response_that_failed_says_so_and_goes_on() {
    let check = |error: &str, kind| {
        let data = format!(
            r#"{{"type":"response.failed","response":{{"id":"r","error":{error},"usage":{{"input_tokens":3,"output_tokens":0}}}}}}"#
        );
        let expected =
            Observation { usage: tokens(3, 0), terminal: true, failed: Some(kind), ..Observation::default() };
        check(&data, &expected);
    };
    check(r#"{"code":"server_error","message":"broken"}"#, ErrorKind::UpstreamFailed);
    check(r#"{"code":"rate_limit_exceeded","message":"slow"}"#, ErrorKind::UpstreamRateLimited);
    check(r#"{"code":"context_length_exceeded","message":"long"}"#, ErrorKind::ContextWindowExceeded);
    check(r#"{"code":"insufficient_quota","message":"spent"}"#, ErrorKind::UpstreamQuotaExceeded);
    check(r#"{"code":"invalid_prompt","message":"no"}"#, ErrorKind::UpstreamInvalidRequest);
    check(r#"{"code":"image_too_large","message":"no"}"#, ErrorKind::UpstreamInvalidRequest);
    check(r#"{"code":"image_content_policy_violation","message":"no"}"#, ErrorKind::ContentPolicy);
    check("null", ErrorKind::UpstreamFailed);
}

#[test]
fn most_events_hold_nothing() {
    check_nothing(r#"{"type":"response.output_text.delta","delta":"response.completed"}"#);
    check_nothing(r#"{"delta":"response.completed","type":"response.output_text.delta"}"#);
    check_nothing(r#"{"delta":"{\"type\":\"response.completed\"}","type":"response.output_text.delta"}"#);
    check_nothing(r#"{"type":"response.created","response":{"id":"resp_1","error":null,"usage":null}}"#);
    check_nothing(r#"{"response":{"error":null},"type":"response.created"}"#);
    check_nothing(r#"{"type":"keepalive","sequence_number":3}"#);
    check_nothing(r#"{"type":"response.completed","response":{"id":"resp_1","usage":{"input_tokens":1}"#);
    check_nothing("[DONE]");
    check_nothing("");
}

#[test]
fn an_error_event_is_its_http_twin() {
    check_failed(
        r#"{"type":"error","code":"rate_limit_exceeded","message":"slow","param":null,"sequence_number":4}"#,
        ErrorKind::UpstreamRateLimited,
    );
    check_failed(
        r#"{"type":"error","error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"long"}}"#,
        ErrorKind::ContextWindowExceeded,
    );
    check_failed(
        r#"{"sequence_number":2,"type":"error","code":null,"message":"odd"}"#,
        ErrorKind::UpstreamFailed,
    );
    check_failed(r#"{"error":{"message":"slow","code":429}}"#, ErrorKind::UpstreamRateLimited);
}

fn document(operation: Operation, body: &'static str) -> Result<Observation, ErrorKind> {
    let document = Document::parse(body.as_bytes()).expect("a document");
    ResponsesProbe::new(operation).document(&document).map_err(|failure| failure.kind)
}

#[test]
fn whole_responses() {
    let read = document(
        Operation::Responses,
        r#"{"id":"r","object":"response","status":"incomplete","error":null,"output":[],"usage":{"input_tokens":5,"output_tokens":2}}"#,
    );
    assert_eq!(read.map(|seen| seen.usage), Ok(tokens(5, 2)));
    let queued = r#"{"id":"r","object":"response","status":"queued","error":null,"output":[],"usage":null}"#;
    assert_eq!(document(Operation::Responses, queued), Ok(Observation::default()));
    let counted = r#"{"object":"response.input_tokens","input_tokens":11}"#;
    assert_eq!(document(Operation::ResponseInputTokens, counted), Ok(Observation::default()));
}

const FAILED: &str = r#"{"id":"r","object":"response","status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"},"output":[],"usage":{"input_tokens":5,"output_tokens":2}}"#;

#[test]
fn a_whole_response_that_failed_is_a_failure_but_for_who_looks_it_up() {
    assert_eq!(document(Operation::Responses, FAILED), Err(ErrorKind::UpstreamRateLimited));
    let told = Observation { failed: Some(ErrorKind::UpstreamRateLimited), ..Observation::default() };
    assert_eq!(document(Operation::RetrieveResponse, FAILED), Ok(told.clone()));
    assert_eq!(document(Operation::CancelResponse, FAILED), Ok(told));
    let queued = r#"{"id":"r","object":"response","status":"queued","error":null,"output":[]}"#;
    assert_eq!(document(Operation::RetrieveResponse, queued), Ok(Observation::default()));
    let none = r#"{"error":{"message":"no such response","type":"invalid_request_error","code":null}}"#;
    assert_eq!(document(Operation::RetrieveResponse, none), Err(ErrorKind::UpstreamInvalidRequest));
}

#[test]
fn what_is_looked_up_again_is_not_paid_again() {
    let event = br#"{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":5,"output_tokens":2,"cost":0.5}}}"#;
    let seen = |operation| match ResponsesProbe::new(operation).reading_cost().event(event) {
        Sight::Observed(seen) => seen,
        other => panic!("{other:?}"),
    };
    let first = seen(Operation::Responses);
    let spend = first.cost.and_then(|cost| cost.spend()).map(|spend| spend.to_string());
    assert_eq!((first.usage, spend.as_deref()), (tokens(5, 2), Some("0.5")));
    assert_eq!(first.generation_id.as_deref(), Some("r"));
    let again = seen(Operation::RetrieveResponse);
    assert_eq!(again, Observation { terminal: true, ..Observation::default() });
}

#[test]
fn the_tier_that_served_is_told() {
    let tier = Ok(Some(ServiceTier::Flex));
    let usage = r#""usage":{"input_tokens":5,"output_tokens":2},"service_tier":"flex""#;
    let whole =
        r#"{"id":"resp_1","output":[],"usage":{"input_tokens":5,"output_tokens":2},"service_tier":"flex"}"#;
    assert_eq!(document(Operation::Responses, whole).map(|seen| seen.service_tier), tier);
    let end = format!(r#"{{"type":"response.completed","response":{{"id":"resp_1",{usage}}}}}"#);
    let Sight::Observed(seen) = look(&end) else { panic!("it ends") };
    assert_eq!(Ok(seen.service_tier), tier);
}
