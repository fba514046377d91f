//! Rows as the JSON list that LiteLLM's `generic_api` sends: the names of its standard logging payload.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::Serialize;
use trunkline_core::{Cost, ErrorKind, Usage};
use trunkline_gateway::Outcome;
use trunkline_router::Attempt;

use crate::event::Event;
use crate::item::Item;
use crate::money::Money;
use crate::row::Row;

/// A list of objects, one for each request and each event.
pub(crate) fn body(items: &[Item]) -> Bytes {
    let objects: Vec<Told<'_>> = items.iter().map(Told::of).collect();
    // Texts, numbers and lists of them: there is nothing that cannot be written.
    serde_json::to_vec(&objects).unwrap_or_default().into()
}

#[derive(Serialize)]
#[serde(untagged)]
enum Told<'i> {
    Request(Box<Object<'i>>),
    Event(Box<Event<'i>>),
}

impl<'i> Told<'i> {
    fn of(item: &'i Item) -> Self {
        match item {
            Item::Request(row) => Self::Request(Box::new(Object::of(row))),
            Item::Passed(passed) => Self::Event(Box::new(Event::of(passed))),
        }
    }
}

/// A request. WHEN ADDING A FIELD: `docs/export.md` has a row for each.
#[derive(Serialize)]
struct Object<'r> {
    id: &'r str,
    litellm_call_id: &'r str,
    trace_id: &'r str,
    call_type: &'r str,
    stream: bool,
    status: &'static str,
    response_cost: Option<Money>,
    custom_llm_provider: Option<&'r str>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    #[serde(rename = "startTime")]
    start_time: f64,
    #[serde(rename = "endTime")]
    end_time: f64,
    #[serde(rename = "completionStartTime")]
    completion_start_time: Option<f64>,
    response_time: f64,
    model: Option<&'r str>,
    model_id: Option<&'r str>,
    model_group: Option<&'r str>,
    cache_hit: bool,
    cache_key: Option<&'r str>,
    metadata: Metadata<'r>,
    request_tags: &'r [Box<str>],
    end_user: Option<&'r str>,
    error_information: Option<ErrorInformation<'r>>,
    trunkline: Own<'r>,
}

#[derive(Serialize)]
struct Metadata<'r> {
    user_api_key_hash: Option<String>,
    user_api_key_alias: Option<&'r str>,
    user_api_key_user_id: Option<&'r str>,
    user_api_key_team_id: Option<&'r str>,
    user_api_key_team_alias: Option<&'r str>,
    usage_object: Option<UsageObject>,
}

#[derive(Serialize)]
struct UsageObject {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    cache_creation_tokens: u64,
    audio_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    image_tokens: u64,
}

#[derive(Serialize)]
struct ErrorInformation<'r> {
    error_code: Option<String>,
    error_class: String,
    llm_provider: Option<&'r str>,
}

/// What LiteLLM has no name for.
#[derive(Serialize)]
struct Own<'r> {
    route: &'static str,
    requested_model: Option<&'r str>,
    outcome: &'static str,
    status: Option<u16>,
    generation_id: Option<&'r str>,
    usage_is_estimated: bool,
    cost_origin: &'static str,
    cost: Option<Money>,
    market_cost: Option<Money>,
    surcharge_cost: Option<Money>,
    gateway_cost: Option<Money>,
    is_byok: Option<bool>,
    upstream_duration_ms: Option<f64>,
    overhead_ms: Option<f64>,
    attempts: u32,
    retries: u32,
    fallbacks: u32,
    failed_attempts: Vec<Failed<'r>>,
}

#[derive(Serialize)]
struct Failed<'r> {
    model_group: &'r str,
    model_id: &'r str,
    custom_llm_provider: &'r str,
    model: &'r str,
    status: Option<u16>,
    error_class: Option<String>,
    duration_ms: f64,
    response_cost: Option<Money>,
}

