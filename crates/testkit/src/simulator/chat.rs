//! `POST /v1/chat/completions`: from a body to a whole reply or a list of events.

use http::{HeaderMap, StatusCode};
use rust_decimal::Decimal;
use serde_json::Value;

use super::account::Generation;
use super::answer::{Answer, Family};
use super::catalogue;
use super::chunks;
use super::error::{self, Circumstances};
use super::exchange::Exchange;
use super::fault::Fault;
use super::identifier::stable_hash;
use super::metadata::{Facts, ProviderMetadata};
use super::money::{Bill, Tokens, decimal_text, number};
use super::reply::Reply;
use super::request::ChatRequest;
use super::routing::{self, Route};
use super::shape::Shape;
use super::state::{Shared, State};
use super::tokens;
use super::wire::{
    Choice, Completion, CompletionTokensDetails, CostDetails, Message, PromptTokensDetails, Usage,
};

/// A good answer with all that is told about it.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) route: Route,
    pub(crate) answer: Answer,
    pub(crate) usage: Option<Usage>,
    pub(crate) metadata: ProviderMetadata,
    pub(crate) system_fingerprint: String,
}

impl Completed {
    /// Seen for OpenAI's models only.
    pub(crate) fn service_tier(&self) -> Option<&'static str> {
        (self.route.provider() == "openai").then_some("default")
    }
}

/// Answers a request that carried these faults, and gives the shape in which the reply is to go out.
pub(crate) fn complete(
    shared: &Shared,
    exchange: &Exchange,
    headers: &HeaderMap,
    body: &[u8],
    mut faults: Vec<Fault>,
) -> (Reply, Shape) {
    match completed(shared, exchange, headers, body, &mut faults) {
        Ok((request, completed)) => {
            let (shape, _) = Shape::of(&faults);
            let reply = if request.is_streamed() {
                Reply::events(chunks::events(&completed, shape.usage_only_chunk))
            } else {
                whole(&completed)
            };
            (reply, shape)
        }
        Err(reply) => (reply, Shape::of(&faults).0),
    }
}

fn completed(
    shared: &Shared,
    exchange: &Exchange,
    headers: &HeaderMap,
    body: &[u8],
    faults: &mut Vec<Fault>,
) -> Result<(ChatRequest, Completed), Reply> {
    let request = ChatRequest::read(body)?;
    let mut state = shared.state();
    let clock = state.clock;
    let id = state.identifiers.generation(clock.now_ms());
    let route = routing::route(&request, Circumstances { model: &request.model, generation_id: &id, clock })?;
    faults.extend(Fault::by_model_name(&route.served));
    let row = find(&state, &route.served, "language")?;
    let quota_entity = request.gateway()["quotaEntityId"].as_str();
    refuse_spending(&state, quota_entity, route.byok)?;

    let answer = Answer::new(&request, &route.served, &mut state.identifiers);
    let session = headers.get("x-session-affinity").and_then(|value| value.to_str().ok());
    let tokens = count(&mut state, &request, &route, &answer, session);
    let share = state.shares.get(&route.served).copied().unwrap_or(Decimal::ONE);
    let bill = Bill::new(&row, &tokens, share, route.byok);
    let facts = Facts {
        generation_id: &id,
        started_ms: clock.now_ms(),
        ended_ms: clock.now_ms(),
        request_id: state.identifiers.prefixed("req_"),
        response_id: state.identifiers.prefixed("resp_"),
        session,
        cache_hit: tokens.cache_read > 0,
    };
    let metadata = ProviderMetadata::new(&route, &bill, &facts);
    state.charge(bill.cost(), quota_entity);
    state.remember(Generation {
        id: id.clone(),
        model: route.served.clone(),
        provider: route.provider().to_owned(),
        bill,
        tokens,
        created_ms: clock.now_ms(),
        streamed: request.is_streamed(),
        finish_reason: answer.finish_reason,
        misses_left: shared.options.generation_misses,
    });
    drop(state);
    exchange.note(|request| {
        request.generation_id = Some(id.clone());
        request.billed = Some(bill.cost());
    });

    let wanted = !request.is_streamed() || request.asks_for_usage() || !shared.options.usage_only_when_asked;
    let usage = (wanted && !faults.contains(&Fault::OmitUsage)).then(|| usage(&tokens, &bill));
    let system_fingerprint = format!("fp_{:010x}", stable_hash(route.served.as_bytes()) >> 24);
    let created = clock.now_seconds();
    Ok((request, Completed { id, created, route, answer, usage, metadata, system_fingerprint }))
}

