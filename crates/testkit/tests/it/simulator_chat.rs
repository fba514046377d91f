//! Chat completions, whole and streamed, member by member.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_testkit::simulator::{Simulator, SimulatorOptions};

use crate::client::{chat, events, post, send};

pub(crate) async fn simulator() -> Simulator {
    Simulator::start(SimulatorOptions { now_seconds: Some(1_790_000_000), ..SimulatorOptions::default() })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_whole_answer_is_spelt_as_the_gateway_spells_it() {
    let simulator = simulator().await;
    let received = chat(&simulator.url(), "openai/gpt-4.1-nano", "").await;
    assert_eq!((received.status, received.complete), (200, true));
    assert_eq!(received.header("content-type"), Some("application/json; charset=utf-8"));
    let id = received.json()["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("gen_01M3250V00") && id.len() == 30, "{id}");
    let request_id = received.text().split("\"providerRequestId\":\"").nth(1).unwrap()[..28].to_owned();
    let response_id = received.text().split("\"responseId\":\"").nth(1).unwrap()[..29].to_owned();
    let expected = concat!(
        r#"{"id":"GEN","object":"chat.completion","created":1790000000,"model":"openai/gpt-4.1-nano","choices":[{"index":0,"#,
        r#""message":{"role":"assistant","content":"You said “Hé!”. Voilà, 漢字 🙂.","provider_metadata":{"#,
        r#""openai":{"responseId":"RESP","serviceTier":"default"},"gateway":{"routing":{"#,
        r#""originalModelId":"openai/gpt-4.1-nano","resolvedProvider":"openai","resolvedProviderApiModelId":"gpt-4.1-nano","#,
        r#""fallbacksAvailable":["azure"],"planningReasoning":"System credentials planned for: openai, azure. Total execution order: openai(system) → azure(system)","#,
        r#""canonicalSlug":"openai/gpt-4.1-nano","finalProvider":"openai","modelAttemptCount":1,"#,
        r#""modelAttempts":[{"modelId":"openai:gpt-4.1-nano","canonicalSlug":"openai/gpt-4.1-nano","success":true,"#,
        r#""providerAttemptCount":1,"providerAttempts":[{"provider":"openai","providerApiModelId":"gpt-4.1-nano","#,
        r#""credentialType":"system","success":true,"startTime":1790000000000,"endTime":1790000000000,"statusCode":200,"#,
        r#""providerRequestId":"REQ","providerResponseId":"RESP"}]}],"totalProviderAttemptCount":1,"#,
        r#""affinity":{"outcome":"skipped_below_min_prefix"},"clientSessionId":"sim-session","clientSessionIdSource":"fingerprint"},"#,
        r#""cost":"0.0000052","marketCost":"0.0000052","surchargeCost":"0","gatewayCost":"0.0000052","#,
        r#""inferenceCost":"0.0000052","inputInferenceCost":"0.0000008","outputInferenceCost":"0.0000044","#,
        r#""generationId":"GEN"}}},"logprobs":null,"finish_reason":"stop"}],"#,
        r#""usage":{"prompt_tokens":8,"completion_tokens":11,"total_tokens":19,"cost":0.0000052,"is_byok":false,"#,
        r#""prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0,"video_tokens":0},"#,
        r#""cost_details":{"upstream_inference_cost":null,"upstream_inference_prompt_cost":0,"upstream_inference_completions_cost":0},"#,
        r#""completion_tokens_details":{"reasoning_tokens":0,"image_tokens":0},"cache_creation_input_tokens":0,"#,
        r#""market_cost":0.0000052,"gateway_cost":0.0000052},"system_fingerprint":"fp_FINGER","service_tier":"default","generationId":"GEN"}"#,
    );
    let fingerprint = received.json()["system_fingerprint"].as_str().unwrap().to_owned();
    let expected = expected.replace("GEN", &id).replace("REQ", &request_id).replace("RESP", &response_id);
    assert_eq!(received.text(), expected.replace("fp_FINGER", &fingerprint));
}

#[tokio::test]
async fn a_stream_has_the_profile_that_was_recorded() {
    let simulator = simulator().await;
    let members = r#","stream":true,"stream_options":{"include_usage":true}"#;
    let received = chat(&simulator.url(), "mistral/ministral-8b", members).await;
    assert_eq!(received.header("content-type"), Some("text/event-stream"));
    assert!(received.complete);
    let events = events(&received);
    assert_eq!(events.last(), Some(&"[DONE]"));
    let id = &events[0][7..37];
    let prefix = format!(
        r#"{{"id":"{id}","object":"chat.completion.chunk","created":1790000000,"model":"mistral/ministral-8b","choices":[{{"index":0,"delta":"#
    );
    let middle = r#","logprobs":null,"finish_reason":null}],"system_fingerprint":""#;
    assert!(
        events[0].starts_with(&format!("{prefix}{}{middle}", r#"{"role":"assistant"}"#)),
        "{}",
        events[0]
    );
    assert!(
        events[1].starts_with(&format!("{prefix}{}{middle}", r#"{"content":"You sa"}"#)),
        "{}",
        events[1]
    );
    let finish = events[events.len() - 2];
    assert!(
        finish.starts_with(&format!(
            "{prefix}{}",
            r#"{"provider_metadata":{"mistral":{},"gateway":{"routing":{"#
        ))
    );
    assert!(
        finish.contains(r#"},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"#),
        "{finish}"
    );
    assert!(finish.ends_with(&format!(r#","generationId":"{id}"}}"#)), "{finish}");
    assert!(!finish.contains("service_tier"));
    let chunks = events[..events.len() - 1].iter().map(|event| serde_json::from_str::<Value>(event).unwrap());
    let text = chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned));
    assert_eq!(text.collect::<String>(), "You said “Hé!”. Voilà, 漢字 🙂.");
    // One event in each write, one write in each chunk.
    assert_eq!(received.chunks.len(), events.len());
}

#[tokio::test]
async fn tool_calls_come_whole_and_in_fragments() {
    let simulator = simulator().await;
    let body = json!({
        "model": "openai/gpt-4.1-nano",
        "messages": [{"role": "user", "content": "Use wx."}],
        "tools": [{"type": "function", "function": {"name": "wx", "parameters": {"type": "object",
            "properties": {"city": {"type": "string"}}, "required": ["city"]}}}],
    });
    let whole = post(&simulator.url(), "/v1/chat/completions", &body.to_string()).await.json();
    let choice = &whole["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &Value::Null)
    );
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"], json!({"name": "wx", "arguments": "{\"city\":\"city é 漢字\"}"}));

    let mut body = body;
    body["stream"] = json!(true);
    let received = post(&simulator.url(), "/v1/chat/completions", &body.to_string()).await;
    let chunks = events(&received);
    let chunks = chunks[..chunks.len() - 1]
        .iter()
        .map(|event| serde_json::from_str::<Value>(event).unwrap())
        .collect::<Vec<_>>();
    let opening = &chunks[1]["choices"][0]["delta"]["tool_calls"][0];
    assert_eq!(opening["function"], json!({"name": "wx", "arguments": ""}));
    assert_eq!((&opening["index"], &opening["type"]), (&json!(0), &json!("function")));
    assert!(opening["id"].as_str().unwrap().starts_with("call_"));
    let fragment = json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"city\":"}}]});
    assert_eq!(chunks[2]["choices"][0]["delta"], fragment);
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "tool_calls");
    let arguments = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str());
    assert_eq!(arguments.collect::<String>(), "{\"city\":\"city é 漢字\"}");
}

