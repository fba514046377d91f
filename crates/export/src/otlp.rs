//! Rows as traces: a span for each request and one below it for each attempt, with the GenAI conventions' names.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use trunkline_core::{Cost, ErrorKind, Fault, Usage};
use trunkline_router::Attempt;

use crate::item::Item;
use crate::protobuf::{Message, Value, fields};
use crate::row::Row;
use crate::span::{self, Attributes, Frame, Kind};
use crate::trace_ids::TraceIds;

/// `ExportTraceServiceRequest` and what is in it.
const RESOURCE_SPANS: u32 = 1;
const RESOURCE: u32 = 1;
const RESOURCE_ATTRIBUTES: u32 = 1;
const SCOPE_SPANS: u32 = 2;
const SCOPE: u32 = 1;
const SCOPE_NAME: u32 = 1;
const SCOPE_VERSION: u32 = 2;
const SPANS: u32 = 2;

/// `ExportTraceServiceResponse`.
const PARTIAL_SUCCESS: u64 = 1;
const REJECTED_SPANS: u64 = 1;

/// Who the spans are of.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    name: Arc<str>,
    /// What ids are made with.
    ids: RandomState,
}

impl Service {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.into(), ids: RandomState::new() }
    }
}

/// The spans of these rows, in one request. The same rows give the same bytes.
pub(crate) fn body(service: &Service, items: &[Item]) -> Bytes {
    let mut request = Message::default();
    request.message(RESOURCE_SPANS, |all| {
        all.message(RESOURCE, |resource| {
            Attributes::new(resource, RESOURCE_ATTRIBUTES).text("service.name", Some(&service.name));
        });
        all.message(SCOPE_SPANS, |scoped| {
            scoped.message(SCOPE, |scope| {
                scope.text(SCOPE_NAME, "trunkline");
                scope.text(SCOPE_VERSION, env!("CARGO_PKG_VERSION"));
            });
            let rows = items.iter().filter_map(|item| item.request());
            rows.for_each(|row| trace(row, &service.ids, scoped));
        });
    });
    request.into_bytes().into()
}

/// How many spans a collector says that it did not take, of those that it was sent.
pub(crate) fn rejected(reply: &[u8]) -> u64 {
    let partial = fields(reply).find_map(|(field, value)| match value {
        Value::Bytes(partial) if field == PARTIAL_SUCCESS => Some(partial),
        _ => None,
    });
    let rejected = fields(partial.unwrap_or_default()).find_map(|(field, value)| match value {
        Value::Varint(rejected) if field == REJECTED_SPANS => Some(rejected),
        _ => None,
    });
    rejected.unwrap_or_default()
}

fn trace(row: &Row, key: &RandomState, scoped: &mut Message) {
    let mut ids = TraceIds::of(row, key);
    let (trace, root) = (ids.trace(), ids.span());
    let operation = operation_name(&row.operation);
    let name = span_name(operation, row.model.as_deref());
    let frame = Frame {
        trace,
        id: root,
        parent: None,
        name: &name,
        kind: Kind::Server,
        start: row.started(),
        end: row.ended,
        // What a caller did wrong is no error of the service.
        is_error: row.outcome.failure().is_some_and(|kind| kind.fault() != Fault::Caller),
    };
    span::write(scoped, SPANS, &frame, |attributes| request_attributes(row, operation, attributes));
    for tried in tries(row) {
        let name = span_name(operation, tried.model);
        let (start, end) = (tried.start, tried.end);
        let is_error = tried.attempt.is_some_and(|attempt| attempt.failure.is_some());
        let frame = Frame {
            id: ids.span(),
            parent: Some(root),
            name: &name,
            kind: Kind::Client,
            start,
            end,
            is_error,
            ..frame
        };
        span::write(scoped, SPANS, &frame, |attributes| attempt_attributes(&tried, operation, attributes));
    }
}

/// WHEN ADDING AN ATTRIBUTE: `docs/export.md` has a row for each.
fn request_attributes(row: &Row, operation: &str, attributes: &mut Attributes<'_>) {
    let (usage, identity) = (row.usage.as_ref(), row.identity.as_deref());
    let has_answered = row.upstream_duration.is_some();
    attributes.text("gen_ai.operation.name", Some(operation));
    attributes.text("gen_ai.provider.name", row.provider.as_deref().map(provider_name));
    attributes.text("gen_ai.request.model", row.model.as_deref());
    attributes.text("gen_ai.response.model", row.upstream_model.as_deref().filter(|_| has_answered));
    attributes.text("gen_ai.response.id", row.generation_id.as_deref());
    attributes.number("gen_ai.usage.input_tokens", usage.map(Usage::input));
    attributes.number("gen_ai.usage.output_tokens", usage.map(Usage::all_output));
    let told = |tokens: fn(&Usage) -> u64| usage.map(tokens).filter(|tokens| *tokens > 0);
    attributes.number("gen_ai.usage.cache_read.input_tokens", told(|usage| usage.cache_read));
    attributes.number("gen_ai.usage.cache_creation.input_tokens", told(|usage| usage.cache_write));
    attributes.number("gen_ai.usage.reasoning.output_tokens", told(|usage| usage.reasoning));
    attributes.text("error.type", row.outcome.failure().map(ErrorKind::name).as_deref());
    attributes.number("http.response.status_code", row.status.map(|status| status.as_u16().into()));
    attributes.text("http.route", Some(row.route));
    attributes.text("enduser.id", row.user.as_deref());
    attributes.text("trunkline.call_id", Some(&row.call_id));
    attributes.text("trunkline.outcome", Some(row.outcome.name()));
    attributes.flag("trunkline.streamed", row.streamed);
    attributes.flag("trunkline.cache_hit", row.cache_key.is_some());
    attributes.text("trunkline.model_group", row.group.as_deref());
    attributes.text("trunkline.deployment", row.deployment.as_deref());
    attributes.number("trunkline.attempts", Some(row.attempts.into()));
    attributes.number("trunkline.retries", Some(row.retries.into()));
    attributes.number("trunkline.fallbacks", Some(row.fallbacks.into()));
    cost_attributes(row.spent, attributes);
    attributes.text("trunkline.cost.origin", Some(row.cost_origin));
    attributes.flag("trunkline.usage.estimated", row.usage_is_estimated);
    attributes.number("trunkline.overhead_us", row.overhead.map(microseconds));
    attributes.number("trunkline.until_reply_us", row.until_reply.map(microseconds));
    attributes.texts("trunkline.tags", &row.tags);
    attributes.text("trunkline.key.hash", identity.map(|identity| identity.token.to_string()).as_deref());
    attributes.text("trunkline.key.alias", identity.and_then(|identity| identity.alias.as_deref()));
    attributes.text("trunkline.user.id", identity.and_then(|identity| identity.user_id.as_deref()));
    attributes.text("trunkline.team.id", identity.and_then(|identity| identity.team_id.as_deref()));
}

