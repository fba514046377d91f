//! `POST /v1/responses` and what goes with it: any model of the catalogue in the Responses dialect.

mod items;
mod lookup;
mod prompt;
mod request;
mod stream;
mod wire;

use http::StatusCode;
use serde_json::{Value, json};

use self::prompt::prompt;
use self::request::{ResponsesRequest, invalid};
use self::wire::{
    Compacted, IncompleteDetails, InputTokensDetails, Item, OutputTokensDetails, Part, Response, TokenCount,
    Usage,
};
use super::call::Call;
use super::events::Events;
use super::fault::Fault;
use super::language::{self, Generated};
use super::money::Tokens;
use super::purchase::{self, Settled};
use super::reply::Reply;
use super::request::ChatRequest;
use super::response_store::StoredResponse;
use super::routing::Route;
use super::seal;
use super::state::State;
use super::tokens;

pub(crate) use self::lookup::stored;

/// Answers a request that carries these faults, and adds those that its model's name asks for.
pub(crate) fn create(call: &Call<'_>, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let (asked, items) = read(call)?;
    let request = prompt(&asked, call.model(&asked.model), &items, call.account);
    let mut generated = generate(call, &asked, &request, faults)?;
    let id = generated.settled.identifiers.prefixed("resp_");
    let output = output(&mut generated, &asked, call.account);
    let usage = usage(&generated.tokens);
    let response = response(call, &asked, &generated, &id, &output);
    let told = (!faults.contains(&Fault::OmitUsage)).then_some(usage);
    let whole = Response { usage: told, ..response.clone() };
    let events = stream::events(&response, told);
    if asked.store != Some(false) {
        keep(call, &whole, events.clone(), items, &output);
    }
    Ok(if asked.stream == Some(true) {
        Reply::events(events)
    } else if asked.background == Some(true) {
        let queued = Response { status: "queued", output: &[], incomplete_details: None, ..response };
        Reply::json(StatusCode::OK, &queued)
    } else {
        Reply::json(StatusCode::OK, &whole)
    })
}

/// `POST /v1/responses/compact`: the conversation as one item that only its account can hand in.
pub(crate) fn compact(call: &Call<'_>, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let (asked, items) = read(call)?;
    let request = prompt(&asked, call.model(&asked.model), &items, call.account);
    let mut generated = generate(call, &asked, &request, faults)?;
    let text = generated.answer.text.clone().unwrap_or_default();
    let encrypted_content = seal::seal(&text, call.account, generated.settled.identifiers.next());
    let output = [Item::Compaction { id: generated.settled.identifiers.prefixed("cmp_"), encrypted_content }];
    let id = generated.settled.identifiers.prefixed("resp_");
    let compacted = Compacted {
        id: &id,
        object: "response.compaction",
        created_at: generated.settled.created,
        output: &output,
        usage: usage(&generated.tokens),
        provider_metadata: call.is_vercel().then_some(&generated.settled.metadata),
    };
    Ok(Reply::json(StatusCode::OK, &compacted))
}

/// `POST /v1/responses/input_tokens`.
pub(crate) fn input_tokens(call: &Call<'_>) -> Result<Reply, Reply> {
    let (asked, items) = read(call)?;
    let model = call.model(&asked.model);
    purchase::find(&call.shared.state(), &model, &["language"])?;
    let request = prompt(&asked, model, &items, call.account);
    let input_tokens = tokens::of_prompt(&request.messages, request.tools.as_ref());
    Ok(Reply::json(StatusCode::OK, &TokenCount { object: "response.input_tokens", input_tokens }))
}

/// The request, and its items behind those of the response that it continues.
fn read(call: &Call<'_>) -> Result<(ResponsesRequest, Vec<Value>), Reply> {
    let asked = ResponsesRequest::read(call.body)?;
    let mut items = match &asked.previous_response_id {
        None => Vec::new(),
        Some(id) => match call.shared.state().responses.find(id, call.account) {
            Some(previous) => previous.input.iter().chain(&previous.output).cloned().collect(),
            None => {
                let message = format!("Previous response with id '{id}' not found.");
                return Err(invalid(&message, Some("previous_response_id"), "previous_response_not_found"));
            }
        },
    };
    for item in asked.items() {
        items.push(match item["type"].as_str() {
            Some("item_reference") => referred(call, &item)?,
            _ => item,
        });
    }
    items::check(&items, call.account)?;
    Ok((asked, items))
}

/// The stored item that an `item_reference` means.
fn referred(call: &Call<'_>, reference: &Value) -> Result<Value, Reply> {
    let id = reference["id"].as_str().unwrap_or_default();
    let found = call.shared.state().responses.item(id, call.account).cloned();
    found.ok_or_else(|| invalid(&format!("Item with id '{id}' not found."), Some("input"), "invalid_value"))
}

