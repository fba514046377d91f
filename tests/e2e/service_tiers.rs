//! What a service tier costs: reserved by what the body asks for, charged by what the reply says.

use serde_json::json;
use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::office::{CHAT, ask, chat, key, reply, rows, start};
use crate::server::Trunkline;

/// A model whose tiers cost: 1e-5 and 2e-5 dollars for a token in and out, half as much, and twice as much.
fn config(base: &str) -> String {
    format!(
        "model_list:\n\
         - {{model_name: m, litellm_params: {{model: openai/x, api_key: sk-1, api_base: \"{base}/v1\", \
         input_cost_per_token: 0.00001, output_cost_per_token: 0.00002, \
         input_cost_per_token_flex: 0.000005, output_cost_per_token_flex: 0.00001, \
         input_cost_per_token_priority: 0.00002, output_cost_per_token_priority: 0.00004}}}}\n"
    )
}

/// Answers with five tokens in and ten out, and says that it served at the tier in the member `served` of the body, if
/// there is one.
async fn upstream() -> ScriptedUpstream {
    let upstream = ScriptedUpstream::answering(|_, request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        let mut reply: serde_json::Value = serde_json::from_str(&reply(10)).expect("JSON");
        reply["service_tier"] = body["served"].clone();
        Script::json(200, reply.to_string())
    });
    upstream.await.expect("a loopback port")
}

async fn world() -> (ScriptedUpstream, Trunkline, tempfile::TempDir) {
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let server = start(folder.path(), &config(&upstream.url())).serve().await;
    (upstream, server, folder)
}

#[tokio::test]
async fn a_tier_is_charged_as_the_reply_says_else_as_the_body_asks() {
    let (_upstream, server, folder) = world().await;
    let caller = key(server.address, json!({ "max_budget": 100 })).await;
    // In 1e-5 dollars, and where the figure is from.
    let cases = [
        (json!({}), 25.0, "computed"),
        (json!({ "service_tier": "flex" }), 12.5, "computed"),
        (json!({ "service_tier": "priority" }), 50.0, "computed"),
        (json!({ "service_tier": "priority", "served": "default" }), 25.0, "computed"),
        (json!({ "service_tier": "auto", "served": "priority" }), 50.0, "computed"),
        (json!({ "served": "flex" }), 12.5, "computed"),
        (json!({ "providerOptions": { "gateway": { "serviceTier": "flex" } } }), 12.5, "computed"),
        // Nobody knows what this is, and what the usual tier costs would be wrong.
        (json!({ "served": "scale" }), f64::NAN, "unknown"),
    ];
    for (members, ..) in &cases {
        let body = chat("m", "hi", members.clone());
        assert_eq!(ask(server.address, &caller, CHAT, &body).await.status, 200, "{members}");
    }
    server.stop().await;
    let rows = rows(folder.path()).await;
    assert_eq!(rows.len(), cases.len());
    for (row, (members, units, origin)) in rows.iter().rev().zip(cases) {
        let spend = row.spend.map(|spend| spend.to_string().parse::<f64>().expect("a number") * 1e5);
        match spend {
            Some(spend) => assert!((spend - units).abs() < 1e-6, "{members}: {spend}"),
            None => assert!(units.is_nan(), "{members}"),
        }
        assert_eq!(row.cost_origin.name(), origin, "{members}");
    }
}

#[tokio::test]
async fn nobody_asks_for_a_tier_past_a_budget() {
    let (upstream, server, _folder) = world().await;
    // Enough for a hundred tokens out at the usual price, and not at that of priority.
    let caller = key(server.address, json!({ "max_budget": 0.003 })).await;
    for tier in ["priority", "auto", "warp"] {
        let body = chat("m", "hi", json!({ "max_tokens": 100, "service_tier": tier }));
        let refused = ask(server.address, &caller, CHAT, &body).await;
        assert_eq!(refused.error().1, "budget_exceeded", "{tier}: {}", refused.text());
    }
    assert_eq!(upstream.requests().len(), 0);
    let body = chat("m", "hi", json!({ "max_tokens": 100, "service_tier": "default" }));
    assert_eq!(ask(server.address, &caller, CHAT, &body).await.status, 200);
}
