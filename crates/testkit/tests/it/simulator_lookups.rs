//! Embeddings, the catalogue, credits and generations.

use serde_json::{Value, json};
use trunkline_testkit::simulator::{Fault, FaultRule, Simulator, SimulatorOptions};

use crate::client::{KEY, chat, get, post, send};
use crate::simulator_chat::simulator;

#[tokio::test]
async fn embeddings_are_floats_or_base64_of_the_same() {
    let simulator = simulator().await;
    let embed = async |members: &str| {
        let body = format!(r#"{{"model":"openai/text-embedding-3-small",{members}}}"#);
        post(&simulator.url(), "/v1/embeddings", &body).await
    };
    let one = embed(r#""input":"hello wörld""#).await;
    let body = one.json();
    assert_eq!(body["data"][0]["embedding"].as_array().unwrap().len(), 1_536);
    assert_eq!(body["usage"], json!({"prompt_tokens": 3, "total_tokens": 3}));
    assert_eq!(body["providerMetadata"], json!({"gateway": {"routing": {}, "cost": "0.00000006"}}));
    let many = embed(r#""input":["a","hello wörld"],"dimensions":3,"encoding_format":"base64""#).await.json();
    assert_eq!((many["data"].as_array().unwrap().len(), &many["data"][1]["index"]), (2, &json!(1)));
    let packed = many["data"][1]["embedding"].as_str().unwrap();
    let floats = embed(r#""input":"hello wörld","dimensions":3,"encoding_format":"float""#).await.json();
    let floats = serde_json::from_value::<Vec<f32>>(floats["data"][0]["embedding"].clone()).unwrap();
    let bytes = floats.iter().flat_map(|float| float.to_le_bytes()).collect::<Vec<_>>();
    use base64::Engine as _;
    assert_eq!(packed, base64::engine::general_purpose::STANDARD.encode(bytes));
    for bad in [
        r#""input":[]"#,
        r#""input":"""#,
        r#""input":[[1,2]]"#,
        r#""input":"x","dimensions":9999"#,
        r#""input":"x","encoding_format":"hex""#,
    ] {
        let refused = embed(bad).await;
        assert_eq!(
            (refused.status, &refused.json()["error"]["type"]),
            (400, &json!("invalid_request_error")),
            "{bad}"
        );
    }
    let chat_model =
        post(&simulator.url(), "/v1/embeddings", r#"{"model":"openai/gpt-4o","input":"x"}"#).await;
    assert_eq!(chat_model.json()["error"]["param"]["name"], "ModelTypeMismatchError");
}

#[tokio::test]
async fn the_catalogue_needs_no_key_and_is_edited_while_running() {
    let simulator = simulator().await;
    let list = get(&simulator.url(), "/v1/models").await;
    let body = list.json();
    assert_eq!(body["object"], "list");
    let rows = body["data"].as_array().unwrap();
    assert_eq!(rows.len(), 419);
    assert!(rows.iter().any(|row| row == &json!({"id": "stealth/bare"})));
    let new = json!({"id": "new/model", "type": "language", "pricing": {"input": "0.001", "output": "0"}});
    simulator.control().add_model(new);
    let reply = chat(&simulator.url(), "new/model", "").await.json();
    assert_eq!(reply["usage"]["cost"].to_string(), "0.008");
    assert!(simulator.control().remove_model("new/model"));
    assert_eq!(chat(&simulator.url(), "new/model", "").await.status, 404);
    assert_eq!(get(&simulator.url(), "/v1/models").await.json()["data"].as_array().unwrap().len(), 419);
}

#[tokio::test]
async fn the_catalogue_can_fail() {
    let simulator = simulator().await;
    simulator.control().fault(FaultRule::new([Fault::Unavailable]).for_path("/v1/models"));
    assert_eq!(chat(&simulator.url(), "openai/gpt-4o", "").await.status, 200);
    assert_eq!(get(&simulator.url(), "/v1/models").await.status, 503);
    assert_eq!(get(&simulator.url(), "/v1/models").await.status, 200);
}

#[tokio::test]
async fn endpoints_of_a_model_are_told() {
    let simulator = simulator().await;
    let body = get(&simulator.url(), "/v1/models/anthropic/claude-sonnet-4.5/endpoints").await.json();
    let data = &body["data"];
    assert_eq!(data["architecture"]["modality"], "text+image+file→text");
    let endpoints = data["endpoints"].as_array().unwrap();
    let names = endpoints.iter().map(|endpoint| endpoint["name"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(
        names,
        [
            "anthropic | anthropic/claude-sonnet-4.5",
            "bedrock | anthropic/claude-sonnet-4.5",
            "vertex | anthropic/claude-sonnet-4.5"
        ]
    );
    assert_eq!(endpoints[0]["pricing"]["prompt"], "0.000003");
    assert_eq!(
        (&endpoints[0]["latency_last_1h"]["p50"], &endpoints[1]["latency_last_1h"]),
        (&json!(2_292), &Value::Null)
    );
    assert_eq!(get(&simulator.url(), "/v1/models/x/y/endpoints").await.status, 404);
}

#[tokio::test]
async fn one_model_is_retrieved_only_where_that_exists() {
    let simulator = simulator().await;
    assert_eq!(get(&simulator.url(), "/v1/models/openai/gpt-4o").await.json()["error"]["type"], "not_found");
    let options = SimulatorOptions { retrieve_models: true, ..SimulatorOptions::default() };
    let simulator = Simulator::start(options).await.unwrap();
    assert_eq!(get(&simulator.url(), "/v1/models/openai/gpt-4o").await.json()["context_window"], 128_000);
}

#[tokio::test]
async fn credits_go_down_by_what_is_billed() {
    let simulator = simulator().await;
    let credits = async || send(&simulator.url(), "GET", "/v1/credits", &[KEY], "").await.text().to_owned();
    assert_eq!(credits().await, r#"{"balance":"100.00","total_used":"0.00"}"#);
    chat(&simulator.url(), "openai/gpt-4.1-nano", "").await;
    assert_eq!(credits().await, r#"{"balance":"99.9999948","total_used":"0.0000052"}"#);
    assert_eq!(get(&simulator.url(), "/v1/credits").await.status, 401);
}

#[tokio::test]
async fn a_generation_is_known_after_a_while() {
    let simulator = simulator().await;
    let id =
        chat(&simulator.url(), "openai/gpt-4.1-nano", r#","stream":true"#).await.text()[13..43].to_owned();
    let look_up =
        async || send(&simulator.url(), "GET", &format!("/v1/generation?id={id}"), &[KEY], "").await;
    let first = look_up().await;
    assert_eq!((first.status, first.text()), (404, "Usage event not found"));
    assert_eq!(first.header("content-type"), Some("text/plain; charset=utf-8"));
    let second = look_up().await;
    assert_eq!(second.status, 200);
    let expected = concat!(
        r#"{"data":{"id":"ID","total_cost":0.0000052,"market_cost":0.0000052,"surcharge_cost":0,"gateway_cost":0.0000052,"#,
        r#""upstream_inference_cost":0,"usage":0.0000052,"created_at":"2026-09-21T14:13:20.000Z","#,
        r#""model":"openai/gpt-4.1-nano","is_byok":false,"provider_name":"openai","streamed":true,"finish_reason":"stop","#,
        r#""latency":0,"generation_time":0,"tokens_prompt":8,"tokens_completion":11,"native_tokens_prompt":8,"#,
        r#""native_tokens_completion":11,"native_tokens_reasoning":0,"native_tokens_cached":0,"#,
        r#""native_tokens_cache_creation":0,"billable_web_search_calls":0}}"#,
    );
    assert_eq!(second.text(), expected.replace("ID", &id));
    let unknown = send(&simulator.url(), "GET", "/v1/generation?id=gen_0", &[KEY], "").await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn reports_are_told_where_the_plan_has_them() {
    let target = "/v1/report?start_date=2026-01-01&end_date=2026-01-02";
    let status = async |reports| {
        let options = SimulatorOptions { reports, ..SimulatorOptions::default() };
        let simulator = Simulator::start(options).await.unwrap();
        send(&simulator.url(), "GET", target, &[KEY], "").await.status
    };
    assert_eq!((status(true).await, status(false).await), (200, 403));
}
