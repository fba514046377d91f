//! Which deployments answer, asked for and looked after.

use trunkline_testkit::upstream::{Script, ScriptedUpstream, refused_url};

use crate::client::get;
use crate::server::{Start, until};

const REPLY: &str = r#"{"id":"x","choices":[]}"#;

async fn config(upstream: &ScriptedUpstream, general: &str) -> String {
    let (good, gone) = (upstream.url(), refused_url().await.expect("a port"));
    format!(
        "general_settings:\n  health_check_details: true\n{general}model_list:\n\
         - {{model_name: good, model_info: {{id: a}}, litellm_params: {{model: openai/x, api_key: sk-never-shown, api_base: {good}/v1}}}}\n\
         - {{model_name: gone, model_info: {{id: b}}, litellm_params: {{model: openai/y, api_key: sk-never-shown, api_base: {gone}/v1}}}}\n\
         - {{model_name: quiet, model_info: {{disable_background_health_check: true}}, litellm_params: {{model: openai/z, api_base: {gone}/v1}}}}\n\
         - {{model_name: any/*, litellm_params: {{model: openai/*, api_base: {gone}/v1}}}}\n"
    )
}

#[tokio::test]
async fn every_deployment_is_asked_for_a_token() {
    let upstream =
        ScriptedUpstream::answering(|_, _| Script::json(200, REPLY)).await.expect("a loopback port");
    let server = Start::new().config(config(&upstream, "").await).serve().await;
    let answer = get(server.address, "/health").await;
    let told = answer.json();
    assert_eq!((&told["healthy_count"], &told["unhealthy_count"]), (&1.into(), &1.into()), "{told}");
    assert_eq!(told["healthy_endpoints"][0]["model_id"], "a");
    assert_eq!(told["unhealthy_endpoints"][0]["model"], "openai/y");
    assert!(told["unhealthy_endpoints"][0]["error"].is_string());
    assert!(!answer.text().contains("sk-never") && !answer.text().contains("127.0.0.1"), "{}", answer.text());
    let reasons: Vec<_> =
        told["not_probed_endpoints"].as_array().expect("a list").iter().map(|row| &row["reason"]).collect();
    assert_eq!(reasons.len(), 2, "{told}");
    assert!(reasons.iter().any(|why| **why == "a wildcard is asked only with health_check_model"), "{told}");
    assert_eq!(get(server.address, "/health?model=nobody").await.error().0, 404);
    let asked = String::from_utf8_lossy(&upstream.requests()[0].body).into_owned();
    assert!(asked.contains(r#""max_tokens":1"#), "{asked}");
    let picked = get(server.address, "/health?model=good").await.json();
    assert_eq!((&picked["healthy_count"], &picked["unhealthy_count"]), (&1.into(), &0.into()));
    let picked = get(server.address, "/health?model_id=b").await;
    assert_eq!(picked.status, 503, "{}", picked.text());
    let picked = picked.json();
    assert_eq!((&picked["healthy_count"], &picked["unhealthy_count"]), (&0.into(), &1.into()));
}

#[tokio::test]
async fn what_the_last_round_found_is_told_without_asking() {
    let upstream =
        ScriptedUpstream::answering(|_, _| Script::json(200, REPLY)).await.expect("a loopback port");
    let background =
        "  background_health_checks: true\n  health_check_interval: 3600\n  health_check_concurrency: 1\n";
    let server = Start::new().config(config(&upstream, background).await).serve().await;
    upstream.wait_for_requests(1).await;
    let counts = async || {
        let told = get(server.address, "/health").await.json();
        (told["healthy_count"].as_u64(), told["unhealthy_count"].as_u64())
    };
    until("the round is over", async || counts().await == (Some(1), Some(1))).await;
    let asked = upstream.requests().len();
    assert_eq!(counts().await, (Some(1), Some(1)));
    assert_eq!(upstream.requests().len(), asked, "nobody is asked for it");
}

#[tokio::test]
async fn each_deployment_is_asked_for_what_it_is_for() {
    let upstream = ScriptedUpstream::answering(|_, request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        // As OpenAI's models that think refuse the older name.
        if body.contains("thinker") && body.contains("\"max_tokens\"") {
            let refusal = r#"{"error":{"message":"Use 'max_completion_tokens' instead.","type":"invalid_request_error"}}"#;
            return Script::json(400, refusal);
        }
        Script::json(200, REPLY)
    });
    let upstream = upstream.await.expect("a loopback port");
    let row = |name: &str, model: &str, info: &str| {
        let base = upstream.url();
        format!(
            "- {{model_name: {name}, model_info: {{{info}}}, litellm_params: {{model: {model}, api_key: k, api_base: {base}/v1}}}}\n"
        )
    };
    let rows = [
        row("vectors", "openai/v", "mode: embedding"),
        row("pictures", "openai/p", "mode: image_generation"),
        row("thinker", "openai/thinker", "mode: chat"),
        row("any/*", "vercel_ai_gateway/*", "health_check_model: openai/gpt-4o-mini"),
    ];
    let server = Start::new().config(format!("model_list:\n{}", rows.concat())).serve().await;
    let told = get(server.address, "/health").await.json();
    assert_eq!((&told["healthy_count"], &told["unhealthy_count"]), (&3.into(), &0.into()), "{told}");
    assert_eq!(told["not_probed_endpoints"][0]["model"], "openai/p");
    let asked: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| format!("{} {}", request.target, String::from_utf8_lossy(&request.body)))
        .collect();
    let has = |words: [&str; 2]| asked.iter().any(|asked| words.iter().all(|word| asked.contains(word)));
    assert!(has(["embeddings", "\"input\""]), "{asked:?}");
    assert!(has(["thinker", "\"max_completion_tokens\":16"]), "{asked:?}");
    assert!(
        has(["chat/completions", "openai/gpt-4o-mini"]),
        "its ids begin as another prefix does: {asked:?}"
    );
}
