//! What a collector is sent, read by the types that OpenTelemetry makes of its own definitions.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;
use trunkline_core::ErrorKind;
use trunkline_export::Standing;
use trunkline_gateway::{Outcome, Record, Recorder};
use trunkline_testkit::upstream::{Script, ScriptedUpstream, UpstreamRequest};

use crate::records::{broken, full, plain};
use crate::running::{Running, collector, quick};

/// What arrives of these records, in one request.
async fn requested(records: &[Record]) -> UpstreamRequest {
    let receiver = ScriptedUpstream::start([Script::reply(200, &[], "")]).await.expect("a port");
    let running = Running::start(collector(&receiver.url()), &quick());
    records.iter().for_each(|record| running.exporter.settled(record));
    let standing = running.end().await;
    let expected = Standing { name: "otel", sent: records.len() as u64, ..Standing::default() };
    assert_eq!(standing, expected);
    receiver.requests().remove(0)
}

fn decoded(request: &UpstreamRequest) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(request.body.clone()).expect("protobuf")
}

async fn spans(records: &[Record]) -> Vec<Span> {
    let mut request = decoded(&requested(records).await);
    request.resource_spans.remove(0).scope_spans.remove(0).spans
}

fn shown(value: &AnyValue) -> String {
    match value.value.as_ref().expect("a value") {
        Value::StringValue(text) => format!("{text:?}"),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        Value::ArrayValue(list) => {
            format!("[{}]", list.values.iter().map(shown).collect::<Vec<_>>().join(" "))
        }
        other => panic!("{other:?}"),
    }
}

fn lines(attributes: &[KeyValue]) -> Vec<String> {
    let line = |pair: &KeyValue| format!("{} = {}", pair.key, shown(pair.value.as_ref().expect("a value")));
    attributes.iter().map(line).collect()
}

/// From the start of the first span, in milliseconds.
fn times(spans: &[Span]) -> Vec<(u64, u64)> {
    let since = |time: u64| (time - spans[0].start_time_unix_nano) / 1_000_000;
    spans.iter().map(|span| (since(span.start_time_unix_nano), since(span.end_time_unix_nano))).collect()
}

