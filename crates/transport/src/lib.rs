//! The one door to the network: [`HttpTransport`] carries requests upstream.
//!
//! HTTP/1.1 without a proxy, the usual way, goes over connections of its own, which are polled in the task of the
//! request that they serve; HTTP/2 and proxies go through reqwest. It does nothing before the first request. It holds the
//! four waits of [`Waits`](trunkline_provider::Waits), inflates replies under a limit, follows no redirect, retries
//! nothing, and reads no environment of its own.
//!
//! ```
//! use std::sync::Arc;
//!
//! use trunkline_core::Environment;
//! use trunkline_provider::{Limits, Registry};
//! use trunkline_transport::{HttpTransport, TransportOptions};
//!
//! let environment = Environment::from_iter([("NO_PROXY", "localhost")]);
//! let transport = HttpTransport::new(TransportOptions::from_environment(&environment))?;
//! let registry = Registry::new(Arc::new(transport), environment, Limits::default());
//! # Ok::<(), trunkline_core::Error>(())
//! ```

mod clients;
mod connect;
mod connector;
mod direct;
mod failure;
mod http1;
mod http_transport;
mod inflate;
mod options;
mod pool;
mod reply_body;
mod request_body;
mod socket;
mod tls;
mod waits;

pub use connect::{Connect, Duplex};
pub use http_transport::HttpTransport;
pub use options::TransportOptions;