fn generate(
    call: &Call<'_>,
    asked: &ResponsesRequest,
    request: &ChatRequest,
    faults: &mut Vec<Fault>,
) -> Result<Generated, Reply> {
    let session = call.session().or(asked.prompt_cache_key.as_deref());
    language::generate(call, request, faults, session, |state: &mut State, route: &Route, answer| {
        let now_ms = state.clock.now_ms();
        let parts = language::parts(request);
        let read = |session| state.prompt_cache.read(&route.served, session, &parts, now_ms);
        Tokens {
            prompt: tokens::of_prompt(&request.messages, request.tools.as_ref()),
            cache_read: session.map_or(0, read),
            cache_write: 0,
            completion: answer.completion_tokens(),
            reasoning: answer.reasoning_tokens(),
        }
    })
}

fn usage(tokens: &Tokens) -> Usage {
    Usage {
        input_tokens: tokens.prompt,
        input_tokens_details: InputTokensDetails { cached_tokens: tokens.cache_read },
        output_tokens: tokens.completion,
        output_tokens_details: OutputTokensDetails { reasoning_tokens: tokens.reasoning },
        total_tokens: tokens.prompt + tokens.completion,
    }
}

/// Reasoning, then text, then calls.
fn output(generated: &mut Generated, asked: &ResponsesRequest, account: u64) -> Vec<Item> {
    let Generated { answer, settled: Settled { identifiers, .. }, .. } = generated;
    let mut items = Vec::new();
    if let Some(reasoning) = &answer.reasoning {
        let summary = asked.wants_summary().then(|| Part::SummaryText { text: reasoning.text.clone() });
        let seal = |nonce| seal::seal(&reasoning.text, account, nonce);
        let encrypted_content = asked.wants_encrypted_content().then(|| seal(identifiers.next()));
        let id = identifiers.prefixed("rs_");
        items.push(Item::Reasoning { id, summary: summary.into_iter().collect(), encrypted_content });
    }
    if let Some(text) = &answer.text {
        let status = if answer.finish_reason == "length" { "incomplete" } else { "completed" };
        let content = vec![Part::output_text(text)];
        items.push(Item::Message { id: identifiers.prefixed("msg_"), status, role: "assistant", content });
    }
    for call in &answer.tool_calls {
        let (name, given) = (call.function.name.clone(), call.function.arguments.clone());
        let (call_id, status) = (call.id.clone(), "completed");
        items.push(if call.kind == "custom" {
            Item::CustomToolCall { id: identifiers.prefixed("ctc_"), status, call_id, name, input: given }
        } else {
            Item::FunctionCall { id: identifiers.prefixed("fc_"), status, call_id, name, arguments: given }
        });
    }
    items
}

/// The response without its usage.
fn response<'a>(
    call: &Call<'_>,
    asked: &'a ResponsesRequest,
    generated: &'a Generated,
    id: &'a str,
    output: &'a [Item],
) -> Response<'a> {
    let repeated = |member: &str, otherwise: Value| {
        asked.repeated.get(member).filter(|value| !value.is_null()).cloned().unwrap_or(otherwise)
    };
    let cut = generated.answer.finish_reason == "length";
    let reasoning = asked.reasoning.as_ref().unwrap_or(&Value::Null);
    let text = asked.text.clone().unwrap_or_else(|| json!({ "format": { "type": "text" } }));
    Response {
        id,
        object: "response",
        created_at: generated.settled.created,
        status: if cut { "incomplete" } else { "completed" },
        background: asked.background == Some(true),
        error: None,
        incomplete_details: cut.then_some(IncompleteDetails { reason: "max_output_tokens" }),
        instructions: asked.instructions.as_deref(),
        max_output_tokens: asked.max_output_tokens,
        model: call.spelt(&asked.model, &generated.settled.route.served),
        output,
        parallel_tool_calls: asked.parallel_tool_calls != Some(false),
        previous_response_id: asked.previous_response_id.as_deref(),
        prompt_cache_key: asked.prompt_cache_key.as_deref(),
        reasoning: json!({ "effort": reasoning["effort"], "summary": reasoning["summary"] }),
        store: asked.store != Some(false),
        temperature: repeated("temperature", json!(1.0)),
        text,
        tool_choice: asked.tool_choice.clone().unwrap_or_else(|| json!("auto")),
        tools: asked.tools.as_deref().unwrap_or_default(),
        top_p: repeated("top_p", json!(1.0)),
        truncation: repeated("truncation", json!("disabled")),
        usage: None,
        user: repeated("user", Value::Null),
        metadata: repeated("metadata", json!({})),
        provider_metadata: call.is_vercel().then_some(&generated.settled.metadata),
    }
}

fn keep(call: &Call<'_>, whole: &Response<'_>, events: Events, input: Vec<Value>, output: &[Item]) {
    // Serialising our own wire structs into memory has nothing that could fail.
    let spelt = |response: &Response<'_>| serde_json::to_string(response).unwrap_or_default();
    let cancelled = || spelt(&Response { status: "cancelled", output: &[], usage: None, ..whole.clone() });
    call.shared.state().responses.keep(StoredResponse {
        id: whole.id.to_owned(),
        account: call.account,
        body: spelt(whole),
        events,
        input,
        output: output.iter().map(|item| json!(item)).collect(),
        cancelled: whole.background.then(cancelled),
    });
}
