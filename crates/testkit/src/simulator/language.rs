//! What every dialect of a language model shares: an answer, its tokens, its bill.

use serde_json::Value;

use super::answer::Answer;
use super::call::Call;
use super::fault::Fault;
use super::identifier::stable_hash;
use super::money::Tokens;
use super::prompt_cache::Part;
use super::purchase::{Purchase, Settled};
use super::reply::Reply;
use super::request::ChatRequest;
use super::routing::Route;
use super::state::State;
use super::tokens;

/// A good answer with all that is told about it.
#[derive(Debug)]
pub(crate) struct Generated {
    pub(crate) answer: Answer,
    pub(crate) tokens: Tokens,
    pub(crate) settled: Settled,
}

/// Answers a request and bills it. `count` says what was read and written, by the dialect's own rule for caching.
pub(crate) fn generate(
    call: &Call<'_>,
    request: &ChatRequest,
    faults: &mut Vec<Fault>,
    session: Option<&str>,
    count: impl FnOnce(&mut State, &Route, &Answer) -> Tokens,
) -> Result<Generated, Reply> {
    let mut purchase = Purchase::open(call, request, &["language"], faults)?;
    let mut answer = Answer::new(request, &purchase.route.served, &mut purchase.state.identifiers);
    if let Some(text) = call.script.text() {
        answer.say(text);
    }
    let mut tokens = count(&mut purchase.state, &purchase.route, &answer);
    call.script.apply_to_tokens(&mut tokens);
    let settled = purchase.settle_tokens(tokens, session, answer.finish_reason);
    Ok(Generated { answer, tokens, settled })
}

/// The parts of a prompt as the cache compares them.
pub(crate) fn parts(request: &ChatRequest) -> Vec<Part> {
    let part = |message: &Value| (stable_hash(message.to_string().as_bytes()), tokens::of_message(message));
    request.messages.iter().map(part).collect()
}
