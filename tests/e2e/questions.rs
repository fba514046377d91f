//! What the gateway works out itself: what something costs, and how many tokens it has.

use serde_json::{Value, json};

use crate::client::post;
use crate::office::{MASTER, ask, chat, key, start};
use crate::server::Start;

const CONFIG: &str = "model_list:
- {model_name: own, litellm_params: {model: openai/x, api_key: sk-1, input_cost_per_token: 0.000003, output_cost_per_token: 1.5e-5, cache_read_input_token_cost: 3e-7}}
- {model_name: listed, litellm_params: {model: openai/gpt-4o, api_key: sk-1}}
- {model_name: unpriced, litellm_params: {model: openai/nobody-knows, api_key: sk-1}}
- {model_name: \"vercel_ai_gateway/*\", litellm_params: {model: vercel_ai_gateway/*, api_key: vck-1}}
";

#[tokio::test]
async fn a_cost_is_worked_out_of_an_input_or_of_a_reply() {
    let server = Start::new().config(CONFIG).serve().await;
    let calculate = async |body: Value| post(server.address, "/spend/calculate", &body.to_string()).await;
    let cost = async |body: Value| {
        let answer = calculate(body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json().as_object().map(serde_json::Map::len), Some(1), "as in LiteLLM");
        answer.json()["cost"].to_string()
    };
    let messages = json!([{ "role": "user", "content": "Hello, how are you?" }]);
    // Nine tokens, as the estimate goes.
    assert_eq!(cost(json!({ "model": "own", "messages": messages })).await, "0.000027");
    let usage = json!({
        "prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "prompt_tokens_details": { "cached_tokens": 40 },
    });
    let response = |model: &str| json!({ "id": "c", "model": model, "choices": [], "usage": usage });
    // 60 × 0.000003 + 40 × 0.0000003 + 10 × 0.000015
    assert_eq!(cost(json!({ "completion_response": response("own") })).await, "0.000342");
    assert_eq!(cost(json!({ "model": "own", "completion_response": response("another") })).await, "0.000342");
    let listed = cost(json!({ "completion_response": response("gpt-4o") })).await;
    assert_eq!(cost(json!({ "model": "listed", "completion_response": response("x") })).await, listed);
    assert_eq!(cost(json!({ "completion_response": response("openai/gpt-4o") })).await, listed);
    assert_ne!(cost(json!({ "model": "vercel_ai_gateway/openai/gpt-4o", "messages": messages })).await, "0");

    for (body, param, words) in [
        (json!({}), "model", "Either 'model' or 'completion_response' must be provided"),
        (json!({ "model": "own" }), "messages", "messages must be provided"),
        (json!({ "model": "unpriced", "messages": messages }), "model", "isn't mapped yet"),
        (json!({ "model": "no-such", "messages": messages }), "model", "Invalid model name"),
        (json!({ "completion_response": { "model": "own" } }), "completion_response", "usage` is missing"),
    ] {
        let refused = calculate(body.clone()).await;
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &param.into()), "{body}");
        assert!(refused.message().contains(words), "{body}: {}", refused.text());
    }
}

#[tokio::test]
async fn tokens_are_counted_by_estimate_and_said_to_be() {
    let server = Start::new().config(CONFIG).serve().await;
    let count = async |body: Value| post(server.address, "/utils/token_counter", &body.to_string()).await;
    let messages = json!([{ "role": "user", "content": "Hello, how are you?" }]);
    let counted = count(json!({ "model": "listed", "messages": messages })).await.json();
    let expected = json!({
        "total_tokens": 9, "request_model": "listed", "model_used": "gpt-4o", "tokenizer_type": "trunkline_estimate",
        "count_source": "local_estimate", "original_response": null, "error": false, "error_message": null,
        "status_code": null,
    });
    assert_eq!(counted, expected);
    let total = async |mut body: Value| {
        body["model"] = json!("some-other");
        let answer = count(body).await.json();
        assert_eq!(answer["model_used"], "some-other", "{answer}");
        answer["total_tokens"].as_u64().expect("a number")
    };
    assert_eq!(total(json!({ "prompt": "Hello, how are you?" })).await, 5);
    let tools = json!([{ "type": "function", "function": { "name": "weather" } }]);
    assert!(total(json!({ "messages": messages, "tools": tools, "system": "Be brief." })).await > 20);
    let contents = json!([{ "role": "user", "parts": [{ "text": "Hello, how are you?" }] }]);
    assert_eq!(total(json!({ "contents": contents })).await, 9);
    for (body, words) in [
        (json!({ "model": "own" }), "prompt or messages or contents must be provided"),
        (json!({ "messages": messages }), "model must be provided"),
    ] {
        let refused = count(body).await;
        assert!(refused.status == 400 && refused.message().contains(words), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_key_with_a_list_of_models_learns_nothing_of_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), CONFIG).serve().await;
    let key = key(server.address, json!({ "models": ["own"] })).await;
    let body = |model: &str| chat(model, "hi", json!({}));
    let calculate =
        async |key: &str, model: &str| ask(server.address, key, "/spend/calculate", &body(model)).await;
    assert_eq!(calculate(&key, "own").await.status, 200);
    assert_eq!(calculate(MASTER, "listed").await.status, 200);
    for model in ["listed", "no-such"] {
        let refused = calculate(&key, model).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        assert!(!refused.text().contains("unpriced"), "{}", refused.text());
        let counted = ask(server.address, &key, "/utils/token_counter", &body(model)).await.json();
        assert_eq!(counted["model_used"], model, "where it leads is not told");
    }
}
