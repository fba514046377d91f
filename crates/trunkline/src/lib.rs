//! A multi-provider LLM router: one call, any model.
//!
//! ```
//! use trunkline::{Error, Message, completion};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Error> {
//!     let messages = [Message::system("be brief"), Message::user("Hello, how are you?")];
//!     let response = completion("echo/any", messages).temperature(0.2).await?;
//!     assert_eq!(response.text(), "Hello, how are you?");
//!     Ok(())
//! }
//! ```
//!
//! `echo` answers with what it was asked and needs no key. Set `VERCEL_AI_GATEWAY_API_KEY` and write
//! `vercel_ai_gateway/openai/gpt-4o` in its place to reach every model of the Vercel AI Gateway; `openai/<model>`
//! and the OpenAI-compatible vendors work alike.
//!
//! | to | call |
//! | --- | --- |
//! | get a whole answer | [`completion`]`(model, messages).await`, which gives a [`Completion`] |
//! | get it as it is written | [`completion`]`(model, messages).`[`stream`](ChatCall::stream)`().await`, which gives a [`ChatStream`] |
//! | get vectors | [`embedding`]`(model, input).await`, which gives [`Embeddings`] |
//! | bring keys, deployments, a transport or a provider of your own | [`Client::builder`], then [`Client::chat`] and [`Client::embeddings`] |
//! | send JSON as it is | [`Client::call`] |
//!
//! A call that goes wrong is an [`Error`]: its kind, whose fault it is, whether trying again can help, and what the
//! upstream said. A stream that is cut is an error too, never an end.
//!
//! Each provider has a feature of its own (`vercel-ai-gateway`, `openai`, `anthropic`, `echo`), and all are on by
//! default. What else a provider needs that is written outside of this crate is exported here: [`Provider`] or
//! [`Codec`] with [`HttpProvider`], and the crates that their signatures name.

mod assembly;
mod call_builder;
mod chat_call;
mod chat_stream;
mod client;
mod client_builder;
mod completion;
mod default_client;
mod defaults;
mod embedding_call;
mod messages;
mod models;
mod process_environment;
mod providers;

pub use call_builder::CallBuilder;
pub use chat_call::ChatCall;
pub use chat_stream::{ChatStream, StreamSummary};
pub use client::Client;
pub use client_builder::ClientBuilder;
pub use completion::Completion;
pub use default_client::{completion, embedding};
pub use embedding_call::{EmbeddingCall, Embeddings};
pub use messages::Messages;
pub use models::{ListedModel, Models};

// The shared words.
pub use trunkline_core::{
    Body, ByteStream, Call, Cost, Dialect, Document, DocumentError, Environment, Error, ErrorKind, Event,
    EventStream, Fault, Form, FormError, ModelInfo, Observation, Operation, Reply, ReplyBody, ReportedCost,
    Retry, Secret, Segments, TokenPrices, UpstreamAnswer, Usage,
};
// The contract, for those who write a provider or a transport.
pub use trunkline_provider::{
    About, CallContext, Capabilities, Codec, CredentialSource, Decode, Decoder, DeploymentKey, EncodeContext,
    Failure, HttpProvider, Limits, Probe, Provider, Registration, Registry, SendOptions, Sight, Target,
    Transport, TransportBody, Waits,
};
// What models cost.
pub use trunkline_prices::{Price, PriceFile, Prices, Rates};
// What a client is built from.
pub use trunkline_router::{
    Answer, Attempt, Candidate, Class, Course, Deployment, DeploymentSpec, ExplainedCandidate,
    ExplainedFallbacks, Explanation, Failed, Fallback, Fallbacks, Follower, Hedge, MockFailure, OwnTarget,
    PerClass, Permit, Policy, Probed, Probing, Resolved, RetryBudget, Route, Router, Routing, Skip,
    StrategyKind, Wishes,
};
pub use trunkline_transport::{Connect, Duplex, HttpTransport, TransportOptions};
// Typed requests and replies; the rest of them is in `chat` and `embeddings`.
pub use trunkline_openai::RawJson;
pub use trunkline_openai::chat::{
    ChatChunk, ChatMessage, ChatRequest, ChatResponse, Choice, Content, ContentPart, Delta, FunctionCall,
    Message, ResponseFormat, Role, Tool, ToolCall, ToolChoice,
};
pub use trunkline_openai::embeddings::{Embedding, EmbeddingInput, EmbeddingRequest, EmbeddingResponse};
pub use trunkline_openai::{chat, embeddings};

#[cfg(feature = "anthropic")]
/// The Messages wire as pure functions, and Anthropic itself.
pub use trunkline_anthropic as anthropic;
/// The OpenAI wire as pure functions, and the vendors that speak it.
pub use trunkline_openai as openai;
#[cfg(feature = "vercel-ai-gateway")]
/// What is the Vercel AI Gateway's own.
pub use trunkline_vercel_ai_gateway as vercel_ai_gateway;

// The crates that the contract's signatures name.
#[doc(no_inline)]
pub use async_trait::async_trait;
#[doc(no_inline)]
pub use rust_decimal::Decimal;
#[doc(no_inline)]
pub use serde_json::json;
#[doc(no_inline)]
pub use {bytes, futures_util, http, serde_json};

/// The page of the documentation, so that its examples are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/embedding.md")]
mod embedding_page {}
