//! Embeddings, and bodies that are sent as they are.

use trunkline::bytes::Bytes;
use trunkline::{Client, Document, Embeddings, Operation, ReplyBody};

use crate::simulated::{body, client, simulator};

const MODEL: &str = "vercel_ai_gateway/openai/text-embedding-3-small";

fn lengths(embeddings: &Embeddings) -> Vec<usize> {
    embeddings.vectors().iter().map(|vector| vector.len()).collect()
}

#[tokio::test]
async fn vectors_in_the_order_of_the_inputs() {
    let simulator = simulator().await;
    let client = client(&simulator);
    let both = client.embeddings(MODEL, ["one", "two"]).dimensions(4).user("ann").await.unwrap();
    assert_eq!(lengths(&both), [4, 4]);
    assert!(both.usage.as_ref().is_some_and(|usage| usage.input() > 0 && usage.all_output() == 0));
    assert!(both.cost.is_some());
    assert_eq!(
        body(&simulator, 0),
        r#"{"model":"openai/text-embedding-3-small","input":["one","two"],"dimensions":4,"user":"ann"}"#
    );

    // The same vectors by themselves, and in the other spelling.
    for (index, text) in ["one", "two"].into_iter().enumerate() {
        let call = client.embeddings(MODEL, text).dimensions(4).encoding_format("base64");
        let alone = call.await.unwrap().into_vectors();
        assert_eq!(alone.len(), 1);
        for (left, right) in alone[0].iter().zip(both.vectors()[index]) {
            assert!((left - right).abs() < 1e-5, "{left} {right}");
        }
    }
}

#[tokio::test]
async fn a_body_goes_as_it_is() {
    let simulator = simulator().await;
    let client = client(&simulator);
    let text = r#" {"messages" : [{"role":"user","content":"\u0048i"}], "model":"x", "temperature": 1.0e0}"#;
    let document = Document::parse(Bytes::from_static(text.as_bytes())).unwrap();
    let model = "vercel_ai_gateway/openai/gpt-4o";
    let reply = client.call(model, Operation::ChatCompletions, document).await.unwrap();
    assert_eq!(body(&simulator, 0), text.replace(r#""x""#, r#""openai/gpt-4o""#));
    let ReplyBody::Document(document, seen) = reply.body else { panic!("a whole reply") };
    assert!(document.raw("choices").is_some() && seen.usage.is_some());
}

#[tokio::test]
async fn a_clone_calls_from_another_task() {
    let client = Client::builder().build().unwrap();
    let clone = client.clone();
    let task = tokio::spawn(async move { clone.chat("echo/any", "from a task").await });
    assert_eq!(task.await.unwrap().unwrap().text(), "from a task");
    assert_eq!(client.embeddings("echo/any", "x").await.unwrap().vectors().len(), 1);
}
