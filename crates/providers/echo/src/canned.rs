//! A canned answer: echo with the question replaced by what is to be said.

use async_trait::async_trait;
use serde_json::json;
use trunkline_core::{Body, Call, Error, ErrorKind, ModelInfo, Operation, Reply};
use trunkline_provider::{CallContext, Capabilities, Provider};

use crate::{Echo, refused};

/// Answers every call with the same text, whatever it was asked. Nothing goes upstream.
#[derive(Debug)]
pub struct Canned {
    echo: Echo,
    text: String,
}

impl Canned {
    /// Answers with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { echo: Echo::default(), text: text.into() }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Canned {
    fn capabilities(&self, model: &str) -> Capabilities {
        self.echo.capabilities(model)
    }

    async fn call(&self, context: &CallContext, call: &Call) -> Result<Reply, Error> {
        let mut call = call.clone();
        if let Body::Document(document) = &mut call.body {
            let replaced = match call.operation {
                Operation::ChatCompletions => {
                    document.set("messages", &json!([{ "role": "user", "content": self.text }]))
                }
                Operation::Completions => document.set("prompt", &self.text),
                // A vector has nothing to say, and what it has not it refuses.
                _ => Ok(()),
            };
            replaced.map_err(|error| {
                refused(ErrorKind::Internal, "the canned answer cannot be put in").with_source(error)
            })?;
        }
        self.echo.call(context, &call).await
    }

    async fn models(&self, context: &CallContext) -> Result<Vec<ModelInfo>, Error> {
        self.echo.models(context).await
    }
}
