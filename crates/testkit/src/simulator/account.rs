//! What an account may look up: credits, generations, and that its plan has no reports.

use http::StatusCode;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use super::clock::iso_date;
use super::error;
use super::money::number;
use super::reply::Reply;
use super::state::State;

#[derive(Serialize)]
struct Credits {
    balance: String,
    total_used: String,
}

pub(crate) fn credits(state: &State) -> Reply {
    let spelled = |mut amount: Decimal| {
        amount = amount.normalize();
        if amount.scale() < 2 {
            amount.rescale(2);
        }
        amount.to_string()
    };
    let body = Credits { balance: spelled(state.balance), total_used: spelled(state.total_used) };
    Reply::json(StatusCode::OK, &body)
}

#[derive(Serialize)]
struct Envelope<'a> {
    data: Record<'a>,
}

#[derive(Serialize)]
struct Record<'a> {
    id: &'a str,
    total_cost: Box<RawValue>,
    market_cost: Box<RawValue>,
    surcharge_cost: Box<RawValue>,
    gateway_cost: Box<RawValue>,
    upstream_inference_cost: Box<RawValue>,
    usage: Box<RawValue>,
    created_at: String,
    model: &'a str,
    is_byok: bool,
    provider_name: &'a str,
    streamed: bool,
    finish_reason: &'a str,
    latency: u32,
    generation_time: u32,
    tokens_prompt: u64,
    tokens_completion: u64,
    native_tokens_prompt: u64,
    native_tokens_completion: u64,
    native_tokens_reasoning: u64,
    native_tokens_cached: u64,
    native_tokens_cache_creation: u64,
    billable_web_search_calls: u32,
}

/// One generation; unknown ones, those under way, and known ones for the first few times, are a 404 in plain text.
pub(crate) fn generation(state: &mut State, query: &str) -> Reply {
    let id = query.split('&').find_map(|pair| pair.strip_prefix("id=")).unwrap_or_default();
    let Some(call) = state.books.look_up(id) else { return not_there_yet() };
    let upstream = if call.is_byok { call.market_cost } else { Decimal::ZERO };
    let data = Record {
        id,
        total_cost: number(call.gateway_cost),
        market_cost: number(call.market_cost),
        surcharge_cost: number(call.surcharge_cost),
        gateway_cost: number(call.gateway_cost),
        upstream_inference_cost: number(upstream),
        usage: number(call.gateway_cost),
        created_at: iso_date(call.created_ms),
        model: &call.model,
        is_byok: call.is_byok,
        provider_name: &call.provider,
        streamed: call.streamed,
        finish_reason: &call.finish_reason,
        latency: 0,
        generation_time: 0,
        tokens_prompt: call.prompt_tokens,
        tokens_completion: call.completion_tokens,
        native_tokens_prompt: call.prompt_tokens,
        native_tokens_completion: call.completion_tokens,
        native_tokens_reasoning: call.reasoning_tokens,
        native_tokens_cached: call.cached_tokens,
        native_tokens_cache_creation: call.cache_write_tokens,
        billable_web_search_calls: 0,
    };
    Reply::json(StatusCode::OK, &Envelope { data })
}

fn not_there_yet() -> Reply {
    Reply::whole(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "Usage event not found")
}

/// What a plan without reports answers.
pub(crate) fn no_reports() -> Reply {
    error::error(403, "forbidden", "Custom reporting is available on Pro and Enterprise plans.", None)
}
