//! The models on offer.

use trunkline::{Client, DeploymentSpec};

use crate::simulated::{client, simulator};

#[tokio::test]
async fn the_catalogue_under_the_names_to_call_by() {
    let simulator = simulator().await;
    let models = client(&simulator).models().await.models;
    let named = |name: &str| models.iter().find(|model| model.name == name).map(|model| model.info.clone());
    let info = named("vercel_ai_gateway/openai/gpt-4o").unwrap().unwrap();
    assert_eq!((info.id.as_str(), info.context_window), ("openai/gpt-4o", Some(128_000)));
    assert!(info.prices.is_some());
    assert_eq!(named("echo/echo").unwrap().unwrap().owned_by.as_deref(), Some("trunkline"));
    assert!(models.is_sorted_by(|left, right| left.name < right.name));
}

#[tokio::test]
async fn a_catalogue_that_cannot_be_had_costs_its_models_alone() {
    let simulator = simulator().await;
    let nobody_listens = simulator.v1_url();
    simulator.stop().await;
    let client = Client::builder()
        .api_key("vercel_ai_gateway", "vck_x")
        .api_base("vercel_ai_gateway", nobody_listens)
        .deployment(DeploymentSpec {
            group: "fast".to_owned(),
            model: "echo/any".to_owned(),
            ..DeploymentSpec::default()
        })
        .build()
        .unwrap();
    let listed = client.models().await;
    let names: Vec<&str> = listed.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["echo/echo", "fast"]);
    let failed = |error: &trunkline::Error| error.provider() == Some("vercel_ai_gateway");
    assert!(listed.errors.iter().any(failed), "{:?}", listed.errors);
}
