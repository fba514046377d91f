//! The client: a router with its providers, and the calls that go through it.

use std::sync::Arc;

use trunkline_core::{Call, Document, Error, Operation, Reply};
use trunkline_openai::chat::ChatRequest;
use trunkline_openai::embeddings::{EmbeddingInput, EmbeddingRequest};
use trunkline_router::{Router, Wishes};

use crate::call_builder::CallBuilder;
use crate::{ChatCall, ClientBuilder, EmbeddingCall, Messages};

/// Calls models by name. Cheap to clone; clones share their connections.
///
/// A name is looked up among the deployments and aliases of the [`ClientBuilder`], and else by its prefix:
/// `vercel_ai_gateway/openai/gpt-4o` is the model `openai/gpt-4o` of the provider `vercel_ai_gateway`.
///
/// ```
/// use trunkline::Client;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), trunkline::Error> {
/// let client = Client::builder().alias("parrot", "echo/any").build()?;
/// let completion = client.chat("parrot", "hello").await?;
/// assert_eq!(completion.text(), "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    router: Arc<Router>,
}

impl Client {
    /// A client that takes keys, base URLs and proxies from the environment of this process, as it is now.
    ///
    /// # Errors
    ///
    /// `Configuration` for a proxy that is no URL, and for a file of certificates that cannot be read. A missing
    /// key is no error here: the call that wants it names the variables to set.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env().build()
    }

    /// Builds a client from values: nothing is taken from the process.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// A chat completion, sent when it is awaited; [`ChatCall::stream`] asks for it as a stream.
    pub fn chat(&self, model: impl Into<String>, messages: impl Into<Messages>) -> ChatCall {
        self.chat_request(ChatRequest::new(model, messages.into().into_vec()))
    }

    /// The same for a request that is built already.
    pub fn chat_request(&self, request: ChatRequest) -> ChatCall {
        CallBuilder::new(Ok(self.clone()), request)
    }

    /// The vectors of a text, or of several, asked for when it is awaited.
    pub fn embeddings(&self, model: impl Into<String>, input: impl Into<EmbeddingInput>) -> EmbeddingCall {
        self.embedding_request(EmbeddingRequest::new(model, input))
    }

    /// The same for a request that is built already.
    pub fn embedding_request(&self, request: EmbeddingRequest) -> EmbeddingCall {
        CallBuilder::new(Ok(self.clone()), request)
    }

    /// Sends a body as it is and gives back the reply as it comes: a document, or events if it asks for a stream.
    ///
    /// Of the body, `model` is replaced by the upstream's own name of the model; in a stream the upstream is asked
    /// to tell the usage. Every other byte stays what it is.
    ///
    /// ```
    /// use trunkline::{Client, Document, Operation, ReplyBody};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder().build()?;
    /// let body = Document::parse(r#"{"input": "hello", "dimensions": 4}"#)?;
    /// let reply = client.call("echo/any", Operation::Embeddings, body).await?;
    /// let ReplyBody::Document(document, seen) = reply.body else { panic!("embeddings are a document") };
    /// assert_eq!(document.string("object").as_deref(), Some("list"));
    /// assert_eq!(seen.usage.map(|usage| usage.total()), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownModel` if the name leads nowhere, else whatever the provider answers.
    pub async fn call(&self, model: &str, operation: Operation, body: Document) -> Result<Reply, Error> {
        let route = self.router.resolve(model)?;
        let model = Arc::clone(&route.first().upstream_model);
        self.router.call(&route, Call::new(operation, model, body), &Wishes::default()).await
    }

    /// The router, with its deployments and its registry of providers.
    pub fn router(&self) -> &Router {
        &self.router
    }
}

impl From<Router> for Client {
    fn from(router: Router) -> Self {
        Self { router: Arc::new(router) }
    }
}
