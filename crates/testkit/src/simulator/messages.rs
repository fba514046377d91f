//! `POST /v1/messages` and its counting of tokens: any model of the catalogue in Anthropic's dialect.

mod prompt;
mod request;
mod stream;
mod wire;

use http::{HeaderName, StatusCode};
use serde_json::value::RawValue;

use self::prompt::{Prompt, prompt};
use self::request::{Demands, MessagesRequest};
use self::wire::{Block, Message, TokenCount, Usage};
use super::answer::Answer;
use super::call::Call;
use super::fault::Fault;
use super::flavour::Flavour;
use super::language::{self, Generated};
use super::money::Tokens;
use super::purchase::{self, Settled};
use super::reply::Reply;
use super::routing::Route;
use super::seal;
use super::state::State;

/// The word by which a prompt asks for thoughts that are redacted.
const REDACTED: &str = "redacted_thinking";
/// The beta that lets instructions stand among the messages.
const INSTRUCTIONS_BETA: &str = "mid-conversation-system";
/// The account of what every account may hand in again.
const ANYBODY: u64 = 0;
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Answers a request that carries these faults, and adds those that its model's name asks for.
pub(crate) fn create(call: &Call<'_>, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let quirks = call.shared.state().quirks;
    let asked = MessagesRequest::read(call.body, false, demands(call, quirks.thinking_required))?;
    let prompt = prompt(&asked, call.model(&asked.model));
    let mut generated =
        language::generate(call, &prompt.request, faults, call.session(), |state, route, answer| {
            count(state, &prompt, route, answer, call)
        })?;
    let content = content(&mut generated, &asked, &prompt);
    let usage = usage(&generated.tokens);
    let id = match call.flavour {
        Flavour::Anthropic => generated.settled.identifiers.prefixed("msg_"),
        Flavour::Vercel | Flavour::OpenAi => generated.settled.id.clone(),
    };
    let answer = &generated.answer;
    let message = Message {
        id: &id,
        kind: "message",
        role: "assistant",
        model: call.spelt(&asked.model, &generated.settled.route.served),
        content: &content,
        stop_reason: Some(stop_reason(answer)),
        stop_sequence: answer.stopped_by.as_deref(),
        usage,
        provider_metadata: call.is_vercel().then_some(&generated.settled.metadata),
    };
    let reply = if prompt.request.is_streamed() {
        let told = quirks.message_start_usage || call.flavour == Flavour::Anthropic;
        let start = if told { Usage { output_tokens: 1, ..usage } } else { Usage::default() };
        let usage = (!faults.contains(&Fault::OmitUsage)).then_some(usage);
        Reply::events(stream::events(&message, start, usage, call.request_id))
    } else {
        Reply::json(StatusCode::OK, &message)
    };
    Ok(reply.with_header(REQUEST_ID, call.request_id))
}

/// `POST /v1/messages/count_tokens`.
pub(crate) fn count_tokens(call: &Call<'_>) -> Result<Reply, Reply> {
    let asked = MessagesRequest::read(call.body, true, demands(call, false))?;
    let model = call.model(&asked.model);
    purchase::find(&call.shared.state(), &model, &["language"])?;
    let input_tokens = prompt(&asked, model).tokens();
    Ok(Reply::json(StatusCode::OK, &TokenCount { input_tokens }).with_header(REQUEST_ID, call.request_id))
}

fn demands(call: &Call<'_>, thinking: bool) -> Demands {
    let betas = call.headers.get_all("anthropic-beta").iter().filter_map(|betas| betas.to_str().ok());
    let instructions_anywhere = betas.into_iter().any(|betas| betas.contains(INSTRUCTIONS_BETA));
    Demands { thinking, instructions_anywhere }
}

/// What stands up to the last mark is read from the cache as far as it was sent before, and else written to it.
fn count(state: &mut State, prompt: &Prompt, route: &Route, answer: &Answer, call: &Call<'_>) -> Tokens {
    let marked = &prompt.parts[..prompt.marked];
    let cacheable = marked.iter().map(|(_, tokens)| tokens).sum::<u64>();
    let session = format!("{:016x} {}", call.account, call.session().unwrap_or_default());
    let now_ms = state.clock.now_ms();
    let (mut cache_read, mut cache_write) = (0, 0);
    if !marked.is_empty() {
        cache_read = state.prompt_cache.read(&route.served, &session, marked, now_ms);
        let writes = super::prompt_cache::is_cached(cacheable);
        cache_write = if writes { cacheable - cache_read } else { 0 };
    }
    Tokens {
        prompt: prompt.tokens(),
        cache_read,
        cache_write,
        completion: answer.completion_tokens(),
        reasoning: 0,
    }
}

fn usage(tokens: &Tokens) -> Usage {
    Usage {
        input_tokens: tokens.prompt - tokens.cache_read - tokens.cache_write,
        cache_creation_input_tokens: Some(tokens.cache_write),
        cache_read_input_tokens: Some(tokens.cache_read),
        output_tokens: tokens.completion,
    }
}

fn stop_reason(answer: &Answer) -> &'static str {
    match answer.finish_reason {
        "tool_calls" => "tool_use",
        "length" => "max_tokens",
        _ if answer.stopped_by.is_some() => "stop_sequence",
        _ => "end_turn",
    }
}

/// Thoughts, then text, then calls.
fn content(generated: &mut Generated, asked: &MessagesRequest, prompt: &Prompt) -> Vec<Block> {
    let Generated { answer, settled: Settled { identifiers, .. }, .. } = generated;
    let mut blocks = Vec::new();
    if let Some(reasoning) = &answer.reasoning {
        let thinking = if asked.omits_thoughts() { String::new() } else { reasoning.text.clone() };
        let signature = seal::sign(&thinking, identifiers.next());
        blocks.push(Block::Thinking { thinking, signature });
        if prompt.request.messages.last().is_some_and(|last| last.to_string().contains(REDACTED)) {
            let data = seal::seal(&reasoning.text, ANYBODY, identifiers.next());
            blocks.push(Block::RedactedThinking { data });
        }
    }
    if let Some(text) = answer.text.as_ref().filter(|text| !text.is_empty()) {
        blocks.push(Block::Text { text: text.clone() });
    }
    for call in &answer.tool_calls {
        let input = RawValue::from_string(call.function.arguments.clone()).unwrap_or_default();
        let (id, name) = (identifiers.prefixed("toolu_"), call.function.name.clone());
        blocks.push(Block::ToolUse { id, name, input });
    }
    blocks
}