#[tokio::test]
async fn reasoning_comes_before_the_text_without_content() {
    let simulator = simulator().await;
    let whole = chat(&simulator.url(), "anthropic/claude-sonnet-4.5", r#","reasoning":{"effort":"low"}"#)
        .await
        .json();
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["reasoning"], "Thinking about “Hé!”: naïve, 考え中 🙂.");
    assert_eq!(message["reasoning_details"][0]["format"], "anthropic-claude-v1");
    assert_eq!(whole["usage"]["completion_tokens_details"]["reasoning_tokens"], 0);
    assert_eq!(whole["usage"]["completion_tokens"], 24);

    let received =
        chat(&simulator.url(), "deepseek/deepseek-v3.2", r#","stream":true,"reasoning_effort":"low""#).await;
    let events = events(&received);
    let first = serde_json::from_str::<Value>(events[1]).unwrap();
    let delta = json!({"reasoning": "Thinki", "reasoning_details": [
        {"type": "reasoning.text", "text": "Thinki", "format": "unknown", "index": 0}]});
    assert_eq!(first["choices"][0]["delta"], delta);
    let finish = serde_json::from_str::<Value>(events[events.len() - 2]).unwrap();
    assert_eq!(finish["usage"]["completion_tokens_details"]["reasoning_tokens"], 13);

    let received =
        chat(&simulator.url(), "openai/gpt-5-mini", r#","stream":true,"reasoning":{"enabled":true}"#).await;
    let encrypted = crate::client::events(&received)
        .into_iter()
        .filter(|event| event.contains("reasoning.encrypted"))
        .count();
    assert_eq!(encrypted, 1);
}

#[tokio::test]
async fn money_is_the_same_in_both_places_and_discounts_show() {
    let simulator = simulator().await;
    let discounted = chat(&simulator.url(), "sim/discounted", "").await.json();
    assert_eq!(discounted["usage"]["cost"].to_string(), "0.000052");
    assert_eq!(discounted["usage"]["market_cost"].to_string(), "0.000104");
    let gateway = &discounted["choices"][0]["message"]["provider_metadata"]["gateway"];
    assert_eq!(
        (gateway["cost"].as_str(), gateway["marketCost"].as_str()),
        (Some("0.000052"), Some("0.000104"))
    );

    let byok = r#","providerOptions":{"gateway":{"byok":{"openai":[{"apiKey":"x"}]}}}"#;
    let byok = chat(&simulator.url(), "openai/gpt-4.1-nano", byok).await.json();
    assert_eq!(byok["usage"]["is_byok"], true);
    assert_eq!(byok["usage"]["cost"].to_string(), "0");
    assert_eq!(byok["usage"]["cost_details"]["upstream_inference_cost"].to_string(), "0.0000052");
    let routing = &byok["choices"][0]["message"]["provider_metadata"]["gateway"]["routing"];
    assert_eq!(routing["modelAttempts"][0]["providerAttempts"][0]["credentialType"], "byok");

    assert_eq!(simulator.control().billed(), "0.000052".parse::<Decimal>().unwrap());
    let requests = simulator.control().requests();
    assert_eq!(requests[0].billed, Some("0.000052".parse().unwrap()));
    assert_eq!(requests[0].generation_id.as_deref(), discounted["id"].as_str());
}

#[tokio::test]
async fn cached_tokens_are_inside_the_prompt() {
    let simulator = simulator().await;
    let text = "x".repeat(8_000);
    let body = json!({"model": "anthropic/claude-sonnet-4.5", "messages": [
        {"role": "system", "content": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": "hello"}]});
    let headers = [crate::client::KEY, ("x-session-affinity", "s-1")];
    let usage = async || {
        let received =
            send(&simulator.url(), "POST", "/v1/chat/completions", &headers, &body.to_string()).await;
        received.json()["usage"].clone()
    };
    let first = usage().await;
    let second = usage().await;
    let numbers = |usage: &Value| {
        ["prompt_tokens", "cache_creation_input_tokens"].map(|key| usage[key].as_u64().unwrap())
    };
    assert_eq!(numbers(&first), [2_013, 2_010]);
    assert_eq!(first["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(numbers(&second), [2_013, 0]);
    assert_eq!(second["prompt_tokens_details"]["cached_tokens"], 2_010);
    // 3 × 3e-6 + 2010 × 3.75e-6, and 3 × 3e-6 + 2010 × 0.3e-6; 11 tokens of output at 15e-6 each.
    assert_eq!(
        (first["cost"].to_string(), second["cost"].to_string()),
        ("0.0077115".into(), "0.000777".into())
    );
}

#[tokio::test]
async fn a_fallback_model_serves_and_the_attempts_tell() {
    let simulator = simulator().await;
    let received =
        chat(&simulator.url(), "sim/fault-unavailable", r#","models":["openai/gpt-4o"]"#).await.json();
    assert_eq!(received["model"], "openai/gpt-4o");
    let routing = &received["choices"][0]["message"]["provider_metadata"]["gateway"]["routing"];
    assert_eq!(routing["originalModelId"], "sim/fault-unavailable");
    assert_eq!(routing["modelAttemptCount"], 2);
    assert_eq!(routing["modelAttempts"][0]["success"], false);
    assert_eq!(routing["modelAttempts"][0]["providerAttempts"][0]["statusCode"], 503);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let options = SimulatorOptions { seed: 7, now_seconds: Some(1), ..SimulatorOptions::default() };
    let (one, two) =
        (Simulator::start(options.clone()).await.unwrap(), Simulator::start(options).await.unwrap());
    let first = chat(&one.url(), "openai/gpt-4o", r#","stream":true"#).await;
    let second = chat(&two.url(), "openai/gpt-4o", r#","stream":true"#).await;
    assert_eq!(first.text(), second.text());
    assert_ne!(chat(&one.url(), "openai/gpt-4o", "").await.json()["id"], first.text()[13..43]);
}
