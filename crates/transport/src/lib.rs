//! The one door to the network: [`HttpTransport`] carries requests upstream over reqwest.
//!
//! It keeps one pool of connections for each way of connecting, never closes a pool that is in use, and does
//! nothing before the first request. It holds the four waits of
//! [`Waits`](trunkline_provider::Waits), inflates replies under a limit, follows no redirect, retries nothing,
//! and reads no environment of its own.
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
mod failure;
mod http_transport;
mod inflate;
mod options;
mod request_body;
mod tls;
mod waits;

pub use http_transport::HttpTransport;
pub use options::TransportOptions;
