//! Whom a key may have the Vercel AI Gateway book a call to.

use serde_json::{Value, json};
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::office::{CHAT, MASTER, ask, chat, key, reply, start};

/// What reached the upstream of `providerOptions`, or the status and what was refused.
async fn sent(policy: &str, asks: Option<Value>) -> Result<Value, (u16, String)> {
    let upstream =
        ScriptedUpstream::answering(|_, _| Script::json(200, reply(1))).await.expect("a loopback port");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = format!(
        "model_list:\n- {{model_name: m, litellm_params: {{model: vercel_ai_gateway/maker/x, api_key: vck_1, \
         api_base: \"{}/v1\"}}}}\ntrunkline_settings: {{gateway_attribution: {policy}}}\n",
        upstream.url()
    );
    let server = start(folder.path(), &config).serve().await;
    let own = match asks {
        Some(fields) => key(server.address, fields).await,
        None => MASTER.to_owned(),
    };
    let options =
        json!({ "gateway": { "only": ["a"], "user": "bob", "byok": { "x": [] } }, "x": { "user": "u" } });
    let body = chat("m", "hi", json!({ "providerOptions": options, "metadata": { "tags": ["night"] } }));
    let answer = ask(server.address, &own, CHAT, &body).await;
    if answer.status != 200 {
        return Err((answer.status, answer.message()));
    }
    let body: Value = serde_json::from_slice(&upstream.requests()[0].body).expect("JSON");
    Ok(body["providerOptions"].clone())
}

#[tokio::test]
async fn a_key_books_calls_to_itself_where_it_is_so_set() {
    let said =
        json!({ "gateway": { "only": ["a"], "user": "bob", "byok": { "x": [] } }, "x": { "user": "u" } });
    assert_eq!(sent("allow", Some(json!({}))).await, Ok(said.clone()));
    let (status, message) = sent("refuse", Some(json!({}))).await.expect_err("a key says it");
    assert_eq!(status, 403);
    assert!(message.contains("`providerOptions.gateway.byok` is for administrators"), "{message}");
    let stamped =
        json!({ "gateway": { "only": ["a"], "user": "ann", "tags": ["night"] }, "x": { "user": "u" } });
    assert_eq!(sent("stamp", Some(json!({ "user_id": "ann" }))).await, Ok(stamped));
    for policy in ["refuse", "stamp"] {
        assert_eq!(sent(policy, None).await, Ok(said.clone()), "an administrator may");
    }
}
