//! A message in Anthropic's own dialect, whole and as a stream; nothing of it is translated.
//!
//! `ANTHROPIC_API_KEY=… cargo run -p trunkline --example anthropic_messages`

use trunkline::futures_util::StreamExt;
use trunkline::serde_json::{self, Value};
use trunkline::{Client, Document, Operation, ReplyBody, json};

const MODEL: &str = "anthropic/claude-sonnet-4-5";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?;
    let mut body = Document::from_serialize(&json!({
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": "Hello, how are you?"}],
    }))?;

    let reply = client.call(MODEL, Operation::Messages, body.clone()).await?;
    if let ReplyBody::Document(message, seen) = reply.body {
        let content: Vec<Value> = message.get("content")?.unwrap_or_default();
        let texts = content.iter().filter_map(|block| block["text"].as_str());
        println!("{}\n{:?}", texts.collect::<String>(), seen.usage);
    }

    body.set("stream", &true)?;
    let reply = client.call(MODEL, Operation::Messages, body).await?;
    if let ReplyBody::Events(mut events) = reply.body {
        while let Some(batch) = events.next().await {
            for event in batch? {
                let event: Value = serde_json::from_slice(event.data().unwrap_or(b"null"))?;
                print!("{}", event["delta"]["text"].as_str().unwrap_or_default());
            }
        }
        println!();
    }
    Ok(())
}
