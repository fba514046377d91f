//! The smallest complete provider: it answers with what it was asked, and needs neither network nor key.
//!
//! It shows that a gateway works before any key is set, and it is the crate to copy when adding a provider.
//! A provider with an HTTP API behind it writes a `Codec` instead and leaves the sending to `HttpProvider`;
//! what this crate shows holds there too: one type, one `register`, replies in the caller's dialect.
//!
//! | operation | answer |
//! | --- | --- |
//! | chat completions | the text of the last message of the user, whole or in pieces of three words |
//! | completions | each prompt, likewise |
//! | embeddings | a vector of unit length for each input, the same whenever the input is the same |
//!
//! Usage counts words, not tokens: whatever white space separates. Nothing is ever billed.

mod canned;
mod embeddings;
mod input;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde_json::Value;
use trunkline_core::{Call, Document, Error, ErrorKind, ModelInfo, Observation, Operation, Reply, Usage};
use trunkline_provider::{About, CallContext, Capabilities, Provider, Registry};

use text::Answer;

pub use canned::Canned;

/// The name under which errors and logs know this provider, and the prefix of its models.
const NAME: &str = "echo";

/// Registers `echo/<anything>`.
pub fn register(registry: &mut Registry) {
    let about = About {
        name: "Echo".to_owned(),
        // It answers everybody, so that it is told apart from providers that want a key.
        is_open: true,
        ..About::default()
    };
    registry.register(NAME, Arc::new(Echo::default()), about);
}

/// Answers with what it was asked.
#[derive(Debug, Default)]
pub struct Echo {
    calls: AtomicU64,
}

/// What it answers to.
const OPERATIONS: &[Operation] = &[Operation::ChatCompletions, Operation::Completions, Operation::Embeddings];

#[async_trait]
impl Provider for Echo {
    fn capabilities(&self, _model: &str) -> Capabilities {
        Capabilities { operations: OPERATIONS, streaming: true, reports_usage: true, reports_cost: false }
    }

    async fn call(&self, _context: &CallContext, call: &Call) -> Result<Reply, Error> {
        let no_object = || refused(ErrorKind::InvalidRequest, "the body is not a JSON object");
        let body = || call.document().ok_or_else(no_object);
        let head = self.head(&call.model);
        match call.operation {
            Operation::ChatCompletions => Answer::to_chat(body()?)?.reply(&head, call),
            Operation::Completions => Answer::to_prompts(body()?)?.reply(&head, call),
            Operation::Embeddings => embeddings::reply(body()?, &head),
            // What is yet to be invented is refused too: a new operation touches nothing here.
            other => {
                let names = self.capabilities(&call.model).operation_names();
                let message = format!(
                    "the provider does not have the operation {other}; it has {names}. Nothing is translated: ask one of \
                     those, or name a model whose provider has it"
                );
                Err(refused(ErrorKind::UnsupportedOperation, message))
            }
        }
    }

    async fn models(&self, _context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        // Any name will do; this one stands for all of them in lists.
        Ok(vec![ModelInfo {
            id: NAME.to_owned(),
            name: Some("Echo".to_owned()),
            owned_by: Some("trunkline".to_owned()),
            ..ModelInfo::default()
        }])
    }
}

impl Echo {
    fn head(&self, model: &str) -> Head {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        Head {
            // The time keeps ids of two runs apart, the count those of two calls.
            unique: format!("{:x}-{call}", now.as_nanos()),
            created: now.as_secs(),
            model: model.to_owned(),
        }
    }
}

/// What every reply says of itself.
struct Head {
    unique: String,
    /// Unix seconds.
    created: u64,
    model: String,
}

/// A whole reply, with the usage that was seen in it.
fn whole(body: &Value, usage: Usage) -> Result<Reply, Error> {
    let document = Document::from_serialize(body)
        .map_err(|error| refused(ErrorKind::Internal, "the reply cannot be written").with_source(error))?;
    let observation = Observation { usage: Some(usage), ..Observation::default() };
    Ok(Reply::document(document, observation))
}

fn refused(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error::new(kind, message).with_provider(NAME)
}

#[cfg(test)]
mod tests;
