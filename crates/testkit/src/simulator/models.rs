//! The catalogue's endpoints, which need no credential.

use http::StatusCode;
use serde_json::{Value, json};

use super::catalogue;
use super::error;
use super::flavour::Flavour;
use super::reply::Reply;
use super::state::State;

/// `GET /v1/models`: the gateway's list, or the creator's own models in its own shape.
pub(crate) fn list(state: &State, flavour: Flavour) -> Reply {
    let own = |creator: &str| {
        let ids = state.catalogue.rows().iter().filter_map(|row| row["id"].as_str()?.strip_prefix(creator));
        ids.map(str::to_owned).collect::<Vec<_>>()
    };
    let body = match flavour {
        Flavour::Vercel => state.catalogue.list(),
        Flavour::OpenAi => {
            let model = |id| json!({ "id": id, "object": "model", "created": 0, "owned_by": "openai" });
            json!({ "object": "list", "data": own("openai/").into_iter().map(model).collect::<Vec<_>>() })
        }
        Flavour::Anthropic => {
            let ids = own("anthropic/");
            let model = |id: &String| json!({ "type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z" });
            json!({ "data": ids.iter().map(model).collect::<Vec<_>>(), "has_more": false,
                "first_id": ids.first(), "last_id": ids.last() })
        }
    };
    Reply::json(StatusCode::OK, &body)
}

/// `GET /v1/models/{creator}/{model}`, which the real gateway may not have.
pub(crate) fn retrieve(state: &State, id: &str, exists: bool) -> Reply {
    match state.catalogue.find(id) {
        Some(row) if exists => Reply::json(StatusCode::OK, row),
        Some(_) => error::not_found(&format!("/v1/models/{id}")),
        None => error::unknown_model(id),
    }
}

/// `GET /v1/models/{creator}/{model}/endpoints`.
pub(crate) fn endpoints(state: &State, id: &str) -> Reply {
    let Some(row) = state.catalogue.find(id) else { return error::unknown_model(id) };
    let input = modalities(row, "input");
    let output = modalities(row, "output");
    let providers = catalogue::providers(id);
    let endpoints = providers.iter().enumerate().map(|(index, provider)| endpoint(row, id, provider, index));
    let body = json!({ "data": {
        "id": id, "name": row["name"], "created": row["created"], "released": row["released"],
        "description": row["description"],
        "architecture": {
            "tokenizer": null, "instruct_type": null,
            "modality": format!("{}→{}", input.join("+"), output.join("+")),
            "input_modalities": input, "output_modalities": output,
        },
        "endpoints": endpoints.collect::<Vec<_>>(),
    } });
    Reply::json(StatusCode::OK, &body)
}

fn endpoint(row: &Value, id: &str, provider: &str, index: usize) -> Value {
    let pricing = &row["pricing"];
    // The first has figures of the last hour, the others have not been used.
    let measured = |figures: Value| if index == 0 { figures } else { Value::Null };
    json!({
        "name": format!("{provider} | {id}"), "model_name": row["name"], "context_length": row["context_window"],
        "pricing": {
            "prompt": pricing["input"], "completion": pricing["output"],
            "input_cache_read": pricing["input_cache_read"], "input_cache_write": pricing["input_cache_write"],
        },
        "provider_name": provider, "max_completion_tokens": row["max_tokens"], "max_prompt_tokens": null,
        "quantization": null, "supported_parameters": row["supported_parameters"], "status": 0,
        "uptime_last_15m": 100, "uptime_last_1h": 99.8, "uptime_last_1d": 99.6,
        "throughput_last_1h": measured(json!({ "p50": 67, "p95": 69.8 })),
        "latency_last_1h": measured(json!({ "p50": 2_292, "p95": 2_685 })),
        "supports_implicit_caching": false, "has_zdr": true, "has_no_training": true,
    })
}

fn modalities<'a>(row: &'a Value, side: &str) -> Vec<&'a str> {
    let listed = row["modalities"][side].as_array();
    listed.map_or_else(|| vec!["text"], |listed| listed.iter().filter_map(Value::as_str).collect())
}
