//! The contract between Trunkline and a provider, and the one place that sends HTTP calls for it.
//!
//! Whoever adds a provider implements [`Provider`], or, when an HTTP API stands behind it, the pure and
//! synchronous [`Codec`] and hands it to [`HttpProvider`]. A provider crate exports one
//! `register(&mut Registry)`; `docs/adding-a-provider.md` walks through it.

mod capabilities;
mod codec;
mod credentials;
mod events;
mod failure;
mod http_provider;
mod provider;
mod registry;
mod request;
mod retry_after;
mod sse;
mod stream_budget;
mod target;
mod transport;

pub use capabilities::Capabilities;
pub use codec::{Codec, Decode, Decoder, EncodeContext, Probe, Sight};
pub use credentials::{CredentialSource, DeploymentKey};
pub use events::UpstreamEvents;
pub use failure::Failure;
pub use http_provider::HttpProvider;
pub use provider::{CallContext, Provider};
pub use registry::{About, Registration, Registry};
pub use request::{address, credential_value, request_headers};
pub use retry_after::retry_after;
pub use sse::Framer;
pub use stream_budget::StreamBudget;
pub use target::{FirstAddress, Limits, SendOptions, Target, Waits};
pub use transport::{Transport, TransportBody};