/// The catalogue's row of a model, which must be of the type that is wanted.
pub(crate) fn find(state: &State, model: &str, wanted: &str) -> Result<Value, Reply> {
    let Some(row) = state.catalogue.find(model) else {
        return match Fault::by_model_name(model) {
            Some(_) => Ok(catalogue::unlisted(model)),
            None => Err(error::unknown_model(model)),
        };
    };
    match row["type"].as_str() {
        Some(kind) if kind != wanted => Err(error::wrong_model_type(model, kind, wanted)),
        _ => Ok(row.clone()),
    }
}

/// Refuses when there is nothing left to spend. Both limits are soft: the call that crosses them was served.
pub(crate) fn refuse_spending(state: &State, quota_entity: Option<&str>, byok: bool) -> Result<(), Reply> {
    if state.balance <= Decimal::ZERO && !byok {
        return Err(error::insufficient_funds());
    }
    let budget = quota_entity.and_then(|entity| Some((entity, state.budgets.get(entity)?)));
    match budget {
        Some((entity, budget)) if budget.spent >= budget.limit => {
            let (spent, limit) = (decimal_text(budget.spent), decimal_text(budget.limit));
            Err(error::quota_exceeded(entity, &spent, &limit))
        }
        _ => Ok(()),
    }
}

fn count(
    state: &mut State,
    request: &ChatRequest,
    route: &Route,
    answer: &Answer,
    session: Option<&str>,
) -> Tokens {
    let prompt = tokens::of_prompt(&request.messages, request.tools.as_ref());
    let part = |message: &Value| (stable_hash(message.to_string().as_bytes()), tokens::of_message(message));
    let parts = request.messages.iter().map(part).collect::<Vec<_>>();
    let cached = parts.iter().map(|(_, tokens)| tokens).sum::<u64>();
    let now_ms = state.clock.now_ms();
    let cache_read =
        session.map_or(0, |session| state.prompt_cache.read(&route.served, session, &parts, now_ms));
    // Only Anthropic's models are billed for writing; what was read need not be written again.
    let writes = route.served.starts_with("anthropic/") && request.asks_for_caching();
    let cache_write = if writes { cached.saturating_sub(cache_read) } else { 0 };
    // Anthropic counts thinking as output and tells no number of its own.
    let family = answer.reasoning.as_ref().map(|reasoning| reasoning.family);
    let reasoning = if family == Some(Family::Anthropic) { 0 } else { answer.reasoning_tokens() };
    Tokens { prompt, cache_read, cache_write, completion: answer.completion_tokens(), reasoning }
}

fn usage(tokens: &Tokens, bill: &Bill) -> Usage {
    let own = |amount| number(if bill.byok { amount } else { Decimal::ZERO });
    Usage {
        prompt_tokens: tokens.prompt,
        completion_tokens: tokens.completion,
        total_tokens: tokens.prompt + tokens.completion,
        cost: number(bill.cost()),
        is_byok: bill.byok,
        prompt_tokens_details: PromptTokensDetails {
            cached_tokens: tokens.cache_read,
            audio_tokens: 0,
            video_tokens: 0,
        },
        cost_details: CostDetails {
            upstream_inference_cost: bill.byok.then(|| number(bill.market())),
            upstream_inference_prompt_cost: own(bill.market_input),
            upstream_inference_completions_cost: own(bill.market_output),
        },
        completion_tokens_details: CompletionTokensDetails {
            reasoning_tokens: tokens.reasoning,
            image_tokens: 0,
        },
        cache_creation_input_tokens: tokens.cache_write,
        market_cost: number(bill.market()),
        gateway_cost: number(bill.cost()),
    }
}

fn whole(completed: &Completed) -> Reply {
    let answer = &completed.answer;
    let reasoning = answer.reasoning.as_ref().filter(|reasoning| reasoning.shown);
    let details = reasoning.map(|reasoning| reasoning.details()).unwrap_or_default();
    let message = Message {
        role: "assistant",
        content: answer.text.as_deref(),
        reasoning: reasoning.map(|reasoning| reasoning.text.as_str()),
        reasoning_details: &details,
        tool_calls: &answer.tool_calls,
        images: &answer.images,
        provider_metadata: &completed.metadata,
    };
    let body = Completion {
        id: &completed.id,
        object: "chat.completion",
        created: completed.created,
        model: &completed.route.served,
        choices: [Choice { index: 0, message, logprobs: None, finish_reason: answer.finish_reason }],
        usage: completed.usage.as_ref(),
        system_fingerprint: &completed.system_fingerprint,
        service_tier: completed.service_tier(),
        generation_id: &completed.id,
    };
    Reply::json(StatusCode::OK, &body)
}
