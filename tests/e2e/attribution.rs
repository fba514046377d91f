//! Whom a key may have the Vercel AI Gateway book a call to.

use serde_json::{Value, json};
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::client::send;
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

/// A body that says nothing of it itself, and has its fallback say it.
#[tokio::test]
async fn a_key_books_nothing_to_others_by_its_own_fallbacks() {
    let upstream = ScriptedUpstream::answering(|number, _| match number {
        0 => Script::json(500, r#"{"error":{"message":"no"}}"#),
        _ => Script::json(200, reply(1)),
    });
    let upstream = upstream.await.expect("a loopback port");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let row = |name: &str| {
        format!(
            "- {{model_name: {name}, litellm_params: {{model: vercel_ai_gateway/maker/x, api_key: vck_1, \
             api_base: \"{}/v1\", max_retries: 0}}}}\n",
            upstream.url()
        )
    };
    let config = format!(
        "model_list:\n{}{}router_settings: {{num_retries: 0}}\ntrunkline_settings: {{gateway_attribution: stamp}}\n",
        row("m"),
        row("other")
    );
    let server = start(folder.path(), &config).serve().await;
    let own = key(server.address, json!({ "key_alias": "nightly" })).await;
    let fallback = json!({ "model": "other", "providerOptions": { "gateway": { "user": "bob" } } });
    let answer = ask(server.address, &own, CHAT, &chat("m", "hi", json!({ "fallbacks": [fallback] }))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = upstream.requests();
    assert_eq!(sent.len(), 2);
    let body: Value = serde_json::from_slice(&sent[1].body).expect("JSON");
    assert_eq!(body["providerOptions"], json!({ "gateway": { "user": "nightly", "tags": [] } }));
}

#[tokio::test]
async fn a_form_whose_options_nobody_can_read_is_refused_where_they_count() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = "model_list:\n- {model_name: m, litellm_params: {model: vercel_ai_gateway/maker/x, api_key: vck_1}}\n\
                  trunkline_settings: {gateway_attribution: stamp}\n";
    let server = start(folder.path(), config).serve().await;
    let own = key(server.address, json!({})).await;
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let said = r#"{"gateway":{"user":"bob"}}"#;
    for options in
        [part("providerOptions", "{\"a\":"), part("providerOptions", "{}") + &part("providerOptions", said)]
    {
        let body = part("model", "m") + &part("prompt", "hi") + &options + "--b--\r\n";
        let bearer = format!("Bearer {own}");
        let headers =
            [("authorization", bearer.as_str()), ("content-type", "multipart/form-data; boundary=b")];
        let answer = send(server.address, "POST", "/v1/images/edits", &headers, body.as_bytes()).await;
        assert_eq!(answer.error().0, 400, "{}", answer.text());
        assert!(answer.message().contains("`providerOptions` must be one part"), "{}", answer.text());
    }
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
