//! Embeddings: their bill stands elsewhere, and they are attributed as chats are.

use trunkline_core::{ErrorKind, Operation};

use crate::world::{World, chat_with, embeddings};

#[tokio::test]
async fn an_embedding_comes_with_its_bill() {
    let world = World::new().await;
    let body = r#"{"model":"x","input":["one","two"],"dimensions":4}"#;
    let (document, seen) = world.document(embeddings(body)).await;
    assert!(document.contains("data"));
    let request = world.request();
    assert_eq!(request.path, "/v1/embeddings");
    let expected = r#"{"model":"openai/text-embedding-3-small","input":["one","two"],"dimensions":4}"#;
    assert_eq!(String::from_utf8(request.body.to_vec()).unwrap(), expected);
    assert_eq!(request.referer(), Some("https://github.com/trunkline/trunkline"));
    assert_eq!(request.title(), Some("Trunkline"));
    assert!(request.billed.is_some());
    assert_eq!(seen.cost.and_then(|cost| cost.spend()), request.billed);
    assert!(seen.usage.is_some_and(|usage| usage.uncached_input > 0 && usage.all_output() == 0));
}

#[tokio::test]
async fn what_is_not_offered_is_refused_by_name() {
    let world = World::new().await;
    let mut call = chat_with("openai/gpt-4.1-nano");
    call.operation = Operation::Completions;
    let error = world.call(call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedOperation);
    assert_eq!(
        error.message(),
        "the provider does not have the operation completions; it has chat_completions, embeddings, responses, \
         compact_response, messages, count_tokens, rerank, rerank_v2, image_generations, image_edits, evaluate. Nothing is translated: ask one of those, or name a model whose provider has it"
    );
    assert!(world.control().requests().is_empty());
}
