//! The four waits, each by deployment, group and request, and each with a value of its own.

use std::time::Duration;

use serde_json::json;
use trunkline_testkit::upstream::{Pause, Script, ScriptedUpstream, Step};

use crate::client::{Answer, send};
use crate::server::Start;

const EVENT: &str =
    "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"model\":\"x\",\"choices\":[]}\n\n";

const CONFIG: &str = "model_list:
- {model_name: own, model_info: {id: a, connect_timeout_ms: 11, idle_timeout_ms: 13}, litellm_params: {model: openai/x, api_key: k, stream_timeout: 0.012, timeout: 0.014}}
- {model_name: own, model_info: {id: b}, litellm_params: {model: openai/x, api_key: k}}
- {model_name: other, litellm_params: {model: openai/x, api_key: k}}
trunkline_settings:
  connect_timeout_ms: 31
  first_event_timeout_ms: 32
  idle_timeout_ms: 33
  total_timeout_ms: 34
  group_waits:
    own: {connect_timeout_ms: 21, first_event_timeout_ms: 22, idle_timeout_ms: 23, total_timeout_ms: 24}
";

#[tokio::test]
async fn the_narrowest_wait_holds() {
    let server = Start::new().config(CONFIG).serve().await;
    let waits = async |model: &str, headers: &[(&str, &str)]| {
        let body = json!({ "model": model, "messages": [] }).to_string();
        let answer = send(server.address, "POST", "/v1/explain", headers, body.as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.json();
        let candidates = told["candidates"].as_array().expect("a list").clone();
        let of = |candidate: &serde_json::Value| {
            ["connect", "first_event", "idle", "total"]
                .map(|wait| candidate["waits_ms"][wait].as_u64().unwrap_or(0))
        };
        candidates.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(waits("own", &[]).await, [[11, 12, 13, 14], [21, 22, 23, 24]]);
    assert_eq!(waits("other", &[]).await, [[31, 32, 33, 34]]);
    let shorter = [
        ("x-trunkline-connect-timeout-ms", "1"),
        ("x-litellm-stream-timeout", "0.002"),
        ("x-trunkline-idle-timeout-ms", "3"),
        ("x-litellm-timeout", "0.004"),
    ];
    assert_eq!(waits("own", &shorter).await, [[1, 2, 3, 4], [1, 2, 3, 4]]);
    // LiteLLM's two may be longer, the others only shorter.
    let longer = [
        ("x-trunkline-connect-timeout-ms", "91"),
        ("x-litellm-stream-timeout", "0.092"),
        ("x-trunkline-idle-timeout-ms", "93"),
        ("x-litellm-timeout", "0.094"),
    ];
    assert_eq!(waits("other", &longer).await, [[31, 92, 33, 94]]);
    let odd = [("x-trunkline-idle-timeout-ms", "soon")];
    let answer = send(server.address, "POST", "/v1/explain", &odd, br#"{"model":"own","messages":[]}"#).await;
    assert_eq!(answer.error().0, 400);
}

/// Asks for a stream of what `then` follows the first event with, if `begins`.
async fn stream(begins: bool, then: Vec<Step>, waits: &str, headers: &[(&str, &str)]) -> Answer {
    let upstream = ScriptedUpstream::answering(move |_, _| {
        let mut steps = Script::sse([EVENT]).steps;
        steps.truncate(if begins { 2 } else { 1 });
        steps.extend(then.clone());
        Script::new(steps)
    });
    let upstream = upstream.await.expect("a loopback port");
    let config = format!(
        "model_list:\n- {{model_name: m, litellm_params: {{model: openai/x, api_key: k, num_retries: 0, api_base: \"{}/v1\"}}}}\n\
         trunkline_settings: {{group_waits: {{m: {{{waits}}}}}}}\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let body = br#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    send(server.address, "POST", "/v1/chat/completions", headers, body).await
}

/// One that goes on slowly and has no end.
fn going_on() -> Vec<Step> {
    let more = Script::sse([EVENT]).steps.swap_remove(1);
    (0..400).flat_map(|_| [Step::Pause(Pause::For(Duration::from_millis(20))), more.clone()]).collect()
}

#[tokio::test]
async fn each_wait_says_that_it_was_the_one() {
    let waits = "first_event_timeout_ms: 1500, idle_timeout_ms: 1000, total_timeout_ms: 3000";
    let own_idle = [("x-trunkline-idle-timeout-ms", "500")];
    for (begins, then, headers, status, told) in [
        (false, vec![Step::Hold], &[][..], 408, "no answer from the upstream within 1500 ms"),
        (true, vec![Step::Hold], &[][..], 200, "the upstream sent nothing for 1 s"),
        (true, vec![Step::Hold], &own_idle[..], 200, "the upstream sent nothing for 500 ms"),
        (true, going_on(), &[][..], 200, "the upstream did not finish within 3 s"),
    ] {
        let answer = stream(begins, then, waits, headers).await;
        assert_eq!(answer.status, status, "{told}: {}", answer.text());
        assert!(answer.text().contains(told), "{told}: {}", answer.text());
        assert!(!answer.text().contains("[DONE]"), "{}", answer.text());
    }
}
