//! The models on offer, in the shapes that OpenAI's and LiteLLM's clients read.

use std::collections::BTreeMap;
use std::fmt;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use trunkline_core::{Error, ErrorKind, ModelInfo, cost};
use trunkline_prices::Price;
use trunkline_router::{Deployment, ListedModel};

use crate::authentication::Caller;
use crate::gateway::Gateway;
use crate::reach::{self, View};
use crate::reply_body::ReplyBody;

/// When a model was made, where nobody tells: the figure that LiteLLM gives.
const CREATED_UNKNOWN: u64 = 1_677_610_602;

/// `GET /v1/models`.
pub(crate) async fn list(gateway: &Gateway, caller: &Caller, query: &str) -> Response<ReplyBody> {
    let data: Vec<Value> = listed(gateway, caller, query).await.iter().map(row).collect();
    json_reply(StatusCode::OK, &json!({ "data": data, "object": "list" }))
}

/// Every model that a caller may be shown.
pub(crate) async fn listed(gateway: &Gateway, caller: &Caller, query: &str) -> Vec<ListedModel> {
    let router = gateway.router();
    let (mut listed, errors) = router.models().await;
    for error in errors {
        tracing::warn!(provider.name = error.provider(), error = %error, "a catalogue could not be had");
    }
    let asked =
        parameter(query, "return_wildcard_routes").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    if asked || gateway.settings.return_wildcard_routes {
        listed.extend(router.wildcards());
    }
    let mut view = View::new(caller, &router);
    listed.retain(|model| view.shows(&model.id));
    listed
}

/// `GET /v1/models/{model}`.
pub(crate) async fn get(
    gateway: &Gateway,
    caller: &Caller,
    model: &str,
) -> Result<Response<ReplyBody>, Error> {
    Ok(json_reply(StatusCode::OK, &row(&find(gateway, caller, model).await?)))
}

/// One model that a caller may ask for, listed or not.
pub(crate) async fn find(gateway: &Gateway, caller: &Caller, model: &str) -> Result<ListedModel, Error> {
    let hidden = || {
        let message = format!("the model `{model}` does not exist, or may not be called with this key");
        Error::new(ErrorKind::NotFound, message).with_param("model")
    };
    let router = gateway.router();
    let route = router.resolve(model).map_err(|error| {
        // Whoever may not call every model is not told which there are.
        if reach::is_restricted(caller) { hidden() } else { not_found(model, &error) }
    })?;
    // Only a wildcard's name needs a catalogue to be told more of.
    let deployment = &route.first().deployment;
    if !reach::holds(caller, model, &route) {
        return Err(hidden());
    }
    let is_wildcard = deployment.group.contains('*');
    let listed = if is_wildcard { router.models().await.0 } else { Vec::new() };
    // A wildcard also lets names through that the catalogue does not list, or whose catalogue cannot be had.
    Ok(listed.into_iter().find(|listed| listed.id == model).unwrap_or_else(|| ListedModel {
        id: model.to_owned(),
        deployment: deployment.clone(),
        info: None,
    }))
}

fn not_found(model: &str, error: &Error) -> Error {
    let message = format!("the model `{model}` does not exist: {}", error.message());
    Error::new(ErrorKind::NotFound, message).with_param("model")
}

fn row(listed: &ListedModel) -> Value {
    let mut row = Map::new();
    let info = listed.info.as_ref();
    row.insert("id".into(), listed.id.clone().into());
    row.insert("object".into(), "model".into());
    row.insert("created".into(), info.and_then(|info| info.created).unwrap_or(CREATED_UNKNOWN).into());
    let owner = info.and_then(|info| info.owned_by.clone()).unwrap_or_else(|| "openai".to_owned());
    row.insert("owned_by".into(), owner.into());
    for key in ["mode", "max_input_tokens", "max_output_tokens"] {
        if let Some(value) = listed.deployment.info.get(key) {
            row.insert(key.into(), value.clone());
        }
    }
    if let Some(info) = info {
        add_catalogue(info, &mut row);
    }
    Value::Object(row)
}

/// What a catalogue tells, in the members that LiteLLM's clients know.
fn add_catalogue(info: &ModelInfo, row: &mut Map<String, Value>) {
    let mut tell = |key: &str, value: Option<Value>| {
        if let Some(value) = value
            && !row.contains_key(key)
        {
            row.insert(key.to_owned(), value);
        }
    };
    tell("mode", info.kind.as_deref().map(mode).map(Value::from));
    tell("max_input_tokens", info.context_window.map(Value::from));
    tell("max_output_tokens", info.output_tokens_max.map(Value::from));
}

/// LiteLLM's word for what a model is for.
fn mode(kind: &str) -> &str {
    match kind {
        "language" => "chat",
        "image" => "image_generation",
        "video" => "video_generation",
        "reranking" => "rerank",
        "speech" => "audio_speech",
        "transcription" => "audio_transcription",
        other => other,
    }
}

