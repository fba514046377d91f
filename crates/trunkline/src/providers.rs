//! The providers that come with this crate; the one place where they are registered.

use trunkline_provider::Registry;

/// Every provider whose feature is on.
///
/// WHEN ADDING A PROVIDER: register it here and in `crates/server/src/assemble.rs`, and give it a feature of its
/// own in `Cargo.toml`.
const PROVIDERS: &[fn(&mut Registry)] = &[
    #[cfg(feature = "anthropic")]
    trunkline_anthropic::register,
    #[cfg(feature = "echo")]
    trunkline_echo::register,
    #[cfg(feature = "openai")]
    trunkline_openai::register,
    #[cfg(feature = "vercel-ai-gateway")]
    trunkline_vercel_ai_gateway::register,
];

/// Registers them.
pub(crate) fn register(registry: &mut Registry) {
    for register in PROVIDERS {
        register(registry);
    }
}
