//! Embeddings through the binary.

use crate::client::post;
use crate::operation::world;

#[tokio::test]
async fn vectors_come_back_with_their_usage_and_cost() {
    let (simulator, server) = world().await;
    let body = r#"{"model":"vercel/openai/text-embedding-3-small","input":["a","b"]}"#;
    for path in ["/v1/embeddings", "/embeddings", "/engines/vercel/openai/text-embedding-3-small/embeddings"]
    {
        let answer = post(server.address, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let json = answer.json();
        assert_eq!(json["data"].as_array().map(Vec::len), Some(2));
        assert_eq!(json["model"], "vercel/openai/text-embedding-3-small");
        let billed = simulator.control().requests().pop().and_then(|request| request.billed).expect("billed");
        assert_eq!(answer.header("x-litellm-response-cost"), Some(billed.normalize().to_string().as_str()));
    }
    let refused = post(server.address, "/v1/embeddings", r#"{"model":"gpt-4o-gateway"}"#).await;
    assert_eq!(refused.error(), (400, "invalid_request_error".to_owned(), "input".to_owned()));
}
