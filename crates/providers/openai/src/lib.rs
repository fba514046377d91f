//! The OpenAI wire, and every OpenAI-compatible upstream, as a Trunkline provider.
//!
//! [`register`] adds `openai/<model>` and one prefix for each vendor of [`VENDORS`], who all speak OpenAI's
//! wire format. [`wire`] holds that format as pure functions, for the codecs of other provider crates.
//! What each vendor has besides chats (Responses, images, sound, moderations, rerank) stands in its row.
//! [`chat`] and [`embeddings`] hold typed requests and replies, for applications and translators.

pub mod chat;
mod codec;
mod credential;
pub mod embeddings;
mod lenient;
mod raw_json;
mod vendor;
mod vendors;
pub mod wire;

use std::sync::Arc;

use trunkline_provider::{About, HttpProvider, Registry};

pub use codec::OpenAiCodec;
pub use raw_json::RawJson;
pub use vendor::{Quirk, Vendor};
pub use vendors::VENDORS;

/// How OpenAI's own model names begin. Configurations commonly leave the prefix out for them.
const BARE_NAMES: [&str; 15] = [
    "gpt-",
    "chatgpt-",
    "o1",
    "o3",
    "o4-",
    "codex-",
    "computer-use-",
    "text-embedding-",
    "davinci-002",
    "babbage-002",
    "dall-e-",
    "whisper-",
    "tts-",
    "omni-moderation-",
    "text-moderation-",
];

/// Registers OpenAI itself and every vendor of [`VENDORS`], each under its prefix.
///
/// Keys and base URLs are taken from the registry's environment, by the variables that each row names.
pub fn register(registry: &mut Registry) {
    for vendor in VENDORS {
        register_vendor(registry, vendor);
    }
}

/// Registers one vendor under its prefix and its aliases: a row of [`VENDORS`], or one of your own.
pub fn register_vendor(registry: &mut Registry, vendor: &'static Vendor) {
    let environment = registry.environment();
    let codec = OpenAiCodec::new(vendor, environment);
    let key = credential::VendorKey::new(vendor, codec.base(), environment);
    let about = About {
        name: vendor.name.to_owned(),
        key_variables: vendor.key_variables.iter().map(|&name| name.to_owned()).collect(),
        has_credential: key.has_fallback(),
        is_open: vendor.is_open,
        ..About::default()
    };
    let provider = Arc::new(HttpProvider::new(codec, Arc::new(key), registry));
    for prefix in vendor.prefixes() {
        let bare_names = if prefix == "openai" { BARE_NAMES.map(str::to_owned).to_vec() } else { Vec::new() };
        let about = About { bare_names, ..about.clone() };
        registry.register(prefix, Arc::<HttpProvider<_>>::clone(&provider), about);
    }
}
