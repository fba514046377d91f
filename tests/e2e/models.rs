//! What is on offer, as OpenAI's and LiteLLM's clients ask for it.

use trunkline_testkit::simulator::{Fault, FaultRule};

use crate::client::get;
use crate::operation::world;

#[tokio::test]
async fn names_and_wildcards_are_listed() {
    let (simulator, server) = world().await;
    assert_eq!(simulator.control().requests().len(), 0, "nothing goes out at the start");
    for path in ["/v1/models", "/models"] {
        let json = get(server.address, path).await.json();
        assert_eq!(json["object"], "list");
        let rows = json["data"].as_array().expect("rows");
        let ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
        assert!(ids.contains(&"gpt-4o-gateway") && ids.contains(&"vercel/openai/gpt-4o"), "{path}");
        assert_eq!(ids.len(), 2 + simulator.control().model_ids().len(), "{path}");
    }
    let catalogue = simulator.control().requests();
    assert_eq!(catalogue.len(), 1, "the catalogue is kept");
    assert_eq!(catalogue[0].header("authorization"), None, "and anonymous");
}

#[tokio::test]
async fn one_model_is_found_by_its_name() {
    let (_simulator, server) = world().await;
    for path in
        ["/v1/models/gpt-4o-gateway", "/v1/models/vercel/openai/gpt-4o", "/models/vercel%2Fopenai%2Fgpt-4o"]
    {
        let answer = get(server.address, path).await;
        assert_eq!((answer.status, &answer.json()["object"]), (200, &"model".into()), "{path}");
    }
    let answer = get(server.address, "/v1/models/nothing").await;
    assert_eq!(answer.error().0, 404);
}

#[tokio::test]
async fn a_catalogue_that_cannot_be_had_costs_its_names_alone() {
    let (simulator, server) = world().await;
    simulator.control().fault(FaultRule::new([Fault::InternalError]).for_path("/v1/models").always());
    let json = get(server.address, "/v1/models").await.json();
    assert_eq!(json["data"].as_array().map(Vec::len), Some(2));
    let body = r#"{"model":"vercel/openai/gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(crate::client::post(server.address, "/v1/chat/completions", body).await.status, 200);
}

#[tokio::test]
async fn deployments_and_groups_are_told_without_their_keys() {
    let (_simulator, server) = world().await;
    let answer = get(server.address, "/v1/model/info").await;
    assert!(!answer.text().contains(crate::operation::UPSTREAM_KEY));
    let json = answer.json();
    let row = &json["data"].as_array().expect("rows")[1];
    assert_eq!(row["model_name"], "gpt-4o-gateway");
    assert_eq!(row["litellm_params"]["model"], "vercel_ai_gateway/openai/gpt-4o");
    assert_eq!(row["model_info"]["litellm_provider"], "vercel_ai_gateway");
    let id = row["model_info"]["id"].as_str().expect("an id");
    let one = get(server.address, &format!("/model/info?litellm_model_id={id}")).await.json();
    assert_eq!(one["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(get(server.address, "/model/info?litellm_model_id=none").await.status, 400);
    let groups = get(server.address, "/model_group/info?model_group=gpt-4o-gateway").await.json();
    assert_eq!(groups["data"][0]["providers"][0], "vercel_ai_gateway");
}