impl<'r> Object<'r> {
    fn of(row: &'r Row) -> Self {
        let started = row.started();
        let usage = row.usage.as_ref();
        let begun = row.until_reply.and_then(|until| started.checked_add(until));
        Self {
            id: row.generation_id.as_deref().unwrap_or(&row.call_id),
            litellm_call_id: &row.call_id,
            trace_id: &row.call_id,
            call_type: &row.operation,
            stream: row.streamed,
            status: if row.outcome == Outcome::Completed { "success" } else { "failure" },
            response_cost: row.spent.map(Money),
            custom_llm_provider: row.provider.as_deref(),
            prompt_tokens: usage.map(Usage::input),
            completion_tokens: usage.map(Usage::all_output),
            total_tokens: usage.map(Usage::total),
            start_time: seconds_since_1970(started),
            end_time: seconds_since_1970(row.ended),
            completion_start_time: begun.map(seconds_since_1970),
            response_time: row.duration.as_secs_f64(),
            model: row.upstream_model.as_deref().or(row.model.as_deref()),
            model_id: row.deployment.as_deref(),
            model_group: row.group.as_deref(),
            cache_hit: row.cache_key.is_some(),
            cache_key: row.cache_key.as_deref(),
            metadata: Metadata::of(row),
            request_tags: &row.tags,
            end_user: row.user.as_deref(),
            error_information: row.outcome.failure().map(|kind| ErrorInformation {
                error_code: row.status.map(|status| status.as_str().to_owned()),
                error_class: kind.name(),
                llm_provider: row.provider.as_deref(),
            }),
            trunkline: Own::of(row),
        }
    }
}

impl<'r> Metadata<'r> {
    fn of(row: &'r Row) -> Self {
        let identity = row.identity.as_deref();
        Self {
            user_api_key_hash: identity.map(|identity| identity.token.to_string()),
            user_api_key_alias: identity.and_then(|identity| identity.alias.as_deref()),
            user_api_key_user_id: identity.and_then(|identity| identity.user_id.as_deref()),
            user_api_key_team_id: identity.and_then(|identity| identity.team_id.as_deref()),
            user_api_key_team_alias: identity.and_then(|identity| identity.team_alias.as_deref()),
            usage_object: row.usage.as_ref().map(UsageObject::of),
        }
    }
}

impl UsageObject {
    fn of(usage: &Usage) -> Self {
        Self {
            prompt_tokens: usage.input(),
            completion_tokens: usage.all_output(),
            total_tokens: usage.total(),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cache_read,
                cache_creation_tokens: usage.cache_write,
                audio_tokens: usage.audio_input,
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning,
                audio_tokens: usage.audio_output,
                image_tokens: usage.image_output,
            },
        }
    }
}

impl<'r> Own<'r> {
    fn of(row: &'r Row) -> Self {
        let reported = match &row.cost {
            Some(Cost::Reported(reported)) => Some(reported),
            Some(Cost::Computed(_)) | None => None,
        };
        Self {
            route: row.route,
            requested_model: row.model.as_deref(),
            outcome: row.outcome.name(),
            status: row.status.map(|status| status.as_u16()),
            generation_id: row.generation_id.as_deref(),
            usage_is_estimated: row.usage_is_estimated,
            cost_origin: row.cost_origin,
            cost: reported.and_then(|reported| reported.cost).map(Money),
            market_cost: reported.and_then(|reported| reported.market_cost).map(Money),
            surcharge_cost: reported.and_then(|reported| reported.surcharge_cost).map(Money),
            gateway_cost: reported.and_then(|reported| reported.gateway_cost).map(Money),
            is_byok: reported.map(|reported| reported.is_byok),
            upstream_duration_ms: row.upstream_duration.map(milliseconds),
            overhead_ms: row.overhead.map(milliseconds),
            attempts: row.attempts,
            retries: row.retries,
            fallbacks: row.fallbacks,
            failed_attempts: row.failed_attempts.iter().map(Failed::of).collect(),
        }
    }
}

impl<'r> Failed<'r> {
    fn of(attempt: &'r Attempt) -> Self {
        Self {
            model_group: &attempt.group,
            model_id: &attempt.deployment,
            custom_llm_provider: &attempt.provider,
            model: &attempt.upstream_model,
            status: attempt.status.map(|status| status.as_u16()),
            error_class: attempt.failure.map(ErrorKind::name),
            duration_ms: milliseconds(attempt.duration),
            response_cost: attempt.cost.as_ref().and_then(Cost::spend).map(Money),
        }
    }
}

/// With the microseconds.
fn seconds_since_1970(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX)).as_secs_f64()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
