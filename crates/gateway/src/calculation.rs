//! `POST /spend/calculate`: what an input would cost, or what a reply did cost, by the price that is known.

use std::sync::Arc;

use serde_json::{Value, json};
use trunkline_core::{
    Body, Document, Error, ErrorKind, InclusiveUsage, ServiceTier, Usage, cost, json as raw_json,
};
use trunkline_prices::Price;
use trunkline_prices::estimate::input_tokens;
use trunkline_router::Wishes;

use crate::authentication::Caller;
use crate::gateway::Gateway;
use crate::members::{has, missing};
use crate::reach;

/// Works out a cost in LiteLLM's shape: of `completion_response` by its usage, else of the input.
pub(crate) fn calculate(gateway: &Gateway, caller: &Caller, document: &Document) -> Result<Value, Error> {
    let response = document.raw("completion_response").filter(|raw| raw.starts_with(b"{"));
    let of_response = || text(response?, "model");
    let name = document.string("model").map(|model| model.into_owned()).or_else(of_response);
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| {
        missing("Bad Request - Either 'model' or 'completion_response' must be provided", "model")
    })?;
    let usage = match response {
        Some(response) => usage(response)?,
        None if ["messages", "prompt", "input"].iter().any(|name| has(document, name)) => {
            Usage { uncached_input: input_tokens(document), ..Usage::default() }
        }
        None => {
            return Err(missing(
                "Bad Request - messages must be provided if 'model' is provided",
                "messages",
            ));
        }
    };
    let price = price(gateway, caller, &name)?;
    let told = response
        .and_then(|response| ServiceTier::of_tier(&response[raw_json::member(response, "service_tier")?]));
    let tier = told.unwrap_or_default();
    let spend = price.as_ref().and_then(|price| price.cost_at(&usage, tier)?.spend());
    let spend = spend.ok_or_else(|| {
        let message =
            format!("This model isn't mapped yet: nobody knows what `{name}` costs. Its row can say so");
        Error::new(ErrorKind::InvalidRequest, message).with_param("model")
    })?;
    Ok(json!({ "cost": cost::number(spend.normalize()) }))
}

/// The price of a model that a caller may ask for, else of one that a provider is known to have.
fn price(gateway: &Gateway, caller: &Caller, name: &str) -> Result<Option<Arc<Price>>, Error> {
    let router = gateway.router();
    let name = reach::aliased(caller, name.to_owned());
    match router.resolve(&name) {
        Ok(route) => {
            reach::check(caller, &router, (&name, &route), &Body::Empty, &Wishes::default())?;
            Ok(router.price_of(route.first()))
        }
        Err(error) => match router.registry().find(&name) {
            // Replies name models as their upstreams do.
            Some((registration, model)) => Ok(router.price(&registration.prefix, model)),
            None => Err(reach::unknown(caller, &name, error)),
        },
    }
}

/// What a reply of OpenAI's shape says that it used.
fn usage(response: &[u8]) -> Result<Usage, Error> {
    let usage = raw_json::member(response, "usage").map(|span| &response[span]);
    let usage = usage
        .filter(|usage| usage.starts_with(b"{"))
        .ok_or_else(|| missing("`completion_response.usage` is missing", "completion_response"))?;
    let number = |path: &[&str]| {
        raw_json::path(usage, path).and_then(|span| raw_json::u64(&usage[span])).unwrap_or_default()
    };
    Ok(Usage::from_inclusive(&InclusiveUsage {
        input: number(&["prompt_tokens"]),
        cache_read: number(&["prompt_tokens_details", "cached_tokens"]),
        cache_write: number(&["cache_creation_input_tokens"]),
        audio_input: number(&["prompt_tokens_details", "audio_tokens"]),
        output: number(&["completion_tokens"]),
        reasoning: number(&["completion_tokens_details", "reasoning_tokens"]),
        audio_output: number(&["completion_tokens_details", "audio_tokens"]),
        ..InclusiveUsage::default()
    }))
}

fn text(object: &[u8], name: &str) -> Option<String> {
    let span = raw_json::member(object, name)?;
    raw_json::string(&object[span]).map(|text| text.into_owned())
}
