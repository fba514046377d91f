//! What an account may look up: credits, generations, and the report that its plan does not include.

use http::StatusCode;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use super::clock::iso_date;
use super::error;
use super::money::{Bill, Tokens, number};
use super::reply::Reply;
use super::state::State;

/// A call as `/v1/generation` tells it later.
#[derive(Debug, Clone)]
pub(crate) struct Generation {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) provider: String,
    pub(crate) bill: Bill,
    pub(crate) tokens: Tokens,
    pub(crate) created_ms: u64,
    pub(crate) streamed: bool,
    pub(crate) finish_reason: &'static str,
    /// How often it is still unknown.
    pub(crate) misses_left: u32,
}

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
    surcharge_cost: u32,
    gateway_cost: Box<RawValue>,
    upstream_inference_cost: Box<RawValue>,
    usage: Box<RawValue>,
    created_at: String,
    model: &'a str,
    is_byok: bool,
    provider_name: &'a str,
    streamed: bool,
    finish_reason: &'static str,
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

/// One generation; unknown ones, and known ones for the first few times, are a 404 in plain text.
pub(crate) fn generation(state: &mut State, query: &str) -> Reply {
    let id = query.split('&').find_map(|pair| pair.strip_prefix("id=")).unwrap_or_default();
    let Some(generation) = state.generations.iter_mut().find(|generation| generation.id == id) else {
        return not_there_yet();
    };
    if generation.misses_left > 0 {
        generation.misses_left -= 1;
        return not_there_yet();
    }
    let Generation { bill, tokens, .. } = generation;
    let upstream = if bill.byok { bill.market() } else { Decimal::ZERO };
    let data = Record {
        id: &generation.id,
        total_cost: number(bill.cost()),
        market_cost: number(bill.market()),
        surcharge_cost: 0,
        gateway_cost: number(bill.cost()),
        upstream_inference_cost: number(upstream),
        usage: number(bill.cost()),
        created_at: iso_date(generation.created_ms),
        model: &generation.model,
        is_byok: bill.byok,
        provider_name: &generation.provider,
        streamed: generation.streamed,
        finish_reason: generation.finish_reason,
        latency: 0,
        generation_time: 0,
        tokens_prompt: tokens.prompt,
        tokens_completion: tokens.completion,
        native_tokens_prompt: tokens.prompt,
        native_tokens_completion: tokens.completion,
        native_tokens_reasoning: tokens.reasoning,
        native_tokens_cached: tokens.cache_read,
        native_tokens_cache_creation: tokens.cache_write,
        billable_web_search_calls: 0,
    };
    Reply::json(StatusCode::OK, &Envelope { data })
}

fn not_there_yet() -> Reply {
    Reply::whole(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "Usage event not found")
}

pub(crate) fn report() -> Reply {
    error::error(403, "forbidden", "Custom reporting is available on Pro and Enterprise plans.", None)
}