fn attempt_attributes(tried: &Try<'_>, operation: &str, attributes: &mut Attributes<'_>) {
    attributes.text("gen_ai.operation.name", Some(operation));
    attributes.text("gen_ai.provider.name", tried.provider.map(provider_name));
    attributes.text("gen_ai.request.model", tried.model);
    attributes.text("trunkline.model_group", tried.group);
    attributes.text("trunkline.deployment", tried.deployment);
    let outcome = match tried.attempt {
        None => "answered",
        Some(Attempt { failure: Some(_), .. }) => "failed",
        Some(_) => "given_up",
    };
    attributes.text("trunkline.attempt.outcome", Some(outcome));
    if let Some(attempt) = tried.attempt {
        attributes.text("error.type", attempt.failure.map(ErrorKind::name).as_deref());
        attributes.number("http.response.status_code", attempt.status.map(|status| status.as_u16().into()));
        cost_attributes(attempt.cost.as_ref().and_then(Cost::spend), attributes);
    }
}

/// Exact as a text, and as a number that can be added up. No float touches money.
fn cost_attributes(spend: Option<Decimal>, attributes: &mut Attributes<'_>) {
    let Some(spend) = spend else { return };
    attributes.text("trunkline.cost.usd", Some(&spend.normalize().to_string()));
    let nanodollars = spend.checked_mul(Decimal::from(1_000_000_000)).map(|amount| amount.round());
    attributes.number("trunkline.cost.nanodollars", nanodollars.and_then(|amount| amount.to_u64()));
}

/// An attempt, and about when it was.
struct Try<'r> {
    group: Option<&'r str>,
    deployment: Option<&'r str>,
    provider: Option<&'r str>,
    model: Option<&'r str>,
    /// `None` of the one that answered.
    attempt: Option<&'r Attempt>,
    start: SystemTime,
    end: SystemTime,
}

/// The attempts, in order. How long each took is known, and when the reply began; those before it are set one after
/// the other, right before the one that answered, or before the end.
fn tries(row: &Row) -> Vec<Try<'_>> {
    let start = row.started();
    let clamped = |time: Option<SystemTime>| time.unwrap_or(start).clamp(start, row.ended);
    let reply = clamped(start.checked_add(row.until_reply.unwrap_or(row.duration)));
    let mut all = Vec::with_capacity(row.failed_attempts.len() + 1);
    let mut end = row.ended;
    if let Some(took) = row.upstream_duration {
        let sent = clamped(reply.checked_sub(took));
        all.push(Try {
            group: row.group.as_deref(),
            deployment: row.deployment.as_deref(),
            provider: row.provider.as_deref(),
            model: row.upstream_model.as_deref(),
            attempt: None,
            start: sent,
            end: if row.streamed { row.ended } else { reply },
        });
        end = sent;
    }
    for attempt in row.failed_attempts.iter().rev() {
        let begin = clamped(end.checked_sub(attempt.duration));
        all.push(Try {
            group: Some(&attempt.group),
            deployment: Some(&attempt.deployment),
            provider: Some(&attempt.provider),
            model: Some(&attempt.upstream_model),
            attempt: Some(attempt),
            start: begin,
            end,
        });
        end = begin;
    }
    all.reverse();
    all
}

fn span_name(operation: &str, model: Option<&str>) -> String {
    model.map_or_else(|| operation.to_owned(), |model| format!("{operation} {model}"))
}

/// The conventions' name of an operation; those that they do not know keep their own.
fn operation_name(operation: &str) -> &str {
    match operation {
        "chat_completions" | "messages" | "responses" => "chat",
        "completions" => "text_completion",
        _ => operation,
    }
}

/// The conventions' name of a provider; those that they do not know keep their prefix.
fn provider_name(prefix: &str) -> &str {
    match prefix {
        "azure" => "azure.ai.openai",
        "azure_ai" => "azure.ai.inference",
        "bedrock" => "aws.bedrock",
        "gemini" => "gcp.gemini",
        "mistral" => "mistral_ai",
        "vertex_ai" => "gcp.vertex_ai",
        "watsonx" => "ibm.watsonx.ai",
        "xai" => "x_ai",
        _ => prefix,
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
