//! Rerank in both versions, and evaluation.

use serde_json::{Value, json};
use trunkline_testkit::simulator::Fault;

use crate::client::{KEY, post, send};
use crate::simulator_chat::simulator;

#[tokio::test]
async fn documents_are_ranked_in_both_versions() {
    let simulator = simulator().await;
    let documents = json!(["a dog", "the black cat", "a cat"]);
    let body =
        json!({ "model": "cohere/rerank-v5-pro", "query": "black cat", "documents": documents, "top_n": 2 });
    let ranked = post(&simulator.url(), "/v2/rerank", &body.to_string()).await.json();
    assert!(ranked["id"].as_str().unwrap().starts_with("gen_"));
    let results = json!([{ "index": 1, "relevance_score": 0.99 }, { "index": 2, "relevance_score": 0.5 }]);
    assert_eq!(ranked["results"], results);
    assert_eq!(
        ranked["meta"],
        json!({ "api_version": { "version": "2" }, "billed_units": { "search_units": 1 } })
    );

    let documents = json!([{ "title": "a dog" }, { "title": "a cat", "text": "x" }]);
    let body = json!({ "model": "cohere/rerank-v3.5", "query": "cat", "documents": documents,
        "rank_fields": ["title"], "return_documents": true });
    let ranked = post(&simulator.url(), "/v1/rerank", &body.to_string()).await.json();
    assert_eq!(ranked["results"][0]["document"], json!({ "title": "a cat", "text": "x" }));
    assert_eq!(ranked["meta"]["api_version"]["version"], "1");
    let second = post(&simulator.url(), "/v2/rerank", &body.to_string()).await;
    assert_eq!(second.json(), json!({ "message": "invalid request: documents: invalid_type" }));
}

#[tokio::test]
async fn a_rerank_refuses_as_cohere_does() {
    let simulator = simulator().await;
    let body = json!({ "model": "cohere/rerank-v5-pro", "query": "", "documents": ["x"] }).to_string();
    let refused = post(&simulator.url(), "/v2/rerank", &body).await;
    assert_eq!((refused.status, refused.text()), (400, r#"{"message":"invalid request: query: too_small"}"#));
    simulator.control().fault(Fault::RateLimited { retry_after: None });
    let limited = post(&simulator.url(), "/v1/rerank", &body).await;
    assert_eq!((limited.status, limited.text()), (429, r#"{"message":"Rate limit exceeded"}"#));
    let stranger = send(&simulator.url(), "POST", "/v1/rerank", &[], &body).await;
    assert_eq!((stranger.status, stranger.json().get("error")), (401, None));
}

#[tokio::test]
async fn every_kind_of_call_can_be_looked_up() {
    let simulator = simulator().await;
    let body = json!({ "model": "cohere/rerank-v5-pro", "query": "x", "documents": ["x"] });
    let id = post(&simulator.url(), "/v2/rerank", &body.to_string()).await.json()["id"].clone();
    let path = format!("/v1/generation?id={}", id.as_str().unwrap());
    assert_eq!(send(&simulator.url(), "GET", &path, &[KEY], "").await.status, 404);
    let generation = send(&simulator.url(), "GET", &path, &[KEY], "").await.json();
    assert_eq!(generation["data"]["total_cost"].to_string(), "0.002");
    assert_eq!(simulator.control().billed().to_string(), "0.002");
}

#[tokio::test]
async fn questions_are_answered_in_their_type() {
    let simulator = simulator().await;
    let evaluate = async |questions: Value| {
        let body = json!({ "model": "sim/judge", "state": { "text": "hello" }, "questions": questions });
        post(&simulator.url(), "/v1/evaluate", &body.to_string()).await
    };
    let questions = json!({
        "polite": { "type": "boolean", "instructions": "Is it polite?" },
        "tone": { "type": "choice", "criteria": { "calm": "quiet", "loud": "not quiet" } },
        "length": { "type": "score", "criteria": "short is good" },
    });
    let evaluated = evaluate(questions).await.json();
    let answers = &evaluated["answers"];
    assert!(answers["polite"]["probability"].is_number() && answers["length"]["score"].is_number());
    let tone = json!({ "type": "choice", "choice": "calm", "probabilities": { "calm": 1, "loud": 0 } });
    assert_eq!(answers["tone"], tone);
    assert_eq!((&evaluated["model"], &evaluated["usage"]["outputTokens"]), (&json!("sim/judge"), &json!(3)));
    assert!(evaluated["providerMetadata"]["gateway"]["cost"].is_string());
    let refused = evaluate(json!({ "x": { "type": "essay" } })).await;
    assert_eq!(refused.json()["error"]["message"], "questions.x.type: 'boolean', 'choice' or 'score'");
}