#[tokio::test]
async fn a_collector_is_told_who_sends() {
    let request = requested(&[plain("call-1")]).await;
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/v1/traces"));
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(request.header("api-key"), Some("k"));
    let all = decoded(&request).resource_spans;
    let resource = all[0].resource.as_ref().expect("a resource");
    assert_eq!(lines(&resource.attributes), [r#"service.name = "trunk""#]);
    let scope = all[0].scope_spans[0].scope.as_ref().expect("a scope");
    assert_eq!((scope.name.as_str(), scope.version.as_str()), ("trunkline", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_request_is_a_span_and_each_attempt_one_below_it() {
    let spans = spans(&[full("call-1")]).await;
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["chat fast", "chat gpt-4o-mini", "chat gpt-4o-mini", "chat gpt-4o"]);
    let root = &spans[0];
    assert_eq!((root.kind, root.parent_span_id.len()), (SpanKind::Server as i32, 0));
    assert_eq!((root.trace_id.len(), root.span_id.len()), (16, 8));
    for child in &spans[1..] {
        assert_eq!((child.kind, &child.trace_id), (SpanKind::Client as i32, &root.trace_id));
        assert_eq!(child.parent_span_id, root.span_id);
    }
    // The reply began at 50 ms, 40 ms after it was asked for; the first attempts are cut off at the start.
    assert_eq!(times(&spans), [(0, 1500), (0, 0), (0, 10), (10, 1500)]);
    let states: Vec<i32> =
        spans.iter().map(|span| span.status.as_ref().map_or(0, |status| status.code)).collect();
    assert_eq!(states, [0, StatusCode::Error as i32, 0, 0]);
}

#[tokio::test]
async fn a_request_bears_the_names_of_the_conventions() {
    let spans = spans(&[full("call-1")]).await;
    assert_eq!(
        lines(&spans[0].attributes),
        [
            r#"gen_ai.operation.name = "chat""#,
            r#"gen_ai.provider.name = "openai""#,
            r#"gen_ai.request.model = "fast""#,
            r#"gen_ai.response.model = "gpt-4o""#,
            r#"gen_ai.response.id = "chatcmpl-1""#,
            "gen_ai.usage.input_tokens = 15",
            "gen_ai.usage.output_tokens = 7",
            "gen_ai.usage.cache_read.input_tokens = 5",
            "http.response.status_code = 200",
            r#"http.route = "/v1/chat/completions""#,
            r#"enduser.id = "customer-7""#,
            r#"trunkline.call_id = "call-1""#,
            r#"trunkline.outcome = "completed""#,
            "trunkline.streamed = true",
            "trunkline.cache_hit = false",
            r#"trunkline.model_group = "slow""#,
            r#"trunkline.deployment = "first""#,
            "trunkline.attempts = 3",
            "trunkline.retries = 1",
            "trunkline.fallbacks = 1",
            r#"trunkline.cost.usd = "0.111""#,
            "trunkline.cost.nanodollars = 111000000",
            r#"trunkline.cost.origin = "reported""#,
            "trunkline.usage.estimated = false",
            "trunkline.overhead_us = 2000",
            "trunkline.until_reply_us = 50000",
            r#"trunkline.tags = ["blue" "green"]"#,
        ]
    );
}

#[tokio::test]
async fn an_attempt_tells_what_became_of_it() {
    let spans = spans(&[full("call-1")]).await;
    let of_attempt = |group: &str, deployment: &str, model: &str, outcome: &str, rest: &[&str]| {
        let mut lines = vec![
            r#"gen_ai.operation.name = "chat""#.to_owned(),
            r#"gen_ai.provider.name = "openai""#.to_owned(),
            format!("gen_ai.request.model = {model:?}"),
            format!("trunkline.model_group = {group:?}"),
            format!("trunkline.deployment = {deployment:?}"),
            format!("trunkline.attempt.outcome = {outcome:?}"),
        ];
        lines.extend(rest.iter().map(|&line| line.to_owned()));
        lines
    };
    let failed = [r#"error.type = "upstream_failed""#, "http.response.status_code = 503"];
    let given_up = [r#"trunkline.cost.usd = "0.001""#, "trunkline.cost.nanodollars = 1000000"];
    let expected = [
        of_attempt("fast", "of-fast", "gpt-4o-mini", "failed", &failed),
        of_attempt("fast", "of-fast", "gpt-4o-mini", "given_up", &given_up),
        of_attempt("slow", "first", "gpt-4o", "answered", &[]),
    ];
    let found: Vec<Vec<String>> = spans[1..].iter().map(|span| lines(&span.attributes)).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_failure_is_an_error_unless_it_is_the_callers() {
    let mistaken = Record {
        outcome: Some(Outcome::Failed(ErrorKind::InvalidRequest)),
        failed_attempts: Vec::new(),
        ..broken("call-2")
    };
    let spans = spans(&[broken("call-1"), mistaken]).await;
    let found: Vec<(&str, i32)> = spans
        .iter()
        .map(|span| (span.name.as_str(), span.status.as_ref().map_or(0, |status| status.code)))
        .collect();
    let error = StatusCode::Error as i32;
    assert_eq!(found, [("chat fast", error), ("chat gpt-4o-mini", error), ("chat fast", 0)]);
    let lines = lines(&spans[0].attributes);
    for expected in [r#"error.type = "upstream_failed""#, "http.response.status_code = 502"] {
        assert!(lines.iter().any(|line| line == expected), "{lines:?}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("gen_ai.response")), "nobody answered: {lines:?}");
    assert_ne!(spans[0].trace_id, spans[2].trace_id);
}

#[tokio::test]
async fn what_a_collector_rejects_of_a_batch_is_lost_and_what_it_does_not_like_is_not_sent_again() {
    let partial_success =
        Some(ExportTracePartialSuccess { rejected_spans: 2, error_message: "too old".to_owned() });
    let partial = ExportTraceServiceResponse { partial_success }.encode_to_vec();
    let receiver = ScriptedUpstream::start([Script::reply(200, &[], partial), Script::json(500, "")]);
    let receiver = receiver.await.expect("a port");
    let running = Running::start(collector(&receiver.url()), &quick());
    (0..5).for_each(|_| running.exporter.settled(&plain("x")));
    receiver.wait_for_requests(1).await;
    running.exporter.settled(&plain("y"));
    let standing = running.end().await;
    let expected = Standing { name: "otel", sent: 3, lost: 3, failed_posts: 1, ..Standing::default() };
    assert_eq!(standing, expected);
}

#[tokio::test]
async fn the_docs_name_every_attribute() {
    let page = include_str!("../../../docs/export.md");
    let spans = spans(&[full("call-1"), broken("call-2")]).await;
    let keys: Vec<&str> =
        spans.iter().flat_map(|span| &span.attributes).map(|pair| pair.key.as_str()).collect();
    let unnamed: Vec<&&str> = keys.iter().filter(|key| !page.contains(&format!("`{key}`"))).collect();
    assert!(keys.len() > 60 && unnamed.is_empty(), "{unnamed:?}");
}
