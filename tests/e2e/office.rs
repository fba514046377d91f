//! A gateway that gives out keys and keeps a ledger, in a folder that outlives it.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use trunkline_store::{RequestQuery, RequestRow, SqliteStore, Store};

use crate::client::{Answer, send};
use crate::server::Start;

pub(crate) const MASTER: &str = "sk-a-strong-master-key";
pub(crate) const CHAT: &str = "/v1/chat/completions";

/// What a request costs that [`reply`] answers: five tokens in and ten out, at the prices of [`row`], in 1e-5 dollars.
pub(crate) const COST: u64 = 25;

/// A deployment of a group: a token in costs 1e-5 dollars, one out 2e-5.
pub(crate) fn row(group: &str, base: &str) -> String {
    format!(
        "- {{model_name: \"{group}\", litellm_params: {{model: openai/x, api_key: sk-upstream-canary-1, api_base: \"{base}/v1\", \
         input_cost_per_token: 0.00001, output_cost_per_token: 0.00002}}}}\n"
    )
}

/// A whole reply of that many tokens out.
pub(crate) fn reply(output: u64) -> String {
    let usage = json!({ "prompt_tokens": 5, "completion_tokens": output, "total_tokens": 5 + output });
    let choice = json!({ "index": 0, "message": { "role": "assistant", "content": "hello" }, "finish_reason": "stop" });
    json!({ "id": "gen_1", "object": "chat.completion", "model": "x", "choices": [choice], "usage": usage })
        .to_string()
}

/// One event of a stream, with a token in it.
pub(crate) const EVENT: &str =
    "data: {\"id\":\"gen_1\",\"model\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";

/// The events of a whole stream of that many tokens out.
pub(crate) fn events(output: u64) -> Vec<String> {
    let stop = "data: {\"id\":\"gen_1\",\"model\":\"x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let usage = format!(
        "data: {{\"id\":\"gen_1\",\"model\":\"x\",\"choices\":[],\"usage\":{{\"prompt_tokens\":5,\"completion_tokens\":{output},\"total_tokens\":{}}}}}\n\n",
        5 + output
    );
    let tokens = (0..output).map(|_| EVENT.to_owned());
    tokens.chain([stop.to_owned(), usage, "data: [DONE]\n\n".to_owned()]).collect()
}

/// A chat about `text`.
pub(crate) fn chat(model: &str, text: &str, more: Value) -> String {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": text }] });
    let Value::Object(members) = more else { panic!("members: {more}") };
    body.as_object_mut().expect("an object").extend(members);
    body.to_string()
}

/// Starts a gateway with a master key over a folder.
pub(crate) fn start(folder: &Path, config: &str) -> Start {
    Start::new()
        .config(config)
        .variable("LITELLM_MASTER_KEY", MASTER)
        .variable("LITELLM_SALT_KEY", "salt-of-a-test")
        .argument("--host")
        .argument("127.0.0.1")
        .argument("--data-dir")
        .argument(folder.display().to_string())
}

/// Sends a body of JSON with a key.
pub(crate) async fn ask(address: SocketAddr, key: &str, path: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    send(address, "POST", path, &headers, body.as_bytes()).await
}

/// Looks at something with a key.
pub(crate) async fn see(address: SocketAddr, key: &str, path: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    send(address, "GET", path, &[("authorization", bearer.as_str())], b"").await
}

/// Does something as the master, who must succeed.
pub(crate) async fn done(address: SocketAddr, path: &str, body: Value) -> Value {
    let answer = ask(address, MASTER, path, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
    answer.json()
}

/// Makes a key.
pub(crate) async fn key(address: SocketAddr, body: Value) -> String {
    done(address, "/key/generate", body).await["key"].as_str().expect("a key").to_owned()
}

/// What a key has spent, as its page says, in 1e-5 dollars.
pub(crate) async fn spend(address: SocketAddr, key: &str) -> u64 {
    let info = see(address, MASTER, &format!("/key/info?key={key}")).await.json();
    units(&info["info"]["spend"])
}

/// An amount of dollars in 1e-5 dollars.
pub(crate) fn units(amount: &Value) -> u64 {
    let amount = amount.as_f64().unwrap_or_else(|| panic!("no amount: {amount}"));
    // Amounts here are small and whole.
    (amount * 1e5).round() as u64
}

/// The rows that a gateway has left in a folder, the newest first.
pub(crate) async fn rows(folder: &Path) -> Vec<RequestRow> {
    let store = SqliteStore::open(&folder.join("trunkline.db")).await.expect("a store");
    let query = RequestQuery { limit: 100_000, ..RequestQuery::default() };
    let rows = store.requests(&query).await.expect("rows");
    store.close().await;
    rows
}
