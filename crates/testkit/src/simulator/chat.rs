//! `POST /v1/chat/completions`: from a body to a whole reply or a list of events.

use http::StatusCode;
use rust_decimal::Decimal;

use super::answer::{Answer, Family};
use super::call::Call;
use super::chunks;
use super::fault::Fault;
use super::identifier::stable_hash;
use super::language::{self, Generated};
use super::money::{Bill, Tokens, number};
use super::reply::Reply;
use super::request::ChatRequest;
use super::routing::Route;
use super::state::State;
use super::tells::Tells;
use super::tokens;
use super::wire::{
    Choice, Completion, CompletionTokensDetails, CostDetails, Message, PromptTokensDetails, Usage,
};

/// A good answer in the form in which a chat is told.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) generated: Generated,
    pub(crate) usage: Option<Usage>,
    pub(crate) system_fingerprint: String,
}

impl Completed {
    /// Seen for OpenAI's models only; of others a tier that changed the price is told.
    pub(crate) fn service_tier(&self) -> Option<&'static str> {
        let settled = &self.generated.settled;
        (settled.route.provider() == "openai" || settled.tier != "default").then_some(settled.tier)
    }
}

/// Answers a request that carries these faults, and adds those that its model's name asks for.
pub(crate) fn complete(call: &Call<'_>, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let mut request = ChatRequest::read(call.body)?;
    request.model = call.model(&request.model);
    let session = call.session();
    let generated = language::generate(call, &request, faults, session, |state, route, answer| {
        count(state, &request, route, answer, session)
    })?;
    let wanted =
        !request.is_streamed() || request.asks_for_usage() || !call.shared.options.usage_only_when_asked;
    let tells = Tells::of(faults);
    let told = wanted && tells.usage;
    let usage = told.then(|| usage(&generated.tokens, &generated.settled.bill, tells));
    let system_fingerprint =
        format!("fp_{:010x}", stable_hash(generated.settled.route.served.as_bytes()) >> 24);
    let completed = Completed { generated, usage, system_fingerprint };
    Ok(if request.is_streamed() {
        Reply::events(chunks::events(&completed, faults.contains(&Fault::UsageOnlyChunk)))
    } else {
        whole(&completed)
    })
}

fn count(
    state: &mut State,
    request: &ChatRequest,
    route: &Route,
    answer: &Answer,
    session: Option<&str>,
) -> Tokens {
    let prompt = tokens::of_prompt(&request.messages, request.tools.as_ref());
    let parts = language::parts(request);
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

fn usage(tokens: &Tokens, bill: &Bill, tells: Tells) -> Usage {
    let whole = !tells.partly;
    let own = |amount| number(if bill.byok { amount } else { Decimal::ZERO });
    Usage {
        prompt_tokens: tokens.prompt,
        completion_tokens: whole.then_some(tokens.completion),
        total_tokens: whole.then_some(tokens.prompt + tokens.completion + tells.excess),
        cost: tells.in_usage(bill.cost()),
        is_byok: bill.byok,
        prompt_tokens_details: whole.then_some(PromptTokensDetails {
            cached_tokens: tokens.cache_read,
            audio_tokens: 0,
            video_tokens: 0,
        }),
        cost_details: tells.cost_in_usage.then(|| CostDetails {
            upstream_inference_cost: bill.byok.then(|| number(bill.market())),
            upstream_inference_prompt_cost: own(bill.market_input),
            upstream_inference_completions_cost: own(bill.market_output),
        }),
        completion_tokens_details: whole
            .then_some(CompletionTokensDetails { reasoning_tokens: tokens.reasoning, image_tokens: 0 }),
        cache_creation_input_tokens: whole.then_some(tokens.cache_write),
        market_cost: tells.in_usage(bill.market()),
        gateway_cost: tells.in_usage(bill.gateway()),
    }
}

fn whole(completed: &Completed) -> Reply {
    let generated = &completed.generated;
    let answer = &generated.answer;
    let reasoning = answer.reasoning.as_ref().filter(|reasoning| reasoning.shown);
    let details = reasoning.map(|reasoning| reasoning.details()).unwrap_or_default();
    let message = Message {
        role: "assistant",
        content: answer.text.as_deref(),
        reasoning: reasoning.map(|reasoning| reasoning.text.as_str()),
        reasoning_details: &details,
        tool_calls: &answer.tool_calls,
        images: &answer.images,
        provider_metadata: &generated.settled.metadata,
    };
    let body = Completion {
        id: &generated.settled.id,
        object: "chat.completion",
        created: generated.settled.created,
        model: &generated.settled.route.served,
        choices: [Choice { index: 0, message, logprobs: None, finish_reason: answer.finish_reason }],
        usage: completed.usage.as_ref(),
        system_fingerprint: &completed.system_fingerprint,
        service_tier: completed.service_tier(),
        generation_id: &generated.settled.id,
    };
    Reply::json(StatusCode::OK, &body)
}
