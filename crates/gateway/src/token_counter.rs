//! `POST /utils/token_counter`: about how many tokens an input has.

use serde_json::{Value, json};
use trunkline_core::{Document, Error};
use trunkline_prices::estimate::input_tokens;

use crate::authentication::Caller;
use crate::gateway::Gateway;
use crate::members::{has, missing};
use crate::reach;

/// What stands where LiteLLM names a tokenizer: there is none, tokens are estimated by script.
const TOKENIZER: &str = "trunkline_estimate";

/// Counts an input in LiteLLM's shape.
pub(crate) fn count(gateway: &Gateway, caller: &Caller, document: &Document) -> Result<Value, Error> {
    let asked = document.string("model").filter(|model| !model.is_empty());
    let asked = asked.ok_or_else(|| missing("model must be provided", "model"))?.into_owned();
    if !["messages", "prompt", "contents"].iter().any(|name| has(document, name)) {
        return Err(missing("prompt or messages or contents must be provided", "messages"));
    }
    let mut document = document.clone();
    if let Some(contents) = document.raw_bytes("contents") {
        // Google's word for what is read, which no dialect that goes upstream from here has.
        document.set_raw("input", contents);
    }
    let name = reach::aliased(caller, asked.clone());
    let route = gateway.router().resolve(&name).ok();
    let shown = route.as_ref().filter(|route| reach::holds(caller, &name, route)).map(|route| route.first());
    let used = shown.map_or_else(|| asked.clone(), |candidate| candidate.upstream_model.to_string());
    Ok(json!({
        "total_tokens": input_tokens(&document),
        "request_model": asked,
        "model_used": used,
        "tokenizer_type": TOKENIZER,
        "count_source": "local_estimate",
        "original_response": null,
        "error": false,
        "error_message": null,
        "status_code": null,
    }))
}
