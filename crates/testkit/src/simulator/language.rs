//! What every dialect of a language model shares: route, answer, count, bill, remember.

use rust_decimal::Decimal;
use serde_json::Value;

use super::account::Generation;
use super::answer::Answer;
use super::call::Call;
use super::catalogue;
use super::error::{self, Circumstances};
use super::fault::Fault;
use super::identifier::{Identifiers, stable_hash};
use super::metadata::{Facts, ProviderMetadata};
use super::money::{Bill, Tokens, decimal_text};
use super::prompt_cache::Part;
use super::reply::Reply;
use super::request::ChatRequest;
use super::routing::{self, Route};
use super::state::State;
use super::tokens;

/// A good answer with all that is told about it.
#[derive(Debug)]
pub(crate) struct Generated {
    /// The generation id, by which `/v1/generation` knows it.
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) route: Route,
    pub(crate) answer: Answer,
    pub(crate) tokens: Tokens,
    pub(crate) bill: Bill,
    pub(crate) metadata: ProviderMetadata,
    /// For the ids and seals that only one dialect has.
    pub(crate) identifiers: Identifiers,
}

/// Answers a request and bills it. `count` says what was read and written, by the dialect's own rule for caching.
pub(crate) fn generate(
    call: &Call<'_>,
    request: &ChatRequest,
    faults: &mut Vec<Fault>,
    session: Option<&str>,
    count: impl FnOnce(&mut State, &Route, &Answer) -> Tokens,
) -> Result<Generated, Reply> {
    let mut state = call.shared.state();
    let clock = state.clock;
    let id = state.identifiers.generation(clock.now_ms());
    let route = routing::route(request, Circumstances { model: &request.model, generation_id: &id, clock })?;
    faults.extend(Fault::by_model_name(&route.served));
    let row = find(&state, &route.served, &["language"])?;
    let quota_entity = request.gateway()["quotaEntityId"].as_str();
    refuse_spending(&state, quota_entity, route.byok)?;

    let answer = Answer::new(request, &route.served, &mut state.identifiers);
    let tokens = count(&mut state, &route, &answer);
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
        misses_left: call.shared.options.generation_misses,
    });
    let identifiers = Identifiers::new(stable_hash(id.as_bytes()));
    drop(state);
    call.exchange.note(|request| {
        request.generation_id = Some(id.clone());
        request.billed = Some(bill.cost());
    });
    let created = clock.now_seconds();
    Ok(Generated { id, created, route, answer, tokens, bill, metadata, identifiers })
}

/// The parts of a prompt as the cache compares them.
pub(crate) fn parts(request: &ChatRequest) -> Vec<Part> {
    let part = |message: &Value| (stable_hash(message.to_string().as_bytes()), tokens::of_message(message));
    request.messages.iter().map(part).collect()
}

/// The catalogue's row of a model, which must be of one of the types that are wanted.
pub(crate) fn find(state: &State, model: &str, wanted: &[&str]) -> Result<Value, Reply> {
    let Some(row) = state.catalogue.find(model) else {
        return match Fault::by_model_name(model) {
            Some(_) => Ok(catalogue::unlisted(model)),
            None => Err(error::unknown_model(model)),
        };
    };
    match row["type"].as_str() {
        Some(kind) if !wanted.contains(&kind) => {
            Err(error::wrong_model_type(model, kind, wanted.first().copied().unwrap_or_default()))
        }
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
