//! The client of this process, and the calls that need no client of their own.

use std::sync::OnceLock;

use trunkline_core::Error;
use trunkline_openai::chat::ChatRequest;
use trunkline_openai::embeddings::{EmbeddingInput, EmbeddingRequest};

use crate::call_builder::CallBuilder;
use crate::{ChatCall, Client, EmbeddingCall, Messages};

static CLIENT: OnceLock<Client> = OnceLock::new();

impl Client {
    /// The client that [`completion`] and [`embedding`] use: made once by [`Client::from_env`], when it is first
    /// asked for, and kept until the process ends.
    ///
    /// Its connections live on the Tokio runtime that first used them. A program with several runtimes gives each
    /// a client of its own.
    ///
    /// # Errors
    ///
    /// As [`Client::from_env`]. A failure is not kept: the next call tries again.
    pub fn shared() -> Result<Client, Error> {
        if let Some(client) = CLIENT.get() {
            return Ok(client.clone());
        }
        // Two threads may both get here; the client of the first is kept, and the other was never connected.
        let client = Client::from_env()?;
        Ok(CLIENT.get_or_init(|| client).clone())
    }
}

/// A chat completion by the [shared client](Client::shared), sent when it is awaited.
///
/// `messages` is a text, a [`Message`](crate::Message), or an array, vector or slice of messages. Keys and base URLs
/// come from the environment of this process, read at the first call: `VERCEL_AI_GATEWAY_API_KEY`,
/// `OPENAI_API_KEY`, ….
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), trunkline::Error> {
/// let completion = trunkline::completion("echo/any", "hello").temperature(0.2).max_tokens(100).await?;
/// assert_eq!(completion.text(), "hello");
/// # Ok(())
/// # }
/// ```
pub fn completion(model: impl Into<String>, messages: impl Into<Messages>) -> ChatCall {
    CallBuilder::new(Client::shared(), ChatRequest::new(model, messages.into().into_vec()))
}

/// The vectors of a text, or of several, by the [shared client](Client::shared), asked for when it is awaited.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), trunkline::Error> {
/// let embeddings = trunkline::embedding("echo/any", ["one", "two"]).dimensions(3).await?;
/// assert_eq!(embeddings.vectors().len(), 2);
/// # Ok(())
/// # }
/// ```
pub fn embedding(model: impl Into<String>, input: impl Into<EmbeddingInput>) -> EmbeddingCall {
    CallBuilder::new(Client::shared(), EmbeddingRequest::new(model, input))
}
