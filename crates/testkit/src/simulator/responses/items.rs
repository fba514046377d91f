//! The items of a Responses request: checked as OpenAI does, and heard as the prompt of a chat.

use serde_json::{Value, json};

use super::super::reply::Reply;
use super::super::seal;
use super::request::invalid;

const USER_PARTS: [&str; 4] = ["input_text", "input_image", "input_file", "input_audio"];
const ASSISTANT_PARTS: [&str; 2] = ["output_text", "refusal"];
/// The kinds of items that call a tool, and those that answer one.
const CALLS: [&str; 3] = ["function_call", "custom_tool_call", "local_shell_call"];
const ANSWERS: [&str; 3] = ["function_call_output", "custom_tool_call_output", "local_shell_call_output"];

/// Refuses parts of the wrong kind, tools that are answered without a call or called without an answer, and what
/// was encrypted for another account or altered.
pub(crate) fn check(items: &[Value], account: u64) -> Result<(), Reply> {
    for (index, item) in items.iter().enumerate() {
        if !item.is_object() {
            let param = format!("input[{index}]");
            let message = format!("Invalid type for '{param}': expected an object.");
            return Err(invalid(&message, Some(&param), "invalid_type"));
        }
        match kind(item) {
            "message" => check_message(index, item)?,
            "reasoning" | "compaction" => check_encrypted(item, account)?,
            _ => {}
        }
    }
    let ids = |kinds: &[&str]| {
        let of_kind = items.iter().filter(|item| kinds.contains(&kind(item)));
        of_kind.filter_map(|item| item["call_id"].as_str()).collect::<Vec<_>>()
    };
    let (called, answered) = (ids(&CALLS), ids(&ANSWERS));
    if let Some(id) = answered.iter().find(|id| !called.contains(id)) {
        let message = format!("No tool call found for function call output with call_id {id}.");
        return Err(invalid(&message, Some("input"), "invalid_value"));
    }
    if let Some(id) = called.iter().find(|id| !answered.contains(id)) {
        let message = format!("No tool output found for function call {id}.");
        return Err(invalid(&message, Some("input"), "invalid_value"));
    }
    Ok(())
}

fn check_message(index: usize, item: &Value) -> Result<(), Reply> {
    let role = item["role"].as_str().unwrap_or_default();
    let allowed = match role {
        "user" | "system" | "developer" => &USER_PARTS[..],
        "assistant" => &ASSISTANT_PARTS[..],
        _ => {
            let message = format!(
                "Invalid value: '{role}'. Supported values are: 'assistant', 'system', 'developer', and 'user'."
            );
            return Err(invalid(&message, Some(&format!("input[{index}].role")), "invalid_value"));
        }
    };
    let parts = match &item["content"] {
        Value::String(_) => return Ok(()),
        Value::Array(parts) => parts,
        _ => {
            let param = format!("input[{index}].content");
            let message = format!("Missing required parameter: '{param}'.");
            return Err(invalid(&message, Some(&param), "missing_required_parameter"));
        }
    };
    let wrong = parts.iter().enumerate().find(|(_, part)| !allowed.contains(&kind_of_part(part)));
    let Some((position, part)) = wrong else { return Ok(()) };
    let message = format!(
        "Invalid value: '{}'. Supported values are: {}.",
        kind_of_part(part),
        allowed.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ")
    );
    Err(invalid(&message, Some(&format!("input[{index}].content[{position}]")), "invalid_value"))
}

fn check_encrypted(item: &Value, account: u64) -> Result<(), Reply> {
    let Some(sealed) = item["encrypted_content"].as_str() else { return Ok(()) };
    if seal::unseal(sealed, account).is_some() {
        return Ok(());
    }
    let id = item["id"].as_str().unwrap_or("without an id");
    let message = format!(
        "The encrypted content for item {id} could not be verified. Reason: Encrypted content could not be decrypted or parsed."
    );
    Err(invalid(&message, None, "invalid_encrypted_content"))
}

/// The kind of an item. An item without one that has a role is a message.
fn kind(item: &Value) -> &str {
    let untyped = if item["role"].is_string() { "message" } else { "" };
    item["type"].as_str().unwrap_or(untyped)
}

fn kind_of_part(part: &Value) -> &str {
    part["type"].as_str().unwrap_or_default()
}

/// The messages of a chat that say the same.
pub(crate) fn heard(items: &[Value], instructions: Option<&str>, account: u64) -> Vec<Value> {
    let instructions = instructions.map(|text| json!({ "role": "system", "content": text }));
    let heard = |item: &Value| match kind(item) {
        "message" => Some(json!({ "role": role(item), "content": item["content"] })),
        kind if CALLS.contains(&kind) => {
            let arguments = [&item["arguments"], &item["input"], &item["action"]];
            let call =
                json!({ "name": item["name"], "arguments": arguments.iter().find(|it| !it.is_null()) });
            Some(json!({ "role": "assistant", "tool_calls": [call] }))
        }
        kind if ANSWERS.contains(&kind) => Some(json!({ "role": "tool", "content": item["output"] })),
        "reasoning" | "compaction" => {
            let text = item["encrypted_content"].as_str().and_then(|sealed| seal::unseal(sealed, account));
            text.map(|text| json!({ "role": "assistant", "content": text }))
        }
        _ => None,
    };
    instructions.into_iter().chain(items.iter().filter_map(heard)).collect()
}

fn role(item: &Value) -> &str {
    match item["role"].as_str() {
        Some("developer") | None => "system",
        Some(role) => role,
    }
}
