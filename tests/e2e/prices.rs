//! Prices that the list of models tells while the server runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use trunkline_testkit::upstream::{Script, ScriptedUpstream};

use crate::client::{get, post};
use crate::server::{Start, Trunkline, until};

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const REPLY: &str = r#"{"id":"x","choices":[{"message":{"content":"hello"}}]}"#;
const PRICES: &str = r#"{"data":[
    {"id":"maker/dear","pricing":{"input":"0.000002","output":"0.000004"}},
    {"id":"maker/cheap","pricing":{"input":"0.000001","output":"0.000002"}}]}"#;

/// What a token in costs at each deployment of the group.
async fn prices(server: &Trunkline) -> Vec<Option<f64>> {
    let json = get(server.address, "/model/info").await.json();
    let rows = json["data"].as_array().expect("rows").iter();
    rows.map(|row| row["model_info"]["input_cost_per_token"].as_f64()).collect()
}

#[tokio::test]
async fn the_cheapest_by_the_newest_list_is_asked() {
    let is_down = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&is_down);
    let upstream = ScriptedUpstream::answering(move |_, request| {
        match (request.target.as_str(), state.load(Ordering::Relaxed)) {
            ("/v1/models", true) => Script::json(500, r#"{"error":{"message":"down"}}"#),
            ("/v1/models", false) => Script::json(200, PRICES),
            _ => Script::json(200, REPLY),
        }
    });
    let upstream = upstream.await.expect("a loopback port");
    let row = |model: &str| {
        format!(
            "- {{model_name: m, litellm_params: {{model: vercel_ai_gateway/maker/{model}, api_key: vck_1, \
             api_base: \"{}/v1\"}}}}\n",
            upstream.url()
        )
    };
    let config = |more: &str| {
        let rows = row("dear") + &row("cheap") + more;
        format!(
            "model_list:\n{rows}router_settings: {{routing_strategy: cost-based-routing}}\n\
             trunkline_settings: {{catalogue_prices_refresh_seconds: 1, model_catalogue_ttl_seconds: 1}}\n"
        )
    };
    let server = Start::new().config(config("")).serve().await;
    until("the list was asked for", async || !upstream.requests().is_empty()).await;
    assert_eq!(prices(&server).await, [None, None]);
    is_down.store(false, Ordering::Relaxed);
    let told = [Some(2e-6), Some(1e-6)];
    until("prices are known", async || prices(&server).await == told).await;
    for _ in 0..10 {
        assert_eq!(post(server.address, "/v1/chat/completions", BODY).await.status, 200);
    }
    let asked = upstream.requests();
    let asked = asked.iter().filter(|request| request.target == "/v1/chat/completions");
    assert!(asked.clone().all(|request| request.body.windows(11).any(|text| text == b"maker/cheap")));
    assert_eq!(asked.count(), 10);
    // A file read anew keeps them: they are there as soon as its row is.
    server.configure(&config(&row("cheap")));
    server.signal("-HUP").await;
    until("the new file serves", async || {
        let prices = prices(&server).await;
        assert!(!prices.contains(&None), "{prices:?}");
        prices.len() == 3
    })
    .await;
    let log = server.stop().await;
    assert!(log.contains("prices could not be had from a list of models"), "{log}");
    assert!(log.contains("the prices of the list of models hold"), "{log}");
}
