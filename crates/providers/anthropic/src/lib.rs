//! Anthropic's Messages wire, and Anthropic itself as a Trunkline provider.
//!
//! [`register`] adds `anthropic/<model>`, and answers to bare names that begin with `claude-`. What it can do:
//!
//! | | |
//! | --- | --- |
//! | operations | `messages`, whole and streamed; `count_tokens`; the list of models |
//! | what is passed on | everything, byte for byte, but the model: `cache_control`, thinking and its signatures, tools of any version, members that are yet to come; `anthropic-version` and `anthropic-beta` as the caller sent them |
//! | what is read | tokens, cache reads and writes among them; every error, inside a stream too; the end |
//! | what is not told | what was billed: Anthropic's replies do not say |
//! | other dialects | refused with the operations that there are; nothing is translated |
//!
//! The base is `ANTHROPIC_API_BASE`, else `ANTHROPIC_BASE_URL`, else `https://api.anthropic.com`, each with or
//! without `/v1` behind it. The key is the deployment's own, else `ANTHROPIC_API_KEY` (`x-api-key`), else
//! `ANTHROPIC_AUTH_TOKEN` (`authorization: Bearer`); the variables' go to that base alone. A key that begins
//! with `sk-ant-oat` is a token of a login: it goes as a bearer token too, with the beta that it needs.
//!
//! [`wire`] holds the format as pure functions, for the codecs of other upstreams that serve Messages.

mod codec;
mod credential;
pub mod wire;

use std::sync::Arc;

use trunkline_provider::{About, HttpProvider, Registry};

pub use codec::AnthropicCodec;

/// Registers Anthropic under `anthropic`. Keys and base URL are taken from the registry's environment.
pub fn register(registry: &mut Registry) {
    let environment = registry.environment();
    let codec = AnthropicCodec::new(environment);
    let key = credential::AnthropicKey::new(codec.base(), environment);
    let about = About {
        name: "Anthropic".to_owned(),
        key_variables: credential::VARIABLES.map(str::to_owned).to_vec(),
        has_credential: key.has_fallback(),
        bare_names: vec!["claude-".to_owned()],
        ..About::default()
    };
    let provider = Arc::new(HttpProvider::new(codec, Arc::new(key), registry));
    registry.register("anthropic", provider, about);
}
