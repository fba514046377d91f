//! A provider of one's own: it answers in capitals, whole or word by word, and is called like every other.
//!
//! `cargo run -p trunkline --example own_provider`

use trunkline::futures_util::stream;
use trunkline::{
    Call, CallContext, Capabilities, ChatRequest, Client, Document, Error, ErrorKind, Event, ModelInfo,
    Observation, Operation, Provider, Reply, Usage, async_trait, json, serde_json,
};

#[derive(Debug)]
struct Shout;

#[async_trait]
impl Provider for Shout {
    fn capabilities(&self, _model: &str) -> Capabilities {
        Capabilities {
            operations: &[Operation::ChatCompletions],
            streaming: true,
            reports_usage: true,
            reports_cost: false,
        }
    }

    async fn call(&self, _context: &CallContext, call: &Call) -> Result<Reply, Error> {
        let body = call.document().map(Document::to_bytes).unwrap_or_default();
        let request: ChatRequest = serde_json::from_slice(&body).map_err(|error| {
            Error::new(ErrorKind::InvalidRequest, "this is no chat request").with_source(error)
        })?;
        let said = request.messages.last().and_then(|message| message.content.as_ref());
        let text = said.map(|content| content.text().to_uppercase()).unwrap_or_default();
        if call.streaming() { Ok(streamed(&text)) } else { whole(&text) }
    }

    async fn models(&self, _context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        Ok(vec![ModelInfo { id: "loud".into(), ..ModelInfo::default() }])
    }
}

fn whole(text: &str) -> Result<Reply, Error> {
    let reply = json!({
        "object": "chat.completion",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }],
    });
    let document = Document::from_serialize(&reply)
        .map_err(|error| Error::new(ErrorKind::Internal, "the reply cannot be written").with_source(error))?;
    Ok(Reply::document(document, observed(text, false)))
}

fn streamed(text: &str) -> Reply {
    let chunk = |word: &str| {
        let chunk = json!({"choices": [{"index": 0, "delta": {"content": word}}]});
        Event::from_payload(chunk.to_string().as_bytes())
    };
    let mut events: Vec<Event> = text.split_inclusive(' ').map(chunk).collect();
    let mut done = Event::from_payload(b"[DONE]");
    done.set_observation(observed(text, true));
    events.push(done);
    Reply::events(Box::pin(stream::iter([Ok(events)])))
}

/// What is known of the call: here, words count as tokens.
fn observed(text: &str, terminal: bool) -> Observation {
    let usage = Usage { output: text.split_whitespace().count() as u64, ..Usage::default() };
    Observation { usage: Some(usage), terminal, ..Observation::default() }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = Client::builder().provider("shout", Shout).alias("loud", "shout/loud").build()?;

    let answer = client.chat("shout/loud", "can you hear me?").await?;
    println!("{} ({} tokens)", answer.text(), answer.usage.as_ref().map_or(0, Usage::total));

    let mut stream = client.chat("loud", "and word by word?").stream().await?;
    while let Some(chunk) = stream.next().await {
        println!("{}", chunk?.text().unwrap_or_default());
    }
    Ok(())
}
