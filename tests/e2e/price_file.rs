//! A price file that the configuration names: read at the start, followed, and never half believed.

use serde_json::json;

use crate::client::get;
use crate::server::{Start, Trunkline, until};

const MODEL: &str = "- {model_name: m, litellm_params: {model: openai/nobody-knows, api_key: sk-1}}\n";

fn prices(input: f64) -> String {
    json!({ "openai/nobody-knows": { "input_cost_per_token": input, "output_cost_per_token": 1e-5 } })
        .to_string()
}

/// What a token in costs.
async fn price(server: &Trunkline) -> Option<f64> {
    let json = get(server.address, "/model/info").await.json();
    json["data"][0]["model_info"]["input_cost_per_token"].as_f64()
}

#[tokio::test]
async fn the_newest_good_price_file_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("prices.json");
    let write = |text: &str| std::fs::write(&file, text).expect("written");
    write(&prices(1e-6));
    let named = format!("trunkline_settings: {{price_file: \"{}\"}}\n", file.display());
    let server = Start::new().config(format!("model_list:\n{MODEL}{named}")).serve().await;
    assert_eq!(price(&server).await, Some(1e-6));
    write(&prices(2e-6));
    until("the new file holds", async || price(&server).await == Some(2e-6)).await;
    write(r#"{"openai/nobody-knows": {"input_cost_per_token": "cheap"}}"#);
    // Told by what is served after it: a model that comes with the file that names the prices.
    let more = MODEL.replace("model_name: m", "model_name: n");
    server.configure(&format!("model_list:\n{MODEL}{more}{named}"));
    until("the new configuration serves", async || {
        get(server.address, "/model/info").await.json()["data"].as_array().is_some_and(|rows| rows.len() == 2)
    })
    .await;
    assert_eq!(price(&server).await, Some(2e-6), "the last good one");
    write(&prices(3e-6));
    until("a good file holds again", async || price(&server).await == Some(3e-6)).await;
    server.configure(&format!("model_list:\n{MODEL}"));
    until("no file is no price", async || price(&server).await.is_none()).await;
    let log = server.stop().await;
    assert!(log.contains("row `openai/nobody-knows`: `input_cost_per_token` is not an amount"), "{log}");
    assert!(log.contains("the prices of the last good one hold"), "{log}");
}

#[tokio::test]
async fn a_bad_price_file_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("prices.json"), "[]").expect("written");
    for (name, why) in [("prices.json", "is not an object of models"), ("missing.json", "cannot be read")] {
        let named = folder.path().join(name);
        let config =
            format!("model_list:\n{MODEL}trunkline_settings: {{price_file: \"{}\"}}\n", named.display());
        let (status, _, log) = Start::new().config(config).run().await;
        assert!(!status.success(), "{name}");
        assert!(log.contains("price file") && log.contains(why), "{log}");
    }
}
