//! A Responses request as the simulated model hears it: the same prompt as a chat.

use serde_json::{Value, json};

use super::super::request::ChatRequest;
use super::items;
use super::request::ResponsesRequest;

pub(crate) fn prompt(asked: &ResponsesRequest, model: String, items: &[Value], account: u64) -> ChatRequest {
    let tools = asked.tools.iter().flatten().filter_map(tool).collect::<Vec<_>>();
    ChatRequest {
        model,
        models: asked.models.clone(),
        messages: items::heard(items, asked.instructions.as_deref(), account),
        stream: asked.stream,
        tools: (!tools.is_empty()).then_some(Value::Array(tools)),
        tool_choice: asked.tool_choice.as_ref().map(choice),
        parallel_tool_calls: asked.parallel_tool_calls,
        response_format: asked.text.as_ref().and_then(|text| format(&text["format"])),
        reasoning: asked.thinks().then(|| json!({})),
        max_tokens: asked.max_output_tokens.map(|most| most as f64),
        provider: asked.provider.clone(),
        provider_options: asked.provider_options.clone(),
        ..ChatRequest::default()
    }
}

/// Functions and custom tools; of the others the model knows nothing.
fn tool(tool: &Value) -> Option<Value> {
    match tool["type"].as_str()? {
        "function" => Some(json!({ "type": "function", "function": {
            "name": tool["name"], "parameters": tool["parameters"],
        } })),
        "custom" => Some(json!({ "type": "custom", "custom": { "name": tool["name"] } })),
        _ => None,
    }
}

fn choice(choice: &Value) -> Value {
    match choice["type"].as_str() {
        Some(kind @ ("function" | "custom")) => json!({ "type": kind, kind: { "name": choice["name"] } }),
        Some("allowed_tools") => choice["mode"].clone(),
        _ => choice.clone(),
    }
}

fn format(format: &Value) -> Option<Value> {
    match format["type"].as_str()? {
        "json_schema" => {
            Some(json!({ "type": "json_schema", "json_schema": { "schema": format["schema"] } }))
        }
        "json_object" => Some(json!({ "type": "json_object" })),
        _ => None,
    }
}
