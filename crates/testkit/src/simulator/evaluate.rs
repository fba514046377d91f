//! `POST /v1/evaluate`: questions about a state, each answered in its own type.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::call::Call;
use super::error;
use super::fault::Fault;
use super::identifier::stable_hash;
use super::metadata::ProviderMetadata;
use super::money::Tokens;
use super::purchase::Purchase;
use super::reply::Reply;
use super::request::ChatRequest;
use super::tokens;

#[derive(Debug, Deserialize)]
struct EvaluateRequest {
    model: String,
    state: Value,
    questions: BTreeMap<String, Value>,
    #[serde(default, rename = "providerOptions")]
    provider_options: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Evaluated<'a> {
    model: &'a str,
    answers: BTreeMap<String, Value>,
    usage: Usage,
    provider_metadata: &'a ProviderMetadata,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
}

pub(crate) fn evaluate(call: &Call<'_>, faults: &mut Vec<Fault>) -> Result<Reply, Reply> {
    let asked = serde_json::from_slice::<EvaluateRequest>(call.body)
        .map_err(|error| error::invalid_request(&format!("Invalid request body: {error}")))?;
    if asked.questions.is_empty() {
        return Err(error::invalid_request("questions: at least one question is needed"));
    }
    let state = asked.state.to_string();
    let answers =
        asked.questions.iter().map(|(id, question)| Ok((id.clone(), answer(id, question, &state)?)));
    let answers = answers.collect::<Result<BTreeMap<_, _>, Reply>>()?;
    let request = ChatRequest {
        model: call.model(&asked.model),
        provider_options: asked.provider_options.clone(),
        ..ChatRequest::default()
    };
    let purchase = Purchase::open(call, &request, &["evaluation", "decision"], faults)?;
    let read = asked.questions.values().map(|question| tokens::of_text(&question.to_string())).sum::<u64>();
    let counted = Tokens {
        prompt: tokens::of_text(&state) + read,
        completion: answers.len() as u64,
        ..Tokens::default()
    };
    let settled = purchase.settle_tokens(counted, None, "stop");
    let evaluated = Evaluated {
        model: &settled.route.served,
        answers,
        usage: Usage { input_tokens: counted.prompt, output_tokens: counted.completion },
        provider_metadata: &settled.metadata,
    };
    Ok(Reply::json(StatusCode::OK, &evaluated))
}

/// An answer that is the same for the same question and state.
fn answer(id: &str, question: &Value, state: &str) -> Result<Value, Reply> {
    // Two digits, so that sums of probabilities are exact when they are read as text.
    let hash = stable_hash(format!("{id} {state}").as_bytes()) % 100;
    let share = hash as f64 / 100.0;
    match question["type"].as_str() {
        Some("boolean") => Ok(json!({ "type": "boolean", "probability": share })),
        Some("score") => Ok(json!({ "type": "score", "score": share })),
        Some("choice") => {
            let choices = match &question["criteria"] {
                Value::Object(criteria) => criteria.keys().cloned().collect::<Vec<_>>(),
                Value::Array(criteria) => {
                    criteria.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
                }
                _ => Vec::new(),
            };
            let Some(choice) = choices.first().cloned() else {
                return Err(error::invalid_request(&format!("questions.{id}.criteria: nothing to choose")));
            };
            let chosen = |name: String| {
                let probability = if name == choice { 1 } else { 0 };
                (name, json!(probability))
            };
            let probabilities = choices.into_iter().map(chosen).collect::<Map<_, _>>();
            Ok(json!({ "type": "choice", "choice": choice, "probabilities": probabilities }))
        }
        _ => Err(error::invalid_request(&format!("questions.{id}.type: 'boolean', 'choice' or 'score'"))),
    }
}
