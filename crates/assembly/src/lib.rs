//! From LiteLLM's `config.yaml` to the router that serves it.
//!
//! `trunkline-config` reads the file and knows no router; `trunkline-router` knows no file. An [`Assembly`] takes what the
//! one says to the other: deployments with their waits and prices, aliases, fallbacks, retries, what rests and for how
//! long. What cannot be served is left out, and told with the place where it stands.
//!
//! ```
//! use std::sync::Arc;
//!
//! use trunkline_assembly::Assembly;
//! use trunkline_config::{Environment, parse};
//! use trunkline_provider::{Limits, Registry};
//! use trunkline_transport::{HttpTransport, TransportOptions};
//!
//! let environment = Environment::default();
//! let file = "model_list:\n- {model_name: hello, litellm_params: {model: echo/hello}}\n";
//! let loaded = parse(file, "config.yaml", &environment, &[])?;
//! let transport = Arc::new(HttpTransport::new(TransportOptions::from_environment(&environment))?);
//! let mut registry = Registry::new(transport, environment, Limits::default());
//! trunkline_echo::register(&mut registry);
//! let assembled = Assembly::of(&loaded.settings).router(&Arc::new(registry), None, &[])?;
//! assert!(assembled.left_out.is_empty());
//! assert_eq!(assembled.router.deployments().count(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assembly;
mod deployment;
mod price_file;
mod routing;

pub use assembly::{Assembled, Assembly, BareDeployment};
pub use price_file::price_file;
