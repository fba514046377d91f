//! The Vercel AI Gateway as a Trunkline provider, under the prefix `vercel_ai_gateway`.
//!
//! `vercel_ai_gateway/<creator>/<model>` reaches everything that the gateway serves over HTTP, each in its own
//! dialect: chat completions, embeddings and images in OpenAI's, Responses and their compaction, Messages and their
//! counts of tokens in Anthropic's, rerank in Cohere's, and the gateway's own evaluation. A body leaves as it came
//! but for `model` and, in a streamed chat, `stream_options`: `providerOptions`, `cache_control`, signatures of
//! thoughts, sealed reasoning and whatever is invented next year arrive untouched. From the reply are read the
//! tokens, what was billed, and the generation id.
//!
//! The key is the deployment's own, else that of the first of [`KEY_VARIABLES`] that is set; the address is the
//! deployment's own, else `VERCEL_AI_GATEWAY_API_BASE`, else [`API_BASE`]. An origin without a path, as the gateway
//! is named to clients of Anthropic and of Cohere, does as well. `VERCEL_SITE_URL` and `VERCEL_APP_NAME` name the
//! application to the gateway, where the caller does not.
//!
//! ```
//! # use std::sync::Arc;
//! use trunkline_core::Environment;
//! use trunkline_provider::{Limits, Registry};
//! use trunkline_transport::{HttpTransport, TransportOptions};
//! use trunkline_vercel_ai_gateway::{CredentialOrigin, credential_origin};
//!
//! let environment = Environment::from_iter([("AI_GATEWAY_API_KEY", "vck_example")]);
//! let origin = credential_origin(&environment)?;
//! assert_eq!(origin, CredentialOrigin::ApiKey { variable: "AI_GATEWAY_API_KEY" });
//!
//! let transport = HttpTransport::new(TransportOptions::default())?;
//! let mut registry = Registry::new(Arc::new(transport), environment, Limits::default());
//! trunkline_vercel_ai_gateway::register(&mut registry);
//! let (_, model) = registry.find("vercel_ai_gateway/openai/gpt-4o").expect("it is registered");
//! assert_eq!(model, "openai/gpt-4o");
//! # Ok::<(), trunkline_core::Error>(())
//! ```

mod account;
mod attribution;
mod billing;
mod catalogue;
mod clock;
mod codec;
mod credentials;
mod failure;
mod oidc;
mod probe;
mod provider;

use std::sync::Arc;
use std::time::Duration;

use trunkline_provider::{About, Registry};

pub use account::{Generation, ReportedDay, VercelAccount};
pub use codec::VercelCodec;
pub use credentials::{CredentialOrigin, KEY_VARIABLES, VercelCredentials, credential_origin};
pub use provider::VercelProvider;

/// The prefix that models of this provider carry, and its name in errors and logs.
pub const PREFIX: &str = "vercel_ai_gateway";

/// The gateway's own address.
pub const API_BASE: &str = "https://ai-gateway.vercel.sh/v1";

/// How long the list of models counts as current, if nothing else is said.
pub const CATALOGUE_TTL: Duration = Duration::from_secs(300);

/// Registers the provider under [`PREFIX`], with the default [`CATALOGUE_TTL`].
pub fn register(registry: &mut Registry) {
    register_with(registry, CATALOGUE_TTL);
}

/// Registers the provider under [`PREFIX`]. Its list of models counts as current for `catalogue_ttl`.
pub fn register_with(registry: &mut Registry, catalogue_ttl: Duration) {
    let about = About {
        name: "Vercel AI Gateway".to_owned(),
        key_variables: KEY_VARIABLES.map(str::to_owned).to_vec(),
        has_credential: credential_origin(registry.environment()).is_ok(),
        tells_prices: true,
        ..About::default()
    };
    let provider = VercelProvider::new(registry, catalogue_ttl);
    registry.register(PREFIX, Arc::new(provider), about);
}
