//! Whole chat completions: what is sent, what comes back, what it cost.

use rust_decimal::Decimal;
use serde_json::Value;
use trunkline_core::Cost;

use crate::world::{World, chat, chat_with, headers};

#[tokio::test]
async fn a_reply_comes_with_its_tokens_and_its_bill() {
    let world = World::new().await;
    let (document, seen) = world.document(chat_with("openai/gpt-4.1-nano")).await;
    let request = world.request();
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.model.as_deref(), Some("openai/gpt-4.1-nano"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("authorization"), Some("Bearer vck_environment"));

    let told: Value = serde_json::from_slice(document.raw("usage").unwrap()).unwrap();
    let usage = seen.usage.unwrap();
    assert_eq!(usage.input(), told["prompt_tokens"].as_u64().unwrap());
    assert_eq!(usage.all_output(), told["completion_tokens"].as_u64().unwrap());
    assert!(usage.total() > 0 && !usage.inconsistent);
    assert_eq!(seen.cost.and_then(|cost| cost.spend()), request.billed);
    assert!(request.billed > Some(Decimal::ZERO));
    assert_eq!(seen.generation_id, request.generation_id);
}

/// What was billed counts, not the list price beside it.
#[tokio::test]
async fn a_discount_is_believed() {
    let world = World::new().await;
    let (_, seen) = world.document(chat_with("sim/discounted")).await;
    let Some(Cost::Reported(cost)) = seen.cost else {
        panic!("the gateway reports what it billed");
    };
    assert_eq!(cost.cost, world.request().billed);
    assert_eq!(cost.market_cost, cost.cost.map(|cost| cost * Decimal::TWO));
    assert!(!cost.is_byok);
}

#[tokio::test]
async fn what_costs_nothing_costs_zero_and_is_known() {
    let world = World::new().await;
    let (_, seen) = world.document(chat_with("sim/free")).await;
    assert_eq!(seen.cost.and_then(|cost| cost.spend()), Some(Decimal::ZERO));
}

#[tokio::test]
async fn an_own_key_is_told_in_the_bill() {
    let world = World::new().await;
    let body = r#"{"model":"x","messages":[{"role":"user","content":"Hi"}],
        "providerOptions":{"gateway":{"byok":{"openai":[{"apiKey":"sk-own"}]}}}}"#;
    let (_, seen) = world.document(chat(body)).await;
    let Some(Cost::Reported(cost)) = seen.cost else {
        panic!("the gateway reports what it billed");
    };
    assert!(cost.is_byok);
}

const TOOLS: &str = r#"{"model":"x","messages":[{"role":"user","content":"Call wx for Oslo"}],
    "tools":[{"type":"function","function":{"name":"wx","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]}"#;

#[tokio::test]
async fn tools_are_called() {
    let world = World::new().await;
    let (document, _) = world.document(chat(TOOLS)).await;
    let choices: Value = serde_json::from_slice(document.raw("choices").unwrap()).unwrap();
    assert_eq!(choices[0]["finish_reason"], "tool_calls");
    assert_eq!(choices[0]["message"]["tool_calls"][0]["function"]["name"], "wx");
}

/// Thoughts carry signatures that only their provider can check: they come, and go back, byte by byte.
#[tokio::test]
async fn reasoning_comes_and_goes_back_untouched() {
    let world = World::new().await;
    let ask = r#"{"model":"x","messages":[{"role":"user","content":"Think"}],"reasoning":{"effort":"low"}}"#;
    let mut call = chat(ask);
    call.model = "anthropic/claude-sonnet-5.5".into();
    let (document, seen) = world.document(call).await;
    assert!(seen.usage.is_some());
    let choices = String::from_utf8(document.raw("choices").unwrap().to_vec()).unwrap();
    let start = choices.find("\"reasoning_details\":").expect("there are thoughts");
    let end = start + choices[start..].find(']').unwrap() + 1;
    let details = &choices[start..end];
    assert!(details.contains("\"signature\":\"sig"), "{details}");

    let again = format!(
        r#"{{"model":"x","messages":[{{"role":"user","content":"Think"}},{{"role":"assistant","content":"…",{details}}},{{"role":"user","content":"And?"}}]}}"#
    );
    world.document(chat(&again)).await;
    let sent = world.control().requests()[1].body.clone();
    assert_eq!(String::from_utf8(sent.to_vec()).unwrap(), again.replace("\"x\"", "\"openai/gpt-4.1-nano\""));
}

#[tokio::test]
async fn the_application_and_the_session_are_named() {
    let world = World::with(&[
        ("AI_GATEWAY_API_KEY", "vck_environment"),
        ("VERCEL_SITE_URL", "https://app.example"),
        ("VERCEL_APP_NAME", "App"),
    ])
    .await;
    let mut call = chat_with("openai/gpt-4.1-nano");
    call.headers = headers(&[("x-session-affinity", "session-7")]);
    world.document(call).await;
    let request = world.request();
    assert_eq!((request.referer(), request.title()), (Some("https://app.example"), Some("App")));
    assert_eq!(request.header("x-session-affinity"), Some("session-7"));
}