/// `GET /model/info`.
pub(crate) fn info(gateway: &Gateway, caller: &Caller, query: &str) -> Response<ReplyBody> {
    let wanted = parameter(query, "litellm_model_id");
    let router = gateway.router();
    let mut view = View::new(caller, &router);
    let data: Vec<Value> = router
        .deployments()
        .filter(|deployment| wanted.as_ref().is_none_or(|id| **id == *deployment.id))
        .filter(|deployment| view.shows(&deployment.group))
        .map(|deployment| deployment_row(deployment))
        .collect();
    match wanted {
        Some(id) if data.is_empty() => {
            let detail =
                json!({ "detail": { "error": format!("Model id = {id} not found on litellm proxy") } });
            json_reply(StatusCode::BAD_REQUEST, &detail)
        }
        Some(_) | None => json_reply(StatusCode::OK, &json!({ "data": data })),
    }
}

fn deployment_row(deployment: &Deployment) -> Value {
    let mut parameters = Map::new();
    parameters.insert("model".into(), (&*deployment.model).into());
    if let Some(base) = deployment.shown_base() {
        parameters.insert("api_base".into(), base.into());
    }
    let mut info = deployment.info.clone();
    info.insert("id".into(), (&*deployment.id).into());
    info.entry("db_model").or_insert(Value::Bool(false));
    info.entry("key").or_insert_with(|| (&*deployment.model).into());
    if !deployment.prefix.is_empty() {
        info.insert("litellm_provider".into(), (&*deployment.prefix).into());
    }
    if let Some(price) = &deployment.price {
        add_price(price, &mut info);
    }
    json!({ "model_name": &*deployment.group, "litellm_params": parameters, "model_info": info })
}

/// A price in LiteLLM's members. Amounts are shown as JSON numbers, digit by digit as configured.
fn add_price(price: &Price, row: &mut Map<String, Value>) {
    let rates = &price.rates;
    let named = [
        ("input_cost_per_token", rates.input),
        ("output_cost_per_token", rates.output),
        ("cache_read_input_token_cost", rates.cache_read),
        ("cache_creation_input_token_cost", rates.cache_write),
        ("output_cost_per_reasoning_token", rates.reasoning),
        ("input_cost_per_audio_token", rates.audio_input),
        ("output_cost_per_audio_token", rates.audio_output),
        ("input_cost_per_request", price.per_request),
    ];
    for (key, amount) in named {
        if let Some(amount) = amount {
            row.insert(key.to_owned(), Value::Number(cost::number(amount)));
        }
    }
}

/// `GET /model_group/info`.
pub(crate) fn group_info(gateway: &Gateway, caller: &Caller, query: &str) -> Response<ReplyBody> {
    let wanted = parameter(query, "model_group");
    let mut groups: BTreeMap<&str, Vec<&Deployment>> = BTreeMap::new();
    let router = gateway.router();
    let mut view = View::new(caller, &router);
    for deployment in router.deployments() {
        if wanted.as_ref().is_none_or(|group| **group == *deployment.group) && view.shows(&deployment.group) {
            groups.entry(&deployment.group).or_default().push(deployment);
        }
    }
    let data: Vec<Value> = groups.iter().map(|(group, deployments)| group_row(group, deployments)).collect();
    json_reply(StatusCode::OK, &json!({ "data": data }))
}

fn group_row(group: &str, deployments: &[&Deployment]) -> Value {
    let mut row = Map::new();
    row.insert("model_group".into(), group.into());
    let mut providers: Vec<&str> = deployments.iter().map(|deployment| &*deployment.prefix).collect();
    providers.sort_unstable();
    providers.dedup();
    row.insert("providers".into(), json!(providers));
    let shared = [
        "mode",
        "max_input_tokens",
        "max_output_tokens",
        "supports_vision",
        "supports_function_calling",
        "supports_parallel_function_calling",
        "supports_reasoning",
    ];
    for key in shared {
        if let Some(value) = deployments.iter().find_map(|deployment| deployment.info.get(key)) {
            row.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(price) = deployments.iter().find_map(|deployment| deployment.price.as_ref()) {
        add_price(price, &mut row);
    }
    Value::Object(row)
}

/// The value of a parameter of an address.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let (_, value) =
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    Some(percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
}

/// The refusal of a parameter that is no whole number within bounds.
pub(crate) fn invalid_number(name: &str, least: usize, most: usize) -> Error {
    let message = format!("'{name}' must be a whole number from {least} to {most}.");
    Error::new(ErrorKind::InvalidRequest, message).with_param(name)
}

pub(crate) fn json_reply(status: StatusCode, value: &impl fmt::Display) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::from(bytes::Bytes::from(value.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
